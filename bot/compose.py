"""From settings to a running application: the only place that chooses who does what."""

from __future__ import annotations

import asyncio
import gc
import random
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import structlog

from bot.content import load_library
from bot.host import Answer, Host
from bot.model.errors import SettingsError, StoreError, TransitionRefused
from bot.model.event import Address, Said, Scope
from bot.model.ids import ConversationId, Language, UserId
from bot.model.outgoing import Outgoing, Paragraph, Run
from bot.model.ticket import Deed, Role, Verb
from bot.outbox import Outbox
from bot.ports import Parcel, Reply, session_key
from bot.store import open_store
from bot.triage import BOT, Channel, ChannelBook, Desk, Membership, NoTeam
from bot.turn import Core, sorry

if TYPE_CHECKING:
    from aiohttp import web

    from bot.model.effects import Turn
    from bot.model.event import Incoming
    from bot.model.library import Library
    from bot.ports import Sender, Unit, WholeStore
    from bot.settings import Settings
    from bot.sinks import IncomingWebhook, Sink, SinkRoom, WayBack
    from bot.triage.floor import Observe


log = structlog.get_logger("bouncedesk.compose")

ABANDONED_AFTER = timedelta(days=14)
"""A dialog that nobody went on with for so long counts as abandoned. People come back after a week."""

_GARBAGE = (20_000, 20, 20)
"""Objects made before garbage is looked for, and how often older ones are. A turn makes thousands and leaves no cycles; the default, 700,
looks several times in each."""

_UPKEEP_SECONDS = 3 * 3600.0

_OVERDUE = 100
"""Resolved tickets that are closed in one go."""


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


def new_id() -> str:
    """Return an id of 128 random bits: nobody can guess the id in somebody else's card."""
    return secrets.token_urlsafe(16)


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
        tenant=settings.tenant_id or None,
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


def sink_room(settings: Settings, library: Library) -> SinkRoom:
    """Open the sinks that are configured. Must be called on the loop. Raises SettingsError."""
    from bot.sinks import MailOptions, MailSink, RtOptions, RtSink, SinkRoom, WebhookSink, calls
    from bot.sinks.mail import Security

    language = library.language(settings.triage_language)
    session = calls.new_session()
    sinks: list[Sink] = []
    try:
        for name in sink_names(settings):
            match name:
                case "email":
                    mail = MailOptions(
                        to=settings.email_to,
                        sender=settings.email_from,
                        reply_to=settings.email_reply_to,
                        host=settings.smtp_host,
                        port=settings.smtp_port,
                        security=Security(settings.smtp_security),
                        user=settings.smtp_user,
                        password=settings.smtp_password.get_secret_value(),
                        ca_file=settings.smtp_ca or None,
                    )
                    sinks.append(MailSink(mail, library, language))
                case "webhook":
                    secret = settings.webhook_secret.get_secret_value()
                    sinks.append(WebhookSink(settings.webhook_url, secret, session, utc_now))
                case _:
                    tracker = RtOptions(
                        url=settings.rt_url,
                        token=settings.rt_token.get_secret_value(),
                        queue=settings.rt_queue,
                        requestor=settings.rt_requestor,
                        poll_seconds=settings.rt_poll_seconds,
                    )
                    sinks.append(RtSink(tracker, session, library, language, utc_now))
    except SettingsError:
        session.detach()
        raise
    return SinkRoom(sinks, partial(calls.close, session))


def way_back(running: Application, sink: str) -> WayBack:
    """Return the way back from a sink into the queue."""
    from bot.sinks import Queue

    return Queue(sink, running.desk.carry_out, running.store, running.core.library)


def _nobody_watches(_incoming: Incoming, _turn: Turn) -> None:
    """Watch a turn where no metrics are kept."""


