"""Tickets by e-mail: one message for each change, made so that a helpdesk's mail intake threads on it and a repeated one is known again.

The Message-ID is a change's name, so a message that was sent twice is one message to every mail system that looks at it. All messages
about a ticket answer its first one (RFC 5322 section 3.6.4), and all say that no human wrote them (RFC 3834), so that nothing answers back.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from email.headerregistry import Address as Mailbox
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.utils import format_datetime
from enum import StrEnum
from typing import Self

import aiosmtplib
import msgspec

from bot.model.errors import (
    DeliveryAmbiguous,
    DeliveryDelayed,
    DeliveryFailed,
    DeliveryRefused,
    SettingsError,
)
from bot.model.ticket import OPENED
from bot.ports import News, Parcel, Placed
from bot.sinks import told
from bot.sinks.calls import is_this_machine
from bot.sinks.sink import SECONDS, Words, news_of, placed_as

_AT_ONCE = 4
"""Connections to the mail server: each ticket's messages are sent one after the other, but those of many tickets are not."""

MAILBOX = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})")
_WIRE = WIRE.clone(max_line_length=78, cte_type="7bit")


class Security(StrEnum):
    """How the connection to the mail server is protected."""

    STARTTLS = "starttls"
    """Asked for on the connection before anything else; a server that does not offer it gets nothing."""
    TLS = "tls"
    """From the first byte."""
    NONE = "none"
    """Not at all: only for a server that is this machine or inside the same network."""


class MailOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Where tickets are sent by e-mail, and through which server."""

    to: str
    sender: str
    host: str
    port: int = 0
    """0: the port that belongs to the kind of security (587, 465, 25)."""
    security: Security = Security.STARTTLS
    reply_to: str = ""
    user: str = ""
    password: str = ""
    ca_file: str | None = None
    """Certificates to trust instead of the system's."""


class MailSink:
    """Sends each change of a ticket as an e-mail."""

    name = "email"

    def __init__(self, options: MailOptions, words: Words) -> None:
        """Take where to, and where the words are. Raises SettingsError."""
        for address in (options.to, options.sender, options.reply_to):
            if address and not MAILBOX.fullmatch(address):
                raise SettingsError("A sink's e-mail address must be a plain address in ASCII.")
        exposed = options.security is Security.NONE and not is_this_machine(options.host)
        if exposed and options.password:
            raise SettingsError("A mail server's password is not sent without TLS.")
        self._options = options
        self._words = words
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def send(self, parcel: Parcel, placed: Placed | None) -> Placed:
        """Send one change. The ticket is called by the Message-ID of the first message that was sent about it."""
        news = news_of(parcel)
        first = placed.activity if placed else self._message_id(told.event_id(news))
        message = self._message(news, None if placed is None or _opens(news) else first)
        async with _Delivery() as delivery, self._slots:
            await self._hand_over(message, delivery)
        return placed_as(news, first)

    async def close(self) -> None:
        """Nothing is kept open between messages."""

    async def _hand_over(self, message: EmailMessage, delivery: _Delivery) -> None:
        options = self._options
        client = aiosmtplib.SMTP(
            hostname=options.host,
            port=options.port or None,
            username=options.user or None,
            password=options.password or None,
            use_tls=options.security is Security.TLS,
            start_tls=options.security is Security.STARTTLS,
            cert_bundle=options.ca_file,
            timeout=SECONDS,
        )
        try:
            await client.connect()
            await client.mail(options.sender)
            await client.rcpt(options.to)
            delivery.in_doubt = True
            await client.data(message.as_bytes(policy=_WIRE))
            delivery.in_doubt = False
            with suppress(aiosmtplib.SMTPException, OSError):  # the message is theirs already
                await client.quit(timeout=2.0)
        finally:
            client.close()

    # ------------------------------------------------------------------------------------------------ the message

    def _message(self, news: News, first: str | None) -> EmailMessage:
        """Return the message about a change; `first` is the Message-ID of the first one about its ticket, None: this is it."""
        ticket, event = news.ticket, news.event
        message = EmailMessage(policy=_WIRE)
        message["From"] = Mailbox("Bouncedesk", addr_spec=self._options.sender)
        message["To"] = Mailbox(addr_spec=self._options.to)
        message["Reply-To"] = Mailbox(addr_spec=self._options.reply_to or self._options.sender)
        message["Subject"] = told.subject(ticket)
        message["Date"] = format_datetime(event.at)
        message["Message-ID"] = self._message_id(told.event_id(news))
        if not _opens(news):
            # Named even where this sink never saw it: then all that it gets still has one ancestor.
            opening = self._message_id(told.opening_id(ticket.id))
            message["In-Reply-To"] = first or opening
            message["References"] = " ".join(dict.fromkeys((opening, first or opening)))
        message["Auto-Submitted"] = "auto-generated"
        message["X-Auto-Response-Suppress"] = "All"
        message["X-Bouncedesk-Ticket"] = str(ticket.number)
        message["X-Bouncedesk-Reference"] = told.reference(ticket.id)
        message["X-Bouncedesk-Event"] = told.event_type(news)
        message["X-Bouncedesk-State"] = ticket.state.value
        message["X-Bouncedesk-Priority"] = ticket.priority.value
        code = ticket.draft.report.status if ticket.draft.report else None
        if code:
            message["X-Bouncedesk-Code"] = told.one_line(code, 20)
        message.set_content(self._text(news, first), charset="utf-8", cte="quoted-printable")
        original = ticket.draft.original if first is None else None
        if original:
            message.add_attachment(
                told.legible(original),
                subtype="plain",
                charset="utf-8",
                cte="base64",
                filename=f"bounce-{ticket.number}.txt",
            )
        return message

    def _text(self, news: News, first: str | None) -> str:
        parts = []
        if not _opens(news):
            parts.append(told.said(news, *self._words()))
        if first is None:
            parts.append(told.introduced(news, *self._words()))
        return "\n\n".join(parts) + "\n"

    def _message_id(self, name: str) -> str:
        return f"<bouncedesk.{name}@{self._options.sender.rpartition('@')[2]}>"


