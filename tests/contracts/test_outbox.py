"""The outbox: in order within a conversation, leased to one process at a time, kept until sent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

from bot.model.ids import ConversationId, TicketId
from bot.ports import Leased, NewPost, Parcel, Placed, Reply, Revision, Unit, WholeStore
from tests.contracts.conftest import Database
from tests.contracts.samples import MINUTE, NOW, ODD_TEXT, SECOND, page, parcel

CHANNELS = ("msteams", "terminal")
LATER = NOW + MINUTE


async def put(store: WholeStore, *parcels: Parcel, lease: bool = False) -> list[Leased | None]:
    """Put parcels in the outbox in one transaction."""

    def work(unit: Unit) -> list[Leased | None]:
        until = LATER if lease else None
        return [unit.enqueue(one, NOW, lease_until=until) for one in parcels]

    return await store.run(work)


async def take(store: WholeStore, now: datetime = NOW, limit: int = 100) -> Sequence[Leased]:
    """Lease what is due, for a minute."""
    return await store.run(lambda unit: unit.lease(CHANNELS, now, now + MINUTE, limit))


def titles(leased: Sequence[Leased | None]) -> list[str]:
    """Return what parcels say."""
    contents = [one.parcel.content for one in leased if one is not None]
    return [content.page.summary for content in contents if isinstance(content, Reply)]


async def test_a_parcel_comes_back_as_it_was_put(store: WholeStore) -> None:
    """All three kinds of content survive, with the ticket they tell about."""
    parcels = [
        parcel(conversation="a:1", content=Reply(page(ODD_TEXT)), ticket="ticket-1"),
        parcel(conversation="a:2", content=NewPost(page(), "ticket:1:card")),
        parcel(conversation="a:3", content=Revision(page(), "ticket:1:card")),
    ]
    assert await put(store, *parcels) == [None, None, None]
    leased = await take(store)
    assert [one.parcel for one in leased] == parcels
    assert [one.attempts for one in leased] == [0, 0, 0]


async def test_a_conversation_gives_one_parcel_at_a_time_oldest_first(store: WholeStore) -> None:
    """The second of a conversation waits until the first is sent; other conversations do not wait for it."""
    await put(store, parcel("one"), parcel("two"), parcel("other", "a:2"))
    first = await take(store)
    assert titles(first) == ["one", "other"]
    assert await take(store) == []
    await store.run(lambda unit: unit.sent(first[0].id, NOW, None))
    assert titles(await take(store)) == ["two"]


async def test_the_same_conversation_id_on_another_channel_is_another_conversation(
    store: WholeStore,
) -> None:
    """Channels do not share conversations."""
    await put(store, parcel("teams"), parcel("terminal", channel="terminal"))
    assert titles(await take(store)) == ["teams", "terminal"]


async def test_only_the_channels_that_are_served_are_leased(store: WholeStore) -> None:
    """A process takes nothing that it cannot send."""
    await put(store, parcel("teams"), parcel("terminal", channel="terminal"))
    mine = await store.run(lambda unit: unit.lease(("terminal",), NOW, LATER, 10))
    assert titles(mine) == ["terminal"]
    assert await store.run(lambda unit: unit.lease((), NOW, LATER, 10)) == ()


async def test_no_more_than_the_limit_is_leased(store: WholeStore) -> None:
    """The rest stays for the next sweep, the longest due first."""
    await put(store, *(parcel(f"{n}", f"a:{n}") for n in range(5)))
    assert titles(await take(store, limit=2)) == ["0", "1"]
    assert titles(await take(store)) == ["2", "3", "4"]


async def test_a_lease_that_ran_out_is_free_again(store: WholeStore) -> None:
    """What a dead process had taken, another one takes."""
    await put(store, parcel("one"))
    (first,) = await take(store)
    assert await take(store, NOW + MINUTE - SECOND) == []
    (again,) = await take(store, NOW + MINUTE)
    assert again == first


async def test_a_sent_parcel_is_gone(store: WholeStore) -> None:
    """It is not leased again, and marking it once more is harmless."""
    await put(store, parcel("one"))
    (one,) = await take(store)
    for _ in range(2):
        await store.run(lambda unit: unit.sent(one.id, NOW, None))
    assert await take(store, NOW + 2 * MINUTE) == []


async def test_a_postponed_parcel_is_due_later_and_holds_the_line(store: WholeStore) -> None:
    """It comes back when it is due, with its attempts counted; what is behind it waits."""
    await put(store, parcel("one"), parcel("two"))
    (one,) = await take(store)
    due = NOW + 5 * SECOND
    await store.run(lambda unit: unit.postpone(one.id, due, "429 \x00"))
    assert await take(store, NOW + 4 * SECOND) == []
    (again,) = await take(store, due)
    assert (again.id, again.attempts) == (one.id, 1)


async def test_a_parcel_that_was_given_up_no_longer_blocks(store: WholeStore) -> None:
    """The next of its conversation goes; why it failed is told with its ticket."""
    await put(store, parcel("one", ticket="ticket-1"), parcel("two", ticket="ticket-1"))
    (one,) = await take(store)
    assert await store.run(lambda unit: unit.undelivered(TicketId("ticket-1"))) == []
    await store.run(lambda unit: unit.give_up(one.id, NOW, "403 \x00 Forbidden"))
    (two,) = await take(store)
    assert titles([two]) == ["two"]
    await store.run(lambda unit: unit.give_up(two.id, NOW, "404"))
    why = await store.run(lambda unit: unit.undelivered(TicketId("ticket-1")))
    assert why == ["403 \x00 Forbidden", "404"]


async def test_a_late_failure_does_not_revive_a_parcel_that_was_given_up(
    store: WholeStore,
) -> None:
    """Postponing what was given up meanwhile changes nothing."""
    await put(store, parcel("one"))
    (one,) = await take(store)
    await store.run(lambda unit: unit.give_up(one.id, NOW, "403"))
    await store.run(lambda unit: unit.postpone(one.id, NOW, "429"))
    assert await take(store, NOW + 2 * MINUTE) == []
    (dead,) = await store.dead()
    assert dead.why == "403"


async def test_parcels_can_be_leased_as_they_are_put(store: WholeStore) -> None:
    """A turn's own answers are its to send at once, all of them, in order; a sweep meanwhile finds nothing."""
    leased = await put(store, parcel("one"), parcel("two"), parcel("other", "a:2"), lease=True)
    assert titles(leased) == ["one", "two", "other"]
    assert await take(store) == []
    assert titles(await take(store, LATER)) == ["one", "other"]


