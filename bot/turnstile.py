"""Lets messages through to a channel no faster than it allows, answers before what nobody waits for.

A conversation's rate holds for all of its messages. The rate of the whole app holds back only what is *unhurried*: a thousand notices that
are due at once leave one by one, and an answer to somebody passes them.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from bot.pace import Pace, Paced

_ALL = ""


class Turnstile:
    """The way to one channel. One message of a conversation comes to it at a time."""

    def __init__(self, channel: Paced, *, patience: float) -> None:
        """Take what the channel allows, and the seconds that a message is made to wait here at most for its conversation's rate."""
        self._channel = channel
        self._patience = patience
        self._rooms = Pace(channel.rates)
        self._everybody = Pace(channel.unhurried)
        self._least = Pace(channel.least)
        self._waiting: dict[str, asyncio.Future[bool]] = {}
        """Conversations with an unhurried message, in the order in which they came."""
        self._usher: asyncio.Task[None] | None = None
        self._closed = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many unhurried messages wait."""
        return len(self._waiting)

    async def enter(self, conversation: str, *, hurried: bool) -> float | None:
        """Wait until the next message of a conversation may be sent, and count it.

        Returns None when it may be sent now, or the seconds after which to come again: its turn is too far away, or the way is closed.
        """
        loop = asyncio.get_running_loop()
        room = self._channel.room(conversation)
        counted = False
        while True:
            seconds = self._rooms.wait(room, loop.time())
            if seconds > self._patience:
                return seconds
            if seconds > 0.0:
                if not await self._sleep(seconds):
                    return self._rooms.wait(room, loop.time())
            elif hurried or counted:
                break
            elif not await self._queue(conversation):
                return 0.0
            else:
                counted = True
        now = loop.time()
        self._rooms.book(room, now)
        if not counted:
            self._everybody.book(_ALL, now)
        return None

    def hurry(self, conversation: str) -> None:
        """Let a conversation's message through that waits only for others: somebody waits for what comes after it."""
        waiting = self._waiting.pop(conversation, None)
        if waiting is not None:
            self._let_through(waiting)

    def hold(self, conversation: str, seconds: float) -> None:
        """Send nothing to a conversation for some seconds: the channel asks for it."""
        room = self._channel.room(conversation)
        self._rooms.hold(room, seconds, asyncio.get_running_loop().time())

    def count(self, conversation: str) -> None:
        """Count a message that did not wait."""
        now = asyncio.get_running_loop().time()
        self._rooms.book(self._channel.room(conversation), now)
        self._everybody.book(_ALL, now)

    def close(self) -> None:
        """Send everybody away who waits, now and later."""
        self._closed.set()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_result(False)
        self._waiting.clear()

    async def _queue(self, conversation: str) -> bool:
        """Wait until it is an unhurried message's turn; False when the way was closed."""
        if self._closed.is_set():
            return False
        waiting: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting[conversation] = waiting
        if self._usher is None:
            self._usher = asyncio.create_task(self._let_all_through(), name="turnstile")
        return await waiting

    async def _let_all_through(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                now = loop.time()
                seconds = min(self._everybody.wait(_ALL, now), self._least.wait(_ALL, now))
                if seconds > 0.0:
                    await self._sleep(seconds)
                    continue
                self._least.book(_ALL, now)
                self._let_through(self._waiting.pop(next(iter(self._waiting))))
        finally:
            self._usher = None

    def _let_through(self, waiting: asyncio.Future[bool]) -> None:
        if not waiting.done():  # nobody waits any more where the loop is being closed
            self._everybody.book(_ALL, asyncio.get_running_loop().time())
            waiting.set_result(True)

    async def _sleep(self, seconds: float) -> bool:
        """Sleep; False when the way was closed meanwhile."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closed.wait()
        return not self._closed.is_set()
