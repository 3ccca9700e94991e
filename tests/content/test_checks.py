"""The rules of the content: each is broken once, found once, and says what to do."""

# ruff: noqa: E501 - one case a line: file, what is replaced by what, and what is said
from __future__ import annotations

import shutil

import pytest

from tests.content.sample import Dialogs

ARTICLE, EN, NB = "articles/full/article.yaml", "articles/full/en.yaml", "articles/full/nb.yaml"
SHARED_EN, SHARED_NB = "shared/en.yaml", "shared/nb.yaml"


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        pytest.param(ARTICLE, "start: whose", "start: who", "error[unknown-target] 'start' goes to 'who'", id="start"),
        pytest.param(ARTICLE, "tell: tell-them", "tell: tell-him", "error[unknown-target] entry 'tell'", id="entry"),
        pytest.param(ARTICLE, "checks: [tidy, wait]", "checks: [tidy, weit]", "error[unknown-target] 'checks'", id="check"),
        pytest.param(ARTICLE, "start: whose", "start: whose\nlikely-start: sure", "error[unknown-target] 'likely-start'", id="likely-start"),
        pytest.param(ARTICLE, "{done: solved}", "{done: other/door}", "error[unknown-target] node 'tell-them' goes to article 'other'", id="other-article"),
        pytest.param(ARTICLE, "{done: solved}", "{done: full/wait}", "error[unknown-target] node 'tell-them' goes to entry 'wait' of full", id="no-door"),
        pytest.param(ARTICLE, "exhausted: hand-over\n", "", "error[no-checks] 'next-untried' needs `exhausted:`", id="exhausted"),
        pytest.param(ARTICLE, "checks: [tidy, wait]\n", "", "error[no-checks] 'next-untried' needs `checks:", id="no-checks"),
        pytest.param(ARTICLE, "answered-by: retry-may-help", "answered-by: fixer", "error[fact-cannot-answer] 'fixer' is one of recipient", id="fact"),
        pytest.param(ARTICLE, "blocks: [weigh, tidy-up]", "blocks: [weigh, tidy-pu]", "error[unknown-block] there is no block 'tidy-pu'; did you mean 'tidy-up'?", id="block"),
        pytest.param(ARTICLE, "links: [table]", "links: [tabel]", "error[unknown-link] there is no link 'tabel'; did you mean 'table'?", id="link"),
        pytest.param(ARTICLE, "handout: make-room", "handout: make-rom", "error[unknown-handout] there is no handout 'make-rom'; did you mean 'make-room'?", id="handout"),
        pytest.param(ARTICLE, "reason: still-full", "reason: full-still", "error[unknown-reason] there is no reason 'full-still'", id="reason"),
        pytest.param(ARTICLE, "  weigh: {", "  tidy-up: {}\n  weigh: {", "error[twice] block 'tidy-up' stands in shared/blocks.yaml already", id="block-twice"),
        pytest.param(ARTICLE, "  weigh: {", "  code: {}\n  weigh: {", "error[twice] block 'code' is a built-in block already", id="block-built-in"),
        pytest.param(ARTICLE, "  examples:\n  - ", "  none: [", "error[not-yaml]", id="yaml"),
        pytest.param(ARTICLE, "  any: [the mailbox is overflowing]\n", "", "error[empty-fingerprint] 'overflowing' matches anything", id="fingerprint"),
        pytest.param(ARTICLE, "  any: [", "  code: 5.2\n  any: [", "error[bad-code] '5.2' is no enhanced status code", id="fingerprint-code"),
        pytest.param("shared/links.yaml", "https://learn.microsoft.com/exchange/table", "http://contoso.com/table", "error[bad-address] 'http://contoso.com/table' is no https address", id="http"),
        pytest.param("shared/links.yaml", "https://learn.microsoft.com/exchange/table", "javascript:alert(1)", "error[bad-address]", id="script"),
        pytest.param("codes.yaml", "code: 5.2.2", "code: 3.2.2", "error[bad-code] '3.2.2' is no enhanced status code", id="class"),
        pytest.param("codes.yaml", "code: 5.2.2", "code: 5.2.1000", "error[bad-code]", id="detail"),
        pytest.param("codes.yaml", "code: 5.2.2", "code: 5.02.2", "error[bad-code]", id="leading-zero"),
        pytest.param("codes.yaml", "code: 5.2.2", "code: 5.2.20-3", "error[bad-code]", id="range-backwards"),
        pytest.param("codes.yaml", "smtp-reply: 552", "smtp-reply: 52", "error[bad-code] '52' is no SMTP reply", id="reply"),
        pytest.param("codes.yaml", "links: [table]", "links: [tabel]", "error[unknown-link] there is no link 'tabel'", id="code-link"),
        pytest.param("codes.yaml", "article: full", "article: ful", "error[unknown-article] there is no article 'ful'; did you mean 'full'?", id="code-article"),
        pytest.param(EN, "{recipient}", "{recipent}", "error[unknown-placeholder] '{recipent}' is nothing we know; did you mean 'recipient'?", id="placeholder"),
        pytest.param(EN, "{link:guide}", "{link:gide}", "error[unknown-link] there is no link 'gide'; did you mean 'guide'?", id="link-in-prose"),
        pytest.param(EN, "      mine: My own\n", "", "error[missing-text] nodes.whose.choices.mine has no text in en", id="label-missing"),
        pytest.param(EN, "title: Make room", "title: TODO Make room", "error[missing-text] nodes.tidy.title has no text in en", id="todo"),
        pytest.param(EN, "    title: Hand it over", "    text: x", "error[missing-text] nodes.hand-over.title", id="title-missing"),
        pytest.param(EN, "title: A full mailbox\n", "", "error[missing-text] title has no text in en", id="article-title"),
        pytest.param(EN, "theirs: The recipient's", "theirs: MY own!", "error[same-label] 'theirs' and 'mine' read the same", id="same-label"),
        pytest.param(EN, "mine: [mine, it is me]", "mine: [mine]\n      theirs: [Mine.]", "error[typed-clash] \"Mine.\" means 'mine' at node 'whose' already", id="typed"),
        pytest.param(NB, "      unsure: Det vet jeg ikke", "      unsure: Det vet jeg ikke\n    typed:\n      unsure: [mine]", "error[typed-clash] \"mine\" means 'mine' at node 'whose' already", id="typed-other-language"),
        pytest.param(SHARED_EN, "  not-solved: not-solved en\n", "", "error[missing-reason] the bot gives the reason 'not-solved' itself", id="built-in-reason"),
        pytest.param(SHARED_EN, "  greeting-what: greeting-what en\n", "", "error[missing-text] 'greeting-what' is missing in 'words'", id="word"),
        pytest.param(SHARED_EN, "  guide: The guide en\n", "", "error[missing-text] links.guide has no text in en", id="link-title"),
        pytest.param("codes/en.yaml", "do: Tell them.", "do: ''", "error[missing-text] codes.5.2.2-full.do has no text in en", id="code-text"),
        pytest.param("codes/en.yaml", "{mailbox-full: full mailbox}", "{}", "error[missing-text] categories.mailbox-full", id="category"),
        pytest.param("articles/full/inventory.yaml", "items: [", "items: [A9, ", "error[not-covered] nothing covers 'A9'", id="not-covered"),
        pytest.param("articles/full/inventory.yaml", "items: [A1, ", "items: [", "error[unknown-item] 'A1' is not on the list of full", id="unknown-item"),
    ],
)  # fmt: skip
def test_what_cannot_run_is_an_error(
    dialogs: Dialogs, file: str, old: str, new: str, problem: str
) -> None:
    """Each fault is found with its rule and its message."""
    dialogs.edit(file, old, new)

    assert any(problem in str(found) for found in dialogs.check()), dialogs.check()


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        pytest.param(ARTICLE, "  tell: tell-them", "  tell: tidy", "", id="nothing"),
        pytest.param(ARTICLE, "theirs: tell-them", "theirs: tidy", "", id="reached-by-a-door"),
        pytest.param(ARTICLE, "reviewed: 2026-11-23", "reviewed: last week", "[bad-date] 'last week' is no date", id="date"),
        pytest.param(EN, "mine: My own", f"mine: {'My own ' * 12}one", "[long-label] the label has 87 characters", id="long"),
        pytest.param(EN, "mine: [mine, it is me]", "mine: [back please en]", "[hides-command] \"back please en\" for choice 'mine' hides 'back'", id="hides"),
        pytest.param(EN, "      mine: [mine, it is me]", "      mine: [mine]\n      yours: [yours]", "[left-over] nothing shows 'nodes.whose.typed.yours'", id="typed-left-over"),
        pytest.param(EN, "  solved:\n", "  gone:\n    title: Gone\n  solved:\n", "[left-over] nothing shows 'nodes.gone'", id="node-left-over"),
        pytest.param(EN, "handouts:\n", "handouts:\n  spare: {title: Spare, text: Spare}\n", "[unused] nothing uses 'spare' of 'handouts'", id="handout-unused"),
        pytest.param(EN, "choices:\n      'yes'", "choices:\n      maybe: Maybe\n      'yes'", "[left-over] nothing shows 'nodes.wait.choices.maybe'", id="choice-left-over"),
        pytest.param(EN, "Make room", "Make <b>room</b>", "[markup] this looks like HTML", id="html"),
        pytest.param(EN, "Make room", "Make **room", "[markup] a ** or ` without its partner", id="bold"),
        pytest.param(EN, "Make room", "Make `room {code}`", "[markup] a {placeholder} inside `code`", id="placeholder-in-code"),
        pytest.param(EN, "Make room", "'Make room }'", "[markup] a single { or }", id="brace"),
        pytest.param(EN, "Make room", "Make [room](x)", "[markup] this looks like Markdown", id="markdown"),
        pytest.param(EN, "Make room", "Make room at https://contoso.com", "[address] a web address in prose", id="address"),
        pytest.param(EN, "Make room", "'Make room '", "[blanks] white space at the end", id="blanks"),
        pytest.param(EN, "Make room", '"Make\\nroom"', "[several-lines] this stands on one line", id="lines"),
        pytest.param(NB, "nevner {recipient}", "nevner ham", "[placeholders-differ] 'nodes.whose' lacks {recipient}, compared with articles/full/en.yaml", id="placeholder-lost"),
        pytest.param(NB, "nevner {recipient}", "nevner {recipient} {code}", "[placeholders-differ] 'nodes.whose' has {code} besides", id="placeholder-new"),
        pytest.param(SHARED_NB, "greeting-what nb", "greeting-what {count}", "[placeholders-differ] 'words.greeting-what' has {count} besides", id="word-placeholder"),
        pytest.param(SHARED_EN, "The guide en", "The **guide** en", "[markup] this text is shown as it stands", id="link-title-markup"),
        pytest.param(SHARED_EN, "words:\n", "words:\n  hullo: Hullo\n", "[left-over] the bot never says 'hullo' of 'words'", id="word-left-over"),
        pytest.param(SHARED_EN, "back please en", "start-over please en", "[typed-clash] \"start-over please en\" means 'back' already", id="commands"),
        pytest.param("shared/blocks.yaml", "blocks:\n", "blocks:\n  spare: {}\n", "[unused] nothing uses 'spare' of 'blocks'", id="block-unused"),
        pytest.param("codes/en.yaml", "codes:\n", "codes:\n  5.9.9: {title: a, means: b, do: c}\n", "[left-over] nothing shows 'codes.5.9.9'", id="code-left-over"),
        pytest.param("articles/full/inventory.yaml", "excluded:\n", "excluded:\n  A1: Why not.\n", "[excluded-and-covered] 'A1' is covered", id="excluded"),
    ],
)  # fmt: skip
def test_what_is_suspicious_is_a_warning(
    dialogs: Dialogs, file: str, old: str, new: str, problem: str
) -> None:
    """Each suspicion is found with its rule, and stops nothing."""
    dialogs.edit(file, old, new)

    found = dialogs.check()
    assert all(one.severity == "warning" for one in found)
    assert any(problem in str(one) for one in found) if problem else found == []


