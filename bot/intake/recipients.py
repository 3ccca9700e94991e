"""Decides which of the addresses in a notification failed.

A notification names the sender, the postmaster, forwarding addresses and the failing recipients; which is which shows
in what stands right before and after an address, and in the announcement it follows.
"""

from __future__ import annotations

import re

import msgspec

from bot.intake.addresses import Address, find_addresses
from bot.intake.layouts import Layout, Says
from bot.intake.page import Page
from bot.model.phrases import Found

_BEFORE_YES = re.compile(
    r"(?i)(?:rcpt to:|recipient address(?:es)?:|(?:\b|original-|final-|failed |intended |affected )recipients?(?:\(s\))?\s?:|recipient\s|\bto=|\brecipient is|"
    r"(?:failed|undeliverable|bad|invalid|unknown|rejected) (?:e-?mail )?(?:address|addressee|recipient|user)(?:es|\(es\))?\s?:?|"
    r"(?:your|the|this|a|following|uw|ihre|din|dit|your e-?mail|mail|your mail) (?:message|mail|e-?mail|bericht|nachricht|melding|meddelande) (?:to|an|aan|til|till)|"
    r"(?:delivered|deliver|delivery|delivering|delivering (?:your|the) (?:e-?mail|mail|message)|undeliverable|sent|send|sending|mail|message|e-?mail|failed|messages|response) (?:to|for)(?: the| recipient| user| mailbox| address)?|"
    r"(?:user|mailbox|account|address|destinat[a-z]{2,6}|empfänger|mottaker|mottagare|adresse|収信者|收件人\w{0,6}|宛先)\s?[:(]?|x-failed-recipients:|error in sending to)\s{0,3}[<'\"(\[]{0,3}$"
)
_BEFORE_NO = re.compile(
    r"(?i)(?:\b(?:from|sender|sender address|reply-to|return-path|from address|mail from|envelope-from|envelope sender|message-id|messageid|references|in-reply-to|cc|bcc|originator|x-sender|fra|von|de|from user|sent by|author|list-[a-z]+|"
    r"errors-to|generated from|expanded from|original sender|contact|call|write to|e-?mail us at|mailto|forwarded (?:from|to)|forward to|relayed to|report(?: this)? (?:problem )?to|postmaster at|help(?:desk)?|assistance|administrator|support|id|owner|authenticated sender is|uid|message from|on behalf of|by)\s{0,2}[:=]?|"
    r"(?:please )?(?:contact|e-?mail|write|send (?:mail|a message|e-?mail) to|forward (?:it|this|them) to|mail to|visit)\s|https?://\S{0,200})\s{0,3}(?:\S{1,40}\s){0,2}[<'\"(\[]{0,3}$"
)
_AFTER_YES = re.compile(
    r"(?i)[>'\")\]]{0,3}(?:\s?\.\.\.|:\s|:$|\s?\((?:expanded|reason|user|was|mailbox|no such|unknown|unrouteable|ultimately|generated from)|"
    r"\s{1,3}(?:could not|couldn't|can ?not|can't|was not|wasn't|were not|does ?n[o']t|is not|isn't|is unknown|is invalid|is disabled|unknown|not found|failed|rejected|user unknown|no such|has exceeded|over quota|mailbox|account|because|konnte|kunne|kan ikke|kunde|n'a pas|n'a pu|no se|non è|kan niet|nie |не )|"
    r"\s{1,3}(?:\S{3,255}\s{1,3})?(?:#<|#[45]\d\d|#\d\.|remote server returned|\d{1,2}/\d{1,2}/\d{4} \d)|\s{1,3}on [A-Z0-9][a-z0-9]{0,3}[,/ ])"
)
_LINE_LEAD = re.compile(r"[\s<>*•·\-'\"(\[\d.)+#|]{0,12}$")
_NAMED_LINE = re.compile(r"(?i)[^:@\n]{0,60}[<(\[\s'\"]$|(?:smtp|rcpt|recipient|to|user|address|for|rfc822|e-?mail)\s?[:;/]\s?[<'\"]?$")
_BETWEEN = re.compile(r"(?i)[\s,;:<>()\[\]*•·'\"./-]{0,12}(?:(?:and|og|och|und|et|y|e|en|i)\s)?[<'\"(]?$")
_SERVICE = re.compile(
    r"(?i)^(?:mailer-?daemon|postmaster|microsoftexchange[0-9a-f]{10,}|mail(?:er)?-?daemon.*|no-?reply|do-?not-?reply|abuse|double-bounce|.*bounces?[-+=].*|bounce|daemon)@"
)
_LIST_CHARS = 3000
_CONTEXT = 110


