"""The shapes of the format: unknown keys, missing keys, closed vocabularies."""

from __future__ import annotations

import pytest

from tests.content.sample import Dialogs

ARTICLE, EN = "articles/full/article.yaml", "articles/full/en.yaml"


@pytest.mark.parametrize(
    ("file", "old", "new", "rule", "said"),
    [
        (ARTICLE, "reviewed: ", "reviewd: ", "unknown-key", "did you mean 'reviewed'?"),
        (ARTICLE, "reviewed: ", "reviewd: ", "missing-key", "'reviewed' is missing"),
        (ARTICLE, "format: 1", "format: 2", "unknown-format", "format 2 is not known"),
        (ARTICLE, "format: 1\n", "", "missing-key", "'format' is missing"),
        (ARTICLE, "lane: sender", "lane: sneder", "unknown-word", "did you mean 'sender'?"),
        (
            ARTICLE,
            "  solved:\n    end: solved",
            "  solved:\n    end: sold",
            "unknown-word",
            "did you mean 'solved'?",
        ),
        (ARTICLE, "priority: normal", "priority: high", "unknown-word", "known: normal, urgent"),
        (
            ARTICLE,
            "answered-by: retry-may-help",
            "answered-by: retry",
            "unknown-word",
            "'retry' is no answered-by",
        ),
        (ARTICLE, "awaits: bounce", "awaits: mail", "unknown-word", "'mail' is no awaits"),
        (
            ARTICLE,
            "{done: solved}",
            "{done: solved, gone: solved}",
            "unknown-key",
            "did you mean 'done'?",
        ),
        (ARTICLE, "{done: solved}", "{failed: solved}", "missing-key", "'done' is missing"),
        (ARTICLE, "{done: solved}", "solved", "wrong-shape", "`key: value` lines"),
        (
            ARTICLE,
            "    end: solved",
            "    {}",
            "node-kind",
            "has none of ask, tell, escalate, end",
        ),
        (
            ARTICLE,
            "    end: solved",
            "    end: solved\n    tell: {done: solved}",
            "node-kind",
            "tell and end",
        ),
        (
            ARTICLE,
            "    end: solved",
            "    end: solved\n    awaits: bounce",
            "unknown-key",
            "only ask and tell",
        ),
        (
            ARTICLE,
            "    end: solved",
            "    end: solved\n    answered-by: fixer",
            "unknown-key",
            "'answered-by'",
        ),
        (
            ARTICLE,
            "ask: {mine: tidy, theirs: tell-them, unsure: next-untried}",
            "ask: {}",
            "no-choices",
            "needs choices",
        ),
        (ARTICLE, "covers: [A1]", "covers: A1", "wrong-shape", "takes a list"),
        (ARTICLE, "covers: [A1]", "covers: [A1, A1]", "twice", "'A1' stands twice"),
        (ARTICLE, "  whose:\n", "  Whose Mailbox:\n", "bad-id", "'Whose Mailbox' is no id"),
        (
            ARTICLE,
            "confidence: certain",
            "confidence: sure",
            "unknown-word",
            "known: certain, likely",
        ),
        (
            EN,
            "    title: Make room",
            "    title: Make room\n    hint: no",
            "unknown-key",
            "'hint' is not known here",
        ),
        (
            EN,
            "    - do: Choose **Delete**.",
            "    - note: Choose **Delete**.\n      do:",
            "empty",
            "'do' has no value",
        ),
        (EN, "    title: Make room", "    title:", "empty", "'title' has no value"),
        (
            EN,
            "      sub: ['Mark it.', 'Press **Delete**.']",
            "      sub: Mark it.",
            "wrong-shape",
            "takes a list",
        ),
        ("codes.yaml", "retry-may-help: no", "retry-may-help: maybe", "unknown-word", "yes or no"),
        (
            "codes.yaml",
            "permanence: permanent",
            "permanence: for ever",
            "unknown-word",
            "'for ever' is no permanence",
        ),
        (
            "codes.yaml",
            "fixers: [recipient]",
            "fixers: [postman]",
            "unknown-word",
            "'postman' is no fixers",
        ),
        ("codes.yaml", "    fixers: [recipient]\n", "", "missing-key", "at least one fixer"),
        (
            "languages.yaml",
            "default: en",
            "default: de",
            "unknown-language",
            "'de' is no language",
        ),
        ("languages.yaml", "fallback: en", "fallback: sv", "bad-fallback", "always the default"),
        ("languages.yaml", "also: ['no', nn]", "also: [en]", "twice", "'en' means 'en' already"),
        ("languages.yaml", "  nb: ", "  Norsk: ", "bad-language", "'Norsk' is no language tag"),
    ],
)
def test_a_wrong_shape_is_named(
    dialogs: Dialogs, file: str, old: str, new: str, rule: str, said: str
) -> None:
    """Each mistake in the form of a file is found where it stands, with the next step."""
    dialogs.edit(file, old, new)

    found = [
        problem for problem in dialogs.check() if problem.path == file and problem.rule == rule
    ]
    assert any(said in problem.message for problem in found), dialogs.check()


def test_a_file_that_nothing_reads_is_named(dialogs: Dialogs) -> None:
    """A file with a misspelt name does not vanish silently."""
    dialogs.write("articles/full/articel.yaml", "format: 1\n")

    problem = dialogs.only()
    assert (problem.severity, problem.rule) == ("warning", "stray-file")
    assert "did you mean 'articles/full/article.yaml'?" in problem.message


def test_a_folder_without_an_article_file_is_named(dialogs: Dialogs) -> None:
    """An article needs its routing."""
    (dialogs.root / ARTICLE).rename(dialogs.root / "articles/full/old.txt")

    assert ("error", "missing-file") in dialogs.rules()


def test_content_of_the_wrong_kind_everywhere_is_survived(dialogs: Dialogs) -> None:
    """Lists where mappings belong, and the other way round, give errors and no crash."""
    for name in (
        "languages.yaml",
        "shared/links.yaml",
        "shared/blocks.yaml",
        "codes.yaml",
        ARTICLE,
    ):
        for text in (
            "format: [1]\nlinks: []\nblocks: x\ncodes: [y]\nlanguages: {en: [x]}\nnodes: [z]\n",
            "a: b\n",
        ):
            before = (dialogs.root / name).read_text(encoding="utf-8")
            dialogs.write(name, text)

            assert any(severity == "error" for severity, _ in dialogs.rules())

            dialogs.write(name, before)
