"""The image, built by Buildah from the Containerfile and run by Podman as the guide says. Debian's Python stands in for the base image."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.program import free_port, wait_until
from tests.machine import debian

BASE = "localhost/bouncedesk-test/python:stand-in"
IMAGE = "localhost/bouncedesk-test/bouncedesk:built"

_CERTIFICATES = "/etc/ssl/certs"

# Podman's runtime refuses a mixture of both control group hierarchies; here it shall manage none.
_ALONE = """
if mountpoint -q /sys/fs/cgroup/unified; then umount /sys/fs/cgroup/unified; fi
exec podman --cgroup-manager cgroupfs "$@"
"""


def podman(*arguments: str) -> str:
    """Run Podman to its end; return what it wrote."""
    return debian.done("unshare", "--mount", "sh", "-c", _ALONE, "podman", *arguments)


@pytest.fixture(scope="module")
def image(bookworm: Path) -> Iterator[str]:
    """Build the image; return its name."""
    debian.install("buildah", "podman", "crun")
    pack = f"tar --create --directory={bookworm} . | podman import --change 'ENV PATH=/usr/local/bin:/usr/bin:/bin' - {BASE}-bare"
    debian.done("sh", "-c", pack)
    link = f"FROM {BASE}-bare\nRUN ln -s /usr/bin/python3 /usr/local/bin/python\n"
    isolated = {"BUILDAH_ISOLATION": "chroot"}
    build = ("buildah", "build", "--format", "docker", "--network", "host")
    with_file = subprocess.run(
        [*build, "--isolation", "chroot", "--tag", BASE, "-"],
        input=link, text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert with_file.returncode == 0, with_file.stderr
    trusted = ("--volume", f"{_CERTIFICATES}:{_CERTIFICATES}:ro")
    where = ("--file", str(debian.REPOSITORY / "Containerfile"), str(debian.REPOSITORY))
    base = ("--build-arg", f"PYTHON={BASE}")
    debian.done(*build, *trusted, *base, "--tag", IMAGE, *where, **isolated)
    yield IMAGE
    podman("rmi", "--force", IMAGE, BASE, f"{BASE}-bare")


def test_it_is_made_as_the_file_says(image: str) -> None:
    """User, entry point, volume, signal and health check are in the image, and nothing secret."""
    [inspected] = json.loads(podman("inspect", image))
    configuration = inspected["Config"]

    assert configuration["User"] == "10001:10001"
    assert configuration["Entrypoint"] == ["bouncedesk"]
    assert configuration["Cmd"] == ["run"]
    assert list(configuration["Volumes"]) == ["/data"]
    assert configuration["StopSignal"] == "SIGTERM"
    assert inspected["Labels"]["org.opencontainers.image.title"] == "Bouncedesk"
    assert "/healthz" in json.dumps(inspected["Healthcheck"])
    assert not [one for one in configuration["Env"] if "PASSWORD" in one or "SECRET" in one]


def test_it_runs_without_rights_on_a_root_that_cannot_be_written(image: str) -> None:
    """As nobody, with no capability, it serves, writes its data, answers its own health check, makes a copy, and stops in time."""
    name, port = "bouncedesk-test", free_port()
    volume = f"{name}-data"
    options = (
        *("--name", name, "--network", "host", "--cgroups=disabled", "--no-healthcheck"),
        *("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"),
        *("--read-only", "--read-only-tmpfs=false", "--tmpfs", "/tmp"),
        *("--cap-drop", "all", "--security-opt", "no-new-privileges"),
        *("--env", f"BOUNCEDESK_PORT={port}", "--volume", f"{volume}:/data"),
    )
    try:
        podman("run", "--detach", *options, image, "run", "--local")
        wait_until(lambda: _alive(port), 30)
        [built] = json.loads(podman("inspect", image))
        check = built["Healthcheck"]["Test"]
        assert check[0] == "CMD"
        podman("exec", name, *check[1:])
        assert podman("exec", name, "id", "-u").strip() == "10001"
        podman("exec", name, "sh", "-c", "! touch /opt/bouncedesk/x && ! touch /x 2>/dev/null")
        assert "Tables: 0" in podman("exec", name, "bouncedesk", "db", "status")
        assert "Wrote" in podman("exec", name, "bouncedesk", "db", "backup", "/data/copy.sqlite3")
        files = podman("exec", name, "sh", "-c", "ls -A /tmp; ls /data").split()
        assert set(files) >= {"bouncedesk.sqlite3", "copy.sqlite3"}
        assert all(file.startswith(("bouncedesk.sqlite3", "copy.sqlite3")) for file in files)
        began = time.monotonic()
        podman("stop", "--time", "20", name)
        assert time.monotonic() - began < 15
        [inspected] = json.loads(podman("inspect", name))
        assert inspected["State"]["ExitCode"] == 0
    finally:
        podman("rm", "--force", "--volumes", name)
        podman("volume", "rm", "--force", volume)


def _alive(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
