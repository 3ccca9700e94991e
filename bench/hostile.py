"""Texts that are meant to hurt: each of one kind, as long as the longest paste that is read."""

from __future__ import annotations

import random
from collections.abc import Mapping


def _long(unit: str, length: int, *, before: str = "", after: str = "") -> str:
    body = length - len(before) - len(after)
    return before + (unit * (body // len(unit) + 1))[:body] + after


def _noise(length: int) -> str:
    chance = random.Random(5)  # noqa: S311 - the same noise each time
    planes = ((0x20, 0x7F), (0xA0, 0x250), (0x370, 0x530), (0x4E00, 0x9FFF), (0x1F300, 0x1F600))
    return "".join(chr(chance.randrange(*chance.choice(planes))) for _ in range(length))


def _numbered(pattern: str, length: int) -> str:
    pieces: list[str] = []
    size = number = 0
    while size < length:
        pieces.append(pattern.format(number))
        size += len(pieces[-1])
        number += 1
    return "".join(pieces)[:length]


def _boundaries(length: int) -> str:
    head = 'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n'
    return _long("--b\nContent-Type: text/plain\n\nx\n", length, before=head)


def _nested(length: int) -> str:
    head = "MIME-Version: 1.0\n"
    part = 'Content-Type: multipart/mixed; boundary="b{0}"\n\n--b{0}\n'
    return head + _numbered(part, length - len(head))


def hostile_texts(length: int) -> Mapping[str, str]:
    """Return the texts by what they are made of."""
    said = "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient a@b.example not found\n"
    return {
        "blanks": _long(" ", length),
        "empty lines": _long("\n", length),
        "one letter": _long("a", length),
        "tabs and blanks": _long("\t ", length),
        "digits": _long("5", length),
        "digits and dots": _long("5.1.", length),
        "codes": _long("5.1.10 ", length),
        "codes, all different": _numbered("5.1.{0} ", length),
        "codes with slips": _long("5 . l . lO ", length),
        "status lines": _long("550 5.1.10 ", length),
        "the diagnostic, again and again": _long(said, length),
        "at signs": _long("@", length),
        "addresses": _numbered("u{0}@contoso.com ", length),
        "addresses, no end": _long("a@a.", length),
        "dotted name before an at sign": _long("a.", length, after="@contoso.com"),
        "host names": _numbered("mx{0}.contoso.com ", length),
        "quote marks": _long("> ", length),
        "quoted lines": _long("> > > 550 5.1.10\n", length),
        "open angle brackets": _long("<", length),
        "open tags": _long("<div ", length),
        "nested tags": _long("<div>", length),
        "open comments": _long("<!--", length),
        "styles that never end": _long("<style>", length),
        "table cells": _long("<tr><td>5.1.10</td>", length, before="<table>"),
        "attributes": _long('a="b" ', length, before="<p ", after=">"),
        "entities": _long("&amp;", length),
        "escaped twice": _long("&amp;amp;lt;", length),
        "square brackets": _long("[", length),
        "links that never end": _long("[a](", length),
        "backslashes": _long("\\", length),
        "table rules": _long("|-", length),
        "quoted-printable": _long("=20", length),
        "soft line breaks": _long("a=\n", length),
        "encoded words": _long("=?utf-8?q?=35=2E?= ", length, before="Subject: "),
        "header lines": _long("Received: from mx.contoso.com by mx.fabrikam.com;\n", length),
        "folded header": _long("\n x", length, before="Subject: a"),
        "fields of a report": _long("Final-Recipient: rfc822; a@contoso.com\n", length),
        "fields without values": _long("Status:\n", length),
        "boundaries": _boundaries(length),
        "nested parts": _nested(length),
        "base64": _long("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo0NTY3\n", length),
        "names of secrets": _long("password ", length),
        "almost secrets": _long("password: ", length),
        "secrets": _numbered("password: Hunter{0}! ", length),
        "authorisation": _long("authorization: bearer ", length),
        "zero-width signs": _long("5\u200b.\u200b", length),
        "combining signs": _long("e\u0301", length),
        "full-width signs": _long("\uff15\uff0e\uff11", length),
        "right to left": _long("\u202e5.1.10\u202c", length),
        "carriage returns": _long("\r", length),
        "control signs": _long("\x00\x1b[0m", length),
        "lone surrogates": _long("\ud83d", length),
        "noise": _noise(length),
    }
