"""The channel's far end: takes what a bot sends, tells whoever waits for it, and counts."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from urllib.parse import unquote

import msgspec

from bench.wire import Later, Server, listening, response

RATES = ((1.0, 7), (2.0, 8), (30.0, 60))
"""Seconds, and messages that one conversation may get in them (learn.microsoft.com, rate limiting for bots)."""

_FOR_THE_NODE = frozenset({"useful", "not-useful", "send", "cancel", "take-new", "go-on"})
_CONVERSATIONS = b"/v3/conversations/"
_BEARER = b"\r\nAuthorization: Bearer "


class _Action(msgspec.Struct):
    data: dict[str, dict[str, str]] = {}


class _Element(msgspec.Struct):
    actions: list[_Action] = []


class _Content(msgspec.Struct):
    body: list[_Element] = []


class _Attachment(msgspec.Struct, rename="camel"):
    content_type: str
    content: _Content | None = None


class _Message(msgspec.Struct):
    type: str
    attachments: list[_Attachment] = []


class Card(msgspec.Struct, frozen=True):
    """What arrived: where it stands in the conversation, and what its buttons carry."""

    activity: str
    buttons: tuple[dict[str, str], ...] = ()
    """The data of the buttons of the screen itself, in the order they are shown."""

    @property
    def place(self) -> tuple[str, str, str]:
        """The session, article and node that the buttons belong to; empty strings where there is none."""
        data = self.buttons[0] if self.buttons else {}
        return data.get("session", ""), data.get("article", ""), data.get("node", "")

    @property
    def answers(self) -> list[int]:
        """The positions of the buttons that answer the question of a dialog's node."""
        return [
            position
            for position, data in enumerate(self.buttons)
            if "node" in data and ":" not in data["choice"] and data["choice"] not in _FOR_THE_NODE
        ]

    def button(self, choice: str) -> dict[str, str] | None:
        """Return the data of the button for a choice."""
        return next((data for data in self.buttons if data["choice"] == choice), None)


_decode = msgspec.json.Decoder(_Message).decode


class Inbox:
    """What arrived at the connector."""

    def __init__(self, *, latency: float = 0.0) -> None:
        """Begin with nothing. A message is accepted, and seen by whom it is for, `latency` seconds after it came."""
        self.arrived: Counter[str] = Counter()
        """Messages for each conversation, also those that nobody waited for."""
        self.times: defaultdict[str, list[float]] = defaultdict(list)
        """When each message of a conversation came, in seconds of a clock that never goes back."""
        self.bearers: Counter[bytes] = Counter()
        """Messages under each token; the empty one is none."""
        self._latency = latency
        self._refuse = False
        self._waiting: dict[str, Callable[[Card], None]] = {}
        self._numbers = itertools.count(1)

    def refuse(self) -> None:
        """Refuse the token of the next message."""
        self._refuse = True

    def tell(self, conversation: str, told: Callable[[Card], None]) -> None:
        """Call something with the next message of a conversation."""
        self._waiting[conversation] = told

    def expect(self, conversation: str) -> asyncio.Future[Card]:
        """Return what will hold the next message of a conversation."""
        future: asyncio.Future[Card] = asyncio.get_running_loop().create_future()

        def told(card: Card) -> None:
            if not future.done():
                future.set_result(card)

        self.tell(conversation, told)
        return future

    def over_the_rate(self, conversations: Iterable[str]) -> int:
        """Return how often a conversation got more in a span of time than the channel allows."""
        over = 0
        for conversation in conversations:
            times = self.times[conversation]
            for seconds, most in RATES:
                over += sum(
                    1
                    for first, last in zip(times, times[most:], strict=False)
                    if last - first < seconds
                )
        return over

    def take(
        self, method: bytes, path: bytes, head: bytes, body: bytes, later: Later
    ) -> bytes | None:
        """Take a message into a conversation, or tell of a member."""
        if method == b"GET" and b"/members/" in path:
            # Everybody belongs to every team.
            member = unquote(path.rpartition(b"/")[2].decode())
            return response(200, msgspec.json.encode({"id": member}))
        if method != b"POST" or not path.startswith(_CONVERSATIONS):
            return response(404)
        if self._refuse:
            self._refuse = False
            return response(401, b'{"error":{"code":"Unauthorized"}}')
        segment = path[len(_CONVERSATIONS) : path.index(b"/", len(_CONVERSATIONS))]
        conversation = unquote(segment.decode())
        activity = str(next(self._numbers))
        self.arrived[conversation] += 1
        self.times[conversation].append(time.monotonic())
        self.bearers[_bearer(head)] += 1
        told = self._waiting.pop(conversation, None)
        card = read_card(activity, body)
        answer = response(201, b'{"id":"%b"}' % activity.encode())
        if not self._latency:
            if told is not None:
                told(card)
            return answer

        def late() -> None:
            if told is not None:
                told(card)
            later(answer)

        asyncio.get_running_loop().call_later(self._latency, late)
        return None


def read_card(activity: str, body: bytes) -> Card:
    """Return what somebody sees of a message that the bot sent."""
    return Card(activity, _buttons(_decode(body)))


def _bearer(head: bytes) -> bytes:
    start = head.find(_BEARER)
    if start < 0:
        return b""
    start += len(_BEARER)
    return head[start : head.index(b"\r\n", start)]


def _buttons(message: _Message) -> tuple[dict[str, str], ...]:
    return tuple(
        action.data["bouncedesk"]
        for attachment in message.attachments
        if attachment.content is not None
        for element in attachment.content.body
        for action in element.actions
        if "bouncedesk" in action.data
    )


@asynccontextmanager
async def connector(inbox: Inbox, *, port: int = 0) -> AsyncIterator[tuple[str, Server]]:
    """Listen on loopback while the block lasts; yields the service URL for activities, and the server, which counts connections."""
    async with listening(inbox.take, port=port) as (origin, server):
        yield f"{origin}/", server
