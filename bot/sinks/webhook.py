"""Tickets to a webhook, signed by the Standard Webhooks specification; docs/ticket-event.schema.json says what stands in the body."""

from __future__ import annotations

from typing import Any

import aiohttp
import msgspec
from standardwebhooks import Webhook

from bot.model.errors import SettingsError
from bot.model.event import Person
from bot.model.ticket import OPENED, Ticket
from bot.ports import Clock, News, Parcel, Placed
from bot.sinks import told
from bot.sinks.calls import call, secure_url
from bot.sinks.sink import news_of, placed_as

SCHEMA_VERSION = "1.0"
"""Of docs/ticket-event.schema.json. The second part grows when something is added, the first when something changes its meaning or goes."""

_SECONDS = 15.0
"""The specification advises receivers to answer within 15 seconds."""

_KEY_BYTES = range(24, 65)
"""Bytes of a signing key that the specification allows."""

_encode = msgspec.json.Encoder(enc_hook=str).encode


def signer(secret: str, what: str) -> Webhook:
    """Return what signs and verifies with a secret. Raises SettingsError unless it is one by the specification."""
    problem = SettingsError(f"{what} must be `whsec_` and then 24 to 64 random bytes in Base64.")
    if not secret.startswith("whsec_"):
        raise problem
    try:
        hook = Webhook(secret)
        key = _key_bytes(secret)
    except Exception as error:
        raise problem from error
    if key not in _KEY_BYTES:
        raise problem
    return hook


def _key_bytes(secret: str) -> int:
    return len(secret.removeprefix("whsec_").rstrip("=")) * 3 // 4


class WebhookSink:
    """Posts each change of a ticket to one address."""

    name = "webhook"

    def __init__(
        self, url: str, secret: str, session: aiohttp.ClientSession, clock: Clock
    ) -> None:
        """Take where to and the secret to sign with. Raises SettingsError."""
        self._url = secure_url(url, "The webhook's address")
        self._signer = signer(secret, "The webhook's secret")
        self._session = session
        self._clock = clock

    async def send(self, parcel: Parcel, placed: Placed | None) -> Placed:
        """Post one change. Its id is the same each time, so a time-out can be repeated: the receiver knows the second one by it."""
        news = news_of(parcel)
        body = payload(news)
        name = f"msg_{told.event_id(news)}"
        now = self._clock()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Bouncedesk",
            "webhook-id": name,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signer.sign(name, now, body.decode()),
        }
        await call(
            self._session,
            "POST",
            self._url,
            clock=self._clock,
            seconds=_SECONDS,
            headers=headers,
            body=body,
            repeatable=True,
        )
        return placed or placed_as(news, told.reference(news.ticket.id))

    async def close(self) -> None:
        """The session is the room's."""


def payload(news: News) -> bytes:
    """Return the body that tells of a change, as JSON in UTF-8: the same bytes each time."""
    event = news.event
    data: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "event": {
            "id": told.event_id(news),
            "what": event.what,
            "by": _person(event.by),
            "text": told.legible(event.note),
            "to": _person(event.to),
            "other": event.other,
        },
        "ticket": _ticket(news.ticket),
    }
    if event.what == OPENED:
        data["original"] = _legible(news.ticket.draft.original)
    whole = {"type": told.event_type(news), "timestamp": event.at.isoformat(), "data": data}
    return _encode(whole)


def _ticket(ticket: Ticket) -> dict[str, Any]:
    draft = ticket.draft
    return {
        "number": ticket.number,
        "reference": told.reference(ticket.id),
        "part_of": told.reference(ticket.parent) if ticket.parent else None,
        "version": ticket.version,
        "state": ticket.state,
        "priority": ticket.priority,
        "queue": ticket.queue,
        "requester": _person(draft.person),
        "language": draft.language,
        "assignee": _person(ticket.assignee),
        "reason": draft.reason,
        "opened": draft.opened.isoformat(),
        "changed": ticket.changed.isoformat(),
        "claimed": ticket.claimed.isoformat() if ticket.claimed else None,
        "resolved": ticket.resolved.isoformat() if ticket.resolved else None,
        "resolution": _legible(ticket.resolution),
        "note": told.legible(draft.note),
        "path": [
            {"article": visit.article, "node": visit.node, "choice": visit.choice}
            for visit in draft.path
        ],
        "bounce": _bounce(ticket),
    }


def _bounce(ticket: Ticket) -> dict[str, Any] | None:
    report, match = ticket.draft.report, ticket.draft.match
    if report is None:
        return None
    return {
        "code": report.status,
        "smtp_reply": report.smtp_reply,
        "codes": report.codes,
        "recipients": [told.legible(recipient) for recipient in report.recipients],
        "sender": _legible(report.sender),
        "reporting_mta": _legible(report.reporting_mta),
        "reporter": report.reporter,
        "arrival": _legible(report.arrival),
        "message_id": _legible(report.message_id),
        "subject": _legible(report.subject),
        "diagnostic": _legible(report.diagnostic),
        "backscatter": report.backscatter.verdict,
        "article": match.article if match else None,
        "confidence": match.confidence if match else None,
    }


def _person(person: Person | None) -> dict[str, str] | None:
    if person is None:
        return None
    return {"key": person.key, "name": told.legible(person.name)}


def _legible(text: str | None) -> str | None:
    return None if text is None else told.legible(text)
