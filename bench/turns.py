"""Whole turns over HTTP: Bouncedesk, the SDK's echo bot and bare aiohttp, in turns on the same core."""

from __future__ import annotations

import statistics
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from bench.load import TURNS, Kind, Measured
from bench.processes import BOUNCEDESK, PYTHON, ROOT, Broken, cores, free_port, pin, serving
from bench.report import Figure, Section, at_least, times

TARGET = 8.0

_OURS, _STOCK, _BARE = "Bouncedesk", "stock CloudAdapter", "bare aiohttp"
_MOVED = 0.9
"""Share of answers that must lead to another step: else it is not troubleshooting that was measured."""


class _Server(msgspec.Struct, frozen=True):
    kind: Kind
    url: str
    pid: int


def measure(*, rounds: int, seconds: float, flight: int) -> Section:
    """Run every round and return the figures. Raises Broken when a server does not start, or a turn fails."""
    measured: dict[str, list[Measured]] = {_OURS: [], _STOCK: [], _BARE: []}
    with ExitStack() as running, TemporaryDirectory(prefix="bouncedesk-bench-") as folder:
        servers = {name: _serve(running, name, Path(folder)) for name in measured}
        for server in servers.values():
            _load(server, flight=flight, lead=0.5, seconds=1.5)
        for number in range(rounds):
            names = list(servers)
            for name in names[number % 3 :] + names[: number % 3]:
                one = _load(servers[name], flight=flight, lead=0.5, seconds=seconds)
                if one.failures:
                    raise Broken(f"{name}: {'; '.join(one.failures)}")
                measured[name].append(one)
                print(f"  round {number + 1}  {name:<18} {_line(one)}", flush=True)
    return _section(measured, flight)


def _serve(running: ExitStack, name: str, folder: Path) -> _Server:
    port = free_port()
    if name == _OURS:
        command = [BOUNCEDESK, "run", "--local", "--port", str(port), "--data", str(folder)]
    else:
        module = "bench.stock_echo" if name == _STOCK else "bench.bare"
        command = [PYTHON, "-m", module, "--port", str(port)]
    process = running.enter_context(serving(command, port, folder, on=cores()[0]))
    kind: Kind = "bot" if name == _OURS else "echo"
    return _Server(kind, f"http://127.0.0.1:{port}/api/messages", process.pid)


def _load(server: _Server, *, flight: int, lead: float, seconds: float) -> Measured:
    command = [PYTHON, "-m", "bench.load", "--url", server.url, "--as", server.kind]
    command += ["--pid", str(server.pid), "--flight", str(flight)]
    command += ["--lead", str(lead), "--seconds", str(seconds)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as load:
        pin(load.pid, cores()[1])
        said, _ = load.communicate(timeout=lead + seconds + 120)
    if load.returncode:
        raise Broken(f"The load generator ended with {load.returncode}.")
    return msgspec.json.decode(said, type=Measured)


def _line(one: Measured) -> str:
    cpu = f"{one.cpu_ms:5.2f} ms CPU a turn" if one.cpu_ms is not None else ""
    return f"{one.rate:7.0f} turns/s  p50 {one.p50_ms:6.1f} ms  p99 {one.p99_ms:6.1f} ms  {cpu}"


def _section(measured: Mapping[str, Sequence[Measured]], flight: int) -> Section:
    ours, stock, bare = measured[_OURS], measured[_STOCK], measured[_BARE]
    answers, moved = sum(one.answers for one in ours), sum(one.moved for one in ours)
    figures = [
        at_least(f"turns/s, {_OURS} / {_STOCK}", _ratios(ours, stock), TARGET),
        Figure(f"turns/s, {_OURS} / {_BARE}", _percent(_ratios(ours, bare))),
        *_cpu_saved(ours, stock),
        *(Figure(name, _summary(runs)) for name, runs in measured.items()),
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


def _ratios(ones: Sequence[Measured], others: Sequence[Measured]) -> list[float]:
    return [one.rate / other.rate for one, other in zip(ones, others, strict=True)]


def _cpu_saved(ours: Sequence[Measured], stock: Sequence[Measured]) -> list[Figure]:
    """Return how much less processor time a turn takes: the ratio that other programs on the machine disturb least."""
    ratios = [
        other.cpu_ms / one.cpu_ms
        for one, other in zip(ours, stock, strict=True)
        if one.cpu_ms and other.cpu_ms
    ]
    return [Figure(f"CPU a turn, {_STOCK} / {_OURS}", times(ratios))] if ratios else []


def _percent(ratios: Sequence[float]) -> str:
    return f"{statistics.median(ratios):.0%} ({min(ratios):.0%}-{max(ratios):.0%})"


def _summary(runs: Sequence[Measured]) -> str:
    rate = statistics.median(one.rate for one in runs)
    p50 = statistics.median(one.p50_ms for one in runs)
    p99 = statistics.median(one.p99_ms for one in runs)
    cpu = [one.cpu_ms for one in runs if one.cpu_ms is not None]
    spent = f", CPU {statistics.median(cpu):.2f} ms a turn" if cpu else ""
    return f"{rate:.0f} turns/s, p50 {p50:.1f} ms, p99 {p99:.1f} ms{spent}"
