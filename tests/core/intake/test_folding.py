"""Texts are compared in one form, and what is found there stands at the same place in the original."""

from __future__ import annotations

import pytest

from bot.intake import read_text
from bot.model.phrases import Folded, Phrasebook


@pytest.mark.parametrize("text", ["İLETİ\nTeslim", "Maſſe", "ΣΑΣ", "Å\tÆ", "\U0001f4e7 Ⅳ"])
def test_folding_keeps_every_place(text: str) -> None:
    """A folded text is as long as its original, whatever its letters."""
    assert len(Folded(text).text) == len(text)


@pytest.mark.parametrize("script", ["", "é", "ж", "漢", "\U0001f4e7"])
def test_words_are_the_same_beside_any_script(script: str) -> None:
    """What separates words does so in texts of every script, however far its signs lie from ASCII."""
    text = f"{script * 200} not-found:\u2003user\u3000unknown\u2028{script * 200}"
    assert {"not", "found", "user", "unknown"} <= Folded(text).words


def test_phrases_of_unspaced_scripts_are_found_among_others() -> None:
    """A phrase of a script without blanks is found inside a run, and nothing is where none of them stands."""
    book = Phrasebook([("エラー", 1), ("退信", 2), ("not found", 3)])
    found = book.find(Folded("送信エラーです: not found"))
    assert [(hit.start, hit.value) for hit in found] == [(2, 1), (9, 3)]
    assert book.find(Folded("送信: ok")) == []


def test_a_heading_broken_by_wrapping_names_the_server() -> None:
    """The generating server is read also where a narrow window broke the line inside its heading."""
    report = read_text(
        "Delivery has failed to these recipients or groups:\nkari@contoso.com\n\n"
        "Diagnostic information for administrators:\n\nGenerating\nserver: mail1.fabrikam.com\n\n"
        "kari@contoso.com\nRemote Server returned '550 5.1.1 RESOLVER.ADR.RecipNotFound; not found'"
    )
    assert report.reporting_mta == "mail1.fabrikam.com"
