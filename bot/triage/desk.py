"""The triage queue from outside: what the shell puts in, what agents and requesters press, and what agents say and search.

The store decides every race: a deed is one transaction with everything it causes, and the one that finds the ticket changed tells how it
stands now. Who may act is asked of the channel every time, at the team of the ticket's own queue. A ticket never depends on the channel
being there: without one it is kept all the same, and the command line works on it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import structlog

from bot import render
from bot.model.errors import DeliveryFailed, TransitionRefused
from bot.model.event import Incoming, Mention, Person, TicketPress, TicketSearch
from bot.model.ids import Language, TicketId
from bot.model.limits import OWN_TICKETS
from bot.model.outgoing import Hit, Outgoing
from bot.model.ticket import Deed, Draft, KnownProblem, Role, State, Ticket, TicketView, Verb
from bot.ports import Parcel, Reply, SessionKey, Unit
from bot.triage import incidents
from bot.triage.channels import ChannelBook, Membership
from bot.triage.floor import DONE, REFUSED, REPEATED, Floor, Observe
from bot.triage.heard import Heard, Stats
from bot.triage.presses import Presses
from bot.triage.searching import Searching
from bot.triage.views import ANYBODY

if TYPE_CHECKING:
    from bot.outbox import Outbox
    from bot.ports import Clock
    from bot.turn import Core

log = structlog.get_logger("bouncedesk.triage")


class Desk:
    """Works on tickets."""

    def __init__(
        self,
        core: Core,
        outbox: Outbox,
        *,
        places: ChannelBook,
        members: Membership,
        clock: Clock,
        sinks: Sequence[str] = (),
        stats: Stats | None = None,
        observe: Observe = lambda _verb, _role, _outcome: None,
    ) -> None:
        """Take the channels of the queues, who knows their teams, the names of the sinks, and who draws the statistics."""
        floor = Floor(
            core.library,
            outbox,
            places=places,
            members=members,
            clock=clock,
            sinks=sinks,
            observe=observe,
        )
        self._floor = floor
        self._rules = core.library.triage.incidents
        self._presses = Presses(floor)
        self._heard = Heard(floor, stats)
        self._searching = Searching(floor)

    # ------------------------------------------------------------------------------------ the queue, for the shell

    def opened(self, unit: Unit, draft: Draft, now: datetime) -> tuple[Ticket, Sequence[Parcel]]:
        """Put a draft in the queue: route it, join it to the incident it belongs to, tell the helpdesk."""
        ticket, changes = self._floor.work.open(unit, draft, now)
        return ticket, self._floor.telling.about(unit, changes)

    def told(
        self, unit: Unit, ticket: TicketId, text: str, by: Person, now: datetime
    ) -> Sequence[Parcel]:
        """Put what the requester wrote on their ticket. An answer to a resolved ticket opens it again; one that is over keeps it."""
        if not text.strip():
            return ()
        return self._by_requester(unit, ticket, Deed(verb=Verb.ANSWER, text=text), by, now)

    def confirmed(
        self, unit: Unit, ticket: TicketId, by: Person, now: datetime
    ) -> Sequence[Parcel]:
        """Close a resolved ticket for its requester. Does nothing where it is no longer resolved."""
        if unit.ticket_by_id(ticket).state is not State.RESOLVED:
            return ()
        return self._by_requester(unit, ticket, Deed(verb=Verb.CONFIRM), by, now)

    def _by_requester(
        self, unit: Unit, ticket: TicketId, deed: Deed, by: Person, now: datetime
    ) -> Sequence[Parcel]:
        found = unit.ticket_by_id(ticket)
        changes = self._floor.work.do(unit, found, deed, by, Role.REQUESTER, now)
        return self._floor.telling.about(unit, changes)

    def known(
        self, unit: Unit, signatures: Collection[str], person: str, now: datetime
    ) -> KnownProblem | None:
        """Tell whether the helpdesk works on a problem already that others have met, too."""
        marks = incidents.shared(signatures, self._rules)
        if not marks:
            return None
        window = incidents.window(self._rules)
        alike = unit.alike(marks, now - window)
        if not alike:
            return None
        since = alike[0].draft.opened
        people = unit.sightings(marks, since - window, person)
        enough = people >= 1 and people + 1 >= self._rules.people
        return KnownProblem(since, people) if enough else None

    def requester_page(
        self, unit: Unit, ticket: TicketId, language: Language, *, again: bool = False
    ) -> Outgoing:
        """Return the requester's own card of a ticket; `again`: it was shown before."""
        found = unit.ticket_by_id(ticket)
        view = self._floor.view(unit, found, Role.REQUESTER, found.draft.person)
        return render.requester_page(view, self._floor.library, language, again=again)

    def own_tickets(self, unit: Unit, person: str, language: Language) -> Outgoing:
        """Return the page of a person's own tickets, open and closed."""
        tickets = unit.tickets_of(person, OWN_TICKETS)
        return render.own_tickets_page(tickets, self._floor.library, language)

    def undeliverable(self, unit: Unit, parcel: Parcel, why: str) -> Sequence[Parcel]:
        """Return what tells the helpdesk that its requester was not reached. Called in the transaction that gives a parcel up."""
        if parcel.ticket is None or not isinstance(parcel.content, Reply):
            return ()
        ticket = unit.ticket_by_id(parcel.ticket)
        log.warning("requester-not-notified", ticket=ticket.number)
        return self._floor.telling.undeliverable(unit, ticket, why)

    # ------------------------------------------------------------------------------------- for agents and requesters

    async def press(self, press: TicketPress) -> Outgoing | str:
        """Carry out a press on a ticket's card. Returns the card as it stands now, or the words of a refusal."""
        return await self._presses.press(press)

    async def heard(self, incoming: Incoming) -> Outgoing | str | None:
        """Take what was said to the bot in a channel. Returns what to answer there ("": nothing); None: it is not for the queue."""
        return await self._heard.heard(incoming)

    async def search(self, search: TicketSearch) -> Sequence[Hit] | str:
        """Return the tickets that were found in the searcher's own queues, newest first; or the words of a refusal."""
        return await self._searching.search(search)

    # ------------------------------------------------------------------- for the command line, the sinks, the upkeep

    async def carry_out(
        self,
        number: int,
        deed: Deed,
        by: Person,
        *,
        role: Role = Role.AGENT,
        once: tuple[SessionKey, str] | None = None,
    ) -> Ticket:
        """Do something with a ticket. Raises UnknownTicket, TransitionRefused or another StoreError.

        `once`: under which key and id it is remembered in the same transaction; what was done under the same ones before is not done again.
        """
        floor = self._floor
        alerts = await self._alerts(number, deed)

        def work(unit: Unit) -> tuple[tuple[Ticket, str], Sequence[Parcel]]:
            stands = unit.ticket(number)
            if once is not None:
                if unit.answered(*once) is not None:
                    return (stands, REPEATED), ()
                unit.remember(*once, b"", floor.clock())
            changes = floor.work.do(unit, stands, deed, by, role, floor.clock(), alerts=alerts)
            return (changes[0].ticket, DONE), floor.telling.about(unit, changes)

        try:
            ticket, came_out = await floor.outbox.commit(work)
        except TransitionRefused:
            floor.write_down(number, deed, role, REFUSED)
            raise
        floor.write_down(number, deed, role, came_out)
        return ticket

    async def view(self, number: int) -> TicketView:
        """Return a ticket with its history, and what an agent may do with it. Raises UnknownTicket."""
        return await self._floor.read(
            lambda unit: self._floor.view(unit, unit.ticket(number), Role.AGENT, ANYBODY)
        )

    async def _alerts(self, number: int, deed: Deed) -> tuple[Mention, ...]:
        """Return whom a deed alerts, as far as the channel says: an alert is worth less than the deed."""
        if deed.to is None:
            return ()
        ticket = await self._floor.read(lambda unit: unit.ticket(number))
        try:
            _, alerts = await self._floor.colleague(ticket, deed.to.key)
        except DeliveryFailed as error:
            log.warning("members-unknown", ticket=number, error=type(error).__name__)
            return ()
        return alerts
