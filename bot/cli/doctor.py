"""`bouncedesk doctor`: what is wrong with this installation, and what to do next."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.once import Data, Json

if TYPE_CHECKING:
    from bot.doctor import Findings, Installation


def doctor(
    json_: Json = False,
    data: Data = None,
    local: Annotated[
        bool,
        typer.Option("--local", help="Check what `run --local` needs: no credentials, no Teams."),
    ] = False,
    port: Annotated[int | None, typer.Option(help="Port that the bot listens on.")] = None,
    package: Annotated[
        Path, typer.Option(help="App package that was built with `bouncedesk manifest`.")
    ] = Path("bouncedesk.zip"),
) -> None:
    """Check this installation, and say what each finding means and the one next step. Changes nothing, sends nothing.

    Ends with 0 where there is no problem, and with 1 where there is one.
    """
    from bot.compose import utc_now
    from bot.doctor import Installation, Outcome, worst
    from bot.logs import log_to_stderr
    from bot.settings import examine_settings

    log_to_stderr("CRITICAL")  # what the rooms would log is said here, with what it means
    reading = examine_settings(data=data, port=port)
    installation = Installation(reading, local=local, package=package, clock=utc_now)
    found = asyncio.run(_examine(installation, as_text=not json_))
    if json_:
        from bot.doctor import as_json

        typer.echo(as_json(found, utc_now()))
    if worst(finding for one in found for finding in one.findings) is Outcome.PROBLEM:
        raise typer.Exit(1)


async def _examine(installation: Installation, *, as_text: bool) -> list[Findings]:
    """Examine everything; as text each area is shown as soon as it is known."""
    from bot import doctor

    found = []
    async for one in doctor.examine(installation):
        found.append(one)
        if as_text:
            typer.echo(doctor.as_text(one))
    if as_text:
        typer.echo(doctor.summary(found))
    return found
