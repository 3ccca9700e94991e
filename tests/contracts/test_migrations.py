"""The tables: however a database came by them, they are the same."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, inspect, text

from bot.model.errors import StoreError
from bot.store import open_store, schema
from bot.store.tables import metadata
from tests.contracts.conftest import Database


def tables(connection: Connection) -> dict[str, Any]:
    """Return everything the database says about our tables."""
    found = inspect(connection)
    return {
        table: (
            [column | {"type": str(column["type"])} for column in found.get_columns(table)],
            found.get_pk_constraint(table)["constrained_columns"],
            sorted(
                (key["constrained_columns"], key["referred_table"])
                for key in found.get_foreign_keys(table)
            ),
            sorted(str(unique["column_names"]) for unique in found.get_unique_constraints(table)),
        )
        for table in found.get_table_names()
        if table != "alembic_version"
    }


def indexes(connection: Connection) -> list[str]:
    """Return the indexes as the database would write them."""
    query = (
        "SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        if connection.dialect.name == "sqlite"
        else "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'"
    )
    found = (str(sql) for sql in connection.execute(text(query)).scalars())
    return sorted(sql for sql in found if "alembic_version" not in sql)


@pytest.fixture
def engine(database: Database) -> Iterator[Engine]:
    """A bare connection to an empty database."""
    engine = create_engine(database.url)
    yield engine
    engine.dispose()


def test_the_newest_migration_is_the_one_the_code_knows() -> None:
    """There is one line of migrations, and its head is what a fresh database is stamped with."""
    with create_engine("sqlite://").connect() as connection:
        directory = ScriptDirectory.from_config(schema.configuration(connection))
        connection.engine.dispose()
    assert directory.get_heads() == [schema.HEAD]


def test_migrations_and_metadata_agree(engine: Engine) -> None:
    """Migrating from nothing gives what the metadata says, index by index; migrating back leaves nothing."""
    with engine.begin() as connection:
        metadata.create_all(connection)
        created = (tables(connection), indexes(connection))
        metadata.drop_all(connection)

        configuration = schema.configuration(connection)
        command.upgrade(configuration, "head")
        assert (tables(connection), indexes(connection)) == created
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, metadata) == []

        command.downgrade(configuration, "base")
        assert tables(connection) == {}


def test_each_migration_can_be_undone_and_done_again(engine: Engine) -> None:
    """Step by step up, and at each step once down and up again."""
    with engine.begin() as connection:
        configuration = schema.configuration(connection)
        revisions = ScriptDirectory.from_config(configuration).walk_revisions()
        for revision in reversed(list(revisions)):
            command.upgrade(configuration, revision.revision)
            after = tables(connection)
            command.downgrade(configuration, "-1")
            command.upgrade(configuration, revision.revision)
            assert tables(connection) == after


async def test_an_older_database_is_migrated_when_it_is_opened(
    database: Database, engine: Engine
) -> None:
    """With the tables of no version at all but Alembic's own, everything is made by migrations."""
    with engine.begin() as connection:
        command.stamp(schema.configuration(connection), "base")
    store = database.open()
    await store.health()
    await store.close()
    with engine.begin() as connection:
        assert set(tables(connection)) == set(metadata.tables)


async def test_processes_that_start_together_on_a_fresh_database_agree(
    database: Database,
) -> None:
    """One makes the tables, the others wait for it and find them made."""
    program = (
        "import asyncio\n"
        "from bot.store import open_store\n"
        f"store = open_store({database.url!r}, migrate=True)\n"
        "asyncio.run(store.health())\n"
        "asyncio.run(store.close())\n"
    )
    children = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", program) for _ in range(4)
    ]
    assert [await child.wait() for child in children] == [0, 0, 0, 0]


async def test_a_newer_database_is_refused(database: Database, engine: Engine) -> None:
    """An older version must not write into tables that it does not understand."""
    await database.open().close()
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="newer version"):
        database.open()


async def test_alembic_is_loaded_only_when_there_is_something_to_migrate(
    database: Database,
) -> None:
    """Every start opens the store; few have to migrate, and a fresh SQLite file is made without migrations."""
    if not database.embedded:
        await database.open().close()
    program = (
        "import asyncio, sys\n"
        "from bot.store import open_store\n"
        f"asyncio.run(open_store({database.url!r}).close())\n"
        "sys.exit('alembic' in sys.modules)\n"
    )
    for _ in range(2):
        child = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
        assert await child.wait() == 0


def test_the_command_line_migrates(database: Database, tmp_path: Path) -> None:
    """`bouncedesk db upgrade` does it and says so; a second time there is nothing to do."""
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-m", "bot", "db", "upgrade", "--data", str(tmp_path)],
            env={"BOUNCEDESK_DATABASE_URL": database.url, "PATH": ""},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == "The tables are up to date.\n"
    asyncio.run(open_store(database.url).close())
