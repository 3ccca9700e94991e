"""A database that the first release wrote is upgraded with everything in it, and can go back."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from alembic import command
from msgspec.structs import replace
from sqlalchemy import Connection, create_engine, text

from bot.model.library import Priority
from bot.model.session import Session, encode_session
from bot.model.ticket import State, TicketEvent
from bot.ports import FALLBACK, Listing, Unit
from bot.store import schema
from tests.contracts.conftest import Database
from tests.contracts.samples import ADA, NOW, draft, key, parcel, session

OPENED = "2026-10-01T08:00:00.5Z"
CLAIMED = "2026-10-01T08:30:00Z"
RESOLVED = "2026-10-01T09:00:00Z"
STORED = datetime(2026, 10, 1, 8, 0, 0, 500000, tzinfo=UTC)
KARI = {
    "channel": "msteams", "service_url": "https://connector.example.com/", "conversation": "a:1",
    "scope": "personal", "user": "29:kari", "user_name": "Kari Nordmann", "user_key": "kari-entra-id",
    "bot": "28:bot", "tenant": "tenant",
}  # fmt: skip


def ticket(number: int, state: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return a ticket's document as the first release wrote it."""
    report = {
        "kind": "bounce",
        "text": "",
        "failures": [{"recipient": "ola@fabrikam.com", "code": "5.1.10"}],
        "codes": ["5.1.10"],
    }
    return {
        "number": number,
        "draft": {
            "id": f"t{number}", "session": "s", "requester": KARI, "language": "nb", "reason": "asked",
            "priority": "urgent" if number == 1001 else "normal", "opened": OPENED, "report": report,
            "match": None, "path": [], "note": "Ring meg", "original": None,
        },
        "state": state, "assignee": None, "resolution": None, "changed": OPENED, "version": 1,
    } | more  # fmt: skip


def write(connection: Connection) -> None:
    """Write what the first release would have left behind: three tickets, their history, and an unsent message."""
    embedded = connection.dialect.name == "sqlite"
    at: Any = STORED.isoformat(timespec="microseconds") if embedded else STORED
    agent = {"key": ADA.key, "name": ADA.name}
    for one in (
        ticket(1001, "new"),
        ticket(1002, "claimed", assignee=agent, version=2),
        ticket(1003, "resolved", assignee=agent, resolution="Done", version=3),
    ):
        connection.execute(
            text(
                "INSERT INTO tickets (id, number, state, assignee, changed, version, document) "
                "VALUES (:id, :number, :state, :assignee, :at, :version, :document)"
            ),
            {
                "id": one["draft"]["id"], "number": one["number"], "state": one["state"],
                "assignee": (one["assignee"] or {}).get("key"), "at": at, "version": one["version"],
                "document": json.dumps(one),
            },
        )  # fmt: skip
        by = {"key": "kari-entra-id", "name": "Kari"}
        events = [{"at": OPENED, "what": "opened", "by": by, "note": ""}]
        if one["state"] != "new":
            events.append({"at": CLAIMED, "what": "claimed", "by": agent, "note": ""})
        if one["state"] == "resolved":
            events.append({"at": RESOLVED, "what": "resolved", "by": agent, "note": "Done"})
        for event in events:
            connection.execute(
                text("INSERT INTO ticket_events (ticket, document) VALUES (:ticket, :document)"),
                {"ticket": one["draft"]["id"], "document": json.dumps(event)},
            )
    connection.execute(
        text("INSERT INTO ticket_texts (ticket, document) VALUES ('t1001', :document)"),
        {"document": json.dumps("550 5.1.10 not found")},
    )
    connection.execute(text("INSERT INTO counters (name, value) VALUES ('ticket', 1003)"))
    connection.execute(
        text(
            "INSERT INTO sessions (channel, conversation, person, version, changed, document) "
            "VALUES ('msteams', 'a:1', 'kari-entra-id', 3, :at, :document)"
        ),
        {"at": at, "document": encode_session(session(2)).decode()},
    )
    page = {"language": "nb", "summary": "Sak 1001", "elements": []}
    document = {"to": KARI, "content": {"type": "reply", "page": page}, "ticket": "t1001"}
    connection.execute(
        text(
            "INSERT INTO parcels (channel, conversation, ticket, enqueued, due, attempts, document) "
            "VALUES ('msteams', 'a:1', 't1001', :at, :at, 0, :document)"
        ),
        {"at": at, "document": json.dumps(document)},
    )


