"""`bouncedesk match`: reads files as the bot would, and says what each one is.

With `--json` one object a line, in the order of the input, for scripts and the acceptance scorer;
without it a few lines for people. A file that cannot be read gets a line with an `error`; the
others are read all the same.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.model.report import Kind

if TYPE_CHECKING:
    from bot.model.match import Candidate, Match
    from bot.model.report import Report
    from bot.recognise import Recogniser

STDIN = "-"


def match(
    paths: Annotated[
        list[str] | None, typer.Argument(help="Files to read; `-` is the standard input.")
    ] = None,
    json_: Annotated[
        bool, typer.Option("--json", help="One JSON object a line, in input order.")
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Who won, why, and who came next.")
    ] = False,
    paths_from: Annotated[
        str | None, typer.Option("--paths-from", help="A file with one path a line.")
    ] = None,
) -> None:
    """Say what files are: bounce or not, code, recipients, and the article that answers."""
    from bot.content import load_library
    from bot.recognise import Recogniser
    from bot.settings import dialogs_path

    recogniser = Recogniser(load_library(dialogs_path()))
    failed = False
    for name in _names(paths or [], paths_from):
        answer = _answer(name, recogniser)
        failed = failed or "error" in answer
        explanation = answer.pop("explanation", [])
        if not json_:
            typer.echo(_for_people(answer, explanation if explain else []))
            continue
        if explain:
            answer["explanation"] = explanation
        typer.echo(json.dumps(answer))
    if failed:
        raise typer.Exit(1)


def _names(paths: list[str], paths_from: str | None) -> Iterator[str]:
    yield from paths
    if paths_from:
        listed = sys.stdin.read() if paths_from == STDIN else _listed(Path(paths_from))
        yield from (line for line in listed.splitlines() if line.strip())


def _listed(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as unreadable:
        message = f"{path}: {unreadable}"
        raise typer.BadParameter(message, param_hint="--paths-from") from unreadable


def _answer(name: str, recogniser: Recogniser) -> dict[str, Any]:
    from bot.intake import read_file

    try:
        data = sys.stdin.buffer.read() if name == STDIN else Path(name).read_bytes()
        started = time.perf_counter()
        report = read_file(data)
        found = recogniser.recognise(report)
        milliseconds = (time.perf_counter() - started) * 1000
    except (OSError, ValueError) as unreadable:
        return _failure(name, f"{type(unreadable).__name__}: {unreadable}")
    except Exception as broken:  # noqa: BLE001 - one bad file must not keep the others unread
        return _failure(name, type(broken).__name__)
    return _fields(name, report, found, milliseconds)


def _failure(name: str, error: str) -> dict[str, Any]:
    return {
        "file": name,
        "kind": Kind.UNSURE.value,
        "status": None,
        "article": None,
        "confidence": None,
        "recipients": [],
        "reporting_mta": None,
        "backscatter": None,
        "language": None,
        "evidence": [],
        "warnings": [],
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
    candidates: list[Match | Candidate] = [*([found] if found.article else []), *found.others]
    return [
        {
            "place": place,
            "article": candidate.article,
            "confidence": candidate.confidence.value if candidate.confidence else None,
            "evidence": [
                piece | {"text": report.text[piece["start"] : piece["end"]]}
                if piece["end"]
                else piece
                for piece in _evidence(candidate)
            ],
        }
        for place, candidate in enumerate(candidates, start=1)
    ]


def _for_people(answer: dict[str, Any], explanation: list[dict[str, Any]]) -> str:
    if "error" in answer:
        return f"{answer['file']}: {answer['error']}"
    facts = [answer[name] for name in ("kind", "status", "article", "confidence")]
    shown = " · ".join(str(fact) for fact in [*facts, *answer["recipients"]] if fact)
    lines = [f"{answer['file']}: {shown}"]
    for candidate in explanation:
        lines.append(f"  {candidate['place']}. {candidate['article']} ({candidate['confidence']})")
        lines += [f"     {piece['rule']}: {piece['detail']}" for piece in candidate["evidence"]]
    return "\n".join(lines)