async def test_no_lease_is_given_while_something_older_waits(store: WholeStore) -> None:
    """What is put behind an unsent parcel waits for it, whether that one is leased or not."""
    await put(store, parcel("one"))
    assert await put(store, parcel("two"), lease=True) == [None]
    (one,) = await take(store)
    assert titles(await put(store, parcel("three"), parcel("x", "a:2"), lease=True)) == ["x"]
    await store.run(lambda unit: unit.sent(one.id, NOW, None))
    (two,) = await take(store)
    assert titles([two]) == ["two"]
    await store.run(lambda unit: unit.give_up(two.id, NOW, "403"))
    (three,) = await take(store)
    assert titles([three]) == ["three"]
    await store.run(lambda unit: unit.sent(three.id, NOW, None))
    assert titles(await put(store, parcel("four"), lease=True)) == ["four"]


async def test_no_lease_is_given_behind_a_waiting_parcel_of_the_same_unit(
    store: WholeStore,
) -> None:
    """Order holds within one transaction too."""

    def work(unit: Unit) -> Leased | None:
        unit.enqueue(parcel("one"), NOW)
        return unit.enqueue(parcel("two"), NOW, lease_until=LATER)

    assert await store.run(work) is None
    assert titles(await take(store)) == ["one"]


async def test_nothing_is_leased_while_a_younger_one_is_on_its_way(store: WholeStore) -> None:
    """When the first of a run of leased parcels is given back, it waits for the rest of the run to be settled."""
    one, two = await put(store, parcel("one"), parcel("two"), lease=True)
    assert one is not None
    assert two is not None
    await store.run(lambda unit: unit.postpone(one.id, NOW, "429"))
    assert await take(store) == []
    await store.run(lambda unit: unit.postpone(two.id, NOW, "waits its turn"))
    assert titles(await take(store)) == ["one"]


async def test_two_stores_never_lease_the_same_parcel(database: Database) -> None:
    """Two processes that sweep as fast as they can share a hundred parcels without a double."""
    stores = [database.open(), database.open()]
    await put(stores[0], *(parcel(f"{n}", f"a:{n % 25}") for n in range(100)))
    taken: list[int] = []

    async def sweep(store: WholeStore) -> None:
        idle = 0
        while idle < 3:
            leased = await take(store, limit=4)
            idle = 0 if leased else idle + 1
            for one in leased:
                taken.append(one.id)
                await store.run(lambda unit, one=one: unit.sent(one.id, NOW, None))  # type: ignore[misc]

    await asyncio.gather(*(sweep(store) for store in stores for _ in range(3)))
    assert len(taken) == 100
    assert len(set(taken)) == 100
    for one in stores:
        await one.close()


async def test_the_place_of_a_new_post_is_remembered_under_its_name(store: WholeStore) -> None:
    """Also when it is posted again elsewhere; a reply leaves no place."""
    thread = Placed(ConversationId("19:c@thread.tacv2;messageid=1"), "1")
    moved = Placed(ConversationId("19:c@thread.tacv2;messageid=2"), "2")
    post = parcel(content=NewPost(page(), "ticket:1:card"))
    assert await store.run(lambda unit: unit.place("ticket:1:card")) is None
    await put(store, post, parcel("reply", "a:2"))
    one, reply = await take(store)
    await store.run(lambda unit: unit.sent(one.id, NOW, thread))
    await store.run(lambda unit: unit.sent(reply.id, NOW, Placed(ConversationId("a:2"), "9")))
    assert await store.run(lambda unit: unit.place("ticket:1:card")) == thread
    await put(store, post)
    (again,) = await take(store)
    await store.run(lambda unit: unit.sent(again.id, NOW, moved))
    assert await store.run(lambda unit: unit.place("ticket:1:card")) == moved


async def test_the_id_of_a_sent_parcel_is_never_given_again(store: WholeStore) -> None:
    """A late mark for a parcel that is gone must not hit another one."""
    await put(store, parcel("one"))
    (one,) = await take(store)
    await store.run(lambda unit: unit.sent(one.id, NOW, None))
    await put(store, parcel("two"))
    (two,) = await take(store)
    assert two.id > one.id
