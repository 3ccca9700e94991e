"""What the tests of the sinks share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from bot.sinks import calls
from tests.sinks.far_side import MailServer, Receiver, mail_server, receiver


@pytest.fixture
def mailbox() -> Iterator[MailServer]:
    """Run a mail server."""
    with mail_server() as kept:
        yield kept


@pytest.fixture
def hooks() -> Iterator[Receiver]:
    """Run a receiver of webhooks."""
    with receiver() as kept:
        yield kept


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """Return the session that sinks share."""
    shared = calls.new_session()
    yield shared
    await calls.close(shared)
