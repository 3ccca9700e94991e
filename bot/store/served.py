"""PostgreSQL: a thread for each connection of the pool. Processes on several machines may share the database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic, sleep
from typing import Any, TypeVar

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from bot.model.errors import StoreConflict, StoreUnavailable
from bot.store import schema
from bot.store.trouble import translated
from bot.store.unit import SqlUnit
from bot.store.upkeep import Upkeeping

Result = TypeVar("Result")

CONNECTIONS = 8
"""Connections, and threads, of one process: turns are short, so a few carry hundreds a second."""

PATIENCE_SECONDS = 3.0
"""How long a work waits for a free connection, for the server to answer the door, or for a lock."""

ATTEMPTS = 5
"""Times that a work is tried when others change the same rows or the connection turns out to be dead."""

_BREATH_SECONDS = 0.01
"""Waited after the first lost race; twice as long after the second, and so on."""


class ServedStore(Upkeeping):
    """A store on a PostgreSQL server (`bot.ports.Store`, `bot.ports.Upkeep`)."""

    def __init__(self, url: URL, *, migrate: bool) -> None:
        """Connect and check the tables, or bring them up to date. Raises StoreError."""
        self._engine = _engine(url)
        try:
            with self._engine.begin() as connection:
                schema.prepare_served(connection, migrate=migrate)
        except Exception as error:
            self._engine.dispose()
            raise translated(error) from error
        self._threads = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="store")
        self._closing = False

    async def run(self, work: Callable[[SqlUnit], Result]) -> Result:
        """Run one transaction and return what `work` returned."""
        if self._closing:
            raise StoreUnavailable("It is closed.")
        loop = asyncio.get_running_loop()
        deadline = monotonic() + PATIENCE_SECONDS
        return await loop.run_in_executor(self._threads, self._persist, work, deadline)

    async def close(self) -> None:
        """Finish what runs and let go of the connections."""
        if self._closing:
            return
        self._closing = True
        await asyncio.to_thread(self._threads.shutdown)
        self._engine.dispose()

    def _persist(self, work: Callable[[SqlUnit], Result], deadline: float) -> Result:
        """Run a work until it gets through: again after a lost race, or when a pooled connection had died unnoticed."""
        if monotonic() > deadline:
            raise StoreUnavailable("All connections are busy.")
        attempt = 1
        while True:
            try:
                return self._transaction(work)
            except _DeadConnection as dead:
                if attempt == ATTEMPTS:
                    raise translated(dead.error) from dead.error
            except StoreConflict:
                if attempt == ATTEMPTS:
                    raise
                sleep(_BREATH_SECONDS * attempt)
            attempt += 1

    def _transaction(self, work: Callable[[SqlUnit], Result]) -> Result:
        try:
            with self._engine.connect() as connection:
                transaction = connection.begin()
                try:
                    result = work(SqlUnit(connection))
                except DBAPIError as error:
                    # Pooled connections do not notice a restart of the server; all of them are new at the next attempt.
                    if error.connection_invalidated:
                        raise _DeadConnection(error) from error
                    raise
                # Not repeated when the connection breaks in here: the server may have committed.
                transaction.commit()
        except _DeadConnection:
            raise
        except BaseException as error:
            ours = translated(error)
            if ours is error:
                raise
            raise ours from error
        return result


class _DeadConnection(Exception):
    """A connection broke before the commit: nothing was written."""

    def __init__(self, error: DBAPIError) -> None:
        self.error = error
        super().__init__()


def _engine(url: URL) -> Engine:
    engine = create_engine(
        url,
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_timeout=PATIENCE_SECONDS,
        isolation_level="READ COMMITTED",
        connect_args={"connect_timeout": int(PATIENCE_SECONDS)},
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:  # noqa: ANN401
        connection.execute(f"SET lock_timeout = '{PATIENCE_SECONDS:.0f}s'")
        connection.execute("SET timezone = 'UTC'")
        connection.commit()

    return engine
