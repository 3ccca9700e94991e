"""Bringing a database's tables up to date. Alembic is imported only when there is something to change: it is dear to load."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Column, Connection, MetaData, String, Table, func, inspect, select

from bot.model.errors import StoreError
from bot.store.tables import metadata

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0002"
"""The newest migration: what this version reads and writes. A test holds it against the files."""

_MIGRATING = 5110
"""Number of the lock that a migration of a PostgreSQL database holds; any number that nothing else uses."""

_MIGRATIONS = Path(__file__).parent / "migrations"

_revisions = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), primary_key=True),
)
"""Alembic's own note of where a database stands."""


def prepare_embedded(connection: Connection) -> None:
    """Create the tables of a new SQLite database or migrate those of an older one; usually nothing is left to do.

    The caller begins and ends the transaction. Raises StoreError when the file belongs to somebody else or to a newer version.
    """
    if revision(connection) == HEAD:
        return
    there = inspect(connection).get_table_names()
    if not there:
        metadata.create_all(connection)
        _revisions.create(connection)
        connection.execute(_revisions.insert().values(version_num=HEAD))
    elif _revisions.name in there:
        _migrate(connection)
    else:
        raise StoreError("The file is a database of something else.")


def prepare_served(connection: Connection, *, migrate: bool) -> None:
    """Check, or with `migrate` bring about, that a PostgreSQL database has the tables of this version.

    The caller begins and ends the transaction. Raises StoreError that names the command where they are others: a server is migrated
    when its operator says so.
    """
    found = revision(connection)
    if found == HEAD:
        return
    if not migrate:
        raise StoreError(
            f"Its tables are at {found or 'nothing'}, this version needs {HEAD}. "
            "Run `bouncedesk db upgrade` first."
        )
    # Of two that migrate at the same time, the second waits here and then finds everything done.
    connection.execute(select(func.pg_advisory_xact_lock(_MIGRATING)))
    _migrate(connection)


def configuration(connection: Connection) -> Config:
    """Return Alembic's configuration for a connection whose transaction the caller ends."""
    from alembic.config import Config  # noqa: PLC0415 - see the module

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def revisions() -> tuple[str, ...]:
    """Return all migrations that this version knows, oldest first."""
    from alembic.config import Config  # noqa: PLC0415 - see the module
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    walked = ScriptDirectory.from_config(config).walk_revisions()
    return tuple(reversed([one.revision for one in walked]))


def _migrate(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - see the module
    from alembic.util import CommandError  # noqa: PLC0415

    try:
        command.upgrade(configuration(connection), "head")
    except CommandError as error:
        raise StoreError("The database was written by a newer version.") from error


def revision(connection: Connection) -> str | None:
    """Return the migration that a database stands at, None where it has no tables of ours."""
    if not inspect(connection).has_table(_revisions.name):
        return None
    return connection.execute(select(_revisions.c.version_num)).scalar()
