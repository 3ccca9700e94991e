"""What the shell needs from outside, as Protocols. `compose` chooses who provides it.

The store runs one function per transaction: `await store.run(work)` calls `work(unit)` inside a transaction, commits,
and returns what `work` returned. `work` is synchronous and touches nothing but the unit, so the store may call it in a
thread of its own and may call it again after a conflict.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType, Protocol, TypeVar

import msgspec

from bot.model.effects import RecordFeedback, RecordOutcome
from bot.model.event import Address, Mention, Person
from bot.model.ids import ConversationId, Language, QueueId, TicketId
from bot.model.outgoing import Outgoing
from bot.model.session import Session, Unreadable
from bot.model.ticket import Draft, KnownProblem, State, Ticket, TicketEvent

Result = TypeVar("Result")

ParcelId = NewType("ParcelId", int)


class SessionKey(msgspec.Struct, frozen=True):
    """Whose session, and where: in a group every person has their own."""

    channel: str
    conversation: ConversationId
    user: str


def session_key(address: Address) -> SessionKey:
    """Return whose session an address belongs to: one for each person in each conversation."""
    return SessionKey(address.channel, address.conversation, address.person.key)


class Placed(msgspec.Struct, frozen=True):
    """Where a message ended up: what an update of it needs."""

    conversation: ConversationId
    activity: str


class Reply(msgspec.Struct, frozen=True, tag="reply"):
    """A page for one person or conversation; where it lands is remembered under `name`, if it has one."""

    page: Outgoing
    name: str = ""


class NewPost(msgspec.Struct, frozen=True, tag="new-post"):
    """A page that starts a thread in a Teams channel; where it lands is remembered under `name`."""

    page: Outgoing
    name: str


class Revision(msgspec.Struct, frozen=True, tag="revision"):
    """A page in the place of the one that was posted under `name`."""

    page: Outgoing
    name: str


class Line(msgspec.Struct, frozen=True, tag="line"):
    """One short line of plain text in the thread of the post under `name`, with the people it alerts."""

    text: str
    name: str
    language: Language
    mentions: tuple[Mention, ...] = ()


class News(msgspec.Struct, frozen=True, tag="news"):
    """A change of a ticket, for a sink. `ticket` is as it stood after the change, with its original text where it was just opened."""

    ticket: Ticket
    event: TicketEvent


Content = Reply | NewPost | Revision | Line | News


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to send. Parcels of one conversation leave in the order they were committed."""

    to: Address
    content: Reply | NewPost | Revision | Line | News
    ticket: TicketId | None = None
    """The ticket it tells about: a parcel that can never be delivered is marked there."""
    waits_for_pause: bool = False
    """It must not interrupt: while its person is in the middle of a dialog it is held back (see `Unit.enqueue`)."""
    awaited: datetime | None = None
    """Since when somebody waits for it as the answer to what they just did; None: nobody does. The outbox says so, not who makes it."""

    @property
    def lands_as(self) -> str:
        """The name under which the place where it lands is remembered; empty: nobody asks for it later.

        What a sink calls a ticket is remembered under the name that its first News gives it.
        """
        content = self.content
        if isinstance(content, News):
            return f"ticket:{content.ticket.id}:{self.to.channel}"
        return content.name if isinstance(content, Reply | NewPost) else ""


