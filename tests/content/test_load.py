"""`load_library`: the content as values, or every error at once."""

from __future__ import annotations

import pytest

from bot.content import load_library
from bot.model.errors import ContentError
from bot.model.ids import ArticleId, BlockId, ChoiceId, CodeRowId, Language, LinkId, NodeId
from bot.model.library import NEXT_UNTRIED, Ask, End, Ending, Escalate, Fact, Lane, Target, Tell
from tests.content.sample import Dialogs

EN, NB = Language("en"), Language("nb")
FULL = ArticleId("full")


def test_the_sample_has_no_problem(dialogs: Dialogs) -> None:
    """The folder that the other tests break is sound, so that each finding is the test's own."""
    assert dialogs.check() == []


def test_an_article_becomes_values(dialogs: Dialogs) -> None:
    """Routing and prose of both languages arrive in the library."""
    library = load_library(dialogs.root)

    article = library.articles[FULL]
    assert article.start == "whose"
    assert article.entries == {"tell": "tell-them"}
    assert article.checks == ("tidy", "wait")
    assert article.nodes[NodeId("whose")].kind == Ask(
        {
            ChoiceId("mine"): Target(NodeId("tidy")),
            ChoiceId("theirs"): Target(NodeId("tell-them")),
            ChoiceId("unsure"): NEXT_UNTRIED,
        }
    )
    wait = article.nodes[NodeId("wait")]
    assert isinstance(wait.kind, Ask)
    assert (wait.kind.answered_by, wait.awaits_bounce) == (Fact.RETRY_MAY_HELP, True)
    assert article.nodes[NodeId("tell-them")].kind == Tell(Target(NodeId("solved")))
    assert article.nodes[NodeId("tell-them")].lane is Lane.SENDER
    assert article.nodes[NodeId("hand-over")].kind == Escalate("still-full")  # type: ignore[arg-type]
    assert article.nodes[NodeId("solved")].kind == End(Ending.SOLVED)
    assert set(article.prose) == {EN, NB}
    assert article.prose[NB].nodes[NodeId("whose")].choices[ChoiceId("mine")] == "Min egen"


def test_an_article_has_the_shared_blocks_that_it_shows(dialogs: Dialogs) -> None:
    """Own and shared blocks stand side by side, with prose, links and covered ids."""
    article = load_library(dialogs.root).articles[FULL]

    assert set(article.blocks) == {"weigh", "tidy-up"}
    shared = article.blocks[BlockId("tidy-up")]
    assert (shared.links, shared.covers) == (("guide",), ("B1", "B2"))
    assert shared.prose[NB].steps[0].do == "Empty the bin nb."
    step = article.blocks[BlockId("weigh")].prose[EN].steps[1]
    assert (step.do, step.note, step.skip_if) == (
        "Choose **Delete**.",
        "It can be undone.",
        "nothing is large",
    )
    assert step.sub == ("Mark it.", "Press **Delete**.")


def test_codes_words_and_links_become_values(dialogs: Dialogs) -> None:
    """The catalogue, the shared words and the addresses arrive in the library."""
    library = load_library(dialogs.root)

    row = library.codes.rows[CodeRowId("5.2.2-full")]
    assert (row.code, row.smtp_reply, row.permanent, row.retry_may_help) == (
        "5.2.2",
        "552",
        True,
        False,
    )
    assert row.prose[NB].title == "Postboksen er full"
    assert library.codes.families[EN] == {"5.2": "the mailbox"}
    assert library.words[NB].commands["back"].typed == ("back please nb",)
    assert library.links[LinkId("guide")] == "https://learn.microsoft.com/exchange/guide"
    assert library.language("no-NO") == NB


def test_the_version_follows_the_content(dialogs: Dialogs) -> None:
    """The same files have the same version, and one changed letter another one."""
    first = load_library(dialogs.root).version
    again = load_library(dialogs.root).version
    dialogs.edit("articles/full/en.yaml", "A full mailbox", "The full mailbox")

    assert first == again
    assert load_library(dialogs.root).version != first


def test_all_errors_come_at_once_each_on_its_line(dialogs: Dialogs) -> None:
    """One refusal names every error with file, line, rule and the next step."""
    dialogs.edit("articles/full/article.yaml", "done: solved, failed", "done: solvd, failed")
    dialogs.edit("codes.yaml", "article: full", "article: ful")

    with pytest.raises(ContentError) as refused:
        load_library(dialogs.root)

    line = dialogs.line("articles/full/article.yaml", "done: solvd")
    said = str(refused.value).splitlines()
    assert said[1:] == [
        (
            f"articles/full/article.yaml:{line}: error[unknown-target] node 'tidy' goes to 'solvd', "
            "which does not exist; did you mean 'solved'?"
        ),
        "codes.yaml:12: error[unknown-article] there is no article 'ful'; did you mean 'full'?",
    ]


def test_warnings_do_not_keep_the_bot_from_starting(dialogs: Dialogs) -> None:
    """What is only suspicious loads."""
    dialogs.edit("shared/links.yaml", "  table:", "  spare: https://contoso.com/\n  table:")
    for tag in ("en", "nb"):
        dialogs.edit(f"shared/{tag}.yaml", "  table:", "  spare: Spare\n  table:")

    assert dialogs.rules() == {("warning", "unused")}
    assert load_library(dialogs.root).version


def test_an_empty_folder_says_what_belongs_there(dialogs: Dialogs) -> None:
    """A wrong path is not a crash: every missing file is named."""
    empty = dialogs.root / "nothing-here"
    empty.mkdir()

    with pytest.raises(ContentError, match=r"languages\.yaml is missing"):
        load_library(empty)
