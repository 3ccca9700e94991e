"""Reads delivery-status fields (RFC 3464), as a MIME part or as text that somebody pasted.

A paste has lost folding, blank lines or every line break, so a value reaches to the next field name, not to the
end of its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

import msgspec

from bot.intake.addresses import first_address

_FIELDS = frozenset(
    [
        "reporting-mta",
        "dsn-gateway",
        "received-from-mta",
        "arrival-date",
        "original-envelope-id",
        "original-recipient",
        "final-recipient",
        "action",
        "status",
        "remote-mta",
        "diagnostic-code",
        "last-attempt-date",
        "final-log-id",
        "will-retry-until",
        "x-actual-recipient",
        "x-display-name",
        "x-supplementary-info",
        "x-original-message-id",
        "x-reason",
        "x-enhanced-status-code",
        "envelope-id",
        "localized-final-recipient",
        "x-postfix-queue-id",
        "x-postfix-sender",
        "x-powermta-virtualmta",
        "x-powermta-bouncecategory",
        "x-outbound-ip",
        "x-mailfrom",
        "x-notes-item",
        "x-smtp-info",
        "x-mimecast-queue-id",
        "x-sendmail-queue-id",
    ]
)
# On the folded text, from a colon backwards: most colons stand after no such ending and cost one look.
_ENDINGS = frozenset(name[-3:] for name in _FIELDS)
_LAST_WORD = re.compile(r"(?:[^\w-]|^)([a-z][a-z-]{4,30})$")
_NAME_CHARS = 32
_HEADERS_AFTER = (
    "\n--",
    "\nReceived:",
    "\nReturn-Path:",
    "\nReturn-path:",
    "\nSubject:",
    "\nMessage-I",
    "\nMIME-Version:",
    "\nContent-Type:",
    "\nFrom:",
)
_STATUS = re.compile(r"\s{0,3}[(<]?([245])\s?\.\s?(\d{1,3})\s?\.\s?(\d{1,3})")
_HOST = re.compile(r"(?:[A-Za-z-]{1,20}\s{0,2};)?\s{0,3}[\[(<]?([^\s;()<>\[\]]{1,255})")
# A paste that starts in the middle of the first field's name.
_CUT_REPORTER = re.compile(r"\s{0,3}r?e?p?o?r?t?i?n?g-MTA: ?dns; ?([A-Za-z0-9._-]{3,255})")
_PER_RECIPIENT = frozenset({"original-recipient", "final-recipient", "x-actual-recipient"})

_MOST_FIELDS = 1000
"""Fields of one text that are read: more recipients than are kept, with all their fields."""

FAILING = frozenset(
    {"failed", "fail", "failure", "delayed", "delay", "expired", "error", "undeliverable"}
)
LATE = frozenset({"delayed", "delay"})
PASSING = frozenset({"delivered", "relayed", "expanded", "deliverable"})


class RecipientFields(msgspec.Struct):
    """The fields about one recipient (RFC 3464 section 2.3)."""

    final: str | None = None
    original: str | None = None
    actual: str | None = None
    action: str | None = None
    status: str | None = None
    diagnostic: str | None = None
    supplement: str | None = None
    remote: str | None = None
    recipient_span: tuple[int, int] | None = None
    status_span: tuple[int, int] | None = None

    @property
    def passes(self) -> bool:
        """Return whether this recipient did get the message."""
        if self.action in PASSING:
            return True
        return (
            self.action not in FAILING and bool(self.status) and str(self.status).startswith("2")
        )

    @property
    def says_failure(self) -> bool:
        """Return whether the fields say more than a name: an action or a status of class 4 or 5."""
        if self.passes:
            return False
        return self.action in FAILING or bool(self.status and self.status[0] in "45")

    @property
    def recipient(self) -> str | None:
        """Return the address that failed: the final one, or what the sender wrote where that is no address."""
        candidates = [
            address
            for address in (self.final, self.actual, self.original)
            if address and address.find("@") > 0
        ]
        # `user@ims-daemon` is a name inside the reporting system; what the sender wrote is the address people know.
        routable = [address for address in candidates if "." in address.rpartition("@")[2]]
        return next(iter(routable or candidates), None)


class DeliveryStatus(msgspec.Struct):
    """What the delivery-status fields of a text say."""

    recipients: list[RecipientFields]
    reporting_mta: str | None = None
    reporting_span: tuple[int, int] | None = None
    arrival: str | None = None
    fields: int = 0
    start: int = 0

    @property
    def failing(self) -> list[RecipientFields]:
        """Return the recipients that did not get the message."""
        failing = [fields for fields in self.recipients if fields.says_failure]
        # What failed for good decides; what is only late comes after it.
        return sorted(failing, key=lambda fields: fields.action in LATE)


def read_delivery_status(text: str, folded: str, start: int, end: int) -> DeliveryStatus | None:
    """Return the delivery-status fields in `text[start:end]`, or None where there are none.

    `folded` is the same text in lower case, character for character.
    """
    places = list(islice(_fields(folded, start, end), _MOST_FIELDS))
    if not places:
        return None
    status = DeliveryStatus([], fields=len(places), start=places[0][1])
    cut = _CUT_REPORTER.match(text, start, end)
    if cut:
        status.reporting_mta = cut.group(1).lower()
        status.reporting_span = cut.span(1)
    current: RecipientFields | None = None
    for number, (name, _, value_start) in enumerate(places, 1):
        limit = places[number][1] if number < len(places) else end
        value = _value(text[value_start : min(limit, value_start + _VALUE_CHARS)])
        if name in _PER_RECIPIENT and (current is None or _is_taken(current, name)):
            current = RecipientFields()
            status.recipients.append(current)
        if current is None and name in (
            "action",
            "status",
            "diagnostic-code",
            "x-supplementary-info",
        ):
            if name == "status" and not _STATUS.match(value):
                continue
            current = RecipientFields()
            status.recipients.append(current)
        _take(status, current, name, value, value_start)
    return status


def _fields(folded: str, start: int, end: int) -> Iterator[tuple[str, int, int]]:
    """Give each field's name, where it starts, and where its value starts."""
    colon = start - 1
    for piece in folded[start:end].split(":"):
        before = colon + 1
        colon = before + len(piece)
        name_end = colon - 1 if piece[-1:] in _BLANKS else colon
        if folded[name_end - 3 : name_end] not in _ENDINGS or colon >= end:
            continue
        # The character before the name is looked at too, also where it is the colon of the field before.
        first = max(before - 1, name_end - _NAME_CHARS, 0)
        found = _LAST_WORD.search(folded[first:name_end])
        if found and found.group(1) in _FIELDS:
            yield found.group(1), first + found.start(1), colon + 1