def _node(dialogs: Dialogs, routing: str, *ids: str) -> None:
    """Add nodes with a title in both languages."""
    dialogs.edit(ARTICLE, "nodes:\n", f"nodes:\n{routing}")
    for file in (EN, NB):
        titles = "".join(f"  {id_}:\n    title: About {id_}\n" for id_ in ids)
        dialogs.edit(file, "nodes:\n", f"nodes:\n{titles}")


def test_a_node_that_nothing_leads_to_is_found(dialogs: Dialogs) -> None:
    """An orphan is work for nobody."""
    _node(dialogs, "  orphan:\n    end: solved\n", "orphan")

    assert "warning[unreachable] no answer leads to node 'orphan'" in str(dialogs.only())


def test_nodes_that_lead_nowhere_are_found(dialogs: Dialogs) -> None:
    """Two nodes that only send people to each other have no way out."""
    _node(
        dialogs,
        "  ping:\n    tell: {done: pong}\n  pong:\n    tell: {done: ping}\n",
        "ping",
        "pong",
    )
    dialogs.edit(ARTICLE, "  tell: tell-them\n", "  tell: tell-them\n  round: ping\n")

    assert dialogs.rules() == {("warning", "dead-end")}


def test_questions_that_answer_themselves_in_a_circle_are_an_error(dialogs: Dialogs) -> None:
    """A circle of known facts would never ask anybody."""
    dialogs.edit(
        ARTICLE, "ask: {'yes': solved, 'no': next-untried}", "ask: {'yes': solved, 'no': again}"
    )
    _node(
        dialogs,
        "  again:\n    ask: {'yes': solved, 'no': wait}\n    answered-by: retry-may-help\n",
        "again",
    )
    for file in (EN, NB):
        dialogs.edit(
            file,
            "    title: About again\n",
            "    title: About again\n    choices: {'yes': A, 'no': B}\n",
        )

    found = [problem for problem in dialogs.check() if problem.rule == "silent-loop"]
    assert {problem.line for problem in found} == {
        dialogs.line(ARTICLE, "  again:"),
        dialogs.line(ARTICLE, "  wait:"),
    }


