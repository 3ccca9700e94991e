"""A ticket: what a human at the helpdesk needs to go on where the bot stopped, and everything that can become of it."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import msgspec

from bot.model.event import Address, Person
from bot.model.ids import Language, QueueId, ReasonId, SessionId, TicketId
from bot.model.library import Priority
from bot.model.match import Match
from bot.model.report import Report
from bot.model.session import Visit


class State(StrEnum):
    """Where a ticket stands (ITIL incident states, the ones this queue uses)."""

    NEW = "new"
    CLAIMED = "claimed"
    WAITING = "waiting"
    """For the requester's answer."""
    RESOLVED = "resolved"
    """The helpdesk says it is solved; the requester may still say that it is not."""
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


OPEN_STATES = frozenset({State.NEW, State.CLAIMED, State.WAITING})
"""States in which somebody has work to do."""


class Verb(StrEnum):
    """What somebody does with a ticket. The values travel in cards (`do`) and stand in stored events: stable for ever."""

    CLAIM = "claim"
    TAKE_OVER = "take-over"
    """Claim a ticket that a colleague has."""
    HAND_BACK = "hand-back"
    ASSIGN = "assign"
    REPLY = "reply"
    """To the requester; nothing is waited for."""
    ASK = "ask"
    """A reply that needs an answer: the ticket waits for the requester."""
    NOTE = "note"
    """Internal: the requester never sees it."""
    URGENT = "urgent"
    NORMAL = "normal"
    RESOLVE = "resolve"
    REOPEN = "reopen"
    CLOSE = "close"
    JOIN = "join"
    """Make a ticket part of another one: the same problem."""
    SPLIT = "split"
    """Take a ticket out of the one it was joined to."""
    # The requester's own
    ANSWER = "answer"
    WITHDRAW = "withdraw"
    CONFIRM = "confirm"
    """Yes, it was solved."""


class Form(StrEnum):
    """What a card asks before something is done: the press that opens it (`do`). Stable for ever, as verbs are."""

    REPLY = "form-reply"
    """Fields: `text`; buttons: reply, ask."""
    NOTE = "form-note"
    """Fields: `text`."""
    ASSIGN = "form-assign"
    """Fields: `person` (a `Person.key`)."""
    RESOLVE = "form-resolve"
    """Fields: `resolution`, as on the cards of the first release."""
    JOIN = "form-join"
    """Fields: `other` (a number)."""
    ANSWER = "form-answer"
    """The requester's; fields: `text`."""
    WITHDRAW = "form-withdraw"
    """The requester's: are you sure?"""


SHOW = "show"
"""The press that shows a card as it stands now: out of a form, or from a list."""

SHOW_ALL = "show-all"
"""The press that shows a member everything, unmasked."""


class Role(StrEnum):
    """As what somebody acts on a ticket."""

    AGENT = "agent"
    REQUESTER = "requester"
    SYSTEM = "system"
    """The bot itself (closing what nobody answered), or another helpdesk behind a sink."""


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket before it has a number."""

    id: TicketId
    session: SessionId
    requester: Address
    language: Language
    """The requester's language: every notice to them is in it."""
    reason: ReasonId
    priority: Priority
    """As it was opened; what counts later is the ticket's own."""
    opened: datetime
    report: Report | None = None
    """Without its text: that is `original`, kept apart because it is deleted first."""
    match: Match | None = None
    path: tuple[Visit, ...] = ()
    """The path walked, with every answer."""
    note: str = ""
    original: str | None = None
    """The pasted text, where the requester left it in."""
    signatures: tuple[str, ...] = ()
    """What it has in common with other people's bounces of the same problem (`bot.model.incident`)."""

    @property
    def person(self) -> Person:
        """The requester."""
        return self.requester.person


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket in the queue."""

    number: int
    draft: Draft
    queue: QueueId = QueueId("")
    """The queue it was routed to; empty: the fallback of the settings."""
    state: State = State.NEW
    priority: Priority = Priority.NORMAL
    assignee: Person | None = None
    resolution: str | None = None
    changed: datetime
    claimed: datetime | None = None
    """When somebody first took it."""
    resolved: datetime | None = None
    """When it was resolved last; None again after it was reopened."""
    parent: TicketId | None = None
    """The ticket that this one was joined to, because it is the same problem of another person: an incident."""
    version: int = 1

    @property
    def id(self) -> TicketId:
        """The ticket's opaque id."""
        return self.draft.id

    @property
    def is_open(self) -> bool:
        """Somebody has work to do."""
        return self.state in OPEN_STATES


