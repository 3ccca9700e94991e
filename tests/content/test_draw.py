"""Pictures of dialogs: everything is on them, nothing covers anything else."""

from __future__ import annotations

import itertools
from functools import cache
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from typer import Typer
from typer.testing import CliRunner

from bot.cli.draw import draw
from bot.content import load_library
from bot.content.draw import draw_mermaid, draw_pages, draw_svg
from bot.content.draw.chart import CLOSING, Kind, chart_of
from bot.content.draw.layout import BOX_WIDTH, Page, Placed, wrap
from bot.content.draw.svg import pages_of
from bot.model.ids import ArticleId, Language
from bot.model.library import Library
from tests.content.sample import Dialogs

DIALOGS = Path(__file__).parents[2] / "dialogs"
ARTICLES = sorted(path.name for path in (DIALOGS / "articles").iterdir() if path.is_dir())
LANGUAGES = ["en", "nb"]
SVG = "{http://www.w3.org/2000/svg}"


@cache
def _library() -> Library:
    return load_library(DIALOGS)


@cache
def _pages(article: str, language: str) -> list[Page]:
    library, tag = _library(), Language(language)
    chart = chart_of(library.articles[ArticleId(article)], library, tag)
    return [page for _, pages in pages_of(chart, library.words[tag]) for page in pages]


