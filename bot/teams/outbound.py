"""From pages to what the channel reads: activities, and the bodies of invoke answers."""

from __future__ import annotations

import re
from html import escape
from typing import Any

from msgspec.structs import replace

from bot.model.event import Address, Mention, Scope
from bot.model.ids import ConversationId
from bot.model.outgoing import Outgoing
from bot.ports import Line
from bot.render.card import adaptive_card

Json = dict[str, Any]

CARD = "application/vnd.microsoft.card.adaptive"
_MESSAGE = "application/vnd.microsoft.activity.message"

_NAME_CHARS = 100
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
"""What XML has no way to write, and C1 controls."""


def to_activity(page: Outgoing, address: Address) -> Json:
    """Return a message activity that shows a page at an address."""
    activity = _message(address)
    activity |= {
        "summary": page.summary,
        "locale": page.language,
        "inputHint": "expectingInput" if page.buttons else "acceptingInput",
        "attachments": [_attachment(page)],
    }
    return activity


def to_text_activity(text: str, address: Address) -> Json:
    """Return a message activity with one line of plain text."""
    return _message(address) | {"text": text, "textFormat": "plain", "inputHint": "acceptingInput"}


def line_activity(line: Line, address: Address, conversation: ConversationId) -> Json:
    """Return a message activity with one line of text in a conversation, and after it the people it alerts.

    The channel alerts whom an entity names, where the entity's text stands in the message letter by letter. Names and text are hostile.
    """
    activity = _message(replace(address, conversation=conversation))
    entities = [_mention(person) for person in {one.user: one for one in line.mentions}.values()]
    words = [_literal(line.text), *(entity["text"] for entity in entities)]
    activity |= {
        "text": " ".join(words),
        "textFormat": "xml",
        "locale": line.language,
        "inputHint": "acceptingInput",
    }
    if entities:
        activity["entities"] = entities
    return activity


def thread_parameters(page: Outgoing, address: Address) -> Json:
    """Return what creates a thread in a Teams channel, with a page as its first message.

    The address's conversation is the channel's id. Threads are made by naming the channel in `channelData`, not by a member list.
    """
    parameters: Json = {
        "isGroup": True,
        "channelData": {"channel": {"id": address.conversation}},
        "activity": {
            "type": "message",
            "summary": page.summary,
            "locale": page.language,
            "attachments": [_attachment(page)],
        },
    }
    if address.bot:
        parameters["bot"] = {"id": address.bot}
    if address.tenant:
        parameters["tenantId"] = address.tenant
        parameters["channelData"]["tenant"] = {"id": address.tenant}
    return parameters


def invoke_card(page: Outgoing) -> tuple[int, Json]:
    """Return the answer to an invoke that puts a page in the place of the card that was pressed."""
    return 200, {"statusCode": 200, "type": CARD, "value": adaptive_card(page)}


def invoke_message(text: str) -> tuple[int, Json]:
    """Return the answer to an invoke that shows one line and leaves the card as it is."""
    return 200, {"statusCode": 200, "type": _MESSAGE, "value": text}


def _mention(person: Mention) -> Json:
    name = " ".join(_CONTROL.sub("", person.name).split())[:_NAME_CHARS] or person.user
    return {
        "type": "mention",
        "mentioned": {"id": person.user, "name": name},
        "text": f"<at>{_literal(name)}</at>",
    }


def _literal(text: str) -> str:
    """Return text that is shown letter by letter where markup is read."""
    return escape(_CONTROL.sub("", text), quote=False).replace("\n", "<br/>")


def _attachment(page: Outgoing) -> Json:
    return {"contentType": CARD, "content": adaptive_card(page)}


def _message(address: Address) -> Json:
    activity: Json = {
        "type": "message",
        "channelId": address.channel,
        "serviceUrl": address.service_url,
        "conversation": {
            "id": address.conversation,
            "isGroup": address.scope is not Scope.PERSONAL,
            "conversationType": address.scope.value,
        },
    }
    if address.bot:
        activity["from"] = {"id": address.bot, "role": "bot"}
    if address.user:
        activity["recipient"] = {"id": address.user}
    if address.tenant:
        activity["conversation"]["tenantId"] = address.tenant
    return activity