async def test_what_the_first_release_wrote_is_all_there(database: Database) -> None:
    """Tickets in every state, their history and texts, what waits to be sent, and the next number."""
    _prepare(database)
    store = database.open()

    def read(unit: Unit) -> None:
        new, claimed, resolved = (unit.ticket(number) for number in (1001, 1002, 1003))
        assert (new.state, new.priority) == (State.NEW, Priority.URGENT)
        assert (claimed.state, claimed.assignee, claimed.priority) == (
            State.CLAIMED, ADA, Priority.NORMAL,
        )  # fmt: skip
        assert (resolved.state, resolved.resolution) == (State.RESOLVED, "Done")
        assert new.draft.original == "550 5.1.10 not found"
        assert [event.what for event in unit.ticket_events(new.id)] == ["opened"]
        history = unit.ticket_events(resolved.id)
        assert [event.what for event in history] == ["opened", "claimed", "resolved"]
        assert (new.claimed, new.resolved) == (None, None)
        assert (claimed.claimed, claimed.resolved) == (history[1].at, None)
        assert (resolved.claimed, resolved.resolved) == (history[1].at, history[2].at)
        assert {one.queue for one in (new, claimed, resolved)} == {FALLBACK}
        assert isinstance(unit.session(key()), Session)
        terms = ("kari", "ola@fabrikam.com", "5.1.10", "#1001")
        assert all(unit.search(term, Listing.RECENT, "") for term in terms)
        assert [one.number for one in unit.tickets_of("kari-entra-id")] == [1003, 1002, 1001]
        assert [one.number for one in unit.search("nordm", Listing.UNASSIGNED, "")] == [1001]
        assert [one.number for one in unit.search("fabrikam", Listing.CLOSED, "")] == [1003]
        assert [one.number for one in unit.search("", Listing.MINE, ADA.key)] == [1002]
        [leased] = unit.lease(("msteams",), NOW, NOW, 10)
        assert leased.parcel.ticket == "t1001"
        assert not leased.parcel.waits_for_pause

    await store.run(read)
    courses = await store.courses(STORED, NOW)
    assert [course.number for course in courses] == [1001, 1002, 1003]
    assert [course.urgent for course in courses] == [True, False, False]
    assert (await store.run(lambda unit: unit.open_ticket(draft("next")))).number == 1004
    await store.close()


async def test_it_can_go_back_and_come_again(database: Database) -> None:
    """Down, states that the first release does not know become the nearest that it does; up again, all is there."""
    _prepare(database)
    store = database.open()

    def work(unit: Unit) -> None:
        for number, state in ((1001, State.WITHDRAWN), (1002, State.WAITING)):
            unit.change_ticket(
                replace(unit.ticket(number), state=state), TicketEvent(NOW, "changed", ADA)
            )

    await store.run(work)
    await store.close()
    engine = create_engine(database.url)
    with engine.begin() as connection:
        command.downgrade(schema.configuration(connection), "0001")
        states = connection.execute(text("SELECT state FROM tickets ORDER BY number")).scalars()
        assert list(states) == ["resolved", "claimed", "resolved"]
        documents = connection.execute(text("SELECT document FROM tickets")).scalars()
        assert {json.loads(one)["state"] for one in documents} == {"resolved", "claimed"}
    engine.dispose()
    store = database.open()
    assert [one.number for one in await store.run(lambda unit: unit.tickets())] == [
        1003, 1002, 1001,
    ]  # fmt: skip
    await store.close()


async def test_what_is_held_back_is_not_lost_on_the_way_back(database: Database) -> None:
    """The first release holds nothing back, so it sends it; up again, the same parcels are there once."""
    _prepare(database)
    store = database.open()

    def work(unit: Unit) -> None:
        unit.save_session(key(), session(), NOW)
        unit.enqueue(replace(parcel("held"), waits_for_pause=True), NOW)

    await store.run(work)
    await store.close()
    for revision in ("0001", "head", "0001"):
        engine = create_engine(database.url)
        with engine.begin() as connection:
            to = command.upgrade if revision == "head" else command.downgrade
            to(schema.configuration(connection), revision)
            assert connection.execute(text("SELECT count(*) FROM parcels")).scalar() == 2
        engine.dispose()
    store = database.open()
    assert (await store.counts(NOW)).unsent == 2
    assert await store.run(lambda unit: unit.release(key())) == []
    await store.close()


def _prepare(database: Database) -> None:
    engine = create_engine(database.url)
    with engine.begin() as connection:
        command.upgrade(schema.configuration(connection), "0001")
        write(connection)
    engine.dispose()
