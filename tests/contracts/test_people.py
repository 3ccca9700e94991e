"""What is kept about one person can be shown to them and taken out; what nobody needs any more goes by itself."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from msgspec.structs import replace
from sqlalchemy import create_engine, inspect, text

from bot.model.effects import RecordFeedback
from bot.model.errors import StoreConflict
from bot.model.event import Mention
from bot.model.ids import ConversationId, QueueId, SessionId, UserId
from bot.model.ticket import OPEN_STATES, State, TicketEvent
from bot.ports import (
    NewPost,
    News,
    Parcel,
    Placed,
    Revision,
    Roster,
    RosterChange,
    Unit,
    WholeStore,
)
from tests.contracts.conftest import Database
from tests.contracts.samples import (
    ADA,
    DAY,
    MINUTE,
    NOW,
    address,
    draft,
    key,
    outcome,
    page,
    parcel,
    session,
)

PERSON = draft().person
ADA_USER = ("29:ada", "Ada Agent")
SECRETS = ("kari", "nordmann", "29:someone", "nobody@contoso", "blåbær", "a:1", "written by hand")
"""What the person's name, ids, address, texts and bounce contain."""


def lived(unit: Unit) -> None:
    """Do everything that leaves a trace of the person, and something of somebody else."""
    unit.save_session(key(), session(), NOW)
    unit.remember(key(), "activity-1", b"", NOW)
    unit.record_sighting(["5.1.10@contoso.com"], PERSON.key, NOW)
    opened = unit.open_ticket(
        replace(draft("t1"), signatures=("5.1.10@contoso.com",), note="written by hand")
    )
    claimed = replace(
        opened, state=State.RESOLVED, assignee=ADA, resolution="Told kari nordmann", changed=NOW
    )
    unit.change_ticket(claimed, TicketEvent(NOW, "resolved", ADA, "Told kari nordmann"))
    unit.enqueue(parcel("Hello Kari"), NOW)
    unit.enqueue(replace(parcel("Wait, Kari"), waits_for_pause=True), NOW)
    card = replace(parcel("Kari Nordmann's ticket", "19:c"), content=NewPost(page("Kari"), "x"))
    unit.enqueue(replace(card, ticket=opened.id), NOW)
    leased = unit.enqueue(
        replace(parcel("card", "a:1x"), content=NewPost(page(), f"ticket:{opened.id}:requester")),
        NOW,
        lease_until=NOW + MINUTE,
    )
    assert leased is not None
    unit.sent(leased.id, NOW, Placed(ConversationId("a:1"), "activity"))
    unit.save_roster(QueueId(""), Roster((Mention(UserId("29:someone"), "Kari"),)))


def somebody_else(unit: Unit) -> None:
    """Leave traces of another person."""
    other = draft("t2")
    address = replace(
        other.requester,
        user_key="ola-id",
        user_name="Ola",
        user=UserId("29:ola"),
        conversation=ConversationId("a:2"),
    )
    unit.open_ticket(replace(other, requester=address, note="Ola's own", original="Ola's text"))


def everything_in(database: Database) -> str:
    """Return all that stands in all tables, as one text in lower case."""
    engine = create_engine(database.url)
    found: list[str] = []
    with engine.connect() as connection:
        for table in inspect(connection).get_table_names():
            rows = connection.execute(text(f"SELECT * FROM {table}"))  # noqa: S608 - our own tables
            found += (str(value) for row in rows for value in row)
    engine.dispose()
    return "\n".join(found).casefold()


async def test_somebody_who_is_forgotten_is_nowhere(database: Database) -> None:
    """No table holds their name, ids, address, texts or what their bounce said; the ticket is still counted."""
    store = database.open()
    await store.run(lived)
    before = everything_in(database)
    assert [secret for secret in SECRETS if secret not in before] == []

    gone = await store.forget(PERSON.key, NOW + DAY)
    left = everything_in(database)
    assert [secret for secret in SECRETS if secret in left] == []
    assert gone["tickets"] == 1
    assert gone["sessions"] == 1
    ticket = await store.run(lambda unit: unit.ticket(1001))
    assert ticket.state is State.RESOLVED
    assert ticket.draft.report is not None
    assert ticket.draft.report.status == "5.1.10"
    assert ticket.assignee == ADA
    await store.close()


