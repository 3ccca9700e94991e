"""Whether the bot should get work, and what its operator should look at. Load balancers read the status, people the rest.

Not ready is only what a person would notice at once and another instance might do better: the database is away, nobody's token can be
checked, or the bot never had a token of its own. Everything else is a warning: taking away the only instance would make it worse.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from time import monotonic

import msgspec

_FRESH_SECONDS = 1.0
"""For which an answer holds: however many ask, the database is asked once a second."""

_CHECK_SECONDS = 5.0
"""For one check. A database that takes longer is away."""


class Status(StrEnum):
    """How one thing is."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


class Check(msgspec.Struct, frozen=True):
    """How one thing is, and what there is to say about it: no secrets, and nothing about people."""

    name: str
    status: Status
    detail: str = ""


class Report(msgspec.Struct, frozen=True):
    """How everything is."""

    status: str
    """`ready`, `not ready` or `stopping`."""
    checks: Sequence[Check]
    warnings: Sequence[str]

    @property
    def ready(self) -> bool:
        """Whether the bot should get work."""
        return self.status == "ready"


class Readiness:
    """Asks everything how it is."""

    def __init__(
        self, checks: Sequence[tuple[str, Callable[[], Awaitable[Sequence[Check]]]]]
    ) -> None:
        """Take the names of what is asked, and how. One that raises has failed."""
        self._checks = tuple(checks)
        self._asking = asyncio.Lock()
        self._known: tuple[float, Report] | None = None
        self._stopping = False

    def stop(self) -> None:
        """Say from now on that the bot is about to end."""
        self._stopping = True

    async def report(self) -> Report:
        """Return how everything is, or was less than a second ago."""
        if self._stopping:
            return Report("stopping", (), ())
        async with self._asking:
            if self._known is None or monotonic() - self._known[0] > _FRESH_SECONDS:
                report = await self._ask()
                self._known = (monotonic(), report)
            return self._known[1]

    async def _ask(self) -> Report:
        found: list[Check] = []
        for name, check in self._checks:
            try:
                async with asyncio.timeout(_CHECK_SECONDS):
                    found += await check()
            except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it is not well
                found.append(Check(name, Status.FAILED, type(error).__name__))
        failed = any(one.status is Status.FAILED for one in found)
        return Report(
            "not ready" if failed else "ready",
            tuple(found),
            tuple(f"{one.name}: {one.detail}" for one in found if one.status is Status.WARNING),
        )
