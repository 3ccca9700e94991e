"""Every field of an activity that the bot reads, and values of every wrong kind for it: a table, and the requests made from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from tests.edge.far_side import (
    BO,
    BOT,
    TENANT,
    channel_message,
    execute,
    html_message,
    installed,
    members_added,
    mention,
    message,
    press_data,
    query,
    search,
    submit,
    ticket_data,
    uploaded,
)
from tests.edge.hostile.wire import CANARY

Json = dict[str, Any]

FINE = frozenset({200})
REFUSED = frozenset({400})
FOREIGN = frozenset({403})
EITHER = FINE | REFUSED

_DEEP: Any = 1
for _ in range(800):
    _DEEP = [_DEEP]

FILES = "http://files.invalid"
"""Stands for where files lie, which is known only when the program runs."""

VALUES: dict[str, object] = {
    "null": None,
    "a number": 7,
    "a huge number": 10**18,
    "a fraction": -1.5,
    "true": True,
    "empty": "",
    "text": CANARY,
    "huge": "x" * 100_000,
    "NUL": f"{CANARY}\0b",
    "lines": "a\r\nb\u2028c",
    "written from right to left": f"\u202e{CANARY}\u2066",
    "invisible": "\u200b\ufeff\u00ad",
    "not assigned": "\ufffe\U0010ffff",
    "markup": "<script>alert(1)</script><at>x</at>&nbsp;",
    "markdown": "[x](javascript:alert(1)) **b**",
    "a query": "'; DROP TABLE tickets; --",
    "a template": "${data} {{x}} %s {0}",
    "an empty list": [],
    "a list of all sorts": [None, 7, "x", [], {}, True],
    "a list of lists": [[[[]]]],
    "a long list": [{"id": []}] * 5_000,
    "an empty object": {},
    "an object": {"id": {"id": {}}, "name": [], "": None},
    "an operator": {"$ne": ""},
    "deep": _DEEP,
}
"""Values of every kind that JSON has, and texts that mean something to somebody."""

_BO = {
    "from": {"id": BO, "name": "Bo", "aadObjectId": "88888888-8888-4777-8666-555555555555"},
    "conversation": {"id": "a:chat-with-bo", "conversationType": "personal", "tenantId": TENANT},
}
"""Somebody who has nothing to do with the ticket in the store."""

_ACTIVITIES: dict[str, Json] = {
    "message": message(CANARY),
    "message with HTML": html_message(CANARY, f"<p>{CANARY}</p>"),
    "message in a channel": channel_message(
        "<at>Bouncedesk</at> x <at>Bo</at>", mention(BO, "Bo")
    ),
    "file": uploaded(f"{FILES}/files/bounce.eml"),
    "submit": submit(press_data()),
    "press": execute(press_data()),
    "press on a ticket": execute(ticket_data(ticket="1001", do="show", version="1")),
    "search": search(query("x")),
    "installation": installed(),
    "members": members_added(BOT),
    "typing": message(None, type="typing"),
    "reaction": message(None, type="messageReaction", reactionsAdded=[{"type": "like"}]),
    "edit": message(CANARY, type="messageUpdate"),
    "deletion": message(None, type="messageDelete"),
    "event": message(None, type="event", name="x", value={}),
    "end": message(None, type="endOfConversation", code="x"),
    "of tomorrow": message(CANARY, type="a-type-of-tomorrow"),
}
KINDS = {
    kind: activity | (_BO if kind != "message in a channel" else {"from": _BO["from"]})
    for kind, activity in _ACTIVITIES.items()
}
_ANSWERED = frozenset(
    {
        "message",
        "message with HTML",
        "message in a channel",
        "file",
        "submit",
        "press",
        "press on a ticket",
        "search",
        "installation",
        "members",
    }
)
"""Those whose envelope must be such that somebody can be answered."""

_OF_ALL = (
    "id",
    "timestamp",
    "localTimestamp",
    "localTimezone",
    "channelData.team",
    "channelData.channel",
    "channelData.eventType",
    "from",
    "from.id",
    "from.name",
    "from.aadObjectId",
    "from.role",
    "conversation",
    "conversation.id",
    "conversation.conversationType",
    "conversation.isGroup",
    "recipient",
    "recipient.id",
    "replyToId",
    "locale",
    "text",
    "textFormat",
    "entities",
    "attachments",
    "value",
    "name",
    "action",
    "deliveryMode",
    "membersAdded",
    "reactionsAdded",
    "relatesTo",
    "suggestedActions",
    "semanticAction",
    "listenFor",
    "historyDisclosed",
    "expiration",
    "importance",
    "callerId",
    "additional_properties",
    "__class__",
)
_OF_ONE = {
    "message with HTML": ("attachments.0", "attachments.0.contentType", "attachments.0.content"),
    "message in a channel": (
        "entities.0",
        "entities.0.type",
        "entities.0.text",
        "entities.0.mentioned",
        "entities.0.mentioned.id",
        "entities.1.mentioned.id",
        "entities.1.mentioned.name",
        "entities.1.text",
    ),
    "file": (
        "attachments.0.contentType",
        "attachments.0.content",
        "attachments.0.content.downloadUrl",
        "attachments.0.content.fileType",
        "attachments.0.name",
    ),
    "submit": (
        "value.bouncedesk",
        "value.bouncedesk.v",
        "value.bouncedesk.session",
        "value.bouncedesk.choice",
        "value.bouncedesk.article",
        "value.bouncedesk.node",
        "value.bouncedesk.content",
        "value.note",
    ),
    "press": (
        "value.action",
        "value.action.data",
        "value.action.verb",
        "value.action.data.bouncedesk",
        "value.action.data.bouncedesk.session",
        "value.action.data.bouncedesk.choice",
        "value.action.data.note",
    ),
    "press on a ticket": (
        "value.action.data.bouncedesk.ticket",
        "value.action.data.bouncedesk.do",
        "value.action.data.bouncedesk.version",
        "value.action.data.text",
        "value.action.data.resolution",
        "value.action.data.person",
        "value.action.data.other",
    ),
    "search": (
        "value.commandId",
        "value.parameters",
        "value.parameters.0",
        "value.parameters.0.name",
        "value.parameters.0.value",
        "value.queryOptions",
        "value.queryOptions.skip",
        "value.queryOptions.count",
        "value.context",
    ),
    "members": ("membersAdded.0", "membersAdded.0.id"),
}

_IDS = frozenset({"id", "from.id", "conversation.id"})
_WRITTEN_DOWN = _IDS | {"from.aadObjectId", "recipient.id", "replyToId"}
"""Ids, which may stand in a log."""
_FIT_FOR_AN_ID = frozenset(
    {
        "text",
        "written from right to left",
        "invisible",
        "not assigned",
        "markup",
        "markdown",
        "a query",
        "a template",
    }
)
_NO_TEXT = {
    name for name, value in VALUES.items() if value is not None and not isinstance(value, str)
}


class Field(msgspec.Struct, frozen=True):
    """One field of one kind of activity."""

    kind: str
    path: str

    def sent(self) -> Iterator[tuple[str, Json, frozenset[int]]]:
        """Yield what is sent: the name of the value, the activity, and the statuses it may get."""
        activity = KINDS[self.kind]
        for name, any_value in VALUES.items():
            value = any_value
            if self.path in _WRITTEN_DOWN and isinstance(value, str):
                value = value.replace(CANARY, "an-id")
            yield name, put(activity, self.path, value), self._expected(name)

    def _expected(self, value: str) -> frozenset[int]:
        if self.path == "conversation":
            # Its tenant goes with it; the channel's data still name one.
            return REFUSED if self.kind in _ANSWERED else FINE
        if (
            self.path in ("from", "from.id", "conversation.id", "id")
            and self.kind not in _ANSWERED
        ):
            return FINE
        if self.path == "from":
            return REFUSED
        if self.path in _IDS:
            fits = value in _FIT_FOR_AN_ID or (self.path == "id" and value in ("null", "empty"))
            return FINE if fits else REFUSED
        if self.path == "text" and self.kind in (
            "message",
            "message with HTML",
            "message in a channel",
            "file",
        ):
            return REFUSED if value in _NO_TEXT else FINE
        if self.path == "text" and self.kind == "submit":
            return FINE  # the press comes first
        if self.path == "name" and self.kind in ("press", "press on a ticket", "search"):
            return frozenset({501})
        return FINE


def put(activity: Json, path: str, value: object) -> Json:
    """Return an activity with one field replaced or added; `attachments.0.name` names an entry of a list."""
    way, _, last = path.rpartition(".")
    if not way:
        return activity | {last: value}
    head, _, rest = way.partition(".")
    return activity | {
        head: _put(activity.get(head), [*rest.split("."), last] if rest else [last], value)
    }


def _put(inside: Any, way: list[str], value: object) -> Any:  # noqa: ANN401 - any JSON
    head, *rest = way
    if isinstance(inside, list):
        entries = list(inside)
        entries[int(head)] = _put(entries[int(head)], rest, value) if rest else value
        return entries
    return (inside or {}) | {head: _put((inside or {}).get(head), rest, value) if rest else value}


FIELDS = [Field(kind, path) for kind in KINDS for path in (*_OF_ALL, *_OF_ONE.get(kind, ()))]
