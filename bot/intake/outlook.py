"""Reads an Outlook message file (`.msg`, MS-OXMSG).

A non-delivery report that Outlook saved keeps what the notification said in properties of its recipients, not in a
body. They are written out as the fields of RFC 3464, so that one reader serves both.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING

from bot.intake.mime import Headers, Mail, Part, read_mail_source, split_headers
from bot.model import limits
from bot.model.errors import UploadRefused

if TYPE_CHECKING:
    from oxmsg import Message
    from oxmsg.properties import Properties

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""First bytes of an OLE compound file (MS-CFB section 2.2)."""

# Property ids of MS-OXPROPS.
_REPORT_TEXT = 0x1001
_TRANSPORT_HEADERS = 0x007D
_SUPPLEMENTARY_INFO = 0x0C1B
_REMOTE_MTA = 0x0C21
_REPORTING_MTA = 0x6820
_SMTP_ADDRESS = 0x39FE
_EMAIL_ADDRESS = 0x3003

_NOTHING = Headers({})


def read_outlook(data: bytes) -> Mail:
    """Return the mail in an Outlook message file.

    Raises:
        UploadRefused: the file is no Outlook message, or a broken one.
    """
    from oxmsg import Message  # noqa: PLC0415 - only the few who attach a .msg pay for it

    try:
        message = Message.load(BytesIO(data[: limits.MAIL_BYTES]).getvalue())
        return _mail_of(message)
    except (
        ValueError,
        KeyError,
        LookupError,
        OSError,
        EOFError,
        TypeError,
        AttributeError,
        struct.error,
    ) as broken:
        # olefile and oxmsg raise whatever a broken offset leads to; all of it means the same to the user.
        detail = type(broken).__name__
        raise UploadRefused(detail) from broken


def _mail_of(message: Message) -> Mail:
    properties = message.properties
    headers = _NOTHING
    transport = properties.str_prop_value(_TRANSPORT_HEADERS)
    if transport:
        headers, _ = split_headers(transport.replace("\r\n", "\n"))
    if not headers.fields:
        headers = Headers({name: [value] for name, value in _own_headers(message)})
    parts = list(_texts(message))
    is_report = message.message_class.upper().startswith("REPORT")
    status = "\n\n".join(_status_fields(message)) if is_report else ""
    if status:
        parts.append(Part("message/delivery-status", status, 0))
    enclosed = [_enclosed(attached) for attached in _attached_mails(message)]
    kind = "multipart/report; delivery-status" if is_report else "multipart/mixed; "
    return Mail(headers, parts, enclosed, kind)


def _own_headers(message: Message) -> Iterator[tuple[str, str]]:
    if message.subject:
        yield "subject", message.subject
    if message.sender:
        yield "from", message.sender


def _texts(message: Message) -> Iterator[Part]:
    body = message.body or message.properties.str_prop_value(_REPORT_TEXT)
    if body and body.strip():
        yield Part("text/plain", body.replace("\r\n", "\n"), 0)
    elif message.html_body:
        yield Part("text/html", message.html_body, 0)


def _status_fields(message: Message) -> Iterator[str]:
    reporting = message.properties.str_prop_value(_REPORTING_MTA)
    if reporting:
        yield f"Reporting-MTA: dns;{reporting}"
    for recipient in message.recipients:
        properties = recipient.properties
        address = _address(properties)
        if not address:
            continue
        lines = [f"Final-Recipient: rfc822;{address}"]
        said = properties.str_prop_value(_SUPPLEMENTARY_INFO)
        lines.append("Action: failed")
        if said:
            lines.append(f"Diagnostic-Code: smtp;{' '.join(said.split())}")
        remote = properties.str_prop_value(_REMOTE_MTA)
        if remote:
            lines.append(f"Remote-MTA: dns;{remote}")
        yield "\n".join(lines)


def _address(properties: Properties) -> str | None:
    for name in (_SMTP_ADDRESS, _EMAIL_ADDRESS):
        value = properties.str_prop_value(name)
        if value and "@" in value:
            return value
    return None


def _attached_mails(message: Message) -> Iterator[bytes]:
    for place, attachment in enumerate(message.attachments):
        if place >= limits.MAIL_PARTS:
            return
        name = (attachment.file_name or "").lower()
        content = attachment.file_bytes
        if content and (name.endswith(".eml") or attachment.mime_type == "message/rfc822"):
            yield content


def _enclosed(content: bytes) -> Mail:
    return read_mail_source(
        content[: limits.MAIL_BYTES].decode("latin-1").replace("\r\n", "\n"), wire=True
    )
