"""Reading from a terminal or a pipe, message by message."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable, Iterator

_PASTE_PAUSE = 0.08
"""Seconds without a new line after which a paste is taken to be whole. Terminals deliver a paste far faster than this."""

PROMPT = "> "


END_OF_PASTE = "/end"
"""A line that ends a paste in piped input."""

_ANSWER_DIGITS = 2
"""A line of up to so many digits answers a page; no bounce has such a line of its own."""


def messages(answers: Callable[[str], bool]) -> Iterator[str]:
    """Yield one message after the other until the input ends.

    In a terminal a message is what arrives in one go: a typed line, or all lines of a paste. An empty one counts only where it is an
    answer. From a pipe everything arrives in one go; there, a line that answers the page shown (a number, a button's label, a `/command`)
    is a message, and what stands between two of them is a paste.

    Args:
        answers: Tells whether a line answers the page that is shown at that moment.
    """
    return _typed(answers) if sys.stdin.isatty() else _piped(answers)


def _typed(answers: Callable[[str], bool]) -> Iterator[str]:
    descriptor = sys.stdin.fileno()
    while True:
        sys.stdout.write(PROMPT)
        sys.stdout.flush()
        chunk = os.read(descriptor, 65_536)
        if not chunk:
            return
        parts = [chunk]
        while select.select([descriptor], [], [], _PASTE_PAUSE)[0]:
            more = os.read(descriptor, 65_536)
            if not more:
                break
            parts.append(more)
        said = b"".join(parts).decode("utf-8", errors="replace").rstrip("\r\n")
        if said.strip() or answers(""):  # else it is the Enter that people press after a paste
            yield said


def _piped(answers: Callable[[str], bool]) -> Iterator[str]:
    paste: list[str] = []
    for raw in sys.stdin.buffer:
        line = raw.decode("utf-8", errors="replace").rstrip("\r\n")
        number = line.strip().isdecimal() and len(line.strip()) <= _ANSWER_DIGITS
        if not number and not answers(line):
            paste.append(line)
            continue
        if any(part.strip() for part in paste):
            yield "\n".join(paste)
        paste = []
        if line.strip() != END_OF_PASTE:
            yield line
    if any(part.strip() for part in paste):
        yield "\n".join(paste)
