"""The outbox on a real store: order, retries, giving up, and a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from bot.model.errors import DeliveryAmbiguous, DeliveryDelayed, DeliveryRefused
from bot.model.ids import ConversationId, Language, TicketId
from bot.model.outgoing import Heading, Outgoing, Run
from bot.outbox import ATTEMPTS, LEASE, LONGEST_WAIT, Outbox
from bot.ports import NewPost, Parcel, Placed, Reply, Revision, WholeStore
from bot.store import open_store
from tests.core.test_every_edge import NOW, address


class Channel:
    """The far end: takes parcels, or fails as told."""

    def __init__(self) -> None:
        """Take everything."""
        self.taken: list[str] = []
        self.failures: list[Exception] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def send(self, parcel: Parcel, placed: Placed | None) -> Placed | None:
        """Fail, or take a parcel, once the gate is open."""
        await self.gate.wait()
        if self.failures:
            raise self.failures.pop(0)
        self.taken.append(parcel.content.page.summary)
        return placed or Placed(parcel.to.conversation, "activity")


class World:
    """A store, an outbox, a channel and a clock."""

    def __init__(self, store: WholeStore) -> None:
        """Begin at a fixed moment."""
        self.now = NOW
        self.channel = Channel()
        self.store = store
        self.outbox = self.another()

    def another(self) -> Outbox:
        """Return an outbox on the same store, as another process has it."""
        return Outbox(self.store, {"msteams": self.channel}, clock=self.time, jitter=lambda: 1.0)

    def time(self) -> datetime:
        """Return the test's time."""
        return self.now

    async def commit(self, *parcels: Parcel) -> None:
        """Commit parcels and wait until what can leave has left."""
        await self.outbox.commit(lambda _unit: (None, parcels))
        await self.outbox.settle()

    async def later(self, wait: timedelta) -> None:
        """Let time pass, and wait until what can leave has left."""
        self.now += wait
        await self.outbox.settle()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Return a world of its own."""
    store = open_store(f"sqlite:///{tmp_path / 'store.sqlite3'}")
    yield World(store)
    await store.close()


def page(text: str) -> Outgoing:
    """Return a page."""
    return Outgoing(language=Language("en"), summary=text, elements=(Heading((Run(text),)),))


def letter(text: str, conversation: str = "a:1", ticket: str | None = None) -> Parcel:
    """Return a parcel to a conversation."""
    to = replace(address(), conversation=ConversationId(conversation))
    return Parcel(to=to, content=Reply(page(text)), ticket=TicketId(ticket) if ticket else None)


async def test_parcels_of_a_conversation_keep_their_order(world: World) -> None:
    """A parcel that has to wait holds back those behind it, and nobody else's."""
    world.channel.failures = [DeliveryDelayed("429", retry_after=5.0)]
    await world.commit(letter("one"), letter("two"))
    await world.commit(letter("three"), letter("other", "a:2"))
    assert world.channel.taken == ["other"]

    await world.later(timedelta(seconds=5))

    assert world.channel.taken == ["other", "one", "two", "three"]


async def test_the_channel_says_how_long_to_wait(world: World) -> None:
    """Retry-After is obeyed to the second."""
    world.channel.failures = [DeliveryDelayed("429", retry_after=30.0)]
    await world.commit(letter("one"))

    await world.later(timedelta(seconds=29))
    assert world.channel.taken == []
    await world.later(timedelta(seconds=1))

    assert world.channel.taken == ["one"]


async def test_waits_grow_and_have_an_end(world: World) -> None:
    """What fails again and again is tried at growing intervals and then given up, visibly."""
    world.channel.failures = [DeliveryAmbiguous("502")] * ATTEMPTS
    await world.commit(letter("lost", ticket="t"))
    for _ in range(ATTEMPTS):
        await world.later(LONGEST_WAIT)

    assert world.channel.taken == []
    assert world.channel.failures == []
    assert (await world.store.counts(world.now)).dead == 1
    assert await world.store.run(lambda unit: unit.undelivered(TicketId("t"))) == ["502"]


async def test_a_refusal_is_final_and_blocks_nobody(world: World) -> None:
    """A parcel that will never be accepted is given up at once; the next one leaves."""
    world.channel.failures = [DeliveryRefused("403")]
    await world.commit(letter("never"), letter("next"))

    assert world.channel.taken == ["next"]
    assert (await world.store.counts(world.now)).dead == 1


async def test_another_process_takes_what_a_dead_one_left(world: World) -> None:
    """A lease that ran out is free again."""
    parcel = letter("orphan")
    await world.store.run(
        lambda unit: unit.enqueue(parcel, world.now, lease_until=world.now + LEASE)
    )
    other = world.another()
    await other.settle()
    assert world.channel.taken == []

    world.now += LEASE
    await other.settle()

    assert world.channel.taken == ["orphan"]


async def test_a_revision_goes_where_its_post_landed(world: World) -> None:
    """The update of a card that was committed before its post arrived waits for it."""
    to = letter("").to
    world.channel.failures = [DeliveryDelayed("429", retry_after=1.0)]
    await world.commit(Parcel(to=to, content=NewPost(page("posted"), "card")))
    await world.commit(Parcel(to=to, content=Revision(page("revised"), "card")))

    await world.later(timedelta(seconds=1))

    assert world.channel.taken == ["posted", "revised"]


async def test_a_lease_that_runs_out_in_the_line_sends_nothing_twice(world: World) -> None:
    """What this process still holds behind a slow send is not taken a second time by its own sweep."""
    world.channel.gate.clear()
    await world.outbox.commit(lambda _unit: (None, (letter("slow"), letter("behind"))))
    world.now += LEASE + timedelta(seconds=1)
    await world.outbox.sweep()
    world.channel.gate.set()
    await world.outbox.settle()

    assert world.channel.taken == ["slow", "behind"]
