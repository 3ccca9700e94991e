"""Puts codes, replies and diagnostics with the recipients they belong to."""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise

from bot.intake.addresses import Address, find_addresses
from bot.intake.codes import Code, Standing, enhanced_codes, reply_codes, specific
from bot.intake.dsn import DeliveryStatus, RecipientFields
from bot.intake.page import Page
from bot.model import limits
from bot.model.report import Failure


def read_failures(
    page: Page, status: DeliveryStatus | None, codes: list[Code], addresses: list[Address]
) -> tuple[Failure, ...]:
    """Return the failing recipients, from delivery-status fields where they name any, else from the words."""
    fields = [
        _failure_of_fields(one, codes)
        for one in (status.failing if status else ())
        if one.recipient or one.status
    ]
    named = tuple(failure for failure in fields if failure.recipient)
    if named:
        return named
    common = _common_failure(page, fields, codes)
    if not addresses:
        said = common.status or common.smtp_reply or common.diagnostic
        return (common,) if said else ()
    own = _codes_of_each(page, addresses, codes)
    return tuple(
        _own_failure(page, address, own.get(address.address.lower()), common)
        for address in addresses
    )


def _common_failure(page: Page, fields: list[Failure], codes: list[Code]) -> Failure:
    """Return what is said of no recipient in particular."""
    main = decisive(codes)
    status = fields[0].status if fields else main.code if main else None
    diagnostic = fields[0].diagnostic if fields else _diagnostic(page, main)
    reply = (fields[0].smtp_reply if fields else None) or (main.reply if main else None)
    if reply is None:
        reply = next((code for code, _ in reply_codes(page.text, *page.notice)), None)
    return Failure(None, status, reply, diagnostic)


def _own_failure(page: Page, address: Address, mine: Code | None, common: Failure) -> Failure:
    if mine is None:
        return Failure(address.address, common.status, common.smtp_reply, common.diagnostic)
    reply = mine.reply or common.smtp_reply
    return Failure(address.address, mine.code, reply, _diagnostic(page, mine))


def _codes_of_each(page: Page, addresses: list[Address], codes: list[Code]) -> dict[str, Code]:
    """Return each recipient's own code where there are several: the one that follows its last mention."""
    if len(addresses) < _SEVERAL or len({code.code for code in codes}) < _SEVERAL:
        return {}
    wanted = {address.address.lower() for address in addresses}
    mentions = [
        (mention.start, mention.address.lower())
        for mention in find_addresses(page.text, *page.notice)
        if mention.address.lower() in wanted
    ]
    starts = [start for start, _ in mentions]
    owned: dict[str, list[Code]] = {}
    for code in codes:
        before = bisect_right(starts, code.start)
        if before:
            owned.setdefault(mentions[before - 1][1], []).append(code)
    deciding = {name: decisive(mine) for name, mine in owned.items()}
    return {name: code for name, code in deciding.items() if code}


_SEVERAL = 2


def _failure_of_fields(fields: RecipientFields, codes: list[Code]) -> Failure:
    said = f"{fields.diagnostic or ''} {fields.supplement or ''}"
    inner = enhanced_codes(said)
    status = fields.status
    best = decisive(inner)
    if best and (status is None or (not specific(status) and specific(best.code))):
        status = best.code
    if status is None or not specific(status):
        near = [code for code in codes if specific(code.code) and code.standing >= Standing.REPLY]
        if near and not (best and specific(best.code)) and len({code.code for code in near}) == 1:
            status = near[0].code
    replies = reply_codes(said)
    reply = next((code.reply for code in inner if code.reply), None) or (
        replies[0][0] if replies else None
    )
    return Failure(fields.recipient, status, reply, fields.diagnostic or fields.supplement)


def decisive(codes: list[Code]) -> Code | None:
    """Return the code that decides: the strongest reading, and of those the inner one of a hybrid text."""
    if not codes:
        return None
    best = max(code.standing for code in codes)
    if best >= Standing.SLIP:
        strong = [code for code in codes if code.standing >= Standing.SLIP]
    else:
        strong = [code for code in codes if code.standing == best]
    particular = [code for code in strong if specific(code.code)]
    if not particular:
        return strong[0]
    for outer, inner in pairwise(particular):
        if (
            outer is particular[0]
            and 0 < inner.start - outer.end < _WRAPPED
            and outer.code.endswith(".0")
            and not inner.code.endswith(".0")
        ):
            return inner
    return particular[0]


_WRAPPED = 120
"""Characters within which an outer reply names the inner one: `554 5.4.0 <host #5.4.14 smtp;…>`."""


def _diagnostic(page: Page, code: Code | None) -> str | None:
    if code is None:
        return None
    start = code.start - 4 if code.reply else code.start
    end = page.text.find("\n\n", code.end)
    stop = min(code.end + limits.DIAGNOSTIC_CHARS, end if end >= 0 else len(page.text))
    return " ".join(page.text[max(0, start) : stop].split()) or None
