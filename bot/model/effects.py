"""Everything one turn can cause. Each effect has exactly one handler, in `bot.host`; a forgotten one is a type error."""

from enum import StrEnum

import msgspec

from bot.model.ids import ArticleId, ChoiceId, Language, NodeId, SessionId, TicketId
from bot.model.session import Session
from bot.model.ticket import Draft, KnownProblem, Outcome, OwnTicket


class Notice(StrEnum):
    """A sentence that explains why a screen comes (again). The value is the id of its words."""

    NONE = "none"
    NOT_UNDERSTOOD = "notice-not-understood"
    OLD_CARD = "notice-old-card"
    CONTENT_CHANGED = "notice-content-changed"
    RESTARTED = "notice-restarted"
    SAME_BOUNCE = "notice-same-bounce"
    WENT_ON = "notice-went-on"
    NOTHING_BACK = "notice-nothing-back"
    EMPTY = "notice-empty"
    UNKNOWN_PRESS = "notice-unknown-press"
    UPLOAD_REFUSED = "notice-upload-refused"
    NOTE_ADDED = "notice-note-added"
    CANCELLED = "notice-cancelled"
    NOT_SENT = "notice-not-sent"
    """A line for the helpdesk was left unsent, because something else came before it was clear which ticket it was for."""
    LANGUAGE = "notice-language"


class Greeting(msgspec.Struct, frozen=True, tag="greeting"):
    """Hello, and what to paste."""

    notice: Notice = Notice.NONE


class NotABounce(msgspec.Struct, frozen=True, tag="not-a-bounce"):
    """The text is not a bounce; show which lines to copy."""

    phishing: bool = False


class StepScreen(msgspec.Struct, frozen=True, kw_only=True, tag="step"):
    """A node of a dialog."""

    article: ArticleId
    node: NodeId
    reading: bool = False
    """Say first what was read of the bounce."""
    notice: Notice = Notice.NONE
    chosen: ChoiceId | None = None
    """The answer that was given: no more buttons."""
    known: KnownProblem | None = None
    """The helpdesk works on this problem already: say so first."""


class NewOrOld(msgspec.Struct, frozen=True, tag="new-or-old"):
    """A second bounce came in the middle of a dialog: which one?"""

    chosen: ChoiceId | None = None


class Preview(msgspec.Struct, frozen=True, tag="preview"):
    """What the helpdesk will see."""

    notice: Notice = Notice.NONE
    chosen: ChoiceId | None = None


class TicketOpened(msgspec.Struct, frozen=True, tag="ticket-opened"):
    """The ticket has a number now."""

    again: bool = False
    """The ticket was opened earlier; say so."""


class WhichTicket(msgspec.Struct, frozen=True, tag="which-ticket"):
    """A line was typed and the person has several tickets: which one is it for?"""

    tickets: tuple[OwnTicket, ...]
    chosen: ChoiceId | None = None


class PassedOn(msgspec.Struct, frozen=True, tag="passed-on"):
    """What was typed went to the helpdesk."""

    number: int
    reopened: bool = False
    """The ticket was resolved; this answer opened it again."""


class Confirmed(msgspec.Struct, frozen=True, tag="confirmed"):
    """The requester said that it was solved."""

    number: int


class MyTickets(msgspec.Struct, frozen=True, tag="my-tickets"):
    """The person's own tickets; the shell looks them up."""


class Thanks(msgspec.Struct, frozen=True, tag="thanks"):
    """Thanks for the feedback."""


Screen = (
    Greeting
    | NotABounce
    | StepScreen
    | NewOrOld
    | Preview
    | TicketOpened
    | WhichTicket
    | PassedOn
    | Confirmed
    | MyTickets
    | Thanks
)
"""One thing to show, by ids; `render` finds the words."""


class Show(msgspec.Struct, frozen=True, tag="show"):
    """Show a screen, as a new message."""

    screen: Screen
    state: Session
    """The session as it was when the screen was decided: its bounce fills the screen's facts."""


class MarkUsed(msgspec.Struct, frozen=True, tag="mark-used"):
    """Show the card that was pressed as answered: the choice marked, its buttons gone."""

    screen: Screen
    state: Session


class OpenTicket(msgspec.Struct, frozen=True, tag="open-ticket"):
    """Put a ticket in the queue."""

    draft: Draft


class TellHelpdesk(msgspec.Struct, frozen=True, tag="tell-helpdesk"):
    """Put what the requester wrote on a ticket. An answer to a resolved ticket opens it again."""

    ticket: TicketId
    text: str


class ConfirmSolved(msgspec.Struct, frozen=True, tag="confirm-solved"):
    """Close a resolved ticket, because its requester says that it was solved."""

    ticket: TicketId


class RecordSighting(msgspec.Struct, frozen=True, tag="record-sighting"):
    """Remember that this person has met a problem, so that the next one can be told that it is known."""

    signatures: tuple[str, ...]


class RecordOutcome(msgspec.Struct, frozen=True, kw_only=True, tag="record-outcome"):
    """Remember how a dialog stands, for honest statistics."""

    session: SessionId
    article: ArticleId
    node: NodeId | None
    code: str | None
    language: Language
    outcome: Outcome


class RecordFeedback(msgspec.Struct, frozen=True, tag="record-feedback"):
    """Remember whether it helped."""

    session: SessionId
    useful: bool


Effect = (
    Show
    | MarkUsed
    | OpenTicket
    | TellHelpdesk
    | ConfirmSolved
    | RecordSighting
    | RecordOutcome
    | RecordFeedback
)
"""What a turn causes."""


class Turn(msgspec.Struct, frozen=True):
    """The result of one turn."""

    session: Session
    effects: tuple[Effect, ...]
