"""`bouncedesk chat`: the same bot in a terminal."""

from __future__ import annotations

import asyncio
import getpass
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from bot.compose import Application
    from bot.settings import Settings
    from bot.terminal import Terminal

_QUIT = frozenset({"/quit", "/exit", "/q"})
_WIDEST = 100


def chat(
    lang: Annotated[str | None, typer.Option(help="Language to start in: nb or en.")] = None,
    data: Annotated[Path | None, typer.Option(help="Data directory.")] = None,
    name: Annotated[str | None, typer.Option("--as", help="Who you are in this chat.")] = None,
) -> None:
    """Talk to the bot in this terminal. Paste a bounce; answer with a number or in words; /quit ends."""
    from bot.logs import log_quietly
    from bot.settings import read_settings

    log_quietly()
    settings = read_settings(data=data)
    asyncio.run(_chat(settings, lang, name or getpass.getuser()))


async def _chat(settings: Settings, lang: str | None, person: str) -> None:
    from bot.compose import application
    from bot.content import load_library
    from bot.terminal import CHANNEL, Terminal

    width = min(shutil.get_terminal_size().columns, _WIDEST)
    library = load_library(settings.dialogs)
    terminal = Terminal(_write, width, person=person, library=library)
    async with application(settings, {CHANNEL: terminal}, library=library) as running:
        await _converse(running, terminal, lang)


async def _converse(running: Application, terminal: Terminal, lang: str | None) -> None:
    from bot.cli.console import messages
    from bot.compose import new_id
    from bot.model.event import Arrived, Event, Incoming

    locale = running.core.library.language(lang or _system_locale())

    async def turn(event: Event) -> None:
        incoming = Incoming(
            event=event, address=terminal.address, activity=new_id(), locale=locale
        )
        await running.host.handle(incoming)
        await running.outbox.settle()

    if lang is not None:
        await turn(terminal.event(f"/lang {locale}"))
    else:
        await turn(Arrived())
    source = messages(terminal.answers)
    while (said := await asyncio.to_thread(_next, source)) is not None:
        if said.strip() in _QUIT:
            return
        await turn(terminal.event(said))


def _next(source: Iterator[str]) -> str | None:
    return next(source, None)


def _system_locale() -> str | None:
    import locale

    return locale.getlocale()[0]


def _write(text: str) -> None:
    typer.echo(text)
