"""`bouncedesk chat`: the same bot in a terminal."""

from __future__ import annotations

import asyncio
import getpass
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from bot.compose import Application
    from bot.model.event import Event
    from bot.model.ids import Language
    from bot.settings import Settings
    from bot.terminal import Heard, Lookup, OnTicket, Terminal

_QUIT = frozenset({"/quit", "/exit", "/q"})
_WIDEST = 100


def chat(
    lang: Annotated[str | None, typer.Option(help="Language to start in: nb or en.")] = None,
    data: Annotated[Path | None, typer.Option(help="Data directory.")] = None,
    name: Annotated[str | None, typer.Option("--as", help="Who you are in this chat.")] = None,
) -> None:
    """Talk to the bot in this terminal. Paste a bounce; answer with a number or in words.

    /tickets shows your tickets. /agent shows the helpdesk's queue and /agent 1001 a ticket, to be worked on by its buttons; /me goes back
    to your own side. /lang nb changes the language; /quit ends.
    """
    from bot.logs import log_quietly
    from bot.settings import read_settings

    log_quietly()
    settings = read_settings(data=data)
    asyncio.run(_chat(settings, lang, name or getpass.getuser()))


async def _chat(settings: Settings, lang: str | None, person: str) -> None:
    from bot.compose import application
    from bot.content import load_library
    from bot.terminal import CHANNEL, LocalTeam, Terminal

    library = load_library(settings.dialogs)
    locale = library.language(lang or _system_locale())
    if (
        not settings.triage_channel_id
    ):  # the desk is this terminal then: its team, and its language
        settings = settings.model_copy(
            update={
                "triage_team_id": settings.triage_team_id or CHANNEL,
                "triage_language": locale,
            }
        )
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    screen = _Screen()
    terminal = Terminal(screen.write, width, person=person, library=library)
    senders = {terminal.address.channel: terminal, CHANNEL: terminal}
    async with application(
        settings, senders, library=library, members=LocalTeam(terminal)
    ) as running:
        await _Chat(running, terminal, screen, locale).run(greet=lang is None)


class _Screen:
    """Standard output. What comes while a line is waited for is followed by the prompt again."""

    def __init__(self) -> None:
        self.waits = False

    def write(self, text: str) -> None:
        """Write a block of text."""
        from bot.cli.console import PROMPT

        typer.echo(text)
        if self.waits and sys.stdin.isatty():
            typer.echo(PROMPT, nl=False)


class _Chat:
    """One person's chat, from the greeting to the end of the input."""

    def __init__(
        self, running: Application, terminal: Terminal, screen: _Screen, locale: Language
    ) -> None:
        self._running = running
        self._terminal = terminal
        self._screen = screen
        self._locale = locale
        terminal.locale = locale

    async def run(self, *, greet: bool) -> None:
        """Talk until the input ends. Without a greeting, the language is switched to first."""
        from bot.cli.console import messages
        from bot.model.event import Arrived

        first = Arrived() if greet else self._terminal.event(f"/lang {self._locale}")
        await self._turn(first)
        source = messages(self._terminal.answers)
        while (said := await self._next(source)) is not None:
            if said.strip() in _QUIT:
                return
            await self._obey(self._terminal.heard(said))
            await self._running.outbox.settle()

    async def _next(self, source: Iterator[str]) -> str | None:
        self._screen.waits = True
        try:
            return await asyncio.to_thread(next, source, None)
        finally:
            self._screen.waits = False

    async def _obey(self, heard: Heard) -> None:
        from bot.model.errors import BouncedeskError
        from bot.terminal import Lookup, OnTicket

        try:
            if isinstance(heard, OnTicket):
                await self._press(heard)
            elif isinstance(heard, Lookup):
                await self._look(heard)
            elif heard is not None:
                await self._turn(heard)
        except BouncedeskError as error:
            self._terminal.say(str(error))

    async def _turn(self, event: Event) -> None:
        """Say something to the bot, or press one of its buttons."""
        from bot.compose import new_id
        from bot.model.event import Incoming

        incoming = Incoming(
            event=event,
            address=self._terminal.address,
            activity=new_id(),
            locale=self._locale,
        )
        await self._running.host.handle(incoming)
        await self._running.outbox.settle()

    async def _press(self, pressed: OnTicket) -> None:
        """Press a button of a ticket, as its requester or as an agent."""
        from bot.compose import new_id
        from bot.model.event import TicketPress

        terminal = self._terminal
        answer = await self._running.desk.press(
            TicketPress(
                number=pressed.number,
                do=pressed.do,
                version=pressed.version,
                person=terminal.person,
                inputs=pressed.inputs,
                address=terminal.address,
                activity=new_id(),
                locale=terminal.locale,
            )
        )
        if isinstance(answer, str):
            terminal.say(answer)
        else:
            terminal.show(answer)

    async def _look(self, lookup: Lookup) -> None:
        """Look into the queue."""
        from bot.model.event import TicketSearch
        from bot.ports import Listing

        terminal = self._terminal
        found = await self._running.desk.search(
            TicketSearch(
                words=lookup.words,
                kind=Listing.RECENT,
                person=terminal.person,
                address=terminal.address,
                locale=terminal.locale,
            )
        )
        if isinstance(found, str):
            terminal.say(found)
        else:
            terminal.show_hits(found)


def _system_locale() -> str | None:
    import locale

    return locale.getlocale()[0]