class Place(msgspec.Struct):
    """An address with how strongly its surroundings call it the failing recipient."""

    address: Address
    standing: int


def failing_recipients(page: Page, phrases: list[Found[Layout]], senders: frozenset[str]) -> list[Address]:
    """Return the failing addresses that the notification's own words name, best supported only, each once."""
    start, end = page.notice
    text = page.text
    addresses = find_addresses(text, start, end)
    if not addresses:
        return []
    lists = _lists(page, phrases)
    places = [Place(address, _standing(text, address, start)) for address in addresses]
    _raise_listed(text, places, lists)
    best = max(place.standing for place in places)
    if best < _LIKELY:
        return _only(places, senders)
    chosen = [place.address for place in places if place.standing == best or place.standing >= _LISTED]
    return _each_once(chosen)


_OPENS = 5
"""`<a@b>: host said`, an address that opens its own paragraph."""
_LISTED = 4
_LABELLED = 3
_LIKELY = 2
_PLAIN = 1
_NOT = 0


def _standing(text: str, address: Address, start: int) -> int:
    before = text[max(start, address.start - _CONTEXT) : address.start]
    after = text[address.end : address.end + _CONTEXT]
    if _SERVICE.match(address.address) and not _opens(before, after):
        return _NOT
    if _opens(before, after):
        return _OPENS
    line_before = before.rpartition("\n")[2]
    no = _BEFORE_NO.search(before)
    yes = _BEFORE_YES.search(before)
    if no and not yes:
        return _NOT
    if yes:
        return _LABELLED
    if _AFTER_YES.match(after):
        return _LIKELY
    del line_before
    return _PLAIN


def _opens(before: str, after: str) -> bool:
    line = before.rpartition("\n")[2]
    if line.strip() not in ("", "<"):
        return False
    return bool(_PARAGRAPH.match(after))


_PARAGRAPH = re.compile(r">?\s?(?:\([^)\n]{0,200}\)\s?)?:(?:\s|$)|>?\s?\.\.\.\s?\S")


def _lists(page: Page, phrases: list[Found[Layout]]) -> list[tuple[int, int]]:
    start, end = page.notice
    lists: list[tuple[int, int]] = []
    for phrase in phrases:
        if phrase.value.says is Says.LIST and start <= phrase.start < end:
            stop = min(end, phrase.end + _LIST_CHARS)
            for other in phrases:
                if other.value.says is Says.WRAPPER and phrase.end < other.start < stop and other.phrase not in _INSIDE_LISTS:
                    stop = other.start
                    break
            lists.append((phrase.end, stop))
    return lists


_INSIDE_LISTS = frozenset({"this is a permanent error", "smtp error from remote mail server after", "remote host said", "i've given up"})


def _raise_listed(text: str, places: list[Place], lists: list[tuple[int, int]]) -> None:
    for begin, stop in lists:
        last = begin
        for place in places:
            at = place.address.start
            if not begin <= at < stop or place.standing == _OPENS:
                continue
            between = text[last:at] if at - last < _CONTEXT else ""
            line = text[max(begin, text.rfind("\n", begin, at) + 1) : at]
            opens = bool(between) and bool(_BETWEEN.match(between))
            starts = text.rfind("\n", begin, at) >= 0 and bool(_LINE_LEAD.match(line) or _NAMED_LINE.match(line))
            if (opens or starts) and place.standing != _NOT:
                place.standing = _LISTED
                last = place.address.end


def _only(places: list[Place], senders: frozenset[str]) -> list[Address]:
    """Return the only address left when nothing says which one failed; more than one would be a guess."""
    left = _each_once([p.address for p in places if p.standing == _PLAIN and p.address.address.lower() not in senders])
    return left if len(left) == 1 else []


def _each_once(addresses: list[Address]) -> list[Address]:
    kept: dict[str, Address] = {}
    for address in addresses:
        kept.setdefault(address.address.lower(), address)
    return list(kept.values())
