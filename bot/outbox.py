"""Everything that leaves goes through here: committed first, then sent, and sent again until the channel has it.

Each conversation's parcels leave one after the other, in the order they were committed. What this process has just committed
it sends at once; what a crash, a fault or another process left behind, the sweep finds. A message whose fate nobody can know is sent again
after a while in which it may still turn out to have arrived; a line in a thread is not (see docs/decisions/0006-outbox.md).
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import structlog
from msgspec.structs import replace

from bot.model.errors import (
    BouncedeskError,
    DeliveryAmbiguous,
    DeliveryDelayed,
    DeliveryFailed,
    DeliveryRefused,
    StoreConflict,
    StoreError,
    StoreUnavailable,
)
from bot.pace import Paced
from bot.ports import Leased, Line, News, Parcel, ParcelId, Placed, Reply, Revision, Unit
from bot.turnstile import Turnstile
from bot.watch import CAUSE, Tried, Watchers

if TYPE_CHECKING:
    from datetime import datetime

    from bot.ports import Clock, Sender, Store
    from bot.watch import Watch

log = structlog.get_logger("bouncedesk.outbox")

Result = TypeVar("Result")

Undeliverable = Callable[[Unit, Parcel, str], Sequence[Parcel]]
"""Says what is to be sent because a parcel was given up, and why it was: called in the transaction that gives it up."""

LEASE = timedelta(seconds=60)
"""How long a parcel is ours to send. Half of it is longer than the slowest send with its time-out: with less left it is renewed first."""

SWEEP_SECONDS = 1.0
"""Seconds between two looks for what is due."""

BATCH = 100
"""Parcels taken in one sweep, and parcels that wait for the pace of the whole app before the sweep stops to bring more."""

IN_HAND = 1_500
"""Parcels that one process takes at most: what the pace of the whole app lets through within a lease. Others wait in the store."""

AT_ONCE = 8
"""Parcels of one transaction that are answers to whoever caused it. What comes after them is a notice to many."""

STILL_THERE = timedelta(seconds=10)
"""How long somebody waits for an answer. What comes later has no more hurry than a notice."""

UNSURE = timedelta(seconds=30)
"""How long a message that may have arrived waits for a sign that it did, before it is sent again."""

LONGEST_WAIT = timedelta(minutes=10)
"""Between two attempts at the same parcel, unless the channel asks for more."""

LONGEST_SILENCE = timedelta(hours=1)
"""That a channel asks for or sets as its rate."""

ATTEMPTS = 20
"""Attempts before a parcel is given up: one and a half to two hours with the waits between them."""

_WITHOUT_POST = 4
"""Attempts at what belongs to a post that is not there. It was committed before, so it is either on its way or was given up."""

_WORD_OF_THE_CHANNEL = 4
"""Attempts after which the time that the channel asks for is not taken for enough any more."""

_STORE_WAIT = timedelta(seconds=2)
"""Before a parcel that was not tried because of the store is taken again."""

_FLUSH_ATTEMPTS = 10
"""A locked database makes each attempt wait a few seconds by itself; all together stay below the lease. Then the next sweep goes on."""

_FLUSH_SECONDS = 0.02
"""Marks of sent parcels are gathered for this long: one transaction for many."""

_SOON_SECONDS = (0.03, 0.06, 0.12, 0.25, 0.5)
"""Looks for a parcel that waits behind another instance's of the same conversation: that one is usually written down at once."""

_Key = tuple[str, str]
"""A conversation: its channel, and its id there."""


