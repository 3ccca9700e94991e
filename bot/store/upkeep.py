"""What operators and statistics need of the store, beside the turns (`bot.ports.Upkeep`)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import BindParameter, Delete, Row, Update, bindparam, func, literal, not_, select

from bot.model.effects import RecordOutcome
from bot.model.library import Priority
from bot.model.ticket import OPEN_STATES, Outcome, State, Ticket
from bot.ports import Counts, Course, Dead, ParcelId, Purged, Recorded, Retention
from bot.store.people import forget, held_about
from bot.store.tables import (
    activities,
    feedback,
    outcomes,
    parcels,
    places,
    sessions,
    sightings,
    ticket_events,
    ticket_signatures,
    ticket_terms,
    ticket_texts,
    tickets,
)
from bot.store.unit import SqlUnit

Result = TypeVar("Result")

_AT_ONCE = 500
"""Tickets that are deleted in one go, of which a purge has two: what is left goes the next time."""

_waiting = parcels.c.given_up.is_(None)
_dead = parcels.c.given_up.is_not(None)

_ANYTHING = select(literal(1))
_TICKETS_BY_STATE = select(tickets.c.state, func.count()).group_by(tickets.c.state)
_UNSENT = select(func.count(), func.min(parcels.c.enqueued)).where(_waiting)
_DEAD_COUNT = select(func.count()).where(_dead)
_DEAD = (
    select(parcels.c.id, parcels.c.attempts, parcels.c.why, parcels.c.given_up)
    .where(_dead)
    .order_by(parcels.c.id)
    .limit(bindparam("most"))
)
_RESEND = (
    parcels.update()
    .where(parcels.c.id == bindparam("of_id"), _dead)
    .values(given_up=None, why=None, attempts=0)
)
_ABANDON = (
    outcomes.update()
    .where(outcomes.c.outcome == Outcome.OPEN.value, outcomes.c.changed < bindparam("of_before"))
    .values(outcome=Outcome.ABANDONED.value)
)
_OUTCOMES = (
    select(
        outcomes.c.session,
        outcomes.c.article,
        outcomes.c.node,
        outcomes.c.code,
        outcomes.c.language,
        outcomes.c.outcome,
        outcomes.c.began,
        outcomes.c.changed,
        feedback.c.useful,
    )
    .select_from(outcomes.outerjoin(feedback, feedback.c.session == outcomes.c.session))
    .where(outcomes.c.changed >= bindparam("of_since"), outcomes.c.changed < bindparam("of_until"))
    .order_by(outcomes.c.changed, outcomes.c.session)
)

_before: BindParameter[datetime] = bindparam("of_before")
_PURGE_ANSWERS = activities.delete().where(activities.c.handled < _before)
_PURGE_SESSIONS = sessions.delete().where(sessions.c.changed < _before)
_DONE = [state.value for state in State if state not in OPEN_STATES]
_OVER = [State.CLOSED.value, State.WITHDRAWN.value]
_PURGE_TEXTS = ticket_texts.delete().where(
    ticket_texts.c.ticket.in_(
        select(tickets.c.id).where(tickets.c.state.in_(_DONE), tickets.c.changed < _before)
    )
)
_PURGE_DEAD = parcels.delete().where(parcels.c.given_up < _before)
_joined = tickets.alias("joined")
_OLD_TICKETS = (
    select(tickets.c.id, tickets.c.number)
    .where(
        tickets.c.state.in_(_OVER),
        tickets.c.changed < _before,
        not_(select(_joined.c.id).where(_joined.c.parent == tickets.c.id).exists()),
    )
    .order_by(tickets.c.number)
    .limit(_AT_ONCE)
)
_FORGET_PLACES = places.delete().where(places.c.name.in_(bindparam("of_names", expanding=True)))
_PURGE_OUTCOMES = outcomes.delete().where(outcomes.c.changed < _before)
_PURGE_FEEDBACK = feedback.delete().where(feedback.c.at < _before)
_PURGE_SIGHTINGS = sightings.delete().where(sightings.c.at < _before)

_COURSES = (
    select(tickets.c.document)
    .where(tickets.c.opened >= bindparam("of_since"), tickets.c.opened < bindparam("of_until"))
    .order_by(tickets.c.number)
)
_OVERDUE = (
    select(tickets.c.document)
    .where(tickets.c.state == State.RESOLVED.value, tickets.c.changed < _before)
    .order_by(tickets.c.changed, tickets.c.number)
    .limit(bindparam("most"))
)


class Upkeeping(ABC):
    """The upkeep of a store, by means of its transactions."""

    @abstractmethod
    async def run(self, work: Callable[[SqlUnit], Result]) -> Result:
        """Run one transaction."""

    async def health(self) -> None:
        """Return when the database takes transactions. Raises StoreUnavailable otherwise."""
        await self.run(lambda unit: unit.connection.execute(_ANYTHING).scalar())

    async def counts(self, now: datetime) -> Counts:
        """Return what stands in the queue and in the outbox at a moment."""

        def work(unit: SqlUnit) -> Counts:
            found: dict[str, int] = dict(unit.connection.execute(_TICKETS_BY_STATE).all())
            by_state = {state.value: found.get(state.value, 0) for state in State}
            unsent, oldest = unit.connection.execute(_UNSENT).one()
            age = (now - oldest).total_seconds() if oldest is not None else 0.0
            dead = unit.connection.execute(_DEAD_COUNT).scalar_one()
            return Counts(tickets=by_state, unsent=unsent, oldest_seconds=max(age, 0.0), dead=dead)

        return await self.run(work)

    async def outcomes(self, since: datetime, until: datetime) -> Sequence[Recorded]:
        """Return how the dialogs came out that last changed in a span of time (`until` not included), oldest first."""

        def work(unit: SqlUnit) -> list[Recorded]:
            span = {"of_since": since, "of_until": until}
            return [_recorded(row) for row in unit.connection.execute(_OUTCOMES, span)]

        return await self.run(work)

    async def courses(self, since: datetime, until: datetime) -> Sequence[Course]:
        """Return how the tickets went that were opened in a span of time (`until` not included), oldest first."""

        def work(unit: SqlUnit) -> list[Course]:
            span = {"of_since": since, "of_until": until}
            return [_course(one) for one in unit.connection.execute(_COURSES, span).scalars()]

        return await self.run(work)

    async def overdue(self, before: datetime, limit: int = 100) -> Sequence[Ticket]:
        """Return resolved tickets that nobody has said anything about since, oldest first."""

        def work(unit: SqlUnit) -> Sequence[Ticket]:
            where = {"of_before": before, "most": limit}
            return unit.connection.execute(_OVERDUE, where).scalars().all()

        return await self.run(work)

    async def held_about(self, person: str) -> Mapping[str, object]:
        """Return everything that is kept about a person, as JSON-ready values by kind of data (`bot.store.people`)."""
        return await self.run(lambda unit: held_about(unit, person))

    async def forget(self, person: str, now: datetime) -> Mapping[str, int]:
        """Delete what is kept about a person; return how much of each kind (`bot.store.people`)."""
        return await self.run(lambda unit: forget(unit, person, now))

    async def abandon(self, before: datetime) -> int:
        """Mark dialogs as abandoned that nobody has gone on with since; return how many. They keep their times."""
        return await self.run(lambda unit: _count(unit, _ABANDON, before))

    async def dead(self, limit: int = 100) -> Sequence[Dead]:
        """Return parcels that could not be delivered, oldest first."""

        def work(unit: SqlUnit) -> list[Dead]:
            rows = unit.connection.execute(_DEAD, {"most": limit}).all()
            return [
                Dead(id=id_, parcel=unit.parcel(id_), attempts=attempts, why=why, at=at)
                for id_, attempts, why, at in rows
            ]

        return await self.run(work)

    async def resend(self, parcel: ParcelId, due: datetime) -> bool:
        """Put a parcel that could not be delivered back in the outbox; tell whether there was one."""

        def work(unit: SqlUnit) -> bool:
            found = unit.connection.execute(_RESEND, {"of_id": parcel, "due": due})
            return bool(found.rowcount)

        return await self.run(work)

    async def purge(self, now: datetime, retention: Retention | None = None) -> Purged:
        """Delete what is no longer needed, people's texts first; return how much went."""
        keep = retention or Retention()

        def work(unit: SqlUnit) -> Purged:
            return Purged(
                answers=_count(unit, _PURGE_ANSWERS, now - keep.answers),
                sessions=_count(unit, _PURGE_SESSIONS, now - keep.sessions),
                texts=_count(unit, _PURGE_TEXTS, now - keep.texts),
                parcels=_count(unit, _PURGE_DEAD, now - keep.dead),
                tickets=_purge_tickets(unit, now - keep.tickets),
                statistics=_count(unit, _PURGE_OUTCOMES, now - keep.statistics)
                + _count(unit, _PURGE_FEEDBACK, now - keep.statistics),
                sightings=_count(unit, _PURGE_SIGHTINGS, now - keep.sightings),
            )

        return await self.run(work)