def test_a_circle_that_asks_is_no_loop(dialogs: Dialogs) -> None:
    """People may go round as often as they like."""
    dialogs.edit(
        ARTICLE, "ask: {'yes': solved, 'no': next-untried}", "ask: {'yes': solved, 'no': whose}"
    )

    assert dialogs.check() == []


def test_more_choices_than_teams_shows_are_an_error(dialogs: Dialogs) -> None:
    """A seventh button would hide behind a menu."""
    more = ", ".join(f"more{number}: solved" for number in range(4))
    dialogs.edit(ARTICLE, "unsure: next-untried}", f"unsure: next-untried, {more}}}")

    assert ("error", "too-many-choices") in dialogs.rules()


@pytest.mark.parametrize("choice", ["back", "start-over", "human", "hello"])
def test_a_choice_cannot_take_the_id_of_a_command(dialogs: Dialogs, choice: str) -> None:
    """The command would always win over the choice."""
    dialogs.edit(ARTICLE, "{mine: tidy,", f"{{{choice}: tidy,")

    assert ("error", "reserved") in dialogs.rules()


def test_rows_of_one_code_must_differ(dialogs: Dialogs) -> None:
    """Two rows of one code without markers, or with the same one, cannot be told apart."""
    row = (
        "    category: mailbox-full\n    fixers: [recipient]\n    permanence: permanent\n"
        "    retry-may-help: no\n    article: full\n"
    )
    markers = "    markers: [Mailbox  FULL]\n"
    added = "".join(f"  5.2.2-{name}:\n    code: 5.2.2\n{row}" for name in ("a", "b"))
    dialogs.edit(
        "codes.yaml", "codes:\n", f"codes:\n{added}  5.2.2-c:\n    code: 5.2.2\n{row}{markers}"
    )
    for file in ("codes/en.yaml", "codes/nb.yaml"):
        rows = "".join(f"  5.2.2-{name}: {{title: a, means: b, do: c}}\n" for name in "abc")
        dialogs.edit(file, "codes:\n", f"codes:\n{rows}")

    assert dialogs.rules() == {("warning", "same-code"), ("warning", "same-marker")}


