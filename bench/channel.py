"""The way to the channel: what a slow one costs, and how many connections and tokens a reply takes."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.identity import identity
from bench.load import Measured
from bench.processes import Broken
from bench.report import Figure, Section, at_least, no_more, times
from bench.servers import AGENTS, BARE, OURS, STOCK, STOCK_SIGNED, load, serve
from bench.turns import how_busy, in_round, ratios, summary

LATENCY = 0.2
FLIGHT = 64
TARGET_SLOW = 0.9
TARGET_CONNECTIONS = 1.0

_SECONDS = 15.0
"""For the connections: some ten thousand replies."""


def measure_slow(*, rounds: int, seconds: float) -> Section:
    """Measure with a connector that answers late. Raises Broken when a turn fails."""
    names = (OURS, STOCK, AGENTS, BARE)
    measured: dict[str, list[Measured]] = {name: [] for name in names}
    with ExitStack() as running, TemporaryDirectory(prefix="bouncedesk-bench-") as folder:
        known = running.enter_context(identity())
        servers = {name: serve(running, name, Path(folder), known) for name in names}
        for number in range(rounds):
            in_round(
                servers,
                number,
                flight=FLIGHT,
                seconds=seconds,
                measured=measured,
                latency=LATENCY,
                together=1,  # so slow a channel keeps one person below what it allows
            )
    ours = measured[OURS]
    figures = (
        at_least(f"turns/s, {OURS} / {BARE}", ratios(ours, measured[BARE]), TARGET_SLOW),
        *(
            Figure(f"turns/s, {name} / {BARE}", times(ratios(measured[name], measured[BARE])))
            for name in (STOCK, AGENTS)
        ),
        *(Figure(name, summary(runs)) for name, runs in measured.items()),
        *how_busy(measured),
    )
    return Section(
        f"A channel that answers after {LATENCY * 1000:.0f} ms, {FLIGHT} in flight", figures
    )


def measure_connections(*, flight: int) -> Section:
    """Count connections at the connector and purchases at the token endpoint. Raises Broken when a turn fails."""
    figures: list[Figure] = []
    with ExitStack() as running, TemporaryDirectory(prefix="bouncedesk-bench-") as folder:
        known = running.enter_context(identity())
        for name in (OURS, STOCK_SIGNED, AGENTS):
            with ExitStack() as alone:
                server = serve(alone, name, Path(folder), known)
                load(server, flight=flight, lead=0.5, seconds=1.0)
                before = known.counts()["token"]
                # The load is a new connector, to which the bot must connect: that is what the lead-in is for.
                one = load(
                    server, flight=flight, lead=2.0, seconds=_SECONDS if name == OURS else 3.0
                )
                bought = known.counts()["token"] - before
            if one.failures:
                raise Broken(f"{name}: {'; '.join(one.failures)}")
            connected = one.connections * 1_000 / one.turns
            bought_each = bought / one.sent
            if name == OURS:
                figures += [
                    no_more("new connections in 1,000 replies", connected, TARGET_CONNECTIONS),
                    no_more("tokens bought in a turn", bought_each, 0.0),
                    Figure("replies that were counted", f"{one.turns:,}"),
                    Figure("replies under a token", f"{one.shown:,} of {one.cards:,}"),
                ]
                if one.shown != one.cards:
                    raise Broken(f"{one.cards - one.shown} messages came without a token.")
            else:
                what = f"{name}: new connections in 1,000 replies"
                figures.append(Figure(what, f"{connected:.0f}"))
                figures += (
                    [Figure(f"{name}: tokens bought in a turn", f"{bought_each:.2f}")]
                    if name == STOCK_SIGNED
                    else []
                )
    return Section("Connections and tokens", tuple(figures))
