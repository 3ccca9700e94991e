"""What serves Teams over HTTP: the application, its rooms on the network, and its routes."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

import structlog

from bot.allowance import Allowance
from bot.compose import Application, application, channel_book, new_id, sink_names, utc_now
from bot.content import load_library
from bot.host import Answer
from bot.logs import TurnLog
from bot.metrics import Metrics
from bot.model.errors import SettingsError, StoreError
from bot.model.event import Said, Scope
from bot.model.ids import Language
from bot.model.outgoing import Hit, Outgoing, Paragraph, Run
from bot.operations import OPERATIONS, Operations, Purchases
from bot.ports import FALLBACK, Parcel, Reply, session_key
from bot.settings import metrics_folder, span_exporters
from bot.teams.expiry import warnings
from bot.teams.room import Options, TeamsRoom
from bot.triage import tell_of
from bot.turn import held_off, sorry
from bot.watch import Watchers, caused, opaque, where
from bot.web import routes, server

if TYPE_CHECKING:
    from aiohttp import web

    from bot.allowance import Held
    from bot.model.event import Address, Incoming, TicketPress, TicketSearch
    from bot.model.library import Library
    from bot.outbox import Outbox
    from bot.ports import Sender, Unit
    from bot.settings import Settings
    from bot.sinks import IncomingWebhook, Sink, SinkRoom, WayBack
    from bot.sinks.sink import Words
    from bot.teams.connector import Connector
    from bot.teams.edge import Pipeline
    from bot.tracing import Spans
    from bot.watch import Watch


log = structlog.get_logger("bouncedesk.service")

_GARBAGE = (20_000, 20, 20)
"""Objects made before garbage is looked for, and how often older ones are. A turn makes thousands and leaves no cycles; the default, 700,
looks several times in each."""

_ENDINGS_SECONDS = 3600.0
"""Between two looks at what ends soon."""


@asynccontextmanager
async def service(settings: Settings, *, local: bool) -> AsyncIterator[web.Application]:
    """Start everything that serves Teams, and return its HTTP application.

    Raises SettingsError without credentials (unless local), ContentError or StoreError.
    """
    metrics = Metrics(metrics_folder())
    purchases = Purchases(metrics)
    watchers: list[Watch] = [TurnLog(), metrics]
    library = load_library(settings.dialogs)
    async with AsyncExitStack() as rooms:
        spans = _spans()
        if spans is not None:
            watchers.append(spans)
            rooms.push_async_callback(spans.close)
        room = await rooms.enter_async_context(
            TeamsRoom(teams_options(settings, local=local), utc_now, observe_token=purchases)
        )
        pipeline = _pipeline(settings.sdk, room.connector)
        senders: dict[str, Sender] = {"msteams": room.sender}
        started: list[Application] = []

        def words() -> tuple[Library, Language]:
            content = started[0].core.library if started else library
            return content, content.language(settings.triage_language)

        sinks: SinkRoom | None = None
        if sink_names(settings):  # mail and signatures are dear to load
            sinks = await rooms.enter_async_context(sink_room(settings, words))
            senders |= sinks.senders
        async with application(
            settings,
            senders,
            library=library,
            members=room.members,
            watch=Watchers(watchers),
        ) as running:
            started.append(running)
            doors = _Doors(running, settings, metrics.held_off)
            edge = room.edge(
                pipeline,
                running.editions.language,
                doors.incoming,
                doors.press,
                doors.search,
            )
            room.warm()

            operations = Operations(
                running.store,
                running.editions,
                room,
                metrics,
                purchases,
                clock=utc_now,
                local=local,
            )
            webhook = _incoming_webhook(settings, running)
            app = server(routes(edge, operations, webhook=webhook))
            app[OPERATIONS] = operations
            if sinks is not None:
                sinks.start(partial(way_back, running))
            gc.collect()
            gc.freeze()  # the content lives as long as the process; walking it in every collection stops the loop for 50 ms
            gc.set_threshold(*_GARBAGE)
            watching = asyncio.create_task(_watch_endings(settings, room, running), name="endings")
            try:
                yield app
            finally:
                await operations.close()
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
                if sinks is not None:
                    await sinks.stop()


def _spans() -> Spans | None:
    """Return what traces, where the OTEL_* variables ask for it: where it cannot be, that is no reason not to serve."""
    exporters = span_exporters()
    if not exporters:
        return None
    try:
        from bot.tracing import Spans
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("opentelemetry"):
            raise
        log.warning("tracing-not-installed", install="bouncedesk[tracing]")
        return None
    return Spans(exporters, utc_now)


async def _watch_endings(settings: Settings, room: TeamsRoom, running: Application) -> None:
    """Tell the helpdesk's channel in time, and once for all instances, what the bot will not be recognised by much longer."""
    while True:
        library = running.core.library
        channel = channel_book(settings, library).of(FALLBACK)
        endings = warnings(room.expiries(), utc_now())
        try:
            await tell_of(endings, channel, library, running.outbox, utc_now())
        except StoreError as error:
            log.warning("endings-untold", error=type(error).__name__)
        await asyncio.sleep(_ENDINGS_SECONDS)


