"""The curated walks of `walks.yaml`, through the real bot."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.compose import Application
from bot.model.session import Walking
from tests.conversation import BOUNCE, Conversation, Recorder

PASTES = {
    "bounce": BOUNCE,
    "headline": (
        "Your message to kari.nordmann@contoso.com couldn't be delivered.\n"
        "kari.nordmann wasn't found at contoso.com."
    ),
    "mailbox-full": "Remote Server returned '554 5.2.2 mailbox full; STOREDRV.Deliver' for per@fabrikam.com",
    "unknown-code": "Delivery to per@fabrikam.com failed: 550 5.3.77 The moon is in the wrong phase",
    "blocked-sender": (
        "Your message couldn't be delivered because you weren't recognized as a valid sender. "
        "550 5.1.8 Access denied, bad outbound sender AS(41050001) for per@fabrikam.com"
    ),
    "edge-blocking": (
        "Delivery has failed to per@fabrikam.com: 550 5.4.1 Recipient address rejected: "
        "Access denied. AS(201806281)"
    ),
}
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_LONG_FROM_NOW = datetime(2100, 1, 1, tzinfo=UTC)
WALKS = yaml.safe_load((Path(__file__).parent / "walks.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("walk", WALKS, ids=[walk["id"] for walk in WALKS])
async def test_walk(walk: dict[str, Any], bot: tuple[Application, Recorder]) -> None:
    """Each step leads where the walk says, and what is stored at the end is what the walk promises."""
    talking = Conversation(*bot, locale=walk.get("language", "en"))
    shown = None
    for step in walk["steps"]:
        if "say" in step:
            shown = await talking.say(PASTES.get(step["say"], step["say"]))
        else:
            assert shown is not None
            shown = await talking.press(shown, step["press"])
        await check_place(talking, step["at"])
        assert shown.language == step.get("speaks", shown.language)
    await check_records(talking, walk)


async def check_place(talking: Conversation, at: str) -> None:
    """Check where the stored session stands."""
    mode = (await talking.session()).mode
    if not isinstance(mode, Walking):
        assert type(mode).__name__.lower() == at
        return
    article, _, node = at.partition("/")
    assert mode.article == article
    assert node in {"*", mode.node}


async def check_records(talking: Conversation, walk: dict[str, Any]) -> None:
    """Check outcome, feedback and ticket."""
    session = await talking.session()
    recorded = await talking.running.store.outcomes(_LONG_AGO, _LONG_FROM_NOW)
    ours = {record.outcome.session: record for record in recorded}
    if "outcome" in walk:
        assert ours[session.id].outcome.outcome == walk["outcome"]
    if "feedback" in walk:
        assert ours[session.id].useful is walk["feedback"]
    tickets = await talking.tickets()
    assert len(tickets) == (1 if "ticket" in walk else 0)
    for ticket in tickets:
        wanted = walk["ticket"]
        draft = ticket.draft
        assert (draft.reason, draft.priority) == (wanted["reason"], wanted["priority"])
        assert draft.note == wanted.get("note", "")
        assert ticket.number == 1001
