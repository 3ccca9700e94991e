"""Recognising: one paste, texts that are meant to hurt, and whole mails beside the tools that others use.

All of it is computing, so the processor's time is what counts: other programs on the machine disturb it least.
"""

from __future__ import annotations

import email
import importlib
import logging
import random
import statistics
import time
from collections.abc import Callable
from email.message import Message
from pathlib import Path

from bench.activities import bounce
from bench.hostile import hostile_texts
from bench.processes import cores, pin
from bench.report import Figure, Section, at_most, times, under
from bot.content import load_library
from bot.intake import read_mail, read_text
from bot.recognise import Recogniser
from bot.settings import dialogs_path

SHORT, LONG, LONGEST = 5_000, 65_536, 262_144

_REPEATS = 20
_HOSTILE_TIMES = 60.0


def measure(*, rounds: int, corpus: Path | None) -> tuple[Section, ...]:
    """Measure on the core of what is measured, in this process, and return the figures."""
    pin(0, cores()[0])
    recogniser = Recogniser(load_library(dialogs_path()))

    def paste(text: str) -> None:
        recogniser.recognise(read_text(text))

    def mail(data: bytes) -> None:
        recogniser.recognise(read_mail(data))

    try:
        return _pastes(paste, rounds), _hostile(paste, rounds), _mails(mail, rounds, corpus)
    finally:
        pin(0, cores()[1])


def pasted(length: int) -> str:
    """Return a bounce of Exchange with the headers and the text that Outlook shows below it, cut to a length."""
    chance = random.Random(length)  # noqa: S311 - the same text each time
    pieces = [bounce(chance)]
    pieces += (
        f"Received: from mx{hop}.contoso.com (203.0.113.{hop}) by AM0PR01MB{hop}.prod.outlook.com\n"
        f" (2001:db8::{hop}) with Microsoft SMTP Server (version=TLS1_2) id 15.20.1.{hop}; Mon, 23 Nov\n"
        " 2026 09:01:12 +0000\n"
        for hop in range(6)
    )
    pieces.append("From: Kari <kari@contoso.com>\nTo: Ola <ola@fabrikam.com>\nSubject: Offer\n\n")
    words = ("meeting", "offer", "Thursday", "price", "delivery", "please", "call", "05.11.2026")
    size = sum(map(len, pieces))
    while size < length:
        pieces.append(" ".join(chance.choice(words) for _ in range(11)) + ".\n")
        size += len(pieces[-1])
    return "".join(pieces)[:length]


def _pastes(read: Callable[[str], None], rounds: int) -> Section:
    texts = {"5 KB": pasted(SHORT), "64 KB": pasted(LONG)}
    took: dict[str, list[float]] = {name: [] for name in texts}
    for _ in range(rounds):
        for name, text in texts.items():
            took[name] += (_milliseconds(read, text) for _ in range(_REPEATS))
    return Section(
        "Recognising a paste (read_text + recognise, processor time, median)",
        (
            under("paste of 5 KB", statistics.median(took["5 KB"]), 1.0),
            under("paste of 64 KB", statistics.median(took["64 KB"]), 10.0),
        ),
    )


def _hostile(read: Callable[[str], None], rounds: int) -> Section:
    """Compare with the 5 KB paste; what grows more than twofold with twice the text has no bound worth the name."""
    short, texts, halves = pasted(SHORT), hostile_texts(LONGEST), hostile_texts(LONGEST // 2)
    ratios: dict[str, list[float]] = {name: [] for name in texts}
    growths: dict[str, list[float]] = {name: [] for name in texts}
    for _ in range(rounds):
        for name, text in texts.items():
            yardstick = statistics.median(_milliseconds(read, short) for _ in range(5))
            half, whole = _milliseconds(read, halves[name]), _milliseconds(read, text)
            ratios[name].append(whole / yardstick)
            growths[name].append(whole / half)
    ordered = sorted(ratios, key=lambda name: statistics.median(ratios[name]), reverse=True)
    return Section(
        f"Hostile texts of {LONGEST // 1024} KB, as multiples of the 5 KB paste; growth from half the text",
        tuple(
            at_most(
                f"{name} (x{statistics.median(growths[name]):.1f})", ratios[name], _HOSTILE_TIMES
            )
            for name in ordered
        ),
    )


def _mails(read: Callable[[bytes], None], rounds: int, corpus: Path | None) -> Section:
    title = "Whole mails (.eml) from bytes"
    paths = sorted(corpus.glob("**/*.eml")) if corpus is not None else []
    if not paths:
        return Section(title, (Figure("not measured: no folder with .eml files (--corpus)", ""),))
    mails = [path.read_bytes() for path in paths]
    readers = {"Bouncedesk": read, "standard library, every part decoded": _decode_all}
    flufl = _flufl()
    if flufl is not None:
        readers["flufl.bounce"] = flufl.read
    took: dict[str, list[float]] = {name: [] for name in readers}
    for _ in range(rounds):
        for name, reader in readers.items():
            began = time.thread_time()
            for data in mails:
                reader(data)
            took[name].append(time.thread_time() - began)
    ours = took["Bouncedesk"]
    figures = [
        Figure(name, f"{len(mails) / statistics.median(seconds):.0f} mails/s")
        for name, seconds in took.items()
    ]
    figures += [
        Figure(
            f"mails/s, Bouncedesk / {name}",
            times([their / our for their, our in zip(theirs, ours, strict=True)]),
        )
        for name, theirs in took.items()
        if name != "Bouncedesk"
    ]
    if flufl is None:
        figures.append(Figure("flufl.bounce is not installed, and not compared", ""))
    elif flufl.failed:
        figures.append(Figure("mails on which flufl.bounce raises", str(len(flufl.failed))))
    return Section(f"{title}, {len(mails)} of them", tuple(figures))


def _decode_all(data: bytes) -> None:
    """Do the least that reading a mail takes with the standard library."""
    for part in email.message_from_bytes(data).walk():
        if not part.is_multipart():
            part.get_payload(decode=True)


def _flufl() -> _Flufl | None:
    """Return the detectors of flufl.bounce (Mailman's), where somebody has installed them."""
    try:
        module = importlib.import_module("flufl.bounce")
    except ImportError:
        return None
    logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)
    return _Flufl(module.all_failures)


class _Flufl:
    """Reads mails with flufl.bounce, and remembers those it fails on."""

    def __init__(self, all_failures: Callable[[Message], object]) -> None:
        self.failed: set[bytes] = set()
        self._all_failures = all_failures

    def read(self, data: bytes) -> None:
        """Read one mail."""
        try:
            self._all_failures(email.message_from_bytes(data))
        except Exception:  # noqa: BLE001 - its detectors raise anything; counted and shown
            self.failed.add(data)


def _milliseconds(read: Callable[[str], None], text: str) -> float:
    began = time.thread_time()
    read(text)
    return (time.thread_time() - began) * 1000
