"""The Teams room put together: from a request to its answer, and everything that sends."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Protocol, Self

import msgspec
import structlog
from botbuilder.core import TurnContext

from bot.model import limits
from bot.model.errors import DeliveryFailed, RequestRefused, SettingsError, UploadRefused
from bot.model.event import Address, Arrived, Attached, Incoming, TicketPress, TicketSearch
from bot.model.outgoing import Hit, Outgoing
from bot.ports import Clock
from bot.teams import connector as rest
from bot.teams.adapter import TeamsAdapter
from bot.teams.auth import ChannelGate, Gate, Headers, LocalGate, Tenants
from bot.teams.connector import Connector
from bot.teams.extension import search_answer
from bot.teams.hosts import CONNECTOR_HOSTS, UPLOAD_DOMAIN, Origins
from bot.teams.inbound import Languages, Read, Upload, read_activity
from bot.teams.keys import METADATA_URL, SigningKeys
from bot.teams.members import Membership
from bot.teams.outbound import invoke_card, invoke_message, to_activity, to_text_activity
from bot.teams.sender import TeamsSender
from bot.teams.token import AUTHORITY, Credentials, NoToken, OutboundToken, Token
from bot.teams.uploads import Uploads

Json = dict[str, Any]

SERVICE_URL = "https://smba.trafficmanager.net/teams/"
"""The connector's global address, for conversations that have not yet named their own."""

_GREETED = 10.0
"""Seconds in which a second arrival in a conversation is the same one: Teams tells of an installation twice."""
_GREETED_AT_ONCE = 1_000
_DONE = "\N{CHECK MARK}"
"""Shown where a press is answered with neither card nor word."""

log = structlog.get_logger("bouncedesk.teams")


class Answer(Protocol):
    """What the shell answers an event with (`bot.host.Answer`)."""

    @property
    def card(self) -> Outgoing | None:
        """What takes the place of the card that was pressed."""

    @property
    def says(self) -> str:
        """One line for a press that gets no card."""


OnIncoming = Callable[[Incoming], Awaitable[Answer]]
"""Runs one turn; returns as soon as it is committed. Its pages travel through the outbox."""

OnTicketPress = Callable[[TicketPress], Awaitable[Outgoing | str]]
"""Carries out a press on a ticket card: what takes the card's place, or a line that explains why it stays."""

OnTicketSearch = Callable[[TicketSearch], Awaitable[Sequence[Hit] | str]]
"""Searches the tickets: what was found, or a line that says why nothing is shown."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the settings say about Teams."""

    local: bool = False
    """No credentials: only programs on this machine, and answers only to it."""
    app_id: str = ""
    app_password: str = ""
    app_password_next: str = ""
    """A second secret, while one is being replaced."""
    app_password_expires: date | None = None
    app_certificate: Path | None = None
    """File with certificate and private key, instead of a secret."""
    managed_identity: bool = False
    """The user-assigned managed identity whose client id is the app id, instead of a secret."""
    tenant_id: str = ""
    """The tenant of the app registration, where the bot's own token is bought."""
    tenants: frozenset[str] = frozenset()
    """Tenants whose people may use the bot; empty: every tenant."""
    cloud: str = "public"
    service_hosts: tuple[str, ...] = ()
    """More connector hosts: `host` or `https://host:port`."""
    upload_hosts: tuple[str, ...] = ()
    """More hosts that files may be fetched from."""
    team_service_url: str = SERVICE_URL
    """Where the triage team lives."""
    metadata_url: str = ""
    """Instead of the cloud's own."""
    authority: str = ""
    """Instead of the cloud's own."""


