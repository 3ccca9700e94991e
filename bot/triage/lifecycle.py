"""Which changes of a ticket are legal. Pure: a change is a new ticket and the event that says who, when and why.

The table is the whole law: for each role and verb, the states it is legal in and the state it leads to. What is offered and what is
accepted are read from the same lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from msgspec.structs import replace

from bot.model.errors import TransitionRefused
from bot.model.event import Person
from bot.model.library import Priority
from bot.model.limits import SAID_CHARS
from bot.model.ticket import PAST, Deed, Role, State, Ticket, TicketEvent, Verb

BOT = Person("bouncedesk", "Bouncedesk")
"""Who acts where nobody did: the bot that closes, joins and splits by itself."""

NEEDS_TEXT = frozenset({Verb.REPLY, Verb.ASK, Verb.NOTE, Verb.RESOLVE, Verb.ANSWER})
"""What says nothing without words."""


class _Back(NamedTuple):
    """To whoever has the ticket; where nobody has, it is new."""


_NEW, _CLAIMED, _WAITING = State.NEW, State.CLAIMED, State.WAITING
_RESOLVED, _CLOSED, _WITHDRAWN = State.RESOLVED, State.CLOSED, State.WITHDRAWN
_BACK = _Back()

_ANY_STAYS: Mapping[State, State] = {state: state for state in State}
_OPEN_STAYS: Mapping[State, State] = {state: state for state in (_NEW, _CLAIMED, _WAITING)}
_RESOLVES: Mapping[State, State] = dict.fromkeys((_NEW, _CLAIMED, _WAITING), _RESOLVED)
_TAKES: Mapping[State, State] = {_NEW: _CLAIMED, _CLAIMED: _CLAIMED, _WAITING: _WAITING}

TABLE: Mapping[Role, Mapping[Verb, Mapping[State, State | _Back]]] = {
    Role.AGENT: {
        Verb.CLAIM: {_NEW: _CLAIMED},
        Verb.TAKE_OVER: {_CLAIMED: _CLAIMED, _WAITING: _WAITING},
        Verb.HAND_BACK: {_CLAIMED: _NEW, _WAITING: _NEW},
        Verb.ASSIGN: _TAKES,
        Verb.REPLY: {**_TAKES, _RESOLVED: _RESOLVED},
        Verb.ASK: {_NEW: _WAITING, _CLAIMED: _WAITING, _WAITING: _WAITING, _RESOLVED: _RESOLVED},
        Verb.NOTE: _ANY_STAYS,
        Verb.URGENT: _OPEN_STAYS,
        Verb.NORMAL: _OPEN_STAYS,
        Verb.RESOLVE: _RESOLVES,
        Verb.REOPEN: {_RESOLVED: _BACK, _CLOSED: _BACK},
        Verb.CLOSE: {_RESOLVED: _CLOSED},
        Verb.JOIN: _OPEN_STAYS,
        Verb.SPLIT: _OPEN_STAYS,
    },
    Role.REQUESTER: {
        Verb.URGENT: _OPEN_STAYS,
        Verb.REOPEN: {_RESOLVED: _BACK},
        Verb.ANSWER: {**_ANY_STAYS, _WAITING: _BACK, _RESOLVED: _BACK},
        Verb.WITHDRAW: dict.fromkeys((_NEW, _CLAIMED, _WAITING), _WITHDRAWN),
        Verb.CONFIRM: {_RESOLVED: _CLOSED},
    },
    Role.SYSTEM: {
        Verb.REPLY: {**_OPEN_STAYS, _RESOLVED: _RESOLVED},
        Verb.NOTE: _ANY_STAYS,
        Verb.RESOLVE: _RESOLVES,
        Verb.REOPEN: {_RESOLVED: _BACK, _CLOSED: _BACK},
        Verb.CLOSE: {_RESOLVED: _CLOSED},
        Verb.JOIN: _OPEN_STAYS,
        Verb.SPLIT: _OPEN_STAYS,
    },
}
"""Role → verb → the states it is legal in, with the state each leads to."""

_TAKING = frozenset({Verb.CLAIM, Verb.TAKE_OVER, Verb.REPLY, Verb.ASK, Verb.RESOLVE})
"""What an agent does to a ticket that makes it theirs; all but taking over only where nobody has it."""


def offered(ticket: Ticket, role: Role, person: Person) -> tuple[Verb, ...]:
    """Return what somebody may do with a ticket now, in the order of `Verb`. Exactly that is accepted, too."""
    return tuple(
        verb for verb in Verb if verb in TABLE[role] and not _why_not(ticket, verb, role, person)
    )


def carry_out(
    ticket: Ticket, deed: Deed, by: Person, role: Role, now: datetime
) -> tuple[Ticket, TicketEvent]:
    """Return the ticket as a deed leaves it, and the event. JOIN and SPLIT leave `parent` to the incident's rules.

    An answer to a resolved ticket opens it again, and its event says so. Time does not run backwards in a ticket, whatever a clock does.
    Raises TransitionRefused, whose `words` tell whoever tried.
    """
    verb = deed.verb
    refused = _why_not(ticket, verb, role, by) or _what_is_missing(ticket, deed)
    if refused:
        raise TransitionRefused(
            f"#{ticket.number} is {ticket.state.value}: no {verb.value} by its {role.value}.",
            words=refused,
        )
    at = max(now, ticket.changed)
    text = _cut(deed.text.strip())
    assignee = _assignee(ticket, deed, by, role)
    state = _state(ticket, verb, role)
    changed = replace(
        ticket,
        state=state,
        assignee=assignee,
        priority=_priority(ticket, verb),
        changed=at,
        claimed=ticket.claimed or (at if assignee is not None else None),
        resolved=_resolved(ticket, state, at),
        resolution=_resolution(ticket, state, text),
    )
    reopens = verb is Verb.ANSWER and ticket.state is State.RESOLVED
    what = PAST[Verb.REOPEN if reopens else verb]
    return changed, TicketEvent(at, what, by, text, deed.to, deed.other)


def _why_not(ticket: Ticket, verb: Verb, role: Role, person: Person) -> str | None:
    """Return the id of the words that say why a verb is not possible now, or None where it is."""
    if verb not in TABLE[role]:
        return "ticket-not-possible"
    if verb is Verb.CLAIM and ticket.is_open and _has(ticket, person):
        return "ticket-already-done"
    if verb is Verb.CLAIM and ticket.state in {State.CLAIMED, State.WAITING}:
        return "ticket-claimed-already"
    if ticket.state not in TABLE[role][verb]:
        return "ticket-not-possible"
    done = {
        Verb.TAKE_OVER: _has(ticket, person),
        Verb.URGENT: ticket.priority is Priority.URGENT,
        Verb.NORMAL: ticket.priority is Priority.NORMAL,
        Verb.JOIN: ticket.parent is not None,
        Verb.SPLIT: ticket.parent is None,
    }
    return "ticket-already-done" if done.get(verb) else None


def _what_is_missing(ticket: Ticket, deed: Deed) -> str | None:
    """Return the id of the words that ask for what a deed lacks."""
    if deed.verb in NEEDS_TEXT and not deed.text.strip():
        return "ticket-text-missing"
    if deed.verb is Verb.ASSIGN:
        if deed.to is None:
            return "ticket-no-such-person"
        if _has(ticket, deed.to):
            return "ticket-already-done"
    if deed.verb is Verb.JOIN and deed.other in {None, ticket.number}:
        return "ticket-no-such-other"
    return None


def _has(ticket: Ticket, person: Person) -> bool:
    """Tell whether somebody has the ticket. People are known by their key: names change."""
    return ticket.assignee is not None and ticket.assignee.key == person.key


def _state(ticket: Ticket, verb: Verb, role: Role) -> State:
    to = TABLE[role][verb][ticket.state]
    if isinstance(to, State):
        return to
    return State.CLAIMED if ticket.assignee else State.NEW


def _assignee(ticket: Ticket, deed: Deed, by: Person, role: Role) -> Person | None:
    verb = deed.verb
    if verb is Verb.HAND_BACK:
        return None
    if verb is Verb.ASSIGN:
        return deed.to
    if role is Role.AGENT and (
        verb is Verb.TAKE_OVER or (verb in _TAKING and ticket.assignee is None)
    ):
        return by
    return ticket.assignee


def _priority(ticket: Ticket, verb: Verb) -> Priority:
    changes = {Verb.URGENT: Priority.URGENT, Verb.NORMAL: Priority.NORMAL}
    return changes.get(verb, ticket.priority)


def _resolved(ticket: Ticket, state: State, at: datetime) -> datetime | None:
    """Return when the ticket was resolved last; a ticket that is open again is not resolved."""
    if state is State.RESOLVED and ticket.state is not State.RESOLVED:
        return at
    return ticket.resolved if state in {State.RESOLVED, State.CLOSED} else None


def _resolution(ticket: Ticket, state: State, text: str) -> str | None:
    if state is State.RESOLVED and ticket.state is not State.RESOLVED:
        return text
    return ticket.resolution if state in {State.RESOLVED, State.CLOSED} else None


def _cut(text: str) -> str:
    return text if len(text) <= SAID_CHARS else text[: SAID_CHARS - 1] + "…"
