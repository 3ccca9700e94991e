"""What is run on the database: a turn pays for nothing that it does not need, and a search for no ticket that it does not show."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, create_engine, event

from bot.model.report import Failure
from bot.model.ticket import State, TicketEvent
from bot.ports import Listing, Unit
from bot.store.prepared import PreparedUnit
from bot.store.tables import metadata
from tests.contracts.samples import ADA, MINUTE, NOW, SECOND, draft, key, outcome, parcel, session

SIGNATURES = ("5.1.10@contoso.com", "5.1.10/mta.contoso.com")


class Watched:
    """A unit on a database whose statements are counted."""

    def __init__(self, connection: Connection, driver: sqlite3.Connection) -> None:
        """Count what reaches the driver, and what goes the long way to it."""
        self.all: list[str] = []
        self.long_way: list[str] = []
        self.unit = PreparedUnit(connection, driver, {})
        driver.set_trace_callback(self.all.append)
        event.listen(
            connection,
            "before_cursor_execute",
            lambda *values: self.long_way.append(values[2]),
        )

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Forget what was counted before."""
        self.all.clear()
        self.long_way.clear()
        yield

    @property
    def tables(self) -> set[str]:
        """The tables that were read or written."""
        named = (re.findall(r"(?:FROM|INTO|UPDATE) (\w+)", statement) for statement in self.all)
        return {table for tables in named for table in tables}


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    """A unit on an empty database."""
    engine = create_engine(f"sqlite:///{tmp_path / 'watched.sqlite3'}")
    with engine.connect() as connection:
        metadata.create_all(connection)
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        yield Watched(connection, driver)
    engine.dispose()


def turn(unit: Unit, activity: str) -> None:
    """Do what every turn does."""
    assert unit.answered(key(), activity) is None
    unit.session(key())
    unit.record_outcome(outcome(), NOW)
    unit.save_session(key(), session(), NOW)
    unit.remember(key(), activity, b"", NOW)
    unit.enqueue(parcel(), NOW, lease_until=NOW + MINUTE)


def test_an_ordinary_turn_does_not_know_of_the_queue(watched: Watched) -> None:
    """It runs seven statements, all the short way, on its own four tables."""
    turn(watched.unit, "first")
    again = PreparedUnit(watched.unit.connection, watched.unit._driver, {})  # noqa: SLF001 - the same connection
    with watched.counting():
        turn(again, "second")
    assert watched.tables == {"activities", "sessions", "outcomes", "parcels"}
    assert len([said for said in watched.all if not said.startswith("BEGIN")]) == 7
    assert watched.long_way == []


def test_a_pasted_bounce_pays_for_its_signatures_only(watched: Watched) -> None:
    """Asking whether it is known, and remembering it, goes the short way: a statement for each signature, and one that counts people."""
    unit = watched.unit
    unit.open_ticket(replace(draft("old"), signatures=SIGNATURES))
    with watched.counting():
        assert unit.alike(SIGNATURES, NOW + SECOND) == ()
        assert unit.sightings(SIGNATURES, NOW, "kari") == 0
        unit.record_sighting(SIGNATURES, "kari", NOW)
    assert len(watched.all) == 5
    assert watched.long_way == []


@pytest.mark.parametrize("size", [150, 1500])
@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("", Listing.CLOSED),
        ("p", Listing.RECENT),
        ("p", Listing.CLOSED),
        ("contoso.com", Listing.UNASSIGNED),
        ("kari 5.1.10 contoso.com", Listing.RECENT),
        ("kari nobody@nowhere", Listing.MINE),
        ("kari 5.1.10 p7", Listing.MINE),
    ],
)
def test_a_search_asks_as_much_of_many_tickets_as_of_few(
    watched: Watched, size: int, words: str, kind: Listing
) -> None:
    """However frequent its words are; and it reads no ticket that it does not show."""
    unit = watched.unit
    for number in range(size):
        sample = draft(f"t{number}", None)
        assert sample.report is not None
        failures = (Failure(f"p{number}@contoso.com", "5.1.10"),)
        opened = unit.open_ticket(
            replace(sample, report=replace(sample.report, failures=failures))
        )
        if number % 2:
            changed = replace(opened, state=State.CLOSED)
            unit.change_ticket(changed, TicketEvent(NOW, "closed", ADA))
    with watched.counting():
        found = unit.search(words, kind, ADA.key)
    assert len(found) <= 25
    assert len(watched.all) <= 25
    documents = [said for said in watched.all if "tickets.document" in said]
    assert len(documents) == (1 if found else 0)
