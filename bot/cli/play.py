"""`bouncedesk play`: walk an article in the terminal. Nothing is stored, nobody is told."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from bot.model.effects import Turn
    from bot.model.event import Incoming, Reading
    from bot.model.ids import ArticleId
    from bot.model.library import Library
    from bot.model.session import Session
    from bot.terminal import Terminal


def play(
    article: Annotated[str, typer.Argument(help="Id of an article, such as 5.1.10.")],
    lang: Annotated[str | None, typer.Option(help="Language: nb or en.")] = None,
    dialogs: Annotated[Path | None, typer.Option(help="Folder with the content.")] = None,
) -> None:
    """Walk an article in this terminal, starting with its own example."""
    from bot.cli.console import messages
    from bot.compose import new_id
    from bot.content import load_library
    from bot.model.event import Incoming, Said
    from bot.model.ids import ArticleId
    from bot.settings import read_settings
    from bot.terminal import Terminal
    from bot.turn import Core

    core = Core(load_library(read_settings(dialogs=dialogs).dialogs))
    if article not in core.library.articles:
        known = ", ".join(sorted(core.library.articles))
        typer.echo(f"There is no article {article}. There are: {known}.", err=True)
        raise typer.Exit(1)
    width = shutil.get_terminal_size().columns
    terminal = Terminal(typer.echo, width, person="player", library=core.library)
    locale = core.library.language(lang)
    first = Incoming(event=Said(article), address=terminal.address, activity="", locale=locale)
    session = _turn(
        core.library, terminal, None, first, _example(core.library, ArticleId(article))
    )
    for said in messages(terminal.answers):
        if said.strip() in {"/quit", "/q"}:
            return
        incoming = Incoming(
            event=terminal.event(said), address=terminal.address, activity=new_id(), locale=locale
        )
        session = _turn(core.library, terminal, session, incoming, core.read(incoming.event))


def _turn(
    library: Library,
    terminal: Terminal,
    session: Session | None,
    incoming: Incoming,
    reading: Reading | None,
) -> Session:
    from bot.compose import new_id, utc_now
    from bot.model.effects import Show
    from bot.turn import show, take_turn

    turn: Turn = take_turn(library, session, incoming, reading, now=utc_now(), new_id=new_id)
    for effect in turn.effects:
        if isinstance(effect, Show):
            terminal.show(show(library, effect.screen, effect.state))
    return turn.session


def _example(library: Library, article: ArticleId) -> Reading:
    """Return what the recogniser would say of the article's own example, or of the first code that leads to it."""
    from bot.intake import read_text
    from bot.model.event import Reading
    from bot.model.match import Confidence, Match
    from bot.model.report import Kind, Report

    examples = [
        text for print_ in library.articles[article].fingerprints for text in print_.examples
    ]
    row = next((row for row in library.codes.rows.values() if row.article == article), None)
    report = read_text(examples[0]) if examples else Report(kind=Kind.BOUNCE, text="")
    if row is not None and row.code and not report.codes:
        report = Report(kind=Kind.BOUNCE, text="", codes=(row.code,))
    return Reading(
        report,
        Match(article=article, row=row.id if row else None, confidence=Confidence.CERTAIN),
    )
