"""Takes a paste apart that holds several bounces, and puts what they say together again."""

from __future__ import annotations

import msgspec

from bot.model import limits
from bot.model.phrases import Folded
from bot.model.report import Kind, Report, Span

_STARTS = (
    ("failed", "delivery has failed to these recipients"),
    ("following", "rejected your message to the following email addresses"),
    ("system", "this is the mail system at host"),
    ("qmail", "hi. this is the qmail-send program"),
    ("recipients", "your message to the following recipients cannot"),
    ("automatically", "this message was created automatically by mail delivery software"),
    ("following", "delivery to the following recipient"),
    ("remise", "échec de la remise pour ces destinataires"),
    ("recapito", "il recapito non è riuscito per i seguenti destinatari"),
    ("bezorgd", "uw bericht kan niet worden bezorgd bij de volgende"),
    ("leverera", "det gick inte att leverera till följande mottagare"),
    ("entrega", "falha na entrega a estes destinatários"),
)
"""How a notification opens, each with a word of it that is asked for first; the same opening twice is two of them."""
_HEADLINE = ("your message to ", "couldn't be delivered")
_HEADLINE_CHARS = 340


def split_bounces(text: str, folded: Folded) -> list[tuple[int, int]]:
    """Return where each bounce of a plain text stands, one stretch for a text with one or none."""
    low = folded.text
    starts = max(
        (_places(low, opening) for word, opening in _STARTS if word in folded.words),
        key=len,
        default=[],
    )
    if len(starts) < _TWO:
        starts = _headlines(low)
    if len(starts) < _TWO:
        return [(0, len(text))]
    starts[0] = 0
    return [(start, end) for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]


_TWO = 2
_MOST = 20
"""Bounces of one paste that are read apart; the last one takes the rest."""


def _places(low: str, phrase: str) -> list[int]:
    places: list[int] = []
    at = low.find(phrase)
    while at >= 0 and len(places) < _MOST:
        places.append(at)
        at = low.find(phrase, at + len(phrase))
    return places


def _headlines(low: str) -> list[int]:
    opening, closing = _HEADLINE
    if closing not in low:
        return []
    return [
        at for at in _places(low, opening) if 0 <= low.find(closing, at) - at < _HEADLINE_CHARS
    ]


def join_reports(text: str, parts: list[tuple[int, Report]]) -> Report:
    """Return one report of several bounces, each given with where its text starts in `text`."""
    reports = [report for _, report in parts]
    bounces = [report for report in reports if report.kind is Kind.BOUNCE]
    main = next(iter(bounces), reports[0])
    failures = tuple(failure for report in bounces for failure in report.failures)
    spans = tuple(
        Span(span.start + shift, span.end + shift, span.says)
        for shift, report in parts
        for span in report.spans
    )
    warnings = [warning for report in reports for warning in report.warnings]
    if len(bounces) > 1:
        warnings.append("several-bounces")
    return msgspec.structs.replace(
        main,
        text=text,
        failures=failures[: limits.FAILURES],
        codes=tuple(dict.fromkeys(code for report in [main, *bounces] for code in report.codes)),
        spans=spans,
        warnings=tuple(dict.fromkeys(warnings)),
    )
