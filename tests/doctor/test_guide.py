"""docs/guides/doctor.md says what the program says: every finding with its cause and its remedy, in the same words."""

from __future__ import annotations

import re
from itertools import groupby
from pathlib import Path
from string import Formatter

from bot.doctor import AREAS, Flaw, Outcome, flaws

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "doctor.md"
BEGIN, END = "<!-- findings:start -->\n", "<!-- findings:end -->"


def table(of: list[Flaw]) -> str:
    """Return what can be wrong with something as a table."""
    rows = [
        f"| `{flaw.id}` | {_shown(flaw.outcome)} | {_words(flaw.means)} | {_words(flaw.next_step)} |"
        for flaw in of
    ]
    return "\n".join(["| Finding | | What it means | What to do |", "|---|---|---|---|", *rows])


def findings() -> str:
    """Return the guide's list of findings."""
    parts = []
    for check, of in groupby(flaws(), key=lambda flaw: flaw.check):
        parts.append(f"### {check.title} (`{check.id}`)\n\n{table(list(of))}\n")
    return "\n".join(["", *parts, ""])


def _shown(outcome: Outcome) -> str:
    return "problem" if outcome is Outcome.PROBLEM else outcome.value


def _words(text: str) -> str:
    """Return words with what is filled in when they are said in capitals."""
    parts = (
        literal + (name.upper() if name else "") for literal, name, *_ in Formatter().parse(text)
    )
    return "".join(parts).replace("|", "\\|").replace("<", "&lt;")


def test_the_guide_has_every_finding_in_the_words_of_the_program() -> None:
    """Neither a finding without a remedy in the guide, nor a row about something that is never found."""
    _, begin, rest = GUIDE.read_text(encoding="utf-8").partition(BEGIN)
    listed, end, _ = rest.partition(END)

    assert begin
    assert end
    assert listed == findings()


def test_each_finding_has_an_id_of_its_own_that_programs_can_rely_on() -> None:
    """Ids are words in lower case, the check's first, and no two are alike; each has a cause and one remedy."""
    every = list(flaws())

    ids = [flaw.id for flaw in every]
    assert len(set(ids)) == len(ids) >= 80
    for flaw in every:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*\.[a-z]+(-[a-z]+)*", flaw.id)
        assert flaw.means.endswith(".")
        assert flaw.next_step
        assert flaw.outcome in {Outcome.PROBLEM, Outcome.WARNING}


def test_the_guide_lists_the_areas_in_their_order() -> None:
    """A program that groups findings by area finds each one in the guide."""
    text = GUIDE.read_text(encoding="utf-8")

    areas = ", ".join(f"`{area.id}`" for area in AREAS)
    assert areas in text
