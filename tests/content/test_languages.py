"""A language is offered where it is complete, and nowhere else."""

from __future__ import annotations

from bot.content import load_library
from bot.content.completeness import scores
from bot.content.load import examine
from bot.model.ids import ArticleId, Language
from tests.content.sample import Dialogs

EN, NB, FULL = Language("en"), Language("nb"), ArticleId("full")


def test_an_article_with_a_missing_text_is_spoken_in_the_default_language(
    dialogs: Dialogs,
) -> None:
    """One missing label takes the whole article out of the language: one card never mixes two."""
    dialogs.edit("articles/full/nb.yaml", "      mine: Min egen\n", "")

    problem = dialogs.only()
    assert problem.message == (
        "1 of 19 texts are missing: nodes.whose.choices.mine; "
        "full is spoken in en until they are written"
    )
    library = load_library(dialogs.root)
    assert set(library.articles[FULL].prose) == {EN}
    assert library.prose(FULL, NB)[0] == EN
    assert NB in library.languages


def test_a_text_that_is_to_do_counts_as_missing(dialogs: Dialogs) -> None:
    """What the scaffold wrote is never shown to anybody."""
    dialogs.edit("articles/full/nb.yaml", "Velg **Slett**.", "TODO Choose **Delete**.")

    assert dialogs.rules() == {("warning", "incomplete")}
    assert set(load_library(dialogs.root).articles[FULL].prose) == {EN}


def test_a_shared_block_that_is_missing_counts_for_each_article_that_shows_it(
    dialogs: Dialogs,
) -> None:
    """The words of a shared block are part of the article's own card."""
    dialogs.edit("shared/nb.yaml", "    steps: [Empty the bin nb.]\n", "")

    assert "blocks.tidy-up" in dialogs.only().message
    assert set(load_library(dialogs.root).articles[FULL].prose) == {EN}


def test_a_language_without_the_bots_own_words_is_not_offered(dialogs: Dialogs) -> None:
    """Buttons in another language than the text would be a mixed card."""
    dialogs.edit("shared/nb.yaml", "{label: back nb,", "{label: TODO back,")

    problem = dialogs.only()
    assert "nb is not offered at all" in problem.message
    library = load_library(dialogs.root)
    assert set(library.languages) == {EN}
    assert library.language("nb-NO") == EN


def test_codes_that_are_not_translated_keep_their_article_in_the_default_language(
    dialogs: Dialogs,
) -> None:
    """An article that shows the built-in block `code` needs every code in the language."""
    dialogs.edit(
        "articles/full/article.yaml", "blocks: [weigh, tidy-up]", "blocks: [code, weigh, tidy-up]"
    )
    dialogs.edit("codes/nb.yaml", "do: Si fra.", "do: TODO Tell them.")

    assert dialogs.rules() == {("warning", "incomplete")}
    assert set(load_library(dialogs.root).articles[FULL].prose) == {EN}


def test_a_missing_file_is_one_warning(dialogs: Dialogs) -> None:
    """A language that nobody has begun is not a page of complaints."""
    (dialogs.root / "articles/full/nb.yaml").unlink()

    assert "there is no articles/full/nb.yaml" in dialogs.only().message


def test_a_message_to_copy_carries_the_same_steps_in_every_language(dialogs: Dialogs) -> None:
    """A translated message without its steps is not complete."""
    dialogs.edit("articles/full/nb.yaml", "    blocks: [tidy-up]\n", "")

    assert "handouts.make-room.blocks" in dialogs.only().message


def test_the_score_counts_texts(dialogs: Dialogs) -> None:
    """The table says how far each language is with each part."""
    dialogs.edit("articles/full/nb.yaml", "      mine: Min egen\n", "")

    content, _ = examine(dialogs.root)
    rows = {row.what: row.written for row in scores(content)}
    assert {"full", "shared", "codes"} <= set(rows)
    assert rows["full"] == {EN: (19, 19), NB: (18, 19)}
    assert rows["codes"][EN] == (6, 6)
