"""Is there a database, is it this version's, does it take what is written, and does what waits in it get away?

Nothing is made or migrated here: a diagnosis must not change what it looks at.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import msgspec
from sqlalchemy import URL, NullPool, create_engine, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError

from bot.doctor.finding import Check, Finding, Flaw, Outcome
from bot.doctor.installation import Area, Installation
from bot.model.errors import StoreError
from bot.ports import Counts, WholeStore
from bot.settings import Settings
from bot.store import open_store
from bot.store.schema import HEAD, revision

Result = TypeVar("Result")

_SECONDS = 6.0
_LATE = timedelta(minutes=15)
"""Age of an unsent message from which on something is in its way: what fails is tried again every few minutes at most."""
_LOW, _FULL = 1_000_000_000, 100_000_000
"""Bytes of a disk that are free."""

DATABASE = Check("database", "Database")
ADDRESS = Flaw(
    check=DATABASE,
    name="address",
    means="The bot does not start with it.",
    next_step="Write BOUNCEDESK_DATABASE_URL as postgresql+psycopg://USER:PASSWORD@HOST/NAME, or take it away to use SQLite.",
)
UNREACHED = Flaw(
    check=DATABASE,
    name="unreached",
    means="Nothing can be kept, so nobody is served.",
    next_step="See that the database server at {where} runs and lets this machine in (`pg_isready`, firewall, pg_hba.conf).",
)
LOGIN = Flaw(
    check=DATABASE,
    name="login",
    means="The server is there and does not let this user in.",
    next_step="Correct user and password in BOUNCEDESK_DATABASE_URL; characters such as @ and / in them are written as %40 and %2F.",
)
MISSING = Flaw(
    check=DATABASE,
    name="missing",
    means="The server is there and has no database of that name.",
    next_step="Make it (`createdb`) and then its tables (`bouncedesk db upgrade`).",
)
NOT_MIGRATED = Flaw(
    check=DATABASE,
    name="not-migrated",
    means="This version needs other tables; on PostgreSQL it does not start before they are made.",
    next_step="Make a backup, then run `bouncedesk db upgrade`.",
)
OLDER = Flaw(
    check=DATABASE,
    name="older",
    outcome=Outcome.WARNING,
    means="SQLite is brought up to date when the bot starts; an older version cannot read it afterwards.",
    next_step="Make a backup before this version starts for the first time.",
)
NEWER = Flaw(
    check=DATABASE,
    name="newer",
    means="A newer version has written it, and this one cannot read it.",
    next_step="Install that newer version again, or restore the backup from before it.",
)
FOREIGN = Flaw(
    check=DATABASE,
    name="foreign",
    means="It is a database of something else; the bot leaves it alone and does not start.",
    next_step="Name another one: BOUNCEDESK_DATABASE_URL, or BOUNCEDESK_DATA for SQLite.",
)
NOT_WRITABLE = Flaw(
    check=DATABASE,
    name="not-writable",
    means="The bot could read what it has and keep nothing new, so nobody is served.",
    next_step="Let the bot's user write to {where}.",
)
LOCKED = Flaw(
    check=DATABASE,
    name="locked",
    outcome=Outcome.WARNING,
    means="Something holds it for longer than a turn takes: a backup tool, a database browser.",
    next_step="See who has {where} open (`fuser`), and end it if it is not the bot.",
)
DAMAGED = Flaw(
    check=DATABASE,
    name="damaged",
    means="What is in the file is no database, or no longer a whole one.",
    next_step="Stop the bot, keep the file aside, and restore the latest backup.",
)

DISK = Check("disk", "Disk space")
DISK_FULL = Flaw(
    check=DISK,
    name="full",
    means="When the disk is full nothing can be kept, and nobody is served.",
    next_step="Make room on the disk of {where}.",
)
DISK_LOW = Flaw(
    check=DISK,
    name="low",
    outcome=Outcome.WARNING,
    means="SQLite needs room for its journal, too; when the disk is full nobody is served.",
    next_step="Make room on the disk of {where}.",
)

JOURNAL = Check("journal", "Journal")
NOT_WAL = Flaw(
    check=JOURNAL,
    name="not-wal",
    outcome=Outcome.WARNING,
    means="Readers and the writer wait for each other; most often the file lies on a network drive, where SQLite is not safe.",
    next_step="Put the data directory (BOUNCEDESK_DATA) on a local disk, or use PostgreSQL.",
)

OUTBOX = Check("outbox", "Messages to send")
LATE = Flaw(
    check=OUTBOX,
    name="late",
    means="What was decided does not reach people: the bot does not run, has no token, or the channel refuses.",
    next_step="Start the bot if it does not run; else its log says why (`delivery-postponed`).",
)
DEAD = Flaw(
    check=OUTBOX,
    name="dead-letters",
    outcome=Outcome.WARNING,
    means="They were refused or tried too often, and reach nobody unless somebody sends them again.",
    next_step="Run `bouncedesk outbox`: it says why, and how to send them again.",
)


class Unusable(Exception):
    """The database cannot be looked into."""

    def __init__(self, finding: Finding) -> None:
        """Take what is wrong with it."""
        self.finding = finding
        super().__init__(finding.id)


class NotReady(Exception):
    """There is no store to ask."""

    def __init__(self, why: str) -> None:
        """Take why, as the end of a sentence."""
        self.why = why
        super().__init__(why)


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What a database looks like from outside."""

    where: str
    there: bool = True
    """False: it will be made when the bot starts."""
    revision: str | None = None
    """Of its tables; None: they are not ours."""
    tables: int = 0
    writable: bool = True
    journal: str = ""
    """SQLite's journal mode."""
    embedded: bool = False