def _overlap(one: Placed, other: Placed) -> bool:
    return (
        one.x < other.x + BOX_WIDTH
        and other.x < one.x + BOX_WIDTH
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("article", ARTICLES)
def test_no_two_boxes_overlap(article: str, language: str) -> None:
    """Every box stands free, inside its page."""
    for page in _pages(article, language):
        for one, other in itertools.combinations(page.placed, 2):
            assert not _overlap(one, other), (one.box.id, other.box.id)
        for placed in page.placed:
            assert 0 <= placed.x <= page.width - BOX_WIDTH
            assert 0 <= placed.y <= page.height - placed.height


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("article", ARTICLES)
def test_a_line_stays_in_the_gap_between_two_columns(article: str, language: str) -> None:
    """Lines join neighbouring columns only, so that none runs over a box or its words."""
    for page in _pages(article, language):
        for source, row, target in page.lines:
            assert row.drawn
            assert 0 < target.x - (source.x + BOX_WIDTH) < BOX_WIDTH


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("article", ARTICLES)
def test_every_node_and_every_answer_is_drawn(article: str, language: str) -> None:
    """What a dialog can show stands on a page, and so does each way on from it."""
    library = _library()
    chart = chart_of(library.articles[ArticleId(article)], library, Language(language))
    pages = _pages(article, language)
    drawn = {
        (placed.box.id, row.answer)
        for page in pages
        for placed in page.placed
        for row in placed.rows
    }
    for box in chart.boxes.values():
        if box.kind not in CLOSING:
            assert {(box.id, answer) for answer in box.answers} <= drawn
    shown = {placed.box.id for page in pages for placed in page.placed}
    led_to = {answer.to for box in chart.boxes.values() for answer in box.answers}
    assert led_to <= shown


@pytest.mark.parametrize("article", ARTICLES)
def test_each_page_is_an_svg_with_its_boxes_explained(article: str) -> None:
    """Pages are well-formed, and pointing at a box shows its id and what it covers."""
    library = _library()
    found = library.articles[ArticleId(article)]
    hovers = ""
    for sheet in draw_pages(found, library, Language("nb")):
        root = ET.fromstring(sheet.svg)  # noqa: S314 - our own picture
        assert root.tag == f"{SVG}svg"
        hovers += "\n".join(title.text or "" for title in root.iter(f"{SVG}title"))
    for node in found.nodes.values():
        assert node.id in hovers
        assert all(covered in hovers for covered in node.covers)


def test_a_large_article_gets_an_overview_and_pages_a_small_one_a_single_page() -> None:
    """Nobody can read ninety boxes on one sheet."""
    library = _library()
    names = {
        article: [sheet.name for sheet in draw_pages(found, library, Language("en"))]
        for article, found in library.articles.items()
    }
    assert all(pages == ["all"] or pages[0] == "overview" for pages in names.values())
    assert any(len(pages) > 3 for pages in names.values())
    assert any(pages == ["all"] for pages in names.values())


def test_kinds_differ_in_shape_and_not_only_in_colour(dialogs: Dialogs) -> None:
    """A print without colour still tells a question from a step, an end and a hand-over."""
    library = load_library(dialogs.root)
    svg = draw_svg(library.articles[ArticleId("full")], library, Language("en"))

    root = ET.fromstring(svg)  # noqa: S314 - our own picture
    outlines: dict[str, tuple[str, ...]] = {}
    for group in root.iter(f"{SVG}g"):
        title = group.find(f"{SVG}title")
        if title is not None and title.text:
            node = title.text.splitlines()[1] if "\n" in title.text else ""
            outlines[node] = tuple(
                f"{shape.tag.removeprefix(SVG)}{len(shape.get('points', '').split())}{shape.get('rx') or ''}"
                for shape in group
                if shape.tag in {f"{SVG}polygon", f"{SVG}rect", f"{SVG}line"}
                and shape.get("stroke-width") != "0.4"
            )
    kinds = [outlines[node][-2:] for node in ("whose", "tidy", "hand-over", "solved")]
    assert len(set(kinds)) == 4


def test_words_of_authors_cannot_break_a_picture(dialogs: Dialogs) -> None:
    """Angle brackets, quotes and ampersands are text."""
    hostile = "'</text><script>alert(\"1\")</script> & #1'"
    dialogs.edit("articles/full/en.yaml", "title: Make room", f"title: {hostile}")
    library = load_library(dialogs.root)
    article = library.articles[ArticleId("full")]

    svg = draw_svg(article, library, Language("en"))
    assert "<script" not in svg
    assert ET.fromstring(svg) is not None  # noqa: S314 - our own picture
    mermaid = draw_mermaid(article, library, Language("en"))
    assert "alert(#quot;1#quot;)" in mermaid
    assert "& #35;1" in mermaid


def test_a_picture_has_the_words_of_its_language(dialogs: Dialogs) -> None:
    """Titles, answers and headings are in the language that was asked for."""
    library = load_library(dialogs.root)
    article = library.articles[ArticleId("full")]

    svg = draw_svg(article, library, Language("nb"))
    assert "Min egen" in svg
    assert "My own" not in svg
    assert "drawing-question nb" in svg


def test_mermaid_has_every_lane_node_and_answer(dialogs: Dialogs) -> None:
    """The text form carries the same graph: lanes, shapes, labelled arrows and covered ids."""
    library = load_library(dialogs.root)
    lines = draw_mermaid(library.articles[ArticleId("full")], library, Language("en")).splitlines()

    assert lines[3] == "flowchart LR"
    assert '  subgraph sender["lane-sender en"]' in lines
    assert '    n1{{"Whose mailbox is full?"}}' in lines
    assert "    %% tidy · + See what is large · + Tidy up en · A2, B1, B2" in lines
    assert '  n1 -->|"My own"| n2' in lines
    assert '  n2 -->|"done en"| n6' in lines


def test_a_step_without_a_second_way_leads_to_the_helpdesk(dialogs: Dialogs) -> None:
    """Where the author wrote nothing, the picture says that a human takes over."""
    library = load_library(dialogs.root)
    chart = chart_of(library.articles[ArticleId("full")], library, Language("en"))

    failed = chart.boxes["tell-them"].answers[1]
    assert failed.label == "failed en"
    assert chart.boxes[failed.to].kind is Kind.HAND_OVER


@pytest.mark.parametrize(
    "text", ["", "word", "a few words", "w" * 400, "many words " * 60, "字" * 80]
)
def test_any_text_is_wrapped_into_its_box(text: str) -> None:
    """Nothing is so long that it leaves its box."""
    lines = wrap(text, 12, 150)

    assert 1 <= len(lines) <= 4
    assert all(len(line) < 60 for line in lines)


def test_the_command_writes_a_file(tmp_path: Path) -> None:
    """`bouncedesk draw` writes a picture, one page of it, or the text form."""
    app = Typer()
    app.command()(draw)
    run = CliRunner()
    out = tmp_path / "picture.svg"

    whole = run.invoke(app, ["5.1.10", "--lang", "nb", "--out", str(out)])
    page = run.invoke(app, ["5.1.10", "--page", "overview", "--out", "-"])
    text = run.invoke(app, ["5.1.10", "--format", "mermaid", "--out", "-"])
    unknown = run.invoke(app, ["5.1.10", "--page", "nowhere"])
    nothing = run.invoke(app, ["5.1.99"])

    assert whole.exit_code == 0
    assert out.read_text(encoding="utf-8").startswith("<svg")
    assert page.stdout.startswith("<svg")
    assert text.stdout.splitlines()[3] == "flowchart LR"
    assert (unknown.exit_code, nothing.exit_code) == (1, 1)
    assert "overview" in unknown.stderr
    assert "5.1.10" in nothing.stderr
