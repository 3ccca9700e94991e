"""The programs that are measured: started on one core, watched, and stopped again."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
BOUNCEDESK = str(Path(sys.executable).with_name("bouncedesk"))

LOG = "server.log"

_READY_SECONDS = 60.0
_STOP_SECONDS = 15.0


class Broken(Exception):
    """Something failed that is not a matter of speed."""


def cores() -> tuple[set[int], set[int]]:
    """Return the cores of what is measured and of everything else; both empty where a process cannot be pinned."""
    if not hasattr(os, "sched_getaffinity"):
        return set(), set()
    every = sorted(os.sched_getaffinity(0))
    return ({every[0]}, set(every[1:])) if len(every) > 1 else (set(), set())


def pin(pid: int, to: set[int]) -> None:
    """Keep a process on some cores (0: this one); does nothing where that is not possible."""
    if to and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(pid, to)


def cpu_seconds(pid: int) -> float | None:
    """Return the processor time a process has used, all its threads together; None where the system does not tell."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    after_name = stat.rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def memory_bytes(pid: int) -> int | None:
    """Return the memory of a process that is resident; None where the system does not tell."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    except OSError:
        return None
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment() -> dict[str, str]:
    """Return this environment without the settings of an installation, and with limits that no crowd of one tenant reaches."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith("BOUNCEDESK_")
    }
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), kept.get("PYTHONPATH"))))
    return kept | {"BOUNCEDESK_TENANT_TURNS": "1000000"}


def start(
    command: Sequence[str],
    cwd: Path,
    *,
    on: set[int],
    settings: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program on some cores, in a folder without anybody's `.env`. What it says on stderr goes into `LOG` there."""
    with (cwd / LOG).open("ab") as log:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=environment() | dict(settings or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
        )
    pin(process.pid, on)
    return process


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ask a program to end, and end it if it does not."""
    process.terminate()
    try:
        process.wait(timeout=_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def serving(
    command: Sequence[str],
    port: int,
    cwd: Path,
    *,
    on: set[int],
    settings: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server while the block lasts; it is there once `GET /healthz` answers. Raises Broken when it never does."""
    process = start(command, cwd, on=on, settings=settings)
    try:
        try:
            _await_health(process, port)
        except Broken as broken:
            said = (cwd / LOG).read_text(encoding="utf-8", errors="replace")[-2_000:]
            raise Broken(f"{broken} It said: {said}") from broken
        yield process
    finally:
        stop(process)


def _await_health(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise Broken(f"{process.args!r} ended with {process.returncode} before it answered.")
        with suppress(urllib.error.URLError, OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2).close()
            return
        time.sleep(0.05)
    raise Broken(f"{process.args!r} did not answer within {_READY_SECONDS:.0f} s.")
