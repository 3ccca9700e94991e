"""What serves Teams over HTTP: the application, its rooms on the network, and its routes."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import structlog

from bot.compose import Application, application, new_id, sink_names, utc_now
from bot.content import load_library
from bot.host import Answer
from bot.metrics import Metrics
from bot.model.errors import SettingsError, StoreError
from bot.model.event import Said, Scope
from bot.model.ids import Language
from bot.model.outgoing import Outgoing, Paragraph, Run
from bot.ports import Parcel, Reply, session_key
from bot.teams.room import Options, TeamsRoom
from bot.turn import sorry
from bot.web import routes, server

if TYPE_CHECKING:
    from aiohttp import web

    from bot.model.event import Incoming
    from bot.model.library import Library
    from bot.outbox import Outbox
    from bot.ports import Sender, Unit
    from bot.settings import Settings
    from bot.sinks import IncomingWebhook, Sink, SinkRoom, WayBack


log = structlog.get_logger("bouncedesk.service")

_GARBAGE = (20_000, 20, 20)
"""Objects made before garbage is looked for, and how often older ones are. A turn makes thousands and leaves no cycles; the default, 700,
looks several times in each."""


@asynccontextmanager
async def service(settings: Settings, *, local: bool) -> AsyncIterator[web.Application]:
    """Start everything that serves Teams, and return its HTTP application.

    Raises SettingsError without credentials (unless local), ContentError or StoreError.
    """
    options = Options(
        local=local,
        app_id=settings.app_id,
        app_password=settings.app_password.get_secret_value(),
        app_password_next=settings.app_password_next.get_secret_value(),
        app_password_expires=settings.app_password_expires,
        app_certificate=settings.app_certificate,
        managed_identity=settings.managed_identity,
        tenant_id=settings.tenant_id,
        tenants=settings.tenants,
        cloud=settings.cloud,
        service_hosts=_listed(settings.service_hosts),
        upload_hosts=_listed(settings.upload_hosts),
        team_service_url=settings.triage_service_url,
        metadata_url=settings.metadata_url,
        authority=settings.authority,
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


def _listed(setting: str) -> tuple[str, ...]:
    return tuple(entry.strip() for entry in setting.split(",") if entry.strip())
