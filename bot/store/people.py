"""What is kept about one person: shown to them, or taken out.

Tickets stay for the helpdesk's books, but without the person. What a bounce said goes with them: it names the people they wrote to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace
from sqlalchemy import ColumnElement, Select, Text, and_, cast, or_, select

from bot.model.event import Mention, Person
from bot.model.ids import ConversationId, UserId
from bot.model.report import Report
from bot.model.ticket import Draft, Ticket, TicketEvent
from bot.ports import News, Parcel, ParcelId, Roster
from bot.store.tables import (
    activities,
    held,
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
from bot.store.unit import SqlUnit

NOBODY = Person("", "")


def held_about(unit: SqlUnit, person: str) -> Mapping[str, object]:
    """Return everything that is kept about a person, as JSON-ready values by kind of data; a kind of which there is nothing is empty.

    Documents are shown as they are stored, so what an earlier version wrote and this one cannot read is shown too.
    """
    if not person:
        return {}
    own = _own_tickets(unit, person)
    of_person = {table: table.c.person == person for table in (sessions, activities, held)}
    kept: dict[str, object] = {
        "sessions": _stored(unit, sessions.c.document, of_person[sessions]),
        "tickets": [unit.ticket(ticket.number) for ticket in own],
        "history of these tickets": {
            str(ticket.number): unit.ticket_events(ticket.id) for ticket in own
        },
        "sightings": [
            {"signature": signature, "at": at}
            for signature, at in unit.connection.execute(
                select(sightings.c.signature, sightings.c.at).where(sightings.c.person == person)
            )
        ],
        "held back": _stored(unit, held.c.document, of_person[held]),
        "unsent": [
            document
            for document in _stored(unit, parcels.c.document, _names(parcels.c.document, person))
            if isinstance(document, dict) and _is_to(document.get("to", {}), person)
        ],
        "answers": [
            {"activity": activity, "at": at, "answer": answer.decode(errors="replace")}
            for activity, at, answer in unit.connection.execute(
                select(activities.c.activity, activities.c.handled, activities.c.answer).where(
                    of_person[activities]
                )
            )
        ],
        "assigned": [
            ticket.number
            for ticket in _all(
                unit, select(tickets.c.document).where(tickets.c.assignee == person)
            )
        ],
        "history": [event for _, event in _events_naming(unit, person)],
    }
    return {kind: msgspec.to_builtins(value, str_keys=True) for kind, value in kept.items()}


def forget(unit: SqlUnit, person: str, now: datetime) -> Mapping[str, int]:
    """Delete what is kept about a person; return how much of each kind."""
    if not person:
        return {}
    own = _own_tickets(unit, person)
    users = {ticket.draft.requester.user for ticket in own}
    users |= {session.address.user for session in _sessions(unit, person)}
    users |= {UserId(person)}
    gone = {
        "sessions": _delete(unit, sessions.delete().where(sessions.c.person == person)),
        "answers": _delete(unit, activities.delete().where(activities.c.person == person)),
        "sightings": _delete(unit, sightings.delete().where(sightings.c.person == person)),
        "held back": _delete(unit, held.delete().where(held.c.person == person)),
        "unsent": _forget_parcels(unit, person, own),
        "tickets": len(own),
        "history": _forget_history(unit, person),
    }
    for ticket in own:
        _forget_ticket(unit, ticket, now)
    _forget_agent(unit, person)
    _forget_on_call(unit, person, users - {""})
    return gone


def _own_tickets(unit: SqlUnit, person: str) -> Sequence[Ticket]:
    return _all(
        unit,
        select(tickets.c.document).where(tickets.c.requester == person).order_by(tickets.c.number),
    )


def _sessions(unit: SqlUnit, person: str) -> Sequence[Any]:
    found = _all(unit, select(sessions.c.document).where(sessions.c.person == person))
    return [session for session in found if hasattr(session, "address")]


def _events_naming(unit: SqlUnit, person: str) -> Sequence[tuple[int, TicketEvent]]:
    """Return the events that a person is named in."""
    found = unit.connection.execute(
        select(ticket_events.c.id, ticket_events.c.document).where(
            _names(ticket_events.c.document, person)
        )
    )
    return [
        (id_, event)
        for id_, event in found
        if person in (event.by.key, event.to.key if event.to else "")
    ]


def _forget_parcels(unit: SqlUnit, person: str, own: Sequence[Ticket]) -> int:
    """Delete what is unsent or was given up: to a person, about their tickets, and cards of incidents that name them.

    News of others' tickets stays, without the name: it is how another helpdesk keeps up.
    """
    document = parcels.c.document
    named = [_names(document, person), *(_holds(document, ticket.id) for ticket in own)]
    named += [
        and_(
            parcels.c.post.is_(None),
            _holds(document, ticket.parent),
            _holds(document, _as_json(ticket.draft.requester.user_name)[1:-1]),
        )
        for ticket in own
        if ticket.parent is not None
    ]
    gone = 0
    for id_ in _all(unit, select(parcels.c.id).where(or_(*named))):
        parcel = unit.parcel(id_)
        if parcel is not None and _is_news_of_others(parcel, person):
            _rewrite_news(unit, id_, parcel, person)
        else:
            gone += _delete(unit, parcels.delete().where(parcels.c.id == id_))
    return gone


def _is_news_of_others(parcel: Parcel, person: str) -> bool:
    content = parcel.content
    return isinstance(content, News) and content.ticket.draft.person.key != person


def _rewrite_news(unit: SqlUnit, id_: ParcelId, parcel: Parcel, person: str) -> None:
    assert isinstance(parcel.content, News)  # noqa: S101 - asked by the caller
    ticket, event = parcel.content.ticket, parcel.content.event
    news = News(_without_agent(ticket, person), _without(event, person))
    unit.connection.execute(
        parcels.update().where(parcels.c.id == id_).values(document=replace(parcel, content=news))
    )


def _forget_ticket(unit: SqlUnit, ticket: Ticket, now: datetime) -> None:
    unit.connection.execute(ticket_texts.delete().where(ticket_texts.c.ticket == ticket.id))
    unit.connection.execute(ticket_terms.delete().where(ticket_terms.c.number == ticket.number))
    unit.connection.execute(
        ticket_signatures.delete().where(ticket_signatures.c.number == ticket.number)
    )
    unit.connection.execute(
        places.delete().where(places.c.name == f"ticket:{ticket.id}:requester")
    )
    events = unit.connection.execute(
        select(ticket_events.c.id, ticket_events.c.document).where(
            ticket_events.c.ticket == ticket.id
        )
    ).all()
    for id_, event in events:
        _rewrite_event(unit, id_, replace(event, note=""))
    blank = replace(
        ticket,
        draft=_blank(ticket.draft),
        resolution="" if ticket.resolution is not None else None,
        changed=max(ticket.changed, now) if ticket.is_open else ticket.changed,
        version=ticket.version + 1,
    )
    unit.rewrite(blank)
    unit.index(blank)


def _blank(draft: Draft) -> Draft:
    """Return a draft without its person: what is left is what statistics need."""
    address, report, match = draft.requester, draft.report, draft.match
    return replace(
        draft,
        requester=replace(
            address,
            service_url="",
            conversation=ConversationId(""),
            user=UserId(""),
            user_name="",
            user_key="",
        ),
        report=Report(kind=report.kind, text="", codes=report.codes) if report else None,
        match=replace(match, evidence=(), others=()) if match else None,
        note="",
        original=None,
        signatures=(),
    )


def _forget_history(unit: SqlUnit, person: str) -> int:
    """Take a person's name out of what happened to tickets, their own and others'."""
    named = _events_naming(unit, person)
    for id_, event in named:
        _rewrite_event(unit, id_, _without(event, person))
    return len(named)


def _forget_agent(unit: SqlUnit, person: str) -> None:
    """Take a person's name off the tickets they worked on."""
    for ticket in _all(unit, select(tickets.c.document).where(tickets.c.assignee == person)):
        unit.rewrite(replace(_without_agent(ticket, person), version=ticket.version + 1))


