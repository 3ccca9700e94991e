"""`bouncedesk db`: the database as a whole: how it stands, copies of it, its tables."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from bot.cli.once import Data, Json, print_json

if TYPE_CHECKING:
    from bot.settings import Settings

app = typer.Typer(
    no_args_is_help=True, help="The database: how it stands, copies of it, its tables."
)

LastNumber = Annotated[
    int | None,
    typer.Option(
        "--last-number",
        min=1,
        max=2_000_000_000,
        help="Last ticket number that anybody was told; the next ticket comes after it.",
    ),
]


@app.command()
def status(data: Data = None, json_: Json = False) -> None:
    """Say which database is used, how large it is, and what version its tables are. Changes nothing."""
    with _told(data) as settings:
        from msgspec import structs

        from bot.store.whole import standing

        found = standing(settings.store_url)
        if json_:
            print_json(structs.asdict(found))
            return
        typer.echo(f"{found.kind}: {found.where}, {found.size / 1_000_000:.1f} MB")
        if found.revision == found.needed:
            typer.echo(f"Tables: {found.revision}, as this version needs them.")
        else:
            typer.echo(
                f"Tables: {found.revision or 'none'}; this version needs {found.needed}. "
                "`bouncedesk db upgrade` brings them there."
            )
        typer.echo(
            f"{_counted(found.tickets, 'ticket')}, the last is {_number(found.last_number)}; "
            f"{_counted(found.sessions, 'conversation')}; "
            f"{_counted(found.unsent, 'message')} still to send, {_counted(found.dead, 'dead letter')}."
        )


@app.command()
def upgrade(data: Data = None) -> None:
    """Bring the tables up to date: needed before a new version runs on PostgreSQL; SQLite does it by itself."""
    with _told(data) as settings:
        from bot.store import open_store

        settings.data_directory.mkdir(parents=True, exist_ok=True)
        store = open_store(settings.store_url, migrate=True)
        asyncio.run(store.close())
        typer.echo("The tables are up to date.")


@app.command()
def downgrade(
    revision: Annotated[str, typer.Argument(help="Where to go back to, as 0001.")],
    data: Data = None,
) -> None:
    """Take the tables back to an earlier version's, with the bot stopped. What that version cannot hold is lost."""
    with _told(data) as settings:
        from bot.store.whole import downgrade as take_back

        take_back(settings.store_url, revision)
        typer.echo(f"The tables are at {revision}. Start the earlier version, not this one.")


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="File to write; it must not be there yet.")],
    data: Data = None,
) -> None:
    """Copy the database (SQLite) into a file while the bot runs. For PostgreSQL: say how."""
    with _told(data) as settings:
        from bot.store.whole import back_up, path_of, shown, standing

        database = path_of(settings.store_url)
        if database is None:
            _leave_it_to_postgresql(
                "pg_dump",
                "--format=custom",
                "--no-owner",
                f"--file={file}",
                shown(settings.store_url),
            )
        back_up(database, file)
        copied = standing(f"sqlite:///{file.absolute()}")
        typer.echo(
            f"Wrote {file}: {_counted(copied.tickets, 'ticket')}, the last is "
            f"{_number(copied.last_number)}; {copied.size / 1_000_000:.1f} MB."
        )


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="File that `db backup` wrote.")],
    data: Data = None,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace", help="Take the place of the database that is there; it is kept."
        ),
    ] = False,
    last_number: LastNumber = None,
) -> None:
    """Bring a copy back (SQLite), with the bot stopped. For PostgreSQL: say how.

    Tickets that were opened after the copy was made are lost, but people may know their numbers. So the next ticket gets a number after
    the last one of the database that is replaced; where there is none, 1000 numbers are left out, or those up to --last-number.
    """
    with _told(data) as settings:
        from bot.store.whole import path_of, shown
        from bot.store.whole import restore as bring_back

        database = path_of(settings.store_url)
        if database is None:
            options = ("--clean", "--if-exists", "--no-owner", "--single-transaction")
            where = f"--dbname={shown(settings.store_url)}"
            _leave_it_to_postgresql("pg_restore", *options, where, str(file))
        database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        last = bring_back(file, database, replace=replace, last_number=last_number)
        typer.echo(f"Restored {database}. The next ticket is #{last + 1}.")


@app.command("skip-numbers")
def skip_numbers(
    last: Annotated[
        int, typer.Argument(min=1, max=2_000_000_000, help="Last ticket number anybody was told.")
    ],
    data: Data = None,
) -> None:
    """Give no ticket a number up to this one: for PostgreSQL after a restore, so that no number comes twice."""
    with _told(data) as settings:
        from bot.store.whole import skip_numbers as skip

        typer.echo(f"The next ticket is #{skip(settings.store_url, last) + 1}.")


@contextmanager
def _told(data: Path | None) -> Iterator[Settings]:
    """Read the settings for a command; what goes wrong in it is said in one line."""
    from bot.logs import log_quietly
    from bot.model.errors import SettingsError, StoreError
    from bot.settings import read_settings

    log_quietly()
    try:
        yield read_settings(data=data)
    except (SettingsError, StoreError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error


def _leave_it_to_postgresql(*command: str) -> NoReturn:
    """Say which of PostgreSQL's own programs does it."""
    typer.echo("PostgreSQL has a program for this. It asks for the password, or reads ~/.pgpass:")
    typer.echo(shlex.join(command))
    raise typer.Exit(1)


def _counted(count: int | None, what: str) -> str:
    """Return how many there are of something, in words."""
    return f"{count or 0} {what}{'' if count == 1 else 's'}"


def _number(number: int | None) -> str:
    return f"#{number}" if number else "none"
