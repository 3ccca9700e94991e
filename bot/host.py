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
    ConfirmSolved,
    MarkUsed,
    MyTickets,
    OpenTicket,
    RecordFeedback,
    RecordOutcome,
    RecordSighting,
    Show,
    TellHelpdesk,
    TicketOpened,
    Turn,
)
from bot.model.errors import BouncedeskError, StoreError
from bot.model.event import Attached, Incoming, Person, Said
from bot.model.incident import signatures
from bot.model.outgoing import Outgoing
from bot.model.report import Kind
from bot.model.session import Addressing, Choosing, Handed, Session, Unreadable
from bot.model.ticket import Background, KnownProblem, OwnTicket, State
from bot.ports import Parcel, Reply, Unit, requester_card_name, session_key
from bot.turn import Core, show, sorry, take_turn

if TYPE_CHECKING:
    from datetime import datetime

    from bot.model.event import Reading
    from bot.model.ids import TicketId
    from bot.model.library import Library
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
        key = session_key(incoming.address)

        def work(unit: Unit) -> tuple[_Done, Sequence[Parcel]]:
            remembered = unit.answered(key, incoming.activity)
            if remembered is not None:
                return _Done(_decode(remembered)), ()
            now = self._clock()
            stored = unit.session(key)
            turn = take_turn(
                library,
                stored,
                incoming,
                reading,
                now=now,
                new_id=self._new_id,
                background=self._background(unit, stored, incoming, reading, now),
            )
            answer, parcels = self._carry_out(unit, library, incoming, turn, now)
            unit.save_session(key, turn.session, now)
            unit.remember(key, incoming.activity, _encode(answer), now)
            if _came_to_a_pause(stored, turn.session):
                parcels = (*parcels, *unit.release(key))
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
        person = incoming.address.person
        parcels: list[Parcel] = []
        card: Outgoing | None = None
        says = ""
        for effect in turn.effects:
            match effect:
                case Show():
                    reply = self._reply(unit, library, effect, person)
                    parcels.append(Parcel(to=to, content=reply))
                    says = reply.page.summary
                case MarkUsed(screen=screen, state=state):
                    card = show(library, screen, state)
                case OpenTicket(draft=draft):
                    _, told = self._queue.opened(unit, draft, now)
                    parcels += told
                case TellHelpdesk(ticket=ticket, text=text):
                    parcels += self._queue.told(unit, ticket, text, person, now)
                case ConfirmSolved(ticket=ticket):
                    parcels += self._queue.confirmed(unit, ticket, person, now)
                case RecordSighting(signatures=marks):
                    unit.record_sighting(marks, person.key, now)
                case RecordOutcome():
                    unit.record_outcome(effect, now)
                case RecordFeedback():
                    unit.record_feedback(effect, now)
                case _:
                    assert_never(effect)
        return Answer(card, says), parcels

    def _reply(self, unit: Unit, library: Library, shown: Show, person: Person) -> Reply:
        """Return the page of a screen. Pages of tickets come from the queue; the card of one is remembered, to be brought up to date."""
        state = shown.state
        match shown.screen:
            case TicketOpened(again=again) if isinstance(state.mode, Handed):
                ticket = state.mode.ticket
                page = self._queue.requester_page(unit, ticket, state.language, again=again)
                return Reply(page, requester_card_name(ticket))
            case MyTickets():
                return Reply(self._queue.own_tickets(unit, person.key, state.language))
            case _:
                return Reply(show(library, shown.screen, state))

    def _background(
        self,
        unit: Unit,
        stored: Session | Unreadable | None,
        incoming: Incoming,
        reading: Reading | None,
        now: datetime,
    ) -> Background:
        """Look up what the store knows that bears on a turn: nothing, for most turns."""
        tickets = _tickets_spoken_of(stored, incoming)
        return Background(
            tickets=_own_tickets(unit, tickets) if tickets else (),
            known=self._known(unit, stored, incoming, reading, now),
        )

    def _known(
        self,
        unit: Unit,
        stored: Session | Unreadable | None,
        incoming: Incoming,
        reading: Reading | None,
        now: datetime,
    ) -> KnownProblem | None:
        """Tell whether others have the bounce that a dialog may begin about: the one just read, or the one that waits for the choice."""
        marks: tuple[str, ...] = ()
        if reading is not None and reading.report.kind is not Kind.NOT_BOUNCE:
            marks = signatures(reading.report)
        elif isinstance(stored, Session) and isinstance(stored.mode, Choosing):
            marks = signatures(stored.mode.pending.report)
        return self._queue.known(unit, marks, incoming.address.person.key, now) if marks else None

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


def _tickets_spoken_of(
    stored: Session | Unreadable | None, incoming: Incoming
) -> tuple[TicketId, ...]:
    """Return the tickets that a message may be for: those of somebody who writes outside a dialog, or was asked which one."""
    if not isinstance(stored, Session):
        return ()
    asked = isinstance(stored.mode, Addressing)
    if not asked and (stored.in_dialog or not isinstance(incoming.event, Said)):
        return ()
    if isinstance(stored.mode, Handed) and stored.mode.ticket not in stored.handed:
        return (*stored.handed, stored.mode.ticket)  # a session of the first release
    return stored.handed


def _own_tickets(unit: Unit, tickets: tuple[TicketId, ...]) -> tuple[OwnTicket, ...]:
    return tuple(
        OwnTicket(ticket.id, ticket.number, ticket.state)
        for ticket in unit.tickets_by_id(tickets)
        if ticket.is_open or ticket.state is State.RESOLVED
    )


def _came_to_a_pause(before: Session | Unreadable | None, after: Session) -> bool:
    """Tell whether a turn ended a dialog: then what was held back for its end can come, after the answer."""
    was = isinstance(before, Unreadable) or (before is not None and before.in_dialog)
    return was and not after.in_dialog


def _where(error: BaseException) -> str:
    """Return the place in our code where an error arose: file and line, never the values that were there."""
    frames = traceback.extract_tb(error.__traceback__)
    return " < ".join(
        f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames[-4:])
    )
