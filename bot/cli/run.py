"""`bouncedesk run`: serve the channel."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from bot.settings import Settings

_LOOPBACK = "127.0.0.1"
_EVERYWHERE = "0.0.0.0"  # noqa: S104 - a server behind a proxy; without --local it checks every token


def run(
    local: Annotated[
        bool, typer.Option("--local", help="This machine only, without credentials.")
    ] = False,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    data: Annotated[Path | None, typer.Option(help="Data directory.")] = None,
) -> None:
    """Serve POST /api/messages, GET /healthz, /readyz and /metrics."""
    from bot.logs import log_to_stderr
    from bot.model.errors import ContentError, SettingsError, StoreError
    from bot.settings import read_settings

    try:
        settings = read_settings(port=port, data=data)
        log_to_stderr(settings.log_level)
        asyncio.run(_serve(settings, local=local))
    except (SettingsError, ContentError, StoreError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error


async def _serve(settings: Settings, *, local: bool) -> None:
    from aiohttp import web

    from bot.service import service

    async with service(settings, local=local) as app:
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=10.0)
        await runner.setup()
        try:
            host = _LOOPBACK if local else _EVERYWHERE
            await web.TCPSite(runner, host, settings.port, reuse_port=not local).start()
            _announce(settings, runner, local=local)
            await _told_to_stop()
        finally:
            await runner.cleanup()


def _announce(settings: Settings, runner: object, *, local: bool) -> None:
    """Say where the bot listens, and plainly what is missing or doubtful."""
    addresses = getattr(runner, "addresses", [])
    port = addresses[0][1] if addresses else settings.port
    typer.echo(f"Bouncedesk listens on port {port}{' (this machine only)' if local else ''}.")
    if not settings.triage_channel_id:
        typer.echo(
            "No triage channel is configured: tickets that no queue of dialogs/triage.yaml takes are kept, "
            "and `bouncedesk tickets` works on them. "
            "Set BOUNCEDESK_TRIAGE_TEAM_ID and BOUNCEDESK_TRIAGE_CHANNEL_ID to post them to Teams."
        )
    for doubt in settings.doubts:
        typer.echo(doubt)
    sys.stdout.flush()


async def _told_to_stop() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
