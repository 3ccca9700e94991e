"""What the queue keeps beside its tickets: who is on call, what belongs together, and messages that wait for a pause."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from msgspec.structs import replace

from bot.model.errors import StoreConflict
from bot.model.event import Mention
from bot.model.ids import ConversationId, QueueId, UserId
from bot.model.session import Idle
from bot.model.ticket import State, Ticket, TicketEvent
from bot.ports import PAUSE, NewPost, Parcel, Placed, Roster, Unit, WholeStore
from tests.contracts.conftest import Database
from tests.contracts.samples import ADA, BO, DAY, MINUTE, NOW, SECOND, draft, key, parcel, session

ON_CALL = Roster((Mention(UserId("29:ada"), "Ada"),))


def patient(name: str = "notice") -> Parcel:
    """Return a parcel that must not interrupt."""
    return replace(parcel(name), waits_for_pause=True)


async def test_a_requester_has_their_own_tickets(store: WholeStore) -> None:
    """Newest first, and nobody else's."""

    def work(unit: Unit) -> None:
        for name in ("t1", "t2"):
            unit.open_ticket(draft(name))
        other = draft("t3")
        unit.open_ticket(
            replace(other, requester=replace(other.requester, user_key="somebody-else"))
        )

    await store.run(work)
    own = await store.run(lambda unit: unit.tickets_of(draft("t1").person.key))
    assert [ticket.number for ticket in own] == [1002, 1001]
    assert all(ticket.draft.original is None for ticket in own)


async def test_tickets_are_found_by_their_ids(store: WholeStore) -> None:
    """Those that there are, oldest first."""
    opened = await store.run(lambda unit: [unit.open_ticket(draft(n)) for n in ("t1", "t2")])
    ids = [opened[1].id, opened[0].id, draft("unknown").id]
    found = await store.run(lambda unit: unit.tickets_by_id(ids))
    assert [ticket.number for ticket in found] == [1001, 1002]
    assert await store.run(lambda unit: unit.tickets_by_id([])) == ()


async def test_tickets_with_one_signature_are_alike(store: WholeStore) -> None:
    """Open ones that are joined to no other and not too old."""
    marks = ("5.1.10@contoso.com", "5.1.10/mta.contoso.com")

    def work(unit: Unit) -> None:
        for name, opened in (("old", NOW - DAY), ("first", NOW), ("second", NOW + SECOND)):
            unit.open_ticket(replace(draft(name), opened=opened, signatures=marks))
        unit.open_ticket(replace(draft("other"), signatures=("5.2.2@contoso.com",)))

    await store.run(work)

    async def alike() -> list[int]:
        found = await store.run(lambda unit: unit.alike(marks[1:], NOW - MINUTE))
        return [ticket.number for ticket in found]

    assert await alike() == [1002, 1003]

    def join(unit: Unit) -> None:
        unit.change_ticket(
            replace(unit.ticket(1003), parent=unit.ticket(1002).id),
            TicketEvent(NOW, "joined", ADA),
        )

    await store.run(join)
    assert await alike() == [1002]
    joined = await store.run(lambda unit: unit.joined_to(unit.ticket(1002).id))
    assert [ticket.number for ticket in joined] == [1003]

    def resolve(unit: Unit) -> None:
        unit.change_ticket(
            replace(unit.ticket(1002), state=State.RESOLVED), TicketEvent(NOW, "resolved", ADA)
        )

    await store.run(resolve)
    assert await alike() == []


async def test_sightings_count_people_not_pastes(store: WholeStore) -> None:
    """Whoever met it twice counts once, at the later time; the one who asks does not count."""
    marks = ("5.1.10@contoso.com", "5.1.10/mta.contoso.com")

    def work(unit: Unit) -> None:
        unit.record_sighting(marks, "kari", NOW)
        unit.record_sighting(marks, "kari", NOW + MINUTE)
        unit.record_sighting(marks[:1], "ola", NOW - DAY)
        unit.record_sighting(marks[1:], "per", NOW)
        unit.record_sighting((), "nobody", NOW)

    await store.run(work)

    async def people(since: timedelta, but: str = "") -> int:
        return await store.run(lambda unit: unit.sightings(marks, NOW + since, but))

    assert await people(-2 * DAY) == 3
    assert await people(-MINUTE) == 2
    assert await people(SECOND) == 1
    assert await people(-2 * DAY, but="kari") == 2
    assert await store.run(lambda unit: unit.sightings((), NOW, "")) == 0


