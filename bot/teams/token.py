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

AUTHORITY = "https://login.microsoftonline.com"
SCOPE = "https://api.botframework.com/.default"

_AHEAD = 600.0
"""Seconds before its end from which a token is renewed in the background."""
_RESERVE = 60.0
"""Seconds before its end from which a token is no longer used: a request must outlive its way."""
_PAUSE = 15.0
"""Seconds after a failed purchase in which no other is tried."""
_TIMEOUT = 10
"""Seconds for one request to Entra."""

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


class Credentials:
    """Buys tokens with the app's secret."""

    def __init__(
        self,
        app_id: str,
        secret: str,
        tenant: str,
        *,
        authority: str = AUTHORITY,
        http_client: Any = None,
    ) -> None:
        """Take what the app registration says.

        Args:
            app_id: Application (client) id.
            secret: Client secret.
            tenant: The registration's own tenant, or `botframework.com` for a multi-tenant bot.
            authority: Entra's address in this cloud.
            http_client: What msal makes its requests with, in the manner of `requests.Session`; its own when None.
        """
        self._app_id = app_id
        self._secret = secret
        self._authority = f"{authority}/{tenant}"
        self._http_client = http_client
        self._app: Any = None

    def buy(self) -> dict[str, Any]:
        """Return msal's answer: `access_token` and `expires_in` seconds, or `error`. Blocks; called from a thread."""
        # Imported late: 0.2 s that a bot in local mode need not spend. And msal asks Entra for its endpoints when made.
        import msal  # noqa: PLC0415

        if self._app is None:
            self._app = msal.ConfidentialClientApplication(
                self._app_id,
                client_credential=self._secret,
                authority=self._authority,
                # We know which authority we mean; asking the public cloud about it would be one more thing to fail.
                instance_discovery=False,
                **(
                    {"timeout": _TIMEOUT}
                    if self._http_client is None
                    else {"http_client": self._http_client}
                ),
            )
        # msal answers from its own cache as long as that lasts; we ask only when ours has run out or was refused.
        self._app.remove_tokens_for_client()
        answer = self._app.acquire_token_for_client(scopes=[SCOPE])
        return dict(answer or {})


class OutboundToken:
    """One token for the process."""

    def __init__(
        self,
        buy: Callable[[], dict[str, Any]],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take a function that buys a token and may block."""
        self._buy = buy
        self._monotonic = monotonic
        self._token: str | None = None
        self._until = 0.0
        self._pause_until = 0.0
        self._buying: asyncio.Task[None] | None = None

    async def bearer(self) -> str | None:
        """Return a token that is good for at least a minute. Raises DeliveryDelayed."""
        left = self._until - self._monotonic()
        if self._token is None or left < _RESERVE:
            task = self._start()
            if task is not None:
                await asyncio.shield(task)
            if self._token is None or self._until - self._monotonic() < _RESERVE:
                wait = max(1.0, self._pause_until - self._monotonic())
                raise DeliveryDelayed("There is no token for the channel.", retry_after=wait)
        elif left < _AHEAD:
            self._start()
        return self._token

    def prefetch(self) -> None:
        """Start buying in the background; a wrong secret shows in the log at start."""
        self._start()

    def forget(self, token: str) -> None:
        """Drop a token that the channel refused, unless a newer one is there already."""
        if token == self._token:
            self._token = None

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
            self._pause_until = self._monotonic() + _PAUSE
            # No traceback: it leads through msal with the secret in its hands.
            log.error("token-unavailable", error=type(error).__name__)  # noqa: TRY400
            return
        token, seconds = answer.get("access_token"), answer.get("expires_in")
        if not isinstance(token, str) or not isinstance(seconds, int | float):
            self._pause_until = self._monotonic() + _PAUSE
            # `error` is one of OAuth's own words (`invalid_client`); the description may hold more than logs should.
            log.error("token-refused", error=str(answer.get("error"))[:64])
            return
        self._token = token
        self._until = self._monotonic() + float(seconds)
        log.info("token-bought", seconds=int(seconds))
