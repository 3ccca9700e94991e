"""What the operators' pages say, and what operators tell a running bot: to read its content again, to take no more work."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from time import perf_counter
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from bot.metrics import Metrics, Now
from bot.model.errors import StoreError
from bot.readiness import Check, Readiness, Report, Status
from bot.teams.expiry import warnings

if TYPE_CHECKING:
    from bot.edition import Editions
    from bot.ports import Clock, Counts, WholeStore
    from bot.teams.room import TeamsRoom

log = structlog.get_logger("bouncedesk.operations")

OLD_SECONDS = 300.0
"""Age of an unsent message from which it is warned of: no ordinary wait for the channel's rate is so long."""

_STALE_KEYS_SECONDS = 2 * 86_400.0
"""Age of signing keys from which it is warned of: they are fetched every day."""

_BEAT_SECONDS = 1.0
_BEATS = 15
"""So many of the last beats are looked at for the slowest: what a scrape of every 15 s sees."""


class Purchases:
    """How the purchases of the bot's own token come out."""

    def __init__(self, metrics: Metrics) -> None:
        """Take where they are counted."""
        self._metrics = metrics
        self.last = ""
        """`bought`, `refused` or `unavailable`; empty: none was tried."""
        self.succeeded = False
        """One was bought since the start."""

    def __call__(self, outcome: str) -> None:
        """Take down how one came out."""
        self.last = outcome
        self.succeeded |= outcome == "bought"
        self._metrics.token(outcome)


class Operations:
    """Looks after one running bot."""

    def __init__(
        self,
        store: WholeStore,
        editions: Editions,
        room: TeamsRoom,
        metrics: Metrics,
        purchases: Purchases,
        *,
        clock: Clock,
        local: bool,
    ) -> None:
        """Take what there is to look after. Must be called on the loop; in local mode there are neither keys nor tokens."""
        self._store = store
        self._editions = editions
        self._room = room
        self._metrics = metrics
        self._purchases = purchases
        self._clock = clock
        self._local = local
        checks = [("database", self._database), ("content", self._content)]
        if not local:
            checks += [("keys", self._keys), ("token", self._token), ("expiry", self._expiry)]
        self._readiness = Readiness(checks)
        self._pulse = asyncio.create_task(self._beat(), name="pulse")

    # ---------------------------------------------------------------------------------------- what operators see

    async def report(self) -> Report:
        """Return whether the bot should get work, and why not."""
        return await self._readiness.report()

    async def measure(self) -> bytes:
        """Return the metrics in Prometheus' text format."""
        now = Now(
            counts=await self._counts(),
            content=self._editions().version,
            expiries=self._room.expiries(),
        )
        return await asyncio.to_thread(self._metrics.render, now)

    def refused(self, route: str, status: int) -> None:
        """Count a request that was answered with an error."""
        self._metrics.refused(route, status)

    # -------------------------------------------------------------------------------------- what operators tell it

    def serving(self) -> None:
        """Know that the port is open."""
        self._metrics.serving()

    async def reload(self) -> bool:
        """Read the content again; tell whether it could be used. Where not, the log says why and the old one stays."""
        usable = await self._editions.reload()
        self._metrics.reloaded(usable=usable)
        return usable

    def stop(self) -> None:
        """Say from now on that the bot is about to end, so that load balancers send its work elsewhere."""
        log.info("stopping")
        self._readiness.stop()

    async def close(self) -> None:
        """Look after nothing any more."""
        self._pulse.cancel()
        await asyncio.gather(self._pulse, return_exceptions=True)

    # -------------------------------------------------------------------------------------------------- the checks

    async def _counts(self) -> Counts | None:
        try:
            return await self._store.counts(self._clock())
        except StoreError as error:
            log.warning("not-counted", error=type(error).__name__)
            return None

    async def _database(self) -> Sequence[Check]:
        try:
            await self._store.health()
            counts = await self._store.counts(self._clock())
        except StoreError as error:
            return (Check("database", Status.FAILED, str(error)),)
        detail = (
            f"{counts.unsent} unsent, the oldest for {counts.oldest_seconds:.0f} s; "
            f"{counts.dead} given up"
        )
        late = counts.oldest_seconds > OLD_SECONDS
        outbox = Check("outbox", Status.WARNING if late else Status.OK, detail)
        return Check("database", Status.OK), outbox

    async def _content(self) -> Sequence[Check]:
        version, unusable = self._editions().version, self._editions.unusable
        if unusable is None:
            return (Check("content", Status.OK, f"version {version}"),)
        detail = f"version {version} stays: the one read last has {unusable} problems, see the log"
        return (Check("content", Status.WARNING, detail),)

    async def _keys(self) -> Sequence[Check]:
        age = self._room.keys_age
        if age is None:
            return (Check("keys", Status.FAILED, "never fetched: nobody can be recognised"),)
        status = Status.WARNING if age > _STALE_KEYS_SECONDS else Status.OK
        return (Check("keys", status, f"fetched {age:.0f} s ago"),)

    async def _token(self) -> Sequence[Check]:
        last = self._purchases.last
        if last == "bought":
            return (Check("token", Status.OK, last),)
        if self._purchases.succeeded:
            return (Check("token", Status.WARNING, f"the last purchase was {last}"),)
        detail = f"never had: {last}" if last else "not bought yet"
        return (Check("token", Status.FAILED, detail),)

    async def _expiry(self) -> Sequence[Check]:
        return [
            Check(
                one.name,
                Status.WARNING,
                f"ended on {one.at:%Y-%m-%d}"
                if one.expired
                else f"ends on {one.at:%Y-%m-%d}, in {one.days} days",
            )
            for one in warnings(self._room.expiries(), self._clock())
        ]

    async def _beat(self) -> None:
        """Feel how late the loop wakes up, every second."""
        lags: deque[float] = deque(maxlen=_BEATS)
        while True:
            before = perf_counter()
            await asyncio.sleep(_BEAT_SECONDS)
            lags.append(max(perf_counter() - before - _BEAT_SECONDS, 0.0))
            self._metrics.felt(max(lags), self._room.keys_age)
            if self._lacks_something:
                self._room.warm()

    @property
    def _lacks_something(self) -> bool:
        """Whether keys or a token could not be had. An unready bot gets no work that would make it try again by itself."""
        return not self._local and (
            self._room.keys_age is None or self._purchases.last in {"refused", "unavailable"}
        )


OPERATIONS = web.AppKey("operations", Operations)
"""Where the HTTP application keeps them, for whoever runs it."""