async def test_a_roster_is_kept_for_each_queue(store: WholeStore) -> None:
    """Empty until somebody is named, and the last word counts."""
    assert await store.run(lambda unit: unit.roster(QueueId("mail"))) == Roster()
    await store.run(lambda unit: unit.save_roster(QueueId("mail"), ON_CALL))
    assert await store.run(lambda unit: unit.roster(QueueId("mail"))) == ON_CALL
    await store.run(lambda unit: unit.save_roster(QueueId("mail"), Roster()))
    assert await store.run(lambda unit: unit.roster(QueueId("mail"))) == Roster()
    assert await store.run(lambda unit: unit.roster(QueueId("other"))) == Roster()


async def test_two_who_change_a_roster_at_once_do_not_undo_each_other(database: Database) -> None:
    """On two instances: the second is told, sees the first one's change, and both are kept."""
    one, two = database.open(), database.open()
    people = [Mention(UserId(f"29:{n}"), f"Agent {n}") for n in range(6)]

    def add(person: Mention) -> object:
        def work(unit: Unit) -> None:
            roster = unit.roster(QueueId(""))
            unit.save_roster(QueueId(""), Roster((*roster.people, person)))

        return work

    await one.run(lambda unit: unit.save_roster(QueueId(""), Roster()))
    results = await asyncio.gather(
        *(store.run(add(person)) for store, person in zip((one, two) * 3, people, strict=True)),  # type: ignore[arg-type]
        return_exceptions=True,
    )
    kept = (await one.run(lambda unit: unit.roster(QueueId("")))).people
    refused = [result for result in results if isinstance(result, StoreConflict)]
    assert len(kept) + len(refused) == 6
    assert len(set(kept)) == len(kept)
    await one.close()
    await two.close()


async def test_a_notice_waits_while_its_reader_is_in_a_dialog(store: WholeStore) -> None:
    """It is in nobody's way, and comes when the dialog pauses."""

    def work(unit: Unit) -> None:
        unit.save_session(key(), session(), NOW)
        assert unit.enqueue(patient(), NOW + MINUTE, lease_until=NOW + 2 * MINUTE) is None
        assert unit.enqueue(parcel("answer"), NOW + MINUTE, lease_until=NOW + 2 * MINUTE)

    await store.run(work)
    assert (await store.counts(NOW)).unsent == 1
    assert await store.run(lambda unit: unit.release_paused(NOW + MINUTE)) == []
    released = await store.run(lambda unit: unit.release(key()))
    assert [one.content for one in released] == [patient().content]
    assert await store.run(lambda unit: unit.release(key())) == []


async def test_silence_is_a_pause_too(store: WholeStore) -> None:
    """Who has said nothing for a while is told; who writes goes on undisturbed."""

    def work(unit: Unit) -> None:
        unit.save_session(key(), session(), NOW)
        unit.enqueue(patient("one"), NOW)
        unit.enqueue(patient("two"), NOW + SECOND)

    await store.run(work)
    assert await store.run(lambda unit: unit.release_paused(NOW + PAUSE - SECOND)) == []
    released = await store.run(lambda unit: unit.release_paused(NOW + PAUSE + SECOND))
    assert [one.content for one in released] == [patient(n).content for n in ("one", "two")]


@pytest.mark.parametrize("outside", ["idle", "ended", "long ago", "never"])
async def test_nobody_waits_who_is_in_no_dialog(store: WholeStore, outside: str) -> None:
    """A notice goes to the outbox at once when there is nothing to interrupt."""
    sessions = {"idle": session().with_(mode=Idle()), "ended": session().with_(ended=True)}
    when = NOW - PAUSE - SECOND if outside == "long ago" else NOW

    def work(unit: Unit) -> None:
        if outside != "never":
            unit.save_session(key(), sessions.get(outside, session()), when)
        assert unit.enqueue(patient(), NOW, lease_until=NOW + MINUTE) is not None

    await store.run(work)


