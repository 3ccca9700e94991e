"""Everything that leaves goes through here: committed first, then sent, and sent again until the channel has it.

Each conversation's parcels leave one after the other, in the order they were committed. What this process has just committed
it sends at once; what a crash, a fault or another process left behind, the sweep finds. Delivery is *at least once*: a message whose
fate nobody can know is sent again, because a lost answer is worse than a double one (see docs/decisions/0006-outbox.md).
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import structlog

from bot.model.errors import DeliveryDelayed, DeliveryFailed, DeliveryRefused, StoreError
from bot.ports import Leased, Parcel, ParcelId, Placed, Revision, Unit

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
"""Attempts before a parcel is given up: about two hours with the waits between them."""

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
        self._marks: list[Callable[[Unit], None]] = []
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

        def with_parcels(unit: Unit) -> tuple[Result, list[Leased]]:
            result, parcels = work(unit)
            now = self._clock()
            leased = [
                unit.enqueue(parcel, now, lease_until=self._lease(parcel)) for parcel in parcels
            ]
            return result, [parcel for parcel in leased if parcel is not None]

        result, leased = await self._store.run(with_parcels)
        if leased:
            self._dispatch(leased)
        return result

    def _lease(self, parcel: Parcel) -> datetime | None:
        return self._clock() + LEASE if parcel.to.channel in self._senders else None

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
        by_conversation: defaultdict[str, list[Leased]] = defaultdict(list)
        for one in leased:
            by_conversation[one.parcel.to.conversation].append(one)
        for run in by_conversation.values():
            task = asyncio.create_task(self._send_in_order(run))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _send_in_order(self, run: Sequence[Leased]) -> None:
        """Send parcels of one conversation; when one fails, the rest wait behind it."""
        for position, leased in enumerate(run):
            try:
                placed = await self._send(leased)
            except DeliveryRefused as error:
                self._mark_undeliverable(leased, error)
            except DeliveryFailed as error:
                self._mark_failed(leased, error)
                for waiting in run[position + 1 :]:
                    self._mark(_postponed(waiting.id, self._clock(), "waits its turn"))
                return
            else:
                self._mark(_sent(leased.id, self._clock(), placed))

    async def _send(self, leased: Leased) -> Placed | None:
        content = leased.parcel.content
        placed = None
        if isinstance(content, Revision):
            name = content.name
            placed = await self._store.run(lambda unit: unit.place(name))
            if placed is None:
                raise DeliveryDelayed("The post that this one replaces is not there yet.")
        return await self._senders[leased.parcel.to.channel].send(leased.parcel, placed)

    def _mark_failed(self, leased: Leased, error: DeliveryFailed) -> None:
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
        self._mark(_postponed(leased.id, self._clock() + wait, error.detail))

    def _wait_after(self, attempts: int, error: DeliveryFailed) -> timedelta:
        """Return how long to wait: what the channel asks for, else ever longer, spread so that not all come at once."""
        asked = error.retry_after if isinstance(error, DeliveryDelayed) else None
        doubling = 2.0 ** min(attempts, 10)
        seconds = asked if asked is not None else doubling * (0.5 + self._jitter() / 2)
        return min(timedelta(seconds=seconds), LONGEST_WAIT)

    def _mark_undeliverable(self, leased: Leased, error: DeliveryFailed) -> None:
        log.error(
            "delivery-given-up", parcel=leased.id, error=type(error).__name__, detail=error.detail
        )
        why, at = error.detail or str(error), self._clock()
        self._mark(lambda unit: unit.give_up(leased.id, at, why))

    def _mark(self, mark: Callable[[Unit], None]) -> None:
        self._marks.append(mark)
        if self._flush is None:
            self._flush = asyncio.create_task(self._flush_marks(), name="outbox-flush")

    async def _flush_marks(self) -> None:
        """Write down what became of parcels. If that fails they are sent again when their lease runs out."""
        try:
            await asyncio.sleep(_FLUSH_SECONDS)
            while self._marks:
                marks, self._marks = self._marks, []
                try:
                    await self._store.run(partial(_apply, marks))
                except StoreError as error:
                    log.warning("marks-lost", count=len(marks), error=type(error).__name__)
        finally:
            self._flush = None
            self._wake.set()


def _apply(marks: Sequence[Callable[[Unit], None]], unit: Unit) -> None:
    for mark in marks:
        mark(unit)


def _sent(parcel: ParcelId, at: datetime, placed: Placed | None) -> Callable[[Unit], None]:
    return lambda unit: unit.sent(parcel, at, placed)


def _postponed(parcel: ParcelId, due: datetime, why: str) -> Callable[[Unit], None]:
    return lambda unit: unit.postpone(parcel, due, why)