class TeamsRoom:
    """Everything that needs the network of Teams: opened once, closed at the end."""

    def __init__(self, options: Options, clock: Clock) -> None:
        """Open the room. Must be called on the loop. Raises SettingsError."""
        if not options.local and not (options.app_id and options.app_password):
            raise SettingsError("Without --local the bot needs an app id and its password.")
        self._options = options
        self._origins = Origins(
            CONNECTOR_HOSTS, extra=options.service_hosts, loopback=options.local
        )
        file_hosts = Origins(
            (),
            domains=(UPLOAD_DOMAIN,),
            extra=options.upload_hosts,
            loopback=options.local,
        )
        self._session = rest.new_session()
        self._token: Token = NoToken() if options.local else OutboundToken(_credentials(options))
        self._keys = SigningKeys(self._session, options.metadata_url or METADATA_URL)
        self._gate: Gate = (
            LocalGate() if options.local else ChannelGate(options.app_id, self._keys, clock)
        )
        self._uploads = Uploads(self._session, file_hosts)
        self.connector = Connector(self._session, self._origins, self._token, clock)
        self.sender = TeamsSender(self.connector)
        self._edges: list[TeamsEdge] = []
        self.members = Membership(self.connector, options.team_service_url)

    def warm(self) -> None:
        """Fetch keys and token in the background, so that the first person need not wait for them."""
        if not self._options.local:
            self._keys.prefetch()
            self._token.prefetch()

    def edge(
        self,
        languages: Languages,
        on_incoming: OnIncoming,
        on_ticket_press: OnTicketPress,
        on_ticket_search: OnTicketSearch,
    ) -> TeamsEdge:
        """Return what answers `POST /api/messages`."""
        edge = TeamsEdge(
            gate=self._gate,
            tenants=Tenants(self._options.tenants),
            origins=self._origins,
            connector=self.connector,
            uploads=self._uploads,
            languages=languages,
            on_incoming=on_incoming,
            on_ticket_press=on_ticket_press,
            on_ticket_search=on_ticket_search,
        )
        self._edges.append(edge)
        return edge

    async def close(self) -> None:
        """Finish what is being sent and let go of everything."""
        for edge in self._edges:
            await edge.close()
        await self._keys.close()
        await self._token.close()
        await rest.close(self._session)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _credentials(options: Options) -> Callable[[], dict[str, Any]]:
    return Credentials(
        options.app_id,
        options.app_password,
        options.tenant_id or "botframework.com",
        authority=options.authority or AUTHORITY,
    ).buy


