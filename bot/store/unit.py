"""One transaction on the tables. The same statements run on both databases.

Statements are built once: SQLAlchemy compiles each one once and finds it again by its identity.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace
from sqlalchemy import (
    BindParameter,
    Connection,
    Executable,
    Select,
    and_,
    bindparam,
    not_,
    or_,
    select,
)

from bot.model.effects import RecordFeedback, RecordOutcome
from bot.model.errors import StoreConflict, UnknownTicket
from bot.model.ids import ConversationId, TicketId
from bot.model.session import Session, Unreadable
from bot.model.ticket import Draft, Person, State, Ticket, TicketEvent
from bot.ports import Leased, NewPost, Parcel, ParcelId, Placed, SessionKey
from bot.store.tables import (
    activities,
    counters,
    outcomes,
    parcels,
    places,
    sessions,
    ticket_events,
    ticket_texts,
    tickets,
)
from bot.store.tables import feedback as opinions

FIRST_NUMBER = 1001
"""Number of the first ticket."""

_OF_PERSON: dict[str, BindParameter[str]] = {
    name: bindparam(f"of_{name}") for name in ("channel", "conversation", "person")
}

_ANSWERED = select(activities.c.answer).where(
    *(activities.c[name] == value for name, value in _OF_PERSON.items()),
    activities.c.activity == bindparam("of_activity"),
)
_REMEMBER = activities.insert()

# Locked on PostgreSQL, so that turns of one person come one after the other instead of being thrown away and taken again.
_SESSION = (
    select(sessions.c.document, sessions.c.version)
    .where(*(sessions.c[name] == value for name, value in _OF_PERSON.items()))
    .with_for_update()
)
_NEW_SESSION = sessions.insert()
_CHANGE_SESSION = sessions.update().where(
    *(sessions.c[name] == value for name, value in _OF_PERSON.items()),
    sessions.c.version == bindparam("of_version"),
)

_NEXT_NUMBER = (
    counters.update().where(counters.c.name == "ticket").values(value=counters.c.value + 1)
)
_NUMBER = select(counters.c.value).where(counters.c.name == "ticket")
_FIRST_NUMBER = counters.insert().values(name="ticket", value=FIRST_NUMBER)
_NEW_TICKET = tickets.insert()
_NEW_TEXT = ticket_texts.insert()
_NEW_EVENT = ticket_events.insert()
_WHOLE_TICKET: Select[Any] = select(tickets.c.document, ticket_texts.c.document).select_from(
    tickets.outerjoin(ticket_texts)
)
_TICKET = _WHOLE_TICKET.where(tickets.c.number == bindparam("of_number"))
_TICKET_BY_ID = _WHOLE_TICKET.where(tickets.c.id == bindparam("of_id"))
_TICKETS = select(tickets.c.document).order_by(tickets.c.number.desc()).limit(bindparam("most"))
_TICKETS_IN = _TICKETS.where(tickets.c.state.in_(bindparam("of_states", expanding=True)))
_EVENTS = (
    select(ticket_events.c.document)
    .where(ticket_events.c.ticket == bindparam("of_ticket"))
    .order_by(ticket_events.c.id)
)
_CHANGE_TICKET = tickets.update().where(
    tickets.c.id == bindparam("of_id"), tickets.c.version == bindparam("of_version")
)
_TICKET_EXISTS = select(tickets.c.version).where(tickets.c.id == bindparam("of_id"))

_BY_ID = parcels.c.id == bindparam("of_id")
_ENQUEUE = parcels.insert()
_UNSENT = select(parcels.c.id).where(
    parcels.c.channel == bindparam("of_channel"),
    parcels.c.conversation == bindparam("of_conversation"),
    parcels.c.given_up.is_(None),
)
_other = parcels.alias("other")
_LEASABLE = (
    select(parcels.c.id, parcels.c.attempts)
    .where(
        parcels.c.given_up.is_(None),
        parcels.c.due <= bindparam("now"),
        or_(parcels.c.leased_until.is_(None), parcels.c.leased_until <= bindparam("now")),
        parcels.c.channel.in_(bindparam("of_channels", expanding=True)),
        not_(
            select(_other.c.id)
            .where(
                _other.c.channel == parcels.c.channel,
                _other.c.conversation == parcels.c.conversation,
                _other.c.given_up.is_(None),
                or_(
                    _other.c.id < parcels.c.id,
                    and_(_other.c.id > parcels.c.id, _other.c.leased_until > bindparam("now")),
                ),
            )
            .exists()
        ),
    )
    .order_by(parcels.c.due, parcels.c.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_LEASE = parcels.update().where(_BY_ID)
_DOCUMENT = select(parcels.c.document).where(_BY_ID)
_POST = select(parcels.c.post).where(_BY_ID)
_SENT = parcels.delete().where(_BY_ID)
_POSTPONE = (
    parcels.update()
    .where(_BY_ID, parcels.c.given_up.is_(None))
    .values(attempts=parcels.c.attempts + 1, leased_until=None)
)
_GIVE_UP = (
    parcels.update().where(_BY_ID).values(attempts=parcels.c.attempts + 1, leased_until=None)
)
_UNDELIVERED = (
    select(parcels.c.why)
    .where(parcels.c.ticket == bindparam("of_ticket"), parcels.c.given_up.is_not(None))
    .order_by(parcels.c.id)
)

_PLACE = select(places.c.conversation, places.c.activity).where(
    places.c.name == bindparam("of_name")
)
_NEW_PLACE = places.insert()
_MOVE_PLACE = places.update().where(places.c.name == bindparam("of_name"))
_NEW_OUTCOME = outcomes.insert()
_CHANGE_OUTCOME = outcomes.update().where(outcomes.c.session == bindparam("of_session"))
_NEW_FEEDBACK = opinions.insert()
_CHANGE_FEEDBACK = opinions.update().where(opinions.c.session == bindparam("of_session"))


class Rows(Protocol):
    """What the most used statements give."""

    @property
    def rowcount(self) -> int:
        """How many rows were changed."""

    @property
    def inserted_primary_key(self) -> Any | None:  # noqa: ANN401 - SQLAlchemy's row
        """The key that the new row got."""

    def first(self) -> Any | None:  # noqa: ANN401 - SQLAlchemy's row
        """Return the first row, or None when there is none."""

    def scalars(self) -> Iterable[Any]:
        """Return the first column of each row."""


class SqlUnit:
    """What one transaction can do (`bot.ports.Unit`)."""

    def __init__(self, connection: Connection) -> None:
        """Work on a connection whose transaction somebody else begins and ends."""
        self.connection = connection
        self.changed_tickets = False
        """Tickets were opened or changed: people rely on them, so they must survive a power cut."""
        self._versions: dict[SessionKey, int] = {}
        """Versions of the sessions that were read; 0: there was none."""
        self._free: dict[tuple[str, str], bool] = {}
        """Conversations that a parcel was enqueued for: whether this unit may send to them at once."""

    def _often(self, statement: Executable, values: Mapping[str, Any]) -> Rows:
        """Run one of the statements that every turn needs. A subclass may know a shorter way."""
        return self.connection.execute(statement, values)

    # ------------------------------------------------------------------------------------------------ turns

    def answered(self, key: SessionKey, activity: str) -> bytes | None:
        """Return what was remembered for an activity, or None when it was never seen."""
        row = self._often(_ANSWERED, _of(key) | {"of_activity": activity}).first()
        return None if row is None else row[0]

    def remember(self, key: SessionKey, activity: str, answer: bytes, at: datetime) -> None:
        """Remember that an activity was handled, with the answer a second delivery of it gets."""
        self._often(_REMEMBER, _key(key) | {"activity": activity, "answer": answer, "handled": at})

    def session(self, key: SessionKey) -> Session | Unreadable | None:
        """Return the stored session."""
        row = self._often(_SESSION, _of(key)).first()
        if row is None:
            self._versions[key] = 0
            return None
        session: Session | Unreadable
        session, self._versions[key] = row
        return session

    def save_session(self, key: SessionKey, session: Session, at: datetime) -> None:
        """Store a session. Raises StoreConflict when it changed since this unit read it."""
        if key not in self._versions:
            self.session(key)
        version = self._versions[key]
        values = {"document": session, "version": version + 1, "changed": at}
        if version == 0:
            self._often(_NEW_SESSION, _key(key) | values)
        else:
            where = _of(key) | {"of_version": version}
            if not self._often(_CHANGE_SESSION, where | values).rowcount:
                raise StoreConflict("A session changed.")
        self._versions[key] = version + 1

    # ---------------------------------------------------------------------------------------------- tickets

    def open_ticket(self, draft: Draft) -> Ticket:
        """Store a draft under the next number with its `opened` event; opening twice opens once."""
        stored = self.connection.execute(_TICKET_BY_ID, {"of_id": draft.id}).first()
        if stored is not None:
            return _whole(*stored)
        ticket = Ticket(number=self._next_number(), draft=draft, changed=draft.opened)
        self.connection.execute(_NEW_TICKET, {"id": ticket.id} | _columns(ticket))
        if draft.original is not None:
            self.connection.execute(_NEW_TEXT, {"ticket": ticket.id, "document": draft.original})
        requester = draft.requester
        by = Person(requester.user_key or requester.user, requester.user_name)
        self._add_event(ticket, TicketEvent(draft.opened, "opened", by))
        return ticket

    def ticket(self, number: int) -> Ticket:
        """Return a ticket by its number. Raises UnknownTicket."""
        row = self.connection.execute(_TICKET, {"of_number": number}).first()
        if row is None:
            raise UnknownTicket(f"#{number}")
        return _whole(*row)

    def ticket_by_id(self, ticket: TicketId) -> Ticket:
        """Return a ticket by its opaque id. Raises UnknownTicket."""
        row = self.connection.execute(_TICKET_BY_ID, {"of_id": ticket}).first()
        if row is None:
            raise UnknownTicket(ticket)
        return _whole(*row)

    def tickets(
        self, states: Collection[State] | None = None, limit: int = 100
    ) -> Sequence[Ticket]:
        """Return tickets, newest first, without their original texts."""
        if states is None:
            return self.connection.execute(_TICKETS, {"most": limit}).scalars().all()
        of_states = [state.value for state in states]
        found = self.connection.execute(_TICKETS_IN, {"most": limit, "of_states": of_states})
        return found.scalars().all()

    def ticket_events(self, ticket: TicketId) -> Sequence[TicketEvent]:
        """Return what happened to a ticket, oldest first."""
        return self.connection.execute(_EVENTS, {"of_ticket": ticket}).scalars().all()

    def change_ticket(self, ticket: Ticket, event: TicketEvent) -> Ticket:
        """Store a changed ticket and its event; return it with its new version.

        Raises StoreConflict when it is no longer at the version that was changed, UnknownTicket when it was never stored.
        """
        changed = replace(ticket, version=ticket.version + 1)
        where = {"of_id": ticket.id, "of_version": ticket.version}
        if not self.connection.execute(_CHANGE_TICKET, where | _columns(changed)).rowcount:
            if self.connection.execute(_TICKET_EXISTS, {"of_id": ticket.id}).first() is None:
                raise UnknownTicket(ticket.id)
            raise StoreConflict(f"#{ticket.number} changed.")
        self._add_event(changed, event)
        return changed

    def undelivered(self, ticket: TicketId) -> Sequence[str]:
        """Return why parcels of a ticket could not be delivered, oldest first."""
        return self.connection.execute(_UNDELIVERED, {"of_ticket": ticket}).scalars().all()

    # ----------------------------------------------------------------------------------------------- outbox

    def enqueue(
        self,
        parcel: Parcel,
        due: datetime,
        *,
        lease_until: datetime | None = None,
        behind: Collection[ParcelId] = (),
    ) -> Leased | None:
        """Put a parcel in the outbox; return it leased where that was asked for and nothing older waits."""
        to, content = parcel.to, parcel.content
        conversation = (to.channel, to.conversation)
        leased = lease_until is not None and self._is_free(conversation, behind)
        # What waits now holds back what this unit enqueues next for the same conversation.
        self._free[conversation] = leased
        inserted = self._often(
            _ENQUEUE,
            {
                "channel": to.channel,
                "conversation": to.conversation,
                "post": content.name if isinstance(content, NewPost) else None,
                "ticket": parcel.ticket,
                "document": parcel,
                "enqueued": due,
                "due": due,
                "leased_until": lease_until if leased else None,
                "attempts": 0,
            },
        )
        if not leased:
            return None
        return Leased(id=_new_id(inserted), parcel=parcel, attempts=0)

    def lease(
        self, channels: Collection[str], now: datetime, until: datetime, limit: int
    ) -> Sequence[Leased]:
        """Take parcels that are due: for each conversation only the oldest unsent one, never one that is leased.

        A parcel that an earlier version stored and this one cannot read is given up: it must not hold up the others.
        """
        if not channels:
            return ()
        found = self.connection.execute(
            _LEASABLE, {"now": now, "of_channels": list(channels), "most": limit}
        ).all()
        leased = []
        for id_, attempts in found:
            parcel = self.parcel(id_)
            if parcel is None:
                self.give_up(id_, now, "Stored by a version that this one cannot read.")
            else:
                leased.append(Leased(id=id_, parcel=parcel, attempts=attempts))
        if leased:
            self.connection.execute(
                _LEASE, [{"of_id": one.id, "leased_until": until} for one in leased]
            )
        return leased

    def sent(self, parcel: ParcelId, at: datetime, placed: Placed | None) -> None:  # noqa: ARG002
        """Mark a parcel as sent: it leaves the outbox. A NewPost's place is remembered under its name."""
        if placed is not None:
            post = self.connection.execute(_POST, {"of_id": parcel}).scalar()
            if post is not None:
                self._remember_place(post, placed)
        self._often(_SENT, {"of_id": parcel})

    def postpone(self, parcel: ParcelId, due: datetime, why: str) -> None:
        """Give a parcel back after a failed attempt, to be tried again."""
        self.connection.execute(_POSTPONE, {"of_id": parcel, "due": due, "why": why})

    def give_up(self, parcel: ParcelId, at: datetime, why: str) -> None:
        """Mark a parcel as undeliverable; it no longer blocks its conversation."""
        self.connection.execute(_GIVE_UP, {"of_id": parcel, "given_up": at, "why": why})

    def place(self, name: str) -> Placed | None:
        """Return where a NewPost landed."""
        row = self.connection.execute(_PLACE, {"of_name": name}).first()
        return None if row is None else Placed(ConversationId(row[0]), row[1])

    def parcel(self, parcel: ParcelId) -> Parcel | None:
        """Return a parcel of the outbox, or None when an earlier version stored it in a way that this one cannot read."""
        try:
            stored: Parcel = self.connection.execute(_DOCUMENT, {"of_id": parcel}).scalar_one()
        except msgspec.DecodeError:
            return None
        return stored

    # ------------------------------------------------------------------------------------------- statistics

    def record_outcome(self, outcome: RecordOutcome, at: datetime) -> None:
        """Insert or overwrite the outcome of a dialog."""
        values = {
            "article": outcome.article,
            "node": outcome.node,
            "code": outcome.code,
            "language": outcome.language,
            "outcome": outcome.outcome.value,
            "changed": at,
        }
        where = {"of_session": outcome.session}
        if not self._often(_CHANGE_OUTCOME, where | values).rowcount:
            values |= {"session": outcome.session, "began": at}
            self._often(_NEW_OUTCOME, values)

    def record_feedback(self, feedback: RecordFeedback, at: datetime) -> None:
        """Store whether a dialog helped; the last word counts."""
        values = {"useful": feedback.useful, "at": at}
        where = {"of_session": feedback.session}
        if not self.connection.execute(_CHANGE_FEEDBACK, where | values).rowcount:
            self.connection.execute(_NEW_FEEDBACK, values | {"session": feedback.session})

    # -----------------------------------------------------------------------------------------------------

    def _next_number(self) -> int:
        """Return the next ticket number. The counter's row stays locked until the commit, so numbers never repeat."""
        if self.connection.execute(_NEXT_NUMBER).rowcount:
            return int(self.connection.execute(_NUMBER).scalar_one())
        self.connection.execute(_FIRST_NUMBER)
        return FIRST_NUMBER

    def _add_event(self, ticket: Ticket, event: TicketEvent) -> None:
        self.connection.execute(_NEW_EVENT, {"ticket": ticket.id, "document": event})
        self.changed_tickets = True

    def _is_free(self, conversation: tuple[str, str], behind: Collection[ParcelId]) -> bool:
        known = self._free.get(conversation)
        if known is not None:
            return known
        channel, of_conversation = conversation
        where = {"of_channel": channel, "of_conversation": of_conversation}
        unsent = self._often(_UNSENT, where).scalars()
        return all(parcel in behind for parcel in unsent)

    def _remember_place(self, name: str, placed: Placed) -> None:
        values = {"conversation": placed.conversation, "activity": placed.activity}
        if not self.connection.execute(_MOVE_PLACE, values | {"of_name": name}).rowcount:
            self.connection.execute(_NEW_PLACE, values | {"name": name})


def _key(key: SessionKey) -> dict[str, Any]:
    return {"channel": key.channel, "conversation": key.conversation, "person": key.user}


def _of(key: SessionKey) -> dict[str, Any]:
    return {"of_channel": key.channel, "of_conversation": key.conversation, "of_person": key.user}


def _columns(ticket: Ticket) -> dict[str, Any]:
    """Return a ticket's columns; what was pasted has a table of its own."""
    return {
        "number": ticket.number,
        "state": ticket.state.value,
        "assignee": ticket.assignee.key if ticket.assignee else None,
        "changed": ticket.changed,
        "version": ticket.version,
        "document": replace(ticket, draft=replace(ticket.draft, original=None)),
    }


def _whole(ticket: Ticket, original: str | None) -> Ticket:
    return replace(ticket, draft=replace(ticket.draft, original=original))


def _new_id(inserted: Rows) -> ParcelId:
    key = inserted.inserted_primary_key
    if key is None:
        raise AssertionError
    return ParcelId(key[0])
