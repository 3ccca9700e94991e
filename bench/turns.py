"""Whole turns over HTTP: Bouncedesk and its peers, in turns on the same core."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.identity import identity
from bench.load import BUSY, TURNS, Measured
from bench.processes import Broken
from bench.report import Figure, Section, at_least, times
from bench.servers import (
    AGENTS,
    ALL,
    BARE,
    FRESH,
    LOCAL,
    OURS,
    STOCK,
    STOCK_SIGNED,
    Server,
    load,
    serve,
)

TARGET = 12.0
TARGET_AGENTS = 1.0
TARGET_BARE = 0.25

_MOVED = 0.9
"""Share of answers that must lead to another step: else it is not troubleshooting that was measured."""


def measure(*, rounds: int, seconds: float, flight: int) -> Section:
    """Run every round and return the figures. Raises Broken when a server does not start, or a turn fails."""
    measured: dict[str, list[Measured]] = {name: [] for name in ALL}
    with ExitStack() as running, TemporaryDirectory(prefix="bouncedesk-bench-") as folder:
        known = running.enter_context(identity())
        servers = {name: serve(running, name, Path(folder), known) for name in ALL}
        for server in servers.values():
            load(server, flight=flight, lead=0.5, seconds=1.5)
        for number in range(rounds):
            in_round(servers, number, flight=flight, seconds=seconds, measured=measured)
        bought = known.counts()["token"]
    return _section(measured, flight, bought)


def in_round(
    servers: Mapping[str, Server],
    number: int,
    *,
    flight: int,
    seconds: float,
    measured: Mapping[str, list[Measured]],
    **more: float,
) -> None:
    """Measure every server once, each round in another order; `more` is for `bench.load`. Raises Broken when a turn fails."""
    names = list(servers)
    turned = number % len(names)
    for name in names[turned:] + names[:turned]:
        one = load(servers[name], flight=flight, lead=0.5, seconds=seconds, kind=None, **more)
        if one.failures:
            raise Broken(f"{name}: {'; '.join(one.failures)}")
        measured[name].append(one)
        print(f"  round {number + 1}  {name:<34} {line(one)}", flush=True)


def line(one: Measured) -> str:
    """Return what one run came to."""
    server = (
        f"server {one.cpu_ms:5.2f} ms CPU a turn, {one.server_busy:4.0%} busy; "
        if one.cpu_ms
        else ""
    )
    slow = "  THE LOAD WAS TOO BUSY" if one.busy > BUSY else ""
    return (
        f"{one.rate:7.0f} turns/s  p50 {one.whole.p50:6.1f} ms  p99 {one.whole.p99:6.1f} ms  "
        f"{server}load {one.load_ms:4.2f} ms, {one.busy:4.0%}{slow}"
    )


def ratios(
    ones: Sequence[Measured],
    others: Sequence[Measured],
    of: Callable[[Measured], float | None] = lambda one: one.rate,
) -> list[float]:
    """Return how many times as much the ones have of something as the others, round by round."""
    pairs = [(of(one), of(other)) for one, other in zip(ones, others, strict=True)]
    return [one / other for one, other in pairs if one is not None and other]


def summary(runs: Sequence[Measured]) -> str:
    """Return the medians of some runs."""
    rate = statistics.median(one.rate for one in runs)
    p50 = statistics.median(one.whole.p50 for one in runs)
    p99 = statistics.median(one.whole.p99 for one in runs)
    cpu = [one.cpu_ms for one in runs if one.cpu_ms is not None]
    spent = f", CPU {statistics.median(cpu):.2f} ms a turn" if cpu else ""
    return f"{rate:.0f} turns/s, p50 {p50:.1f} ms, p99 {p99:.1f} ms{spent}"


def how_busy(measured: Mapping[str, Sequence[Measured]]) -> list[Figure]:
    """Return what the load cost, and the warning that belongs to a run in which it was what was measured."""
    worst = {name: max(runs, key=lambda one: one.busy) for name, runs in measured.items() if runs}
    name = max(worst, key=lambda name: worst[name].busy)
    said = f"{worst[name].busy:.0%} of its core, with {name}"
    figures = [
        Figure("load, at its busiest", said, f"<= {BUSY:.0%}", worst[name].busy <= BUSY),
        Figure(
            "load, CPU a turn",
            ", ".join(
                f"{statistics.median(one.load_ms for one in runs):.2f}"
                for runs in measured.values()
            )
            + " ms",
        ),
    ]
    full = [one.server_busy for runs in measured.values() for one in runs if one.server_busy]
    if full:
        figures.append(Figure("servers, share of their core", f"{min(full):.0%}-{max(full):.0%}"))
    return figures


def _section(measured: Mapping[str, Sequence[Measured]], flight: int, bought: int) -> Section:
    ours, stock, bare = measured[OURS], measured[STOCK], measured[BARE]
    walked = [one for name in (OURS, FRESH, LOCAL) for one in measured[name]]
    answers, moved = sum(one.answers for one in walked), sum(one.moved for one in walked)
    figures = [
        at_least(f"turns/s, {OURS} / {STOCK}", ratios(ours, stock), TARGET),
        at_least(f"turns/s, {OURS} / {AGENTS}", ratios(ours, measured[AGENTS]), TARGET_AGENTS),
        at_least(f"turns/s, {OURS} / {BARE}", ratios(ours, bare), TARGET_BARE),
        *(
            Figure(f"turns/s, {OURS} / {name}", times(ratios(ours, measured[name])))
            for name in (STOCK_SIGNED, LOCAL, FRESH)
        ),
        *(
            Figure(f"CPU a turn, {name} / {OURS}", times(saved))
            for name in (STOCK, AGENTS, BARE)
            if (saved := ratios(measured[name], ours, lambda one: one.cpu_ms))
        ),
        *(Figure(name, summary(runs)) for name, runs in measured.items()),
        *how_busy(measured),
        Figure("tokens bought from the token endpoint, by all servers", str(bought)),
        Figure("answers that led to another step", f"{moved} of {answers}"),
    ]
    broken: tuple[str, ...] = ()
    if moved < answers * _MOVED:
        broken = (f"Only {moved} of {answers} answers led to another step of the dialog.",)
    size = statistics.median(one.body_bytes for one in ours)
    title = (
        f"Whole turns over HTTP, {flight} in flight, {TURNS} turns a person, "
        f"requests of {size:.0f} bytes (median)"
    )
    return Section(title, tuple(figures), broken)
