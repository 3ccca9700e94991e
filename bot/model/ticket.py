"""A ticket: what a human at the helpdesk needs to go on where the bot stopped."""

from datetime import datetime
from enum import StrEnum

import msgspec

from bot.model.event import Address, Person
from bot.model.ids import Language, ReasonId, SessionId, TicketId
from bot.model.library import Priority
from bot.model.match import Match
from bot.model.report import Report
from bot.model.session import Visit


class State(StrEnum):
    """Where a ticket stands (ITIL incident states, the ones this queue uses)."""

    NEW = "new"
    CLAIMED = "claimed"
    RESOLVED = "resolved"


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket before it has a number."""

    id: TicketId
    session: SessionId
    requester: Address
    language: Language
    """The requester's language: every notice to them is in it."""
    reason: ReasonId
    priority: Priority
    opened: datetime
    report: Report | None = None
    """Without its text: that is `original`, kept apart because it is deleted first."""
    match: Match | None = None
    path: tuple[Visit, ...] = ()
    """The path walked, with every answer."""
    note: str = ""
    original: str | None = None
    """The pasted text, where the requester left it in."""


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket in the queue."""

    number: int
    draft: Draft
    state: State = State.NEW
    assignee: Person | None = None
    resolution: str | None = None
    changed: datetime
    version: int = 1

    @property
    def id(self) -> TicketId:
        """The ticket's opaque id."""
        return self.draft.id


class TicketEvent(msgspec.Struct, frozen=True):
    """One change of a ticket. Events are only ever added."""

    at: datetime
    what: str
    """`opened`, `claimed`, `resolved`."""
    by: Person
    note: str = ""


class Outcome(StrEnum):
    """How a dialog came out."""

    OPEN = "open"
    SOLVED = "solved"
    ADVISED = "advised"
    EXIT = "exit"
    HANDED_OVER = "handed-over"
    ABANDONED = "abandoned"


__all__ = ["Draft", "Outcome", "Person", "State", "Ticket", "TicketEvent"]
