"""Everything that leaves goes through here: committed first, then sent, and sent again until the channel has it.

Each conversation's parcels leave one after the other, in the order they were committed. What this process has just committed
it sends at once; what a crash, a fault or another process left behind, the sweep finds. Delivery is *at least once*: a message whose
fate nobody can know is sent again, because a lost answer is worse than a double one (see docs/decisions/0006-outbox.md).
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import structlog

from bot.model.errors import (
    BouncedeskError,
    DeliveryDelayed,
    DeliveryFailed,
    DeliveryRefused,
    StoreError,
)
from bot.ports import Leased, NewPost, Parcel, ParcelId, Placed, Revision, Unit

if TYPE_CHECKING:
    from datetime import datetime

    from bot.ports import Clock, Sender, Store

log = structlog.get_logger("bouncedesk.outbox")

Result = TypeVar("Result")

LEASE = timedelta(seconds=60)
"""How long a parcel is ours to send. Longer than the slowest send with its time-out, or it would be sent twice."""

SWEEP_SECONDS = 1.0
"""Seconds between two looks for what is due."""

BATCH = 100
"""Parcels taken in one sweep."""

LONGEST_WAIT = timedelta(minutes=10)
"""Between two attempts at the same parcel."""

ATTEMPTS = 20
"""Attempts before a parcel is given up: one and a half to two hours with the waits between them."""

_FLUSH_ATTEMPTS = 10
"""A locked database makes each attempt wait a few seconds by itself; all together stay below the lease."""

_FLUSH_SECONDS = 0.02
"""Marks of sent parcels are gathered for this long: one transaction for many."""


class Outbox:
    """Commits parcels and delivers them."""

    def __init__(
        self,
        store: Store,
        senders: Mapping[str, Sender],
        *,
        clock: Clock,
        jitter: Callable[[], float],
    ) -> None:
        """Take a sender for every channel this process serves; `jitter` returns a number between 0 and 1."""
        self._store = store
        self._senders = senders
        self._clock = clock
        self._jitter = jitter
        self._tasks: set[asyncio.Task[None]] = set()
        self._lines: dict[str, deque[Leased]] = {}
        """Per conversation, what is to be sent, the one that is being sent first."""
        self._held: defaultdict[str, set[ParcelId]] = defaultdict(set)
        """Per conversation, what is ours until it is written down what became of it."""
        self._stalled: set[str] = set()
        """Conversations in which a parcel failed, until that is written down: nothing may overtake it."""
        self._marks: list[_Mark] = []
        self._behind_others = False
        """Something waits for what is sent now: sweep as soon as that is written down."""
        self._flush: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._sweeping = asyncio.Lock()
        self._sweeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to sweep."""
        self._sweeper = asyncio.create_task(self._sweep_for_ever(), name="outbox-sweep")

    async def close(self) -> None:
        """Finish what is being sent, and write down what was."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        await self._finish()

    async def settle(self) -> None:
        """Wait until everything that is due has left: for whoever sits at a terminal and waits for the answer."""
        try:
            await self._finish()
            while await self.sweep() or self._busy:
                await self._finish()
        except StoreError as error:
            log.warning("sweep-failed", error=type(error).__name__, detail=error.detail)

    @property
    def _busy(self) -> bool:
        """Something that this process took is still on its way, or not yet written down as sent."""
        return bool(self._tasks) or self._flush is not None

    async def _finish(self) -> None:
        """Wait until nothing that this process took is still on its way."""
        while self._busy:
            pending = [*self._tasks, *([self._flush] if self._flush else [])]
            await asyncio.gather(*pending, return_exceptions=True)

    async def commit(self, work: Callable[[Unit], tuple[Result, Sequence[Parcel]]]) -> Result:
        """Run one transaction with the parcels it causes, and start to send them once it is committed."""

        def with_parcels(unit: Unit) -> tuple[Result, list[Leased | None]]:
            result, parcels = work(unit)
            now = self._clock()
            return result, [self._enqueue(unit, parcel, now) for parcel in parcels]

        result, enqueued = await self._store.run(with_parcels)
        self._behind_others |= None in enqueued
        self._dispatch([leased for leased in enqueued if leased is not None])
        return result

    def _enqueue(self, unit: Unit, parcel: Parcel, now: datetime) -> Leased | None:
        """Enqueue a parcel in the store's thread; lease what this process can send behind what it holds already."""
        if parcel.to.channel not in self._senders:
            return unit.enqueue(parcel, now)
        conversation = parcel.to.conversation
        stalled = conversation in self._stalled
        behind = () if stalled else tuple(self._held.get(conversation, ()))
        return unit.enqueue(parcel, now, lease_until=now + LEASE, behind=behind)

    async def send_now(self, parcel: Parcel) -> None:
        """Deliver something that cannot be committed because the store is what failed. Best effort, one attempt."""
        try:
            await self._senders[parcel.to.channel].send(parcel, None)
        except DeliveryFailed as error:
            log.warning("apology-not-delivered", error=type(error).__name__, detail=error.detail)

    async def sweep(self) -> int:
        """Take what is due and start to send it; return how many parcels that were."""
        channels = tuple(self._senders)
        async with self._sweeping:  # whoever sweeps next must see what this one took as busy
            now = self._clock()
            leased = await self._store.run(
                lambda unit: unit.lease(channels, now, now + LEASE, BATCH)
            )
            self._dispatch(leased)
        return len(leased)

    async def _sweep_for_ever(self) -> None:
        while True:
            try:
                while await self.sweep() == BATCH:
                    await self._finish()
            except StoreError as error:
                log.warning("sweep-failed", error=type(error).__name__, detail=error.detail)
            self._wake.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(SWEEP_SECONDS):
                    await self._wake.wait()

    def _dispatch(self, leased: Sequence[Leased]) -> None:
        """Put parcels in the lines of their conversations, and send every line that is not being sent."""
        for one in leased:
            conversation = one.parcel.to.conversation
            if one.id in self._held[conversation]:
                continue  # its lease ran out behind a slow send; it still stands in our line
            self._held[conversation].add(one.id)
            if conversation in self._stalled:
                self._release(one)
            elif conversation in self._lines:
                self._lines[conversation].append(one)
            else:
                self._lines[conversation] = deque([one])
                task = asyncio.create_task(self._send_line(conversation))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _send_line(self, conversation: str) -> None:
        """Send the parcels of one conversation in order; when one fails, the rest wait behind it."""
        line = self._lines[conversation]
        try:
            while line:
                leased = line.popleft()
                try:
                    placed = await self._send(leased)
                except DeliveryRefused as error:
                    self._mark_undeliverable(leased, error)
                except (DeliveryFailed, StoreError) as error:
                    self._stalled.add(conversation)
                    self._mark_failed(leased, error)
                    for waiting in line:
                        self._release(waiting)
                    return
                else:
                    landed = placed if isinstance(leased.parcel.content, NewPost) else None
                    self._mark(leased, partial(_sent, leased.id, self._clock(), landed))
        finally:
            del self._lines[conversation]

    def _release(self, leased: Leased) -> None:
        """Give a parcel back that has to wait its turn."""
        self._behind_others = True
        self._mark(leased, partial(_postponed, leased.id, self._clock(), "waits its turn"))

    async def _send(self, leased: Leased) -> Placed | None:
        content = leased.parcel.content
        placed = None
        if isinstance(content, Revision):
            name = content.name
            placed = await self._store.run(lambda unit: unit.place(name))
            if placed is None:
                raise DeliveryDelayed("The post that this one replaces is not there yet.")
        return await self._senders[leased.parcel.to.channel].send(leased.parcel, placed)

    def _mark_failed(self, leased: Leased, error: BouncedeskError) -> None:
        attempts = leased.attempts + 1
        if attempts >= ATTEMPTS:
            self._mark_undeliverable(leased, error)
            return
        wait = self._wait_after(attempts, error)
        log.warning(
            "delivery-postponed",
            parcel=leased.id,
            attempts=attempts,
            seconds=round(wait.total_seconds(), 1),
            error=type(error).__name__,
            detail=error.detail,
        )
        self._mark(leased, partial(_postponed, leased.id, self._clock() + wait, error.detail))

    def _wait_after(self, attempts: int, error: BouncedeskError) -> timedelta:
        """Return how long to wait: what the channel asks for, else ever longer, spread so that not all come at once."""
        asked = error.retry_after if isinstance(error, DeliveryDelayed) else None
        doubling = 2.0 ** min(attempts, 10)
        seconds = asked if asked is not None else doubling * (0.5 + self._jitter() / 2)
        return min(timedelta(seconds=seconds), LONGEST_WAIT)

    def _mark_undeliverable(self, leased: Leased, error: BouncedeskError) -> None:
        log.error(
            "delivery-given-up", parcel=leased.id, error=type(error).__name__, detail=error.detail
        )
        why = error.detail or str(error)
        self._mark(leased, partial(_given_up, leased.id, self._clock(), why))

    def _mark(self, leased: Leased, write: Callable[[Unit], None]) -> None:
        self._marks.append(_Mark(leased, write))
        if self._flush is None:
            self._flush = asyncio.create_task(self._flush_marks(), name="outbox-flush")

    async def _flush_marks(self) -> None:
        """Write down what became of parcels. What cannot be written down is sent again when its lease runs out."""
        try:
            await asyncio.sleep(_FLUSH_SECONDS)
            attempts = 0
            while self._marks:
                marks, self._marks = self._marks, []
                try:
                    await self._store.run(partial(_write, marks))
                except StoreError as error:
                    attempts += 1
                    log.warning("marks-not-written", count=len(marks), error=type(error).__name__)
                    if attempts < _FLUSH_ATTEMPTS:
                        self._marks = marks + self._marks
                        continue
                self._let_go(marks)
        finally:
            self._flush = None
            if self._behind_others:
                self._behind_others = False
                self._wake.set()

    def _let_go(self, marks: Sequence[_Mark]) -> None:
        """Forget parcels that are no longer ours."""
        for mark in marks:
            conversation = mark.leased.parcel.to.conversation
            held = self._held[conversation]
            held.discard(mark.leased.id)
            if not held:
                del self._held[conversation]
                self._stalled.discard(conversation)


class _Mark(NamedTuple):
    """What became of a parcel, to be written down."""

    leased: Leased
    write: Callable[[Unit], None]


def _write(marks: Sequence[_Mark], unit: Unit) -> None:
    for mark in marks:
        mark.write(unit)


def _sent(parcel: ParcelId, at: datetime, placed: Placed | None, unit: Unit) -> None:
    unit.sent(parcel, at, placed)


def _postponed(parcel: ParcelId, due: datetime, why: str, unit: Unit) -> None:
    unit.postpone(parcel, due, why)


def _given_up(parcel: ParcelId, at: datetime, why: str, unit: Unit) -> None:
    unit.give_up(parcel, at, why)
