"""One HTTP call to somebody else's server, and what its answer means for a parcel."""

from __future__ import annotations

import asyncio
import ipaddress
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import msgspec
from yarl import URL

from bot.model.errors import (
    DeliveryAmbiguous,
    DeliveryDelayed,
    DeliveryFailed,
    DeliveryRefused,
    SettingsError,
)
from bot.ports import Clock

Json = Any

_ANSWER_BYTES = 8_000_000
_LONGEST_WAIT = 3_600.0
_NOT_NOW = frozenset({401, 403, 405, 407, 408, 425, 429})
"""Statuses that speak of how the other side is set up or feels, not of this message: somebody may mend it within the hours of retrying."""


class Answer(msgspec.Struct, frozen=True):
    """What a server answered with a 2xx."""

    status: int
    body: bytes

    def json(self) -> Json:
        """Return the body's JSON. Raises DeliveryDelayed where it is none: then something stands in front of the server."""
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise DeliveryDelayed("The answer is not JSON.") from error


class NotThere(DeliveryDelayed):
    """The other side does not know what was asked for, or is not quite there itself."""


def new_session() -> aiohttp.ClientSession:
    """Return the session that all sinks share. Must be called on the loop."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=20, limit_per_host=10, keepalive_timeout=30.0),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
    )


def secure_url(text: str, what: str) -> URL:
    """Return the address of a server. Raises SettingsError unless it is https, or http to this machine itself."""
    try:
        url = URL(text)
        host, scheme = url.host, url.scheme
    except ValueError as error:
        raise SettingsError(f"{what} is not a URL.") from error
    if not host or scheme not in {"https", "http"} or url.user or url.password:
        raise SettingsError(f"{what} must be a URL with a host and without a login in it.")
    if scheme == "http" and not is_this_machine(host):
        raise SettingsError(f"{what} must be https: only this machine is reached without TLS.")
    return url


def is_this_machine(host: str) -> bool:
    """Tell whether a host is this machine and nothing else."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def call(
    session: aiohttp.ClientSession,
    method: str,
    url: URL,
    *,
    clock: Clock,
    seconds: float,
    headers: Mapping[str, str],
    body: bytes | None = None,
    repeatable: bool = False,
) -> Answer:
    """Make one call; redirects are not followed, because what is sent is for this server.

    Args:
        session: The shared session.
        method: The HTTP method.
        url: Where to.
        clock: The time, for a `Retry-After` that is a date.
        seconds: The longest that it may take.
        headers: The request's headers.
        body: The request's body.
        repeatable: Making the call again does no harm, so a lost answer leaves no doubt.

    Raises DeliveryRefused, DeliveryDelayed (as NotThere for a 404) or, unless repeatable, DeliveryAmbiguous.
    """
    try:
        async with session.request(
            method,
            url,
            data=body,
            headers=headers,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=seconds, connect=min(5.0, seconds)),
        ) as response:
            status = response.status
            answer = await _read(response)
            retry_after = response.headers.get("Retry-After")
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        raise DeliveryDelayed(type(error).__name__) from error
    except (aiohttp.ClientError, OSError) as error:  # OSError includes TimeoutError
        name = type(error).__name__
        raise (DeliveryDelayed(name) if repeatable else DeliveryAmbiguous(name)) from error
    if 200 <= status < 300:  # noqa: PLR2004 - the class of success
        return Answer(status, answer)
    raise _trouble(status, _seconds(retry_after, clock), repeatable=repeatable)


def _trouble(status: int, retry_after: float | None, *, repeatable: bool) -> DeliveryFailed:
    """Return what a status means. What the server wrote beside it may quote what was sent, and stays out."""
    detail = f"HTTP {status}"
    if status == 404:  # noqa: PLR2004
        return NotThere(detail)
    if status in _NOT_NOW or status == 503 or (repeatable and status >= 500):  # noqa: PLR2004
        return DeliveryDelayed(detail, retry_after=retry_after)
    return DeliveryAmbiguous(detail) if status >= 500 else DeliveryRefused(detail)  # noqa: PLR2004


def _seconds(header: str | None, clock: Clock) -> float | None:
    """Return a Retry-After in seconds (RFC 9110 section 10.2.3: seconds or a date)."""
    if header is None:
        return None
    if re.fullmatch(r"[0-9]{1,9}", header.strip(), re.ASCII):
        return min(float(header), _LONGEST_WAIT)
    try:
        at = parsedate_to_datetime(header)
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(at.timestamp() - clock().timestamp(), 0.0), _LONGEST_WAIT)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    data = bytearray()
    async for chunk in response.content.iter_any():
        data += chunk
        if len(data) > _ANSWER_BYTES:
            response.close()
            break
    return bytes(data)


async def close(session: aiohttp.ClientSession) -> None:
    """Close the shared session and let its connections go."""
    await session.close()
    # aiohttp closes TLS transports one step of the loop later.
    await asyncio.sleep(0)
