"""When something of ours breaks: the user gets a reference, the log gets the same one, and nothing of what was written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from bot.compose import Application, new_id
from bot.edition import Edition
from bot.host import Host
from bot.model.ticket import Draft, Ticket
from bot.ports import Parcel, Unit
from bot.triage import Channel, ChannelBook, Desk, NoTeam
from tests.conversation import BOUNCE, Conversation, Recorder, text_of
from tests.core.test_every_edge import NOW


class BrokenQueue(Desk):
    """A triage queue with a bug."""

    def opened(self, unit: Unit, draft: Draft, now: datetime) -> tuple[Ticket, Sequence[Parcel]]:
        """Open the ticket, then break, and name what nobody may read in a log."""
        unit.open_ticket(draft)
        raise RuntimeError(f"cannot post {draft.original} at {now}")


async def test_an_error_shows_a_reference_and_leaks_nothing(
    bot: tuple[Application, Recorder],
) -> None:
    """The ticket is not half opened, the user hears of it, and the log knows where it broke but not what was said."""
    running, recorder = bot
    broken = BrokenQueue(
        running.core,
        running.outbox,
        places=ChannelBook(Channel(language=running.core.library.default)),
        members=NoTeam(),
        clock=lambda: NOW,
    )
    edition = Edition(running.core, broken)
    host = Host(lambda: edition, running.outbox, clock=lambda: NOW, new_id=new_id)
    ola = Conversation(replace(running, host=host), recorder)
    shown = await ola.say(BOUNCE)
    preview = await ola.press(shown, "human")
    before = await ola.session()

    with structlog.testing.capture_logs() as logged:
        sorry = await ola.press(preview, "send")

    words = running.core.library.words[ola.locale].words
    [entry] = [line for line in logged if line["event"] == "turn-failed"]
    assert sorry.summary == words["sorry-title"]
    assert entry["reference"] in text_of(sorry)
    assert re.search(r"test_trouble\.py:\d+", entry["where"])
    assert "kari.nordmann" not in str(logged)
    assert await ola.tickets() == []
    assert await ola.session() == before
