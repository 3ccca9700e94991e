"""Which changes of a ticket are legal. Pure: a change is a new ticket and the event that says who, when and why."""

from datetime import datetime

from msgspec.structs import replace

from bot.model.errors import TransitionRefused
from bot.model.limits import NOTE_CHARS
from bot.model.ticket import Person, State, Ticket, TicketEvent

Change = tuple[Ticket, TicketEvent]


def claim(ticket: Ticket, by: Person, now: datetime) -> Change:
    """Let somebody take a new ticket. Raises TransitionRefused when it is no longer new: exactly one claimer wins."""
    if ticket.state is not State.NEW:
        raise TransitionRefused(f"#{ticket.number} is {ticket.state.value}.")
    claimed = replace(ticket, state=State.CLAIMED, assignee=by, changed=now)
    return claimed, TicketEvent(now, "claimed", by)


def resolve(ticket: Ticket, by: Person, note: str, now: datetime) -> Change:
    """Let somebody close the work with a note on what was done. Who resolves an unclaimed ticket has claimed it too.

    Raises TransitionRefused when the ticket is resolved already or the note is empty.
    """
    said = note.strip()[:NOTE_CHARS]
    if ticket.state is State.RESOLVED:
        raise TransitionRefused(f"#{ticket.number} is resolved already.")
    if not said:
        raise TransitionRefused("A resolution needs a note on what was done.")
    assignee = ticket.assignee or by
    resolved = replace(
        ticket, state=State.RESOLVED, assignee=assignee, resolution=said, changed=now
    )
    return resolved, TicketEvent(now, "resolved", by, said)