def teams_options(settings: Settings, *, local: bool) -> Options:
    """Return what the settings say about Teams."""
    return Options(
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


def _pipeline(sdk: str, connector: Connector) -> Pipeline:
    """Return the pipeline of the SDK that the settings name, sending through a connector. Raises SettingsError."""
    if sdk != "agents":
        from bot.teams.adapter import TeamsAdapter

        return TeamsAdapter(connector)
    try:
        from bot.agents import AgentsAdapter
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("microsoft_agents"):
            raise
        raise SettingsError(
            "BOUNCEDESK_SDK is agents, and the Microsoft 365 Agents SDK is not installed. "
            "It is an extra: pip install 'bouncedesk[agents]'."
        ) from error
    return AgentsAdapter(connector)


def sink_room(settings: Settings, words: Words) -> SinkRoom:
    """Open the sinks that are configured. Must be called on the loop. Raises SettingsError."""
    from bot.sinks import MailOptions, MailSink, RtOptions, RtSink, SinkRoom, WebhookSink, calls
    from bot.sinks.mail import Security

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
                    sinks.append(MailSink(mail, words))
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
                    sinks.append(RtSink(tracker, session, words, utc_now))
    except SettingsError:
        session.detach()
        raise
    return SinkRoom(sinks, partial(calls.close, session))


def way_back(running: Application, sink: str) -> WayBack:
    """Return the way back from a sink into the queue."""
    from bot.sinks import Queue

    editions = running.editions
    return Queue(sink, editions.carry_out, running.store, lambda: editions().library)


def _incoming_webhook(settings: Settings, running: Application) -> IncomingWebhook | None:
    secret = settings.webhook_in_secret.get_secret_value()
    if not secret:
        return None
    from bot.sinks import IncomingWebhook

    return IncomingWebhook(secret, way_back(running, "webhook"))


class _Doors:
    """Where what came from Teams enters: as much of it as is allowed, each to who answers it."""

    def __init__(
        self, running: Application, settings: Settings, count: Callable[[bool], None]
    ) -> None:
        self._running = running
        self._count = count
        self._allowance = Allowance(person=settings.person_turns, tenant=settings.tenant_turns)

    async def incoming(self, incoming: Incoming) -> Answer:
        """Take an event: what is said in a channel may be for the helpdesk's desk, everything else is a turn of a dialog."""
        held = self._allowance.take(incoming.address, monotonic())
        if held is not None:
            line = self._held_off(held, incoming.address, incoming.locale)
            if held.tell and not incoming.inline:
                page = _as_page(line, incoming.locale)
                await self._running.outbox.send_now(
                    Parcel(to=incoming.address, content=Reply(page))
                )
            return Answer(says=line)
        in_channel = incoming.address.scope is Scope.CHANNEL
        if in_channel and isinstance(incoming.event, Said):
            return await self._heard(incoming)
        return await self._running.host.handle(incoming)

    async def _heard(self, incoming: Incoming) -> Answer:
        running = self._running
        with caused(new_id()[:8]) as reference:
            try:
                heard = await running.editions.heard(incoming)
                if heard:
                    await _answer_once(running.outbox, incoming, heard)
            except Exception as error:  # noqa: BLE001 - as in the host: told, logged, never silent
                page = self._sorry("not-heard", error, incoming.locale, reference)
                await running.outbox.send_now(Parcel(to=incoming.address, content=Reply(page)))
                return Answer()
            return Answer() if heard is not None else await running.host.handle(incoming)

    async def press(self, press: TicketPress) -> Outgoing | str:
        """Take a press on a ticket's card."""
        held = self._allowance.take(press.address, monotonic())
        if held is not None:
            return self._held_off(held, press.address, press.locale)
        with caused(new_id()[:8]) as reference:
            try:
                return await self._running.editions.press(press)
            except Exception as error:  # noqa: BLE001 - as above
                return self._sorry("press-failed", error, press.locale, reference).summary

    async def search(self, search: TicketSearch) -> Sequence[Hit] | str:
        """Take a search over tickets."""
        held = self._allowance.take_search(search.address, monotonic())
        if held is not None:
            return self._held_off(held, search.address, search.locale)
        with caused(new_id()[:8]) as reference:
            try:
                return await self._running.editions.search(search)
            except Exception as error:  # noqa: BLE001 - as above
                return self._sorry("search-failed", error, search.locale, reference).summary

    def _sorry(self, event: str, error: Exception, language: Language, reference: str) -> Outgoing:
        """Write down what broke, and return the page that says so: with the advice to try again where that helps."""
        log.error(event, reference=reference, error=type(error).__name__, where=where(error))
        again = isinstance(error, StoreError)
        return sorry(self._running.core.library, language, reference, again=again)

    def _held_off(self, held: Held, sender: Address, language: Language) -> str:
        self._count(held.everybody)
        log.warning("held-off", conversation=opaque(sender.conversation), everybody=held.everybody)
        library = self._running.core.library
        return held_off(library, language, held.seconds, everybody=held.everybody)


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
