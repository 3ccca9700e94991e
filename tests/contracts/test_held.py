"""What is held back until somebody's dialog pauses: it comes once, in its order, whatever else happens."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace
from sqlalchemy import create_engine, text

from bot.model.event import Person
from bot.model.ids import ConversationId, TicketId
from bot.model.session import Idle
from bot.model.ticket import TicketEvent
from bot.ports import Content, NewPost, News, Parcel, Placed, Reply, Unit, WholeStore
from tests.contracts.conftest import Database
from tests.contracts.samples import (
    DAY,
    MINUTE,
    NOW,
    SECOND,
    address,
    draft,
    key,
    page,
    parcel,
    session,
)


def notice(title: str, ticket: str = "t1") -> Parcel:
    """Return a notice that must not interrupt."""
    return replace(parcel(title, ticket=ticket), waits_for_pause=True)


def titles(parcels: object) -> list[str]:
    """Return what parcels say."""
    assert isinstance(parcels, list)
    return [one.content.page.summary for one in parcels]


def hold(unit: Unit, *names: str) -> None:
    """Hold notices back for somebody who is in a dialog."""
    unit.save_session(key(), session(), NOW)
    for name in names:
        unit.enqueue(notice(name), NOW)


async def test_what_is_held_back_counts_as_on_its_way(store: WholeStore) -> None:
    """It is no longer unsent for the outbox's alarm, but the ticket knows that something is to come."""
    await store.run(lambda unit: hold(unit, "one", "two"))
    await store.run(lambda unit: unit.enqueue(parcel("sent", "a:2", ticket="t1"), NOW))
    assert await store.run(lambda unit: unit.queued(TicketId("t1"))) == 3
    assert await store.run(lambda unit: unit.queued(TicketId("t2"))) == 0
    assert (await store.counts(NOW + DAY)).unsent == 1
    [leased] = await store.run(lambda unit: unit.lease(("msteams",), NOW, NOW + MINUTE, 10))
    await store.run(lambda unit: unit.give_up(leased.id, NOW, "403"))
    assert await store.run(lambda unit: unit.queued(TicketId("t1"))) == 2


async def test_a_release_that_fails_has_released_nothing(store: WholeStore) -> None:
    """What is taken out and not put into the outbox stays held back."""

    def fail(unit: Unit) -> None:
        assert len(unit.release(key())) == 2
        raise ValueError

    await store.run(lambda unit: hold(unit, "one", "two"))
    with pytest.raises(ValueError):  # noqa: PT011 - any error will do
        await store.run(fail)
    assert titles(await store.run(lambda unit: unit.release(key()))) == ["one", "two"]


async def test_what_comes_at_a_pause_stays_in_its_order(store: WholeStore) -> None:
    """Released by the turn that ends the dialog, it is not held back again."""

    def end(unit: Unit) -> list[Parcel]:
        unit.save_session(key(), session().with_(mode=Idle()), NOW + MINUTE)
        released = unit.release(key())
        for one in released:
            unit.enqueue(one, NOW + MINUTE)
        return list(released)

    await store.run(lambda unit: hold(unit, "one", "two", "three"))
    assert titles(await store.run(end)) == ["one", "two", "three"]
    assert (await store.counts(NOW)).unsent == 3
    later = NOW + 2 * MINUTE
    [first] = await store.run(lambda unit: unit.lease(("msteams",), later, later, 10))
    assert titles([first.parcel]) == ["one"]


async def test_a_pause_that_another_instance_did_not_see_is_one(store: WholeStore) -> None:
    """A dialog that ended while a notice was being held back for it keeps that no longer than until the next sweep."""
    await store.run(lambda unit: hold(unit, "one"))
    assert await store.run(lambda unit: unit.release_paused(NOW + SECOND)) == []
    ended = session().with_(mode=Idle())
    await store.run(lambda unit: unit.save_session(key(), ended, NOW + SECOND))
    assert titles(await store.run(lambda unit: unit.release_paused(NOW + SECOND))) == ["one"]


async def test_everybody_has_their_own_pause(store: WholeStore) -> None:
    """Also in one group, where each person has a session."""

    def work(unit: Unit) -> None:
        for name in ("kari", "ola"):
            unit.save_session(key(name, "19:group"), session(), NOW)
            to = replace(address("19:group"), user_key=name)
            unit.enqueue(replace(notice(name), to=to), NOW)

    await store.run(work)
    ola = key("ola", "19:group")
    assert titles(await store.run(lambda unit: unit.release(ola))) == ["ola"]
    assert await store.run(lambda unit: unit.release(key("kari", "a:1"))) == []
    kari = key("kari", "19:group")
    assert titles(await store.run(lambda unit: unit.release(kari))) == ["kari"]