async def test_nobody_else_is_forgotten_with_them(store: WholeStore) -> None:
    """Other people's tickets keep everything."""
    await store.run(lived)
    await store.run(somebody_else)
    await store.forget(PERSON.key, NOW)
    ticket = await store.run(lambda unit: unit.ticket(1002))
    assert (ticket.draft.note, ticket.draft.original) == ("Ola's own", "Ola's text")
    assert await store.run(lambda unit: len(unit.tickets_of("ola-id"))) == 1


async def test_forgetting_twice_or_a_stranger_changes_nothing(store: WholeStore) -> None:
    """There is nothing left to delete."""
    await store.run(lived)
    await store.forget(PERSON.key, NOW)
    assert set((await store.forget(PERSON.key, NOW)).values()) == {0}
    assert not any((await store.forget("", NOW)).values())


async def test_a_person_can_see_all_that_is_kept(store: WholeStore) -> None:
    """As plain JSON: dialog, tickets with their texts, history, and what waits for them."""
    await store.run(lived)
    await store.run(somebody_else)
    kept = await store.held_about(PERSON.key)
    said = json.dumps(kept, ensure_ascii=False)
    assert "written by hand" in said
    assert "Blåbærsyltetøy" in said
    assert "5.1.10@contoso.com" in said
    assert "Wait, Kari" in said
    assert "Ola" not in said


async def test_an_agent_who_is_forgotten_leaves_the_history(store: WholeStore) -> None:
    """What they did stays told, without who they were."""
    await store.run(lived)
    await store.forget(ADA.key, NOW)
    events = await store.run(lambda unit: unit.ticket_events(unit.ticket(1001).id))
    assert [(event.what, event.by.name) for event in events] == [
        ("opened", PERSON.name),
        ("resolved", ""),
    ]


@pytest.mark.parametrize(("state", "gone"), [(State.CLOSED, 1), (State.RESOLVED, 0)])
async def test_old_tickets_that_are_over_go_with_everything(
    store: WholeStore, state: State, gone: int
) -> None:
    """A ticket that somebody may still answer stays, however old."""

    def work(unit: Unit) -> None:
        ticket = unit.open_ticket(replace(draft("t1"), signatures=("5.1.10@contoso.com",)))
        unit.change_ticket(
            replace(ticket, state=state, resolution="Done", changed=NOW),
            TicketEvent(NOW, "closed", ADA),
        )

    await store.run(work)
    assert (await store.purge(NOW + 729 * DAY)).tickets == 0
    assert (await store.purge(NOW + 731 * DAY)).tickets == gone
    assert len(await store.run(lambda unit: unit.tickets())) == 1 - gone
    assert await store.run(lambda unit: len(unit.alike(["5.1.10@contoso.com"], NOW))) == 0


async def test_resolved_tickets_become_overdue(store: WholeStore) -> None:
    """Only resolved ones, only when nothing happened since."""

    def work(unit: Unit) -> None:
        for name, state in (("t1", State.RESOLVED), ("t2", State.CLAIMED)):
            ticket = unit.open_ticket(draft(name))
            unit.change_ticket(
                replace(ticket, state=state, changed=NOW), TicketEvent(NOW, "resolved", ADA)
            )

    await store.run(work)
    assert await store.overdue(NOW) == []
    assert [ticket.number for ticket in await store.overdue(NOW + timedelta(seconds=1))] == [1001]


