"""Start: from the start of the process until the first answer has reached the channel."""

from __future__ import annotations

import asyncio
import random
import statistics
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp

from bench.activities import JSON, Person, bounce
from bench.connector import Inbox, connector
from bench.processes import BOUNCEDESK, PYTHON, Broken, cores, free_port, start, stop
from bench.report import Figure, Section, at_most

TARGET = 2.5

_YARDSTICK = "import botbuilder.core, aiohttp.web"
_PATIENCE = 60.0
_POLL = 0.005


def measure(*, rounds: int) -> Section:
    """Start everything in turns, `rounds` times, and return the figures. Raises Broken."""
    bare: list[float] = []
    fresh: list[float] = []
    again: list[float] = []
    with TemporaryDirectory(prefix="bouncedesk-bench-") as folder:
        used = Path(folder) / "used"
        used.mkdir()
        # Twice before anything counts: compiled files, and the used data directory.
        for _ in range(2):
            _import(used)
            asyncio.run(_first_answer(used, "warm-up"))
        for number in range(rounds):
            new = Path(folder) / f"new-{number}"
            new.mkdir()
            bare.append(_import(used))
            again.append(asyncio.run(_first_answer(used, f"again-{number}")))
            fresh.append(asyncio.run(_first_answer(new, f"fresh-{number}")))
            print(
                f"  round {number + 1}  imports {bare[-1] * 1000:5.0f} ms  "
                f"existing data {again[-1] * 1000:5.0f} ms  fresh data {fresh[-1] * 1000:5.0f} ms",
                flush=True,
            )
    return Section(
        "Start, until the first card has reached the channel",
        (
            at_most("existing data directory / bare imports", _ratios(again, bare), TARGET),
            at_most("fresh data directory / bare imports", _ratios(fresh, bare), TARGET),
            Figure("existing data directory", _median(again)),
            Figure("fresh data directory", _median(fresh)),
            Figure(f"python -c '{_YARDSTICK}'", _median(bare)),
        ),
    )


def _import(cwd: Path) -> float:
    began = time.perf_counter()
    process = start([PYTHON, "-c", _YARDSTICK], cwd, on=cores()[0])
    if process.wait(timeout=_PATIENCE):
        raise Broken(f"{_YARDSTICK!r} failed.")
    return time.perf_counter() - began


async def _first_answer(data: Path, name: str) -> float:
    """Return the seconds until the bot, started on a data directory, has answered somebody it did not know."""
    inbox = Inbox()
    port = free_port()
    command = [BOUNCEDESK, "run", "--local", "--port", str(port), "--data", str(data)]
    async with connector(inbox) as (service_url, _), aiohttp.ClientSession() as session:
        person = Person(f"{name}-{port}", service_url)
        paste = bounce(random.Random(port))  # noqa: S311 - any bounce will do
        card = inbox.expect(person.conversation)
        began = time.perf_counter()
        process = start(command, data, on=cores()[0])
        try:
            async with asyncio.timeout(_PATIENCE):
                await _listening(process, port)
                url = f"http://127.0.0.1:{port}/api/messages"
                async with session.post(url, data=person.say(paste), headers=JSON) as response:
                    if response.status != 200:
                        raise Broken(f"The first activity was answered with {response.status}.")
                await card
                return time.perf_counter() - began
        except TimeoutError as error:
            raise Broken(f"No card came within {_PATIENCE:.0f} s of the start.") from error
        finally:
            stop(process)


async def _listening(process: subprocess.Popen[bytes], port: int) -> None:
    while True:
        with suppress(ConnectionRefusedError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        if process.poll() is not None:
            raise Broken(f"{process.args!r} ended with {process.returncode} before it listened.")
        await asyncio.sleep(_POLL)


def _ratios(ones: Sequence[float], others: Sequence[float]) -> list[float]:
    return [one / other for one, other in zip(ones, others, strict=True)]


def _median(seconds: Sequence[float]) -> str:
    return f"{statistics.median(seconds) * 1000:.0f} ms"
