"""A Debian machine with systemd of its own, booted in a container on this one. It shares this machine's network, and nothing else.

Needs root and Debian's packages debootstrap and systemd-container, which are installed if they are missing.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PACKAGES = "systemd,systemd-sysv,dbus,libnss-systemd,python3,python3-venv,ca-certificates,nginx-light,haproxy,openssl"
_BOOTS_WITHIN = 60.0
REPOSITORY = Path(__file__).resolve().parents[2]
_SOURCE = (
    "LICENSE",
    "bot",
    "deploy",
    "dialogs",
    "manifest",
    "pyproject.toml",
    "requirements.lock",
)
_NOT_OURS = shutil.ignore_patterns("__pycache__")


class Debian:
    """A machine that runs."""

    def __init__(self, root: Path, process: subprocess.Popen[str], leader: int) -> None:
        """Take its file system, the container it is in, and its first process."""
        self.root = root
        self.process = process
        self._leader = leader

    def run(self, script: str, *, check: bool = True) -> str:
        """Run a script as root; return what it wrote. Fails with all of it where the script does, unless told not to check."""
        done = self._done(script)
        if check and done.returncode:
            raise AssertionError(
                done.stdout + self._done("journalctl --no-pager --lines=40").stdout
            )
        return done.stdout

    def _done(self, script: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [
                *("nsenter", "--target", str(self._leader)),
                *("--mount", "--uts", "--ipc", "--pid", "--root", "--wd"),
                *(
                    "env",
                    "--ignore-environment",
                    "PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
                ),
                *("HOME=/root", "LC_ALL=C.UTF-8", "PIP_NO_INDEX=1", "PIP_FIND_LINKS=/wheels"),
                *("bash", "-c", script),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )


def install(*packages: str) -> None:
    """Install Debian's packages on this machine, those that are missing."""
    missing = [name for name in packages if not Path(f"/usr/share/doc/{name}").is_dir()]
    if missing:
        done("apt-get", "update", "--quiet")
        done("apt-get", "install", "--yes", "--no-install-recommends", *missing)


def bookworm(root: Path) -> None:
    """Install a Debian 12 with what the guides install, into a folder."""
    install("debootstrap")
    done("debootstrap", "--variant=minbase", f"--include={_PACKAGES}", "bookworm", str(root))


@contextmanager
def debian(root: Path, log: Path) -> Iterator[Debian]:
    """Put the repository's source on an installed machine, boot it, and switch it off at the end."""
    install("systemd-container")
    _fetch(root)
    with log.open("wb") as written:
        process = subprocess.Popen(
            [
                *("systemd-nspawn", "--quiet", "--register=no", "--keep-unit"),
                *("--console=pipe", f"--directory={root}", "--boot"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=written,
            text=True,
        )
        try:
            yield _booted(root, process, log)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


def _fetch(root: Path) -> None:
    """Put the source there, and the packages of the lock: the way to their index is this machine's own."""
    source = root / "usr/local/src/bouncedesk"
    source.mkdir(parents=True)
    for name in _SOURCE:
        if (REPOSITORY / name).is_dir():
            shutil.copytree(REPOSITORY / name, source / name, ignore=_NOT_OURS)
        else:
            shutil.copy(REPOSITORY / name, source / name)
    done(
        *(sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes"),
        *("--only-binary", ":all:", "--python-version", "3.11"),
        *("--requirement", str(REPOSITORY / "requirements.lock"), "--dest", str(root / "wheels")),
    )


def _booted(root: Path, process: subprocess.Popen[str], log: Path) -> Debian:
    deadline = time.monotonic() + _BOOTS_WITHIN
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text(errors="replace")
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        for child in children:
            machine = Debian(root, process, int(child))
            state = machine.run("systemctl is-system-running", check=False).strip()
            if state in {"running", "degraded"}:
                return machine
        time.sleep(0.5)
    raise AssertionError(log.read_text(errors="replace"))


def done(*command: str, **variables: str) -> str:
    """Run a command to its end; return what it wrote. Fails with that where the command does."""
    ended = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"} | variables,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout
    return ended.stdout
