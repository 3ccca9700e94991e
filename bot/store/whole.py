"""A whole database in its operator's hands: how it stands, a copy of it, a copy brought back, its tables taken back.

Nothing here opens a store: a database that is looked at must not be made, nor migrated, by looking.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, nullcontext
from pathlib import Path

import msgspec
from sqlalchemy import URL, Connection, create_engine, func, inspect, make_url, select, text
from sqlalchemy.exc import ArgumentError, DBAPIError

from bot.model.errors import SettingsError, StoreError, StoreInUse, StoreUnavailable
from bot.store import schema
from bot.store.tables import counters, parcels, sessions, tickets
from bot.store.trouble import translated
from bot.store.unit import FIRST_NUMBER

GAP = 1000
"""Ticket numbers that are left out after a copy was brought back, when nobody knows how many were given since it was made."""

_PATIENCE_SECONDS = 5.0
"""How long to wait for a lock that somebody holds for a moment."""

_FORMER = ".before-restore"
"""What is added to the name of a database that a copy takes the place of."""

_BESIDE = ("", "-wal", "-shm")
"""What SQLite calls the files of one database."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a database stands. A number is None where it has no such table."""

    kind: str
    """`SQLite` or `PostgreSQL`."""
    where: str
    """The file, or the address without its password."""
    revision: str | None
    needed: str
    size: int
    """Bytes."""
    tickets: int | None
    last_number: int | None
    sessions: int | None
    unsent: int | None
    dead: int | None


def standing(url: str) -> Standing:
    """Say how a database stands; changes nothing. Raises SettingsError, or StoreError where there is none."""
    address = _address(url)
    with _connected(address) as connection:
        size = (
            "SELECT pg_database_size(current_database())"
            if address.get_backend_name() == "postgresql"
            else "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
        )
        there = set(inspect(connection).get_table_names())
        last = select(counters.c.value).where(counters.c.name == "ticket")
        waiting = parcels.c.given_up.is_(None)

        def count(query: object, table: str) -> int | None:
            return connection.scalar(query) if table in there else None  # type: ignore[call-overload]

        return Standing(
            kind="SQLite" if path_of(url) else "PostgreSQL",
            where=str(path_of(url) or shown(address)),
            revision=schema.revision(connection),
            needed=schema.HEAD,
            size=int(connection.scalar(text(size)) or 0),
            tickets=count(select(func.count()).select_from(tickets), "tickets"),
            last_number=count(last, "counters"),
            sessions=count(select(func.count()).select_from(sessions), "sessions"),
            unsent=count(select(func.count()).select_from(parcels).where(waiting), "parcels"),
            dead=count(select(func.count()).select_from(parcels).where(~waiting), "parcels"),
        )


def path_of(url: str) -> Path | None:
    """Return the file of an SQLite database, None where it is PostgreSQL. Raises SettingsError."""
    address = _address(url)
    if address.get_backend_name() != "sqlite":
        return None
    if address.database in (None, "", ":memory:"):
        raise SettingsError("A database in memory cannot be looked at from outside.")
    return Path(str(address.database))


def shown(url: URL | str) -> str:
    """Return an address as PostgreSQL's own programs take it, without the password: they ask for that, or read ~/.pgpass."""
    whole = make_url(url).difference_update_query(["password"])
    address = URL.create(
        "postgresql",
        username=whole.username,
        host=whole.host,
        port=whole.port,
        database=whole.database,
        query=whole.query,
    )
    return address.render_as_string(hide_password=False)


# ------------------------------------------------------------------------------------------- copies of SQLite


def back_up(database: Path, copy: Path) -> None:
    """Copy a database while it is in use, as it stands at this moment, into a new file that only its owner can read.

    What was committed before the call is in the copy. The copy is on the disk when this returns, and has its name only then.
    Raises StoreError when the file is there already, or there is no database, or the disk does not take it.
    """
    if not database.is_file():
        raise StoreError(f"There is no database {database}.")
    part = copy.with_name(f"{copy.name}.part")
    try:
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError as error:
        raise StoreError(
            f"{part} is there already: another backup runs, or was broken off."
        ) from error
    except OSError as error:
        raise StoreUnavailable(f"{part}: {error.strerror}.") from error
    try:
        if copy.exists():
            raise StoreError(f"{copy} is there already, and is not overwritten.")
        _copy(database, part)
        part.rename(copy)
        _reach_the_disk(copy.parent)
    except (sqlite3.Error, OSError) as error:
        raise StoreUnavailable(f"The copy could not be written: {error}.") from error
    finally:
        part.unlink(missing_ok=True)