async def look(installation: Installation) -> Sequence[Finding]:
    """Look at the database, the disk that it is on, and what waits in it."""
    settings = installation.settings
    try:
        seen = await asyncio.to_thread(see, settings)
    except Unusable as unusable:
        because = "the database cannot be looked into."
        others = (check.not_checked(because) for check in (DISK, JOURNAL, OUTBOX))
        return [unusable.finding, *others]
    found = [database(seen)]
    if seen.embedded:
        found += [disk(Path(seen.where)), journal(seen)]
    else:
        found += [check.not_checked("the database is a server's.") for check in (DISK, JOURNAL)]
    try:
        counts = await with_store(settings, lambda store: store.counts(installation.clock()))
    except NotReady as error:
        return [*found, OUTBOX.not_checked(error.why)]
    return [*found, *outbox(counts)]


AREA = Area("database", "Database", look)


async def with_store(
    settings: Settings, work: Callable[[WholeStore], Awaitable[Result]]
) -> Result:
    """Run something on the store where it is there and this version's. Raises NotReady."""
    try:
        seen = await asyncio.to_thread(see, settings)
    except Unusable as error:
        raise NotReady("the database cannot be looked into.") from error
    if not seen.there:
        raise NotReady("there is no database yet.")
    if seen.revision != HEAD or not seen.writable:
        raise NotReady("the database is not ready; see above.")
    try:
        store = await asyncio.to_thread(open_store, settings.store_url)
    except StoreError as error:
        raise NotReady("the database cannot be opened.") from error
    try:
        async with asyncio.timeout(_SECONDS):
            return await work(store)
    except (StoreError, TimeoutError) as error:
        raise NotReady("the database does not answer.") from error
    finally:
        await store.close()


# ---------------------------------------------------------------------------------------------------------- judgement


def database(seen: Seen) -> Finding:
    """Judge a database that was looked into."""
    if not seen.there:
        if not seen.writable:
            return NOT_WRITABLE.found(f"{seen.where} cannot be made.", where=seen.where)
        return DATABASE.ok(f"{seen.where} is not there yet; it is made when the bot starts.")
    if seen.revision is None and seen.tables and seen.embedded:
        return FOREIGN.found(f"{seen.where} has {seen.tables} tables, and none of ours.")
    if seen.revision is not None and seen.revision > HEAD:
        return NEWER.found(f"Its tables are at {seen.revision}, this version's at {HEAD}.")
    if not seen.writable:
        return NOT_WRITABLE.found(f"{seen.where} can only be read.", where=seen.where)
    if seen.revision != HEAD:
        at = f"Its tables are at {seen.revision or 'nothing'}, this version needs {HEAD}."
        return OLDER.found(at) if seen.embedded and seen.revision else _unmade(seen, at)
    return DATABASE.ok(f"{seen.where}, its tables at {HEAD}, writable.")


def _unmade(seen: Seen, at: str) -> Finding:
    if seen.embedded:
        return DATABASE.ok(f"{seen.where} is empty; its tables are made when the bot starts.")
    return NOT_MIGRATED.found(at)


def journal(seen: Seen) -> Finding:
    """Judge SQLite's journal."""
    if not seen.there or not seen.revision:
        return JOURNAL.not_checked("there is no database yet.")
    if seen.journal != "wal":
        return NOT_WAL.found(f"The journal mode is {seen.journal}.")
    return JOURNAL.ok("Write-ahead log.")


def disk(file: Path) -> Finding:
    """Look at the room on the disk that a file is on, or will be."""
    return room(file, shutil.disk_usage(_nearest(file)).free)


def room(file: Path, free: int) -> Finding:
    """Judge the bytes that are free where a file is."""
    seen = f"{free / 1e9:.1f} GB are free where {file} is."
    if free < _FULL:
        return DISK_FULL.found(seen, where=file)
    return DISK_LOW.found(seen, where=file) if free < _LOW else DISK.ok(seen)


