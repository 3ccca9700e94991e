"""Rates on a real store and a real clock: what leaves when, what waits for whom, and who passes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from bot.compose import utc_now
from bot.model.errors import DeliveryDelayed
from bot.outbox import LEASE, Outbox
from bot.pace import Rate
from bot.ports import Parcel, Placed
from bot.store import open_store
from bot.teams.sender import TeamsSender
from tests.scenarios.test_outbox import Channel, World, letter, text_of

JITTER = 0.2
"""Seconds by which a busy machine may delay one message and not the next."""


class Teams(Channel):
    """A channel with Teams' rates, that notes when each parcel came."""

    unhurried: Sequence[Rate] = TeamsSender.unhurried
    least: Sequence[Rate] = TeamsSender.least

    def __init__(self, rates: Sequence[Rate] = TeamsSender.rates) -> None:
        """Take the rates of a conversation."""
        super().__init__()
        self.rates = rates
        self.times: dict[str, float] = {}
        self._news = asyncio.Condition()

    def room(self, conversation: str) -> str:
        """Count threads together, as Teams does."""
        return conversation.partition(";messageid=")[0]

    async def send(self, parcel: Parcel, placed: Placed | None) -> Placed | None:
        """Take a parcel and note when."""
        landed = await super().send(parcel, placed)
        async with self._news:
            self.times[text_of(parcel.content)] = time.monotonic()
            self._news.notify_all()
        return landed

    async def came(self, text: str) -> None:
        """Wait until a parcel came."""
        async with asyncio.timeout(10), self._news:
            await self._news.wait_for(lambda: text in self.times)


class Paced(World):
    """A world whose channel has rates; the time passes by itself, and the test can add to it."""

    skipped = timedelta()

    def time(self) -> datetime:
        """Return the time of the machine, and what the test skipped."""
        return utc_now() + self.skipped

    async def put(self, *parcels: Parcel) -> None:
        """Commit parcels and wait for nothing."""
        await self.outbox.commit(lambda _unit: (None, parcels))

    def at(self, rates: Sequence[Rate] = TeamsSender.rates) -> Teams:
        """Talk to a channel with these rates."""
        teams = Teams(rates)
        self.channel = teams
        self.outbox = self.another(teams)
        return teams


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Paced]:
    """Return a world of its own."""
    store = open_store(f"sqlite:///{tmp_path / 'store.sqlite3'}")
    yield Paced(store)
    await store.close()


def notice(text: str, conversation: str = "a:1") -> Parcel:
    """Return what nobody asked for just now."""
    return replace(letter(text, conversation), waits_for_pause=True)


async def test_a_conversation_is_written_to_no_faster_than_it_may(world: Paced) -> None:
    """Of ten answers seven leave at once, one in the next second, two after that; somebody else's does not wait."""
    teams = world.at()
    for number in range(5):
        await world.put(letter(f"{number}a"), letter(f"{number}b"))
    await world.put(letter("other", "a:2"))
    await world.outbox.settle()

    mine = [text for text in teams.taken if text != "other"]
    times = [teams.times[text] for text in mine]
    assert mine == [f"{number}{half}" for number in range(5) for half in "ab"]
    assert teams.times["other"] < times[7]
    assert times[7] - times[0] > 1.0 - JITTER
    assert times[8] - times[0] > 2.0 - JITTER
    assert 2.0 - JITTER < times[9] - times[0] < 4.0


async def test_the_threads_of_a_channel_share_its_rate(world: Paced) -> None:
    """What is said in one thread of a channel counts for its other threads."""
    teams = world.at((Rate(2, 1.0),))
    began = time.monotonic()
    for number in range(3):
        thread = f"19:triage@thread.tacv2;messageid={number}"
        await world.put(letter(thread, thread))
    await world.outbox.settle()

    assert sorted(at - began > 1.0 for at in teams.times.values()) == [False, False, True]


async def test_a_channel_that_asks_for_silence_gets_it_in_all_its_threads(world: Paced) -> None:
    """Retry-After for one thread holds the others back, too, and nobody else."""
    teams = world.at()
    teams.failures = [DeliveryDelayed("429", retry_after=1.5)]
    began = time.monotonic()
    for number in range(2):
        thread = f"19:triage@thread.tacv2;messageid={number}"
        await world.put(letter(thread, thread))
        await asyncio.sleep(0.1)
    await world.put(letter("other", "a:2"))
    async with asyncio.timeout(10):
        while len(teams.taken) < 3:
            await world.outbox.settle()
            await asyncio.sleep(0.05)

    assert teams.taken[0] == "other"
    assert all(at - began > 1.4 for text, at in teams.times.items() if text != "other")


