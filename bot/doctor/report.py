"""What was found, for people and for programs: the same words in both."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

from bot import __version__
from bot.doctor.examination import Findings, worst
from bot.doctor.finding import Finding, Outcome

_WIDTH = 100
_INDENT = " " * 11

_SHOWN = {
    Outcome.OK: "ok",
    Outcome.WARNING: "WARNING",
    Outcome.PROBLEM: "PROBLEM",
    Outcome.NOT_CHECKED: "-",
}


def as_text(found: Findings) -> str:
    """Return an area as people read it."""
    lines = [found.area.title]
    for finding in found.findings:
        lines += _lines(finding)
    return "\n".join([*lines, ""])


def _lines(finding: Finding) -> Iterator[str]:
    head = f"  {_SHOWN[finding.outcome]:<9}{finding.title}"
    if finding.outcome in {Outcome.OK, Outcome.NOT_CHECKED}:
        yield from _wrapped(f"{head}: {finding.seen}")
        return
    yield f"{head} [{finding.id}]"
    yield from _wrapped(f"{_INDENT}Seen:  {finding.seen}")
    yield from _wrapped(f"{_INDENT}Means: {finding.means}")
    yield from _wrapped(f"{_INDENT}Next:  {finding.next_step}")


def _wrapped(text: str) -> list[str]:
    """Return text in lines; no word is broken, so that commands and addresses can be copied."""
    return textwrap.wrap(
        text,
        _WIDTH,
        subsequent_indent=f"{_INDENT}       ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def summary(found: Sequence[Findings]) -> str:
    """Return the last line: how many of what."""
    counts = _counts(found)
    problems, warnings = counts[Outcome.PROBLEM], counts[Outcome.WARNING]
    parts = [
        "1 problem" if problems == 1 else f"{problems} problems",
        "1 warning" if warnings == 1 else f"{warnings} warnings",
        f"{counts[Outcome.OK]} ok",
        f"{counts[Outcome.NOT_CHECKED]} not checked",
    ]
    return f"{', '.join(parts)}."


def as_json(found: Sequence[Findings], at: datetime) -> str:
    """Return everything as one JSON object; docs/guides/doctor.md describes it."""
    counts = _counts(found)
    every = [finding for one in found for finding in one.findings]
    return json.dumps(
        {
            "version": __version__,
            "at": at.isoformat(timespec="seconds"),
            "outcome": worst(every),
            "counts": {outcome.value: counts[outcome] for outcome in Outcome},
            "findings": [
                {
                    "area": one.area.id,
                    "id": finding.id,
                    "title": finding.title,
                    "outcome": finding.outcome,
                    "seen": finding.seen,
                    "means": finding.means,
                    "next_step": finding.next_step,
                }
                for one in found
                for finding in one.findings
            ],
        },
        ensure_ascii=False,
        indent=1,
    )


def _counts(found: Sequence[Findings]) -> Counter[Outcome]:
    return Counter(finding.outcome for one in found for finding in one.findings)
