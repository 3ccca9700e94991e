"""One transaction, whole or not at all, whatever breaks."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
from functools import partial

import pytest

from bot.model.errors import StoreError, StoreUnavailable, TransitionRefused
from bot.model.ids import TicketId
from bot.ports import SessionKey, Unit, WholeStore
from bot.store import open_store
from tests.contracts.conftest import Database
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


async def test_what_a_work_returns_comes_back(store: WholeStore) -> None:
    """The result passes through as it is."""
    result = object()
    assert await store.run(lambda _unit: result) is result


async def test_what_a_work_raises_comes_through_and_nothing_is_written(store: WholeStore) -> None:
    """The very exception, and no trace in any table."""
    refusal = TransitionRefused("no")

    def work(unit: Unit) -> None:
        everything(unit)
        raise refusal

    with pytest.raises(TransitionRefused) as caught:
        await store.run(work)
    assert caught.value is refusal
    assert await store.run(nothing_is_there)


async def test_a_failure_takes_nobody_with_it(store: WholeStore) -> None:
    """Of works that run at the same time, those that fail are rolled back and the others are committed."""

    def work(unit: Unit, n: int) -> int:
        unit.save_session(key(f"user-{n}"), session(n), NOW)
        if n % 3 == 0:
            raise TransitionRefused(str(n))
        return n

    results = await asyncio.gather(
        *(store.run(partial(work, n=n)) for n in range(12)), return_exceptions=True
    )
    for n, result in enumerate(results):
        stored = await store.run(partial(_session, of=key(f"user-{n}")))
        if n % 3 == 0:
            assert isinstance(result, TransitionRefused)
            assert stored is None
        else:
            assert result == n
            assert stored == session(n)


async def test_a_mistake_in_a_work_takes_nobody_with_it(store: WholeStore) -> None:
    """A statement that the database refuses rolls back its own work only."""

    def broken(unit: Unit) -> None:
        unit.save_session(key("broken"), session(), NOW)
        unit.save_session(key("broken\udc80"), session(), NOW)

    results = await asyncio.gather(
        store.run(lambda unit: unit.save_session(key("a"), session(1), NOW)),
        store.run(broken),
        store.run(lambda unit: unit.save_session(key("b"), session(2), NOW)),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [type(None), UnicodeEncodeError, type(None)]
    assert await store.run(lambda unit: unit.session(key("broken"))) is None
    assert await store.run(lambda unit: unit.session(key("b"))) == session(2)


async def test_a_store_works_for_several_event_loops(database: Database) -> None:
    """Nothing is tied to the loop that opened it: each test, and each command, has its own."""
    store = database.open()
    results: list[int] = []

    def elsewhere() -> None:
        ticket = asyncio.run(store.run(lambda unit: unit.open_ticket(draft())))
        results.append(ticket.number)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    await asyncio.to_thread(thread.join)
    found = await store.run(lambda unit: unit.ticket_by_id(TicketId("ticket-1")))
    assert results == [found.number]
    await store.close()


async def test_a_caller_that_goes_away_breaks_nothing(store: WholeStore) -> None:
    """A cancelled caller's work is done or not done, never half; the store goes on."""
    tasks = [
        asyncio.create_task(store.run(partial(_save, of=key(f"user-{n}")))) for n in range(20)
    ]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(isinstance(result, asyncio.CancelledError) for result in results) == 10
    for n in range(1, 20, 2):
        assert await store.run(partial(_session, of=key(f"user-{n}"))) == session()


async def test_a_closed_store_says_so(database: Database) -> None:
    """What was handed in before is finished, what comes later is refused; closing twice is closing once."""
    store = database.open()
    before = asyncio.create_task(store.run(lambda unit: unit.open_ticket(draft())))
    await asyncio.sleep(0)
    await store.close()
    await store.close()
    assert (await before).number == 1001
    with pytest.raises(StoreUnavailable):
        await store.health()


async def test_what_was_committed_survives_a_kill(database: Database) -> None:
    """A process killed between commit and send leaves everything; the parcel is sent by the next process.

    On SQLite the next process is alone and knows at once that the lease is void; on PostgreSQL the lease runs out.
    """
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.contracts.dies", database.url, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    assert await child.stdout.readline() == b"committed\n"
    child.kill()
    assert await child.wait() == -signal.SIGKILL

    store = database.open()
    assert await store.run(lambda unit: unit.session(key())) == session()
    assert (await store.run(lambda unit: unit.ticket(1001))).draft == draft()
    when = NOW if database.embedded else NOW + MINUTE
    (leased,) = await store.run(lambda unit: unit.lease(("msteams",), when, when + MINUTE, 10))
    assert leased.parcel == parcel()
    await store.close()


def test_an_address_that_is_none_is_refused() -> None:
    """The message names the setting and quotes no password."""
    for url in ("nonsense", "mysql://root:secret@db.example.com/x", ""):
        with pytest.raises(Exception, match="BOUNCEDESK_DATABASE_URL") as caught:
            open_store(url)
        assert "secret" not in str(caught.value)


def test_a_database_that_is_not_there_is_told() -> None:
    """Without its password, though somebody will look at the log."""
    with pytest.raises(StoreUnavailable) as caught:
        open_store("postgresql+psycopg://bot:secret@127.0.0.1:1/bouncedesk")
    assert "secret" not in str(caught.value)
    with pytest.raises(StoreUnavailable):
        open_store("sqlite:////nowhere/at/all/bouncedesk.sqlite3")


async def test_store_errors_are_of_one_family(store: WholeStore) -> None:
    """Whoever catches StoreError catches them all, with the database's own error as the cause."""
    await store.run(everything)
    with pytest.raises(StoreError) as caught:
        await store.run(lambda unit: unit.remember(key(), "activity-1", b"", NOW))
    assert caught.value.__cause__ is not None


def _session(unit: Unit, of: SessionKey) -> object:
    return unit.session(of)


def _save(unit: Unit, of: SessionKey) -> None:
    unit.save_session(of, session(), NOW)
