"""Slips of the keyboard: whatever an author does to a file, there is a list of problems and never a crash."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.content import Severity, check, load_library
from bot.model.errors import ContentError
from tests.content.sample import Dialogs

TOKENS = [
    "", "yes", "5.1", "{", "}", "[]", "{}", "*a", "&a", "!x", "- ", "x: y", "'", '"', "|", ">", "#",
    "next-untried", "whose", "full/tell", "known-code/a", "code", "TODO x", "{recipient}", "{link:guide}",
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that each example writes anew."""
    return tmp_path_factory.mktemp("mutations")


@settings(max_examples=120, deadline=None)
@given(
    at=st.floats(0, 0.999),
    line=st.floats(0, 0.999),
    column=st.floats(0, 0.999),
    slip=st.sampled_from(["delete", "repeat", "indent", "outdent", "insert", "replace"]),
    token=st.sampled_from(TOKENS),
)
def test_any_slip_is_reported_and_never_crashes(
    folder: Path, at: float, line: float, column: float, slip: str, token: str
) -> None:
    """The check ends with a list, and the bot starts exactly when that list has no fault in it."""
    dialogs = Dialogs(folder)
    files = sorted(folder.rglob("*.yaml"))
    path = files[int(at * len(files))]
    lines = path.read_text("utf-8").splitlines()
    here = int(line * len(lines))
    there = int(column * len(lines[here]))
    match slip:
        case "delete":
            del lines[here]
        case "repeat":
            lines.insert(here, lines[here])
        case "indent":
            lines[here] = f"  {lines[here]}"
        case "outdent":
            lines[here] = lines[here][2:]
        case "insert":
            lines[here] = lines[here][:there] + token + lines[here][there:]
        case _:
            lines[here] = f"{lines[here].partition(': ')[0]}: {token}"
    path.write_text("\n".join(lines), encoding="utf-8")

    # What lint calls an error and the bot can still run with: bounces in the wrong place, lists that are not covered.
    lists = {"wrong-article", "not-covered", "unknown-item"}
    problems = check(dialogs.root)
    faults = [
        problem
        for problem in problems
        if problem.severity is Severity.ERROR and problem.rule not in lists
    ]
    try:
        load_library(dialogs.root)
    except ContentError:
        assert faults
    else:
        assert faults == []
