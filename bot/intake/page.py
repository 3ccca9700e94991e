"""A text in one form, with what lies where: the head of the notification, its own words, the returned message.

What the returned message says is about the original, never about why it came back, so it is set apart before
anything is read.
"""

from __future__ import annotations

import re

import msgspec

from bot.intake.layouts import QUOTED_MARKS, RETURNED_MARKS
from bot.intake.masking import mask_secrets
from bot.intake.mime import Headers, Mail, decode_words, read_mail_source, split_headers
from bot.intake.normalise import plain_signs, tidy, undress_part, undress_paste
from bot.intake.several import split_bounces
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
_RETURNED_HEADERS = tuple(
    f"\n{header}"
    for header in (
        *("Received: ", "Return-Path: ", "Return-path: ", "DKIM-Signature: ", "X-Received: "),
        *("Received-SPF: ", "ARC-Seal: ", "MIME-Version: 1.0", "Mime-Version: 1.0", "X-Mailer: "),
        *("X-Originating-IP: ", "Message-ID: <", "Message-Id: <", "Message-id: <"),
    )
)
"""Headers that no notification has in its own words: where one starts a line, the returned message has begun."""
_PREAMBLE = "this report relates to a message you sent with the following header fields"
_RETURNED = Phrasebook(
    (mark, marks is RETURNED_MARKS) for marks in (RETURNED_MARKS, QUOTED_MARKS) for mark in marks
)
_NAMES_OF_INTEREST = frozenset(
    (
        *("from", "to", "cc", "subject", "date", "message-id", "sender", "reply-to", "received"),
        *("return-path", "authentication-results", "arc-authentication-results", "received-spf"),
        *("x-mailer", "x-originating-ip", "dkim-signature"),
    )
)


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
    announces: bool = False
    """The returned message follows a line that only a notification has."""
    masked: bool = False
    cut: bool = False


def pages_of_text(text: str) -> list[tuple[int, Page]]:
    """Lay out a pasted text: one page for each bounce in it, each with where it starts in the normalised whole."""
    cut = len(text) > limits.PASTE_CHARS
    plain = undress_paste(text[: limits.PASTE_CHARS])
    if _looks_like_source(plain):
        return [(0, page_of_mail(read_mail_source(plain, wire=False), cut=cut))]
    tidied = tidy(plain)
    folded = Folded(tidied)
    plain = mask_secrets(tidied, folded)
    masked = plain is not tidied
    if masked:
        folded = Folded(plain)
    bounces = split_bounces(plain, folded)
    if len(bounces) == 1:
        return [(0, _page_of_plain(plain, folded, masked=masked, cut=cut))]
    return [
        (start, _page_of_plain(plain[start:end], Folded(plain[start:end]), masked=masked, cut=cut))
        for start, end in bounces
    ]


def _page_of_plain(plain: str, folded: Folded, *, masked: bool, cut: bool) -> Page:
    head_end = _head_end(plain)
    returned, announces = _returned_start(plain, folded, head_end, len(plain))
    return Page(
        text=plain,
        folded=folded,
        head=(0, head_end),
        notice=(head_end, returned),
        status=(0, len(plain)),
        returned=(returned, len(plain)),
        headers=split_headers(plain[:head_end])[0] if head_end else Headers({}),
        returned_headers=_interesting(plain[returned : returned + limits.RETURNED_CHARS]),
        announces=announces,
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
        [
            f"{label}: {value}"
            for name, label in _HEAD_LABELS
            if (value := decode_words(mail.headers.first(name)))
        ]
    )
    pieces = [
        tidy(plain_signs(piece)) if piece else ""
        for piece in (head, notice, status, returned_text)
    ]
    text = "\n\n".join(pieces)[: limits.PASTE_CHARS]
    folded = Folded(text)
    has_secret = mask_secrets(text, folded) is not text
    if has_secret:
        pieces = [mask_secrets(piece, Folded(piece)) for piece in pieces]
        text = "\n\n".join(pieces)[: limits.PASTE_CHARS]
        folded = Folded(text)
    ends: list[int] = []
    at = 0
    for piece in pieces:
        at += len(piece)
        ends.append(min(at, len(text)))
        at += 2
    notice_start = min(ends[0] + 2, len(text))
    inner, announces = _returned_start(text, folded, notice_start, ends[1])
    return Page(
        text=text,
        folded=folded,
        head=(0, ends[0]),
        notice=(notice_start, max(notice_start, min(inner, ends[1]))),
        status=(min(ends[1] + 2, ends[2]), ends[2]) if pieces[2] else (notice_start, ends[1]),
        returned=(min(ends[2] + 2, len(text)), len(text))
        if returned_text
        else (min(inner, ends[1]), ends[1]),
        headers=mail.headers,
        returned_headers=returned_headers
        if returned_headers.fields
        else _interesting(text[inner : ends[1]]),
        kind="feedback" if feedback else mail.kind,
        announces=announces,
        masked=has_secret,
        cut=cut,
    )