@pytest.mark.parametrize("document", ["{}", "not json"])
async def test_what_cannot_be_read_holds_up_nothing(
    store: WholeStore, database: Database, document: str
) -> None:
    """It ends among the dead, where it is seen; the others come."""
    await store.run(lambda unit: hold(unit, "one", "two"))
    engine = create_engine(database.url)
    with engine.begin() as connection:
        statement = "UPDATE held SET document = :d WHERE id = (SELECT min(id) FROM held)"
        connection.execute(text(statement), {"d": document})
    engine.dispose()
    assert titles(await store.run(lambda unit: unit.release_paused(NOW + DAY))) == ["two"]
    [dead] = await store.dead()
    assert dead.parcel is None
    assert await store.run(lambda unit: unit.release_paused(NOW + DAY)) == []


async def test_whoever_releases_it_is_alone(database: Database) -> None:
    """The turn that ends the dialog on one instance and the sweep of another never both have a notice."""
    one, two = database.open(), database.open()
    names = [f"{n}" for n in range(30)]
    await one.run(lambda unit: hold(unit, *names))
    released = await asyncio.gather(
        *(one.run(lambda unit: unit.release(key())) for _ in range(3)),
        *(two.run(lambda unit: unit.release_paused(NOW + DAY, 4)) for _ in range(8)),
    )
    rest = await two.run(lambda unit: unit.release_paused(NOW + DAY))
    taken = titles([parcel for some in (*released, rest) for parcel in some])
    assert sorted(taken) == sorted(names)
    await one.close()
    await two.close()


async def test_where_named_messages_landed_is_known(store: WholeStore) -> None:
    """A post, a requester's own card, and what a sink calls the ticket; a reply without a name leaves nothing."""
    ticket = await store.run(lambda unit: unit.open_ticket(draft("t1")))
    event = TicketEvent(NOW, "opened", Person("kari", "Kari"))
    contents: dict[str, tuple[Content, str]] = {
        "ticket:t1:card": (NewPost(page(), "ticket:t1:card"), "msteams"),
        "ticket:t1:requester": (Reply(page(), "ticket:t1:requester"), "msteams"),
        "ticket:t1:sink:rt": (News(ticket, event), "sink:rt"),
        "": (Reply(page()), "msteams"),
    }

    def work(unit: Unit) -> None:
        for number, (content, channel) in enumerate(contents.values()):
            leased = unit.enqueue(
                parcel("x", f"a:{number}", channel=channel, content=content),
                NOW,
                lease_until=NOW + MINUTE,
            )
            assert leased is not None
            unit.sent(leased.id, NOW, Placed(ConversationId(f"a:{number}"), str(number)))

    await store.run(work)
    for number, name in enumerate(filter(None, contents)):
        placed = await store.run(lambda unit, name=name: unit.place(name))  # type: ignore[misc]
        assert placed == Placed(ConversationId(f"a:{number}"), str(number))
    assert await store.run(lambda unit: unit.posts_in(ConversationId("a:3"))) == []


async def test_posts_are_listed_as_they_came(store: WholeStore) -> None:
    """Oldest first; one that was posted anew is the newest."""
    here = ConversationId("19:c")

    def work(unit: Unit) -> None:
        for name in ("zebra", "ant", "moose"):
            unit.arrived(name, Placed(here, name))
        unit.arrived("elsewhere", Placed(ConversationId("19:d"), "1"))
        unit.arrived("zebra", Placed(here, "again"))

    await store.run(work)
    assert await store.run(lambda unit: unit.posts_in(here)) == ["ant", "moose", "zebra"]


async def test_only_the_first_news_has_arrived(store: WholeStore) -> None:
    """Later ones go under the same name and are still to be sent."""
    ticket = await store.run(lambda unit: unit.open_ticket(draft("t1")))

    def work(unit: Unit) -> None:
        for what in ("opened", "claimed"):
            event = TicketEvent(NOW, what, Person("kari", "Kari"))
            unit.enqueue(parcel(channel="sink:rt", content=News(ticket, event)), NOW)
        unit.arrived("ticket:t1:sink:rt", Placed(ConversationId("t1"), "17"))

    await store.run(work)
    [left] = await store.run(lambda unit: unit.lease(("sink:rt",), NOW, NOW, 10))
    assert isinstance(left.parcel.content, News)
    assert left.parcel.content.event.what == "claimed"


async def test_what_is_on_its_way_or_was_tried_is_in_doubt(store: WholeStore) -> None:
    """A card that nobody has begun to send is not, nor one that has arrived or was given up."""
    name = "ticket:t1:card"

    async def doubtful() -> bool:
        return await store.run(lambda unit: unit.in_doubt(name))

    assert not await doubtful()
    await store.run(lambda unit: unit.enqueue(parcel(content=NewPost(page(), name)), NOW))
    assert not await doubtful()
    [leased] = await store.run(lambda unit: unit.lease(("msteams",), NOW, NOW + MINUTE, 1))
    assert await doubtful()
    await store.run(lambda unit: unit.postpone(leased.id, NOW, "timeout"))
    assert await doubtful()
    await store.run(lambda unit: unit.give_up(leased.id, NOW, "403"))
    assert not await doubtful()
