"""From settings to a running application: the only place that chooses who does what."""

from __future__ import annotations

import random
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.content import load_library
from bot.host import Host
from bot.model.event import Address, Scope
from bot.model.ids import ConversationId, UserId
from bot.outbox import Outbox
from bot.store import open_store
from bot.triage import Desk, Membership, NoChannel
from bot.turn import Core

if TYPE_CHECKING:
    from bot.ports import Sender, Store
    from bot.settings import Settings


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


@dataclass(frozen=True, slots=True)
class Application:
    """Everything that runs."""

    core: Core
    store: Store
    outbox: Outbox
    desk: Desk
    host: Host


@asynccontextmanager
async def application(
    settings: Settings,
    senders: Mapping[str, Sender],
    *,
    members: Membership | None = None,
) -> AsyncIterator[Application]:
    """Start the application and stop it in order: first nothing new is sent, then what was sent is written down.

    Args:
        settings: The settings.
        senders: Who delivers, by channel id.
        members: Who knows the triage team's members.
    """
    settings.data_directory.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as running:
        store = open_store(settings.store_url)
        running.push_async_callback(store.close)
        core = Core(load_library(settings.dialogs, cache=settings.data_directory))
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
        host = Host(core, outbox, desk, clock=utc_now, new_id=new_id)
        await outbox.start()
        yield Application(core, store, outbox, desk, host)


__all__ = ["Application", "application", "new_id", "utc_now"]