_HEAD_LABELS = (("from", "From"), ("to", "To"), ("date", "Date"), ("subject", "Subject"))
_STATUS_TYPES = frozenset(
    {
        "message/delivery-status",
        "message/global-delivery-status",
        "message/x-delivery-status",
        "text/delivery-status",
    }
)
_FAILING_FROM = re.compile(
    r"(?i)mailer-?daemon|postmaster|mail delivery|microsoftexchange|mdaemon|bounce|delivery (?:sub)?system"
)


def _notification(mail: Mail) -> Mail:
    """Return the message that notifies: a forwarded bounce encloses it."""
    if any(part.type in _STATUS_TYPES for part in mail.parts) or mail.kind.startswith(
        "multipart/report"
    ):
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
        elif (
            part.type.startswith("text/") and part.type not in _HEADER_TYPES
        ) or part.type.startswith("multipart/"):
            plain.append(part.text)
        if len(plain) > _TEXT_PARTS:
            break
    text = "\n\n".join(
        undress_part(part, marked_up="</" in part and "<html" in part[:2000].lower())
        for part in plain
    )
    if marked and len(text.strip()) < _SOME_TEXT:
        text += "\n\n" + "\n\n".join(undress_part(part, marked_up=True) for part in marked)
    return text[: limits.PASTE_CHARS]


_HEADER_TYPES = frozenset(
    {"text/rfc822-headers", "message/rfc822-headers", "text/rfc822", "message/rfc822-header"}
)
_TEXT_PARTS = 6
"""Text parts of one mail that can be the notification; the rest are attachments."""
_SOME_TEXT = 20
"""Characters below which a text part says nothing and the HTML part is read instead."""


def _returned_of(mail: Mail) -> tuple[Headers, str]:
    for part in mail.parts:
        if part.type in _HEADER_TYPES and part.text.strip():
            headers = split_headers(part.text[: limits.RETURNED_CHARS])[0]
            return headers, _lines_of(headers)
    for inner in mail.enclosed:
        return inner.headers, _lines_of(inner.headers)
    return Headers({}), ""


def _lines_of(headers: Headers) -> str:
    return "\n".join(
        f"{name}: {value}"
        for name, values in headers.fields.items()
        if name in _SHOWN
        for value in values[:1]
    )[: limits.RETURNED_CHARS]


_SHOWN = (
    "from",
    "to",
    "cc",
    "subject",
    "date",
    "message-id",
    "sender",
    "reply-to",
    "authentication-results",
    "received-spf",
    "x-mailer",
)
"""Headers of the returned message that are part of the text, once each: what a reader or a helpdesk would look at."""


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
        elif (
            not (seen and line)
            or ("@" not in line and len(line) > _HEAD_LINE_CHARS)
            or line.endswith(":")
            or line.startswith("<")
        ):
            break
        at += len(line) + 1
    return min(at, len(text)) if seen > 1 else 0


_HEAD_LINE_CHARS = 200


def _returned_start(text: str, folded: Folded, after: int, end: int) -> tuple[int, bool]:
    """Return where the returned message starts in a text that holds both, and whether a notification's line says so."""
    start = end
    announces = False
    for mark in _RETURNED.find(folded, after, end):
        if mark.value or mark.start > after:
            start, announces = mark.start, mark.value
            break
    # Oracle's mail server opens with a few headers of the original; its own words come after them.
    begin = after if _PREAMBLE not in folded.text else min(start, after + _HEADERS_CHARS)
    for header in _RETURNED_HEADERS:
        at = text.find(header, begin, start)
        if at > after:
            start, announces = at + 1, False
    return start, announces


_NAME_CHARS = 60
_HEADERS_CHARS = 6_000
"""Characters of a returned message in which its headers stand."""


def _interesting(text: str) -> Headers:
    """Return the headers of a returned message inside a paste, which has lost its folding."""
    fields: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in text[:_HEADERS_CHARS].split("\n"):
        if current is None and ":" not in line:
            continue
        name, colon, value = line.partition(":")
        low = name.strip().lower()
        if colon and low in _NAMES_OF_INTEREST:
            current = fields.setdefault(low, [])
            current.append(value.strip())
        elif (
            colon and " " not in low and len(low) < _NAME_CHARS and low.replace("-", "").isalnum()
        ):
            current = None
        elif current and line.strip():
            current[-1] += " " + line.strip()
        else:
            current = None
    return Headers(fields)
