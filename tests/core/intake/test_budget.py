"""No text costs more than its length: hostile ones are held against an honest text of 5 kB, in CPU time."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from time import process_time

import pytest

from bot.intake import read_mail, read_text
from bot.model import limits
from tests.core.intake import texts

SIZE = limits.PASTE_CHARS
HONEST = (texts.STATUS_TABLE.text + texts.POSTFIX.text + texts.CLASSIC.text)[:5_000]
HONEST += "x" * (5_000 - len(HONEST))
FACTOR = 120
"""256 kB are 52 times 5 kB; the rest is for a machine that is busy with other things."""


def repeated(piece: str) -> str:
    """Return a piece repeated up to the limit of a paste."""
    return (piece * (SIZE // len(piece) + 1))[:SIZE]


HOSTILE = {
    "codes": repeated("5.1."),
    "replies": repeated("550 5.1.1 "),
    "loose codes": repeated("5 . "),
    "comma codes": repeated("5 , 1 ,"),
    "100,000 opening brackets": "<" * 100_000,
    "opening brackets": "<" * SIZE,
    "one letter": "a" * SIZE,
    "digits": "5" * SIZE,
    "digits and dots": repeated("12345."),
    "dots": "." * SIZE,
    "at signs": "@" * SIZE,
    "letters and at signs": repeated("a@"),
    "quoted names": repeated('"@'),
    "10,000 addresses": "\n".join(
        f"<u{n}@e{n}.example.com>: host x said: 550 no" for n in range(10_000)
    )[:SIZE],
    "nested quotes": "\n".join(">" * (n % 2_000) + " x" for n in range(400)),
    "quotes": repeated("> "),
    "nested parts": "".join(
        f'Content-Type: multipart/mixed; boundary="b{n}"\n\n--b{n}\n' for n in range(6_000)
    )[:SIZE],
    "one boundary": repeated('Content-Type: multipart/mixed; boundary="b"\n\n--b\n'),
    "nested mails": repeated("Content-Type: message/rfc822\n\n"),
    "header folding": "MIME-Version: 1.0\nSubject: a\n" + " b\n" * 80_000,
    "headers": "\n".join(f"X-A{n}: b" for n in range(30_000))[:SIZE],
    "encoded words": "From: a@b.c\nMIME-Version: 1.0\nSubject: " + repeated("=?utf-8?b?YQ==?= "),
    "delivery-status fields": repeated("Final-Recipient: rfc822; a@b.c\n"),
    "field names": repeated("Action: failed "),
    "tags": repeated('<p class="'),
    "comments": repeated("<!--"),
    "styles": repeated("<style>"),
    "entities": repeated("&amp;"),
    "links": repeated("[a]("),
    "brackets": "[" * SIZE,
    "table cells": repeated("|a|b|\n"),
    "backslashes": "\\" * SIZE,
    "quoted-printable": repeated("=C3=A5"),
    "soft breaks": repeated("a=\n"),
    "passwords": repeated("password: a "),
    "private keys": repeated("-----BEGIN PRIVATE KEY-----"),
    "logins": repeated("a://b:"),
    "failures": repeated("failed delivery not "),
    "headlines": repeated("your message to "),
    "phrases": repeated("delivery has failed to these recipients or groups: "),
    "blank lines": "\n" * SIZE,
    "blanks": repeated(" \t"),
    "full width": repeated("５.１."),
    "longer small letters": "İ" * SIZE,
    "zero width": "\u200b" * SIZE,
}


def cost(read: Callable[[], object]) -> float:
    """Return the CPU seconds of a call, the best of a few."""
    best = float("inf")
    for _ in range(3):
        started = process_time()
        read()
        best = min(best, process_time() - started)
    return best


@pytest.fixture(scope="module")
def honest() -> float:
    """Return what an honest text of 5 kB costs."""
    read_text(HONEST)
    return min(cost(lambda: read_text(HONEST)) for _ in range(5))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_costs_no_more_than_its_length(name: str, honest: float) -> None:
    """Pasted or attached, it stays within the budget."""
    text = HOSTILE[name]
    data = text.encode("utf-8")
    assert cost(lambda: read_text(text)) < honest * FACTOR
    assert cost(lambda: read_mail(data)) < honest * FACTOR


def test_memory_stays_small() -> None:
    """The hungriest texts stay far below 50 MB."""
    for name in ("10,000 addresses", "nested parts", "tags", "field names"):
        tracemalloc.start()
        read_text(HOSTILE[name])
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 50_000_000