def _opens(news: News) -> bool:
    return news.event.what == OPENED


class _Delivery:
    """One delivery: says what an error means, by how far the message had come."""

    def __init__(self) -> None:
        self.in_doubt = False
        """The server has begun to get the message, and has not yet said what became of it."""
        self._limit = asyncio.timeout(SECONDS)

    async def __aenter__(self) -> Self:
        await self._limit.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        try:
            await self._limit.__aexit__(kind, error, trace)  # type: ignore[arg-type]
        except TimeoutError as too_long:
            raise self._lost(too_long) from too_long
        if isinstance(error, aiosmtplib.SMTPException | OSError | ValueError):
            raise self._meaning(error) from error

    def _meaning(self, error: Exception) -> DeliveryFailed:
        """Return what an error means for a parcel. A server's words may quote the message, so only its code is kept."""
        match error:
            case aiosmtplib.SMTPAuthenticationError(code=code):
                # The message is as good as before once somebody has mended the login.
                return DeliveryDelayed(f"SMTP {code}: the login was refused.")
            case (
                aiosmtplib.SMTPConnectResponseError(code=code)
                | aiosmtplib.SMTPHeloError(code=code)
            ):
                return DeliveryDelayed(f"SMTP {code} on connecting")
            case aiosmtplib.SMTPResponseException(code=code) if 400 <= code < 500:  # noqa: PLR2004 - RFC 5321 section 4.2.1
                return DeliveryDelayed(f"SMTP {code}")
            case aiosmtplib.SMTPResponseException(code=code) if 500 <= code < 600:  # noqa: PLR2004
                return DeliveryRefused(f"SMTP {code}")
            case _:
                return self._lost(error)

    def _lost(self, error: Exception) -> DeliveryFailed:
        name = type(error).__name__
        return DeliveryAmbiguous(name) if self.in_doubt else DeliveryDelayed(name)
