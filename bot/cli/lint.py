"""`bouncedesk lint`: everything that is wrong or suspicious in the content, with file, line and the next step."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from bot.content.completeness import Score
    from bot.content.problems import Problem
    from bot.content.sources import Content
    from bot.model.ids import Language


def lint(
    path: Annotated[Path | None, typer.Argument(help="Folder with the content.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object, for scripts and editors.")
    ] = False,
) -> None:
    """Check the content: files, routing, prose in every language, links, codes, and where bounces land."""
    from bot.content.load import examine
    from bot.content.problems import Severity
    from bot.settings import read_settings

    settings = read_settings(dialogs=path)
    root = settings.dialogs
    if not root.is_dir():
        typer.echo(f"{root} is not a folder. Name the one that languages.yaml is in.", err=True)
        raise typer.Exit(2)
    for doubt in settings.doubts:
        typer.echo(doubt, err=True)
    content, problems = examine(root)
    typer.echo(_as_json(content, problems) if as_json else _as_text(root, content, problems))
    if any(problem.severity is Severity.ERROR for problem in problems):
        raise typer.Exit(1)


def _as_text(root: Path, content: Content, problems: list[Problem]) -> str:
    from bot.content.checks.coverage import coverage_of
    from bot.content.completeness import scores
    from bot.content.problems import Severity

    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    shown = root.relative_to(Path.cwd()) if root.is_relative_to(Path.cwd()) else root
    lines = [f"{shown.as_posix()}/{problem}" for problem in problems]
    lines += [""] if problems else []
    lines += _table(scores(content), list(content.languages))
    lines += ["", *(str(coverage) for coverage in coverage_of(content))]
    counts = f"{_count(errors, 'error')}, {_count(len(problems) - errors, 'warning')}"
    return "\n".join([*lines, "", f"{counts}; content {content.version}"])


def _table(rows: list[Score], languages: list[Language]) -> list[str]:
    """Return how far each language is: one line for each article, for the shared words and the codes."""
    width = max((len(row.what) for row in rows), default=0)
    lines = [" " * width + "".join(f"{tag:>12}" for tag in languages)]
    for row in rows:
        cells = (row.written[tag] for tag in languages)
        shown = (
            "complete" if done == total else f"{done}/{total}" if done else "-"
            for done, total in cells
        )
        lines.append(f"{row.what:<{width}}" + "".join(f"{cell:>12}" for cell in shown))
    return lines


def _as_json(content: Content, problems: list[Problem]) -> str:
    import json

    from bot.content.checks.coverage import coverage_of
    from bot.content.completeness import scores

    return json.dumps(
        {
            "version": content.version,
            "problems": [
                {
                    "path": problem.path,
                    "line": problem.line,
                    "severity": problem.severity,
                    "rule": problem.rule,
                    "message": problem.message,
                }
                for problem in problems
            ],
            "languages": {
                row.what: {
                    tag: {"written": done, "wanted": total}
                    for tag, (done, total) in row.written.items()
                }
                for row in scores(content)
            },
            "coverage": {
                coverage.article: {"covered": coverage.covered, "items": coverage.total}
                for coverage in coverage_of(content)
            },
        },
        ensure_ascii=False,
        indent=1,
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
