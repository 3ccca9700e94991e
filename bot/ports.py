"""What the shell needs from outside, as Protocols. `compose` chooses who provides it.

The store runs one function per transaction: `await store.run(work)` calls `work(unit)` inside a transaction, commits,
and returns what `work` returned. `work` is synchronous and touches nothing but the unit, so the store may call it in a
thread of its own and may call it again after a conflict.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import NewType, Protocol, TypeVar

import msgspec

from bot.model.effects import RecordFeedback, RecordOutcome
from bot.model.event import Address
from bot.model.ids import ConversationId, TicketId
from bot.model.outgoing import Outgoing
from bot.model.session import Session, Unreadable
from bot.model.ticket import Draft, State, Ticket, TicketEvent

Result = TypeVar("Result")

ParcelId = NewType("ParcelId", int)


class SessionKey(msgspec.Struct, frozen=True):
    """Whose session, and where: in a group every person has their own."""

    channel: str
    conversation: ConversationId
    user: str


class Placed(msgspec.Struct, frozen=True):
    """Where a message ended up: what an update of it needs."""

    conversation: ConversationId
    activity: str


class Reply(msgspec.Struct, frozen=True, tag="reply"):
    """A page for one person or conversation."""

    page: Outgoing


class NewPost(msgspec.Struct, frozen=True, tag="new-post"):
    """A page that starts a thread in a Teams channel; where it lands is remembered under `name`."""

    page: Outgoing
    name: str


class Revision(msgspec.Struct, frozen=True, tag="revision"):
    """A page in the place of the one that was posted under `name`."""

    page: Outgoing
    name: str


Content = Reply | NewPost | Revision


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to send. Parcels of one conversation leave in the order they were committed."""

    to: Address
    content: Reply | NewPost | Revision
    ticket: TicketId | None = None
    """The ticket it tells about: a parcel that can never be delivered is marked there."""


class Leased(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel that this process may send now."""

    id: ParcelId
    parcel: Parcel
    attempts: int
    """Attempts before this one."""


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

    def open_ticket(self, draft: Draft) -> Ticket:
        """Store a draft under the next number (sequential from 1001, never reused) with its `opened` event.

        A draft whose id is stored already returns that ticket: opening twice opens once.
        """

    def ticket(self, number: int) -> Ticket:
        """Return a ticket by its number. Raises UnknownTicket."""

    def ticket_by_id(self, ticket: TicketId) -> Ticket:
        """Return a ticket by its opaque id. Raises UnknownTicket."""

    def tickets(
        self, states: Collection[State] | None = None, limit: int = 100
    ) -> Sequence[Ticket]:
        """Return tickets, newest first, without their original texts."""

    def ticket_events(self, ticket: TicketId) -> Sequence[TicketEvent]:
        """Return what happened to a ticket, oldest first."""

    def change_ticket(self, ticket: Ticket, event: TicketEvent) -> Ticket:
        """Store a changed ticket and its event; return it with its new version. Raises StoreConflict."""

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
        """

    def lease(
        self, channels: Collection[str], now: datetime, until: datetime, limit: int
    ) -> Sequence[Leased]:
        """Take parcels that are due: for each conversation only the oldest unsent one, never one that is leased."""

    def sent(self, parcel: ParcelId, at: datetime, placed: Placed | None) -> None:
        """Mark a parcel as sent; a NewPost's place is remembered under its name."""

    def postpone(self, parcel: ParcelId, due: datetime, why: str) -> None:
        """Give a parcel back after a failed attempt, to be tried again."""

    def give_up(self, parcel: ParcelId, at: datetime, why: str) -> None:
        """Mark a parcel as undeliverable; it no longer blocks its conversation."""

    def place(self, name: str) -> Placed | None:
        """Return where a NewPost landed."""

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


class Purged(msgspec.Struct, frozen=True, kw_only=True):
    """How much was deleted."""

    answers: int
    sessions: int
    texts: int
    parcels: int


class Upkeep(Protocol):
    """What operators and statistics need of the store, beside the turns. Everything raises StoreUnavailable as `Store.run` does."""

    async def health(self) -> None:
        """Return when the database takes transactions; raise StoreUnavailable when it does not."""

    async def counts(self, now: datetime) -> Counts:
        """Return what stands in the queue and in the outbox at a moment."""

    async def outcomes(self, since: datetime, until: datetime) -> Sequence[Recorded]:
        """Return how the dialogs came out that last changed in a span of time (`until` not included), oldest first."""

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

        `placed`: for a Revision, where the post to replace is. Raises DeliveryRefused, DeliveryDelayed or
        DeliveryAmbiguous (see `bot.model.errors`).
        """


class Queue(Protocol):
    """The triage queue as the shell sees it."""

    def opened(self, ticket: Ticket) -> Sequence[Parcel]:
        """Return what tells the helpdesk about a new ticket; empty where no channel is configured."""


class Clock(Protocol):
    """The time."""

    def __call__(self) -> datetime:
        """Return the present moment, in UTC."""


class NewId(Protocol):
    """A source of ids."""

    def __call__(self) -> str:
        """Return an id that nobody can guess and that never repeats."""
