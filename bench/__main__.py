"""Measure everything: ratios from one run on one machine. Slow is a figure, never a failure; only what broke ends with 1.

python -m bench [--only turns slow-channel connections stalls memory invokes reading start queue notices instances]
                [--rounds 5] [--seconds 3] [--flight 16] [--corpus DIR] [--json FILE]
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from bench import (
    channel,
    instances,
    invokes,
    memory,
    notices,
    queue,
    reading,
    stalls,
    start,
    turns,
)
from bench.processes import ROOT, Broken, cores, pin
from bench.report import Section, table

_PARTS = (
    "turns",
    "slow-channel",
    "connections",
    "stalls",
    "memory",
    "invokes",
    "reading",
    "start",
    "queue",
    "notices",
    "instances",
)
_QUIET = 0.5
_BUSY = " Other programs are running: expect wide ranges, and less of turns/s than of CPU a turn."


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure Bouncedesk.")
    parser.add_argument("--only", nargs="+", choices=_PARTS, default=list(_PARTS))
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds")
    parser.add_argument("--seconds", type=float, default=3.0, help="for each server in a round")
    parser.add_argument("--flight", type=int, default=16, help="turns in flight")
    parser.add_argument(
        "--corpus",
        type=Path,
        default=ROOT.parent / "shared" / "corpus",
        help="folder with .eml files, where there is one",
    )
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    return parser.parse_args()


def main() -> int:
    """Run the parts that are asked for; return 1 when something broke."""
    given = _arguments()
    measured, rest = cores()
    print(f"Measured on {_named(measured)}; everything else on {_named(rest)}.")
    load = os.getloadavg()[0]
    print(f"Load average before: {load:.1f}.{_BUSY if load > _QUIET else ''}", flush=True)
    pin(0, rest)
    parts: dict[str, Callable[[], Sequence[Section]]] = {
        "turns": lambda: [
            turns.measure(rounds=given.rounds, seconds=given.seconds, flight=given.flight)
        ],
        "slow-channel": lambda: [channel.measure_slow(rounds=given.rounds, seconds=given.seconds)],
        "connections": lambda: [channel.measure_connections(flight=given.flight)],
        "stalls": lambda: [stalls.measure(flight=given.flight)],
        "memory": lambda: [memory.measure(flight=given.flight)],
        "invokes": lambda: [
            invokes.measure(rounds=given.rounds, seconds=given.seconds, flight=given.flight)
        ],
        "reading": lambda: reading.measure(rounds=given.rounds, corpus=given.corpus),
        "start": lambda: [start.measure(rounds=given.rounds)],
        "queue": lambda: [queue.measure(rounds=given.rounds)],
        "notices": lambda: [notices.measure()],
        "instances": lambda: [
            instances.measure(rounds=given.rounds, seconds=given.seconds, flight=given.flight)
        ],
    }
    sections: list[Section] = []
    for name in given.only:
        print(f"\n{name} …", flush=True)
        try:
            sections += parts[name]()
        except Broken as error:
            sections.append(Section(name, (), (str(error),)))
    print(table(sections))
    if given.json:
        given.json.write_bytes(msgspec.json.format(msgspec.json.encode(sections)))
    return 1 if any(section.broken for section in sections) else 0


def _named(which: set[int]) -> str:
    return f"core {', '.join(map(str, sorted(which)))}" if which else "any core"


if __name__ == "__main__":
    sys.exit(main())
