"""What the bot remembers of one person in one conversation. Small, frozen, and stored as JSON."""

from datetime import datetime
from typing import Self

import msgspec

from bot.model.event import Address
from bot.model.ids import (
    ArticleId,
    ChoiceId,
    Language,
    NodeId,
    ReasonId,
    SessionId,
    TicketId,
)
from bot.model.library import Priority
from bot.model.match import Match
from bot.model.report import Report

FORMAT = 1
"""Version of the stored shape. Raised when an older reader would misread it; new fields with defaults do not count."""


class Visit(msgspec.Struct, frozen=True):
    """One answered node of the path."""

    article: ArticleId
    node: NodeId
    choice: ChoiceId
    known: bool = False
    """The bot knew the answer and did not ask."""


class Bounce(msgspec.Struct, frozen=True):
    """The bounce a dialog is about."""

    report: Report
    match: Match
    at: datetime


class Idle(msgspec.Struct, frozen=True, tag="idle"):
    """Nothing going on."""


class Walking(msgspec.Struct, frozen=True, tag="walking"):
    """At a node of a dialog."""

    article: ArticleId
    node: NodeId


class Handing(msgspec.Struct, frozen=True, kw_only=True, tag="handing"):
    """Looking at what the helpdesk will see, before it is sent."""

    reason: ReasonId
    priority: Priority = Priority.NORMAL
    note: str = ""
    keep_original: bool = True
    at: Walking | None = None
    """The `escalate` node that led here; its words say why. None when the user asked for a human."""
    back: Walking | None = None
    """Where *Back* leads; None where there was no dialog."""


class Choosing(msgspec.Struct, frozen=True, tag="choosing"):
    """Asked whether to leave a running dialog for a bounce that was just pasted."""

    pending: Bounce
    back: Walking | Handing


class Handed(msgspec.Struct, frozen=True, tag="handed"):
    """A ticket was opened; the dialog is over."""

    ticket: TicketId


class Addressing(msgspec.Struct, frozen=True, tag="addressing"):
    """Asked which ticket a line that was typed is for: the person has several."""

    text: str
    back: Idle | Handed


Mode = Idle | Walking | Handing | Choosing | Handed | Addressing
"""What the next message means."""


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One dialog of one person in one conversation."""

    id: SessionId
    address: Address
    language: Language
    content: str
    """Version of the library the last turn was taken with."""
    started: datetime
    mode: Idle | Walking | Handing | Choosing | Handed | Addressing = Idle()
    bounce: Bounce | None = None
    trail: tuple[Visit, ...] = ()
    handout_language: Language | None = None
    language_chosen: bool = False
    """The person chose the language; their client's locale no longer counts."""
    ended: bool = False
    """The outcome of this dialog is recorded."""
    handed: tuple[TicketId, ...] = ()
    """Tickets that this person opened in this conversation, oldest first, the last few of them."""
    v: int = FORMAT

    @property
    def in_dialog(self) -> bool:
        """Stands in the middle of something that an unrelated message would interrupt."""
        if isinstance(self.mode, Walking):
            return not self.ended
        return isinstance(self.mode, Handing | Choosing | Addressing)

    def with_(self, **changes: object) -> Self:
        """Return a copy with some fields replaced."""
        return msgspec.structs.replace(self, **changes)


class Unreadable(msgspec.Struct, frozen=True):
    """A stored session that this version cannot read: start again, politely."""


_decoder = msgspec.json.Decoder(Session)
_encoder = msgspec.json.Encoder()


def encode_session(session: Session) -> bytes:
    """Return the stored form of a session."""
    return _encoder.encode(session)


def decode_session(data: bytes) -> Session | Unreadable:
    """Read a stored session. What cannot be read is a state, not an error: the user must not suffer for it."""
    try:
        session = _decoder.decode(data)
    except msgspec.DecodeError:
        return Unreadable()
    return session if session.v <= FORMAT else Unreadable()
