"""One transaction on the tables. The same statements run on both databases.

Statements are built once: SQLAlchemy compiles each one once and finds it again by its identity.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace
from sqlalchemy import (
    BindParameter,
    Connection,
    Executable,
    Select,
    Text,
    and_,
    bindparam,
    distinct,
    func,
    literal,
    not_,
    or_,
    select,
)

from bot.model.effects import RecordFeedback, RecordOutcome
from bot.model.errors import StoreConflict, UnknownTicket
from bot.model.ids import ConversationId, QueueId, TicketId
from bot.model.session import Session, Unreadable
from bot.model.ticket import OPENED, Draft, State, Ticket, TicketEvent
from bot.ports import (
    FALLBACK,
    PAUSE,
    Leased,
    Listing,
    Parcel,
    ParcelId,
    Placed,
    Roster,
    SessionKey,
    session_key,
)
from bot.store.search import Search
from bot.store.tables import (
    activities,
    counters,
    held,
    outcomes,
    parcels,
    places,
    rosters,
    sessions,
    sightings,
    ticket_events,
    ticket_signatures,
    ticket_terms,
    ticket_texts,
    tickets,
)
from bot.store.tables import feedback as opinions
from bot.store.terms import marks_of, terms_of

FIRST_NUMBER = 1001
"""Number of the first ticket."""

ALIKE = 50
"""Tickets of one signature that are looked at, the oldest ones: the incident that others joined is the first of them."""

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
_NEW_TERMS = ticket_terms.insert()
_NEW_SIGNATURES = ticket_signatures.insert()
_WHOLE_TICKET: Select[Any] = select(tickets.c.document, ticket_texts.c.document).select_from(
    tickets.outerjoin(ticket_texts)
)
_TICKET = _WHOLE_TICKET.where(tickets.c.number == bindparam("of_number"))
_TICKET_BY_ID = _WHOLE_TICKET.where(tickets.c.id == bindparam("of_id"))
_TICKETS = select(tickets.c.document).order_by(tickets.c.number.desc()).limit(bindparam("most"))
_TICKETS_IN = _TICKETS.where(tickets.c.state.in_(bindparam("of_states", expanding=True)))
_TICKETS_BY_ID = (
    select(tickets.c.document)
    .where(tickets.c.id.in_(bindparam("of_ids", expanding=True)))
    .order_by(tickets.c.number)
)
_TICKETS_OF = (
    select(tickets.c.document)
    .where(tickets.c.requester == bindparam("of_person"))
    .order_by(tickets.c.number.desc())
    .limit(bindparam("most"))
)
_LOCK = select(tickets.c.number).where(tickets.c.id == bindparam("of_id")).with_for_update()
_JOINED = (
    select(tickets.c.document)
    .where(tickets.c.parent == bindparam("of_parent"))
    .order_by(tickets.c.number)
    .with_for_update()
)
_ALIKE = (
    select(ticket_signatures.c.number)
    .where(
        ticket_signatures.c.signature == bindparam("of_signature"),
        ticket_signatures.c.joinable.is_(True),
        ticket_signatures.c.opened >= bindparam("since"),
    )
    .order_by(ticket_signatures.c.opened, ticket_signatures.c.number)
    .limit(ALIKE)
)
_CHANGE_SIGNATURES = ticket_signatures.update().where(
    ticket_signatures.c.number == bindparam("of_number"),
    ticket_signatures.c.joinable != bindparam("of_joinable"),
)
_BY_NUMBERS = (
    select(tickets.c.document)
    .where(tickets.c.number.in_(bindparam("of_numbers", expanding=True)))
    .order_by(tickets.c.number)
)
_EVENTS = (
    select(ticket_events.c.document)
    .where(ticket_events.c.ticket == bindparam("of_ticket"))
    .order_by(ticket_events.c.id)
)
_CHANGE_TICKET = tickets.update().where(
    tickets.c.id == bindparam("of_id"), tickets.c.version == bindparam("of_version")
)
_REWRITE_TICKET = tickets.update().where(tickets.c.id == bindparam("of_id"))
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
_GIVE_BACK = parcels.update().where(_BY_ID, parcels.c.given_up.is_(None)).values(leased_until=None)
_RENEW = parcels.update().where(
    _BY_ID, parcels.c.given_up.is_(None), parcels.c.leased_until == bindparam("of_held")
)
_CLOCK_WENT_BACK = (
    parcels.update()
    .where(
        parcels.c.given_up.is_(None),
        or_(parcels.c.enqueued > bindparam("now"), parcels.c.due > bindparam("latest")),
    )
    .values(due=bindparam("now"))
)
_ARRIVED = parcels.delete().where(
    parcels.c.id
    == select(func.min(_other.c.id))
    .where(_other.c.post == bindparam("of_name"), _other.c.given_up.is_(None))
    .scalar_subquery()
)
_IN_DOUBT = select(parcels.c.id).where(
    parcels.c.post == bindparam("of_name"),
    parcels.c.given_up.is_(None),
    or_(parcels.c.attempts > 0, parcels.c.leased_until.is_not(None)),
)
_QUEUED = select(func.count()).where(
    parcels.c.ticket == bindparam("of_ticket"), parcels.c.given_up.is_(None)
)
_QUEUED_HELD = select(func.count()).where(held.c.ticket == bindparam("of_ticket"))

_HOLD = held.insert()
_IN_DIALOG = select(sessions.c.in_dialog, sessions.c.changed).where(
    *(sessions.c[name] == value for name, value in _OF_PERSON.items())
)
_HELD_FOR = (
    select(held.c.id)
    .where(*(held.c[name] == value for name, value in _OF_PERSON.items()))
    .order_by(held.c.id)
    .with_for_update(skip_locked=True)
)
_HELD_PAUSED = (
    select(held.c.id)
    .where(
        not_(
            select(sessions.c.version)
            .where(
                sessions.c.channel == held.c.channel,
                sessions.c.conversation == held.c.conversation,
                sessions.c.person == held.c.person,
                sessions.c.in_dialog.is_(True),
                sessions.c.changed > bindparam("since"),
            )
            .exists()
        )
    )
    .order_by(held.c.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_HELD = select(held.c.document).where(held.c.id == bindparam("of_id"))
_BURY = parcels.insert().from_select(
    [
        "channel",
        "conversation",
        "ticket",
        "enqueued",
        "due",
        "given_up",
        "why",
        "attempts",
        "document",
    ],
    select(
        held.c.channel,
        held.c.conversation,
        held.c.ticket,
        held.c.since,
        held.c.since,
        held.c.since,
        literal('"Stored by a version that this one cannot read."'),
        literal(0),
        held.c.document,
    ).where(held.c.id == bindparam("of_id")),
)
_LET_GO = held.delete().where(held.c.id == bindparam("of_id"))

_UNDELIVERED = (
    select(parcels.c.why)
    .where(parcels.c.ticket == bindparam("of_ticket"), parcels.c.given_up.is_not(None))
    .order_by(parcels.c.id)
)

_PLACE = select(places.c.conversation, places.c.activity).where(
    places.c.name == bindparam("of_name")
)
_place_before = places.alias("before")
_ordinal = (
    select(func.coalesce(func.max(_place_before.c.ordinal), 0) + 1)
    .where(_place_before.c.conversation == bindparam("in_conversation"))
    .scalar_subquery()
)
_NEW_PLACE = places.insert().values(ordinal=_ordinal)
_MOVE_PLACE = places.update().where(places.c.name == bindparam("of_name")).values(ordinal=_ordinal)
_POSTS_IN = (
    select(places.c.name)
    .where(places.c.conversation == bindparam("of_conversation"))
    .order_by(func.coalesce(places.c.ordinal, 0), places.c.name)
)

_ROSTER = select(rosters.c.document, rosters.c.version).where(
    rosters.c.queue == bindparam("of_queue")
)
_NEW_ROSTER = rosters.insert()
_CHANGE_ROSTER = rosters.update().where(
    rosters.c.queue == bindparam("of_queue"), rosters.c.version == bindparam("of_version")
)


@cache
def _sighting(dialect: str) -> Executable:
    """Return the statement that remembers a sighting or moves its time, in the words of a database; the other one's are dear to load."""
    if dialect == "sqlite":
        from sqlalchemy.dialects.sqlite import insert  # noqa: PLC0415 - see above

        new = insert(sightings)
        return new.on_conflict_do_update(
            index_elements=["signature", "person"], set_={"at": new.excluded.at}
        )
    from sqlalchemy.dialects.postgresql import insert as insert_served  # noqa: PLC0415

    served = insert_served(sightings)
    return served.on_conflict_do_update(
        index_elements=["signature", "person"], set_={"at": served.excluded.at}
    )