def restore(copy: Path, database: Path, *, replace: bool, last_number: int | None) -> int:
    """Bring a copy back as a database, and return the last ticket number that counts as given.

    People may know tickets that were opened after the copy was made; their numbers must not be given again. They are skipped: up to
    `last_number`, or else to the last one of the database that is replaced, or else by GAP.

    Args:
        copy: What `back_up` made. It is not changed.
        database: Where it becomes the database.
        replace: Take the place of a database that is there. That one is kept, with `.before-restore` added to its name.
        last_number: The last number that was given to a ticket, where somebody knows it.

    Raises StoreError when the copy is damaged, is of something else or of a newer version, when a database is there and not to be
    replaced, or when anybody has that one open.
    """
    if not copy.is_file():
        raise StoreError(f"There is no file {copy}.")
    _must_be_ours(copy)
    with _alone(database):
        if database.exists() and (not replace or copy.samefile(database)):
            raise StoreError(f"{database} is there already; --replace puts a backup in its place.")
        in_copy, in_former = _last_number(copy) or 0, _last_number(database)
        unknown = last_number is None and in_former is None
        last = in_copy + GAP if unknown else max(in_copy, in_former or 0, last_number or 0)
        part = database.with_name(f"{database.name}.part")
        try:
            part.unlink(missing_ok=True)
            os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            _copy(copy, part, last_number=last)
            _belongs_to_owner_of(part.parent, part)
            _step_aside(database)
            part.rename(database)
            _reach_the_disk(database.parent)
        except (sqlite3.Error, OSError) as error:
            raise StoreUnavailable(f"The database could not be written: {error}.") from error
        finally:
            part.unlink(missing_ok=True)
    return last


def _copy(source: Path, target: Path, *, last_number: int | None = None) -> None:
    """Copy one database over an empty file, in one step: a snapshot, which keeps nobody from writing."""
    with closing(_open(source)) as old, closing(_open(target)) as new:
        old.backup(new)
        # One file, complete without a log beside it. The next store that opens it sets this as it likes.
        new.execute("PRAGMA journal_mode=DELETE")
        if last_number is not None:
            new.execute(
                "INSERT INTO counters (name, value) VALUES ('ticket', ?) "
                "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (last_number,),
            )
        _must_be_undamaged(new)
    _reach_the_disk(target)


def _open(database: Path) -> sqlite3.Connection:
    """Open a database that is there, each statement a transaction of its own."""
    address = f"{database.absolute().as_uri()}?mode=rw"
    return sqlite3.connect(address, uri=True, timeout=_PATIENCE_SECONDS, isolation_level=None)


def _must_be_ours(copy: Path) -> None:
    """Check that a file is a database of ours, undamaged, and of a version that we know. Raises StoreError."""
    try:
        with closing(_open(copy)) as connection:
            _must_be_undamaged(connection)
            found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{copy} is no backup of Bouncedesk: {error}.") from error
    if found is None or found[0] not in schema.revisions():
        raise StoreError(f"{copy} was made by a newer version.")


def _must_be_undamaged(connection: sqlite3.Connection) -> None:
    """Have SQLite look at every page and every reference. Raises StoreError."""
    damage = [row[0] for row in connection.execute("PRAGMA integrity_check(1)") if row[0] != "ok"]
    damage += [f"a row of {row[0]}" for row in connection.execute("PRAGMA foreign_key_check")]
    if damage:
        raise StoreError(f"It is damaged: {damage[0]}.")


def _last_number(database: Path) -> int | None:
    """Return the last ticket number that a database gave, None where there is none or it cannot tell."""
    try:
        with closing(_open(database)) as connection:
            found = connection.execute(
                "SELECT value FROM counters WHERE name = 'ticket'"
            ).fetchone()
    except sqlite3.Error:
        return None
    return int(found[0]) if found else FIRST_NUMBER - 1


