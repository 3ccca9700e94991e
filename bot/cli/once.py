"""One thing done with the store of a data directory, and what came of it written down for people or for programs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

if TYPE_CHECKING:
    from bot.compose import Application
    from bot.ports import WholeStore

Result = TypeVar("Result")

Data = Annotated[Path | None, typer.Option(help="Data directory.")]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]

_CONTROLS = dict.fromkeys((*range(32), *range(127, 160)), " ")
"""Control characters: a name or a note must not be able to move the cursor or recolour the terminal."""

_PIPED = 240
"""Columns of a table that goes into a pipe: there a line must not be broken, so that it can be searched."""


def with_application(
    data: Path | None, work: Callable[[Application], Awaitable[Result]]
) -> Result:
    """Run something on the application; what a user did wrong is said in one line."""

    async def run() -> Result:
        from bot.compose import application
        from bot.settings import read_settings

        async with application(read_settings(data=data), {}) as running:
            return await work(running)

    return _run(run)


def with_store(data: Path | None, work: Callable[[WholeStore], Awaitable[Result]]) -> Result:
    """Run something on the store alone; what a user did wrong is said in one line."""

    async def run() -> Result:
        from bot.settings import read_settings
        from bot.store import open_store

        settings = read_settings(data=data)
        settings.data_directory.mkdir(parents=True, exist_ok=True)
        store = open_store(settings.store_url)
        try:
            return await work(store)
        finally:
            await store.close()

    return _run(run)


def _run(run: Callable[[], Awaitable[Result]]) -> Result:
    from bot.logs import log_quietly
    from bot.model.errors import BouncedeskError

    async def whole() -> Result:
        return await run()

    log_quietly()
    try:
        return asyncio.run(whole())
    except BouncedeskError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error


def legible(text: str) -> str:
    """Return text from people as one line that a terminal shows letter by letter."""
    return text.translate(_CONTROLS).strip()


def span(time: timedelta) -> str:
    """Return a time in its two largest units: `45s`, `12m`, `1h 31m`, `2d 4h`."""
    seconds = max(round(time.total_seconds()), 0)
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
    if days:
        first, second = f"{days}d", f"{hours % 24}h"
    elif hours:
        first, second = f"{hours}h", f"{minutes % 60}m"
    else:
        return f"{minutes}m" if minutes else f"{seconds}s"
    return first if second.startswith("0") else f"{first} {second}"


def print_json(value: object) -> None:
    """Print a value as one line of JSON."""
    import json

    typer.echo(json.dumps(value, ensure_ascii=False))


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    title: str | None = None,
    numbers: bool = False,
) -> None:
    """Print a table; its cells are shown letter by letter. With `numbers` all columns but the first are set to the right."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    for at, column in enumerate(columns):
        right = numbers and at > 0
        table.add_column(column, justify="right" if right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(legible(cell)) for cell in row))
    console = Console()
    (console if console.is_terminal else Console(width=_PIPED)).print(table)
