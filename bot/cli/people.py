"""`bouncedesk export` and `bouncedesk forget`: what is kept about a person, and the end of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.once import Data, legible, with_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.model.ticket import Person
    from bot.ports import Unit, WholeStore

User = Annotated[
    str,
    typer.Argument(
        help="The person's key (Entra object id; local:NAME in the terminal), or the exact name on their tickets."
    ),
]

_PAGE = 100


def export(
    user: User,
    data: Data = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "--out",
            help="File to write, for your eyes only; standard output otherwise.",
        ),
    ] = None,
) -> None:
    """Write everything that is kept about a person as JSON."""
    import json

    key, held = with_store(data, lambda store: _held(store, user))
    text = json.dumps({"person": key} | dict(held), ensure_ascii=False, indent=1) + "\n"
    if output is None:
        typer.echo(text, nl=False)
        return
    output.touch(mode=0o600)
    output.write_text(text, encoding="utf-8")
    typer.echo(f"Wrote {output}. It holds personal data.", err=True)


def forget(
    user: User,
    data: Data = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete what is kept about a person. Their tickets stay for the helpdesk's books, without name, address and texts."""
    from bot.compose import utc_now

    key, held = with_store(data, lambda store: _held(store, user))
    typer.echo(f"Kept about {legible(key)}:")
    for kind, value in held.items():
        typer.echo(f"  {kind}: {_size(value)}")
    if not yes:
        typer.confirm("Delete it? This cannot be undone.", abort=True)
    gone = with_store(data, lambda store: store.forget(key, utc_now()))
    typer.echo("Deleted: " + ", ".join(f"{count} {kind}" for kind, count in gone.items()) + ".")


async def _held(store: WholeStore, user: str) -> tuple[str, Mapping[str, object]]:
    """Return the key of a person and what is kept about them. Exits where there is nobody, or more than one."""
    held = await store.held_about(user)
    if _size(held):
        return user, held
    named = await store.run(lambda unit: _named(unit, user))
    if len(named) > 1:
        typer.echo(f"There are {len(named)} people of that name. Say which one:", err=True)
        for person in named:
            typer.echo(f"  {legible(person.key)}", err=True)
        raise typer.Exit(1)
    if not named:
        typer.echo(
            "Nothing is kept under that key, and no ticket under that name. "
            "Who has never opened a ticket is found by key only.",
            err=True,
        )
        raise typer.Exit(1)
    return named[0].key, await store.held_about(named[0].key)


def _named(unit: Unit, name: str) -> Sequence[Person]:
    """Return the requesters of a name, once each."""
    from bot.ports import Listing

    wanted = name.strip().casefold()
    found: dict[str, Person] = {}
    skip = 0
    while page := unit.search(name, Listing.RECENT, "", skip=skip, limit=_PAGE):
        for ticket in page:
            person = ticket.draft.person
            if person.name.casefold() == wanted:
                found[person.key] = person
        skip += len(page)
    return [found[key] for key in sorted(found)]


def _size(value: object) -> int:
    """Return how many things a kind of data holds, whatever they are grouped by."""
    if isinstance(value, Mapping):
        return sum(map(_size, value.values()))
    if isinstance(value, int):
        return value
    return len(value) if isinstance(value, list | tuple) else 1
