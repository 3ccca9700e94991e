"""`bouncedesk tickets`: the queue without Teams."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

if TYPE_CHECKING:
    from bot.compose import Application
    from bot.model.ticket import Person, Ticket, TicketEvent
    from bot.ports import Unit

Result = TypeVar("Result")

Data = Annotated[Path | None, typer.Option(help="Data directory.")]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
Number = Annotated[int, typer.Argument(help="Ticket number, without the #.")]
Who = Annotated[str | None, typer.Option("--as", help="Who acts; your login name otherwise.")]

app = typer.Typer(no_args_is_help=True, help="The queue without Teams.")


@app.command("list")
def list_(
    data: Data = None,
    json_: Json = False,
    state: Annotated[list[str] | None, typer.Option(help="Only tickets in this state.")] = None,
    limit: Annotated[int, typer.Option(help="How many at most.")] = 100,
) -> None:
    """List tickets, newest first."""
    from bot.model.ticket import State

    states = [State(name) for name in state] if state else None
    tickets = _run(
        data, lambda running: running.store.run(lambda unit: unit.tickets(states, limit))
    )
    if json_:
        for ticket in tickets:
            _print_json(summary(ticket))
        return
    _print_table(list(tickets))


@app.command()
def show(number: Number, data: Data = None, json_: Json = False, full: bool = False) -> None:
    """Show one ticket with its history; --full shows addresses and the pasted text whole."""

    async def read(running: Application) -> tuple[Ticket, list[TicketEvent], list[str], str]:
        from bot.render import plain_text, ticket_page

        def work(unit: Unit) -> tuple[Ticket, list[TicketEvent], list[str]]:
            ticket = unit.ticket(number)
            return ticket, list(unit.ticket_events(ticket.id)), list(unit.undelivered(ticket.id))

        ticket, events, undelivered = await running.store.run(work)
        original = (ticket.draft.original or "") if full else None
        library = running.core.library
        page = ticket_page(
            ticket, library, library.default, original=original, undelivered=undelivered
        )
        return ticket, events, undelivered, plain_text(page)

    ticket, events, undelivered, text = _run(data, read)
    if json_:
        history = [
            {
                "at": event.at.isoformat(),
                "what": event.what,
                "by": event.by.name,
                "note": event.note,
            }
            for event in events
        ]
        _print_json(details(ticket) | {"history": history, "undelivered": undelivered})
        return
    typer.echo(text)
    for event in events:
        typer.echo(f"{event.at:%Y-%m-%d %H:%M} {event.what} {event.by.name} {event.note}".rstrip())


@app.command()
def claim(number: Number, data: Data = None, who: Who = None) -> None:
    """Take a new ticket."""
    ticket = _run(data, lambda running: running.desk.claim(number, _person(who)))
    typer.echo(f"#{ticket.number} {ticket.state.value}: {_assignee(ticket)}")


@app.command()
def resolve(
    number: Number,
    note: Annotated[str, typer.Option(help="What was done; the requester sees it.")],
    data: Data = None,
    who: Who = None,
) -> None:
    """Resolve a ticket with a note on what was done."""
    ticket = _run(data, lambda running: running.desk.resolve(number, _person(who), note))
    typer.echo(f"#{ticket.number} {ticket.state.value}: {_assignee(ticket)}")


def summary(ticket: Ticket) -> dict[str, Any]:
    """Return a ticket as one line of JSON: what a list needs, nothing private of third parties but the failing domain."""
    report = ticket.draft.report
    return {
        "number": ticket.number,
        "state": ticket.state.value,
        "priority": ticket.draft.priority.value,
        "opened": ticket.draft.opened.isoformat(),
        "changed": ticket.changed.isoformat(),
        "requester": ticket.draft.requester.user_name,
        "language": ticket.draft.language,
        "assignee": ticket.assignee.name if ticket.assignee else None,
        "code": report.status if report else None,
        "article": ticket.draft.match.article if ticket.draft.match else None,
        "reason": ticket.draft.reason,
        "resolution": ticket.resolution,
    }


def details(ticket: Ticket) -> dict[str, Any]:
    """Return everything a ticket holds."""
    draft, report = ticket.draft, ticket.draft.report
    match = draft.match
    return summary(ticket) | {
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
    }


def _run(data: Path | None, work: Callable[[Application], Awaitable[Result]]) -> Result:
    """Run something on the store of a data directory; what a user did wrong is said in one line."""
    from bot.compose import application
    from bot.logs import log_quietly
    from bot.model.errors import BouncedeskError
    from bot.settings import read_settings

    log_quietly()

    async def run() -> Result:
        async with application(read_settings(data=data), {}) as running:
            return await work(running)

    try:
        return asyncio.run(run())
    except BouncedeskError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error


def _person(who: str | None) -> Person:
    from bot.model.ticket import Person

    name = who or getpass.getuser()
    return Person(f"local:{name}", name)


def _assignee(ticket: Ticket) -> str:
    return ticket.assignee.name if ticket.assignee else "nobody"


def _print_json(value: object) -> None:
    import json

    typer.echo(json.dumps(value, ensure_ascii=False))


def _print_table(tickets: list[Ticket]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("#", "state", "opened", "requester", "code", "assignee", "reason")
    for ticket in tickets:
        line = summary(ticket)
        opened = f"{ticket.draft.opened:%Y-%m-%d %H:%M}"
        cells = [f"#{ticket.number}", line["state"], opened, line["requester"]]
        cells += [line["code"] or "", line["assignee"] or "", line["reason"]]
        table.add_row(*(Text(cell) for cell in cells))
    Console().print(table if tickets else "No tickets.")