async def test_how_tickets_went_names_nobody(store: WholeStore) -> None:
    """By when they were opened, with the times that statistics need."""

    def work(unit: Unit) -> None:
        ticket = unit.open_ticket(draft("t1"))
        unit.change_ticket(
            replace(ticket, state=State.RESOLVED, claimed=NOW + MINUTE, resolved=NOW + DAY),
            TicketEvent(NOW, "resolved", ADA),
        )
        unit.open_ticket(replace(draft("t2"), opened=NOW + DAY))

    await store.run(work)
    [course] = await store.courses(NOW, NOW + DAY)
    assert (course.number, course.code, course.article) == (1001, "5.1.10", "5.1.10")
    assert (course.claimed, course.resolved) == (NOW + MINUTE, NOW + DAY)
    assert "Kari" not in str(course)


async def test_of_a_stranger_nothing_is_kept(store: WholeStore) -> None:
    """Every kind of data is there, and empty."""
    await store.run(lived)
    kept = await store.held_about("stranger")
    assert "sessions" in kept
    assert not any(kept.values())
    assert not any((await store.held_about("")).values())


async def test_what_cannot_be_read_is_shown_and_forgotten_too(database: Database) -> None:
    """A session or a message that an earlier version stored differently is still theirs."""
    store = database.open()
    await store.run(lived)
    engine = create_engine(database.url)
    with engine.begin() as connection:
        for table in ("sessions", "held"):
            connection.execute(text(f"UPDATE {table} SET document = 'about Kari'"))  # noqa: S608 - our own tables
    engine.dispose()
    kept = await store.held_about(PERSON.key)
    assert (kept["sessions"], kept["held back"]) == (["about Kari"], ["about Kari"])
    gone = await store.forget(PERSON.key, NOW)
    assert (gone["sessions"], gone["held back"]) == (1, 1)
    assert "about kari" not in everything_in(database)
    await store.close()


async def test_messages_that_are_given_up_are_theirs_too(store: WholeStore) -> None:
    """What could not be delivered to them is shown, and goes."""
    await store.run(lived)
    leased = await store.run(lambda unit: unit.lease(("msteams",), NOW, NOW + MINUTE, 10))
    for one in leased:
        await store.run(lambda unit, one=one: unit.give_up(one.id, NOW, "403"))  # type: ignore[misc]
    assert "Hello Kari" in json.dumps((await store.held_about(PERSON.key))["unsent"])
    assert (await store.forget(PERSON.key, NOW))["unsent"] > 0
    assert await store.dead() == []


async def test_the_cards_of_an_incident_no_longer_name_them(database: Database) -> None:
    """What waits to be said of the incident they belonged to goes where it names them, and only there."""
    store = database.open()
    await store.run(somebody_else)
    revisions = [Revision(page(title), "ticket:t2:card") for title in ("Kari Nordmann", "Ola")]

    def work(unit: Unit) -> None:
        own = unit.open_ticket(draft("t1"))
        unit.change_ticket(
            replace(own, parent=unit.ticket(1001).id), TicketEvent(NOW, "joined", ADA)
        )
        for revision in revisions:
            to = replace(address("19:c"), user_key="", user=UserId("28:bot"), user_name="")
            unit.enqueue(Parcel(to=to, content=revision), NOW)

    await store.run(work)
    await store.forget(PERSON.key, NOW)
    left = await store.run(lambda unit: unit.lease(("msteams",), NOW, NOW + MINUTE, 10))
    assert [one.parcel.content for one in left] == [revisions[1]]
    assert "nordmann" not in everything_in(database)
    await store.close()


