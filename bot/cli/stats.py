"""`bouncedesk stats`: how dialogs came out and how long tickets took."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.once import Data, print_table, span, with_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.model.statistics import Dialogs, Spread, Statistics, Tickets


class By(StrEnum):
    """What the numbers are told apart by: `bot.model.statistics.By`, known before anything is imported."""

    CODE = "code"
    ARTICLE = "article"
    NODE = "node"
    LANGUAGE = "language"
    WEEK = "week"
    QUEUE = "queue"


class Format(StrEnum):
    """How the numbers are written."""

    TABLE = "table"
    CSV = "csv"
    SVG = "svg"


def stats(
    since: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="First day, in UTC; four weeks otherwise."),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Last day, included; today otherwise."),
    ] = None,
    by: Annotated[By, typer.Option(help="What the numbers are told apart by.")] = By.CODE,
    format_: Annotated[
        Format,
        typer.Option("--format", help="table for people, csv for spreadsheets, svg as a picture."),
    ] = Format.TABLE,
    output: Annotated[
        Path | None,
        typer.Option("--output", "--out", help="File to write; standard output otherwise."),
    ] = None,
    data: Data = None,
) -> None:
    """Count what the bot solved, what it handed over and what was abandoned, and how long tickets took."""
    from bot.compose import utc_now
    from bot.model import statistics as model
    from bot.triage.statistics import RECENT, read_statistics

    now = utc_now()
    end = until.replace(tzinfo=UTC) + timedelta(days=1) if until else now
    begin = since.replace(tzinfo=UTC) if since else end - RECENT
    if begin >= end:
        raise typer.BadParameter("The last day is before the first one.")
    found = with_store(data, lambda store: read_statistics(store, begin, end, model.By(by.value)))
    if format_ is Format.TABLE and output is None:
        _print_tables(found)
        return
    text = _written(found, format_)
    if output is None:
        typer.echo(text, nl=False)
        return
    output.write_text(text, encoding="utf-8", newline="")
    typer.echo(f"Wrote {output}.", err=True)


def _written(stats: Statistics, format_: Format) -> str:
    if format_ is Format.SVG:
        from bot.cli.chart import chart

        return chart(stats)
    if format_ is Format.CSV:
        return as_csv(stats)
    raise typer.BadParameter("A table is for the screen; write csv or svg to a file.")


_OUTCOMES = ("solved", "advised", "exit", "handed-over", "abandoned", "open")
"""Values of `bot.model.ticket.Outcome`, in the order in which they are told."""


def as_csv(stats: Statistics) -> str:
    """Return the rows as CSV (RFC 4180), times in seconds. What does not apply is empty; what was counted and is none is 0."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)  # its own dialect ends lines with CRLF, as the RFC has it
    times = [
        f"{what}_{part}" for what in ("claim", "resolve") for part in ("count", "median", "p90")
    ]
    dialogs = ["dialogs", *(name.replace("-", "_") for name in _OUTCOMES), "useful", "not_useful"]
    tickets = ["tickets", "tickets_open", "urgent", "withdrawn", *times]
    writer.writerow([stats.by.value, *dialogs, *tickets])
    for row in stats.rows:
        cells: list[object] = [row.value]
        cells += _dialog_cells(row.dialogs) if row.dialogs else [""] * len(dialogs)
        cells += _ticket_cells(row.tickets) if row.tickets else [""] * len(tickets)
        writer.writerow(cells)
    return buffer.getvalue()


def _dialog_cells(dialogs: Dialogs) -> list[object]:
    from bot.model.ticket import Outcome

    outcomes = [dialogs.outcomes[Outcome(name)] for name in _OUTCOMES]
    return [dialogs.total, *outcomes, dialogs.useful, dialogs.not_useful]


def _ticket_cells(tickets: Tickets) -> list[object]:
    cells: list[object] = [tickets.opened, tickets.open, tickets.urgent, tickets.withdrawn]
    for spread in (tickets.claim, tickets.resolve):
        if spread is None:
            cells += [0, "", ""]
        else:
            cells += [spread.count, round(spread.median), round(spread.ninetieth)]
    return cells


def _print_tables(stats: Statistics) -> None:
    last = stats.until - timedelta(microseconds=1)
    typer.echo(f"{stats.since:%Y-%m-%d} to {last:%Y-%m-%d} (UTC), by {stats.by.value}")
    dialogs = [(row.value or "(none)", row.dialogs) for row in stats.rows if row.dialogs]
    tickets = [(row.value or "(none)", row.tickets) for row in stats.rows if row.tickets]
    if stats.dialogs.total:
        columns = (stats.by.value, "dialogs", *(name.replace("-", " ") for name in _OUTCOMES))
        rows = [_dialog_line(name, one) for name, one in dialogs if one.total]
        rows += [_dialog_line("all", stats.dialogs), _shares(stats.dialogs)]
        print_table((*columns, "helped"), rows, title="Dialogs", numbers=True)
    if stats.tickets.opened:
        columns = (stats.by.value, "tickets", "open", "urgent", "withdrawn")
        rows = [_ticket_line(name, one) for name, one in tickets if one.opened]
        rows.append(_ticket_line("all", stats.tickets))
        print_table((*columns, "claimed", "resolved"), rows, title="Tickets", numbers=True)
    if not (stats.dialogs.total or stats.tickets.opened):
        typer.echo("Nothing has happened in these days.")
        return
    typer.echo(
        "Shares are of the dialogs that have ended; open ones are neither solved nor abandoned.\n"
        "claimed, resolved: how many, and the time within which half and 9 of 10 of them were.\n"
        "helped: how many said yes / no."
    )


def _dialog_line(name: str, dialogs: Dialogs) -> Sequence[str]:
    from bot.model.ticket import Outcome

    counts = (dialogs.total, *(dialogs.outcomes[Outcome(outcome)] for outcome in _OUTCOMES))
    return [name, *map(str, counts), f"{dialogs.useful}/{dialogs.not_useful}"]


def _shares(dialogs: Dialogs) -> Sequence[str]:
    from bot.model.ticket import Outcome

    if not dialogs.ended:
        return ["share"]
    ended = (dialogs.outcomes[Outcome(outcome)] for outcome in _OUTCOMES if outcome != "open")
    return ["share", "", *(f"{100 * count / dialogs.ended:.0f} %" for count in ended)]


def _ticket_line(name: str, tickets: Tickets) -> Sequence[str]:
    counts = (tickets.opened, tickets.open, tickets.urgent, tickets.withdrawn)
    return [name, *map(str, counts), _spread(tickets.claim), _spread(tickets.resolve)]


def _spread(spread: Spread | None) -> str:
    if spread is None:
        return "0"
    times = (timedelta(seconds=time) for time in (spread.median, spread.ninetieth))
    return f"{spread.count}: {'/'.join(span(time) for time in times)}"
