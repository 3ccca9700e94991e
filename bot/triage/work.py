"""What becomes of tickets when somebody does something with one, within one transaction: its incident goes along.

Every refusal comes before the first write.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from bot.model.errors import TransitionRefused, UnknownTicket
from bot.model.event import Mention, Person
from bot.model.library import Library
from bot.model.ticket import OPENED, PAST, Deed, Draft, Role, Ticket, TicketEvent, Verb
from bot.ports import Unit
from bot.triage import incidents, lifecycle
from bot.triage.channels import ChannelBook
from bot.triage.lifecycle import BOT
from bot.triage.routing import queue_for
from bot.triage.told import Change


class Work:
    """Changes tickets by the rules of the lifecycle, the incidents and the queues."""

    def __init__(self, library: Library, places: ChannelBook) -> None:
        """Take the rules, and the channels whose teams may not see each other's tickets."""
        self._library = library
        self._places = places

    def open(self, unit: Unit, draft: Draft, now: datetime) -> tuple[Ticket, Sequence[Change]]:
        """Store a draft in its queue, joined to the incident it belongs to. Opening twice opens once, and changes nothing more."""
        stored = unit.tickets_by_id((draft.id,))
        if stored:
            return stored[0], ()
        queue = queue_for(draft, self._library.triage)
        alike = self._alike(unit, draft, self._places.of(queue).team, now)
        ticket = unit.open_ticket(draft, queue)
        opened = TicketEvent(draft.opened, OPENED, draft.person, draft.note)
        parent = self._incident(unit, draft, alike)
        if parent is None:
            return ticket, (Change(ticket=ticket, event=opened, alerts=roster(unit, ticket)),)
        changes = [Change(ticket=ticket, event=opened, line=False)]
        joined, event = incidents.join(ticket, parent, BOT, Role.SYSTEM, now)
        ticket = unit.change_ticket(joined, event)
        changes.append(Change(ticket=ticket, event=event))
        changes += self._gather(unit, parent, alike, now)
        return ticket, changes

    def do(
        self,
        unit: Unit,
        ticket: Ticket,
        deed: Deed,
        by: Person,
        role: Role,
        now: datetime,
        *,
        alerts: tuple[Mention, ...] = (),
    ) -> Sequence[Change]:
        """Carry out a deed on a ticket and, where it concerns the whole incident, on all that were joined to it.

        Returns the changes, that of the ticket itself first. Raises TransitionRefused; then nothing was written.
        """
        if ticket.parent is not None:
            # An incident is locked from the top, or two deeds would wait for each other.
            unit.joined_to(ticket.parent)
        match deed.verb:
            case Verb.JOIN:
                changes = [self._join(unit, ticket, deed, by, role, now)]
            case Verb.SPLIT:
                changes = [self._split(unit, ticket, by, role, now)]
            case _:
                changed, event = lifecycle.carry_out(ticket, deed, by, role, now)
                stored = unit.change_ticket(changed, event)
                if deed.verb is Verb.URGENT and role is Role.REQUESTER:
                    alerts = roster(unit, ticket)
                changes = [Change(ticket=stored, event=event, alerts=alerts)]
                changes += self._carry_along(unit, stored, deed, by, role, now)
        return (*changes, *self._leave_nobody_behind(unit, changes[0].ticket, now))

    # ------------------------------------------------------------------------------------------------- incidents

    def _alike(self, unit: Unit, draft: Draft, team: str, now: datetime) -> Sequence[Ticket]:
        """Return open tickets with the same problem that the same team works on, oldest first."""
        rules = self._library.triage.incidents
        marks = incidents.shared(draft.signatures, rules)
        if not marks:
            return ()
        found = unit.alike(marks, now - incidents.window(rules))
        return [one for one in found if self._places.of(one.queue).team == team]

    def _incident(self, unit: Unit, draft: Draft, alike: Sequence[Ticket]) -> Ticket | None:
        """Return the ticket to join a new one to, locked and as it stands now; None where there is none, or no longer."""
        people = {other.draft.person.key for one in alike for other in unit.joined_to(one.id)}
        parent = incidents.incident_for(draft, alike, people, self._library.triage.incidents)
        if parent is None:
            return None
        parent = unit.ticket_by_id(parent.id)
        return parent if parent.is_open and parent.parent is None else None

    def _gather(
        self, unit: Unit, parent: Ticket, alike: Sequence[Ticket], now: datetime
    ) -> list[Change]:
        """Join what had waited for enough people to have the problem; never what somebody has split off."""
        changes = []
        for other in alike:
            events = unit.ticket_events(other.id)
            apart = any(event.what == PAST[Verb.SPLIT] for event in events)
            if other.id != parent.id and not apart and not unit.joined_to(other.id):
                joined, event = incidents.join(other, parent, BOT, Role.SYSTEM, now)
                changes.append(Change(ticket=unit.change_ticket(joined, event), event=event))
        return changes

    def _join(
        self, unit: Unit, ticket: Ticket, deed: Deed, by: Person, role: Role, now: datetime
    ) -> Change:
        parent = self._root_of(unit, deed.other)
        same_team = parent is not None and (
            self._places.of(parent.queue).team == self._places.of(ticket.queue).team
        )
        if parent is None or not same_team or not parent.is_open or parent.id == ticket.id:
            raise TransitionRefused(f"#{ticket.number} to join", words="ticket-no-such-other")
        if unit.joined_to(ticket.id):
            raise TransitionRefused(f"#{ticket.number} has others joined to it.")
        joined, event = incidents.join(ticket, parent, by, role, now)
        return Change(ticket=unit.change_ticket(joined, event), event=event)

    def _root_of(self, unit: Unit, number: int | None) -> Ticket | None:
        """Return the ticket that a number means to join to, locked: that of the incident, where it was joined to one itself."""
        if number is None:
            return None
        try:
            other = unit.ticket(number)
        except UnknownTicket:
            return None
        root = other.parent or other.id
        unit.joined_to(root)
        return unit.ticket_by_id(root)

    def _split(self, unit: Unit, ticket: Ticket, by: Person, role: Role, now: datetime) -> Change:
        parent = unit.ticket_by_id(ticket.parent) if ticket.parent is not None else ticket
        alone, event = incidents.split(ticket, parent, by, role, now)
        return Change(ticket=unit.change_ticket(alone, event), event=event)

    def _carry_along(
        self, unit: Unit, parent: Ticket, deed: Deed, by: Person, role: Role, now: datetime
    ) -> list[Change]:
        if parent.parent is not None or role is Role.REQUESTER:
            return []
        changes = []
        joined = unit.joined_to(parent.id)
        for ticket, own in incidents.carried_along(deed, joined, by, role):
            changed, event = lifecycle.carry_out(ticket, own, by, role, now)
            stored = unit.change_ticket(changed, event)
            changes.append(Change(ticket=stored, event=event, line=False))
        return changes

    def _leave_nobody_behind(self, unit: Unit, ticket: Ticket, now: datetime) -> Sequence[Change]:
        """Give what is open a card of its own where the ticket it was joined to no longer is: its requester still waits."""
        if ticket.parent is not None:
            left = ticket.is_open and not unit.ticket_by_id(ticket.parent).is_open
            return (self._split(unit, ticket, BOT, Role.SYSTEM, now),) if left else ()
        if ticket.is_open:
            return ()
        waiting = [one for one in unit.joined_to(ticket.id) if one.is_open]
        if not waiting:
            return ()
        first = self._split(unit, waiting[0], BOT, Role.SYSTEM, now)
        changes = [first]
        for one in waiting[1:]:
            moved = replace(one, parent=None)
            joined, event = incidents.join(moved, first.ticket, BOT, Role.SYSTEM, now)
            stored = unit.change_ticket(joined, event)
            changes.append(Change(ticket=stored, event=event, line=False, notice=False))
        return changes


def roster(unit: Unit, ticket: Ticket) -> tuple[Mention, ...]:
    """Return who is alerted about a ticket."""
    return unit.roster(ticket.queue).people
