"""`bouncedesk new`: a new article or a new language, sound from the first moment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Begin an article or a language.", no_args_is_help=True)

Dialogs = Annotated[Path | None, typer.Option(help="Folder with the content.")]


@app.command()
def article(
    id_: Annotated[
        str, typer.Argument(metavar="ID", help="Its id for ever, such as mailbox-full.")
    ],
    code: Annotated[str, typer.Option(help="Enhanced status code it answers, such as 5.2.2.")],
    owner: Annotated[str, typer.Option(help="Who answers for the content.")] = "messaging",
    dialogs: Dialogs = None,
) -> None:
    """Write a small article for a code: it runs at once, and you go on from there."""
    from bot.compose import utc_now
    from bot.content.scaffold import NewArticle, new_article
    from bot.settings import read_settings

    root = read_settings(dialogs=dialogs).dialogs
    wanted = NewArticle(id_, code, owner, utc_now().date())
    _report(new_article(root, wanted), f"Next: bouncedesk lint, and bouncedesk play {id_}")


@app.command()
def language(
    tag: Annotated[str, typer.Argument(help="Language tag, such as fi.")],
    name: Annotated[str, typer.Argument(help="Its name in the language itself, such as Suomi.")],
    dialogs: Dialogs = None,
) -> None:
    """Begin a language: every text to translate, marked with TODO. Nobody sees it before it is complete."""
    from bot.content.scaffold import new_language
    from bot.settings import read_settings

    root = read_settings(dialogs=dialogs).dialogs
    beside = root.parent / "manifest"
    written = new_language(root, tag, name, beside if beside.is_dir() else None)
    _report(
        written, "Next: translate shared first, then one article after the other; lint counts."
    )


def _report(written: list[Path], after: str) -> None:
    for path in written:
        typer.echo(f"wrote {path}")
    typer.echo(after)
