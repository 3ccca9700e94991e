"""Copies of the database: made while people talk to the bot, and brought back elsewhere."""

from __future__ import annotations

import itertools
import json
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.store.whole import GAP
from tests.connector import stub_connector
from tests.crowd import Crowd
from tests.e2e.office import Office, bounce, helpdesk, text_of
from tests.e2e.program import bouncedesk, server
from tests.e2e.test_commands import open_ticket

Json = dict[str, Any]

FILE = "bouncedesk.sqlite3"

_BREATH = 1.5
"""Seconds between two tickets of one place: four places are as fast as Teams takes cards in one channel."""


def db(*arguments: str, code: int = 0, **settings: str) -> str:
    """Run `bouncedesk db …`; return what it said, where it ends with this code."""
    done = bouncedesk("db", *arguments, **settings)
    assert done.returncode == code, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def status(data: Path) -> Json:
    """Return how a database stands."""
    found: Json = json.loads(db("status", "--json", "--data", str(data)))
    return found


def numbers(data: Path) -> list[int]:
    """Return the numbers of all tickets, in order."""
    listed = bouncedesk(
        "tickets", "list", "--limit", "10000", "--json", "--data", str(data)
    ).stdout
    return sorted(json.loads(line)["number"] for line in listed.splitlines())


@contextmanager
def crowded(office: Office) -> Iterator[None]:
    """Have people ask for help in four places at once while the block lasts."""
    over = threading.Event()

    def keep_asking(place: int) -> None:
        for number in itertools.count():
            if over.wait(_BREATH):
                return
            office.asks_for_help(f"p{place}x{number}", f"customer{place}-{number}.example.com")

    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(keep_asking, place) for place in range(4)]
        try:
            yield
        finally:
            over.set()
            for one in asking:
                one.result()


def test_a_copy_made_under_load_goes_on_elsewhere(tmp_path: Path) -> None:
    """What was committed before it is in it, people go on where they were, numbers come once, and only the outbox is sent again."""
    here, there, copy = tmp_path / "here", tmp_path / "there", tmp_path / "copy"
    for folder in (here, there):
        folder.mkdir()
    with stub_connector() as connector:
        cards = Crowd(connector, []).cards
        settings = helpdesk(connector.service_url)
        with server(here, connector.service_url, **settings) as bot:
            office = Office(bot, connector)
            first = office.asks_for_help("ola", "fabrikam.com")
            office.says("nina", bounce("contoso.com"))
            with crowded(office):
                office.until(lambda: len(cards()) > 8)
                committed = set(numbers(here))
                db("backup", str(copy), "--data", str(here))
                reached = len(cards()) + 4
                office.until(lambda: len(cards()) > reached)
            last = status(here)["last_number"]
            bot.kill()

        db("restore", str(copy), "--data", str(there))
        kept = set(numbers(there))
        waiting = status(there)["unsent"]
        assert committed <= kept
        sent = cards()
        assert set(sent) - kept

        with server(there, connector.service_url, **settings) as bot:
            office.bot = bot
            office.settles()
            again = cards()
            assert set(again) == set(sent) | kept
            assert sum((again - sent).values()) <= waiting
            lost = max(set(sent) - kept)

            assert "Kari" in text_of(office.presses("kari", first, "claim"))
            assert "I don't find that ticket" in text_of(office.presses("per", lost, "claim"))
            for line in ("talk to a human", "send it"):
                office.says("nina", line)
            office.until(lambda: len(numbers(there)) == len(kept) + 1)
            office.settles()
            assert [text for text in office.notices("ola", first) if "Kari" in text]
            assert last < max(numbers(there)) == max(kept) + GAP + 1


def test_a_copy_is_one_file_that_only_its_owner_reads_and_that_nothing_overwrites(
    tmp_path: Path,
) -> None:
    """It has no log beside it, no name before it is whole, and stays as it is when another one is asked for."""
    data, copy = tmp_path / "data", tmp_path / "copies" / "one.sqlite3"
    copy.parent.mkdir()
    db("backup", str(copy), "--data", str(data), code=1)
    open_ticket(data)

    assert "1 ticket, the last is #1001" in db("backup", str(copy), "--data", str(data))
    assert [path.name for path in copy.parent.iterdir()] == ["one.sqlite3"]
    assert copy.stat().st_mode & 0o777 == 0o600
    was = copy.read_bytes()
    open_ticket(data, "Nina")
    assert "is there already" in db("backup", str(copy), "--data", str(data), code=1)
    assert copy.read_bytes() == was
    assert "No such file" in db(
        "backup", str(tmp_path / "none" / "x"), "--data", str(data), code=1
    )
    assert [path.name for path in copy.parent.iterdir()] == ["one.sqlite3"]


