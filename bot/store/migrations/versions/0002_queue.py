"""What the queue needs: search, incidents, rosters, and messages that wait for a pause.

Written against the documents as the first release stored them, not against today's model, so that it stays what it is.
"""

import json
import re
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_INSTANT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
_LETTERS = sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql")

_tickets = sa.table(
    "tickets",
    sa.column("id", sa.Text),
    sa.column("number", sa.Integer),
    sa.column("state", sa.Text),
    sa.column("document", sa.Text),
    sa.column("requester", sa.Text),
    sa.column("opened", _INSTANT),
)
_terms = sa.table("ticket_terms", sa.column("term", sa.Text), sa.column("number", sa.Integer))
_events = sa.table(
    "ticket_events",
    sa.column("id", sa.Integer),
    sa.column("ticket", sa.Text),
    sa.column("document", sa.Text),
)


def upgrade() -> None:
    for column in (
        sa.Column("requester", sa.Text),
        sa.Column("parent", sa.Text),
        sa.Column("opened", _INSTANT),
    ):
        op.add_column("tickets", column)
    op.drop_index("tickets_by_assignee", "tickets")
    op.create_index("tickets_by_assignee", "tickets", ["assignee", "state", "number"])
    op.create_index("tickets_by_requester", "tickets", ["requester", "number"])
    op.create_index("tickets_by_parent", "tickets", ["parent"])
    op.create_index("tickets_by_opened", "tickets", ["opened"])
    op.add_column("places", sa.Column("ordinal", sa.Integer))
    op.create_index("places_by_conversation", "places", ["conversation", "ordinal"])
    op.add_column("sessions", sa.Column("in_dialog", sa.Boolean))
    for name in ("ticket", "post"):
        condition = sa.text(f"{name} IS NOT NULL")
        op.create_index(
            f"parcels_by_{name}",
            "parcels",
            [name],
            sqlite_where=condition,
            postgresql_where=condition,
        )
    _new_tables()
    _fill()


def downgrade() -> None:
    """The first release knows neither waiting nor closed tickets, and cannot hold anything back."""
    op.execute(
        "INSERT INTO parcels (channel, conversation, ticket, enqueued, due, attempts, document) "
        "SELECT channel, conversation, ticket, since, since, 0, document FROM held ORDER BY id"
    )
    _to_old_states()
    for table in ("held", "rosters", "sightings", "ticket_signatures", "ticket_terms"):
        op.drop_table(table)
    for name in ("ticket", "post"):
        op.drop_index(f"parcels_by_{name}", "parcels")
    op.drop_column("sessions", "in_dialog")
    op.drop_index("places_by_conversation", "places")
    op.drop_column("places", "ordinal")
    for index in ("opened", "parent", "requester", "assignee"):
        op.drop_index(f"tickets_by_{index}", "tickets")
    op.create_index("tickets_by_assignee", "tickets", ["assignee", "number"])
    for column in ("opened", "parent", "requester"):
        op.drop_column("tickets", column)


def _new_tables() -> None:
    op.create_table(
        "ticket_terms",
        sa.Column("term", _LETTERS, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ticket_terms_by_number", "ticket_terms", ["number", "term"])
    op.create_table(
        "ticket_signatures",
        sa.Column("signature", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("joinable", sa.Boolean, nullable=False),
        sa.Column("opened", _INSTANT, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ticket_signatures_joinable",
        "ticket_signatures",
        ["signature", "joinable", "opened", "number"],
    )
    op.create_index("ticket_signatures_by_number", "ticket_signatures", ["number"])
    op.create_table(
        "sightings",
        sa.Column("signature", sa.Text, primary_key=True),
        sa.Column("person", sa.Text, primary_key=True),
        sa.Column("at", _INSTANT, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "rosters",
        sa.Column("queue", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_table(
        "held",
        sa.Column("id", _BIG, sa.Identity(always=True), primary_key=True),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("conversation", sa.Text, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("ticket", sa.Text),
        sa.Column("since", _INSTANT, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("held_by_person", "held", ["channel", "conversation", "person"])


def _fill() -> None:
    """Give the tickets there are what the new columns and the search look for."""
    connection = op.get_bind()
    for id_, number, document in connection.execute(
        sa.select(_tickets.c.id, _tickets.c.number, _tickets.c.document)
    ).all():
        ticket = json.loads(document)
        draft = ticket["draft"]
        requester = draft["requester"]
        ticket.setdefault("priority", draft["priority"])
        for what, at in _times(connection, id_):
            if what == "claimed" or ticket["state"] == "resolved":
                ticket.setdefault(what, at)
        opened = datetime.fromisoformat(draft["opened"]).astimezone(UTC)
        embedded = connection.dialect.name == "sqlite"
        connection.execute(
            _tickets.update().where(_tickets.c.id == id_),
            {
                "document": json.dumps(ticket, ensure_ascii=False),
                "requester": requester.get("user_key") or requester["user"],
                "opened": opened.isoformat(timespec="microseconds") if embedded else opened,
            },
        )
        words = [{"term": term, "number": number} for term in sorted(set(_words(draft)))]
        if words:
            connection.execute(_terms.insert(), words)


def _words(draft: dict[str, object]) -> Iterator[str]:
    """Yield the words a ticket is found by: addresses, domains, code, server, name."""
    requester, report = draft["requester"], draft.get("report") or {}
    name = str(requester.get("user_name") or "")  # type: ignore[attr-defined]
    found = [name, name.replace("-", " ")]
    failures = report.get("failures") or []  # type: ignore[attr-defined]
    addresses = [failure["recipient"] for failure in failures if failure.get("recipient")]
    addresses += [report["sender"]] if report.get("sender") else []  # type: ignore[attr-defined, index]
    found += [*(report.get("codes") or [])[:1], report.get("reporting_mta") or ""]  # type: ignore[attr-defined]
    found += [*addresses, *(address.rpartition("@")[2] for address in addresses if "@" in address)]
    for text in found:
        for word in re.split(r"[\s,;()<>\[\]\"]+", unicodedata.normalize("NFKC", text)):
            term = re.sub(r"[\x00-\x1f\x7f]", "", word.casefold().strip(".:'"))[:120].strip()
            if term:
                yield term


def _times(connection: sa.Connection, id_: str) -> Iterator[tuple[str, str]]:
    """Yield when a ticket was claimed first and resolved: the first release has it in the history only."""
    documents = connection.execute(
        sa.select(_events.c.document).where(_events.c.ticket == id_).order_by(_events.c.id)
    ).scalars()
    for event in map(json.loads, documents):
        if event["what"] in {"claimed", "resolved"}:
            yield event["what"], event["at"]


def _to_old_states() -> None:
    connection = op.get_bind()
    old = {"waiting": "claimed", "closed": "resolved", "withdrawn": "resolved"}
    for id_, state, document in connection.execute(
        sa.select(_tickets.c.id, _tickets.c.state, _tickets.c.document).where(
            _tickets.c.state.in_(old)
        )
    ).all():
        ticket = json.loads(document)
        ticket["state"] = old[state]
        if ticket["state"] == "resolved" and not ticket.get("resolution"):
            ticket["resolution"] = state
        connection.execute(
            _tickets.update().where(_tickets.c.id == id_),
            {"document": json.dumps(ticket, ensure_ascii=False), "state": old[state]},
        )
