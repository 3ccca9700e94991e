"""The connector service's REST calls, over one shared session, with every answer translated into what it means for a parcel.

Sending a message is not idempotent and the service has no key to make it so. What is certain not to have been accepted (429, a
refused connection) can be tried again; a time-out or a 5xx to a POST may hide a message that arrived, and trying again could say
everything twice. Replacing, deleting and reading can be repeated freely.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import aiohttp
import msgspec
from yarl import URL

from bot.model.errors import DeliveryAmbiguous, DeliveryDelayed, DeliveryFailed, DeliveryRefused
from bot.ports import Clock
from bot.teams.hosts import Origins
from bot.teams.token import Token

Json = dict[str, Any]

_TIMEOUT = aiohttp.ClientTimeout(total=15.0, connect=5.0)
_ANSWER_BYTES = 1_000_000
_LONGEST_WAIT = 3_600.0
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}", re.ASCII)
_encode = msgspec.json.Encoder().encode


def new_session() -> aiohttp.ClientSession:
    """Return the session that all rooms of Teams share. Must be called on the loop.

    A connection stays open between replies: the SDK makes a new one, with its TLS handshake, for each.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=200, limit_per_host=100, keepalive_timeout=30.0),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=_TIMEOUT,
        trust_env=False,
    )


class Connector:
    """The channel, as a program talks to it."""

    def __init__(
        self, session: aiohttp.ClientSession, origins: Origins, token: Token, clock: Clock
    ) -> None:
        """Take the session, where it may go, and what it shows there."""
        self._session = session
        self._origins = origins
        self._token = token
        self._clock = clock

    async def send(
        self, service_url: str, conversation: str, activity: Json, reply_to: str | None = None
    ) -> str:
        """Send an activity into a conversation and return its id there ("" when the channel gives none).

        Raises DeliveryRefused, DeliveryDelayed, DeliveryAmbiguous.
        """
        path = ("conversations", conversation, "activities", *((reply_to,) if reply_to else ()))
        answer = await self._call("POST", service_url, path, activity)
        return _text(answer, "id")

    async def create(self, service_url: str, parameters: Json) -> tuple[str, str]:
        """Start a conversation, which for a Teams channel is a thread; return its id and its first activity's.

        Raises DeliveryRefused, DeliveryDelayed, DeliveryAmbiguous: also when the channel does not say where it is.
        """
        answer = await self._call("POST", service_url, ("conversations",), parameters)
        conversation, activity = _text(answer, "id"), _text(answer, "activityId")
        if not conversation:
            raise DeliveryAmbiguous("The channel accepted a new thread but did not name it.")
        return conversation, activity or conversation.partition(";messageid=")[2]

    async def update(
        self, service_url: str, conversation: str, activity_id: str, to: Json
    ) -> None:
        """Put another activity in the place of one. Raises DeliveryRefused or DeliveryDelayed."""
        path = ("conversations", conversation, "activities", activity_id)
        await self._call("PUT", service_url, path, to)

    async def delete(self, service_url: str, conversation: str, activity_id: str) -> None:
        """Delete an activity. Raises DeliveryRefused or DeliveryDelayed."""
        path = ("conversations", conversation, "activities", activity_id)
        await self._call("DELETE", service_url, path)

    async def member(self, service_url: str, conversation: str, user: str) -> Json | None:
        """Return what the channel knows of a member of a conversation or team; None when it says there is none.

        Raises DeliveryFailed when it does not say.
        """
        path = ("conversations", conversation, "members", user)
        try:
            return await self._call("GET", service_url, path)
        except _NotFound as error:
            if error.code and error.code not in _NOWHERE:
                return None
            raise

    async def members(
        self, service_url: str, conversation: str, *, page: int = 200, after: str = ""
    ) -> tuple[list[Json], str]:
        """Return one page of the members of a conversation or team, and where the next begins ("" at the end).

        Raises DeliveryFailed.
        """
        query = {"pageSize": str(page)} | ({"continuationToken": after} if after else {})
        path = ("conversations", conversation, "pagedmembers")
        answer = await self._call("GET", service_url, path, query=query)
        listed = answer.get("members")
        people = [entry for entry in listed if isinstance(entry, dict)] if listed else []
        return people, _text(answer, "continuationToken")

    async def channels(self, service_url: str, team: str) -> list[str]:
        """Return the ids of a team's channels that the bot may see. Raises DeliveryFailed."""
        answer = await self._call("GET", service_url, ("teams", team, "conversations"))
        listed = answer.get("conversations")
        return [_text(entry, "id") for entry in listed or () if isinstance(entry, dict)]

    async def _call(
        self,
        method: str,
        service_url: str,
        path: tuple[str, ...],
        body: Json | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Json:
        """Make one call. An answer that is no JSON object counts as an empty one: the status has said enough."""
        if not self._origins.admits_service(service_url):
            raise DeliveryRefused("The service URL is not on the list of the channel's hosts.")
        bearer = await self._token.bearer()
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        data = None
        if body is not None:
            data = _encode(body)
            headers["Content-Type"] = "application/json; charset=utf-8"
        url = _address(service_url, path)
        repeatable = method != "POST"
        try:
            async with self._session.request(
                method,
                url.with_query(query) if query else url,
                data=data,
                headers=headers,
                allow_redirects=False,
                timeout=_TIMEOUT,
            ) as response:
                status = response.status
                answer = await _read(response)
                retry_after = response.headers.get("Retry-After")
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise DeliveryDelayed(_named(method, type(error).__name__)) from error
        except (aiohttp.ClientError, OSError) as error:  # OSError includes TimeoutError
            raise _lost(_named(method, type(error).__name__), repeatable=repeatable) from error
        if 200 <= status < 300:  # noqa: PLR2004 - the class of success
            return answer
        if status == 401 and bearer:  # noqa: PLR2004
            self._token.forget(bearer)
        raise self._trouble(method, status, answer, retry_after)

    def _trouble(
        self, method: str, status: int, answer: Json, retry_after: str | None
    ) -> DeliveryFailed:
        """Return what a status means, in the words of `bot.model.errors`."""
        code = _code(answer)
        detail = _named(method, f"HTTP {status}", code)
        if status in (429, 401, 412):
            # 412 is the channel's word for two creations that met; Microsoft's rate-limit page has it repeated.
            return DeliveryDelayed(detail, retry_after=self._seconds(retry_after))
        if status == 408 or status >= 500:  # noqa: PLR2004
            if method == "POST":
                return DeliveryAmbiguous(detail)
            return DeliveryDelayed(detail, retry_after=self._seconds(retry_after))
        if status == 404:  # noqa: PLR2004
            return _NotFound(detail, code)
        return DeliveryRefused(detail)

    def _seconds(self, header: str | None) -> float | None:
        """Return a Retry-After in seconds (RFC 9110 section 10.2.3: seconds or a date)."""
        if header is None:
            return None
        if re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", header.strip(), re.ASCII):
            return min(float(header), _LONGEST_WAIT)
        try:
            at = parsedate_to_datetime(header)
        except (ValueError, TypeError, OverflowError):
            return None
        seconds = at.timestamp() - self._clock().timestamp()
        return min(max(seconds, 0.0), _LONGEST_WAIT)


class _NotFound(DeliveryRefused):
    """The channel knows no such conversation, activity or member."""

    def __init__(self, detail: str, code: str) -> None:
        self.code = code
        super().__init__(detail)


_NOWHERE = frozenset({"ConversationNotFound", "BotNotInConversationRoster", "TeamNotFound"})
"""Codes of a 404 that is about the place asked in, and says nothing of the member asked for."""


def _lost(detail: str, *, repeatable: bool) -> DeliveryFailed:
    """Return what it means that a request went out and no answer came."""
    return DeliveryDelayed(detail) if repeatable else DeliveryAmbiguous(detail)


def _named(*words: str) -> str:
    return " ".join(word for word in words if word)


@lru_cache(4_096)
def _address(service_url: str, path: tuple[str, ...]) -> URL:
    """Return where a call goes. A conversation is spoken to again and again, so this is put together once.

    Ids hold `:`, `@` and `;`, and come from outside: each is quoted whole, so that none can leave its place in the path.
    """
    quoted = "/".join(_segment(part) for part in path)
    return URL(f"{service_url.rstrip('/')}/v3/{quoted}", encoded=True)


def _segment(part: str) -> str:
    """Return an id as one segment of a path; dots alone would be read as directions."""
    return part.replace(".", "%2E") if part in (".", "..") else quote(part, safe="")


async def _read(response: aiohttp.ClientResponse) -> Json:
    data = bytearray()
    async for chunk in response.content.iter_any():
        data += chunk
        if len(data) > _ANSWER_BYTES:
            response.close()
            return {}
    try:
        answer = msgspec.json.decode(bytes(data)) if data else {}
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _text(answer: Json, key: str) -> str:
    value = answer.get(key)
    return value if isinstance(value, str) else ""


def _code(answer: Json) -> str:
    """Return the error code of an answer; its message may quote what was sent and stays out of our logs."""
    error = answer.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""


async def close(session: aiohttp.ClientSession) -> None:
    """Close the shared session and let its connections go."""
    await session.close()
    # aiohttp closes TLS transports one step of the loop later.
    await asyncio.sleep(0)
