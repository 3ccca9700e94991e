"""`bouncedesk outbox`: what could not be delivered, and sending it again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.once import Data, Json, print_json, print_table, span, with_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.model.event import Address
    from bot.model.ids import TicketId
    from bot.ports import Counts, Dead, Unit, WholeStore

_MOST = 1000
"""Dead letters that are listed or sent again at once."""

app = typer.Typer(help="What could not be delivered, and sending it again.")


@app.callback(invoke_without_command=True)
def outbox(context: typer.Context, data: Data = None, json_: Json = False) -> None:
    """List the dead letters: messages that the channel refused or that were tried too often."""
    if context.invoked_subcommand is None:
        list_(data, json_)


@app.command("list")
def list_(data: Data = None, json_: Json = False) -> None:
    """List the dead letters, oldest first, and say how many messages still wait. Names nobody."""
    from bot.compose import utc_now

    now = utc_now()

    async def read(store: WholeStore) -> tuple[Counts, Sequence[Dead], dict[TicketId, int]]:
        dead = await store.dead(_MOST)
        tickets = {one.parcel.ticket for one in dead if one.parcel and one.parcel.ticket}

        def numbers(unit: Unit) -> dict[TicketId, int]:
            return {ticket.id: ticket.number for ticket in unit.tickets_by_id(tickets)}

        return await store.counts(now), dead, await store.run(numbers)

    counts, dead, numbers = with_store(data, read)
    letters = [letter(one, numbers, now) for one in dead]
    if json_:
        waiting = {"unsent": counts.unsent, "oldest_seconds": round(counts.oldest_seconds)}
        print_json(waiting | {"dead_total": counts.dead, "dead": letters})
        return
    oldest = span(timedelta(seconds=counts.oldest_seconds))
    typer.echo(
        f"{counts.unsent} still to send{f', the oldest for {oldest}' if counts.unsent else ''}."
    )
    if not letters:
        typer.echo("No dead letters.")
        return
    columns = ("id", "what", "to", "ticket", "attempts", "given up", "why")
    rows = []
    for one in letters:
        number = f"#{one['ticket']}" if one["ticket"] else ""
        ago = f"{span(timedelta(seconds=one['age_seconds']))} ago"
        cells = [str(one["id"]), one["what"], one["to"], number, str(one["attempts"]), ago]
        rows.append([*cells, one["why"]])
    print_table(columns, rows)
    typer.echo("`bouncedesk outbox resend ID` sends one again, `resend --all` all of them.")


@app.command()
def resend(
    parcel: Annotated[
        int | None, typer.Argument(metavar="ID", help="Id of a dead letter, from the list.")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    data: Data = None,
) -> None:
    """Put dead letters back in the outbox; a server that runs sends them."""
    from bot.compose import utc_now
    from bot.ports import ParcelId

    if (parcel is None) is not all_:
        raise typer.BadParameter("Name the ID of one, or give --all.")

    async def again(store: WholeStore) -> tuple[int, int]:
        dead = await store.dead(_MOST)
        wanted = [one for one in dead if all_ or one.id == parcel]
        readable = [one.id for one in wanted if one.parcel is not None]
        sent = [await store.resend(ParcelId(one), utc_now()) for one in readable]
        return sum(sent), len(wanted) - len(readable)

    sent, unreadable = with_store(data, again)
    if unreadable:
        typer.echo(
            f"{unreadable} can no longer be read by this version, and stay where they are.",
            err=True,
        )
    if parcel is not None and not sent:
        if not unreadable:
            typer.echo(f"There is no dead letter {parcel}.", err=True)
        raise typer.Exit(1)
    typer.echo(f"{sent} will be sent again.")


def letter(dead: Dead, numbers: dict[TicketId, int], now: datetime) -> dict[str, Any]:
    """Return a dead letter as JSON: what an operator needs, without what it says and to whom."""
    parcel = dead.parcel
    return {
        "id": dead.id,
        "what": parcel.content.__struct_config__.tag if parcel else "unreadable",
        "to": _kind(parcel.to) if parcel else "unknown",
        "ticket": numbers.get(parcel.ticket) if parcel and parcel.ticket else None,
        "attempts": dead.attempts,
        "given_up": dead.at.isoformat(),
        "age_seconds": max(round((now - dead.at).total_seconds()), 0),
        "why": dead.why,
    }


def _kind(to: Address) -> str:
    """Return what kind of place an address is: a person's chat, a group's, a channel, or a sink with the name it has in the settings."""
    from bot.model.event import Scope

    if to.channel.startswith("sink:"):
        return to.channel
    return {Scope.PERSONAL: "personal", Scope.GROUP: "group"}.get(to.scope, "channel")
