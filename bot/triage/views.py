"""A ticket with all that a page about it shows, read within one transaction."""

from __future__ import annotations

from bot.model.event import Person
from bot.model.library import IncidentRules
from bot.model.ticket import Role, Ticket, TicketView
from bot.ports import Unit
from bot.triage import incidents

ANYBODY = Person("", "")
"""Who looks at a card that everybody in the channel sees."""


def view_of(
    unit: Unit, ticket: Ticket, rules: IncidentRules, *, role: Role, person: Person
) -> TicketView:
    """Return what a page shows of a ticket to somebody."""
    joined = tuple(unit.joined_to(ticket.id)) if ticket.parent is None else ()
    return TicketView(
        ticket=ticket,
        events=tuple(unit.ticket_events(ticket.id)),
        offers=incidents.offers(ticket, joined, role, person),
        undelivered=tuple(unit.undelivered(ticket.id)),
        joined=joined,
        people=1 + others_with(unit, ticket, joined, rules),
        part_of=unit.ticket_by_id(ticket.parent).number if ticket.parent else None,
    )


def others_with(
    unit: Unit, ticket: Ticket, joined: tuple[Ticket, ...], rules: IncidentRules
) -> int:
    """Return how many employees but the requester have met the problem of a ticket: they said so here, or handed it over."""
    draft = ticket.draft
    marks = incidents.shared(draft.signatures, rules)
    since = draft.opened - incidents.window(rules)
    met = unit.sightings(marks, since, draft.person.key) if marks else 0
    handed_over = {one.draft.person.key for one in joined} - {draft.person.key}
    return max(met, len(handed_over))
