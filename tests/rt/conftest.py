"""One Request Tracker for all tests of this folder: it takes a while to install, and each test makes tickets of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from bot.sinks import calls
from tests.rt.tracker import Rt, request_tracker


@pytest.fixture(scope="session")
def rt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rt]:
    """Run RT."""
    with request_tracker(tmp_path_factory.mktemp("rt")) as running:
        yield running


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """Return the session that sinks share."""
    shared = calls.new_session()
    yield shared
    await calls.close(shared)
