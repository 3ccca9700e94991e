"""`bouncedesk draw`: a dialog as a picture that a helpdesk lead can read and print."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from bot.model.ids import Language
    from bot.model.library import Article, Library


class Format(StrEnum):
    """How a picture is written."""

    SVG = "svg"
    MERMAID = "mermaid"


_SUFFIX = {Format.SVG: "svg", Format.MERMAID: "mmd"}


def draw(
    article: Annotated[str, typer.Argument(help="Id of an article, such as 5.1.10.")],
    lang: Annotated[str | None, typer.Option(help="Language: nb or en.")] = None,
    format_: Annotated[
        Format, typer.Option("--format", help="svg for people, mermaid for wikis.")
    ] = Format.SVG,
    page: Annotated[
        str | None,
        typer.Option(help="One page of a large article, such as overview or sender-1; svg only."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="File to write; - writes to standard output.", show_default=False),
    ] = None,
    dialogs: Annotated[Path | None, typer.Option(help="Folder with the content.")] = None,
) -> None:
    """Draw a dialog: every question with its answers, lane by lane, each page fit for A3."""
    from bot.content import load_library
    from bot.model.ids import ArticleId
    from bot.settings import read_settings

    library = load_library(read_settings(dialogs=dialogs).dialogs)
    found = library.articles.get(ArticleId(article))
    if found is None:
        known = ", ".join(sorted(library.articles))
        typer.echo(f"There is no article {article}. There are: {known}.", err=True)
        raise typer.Exit(1)
    language = library.language(lang)
    text = _picture(found, library, language, format_, page)
    if out == Path("-"):
        typer.echo(text, nl=False)
        return
    name = "-".join([article.replace("/", "-"), *([page] if page else []), language])
    path = out or Path(f"{name}.{_SUFFIX[format_]}")
    path.write_text(text, encoding="utf-8")
    typer.echo(f"Drew {article} to {path}.", err=True)


def _picture(
    article: Article, library: Library, language: Language, format_: Format, page: str | None
) -> str:
    from bot.content.draw import draw_mermaid, draw_pages, draw_svg

    if format_ is Format.MERMAID:
        return draw_mermaid(article, library, language)
    if page is None:
        return draw_svg(article, library, language)
    sheets = {sheet.name: sheet.svg for sheet in draw_pages(article, library, language)}
    if page not in sheets:
        typer.echo(f"There is no page {page}. There are: {', '.join(sheets)}.", err=True)
        raise typer.Exit(1)
    return sheets[page]
