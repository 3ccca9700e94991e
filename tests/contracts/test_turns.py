"""What a turn needs: sessions, and the memory of what was answered."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import create_engine, text

from bot.model.errors import StoreConflict
from bot.model.session import Session, Unreadable
from bot.ports import Unit, WholeStore
from tests.contracts.conftest import Database
from tests.contracts.samples import NOW, key, session


async def test_a_session_comes_back_as_it_was_stored(store: WholeStore) -> None:
    """Everything in a session survives, odd text and microseconds included."""
    stored = session(steps=3)
    await store.run(lambda unit: unit.save_session(key(), stored, NOW))
    assert await store.run(lambda unit: unit.session(key())) == stored


async def test_nobody_has_a_session_at_first(store: WholeStore) -> None:
    """A person who never wrote has no session."""
    assert await store.run(lambda unit: unit.session(key())) is None


async def test_every_person_has_their_own_session(store: WholeStore) -> None:
    """Two people in one group, and one person in two conversations, do not share."""

    def work(unit: Unit) -> None:
        unit.save_session(key("kari"), session(1), NOW)
        unit.save_session(key("ola"), session(2), NOW)
        unit.save_session(key("kari", "a:2"), session(3), NOW)

    await store.run(work)
    stored = [
        await store.run(lambda unit, of=of: unit.session(of))  # type: ignore[misc]
        for of in (key("kari"), key("ola"), key("kari", "a:2"))
    ]
    assert stored == [session(1), session(2), session(3)]


async def test_a_session_of_a_later_version_is_unreadable(
    store: WholeStore, database: Database
) -> None:
    """A stored session that this version cannot read is told as such, and can be replaced."""
    await store.run(lambda unit: unit.save_session(key(), session(), NOW))
    await store.close()
    engine = create_engine(database.url)
    with engine.begin() as connection:
        connection.execute(text("""UPDATE sessions SET document = '{"v": 99}'"""))
    engine.dispose()
    again = database.open()

    def work(unit: Unit) -> Session | Unreadable | None:
        before = unit.session(key())
        unit.save_session(key(), session(1), NOW)
        return before

    assert isinstance(await again.run(work), Unreadable)
    assert await again.run(lambda unit: unit.session(key())) == session(1)
    await again.close()


async def test_twenty_turns_at_once_all_count(store: WholeStore) -> None:
    """Concurrent turns of one session are taken one after the other: none overwrites another's step."""

    def step(unit: Unit) -> None:
        stored = unit.session(key())
        done = len(stored.trail) if isinstance(stored, Session) else 0
        unit.save_session(key(), session(done + 1), NOW)

    await asyncio.gather(*(store.run(step) for _ in range(20)))
    last = await store.run(lambda unit: unit.session(key()))
    assert isinstance(last, Session)
    assert len(last.trail) == 20


async def test_twenty_turns_on_two_stores_all_count(database: Database) -> None:
    """The same holds for two processes on one database."""

    def step(unit: Unit) -> None:
        stored = unit.session(key())
        done = len(stored.trail) if isinstance(stored, Session) else 0
        unit.save_session(key(), session(done + 1), NOW)

    stores = [database.open(), database.open()]
    await asyncio.gather(*(stores[n % 2].run(step) for n in range(20)))
    last = await stores[0].run(lambda unit: unit.session(key()))
    assert isinstance(last, Session)
    assert len(last.trail) == 20
    for one in stores:
        await one.close()


async def test_an_answered_activity_is_remembered(store: WholeStore) -> None:
    """The bytes of an answer come back for the same activity of the same person, and for no other."""
    answer = bytes(range(256))

    def work(unit: Unit) -> None:
        unit.remember(key(), "activity-1", answer, NOW)
        unit.remember(key("ola"), "activity-1", b"", NOW)

    await store.run(work)
    assert await store.run(lambda unit: unit.answered(key(), "activity-1")) == answer
    assert await store.run(lambda unit: unit.answered(key("ola"), "activity-1")) == b""
    assert await store.run(lambda unit: unit.answered(key(), "activity-2")) is None


async def test_one_activity_delivered_ten_times_at_once_is_handled_once(
    store: WholeStore,
) -> None:
    """Whoever loses the race finds the winner's answer."""
    handled = 0

    def deliver(unit: Unit) -> bytes:
        answer = unit.answered(key(), "activity-1")
        if answer is None:
            unit.session(key())
            unit.save_session(key(), session(), NOW)
            answer = b"answer"
            unit.remember(key(), "activity-1", answer, NOW)
            return b"first"
        return answer

    answers = await asyncio.gather(*(store.run(deliver) for _ in range(10)))
    handled = answers.count(b"first")
    assert handled == 1
    assert answers.count(b"answer") == 9


async def test_remembering_twice_is_a_conflict(store: WholeStore) -> None:
    """An activity has one answer; a second one changes nothing."""
    await store.run(lambda unit: unit.remember(key(), "activity-1", b"first", NOW))
    with pytest.raises(StoreConflict):
        await store.run(lambda unit: unit.remember(key(), "activity-1", b"second", NOW))
    assert await store.run(lambda unit: unit.answered(key(), "activity-1")) == b"first"
