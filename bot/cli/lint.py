"""`bouncedesk lint`: everything that is wrong or suspicious in the content, with file, line and the next step."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from bot.content.problems import Problem
    from bot.content.sources import Content
    from bot.model.ids import Language


def lint(
    path: Annotated[
        Path | None, typer.Argument(help="Folder with the dialogs.", show_default="the bot's own")
    ] = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")] = False,
) -> None:
    """Check the content: files, routing, prose in every language, links, codes, and where bounces land."""
    from bot.content.load import examine
    from bot.content.problems import Severity

    root = path or _own()
    if not root.is_dir():
        typer.echo(f"{root} is no folder; name the one with languages.yaml in it.", err=True)
        raise typer.Exit(2)
    content, problems = examine(root)
    if json:
        typer.echo(_as_json(content, problems))
    else:
        _print(root, content, problems)
    if any(problem.severity is Severity.ERROR for problem in problems):
        raise typer.Exit(1)
