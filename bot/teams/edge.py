"""The Teams edge: from a request to its answer. Which SDK's pipeline a turn runs through is the caller's choice."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, Protocol

import msgspec
import structlog

from bot.model import limits
from bot.model.errors import DeliveryFailed, RequestRefused, UploadRefused
from bot.model.event import Address, Arrived, Attached, Incoming, TicketPress, TicketSearch
from bot.model.outgoing import Hit, Outgoing
from bot.teams.auth import Gate, Headers, Tenants
from bot.teams.connector import Connector
from bot.teams.extension import search_answer
from bot.teams.hosts import Origins
from bot.teams.inbound import INVOKE, Languages, Read, Upload, read_activity
from bot.teams.outbound import invoke_card, invoke_message, to_activity, to_text_activity
from bot.teams.uploads import Uploads

Json = dict[str, Any]

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


InvokeAnswer = tuple[int, Json | None]
"""What the request of an invoke is answered with: a status and a body."""

Turn = Callable[[], Awaitable[InvokeAnswer | None]]
"""Does what an activity asks for; None where there is nothing to say in the response."""

OnIncoming = Callable[[Incoming], Awaitable[Answer]]
"""Runs one turn; returns as soon as it is committed. Its pages travel through the outbox."""

OnTicketPress = Callable[[TicketPress], Awaitable[Outgoing | str]]
"""Carries out a press on a ticket card: what takes the card's place, or a line that explains why it stays."""

OnTicketSearch = Callable[[TicketSearch], Awaitable[Sequence[Hit] | str]]
"""Searches the tickets: what was found, or a line that says why nothing is shown."""


class Pipeline(Protocol):
    """What an SDK is to us: its middleware, around whatever the bot does. Whichever SDK it is, everything else stays as it is."""

    async def process(self, raw: Mapping[str, Any], turn: Turn) -> InvokeAnswer | None:
        """Run one turn and return what its request is answered with: what the turn returned, or what middleware said instead.

        Whatever the turn or the middleware raises comes through.
        """


class TeamsEdge:
    """Answers the channel's requests."""

    def __init__(  # noqa: PLR0913 - the parts of one room
        self,
        *,
        gate: Gate,
        tenants: Tenants,
        origins: Origins,
        pipeline: Pipeline,
        connector: Connector,
        uploads: Uploads,
        languages: Languages,
        on_incoming: OnIncoming,
        on_ticket_press: OnTicketPress,
        on_ticket_search: OnTicketSearch,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the parts."""
        self._gate = gate
        self._tenants = tenants
        self._origins = origins
        self._pipeline = pipeline
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

        answer = await self._pipeline.process(raw, lambda: self._turn(event, raw))
        if answer is not None:
            return answer
        # An invoke is a question: one that nobody answered is one that we do not have.
        return (501 if raw["type"] == INVOKE else 200), None

    async def close(self) -> None:
        """Wait for answers that are on their way."""
        await asyncio.gather(*self._late)

    def _check_service_url(self, raw: Mapping[str, Any]) -> None:
        service_url = raw.get("serviceUrl")
        if not isinstance(service_url, str):
            raise RequestRefused(400, "the activity's serviceUrl is not text")
        if not self._origins.admits_service(service_url):
            raise RequestRefused(403, "the serviceUrl is not on the list of the channel's hosts")

    async def _turn(self, event: Read | None, raw: Mapping[str, Any]) -> InvokeAnswer | None:
        match event:
            case None:
                return None
            case TicketPress():
                shown = await self._on_ticket_press(event)
                return self._answer_press(event.address, shown, raw, inline=event.inline)
            case TicketSearch():
                return search_answer(await self._on_ticket_search(event))
            case Upload():
                await self._on_incoming(await self._fetch(event))
                return None
            case Incoming():
                return await self._tell(event, raw)

    async def _tell(self, incoming: Incoming, raw: Mapping[str, Any]) -> InvokeAnswer | None:
        if isinstance(incoming.event, Arrived) and self._greeted.lately(incoming.address):
            return None
        answer = await self._on_incoming(incoming)
        shown = answer.card or (answer.says or _DONE if incoming.inline else None)
        if shown is None:
            return None
        return self._answer_press(incoming.address, shown, raw, inline=incoming.inline)

    async def _fetch(self, upload: Upload) -> Incoming:
        try:
            data = await self._uploads.fetch(upload.url)
        except UploadRefused as refused:
            log.info("upload-refused", why=refused.detail)
            return upload.refused
        return msgspec.structs.replace(upload.refused, event=Attached(data, upload.text))

    def _answer_press(
        self,
        address: Address,
        shown: Outgoing | str,
        raw: Mapping[str, Any],
        *,
        inline: bool,
    ) -> InvokeAnswer | None:
        """Show the outcome of a press: in the response to an `Action.Execute`, else by a call of our own."""
        if inline:
            return invoke_message(shown) if isinstance(shown, str) else invoke_card(shown)
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
        return None

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
