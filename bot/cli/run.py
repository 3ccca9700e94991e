"""`bouncedesk run`: serve the channel, in one process or in several that share a port."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from bot.operations import Operations
    from bot.settings import Settings

_LOOPBACK = "127.0.0.1"

_TURN_SECONDS = 10.0
"""For turns in flight, once no more are taken. What they have committed is sent by whoever comes next."""


def run(
    local: Annotated[
        bool, typer.Option("--local", help="This machine only, without credentials.")
    ] = False,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    data: Annotated[Path | None, typer.Option(help="Data directory.")] = None,
    processes: Annotated[
        int | None, typer.Option(help="Processes that serve the port together; 0: one a core.")
    ] = None,
    drain: Annotated[
        float,
        typer.Option(
            min=0.0,
            max=300.0,
            help="Seconds between the word to stop and the end of new work: /readyz says 503 in them.",
        ),
    ] = 0.0,
    member: Annotated[int | None, typer.Option("--member", hidden=True)] = None,
) -> None:
    """Serve POST /api/messages, GET /healthz, /readyz and /metrics."""
    import uvloop

    from bot.cli.processes import MEMBER, Crew, cores
    from bot.logs import log_to_stderr
    from bot.model.errors import ContentError, SettingsError, StoreError
    from bot.settings import read_settings

    try:
        settings = read_settings(port=port, data=data, processes=processes)
        log_to_stderr(settings.log_level, process=member)
        several = settings.processes or cores()
        if member is not None or several == 1:
            serving = _serve(settings, local=local, drain=drain, member=member is not None)
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(serving)
            return
        command = [sys.executable, "-m", "bot", "run", *(["--local"] if local else [])]
        command += ["--data", str(settings.data_directory), "--drain", str(drain), MEMBER]
        host = _LOOPBACK if local else settings.host
        crew = Crew(command, several, (host, settings.port), settings.data_directory)
        status = asyncio.run(crew.serve(lambda port: _announce(settings, port, local=local)))
    except (SettingsError, ContentError, StoreError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    if status:
        raise typer.Exit(status)


async def _serve(settings: Settings, *, local: bool, drain: float, member: bool) -> None:
    """Serve until told to stop. `member`: as one of several processes, whose parent says when."""
    from aiohttp import web

    from bot.operations import OPERATIONS
    from bot.service import service
    from bot.web import runner as runner_of

    told = _Told()
    async with service(settings, local=local) as app:
        runner = runner_of(app, shutdown_seconds=_TURN_SECONDS)
        await runner.setup()
        try:
            host = _LOOPBACK if local else settings.host
            shared = member or not local
            await web.TCPSite(runner, host, settings.port, reuse_port=shared).start()
            operations = app[OPERATIONS]
            told.serving(operations)
            if member:
                await _listen_to_parent(told)
            else:
                _announce(settings, runner.addresses[0][1], local=local)
            await told.stop.wait()
            operations.stop()
            await asyncio.sleep(drain)
        finally:
            await runner.cleanup()


class _Told:
    """What the operating system and the parent tell this process.

    The first SIGTERM or SIGINT ends it in order, a second one at once. SIGHUP reads the content again.
    """

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self._signalled = False
        self._operations: Operations | None = None
        self._reloads: set[asyncio.Task[bool]] = set()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._end, number)
        loop.add_signal_handler(signal.SIGHUP, self.reload)

    def serving(self, operations: Operations) -> None:
        """Know from now on who can read the content again, and that the port is open."""
        self._operations = operations
        operations.serving()

    def reload(self) -> None:
        """Read the content again, unless it is being read for the first time."""
        if self._operations is not None:
            task = asyncio.create_task(self._operations.reload(), name="reload")
            self._reloads.add(task)
            task.add_done_callback(self._reloads.discard)

    def _end(self, number: signal.Signals) -> None:
        # A parent's word does not count: systemd may tell the parent and its members in the same moment.
        if self._signalled:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        self._signalled = True
        self.stop.set()


async def _listen_to_parent(told: _Told) -> None:
    """Say that we serve, and do what the parent says on standard input. Its end is the parent's: then we end, too."""
    from bot.cli.processes import RELOAD, SERVING

    loop = asyncio.get_running_loop()
    commands: dict[bytes, Callable[[], None]] = {RELOAD: told.reload}

    def hear() -> None:
        said = os.read(sys.stdin.fileno(), 4096)
        for word in said.splitlines():
            commands.get(word, told.stop.set)()
        if not said:
            loop.remove_reader(sys.stdin.fileno())
            told.stop.set()

    loop.add_reader(sys.stdin.fileno(), hear)
    with suppress(BrokenPipeError):
        os.write(sys.stdout.fileno(), SERVING + b"\n")


def _announce(settings: Settings, port: int, *, local: bool) -> None:
    """Say where the bot listens, and plainly what is missing or doubtful."""
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
