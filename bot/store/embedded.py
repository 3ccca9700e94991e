"""SQLite: one thread writes, and what waits for it is committed together.

Everything that is waiting becomes one transaction, and one work that fails takes nothing with it.
Nobody is told of success before the commit.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import IO, Any, TypeVar

from sqlalchemy import URL, Connection, Engine, StaticPool, create_engine, event
from sqlalchemy.exc import OperationalError

from bot.model.errors import StoreUnavailable
from bot.store import schema
from bot.store.prepared import Prepared, PreparedUnit
from bot.store.tables import parcels
from bot.store.trouble import translated
from bot.store.unit import SqlUnit
from bot.store.upkeep import Upkeeping

Result = TypeVar("Result")

PATIENCE_SECONDS = 3.0
"""How long a work waits for a locked database, all in all."""

_BUSY_SECONDS = 0.25
"""How long one attempt to begin waits; between two attempts, what has waited too long is told so."""

_COMPANY_SECONDS = 0.001
"""How long to wait for company under load; a turn's other steps take longer."""

_LOG_PAGES = 16_000
"""Pages (of 4 KiB) of the write-ahead log after which it is worked into the database, on the writing thread. The default, 1,000, is
reached every second under load, and each time everything waits for the disk."""

_CACHE_KIB = 16_000
"""Pages kept in memory. The default, 2,000, is so little that every turn reads ten pages back from the system."""

_TOGETHER = 100
"""Works in one transaction at most."""


@dataclass(slots=True)
class _Waiting:
    """A work that waits for its turn."""

    work: Callable[[SqlUnit], Any]
    future: asyncio.Future[Any]
    deadline: float = field(default_factory=lambda: monotonic() + PATIENCE_SECONDS)


@dataclass(frozen=True, slots=True)
class _Told:
    """What a work came to: for the thread of its loop to say."""

    waiting: _Waiting
    result: Any = None
    error: BaseException | None = None
    durable: bool = False
    """It must survive a power cut before it is said."""

    def tell(self) -> None:
        """Say it to whoever still waits."""
        future = self.waiting.future
        if future.done():  # cancelled meanwhile
            return
        if self.error is not None:
            future.set_exception(self.error)
        else:
            future.set_result(self.result)


def _tell(all_told: Sequence[_Told]) -> None:
    for told in all_told:
        told.tell()