class TeamsEdge:
    """Answers the channel's requests."""

    def __init__(  # noqa: PLR0913 - the parts of one room
        self,
        *,
        gate: Gate,
        tenants: Tenants,
        origins: Origins,
        connector: Connector,
        uploads: Uploads,
        languages: Languages,
        on_incoming: OnIncoming,
        on_ticket_press: OnTicketPress,
        on_ticket_search: OnTicketSearch,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the parts. `adapter` is public, so that SDK middleware can be added to it."""
        self.adapter = TeamsAdapter(connector)
        self._gate = gate
        self._tenants = tenants
        self._origins = origins
        self._connector = connector
        self._uploads = uploads
        self._languages = languages
        self._on_incoming = on_incoming
        self._on_ticket_press = on_ticket_press
        self._on_ticket_search = on_ticket_search
        self._greeted = _Greeted(monotonic)
        self._late: set[asyncio.Task[None]] = set()

    async def handle(
        self, headers: Headers, body: bytes, peer: str | None
    ) -> tuple[int, Json | None]:
        """Answer one request: its status and the JSON of its body.

        Args:
            headers: Looked up without regard to case.
            body: As it came; more than `limits.BODY_BYTES` is refused, so no more need be read.
            peer: The address the request came from.

        Raises whatever the callbacks raise; what is wrong with the request itself is a status.
        """
        try:
            caller = await self._gate.admit(headers, peer)
            raw = _parse(headers, body)
            caller.check(raw)
            self._tenants.check(raw)
            self._check_service_url(raw)
            event = read_activity(raw, languages=self._languages)
        except RequestRefused as refused:
            log.warning("request-refused", status=refused.status, why=refused.detail)
            return refused.status, None

        async def turn(context: TurnContext) -> None:
            await self._turn(context, event, raw)

        return await self.adapter.process(raw, turn)

    async def close(self) -> None:
        """Wait for answers that are on their way."""
        await asyncio.gather(*self._late)

    def _check_service_url(self, raw: Mapping[str, Any]) -> None:
        service_url = raw.get("serviceUrl")
        if not isinstance(service_url, str):
            raise RequestRefused(400, "the activity's serviceUrl is not text")
        if not self._origins.admits_service(service_url):
            raise RequestRefused(403, "the serviceUrl is not on the list of the channel's hosts")

    async def _turn(
        self,
        context: TurnContext,
        event: Read | None,
        raw: Mapping[str, Any],
    ) -> None:
        match event:
            case None:
                return
            case TicketPress():
                answer = await self._on_ticket_press(event)
                self._answer_press(context, event.address, answer, raw, inline=event.inline)
            case TicketSearch():
                found = await self._on_ticket_search(event)
                self.adapter.answer_invoke(context, *search_answer(found))
            case Upload():
                await self._on_incoming(await self._fetch(event))
            case Incoming():
                await self._tell(context, event, raw)

    async def _tell(
        self, context: TurnContext, incoming: Incoming, raw: Mapping[str, Any]
    ) -> None:
        if isinstance(incoming.event, Arrived) and self._greeted.lately(incoming.address):
            return
        answer = await self._on_incoming(incoming)
        if incoming.inline:
            shown = answer.card or answer.says or _DONE
            self._answer_press(context, incoming.address, shown, raw, inline=True)
        elif answer.card is not None:
            self._answer_press(context, incoming.address, answer.card, raw, inline=False)

    async def _fetch(self, upload: Upload) -> Incoming:
        try:
            data = await self._uploads.fetch(upload.url)
        except UploadRefused as refused:
            log.info("upload-refused", why=refused.detail)
            return upload.refused
        return msgspec.structs.replace(upload.refused, event=Attached(data, upload.text))

    def _answer_press(
        self,
        context: TurnContext,
        address: Address,
        shown: Outgoing | str,
        raw: Mapping[str, Any],
        *,
        inline: bool,
    ) -> None:
        """Show the outcome of a press: in the response to an `Action.Execute`, else by a call of our own."""
        if inline:
            answer = invoke_message(shown) if isinstance(shown, str) else invoke_card(shown)
            self.adapter.answer_invoke(context, *answer)
            return
        pressed = raw.get("replyToId")
        if isinstance(shown, str):
            activity = to_text_activity(shown, address)
            self._send_late(
                self._connector.send(address.service_url, address.conversation, activity)
            )
        elif isinstance(pressed, str) and pressed:
            activity = to_activity(shown, address)
            self._send_late(
                self._connector.update(
                    address.service_url, address.conversation, pressed, activity
                )
            )

    def _send_late(self, call: Coroutine[Any, Any, object]) -> None:
        """Send after the answer. What is sent so only tidies up; the outcome itself is committed."""
        task = asyncio.create_task(_log_failure(call), name="late-answer")
        self._late.add(task)
        task.add_done_callback(self._late.discard)


async def _log_failure(call: Coroutine[Any, Any, object]) -> None:
    try:
        await call
    except DeliveryFailed as failed:
        log.warning("late-answer-undelivered", why=failed.detail)


class _Greeted:
    """Conversations in which somebody arrived a moment ago."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._at: OrderedDict[str, float] = OrderedDict()

    def lately(self, address: Address) -> bool:
        """Note an arrival and tell whether there was one a moment ago."""
        now = self._monotonic()
        before = self._at.pop(address.conversation, None)
        self._at[address.conversation] = now
        if len(self._at) > _GREETED_AT_ONCE:
            self._at.popitem(last=False)
        return before is not None and now - before < _GREETED


def _parse(headers: Headers, body: bytes) -> Json:
    """Return the activity of a body. Raises RequestRefused: 415, 413, 400."""
    kind, _, parameters = headers.get("Content-Type", "").partition(";")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if kind.strip().lower() != "application/json" or charset not in ("", "utf-8"):
        raise RequestRefused(415, "the body is not said to be JSON in UTF-8")
    if headers.get("Content-Encoding", "identity").lower() != "identity":
        raise RequestRefused(415, "the body is compressed")
    if len(body) > limits.BODY_BYTES:
        raise RequestRefused(413, "the body is too long")
    try:
        raw = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RequestRefused(400, "the body is not JSON") from error
    if not isinstance(raw, dict):
        raise RequestRefused(400, "the body is not an object")
    return raw
