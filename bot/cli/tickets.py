"""`bouncedesk tickets`: the queue without Teams."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.once import Data, Json, legible, print_json, print_table, with_application

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bot.compose import Application
    from bot.model.ids import TicketId
    from bot.model.ticket import Person, State, Ticket, TicketEvent, TicketView
    from bot.ports import Listing, Unit

Number = Annotated[int, typer.Argument(help="Ticket number, without the #.")]
Who = Annotated[str | None, typer.Option("--as", help="Who acts; your login name otherwise.")]
Text = Annotated[
    str, typer.Option("--text", "-m", help="What is written; - reads standard input.")
]
Why = Annotated[str, typer.Option("--text", "-m", help="Why; - reads standard input.")]

_PAGE = 100
"""Tickets that one search returns at most."""

app = typer.Typer(no_args_is_help=True, help="The queue without Teams.")


@app.command("list")
def list_(  # noqa: PLR0913 - one for each option
    *,
    data: Data = None,
    json_: Json = False,
    state: Annotated[list[str] | None, typer.Option(help="Only tickets in this state.")] = None,
    mine: Annotated[bool, typer.Option("--mine", help="Open ones that you have.")] = False,
    unassigned: Annotated[bool, typer.Option("--unassigned", help="New ones.")] = False,
    closed: Annotated[
        bool, typer.Option("--closed", help="Resolved, closed and withdrawn ones.")
    ] = False,
    search: Annotated[
        str,
        typer.Option(
            help="Only tickets with every word: a number, or how an address, domain, code, host or name begins."
        ),
    ] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 100,
    who: Who = None,
) -> None:
    """List tickets, newest first."""
    from bot.model.ticket import State
    from bot.ports import Listing

    if mine + unassigned + closed > 1:
        raise typer.BadParameter("--mine, --unassigned and --closed are three different lists.")
    known = [one.value for one in State]
    if wrong := next((name for name in state or () if name not in known), None):
        raise typer.BadParameter(f"'{wrong}' is no state; there are {', '.join(known)}.")
    states = frozenset(State(name) for name in state or known)
    kind = Listing.RECENT
    kind = Listing.MINE if mine else Listing.UNASSIGNED if unassigned else kind
    kind = Listing.CLOSED if closed else kind
    person = _person(who).key

    def work(unit: Unit) -> tuple[Sequence[Ticket], dict[TicketId, int]]:
        if kind is Listing.RECENT and not search:
            found = unit.tickets(states if state else None, limit)
        else:
            found = _found(unit, search, kind, person, states, limit)
        return found, _parents(unit, found)

    tickets, parents = with_application(data, lambda running: running.store.run(work))
    if json_:
        for ticket in tickets:
            print_json(summary(ticket, parents))
    elif tickets:
        _print_list(tickets, parents)
    else:
        typer.echo("No tickets.")


@app.command()
def show(number: Number, data: Data = None, json_: Json = False, full: bool = False) -> None:
    """Show one ticket with its history; --full shows addresses and the pasted text whole."""

    async def read(running: Application) -> tuple[TicketView, str]:
        from bot.render import plain_text, ticket_page

        view = await running.desk.view(number)
        original = (view.ticket.draft.original or "") if full else None
        library = running.core.library
        return view, plain_text(ticket_page(view, library, library.default, original=original))

    view, text = with_application(data, read)
    if json_:
        print_json(details(view))
        return
    typer.echo(text)
    typer.echo()
    for event in view.events:
        typer.echo(_line(event, mask=not full))


@app.command()
def claim(number: Number, data: Data = None, who: Who = None) -> None:
    """Take a new ticket."""
    _do("claim", number, data, who)


@app.command("take-over")
def take_over(number: Number, text: Why = "", data: Data = None, who: Who = None) -> None:
    """Take a ticket that a colleague has."""
    _do("take-over", number, data, who, text=text)


@app.command("hand-back")
def hand_back(number: Number, text: Why = "", data: Data = None, who: Who = None) -> None:
    """Give a ticket back: it is new again, and nobody has it."""
    _do("hand-back", number, data, who, text=text)


@app.command()
def assign(
    number: Number,
    to: Annotated[str, typer.Option(help="Name of the colleague.")],
    data: Data = None,
    who: Who = None,
) -> None:
    """Give a ticket to a colleague."""
    from bot.model.ticket import Deed, Verb

    async def change(running: Application) -> Ticket:
        colleague = await running.store.run(lambda unit: _colleague(unit, to))
        deed = Deed(verb=Verb.ASSIGN, to=colleague)
        return await running.desk.carry_out(number, deed, _person(who))

    _told(with_application(data, change))


@app.command()
def reply(number: Number, text: Text, data: Data = None, who: Who = None) -> None:
    """Write to the requester."""
    _do("reply", number, data, who, text=text)


@app.command()
def ask(number: Number, text: Text, data: Data = None, who: Who = None) -> None:
    """Write to the requester and wait for the answer."""
    _do("ask", number, data, who, text=text)


@app.command()
def note(number: Number, text: Text, data: Data = None, who: Who = None) -> None:
    """Write something on a ticket that the requester never sees."""
    _do("note", number, data, who, text=text)


@app.command()
def urgent(number: Number, text: Why = "", data: Data = None, who: Who = None) -> None:
    """Make a ticket urgent."""
    _do("urgent", number, data, who, text=text)


@app.command()
def normal(number: Number, text: Why = "", data: Data = None, who: Who = None) -> None:
    """Make a ticket no longer urgent."""
    _do("normal", number, data, who, text=text)


@app.command()
def resolve(
    number: Number,
    text: Annotated[
        str,
        typer.Option(
            "--note",
            "--text",
            "-m",
            help="What was done; the requester sees it. - reads standard input.",
        ),
    ],
    data: Data = None,
    who: Who = None,
) -> None:
    """Resolve a ticket with a note on what was done."""
    _do("resolve", number, data, who, text=text)


@app.command()
def reopen(number: Number, text: Why = "", data: Data = None, who: Who = None) -> None:
    """Open a resolved or closed ticket again."""
    _do("reopen", number, data, who, text=text)


@app.command()
def close(number: Number, text: Why = "", data: Data = None, who: Who = None) -> None:
    """Close a resolved ticket without waiting for the requester."""
    _do("close", number, data, who, text=text)


@app.command()
def join(
    number: Number,
    other: Annotated[int, typer.Argument(help="Number of the ticket that it becomes part of.")],
    data: Data = None,
    who: Who = None,
) -> None:
    """Make a ticket part of another one: the same problem of another person."""
    _do("join", number, data, who, other=other)


@app.command()
def split(number: Number, data: Data = None, who: Who = None) -> None:
    """Take a ticket out of the one that it was joined to."""
    _do("split", number, data, who)


def summary(ticket: Ticket, numbers: dict[TicketId, int]) -> dict[str, Any]:
    """Return a ticket as one line of JSON: what a list needs, nothing private of third parties but the failing domain.

    Args:
        ticket: The ticket.
        numbers: The number of the ticket that it was joined to, by id.
    """
    report = ticket.draft.report
    return {
        "number": ticket.number,
        "state": ticket.state.value,
        "priority": ticket.priority.value,
        "opened": ticket.draft.opened.isoformat(),
        "changed": ticket.changed.isoformat(),
        "requester": ticket.draft.requester.user_name,
        "language": ticket.draft.language,
        "assignee": ticket.assignee.name if ticket.assignee else None,
        "code": report.status if report else None,
        "article": ticket.draft.match.article if ticket.draft.match else None,
        "reason": ticket.draft.reason,
        "resolution": ticket.resolution,
        "queue": ticket.queue or None,
        "parent": numbers.get(ticket.parent) if ticket.parent else None,
    }


def details(view: TicketView) -> dict[str, Any]:
    """Return everything a ticket holds."""
    ticket = view.ticket
    draft, report = ticket.draft, ticket.draft.report
    match = draft.match
    of = {ticket.parent: view.part_of} if ticket.parent and view.part_of else {}
    return summary(ticket, of) | {
        "recipients": list(report.recipients) if report else [],
        "sender": report.sender if report else None,
        "reporting_mta": report.reporting_mta if report else None,
        "diagnostic": report.diagnostic if report else None,
        "arrival": report.arrival if report else None,
        "message_id": report.message_id if report else None,
        "subject": report.subject if report else None,
        "confidence": match.confidence.value if match and match.confidence else None,
        "path": [
            {"article": visit.article, "node": visit.node, "answer": visit.choice}
            for visit in draft.path
        ],
        "note": draft.note,
        "original": draft.original,
        "claimed": ticket.claimed.isoformat() if ticket.claimed else None,
        "resolved": ticket.resolved.isoformat() if ticket.resolved else None,
        "joined": [one.number for one in view.joined],
        "people": view.people,
        "offers": [verb.value for verb in view.offers],
        "history": [_event(event) for event in view.events],
        "undelivered": list(view.undelivered),
    }


def _event(event: TicketEvent) -> dict[str, Any]:
    return {
        "at": event.at.isoformat(),
        "what": event.what,
        "by": event.by.name,
        "note": event.note,
        "to": event.to.name if event.to else None,
        "other": event.other,
    }


def _line(event: TicketEvent, *, mask: bool) -> str:
    from bot.render.mask import masked

    parts = [f"{event.at:%Y-%m-%d %H:%M}", event.what, event.by.name]
    parts += [f"-> {event.to.name}"] if event.to else []
    parts += [f"#{event.other}"] if event.other else []
    return legible(" ".join([*parts, masked(event.note) if mask else event.note]))


def _found(
    unit: Unit, words: str, kind: Listing, person: str, states: frozenset[State], limit: int
) -> Sequence[Ticket]:
    """Return what a search finds in some states, page by page until there are enough."""
    found: list[Ticket] = []
    skip = 0
    while len(found) < limit:
        page = unit.search(words, kind, person, skip=skip, limit=_PAGE)
        found += [ticket for ticket in page if ticket.state in states]
        skip += len(page)
        if len(page) < _PAGE:
            break
    return found[:limit]


def _parents(unit: Unit, tickets: Sequence[Ticket]) -> dict[TicketId, int]:
    parents = {ticket.parent for ticket in tickets if ticket.parent}
    return {one.id: one.number for one in unit.tickets_by_id(parents)} if parents else {}


def _colleague(unit: Unit, name: str) -> Person:
    """Return who has had tickets under a name, so that they find it among theirs; else somebody of the command line."""
    for ticket in unit.tickets(None, 1000):
        if ticket.assignee and ticket.assignee.name.casefold() == name.casefold():
            return ticket.assignee
    return _person(name)


def _do(
    verb: str,
    number: int,
    data: Path | None,
    who: str | None,
    *,
    text: str = "",
    other: int | None = None,
) -> None:
    """Let somebody do something with a ticket, and say how it stands then."""
    from bot.model.ticket import Deed, Verb

    deed = Deed(verb=Verb(verb), text=_written(text), other=other)
    _told(
        with_application(data, lambda running: running.desk.carry_out(number, deed, _person(who)))
    )


def _told(ticket: Ticket) -> None:
    name = legible(ticket.assignee.name) if ticket.assignee else "nobody"
    typer.echo(f"#{ticket.number} {ticket.state.value}: {name}")


def _written(text: str) -> str:
    return sys.stdin.buffer.read().decode("utf-8", "replace").strip() if text == "-" else text


def _person(who: str | None) -> Person:
    from bot.model.ticket import Person

    name = who or getpass.getuser()
    return Person(f"local:{name}", name)


def _print_list(tickets: Sequence[Ticket], parents: dict[TicketId, int]) -> None:
    columns = ("#", "state", "opened", "requester", "code", "assignee", "queue", "reason")
    rows = []
    for ticket in tickets:
        line = summary(ticket, parents)
        part_of = f" (part of #{line['parent']})" if line["parent"] else ""
        state = f"{line['state']}{'!' if line['priority'] == 'urgent' else ''}{part_of}"
        opened = f"{ticket.draft.opened:%Y-%m-%d %H:%M}"
        cells = [f"#{ticket.number}", state, opened, line["requester"], line["code"] or ""]
        rows.append([*cells, line["assignee"] or "", line["queue"] or "", line["reason"]])
    print_table(columns, rows)