class Outbox:
    """Commits parcels and delivers them."""

    def __init__(
        self,
        store: Store,
        senders: Mapping[str, Sender],
        *,
        clock: Clock,
        jitter: Callable[[], float],
        undeliverable: Undeliverable = lambda _unit, _parcel, _why: (),
        watch: Watch | None = None,
    ) -> None:
        """Take a sender for every channel this process serves; `jitter` returns a number between 0 and 1, `watch` is told of attempts."""
        self._watch = watch or Watchers()
        self.undeliverable = undeliverable
        """May be set later, by what needs the outbox itself. It hears only of what was to tell a person about a ticket."""
        self._store = store
        self._senders = senders
        self._clock = clock
        self._jitter = jitter
        self._turnstiles = {
            channel: Turnstile(sender, patience=LEASE.total_seconds() / 3)
            for channel, sender in senders.items()
            if isinstance(sender, Paced)
        }
        self._tasks: set[asyncio.Task[None]] = set()
        self._lines: dict[_Key, deque[_Ours]] = {}
        """Per conversation, what is to be sent, after the one that is being sent."""
        self._ours: dict[ParcelId, _Ours] = {}
        """What is ours until it is written down what became of it."""
        self._held: defaultdict[_Key, set[ParcelId]] = defaultdict(set)
        """The same, per conversation."""
        self._stalled: set[_Key] = set()
        """Conversations in which a parcel failed, until that is written down: nothing may overtake it."""
        self._landed: dict[str, Placed] = {}
        """Where posts landed, until that is written down."""
        self._marks: list[_Mark] = []
        self._more = False
        """There may be something for the sweep as soon as what is sent now is written down."""
        self._soon: deque[float] = deque()
        """Seconds between the next looks, where they come sooner than usual."""
        self._flush: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._sweeping = asyncio.Lock()
        self._swept: datetime | None = None
        """When this process swept last."""
        self._sweeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to sweep."""
        self._sweeper = asyncio.create_task(self._sweep_for_ever(), name="outbox-sweep")

    async def close(self) -> None:
        """Finish what is being sent, give back what waits, and write both down."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        for turnstile in self._turnstiles.values():
            turnstile.close()
        self._flush_soon()
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

    # ------------------------------------------------------------------------------------------------ taking

    async def commit(self, work: Callable[[Unit], tuple[Result, Sequence[Parcel]]]) -> Result:
        """Run one transaction with the parcels it causes, and start to send them once it is committed."""
        cause = CAUSE.get()

        def with_parcels(unit: Unit) -> tuple[Result, list[_Ours | None]]:
            result, parcels = work(unit)
            now = self._clock()
            return result, [
                self._enqueue(unit, parcel, now, cause, hurried=place < AT_ONCE)
                for place, parcel in enumerate(parcels)
            ]

        result, enqueued = await self._store.run(with_parcels)
        taken = [ours for ours in enqueued if ours is not None]
        self._dispatch(taken)
        if len(taken) < len(enqueued):
            self._more = True
            self._soon = deque(_SOON_SECONDS)
            if self._flush is None:
                self._look_for_more()
        return result

    def _enqueue(
        self, unit: Unit, parcel: Parcel, now: datetime, cause: str, *, hurried: bool
    ) -> _Ours | None:
        """Enqueue a parcel in the store's thread; lease what this process can send behind what it holds already."""
        hurried = hurried and not parcel.waits_for_pause
        if hurried:
            parcel = replace(parcel, awaited=now)
        if parcel.to.channel not in self._senders or len(self._ours) >= IN_HAND:
            unit.enqueue(parcel, now)
            return None
        key = _key(parcel)
        behind = () if key in self._stalled else tuple(self._held.get(key, ()))
        until = now + LEASE
        leased = unit.enqueue(parcel, now, lease_until=until, behind=behind)
        if leased is None:
            return None
        return _Ours(leased, until, hurried=hurried, cause=cause)

    async def send_now(self, parcel: Parcel) -> None:
        """Deliver something that cannot be committed because the store is what failed. Best effort, one attempt."""
        turnstile = self._turnstiles.get(parcel.to.channel)
        if turnstile is not None:
            turnstile.count(parcel.to.conversation)
        try:
            await self._senders[parcel.to.channel].send(parcel, None)
        except DeliveryFailed as error:
            log.warning("apology-not-delivered", error=type(error).__name__, detail=error.detail)

    async def sweep(self) -> int:
        """Take what is due and start to send it; return how many parcels that were.

        What was held back for people who have fallen silent is due now, too. Does nothing while enough is in hand.
        """
        self._flush_soon()
        channels = tuple(self._senders)
        async with self._sweeping:  # whoever sweeps next must see what this one took as busy
            if self._has_enough:
                return 0
            now = self._clock()
            until = now + LEASE
            # What the clock did before this process began nobody knows, so then even the longest wait may be meant.
            longest = LONGEST_SILENCE if self._swept is None else LONGEST_WAIT
            went_back = self._swept is None or now < self._swept

            def take(unit: Unit) -> Sequence[Leased]:
                if went_back:
                    unit.clock_went_back(now, longest)
                for parcel in unit.release_paused(now):
                    unit.enqueue(parcel, now)
                return unit.lease(channels, now, until, BATCH)

            leased = await self._store.run(take)
            self._swept = now
            self._dispatch([_Ours(one, until, hurried=_awaited(one, now)) for one in leased])
        return len(leased)

    @property
    def _has_enough(self) -> bool:
        waiting = max((turnstile.waiting for turnstile in self._turnstiles.values()), default=0)
        return waiting >= BATCH or len(self._ours) >= IN_HAND

    async def _sweep_for_ever(self) -> None:
        while True:
            self._wake.clear()
            try:
                while await self.sweep() == BATCH:
                    pass
            except StoreError as error:
                log.warning("sweep-failed", error=type(error).__name__, detail=error.detail)
            seconds = self._soon.popleft() if self._soon else SWEEP_SECONDS
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._wake.wait()

    def _look_for_more(self) -> None:
        """Sweep now, where something may be waiting for it."""
        if self._more and all(one.waiting < BATCH // 2 for one in self._turnstiles.values()):
            self._more = False
            self._wake.set()

    def _dispatch(self, taken: Iterable[_Ours]) -> None:
        """Put parcels in the lines of their conversations, and send every line that is not being sent."""
        for ours in taken:
            known = self._ours.get(ours.leased.id)
            if known is not None:
                known.until = ours.until
                continue  # its lease ran out behind a slow send; it still stands in our line
            key = ours.key
            self._ours[ours.leased.id] = ours
            self._held[key].add(ours.leased.id)
            if key in self._stalled:
                self._give_back(ours, self._clock())
            elif key in self._lines:
                self._lines[key].append(ours)
                if ours.hurried and key[0] in self._turnstiles:
                    self._turnstiles[key[0]].hurry(key[1])
            else:
                self._lines[key] = deque([ours])
                task = asyncio.create_task(self._send_line(key))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    # ----------------------------------------------------------------------------------------------- sending

    async def _send_line(self, key: _Key) -> None:
        """Send the parcels of one conversation in order; when one has to wait, the rest wait behind it."""
        line = self._lines[key]
        try:
            while line:
                if not await self._deliver(line):
                    if key in self._held:
                        self._stalled.add(key)
                    for waiting in line:
                        self._give_back(waiting, self._clock())
                    return
        finally:
            del self._lines[key]

    async def _deliver(self, line: deque[_Ours]) -> bool:
        """Send the first parcel of a line; tell whether the next one may go."""
        ours = line.popleft()
        parcel = ours.leased.parcel
        CAUSE.set(ours.cause)  # a line has a task, and so a context, of its own
        began = perf_counter()
        try:
            if not await self._may_go(ours, line):
                return False
            placed = await self._place(ours.leased)
            began = perf_counter()
            landed = await self._senders[parcel.to.channel].send(parcel, placed)
        except DeliveryRefused as error:
            self._tried(ours, "refused", began)
            self._undeliverable(ours, error)
        except DeliveryAmbiguous as error:
            self._tried(ours, "ambiguous", began)
            if not isinstance(parcel.content, Line):
                return self._failed(ours, error)
            log.warning("line-in-doubt", parcel=ours.leased.id, detail=error.detail)
            self._sent(ours, None)
        except DeliveryFailed as error:
            self._tried(ours, "delayed", began)
            return self._failed(ours, error)
        except StoreError as error:
            log.warning("not-tried", parcel=ours.leased.id, error=type(error).__name__)
            self._give_back(ours, self._clock() + _STORE_WAIT)
            return False
        except Exception as error:  # noqa: BLE001 - one parcel that nobody can send must not hold up the others for ever
            self._tried(ours, "failed", began)
            return self._failed(ours, DeliveryFailed(type(error).__name__))
        else:
            self._tried(ours, "sent", began)
            self._sent(ours, landed)
        return True

    async def _may_go(self, ours: _Ours, line: deque[_Ours]) -> bool:
        """Wait for a parcel's turn; give it back where that is far away. False also where it is no longer ours."""
        channel, conversation = ours.key
        turnstile = self._turnstiles.get(channel)
        if turnstile is not None:
            # Somebody who waits for what stands behind a notice waits for the notice, too.
            hurried = ours.hurried or any(waiting.hurried for waiting in line)
            seconds = await turnstile.enter(conversation, hurried=hurried)
            if seconds is not None:
                self._give_back(ours, self._clock() + timedelta(seconds=seconds))
                return False
        if await self._is_ours(ours):
            return True
        # Whoever has it now, and probably what stands behind it, will do the rest: nothing of it may be written by us.
        log.warning("lease-lost", parcel=ours.leased.id)
        for lost in (ours, *line):
            self._let_go(lost)
        line.clear()
        return False

    async def _is_ours(self, ours: _Ours) -> bool:
        """Tell whether a parcel is ours for long enough to send it, after a renewal of the lease where that is needed."""
        if ours.until - self._clock() > LEASE / 2:
            return True
        async with self._sweeping:  # our own sweep must not take it in this moment
            now = self._clock()
            if ours.until - now > LEASE / 2:
                return True
            until = now + LEASE
            parcel, held = ours.leased.id, ours.until
            if await self._store.run(lambda unit: unit.renew(parcel, held, until)):
                ours.until = until
                return True
        return False

    async def _place(self, leased: Leased) -> Placed | None:
        """Return where what a parcel belongs to is. Raises DeliveryDelayed or DeliveryRefused where it must be somewhere and is not."""
        content = leased.parcel.content
        if not isinstance(content, Revision | Line | News):
            return None
        name = leased.parcel.lands_as if isinstance(content, News) else content.name
        placed = self._landed.get(name)
        if placed is None:
            placed = await self._store.run(lambda unit: unit.place(name))
        if placed is None and not isinstance(content, News):
            if leased.attempts + 1 >= _WITHOUT_POST:
                raise DeliveryRefused("The post that it belongs to never arrived.")
            raise DeliveryDelayed("The post that it belongs to is not there yet.")
        return placed

    # ----------------------------------------------------------------------------------- what became of them

    def _tried(self, ours: _Ours, outcome: str, began: float) -> None:
        """Tell whoever watches of an attempt, and how it came out."""
        leased = ours.leased
        self._watch.tried(
            Tried(
                parcel=leased.parcel,
                outcome=outcome,
                attempt=leased.attempts + 1,
                cause=ours.cause,
                seconds=perf_counter() - began,
            )
        )

    def _sent(self, ours: _Ours, landed: Placed | None) -> None:
        name = ours.leased.parcel.lands_as
        if landed is not None and name:
            self._landed[name] = landed
        else:
            landed = None
        self._more |= not ours.hurried
        self._mark(ours, partial(_sent, ours.leased.id, self._clock(), landed))

    def _failed(self, ours: _Ours, error: BouncedeskError) -> bool:
        """Write down a failed attempt; tell whether the next parcel may go."""
        attempts = ours.leased.attempts + 1
        if attempts >= ATTEMPTS:
            self._undeliverable(ours, error)
            return True
        wait = self._wait_after(ours, attempts, error)
        log.warning(
            "delivery-postponed",
            parcel=ours.leased.id,
            attempts=attempts,
            seconds=round(wait.total_seconds(), 1),
            error=type(error).__name__,
            detail=error.detail,
        )
        self._mark(ours, partial(_postponed, ours.leased.id, self._clock() + wait, error.detail))
        return False

    def _wait_after(self, ours: _Ours, attempts: int, error: BouncedeskError) -> timedelta:
        """Return how long to wait: what the channel asks for, else ever longer, spread so that not all come at once."""
        doubling = 2.0 ** min(attempts, 10) * (0.5 + self._jitter() / 2)
        wait = min(timedelta(seconds=doubling), LONGEST_WAIT)
        if isinstance(error, DeliveryAmbiguous) and not isinstance(
            ours.leased.parcel.content, News
        ):
            return max(wait, UNSURE)  # what a sink gets twice it knows again
        asked = error.retry_after if isinstance(error, DeliveryDelayed) else None
        if asked is None:
            return wait
        channel, conversation = ours.key
        if channel in self._turnstiles:
            self._turnstiles[channel].hold(conversation, asked)
        of_channel = timedelta(seconds=asked)
        return of_channel if attempts <= _WORD_OF_THE_CHANNEL else max(of_channel, wait)

    def _undeliverable(self, ours: _Ours, error: BouncedeskError) -> None:
        log.error(
            "delivery-given-up",
            parcel=ours.leased.id,
            error=type(error).__name__,
            detail=error.detail,
        )
        why = error.detail or str(error)
        told = _tells_somebody(ours.leased.parcel)
        write = partial(_given_up, ours.leased.id, self._clock(), why)
        self._mark(ours, write, why if told else None)

    def _give_back(self, ours: _Ours, due: datetime) -> None:
        """Give a parcel back that was not tried."""
        self._more = True
        self._mark(ours, partial(_given_back, ours.leased.id, due))

    def _mark(self, ours: _Ours, write: Callable[[Unit], None], why: str | None = None) -> None:
        self._marks.append(_Mark(ours, write, why))
        self._flush_soon()

    def _flush_soon(self) -> None:
        if self._marks and self._flush is None:
            # It writes down what became of many turns, so it belongs to none.
            self._flush = asyncio.create_task(
                self._flush_marks(), name="outbox-flush", context=Context()
            )

    async def _flush_marks(self) -> None:
        """Write down what became of parcels. What cannot be written down now stays ours: the next mark or sweep tries again."""
        try:
            await asyncio.sleep(_FLUSH_SECONDS)
            attempts = 0
            while self._marks and attempts < _FLUSH_ATTEMPTS:
                marks, self._marks = self._marks, []
                left = await self._write(marks)
                attempts = attempts + 1 if left else 0
                self._marks = left + self._marks
        finally:
            self._flush = None
            self._look_for_more()

    async def _write(self, marks: Sequence[_Mark]) -> list[_Mark]:
        """Write marks down, each one that somebody must hear of in a transaction of its own; return what could not be written now."""
        silent = [mark for mark in marks if mark.why is None]
        left: list[_Mark] = []
        for together in (silent, *([mark] for mark in marks if mark.why is not None)):
            try:
                await self._write_together(together)
            except (StoreUnavailable, StoreConflict) as error:
                log.warning("marks-not-written", count=len(together), error=type(error).__name__)
                left += together
                continue
            for mark in together:
                self._let_go(mark.ours)
        return left

    async def _write_together(self, marks: Sequence[_Mark]) -> None:
        """Write marks down in one transaction. Raises StoreUnavailable, StoreConflict."""
        try:
            await self._store.run(partial(self._apply, marks, aloud=True))
        except (StoreUnavailable, StoreConflict):
            raise
        except Exception as error:  # noqa: BLE001 - what was given up stays given up, also where nobody can be told of it
            log.error("given-up-untold", error=type(error).__name__, detail=_detail(error))  # noqa: TRY400 - a traceback shows private values
            await self._store.run(partial(self._apply, marks, aloud=False))

    def _apply(self, marks: Sequence[_Mark], unit: Unit, *, aloud: bool) -> None:
        """Write marks down. A reply that is sent because a parcel was given up is not told about in turn, should it be given up itself."""
        for mark in marks:
            mark.write(unit)
            if mark.why is None or not aloud:
                continue
            for parcel in self.undeliverable(unit, mark.ours.leased.parcel, mark.why):
                silent = replace(parcel, ticket=None) if _tells_somebody(parcel) else parcel
                unit.enqueue(silent, self._clock())
                self._more = True

    def _let_go(self, ours: _Ours) -> None:
        """Forget a parcel that is no longer ours."""
        self._ours.pop(ours.leased.id, None)
        self._landed.pop(ours.leased.parcel.lands_as, None)
        held = self._held[ours.key]
        held.discard(ours.leased.id)
        if not held:
            del self._held[ours.key]
            self._stalled.discard(ours.key)


@dataclass(slots=True)
class _Ours:
    """A parcel that this process holds."""

    leased: Leased
    until: datetime
    """When the lease ends."""
    hurried: bool
    """It answers somebody."""
    cause: str = ""
    """Id of the turn that committed it here; empty: another process did, or one before us."""

    @property
    def key(self) -> _Key:
        """Its conversation."""
        return _key(self.leased.parcel)


class _Mark(NamedTuple):
    """What became of a parcel, to be written down."""

    ours: _Ours
    write: Callable[[Unit], None]
    why: str | None
    """Why it was given up, where somebody must hear of that."""


def _detail(error: Exception) -> str:
    return error.detail if isinstance(error, BouncedeskError) else ""


def _tells_somebody(parcel: Parcel) -> bool:
    return parcel.ticket is not None and isinstance(parcel.content, Reply)


def _awaited(leased: Leased, now: datetime) -> bool:
    """Tell whether somebody still waits for a parcel: another instance may have committed it a moment ago."""
    since = leased.parcel.awaited
    return since is not None and now - since < STILL_THERE and not leased.attempts


def _key(parcel: Parcel) -> _Key:
    return parcel.to.channel, parcel.to.conversation


def _sent(parcel: ParcelId, at: datetime, placed: Placed | None, unit: Unit) -> None:
    unit.sent(parcel, at, placed)


def _given_back(parcel: ParcelId, due: datetime, unit: Unit) -> None:
    unit.give_back(parcel, due)


def _postponed(parcel: ParcelId, due: datetime, why: str, unit: Unit) -> None:
    unit.postpone(parcel, due, why)


def _given_up(parcel: ParcelId, at: datetime, why: str, unit: Unit) -> None:
    unit.give_up(parcel, at, why)
