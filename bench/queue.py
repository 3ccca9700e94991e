"""The queue when it has grown: search and lists among 10,000 tickets, and a new one posted beside them. SQLite, in this process.

Tickets are made as the dialog makes them, of the same bounces as the other load. What is compared is the slowest hundredth of the calls.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec.structs import replace

from bench.activities import bounce
from bench.report import Figure, Section, at_most
from bot.intake import read_text
from bot.model.event import Address, Scope
from bot.model.ids import ConversationId, Language, ReasonId, SessionId, TicketId, UserId
from bot.model.incident import signatures
from bot.model.library import Priority
from bot.model.ticket import Draft
from bot.ports import Listing, Unit, WholeStore
from bot.store import open_store

FEW, MANY = 100, 10_000
TARGET = 3.0

_CALLS = 400
_AT_ONCE = 500
_PEOPLE = 400
_BEGAN = datetime(2026, 11, 23, 9, tzinfo=UTC)
_WORDS = ("5.1.10", "contoso.com", "kari.nordmann1", "prod.outlook", "test", "5.2.2 fabrikam.com")

_Work = Callable[[Unit, int], object]


def measure(*, rounds: int) -> Section:
    """Fill two queues, one of 100 tickets and one of 10,000, and ask both the same."""
    with TemporaryDirectory(prefix="bouncedesk-bench-") as folder:
        slowest = asyncio.run(_measure(Path(folder), rounds))
    figures = []
    for what, by_size in slowest.items():
        ratios = [many / few for few, many in zip(by_size[FEW], by_size[MANY], strict=True)]
        few, many = (statistics.median(by_size[size]) for size in (FEW, MANY))
        figures.append(at_most(f"{what}: p99 with {MANY:,} tickets / {FEW}", ratios, TARGET))
        figures.append(Figure("", f"{few:.2f} ms, {many:.2f} ms"))
    return Section(f"A queue of {MANY:,} open tickets", tuple(figures))


async def _measure(folder: Path, rounds: int) -> dict[str, dict[int, list[float]]]:
    stores = {size: open_store(f"sqlite:///{folder / str(size)}.sqlite3") for size in (FEW, MANY)}
    works: dict[str, _Work] = {
        "search": lambda unit, turn: unit.search(
            _WORDS[turn % len(_WORDS)], Listing.RECENT, "key"
        ),
        "unassigned": lambda unit, _turn: unit.search("", Listing.UNASSIGNED, "key"),
        "my tickets": lambda unit, turn: unit.tickets_of(f"key-{turn % 50}"),
        "a new ticket": lambda unit, turn: unit.open_ticket(_draft(1_000_000 + turn)),
    }
    slowest: dict[str, dict[int, list[float]]] = {
        what: {size: [] for size in stores} for what in works
    }
    try:
        for size, store in stores.items():
            await fill(store, size)
        for number in range(rounds):
            for what, work in works.items():
                for size, store in stores.items():
                    took = await _times(store, work, number)
                    slowest[what][size].append(took)
    finally:
        for store in stores.values():
            await store.close()
    return slowest


async def fill(store: WholeStore, size: int) -> None:
    """Open so many tickets."""
    for first in range(0, size, _AT_ONCE):
        drafts = [_draft(number) for number in range(first, min(first + _AT_ONCE, size))]

        def work(unit: Unit, drafts: Sequence[Draft] = drafts) -> None:
            for draft in drafts:
                unit.open_ticket(draft)

        await store.run(work)


class _Undo(Exception):
    """What was measured is taken back, so that both queues keep their size."""


async def _times(store: WholeStore, work: _Work, number: int) -> float:
    """Return the slowest hundredth of some calls in milliseconds, measured within their transactions."""
    took: list[float] = []

    def timed(unit: Unit, turn: int) -> None:
        began = time.perf_counter()
        work(unit, turn)
        took.append(time.perf_counter() - began)
        raise _Undo

    for turn in range(_CALLS):
        try:
            await store.run(lambda unit, turn=turn: timed(unit, number * _CALLS + turn))  # type: ignore[misc]
        except _Undo:
            continue
    return statistics.quantiles(took, n=100)[98] * 1000


def _draft(number: int) -> Draft:
    """Return the draft of one ticket; some hundreds of people have opened them all."""
    chance = random.Random(number)  # noqa: S311 - the same tickets each time
    report = read_text(bounce(chance))
    person = number % _PEOPLE
    return Draft(
        id=TicketId(f"ticket-{number}"),
        session=SessionId(f"session-{number}"),
        requester=Address(
            channel="msteams",
            service_url="http://127.0.0.1/",
            conversation=ConversationId(f"a:{person}"),
            scope=Scope.PERSONAL,
            user=UserId(f"29:{person}"),
            user_name=f"Test Person{person}",
            user_key=f"key-{person}",
        ),
        language=Language("en"),
        reason=ReasonId("asked"),
        priority=Priority.NORMAL,
        opened=_BEGAN + timedelta(seconds=number),
        report=replace(report, text=""),
        signatures=signatures(report),
    )