async def test_an_agent_who_is_forgotten_is_named_nowhere(database: Database) -> None:
    """Not as who has a ticket, changed a roster or did what another helpdesk is still to be told; that is told all the same."""
    store = database.open()
    await store.run(somebody_else)

    def work(unit: Unit) -> None:
        event = TicketEvent(NOW, "assigned", ADA, to=ADA)
        claimed = replace(unit.ticket(1001), state=State.CLAIMED, assignee=ADA)
        ticket = unit.change_ticket(claimed, event)
        unit.enqueue(
            parcel(conversation="t2", channel="sink:rt", content=News(ticket, event)), NOW
        )
        ada, bo = (Mention(UserId(key), name) for key, name in (ADA_USER, ("29:bo", "Bo")))
        change = RosterChange(NOW, ADA, (ada, bo))
        unit.save_roster(QueueId(""), Roster((ada, bo), (change,)))
        spoke = session().with_(address=replace(address("a:9"), user_key=ADA.key, user=ada.user))
        unit.save_session(key(ADA.key, "a:9"), spoke, NOW)

    await store.run(work)
    await store.forget(ADA.key, NOW)
    [news] = await store.run(lambda unit: unit.lease(("sink:rt",), NOW, NOW + MINUTE, 10))
    assert isinstance(news.parcel.content, News)
    assert news.parcel.content.event.what == "assigned"
    roster = await store.run(lambda unit: unit.roster(QueueId("")))
    assert [one.name for one in roster.people] == ["Bo"]
    assert [len(change.people) for change in roster.changes] == [1]
    left = everything_in(database)
    assert [
        secret for secret in (ADA.key, ADA.name.casefold(), ADA_USER[0]) if secret in left
    ] == []
    await store.close()


async def test_a_desk_that_has_the_ticket_in_hand_does_not_write_the_person_back(
    store: WholeStore,
) -> None:
    """Forgetting is a change like any other: who read the ticket before it loses."""
    await store.run(lived)
    stale = await store.run(lambda unit: unit.ticket(1001))
    await store.forget(PERSON.key, NOW)
    with pytest.raises(StoreConflict):
        await store.run(lambda unit: unit.change_ticket(stale, TicketEvent(NOW, "noted", ADA)))


async def test_everything_that_is_old_is_purged(store: WholeStore) -> None:
    """Statistics, sightings and texts go in their own time; what is younger stays."""

    def work(unit: Unit) -> None:
        for days, name in ((8, "old"), (6, "new")):
            unit.record_sighting(["5.1.10@contoso.com"], name, NOW - days * DAY)
        for days, name in ((731, "old"), (729, "new")):
            unit.record_outcome(outcome(name), NOW - days * DAY)
            opinion = RecordFeedback(SessionId(name), useful=True)
            unit.record_feedback(opinion, NOW - days * DAY)
        for number, state in enumerate(State):
            ticket = unit.open_ticket(draft(f"t{number}"))
            changed = replace(ticket, state=state, changed=NOW - 91 * DAY)
            unit.change_ticket(changed, TicketEvent(NOW, "changed", ADA))

    await store.run(work)
    purged = await store.purge(NOW)
    assert (purged.sightings, purged.statistics, purged.texts) == (1, 2, 3)
    assert (
        await store.run(lambda unit: unit.sightings(["5.1.10@contoso.com"], NOW - 9 * DAY, ""))
        == 1
    )
    [left] = await store.outcomes(NOW - 800 * DAY, NOW)
    assert left.outcome.session == "new"
    tickets = await store.run(lambda unit: [unit.ticket(1001 + n) for n in range(len(State))])
    kept = {ticket.state for ticket in tickets if ticket.draft.original is not None}
    assert kept == OPEN_STATES
    assert (await store.purge(NOW)).texts == 0


async def test_where_cards_of_a_purged_ticket_are_is_forgotten_with_it(store: WholeStore) -> None:
    """And where those of the others are is not."""

    def work(unit: Unit) -> None:
        for name in ("t1", "t10"):
            unit.open_ticket(draft(name))
            for kind in ("card", "requester", "sink:rt"):
                unit.arrived(f"ticket:{name}:{kind}", Placed(ConversationId("19:c"), "1"))
        closed = replace(unit.ticket(1001), state=State.WITHDRAWN, changed=NOW)
        unit.change_ticket(closed, TicketEvent(NOW, "withdrawn", PERSON))

    await store.run(work)
    assert (await store.purge(NOW + 731 * DAY)).tickets == 1
    posts = await store.run(lambda unit: unit.posts_in(ConversationId("19:c")))
    assert posts == ["ticket:t10:card", "ticket:t10:requester", "ticket:t10:sink:rt"]
