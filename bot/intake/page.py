"""A text in one form, with what lies where: the head of the notification, its own words, the returned message.

What the returned message says is about the original, never about why it came back, so it is set apart before
anything is read.
"""

from __future__ import annotations

import re

import msgspec

from bot.intake.layouts import RETURNED_MARKS, Says
from bot.intake.mime import Headers, Mail, Part, decode_words, read_mail_source, split_headers
from bot.intake.normalise import tidy, undress_part, undress_paste
from bot.intake.masking import mask_secrets
from bot.model import limits
from bot.model.phrases import Folded, Phrasebook

_HEAD_NAMES = (
    "from|to|cc|bcc|subject|date|sent|received|return-path|message-id|mime-version|content-type|reply-to|x-[a-z-]{1,40}"
    "|delivered-to|auto-submitted|content-language|content-transfer-encoding|references|in-reply-to|sender|importance|list-id"
    "|authentication-results|received-spf|dkim-signature|thread-topic|thread-index|accept-language|errors-to|precedence"
    "|envelope-to|delivery-date|von|gesendet|an|betreff|fra|sendt|til|emne|från|skickat|till|ämne|de|envoyé|à|objet|enviado|para|asunto|assunto"
    "|da|inviato|oggetto|van|verzonden|aan|onderwerp"
)
_HEAD_LINE = re.compile(rf"(?:{_HEAD_NAMES})[ \t]?:", re.IGNORECASE)
_SOURCE = re.compile(
    r"(?im)^(?:content-type[ \t]?:[ \t]*(?:multipart|message)/|mime-version[ \t]?:|x-ms-exchange-message-is-ndr[ \t]?:"
    r"|content-transfer-encoding[ \t]?:|content-type[ \t]?:[ \t]*text/)"
)
_RETURNED_HEADERS = re.compile(
    r"(?m)^(?:(?:Received: (?:from|by|\(|id|with)|Return-Path: ?<|DKIM-Signature: |X-Received: |Received-SPF: |ARC-Seal: |Return-path: ?<)"
    r"|(?:Message-I[dD]: ?<[^\n]{0,200}\n|MIME-Version: 1\.0|X-Mailer: |X-Originating-IP: ))"
)
_RETURNED = Phrasebook((mark, Says.WRAPPER) for mark in RETURNED_MARKS)
_NAMES_OF_INTEREST = frozenset({"from", "to", "subject", "date", "message-id", "sender", "reply-to", "received", "return-path",
    "authentication-results", "received-spf", "x-mailer", "cc", "arc-authentication-results", "x-originating-ip", "dkim-signature"})  # fmt: skip


class Page(msgspec.Struct, frozen=True):
    """The text everything is read from, and its regions as `(start, end)`."""

    text: str
    folded: Folded
    head: tuple[int, int]
    """Headers of the notification itself."""
    notice: tuple[int, int]
    """The notification's own words."""
    status: tuple[int, int]
    """Where delivery-status fields may stand."""
    returned: tuple[int, int]
    """The returned message, or its headers."""
    headers: Headers
    """Headers of the notification; empty for a paste without any."""
    returned_headers: Headers
    kind: str = ""
    """Media type of the mail, empty for a paste."""
    masked: bool = False
    cut: bool = False
    several: bool = False


def page_of_text(text: str) -> Page:
    """Lay out a pasted text."""
    cut = len(text) > limits.PASTE_CHARS
    text = text[: limits.PASTE_CHARS]
    plain = undress_paste(text)
    if _looks_like_source(plain):
        return page_of_mail(read_mail_source(plain, wire=False), cut=cut)
    plain, masked = mask_secrets(tidy(plain))
    folded = Folded(plain)
    head_end = _head_end(plain)
    returned = _returned_start(plain, folded, head_end)
    headers = split_headers(plain[:head_end])[0] if head_end else Headers({})
    return Page(
        text=plain,
        folded=folded,
        head=(0, head_end),
        notice=(head_end, returned),
        status=(0, len(plain)),
        returned=(returned, len(plain)),
        headers=headers,
        returned_headers=_interesting(plain[returned : returned + limits.RETURNED_CHARS]),
        masked=masked,
        cut=cut,
    )


def page_of_mail(mail: Mail, *, cut: bool = False) -> Page:
    """Lay out a mail: the notification among its enclosed messages, its text, its delivery status, what it returns."""
    mail = _notification(mail)
    notice = _notice(mail)
    status = "\n\n".join(part.text for part in mail.parts if part.type in _STATUS_TYPES)
    feedback = any(part.type == "message/feedback-report" for part in mail.parts)
    returned_headers, returned_text = _returned_of(mail)
    head = "\n".join(
        f"{name.title()}: {value}"
        for name in ("from", "to", "date", "subject")
        if (value := decode_words(mail.headers.first(name)))
    )
    pieces = [tidy(undress_part(piece, marked_up=False)) for piece in (head, "", status, returned_text)]
    pieces[1] = tidy(notice)
    pieces = [mask_secrets(piece)[0] if piece else "" for piece in pieces]
    text = "\n\n".join(pieces)[: limits.PASTE_CHARS]
    ends: list[int] = []
    at = 0
    for piece in pieces:
        at += len(piece)
        ends.append(min(at, len(text)))
        at += 2
    folded = Folded(text)
    notice_start = min(ends[0] + 2, len(text))
    inner = _returned_start(pieces[1], Folded(pieces[1]), 0) + notice_start if pieces[1] else notice_start
    return Page(
        text=text,
        folded=folded,
        head=(0, ends[0]),
        notice=(notice_start, max(notice_start, min(inner, ends[1]))),
        status=(notice_start, ends[2]),
        returned=(min(ends[2] + 2, len(text)), len(text)) if returned_text else (min(inner, ends[1]), ends[1]),
        headers=mail.headers,
        returned_headers=returned_headers if returned_headers.fields else _interesting(text[inner : ends[1]]),
        kind="feedback" if feedback else mail.kind,
        masked="[secret]" in text,
        cut=cut,
    )


