"""A thousand notices due at once: do they keep to the channel's rates, and is a press still answered while they leave?

The notices stand in the outbox before the server starts, as after an evening on which the channel was down: most are for as many people,
and forty for one. While they leave, somebody goes through a dialog; afterwards the same once more, with nothing else to do.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp

from bench.activities import JSON, Person
from bench.connector import Inbox, connector
from bench.load import Talk
from bench.processes import BOUNCEDESK, Broken, cores, free_port, serving
from bench.report import Figure, Section, at_most
from bot.compose import utc_now
from bot.model.event import Address, Scope
from bot.model.ids import ConversationId, Language, UserId
from bot.model.outgoing import Heading, Outgoing, Run
from bot.ports import Parcel, Reply, Unit
from bot.store import open_store

NOTICES = 1_000
TARGET = 2.0

_FOR_ONE = 40
_PATIENCE = 300.0
_TURNS_PAUSE = 0.02
_IDLE_TURNS = 300


def measure() -> Section:
    """Run once. Raises Broken when a notice is lost or comes twice, or a turn fails."""
    with TemporaryDirectory(prefix="bouncedesk-bench-") as folder:
        return asyncio.run(_measure(Path(folder)))


async def _measure(folder: Path) -> Section:
    inbox = Inbox()
    async with connector(inbox) as (service_url, _), aiohttp.ClientSession() as session:
        due = await _fill(folder, service_url)
        port = free_port()
        command = [BOUNCEDESK, "run", "--local", "--port", str(port), "--data", str(folder)]
        began = time.monotonic()
        with serving(command, port, folder, on=cores()[0]):
            person = _Presser(f"http://127.0.0.1:{port}/api/messages", service_url, inbox, session)
            while sum(inbox.arrived[to] for to in due) < NOTICES:
                if time.monotonic() - began > _PATIENCE:
                    left = NOTICES - sum(inbox.arrived[to] for to in due)
                    raise Broken(f"{left} notices had not left after {_PATIENCE:.0f} s.")
                await person.turn()
            lasted = time.monotonic() - began
            busy = person.took()
            for _ in range(_IDLE_TURNS):
                await person.turn()
            idle = person.took()
        await asyncio.sleep(0.3)
    wrong = [to for to, count in due.items() if inbox.arrived[to] != count]
    broken = (f"{len(wrong)} conversations got too few or too many notices.",) if wrong else ()
    over = inbox.over_the_rate(due)
    if over:
        broken = (*broken, f"{over} times a conversation got more than the channel allows.")
    figures = (
        Figure("notices that arrived once", f"{NOTICES} in {lasted:.0f} s"),
        at_most("a turn beside them / idle, p99", [_p99(busy) / _p99(idle)], TARGET),
        Figure("p50, p99 beside them", f"{_p50(busy):.1f}, {_p99(busy):.1f} ms"),
        Figure("p50, p99 idle", f"{_p50(idle):.1f}, {_p99(idle):.1f} ms"),
    )
    return Section(f"{NOTICES:,} notices due at once", figures, broken)


async def _fill(folder: Path, service_url: str) -> dict[str, int]:
    """Put the notices in the outbox; return how many each conversation is to get."""
    due = {f"a:notice{number}": 1 for number in range(NOTICES - _FOR_ONE)}
    due["a:popular"] = _FOR_ONE
    now = utc_now()

    def work(unit: Unit) -> None:
        for conversation, count in due.items():
            for number in range(count):
                unit.enqueue(_notice(conversation, number, service_url), now)

    store = open_store(f"sqlite:///{folder / 'bouncedesk.sqlite3'}")
    try:
        await store.run(work)
    finally:
        await store.close()
    return due


def _notice(conversation: str, number: int, service_url: str) -> Parcel:
    page = Outgoing(
        language=Language("en"),
        summary="Ticket",
        elements=(Heading((Run(f"Notice {number}"),)),),
    )
    address = Address(
        channel="msteams",
        service_url=service_url,
        conversation=ConversationId(conversation),
        scope=Scope.PERSONAL,
        user=UserId("29:somebody"),
        user_name="Test Person",
    )
    return Parcel(to=address, content=Reply(page))


class _Presser:
    """Somebody in a dialog of their own."""

    def __init__(
        self, url: str, service_url: str, inbox: Inbox, session: aiohttp.ClientSession
    ) -> None:
        self._url = url
        self._inbox = inbox
        self._session = session
        self._talks = [
            Talk(Person(f"presser{number}", service_url), random.Random(number), "bot")  # noqa: S311 - the same load each time
            for number in range(16)
        ]
        self._turns = 0
        self._took: list[float] = []

    async def turn(self) -> None:
        """Take one turn, a moment after the last. Nobody is faster than a conversation's rate allows."""
        await asyncio.sleep(_TURNS_PAUSE)
        talk = self._talks[self._turns % len(self._talks)]
        self._turns += 1
        card = self._inbox.expect(talk.person.conversation)
        began = time.perf_counter()
        async with self._session.post(self._url, data=talk.next(), headers=JSON) as response:
            if response.status not in (200, 201):
                raise Broken(f"A turn was answered with {response.status}.")
            await response.read()
        async with asyncio.timeout(_PATIENCE):
            talk.hear(await card)
        self._took.append((time.perf_counter() - began) * 1000)

    def took(self) -> list[float]:
        """Return how long the turns took since this was asked last, in milliseconds."""
        took, self._took = self._took, []
        return took


def _p50(took: Sequence[float]) -> float:
    return statistics.median(took)


def _p99(took: Sequence[float]) -> float:
    return statistics.quantiles(took, n=100)[98]
