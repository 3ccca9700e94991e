"""The webhook that comes back: another helpdesk tells that it resolved, reopened, closed or answered a ticket.

Signed as ours are, by the Standard Webhooks specification, with a secret of its own. A webhook that was heard before changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
import structlog
from standardwebhooks import WebhookVerificationError

from bot.model.errors import StoreError, UnknownTicket
from bot.model.limits import BODY_BYTES, FACT_CHARS, SAID_CHARS
from bot.model.ticket import Deed, State, Verb
from bot.sinks import told
from bot.sinks.sink import Outcome, WayBack
from bot.sinks.webhook import signer

log = structlog.get_logger("bouncedesk.sinks")

_ID_CHARS = 256

_VERBS = {
    "ticket.reply": Verb.REPLY,
    "ticket.resolve": Verb.RESOLVE,
    "ticket.reopen": Verb.REOPEN,
    "ticket.close": Verb.CLOSE,
}


class _Data(msgspec.Struct, frozen=True):
    """What is to be done. Fields that we do not know are left to those who do."""

    number: Annotated[int, msgspec.Meta(ge=1, le=2**53)]
    text: Annotated[str, msgspec.Meta(max_length=SAID_CHARS)] = ""
    by: Annotated[str, msgspec.Meta(max_length=FACT_CHARS)] = ""


class _Body(msgspec.Struct, frozen=True):
    """The whole webhook."""

    type: Literal["ticket.reply", "ticket.resolve", "ticket.reopen", "ticket.close"]
    data: _Data


_decode = msgspec.json.Decoder(_Body).decode


class IncomingWebhook:
    """Answers `POST /api/sinks/webhook`."""

    def __init__(self, secret: str, back: WayBack) -> None:
        """Take the secret that the other side signs with, and the way back. Raises SettingsError."""
        self._verifier = signer(secret, "The incoming webhook's secret")
        self._back = back

    async def handle(
        self,
        headers: Mapping[str, str],
        body: bytes,
        peer: str | None,  # noqa: ARG002 - the signature says who it is
    ) -> tuple[int, dict[str, Any] | None]:
        """Return the status and the JSON that answer a webhook: 200, 400, 401, 404, 409, 413 or 503."""
        if len(body) > BODY_BYTES:
            return 413, _error("too-long")
        name = headers.get("webhook-id", "")
        try:
            # Raises errors of many kinds for signatures that are none; all mean the same.
            self._verifier.verify(body, dict(headers), json_parse=False)
        except (WebhookVerificationError, ValueError) as error:
            log.warning("webhook-refused", status=401, error=type(error).__name__)
            return 401, _error("signature")
        try:
            wanted = _decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            log.warning("webhook-refused", status=400)
            return 400, _error("body")
        verb, data = _VERBS[wanted.type], wanted.data
        text = told.legible(data.text).strip()
        if len(name) > _ID_CHARS or (verb is Verb.REPLY and not text):
            return 400, _error("text" if verb is Verb.REPLY else "webhook-id")
        return await self._carry_out(data.number, Deed(verb=verb, text=text), data.by, name)

    async def _carry_out(
        self, number: int, deed: Deed, by: str, name: str
    ) -> tuple[int, dict[str, Any]]:
        try:
            came = await self._back.carry_out(number, deed, told.one_line(by), once=name)
        except UnknownTicket:
            return 404, _error("number")
        except StoreError as error:
            log.warning("webhook-not-now", error=type(error).__name__)
            return 503, _error("again")
        log.info("webhook-heard", ticket=number, do=deed.verb.value, came=came.outcome.value)
        if came.outcome is Outcome.REFUSED:
            return 409, {**_error("state"), **_now(number, came.state)}
        return 200, _now(number, came.state)


def _now(number: int, state: State) -> dict[str, Any]:
    return {"number": number, "state": state.value}


def _error(what: str) -> dict[str, Any]:
    return {"error": what}
