"""Whatever the channel does, nothing is lost and nothing comes twice: each fault is made, and then everything is counted.

The bot runs here with its real store, over HTTP; the channel is a process of its own that fails as it is told. Where its protocol leaves
nobody knowing whether a message arrived, decision 6 says what may come twice: those cases stand by themselves and say so.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from msgspec.structs import replace

from bot.compose import utc_now
from bot.model.errors import DeliveryDelayed
from bot.model.ids import ConversationId, TicketId
from bot.model.ticket import Ticket, TicketEvent
from bot.ports import News, Parcel, Placed, WholeStore
from bot.service import service
from bot.store import open_store
from tests.connector import StubConnector, stub_connector
from tests.contracts.samples import draft
from tests.conversation import settings_for
from tests.crowd import CHANNEL, Crowd, Tally, at_once, more_than_once, settings, tally
from tests.e2e.program import free_port
from tests.scenarios.test_outbox import Channel, World

PEOPLE = 3

_LOOK_SECONDS = 0.1

Fault = dict[str, Any]

CERTAIN: dict[str, Fault] = {
    "429 with Retry-After": {"status": 429, "headers": {"Retry-After": "1"}, "times": 2},
    "429": {"status": 429},
    "500": {"status": 500},
    "502 with a page": {"status": 502, "body": "<html>Bad gateway</html>"},
    "slow": {"status": 0, "delay": 0.6},
    "connection dropped": {"status": 500, "drop": True},
}
"""Faults after which nothing had arrived, or everything: in the end each message stands there once."""

LOST_ANSWERS: dict[str, Fault] = {
    "502 after it arrived": {"status": 502, "accept": True},
    "slower than we wait": {"status": 0, "delay": 1.5, "accept": True},
}
"""Faults that lose the answer to a message that did arrive: nobody can know that."""


@dataclass
class Desk:
    """A bot that runs, the crowd around it, and its store."""

    crowd: Crowd
    store: WholeStore

    async def open_tickets(self) -> Tally:
        """Have everybody hand over; return what the store holds."""
        asks = [partial(self.crowd.ask_for_help, number) for number in range(PEOPLE)]
        await asyncio.to_thread(at_once, asks)
        return await tally(self.store)

    async def claim(self, ticket: Ticket) -> None:
        """Have an agent claim a ticket."""
        await asyncio.to_thread(self.crowd.do, ticket, "claim", "kari")

    async def settled(self, seconds: float = 25.0) -> Tally:
        """Wait until nothing is left to send; return what the store holds."""
        left = -1
        for _ in range(int(seconds / _LOOK_SECONDS)):
            left = (await self.store.counts(utc_now())).unsent
            if not left:
                break
            await asyncio.sleep(_LOOK_SECONDS)
        assert not left, f"{left} parcels were not sent"
        return await tally(self.store)

    async def seen(self, what: str) -> Any:  # noqa: ANN401 - whatever the crowd sees
        """Return what can be seen in the channel."""
        return await asyncio.to_thread(getattr(self.crowd, what))

    async def notices(self) -> list[Counter[str]]:
        """Return the notices that each person got."""
        return [
            await asyncio.to_thread(self.crowd.notices, f"person{number}")
            for number in range(PEOPLE)
        ]


@asynccontextmanager
async def helpdesk(
    folder: Path, connector: StubConnector, *, away: bool = False
) -> AsyncIterator[Desk]:
    """Run the bot on a port of this machine, and have agents, unless the channel is away."""
    given = {name.lower(): value for name, value in settings(connector).items()}
    chosen = settings_for(folder, **given)
    async with service(chosen, local=True) as app:
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        store = open_store(chosen.store_url)
        crowd = Crowd(connector, [f"http://127.0.0.1:{runner.addresses[0][1]}"])
        try:
            if not away:
                await asyncio.to_thread(crowd.staff)
            yield Desk(crowd, store)
        finally:
            await store.close()
            await runner.cleanup()


@pytest.fixture
def connector() -> Iterator[StubConnector]:
    """Return a channel of its own."""
    with stub_connector() as started:
        yield started


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten how long an answer is waited for, and how long a doubt: otherwise these tests would take minutes."""
    monkeypatch.setattr("bot.teams.connector._TIMEOUT", aiohttp.ClientTimeout(total=1.2))
    monkeypatch.setattr("bot.outbox.UNSURE", timedelta(seconds=0.5))


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", CERTAIN.values(), ids=CERTAIN)
async def test_nothing_is_lost_and_nothing_comes_twice(
    tmp_path: Path, connector: StubConnector, fault: Fault
) -> None:
    """A channel that fails for cards, lines and notices has in the end one of each, and the store as many tickets."""
    async with helpdesk(tmp_path, connector) as desk:
        connector.fault(CHANNEL, method="POST", **fault)
        opened = await desk.open_tickets()
        for number in range(PEOPLE):
            connector.fault(f"a:person{number}", method="POST", **fault)
        connector.fault(CHANNEL, method="PUT", **fault)
        for ticket in opened.tickets:
            await desk.claim(ticket)
        kept = await desk.settled()

        cards, notices = await desk.seen("cards"), await desk.notices()
        lines = await desk.seen("lines")
        assert kept.requesters == {f"person{number}": 1 for number in range(PEOPLE)}
        assert cards == {ticket.number: 1 for ticket in kept.tickets}
        assert kept.happened("claimed") == PEOPLE
        assert [sum(got.values()) for got in notices] == [1] * PEOPLE
        assert sum(lines.values()) == PEOPLE
        assert not more_than_once(lines)
        assert kept.counts.dead == 0


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", LOST_ANSWERS.values(), ids=LOST_ANSWERS)
async def test_a_lost_answer_repeats_a_notice_and_never_a_line(
    tmp_path: Path, connector: StubConnector, fault: Fault
) -> None:
    """At least once for cards and notices, at most once for lines: one lost answer each gives one double each, and no lost line."""
    async with helpdesk(tmp_path, connector) as desk:
        connector.fault(CHANNEL, method="POST", **fault)
        opened = await desk.open_tickets()
        await desk.settled()
        connector.fault("a:person0", method="POST", **fault)
        connector.fault(CHANNEL, method="POST", **fault)
        for ticket in opened.tickets:
            await desk.claim(ticket)
        kept = await desk.settled()

        cards, notices = await desk.seen("cards"), await desk.notices()
        lines = await desk.seen("lines")
        assert len(kept.tickets) == kept.happened("claimed") == PEOPLE
        assert sorted(cards.values()) == [1, 1, 2]
        assert [sum(got.values()) for got in notices] == [2, 1, 1]
        assert sum(lines.values()) == PEOPLE
        assert not more_than_once(lines)


