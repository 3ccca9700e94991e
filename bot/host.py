"""The shell around the core: one activity is read, decided, committed, and only then answered.

Session, ticket, notices and the activity's id are one transaction. A crash before the commit leaves nothing; a crash after it leaves
parcels in the outbox, which the sweep sends. A second delivery of an activity changes nothing and gets the first answer again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Protocol, assert_never

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
from bot.watch import CAUSE, Failed, Taken, Watchers, where

if TYPE_CHECKING:
    from datetime import datetime

    from bot.model.event import Reading
    from bot.model.ids import TicketId
    from bot.outbox import Outbox
    from bot.ports import Clock, NewId, Queue
    from bot.watch import Watch

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


class Edition(Protocol):
    """The content that is in force, and the desk that works by it (`bot.edition.Edition`)."""

    @property
    def core(self) -> Core:
        """The content, and its recogniser."""

    @property
    def desk(self) -> Queue:
        """The triage queue."""


class Host:
    """Runs turns."""

    def __init__(
        self,
        edition: Callable[[], Edition],
        outbox: Outbox,
        *,
        clock: Clock,
        new_id: NewId,
        watch: Watch | None = None,
    ) -> None:
        """Take what a turn needs from outside.

        Args:
            edition: Says what content is in force. It is asked once at the beginning of each turn.
            outbox: Commits and sends.
            clock: The time.
            new_id: Makes ids.
            watch: Is told of each turn that was committed, and of each that broke.
        """
        self._edition = edition
        self._outbox = outbox
        self._clock = clock
        self._new_id = new_id
        self._watch = watch or Watchers()

    async def handle(self, incoming: Incoming) -> Answer:
        """Run one turn. Returns as soon as it is committed; the answers are already on their way.

        Whatever breaks, the user hears about it: with the advice to try again where that helps, and a reference that stands
        in the log, in every line of the turn.
        """
        began = perf_counter()
        edition = self._edition()
        turn = CAUSE.get() or self._new_id()[:8]
        token = CAUSE.set(turn)
        try:
            return await self._handle(edition, incoming, turn, began)
        except StoreError as error:
            return await self._apologise(edition, incoming, error, turn, began, again=True)
        except Exception as error:  # noqa: BLE001 - the last line of defence: told, logged, never silent
            return await self._apologise(edition, incoming, error, turn, began, again=False)
        finally:
            CAUSE.reset(token)

    async def _handle(
        self, edition: Edition, incoming: Incoming, name: str, began: float
    ) -> Answer:
        library = edition.core.library
        reading = await _read(edition.core, incoming)
        read = perf_counter()
        key = session_key(incoming.address)

        def work(unit: Unit) -> tuple[_Done, Sequence[Parcel]]:
            started = perf_counter()
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
                background=_background(edition.desk, unit, stored, incoming, reading, now),
            )
            answer, parcels, ticket = _carry_out(edition, unit, incoming, turn, now)
            unit.save_session(key, turn.session, now)
            unit.remember(key, incoming.activity, _encode(answer), now)
            if _came_to_a_pause(stored, turn.session):
                parcels = (*parcels, *unit.release(key))
            return _Done(answer, turn, ticket, started, perf_counter()), parcels

        done = await self._outbox.commit(work)
        if done.turn is None:
            log.info("activity-repeated", activity=incoming.activity)
        else:
            taken = Taken(
                id=name,
                incoming=incoming,
                reading=reading,
                turn=done.turn,
                ticket=done.ticket,
                read=read - began,
                waited=done.started - read,
                decided=done.ended - done.started,
                committed=perf_counter() - done.ended,
            )
            self._watch.taken(taken)
        return done.answer

    async def _apologise(
        self,
        edition: Edition,
        incoming: Incoming,
        error: Exception,
        reference: str,
        began: float,
        *,
        again: bool,
    ) -> Answer:
        """Tell the user that we failed. Goes past the store: that may be what failed."""
        kind = type(error).__name__
        log.error(
            "turn-failed",
            reference=reference,
            error=kind,
            detail=str(error) if isinstance(error, BouncedeskError) else "",
            where=where(error),
            activity=incoming.activity,
        )
        self._watch.failed(
            Failed(
                id=reference,
                incoming=incoming,
                error=kind,
                again=again,
                seconds=perf_counter() - began,
            )
        )
        page = sorry(edition.core.library, incoming.locale, reference, again=again)
        await self._outbox.send_now(Parcel(to=incoming.address, content=Reply(page)))
        return Answer(says=page.summary)


class _Done(msgspec.Struct, frozen=True):
    """What one transaction came to; without a turn, the activity had been here before."""

    answer: Answer
    turn: Turn | None = None
    ticket: int | None = None
    """Number of the ticket that it opened."""
    started: float = 0.0
    """When the transaction came to it, by `perf_counter`."""
    ended: float = 0.0
    """When all was decided."""


async def _read(core: Core, incoming: Incoming) -> Reading | None:
    event = incoming.event
    long = isinstance(event, Attached) or (
        isinstance(event, Said) and len(event.text) > _READ_ON_THE_LOOP
    )
    return await asyncio.to_thread(core.read, event) if long else core.read(event)


def _carry_out(
    edition: Edition, unit: Unit, incoming: Incoming, turn: Turn, now: datetime
) -> tuple[Answer, Sequence[Parcel], int | None]:
    """Give every effect to its one handler; return the channel's answer, what is to be sent, and the number of a ticket that was opened."""
    library, desk = edition.core.library, edition.desk
    to = incoming.address
    person = incoming.address.person
    parcels: list[Parcel] = []
    card: Outgoing | None = None
    says = ""
    number: int | None = None
    for effect in turn.effects:
        match effect:
            case Show():
                reply = _reply(edition, unit, effect, person)
                parcels.append(Parcel(to=to, content=reply))
                says = reply.page.summary
            case MarkUsed(screen=screen, state=state):
                card = show(library, screen, state)
            case OpenTicket(draft=draft):
                ticket, told = desk.opened(unit, draft, now)
                number = ticket.number
                parcels += told
            case TellHelpdesk(ticket=ticket_id, text=text):
                parcels += desk.told(unit, ticket_id, text, person, now)
            case ConfirmSolved(ticket=ticket_id):
                parcels += desk.confirmed(unit, ticket_id, person, now)
            case RecordSighting(signatures=marks):
                unit.record_sighting(marks, person.key, now)
            case RecordOutcome():
                unit.record_outcome(effect, now)
            case RecordFeedback():
                unit.record_feedback(effect, now)
            case _:
                assert_never(effect)
    return Answer(card, says), parcels, number


def _reply(edition: Edition, unit: Unit, shown: Show, person: Person) -> Reply:
    """Return the page of a screen. Pages of tickets come from the queue; the card of one is remembered, to be brought up to date."""
    state = shown.state
    match shown.screen:
        case TicketOpened(again=again) if isinstance(state.mode, Handed):
            ticket = state.mode.ticket
            page = edition.desk.requester_page(unit, ticket, state.language, again=again)
            return Reply(page, requester_card_name(ticket))
        case MyTickets():
            return Reply(edition.desk.own_tickets(unit, person.key, state.language))
        case _:
            return Reply(show(edition.core.library, shown.screen, state))


def _background(
    desk: Queue,
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
        known=_known(desk, unit, stored, incoming, reading, now),
    )


def _known(
    desk: Queue,
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
    return desk.known(unit, marks, incoming.address.person.key, now) if marks else None


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
