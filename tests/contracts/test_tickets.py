"""Tickets: opened once, numbered without repeats, changed by one person at a time."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest
from msgspec.structs import replace

from bot.model.errors import StoreConflict, TransitionRefused, UnknownTicket
from bot.model.ids import TicketId
from bot.model.ticket import Draft, Person, State, Ticket, TicketEvent
from bot.ports import Unit, WholeStore
from tests.contracts.conftest import Database
from tests.contracts.samples import ADA, BO, MINUTE, NOW, draft


def open_one(unit: Unit, of: Draft) -> Ticket:
    """Open a ticket."""
    return unit.open_ticket(of)


def claim(unit: Unit, number: int, by: Person) -> Ticket:
    """Take a ticket as the desk does: only when it is still new."""
    ticket = unit.ticket(number)
    if ticket.state is not State.NEW:
        raise TransitionRefused
    claimed = replace(ticket, state=State.CLAIMED, assignee=by, changed=NOW + MINUTE)
    return unit.change_ticket(claimed, TicketEvent(NOW + MINUTE, "claimed", by))


async def test_a_ticket_comes_back_as_it_was_opened(store: WholeStore) -> None:
    """By number and by id, with its original text, and with the event of its opening."""
    opened = await store.run(lambda unit: unit.open_ticket(draft()))
    assert opened == Ticket(number=1001, draft=draft(), changed=NOW)
    assert await store.run(lambda unit: unit.ticket(1001)) == opened
    assert await store.run(lambda unit: unit.ticket_by_id(TicketId("ticket-1"))) == opened
    kari = Person("kari-entra-id", "Kari Nordmann")
    assert await store.run(lambda unit: unit.ticket_events(opened.id)) == [
        TicketEvent(NOW, "opened", kari)
    ]


async def test_a_ticket_may_have_no_original_text(store: WholeStore) -> None:
    """The requester can leave it out."""
    without = draft(original=None)
    await store.run(lambda unit: unit.open_ticket(without))
    assert (await store.run(lambda unit: unit.ticket(1001))).draft == without


async def test_opening_twice_opens_once(store: WholeStore) -> None:
    """A draft that is stored already gives the ticket as it stands, with no second event and no second number."""
    await store.run(lambda unit: unit.open_ticket(draft()))
    claimed = await store.run(lambda unit: claim(unit, 1001, ADA))
    assert await store.run(lambda unit: unit.open_ticket(draft())) == claimed
    assert (await store.run(lambda unit: unit.open_ticket(draft("ticket-2")))).number == 1002
    assert len(await store.run(lambda unit: unit.ticket_events(claimed.id))) == 2


async def test_one_draft_opened_ten_times_at_once_is_one_ticket(store: WholeStore) -> None:
    """Concurrent openings of one draft agree on its number."""
    tickets = await asyncio.gather(
        *(store.run(lambda unit: unit.open_ticket(draft())) for _ in range(10))
    )
    assert {ticket.number for ticket in tickets} == {1001}
    assert len(await store.run(lambda unit: unit.tickets())) == 1


async def test_numbers_are_sequential_under_concurrency(database: Database) -> None:
    """Thirty tickets opened at once through two stores get thirty numbers in a row from 1001."""
    stores = [database.open(), database.open()]
    tickets = await asyncio.gather(
        *(stores[n % 2].run(partial(open_one, of=draft(f"ticket-{n}"))) for n in range(30))
    )
    assert sorted(ticket.number for ticket in tickets) == list(range(1001, 1031))
    for one in stores:
        await one.close()


async def test_a_number_is_not_lost_with_a_failed_opening(store: WholeStore) -> None:
    """What rolls back takes its number back; the next ticket gets it, and no number is given twice."""

    def fail(unit: Unit) -> None:
        unit.open_ticket(draft("ticket-1"))
        raise TransitionRefused

    with pytest.raises(TransitionRefused):
        await store.run(fail)
    opened = await store.run(lambda unit: unit.open_ticket(draft("ticket-2")))
    assert opened.number == 1001
    assert len(await store.run(lambda unit: unit.tickets())) == 1


async def test_unknown_tickets_are_told(store: WholeStore) -> None:
    """A number or an id that was never given has no ticket, and no change can be made to it."""
    with pytest.raises(UnknownTicket):
        await store.run(lambda unit: unit.ticket(1001))
    with pytest.raises(UnknownTicket):
        await store.run(lambda unit: unit.ticket_by_id(TicketId("ticket-1")))
    never = Ticket(number=1001, draft=draft(), changed=NOW)
    with pytest.raises(UnknownTicket):
        await store.run(lambda unit: unit.change_ticket(never, TicketEvent(NOW, "claimed", ADA)))


async def test_a_change_is_stored_with_its_event(store: WholeStore) -> None:
    """A changed ticket comes back changed, one version later, its original text untouched, its history complete."""
    await store.run(lambda unit: unit.open_ticket(draft()))
    claimed = await store.run(lambda unit: claim(unit, 1001, ADA))
    assert claimed.version == 2
    assert await store.run(lambda unit: unit.ticket(1001)) == claimed
    assert claimed.draft == draft()
    resolved = replace(claimed, state=State.RESOLVED, resolution="Fixed \x00 it.")
    done = TicketEvent(NOW + MINUTE, "resolved", ADA, "Fixed \x00 it.")
    stored = await store.run(lambda unit: unit.change_ticket(resolved, done))
    assert await store.run(lambda unit: unit.ticket(1001)) == stored
    events = await store.run(lambda unit: unit.ticket_events(stored.id))
    assert [event.what for event in events] == ["opened", "claimed", "resolved"]
    assert events[2] == done


async def test_a_change_of_an_old_version_is_a_conflict(store: WholeStore) -> None:
    """Who changes a ticket that somebody changed meanwhile changes nothing, and adds no event."""
    opened = await store.run(lambda unit: unit.open_ticket(draft()))
    await store.run(lambda unit: claim(unit, 1001, ADA))
    stale = replace(opened, state=State.CLAIMED, assignee=BO)
    with pytest.raises(StoreConflict):
        await store.run(lambda unit: unit.change_ticket(stale, TicketEvent(NOW, "claimed", BO)))
    assert (await store.run(lambda unit: unit.ticket(1001))).assignee == ADA
    assert len(await store.run(lambda unit: unit.ticket_events(opened.id))) == 2


async def test_of_many_claims_at_once_one_wins(database: Database) -> None:
    """Ten people on two stores claim at once: one is the assignee, nine hear that it is taken."""
    stores = [database.open(), database.open()]
    await stores[0].run(lambda unit: unit.open_ticket(draft()))
    results = await asyncio.gather(
        *(
            stores[n % 2].run(partial(claim, number=1001, by=Person(f"agent-{n}", "Agent")))
            for n in range(10)
        ),
        return_exceptions=True,
    )
    winners = [result for result in results if isinstance(result, Ticket)]
    refused = [result for result in results if isinstance(result, TransitionRefused)]
    assert (len(winners), len(refused)) == (1, 9)
    stored = await stores[1].run(lambda unit: unit.ticket(1001))
    assert stored.assignee == winners[0].assignee
    for one in stores:
        await one.close()


async def test_tickets_are_listed_newest_first_without_texts(store: WholeStore) -> None:
    """A list is limited, may be of some states only, and does not carry what people pasted."""
    for n in range(1, 5):
        await store.run(partial(open_one, of=draft(f"ticket-{n}")))
    await store.run(lambda unit: claim(unit, 1002, ADA))
    listed = await store.run(lambda unit: unit.tickets())
    assert [ticket.number for ticket in listed] == [1004, 1003, 1002, 1001]
    assert {ticket.draft.original for ticket in listed} == {None}
    new = await store.run(lambda unit: unit.tickets([State.NEW], limit=2))
    assert [ticket.number for ticket in new] == [1004, 1003]
    worked_on = await store.run(lambda unit: unit.tickets((State.CLAIMED, State.RESOLVED)))
    assert [ticket.number for ticket in worked_on] == [1002]
    assert await store.run(lambda unit: unit.tickets(())) == []
