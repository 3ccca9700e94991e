"""The channel's far end: takes what a bot sends, tells whoever waits for it, and counts."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
from aiohttp import web

_FOR_THE_NODE = frozenset({"useful", "not-useful", "send", "cancel", "take-new", "go-on"})


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

    def __init__(self) -> None:
        """Begin with nothing."""
        self.arrived: Counter[str] = Counter()
        """Messages for each conversation, also those that nobody waited for."""
        self.times: defaultdict[str, list[float]] = defaultdict(list)
        """When each message of a conversation came, in seconds of a clock that never goes back."""
        self._waiting: dict[str, asyncio.Future[Card]] = {}
        self._numbers = itertools.count(1)

    def expect(self, conversation: str) -> asyncio.Future[Card]:
        """Return what will hold the next message of a conversation."""
        future = asyncio.get_running_loop().create_future()
        self._waiting[conversation] = future
        return future

    async def take(self, request: web.Request) -> web.Response:
        """Take a message into a conversation."""
        conversation = request.match_info["conversation"]
        message = _decode(await request.read())
        activity = str(next(self._numbers))
        self.arrived[conversation] += 1
        self.times[conversation].append(time.monotonic())
        future = self._waiting.pop(conversation, None)
        if future is not None and not future.done():
            future.set_result(Card(activity, _buttons(message)))
        return web.Response(
            status=201, body=b'{"id":"%b"}' % activity.encode(), content_type="application/json"
        )


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
async def connector(inbox: Inbox) -> AsyncIterator[str]:
    """Listen on loopback while the block lasts; yields the service URL for activities."""
    app = web.Application()
    activities = "/v3/conversations/{conversation}/activities"
    app.add_routes(
        [web.post(activities, inbox.take), web.post(activities + "/{activity}", inbox.take)]
    )
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()
