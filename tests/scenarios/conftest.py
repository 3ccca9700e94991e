"""A running bot for every scenario."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.compose import Application
from tests.conversation import Conversation, Recorder, running_bot


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[tuple[Application, Recorder]]:
    """Run the bot on a store of its own."""
    async with running_bot(tmp_path) as running:
        yield running


@pytest.fixture
def ola(bot: tuple[Application, Recorder]) -> Conversation:
    """Return somebody who talks to the bot, in English."""
    return Conversation(*bot)