async def test_a_press_settles_whether_a_card_arrived(
    tmp_path: Path, connector: StubConnector
) -> None:
    """A card whose answer was lost is not posted again once somebody has pressed on it, and it is brought up to date."""
    async with helpdesk(tmp_path, connector) as desk:
        connector.fault(CHANNEL, method="POST", status=504, accept=True)
        await asyncio.to_thread(desk.crowd.ask_for_help, 0)
        [ticket] = (await tally(desk.store)).tickets
        await desk.claim(ticket)
        await desk.settled(15.0)

        assert await desk.seen("cards") == {ticket.number: 1}
        [[card, *_]] = connector.threads(CHANNEL)
        assert card["updates"] >= 1
        assert "Kari" in str(card["content"])


@pytest.mark.usefixtures("impatient")
async def test_an_answer_that_is_no_json(tmp_path: Path, connector: StubConnector) -> None:
    """A message that was accepted with a body that is no JSON was sent; a thread that was not named may come twice, and no more."""
    async with helpdesk(tmp_path, connector) as desk:
        for number in range(PEOPLE):
            connector.fault(f"a:person{number}", 200, body="accepted", accept=True, times=3)
        connector.fault(CHANNEL, 200, body="accepted", accept=True, method="POST")
        await desk.open_tickets()
        kept = await desk.settled()

        assert len(kept.tickets) == PEOPLE
        assert sorted((await desk.seen("cards")).values()) == [1, 1, 2]
        for number in range(PEOPLE):
            shown = connector.shown(f"a:person{number}")
            assert len(shown) == 3


