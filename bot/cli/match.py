"""`bouncedesk match`: reads files as the bot would, and says what each one is.

With `--json` one object a line, in the order of the input, for scripts and the acceptance scorer; without it a few
lines for people. A file that cannot be read gets a line with an `error`; the others are read all the same.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bot.model.match import Candidate, Match
from bot.model.report import Kind, Report

STDIN = "-"


def match(
    paths: Sequence[str], json_: bool = False, explain: bool = False, paths_from: str | None = None
) -> int:
    """Print what each file is; return the exit status, 1 when a file could not be read."""
    from bot import settings
    from bot.content import load_library
    from bot.recognise import Recogniser

    recogniser = Recogniser(load_library(settings.dialogs_path()))
    failed = False
    for name in _names(paths, paths_from):
        answer = _answer(name, recogniser)
        failed = failed or "error" in answer
        explanation = answer.pop("explanation", [])
        if json_:
            if explain:
                answer["explanation"] = explanation
            print(json.dumps(answer, ensure_ascii=True))  # noqa: T201 - a command's answer
        else:
            print(_for_people(answer, explanation if explain else []))  # noqa: T201
        sys.stdout.flush()
    return 1 if failed else 0


def _names(paths: Sequence[str], paths_from: str | None) -> Iterator[str]:
    yield from paths
    if paths_from:
        source = sys.stdin.read() if paths_from == STDIN else Path(paths_from).read_text(encoding="utf-8")
        yield from (line for line in source.splitlines() if line.strip())


def _answer(name: str, recogniser: Any) -> dict[str, Any]:
    from bot.intake import read_file

    try:
        data = sys.stdin.buffer.read() if name == STDIN else Path(name).read_bytes()
        started = time.perf_counter()
        report = read_file(data)
        found = recogniser.recognise(report)
        milliseconds = (time.perf_counter() - started) * 1000
    except OSError as unreadable:
        return _failure(name, unreadable.strerror or type(unreadable).__name__)
    except Exception as broken:  # noqa: BLE001 - one bad file must not keep the others from being read
        return _failure(name, f"{type(broken).__name__}: {broken}"[:200])
    return _fields(name, report, found, milliseconds)


def _failure(name: str, error: str) -> dict[str, Any]:
    return {
        "file": name,
        "kind": Kind.NOT_BOUNCE.value,
        "status": None,
        "article": None,
        "confidence": None,
        "recipients": [],
        "reporting_mta": None,
        "backscatter": None,
        "language": None,
        "evidence": [],
        "ms": 0.0,
        "error": error,
    }


def _fields(name: str, report: Report, found: Match, milliseconds: float) -> dict[str, Any]:
    return {
        "file": name,
        "kind": report.kind.value,
        "status": report.status,
        "article": found.article,
        "confidence": found.confidence.value if found.confidence else None,
        "recipients": list(report.recipients),
        "reporting_mta": report.reporting_mta,
        "backscatter": report.backscatter.verdict,
        "language": report.language,
        "evidence": _evidence(found),
        "warnings": list(report.warnings),
        "ms": round(milliseconds, 3),
        "explanation": _explanation(report, found),
    }


def _evidence(found: Match | Candidate) -> list[dict[str, Any]]:
    return [
        {
            "rule": piece.rule,
            "detail": piece.detail,
            "start": piece.span.start if piece.span else None,
            "end": piece.span.end if piece.span else None,
        }
        for piece in found.evidence
    ]


def _explanation(report: Report, found: Match) -> list[dict[str, Any]]:
    winner = [] if found.article is None else [(found.article, found.confidence, found)]
    others = [(other.article, other.confidence, other) for other in found.others]
    return [
        {
            "place": place,
            "article": article,
            "confidence": confidence.value if confidence else None,
            "evidence": [
                {**piece, "text": report.text[piece["start"] : piece["end"]] if piece["end"] else None}
                for piece in _evidence(candidate)
            ],
        }
        for place, (article, confidence, candidate) in enumerate([*winner, *others], start=1)
    ]


def _for_people(answer: dict[str, Any], explanation: list[dict[str, Any]]) -> str:
    if "error" in answer:
        return f"{answer['file']}: {answer['error']}"
    facts = [answer["kind"], answer["status"], answer["article"], answer["confidence"], *answer["recipients"]]
    lines = [f"{answer['file']}: " + " · ".join(str(fact) for fact in facts if fact)]
    for candidate in explanation:
        lines.append(f"  {candidate['place']}. {candidate['article']} ({candidate['confidence']})")
        lines += [f"     {piece['rule']}: {piece['detail']}" for piece in candidate["evidence"]]
    return "\n".join(lines)
