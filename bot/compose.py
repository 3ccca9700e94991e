"""From settings to a running application: the only place that chooses who does what."""

from __future__ import annotations

import asyncio
import os
import random
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import structlog

from bot.content import load_library
from bot.edition import Editions
from bot.host import Host
from bot.model.errors import StoreError, TransitionRefused
from bot.model.event import Address, Scope
from bot.model.ids import ConversationId, Language, UserId
from bot.model.outgoing import Outgoing
from bot.model.ticket import Deed, Role, Verb
from bot.outbox import Outbox
from bot.store import open_store
from bot.triage import BOT, Channel, ChannelBook, Desk, Membership, NoTeam
from bot.turn import Core
from bot.watch import Watchers

if TYPE_CHECKING:
    from bot.model.library import Library
    from bot.ports import Parcel, Sender, Unit, WholeStore
    from bot.settings import Settings
    from bot.watch import Watch


log = structlog.get_logger("bouncedesk.compose")

ABANDONED_AFTER = timedelta(days=14)
"""A dialog that nobody went on with for so long counts as abandoned. People come back after a week."""

_UPKEEP_SECONDS = 3 * 3600.0

_OVERDUE = 100
"""Resolved tickets that are closed in one go."""


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


_ID_BYTES = 16
_IDS_AT_ONCE = 64
_drawn: list[bytes] = []


def new_id() -> str:
    """Return an id of 128 random bits: nobody can guess the id in somebody else's card.

    The system is asked for many at once: each time costs more than everything else here. Safe from any thread, not across a fork.
    """
    try:
        bits = _drawn.pop()
    except IndexError:
        block = os.urandom(_ID_BYTES * _IDS_AT_ONCE)
        bits, *others = (block[at : at + _ID_BYTES] for at in range(0, len(block), _ID_BYTES))
        _drawn.extend(others)
    return urlsafe_b64encode(bits).rstrip(b"=").decode()


def triage_address(settings: Settings, channel: str) -> Address | None:
    """Return where the tickets of a channel are posted, or None where no channel is named."""
    if not channel:
        return None
    return Address(
        channel="msteams",
        service_url=settings.triage_service_url,
        conversation=ConversationId(channel),
        scope=Scope.CHANNEL,
        user=UserId(""),
        user_name="",
        bot=f"28:{settings.app_id}",
        tenant=settings.own_tenant or None,
    )


def channel_book(settings: Settings, library: Library) -> ChannelBook:
    """Return the channels of the queues that the content names, and that of the settings for all other tickets."""
    language = library.language(settings.triage_language)
    fallback = Channel(
        address=triage_address(settings, settings.triage_channel_id),
        team=settings.triage_team_id,
        language=language,
    )
    queues = {
        queue.id: Channel(
            address=triage_address(settings, queue.channel),
            team=queue.team or settings.triage_team_id,
            language=queue.language or language,
        )
        for queue in library.triage.queues
    }
    return ChannelBook(fallback, queues)


def sink_names(settings: Settings) -> tuple[str, ...]:
    """Return the names of the sinks that are configured: every process puts what is for them in the outbox, those that serve send it."""
    configured = {
        "email": settings.email_to,
        "webhook": settings.webhook_url,
        "rt": settings.rt_url,
    }
    return tuple(name for name, where in configured.items() if where)


@dataclass(frozen=True, slots=True)
class Application:
    """Everything that runs."""

    editions: Editions
    store: WholeStore
    outbox: Outbox
    host: Host

    @property
    def core(self) -> Core:
        """The content that is in force. Whoever asks more than once can get more than one."""
        return self.editions().core

    @property
    def desk(self) -> Desk:
        """The desk that works by it."""
        return self.editions().desk


@asynccontextmanager
async def application(
    settings: Settings,
    senders: Mapping[str, Sender],
    *,
    library: Library | None = None,
    members: Membership | None = None,
    watch: Watch | None = None,
    sinks: Sequence[str] | None = None,
) -> AsyncIterator[Application]:
    """Start the application and stop it in order: first nothing new is sent, then what was sent is written down.

    Args:
        settings: The settings.
        senders: Who delivers, by channel id.
        library: The content, where it is loaded already.
        members: Who knows the members of the triage teams.
        watch: Is told of turns, deeds and deliveries.
        sinks: Names of the sinks that every change of a ticket goes to; by default those of the settings.
    """
    settings.data_directory.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as running:
        store = open_store(settings.store_url)
        running.push_async_callback(store.close)
        watch = watch or Watchers()
        jitter = random.SystemRandom().random
        outbox = Outbox(store, senders, clock=utc_now, jitter=jitter, watch=watch)
        running.push_async_callback(outbox.close)

        def desk(core: Core) -> Desk:
            return Desk(
                core,
                outbox,
                places=channel_book(settings, core.library),
                members=members or NoTeam(),
                clock=utc_now,
                sinks=sink_names(settings) if sinks is None else sinks,
                stats=_draw_statistics(store, core.library),
                observe=watch.deed,
            )

        load = partial(load_library, settings.dialogs)
        editions = Editions(library or load(), load, desk, new_id)

        def undeliverable(unit: Unit, parcel: Parcel, why: str) -> Sequence[Parcel]:
            return editions().desk.undeliverable(unit, parcel, why)

        outbox.undeliverable = undeliverable
        host = Host(editions, outbox, clock=utc_now, new_id=new_id, watch=watch)
        await outbox.start()
        upkeep = asyncio.create_task(_keep_up(settings, store, editions), name="upkeep")
        running.push_async_callback(_stop, upkeep)
        yield Application(editions, store, outbox, host)


def _draw_statistics(
    store: WholeStore, library: Library
) -> Callable[[Language], Awaitable[Outgoing]]:
    async def draw(language: Language) -> Outgoing:
        from bot.triage.statistics import statistics_card

        return await statistics_card(store, library, language, utc_now())

    return draw


async def _keep_up(settings: Settings, store: WholeStore, editions: Editions) -> None:
    """Close the books on what nobody went on with, and delete what is no longer needed, every few hours."""
    while True:
        await asyncio.sleep(_UPKEEP_SECONDS)
        try:
            await store.abandon(utc_now() - ABANDONED_AFTER)
            await close_overdue(store, editions().desk, utc_now() - settings.close_after)
            await store.purge(utc_now(), settings.retention)
        except StoreError as error:
            log.warning("upkeep-failed", error=type(error).__name__, detail=error.detail)


async def close_overdue(store: WholeStore, desk: Desk, before: datetime) -> int:
    """Close resolved tickets that nobody has said anything about since; return how many. Raises StoreError."""
    closed = 0
    while overdue := await store.overdue(before, _OVERDUE):
        closed_before = closed
        for ticket in overdue:
            try:
                await desk.carry_out(ticket.number, Deed(verb=Verb.CLOSE), BOT, role=Role.SYSTEM)
                closed += 1
            except TransitionRefused as refused:  # somebody was there in this moment
                log.info("not-closed", ticket=ticket.number, detail=refused.detail)
        if len(overdue) < _OVERDUE or closed == closed_before:
            break
    return closed


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


__all__ = [
    "Application",
    "application",
    "channel_book",
    "close_overdue",
    "new_id",
    "sink_names",
    "utc_now",
]
