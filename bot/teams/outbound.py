"""From pages to what the channel reads: activities, and the bodies of invoke answers."""

from __future__ import annotations

from typing import Any

from bot.model.event import Address, Scope
from bot.model.outgoing import Outgoing
from bot.render.card import adaptive_card

Json = dict[str, Any]

CARD = "application/vnd.microsoft.card.adaptive"
_MESSAGE = "application/vnd.microsoft.activity.message"


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
