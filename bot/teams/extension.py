"""What the message extension is answered: a list of cards to choose from, or a line that says why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from bot.model.outgoing import Hit
from bot.render.card import adaptive_card
from bot.teams.outbound import CARD

Json = dict[str, Any]

THUMBNAIL = "application/vnd.microsoft.card.thumbnail"


def search_answer(found: Sequence[Hit] | str) -> tuple[int, Json]:
    """Return the answer to a search: its status and its body."""
    if isinstance(found, str):
        answer: Json = {"type": "message", "text": found}
    else:
        attachments = [_attachment(hit) for hit in found]
        answer = {"type": "result", "attachmentLayout": "list", "attachments": attachments}
    return 200, {"composeExtension": answer}


def _attachment(hit: Hit) -> Json:
    """Return a hit: the card that is put into a conversation, and the line that stands for it in the list.

    The line is no Adaptive Card but one of the older kind, whose text Teams reads as HTML.
    """
    line = {
        "title": escape(hit.title, quote=False),
        "text": escape(hit.subtitle, quote=False),
    }
    return {
        "contentType": CARD,
        "content": adaptive_card(hit.page),
        "preview": {"contentType": THUMBNAIL, "content": line},
    }
