"""`bouncedesk`, with somebody who watches its event loop from the inside: how long was nothing else able to run?

    python -m bench.watched FILE run --port 3978

A timer comes every millisecond; how late it is, is how long the loop was held. What the system made the thread wait for a core
(`/proc/thread-self/schedstat`) is taken off: on a shared machine that says nothing about the program. Waiting for a lock, for a file, or
for another thread of ours to let go of the interpreter stays in. Once a tenth of a second the longest goes into the file, one JSON line:
{"at": seconds of the monotonic clock, "ms": held, "raw_ms": the same with what the system took, "tasks": tasks that are not done}.

Only the bench starts the bot this way. The bot itself has no such clock.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import sys
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import IO, Any, TypeVar

import msgspec

T = TypeVar("T")

_TICK = 0.001
_WRITE = 0.1

_encode = msgspec.json.Encoder().encode


class _Watch:
    """A timer of the loop that notes how late it comes."""

    def __init__(self, loop: asyncio.AbstractEventLoop, file: IO[bytes]) -> None:
        self._loop = loop
        self._file = file
        self._due = 0.0
        self._stolen = 0.0
        self._written = time.monotonic()
        self._longest = (0.0, 0.0)
        try:
            self._scheduled: int | None = os.open("/proc/thread-self/schedstat", os.O_RDONLY)
        except OSError:
            self._scheduled = None

    def begin(self) -> None:
        self._stolen = self._waited()
        self._due = time.monotonic() + _TICK
        self._loop.call_later(_TICK, self._tick)

    def _tick(self) -> None:
        now = time.monotonic()
        late = now - self._due
        stolen = self._waited()
        own = late - (stolen - self._stolen)
        self._longest = max(self._longest, (own, late))
        if now - self._written >= _WRITE:
            own, late = self._longest
            said = {"at": now, "ms": own * 1000, "raw_ms": late * 1000, "tasks": self._tasks()}
            self._file.write(_encode(said) + b"\n")
            self._written, self._longest = now, (0.0, 0.0)
        self._stolen = stolen
        self._due = time.monotonic() + _TICK
        self._loop.call_later(_TICK, self._tick)

    def _tasks(self) -> int:
        return len(asyncio.all_tasks(self._loop))

    def _waited(self) -> float:
        """Return the seconds that this thread has waited for a core since it began."""
        if self._scheduled is None:
            return 0.0
        return int(os.pread(self._scheduled, 64, 0).split()[1]) / 1e9


def _watch_all(file: IO[bytes]) -> None:
    """Watch every event loop that is run from now on, of whatever make."""
    run = asyncio.Runner.run

    def watched(
        self: asyncio.Runner,
        coro: Coroutine[Any, Any, T],
        *,
        context: contextvars.Context | None = None,
    ) -> T:
        async def watch() -> T:
            _Watch(asyncio.get_running_loop(), file).begin()
            return await coro

        return run(self, watch(), context=context)

    asyncio.Runner.run = watched  # type: ignore[method-assign]


def main() -> None:
    """Run, as a program."""
    from bot.__main__ import main as bouncedesk  # noqa: PLC0415 - `--help` must not wait for it, here too

    with Path(sys.argv.pop(1)).open("ab", 0) as file:
        _watch_all(file)
        sys.argv[0] = "bouncedesk"
        bouncedesk()


if __name__ == "__main__":
    main()
