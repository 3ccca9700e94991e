"""Everything one turn can cause. Each effect has exactly one handler, in `bot.host`; a forgotten one is a type error."""

from enum import StrEnum

import msgspec

from bot.model.ids import ArticleId, ChoiceId, Language, NodeId, SessionId
from bot.model.session import Session
from bot.model.ticket import Draft, Outcome


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


class Thanks(msgspec.Struct, frozen=True, tag="thanks"):
    """Thanks for the feedback."""


Screen = Greeting | NotABounce | StepScreen | NewOrOld | Preview | TicketOpened | Thanks
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


Effect = Show | MarkUsed | OpenTicket | RecordOutcome | RecordFeedback
"""What a turn causes."""


class Turn(msgspec.Struct, frozen=True):
    """The result of one turn."""

    session: Session
    effects: tuple[Effect, ...]
