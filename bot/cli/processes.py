"""Several processes that serve one port: started, told, and started again when they die.

The kernel gives each connection to one of them (SO_REUSEPORT); they share the database and nothing else. The parent serves nobody. It
speaks to its members through their standard input, whose end they take for its own: nobody is left behind, however it ends.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import structlog

from bot.model.errors import SettingsError

log = structlog.get_logger("bouncedesk.processes")

MEMBER = "--member"
"""The option that makes a process one of several; its number follows."""
SERVING, RELOAD, STOP = b"serving", b"reload", b"stop"
"""What a member says once, and what it is told."""

_REFUSED = 2
"""Status of a process that cannot serve with these settings, this content or this database."""

_FIRST_WAIT, _LONGEST_WAIT = 0.2, 30.0
"""Seconds before a member that died is started again: twice as long each time, until one has lived."""
_LIVED = 60.0
"""Seconds after which a member has lived, and the next one need not wait."""

_PATIENCE = 60.0
"""Seconds for a member to end: its turns, and what it is sending, each with its own limit below."""


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Crew:
    """The members of one port, and their parent."""

    def __init__(
        self, command: Sequence[str], members: int, address: tuple[str, int], folder: Path
    ) -> None:
        """Take the command of a member (its number is added, and the port), how many, where they listen, and where metrics are kept."""
        self._command = tuple(command)
        self._members = range(1, members + 1)
        self._address = address
        self._folder = folder / f".metrics-{os.getpid()}"
        self._running: dict[int, Process] = {}
        self._stopping = asyncio.Event()
        self._refused = False
        self._failed = False

    async def serve(self, announce: Callable[[int], None]) -> int:
        """Serve until told to stop; return the exit status. Raises SettingsError when the port is taken.

        `announce` is called with the port once the first member serves.
        """
        with _reserved(self._address) as port:
            self._listen_to_signals()
            _sweep(self._folder.parent)
            self._folder.mkdir(parents=True)
            try:
                await self._serve(port, announce)
            finally:
                shutil.rmtree(self._folder, ignore_errors=True)
        if self._refused:
            return _REFUSED
        return 1 if self._failed else 0

    async def _serve(self, port: int, announce: Callable[[int], None]) -> None:
        # One first: it makes or migrates the database, and what keeps it from serving is said once.
        serving = asyncio.Event()
        kept = [asyncio.create_task(self._keep(self._members[0], port, serving))]
        first = asyncio.create_task(serving.wait())
        await asyncio.wait((first, kept[0]), return_when=asyncio.FIRST_COMPLETED)
        first.cancel()
        if serving.is_set() and not self._stopping.is_set():
            announce(port)
            kept += [
                asyncio.create_task(self._keep(number, port, asyncio.Event()))
                for number in self._members[1:]
            ]
        await asyncio.gather(*kept)

    async def _keep(self, number: int, port: int, serving: asyncio.Event) -> None:
        """Keep one member alive until all are to stop."""
        wait = _FIRST_WAIT
        while not self._stopping.is_set():
            began = time.monotonic()
            process = await self._start(number, port)
            status = await self._follow(process, serving)
            del self._running[number]
            self._bury(process.pid)
            if self._stopping.is_set():
                self._failed |= status != 0
                return
            if status == _REFUSED and not serving.is_set():
                self._refused = True
                self._stop()
                return
            if time.monotonic() - began > _LIVED:
                wait = _FIRST_WAIT
            log.error("process-died", process=number, status=status, again_in=wait)
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._stopping.wait()
            wait = min(wait * 2, _LONGEST_WAIT)

    async def _start(self, number: int, port: int) -> Process:
        process = await asyncio.create_subprocess_exec(
            *self._command,
            str(number),
            "--port",
            str(port),
            stdin=PIPE,
            stdout=PIPE,
            env=dict(os.environ) | {"PROMETHEUS_MULTIPROC_DIR": str(self._folder)},
            start_new_session=True,  # a key pressed in the terminal is the parent's to hear
        )
        self._running[number] = process
        log.info("process-started", process=number, pid=process.pid)
        if self._stopping.is_set():  # told while it was started
            _tell(process, STOP)
        return process

    async def _follow(self, process: Process, serving: asyncio.Event) -> int:
        """Wait for the end of a member; return its status. Notes when it serves, and passes on what else it says."""
        while process.stdout is not None and (line := await process.stdout.readline()):
            if line.rstrip() == SERVING:
                serving.set()
            else:
                sys.stdout.buffer.write(line)
                sys.stdout.buffer.flush()
        return await process.wait()

    def _bury(self, pid: int) -> None:
        """Take a dead member out of the metrics, as far as they are about the living; its counts stay."""
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(pid, str(self._folder))  # type: ignore[no-untyped-call]

    # ------------------------------------------------------------------------------------------------- being told

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._end, number)
        loop.add_signal_handler(signal.SIGHUP, self._reload)

    def _end(self, number: signal.Signals) -> None:
        """Stop in order; when told again, at once."""
        if not self._stopping.is_set():
            self._stop()
            return
        self._kill()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def _stop(self) -> None:
        self._stopping.set()
        for process in self._running.values():
            _tell(process, STOP)
        asyncio.get_running_loop().call_later(_PATIENCE, self._kill)

    def _reload(self) -> None:
        for process in self._running.values():
            _tell(process, RELOAD)

    def _kill(self) -> None:
        for process in self._running.values():
            with suppress(ProcessLookupError):
                process.kill()


@contextmanager
def _reserved(address: tuple[str, int]) -> Iterator[int]:
    """Hold a port while the block lasts, so that all members get the same one. Yields it; raises SettingsError when it is taken."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            held.bind(address)
        except OSError as error:
            raise SettingsError(f"Port {address[1]}: {error.strerror}.") from error
        port: int = held.getsockname()[1]
        yield port


def _tell(process: Process, word: bytes) -> None:
    if process.stdin is not None and not process.stdin.is_closing():
        process.stdin.write(word + b"\n")


def _sweep(folder: Path) -> None:
    """Remove the metrics of parents that are no more."""
    for left in folder.glob(".metrics-*"):
        pid = left.name.rpartition("-")[2]
        if pid == str(os.getpid()) or not (pid.isdigit() and _is_alive(int(pid))):
            shutil.rmtree(left, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
