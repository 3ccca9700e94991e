"""What is told to those who watch the bot: turns, deeds and deliveries, each when it is over. From it come log, metrics and spans.

Watching changes nothing, and a watcher that breaks hinders nobody. `CAUSE` joins what belongs together: every line that is logged while a
turn is worked on, or while what it sent is delivered, has its id.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from hashlib import blake2s
from pathlib import Path
from typing import Any, Protocol

import msgspec
import structlog

from bot.model.effects import (
    ConfirmSolved,
    Effect,
    MarkUsed,
    OpenTicket,
    RecordOutcome,
    Show,
    TellHelpdesk,
    Turn,
)
from bot.model.event import Incoming, Reading
from bot.model.ids import SessionId
from bot.model.report import Kind
from bot.model.session import Walking
from bot.model.ticket import Outcome, Role, Verb
from bot.ports import Parcel

log = structlog.get_logger("bouncedesk.watch")

CAUSE: ContextVar[str] = ContextVar("bouncedesk_turn", default="")
"""Id of the turn that is worked on, or that caused what is delivered; empty: nobody's turn did."""


@contextmanager
def caused(turn: str) -> Iterator[str]:
    """Join what is logged inside under an id, unless it is joined already. Yields the id that it has."""
    known = CAUSE.get()
    if known:
        yield known
        return
    token = CAUSE.set(turn)
    try:
        yield turn
    finally:
        CAUSE.reset(token)


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A turn that was committed."""

    id: str
    incoming: Incoming
    reading: Reading | None
    turn: Turn
    ticket: int | None
    """Number of the ticket that it opened."""
    read: float
    """Seconds that reading the message took."""
    waited: float
    """Seconds until the store began the transaction, for the last time."""
    decided: float
    """Seconds for loading the session, deciding, and writing down what follows."""
    committed: float
    """Seconds from there until it was durable."""

    @property
    def total(self) -> float:
        """Seconds from the event to the commit."""
        return self.read + self.waited + self.decided + self.committed

    @property
    def event(self) -> str:
        """What kind of event it was."""
        return type(self.incoming.event).__name__.lower()

    @property
    def match(self) -> str:
        """What the recogniser made of it; empty: there was nothing to read."""
        reading = self.reading
        if reading is None:
            return ""
        if reading.report.kind is Kind.NOT_BOUNCE:
            return "not-bounce"
        if reading.match.headline_only:
            return "headline"
        return reading.match.confidence.value if reading.match.confidence else "none"

    def facts(self) -> dict[str, Any]:
        """Return what log and spans say of the turn: ids, words of the content's and our own, numbers; never what a person wrote.

        What does not apply is left out.
        """
        incoming, session, mode = self.incoming, self.turn.session, self.turn.session.mode
        facts: dict[str, Any] = {
            "activity": incoming.activity,
            "session": session.id,
            "conversation": opaque(incoming.address.conversation),
            "kind": self.event,
            "language": session.language,
        }
        if isinstance(mode, Walking):
            facts["article"], facts["node"] = mode.article, mode.node
        if self.reading is not None:
            facts["match"] = self.match
            if codes := self.reading.report.codes:
                facts["code"] = codes[0]
        for effect in self.turn.effects:
            _add_effect(facts, effect, session.id)
        if self.ticket is not None:
            facts["ticket"] = self.ticket
        return facts


def _add_effect(facts: dict[str, Any], effect: Effect, session: SessionId) -> None:
    match effect:
        case Show() | MarkUsed():  # nearly always, so it is asked first
            pass
        case RecordOutcome(session=of, article=article, outcome=outcome):
            if of == session:  # else it is about the dialog that was left for this one
                facts["article"] = article
                if outcome is not Outcome.OPEN:
                    facts["outcome"] = outcome.value
        case OpenTicket():
            facts["did"] = "open"
        case TellHelpdesk():
            facts["did"] = Verb.ANSWER.value
        case ConfirmSolved():
            facts["did"] = Verb.CONFIRM.value
        case _:
            pass


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """A turn that broke; its id is the reference that the user was shown."""

    id: str
    incoming: Incoming
    error: str
    """The kind of error."""
    again: bool
    """It may go well later."""
    seconds: float


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to deliver a parcel."""

    parcel: Parcel
    outcome: str
    """One of `OUTCOMES`."""
    attempt: int
    """From 1."""
    cause: str
    """Id of the turn it comes from; empty: unknown, or nobody's."""
    seconds: float


OUTCOMES = ("sent", "delayed", "refused", "ambiguous", "failed")
"""How an attempt can come out: the channel has it; wants it later; never; nobody knows; something broke here."""


class Watch(Protocol):
    """Somebody who watches. Called on the loop: must be quick and touch nothing."""

    def taken(self, taken: Taken) -> None:
        """A turn was committed."""

    def failed(self, failed: Failed) -> None:
        """A turn broke."""

    def deed(self, verb: Verb, role: Role, outcome: str) -> None:
        """Something was done with a ticket (`done`), or its state did not allow it (`refused`)."""

    def tried(self, tried: Tried) -> None:
        """A delivery was tried."""


class Watchers:
    """Everybody who watches, none, one or several."""

    def __init__(self, watchers: Sequence[Watch] = ()) -> None:
        """Take them in the order in which they are told."""
        self._watchers = tuple(watchers)

    def taken(self, taken: Taken) -> None:
        """Tell of a committed turn."""
        for watcher in self._watchers:
            try:
                watcher.taken(taken)
            except Exception as error:  # noqa: BLE001 - the turn is committed: whoever only watches must not undo that
                _broken(error)

    def failed(self, failed: Failed) -> None:
        """Tell of a turn that broke."""
        for watcher in self._watchers:
            try:
                watcher.failed(failed)
            except Exception as error:  # noqa: BLE001 - as above
                _broken(error)

    def deed(self, verb: Verb, role: Role, outcome: str) -> None:
        """Tell of a deed on a ticket."""
        for watcher in self._watchers:
            try:
                watcher.deed(verb, role, outcome)
            except Exception as error:  # noqa: BLE001 - as above
                _broken(error)

    def tried(self, tried: Tried) -> None:
        """Tell of a delivery."""
        for watcher in self._watchers:
            try:
                watcher.tried(tried)
            except Exception as error:  # noqa: BLE001 - as above
                _broken(error)


@lru_cache(maxsize=1_024)
def opaque(conversation: str) -> str:
    """Return what stands for a conversation where its own id, which is one of a person, does not belong."""
    return blake2s(conversation.encode(), digest_size=6).hexdigest()


def where(error: BaseException) -> str:
    """Return the places in our code that an error came through, the last first: files and lines, never values."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    return " < ".join(f"{Path(one.filename).name}:{one.lineno}" for one in reversed(frames))


def _broken(error: Exception) -> None:
    log.error("watcher-broken", error=type(error).__name__, where=where(error))
