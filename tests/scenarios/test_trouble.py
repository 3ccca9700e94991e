"""When something of ours breaks: the user gets a reference, the log gets the same one, and nothing of what was written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import structlog

from bot.compose import Application, new_id
from bot.host import Host
from bot.model.ticket import Ticket
from bot.ports import Parcel
from tests.conversation import BOUNCE, Conversation, Recorder, text_of
from tests.core.test_every_edge import NOW


class BrokenQueue:
    """A triage queue with a bug."""

    def opened(self, ticket: Ticket) -> Sequence[Parcel]:
        """Break, and name what nobody may read in a log."""
        raise RuntimeError(f"cannot post {ticket.draft.original}")


async def test_an_error_shows_a_reference_and_leaks_nothing(
    bot: tuple[Application, Recorder],
) -> None:
    """The ticket is not half opened, the user hears of it, and the log knows where it broke but not what was said."""
    running, recorder = bot
    host = Host(running.core, running.outbox, BrokenQueue(), clock=lambda: NOW, new_id=new_id)
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