async def test_a_channel_that_is_not_there(tmp_path: Path) -> None:
    """While no connection comes about everything is kept; when the channel is back, everything arrives, once."""
    port = free_port()
    async with helpdesk(tmp_path, StubConnector(port), away=True) as desk:
        opened = await desk.open_tickets()
        assert len(opened.tickets) == PEOPLE
        assert (await desk.store.counts(utc_now())).unsent == 4 * PEOPLE
        with stub_connector(port=port) as connector:
            kept = await desk.settled()

            assert await desk.seen("cards") == {ticket.number: 1 for ticket in kept.tickets}
            for number in range(PEOPLE):
                assert len(connector.shown(f"a:person{number}")) == 3


async def test_a_requester_who_blocked_the_bot(tmp_path: Path, connector: StubConnector) -> None:
    """A notice that is refused for good is given up once; the ticket's thread says so, and the others have theirs."""
    async with helpdesk(tmp_path, connector) as desk:
        opened = await desk.open_tickets()
        await desk.settled()
        connector.fault("a:person0", 403, method="POST", times=9)
        connector.fault("a:person0", 403, method="PUT", times=9)
        for ticket in opened.tickets:
            await desk.claim(ticket)
        kept = await desk.settled()

        unhappy = {ticket.draft.requester.user_name: ticket for ticket in kept.tickets}["Person0"]
        threads = await asyncio.to_thread(connector.threads, CHANNEL)
        [thread] = [one for one in threads if f"#{unhappy.number}" in str(one[0]["first"])]
        others = [one for one in threads if one is not thread]
        assert await desk.store.run(lambda unit: unit.undelivered(unhappy.id))
        assert len(thread) == 1 + max(len(other) for other in others)
        assert thread[0]["content"] != thread[0]["first"]
        assert [sum(got.values()) for got in await desk.notices()] == [0, 1, 1]
        assert kept.happened("claimed") == PEOPLE


class Sink(Channel):
    """Another helpdesk, that can be down."""

    down = True

    async def send(self, parcel: Parcel, placed: Placed | None) -> Placed | None:
        """Refuse the connection, or take a change."""
        if self.down:
            raise DeliveryDelayed("Connection refused.")
        assert isinstance(parcel.content, News)
        self.taken.append(f"{parcel.content.ticket.number} {parcel.content.event.what}")
        return placed or Placed(parcel.to.conversation, f"there-{parcel.content.ticket.number}")


async def test_a_sink_that_is_down_for_an_hour(tmp_path: Path) -> None:
    """200 tickets with three changes each while a sink is down: every change reaches it afterwards, once and in its order."""
    store = open_store(f"sqlite:///{tmp_path / 'store.sqlite3'}")
    world = World(store)
    sink = Sink()
    world.sink = sink
    world.outbox = world.another()
    changes = ("opened", "claimed", "resolved")
    for what in changes:
        parcels = [news(number, what) for number in range(200)]
        await world.commit(*parcels)
        await world.later(timedelta(minutes=20))
    assert sink.taken == []
    sink.down = False
    for _ in range(30):
        await world.later(timedelta(minutes=1))

    by_ticket = [
        [entry.partition(" ")[2] for entry in sink.taken if entry.startswith(f"{number} ")]
        for number in range(200)
    ]
    assert by_ticket == [list(changes)] * 200
    assert (await world.unsent(), await world.dead()) == (0, 0)
    await store.close()


def news(number: int, what: str) -> Parcel:
    """Return a change of a ticket for a sink."""
    opened = replace(draft(), id=TicketId(f"t-{number}"), original=None)
    ticket = Ticket(number=number, draft=opened, changed=opened.opened)
    to = replace(opened.requester, channel="sink:rt", conversation=ConversationId(str(opened.id)))
    event = TicketEvent(opened.opened, what, opened.person)
    return Parcel(to=to, content=News(ticket, event), ticket=opened.id)