async def test_two_instances_release_a_notice_once(database: Database) -> None:
    """Whoever is first has it."""
    one, two = database.open(), database.open()

    def work(unit: Unit) -> None:
        unit.save_session(key(), session(), NOW)
        for number in range(20):
            unit.enqueue(patient(str(number)), NOW)

    await one.run(work)
    released = await asyncio.gather(
        *(store.run(lambda unit: unit.release_paused(NOW + DAY)) for store in (one, two) * 3)
    )
    assert sum(len(some) for some in released) == 20
    await one.close()
    await two.close()


async def test_where_a_card_landed_is_found_by_its_thread(store: WholeStore) -> None:
    """What is said in a thread belongs to the ticket whose card it hangs on."""
    thread = ConversationId("19:triage@thread.tacv2;messageid=17")
    card = replace(parcel("card"), content=NewPost(parcel("card").content.page, "ticket:t1:card"))  # type: ignore[union-attr]

    def work(unit: Unit) -> None:
        leased = unit.enqueue(card, NOW, lease_until=NOW + MINUTE)
        assert leased is not None
        unit.sent(leased.id, NOW, Placed(thread, "17"))

    await store.run(work)
    assert await store.run(lambda unit: unit.posts_in(thread)) == ["ticket:t1:card"]
    assert await store.run(lambda unit: unit.posts_in(ConversationId("19:other"))) == []


async def test_a_card_that_somebody_pressed_has_arrived(store: WholeStore) -> None:
    """A post of unknown fate is not sent again once the channel itself shows that it is there."""
    card = replace(parcel("card"), content=NewPost(parcel("card").content.page, "ticket:t1:card"))  # type: ignore[union-attr]
    placed = Placed(ConversationId("19:triage;messageid=17"), "17")
    await store.run(lambda unit: unit.enqueue(card, NOW))
    await store.run(lambda unit: unit.arrived("ticket:t1:card", placed))
    assert await store.run(lambda unit: unit.place("ticket:t1:card")) == placed
    assert (await store.counts(NOW)).unsent == 0


async def test_a_lease_is_lengthened_only_by_whom_it_belongs_to(store: WholeStore) -> None:
    """Who finds it gone or given anew must not send."""
    until = NOW + MINUTE
    leased = await store.run(lambda unit: unit.enqueue(parcel("one"), NOW, lease_until=until))
    assert leased is not None
    assert await store.run(lambda unit: unit.renew(leased.id, until, until + MINUTE))
    assert not await store.run(lambda unit: unit.renew(leased.id, until, until + MINUTE))
    await store.run(lambda unit: unit.give_back(leased.id, NOW))
    assert not await store.run(lambda unit: unit.renew(leased.id, until + MINUTE, until))
    [again] = await store.run(lambda unit: unit.lease(("msteams",), NOW, until, 10))
    assert again.attempts == 0


async def test_of_two_instances_that_change_a_ticket_one_wins(database: Database) -> None:
    """The other is told, and reads who was first."""
    one, two = database.open(), database.open()
    opened = await one.run(lambda unit: unit.open_ticket(draft("t1")))

    def claim(ticket: Ticket, who: object) -> object:
        claimed = replace(ticket, state=State.CLAIMED, assignee=who)
        return lambda unit: unit.change_ticket(claimed, TicketEvent(NOW, "claimed", who))  # type: ignore[arg-type]

    results = await asyncio.gather(
        one.run(claim(opened, ADA)),  # type: ignore[arg-type]
        two.run(claim(opened, BO)),  # type: ignore[arg-type]
        return_exceptions=True,
    )
    assert sum(isinstance(result, Ticket) for result in results) == 1
    assert sum(isinstance(result, StoreConflict) for result in results) == 1
    await one.close()
    await two.close()


async def test_numbers_neither_repeat_nor_skip_between_instances(database: Database) -> None:
    """Forty tickets opened by two instances at once have forty numbers in a row, and none is 0."""
    one, two = database.open(), database.open()
    opened = await asyncio.gather(
        *(
            (one, two)[number % 2].run(
                lambda unit, number=number: unit.open_ticket(draft(f"t{number}"))  # type: ignore[misc]
            )
            for number in range(40)
        )
    )
    assert sorted(ticket.number for ticket in opened) == list(range(1001, 1041))
    await one.close()
    await two.close()
