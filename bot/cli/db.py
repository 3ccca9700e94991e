"""`bouncedesk db`: the database's tables."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="The database's tables.")


@app.callback()
def database() -> None:
    """Keep `upgrade` a word of its own, though it is the only command so far."""


@app.command()
def upgrade(
    data: Annotated[Path | None, typer.Option(help="Data directory.")] = None,
) -> None:
    """Bring the tables up to date: needed before a new version runs on PostgreSQL; SQLite does it by itself."""
    from bot.model.errors import SettingsError, StoreError
    from bot.settings import read_settings
    from bot.store import open_store

    try:
        settings = read_settings(data=data)
        settings.data_directory.mkdir(parents=True, exist_ok=True)
        store = open_store(settings.store_url, migrate=True)
    except (SettingsError, StoreError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    asyncio.run(store.close())
    typer.echo("The tables are up to date.")