class TicketEvent(msgspec.Struct, frozen=True):
    """One change of a ticket. Events are only ever added."""

    at: datetime
    what: str
    """`opened`, or the verb: see `PAST` for how a verb is stored."""
    by: Person
    note: str = ""
    """What was written: a reply, a note, a resolution, a reason."""
    to: Person | None = None
    """Whom it was assigned to."""
    other: int | None = None
    """Number of the ticket it was joined to or split from."""


OPENED = "opened"

PAST: Mapping[Verb, str] = {
    Verb.CLAIM: "claimed",
    Verb.TAKE_OVER: "taken-over",
    Verb.HAND_BACK: "handed-back",
    Verb.ASSIGN: "assigned",
    Verb.REPLY: "replied",
    Verb.ASK: "asked",
    Verb.NOTE: "noted",
    Verb.URGENT: "made-urgent",
    Verb.NORMAL: "made-normal",
    Verb.RESOLVE: "resolved",
    Verb.REOPEN: "reopened",
    Verb.CLOSE: "closed",
    Verb.JOIN: "joined",
    Verb.SPLIT: "split",
    Verb.ANSWER: "answered",
    Verb.WITHDRAW: "withdrawn",
    Verb.CONFIRM: "confirmed",
}
"""How a verb stands in the history. Stable for ever; `claimed` and `resolved` are what the first release wrote."""


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """Something that somebody wants to do with a ticket."""

    verb: Verb
    text: str = ""
    """What was written beside it: the reply, the note, the resolution, the reason."""
    to: Person | None = None
    """Whom to assign it to."""
    other: int | None = None
    """Number of the ticket to join it to."""


class TicketView(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket with all that a page about it shows."""

    ticket: Ticket
    events: tuple[TicketEvent, ...] = ()
    """Oldest first."""
    offers: tuple[Verb, ...] = ()
    """What the one who looks may do with it now."""
    undelivered: tuple[str, ...] = ()
    """Why parcels did not reach the requester, oldest first."""
    joined: tuple[Ticket, ...] = ()
    """The tickets that were joined to this one, oldest first."""
    people: int = 1
    """How many employees have had the same bounce, this requester included."""
    part_of: int | None = None
    """Number of the ticket it was joined to."""


class OwnTicket(msgspec.Struct, frozen=True):
    """A ticket of the person who speaks, as far as the dialog must know it."""

    id: TicketId
    number: int
    state: State


class KnownProblem(msgspec.Struct, frozen=True):
    """A problem that the helpdesk works on already, met by others before."""

    since: datetime
    people: int
    """How many other employees have had it."""


class Background(msgspec.Struct, frozen=True):
    """What the store knows that bears on a turn."""

    tickets: tuple[OwnTicket, ...] = ()
    """This person's tickets in this conversation that are open or resolved, oldest first; looked up only when a line was typed."""
    known: KnownProblem | None = None
    """Others have the bounce that was just pasted."""


class Outcome(StrEnum):
    """How a dialog came out."""

    OPEN = "open"
    SOLVED = "solved"
    ADVISED = "advised"
    EXIT = "exit"
    HANDED_OVER = "handed-over"
    ABANDONED = "abandoned"


__all__ = [
    "OPENED",
    "OPEN_STATES",
    "PAST",
    "SHOW",
    "SHOW_ALL",
    "Background",
    "Deed",
    "Draft",
    "Form",
    "KnownProblem",
    "Outcome",
    "OwnTicket",
    "Person",
    "Role",
    "State",
    "Ticket",
    "TicketEvent",
    "TicketView",
    "Verb",
]