def test_what_cannot_be_restored_is_refused(tmp_path: Path) -> None:
    """Something else, something damaged, something newer; nothing is left behind."""
    data, there, copy = tmp_path / "data", tmp_path / "there", tmp_path / "copy"
    open_ticket(data)
    db("backup", str(copy), "--data", str(data))
    for name in ("text", "torn", "other", "newer"):
        shutil.copy(copy, tmp_path / name)
    (tmp_path / "text").write_text("no database at all" * 100)
    whole = bytearray(copy.read_bytes())
    whole[8192 : 4096 * 12] = b"\xff" * (4096 * 12 - 8192)
    (tmp_path / "torn").write_bytes(whole)
    with closing(sqlite3.connect(tmp_path / "other")) as other:
        other.executescript("DROP TABLE alembic_version")
    with closing(sqlite3.connect(tmp_path / "newer")) as newer:
        newer.executescript("UPDATE alembic_version SET version_num = '9999'")

    for name, why in (
        ("text", "is no backup"),
        ("torn", "malformed"),
        ("other", "is no backup"),
        ("newer", "newer version"),
        ("absent", "There is no file"),
    ):
        assert why in db("restore", str(tmp_path / name), "--data", str(there), code=1), name
    assert not list(there.iterdir())


def test_a_database_is_replaced_only_on_demand_and_kept(tmp_path: Path) -> None:
    """Without --replace nothing happens; with it the former one lies beside, and its last number counts."""
    data, copy = tmp_path / "data", tmp_path / "copy"
    open_ticket(data)
    db("backup", str(copy), "--data", str(data))
    open_ticket(data, "Nina")

    assert "--replace" in db("restore", str(copy), "--data", str(data), code=1)
    assert numbers(data) == [1001, 1002]
    assert "--replace" in db("restore", str(data / FILE), "--replace", "--data", str(data), code=1)
    said = db("restore", str(copy), "--replace", "--data", str(data))
    assert "The next ticket is #1003." in said
    assert numbers(data) == [1001]
    assert (data / FILE).stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(data / f"{FILE}.before-restore")) as former:
        assert former.execute("SELECT count(*) FROM tickets").fetchone() == (2,)
    open_ticket(data, "Per")
    assert numbers(data) == [1001, 1003]

    elsewhere = ("--data", str(tmp_path / "elsewhere"))
    assert "#4712." in db("restore", str(copy), "--last-number", "4711", *elsewhere)
    assert "#4712." in db("skip-numbers", "4000", *elsewhere)
    assert "#5001." in db("skip-numbers", "5000", *elsewhere)


def test_nothing_is_restored_or_taken_back_under_a_running_bot(tmp_path: Path) -> None:
    """It says so, and the bot goes on; once it is stopped, an older copy is restored and brought up to date."""
    data, copy = tmp_path / "data", tmp_path / "copy"
    open_ticket(data)
    db("backup", str(copy), "--data", str(data))
    with server(data, "http://127.0.0.1:9/") as bot:
        for command in (("restore", str(copy), "--replace"), ("downgrade", "0001")):
            assert "in use" in db(*command, "--data", str(data), code=1)
        assert bot.get("/readyz")[0] == 200
        assert status(data)["revision"] == "0002"

    assert "does not come before" in db("downgrade", "0002", "--data", str(data), code=1)
    assert "There is no revision 7" in db("downgrade", "7", "--data", str(data), code=1)
    db("downgrade", "0001", "--data", str(data))
    assert (status(data)["revision"], status(data)["tickets"]) == ("0001", 1)
    old = tmp_path / "old"
    db("backup", str(old), "--data", str(data))
    db("restore", str(old), "--data", str(tmp_path / "there"))
    assert numbers(tmp_path / "there") == [1001]
    assert status(tmp_path / "there")["revision"] == "0002"


@pytest.mark.parametrize("command", [("backup", "x"), ("restore", "x")])
def test_postgresql_has_programs_of_its_own(command: tuple[str, str]) -> None:
    """The command that does it is printed, without the password, which would stand in the list of processes."""
    url = (
        "postgresql+psycopg://bot:geheim@db.example.com:5433/desk?sslmode=require&password=geheim"
    )
    said = db(*command, code=1, DATABASE_URL=url)

    assert "pg_dump" in said or "pg_restore" in said
    assert "postgresql://bot@db.example.com:5433/desk?sslmode=require" in said
    assert "geheim" not in said


def test_status_makes_nothing_and_names_no_password(tmp_path: Path) -> None:
    """Looking at a database that is not there says so, and leaves it so."""
    data = tmp_path / "data"

    assert "There is no database" in db("status", "--data", str(data), code=1)
    assert not data.exists()
    url = "postgresql+psycopg://bot:geheim@127.0.0.1:9/desk"
    assert "geheim" not in db("status", code=1, DATABASE_URL=url)