_BLANKS = frozenset(" \t")


_VALUE_CHARS = 2_000
"""Characters of one value that are read; diagnostics of several lines stay far below."""


def _value(rest: str) -> str:
    """Return a field's value from what stands up to the next field: a blank line or a header ends it."""
    if "\n" not in rest:
        return rest.strip()
    # The value may stand on the line below its name.
    rest = rest.strip().partition("\n\n")[0]
    if "\n" in rest:
        for header in _HEADERS_AFTER:
            rest = rest.partition(header)[0]
    return rest


def _is_taken(current: RecipientFields, name: str) -> bool:
    if name == "final-recipient":
        return current.final is not None
    if name == "original-recipient":
        # Some reporters write it before, some after `Final-Recipient`; after a status it opens the next one.
        return current.original is not None or (
            current.final is not None and current.action is not None and current.status is not None
        )
    return current.actual is not None


def _take(
    status: DeliveryStatus, current: RecipientFields | None, name: str, value: str, at: int
) -> None:
    flat = " ".join(value.split())
    if name == "reporting-mta" and status.reporting_mta is None:
        host = _HOST.match(flat)
        if host:
            status.reporting_mta = host.group(1).strip(".,").lower()
            status.reporting_span = (at, at + len(value) + 1)
    elif name == "arrival-date":
        status.arrival = status.arrival or flat[:80] or None
    elif current is not None:
        _take_recipient(current, name, flat, at)


def _take_recipient(current: RecipientFields, name: str, flat: str, at: int) -> None:
    if name == "final-recipient":
        current.final = _recipient(flat)
        current.recipient_span = (at, at + len(flat) + 1)
    elif name == "original-recipient":
        current.original = _recipient(flat)
    elif name == "x-actual-recipient":
        current.actual = _recipient(flat)
    elif name == "action":
        current.action = (
            current.action or flat.partition(" ")[0].partition("(")[0].strip(".,;").lower() or None
        )
    elif name == "status":
        _take_status(current, flat, at)
    elif name == "diagnostic-code":
        current.diagnostic = current.diagnostic or flat[:1000] or None
    elif name == "x-supplementary-info":
        current.supplement = flat[:1000] or None
    elif name == "remote-mta":
        current.remote = flat[:255] or None


def _take_status(current: RecipientFields, flat: str, at: int) -> None:
    code = _STATUS.match(flat)
    if code and current.status is None:
        klass, subject, detail = code.groups()
        current.status = f"{klass}.{int(subject)}.{int(detail)}"
        current.status_span = (at, at + code.end() + 1)


def _recipient(flat: str) -> str | None:
    """Return the address of a typed value: `rfc822; a@b`, `X400;…`, `RFC822; <a@b>`, or without a type."""
    address = first_address(flat)
    if address:
        return address
    _, _, bare = flat.rpartition(";")
    bare = bare.strip().strip("<>\"'")
    return bare.partition(" ")[0] or None
