"""When tickets of several people are one problem, and what that means for what is done to one of them. Pure.

An incident is a ticket with others joined to it, one level deep: what has others joined to it is joined to none itself.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from bot.model.event import Person
from bot.model.library import IncidentRules
from bot.model.ticket import (
    OPENED,
    PAST,
    Deed,
    Draft,
    Role,
    State,
    Ticket,
    TicketEvent,
    Verb,
)
from bot.triage.lifecycle import BOT, carry_out, offered

_FOR_ALL = frozenset(
    {
        Verb.CLAIM,
        Verb.TAKE_OVER,
        Verb.HAND_BACK,
        Verb.ASSIGN,
        Verb.REPLY,
        Verb.ASK,
        Verb.RESOLVE,
        Verb.REOPEN,
        Verb.CLOSE,
    }
)
"""What is done to an incident is done to all that were joined to it. A note, the priority and the like are its own."""

_OVER = frozenset({State.CLOSED, State.WITHDRAWN})


def shared(signatures: Collection[str], rules: IncidentRules) -> tuple[str, ...]:
    """Return the signatures that make a problem a common one.

    At domains that are kept apart two bounces have nothing in common, and the server that reported them says no more. Nor does it
    where the code is about an address (RFC 3463, X.1.XXX): our own server reports every mistyped one.
    """
    domains = {mark: mark.rpartition("@")[2] for mark in signatures if "@" in mark}
    apart = {domain.lower() for domain in rules.apart}.intersection(domains.values())
    return tuple(
        mark
        for mark in signatures
        if (domains[mark] not in apart if mark in domains else not apart and not _addressing(mark))
    )


def _addressing(mark: str) -> bool:
    return mark.split(".")[1:2] == ["1"]


def window(rules: IncidentRules) -> timedelta:
    """Return how long after a ticket another one is still taken for the same problem."""
    return timedelta(minutes=rules.window_minutes)


def incident_for(
    draft: Draft, alike: Sequence[Ticket], people: Collection[str], rules: IncidentRules
) -> Ticket | None:
    """Return the ticket that a new one is to be joined to: the oldest of those alike that somebody else opened.

    None where too few have met the problem. `people` are the keys of those whose tickets are joined to one of them already.
    """
    by_others = [one for one in alike if one.draft.person.key != draft.person.key]
    met = {draft.person.key, *people, *(one.draft.person.key for one in alike)}
    return by_others[0] if by_others and len(met) >= rules.people else None


def join(
    ticket: Ticket, parent: Ticket, by: Person, role: Role, now: datetime
) -> tuple[Ticket, TicketEvent]:
    """Make a ticket part of another one. If somebody works on that one, they have this one too.

    Raises TransitionRefused.
    """
    deed = Deed(verb=Verb.JOIN, other=parent.number)
    joined, event = carry_out(ticket, deed, by, role, now)
    joined = replace(joined, parent=parent.id)
    if joined.state is State.NEW and parent.assignee is not None:
        joined = replace(
            joined,
            state=State.CLAIMED,
            assignee=parent.assignee,
            claimed=joined.claimed or event.at,
        )
    return joined, event


def split(
    ticket: Ticket, parent: Ticket, by: Person, role: Role, now: datetime
) -> tuple[Ticket, TicketEvent]:
    """Take a ticket out of the one it was joined to. Raises TransitionRefused."""
    deed = Deed(verb=Verb.SPLIT, other=parent.number)
    alone, event = carry_out(ticket, deed, by, role, now)
    return replace(alone, parent=None), event


def offers(
    ticket: Ticket, joined: Sequence[Ticket], role: Role, person: Person
) -> tuple[Verb, ...]:
    """Return what somebody may do with a ticket: what its state allows, and no joining of what has others joined to it."""
    verbs = offered(ticket, role, person)
    return tuple(verb for verb in verbs if verb is not Verb.JOIN) if joined else verbs


def carried_along(
    deed: Deed, joined: Sequence[Ticket], by: Person, role: Role
) -> Sequence[tuple[Ticket, Deed]]:
    """Return which joined tickets a deed on their parent is carried out on too, each with the deed as its own state allows it."""
    if deed.verb not in _FOR_ALL or role is Role.REQUESTER:
        return ()
    along = []
    for ticket in joined:
        verb = _as_allowed(deed, ticket, by, role)
        if verb is not None and ticket.state not in _OVER:
            along.append((ticket, replace(deed, verb=verb)))
    return along


def _as_allowed(deed: Deed, ticket: Ticket, by: Person, role: Role) -> Verb | None:
    """Return a deed's verb, or its like: whoever claims an incident takes over what a colleague had of it, and the other way round."""
    can = offered(ticket, role, by)
    if deed.verb in {Verb.CLAIM, Verb.TAKE_OVER}:
        return next((verb for verb in (Verb.CLAIM, Verb.TAKE_OVER) if verb in can), None)
    if deed.verb is Verb.ASSIGN and deed.to is not None and ticket.assignee == deed.to:
        return None
    return deed.verb if deed.verb in can else None


def has_own_card(events: Sequence[TicketEvent]) -> bool:
    """Tell whether a ticket was given a card of its own in the channel: when it was opened, or when it was split off later."""
    joined_at_once = [event.what for event in events[:2]] == [OPENED, PAST[Verb.JOIN]] and (
        events[1].by.key == BOT.key
    )
    return not joined_at_once or any(event.what == PAST[Verb.SPLIT] for event in events)
