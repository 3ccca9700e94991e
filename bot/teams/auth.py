"""Who sent a request: the channel, proven by its token, or in local mode a program on this machine.

A token is checked before the body is parsed; what it claims is compared with the body afterwards. Nothing here can be switched off.
Rules: learn.microsoft.com, "Authentication with the Bot Connector API".

What a token does not do is vouch for the body: it is valid for an hour, and whoever got hold of one could write any activity with it, in
the name of anybody, but no more than the channel could: for this app, from the token's own service URL (messages go there and nowhere
else), in Teams, from an allowed tenant. What protects from that: tokens come over TLS only (which ends before the bot), and are neither
logged nor kept; of a verified one the digest is remembered. The same activity again is no second one, whatever its token: `bot.host`
answers it from memory. And what somebody may do with tickets is asked of the channel each time, for the person that the activity names.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Protocol

import jwt
import msgspec

from bot.model.errors import RequestRefused
from bot.ports import Clock
from bot.teams.hosts import Origins, is_loopback
from bot.teams.keys import ALGORITHMS, SigningKey, SigningKeys

CHANNEL = "msteams"
_SKEW = 300
"""Seconds by which the channel's clock may differ from ours."""
_REMEMBERED = 1_024
_TOKEN_CHARS = 16_384
_REQUIRED = ("exp", "iss", "aud")

Headers = Mapping[str, str]
"""Headers of a request; names are looked up without regard to case (aiohttp's are that way)."""


class Caller(Protocol):
    """Somebody whose request is let in, so far."""

    def check(self, activity: Mapping[str, Any]) -> None:
        """Compare what is known of the caller with the activity. Raises RequestRefused (403)."""


class Gate(Protocol):
    """Lets requests in or refuses them."""

    async def admit(self, headers: Headers, peer: str | None) -> Caller:
        """Return who sends a request, from its headers and the peer's address. Raises RequestRefused."""


class Channel(msgspec.Struct, frozen=True):
    """The connector service, by what its token says."""

    service_url: str
    endorsements: frozenset[str]

    def check(self, activity: Mapping[str, Any]) -> None:
        """Refuse an activity of another service or of a channel that the key does not vouch for."""
        if activity.get("serviceUrl") != self.service_url:
            raise RequestRefused(403, "the token is for another serviceUrl")
        if activity.get("channelId") != CHANNEL:
            raise RequestRefused(403, "the activity is not from Teams")
        if CHANNEL not in self.endorsements:
            raise RequestRefused(403, "the signing key is not endorsed for Teams")


class _Verified(msgspec.Struct, frozen=True):
    """A token that was found valid: until when it is, what it says, and the key that says so."""

    until: float
    channel: Channel
    kid: str
    key: SigningKey


class ChannelGate:
    """Lets in who shows a valid token of the connector service for our app."""

    def __init__(self, app_id: str, issuer: str, keys: SigningKeys, clock: Clock) -> None:
        """Take our app id, which is the audience of tokens meant for us, and who issues them in our cloud."""
        self._app_id = app_id
        self._issuer = issuer
        self._keys = keys
        self._clock = clock
        self._verified: OrderedDict[bytes, _Verified] = OrderedDict()

    async def admit(self, headers: Headers, peer: str | None) -> Channel:  # noqa: ARG002 - a Gate
        """Return the channel behind a token. Raises RequestRefused: 401, 403, or 503 while no key could be fetched yet."""
        token = _bearer(headers)
        digest = hashlib.sha256(token.encode()).digest()
        remembered = self._verified.get(digest)
        if remembered is not None:
            if self._is_valid(remembered):
                self._verified.move_to_end(digest)
                return remembered.channel
            del self._verified[digest]
        verified = self._verified[digest] = await self._verify(token)
        if len(self._verified) > _REMEMBERED:
            self._verified.popitem(last=False)
        return verified.channel

    def _is_valid(self, verified: _Verified) -> bool:
        """Tell whether a token has not ended yet, and its key is still one of the channel's."""
        ends_later = verified.until > self._clock().timestamp()
        return ends_later and self._keys.holds(verified.kid, verified.key)

    async def _verify(self, token: str) -> _Verified:
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise RequestRefused(401, "the token cannot be read") from error
        kid, algorithm = header.get("kid"), header.get("alg")
        if algorithm not in ALGORITHMS or not isinstance(kid, str):
            raise RequestRefused(401, "the token is not signed as the channel signs")
        key = await self._keys.find(kid)
        if key is None:
            if not self._keys.known:
                raise RequestRefused(503, "no signing key could be fetched yet")
            raise RequestRefused(401, "the token is signed with an unknown key")
        if algorithm not in self._keys.algorithms:
            raise RequestRefused(401, "the token is signed with an algorithm of somebody else's")
        try:
            claims = jwt.decode(
                token,
                key.key,
                algorithms=[algorithm],
                audience=self._app_id,
                issuer=self._issuer,
                leeway=_SKEW,
                options={
                    "require": list(_REQUIRED),
                    "strict_aud": True,
                    "enforce_minimum_key_length": True,
                },
            )
            until = float(claims["exp"]) + _SKEW
        except jwt.ExpiredSignatureError as error:
            raise RequestRefused(401, "the token has expired") from error
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
            raise RequestRefused(401, f"the token is not valid: {type(error).__name__}") from error
        service_url = claims.get("serviceurl")
        if not isinstance(service_url, str) or not service_url:
            raise RequestRefused(401, "the token names no serviceurl")
        return _Verified(until, Channel(service_url, key.endorsements), kid, key)