_STATUS_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status", "message/x-delivery-status", "text/delivery-status"})
_FAILING_FROM = re.compile(r"(?i)mailer-?daemon|postmaster|mail delivery|microsoftexchange|mdaemon|bounce|delivery (?:sub)?system")


def _notification(mail: Mail) -> Mail:
    """Return the message that notifies: a forwarded bounce encloses it."""
    if any(part.type in _STATUS_TYPES for part in mail.parts) or mail.kind.startswith("multipart/report"):
        return mail
    for inner in mail.enclosed:
        candidate = _notification(inner)
        if any(part.type in _STATUS_TYPES for part in candidate.parts):
            return candidate
    if mail.enclosed and not _FAILING_FROM.search(mail.headers.first("from")):
        for inner in mail.enclosed:
            if _FAILING_FROM.search(inner.headers.first("from")) and inner.parts:
                return inner
    return mail


def _notice(mail: Mail) -> str:
    plain: list[str] = []
    marked: list[str] = []
    for part in mail.parts:
        if part.type in _STATUS_TYPES:
            break
        if part.type == "text/html":
            marked.append(part.text)
        elif part.type.startswith("text/") and part.type not in _HEADER_TYPES:
            plain.append(part.text)
        elif part.type.startswith("multipart/"):
            plain.append(part.text)
        if len(plain) > _TEXT_PARTS:
            break
    text = "\n\n".join(undress_part(part, marked_up="</" in part and "<html" in part[:2000].lower()) for part in plain)
    if marked and len(text.strip()) < _SOME_TEXT:
        text += "\n\n" + "\n\n".join(undress_part(part, marked_up=True) for part in marked)
    return text[: limits.PASTE_CHARS]


_HEADER_TYPES = frozenset({"text/rfc822-headers", "message/rfc822-headers", "text/rfc822", "message/rfc822-header"})
_TEXT_PARTS = 6
"""Text parts of one mail that can be the notification; the rest are attachments."""
_SOME_TEXT = 20
"""Characters below which a text part says nothing and the HTML part is read instead."""


def _returned_of(mail: Mail) -> tuple[Headers, str]:
    for part in mail.parts:
        if part.type in _HEADER_TYPES and part.text.strip():
            text = part.text[: limits.RETURNED_CHARS]
            return split_headers(text)[0], text
    for inner in mail.enclosed:
        lines = []
        for name, values in inner.headers.fields.items():
            if name in _NAMES_OF_INTEREST:
                lines.extend(f"{name.title()}: {value}" for value in values[:20])
        return inner.headers, "\n".join(lines)[: limits.RETURNED_CHARS]
    return Headers({}), ""


def _looks_like_source(text: str) -> bool:
    top = text.lstrip()[:6000]
    if not _HEAD_LINE.match(top) and not top.startswith("From "):
        return False
    head = top.partition("\n\n")[0]
    return bool(_SOURCE.search(head))


def _head_end(text: str) -> int:
    """Return where the headers that were copied with the text end; 0 where there are none."""
    at = 0
    seen = 0
    for line in text.split("\n", 60)[:60]:
        if _HEAD_LINE.match(line):
            seen += 1
        elif not (seen and line) or "@" not in line and len(line) > _HEAD_LINE_CHARS:
            break
        elif line.endswith(":") or line.startswith("<"):
            break
        at += len(line) + 1
    return min(at, len(text)) if seen > 1 else 0


_HEAD_LINE_CHARS = 200


def _returned_start(text: str, folded: Folded, after: int) -> int:
    """Return where the returned message starts in a text that holds both."""
    start = len(text)
    for mark in _RETURNED.find(folded, after):
        if mark.start < start and mark.start > after:
            start = mark.start
            break
    headers = _RETURNED_HEADERS.search(text, after, start)
    if headers and headers.start() > after:
        start = headers.start()
    return start


def _interesting(text: str) -> Headers:
    """Return the headers of a returned message inside a paste, which has lost its folding."""
    fields: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in text.split("\n")[:400]:
        name, colon, value = line.partition(":")
        low = name.strip().lower()
        if colon and " " not in low and len(low) < 60 and low.replace("-", "").isalnum():
            current = fields.setdefault(low, []) if low in _NAMES_OF_INTEREST else None
            if current is not None:
                current.append(value.strip())
        elif current and line.strip():
            current[-1] += " " + line.strip()
        else:
            current = None
    return Headers(fields)
