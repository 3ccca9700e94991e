"""Logs: events with keys, one JSON object a line on standard error. What people write never stands in them.

Every event has a name of its own; docs/guides/operating.md says what each one means, and a test compares the two. Lines that are logged
while a turn is worked on, or while what it sent is delivered, have its id as `turn`: the reference that a user is shown when it breaks.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable, MutableMapping
from typing import Any

import msgspec
import structlog

from bot.model.ticket import Role, Verb
from bot.watch import CAUSE, Failed, Taken, Tried, where

Line = MutableMapping[str, Any]

log = structlog.get_logger("bouncedesk.turn")

_encode = msgspec.json.Encoder(enc_hook=str).encode


def log_to_stderr(level: str, *, process: int | None = None) -> None:
    """Log everything from a level upwards. `process`: which one of several of one port this is."""
    least = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            *([] if process is None else [_of_process(process)]),
            _with_turn,
            structlog.processors.add_log_level,
            _Stamp(),
            _as_json,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.BytesLoggerFactory(file=sys.stderr.buffer),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, handlers=[_OfLibraries()], force=True)


def log_quietly() -> None:
    """Log only what is broken: a terminal chat shows the conversation, not the machinery."""
    log_to_stderr("ERROR")


class TurnLog:
    """Writes one line for each committed turn (`bot.watch.Watch`). Deeds and deliveries are logged where they are done."""

    def taken(self, taken: Taken) -> None:
        """Log a turn, with its times in milliseconds."""
        line: dict[str, Any] = taken.facts()
        line["turn"] = taken.id
        line["read_ms"] = _ms(taken.read)
        line["wait_ms"] = _ms(taken.waited)
        line["decide_ms"] = _ms(taken.decided)
        line["commit_ms"] = _ms(taken.committed)
        line["total_ms"] = _ms(taken.total)
        log.info("turn", **line)

    def failed(self, failed: Failed) -> None:
        """Do nothing: `turn-failed` was logged, with more than is known here."""

    def deed(self, verb: Verb, role: Role, outcome: str) -> None:
        """Do nothing: `ticket-deed` was logged, with the ticket."""

    def tried(self, tried: Tried) -> None:
        """Do nothing: what did not go well was logged by the outbox."""


def _ms(seconds: float) -> float:
    # A quarter of what `round` costs, for each of five figures a turn.
    return int(seconds * 10_000.0 + 0.5) / 10.0


def _with_turn(_logger: object, _method: str, line: Line) -> Line:
    turn = CAUSE.get()
    if turn and "turn" not in line:
        line["turn"] = turn
    return line


def _of_process(process: int) -> Callable[[object, str, Line], Line]:
    def with_process(_logger: object, _method: str, line: Line) -> Line:
        line["process"] = process
        return line

    return with_process


class _Stamp:
    """Puts the time on a line. The part that changes once a second is written once a second: a turn has a line."""

    def __init__(self) -> None:
        self._second = 0
        self._text = ""

    def __call__(self, _logger: object, _method: str, line: Line) -> Line:
        now = time.time()  # noqa: TID251 - a line has the time at which it is written, whatever the clock of what it tells
        second = int(now)
        if second != self._second:
            self._second = second
            self._text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        line["timestamp"] = f"{self._text}.{int((now - second) * 1e6):06d}Z"
        return line


def _as_json(_logger: object, _method: str, line: Line) -> bytes:
    # The event first: people read these lines, too.
    ordered = {"event": line.pop("event"), **line}
    try:
        return _encode(ordered)
    except (TypeError, ValueError):  # half a character from somewhere, or a key that is no text
        return json.dumps(ordered, default=str, skipkeys=True).encode()


class _OfLibraries(logging.Handler):
    """Warnings of the libraries we stand on. Their messages quote requests and values, so only where they come from is told."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log who complains, and the kind and place of the error."""
        error = record.exc_info[1] if record.exc_info else None
        structlog.get_logger("bouncedesk.library").log(
            record.levelno,
            "library-warning",
            library=record.name,
            error=type(error).__name__ if error is not None else "",
            where=where(error) if error is not None else f"{record.filename}:{record.lineno}",
        )
