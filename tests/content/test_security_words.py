"""A blocked or misused account is never told to try again: each further message makes it worse."""

from __future__ import annotations

import re

import pytest

from bot.model.ids import ArticleId, Language
from bot.model.library import Library

SECURITY = ArticleId("security")
FORBIDDEN = {
    "en": re.compile(
        r"\bresend\b|\bsend (it|them|the message|your message) again\b|\bretry\b", re.IGNORECASE
    ),
    "nb": re.compile(
        r"\bsend(e|er)? (den|det|dem|meldingen)? ?(på nytt|igjen|om igjen)\b", re.IGNORECASE
    ),
}


@pytest.mark.parametrize("language", sorted(FORBIDDEN))
def test_security_never_says_resend(library: Library, language: str) -> None:
    """Neither the rows of security codes nor any text of the article says so, and no row says that waiting helps."""
    tag = Language(language)
    article = library.articles[SECURITY]
    rows = [row for row in library.codes.rows.values() if row.article == SECURITY]
    said = [f"{row.prose[tag].title} {row.prose[tag].means} {row.prose[tag].do}" for row in rows]
    for node in article.prose[tag].nodes.values():
        said += [node.title, node.text or "", *node.choices.values()]
    for block in article.blocks.values():
        said += [step.do for step in block.prose[tag].steps] if tag in block.prose else []

    assert len(rows) > 20
    assert [text for text in said if FORBIDDEN[language].search(text)] == []
    assert [row.id for row in rows if row.retry_may_help] == []


@pytest.mark.parametrize("code", ["5.1.8", "5.7.501", "5.7.703", "5.7.705", "5.7.708", "5.7.750"])
def test_security_relevant_codes_lead_to_security(library: Library, code: str) -> None:
    """The families that mean a blocked or misused account have no other way."""
    rows = [row for row in library.codes.rows.values() if row.code == code]

    assert rows
    assert {row.article for row in rows} == {SECURITY}
