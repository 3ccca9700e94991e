"""The sinks of one process: opened once, with what they share, and closed at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Self

import structlog

from bot.model.errors import DeliveryFailed, StoreError
from bot.ports import Sender
from bot.sinks.sink import Polled, Sink, WayBack

log = structlog.get_logger("bouncedesk.sinks")


class SinkRoom:
    """The sinks that are configured."""

    def __init__(self, sinks: Sequence[Sink], let_go: Callable[[], Awaitable[None]]) -> None:
        """Take the sinks, and what closes what they share."""
        self._sinks = tuple(sinks)
        self._let_go = let_go
        self._polls: list[asyncio.Task[None]] = []

    @property
    def senders(self) -> Mapping[str, Sender]:
        """Who delivers to each sink, by the outbox's channel id."""
        return {f"sink:{sink.name}": sink for sink in self._sinks}

    def start(self, back: Callable[[str], WayBack]) -> None:
        """Begin to ask those that do not tell by themselves. `back` gives the way back from a sink."""
        for sink in self._sinks:
            if isinstance(sink, Polled):
                work = _poll_for_ever(sink.name, sink, back(sink.name))
                self._polls.append(asyncio.create_task(work, name=f"poll-{sink.name}"))

    async def stop(self) -> None:
        """Ask no more."""
        for poll in self._polls:
            poll.cancel()
        await asyncio.gather(*self._polls, return_exceptions=True)
        self._polls.clear()

    async def close(self) -> None:
        """Let go of everything."""
        await self.stop()
        for sink in self._sinks:
            await sink.close()
        await self._let_go()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


async def _poll_for_ever(name: str, sink: Polled, back: WayBack) -> None:
    while True:
        try:
            await sink.poll(back)
        except (DeliveryFailed, StoreError) as error:
            log.warning("poll-failed", sink=name, error=type(error).__name__, detail=error.detail)
        except Exception as error:  # noqa: BLE001 - the next poll may succeed, and the others must go on
            log.error("poll-broken", sink=name, error=type(error).__name__)  # noqa: TRY400 - a traceback shows values
        await asyncio.sleep(sink.every)