def _say(all_told: Sequence[_Told]) -> None:
    """Tell all works how they went, with one call into each loop: waking a loop costs more than a small work."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Told]] = {}
    for told in all_told:
        by_loop.setdefault(told.waiting.future.get_loop(), []).append(told)
    for loop, of_loop in by_loop.items():
        with suppress(RuntimeError):  # the loop was closed: nobody waits any more
            loop.call_soon_threadsafe(_tell, of_loop)


class EmbeddedStore(Upkeeping):
    """A store in a file, or in memory when there is no path (`bot.ports.Store`, `bot.ports.Upkeep`)."""

    def __init__(self, url: URL) -> None:
        """Open the database, create or migrate it, and start the thread. Raises StoreError."""
        self._path = _path(url)
        self._waiting: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._closing = False
        self._prepared: dict[int, list[Prepared]] = {}
        self._crowded = False
        """The last transaction had more than one work."""
        self._door = threading.Lock()
        """Held to put something in line, so that nothing comes after the word to stop."""
        self._users: IO[bytes] | None = None
        self._engine = _engine(url)
        try:
            self._connection = self._engine.connect()
            self._driver: sqlite3.Connection = self._connection.connection.driver_connection  # type: ignore[assignment]
            with _immediate(self._connection):
                schema.prepare_embedded(self._connection)
            self._users = self._join()
            self._connection.exec_driver_sql(f"PRAGMA busy_timeout={_BUSY_SECONDS * 1000:.0f}")
            # Not before: a migration of SQLite makes tables anew, with others referring to them.
            self._connection.exec_driver_sql("PRAGMA foreign_keys=ON")
            self._connection.rollback()
        except Exception as error:
            self._engine.dispose()
            raise translated(error.error if isinstance(error, _Locked) else error) from error
        self._file = self._path and _identity(self._path)
        self._thread = threading.Thread(target=self._serve, name="store", daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[SqlUnit], Result]) -> Result:
        """Run one transaction and return what `work` returned."""
        waiting = _Waiting(work, asyncio.get_running_loop().create_future())
        with self._door:
            if self._closing:
                raise StoreUnavailable("It is closed.")
            self._waiting.put(waiting)
        result: Result = await waiting.future
        return result

    async def close(self) -> None:
        """Finish what waits and let go of the database."""
        with self._door:
            if not self._closing:
                self._closing = True
                self._waiting.put(None)
        await asyncio.to_thread(self._thread.join)

    # ------------------------------------------------------------------------------------------- the thread

    def _serve(self) -> None:
        """Commit what waits, until told to stop."""
        batch: list[_Waiting] = []
        while self._gather(batch):
            batch = self._commit(batch)
        while batch:
            batch = self._commit(batch)
        self._connection.close()
        self._engine.dispose()
        if self._users is not None:
            self._users.close()

    def _gather(self, batch: list[_Waiting]) -> bool:
        """Add everything that waits to a batch, at least one thing; tell whether to go on after it.

        Under load it pays to wait a moment for company: a transaction costs more than the works in it. Who comes alone is served at once.
        """
        crowded = self._crowded
        while len(batch) < _TOGETHER:
            try:
                waiting = self._waiting.get(block=not batch)
            except queue.Empty:
                if not crowded:
                    break
                crowded = False
                sleep(_COMPANY_SECONDS)
                continue
            if waiting is None:
                return False
            if not waiting.future.cancelled():
                batch.append(waiting)
        self._crowded = len(batch) > 1
        return True

    def _commit(self, batch: Sequence[_Waiting]) -> list[_Waiting]:
        """Run works in one transaction and tell each how it went; return those that may try again."""
        try:
            told = self._transaction(batch)
        except _Locked as locked:
            now = monotonic()
            late = [waiting for waiting in batch if waiting.deadline <= now]
            _say([_Told(waiting, error=translated(locked.error)) for waiting in late])
            return [waiting for waiting in batch if waiting.deadline > now]
        except BaseException as error:  # noqa: BLE001 - nothing was written; whoever waits must hear of it
            _say([_Told(waiting, error=translated(error)) for waiting in batch])
            return []
        _say(told)
        return []

    def _transaction(self, batch: Sequence[_Waiting]) -> list[_Told]:
        """Run works in one transaction; return what to tell them, now that it is committed.

        Works hardly ever fail, so they run without savepoints first. When one does, nothing of the batch is kept, and the batch runs again
        with a savepoint for each; a work may be called again by its contract.
        """
        if self._path is not None and _identity(self._path) != self._file:
            raise StoreUnavailable("The database file was moved or deleted.")
        try:
            told = self._together(batch)
        except _Failed as failed:
            if len(batch) == 1:
                return [_Told(batch[0], error=translated(failed.error))]
            told = self._one_by_one(batch)
        if any(outcome.durable for outcome in told):
            self._survive_a_power_cut()
        return told

    def _together(self, batch: Sequence[_Waiting]) -> list[_Told]:
        """Run works in one transaction. Raises _Failed when one of them fails: then nothing of any was written."""
        with _immediate(self._connection):
            return [self._run(waiting) for waiting in batch]

    def _one_by_one(self, batch: Sequence[_Waiting]) -> list[_Told]:
        """Run works in one transaction, each in a savepoint of its own: one that fails takes nothing with it."""
        told: list[_Told] = []
        with _immediate(self._connection):
            for waiting in batch:
                self._connection.exec_driver_sql("SAVEPOINT work")
                try:
                    told.append(self._run(waiting))
                except _Failed as failed:
                    self._connection.exec_driver_sql("ROLLBACK TO work")
                    told.append(_Told(waiting, error=translated(failed.error)))
                else:
                    self._connection.exec_driver_sql("RELEASE work")
        return told

    def _run(self, waiting: _Waiting) -> _Told:
        """Run one work. Raises _Failed with what it raised."""
        unit = PreparedUnit(self._connection, self._driver, self._prepared)
        try:
            result = waiting.work(unit)
        except BaseException as error:
            if not self._driver.in_transaction:
                raise  # SQLite has rolled everything back by itself (disk full): the whole batch is told so
            raise _Failed(error) from error
        return _Told(waiting, result, durable=unit.changed_tickets)

    def _survive_a_power_cut(self) -> None:
        """Force the last commit onto the disk.

        With `synchronous=NORMAL` a commit survives a crash of ours but not of the machine. The write-ahead log holds it, so that is what
        must reach the disk. See docs/decisions/0004-store.md for the alternatives and what they cost.
        """
        if self._path is None:
            return
        try:
            with Path(f"{self._path}-wal").open("rb") as log:
                os.fsync(log.fileno())
        except OSError as error:
            raise StoreUnavailable(f"The disk does not take it: {error.strerror}.") from error

    # ---------------------------------------------------------------------------------------------- leases

    def _join(self) -> IO[bytes] | None:
        """Sign in as a user of the database; whoever is alone frees the leases of processes that died.

        The lock is the operating system's: it goes with its process, however that ends.
        """
        if self._path is None:
            return None
        users = Path(f"{self._path}.users").open("ab")  # noqa: SIM115 - open as long as the store is
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with _immediate(self._connection):
                self._connection.execute(parcels.update().values(leased_until=None))
        except BlockingIOError:
            pass  # others are there, and their leases hold
        except BaseException:
            users.close()
            raise
        fcntl.flock(users, fcntl.LOCK_SH)
        return users


class _Failed(Exception):
    """A work raised something."""

    def __init__(self, error: BaseException) -> None:
        self.error = error
        super().__init__()


class _Locked(Exception):
    """Somebody else holds the database."""

    def __init__(self, error: OperationalError) -> None:
        self.error = error
        super().__init__()


def _engine(url: URL) -> Engine:
    # One connection, opened here and used by the thread. The driver's own way to begin transactions is switched off: it does so
    # too late, and without IMMEDIATE.
    engine = create_engine(
        url,
        poolclass=StaticPool,
        connect_args={
            "check_same_thread": False,
            "isolation_level": None,
            "timeout": PATIENCE_SECONDS,
        },
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:  # noqa: ANN401
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
        connection.execute(f"PRAGMA wal_autocheckpoint={_LOG_PAGES}")

    return engine


@contextmanager
def _immediate(connection: Connection) -> Iterator[None]:
    """Run a transaction that takes the write lock at once: one that read first and then could not write would have to start over.

    Raises _Locked when somebody else has the lock.
    """
    with connection.begin():
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        except OperationalError as error:
            if _is_locked(error):
                raise _Locked(error) from error
            raise
        yield


def _path(url: URL) -> Path | None:
    """Return the database's file, or None when it is in memory."""
    name = (url.database or ":memory:").removeprefix("file:")
    return None if name == ":memory:" else Path(name)


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from another one of the same name; None when it is not there."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _is_locked(error: OperationalError) -> bool:
    return getattr(error.orig, "sqlite_errorname", "").startswith("SQLITE_BUSY")