@contextmanager
def _alone(database: Path) -> Iterator[None]:
    """Keep everybody else away from a database, by the lock that each store holds on it. Raises StoreInUse when somebody is there."""
    beside = database.with_name(f"{database.name}.users")
    with ExitStack() as opened:
        try:
            users = opened.enter_context(beside.open("ab"))
            _belongs_to_owner_of(beside.parent, beside)
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StoreInUse(f"{database}: stop the bot first.") from error
        except OSError as error:
            raise StoreUnavailable(f"{beside}: {error.strerror}.") from error
        yield


def _step_aside(database: Path) -> None:
    """Give a database another name, with its log: together they are whole."""
    for suffix in _BESIDE:
        file = Path(f"{database}{suffix}")
        if file.exists():
            file.replace(f"{database}{_FORMER}{suffix}")


def _belongs_to_owner_of(folder: Path, file: Path) -> None:
    """Give a file that root made to whom its folder belongs: the bot that runs there must be able to write it."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.chown(file, owner.st_uid, owner.st_gid)


def _reach_the_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# --------------------------------------------------------------------------------------------- numbers and tables


def skip_numbers(url: str, last_number: int) -> int:
    """Let all ticket numbers up to this one count as given; return the last that does now. Raises StoreError."""
    with _connected(_address(url)) as connection:
        _must_be_current(connection)
        of_tickets = counters.c.name == "ticket"
        given = connection.scalar(select(counters.c.value).where(of_tickets).with_for_update())
        if given is None:
            connection.execute(counters.insert().values(name="ticket", value=last_number))
        elif given < last_number:
            connection.execute(counters.update().where(of_tickets).values(value=last_number))
        return max(given or 0, last_number)


def downgrade(url: str, revision: str) -> None:
    """Take the tables back to those of an earlier version, so that it can run again.

    Raises StoreError when the revision is none that comes before, or when anybody else uses the database.
    """
    from alembic import command  # noqa: PLC0415 - dear to load, and needed here only

    known = schema.revisions()
    if revision not in known:
        raise StoreError(f"There is no revision {revision}; there are {', '.join(known)}.")
    path = path_of(url)
    alone = _alone(path) if path is not None else nullcontext()
    with alone, _connected(_address(url)) as connection:
        now = schema.revision(connection)
        if now not in known or known.index(revision) >= known.index(now):
            raise StoreError(
                f"Its tables are at {now or 'nothing'}; {revision} does not come before that."
            )
        if path is None:
            _must_be_the_only_one(connection)
        command.downgrade(schema.configuration(connection), revision)


def _must_be_current(connection: Connection) -> None:
    revision = schema.revision(connection)
    if revision != schema.HEAD:
        raise StoreError(f"Its tables are at {revision or 'nothing'}, not at {schema.HEAD}.")


def _must_be_the_only_one(connection: Connection) -> None:
    """Check that no instance is connected to a PostgreSQL database. Raises StoreInUse."""
    others = connection.scalar(
        text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
    )
    if others:
        raise StoreInUse(f"{others} other connections are open. Stop every instance first.")


def _address(url: str) -> URL:
    try:
        address = make_url(url)
    except ArgumentError as error:
        raise SettingsError("BOUNCEDESK_DATABASE_URL is not a database address.") from error
    if address.drivername.startswith("postgres"):
        return address.set(drivername="postgresql+psycopg")
    return address


@contextmanager
def _connected(address: URL) -> Iterator[Connection]:
    """Run one transaction on a database that is there. Raises StoreError."""
    embedded = address.get_backend_name() == "sqlite"
    if embedded and not Path(str(address.database)).is_file():
        raise StoreError(f"There is no database {address.database}.")
    # The driver's own way to begin transactions is switched off, as in `bot.store.embedded`: it leaves tables out of them.
    how: dict[str, object] = (
        {"timeout": _PATIENCE_SECONDS, "isolation_level": None}
        if embedded
        else {"connect_timeout": int(_PATIENCE_SECONDS)}
    )
    engine = create_engine(address, connect_args=how, hide_parameters=True)
    try:
        with engine.begin() as connection:
            if embedded:
                connection.exec_driver_sql("BEGIN")
            yield connection
    except DBAPIError as error:
        raise translated(error) from error
    finally:
        engine.dispose()
