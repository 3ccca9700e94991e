"""Finds mail addresses (RFC 5321, RFC 6531) in a text, in linear time.

The look-behind lets a match start only where a run of address characters starts, so a text of one letter, of dots
or of `@` costs one look each.
"""

from __future__ import annotations

import re

import msgspec

_LOCAL = r"A-Za-z0-9!#$%&'*+/=?^_{|}~.\-\u00C0-\u02AF\u0370-\u052F"
_LABEL = r"A-Za-z0-9_\u00C0-\u02AF\u0370-\u052F"
_ADDRESS = re.compile(
    rf"(?<![{_LOCAL}])(\"[^\"\s@]{{1,64}}\"|[{_LOCAL}]{{1,320}})@"
    rf"([{_LABEL}](?:[{_LABEL}\-]|\.(?=[{_LABEL}])){{0,252}}|\[[0-9A-Fa-f.:]{{3,45}}\])"
)
_AT = re.compile(rf"@(?<=[{_LOCAL}\"]@)(?=[{_LABEL}\[])")
_LONGEST_LOCAL = 320
_LEADING = "'*=/|{}~#$%&?!^.-+"
_FIELD_NAMES = frozenset(
    [
        "smtp",
        "to",
        "rcpt",
        "from",
        "recipient",
        "email",
        "address",
        "orcpt",
        "user",
        "mailto",
        "rfc822",
        "mail",
        "for",
    ]
)
_FILES = frozenset({"png", "jpg", "jpeg", "gif", "bmp", "eml", "htm", "html", "pdf"})

MOST = 300
"""Addresses of one text that are looked at."""


class Address(msgspec.Struct, frozen=True):
    """An address and its place in the text."""

    address: str
    start: int
    end: int


def find_addresses(
    text: str, start: int = 0, end: int | None = None, most: int = MOST
) -> list[Address]:
    """Return the addresses in `text[start:end]`, at most `most`, in the order of the text."""
    stop = len(text) if end is None else end
    found: list[Address] = []
    begin = start
    # No address starts earlier before its `@` than it can be long: what lies between two of them is passed over.
    while at := _AT.search(text, begin, stop):
        match = _ADDRESS.search(text, max(begin, at.start() - _LONGEST_LOCAL), stop)
        if not match:
            break
        address = _clean(match)
        if address:
            found.append(address)
            if len(found) >= most:
                break
        begin = match.end()
    return found


def first_address(text: str) -> str | None:
    """Return the first address of a short text, or None."""
    found = find_addresses(text, most=1)
    return found[0].address if found else None


def _clean(match: re.Match[str]) -> Address | None:
    local, domain = match.groups()
    begin = match.start()
    # `smtp=a@b`, `'a@b`, `mailto:a@b` and addresses of X.400 fields: what stands before the name is not part of it.
    prefix, glued, rest = local.rpartition("=")
    if glued and prefix.lower() in _FIELD_NAMES:
        begin += len(prefix) + 1
        local = rest
    stripped = local.lstrip(_LEADING)
    begin += len(local) - len(stripped)
    local = stripped
    domain = domain.rstrip("-_")
    if not local or local.endswith("?="):
        return Address(match.group(), match.start(), match.end()) if local else None
    if domain.rpartition(".")[2].lower() in _FILES:
        return None
    return Address(f"{local}@{domain}", begin, begin + len(local) + 1 + len(domain))
