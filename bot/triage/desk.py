"""The helpdesk's side of a ticket: the card in its channel, the presses on it, and the notices to the requester.

The store decides every race: a press is a transaction, and the one that finds the ticket changed tells how it stands now. A ticket never
depends on the channel being there: without one it is kept all the same, and the command line works on it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

import structlog

from bot import render
from bot.model.errors import DeliveryFailed, TransitionRefused, UnknownTicket
from bot.model.ticket import Person, Ticket
from bot.ports import NewPost, Parcel, Reply, Revision, Unit
from bot.render.speech import Speech
from bot.render.tickets import CLAIM, RESOLVE, SHOW_ALL
from bot.triage import lifecycle

if TYPE_CHECKING:
    from bot.model.event import Address, TicketPress
    from bot.model.ids import Language
    from bot.model.outgoing import Outgoing
    from bot.outbox import Outbox
    from bot.ports import Clock
    from bot.turn import Core

log = structlog.get_logger("bouncedesk.triage")

Change = Callable[[Ticket], lifecycle.Change]


class Membership(Protocol):
    """Who belongs to the triage team."""

    async def is_member(self, press: TicketPress) -> bool:
        """Tell whether the presser may act on tickets. Raises DeliveryFailed when that cannot be found out now."""


class NoChannel:
    """Nobody may press where no triage channel is configured: there is no card of ours to press on."""

    async def is_member(self, press: TicketPress) -> bool:
        """Refuse."""
        log.warning("press-without-channel", ticket=press.number)
        return False


class Desk:
    """Works on tickets."""

    def __init__(
        self,
        core: Core,
        outbox: Outbox,
        *,
        channel: Address | None,
        members: Membership,
        language: Language,
        clock: Clock,
    ) -> None:
        """Take the triage channel's address, or None where there is none, and the helpdesk's language."""
        self._core = core
        self._outbox = outbox
        self._channel = channel
        self._members = members
        self._language = language
        self._clock = clock

    # ------------------------------------------------------------------------------------ the queue, for the shell

    def opened(self, ticket: Ticket) -> Sequence[Parcel]:
        """Return what tells the helpdesk about a new ticket; empty where no channel is configured."""
        if self._channel is None:
            return ()
        card = NewPost(self._page(ticket), card_name(ticket))
        return (Parcel(to=self._channel, content=card, ticket=ticket.id),)

    # ------------------------------------------------------------------------------------------- for who works on it

    async def press(self, press: TicketPress) -> Outgoing | str:
        """Carry out a press on a ticket's card. Returns the card as it stands now, or the words of a refusal."""
        try:
            allowed = await self._members.is_member(press)
        except DeliveryFailed as error:
            log.warning("membership-unknown", ticket=press.number, error=type(error).__name__)
            return self._say("ticket-cannot-check")
        if not allowed:
            log.warning("press-refused", ticket=press.number, do=press.do)
            return self._say("ticket-not-member")
        try:
            return await self._do(press)
        except UnknownTicket:
            return self._say("ticket-unknown")

    async def claim(self, number: int, by: Person) -> Ticket:
        """Let somebody take a ticket. Raises UnknownTicket, or TransitionRefused when somebody else was first."""
        now = self._clock()
        return await self._change(number, lambda ticket: lifecycle.claim(ticket, by, now))

    async def resolve(self, number: int, by: Person, note: str) -> Ticket:
        """Let somebody resolve a ticket. Raises UnknownTicket or TransitionRefused."""
        now = self._clock()
        return await self._change(number, lambda ticket: lifecycle.resolve(ticket, by, note, now))

    # ----------------------------------------------------------------------------------------------------------------

    async def _do(self, press: TicketPress) -> Outgoing | str:
        if press.do == SHOW_ALL:
            return await self._show(press.number, everything=True)
        try:
            if press.do == CLAIM:
                return self._page(await self.claim(press.number, press.person))
            if press.do == RESOLVE:
                note = press.inputs.get("resolution", "")
                return self._page(await self.resolve(press.number, press.person, note))
        except TransitionRefused as refused:
            log.info("transition-refused", ticket=press.number, do=press.do, why=refused.detail)
            words = "ticket-claimed-already" if press.do == CLAIM else "ticket-not-possible"
            return await self._show(press.number, remark=words, unless=press.person)
        return self._say("notice-unknown-press")

    async def _change(self, number: int, change: Change) -> Ticket:
        def work(unit: Unit) -> tuple[Ticket, Sequence[Parcel]]:
            changed, event = change(unit.ticket(number))
            stored = unit.change_ticket(changed, event)
            return stored, self._told(stored)

        ticket = await self._outbox.commit(work)
        log.info("ticket-changed", ticket=number, state=ticket.state.value)
        return ticket

    def _told(self, ticket: Ticket) -> Sequence[Parcel]:
        """Return what a change causes: the notice to the requester, in their language, and the card brought up to date."""
        notice = Reply(render.requester_notice(ticket, self._core.library))
        parcels = [Parcel(to=ticket.draft.requester, content=notice, ticket=ticket.id)]
        if self._channel is not None:
            card = Revision(self._page(ticket), card_name(ticket))
            parcels.append(Parcel(to=self._channel, content=card))
        return parcels

    async def _show(
        self,
        number: int,
        *,
        everything: bool = False,
        remark: str | None = None,
        unless: Person | None = None,
    ) -> Outgoing:
        """Return the card as it stands. The remark is left out for whom it would be wrong: a second delivery of the winner's own press."""

        def work(unit: Unit) -> tuple[tuple[Ticket, Sequence[str]], Sequence[Parcel]]:
            ticket = unit.ticket(number)
            return (ticket, unit.undelivered(ticket.id)), ()

        ticket, undelivered = await self._outbox.commit(work)
        original = (ticket.draft.original or "") if everything else None
        if unless is not None and ticket.assignee == unless:
            remark = None
        return self._page(ticket, original=original, undelivered=undelivered, remark=remark)

    def _page(
        self,
        ticket: Ticket,
        *,
        original: str | None = None,
        undelivered: Sequence[str] = (),
        remark: str | None = None,
    ) -> Outgoing:
        return render.ticket_page(
            ticket,
            self._core.library,
            self._language,
            original=original,
            undelivered=undelivered,
            remark=remark,
        )

    def _say(self, words: str) -> str:
        return Speech(self._core.library, self._language).plain(words)


def card_name(ticket: Ticket) -> str:
    """Return the name under which the place of a ticket's card is remembered."""
    return f"ticket:{ticket.id}:card"
