"""Bounces land where they belong, and the content says so before anybody pastes one."""

from __future__ import annotations

from tests.content.sample import Dialogs

BOUNCE = "Your message could not be delivered to kari@contoso.com: the mailbox is overflowing\n"
OTHER = "Your message could not be delivered to kari@contoso.com: 550 5.1.1 user unknown\n"


def test_an_example_must_land_in_its_own_article(dialogs: Dialogs) -> None:
    """A fingerprint whose example it does not know is worthless."""
    dialogs.edit(
        "articles/full/article.yaml",
        "any: [the mailbox is overflowing]",
        "any: [the mailbox is bursting]",
    )

    problem = dialogs.only()
    assert (problem.severity, problem.rule) == ("error", "wrong-article")
    assert problem.line == dialogs.line("articles/full/article.yaml", "Your message could not")
    assert "an example of 'overflowing' lands in" in problem.message


def test_a_near_miss_must_not_land(dialogs: Dialogs) -> None:
    """A greedy fingerprint is found by what it must not take."""
    dialogs.edit(
        "articles/full/article.yaml", "  - The letterbox is overflowing", f"  - '{BOUNCE.strip()}'"
    )

    problem = dialogs.only()
    assert "a near-miss of 'overflowing' lands here (by overflowing" in problem.message


def test_files_beside_an_article_are_tried(dialogs: Dialogs) -> None:
    """What lies in `bounces/` lands in the article, what lies in `near-misses/` does not."""
    dialogs.write("articles/full/bounces/one.txt", BOUNCE)
    dialogs.write("articles/full/near-misses/two.txt", OTHER)

    assert dialogs.check() == []

    dialogs.write("articles/full/bounces/three.txt", OTHER)
    dialogs.write("articles/full/near-misses/four.txt", BOUNCE)

    assert [(problem.path, problem.rule) for problem in dialogs.check()] == [
        ("articles/full/bounces/three.txt", "wrong-article"),
        ("articles/full/near-misses/four.txt", "wrong-article"),
    ]


def test_a_file_that_cannot_be_a_bounce_is_named(dialogs: Dialogs) -> None:
    """A picture among the bounces tests nothing."""
    dialogs.write("articles/full/bounces/screen.png", b"\x89PNG")

    assert dialogs.only().rule == "stray-file"


def test_a_fingerprint_needs_an_example(dialogs: Dialogs) -> None:
    """No fingerprint without its sample."""
    dialogs.edit("articles/full/article.yaml", "  examples:\n", "  none:\n")

    assert ("error", "no-example") in dialogs.rules()


def test_an_id_belongs_to_one_fingerprint(dialogs: Dialogs) -> None:
    """Evidence names the fingerprint: two of one name would say nothing."""
    dialogs.edit(
        "articles/full/article.yaml",
        "match:\n",
        "match:\n- {id: overflowing, any: [spilling over], confidence: likely, examples: ["
        "'550 5.2.2 kari@contoso.com could not be delivered: spilling over']}\n",
    )

    assert ("error", "twice") in dialogs.rules()
