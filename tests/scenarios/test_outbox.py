"""The outbox on a real store: order, retries, doubts, giving up, and a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import assert_never

import pytest
import structlog
from msgspec.structs import replace

from bot.model.errors import DeliveryAmbiguous, DeliveryDelayed, DeliveryRefused
from bot.model.event import Mention
from bot.model.ids import ArticleId, ConversationId, Language, NodeId, TicketId, UserId
from bot.model.outgoing import Heading, Outgoing, Run
from bot.model.ticket import Ticket, TicketEvent
from bot.outbox import ATTEMPTS, IN_HAND, LEASE, LONGEST_WAIT, UNSURE, Outbox
from bot.ports import (
    PAUSE,
    Content,
    Line,
    NewPost,
    News,
    Parcel,
    Placed,
    Reply,
    Revision,
    Sender,
    SessionKey,
    Unit,
    WholeStore,
)
from bot.store import open_store
from tests.contracts.samples import draft
from tests.core.test_every_edge import NOW, address, session_at

SECOND = timedelta(seconds=1)


def text_of(content: Content) -> str:
    """Return the words of a parcel."""
    match content:
        case Reply(page=page) | NewPost(page=page) | Revision(page=page):
            return page.summary
        case Line(text=text):
            return text
        case News(event=event):
            return event.what
        case _:
            assert_never(content)


class Channel:
    """The far end: takes parcels, or fails as told."""

    def __init__(self) -> None:
        """Take everything."""
        self.taken: list[str] = []
        self.parcels: list[Parcel] = []
        self.placed: list[Placed | None] = []
        self.failures: list[Exception] = []
        self.loses_answers: list[Exception] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def send(self, parcel: Parcel, placed: Placed | None) -> Placed | None:
        """Fail, or take a parcel, once the gate is open; an answer that is lost was taken all the same."""
        await self.gate.wait()
        if self.failures:
            raise self.failures.pop(0)
        self.taken.append(text_of(parcel.content))
        self.parcels.append(parcel)
        self.placed.append(placed)
        if self.loses_answers:
            raise self.loses_answers.pop(0)
        return placed or Placed(parcel.to.conversation, f"activity-{len(self.taken)}")


class World:
    """A store, an outbox, a channel and a clock."""

    def __init__(self, store: WholeStore) -> None:
        """Begin at a fixed moment."""
        self.now = NOW
        self.channel = Channel()
        self.sink = Channel()
        self.store = store
        self.outbox = self.another()

    def another(self, sender: Sender | None = None) -> Outbox:
        """Return an outbox on the same store, as another process has it."""
        senders = {"msteams": sender or self.channel, "sink:rt": self.sink}
        return Outbox(self.store, senders, clock=self.time, jitter=lambda: 1.0)

    def time(self) -> datetime:
        """Return the test's time."""
        return self.now

    async def commit(self, *parcels: Parcel) -> None:
        """Commit parcels and wait until what can leave has left."""
        await self.outbox.commit(lambda _unit: (None, parcels))
        await self.outbox.settle()

    async def later(self, wait: timedelta) -> None:
        """Let time pass, and wait until what can leave has left."""
        self.now += wait
        await self.outbox.settle()

    async def unsent(self) -> int:
        """Return how many parcels the store still has to send."""
        return (await self.store.counts(self.now)).unsent

    async def dead(self) -> int:
        """Return how many parcels were given up."""
        return (await self.store.counts(self.now)).dead


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Return a world of its own."""
    store = open_store(f"sqlite:///{tmp_path / 'store.sqlite3'}")
    yield World(store)
    await store.close()


def page(text: str) -> Outgoing:
    """Return a page."""
    return Outgoing(language=Language("en"), summary=text, elements=(Heading((Run(text),)),))


def letter(text: str, conversation: str = "a:1", ticket: str | None = None) -> Parcel:
    """Return a parcel to a conversation."""
    to = replace(address(), conversation=ConversationId(conversation))
    return Parcel(to=to, content=Reply(page(text)), ticket=TicketId(ticket) if ticket else None)


def post(text: str, name: str = "card") -> Parcel:
    """Return a parcel that starts a thread."""
    return Parcel(to=letter("").to, content=NewPost(page(text), name))


def revision(text: str, name: str = "card") -> Parcel:
    """Return a parcel that replaces a post."""
    return Parcel(to=letter("").to, content=Revision(page(text), name))


def line(text: str, name: str = "card") -> Parcel:
    """Return a parcel with a line in the thread of a post."""
    mentions = (Mention(UserId("29:kari"), "Kari"),)
    return Parcel(to=letter("").to, content=Line(text, name, Language("en"), mentions))


async def test_parcels_of_a_conversation_keep_their_order(world: World) -> None:
    """A parcel that has to wait holds back those behind it, and nobody else's."""
    world.channel.failures = [DeliveryDelayed("429", retry_after=5.0)]
    await world.commit(letter("one"), letter("two"))
    await world.commit(letter("three"), letter("other", "a:2"))
    assert world.channel.taken == ["other"]

    await world.later(timedelta(seconds=5))

    assert world.channel.taken == ["other", "one", "two", "three"]


