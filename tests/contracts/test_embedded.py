"""What only SQLite can do to us: locks, files that vanish, full disks, and processes that share a file."""

from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from time import monotonic

import pytest
from msgspec.structs import replace

from bot.model.errors import StoreError, StoreUnavailable
from bot.model.ticket import State, TicketEvent
from bot.store import open_store
from tests.contracts.samples import (
    ADA,
    MINUTE,
    NOW,
    SECOND,
    draft,
    everything,
    key,
    nothing_is_there,
    parcel,
    session,
)

UNTIL = NOW + MINUTE


def url(path: Path) -> str:
    """Return a file's address."""
    return f"sqlite:///{path}"


def delete(path: Path) -> None:
    """Delete a file."""
    path.unlink()


def is_there(path: Path) -> bool:
    """Tell whether a file is there."""
    return path.exists()


def damage(path: Path) -> None:
    """Overwrite the beginning of a file."""
    with path.open("r+b") as file:
        file.write(b"x" * 4096)


def inode(path: Path) -> int:
    """Return what tells a file from all others of its file system."""
    return path.stat().st_ino


async def test_a_store_in_memory_is_a_store() -> None:
    """`sqlite://` keeps everything while it is open."""
    store = open_store("sqlite://")
    await store.run(everything)
    assert (await store.run(lambda unit: unit.ticket(1001))).draft == draft()
    await store.close()


