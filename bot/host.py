"""The shell around the core: one activity is read, decided, committed, and only then answered.

Session, ticket, notices and the activity's id are one transaction. A crash before the commit leaves nothing; a crash after it leaves
parcels in the outbox, which the sweep sends. A second delivery of an activity changes nothing and gets the first answer again.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

import msgspec
import structlog

from bot.model.effects import (
    MarkUsed,
    OpenTicket,
    RecordFeedback,
    RecordOutcome,
    Show,
    Turn,
)
from bot.model.errors import BouncedeskError, StoreError
from bot.model.event import Attached, Incoming, Said
from bot.model.outgoing import Outgoing
from bot.model.session import Handed
from bot.ports import Parcel, Reply, SessionKey, Unit
from bot.turn import Core, show, sorry, take_turn

if TYPE_CHECKING:
    from datetime import datetime

    from bot.model.event import Reading
    from bot.model.library import Library
    from bot.model.session import Session
    from bot.outbox import Outbox
    from bot.ports import Clock, NewId, Queue

log = structlog.get_logger("bouncedesk.host")

_READ_ON_THE_LOOP = 16_384
"""Characters that are read without leaving the event loop; more goes to a thread."""


class Answer(msgspec.Struct, frozen=True):
    """What the channel's own request is answered with. The pages themselves travel through the outbox."""

    card: Outgoing | None = None
    """What takes the place of the card that was pressed."""
    says: str = ""
    """One line for a channel that wants a word and gets no card."""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Answer).decode


class Host:
    """Runs turns."""

    def __init__(
        self,
        core: Core,
        outbox: Outbox,
        queue: Queue,
        *,
        clock: Clock,
        new_id: NewId,
        observe: Callable[[Incoming, Turn], None] = lambda _incoming, _turn: None,
    ) -> None:
        """Take what a turn needs from outside; `observe` is told of each committed turn."""
        self._core = core
        self._outbox = outbox
        self._queue = queue
        self._clock = clock
        self._new_id = new_id
        self._observe = observe

    async def handle(self, incoming: Incoming) -> Answer:
        """Run one turn. Returns as soon as it is committed; the answers are already on their way.

        Whatever breaks, the user hears about it: with the advice to try again where that helps, and a reference that stands
        in the log.
        """
        try:
            return await self._handle(incoming)
        except StoreError as error:
            return await self._apologise(incoming, error, again=True)
        except Exception as error:  # noqa: BLE001 - the last line of defence: told, logged, never silent
            return await self._apologise(incoming, error, again=False)

    async def _handle(self, incoming: Incoming) -> Answer:
        library = self._core.library
        reading = await self._read(incoming)
        key = session_key(incoming)

        def work(unit: Unit) -> tuple[_Done, Sequence[Parcel]]:
            remembered = unit.answered(key, incoming.activity)
            if remembered is not None:
                return _Done(_decode(remembered)), ()
            now = self._clock()
            stored = unit.session(key)
            turn = take_turn(library, stored, incoming, reading, now=now, new_id=self._new_id)
            answer, parcels = self._carry_out(unit, library, incoming, turn, now)
            unit.save_session(key, turn.session, now)
            unit.remember(key, incoming.activity, _encode(answer), now)
            return _Done(answer, turn), parcels

        done = await self._outbox.commit(work)
        if done.turn is None:
            log.info("activity-repeated", activity=incoming.activity)
        else:
            self._observe(incoming, done.turn)
        return done.answer

    def _carry_out(
        self, unit: Unit, library: Library, incoming: Incoming, turn: Turn, now: datetime
    ) -> tuple[Answer, Sequence[Parcel]]:
        """Give every effect to its one handler; return the channel's answer and what is to be sent."""
        to = incoming.address
        parcels: list[Parcel] = []
        card: Outgoing | None = None
        says = ""
        for effect in turn.effects:
            match effect:
                case Show(screen=screen, state=state):
                    number = _ticket_number(unit, state)
                    page = show(library, screen, state, ticket=number)
                    parcels.append(Parcel(to=to, content=Reply(page)))
                    says = page.summary
                case MarkUsed(screen=screen, state=state):
                    card = show(library, screen, state)
                case OpenTicket(draft=draft):
                    parcels += self._queue.opened(unit.open_ticket(draft))
                case RecordOutcome():
                    unit.record_outcome(effect, now)
                case RecordFeedback():
                    unit.record_feedback(effect, now)
                case _:
                    assert_never(effect)
        return Answer(card, says), parcels

    async def _read(self, incoming: Incoming) -> Reading | None:
        event = incoming.event
        long = isinstance(event, Attached) or (
            isinstance(event, Said) and len(event.text) > _READ_ON_THE_LOOP
        )
        return await asyncio.to_thread(self._core.read, event) if long else self._core.read(event)

    async def _apologise(self, incoming: Incoming, error: Exception, *, again: bool) -> Answer:
        """Tell the user that we failed. Goes past the store: that may be what failed."""
        reference = self._new_id()[:8]
        log.error(
            "turn-failed",
            reference=reference,
            error=type(error).__name__,
            detail=str(error) if isinstance(error, BouncedeskError) else "",
            where=_where(error),
            activity=incoming.activity,
        )
        page = sorry(self._core.library, incoming.locale, reference, again=again)
        await self._outbox.send_now(Parcel(to=incoming.address, content=Reply(page)))
        return Answer(says=page.summary)


class _Done(msgspec.Struct, frozen=True):
    """What one transaction came to; without a turn, the activity had been here before."""

    answer: Answer
    turn: Turn | None = None


def session_key(incoming: Incoming) -> SessionKey:
    """Return whose session an event belongs to: one for each person in each conversation."""
    address = incoming.address
    return SessionKey(address.channel, address.conversation, address.user_key or address.user)


def _ticket_number(unit: Unit, state: Session) -> int | None:
    return unit.ticket_by_id(state.mode.ticket).number if isinstance(state.mode, Handed) else None


def _where(error: BaseException) -> str:
    """Return the place in our code where an error arose: file and line, never the values that were there."""
    frames = traceback.extract_tb(error.__traceback__)
    return " < ".join(
        f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames[-4:])
    )
