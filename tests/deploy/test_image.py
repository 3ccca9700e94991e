"""The Containerfile, carried out step by step without an engine: what it copies, what it runs, and what comes out.

`make test-deploy` builds and runs the image itself, with Buildah and Podman.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.settings import Settings
from tests.e2e.program import free_port, wait_until

REPOSITORY = Path(__file__).resolve().parents[2]
PLACE = "/opt/bouncedesk"
INSTRUCTIONS = {
    *("ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "RUN"),
    *("STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
}


@dataclass
class Stage:
    """A stage of the build: its instructions in order."""

    base: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def all(self, name: str) -> list[str]:
        """Return what stands behind an instruction, each time."""
        return [rest for instruction, rest in self.steps if instruction == name]

    def only(self, name: str) -> str:
        """Return what stands behind an instruction that is there once."""
        [rest] = self.all(name)
        return rest

    @property
    def environment(self) -> dict[str, str]:
        """Return what ENV sets, in its order."""
        return dict(pair.split("=", 1) for rest in self.all("ENV") for pair in shlex.split(rest))


def stages() -> list[Stage]:
    """Read the Containerfile. Fails at an instruction that is none."""
    text = (REPOSITORY / "Containerfile").read_text(encoding="utf-8")
    kept = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    found: list[Stage] = []
    for line in re.sub(r"\\\n\s*", " ", kept).splitlines():
        if not line.strip():
            continue
        instruction, _, rest = line.strip().partition(" ")
        assert instruction in INSTRUCTIONS, line
        if instruction == "FROM":
            found.append(Stage(rest))
        elif found:
            found[-1].steps.append((instruction, rest.strip()))
    return found


def allowed(path: str) -> bool:
    """Tell whether .containerignore lets a file into the build. The last pattern that fits decides, as engines do it."""
    inside = True
    for line in (REPOSITORY / ".containerignore").read_text(encoding="utf-8").splitlines():
        pattern = line.strip()
        if not pattern or pattern.startswith("#"):
            continue
        wanted = pattern.startswith("!")
        pattern = pattern.lstrip("!").lstrip("/")
        parts = path.split("/")
        anywhere = pattern.removeprefix("**/")
        fits = (
            any(fnmatch.fnmatch(part, anywhere) for part in parts)
            if anywhere != pattern
            else any(
                fnmatch.fnmatch("/".join(parts[:n]), pattern) for n in range(1, len(parts) + 1)
            )
        )
        if fits:
            inside = wanted
    return inside


def test_nothing_private_can_get_into_the_image() -> None:
    """Secrets, databases, history and tests stay outside; what is built from is inside."""
    for path in (".env", ".git/config", "data/bouncedesk.sqlite3", "tests/conftest.py", ".venv/bin/python",
                 "manifest/bouncedesk.zip", "bot/__pycache__/x.cpython-311.pyc", "deploy/bouncedesk.env"):  # fmt: skip
        assert not allowed(path), path
    for path in ("pyproject.toml", "requirements.lock", "LICENSE", "bot/__main__.py", "dialogs/shared/en.yaml",
                 "manifest/manifest.json"):  # fmt: skip
        assert allowed(path), path
    assert not re.search(
        r"password|secret|token", (REPOSITORY / "Containerfile").read_text(), re.IGNORECASE
    )


def test_the_image_runs_as_nobody_and_stops_politely() -> None:
    """A numeric user, a volume for the data, the port of the settings, a health check without a shell, the signal that the bot awaits."""
    build, run = stages()

    assert build.base.startswith("${PYTHON}")
    assert run.base == "${PYTHON}"
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", run.only("USER"))
    assert run.environment["BOUNCEDESK_DATA"] == run.only("VOLUME") == run.only("WORKDIR")
    port = str(Settings.model_fields["port"].default)
    assert run.only("EXPOSE") == run.environment["BOUNCEDESK_PORT"] == port
    assert signal.Signals[run.only("STOPSIGNAL")] is signal.SIGTERM
    assert json.loads(run.only("ENTRYPOINT")) == ["bouncedesk"]
    assert json.loads(run.only("CMD")) == ["run"]
    for name in run.environment:
        field_name = name.removeprefix("BOUNCEDESK_").lower()
        assert name == "PATH" or name.startswith("PYTHON") or field_name in Settings.model_fields
    assert "org.opencontainers.image.licenses" in run.only("LABEL")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Carry out the first stage in a folder, which stands for the root of the file system; return the folder."""
    root = tmp_path_factory.mktemp("image")
    stage = stages()[0]
    here = root / stage.only("WORKDIR").lstrip("/")
    (root / "opt").mkdir()
    here.mkdir()
    clean = {
        name: os.environ[name]
        for name in os.environ
        if name.startswith(("PATH", "PIP_", "SSL_", "LANG"))
    }
    for instruction, rest in stage.steps:
        if instruction == "COPY":
            *sources, target = shlex.split(rest)
            for source in sources:
                _copy(source, here / target, into=target.endswith("/"))
        elif instruction == "RUN":
            script = rest.replace(PLACE, str(root / PLACE.lstrip("/"))).replace(
                "python3 -m venv", f"{sys.executable} -m venv"
            )
            done = subprocess.run(
                ["sh", "-ec", script], cwd=here, env=clean | stage.environment | {"HOME": str(root)},
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout
    shutil.rmtree(here)  # the second stage does not have it
    return root


def _copy(source: str, target: Path, *, into: bool) -> None:
    """Copy a file or a folder of the repository as COPY does, without what .containerignore keeps out."""
    origin = REPOSITORY / source
    if origin.is_file():
        assert allowed(source)
        shutil.copy(origin, target / source if into else target)
        return
    for file in origin.rglob("*"):
        name = file.relative_to(REPOSITORY).as_posix()
        if file.is_file() and allowed(name):
            place = target / file.relative_to(origin)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, place)