class Leased(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel that this process may send now."""

    id: ParcelId
    parcel: Parcel
    attempts: int
    """Attempts before this one."""


class Listing(StrEnum):
    """Which tickets an agent lists. The values are the message extension's command parameters: stable for ever."""

    RECENT = "recent"
    """All, newest first."""
    UNASSIGNED = "unassigned"
    """New ones."""
    MINE = "mine"
    """Open ones that are assigned to whoever asks."""
    CLOSED = "closed"
    """Resolved, closed and withdrawn ones."""


class RosterChange(msgspec.Struct, frozen=True):
    """Who changed who is on call."""

    at: datetime
    by: Person
    people: tuple[Mention, ...]
    """As it was then."""


class Roster(msgspec.Struct, frozen=True):
    """Who is alerted about new tickets of a queue."""

    people: tuple[Mention, ...] = ()
    changes: tuple[RosterChange, ...] = ()
    """The last ten, newest last."""


def requester_card_name(ticket: TicketId) -> str:
    """Return the name under which the place of the requester's own card of a ticket is remembered."""
    return f"ticket:{ticket}:requester"


FALLBACK = QueueId("")
"""The queue that takes what no rule of the content does: the channel of the settings."""

PAUSE = timedelta(minutes=5)
"""A dialog in which nothing was said for so long no longer holds back what waits."""


class Unit(Protocol):
    """One transaction."""

    def answered(self, key: SessionKey, activity: str) -> bytes | None:
        """Return what was remembered for an activity, or None when it was never seen."""

    def remember(self, key: SessionKey, activity: str, answer: bytes, at: datetime) -> None:
        """Remember that an activity was handled, with the answer a second delivery of it gets (may be empty)."""

    def session(self, key: SessionKey) -> Session | Unreadable | None:
        """Return the stored session."""

    def save_session(self, key: SessionKey, session: Session, at: datetime) -> None:
        """Store a session. Raises StoreConflict when it changed since this unit read it."""

    def open_ticket(self, draft: Draft, queue: QueueId = FALLBACK) -> Ticket:
        """Store a draft under the next number (sequential from 1001, never reused) in a queue, with its `opened` event.

        A draft whose id is stored already returns that ticket: opening twice opens once.
        """

    def ticket(self, number: int) -> Ticket:
        """Return a ticket by its number. Raises UnknownTicket."""

    def ticket_by_id(self, ticket: TicketId) -> Ticket:
        """Return a ticket by its opaque id. Raises UnknownTicket."""

    def tickets_by_id(self, tickets: Collection[TicketId]) -> Sequence[Ticket]:
        """Return those of some tickets that there are, oldest first, without their original texts."""

    def tickets_of(self, person: str, limit: int = 20) -> Sequence[Ticket]:
        """Return a requester's own tickets (by `Person.key`), newest first, without their original texts."""

    def joined_to(self, parent: TicketId) -> Sequence[Ticket]:
        """Return the tickets that were joined to one, oldest first, without their original texts.

        Locks the one and them against other changes: whoever joins another ticket to it must know that it stays as they then read it.
        """

    def alike(self, signatures: Collection[str], since: datetime) -> Sequence[Ticket]:
        """Return open tickets that are joined to no other, opened since, with one of the signatures; oldest first."""

    def search(
        self, words: str, kind: Listing, person: str, *, skip: int = 0, limit: int = 25
    ) -> Sequence[Ticket]:
        """Return tickets that have every word, newest first, without their original texts.

        A word is a number (`1042`, `#1042`) or the beginning of an address, a domain, a code, a host or a part of the requester's name;
        case does not matter. What a search costs does not grow with the number of tickets.
        """

    def tickets(
        self, states: Collection[State] | None = None, limit: int = 100
    ) -> Sequence[Ticket]:
        """Return tickets, newest first, without their original texts."""

    def ticket_events(self, ticket: TicketId) -> Sequence[TicketEvent]:
        """Return what happened to a ticket, oldest first."""

    def change_ticket(self, ticket: Ticket, event: TicketEvent) -> Ticket:
        """Store a changed ticket and its event; return it with its new version. Raises StoreConflict."""

    def queued(self, ticket: TicketId) -> int:
        """Return how many parcels that tell about a ticket are still unsent and not given up."""

    def undelivered(self, ticket: TicketId) -> Sequence[str]:
        """Return why parcels of a ticket could not be delivered, oldest first; empty when all is well."""

    def enqueue(
        self,
        parcel: Parcel,
        due: datetime,
        *,
        lease_until: datetime | None = None,
        behind: Collection[ParcelId] = (),
    ) -> Leased | None:
        """Put a parcel in the outbox; with a lease, this process will send it itself right after the commit.

        Returns None when no lease was asked for, or none could be given because an older parcel of the same conversation is still unsent
        that is neither one of `behind` (what this process holds already) nor leased by this unit: then the parcel waits its turn.

        A parcel that `waits_for_pause` while its person stands in the middle of a dialog (their session in that conversation says so and
        was saved within `PAUSE` before `due`) is held back instead: it is in nobody's way until `release` or `release_paused`.
        """

    def release(self, key: SessionKey) -> Sequence[Parcel]:
        """Take what is held back for somebody, oldest first: their dialog has come to a pause. The caller enqueues it."""

    def release_paused(self, now: datetime, limit: int = 100) -> Sequence[Parcel]:
        """Take what is held back for people who have said nothing within `PAUSE`, oldest first. The caller enqueues it."""

    def clock_went_back(self, now: datetime, longest: timedelta) -> None:
        """Make due now what a clock that was ahead made due too late: what was enqueued after now, or is due later than `longest` from now.

        Leases are left alone: those of other processes were given by their own clocks.
        """

    def lease(
        self, channels: Collection[str], now: datetime, until: datetime, limit: int
    ) -> Sequence[Leased]:
        """Take parcels that are due: for each conversation only the oldest unsent one, never one that is leased."""

    def renew(self, parcel: ParcelId, held: datetime, until: datetime) -> bool:
        """Lengthen a lease that ends at `held`. False when it is no longer this one's: the parcel is gone, given up or leased anew."""

    def sent(self, parcel: ParcelId, at: datetime, placed: Placed | None) -> None:
        """Mark a parcel as sent; where it landed is remembered under the name it gives (`Parcel.lands_as`)."""

    def give_back(self, parcel: ParcelId, due: datetime) -> None:
        """Give a parcel back that was not tried: its lease ends, its attempts stay as they are."""

    def postpone(self, parcel: ParcelId, due: datetime, why: str) -> None:
        """Give a parcel back after a failed attempt, to be tried again."""

    def give_up(self, parcel: ParcelId, at: datetime, why: str) -> None:
        """Mark a parcel as undeliverable; it no longer blocks its conversation."""

    def place(self, name: str) -> Placed | None:
        """Return where a NewPost or a Reply with a name landed."""

    def posts_in(self, conversation: ConversationId) -> Sequence[str]:
        """Return the names of what was posted in a conversation, oldest first; in a Teams channel each thread is one."""

    def in_doubt(self, name: str) -> bool:
        """Tell whether what is to land under a name is being sent or was tried, and nobody knows yet whether it arrived."""

    def arrived(self, name: str, placed: Placed) -> None:
        """Learn from the channel itself where the post under a name landed; a parcel of that name that is still unsent has been sent."""

    def roster(self, queue: QueueId) -> Roster:
        """Return who is on call for a queue."""

    def save_roster(self, queue: QueueId, roster: Roster) -> None:
        """Store who is on call for a queue. Raises StoreConflict when it changed since this unit read it."""

    def record_sighting(self, signatures: Collection[str], person: str, at: datetime) -> None:
        """Remember that somebody has met a problem; meeting it again moves the time."""

    def sightings(self, signatures: Collection[str], since: datetime, but: str) -> int:
        """Return how many people other than `but` have met a problem with one of the signatures since."""

    def record_outcome(self, outcome: RecordOutcome, at: datetime) -> None:
        """Insert or overwrite the outcome of a dialog."""

    def record_feedback(self, feedback: RecordFeedback, at: datetime) -> None:
        """Store whether a dialog helped; the last word counts."""


class Store(Protocol):
    """Where everything is kept."""

    async def run(self, work: Callable[[Unit], Result]) -> Result:
        """Run one transaction and return what `work` returned. Conflicts are retried a few times.

        Raises StoreUnavailable (database locked, gone, full) or StoreConflict; either way nothing was written, unless the
        connection or the disk broke during the commit itself: then nobody can know. Anything `work` raises rolls back and comes through.
        """

    async def close(self) -> None:
        """Finish what runs and let go of the database."""


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in the queue and in the outbox."""

    tickets: dict[str, int]
    """By state; every state is there."""
    unsent: int
    oldest_seconds: float
    """Age of the oldest unsent parcel, 0 when there is none."""
    dead: int
    """Parcels given up."""


class Dead(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel that was given up."""

    id: ParcelId
    parcel: Parcel | None
    """None: an earlier version stored it in a way that this one cannot read."""
    attempts: int
    why: str
    at: datetime


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """How a dialog came out, for statistics."""

    outcome: RecordOutcome
    began: datetime
    changed: datetime
    useful: bool | None
    """What the user said when asked whether it helped; None: nothing."""


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """How long things are kept that nobody needs for ever."""

    answers: timedelta = timedelta(days=1)
    """Ids of handled activities with their answers: a channel redelivers within minutes."""
    sessions: timedelta = timedelta(days=30)
    """Sessions that nobody went on with; they hold the pasted text."""
    texts: timedelta = timedelta(days=90)
    """Pasted texts of resolved tickets, counted from the resolution. The ticket itself stays."""
    dead: timedelta = timedelta(days=90)
    """Parcels that were given up."""
    tickets: timedelta = timedelta(days=730)
    """Tickets that are closed or withdrawn, with their history."""
    statistics: timedelta = timedelta(days=730)
    """Outcomes of dialogs and feedback. They name nobody."""
    sightings: timedelta = timedelta(days=7)
    """Who met which problem."""


class Purged(msgspec.Struct, frozen=True, kw_only=True):
    """How much was deleted."""

    answers: int
    sessions: int
    texts: int
    parcels: int
    tickets: int = 0
    statistics: int = 0
    sightings: int = 0


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """How a ticket went, for statistics. Names nobody."""

    number: int
    state: State
    queue: QueueId
    code: str | None
    article: str | None
    language: Language
    urgent: bool
    opened: datetime
    claimed: datetime | None
    resolved: datetime | None


class Upkeep(Protocol):
    """What operators and statistics need of the store, beside the turns. Everything raises StoreUnavailable as `Store.run` does."""

    async def health(self) -> None:
        """Return when the database takes transactions; raise StoreUnavailable when it does not."""

    async def counts(self, now: datetime) -> Counts:
        """Return what stands in the queue and in the outbox at a moment."""

    async def outcomes(self, since: datetime, until: datetime) -> Sequence[Recorded]:
        """Return how the dialogs came out that last changed in a span of time (`until` not included), oldest first."""

    async def courses(self, since: datetime, until: datetime) -> Sequence[Course]:
        """Return how the tickets went that were opened in a span of time (`until` not included), oldest first."""

    async def overdue(self, before: datetime, limit: int = 100) -> Sequence[Ticket]:
        """Return resolved tickets that nobody has said anything about since, oldest first: they can be closed."""

    async def held_about(self, person: str) -> Mapping[str, object]:
        """Return everything that is kept about a person (by `Person.key`), as JSON-ready values by kind of data."""

    async def forget(self, person: str, now: datetime) -> Mapping[str, int]:
        """Delete what is kept about a person; return how much of each kind.

        Sessions, answers, sightings, held parcels and unsent parcels to them go. Their tickets stay for the helpdesk's books, without the
        person: name, ids, address, note, texts and what the bounce said are blanked, in the tickets and in their history.
        """

    async def abandon(self, before: datetime) -> int:
        """Mark dialogs as abandoned that nobody has gone on with since; return how many. They keep their times."""

    async def dead(self, limit: int = 100) -> Sequence[Dead]:
        """Return parcels that could not be delivered, oldest first."""

    async def resend(self, parcel: ParcelId, due: datetime) -> bool:
        """Put a parcel that could not be delivered back in the outbox; tell whether there was one."""

    async def purge(self, now: datetime, retention: Retention | None = None) -> Purged:
        """Delete what is no longer needed; return how much went."""


class WholeStore(Store, Upkeep, Protocol):
    """A store with its upkeep: what `bot.store.open_store` gives."""


class Sender(Protocol):
    """A way to deliver parcels of one channel."""

    async def send(self, parcel: Parcel, placed: Placed | None) -> Placed | None:
        """Deliver a parcel once, without retrying, and say where it landed.

        `placed`: for a Revision, where the post to replace is; for a Line, where the post is whose thread it belongs in; for News, what
        the sink returned for the ticket's first one. Raises DeliveryRefused, DeliveryDelayed or
        DeliveryAmbiguous (see `bot.model.errors`).
        """


class Queue(Protocol):
    """The triage queue as the shell sees it, within one transaction. Requesters come through here; agents press and type."""

    def opened(self, unit: Unit, draft: Draft, now: datetime) -> tuple[Ticket, Sequence[Parcel]]:
        """Put a draft in the queue: route it, join it to the incident it belongs to, tell the helpdesk."""

    def told(
        self, unit: Unit, ticket: TicketId, text: str, by: Person, now: datetime
    ) -> Sequence[Parcel]:
        """Put what the requester wrote on their ticket. An answer to a resolved ticket opens it again; one that is over keeps it."""

    def confirmed(
        self, unit: Unit, ticket: TicketId, by: Person, now: datetime
    ) -> Sequence[Parcel]:
        """Close a resolved ticket for its requester. Does nothing where it is no longer resolved."""

    def known(
        self, unit: Unit, signatures: Collection[str], person: str, now: datetime
    ) -> KnownProblem | None:
        """Tell whether the helpdesk works on a problem already that others have met, too."""

    def requester_page(
        self, unit: Unit, ticket: TicketId, language: Language, *, again: bool = False
    ) -> Outgoing:
        """Return the requester's own card of a ticket; `again`: it was shown before."""

    def own_tickets(self, unit: Unit, person: str, language: Language) -> Outgoing:
        """Return the page of a person's own tickets, open and closed."""


class Expiry(msgspec.Struct, frozen=True):
    """Something without which the bot falls silent, and when it ends."""

    name: str
    """The setting it came in: `app_password`, `app_certificate`."""
    at: datetime


class Ending(msgspec.Struct, frozen=True):
    """What ends soon, or has ended."""

    name: str
    at: datetime
    days: int
    """Days left, a day begun counted as whole; 0: it is over."""

    @property
    def expired(self) -> bool:
        """Whether it is over."""
        return self.days == 0


class Clock(Protocol):
    """The time."""

    def __call__(self) -> datetime:
        """Return the present moment, in UTC."""


class NewId(Protocol):
    """A source of ids."""

    def __call__(self) -> str:
        """Return an id that nobody can guess and that never repeats."""
