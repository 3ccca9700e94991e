"""From settings to a running application: the only place that chooses who does what."""

from __future__ import annotations

import asyncio
import gc
import random
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from bot.content import load_library
from bot.host import Host
from bot.model.errors import StoreError
from bot.model.event import Address, Scope
from bot.model.ids import ConversationId, UserId
from bot.outbox import Outbox
from bot.store import open_store
from bot.triage import Desk, Membership, NoChannel
from bot.turn import Core

if TYPE_CHECKING:
    from aiohttp import web

    from bot.model.effects import Turn
    from bot.model.event import Incoming, TicketPress
    from bot.model.library import Library
    from bot.ports import Sender, WholeStore
    from bot.settings import Settings
    from bot.teams.members import Membership as TeamMembers


log = structlog.get_logger("bouncedesk.compose")

ABANDONED_AFTER = timedelta(days=14)
"""A dialog that nobody went on with for so long counts as abandoned. People come back after a week."""

_GARBAGE = (20_000, 20, 20)
"""Objects made before garbage is looked for, and how often older ones are. A turn makes thousands and leaves no cycles; the default, 700,
looks several times in each."""

_UPKEEP_SECONDS = 3 * 3600.0


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


def new_id() -> str:
    """Return an id of 128 random bits: nobody can guess the id in somebody else's card."""
    return secrets.token_urlsafe(16)


def triage_address(settings: Settings) -> Address | None:
    """Return where new tickets are posted, or None where no channel is configured."""
    if not settings.triage_channel_id:
        return None
    return Address(
        channel="msteams",
        service_url=settings.triage_service_url,
        conversation=ConversationId(settings.triage_channel_id),
        scope=Scope.CHANNEL,
        user=UserId(""),
        user_name="",
        bot=f"28:{settings.app_id}",
        tenant=settings.tenant_id or None,
    )


def _nobody_watches(_incoming: Incoming, _turn: Turn) -> None:
    """Watch a turn where no metrics are kept."""


@dataclass(frozen=True, slots=True)
class Application:
    """Everything that runs."""

    core: Core
    store: WholeStore
    outbox: Outbox
    desk: Desk
    host: Host


@asynccontextmanager
async def application(
    settings: Settings,
    senders: Mapping[str, Sender],
    *,
    library: Library | None = None,
    members: Membership | None = None,
    observe: Callable[[Incoming, Turn], None] | None = None,
) -> AsyncIterator[Application]:
    """Start the application and stop it in order: first nothing new is sent, then what was sent is written down.

    Args:
        settings: The settings.
        senders: Who delivers, by channel id.
        library: The content, where it is loaded already.
        members: Who knows the triage team's members.
        observe: Is told of each committed turn.
    """
    settings.data_directory.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as running:
        store = open_store(settings.store_url)
        running.push_async_callback(store.close)
        core = Core(library or load_library(settings.dialogs))
        jitter = random.SystemRandom().random
        outbox = Outbox(store, senders, clock=utc_now, jitter=jitter)
        running.push_async_callback(outbox.close)
        desk = Desk(
            core,
            outbox,
            channel=triage_address(settings),
            members=members or NoChannel(),
            language=core.library.language(settings.triage_language),
            clock=utc_now,
        )
        host = Host(
            core, outbox, desk, clock=utc_now, new_id=new_id, observe=observe or _nobody_watches
        )
        await outbox.start()
        upkeep = asyncio.create_task(_keep_up(store), name="upkeep")
        running.push_async_callback(_stop, upkeep)
        yield Application(core, store, outbox, desk, host)


async def _keep_up(store: WholeStore) -> None:
    """Delete what is no longer needed and close the books on dialogs that nobody went on with, every few hours."""
    while True:
        await asyncio.sleep(_UPKEEP_SECONDS)
        try:
            await store.abandon(utc_now() - ABANDONED_AFTER)
            await store.purge(utc_now())
        except StoreError as error:
            log.warning("upkeep-failed", error=type(error).__name__, detail=error.detail)


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def service(settings: Settings, *, local: bool) -> AsyncIterator[web.Application]:
    """Start everything that serves Teams, and return its HTTP application.

    Raises SettingsError without credentials (unless local), ContentError or StoreError.
    """
    from bot.metrics import Metrics
    from bot.teams.room import Options, TeamsRoom
    from bot.web import routes, server

    options = Options(
        local=local,
        app_id=settings.app_id,
        app_password=settings.app_password.get_secret_value(),
        tenant_id=settings.tenant_id,
        tenants=settings.tenants,
        team_service_url=settings.triage_service_url,
    )
    metrics = Metrics()
    async with TeamsRoom(options, utc_now) as room:
        members = _TriageTeam(room.members, settings.triage_team_id)
        senders = {"msteams": room.sender}
        async with application(
            settings,
            senders,
            members=members if settings.triage_team_id else None,
            observe=metrics.observe,
        ) as running:
            core = running.core
            edge = room.edge(core.language, running.host.handle, running.desk.press)
            room.warm()

            async def measure() -> bytes:
                counts = await running.store.counts(utc_now())
                return metrics.render(
                    counts.tickets, counts.unsent, counts.oldest_seconds, counts.dead
                )

            app = server(routes(edge, running.store.health, measure))
            gc.collect()
            gc.freeze()  # the content lives as long as the process; walking it in every collection stops the loop for 50 ms
            gc.set_threshold(*_GARBAGE)
            yield app


class _TriageTeam:
    """The triage team as the desk sees it."""

    def __init__(self, members: TeamMembers, team: str) -> None:
        self._members = members
        self._team = team

    async def is_member(self, press: TicketPress) -> bool:
        """Tell whether the presser belongs to the triage team."""
        return await self._members.is_member(self._team, press.address.user)


__all__ = ["Application", "application", "new_id", "service", "utc_now"]