def outbox(counts: Counts) -> Iterator[Finding]:
    """Judge what waits to be sent and what was given up."""
    age = timedelta(seconds=round(counts.oldest_seconds))
    if counts.unsent and age > _LATE:
        yield LATE.found(f"{counts.unsent} wait, the oldest for {age}.")
    if counts.dead:
        yield DEAD.found(f"{counts.dead} could not be delivered.")
    if not counts.dead and not (counts.unsent and age > _LATE):
        yield OUTBOX.ok(f"{counts.unsent} wait, none for long; no dead letters.")


# ------------------------------------------------------------------------------------------------------------ looking


def see(settings: Settings) -> Seen:
    """Look at the database from outside. Blocks for seconds at most. Raises Unusable."""
    try:
        address = make_url(settings.store_url)
    except (ArgumentError, ValueError) as error:
        seen = "BOUNCEDESK_DATABASE_URL is not a database address."
        raise Unusable(ADDRESS.found(seen)) from error
    match address.get_backend_name():
        case "sqlite":
            if not address.database:
                raise Unusable(ADDRESS.found("BOUNCEDESK_DATABASE_URL names no file."))
            return _see_embedded(Path(address.database))
        case "postgresql" | "postgres":
            return _see_served(address.set(drivername="postgresql+psycopg"))
        case _:
            seen = "BOUNCEDESK_DATABASE_URL names neither PostgreSQL nor SQLite."
            raise Unusable(ADDRESS.found(seen))


def _see_embedded(file: Path) -> Seen:
    where = str(file.absolute())
    if not file.exists():
        writable = os.access(_nearest(file), os.W_OK) and _nearest(file).is_dir()
        return Seen(where=where, there=False, writable=writable, embedded=True)
    try:
        with closing(_opened(file)) as connection:
            (journal_mode,) = connection.execute("PRAGMA journal_mode").fetchone()
            tables = [name for (name,) in connection.execute(_TABLES)]
            at = None
            if "alembic_version" in tables:
                (at,) = connection.execute(_REVISION).fetchone() or (None,)
            writable = _takes_writes(connection)
    except sqlite3.Error as error:
        raise Unusable(_trouble(error, where)) from error
    return Seen(
        where=where,
        revision=at,
        tables=len(tables),
        writable=writable,
        journal=journal_mode,
        embedded=True,
    )


_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table'"
_REVISION = "SELECT version_num FROM alembic_version"


def _opened(file: Path) -> sqlite3.Connection:
    uri = f"file:{quote(str(file.absolute()))}?mode=rw"
    return sqlite3.connect(uri, uri=True, timeout=_SECONDS / 2, isolation_level=None)


def _takes_writes(connection: sqlite3.Connection) -> bool:
    """Tell whether a transaction that writes can begin. It writes nothing. Raises sqlite3.Error where the file is locked."""
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname.startswith("SQLITE_READONLY"):
            return False
        raise
    connection.execute("ROLLBACK")
    return True


def _trouble(error: sqlite3.Error, where: str) -> Finding:
    """Return what SQLite's error means, by its name; its text may quote values."""
    name = getattr(error, "sqlite_errorname", "")
    seen = f"{where}: {name or type(error).__name__}."
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return LOCKED.found(seen, where=where)
    if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
        return DAMAGED.found(seen)
    return NOT_WRITABLE.found(seen, where=where)


def _see_served(address: URL) -> Seen:
    where = f"{address.host or 'this machine'}, database {address.database or address.username}"
    engine = create_engine(
        address,
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={"connect_timeout": int(_SECONDS)},
    )
    try:
        with engine.connect() as connection:
            tables = inspect(connection).get_table_names()
            at = revision(connection)
            read_only = connection.execute(_READ_ONLY).scalar_one()
    except (DBAPIError, ValueError) as error:
        host = address.host or "this machine"
        raise Unusable(refusal(str(getattr(error, "orig", "")), host)) from error
    finally:
        engine.dispose()
    return Seen(where=where, revision=at, tables=len(tables), writable=read_only == "off")


_READ_ONLY = text("SELECT current_setting('transaction_read_only')")


def refusal(said: str, host: str) -> Finding:
    """Return what it means that PostgreSQL lets nobody in, by the words that its client library says it in."""
    low = said.lower()
    if re.search(r'database "[^"]*" does not exist', low):
        return MISSING.found(f"{host} has no such database.")
    if any(words in low for words in ("authentication failed", "pg_hba.conf", "role", "password")):
        return LOGIN.found(f"{host} refuses the login.")
    return UNREACHED.found(f"{host} does not answer.", where=host)


def _nearest(file: Path) -> Path:
    """Return the nearest folder above a file that is there."""
    return next(folder for folder in file.absolute().parents if folder.exists())
