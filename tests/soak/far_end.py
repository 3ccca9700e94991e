"""The far end of Teams for the longest test: a channel that loses, refuses and delays what it is told to, and counts.

It stands on the least HTTP there is (`bench.wire`), because it answers hundreds of messages a second for ten minutes.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import time
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import unquote

import msgspec

from bench.connector import Card, read_card
from bench.wire import Later, response

Json = dict[str, Any]

TEAM = "19:soak-team@thread.tacv2"
TRIAGE = "19:soak-triage@thread.tacv2"
AGENTS = {"29:kari": "Kari", "29:per": "Per"}

Trouble = Literal["429", "500", "500 but taken", "cut", "cut but taken", "slow"]
TROUBLES: tuple[Trouble, ...] = ("429", "500", "500 but taken", "cut", "cut but taken", "slow")
TAKEN: frozenset[str] = frozenset({"500 but taken", "cut but taken"})
"""What leaves the bot in doubt about a message that did arrive: the only ones that may come twice."""

_SLOW_SECONDS = 3.0
_CONVERSATIONS = b"/v3/conversations/"
_UNAUTHORIZED = response(401, b'{"error":{"code":"Unauthorized","message":"x"}}')
_AGAIN = response(
    429, b'{"error":{"code":"TooManyRequests","message":"x"}}', headers=b"Retry-After: 1\r\n"
)
_BROKEN = response(500, b'{"error":{"code":"ServiceError","message":"x"}}')
_CUT = b""


@dataclass
class Thread:
    """A thread in the triage channel."""

    conversation: str
    activity: str
    card: bytes
    """The body of the message it began with."""
    lines: int = 0


@dataclass
class Channel:
    """What arrived, and what is to go wrong."""

    arrived: Counter[str] = field(default_factory=Counter)
    """Messages of each conversation."""
    times: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """When they came; a channel's threads count as one conversation."""
    threads: list[Thread] = field(default_factory=list)
    troubles: dict[str, deque[Trouble]] = field(default_factory=lambda: defaultdict(deque))
    """What happens to the next messages of a conversation."""
    troubled: Counter[str] = field(default_factory=Counter)
    """What has happened so far."""
    refuse_token: bool = False
    """Refuse the token of the next message."""
    bearers: set[bytes] = field(default_factory=set)
    bare: int = 0
    """Messages without a token."""
    in_doubt: set[bytes] = field(default_factory=set)
    """Messages that were taken and not acknowledged."""
    said: Counter[bytes] = field(default_factory=Counter)
    """How often each message came, of conversations in which something may go wrong."""
    watched: set[str] = field(default_factory=lambda: {TRIAGE})
    """Conversations whose messages are compared with each other."""
    spoken: defaultdict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    """What these conversations were told."""
    _waiting: dict[str, asyncio.Future[Card]] = field(default_factory=dict)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def expect(self, conversation: str) -> asyncio.Future[Card]:
        """Return what will hold the next message of a conversation."""
        future: asyncio.Future[Card] = asyncio.get_running_loop().create_future()
        self._waiting[conversation] = future
        return future

    def take(
        self, method: bytes, path: bytes, head: bytes, body: bytes, later: Later
    ) -> bytes | None:
        """Answer the bot."""
        if method == b"GET":
            return _members(path)
        if method == b"PUT":
            return response(200, b'{"id":"1"}')
        if method != b"POST" or not path.startswith(_CONVERSATIONS[:-1]):
            return response(404)
        shown = head.partition(b"\r\nAuthorization: Bearer ")[2].partition(b"\r\n")[0]
        if self.refuse_token:
            self.refuse_token = False
            return _UNAUTHORIZED
        self.bearers.add(shown)
        self.bare += not shown
        place = path[len(_CONVERSATIONS) :].partition(b"/")[0]
        conversation = unquote(place.decode()) if place else TRIAGE
        return self._message(conversation, body, later, new=not place)

    def _message(self, conversation: str, body: bytes, later: Later, *, new: bool) -> bytes | None:
        waiting = self.troubles.get(TRIAGE if new else conversation)
        trouble = waiting.popleft() if waiting else None
        if trouble is not None:
            self.troubled[trouble] += 1
        match trouble:
            case "429":
                return _AGAIN
            case "500":
                return _BROKEN
            case "cut":
                return _CUT
            case "500 but taken":
                self._accept(conversation, body, new=new, doubtful=True)
                return _BROKEN
            case "cut but taken":
                self._accept(conversation, body, new=new, doubtful=True)
                return _CUT
            case "slow":
                answer = self._accept(conversation, body, new=new)
                asyncio.get_running_loop().call_later(_SLOW_SECONDS, later, answer)
                return None
            case None:
                return self._accept(conversation, body, new=new)

    def _accept(
        self, conversation: str, body: bytes, *, new: bool, doubtful: bool = False
    ) -> bytes:
        """Show a message in its conversation; return the channel's answer."""
        number = str(next(self._numbers))
        room = conversation.partition(";")[0]
        self.times[room].append(time.monotonic())
        self.arrived[conversation] += 1
        again = False
        if room in self.watched:
            digest = hashlib.sha256(conversation.encode() + b" " + body).digest()
            self.said[digest] += 1
            self.spoken[conversation].append(body)
            if doubtful:
                self.in_doubt.add(digest)
            again = self.said[digest] > 1
        if new:
            thread = f"{TRIAGE};messageid={number}"
            self.threads.append(Thread(thread, number, body))
            return response(201, msgspec.json.encode({"id": thread, "activityId": number}))
        if room == TRIAGE:
            for thread_of in self.threads:
                thread_of.lines += thread_of.conversation == conversation
        # Who sees a message for the second time still waits for the answer.
        future = None if again else self._waiting.pop(conversation, None)
        if future is not None and not future.done():
            future.set_result(read_card(number, body))
        return response(201, msgspec.json.encode({"id": number}))

    @property
    def doubled(self) -> set[bytes]:
        """Messages that came more than once."""
        return {digest for digest, times in self.said.items() if times > 1}


def _members(path: bytes) -> bytes:
    """Tell who belongs to the triage team."""
    people: list[Json] = [
        {"id": user, "name": name, "aadObjectId": f"key-{user[3:]}"}
        for user, name in AGENTS.items()
    ]
    if b"/pagedmembers" in path:
        return response(200, msgspec.json.encode({"members": people}))
    asked = unquote(path.rpartition(b"/")[2].decode())
    for one in people:
        if asked in (one["id"], one["aadObjectId"]):
            return response(200, msgspec.json.encode(one))
    return response(404, b'{"error":{"code":"MemberNotFoundInConversation","message":"x"}}')
