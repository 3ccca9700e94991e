"""What tests of the edge share: the stand-in connector, and an edge that writes down what it is given."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import pytest

from tests.connector import StubConnector, stub_connector
from tests.edge.far_side import SDKS, Recorder

OpenRecorder = Callable[..., Awaitable[Recorder]]


@pytest.fixture(scope="session")
def connector_process() -> Iterator[StubConnector]:
    """The stand-in, running in a process of its own."""
    with stub_connector() as stub:
        yield stub


@pytest.fixture
def stub(connector_process: StubConnector) -> StubConnector:
    """The stand-in, with nothing behind it."""
    return connector_process.reset()


@pytest.fixture(params=SDKS)
def sdk(request: pytest.FixtureRequest) -> str:
    """The SDK whose pipeline the turns run through: each in its turn."""
    chosen: str = request.param
    return chosen


@pytest.fixture
async def open_recorder(stub: StubConnector, sdk: str) -> AsyncIterator[OpenRecorder]:
    """Open edges in front of a recorder; options as `room.Options` has them."""
    async with AsyncExitStack() as opened:

        async def open_one(**options: object) -> Recorder:
            recorder = Recorder(stub, lambda: datetime.now(UTC), sdk, **options)
            await opened.enter_async_context(recorder)
            return recorder

        yield open_one
