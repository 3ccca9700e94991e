"""The channel's signing keys, as its OpenID metadata names them.

Keys roll over without notice, so an unknown key id asks for a refresh: one at a time, at most once a minute, whatever arrives.
While the metadata cannot be reached the known keys go on being used.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp
import jwt
import msgspec
import structlog

METADATA_URL = "https://login.botframework.com/v1/.well-known/openidconfiguration"
"""Where the public cloud describes its keys (bot-framework-rest-connector-authentication)."""

_FRESH = 86_400.0
"""Seconds after which keys are fetched again in the background."""

_FLOOR = 60.0
"""Seconds between two fetches: unknown key ids cost an attacker nothing, so they must cost us next to nothing."""

_FLOOR_WITHOUT_KEYS = 5.0
"""Seconds between two fetches while there are no keys at all and every request has to be turned away."""

_TIMEOUT = aiohttp.ClientTimeout(total=5.0)
_BYTES = 1_000_000
_KEYS = 200

_FETCH_ERRORS = (
    aiohttp.ClientError,
    OSError,  # includes TimeoutError
    ValueError,
    TypeError,
    RecursionError,
    msgspec.MsgspecError,
)

log = structlog.get_logger("bouncedesk.teams")


class SigningKey(msgspec.Struct, frozen=True):
    """A public key and the channels whose tokens it may sign."""

    key: Any
    endorsements: frozenset[str]


class SigningKeys:
    """The keys by their id, cached for a day."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str = METADATA_URL,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the session to fetch with. Nothing is fetched yet."""
        self._session = session
        self._url = url
        self._monotonic = monotonic
        self._keys: Mapping[str, SigningKey] = {}
        self._fetched: float | None = None
        self._tried: float | None = None
        self._fetching: asyncio.Task[None] | None = None

    @property
    def known(self) -> bool:
        """Whether there are any keys: without them nobody can be recognised, right or wrong."""
        return bool(self._keys)

    async def find(self, kid: str) -> SigningKey | None:
        """Return a key by its id; None when the channel does not use it."""
        key = self._keys.get(kid)
        if key is None:
            await self._refresh()
            return self._keys.get(kid)
        if self._fetched is not None and self._monotonic() - self._fetched > _FRESH:
            self._start()
        return key

    def prefetch(self) -> None:
        """Start fetching, so that the first request need not wait. Must be called on the loop."""
        self._start()

    async def close(self) -> None:
        """Stop fetching."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)

    async def _refresh(self) -> None:
        task = self._start()
        if task is not None:
            # A request that goes away must not take the fetch with it: others wait for the same one.
            await asyncio.shield(task)

    def _start(self) -> asyncio.Task[None] | None:
        """Start a fetch, or return the one that runs; None when the last one was a moment ago."""
        if self._fetching is not None and not self._fetching.done():
            return self._fetching
        now = self._monotonic()
        floor = _FLOOR if self._keys else _FLOOR_WITHOUT_KEYS
        if self._tried is not None and now - self._tried < floor:
            return None
        self._tried = now
        self._fetching = asyncio.create_task(self._fetch(), name="signing-keys")
        return self._fetching

    async def _fetch(self) -> None:
        try:
            metadata = await self._json(self._url)
            address = metadata.get("jwks_uri")
            if not isinstance(address, str) or not _same_safety(self._url, address):
                log.warning("signing-keys-unusable", why="the metadata has no usable jwks_uri")
                return
            keys = _read_keys(await self._json(address))
        except _FETCH_ERRORS as error:
            log.warning("signing-keys-unreachable", error=type(error).__name__)
            return
        if not keys:
            log.warning("signing-keys-unusable", why="the key set is empty")
            return
        self._keys = keys
        self._fetched = self._monotonic()
        log.info("signing-keys-fetched", keys=len(keys))

    async def _json(self, url: str) -> dict[str, Any]:
        async with self._session.get(url, timeout=_TIMEOUT, allow_redirects=False) as response:
            response.raise_for_status()
            data = bytearray()
            async for chunk in response.content.iter_any():
                data += chunk
                if len(data) > _BYTES:
                    raise ValueError("too long")
        read = msgspec.json.decode(bytes(data))
        if not isinstance(read, dict):
            raise TypeError("not an object")
        return read


def _same_safety(metadata: str, keys: str) -> bool:
    """Tell whether the keys are fetched as safely as the metadata that named them."""
    return keys.startswith("https://") or (
        metadata.startswith("http://") and keys.startswith("http://")
    )


def _read_keys(read: dict[str, Any]) -> dict[str, SigningKey]:
    entries = read.get("keys")
    keys: dict[str, SigningKey] = {}
    for entry in entries[:_KEYS] if isinstance(entries, list) else ():
        if not isinstance(entry, dict) or entry.get("kty") != "RSA":
            continue
        kid, endorsed = entry.get("kid"), entry.get("endorsements")
        if not isinstance(kid, str) or entry.get("use", "sig") != "sig":
            continue
        names = endorsed if isinstance(endorsed, list) else []
        try:
            key = jwt.PyJWK(entry, algorithm="RS256").key
        except (jwt.PyJWTError, ValueError, TypeError):
            # One key that we cannot read must not cost us the others.
            log.warning("signing-key-unusable", kid=kid[:64])
            continue
        keys[kid] = SigningKey(key, frozenset(name for name in names if isinstance(name, str)))
    return keys
