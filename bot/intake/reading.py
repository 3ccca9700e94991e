"""The one way through: a page in, a `Report` out."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from operator import attrgetter

from bot.intake.actors import acting
from bot.intake.addresses import Address, find_addresses
from bot.intake.backscatter import judge_backscatter
from bot.intake.codes import Code, enhanced_codes, slipped_codes
from bot.intake.dsn import DeliveryStatus, read_delivery_status
from bot.intake.failures import read_failures
from bot.intake.hosts import reporter_of, reporting_host
from bot.intake.layouts import PHRASES, Layout, Says
from bot.intake.mime import decode_words
from bot.intake.page import Page
from bot.intake.recipients import Named, failing_recipients
from bot.intake.verdict import Signs, judge
from bot.model import limits
from bot.model.phrases import Found, Phrasebook
from bot.model.report import Failure, Kind, Report, Span

_PHRASES = Phrasebook(PHRASES)
_ORDER = attrgetter("start", "end", "says")


def read_page(page: Page) -> Report:
    """Read everything a page says."""
    status = (
        read_delivery_status(page.text, page.folded.text, *page.status)
        if _may_have_fields(page)
        else None
    )
    phrases = _PHRASES.find(page.folded, page.notice[0], page.notice[1])
    codes = _codes(
        page, has_status=bool(status and any(fields.status for fields in status.failing))
    )
    named = _recipients(page, status, phrases)
    addresses = named.addresses
    found = bool(addresses) or bool(status and status.failing)
    signs = Signs(
        page,
        status,
        codes,
        phrases,
        has_recipient=found,
        structured=named.structured,
        labelled=named.labelled,
    )
    verdict = judge(signs)
    family, language = _family_and_language(phrases)
    host = reporting_host(page, status, family)
    failures = (
        read_failures(page, status, codes, addresses)
        if verdict.kind is not Kind.NOT_BOUNCE
        else ()
    )
    ordered = _ordered_codes(failures, codes) if verdict.kind is not Kind.NOT_BOUNCE else ()
    spans = _spans(page, status, codes, addresses, phrases, ordered)
    if host:
        spans.append(Span(host.start, host.end, "reporting-mta"))
    return Report(
        kind=verdict.kind,
        text=page.text,
        failures=failures[: limits.FAILURES],
        codes=ordered,
        reporting_mta=host.name if host and verdict.kind is not Kind.NOT_BOUNCE else None,
        reporter=reporter_of(page, host, family),
        mta_family=family,
        arrival=_arrival(page, status),
        message_id=page.returned_headers.first("message-id") or None,
        subject=decode_words(page.returned_headers.first("subject")) or None,
        sender=_sender(page),
        actor=acting(page.text, page.notice),
        language=language,
        backscatter=judge_backscatter(
            page.returned_headers, page.text[page.notice[0] :][: limits.RETURNED_CHARS]
        ),
        warnings=_warnings(page, phishing=verdict.phishing),
        spans=tuple(sorted(spans, key=_ORDER)),
    )


def _may_have_fields(page: Page) -> bool:
    words = page.folded.words
    return "recipient" in words or "mta" in words or "status" in words or "diagnostic" in words


def _codes(page: Page, *, has_status: bool) -> list[Code]:
    start, end = page.notice
    found = enhanced_codes(page.text, start, end)
    if page.kind and not has_status and page.status[0] >= end:
        found += enhanced_codes(page.text, *page.status)
    if not found and not page.kind:
        found = slipped_codes(page.text, start, end)
    return found


def _senders(page: Page) -> frozenset[str]:
    """Return addresses that are surely not failing recipients: who got the bounce, who sent the original."""
    senders: set[str] = set()
    for value in (
        page.headers.first("to"),
        page.headers.first("from"),
        page.returned_headers.first("from"),
        page.returned_headers.first("return-path"),
        page.returned_headers.first("sender"),
    ):
        senders.update(found.address.lower() for found in find_addresses(value, most=5))
    if not page.headers.fields and page.text.startswith(_HEAD_STARTS):
        # Headers that were copied along and have lost their line breaks: who the notification went to.
        to = page.text.find(" To: ", 0, _LOST_HEAD)
        senders.update(
            found.address.lower()
            for found in find_addresses(page.text, to, _LOST_HEAD, most=1)
            if to >= 0
        )
    return frozenset(senders)


_HEAD_STARTS = ("From: ", "Date: ", "To: ", "Subject: ")
_LOST_HEAD = 400


def _recipients(page: Page, status: DeliveryStatus | None, phrases: list[Found[Layout]]) -> Named:
    if status and any(fields.recipient and "@" in fields.recipient for fields in status.failing):
        return Named([])
    named = failing_recipients(page, phrases, _senders(page))
    if named.addresses:
        return named
    for value in (
        page.headers.first("x-failed-recipients"),
        page.returned_headers.first("to") if page.kind or page.announces else "",
    ):
        found = find_addresses(value, most=limits.FAILURES)
        if len(found) == 1 or (found and value == page.headers.first("x-failed-recipients")):
            return Named([Address(address.address, 0, 0) for address in found])
    return Named([])


def _ordered_codes(failures: tuple[Failure, ...], codes: list[Code]) -> tuple[str, ...]:
    first = [failure.status for failure in failures if failure.status]
    return tuple(dict.fromkeys([*first, *(code.code for code in codes)]))


def _family_and_language(phrases: list[Found[Layout]]) -> tuple[str | None, str | None]:
    frames: dict[str, int] = {}
    families: dict[str, int] = {}
    languages: dict[str, int] = {}
    for found in phrases:
        layout = found.value
        if layout.family:
            # A refusal is often quoted from another system; the frame around it is the reporter's own.
            counts = frames if layout.says in _FRAMES else families
            counts[layout.family] = counts.get(layout.family, 0) + 1
        if layout.language:
            languages[layout.language] = languages.get(layout.language, 0) + 1
    english = languages.pop("en", 0)
    language = _most(languages) or ("en" if english else None)
    return _most(frames) or _most(families), language


_FRAMES = (Says.WRAPPER, Says.LIST, Says.HEADLINE)


def _most(counts: dict[str, int]) -> str | None:
    return min(counts, key=lambda name: (-counts[name], name)) if counts else None


def _arrival(page: Page, status: DeliveryStatus | None) -> str | None:
    raw = status.arrival if status and status.arrival else page.returned_headers.first("date")
    if not raw:
        return None
    try:
        return parsedate_to_datetime(raw).isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        return raw[: limits.FACT_CHARS]


def _sender(page: Page) -> str | None:
    for value in (page.returned_headers.first("from"), page.headers.first("to")):
        found = find_addresses(value, most=1)
        if found:
            return found[0].address
    return None


def _warnings(page: Page, *, phishing: bool) -> tuple[str, ...]:
    flags = (("phishing", phishing), ("secret-masked", page.masked), ("cut", page.cut))
    return tuple(name for name, on in flags if on)


def _spans(
    page: Page,
    status: DeliveryStatus | None,
    codes: list[Code],
    addresses: list[Address],
    phrases: list[Found[Layout]],
    ordered: tuple[str, ...],
) -> list[Span]:
    spans = [
        Span(code.start, code.end, "status-slip" if code.slip else "status")
        for code in codes
        if ordered and code.code == ordered[0]
    ][:5]
    spans += [
        Span(address.start, address.end, "recipient") for address in addresses if address.end
    ][: limits.FAILURES]
    if page.returned[1] > page.returned[0]:
        spans.append(Span(*page.returned, "returned"))
    if status and status.fields > 1:
        spans.append(Span(status.start, status.start, "phrase:fields"))
    if status:
        for fields in status.failing[: limits.FAILURES]:
            spans += [
                Span(*span, says)
                for span, says in (
                    (fields.recipient_span, "recipient"),
                    (fields.status_span, "status"),
                )
                if span
            ]
    spans += [
        Span(found.start, found.end, f"phrase:{found.value.says}")
        for found in phrases
        if found.value.says is not Says.REASON
    ][:20]
    return spans