async def test_the_channel_says_how_long_to_wait(world: World) -> None:
    """Retry-After is obeyed to the second."""
    world.channel.failures = [DeliveryDelayed("429", retry_after=30.0)]
    await world.commit(letter("one"))

    await world.later(timedelta(seconds=29))
    assert world.channel.taken == []
    await world.later(timedelta(seconds=1))

    assert world.channel.taken == ["one"]


async def test_waits_grow_and_have_an_end(world: World) -> None:
    """What fails again and again is tried at growing intervals and then given up, visibly."""
    world.channel.failures = [DeliveryDelayed("401")] * ATTEMPTS
    await world.commit(letter("lost", ticket="t"))
    for _ in range(ATTEMPTS):
        await world.later(LONGEST_WAIT)

    assert world.channel.taken == []
    assert world.channel.failures == []
    assert await world.dead() == 1
    assert await world.store.run(lambda unit: unit.undelivered(TicketId("t"))) == ["401"]


async def test_a_refusal_is_final_and_blocks_nobody(world: World) -> None:
    """A parcel that will never be accepted is given up at once; the next one leaves."""
    world.channel.failures = [DeliveryRefused("403")]
    await world.commit(letter("never"), letter("next"))

    assert world.channel.taken == ["next"]
    assert await world.dead() == 1


async def test_another_process_takes_what_a_dead_one_left(world: World) -> None:
    """A lease that ran out is free again."""
    parcel = letter("orphan")
    await world.store.run(
        lambda unit: unit.enqueue(parcel, world.now, lease_until=world.now + LEASE)
    )
    other = world.another()
    await other.settle()
    assert world.channel.taken == []

    world.now += LEASE
    await other.settle()

    assert world.channel.taken == ["orphan"]


async def test_what_belongs_to_a_post_goes_where_it_landed(world: World) -> None:
    """Card, line and new card, committed together, leave at once and in order, and the later ones find the first."""
    world.channel.failures = [DeliveryDelayed("429", retry_after=1.0)]
    await world.commit(post("posted"), line("said"), revision("revised"))
    assert world.channel.taken == []

    await world.later(SECOND)

    where = Placed(ConversationId("a:1"), "activity-1")
    assert world.channel.taken == ["posted", "said", "revised"]
    assert world.channel.placed == [None, where, where]
    assert await world.store.run(lambda unit: unit.place("card")) == where


async def test_a_reply_with_a_name_can_be_revised(world: World) -> None:
    """Where a named reply landed is remembered, so that the requester's own card can be brought up to date weeks later."""
    to = letter("").to
    await world.commit(Parcel(to=to, content=Reply(page("yours"), "ticket:t:requester")))
    await world.later(timedelta(days=20))
    await world.commit(revision("claimed", "ticket:t:requester"))

    assert world.channel.placed == [None, Placed(ConversationId("a:1"), "activity-1")]


async def test_what_belongs_to_a_lost_post_is_given_up(world: World) -> None:
    """A card that the channel refuses takes its lines and updates along, and then holds up nobody."""
    world.channel.failures = [DeliveryRefused("403")]
    await world.commit(post("never"), line("said"), revision("revised"), letter("next"))
    assert world.channel.taken == []

    for _ in range(8):
        await world.later(timedelta(seconds=10))

    assert world.channel.taken == ["next"]
    assert await world.dead() == 3


async def test_a_line_in_doubt_is_not_said_twice(world: World) -> None:
    """A line whose answer was lost is dropped: the card says the same. What stands behind it leaves at once."""
    await world.commit(post("posted"))
    world.channel.loses_answers = [DeliveryAmbiguous("time-out")]

    with structlog.testing.capture_logs() as logged:
        await world.commit(line("claimed"), letter("next"))
        await world.later(timedelta(hours=1))

    assert world.channel.taken == ["posted", "claimed", "next"]
    assert "line-in-doubt" in [entry["event"] for entry in logged]
    assert await world.unsent() == 0


async def test_a_message_in_doubt_waits_before_it_is_sent_again(world: World) -> None:
    """A reply whose answer was lost is sent once more, half a minute later and not earlier: at least once, by decision 6."""
    world.channel.loses_answers = [DeliveryAmbiguous("502")]
    await world.commit(letter("answer"), letter("next"))
    await world.later(UNSURE - SECOND)
    assert world.channel.taken == ["answer"]

    await world.later(SECOND)

    assert world.channel.taken == ["answer", "answer", "next"]


