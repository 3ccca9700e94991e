"""Looking over the network, with an end to every wait, and what it means when nobody answers."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import msgspec

from bot.ports import Clock

SECONDS = 6.0
"""The longest that one look takes."""

_BYTES = 1_000_000

_UNTRUSTED = frozenset({18, 19, 20, 21})
"""OpenSSL's numbers for a certificate that no known authority vouches for (X509_V_ERR_…)."""
_EXPIRED = 10
_WRONG_NAME = frozenset({62, 64})


class Unreached(Exception):
    """Nobody was reached, or nobody who can be trusted."""

    def __init__(self, why: str) -> None:
        """Take why, as the end of a sentence: "the name is not known here"."""
        self.why = why
        super().__init__(why)


class Untrusted(Unreached):
    """Somebody answered whose certificate does not hold."""


class Answered(msgspec.Struct, frozen=True):
    """What an HTTP server answered."""

    status: int
    headers: Mapping[str, str]
    """By their names in lower case."""
    body: bytes
    began: datetime
    ended: datetime

    @property
    def json(self) -> dict[str, Any] | None:
        """The body's JSON object; None where it is none."""
        try:
            read = msgspec.json.decode(self.body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        return read if isinstance(read, dict) else None

    @property
    def date(self) -> datetime | None:
        """What the server's clock said (RFC 9110 section 6.6.1)."""
        try:
            said = parsedate_to_datetime(self.headers.get("date", ""))
        except (ValueError, TypeError, OverflowError):
            return None
        return said if said.tzinfo else said.replace(tzinfo=UTC)


async def ask(
    method: str,
    url: str,
    *,
    now: Clock,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> Answered:
    """Make one request; redirects are not followed. Raises Unreached."""
    began = now()
    try:
        async with (
            aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            ) as session,
            session.request(
                method, url, headers=headers, data=body, allow_redirects=False
            ) as response,
        ):
            data = await _read(response)
            named = {name.lower(): value for name, value in response.headers.items()}
            return Answered(response.status, named, data, began, now())
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise unreached(error) from error


async def _read(response: aiohttp.ClientResponse) -> bytes:
    data = bytearray()
    async for chunk in response.content.iter_any():
        data += chunk
        if len(data) > _BYTES:
            response.close()
            break
    return bytes(data)


async def certificate_days(host: str, port: int, now: datetime) -> int:
    """Shake hands by TLS as any client does; return the days for which the certificate still holds. Raises Unreached."""
    try:
        async with asyncio.timeout(SECONDS):
            _, writer = await asyncio.open_connection(
                host, port, ssl=ssl.create_default_context(), server_hostname=host
            )
            shown = writer.get_extra_info("peercert")
            writer.close()
    except OSError as error:
        raise unreached(error) from error
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(shown["notAfter"]), UTC)
    return (ends - now).days


async def connect(host: str, port: int) -> None:
    """Open a connection and close it. Raises Unreached."""
    try:
        async with asyncio.timeout(SECONDS):
            _, writer = await asyncio.open_connection(host, port)
    except OSError as error:
        raise unreached(error) from error
    writer.close()


async def addresses(host: str) -> list[str]:
    """Return the addresses of a name. Raises Unreached."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(SECONDS):
            found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise unreached(error) from error
    return sorted({str(entry[4][0]) for entry in found})


def unreached(error: BaseException) -> Unreached:
    """Return in our words why a connection did not come about: a library's own may repeat what it was given."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Untrusted(_distrust(getattr(cause, "verify_code", 0)))
        if isinstance(cause, ssl.SSLError):
            return Unreached("no TLS connection came about: the other side may not speak TLS")
    for cause in _causes(error):
        if isinstance(cause, socket.gaierror):
            return Unreached("its name is not known here (DNS)")
        if isinstance(cause, TimeoutError):
            return Unreached(f"there was no answer within {SECONDS:.0f} seconds")
        if isinstance(cause, ConnectionRefusedError):
            return Unreached("the connection was refused: nothing listens there")
        if isinstance(cause, OSError) and cause.errno in {errno.ENETUNREACH, errno.EHOSTUNREACH}:
            return Unreached("there is no way to it from here (routing)")
    if isinstance(error, aiohttp.InvalidURL | ValueError):
        return Unreached("its address is not a URL")
    return Unreached(f"the connection broke ({type(error).__name__})")


def _distrust(code: int) -> str:
    if code == _EXPIRED:
        return "its certificate has expired"
    if code in _WRONG_NAME:
        return "its certificate is for another name"
    if code in _UNTRUSTED:
        return (
            "no authority that this machine knows vouches for its certificate "
            "(self-signed, or sent without the certificates in between)"
        )
    return "its certificate does not hold"


def _causes(error: BaseException) -> list[BaseException]:
    """Return an error and all that it was made of."""
    found: list[BaseException] = []
    waiting = [error]
    while waiting:
        cause = waiting.pop()
        if cause in found:
            continue
        found.append(cause)
        inner = (cause.__cause__, cause.__context__, getattr(cause, "os_error", None))
        waiting += [one for one in inner if isinstance(one, BaseException)]
        if isinstance(cause, BaseExceptionGroup):
            waiting += cause.exceptions
    return found