def _count(unit: SqlUnit, statement: Update | Delete, before: datetime) -> int:
    return unit.connection.execute(statement, {"of_before": before}).rowcount


def _purge_tickets(unit: SqlUnit, before: datetime) -> int:
    """Delete tickets that are over, with everything that hangs on them; first those that were joined to others, then these."""
    return _purge_some_tickets(unit, before) + _purge_some_tickets(unit, before)


def _purge_some_tickets(unit: SqlUnit, before: datetime) -> int:
    """Delete tickets that are over and that no other is joined to, `_AT_ONCE` of them at most."""
    old = unit.connection.execute(_OLD_TICKETS, {"of_before": before}).all()
    if not old:
        return 0
    ids, numbers = [id_ for id_, _ in old], [number for _, number in old]
    for statement in (
        ticket_terms.delete().where(ticket_terms.c.number.in_(numbers)),
        ticket_signatures.delete().where(ticket_signatures.c.number.in_(numbers)),
        ticket_texts.delete().where(ticket_texts.c.ticket.in_(ids)),
        ticket_events.delete().where(ticket_events.c.ticket.in_(ids)),
        tickets.delete().where(tickets.c.id.in_(ids)),
    ):
        unit.connection.execute(statement)
    named = unit.connection.execute(select(places.c.name)).scalars().all()
    gone = set(ids)
    of_gone = [name for name in named if name.removeprefix("ticket:").partition(":")[0] in gone]
    unit.connection.execute(_FORGET_PLACES, {"of_names": of_gone})
    return len(ids)


def _course(ticket: Ticket) -> Course:
    draft = ticket.draft
    return Course(
        number=ticket.number,
        state=ticket.state,
        queue=ticket.queue,
        code=draft.report.status if draft.report else None,
        article=draft.match.article if draft.match else None,
        language=draft.language,
        urgent=ticket.priority is Priority.URGENT,
        opened=draft.opened,
        claimed=ticket.claimed,
        resolved=ticket.resolved,
    )


def _recorded(row: Row[*tuple[Any, ...]]) -> Recorded:
    return Recorded(
        outcome=RecordOutcome(
            session=row.session,
            article=row.article,
            node=row.node,
            code=row.code,
            language=row.language,
            outcome=Outcome(row.outcome),
        ),
        began=row.began,
        changed=row.changed,
        useful=row.useful,
    )