async def test_evidence_settles_a_doubt(world: World) -> None:
    """A press on a card that is in doubt proves that it came: it is not posted again, and updates find it."""
    world.channel.loses_answers = [DeliveryAmbiguous("504")]
    await world.commit(post("posted"), revision("revised"))
    seen = Placed(ConversationId("19:channel;messageid=7"), "7")
    await world.store.run(lambda unit: unit.arrived("card", seen))

    await world.later(UNSURE)

    assert world.channel.taken == ["posted", "revised"]
    assert world.channel.placed[-1] == seen


async def test_a_sink_is_told_where_its_ticket_is(world: World) -> None:
    """What a sink called a ticket comes back to it with each further change, one sink's troubles are not another channel's."""
    ticket = await opened(world)
    to = replace(letter("").to, channel="sink:rt", conversation=ConversationId(ticket.id))
    world.sink.failures = [DeliveryAmbiguous("time-out")]
    event = TicketEvent(NOW, "opened", ticket.draft.person)
    await world.commit(
        Parcel(to=to, content=News(ticket, event)),
        Parcel(to=to, content=News(ticket, replace(event, what="claimed"))),
        letter("for Teams", ticket.id),
    )
    assert world.channel.taken == ["for Teams"]

    await world.later(2 * SECOND)

    where = Placed(ConversationId(ticket.id), "activity-1")
    assert world.sink.taken == ["opened", "claimed"]
    assert world.sink.placed == [None, where]
    name = f"ticket:{ticket.id}:sink:rt"
    assert await world.store.run(lambda unit: unit.place(name)) == where


async def test_a_long_silence_that_the_channel_asks_for_is_kept(world: World) -> None:
    """An hour of Retry-After is an hour, also where our own waits end earlier; what comes meanwhile waits behind."""
    world.channel.failures = [DeliveryDelayed("429", retry_after=3_600.0)]
    await world.commit(letter("one"))
    await world.later(timedelta(minutes=59))
    await world.commit(letter("two"))
    assert world.channel.taken == []

    await world.later(timedelta(minutes=1))

    assert world.channel.taken == ["one", "two"]


async def test_waiting_for_others_is_no_attempt(world: World) -> None:
    """What stands behind a parcel in trouble is not worn out by it: only its own failures count."""
    world.channel.failures = [DeliveryDelayed("429", retry_after=1.0)] * (ATTEMPTS - 1)
    await world.commit(letter("troubled"), letter("patient"))
    for _ in range(ATTEMPTS):
        await world.later(LONGEST_WAIT)
    assert world.channel.taken == ["troubled", "patient"]

    world.channel.failures = [DeliveryDelayed("429", retry_after=1.0)]
    await world.commit(letter("once more"))
    await world.later(SECOND)

    assert world.channel.taken[-1] == "once more"


async def test_a_parcel_that_breaks_its_sender_holds_up_nobody_for_ever(world: World) -> None:
    """An error of ours while sending counts as a failed attempt: it is logged, and others leave meanwhile."""
    world.channel.failures = [TypeError("a bug")]
    with structlog.testing.capture_logs() as logged:
        await world.commit(letter("unlucky"))
        await world.commit(letter("lucky", "a:2"))
    await world.later(2 * SECOND)

    assert world.channel.taken == ["lucky", "unlucky"]
    [entry] = [one for one in logged if one["event"] == "delivery-postponed"]
    assert entry["detail"] == "TypeError"


async def test_giving_up_is_told_in_the_same_transaction(world: World) -> None:
    """What is sent because a parcel was given up leaves, and is itself not told about when the channel refuses that, too."""
    heard: list[tuple[str, str, Sequence[str]]] = []

    def undeliverable(unit: Unit, parcel: Parcel, why: str) -> Sequence[Parcel]:
        heard.append((text_of(parcel.content), why, unit.undelivered(TicketId("t"))))
        return (letter("not notified", "19:triage", ticket="t"), letter("marked", "a:3"))

    world.outbox.undeliverable = undeliverable
    world.channel.failures = [DeliveryRefused("403"), DeliveryRefused("403 as well")]
    await world.commit(letter("notice", ticket="t"))

    assert heard == [("notice", "403", ["403"])]
    assert world.channel.taken == ["marked"]
    assert await world.dead() == 2


