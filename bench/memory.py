"""Memory of one process that lives long: after 10,000 turns, and after 100,000 turns over 10,000 conversations."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.identity import identity
from bench.processes import Broken, memory_bytes
from bench.report import Figure, Section, no_more
from bench.servers import OURS, Server, load, serve
from bench.turns import line

FEW, MANY = 10_000, 100_000
TARGET = 1.15

_EACH = 10
"""Turns of one conversation; so many people take turns that none of them is answered faster than the channel allows."""
_TOGETHER = 40
_REST = 3.0
"""Seconds after a run before the memory is read: what was sent is written down by then."""
_MOST_SECONDS = 1_800.0


def measure(*, flight: int) -> Section:
    """Run once. Raises Broken when a turn fails."""
    with ExitStack() as running, TemporaryDirectory(prefix="bouncedesk-bench-") as folder:
        server = serve(running, OURS, Path(folder), running.enter_context(identity()))
        at_start = _megabytes(server)
        after_few = _after(server, FEW, flight)
        after_many = _after(server, MANY - FEW, flight)
    if not at_start:
        return Section("Memory", (Figure("not known on this system", ""),))
    figures = (
        no_more(f"after {MANY:,} turns / after {FEW:,}", after_many / after_few, TARGET),
        Figure("at the start", f"{at_start:.1f} MiB"),
        Figure(f"after {FEW:,} turns, {FEW // _EACH:,} conversations", f"{after_few:.1f} MiB"),
        Figure(f"after {MANY:,} turns, {MANY // _EACH:,} conversations", f"{after_many:.1f} MiB"),
    )
    return Section("Memory of one process", figures)


def _after(server: Server, turns: int, flight: int) -> float:
    one = load(
        server,
        flight=flight,
        lead=0.0,
        seconds=_MOST_SECONDS,
        turns=turns,
        each=_EACH,
        together=_TOGETHER,
    )
    if one.failures:
        raise Broken("; ".join(one.failures))
    time.sleep(_REST)
    resident = _megabytes(server)
    print(f"  {one.sent:,} turns  {line(one)}  {resident:.1f} MiB", flush=True)
    return resident


def _megabytes(server: Server) -> float:
    return (memory_bytes(server.pid) or 0) / 1_048_576
