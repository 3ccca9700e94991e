"""The bot's own token, for what it sends. Bought from Entra by msal, which blocks, so in a thread and never while a reply waits for it.

The SDK buys one for every turn that replies, on the event loop. Here one is kept for the process, renewed in the background before
it runs out, and bought once however many replies wait for the first.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Protocol

import structlog

from bot.model.errors import DeliveryDelayed

_AHEAD = 600.0
"""Seconds before its end from which a token is renewed in the background; of a short-lived one it is half its life."""
_RESERVE = 60.0
"""Seconds before its end from which a token is no longer used: a request must outlive its way."""
_PAUSE = 15.0
"""Seconds after a refused purchase in which no other is tried, and after any in which none is made ahead or for a second refused token."""
_FIRST_PAUSE = 1.0
"""Seconds after a purchase that could not be made; after each that follows twice as many, up to the pause."""

log = structlog.get_logger("bouncedesk.teams")


class Token(Protocol):
    """What the connector shows the channel."""

    async def bearer(self) -> str | None:
        """Return the token; None where none is needed. Raises DeliveryDelayed when it cannot be had now."""

    def prefetch(self) -> None:
        """Start buying, so that the first reply need not wait. Must be called on the loop."""

    def forget(self, token: str) -> None:
        """Drop a token that the channel refused."""

    async def close(self) -> None:
        """Let go of what runs in the background."""


class NoToken:
    """Local mode: the channel is a program on this machine and asks for nothing."""

    async def bearer(self) -> str | None:
        """Return None."""
        return None

    def prefetch(self) -> None:
        """Do nothing: there is no token."""

    def forget(self, token: str) -> None:
        """Do nothing: there is no token."""

    async def close(self) -> None:
        """Do nothing: nothing runs."""


class OutboundToken:
    """One token for the process."""

    def __init__(
        self,
        buy: Callable[[], dict[str, Any]],
        monotonic: Callable[[], float] = time.monotonic,
        *,
        observe: Callable[[str], None] = lambda _outcome: None,
    ) -> None:
        """Take a function that buys a token and may block; `observe` is told how each purchase came out: bought, refused, unavailable."""
        self._observe = observe
        self._buy = buy
        self._monotonic = monotonic
        self._token: str | None = None
        self._until = 0.0
        self._renew_from = 0.0
        self._pause_until = 0.0
        self._away = 0
        """Purchases in a row that could not be made."""
        self._refused: float | None = None
        """When the channel refused a token last."""
        self._buying: asyncio.Task[None] | None = None

    async def bearer(self) -> str | None:
        """Return a token that is good for at least a minute. Raises DeliveryDelayed."""
        now = self._monotonic()
        if self._token is None or self._until - now < _RESERVE:
            task = self._start()
            if task is not None:
                await asyncio.shield(task)
            if self._token is None or self._until - self._monotonic() < _RESERVE:
                wait = max(1.0, self._pause_until - self._monotonic())
                raise DeliveryDelayed("There is no token for the channel.", retry_after=wait)
        elif now > self._renew_from:
            self._start()
        return self._token

    def prefetch(self) -> None:
        """Start buying in the background; a wrong secret shows in the log at start."""
        self._start()

    def forget(self, token: str) -> None:
        """Drop a token that the channel refused, unless a newer one is there already.

        The next one is bought at once; where that is refused as well, tokens are not what is wrong, and there is a pause.
        """
        if token != self._token:
            return
        self._token = None
        now = self._monotonic()
        if self._refused is not None and now - self._refused < _PAUSE:
            self._pause_until = now + _PAUSE
        self._refused = now

    async def close(self) -> None:
        """Wait for a purchase that runs: a thread cannot be cancelled, only outlived."""
        if self._buying is not None:
            await asyncio.gather(self._buying, return_exceptions=True)

    def _start(self) -> asyncio.Task[None] | None:
        if self._buying is not None and not self._buying.done():
            return self._buying
        if self._monotonic() < self._pause_until:
            return None
        self._buying = asyncio.create_task(self._renew(), name="outbound-token")
        return self._buying

    async def _renew(self) -> None:
        try:
            answer = await asyncio.to_thread(self._buy)
        except Exception as error:  # noqa: BLE001 - msal raises what its HTTP client raises; all of it means "not now"
            pause = min(_FIRST_PAUSE * 2.0**self._away, _PAUSE)
            self._pause_until = self._monotonic() + pause
            self._away = min(self._away + 1, 10)
            # No traceback: it leads through msal with the secret in its hands.
            log.error("token-unavailable", error=type(error).__name__)  # noqa: TRY400
            self._observe("unavailable")
            return
        self._away = 0
        now = self._monotonic()
        token, seconds = answer.get("access_token"), answer.get("expires_in")
        if not isinstance(token, str) or not isinstance(seconds, int | float):
            self._pause_until = now + _PAUSE
            # `error` is one of OAuth's own words (`invalid_client`); the description may hold more than logs should.
            log.error("token-refused", error=str(answer.get("error"))[:64])
            self._observe("refused")
            return
        self._token = token
        self._until = now + float(seconds)
        # Some sell the same token again until it ends: it is not asked for with every reply.
        self._renew_from = max(self._until - min(_AHEAD, seconds / 2), now + _PAUSE)
        self._pause_until = now + _PAUSE if seconds < _RESERVE else 0.0
        log.info("token-bought", seconds=int(seconds))
        self._observe("bought")