async def test_giving_up_survives_a_bug_in_who_is_told(world: World) -> None:
    """An error while telling of a given-up parcel is logged without its words; the parcel stays given up, and others stay sent."""

    def undeliverable(unit: Unit, parcel: Parcel, why: str) -> Sequence[Parcel]:
        raise RuntimeError(f"{unit} {parcel} {why}")

    world.outbox.undeliverable = undeliverable
    world.channel.failures = [DeliveryRefused("403")]
    with structlog.testing.capture_logs() as logged:
        await world.commit(letter("private notice", ticket="t"), letter("next"))

    assert world.channel.taken == ["next"]
    assert await world.dead() == 1
    assert "given-up-untold" in [entry["event"] for entry in logged]
    assert "private" not in str(logged)


async def test_nobody_is_told_of_what_is_no_tickets(world: World) -> None:
    """A reply of a dialog that cannot be delivered belongs to no ticket: nobody is told."""
    heard: list[str] = []

    def undeliverable(_unit: Unit, _parcel: Parcel, why: str) -> Sequence[Parcel]:
        heard.append(why)
        return ()

    world.outbox.undeliverable = undeliverable
    world.channel.failures = [DeliveryRefused("403")]
    await world.commit(letter("reply"))

    assert heard == []


async def test_a_notice_waits_for_a_pause(world: World) -> None:
    """In the middle of a dialog a notice is held back and answers pass it; after silence the sweep sends it."""
    await stands_in_a_dialog(world)
    notice = replace(letter("claimed by Kari"), waits_for_pause=True)
    await world.commit(notice)
    await world.commit(letter("answer"))
    await world.later(PAUSE - SECOND)
    assert world.channel.taken == ["answer"]

    await world.later(2 * SECOND)

    assert world.channel.taken == ["answer", "claimed by Kari"]


async def test_a_clock_that_jumps_back_stops_nothing(world: World) -> None:
    """An hour back, what waits for another attempt leaves now and not in an hour; so does what comes then."""
    world.channel.failures = [DeliveryDelayed("401")] * 2
    await world.commit(letter("one"), letter("behind"))
    await world.commit(letter("another", "a:2"))
    world.now -= timedelta(hours=1)

    await world.outbox.settle()
    await world.commit(letter("new", "a:3"))

    assert sorted(world.channel.taken) == ["another", "behind", "new", "one"]


async def test_a_clock_that_jumps_back_between_two_runs_stops_nothing(world: World) -> None:
    """What a process left that had the wrong time is sent by the next one, which has the right time."""
    await world.store.run(lambda unit: unit.enqueue(letter("left"), NOW + timedelta(days=1)))
    await world.another().settle()

    assert world.channel.taken == ["left"]


async def test_no_more_is_taken_than_can_be_sent(world: World) -> None:
    """Of a flood a process takes so much in hand and leaves the rest in the store; all of it leaves, each once."""
    world.channel.gate.clear()
    many = [letter(f"{number}", f"a:{number}") for number in range(IN_HAND + 50)]
    await world.outbox.commit(lambda _unit: (None, many))
    assert await world.outbox.sweep() == 0
    world.channel.gate.set()
    await world.outbox.settle()

    assert sorted(world.channel.taken) == sorted(str(number) for number in range(IN_HAND + 50))


async def test_a_lease_that_runs_out_in_the_line_sends_nothing_twice(world: World) -> None:
    """What this process still holds behind a slow send is not taken a second time by its own sweep."""
    world.channel.gate.clear()
    await world.outbox.commit(lambda _unit: (None, (letter("slow"), letter("behind"))))
    world.now += LEASE + timedelta(seconds=1)
    await world.outbox.sweep()
    world.channel.gate.set()
    await world.outbox.settle()

    assert world.channel.taken == ["slow", "behind"]


async def opened(world: World) -> Ticket:
    """Return a ticket that was just opened."""
    return await world.store.run(lambda unit: unit.open_ticket(draft()))


async def stands_in_a_dialog(world: World) -> None:
    """Put the person of conversation a:1 in the middle of a dialog."""
    to = letter("").to
    key = SessionKey(to.channel, to.conversation, to.user_key or to.user)
    session = session_at(ArticleId("5.1.10"), NodeId("who-are-you"))
    await world.store.run(lambda unit: unit.save_session(key, session, world.now))


async def test_an_answer_stays_one_behind_another_instance(world: World) -> None:
    """Whoever sends it in the end knows that somebody waits for it; a notice has no such mark, nor has what is long past."""
    other = world.another()
    world.channel.gate.clear()
    await world.outbox.commit(lambda _unit: (None, [letter("one")]))
    notice = replace(letter("notice", "a:2"), waits_for_pause=True)
    await other.commit(lambda _unit: (None, [letter("two"), notice]))
    world.channel.gate.set()
    await world.outbox.settle()
    await other.settle()
    await world.outbox.settle()

    assert world.channel.taken == ["notice", "one", "two"]
    marks = {text_of(parcel.content): parcel.awaited for parcel in world.channel.parcels}
    assert marks == {"one": NOW, "two": NOW, "notice": None}
