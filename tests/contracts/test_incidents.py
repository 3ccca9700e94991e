"""Tickets of one problem: which are alike, and that nobody joins what another one closes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import monotonic

import psycopg
import pytest
from msgspec.structs import replace

from bot.model.ids import TicketId
from bot.model.ticket import State, Ticket, TicketEvent
from bot.ports import Unit, WholeStore
from bot.store import open_store
from tests.contracts.samples import ADA, DAY, NOW, SECOND, draft

AT_DOMAIN = "5.1.10@contoso.com"
AT_SERVER = "5.1.10/mta.contoso.com"


def open_at(
    unit: Unit, name: str, seconds: int = 0, marks: Sequence[str] = (AT_DOMAIN,)
) -> Ticket:
    """Open a ticket with signatures."""
    opened = NOW + seconds * SECOND
    return unit.open_ticket(replace(draft(name), opened=opened, signatures=tuple(marks)))


def change(unit: Unit, number: int, **changes: object) -> Ticket:
    """Change a ticket."""
    changed = replace(unit.ticket(number), **changes)
    return unit.change_ticket(changed, TicketEvent(NOW, "changed", ADA))


async def alike(store: WholeStore, *marks: str) -> list[int]:
    """Return the numbers of the tickets that are alike."""
    found = await store.run(lambda unit: unit.alike(marks, NOW))
    return [ticket.number for ticket in found]


async def test_the_first_of_a_wave_is_found_however_many_have_joined_it(store: WholeStore) -> None:
    """Those that joined do not crowd out what they joined."""

    def wave(unit: Unit) -> None:
        first = open_at(unit, "first")
        for number in range(120):
            joined = open_at(unit, f"joined-{number}", number)
            unit.change_ticket(
                replace(joined, parent=first.id), TicketEvent(NOW, "joined", ADA, other=1001)
            )

    await store.run(wave)
    assert await alike(store, AT_DOMAIN) == [1001]
    joined = await store.run(lambda unit: unit.joined_to(TicketId("first")))
    assert [ticket.number for ticket in joined] == list(range(1002, 1122))


async def test_what_is_reopened_or_split_off_can_be_joined_again(store: WholeStore) -> None:
    """A ticket is alike as long as it is open and its own."""
    await store.run(lambda unit: open_at(unit, "one"))
    await store.run(lambda unit: open_at(unit, "two"))
    for over in (State.RESOLVED, State.CLOSED, State.WITHDRAWN):
        await store.run(lambda unit, over=over: change(unit, 1001, state=over))  # type: ignore[misc]
        assert await alike(store, AT_DOMAIN) == [1002]
    for going_on in (State.NEW, State.CLAIMED, State.WAITING):
        await store.run(lambda unit, state=going_on: change(unit, 1001, state=state))  # type: ignore[misc]
        assert await alike(store, AT_DOMAIN) == [1001, 1002]
    await store.run(lambda unit: change(unit, 1002, parent=TicketId("one")))
    assert await alike(store, AT_DOMAIN) == [1001]
    await store.run(lambda unit: change(unit, 1002, parent=None))
    assert await alike(store, AT_DOMAIN) == [1001, 1002]


async def test_a_ticket_that_shares_several_signatures_is_found_once(store: WholeStore) -> None:
    """Oldest first, by any of the signatures; none by none."""
    await store.run(lambda unit: open_at(unit, "both", 0, (AT_DOMAIN, AT_SERVER)))
    await store.run(lambda unit: open_at(unit, "server", 1, (AT_SERVER,)))
    await store.run(lambda unit: open_at(unit, "before", -1))
    assert await alike(store, AT_DOMAIN, AT_SERVER) == [1001, 1002]
    assert await alike(store, AT_DOMAIN) == [1001]
    assert await alike(store) == []


@pytest.mark.parametrize("mark", ["5.1.10@" + "ø" * 5_000, "5.1.10@\x00contoso.com", "\x00", ""])
async def test_hostile_signatures_stop_nothing(store: WholeStore, mark: str) -> None:
    """What a bounce claims to be a domain is neither too long for an index nor refused by a database."""
    await store.run(lambda unit: open_at(unit, "one", 0, (mark, AT_DOMAIN)))
    await store.run(lambda unit: unit.record_sighting((mark, AT_DOMAIN), "ola", NOW))
    assert await alike(store, mark, AT_DOMAIN) == [1001]
    assert await store.run(lambda unit: unit.sightings((mark, AT_DOMAIN), NOW, "kari")) == 1


async def test_nobody_joins_what_another_one_is_changing(postgres_url: str) -> None:
    """Whoever asks what is joined to a ticket waits until it stands still, and then sees what was joined to it meanwhile."""
    one, two = (open_store(postgres_url, migrate=True) for _ in range(2))
    for name in ("parent", "child"):
        await one.run(lambda unit, name=name: open_at(unit, name))  # type: ignore[misc]
    holding = asyncio.Event()
    loop = asyncio.get_running_loop()

    def join(unit: Unit) -> None:
        unit.joined_to(TicketId("parent"))
        loop.call_soon_threadsafe(holding.set)
        began = monotonic()
        while monotonic() - began < 0.5:
            pass
        change(unit, 1002, parent=TicketId("parent"))

    joining = asyncio.create_task(one.run(join))
    await holding.wait()
    joined = await two.run(lambda unit: unit.joined_to(TicketId("parent")))
    assert [ticket.number for ticket in joined] == [1002]
    await joining
    with psycopg.connect(postgres_url.replace("+psycopg", "")) as other:
        locked = "SELECT number FROM tickets FOR UPDATE SKIP LOCKED"
        assert len(other.execute(locked).fetchall()) == 2
    await one.close()
    await two.close()


async def test_an_incident_is_purged_after_all_that_was_joined_to_it(store: WholeStore) -> None:
    """As long as a joined ticket is kept, the one it refers to is there."""

    def work(unit: Unit) -> None:
        for name in ("parent", "child"):
            open_at(unit, name)
        change(unit, 1001, state=State.CLOSED)
        change(unit, 1002, state=State.RESOLVED, parent=TicketId("parent"))

    await store.run(work)
    assert (await store.purge(NOW + 800 * DAY)).tickets == 0
    await store.run(lambda unit: change(unit, 1002, state=State.CLOSED))
    assert (await store.purge(NOW + 800 * DAY)).tickets == 2
    assert await store.run(lambda unit: unit.tickets()) == []
