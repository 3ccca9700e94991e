"""The channel's signing keys, as its OpenID metadata names them.

Keys roll over without notice, so an unknown key id asks for a refresh at once: one at a time, and when it brought nothing new not again for
a minute, whatever arrives. While the metadata cannot be reached the known keys go on being used, however old they are: the log tells their
age with every failure, and `age` tells it to whoever asks. A key that the channel has withdrawn is gone with the next fetch, and with it
every token that was verified by it.
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

_FRESH = 3_600.0
"""Seconds after which keys are fetched again in the background. The channel asks for once a day; more often costs nothing, and a withdrawn
key is trusted no longer than that."""

_FLOOR = 60.0
"""Seconds after a fetch that brought no new key: unknown key ids cost an attacker nothing, so they must cost us next to nothing."""

_FLOOR_AFTER_NEWS = 1.0
"""Seconds after a fetch that did, which is short enough to be waited for. Nobody but the channel can make new keys appear, but two of its
hosts may disagree for a while."""

_FLOOR_WITHOUT_KEYS = 5.0
"""Seconds between two fetches while there are no keys at all and every request has to be turned away."""

_TIMEOUT = aiohttp.ClientTimeout(total=5.0)
_BYTES = 1_000_000
_KEYS = 200

ALGORITHMS = ("RS256", "RS384", "RS512")
"""What we can verify; what the metadata lists of it is taken."""

_FETCH_ERRORS = (
    aiohttp.ClientError,
    OSError,  # includes TimeoutError
    ValueError,
    TypeError,
    RecursionError,
    msgspec.MsgspecError,
)

log = structlog.get_logger("bouncedesk.teams")


class UnusableKeys(Exception):
    """The channel's metadata or its key set is not what it should be."""


class SigningKey(msgspec.Struct, frozen=True):
    """A public key and the channels whose tokens it may sign."""

    key: Any
    endorsements: frozenset[str]


class SigningKeys:
    """The keys by their id, cached for an hour."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the session to fetch with. Nothing is fetched yet."""
        self._session = session
        self._url = url
        self._monotonic = monotonic
        self.algorithms: tuple[str, ...] = ALGORITHMS[:1]
        """With which the channel signs, as far as we can verify it."""
        self._keys: Mapping[str, SigningKey] = {}
        self._fetched: float | None = None
        self._not_before = 0.0
        self._fetching: asyncio.Task[None] | None = None

    @property
    def known(self) -> bool:
        """Whether there are any keys: without them nobody can be recognised, right or wrong."""
        return bool(self._keys)

    @property
    def age(self) -> float | None:
        """Seconds since the keys were fetched; None: they never were."""
        return None if self._fetched is None else self._monotonic() - self._fetched

    async def find(self, kid: str) -> SigningKey | None:
        """Return a key by its id; None when the channel does not use it."""
        key = self._keys.get(kid)
        if key is None:
            await self._refresh()
            return self._keys.get(kid)
        self._renew()
        return key

    def holds(self, kid: str, key: SigningKey) -> bool:
        """Tell whether the channel still uses a key that was found under an id."""
        self._renew()
        return self._keys.get(kid) is key

    def prefetch(self) -> None:
        """Start fetching, so that the first request need not wait. Must be called on the loop."""
        self._start()

    async def close(self) -> None:
        """Stop fetching."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)

    def _renew(self) -> None:
        """Fetch old keys again in the background."""
        age = self.age
        if age is not None and age > _FRESH:
            self._start()

    async def _refresh(self) -> None:
        task = self._start()
        if task is not None:
            # A request that goes away must not take the fetch with it: others wait for the same one.
            await asyncio.shield(task)

    def _start(self) -> asyncio.Task[None] | None:
        """Start a fetch, or return the one that runs; None when the last one was a moment ago."""
        if self._fetching is not None and not self._fetching.done():
            return self._fetching
        wait = self._not_before - self._monotonic()
        if wait > _FLOOR_AFTER_NEWS:
            return None
        self._fetching = asyncio.create_task(self._fetch(wait), name="signing-keys")
        return self._fetching

    async def _fetch(self, wait: float) -> None:
        await asyncio.sleep(wait)
        news = False
        try:
            news = await self._take()
        except _FETCH_ERRORS as error:
            log.warning(
                "signing-keys-unreachable", error=type(error).__name__, age=self._whole_age
            )
        except UnusableKeys as error:
            log.warning("signing-keys-unusable", why=str(error), age=self._whole_age)
        floor = _FLOOR_AFTER_NEWS if news else _FLOOR if self._keys else _FLOOR_WITHOUT_KEYS
        self._not_before = self._monotonic() + floor

    @property
    def _whole_age(self) -> int | None:
        return None if self.age is None else int(self.age)

    async def _take(self) -> bool:
        """Fetch and take over the keys; tell whether there are new ones among them."""
        metadata = await self._json(self._url)
        address = metadata.get("jwks_uri")
        if not isinstance(address, str) or not _same_safety(self._url, address):
            raise UnusableKeys("the metadata has no usable jwks_uri")
        algorithms = _algorithms(metadata)
        read = read_keys(await self._json(address))
        if not algorithms:
            raise UnusableKeys("the metadata lists no algorithm that we verify")
        if not read:
            raise UnusableKeys("the key set is empty")
        before = self._keys
        # What has not changed stays the same object: that is how `holds` knows it again.
        self._keys = {
            kid: before[kid] if before.get(kid) == key else key for kid, key in read.items()
        }
        self.algorithms = algorithms
        self._fetched = self._monotonic()
        log.info("signing-keys-fetched", keys=len(read))
        return not before.keys() >= read.keys()

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


def _algorithms(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the algorithms that the metadata lists and we can verify; the channel's own where it lists none at all."""
    listed = metadata.get("id_token_signing_alg_values_supported")
    if listed is None:
        return ALGORITHMS[:1]
    return tuple(name for name in ALGORITHMS if isinstance(listed, list) and name in listed)


def read_keys(read: Mapping[str, Any]) -> dict[str, SigningKey]:
    """Return the keys of a key set (RFC 7517) that tokens may be signed with, by their ids; what else stands in it is left out."""
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
