"""What operators and statistics ask of the store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from msgspec.structs import replace
from sqlalchemy import create_engine, text

from bot.model.effects import RecordFeedback
from bot.model.ids import SessionId
from bot.model.ticket import Outcome, State, TicketEvent
from bot.ports import Counts, Leased, Purged, Recorded, Retention, Unit, WholeStore
from tests.contracts.conftest import Database
from tests.contracts.samples import (
    ADA,
    DAY,
    MINUTE,
    NOW,
    SECOND,
    draft,
    key,
    outcome,
    parcel,
    session,
)

ALWAYS = (NOW - 400 * DAY, NOW + 400 * DAY)


def lease_all(unit: Unit) -> Sequence[Leased]:
    """Lease everything that is due."""
    return unit.lease(("msteams",), NOW, NOW + MINUTE, 100)


async def test_a_healthy_store_says_nothing(store: WholeStore) -> None:
    """Health returns; it writes nothing."""
    await store.health()
    assert (await store.counts(NOW)).unsent == 0


async def test_counts_tell_the_queue_and_the_outbox(store: WholeStore) -> None:
    """Tickets by state, unsent parcels with the age of the oldest, and parcels that were given up."""
    empty = Counts(tickets=dict.fromkeys(State, 0), unsent=0, oldest_seconds=0.0, dead=0)
    assert await store.counts(NOW) == empty

    def work(unit: Unit) -> None:
        unit.open_ticket(draft("ticket-1"))
        opened = unit.open_ticket(draft("ticket-2"))
        claimed = replace(opened, state=State.CLAIMED, assignee=ADA)
        unit.change_ticket(claimed, TicketEvent(NOW, "claimed", ADA))
        unit.enqueue(parcel("one"), NOW)
        unit.enqueue(parcel("two"), NOW + SECOND)
        unit.enqueue(parcel("dead", "a:2"), NOW)

    await store.run(work)
    _, dead = await store.run(lease_all)
    await store.run(lambda unit: unit.give_up(dead.id, NOW, "403"))
    assert await store.counts(NOW + MINUTE) == Counts(
        tickets=dict.fromkeys(State, 0) | {"new": 1, "claimed": 1},
        unsent=2,
        oldest_seconds=60.0,
        dead=1,
    )


async def test_a_dialog_has_one_outcome_the_last_one(store: WholeStore) -> None:
    """It is overwritten as the dialog goes on; when the dialog began is kept."""
    open_, solved = outcome(node=None), outcome(result=Outcome.SOLVED)
    await store.run(lambda unit: unit.record_outcome(open_, NOW))
    assert await store.outcomes(*ALWAYS) == [
        Recorded(outcome=open_, began=NOW, changed=NOW, useful=None)
    ]
    await store.run(lambda unit: unit.record_outcome(solved, NOW + MINUTE))
    await store.run(
        lambda unit: unit.record_feedback(RecordFeedback(solved.session, useful=True), NOW)
    )
    await store.run(
        lambda unit: unit.record_feedback(RecordFeedback(solved.session, useful=False), NOW)
    )
    assert await store.outcomes(*ALWAYS) == [
        Recorded(outcome=solved, began=NOW, changed=NOW + MINUTE, useful=False)
    ]


async def test_outcomes_are_listed_by_when_they_last_changed(store: WholeStore) -> None:
    """The span includes its beginning and not its end."""

    def work(unit: Unit) -> None:
        for n in (2, 0, 1):
            unit.record_outcome(outcome(f"session-{n}"), NOW + n * DAY)

    await store.run(work)
    listed = await store.outcomes(NOW, NOW + 2 * DAY)
    assert [one.outcome.session for one in listed] == ["session-0", "session-1"]


async def test_stale_dialogs_are_abandoned(store: WholeStore) -> None:
    """Only open ones, only old ones; statistics keep the times at which the people were there."""

    def work(unit: Unit) -> None:
        unit.record_outcome(outcome("stale"), NOW - 8 * DAY)
        unit.record_outcome(outcome("fresh"), NOW - 6 * DAY)
        unit.record_outcome(outcome("solved", Outcome.SOLVED), NOW - 8 * DAY)

    await store.run(work)
    assert await store.abandon(NOW - 7 * DAY) == 1
    assert await store.abandon(NOW - 7 * DAY) == 0
    listed = {one.outcome.session: one for one in await store.outcomes(*ALWAYS)}
    assert listed[SessionId("stale")].outcome.outcome is Outcome.ABANDONED
    assert listed[SessionId("stale")].changed == NOW - 8 * DAY
    assert listed[SessionId("fresh")].outcome.outcome is Outcome.OPEN
    assert listed[SessionId("solved")].outcome.outcome is Outcome.SOLVED


async def test_dead_parcels_are_listed_and_can_be_sent_again(store: WholeStore) -> None:
    """A parcel that is put back starts anew, and goes before what came after it."""
    await store.run(lambda unit: unit.enqueue(parcel("one"), NOW))
    (one,) = await store.run(lease_all)
    await store.run(lambda unit: unit.give_up(one.id, NOW, "403"))
    (dead,) = await store.dead()
    assert (dead.id, dead.parcel, dead.attempts) == (one.id, one.parcel, 1)
    assert (dead.why, dead.at) == ("403", NOW)
    await store.run(lambda unit: unit.enqueue(parcel("two"), NOW))
    assert await store.resend(one.id, NOW)
    assert not await store.resend(one.id, NOW)
    assert await store.dead() == []
    assert await store.run(lease_all) == [one]


async def test_purge_deletes_what_is_no_longer_needed(store: WholeStore) -> None:
    """Old answers, forgotten sessions, texts of tickets long resolved, dead parcels; never a ticket or what is in use."""

    def resolve(unit: Unit, number: int, days_ago: int) -> None:
        ticket = unit.ticket(number)
        at = NOW - timedelta(days=days_ago)
        resolved = replace(ticket, state=State.RESOLVED, resolution="Done.", changed=at)
        unit.change_ticket(resolved, TicketEvent(at, "resolved", ADA))

    def work(unit: Unit) -> None:
        unit.remember(key(), "old", b"old", NOW - DAY - SECOND)
        unit.remember(key(), "new", b"new", NOW - DAY + SECOND)
        unit.save_session(key("gone"), session(), NOW - 31 * DAY)
        unit.save_session(key("here"), session(), NOW - 29 * DAY)
        for n in range(1, 4):
            unit.open_ticket(draft(f"ticket-{n}"))
        resolve(unit, 1001, 91)
        resolve(unit, 1002, 89)
        for name in ("a:1", "a:2", "a:3"):
            unit.enqueue(parcel(conversation=name), NOW - 200 * DAY)

    await store.run(work)
    old, recent, _unsent = await store.run(lease_all)
    await store.run(lambda unit: unit.give_up(old.id, NOW - 91 * DAY, "403"))
    await store.run(lambda unit: unit.give_up(recent.id, NOW - 89 * DAY, "403"))

    assert await store.purge(NOW) == Purged(answers=1, sessions=1, texts=1, parcels=1)
    assert await store.purge(NOW) == Purged(answers=0, sessions=0, texts=0, parcels=0)

    assert await store.run(lambda unit: unit.answered(key(), "old")) is None
    assert await store.run(lambda unit: unit.answered(key(), "new")) == b"new"
    assert await store.run(lambda unit: unit.session(key("gone"))) is None
    assert await store.run(lambda unit: unit.session(key("here"))) is not None

    def originals(unit: Unit) -> list[bool]:
        return [unit.ticket(number).draft.original is not None for number in range(1001, 1004)]

    assert await store.run(originals) == [False, True, True]
    assert [one.id for one in await store.dead()] == [recent.id]
    assert (await store.counts(NOW)).unsent == 1


async def test_how_long_things_are_kept_can_be_chosen(store: WholeStore) -> None:
    """An installation may have stricter rules."""
    await store.run(lambda unit: unit.save_session(key(), session(), NOW - 2 * DAY))
    purged = await store.purge(NOW, Retention(sessions=DAY))
    assert purged.sessions == 1


@pytest.mark.parametrize("document", ["{}", "not json"])
async def test_a_parcel_that_cannot_be_read_does_not_hold_up_the_others(
    store: WholeStore, database: Database, document: str
) -> None:
    """It is given up, and the rest of its conversation goes on."""
    await store.run(lambda unit: unit.enqueue(parcel("one"), NOW))
    engine = create_engine(database.url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE parcels SET document = :d"), {"d": document})
    engine.dispose()
    await store.run(lambda unit: unit.enqueue(parcel("two"), NOW))
    assert await store.run(lease_all) == []
    (two,) = await store.run(lease_all)
    assert two.parcel == parcel("two")
    (dead,) = await store.dead()
    assert dead.parcel is None