def test_the_installed_program_answers_and_writes_only_its_data(
    built: Path, tmp_path: Path
) -> None:
    """With the image's variables and no HOME it serves from what was installed, passes the health check, and stops when told."""
    run = stages()[1]
    place, data, scratch = built / PLACE.lstrip("/"), tmp_path / "data", tmp_path / "tmp"
    data.mkdir()
    scratch.mkdir()
    variables = {
        name: value.replace(PLACE, str(place)).replace("$PATH", os.environ["PATH"])
        for name, value in run.environment.items()
    } | {"BOUNCEDESK_DATA": str(data), "BOUNCEDESK_PORT": str(free_port()), "TMPDIR": str(scratch)}
    origin = f"http://127.0.0.1:{variables['BOUNCEDESK_PORT']}"
    before = _state(built)
    with _running(
        [*json.loads(run.only("ENTRYPOINT")), *json.loads(run.only("CMD")), "--local"],
        data,
        variables,
    ) as process:
        wait_until(lambda: _healthy(run, data, variables), 30)
        with urllib.request.urlopen(f"{origin}/readyz", timeout=10) as answer:  # noqa: S310 - our own address
            assert json.load(answer)["status"] == "ready"
        process.send_signal(signal.Signals[run.only("STOPSIGNAL")])
        assert process.wait(timeout=15) == 0
    assert not _healthy(run, data, variables)
    assert _state(built) == before
    assert not list(scratch.iterdir())
    assert (data / "bouncedesk.sqlite3").is_file()
    for gone in ("pip", "hatchling"):
        assert not list(place.glob(f"lib/python*/site-packages/{gone}"))
    lint = subprocess.run(
        [place / "bin" / "bouncedesk", "lint"],
        env=variables,
        cwd=data,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "0 errors" in lint.stdout


@contextmanager
def _running(
    command: list[str], folder: Path, variables: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program of the image while the block lasts."""
    program = shutil.which(command[0], path=variables["PATH"])
    assert program is not None
    process = subprocess.Popen([program, *command[1:]], cwd=folder, env=variables)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _healthy(run: Stage, folder: Path, variables: Mapping[str, str]) -> bool:
    """Do the health check as an engine does."""
    _, _, check = run.only("HEALTHCHECK").partition("CMD ")
    command = json.loads(check)
    program = shutil.which(command[0], path=variables["PATH"])
    assert program is not None
    return not subprocess.run(
        [program, *command[1:]], cwd=folder, env=variables, stderr=subprocess.DEVNULL, check=False
    ).returncode


def _state(folder: Path) -> dict[str, tuple[int, int]]:
    """Return what there is in a folder, and when each thing changed."""
    return {
        str(path): (status.st_mtime_ns, status.st_size)
        for path in folder.rglob("*")
        for status in [path.lstat()]
    }