def _forget_on_call(unit: SqlUnit, person: str, users: set[UserId]) -> None:
    """Take a person off the rosters, and out of what is told of their changes."""
    for (queue,) in unit.connection.execute(select(rosters.c.queue)).all():
        roster = unit.roster(queue)
        changes = tuple(
            replace(
                change,
                by=NOBODY if change.by.key == person else change.by,
                people=_others(change.people, users),
            )
            for change in roster.changes
        )
        left = Roster(_others(roster.people, users), changes)
        if left != roster:
            unit.save_roster(queue, left)


def _others(people: tuple[Mention, ...], users: set[UserId]) -> tuple[Mention, ...]:
    return tuple(one for one in people if one.user not in users)


def _without(event: TicketEvent, person: str) -> TicketEvent:
    """Return an event that does not say who did it, or to whom it was given, where that was one person."""
    by = NOBODY if event.by.key == person else event.by
    to = NOBODY if event.to is not None and event.to.key == person else event.to
    return replace(event, by=by, to=to)


def _without_agent(ticket: Ticket, person: str) -> Ticket:
    """Return a ticket that does not say who has it, where that is one person."""
    theirs = ticket.assignee is not None and ticket.assignee.key == person
    return replace(ticket, assignee=NOBODY) if theirs else ticket


def _rewrite_event(unit: SqlUnit, id_: int, event: TicketEvent) -> None:
    unit.connection.execute(
        ticket_events.update().where(ticket_events.c.id == id_).values(document=event)
    )


def _is_to(address: object, person: str) -> bool:
    """Tell whether an address, as it is stored, is a person's."""
    return isinstance(address, dict) and (address.get("user_key") or address.get("user")) == person


def _names(document: ColumnElement[Any], person: str) -> ColumnElement[bool]:
    """Return the condition that a document names a person by their key."""
    return _holds(document, _as_json(person))


def _holds(document: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    """Return the condition that a text stands in a document, as it is stored."""
    return cast(document, Text).contains(text, autoescape=True)


def _stored(
    unit: SqlUnit, document: ColumnElement[Any], where: ColumnElement[bool]
) -> Sequence[object]:
    """Return documents as they are stored; one that is no JSON as its text."""
    found: list[object] = []
    for text in unit.connection.execute(select(cast(document, Text)).where(where)).scalars():
        try:
            found.append(msgspec.json.decode(text))
        except msgspec.DecodeError:
            found.append(text)
    return found


def _as_json(text: str) -> str:
    """Return a text as it stands in a JSON document."""
    return msgspec.json.encode(text).decode()


def _all(unit: SqlUnit, query: Select[Any]) -> Sequence[Any]:
    return unit.connection.execute(query).scalars().all()


def _delete(unit: SqlUnit, statement: Any) -> int:  # noqa: ANN401 - SQLAlchemy's delete
    return int(unit.connection.execute(statement).rowcount)