async def test_a_locked_database_is_waited_for_and_then_told(sqlite_path: Path) -> None:
    """Works that wait at the same time wait about three seconds, not three each; once it is free, everything goes on."""
    store = open_store(url(sqlite_path))
    other = sqlite3.connect(sqlite_path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    began = monotonic()
    results = await asyncio.gather(
        *(store.run(everything) for _ in range(5)), return_exceptions=True
    )
    assert 2.5 < monotonic() - began < 4.5
    assert [type(result) for result in results] == [StoreUnavailable] * 5
    assert "database is locked" in str(results[0])
    other.execute("ROLLBACK")
    other.close()
    assert await store.run(nothing_is_there)
    await store.run(everything)
    await store.close()


async def test_a_short_lock_is_not_noticed(sqlite_path: Path) -> None:
    """Somebody else's transaction of half a second delays a work and no more."""
    store = open_store(url(sqlite_path))
    other = sqlite3.connect(sqlite_path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    waiting = asyncio.create_task(store.run(lambda unit: unit.open_ticket(draft())))
    await asyncio.sleep(0.6)
    assert not waiting.done()
    other.execute("COMMIT")
    other.close()
    assert (await waiting).number == 1001
    await store.close()


async def test_a_store_is_closed_while_locked(sqlite_path: Path) -> None:
    """Closing waits for what was handed in, which is told that the database is locked."""
    store = open_store(url(sqlite_path))
    other = sqlite3.connect(sqlite_path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    waiting = asyncio.create_task(store.run(everything))
    await asyncio.sleep(0)
    await store.close()
    with pytest.raises(StoreUnavailable):
        await waiting
    other.close()


async def test_a_read_only_database_is_told(sqlite_path: Path) -> None:
    """At the opening: a bot that cannot remember must not start."""
    await open_store(url(sqlite_path)).close()
    with pytest.raises(StoreUnavailable, match="readonly"):
        open_store(f"sqlite:///file:{sqlite_path}?mode=ro&uri=true")


async def test_a_deleted_database_is_told_and_not_made_anew(sqlite_path: Path) -> None:
    """Writing into a file that no longer has a name would lose every ticket without a word."""
    store = open_store(url(sqlite_path))
    await store.run(everything)
    delete(sqlite_path)
    with pytest.raises(StoreUnavailable, match="moved or deleted"):
        await store.run(everything)
    with pytest.raises(StoreUnavailable):
        await store.health()
    assert not is_there(sqlite_path)
    await store.close()


async def test_a_damaged_database_is_told(sqlite_path: Path) -> None:
    """At the opening, before anything is written into it."""
    store = open_store(url(sqlite_path))
    await store.run(everything)
    await store.close()
    damage(sqlite_path)
    with pytest.raises(StoreUnavailable):
        open_store(url(sqlite_path))


async def test_somebody_elses_database_is_left_alone(sqlite_path: Path) -> None:
    """A file with other tables gets none of ours."""
    other = sqlite3.connect(sqlite_path)
    other.execute("CREATE TABLE recipes (name TEXT)")
    other.commit()
    other.close()
    with pytest.raises(StoreError, match="something else"):
        open_store(url(sqlite_path))


def test_a_full_disk_is_told_and_the_store_goes_on(sqlite_path: Path) -> None:
    """When the disk takes no more, nothing is half-written; when there is room again, it works again."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.contracts.fills_the_disk", url(sqlite_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    told, went_on = done.stdout.splitlines()
    assert told.startswith(StoreUnavailable.__doc__ or "never")
    assert "savepoint" not in told
    assert went_on == "goes on"


async def test_the_last_user_frees_the_leases_of_the_dead(sqlite_path: Path) -> None:
    """A store that finds itself alone frees all leases; one that opens beside another frees none."""
    first = open_store(url(sqlite_path))
    await first.run(lambda unit: unit.enqueue(parcel(), NOW, lease_until=UNTIL))
    beside = open_store(url(sqlite_path))
    assert await beside.run(lambda unit: unit.lease(("msteams",), NOW, UNTIL, 1)) == []
    await first.close()
    await beside.close()
    alone = open_store(url(sqlite_path))
    (leased,) = await alone.run(lambda unit: unit.lease(("msteams",), NOW, UNTIL, 1))
    assert leased.parcel == parcel()
    await alone.close()


async def test_what_waits_is_committed_together(sqlite_path: Path) -> None:
    """Fifty works handed in at once need far fewer than fifty commits."""
    store = open_store(url(sqlite_path))
    reader = sqlite3.connect(sqlite_path)
    seen: set[int] = set()

    async def watch() -> None:
        while len(seen) < 2 or max(seen) < 50:
            (count,) = reader.execute("SELECT count(*) FROM sessions").fetchone()
            seen.add(count)
            await asyncio.sleep(0)

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0.01)
    await asyncio.gather(
        *(
            store.run(lambda unit, n=n: unit.save_session(key(f"user-{n}"), session(), NOW))  # type: ignore[misc]
            for n in range(50)
        )
    )
    await watching
    reader.close()
    assert len(seen) < 25
    await store.close()


async def test_a_ticket_is_on_the_disk_before_anybody_hears_of_it(
    sqlite_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening or changing one forces the committed log onto the disk; an ordinary turn does not wait for that."""
    forced: list[tuple[int, int]] = []
    really = os.fsync

    def fsync(descriptor: int) -> None:
        with sqlite3.connect(sqlite_path) as reader:
            (committed,) = reader.execute("SELECT count(*) FROM tickets").fetchone()
        reader.close()
        forced.append((os.fstat(descriptor).st_ino, committed))
        really(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    store = open_store(url(sqlite_path))
    log = inode(Path(f"{sqlite_path}-wal"))
    await store.run(lambda unit: unit.save_session(key(), session(), NOW))
    assert forced == []
    ticket = await store.run(lambda unit: unit.open_ticket(draft()))
    assert forced == [(log, 1)]
    claimed = replace(ticket, state=State.CLAIMED, assignee=ADA)
    await store.run(lambda unit: unit.change_ticket(claimed, TicketEvent(NOW, "claimed", ADA)))
    assert forced == [(log, 1)] * 2
    await store.close()


async def test_a_disk_that_does_not_take_a_ticket_is_told(
    sqlite_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is told of a ticket that a power cut could take away again."""

    def fsync(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(descriptor))

    monkeypatch.setattr(os, "fsync", fsync)
    store = open_store(url(sqlite_path))
    with pytest.raises(StoreUnavailable, match="Input/output error"):
        await store.run(lambda unit: unit.open_ticket(draft()))
    await store.close()


async def test_times_sort_as_text(sqlite_path: Path) -> None:
    """SQLite compares times letter by letter, so each is written with the same number of letters."""
    store = open_store(url(sqlite_path))
    whole = NOW.replace(microsecond=0)
    await store.run(lambda unit: unit.enqueue(parcel("one"), whole))
    before, after = whole - SECOND / 1000, whole + SECOND / 1000
    assert await store.run(lambda unit: unit.lease(("msteams",), before, UNTIL, 1)) == []
    assert len(await store.run(lambda unit: unit.lease(("msteams",), after, UNTIL, 1))) == 1
    await store.close()
