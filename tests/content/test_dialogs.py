"""Checks that the real content generates: nothing here names an article, a node or a sentence."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from bot.content import Problem, load_library
from bot.content.checks.coverage import Coverage, coverage_of
from bot.content.checks.prose import FACTS
from bot.content.completeness import scores
from bot.content.load import examine
from bot.content.sources import Content
from bot.model.ids import ArticleId
from bot.model.library import Library

DIALOGS = Path(__file__).parents[2] / "dialogs"
ARTICLES = sorted(path.name for path in (DIALOGS / "articles").iterdir() if path.is_dir())
INVENTORIES = sorted(path.parent.name for path in (DIALOGS / "articles").glob("*/inventory.yaml"))


@cache
def _examined() -> tuple[Content, list[Problem]]:
    return examine(DIALOGS)


@cache
def _library() -> Library:
    return load_library(DIALOGS)


def test_the_content_has_no_error_and_nothing_suspicious() -> None:
    """`bouncedesk lint` finds nothing at all: every bounce lands, every text is there, every link is used."""
    _, problems = _examined()

    assert list(map(str, problems)) == []


@pytest.mark.parametrize("article", ARTICLES)
def test_every_article_is_offered_in_every_language(article: str) -> None:
    """No article falls back to another language."""
    library = _library()

    assert set(library.articles[ArticleId(article)].prose) == set(library.languages)


def test_every_part_is_complete_in_every_language() -> None:
    """Articles, shared words and codes have each text in each language."""
    content, _ = _examined()

    unfinished = {
        (row.what, tag): (done, total)
        for row in scores(content)
        for tag, (done, total) in row.written.items()
        if done != total
    }
    assert unfinished == {}


@pytest.mark.parametrize("article", INVENTORIES)
def test_an_article_covers_everything_on_its_list(article: str) -> None:
    """Nothing of what the article has to say is lost."""
    content, _ = _examined()

    coverage = next(found for found in coverage_of(content) if found.article == article)
    assert coverage == Coverage(article, coverage.total, coverage.total)
    assert coverage.total > 0


@pytest.mark.parametrize("article", ARTICLES)
def test_every_article_can_be_left(article: str) -> None:
    """Each article has an end or a hand-over, and an entry for it is a node of its own."""
    found = _library().articles[ArticleId(article)]

    kinds = {type(node.kind).__name__ for node in found.nodes.values()}
    assert kinds & {"End", "Escalate"}
    assert set(found.entries.values()) <= set(found.nodes)


def test_prose_can_name_exactly_what_stands_in_for_unknown_facts() -> None:
    """Where nothing was read, words stand instead: for every fact that prose can name."""
    for words in _library().words.values():
        assert set(words.unknown_facts) == FACTS