async def test_many_notices_leave_in_order_and_answers_pass_them(world: Paced) -> None:
    """Ninety notices due at once leave at the app's pace, oldest first; answers given meanwhile leave at once."""
    teams = world.at()
    due = utc_now()
    notices = [notice(f"notice {number:02}", f"a:n{number}") for number in range(90)]
    await world.store.run(lambda unit: [unit.enqueue(one, due) for one in notices])
    await world.outbox.start()
    delays = []
    for number in range(10):
        await asyncio.sleep(0.1)
        asked = time.monotonic()
        answer = letter(f"answer {number}", f"a:p{number}")
        await world.put(answer)
        await teams.came(f"answer {number}")
        delays.append(teams.times[f"answer {number}"] - asked)
    for one in notices:
        await teams.came(text_of(one.content))
    await world.outbox.close()

    of_notices = [at for text, at in teams.times.items() if text.startswith("notice")]
    everything = sorted(teams.times.values())
    assert [text for text in teams.taken if text.startswith("notice")] == [
        text_of(one.content) for one in notices
    ]
    assert len(teams.taken) == 100, "something came twice"
    assert max(delays) < 1.0
    assert not [
        first
        for first, last in zip(of_notices, of_notices[30:], strict=False)
        if last - first < 1 - JITTER
    ]
    assert not [
        first
        for first, last in zip(everything, everything[45:], strict=False)
        if last - first < 1 - JITTER
    ]
    assert of_notices[-1] - of_notices[0] < 10


async def test_an_answer_takes_the_notice_before_it_along(world: Paced) -> None:
    """Whoever asks something while a notice to them waits for its turn gets both at once, in order."""
    teams = world.at()
    crowd = [notice(f"notice {number}", f"a:n{number}") for number in range(80)]
    await world.put(*crowd, notice("mine", "a:me"))
    await asyncio.sleep(0.1)
    asked = time.monotonic()
    await world.put(letter("answer", "a:me"))
    await teams.came("answer")

    assert teams.taken.index("mine") + 1 == teams.taken.index("answer")
    assert teams.times["answer"] - asked < 1.5
    await world.outbox.close()


async def test_what_waits_too_long_is_given_back(world: Paced) -> None:
    """Where a conversation's turn is far away its parcels return to the store, unharmed, and leave when it comes."""
    teams = world.at((Rate(1, 30.0),))
    await world.commit(letter("one"), letter("two"), letter("three"))
    assert teams.taken == ["one"]
    assert await world.unsent() == 2

    await world.another().settle()
    assert teams.taken == ["one"], "it is not due yet, for nobody"

    world.skipped += timedelta(seconds=31)
    leased = await world.store.run(
        lambda unit: unit.lease(("msteams",), world.time(), world.time() + LEASE, 10)
    )
    assert [(text_of(one.parcel.content), one.attempts) for one in leased] == [("two", 0)]


async def test_a_process_that_stops_gives_back_what_waits(world: Paced) -> None:
    """On the way out nothing is waited for: another process sends the rest, and nothing is sent twice."""
    teams = world.at((Rate(1, 10.0),))
    await world.put(letter("one"), letter("two"))
    await asyncio.sleep(0.1)
    began = time.monotonic()
    await world.outbox.close()
    assert time.monotonic() - began < 2.0
    assert teams.taken == ["one"]

    world.skipped += timedelta(seconds=11)
    unpaced = Channel()
    await world.another(unpaced).settle()

    assert unpaced.taken == ["two"]


async def test_a_lease_is_renewed_before_it_is_used(world: Paced) -> None:
    """A parcel whose turn comes when its lease is nearly over is still sent once, by whoever has it."""
    teams = world.at((Rate(1, 1.0),))
    unpaced = Channel()
    other = world.another(unpaced)
    await world.put(letter("one"), letter("two"))
    await asyncio.sleep(0.2)
    world.skipped += LEASE - timedelta(seconds=5)
    await world.outbox.settle()
    await other.settle()

    assert teams.taken == ["one", "two"]
    assert unpaced.taken == []


async def test_a_lost_lease_sends_nothing(world: Paced) -> None:
    """What another process took over because our lease ran out is not sent by us as well, and we go on."""
    teams = world.at((Rate(1, 1.0),))
    unpaced = Channel()
    other: Outbox = world.another(unpaced)
    await world.put(letter("one"), letter("two"))
    await asyncio.sleep(0.2)
    world.skipped += LEASE + timedelta(seconds=1)
    await other.settle()
    await world.outbox.settle()
    assert (teams.taken, unpaced.taken) == (["one"], ["two"])

    await world.commit(letter("three"))

    assert (teams.taken, unpaced.taken) == (["one", "three"], ["two"])
    assert await world.unsent() == 0