class Neighbour(msgspec.Struct, frozen=True):
    """A program on this machine."""

    origins: Origins

    def check(self, activity: Mapping[str, Any]) -> None:
        """Refuse an activity whose answers would leave this machine."""
        service_url = activity.get("serviceUrl")
        if not isinstance(service_url, str) or not self.origins.admits_service(service_url):
            raise RequestRefused(403, "without a token the serviceUrl must be loopback")


class LocalGate:
    """Lets in programs on this machine, without a token. For development: `bouncedesk run --local`."""

    def __init__(self) -> None:
        """Allow answers to this machine only, whatever else is configured."""
        self._neighbour = Neighbour(Origins((), loopback=True))

    async def admit(self, headers: Headers, peer: str | None) -> Neighbour:
        """Return the neighbour. Raises RequestRefused (403).

        The peer's address alone would let in a web page that the developer has open and whatever comes through a tunnel or a
        proxy on this machine: they all connect from loopback. They give themselves away by these headers.
        """
        if not is_loopback(peer):
            raise RequestRefused(403, "local mode answers this machine only")
        if not is_loopback(_host(headers.get("Host", ""))):
            raise RequestRefused(
                403, "local mode is asked for by a name that is not this machine's"
            )
        for name in ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "Origin"):
            if name in headers:
                raise RequestRefused(403, f"local mode refuses requests with {name}")
        return self._neighbour


class Tenants:
    """The organisations whose people may use the bot. A registration restricts the app's identity, not who writes to it."""

    def __init__(self, allowed: frozenset[str]) -> None:
        """Take the tenant ids; none at all lets in every tenant."""
        self._allowed = frozenset(tenant.lower() for tenant in allowed)

    def check(self, activity: Mapping[str, Any]) -> None:
        """Refuse an activity that names another tenant, or none. Raises RequestRefused (403).

        It may name two, in a channel that organisations share: both must be allowed.
        """
        if not self._allowed:
            return
        named = {tenant.lower() for tenant in tenants_of(activity)}
        if not named:
            raise RequestRefused(403, "the activity names no tenant")
        if not named <= self._allowed:
            raise RequestRefused(403, "the activity is from another tenant")


def tenants_of(activity: Mapping[str, Any]) -> list[str]:
    """Return every tenant an activity names, the channel's own word first."""
    named: list[object] = []
    data, conversation = activity.get("channelData"), activity.get("conversation")
    tenant = data.get("tenant") if isinstance(data, dict) else None
    if isinstance(tenant, dict):
        named.append(tenant.get("id"))
    if isinstance(conversation, dict):
        named.append(conversation.get("tenantId"))
    return [tenant for tenant in named if isinstance(tenant, str) and tenant]


def _bearer(headers: Headers) -> str:
    value = headers.get("Authorization", "")
    scheme, _, token = value.partition(" ")
    if not value:
        raise RequestRefused(401, "there is no token")
    if scheme != "Bearer" or not token or len(token) > _TOKEN_CHARS or not token.isascii():
        raise RequestRefused(401, "there is no bearer token")
    return token


def _host(header: str) -> str:
    """Return the host of a Host header, without its port."""
    if header.startswith("["):
        return header.partition("]")[0] + "]"
    return header.partition(":")[0]
