"""Strict YAML: text only, each key once, nothing that surprises, and every refusal with its line."""

from __future__ import annotations

import time

import pytest

from bot.content.problems import Findings
from bot.content.tree import DEPTH, FILE_BYTES, FILE_NODES, File, List, Map, Text, parse
from tests.content.sample import Dialogs


def _rule(text: str) -> tuple[int, str]:
    findings = Findings()
    parse("a.yaml", text, findings)
    problem = findings.all[0]
    return problem.line, problem.rule


@pytest.mark.parametrize(
    "value", ["no", "yes", "5.10", "12:30", "null", "0x10", "1_000", "~", "on"]
)
def test_every_value_stays_the_text_it_is(value: str) -> None:
    """What YAML would turn into something else stays as it was written."""
    tree = parse("a.yaml", f"key: {value}\n{value}: key\n", Findings())

    assert tree is not None
    found = tree.fields["key"]
    assert isinstance(found, Text)
    assert found.value == value
    assert value in tree.fields


def test_places_are_found_by_the_keys_that_lead_there() -> None:
    """A place is the line of the key, or of the last key on the way that exists."""
    tree = parse("a.yaml", "one:\n  two:\n  - x\n  - y\n", Findings())
    assert tree is not None
    file = File("a.yaml", tree)

    assert file.at("one", "two").line == 2
    assert file.at("one", "two", 1).line == 4
    assert file.at("one", "two", 7).line == 2
    assert file.at("one", "missing").line == 1
    assert [text.value for text in file.texts("one")] == ["x", "y"]


@pytest.mark.parametrize(
    ("text", "line", "rule"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "duplicate-key"),
        ("a:\n  b: 1\n  b: 2\n", 3, "duplicate-key"),
        ("a: &x 1\n", 1, "anchor"),
        ("a: {b: &x [1]}\n", 1, "anchor"),
        ("a: *x\n", 1, "alias"),
        ("a: !!int 1\n", 1, "tag"),
        ("a: !own {b: 1}\n", 1, "tag"),
        ("a: 1\n---\nb: 2\n", 2, "several-documents"),
        ("- a\n", 1, "not-a-mapping"),
        ("just text\n", 1, "not-a-mapping"),
        ("", 1, "not-a-mapping"),
        ("a: 1\n{b: 2}: 3\n", 2, "key-not-text"),
        ("a: 'open\n", 2, "not-yaml"),
        ("a: 1\n\tb: 2\n", 2, "not-yaml"),
        ("a: [1, 2\nb: 3\n", 2, "not-yaml"),
        ("a: b: c\n", 1, "not-yaml"),
        ("a: \x00\n", 1, "not-yaml"),
    ],
)
def test_what_is_refused_is_named_with_its_line(text: str, line: int, rule: str) -> None:
    """Each surprise of YAML is an error of its own, where it stands."""
    assert _rule(text) == (line, rule)


def test_both_lines_of_a_duplicate_key_are_named() -> None:
    """The author sees where the first one stands."""
    findings = Findings()
    parse("a.yaml", "a: 1\nb: 2\na: 3\n", findings)

    assert "line 1" in findings.all[0].message


def test_nesting_is_bounded_without_recursion() -> None:
    """A hundred thousand opening brackets are refused and do not exhaust the stack."""
    assert _rule("a: " + "[" * 100_000) == (1, "too-deep")
    assert _rule("a: " + "[" * DEPTH + "]" * DEPTH) == (1, "too-deep")


def test_the_number_of_values_is_bounded() -> None:
    """A file of very many small values is refused in good time."""
    started = time.perf_counter()

    assert _rule("a: [" + "1," * (FILE_NODES + 1) + "]")[1] == "too-many-values"
    assert time.perf_counter() - started < 5


def test_a_file_that_is_too_large_is_not_read(dialogs: Dialogs) -> None:
    """The limit is checked before anything is parsed."""
    dialogs.write("codes.yaml", b"#" * (FILE_BYTES + 1))

    assert ("error", "too-large") in dialogs.rules()


def test_a_file_that_is_not_utf8_says_on_which_line(dialogs: Dialogs) -> None:
    """Latin-1 is named, not guessed."""
    dialogs.write("shared/links.yaml", "format: 1\nlinks:\n  å: x\n".encode("latin-1"))

    problem = next(problem for problem in dialogs.check() if problem.rule == "not-utf-8")
    assert (problem.path, problem.line) == ("shared/links.yaml", 3)


def test_values_have_the_shapes_they_are_written_in() -> None:
    """Lists and mappings arrive in order."""
    tree = parse("a.yaml", "b: [x, {y: z}]\na: {}\n", Findings())

    assert tree is not None
    assert list(tree.fields) == ["b", "a"]
    assert isinstance(tree.fields["b"], List)
    assert isinstance(tree.fields["a"], Map)