@cache
def _sightings(count: int) -> Select[Any]:
    """Return the query for some number of signatures; made once for each, so that it can be prepared (`bot.store.prepared`)."""
    marks = [bindparam(f"of_signature_{number}", type_=Text()) for number in range(count)]
    return select(func.count(distinct(sightings.c.person))).where(
        sightings.c.signature.in_(marks),
        sightings.c.at >= bindparam("since"),
        sightings.c.person != bindparam("but"),
    )


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
        self._rosters: dict[QueueId, int] = {}
        """Versions of the rosters that were read; 0: there was none."""
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
        values = {
            "document": session,
            "version": version + 1,
            "changed": at,
            "in_dialog": session.in_dialog,
        }
        if version == 0:
            self._often(_NEW_SESSION, _key(key) | values)
        else:
            where = _of(key) | {"of_version": version}
            if not self._often(_CHANGE_SESSION, where | values).rowcount:
                raise StoreConflict("A session changed.")
        self._versions[key] = version + 1

    # ---------------------------------------------------------------------------------------------- tickets

    def open_ticket(self, draft: Draft, queue: QueueId = FALLBACK) -> Ticket:
        """Store a draft under the next number with its `opened` event; opening twice opens once."""
        stored = self.connection.execute(_TICKET_BY_ID, {"of_id": draft.id}).first()
        if stored is not None:
            return _whole(*stored)
        ticket = Ticket(
            number=self._next_number(),
            draft=draft,
            queue=queue,
            priority=draft.priority,
            changed=draft.opened,
        )
        self.connection.execute(_NEW_TICKET, {"id": ticket.id} | _columns(ticket))
        self.index(ticket)
        if draft.original is not None:
            self.connection.execute(_NEW_TEXT, {"ticket": ticket.id, "document": draft.original})
        self._add_event(ticket, TicketEvent(draft.opened, OPENED, draft.person))
        return ticket

    def index(self, ticket: Ticket) -> None:
        """Store the words that a ticket is found by, and what it has in common with others."""
        words = [{"term": term, "number": ticket.number} for term in terms_of(ticket)]
        if words:
            self.connection.execute(_NEW_TERMS, words)
        marks = [
            {
                "signature": mark,
                "number": ticket.number,
                "joinable": _is_joinable(ticket),
                "opened": ticket.draft.opened,
            }
            for mark in marks_of(ticket.draft.signatures)
        ]
        if marks:
            self.connection.execute(_NEW_SIGNATURES, marks)

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

    def tickets_by_id(self, tickets: Collection[TicketId]) -> Sequence[Ticket]:
        """Return those of some tickets that there are, oldest first, without their original texts."""
        if not tickets:
            return ()
        return self.connection.execute(_TICKETS_BY_ID, {"of_ids": list(tickets)}).scalars().all()

    def tickets_of(self, person: str, limit: int = 20) -> Sequence[Ticket]:
        """Return a requester's own tickets, newest first, without their original texts."""
        where = {"of_person": person, "most": limit}
        return self.connection.execute(_TICKETS_OF, where).scalars().all()

    def joined_to(self, parent: TicketId) -> Sequence[Ticket]:
        """Return the tickets that were joined to one, oldest first. Locks the one and them against other changes.

        The one first, and by itself: whoever waited for it sees what was joined to it meanwhile.
        """
        self._often(_LOCK, {"of_id": parent}).first()
        return self.connection.execute(_JOINED, {"of_parent": parent}).scalars().all()

    def alike(self, signatures: Collection[str], since: datetime) -> Sequence[Ticket]:
        """Return open tickets that are joined to no other, opened since, with one of the signatures; oldest first.

        Of each signature the first `ALIKE` since then. Where there is none, which is so for nearly every bounce, this costs one seek for
        each signature.
        """
        numbers: set[int] = set()
        for mark in marks_of(signatures):
            where = {"of_signature": mark, "since": since}
            numbers.update(self._often(_ALIKE, where).scalars())
        if not numbers:
            return ()
        where = {"of_numbers": sorted(numbers)}
        return self.connection.execute(_BY_NUMBERS, where).scalars().all()

    def search(
        self, words: str, kind: Listing, person: str, *, skip: int = 0, limit: int = 25
    ) -> Sequence[Ticket]:
        """Return tickets that have every word, newest first, without their original texts (`bot.store.search`)."""
        search = Search(self.connection.execute, self._often, kind, person)
        return search.find(words, skip=skip, limit=limit)

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
        if changed.draft.signatures:
            joinable = _is_joinable(changed)
            values = {"of_number": changed.number, "of_joinable": joinable, "joinable": joinable}
            self.connection.execute(_CHANGE_SIGNATURES, values)
        self._add_event(changed, event)
        return changed

    def rewrite(self, ticket: Ticket) -> None:
        """Store a ticket whatever its version was, without an event: for taking a person out of it."""
        self.connection.execute(_REWRITE_TICKET, {"of_id": ticket.id} | _columns(ticket))
        self.changed_tickets = True

    def queued(self, ticket: TicketId) -> int:
        """Return how many parcels that tell about a ticket are still unsent and not given up, those held back included."""
        where = {"of_ticket": ticket}
        waiting = self.connection.execute(_QUEUED, where).scalar_one()
        return int(waiting + self.connection.execute(_QUEUED_HELD, where).scalar_one())

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
        """Put a parcel in the outbox; return it leased where that was asked for and nothing older waits.

        One that waits for a pause is held back while its person is in the middle of a dialog.
        """
        to = parcel.to
        if parcel.waits_for_pause and self._in_dialog(session_key(to), due - PAUSE):
            values = _key(session_key(to)) | {"ticket": parcel.ticket, "document": parcel}
            self.connection.execute(_HOLD, values | {"since": due})
            return None
        conversation = (to.channel, to.conversation)
        leased = lease_until is not None and self._is_free(conversation, behind)
        # What waits now holds back what this unit enqueues next for the same conversation.
        self._free[conversation] = leased
        inserted = self._often(
            _ENQUEUE,
            {
                "channel": to.channel,
                "conversation": to.conversation,
                "post": parcel.lands_as or None,
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

    def release(self, key: SessionKey) -> Sequence[Parcel]:
        """Take what is held back for somebody, oldest first: their dialog has come to a pause."""
        return self._let_go(list(self._often(_HELD_FOR, _of(key)).scalars()))

    def release_paused(self, now: datetime, limit: int = 100) -> Sequence[Parcel]:
        """Take what is held back for people who have said nothing within `PAUSE`, oldest first."""
        where = {"since": now - PAUSE, "most": limit}
        return self._let_go(self.connection.execute(_HELD_PAUSED, where).scalars().all())

    def clock_went_back(self, now: datetime, longest: timedelta) -> None:
        """Make due now what a clock that was ahead made due too late."""
        self.connection.execute(_CLOCK_WENT_BACK, {"now": now, "latest": now + longest})

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
        """Mark a parcel as sent: it leaves the outbox. Where it landed is remembered under the name it gives."""
        if placed is not None:
            post = self.connection.execute(_POST, {"of_id": parcel}).scalar()
            if post is not None:
                self._remember_place(post, placed)
        self._often(_SENT, {"of_id": parcel})

    def renew(self, parcel: ParcelId, held: datetime, until: datetime) -> bool:
        """Lengthen a lease that ends at `held`. False when it is no longer this one's."""
        values = {"of_id": parcel, "of_held": held, "leased_until": until}
        return bool(self.connection.execute(_RENEW, values).rowcount)

    def give_back(self, parcel: ParcelId, due: datetime) -> None:
        """Give a parcel back that was not tried."""
        self.connection.execute(_GIVE_BACK, {"of_id": parcel, "due": due})

    def postpone(self, parcel: ParcelId, due: datetime, why: str) -> None:
        """Give a parcel back after a failed attempt, to be tried again."""
        self.connection.execute(_POSTPONE, {"of_id": parcel, "due": due, "why": why})

    def give_up(self, parcel: ParcelId, at: datetime, why: str) -> None:
        """Mark a parcel as undeliverable; it no longer blocks its conversation."""
        self.connection.execute(_GIVE_UP, {"of_id": parcel, "given_up": at, "why": why})

    def place(self, name: str) -> Placed | None:
        """Return where a NewPost or a Reply with a name landed."""
        row = self.connection.execute(_PLACE, {"of_name": name}).first()
        return None if row is None else Placed(ConversationId(row[0]), row[1])

    def posts_in(self, conversation: ConversationId) -> Sequence[str]:
        """Return the names of what was posted in a conversation; in a Teams channel each thread is one."""
        where = {"of_conversation": conversation}
        return self.connection.execute(_POSTS_IN, where).scalars().all()

    def in_doubt(self, name: str) -> bool:
        """Tell whether what is to land under a name is being sent or was tried, and nobody knows yet whether it arrived."""
        return self.connection.execute(_IN_DOUBT, {"of_name": name}).first() is not None

    def arrived(self, name: str, placed: Placed) -> None:
        """Learn from the channel itself where the post under a name landed; an unsent parcel of that name has been sent."""
        self._remember_place(name, placed)
        self.connection.execute(_ARRIVED, {"of_name": name})

    def parcel(self, parcel: ParcelId) -> Parcel | None:
        """Return a parcel of the outbox, or None when an earlier version stored it in a way that this one cannot read."""
        try:
            stored: Parcel = self.connection.execute(_DOCUMENT, {"of_id": parcel}).scalar_one()
        except msgspec.DecodeError:
            return None
        return stored

    # ----------------------------------------------------------------------------------- on call, and incidents

    def roster(self, queue: QueueId) -> Roster:
        """Return who is on call for a queue."""
        row = self.connection.execute(_ROSTER, {"of_queue": queue}).first()
        roster, self._rosters[queue] = (Roster(), 0) if row is None else row
        return roster

    def save_roster(self, queue: QueueId, roster: Roster) -> None:
        """Store who is on call for a queue. Raises StoreConflict when it changed since this unit read it."""
        if queue not in self._rosters:
            self.roster(queue)
        version = self._rosters[queue]
        values = {"document": roster, "version": version + 1}
        if version == 0:
            self.connection.execute(_NEW_ROSTER, {"queue": queue} | values)
        else:
            where = {"of_queue": queue, "of_version": version}
            if not self.connection.execute(_CHANGE_ROSTER, where | values).rowcount:
                raise StoreConflict("A roster changed.")
        self._rosters[queue] = version + 1

    def record_sighting(self, signatures: Collection[str], person: str, at: datetime) -> None:
        """Remember that somebody has met a problem; meeting it again moves the time."""
        statement = _sighting(self.connection.dialect.name)
        for mark in marks_of(signatures):  # in one order, so that no two wait for each other
            self._often(statement, {"signature": mark, "person": person, "at": at})

    def sightings(self, signatures: Collection[str], since: datetime, but: str) -> int:
        """Return how many people other than `but` have met a problem with one of the signatures since."""
        marks = marks_of(signatures)
        if not marks:
            return 0
        where: dict[str, Any] = {f"of_signature_{n}": mark for n, mark in enumerate(marks)}
        where |= {"since": since, "but": but}
        row = self._often(_sightings(len(marks)), where).first()
        return 0 if row is None else int(row[0])

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

    def _in_dialog(self, key: SessionKey, since: datetime) -> bool:
        """Tell whether somebody stands in the middle of a dialog in which something was said lately."""
        row = self.connection.execute(_IN_DIALOG, _of(key)).first()
        return row is not None and bool(row[0]) and row[1] > since

    def _let_go(self, ids: Sequence[int]) -> Sequence[Parcel]:
        """Take parcels out of those held back; one that this version cannot read goes to the outbox as given up, where it is seen."""
        released: list[Parcel] = []
        for id_ in ids:
            where = {"of_id": id_}
            try:
                released.append(self.connection.execute(_HELD, where).scalar_one())
            except msgspec.DecodeError:
                self.connection.execute(_BURY, where)
            self.connection.execute(_LET_GO, where)
        return released

    def _is_free(self, conversation: tuple[str, str], behind: Collection[ParcelId]) -> bool:
        known = self._free.get(conversation)
        if known is not None:
            return known
        channel, of_conversation = conversation
        where = {"of_channel": channel, "of_conversation": of_conversation}
        unsent = self._often(_UNSENT, where).scalars()
        return all(parcel in behind for parcel in unsent)

    def _remember_place(self, name: str, placed: Placed) -> None:
        values = {
            "conversation": placed.conversation,
            "activity": placed.activity,
            "in_conversation": placed.conversation,
        }
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
        "requester": ticket.draft.person.key,
        "parent": ticket.parent,
        "opened": ticket.draft.opened,
    }


def _is_joinable(ticket: Ticket) -> bool:
    """Tell whether other people's tickets of the same problem can be joined to one."""
    return ticket.is_open and ticket.parent is None


def _whole(ticket: Ticket, original: str | None) -> Ticket:
    return replace(ticket, draft=replace(ticket.draft, original=original))


def _new_id(inserted: Rows) -> ParcelId:
    key = inserted.inserted_primary_key
    if key is None:
        raise AssertionError
    return ParcelId(key[0])