@pytest.mark.parametrize(
    "code", ["5.2.2", "4.0.0", "5.7.900-999", "5.4.6-5.4.20", "5.7.0-5.7.999"]
)
def test_codes_and_ranges_of_rfc_3463_are_accepted(dialogs: Dialogs, code: str) -> None:
    """Both ways of writing a range are known."""
    dialogs.edit("codes.yaml", "code: 5.2.2", f"code: {code}")

    assert dialogs.check() == []


def test_a_row_without_a_code_is_known_by_its_markers(dialogs: Dialogs) -> None:
    """Some bounces carry no code at all; without markers nothing would be left to know them by."""
    dialogs.edit("codes.yaml", "    code: 5.2.2\n", "")

    assert dialogs.check() == []

    dialogs.edit("codes.yaml", "    markers: [mailbox full]\n", "")

    assert dialogs.only().rule == "no-code"


def test_the_articles_that_recognition_falls_back_to_are_needed(dialogs: Dialogs) -> None:
    """A bounce with an unknown code must land somewhere."""
    shutil.rmtree(dialogs.root / "articles/unknown-code")

    problem = dialogs.only()
    assert (problem.severity, problem.rule) == ("error", "missing-article")


def test_a_choice_does_not_take_the_words_for_a_language(dialogs: Dialogs) -> None:
    """People must be able to switch at every step."""
    dialogs.edit(EN, "mine: [mine, it is me]", "mine: [På norsk!]")

    assert "hides 'language:nb'" in dialogs.only().message