def _nobody_counts(_verb: Verb, _role: Role, _outcome: str) -> None:
    """Watch what is done with tickets where no metrics are kept."""


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
    observe_deed: Observe | None = None,
    sinks: Sequence[str] | None = None,
) -> AsyncIterator[Application]:
    """Start the application and stop it in order: first nothing new is sent, then what was sent is written down.

    Args:
        settings: The settings.
        senders: Who delivers, by channel id.
        library: The content, where it is loaded already.
        members: Who knows the members of the triage teams.
        observe: Is told of each committed turn.
        observe_deed: Is told of each deed on a ticket.
        sinks: Names of the sinks that every change of a ticket goes to; by default those of the settings.
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
            places=channel_book(settings, core.library),
            members=members or NoTeam(),
            clock=utc_now,
            sinks=sink_names(settings) if sinks is None else sinks,
            stats=_draw_statistics(store, core.library),
            observe=observe_deed or _nobody_counts,
        )
        outbox.undeliverable = desk.undeliverable
        host = Host(
            core, outbox, desk, clock=utc_now, new_id=new_id, observe=observe or _nobody_watches
        )
        await outbox.start()
        upkeep = asyncio.create_task(_keep_up(settings, store, desk), name="upkeep")
        running.push_async_callback(_stop, upkeep)
        yield Application(core, store, outbox, desk, host)


def _draw_statistics(
    store: WholeStore, library: Library
) -> Callable[[Language], Awaitable[Outgoing]]:
    async def draw(language: Language) -> Outgoing:
        from bot.triage.statistics import statistics_card

        return await statistics_card(store, library, language, utc_now())

    return draw


async def _keep_up(settings: Settings, store: WholeStore, desk: Desk) -> None:
    """Close the books on what nobody went on with, and delete what is no longer needed, every few hours."""
    while True:
        await asyncio.sleep(_UPKEEP_SECONDS)
        try:
            await store.abandon(utc_now() - ABANDONED_AFTER)
            await close_overdue(store, desk, utc_now() - settings.close_after)
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
    library = load_library(settings.dialogs)
    async with AsyncExitStack() as rooms:
        room = await rooms.enter_async_context(TeamsRoom(options, utc_now))
        senders: dict[str, Sender] = {"msteams": room.sender}
        sinks: SinkRoom | None = None
        if sink_names(settings):  # mail and signatures are dear to load
            sinks = await rooms.enter_async_context(sink_room(settings, library))
            senders |= sinks.senders
        async with application(
            settings,
            senders,
            library=library,
            members=room.members,
            observe=metrics.observe,
            observe_deed=metrics.observe_deed,
        ) as running:
            core = running.core
            edge = room.edge(
                core.language, _desk_first(running), running.desk.press, running.desk.search
            )
            room.warm()

            async def measure() -> bytes:
                counts = await running.store.counts(utc_now())
                return metrics.render(
                    counts.tickets, counts.unsent, counts.oldest_seconds, counts.dead
                )

            webhook = _incoming_webhook(settings, running)
            app = server(routes(edge, running.store.health, measure, webhook=webhook))
            if sinks is not None:
                sinks.start(partial(way_back, running))
            gc.collect()
            gc.freeze()  # the content lives as long as the process; walking it in every collection stops the loop for 50 ms
            gc.set_threshold(*_GARBAGE)
            try:
                yield app
            finally:
                if sinks is not None:
                    await sinks.stop()


def _incoming_webhook(settings: Settings, running: Application) -> IncomingWebhook | None:
    secret = settings.webhook_in_secret.get_secret_value()
    if not secret:
        return None
    from bot.sinks import IncomingWebhook

    return IncomingWebhook(secret, way_back(running, "webhook"))


def _desk_first(running: Application) -> Callable[[Incoming], Awaitable[Answer]]:
    """Return what handles an event: what is said in a channel may be for the helpdesk's desk, everything else is a turn of a dialog."""

    async def handle(incoming: Incoming) -> Answer:
        in_channel = incoming.address.scope is Scope.CHANNEL
        if not in_channel or not isinstance(incoming.event, Said):
            return await running.host.handle(incoming)
        try:
            heard = await running.desk.heard(incoming)
            if heard:
                await _answer_once(running.outbox, incoming, heard)
        except StoreError as error:
            reference = new_id()[:8]
            log.warning("not-heard", reference=reference, error=type(error).__name__)
            page = sorry(running.core.library, incoming.locale, reference, again=True)
            await running.outbox.send_now(Parcel(to=incoming.address, content=Reply(page)))
            return Answer()
        return Answer() if heard is not None else await running.host.handle(incoming)

    return handle


async def _answer_once(outbox: Outbox, incoming: Incoming, answer: Outgoing | str) -> None:
    """Answer in the thread where something was said; a second delivery of it is not answered again. Raises StoreError."""
    where = incoming.address
    page = _as_page(answer, incoming.locale) if isinstance(answer, str) else answer
    key = session_key(where)
    activity = f"answer:{incoming.activity}"

    def work(unit: Unit) -> tuple[None, Sequence[Parcel]]:
        if unit.answered(key, activity) is not None:
            return None, ()
        unit.remember(key, activity, b"", utc_now())
        return None, (Parcel(to=where, content=Reply(page)),)

    await outbox.commit(work)


def _as_page(line: str, language: Language) -> Outgoing:
    """Return a line as a page, so that it goes the way of all pages."""
    text = (Run(line, given=True),)
    return Outgoing(language=language, summary=line, elements=(Paragraph(text),))


__all__ = [
    "Application",
    "application",
    "channel_book",
    "close_overdue",
    "new_id",
    "service",
    "sink_names",
    "sink_room",
    "utc_now",
    "way_back",
]
