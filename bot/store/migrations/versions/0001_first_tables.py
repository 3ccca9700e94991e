"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_INSTANT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    _turns()
    _tickets()
    _outbox()
    _statistics()


def downgrade() -> None:
    for table in (
        "counters",
        "feedback",
        "outcomes",
        "places",
        "parcels",
        "ticket_events",
        "ticket_texts",
        "tickets",
        "activities",
        "sessions",
    ):
        op.drop_table(table)


def _turns() -> None:
    op.create_table(
        "sessions",
        sa.Column("channel", sa.Text, primary_key=True),
        sa.Column("conversation", sa.Text, primary_key=True),
        sa.Column("person", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("changed", _INSTANT, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_table(
        "activities",
        sa.Column("channel", sa.Text, primary_key=True),
        sa.Column("conversation", sa.Text, primary_key=True),
        sa.Column("person", sa.Text, primary_key=True),
        sa.Column("activity", sa.Text, primary_key=True),
        sa.Column("handled", _INSTANT, nullable=False),
        sa.Column("answer", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )


def _tickets() -> None:
    op.create_table(
        "tickets",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, nullable=False, unique=True, autoincrement=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("assignee", sa.Text),
        sa.Column("changed", _INSTANT, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("tickets_by_state", "tickets", ["state", "number"])
    op.create_index("tickets_by_assignee", "tickets", ["assignee", "number"])
    op.create_table(
        "ticket_texts",
        sa.Column("ticket", sa.Text, sa.ForeignKey("tickets.id"), primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_table(
        "ticket_events",
        sa.Column("id", _BIG, sa.Identity(always=True), primary_key=True),
        sa.Column("ticket", sa.Text, sa.ForeignKey("tickets.id"), nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ticket_events_by_ticket", "ticket_events", ["ticket", "id"])
    op.create_table(
        "counters",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Integer, nullable=False),
    )


def _outbox() -> None:
    op.create_table(
        "parcels",
        sa.Column("id", _BIG, sa.Identity(always=True), primary_key=True),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("conversation", sa.Text, nullable=False),
        sa.Column("post", sa.Text),
        sa.Column("ticket", sa.Text),
        sa.Column("enqueued", _INSTANT, nullable=False),
        sa.Column("due", _INSTANT, nullable=False),
        sa.Column("leased_until", _INSTANT),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("given_up", _INSTANT),
        sa.Column("why", sa.Text),
        sa.Column("document", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    _partial_index(
        "parcels_by_conversation", ["channel", "conversation", "id"], "given_up IS NULL"
    )
    _partial_index("parcels_by_due", ["due"], "given_up IS NULL")
    _partial_index("parcels_given_up", ["ticket", "id"], "given_up IS NOT NULL")
    op.create_table(
        "places",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("conversation", sa.Text, nullable=False),
        sa.Column("activity", sa.Text, nullable=False),
    )


def _statistics() -> None:
    op.create_table(
        "outcomes",
        sa.Column("session", sa.Text, primary_key=True),
        sa.Column("article", sa.Text, nullable=False),
        sa.Column("node", sa.Text),
        sa.Column("code", sa.Text),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("began", _INSTANT, nullable=False),
        sa.Column("changed", _INSTANT, nullable=False),
    )
    op.create_table(
        "feedback",
        sa.Column("session", sa.Text, primary_key=True),
        sa.Column("useful", sa.Boolean, nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
    )


def _partial_index(name: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, "parcels", columns, sqlite_where=condition, postgresql_where=condition)
