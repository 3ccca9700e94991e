"""A Debian that is installed once for all tests of this folder, and a machine that boots it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.connector import StubConnector, stub_connector
from tests.machine import debian


@pytest.fixture(scope="session")
def bookworm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install a Debian into a folder."""
    root = tmp_path_factory.mktemp("debian") / "root"
    debian.bookworm(root)
    return root


@pytest.fixture(scope="session")
def machine(bookworm: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[debian.Debian]:
    """Boot a machine."""
    folder = tmp_path_factory.mktemp("machine")
    debian.done("cp", "--archive", str(bookworm), str(folder / "root"))
    with debian.debian(folder / "root", folder / "boot.log") as booted:
        yield booted


@pytest.fixture(scope="session")
def stub() -> Iterator[StubConnector]:
    """Run the far end of Teams, on the network that both machines share."""
    with stub_connector() as running:
        yield running
