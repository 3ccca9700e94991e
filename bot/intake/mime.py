"""Reads the source of a mail into parts, from the bytes of a file or from source that somebody pasted.

Our own reader instead of `email.parser`, for three reasons: a paste has lost what a parser relies on (folding,
blank lines, the closing boundary), hostile nesting costs the parser quadratic time, and only a few headers and the
text parts are of interest here. It splits at boundaries, so its cost is size times depth, and both have caps.
RFC 5322, RFC 2045-2047, RFC 3462.
"""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64, a2b_qp

import msgspec

from bot.model import limits

_HEADER_BLOCK = re.compile(
    r"(?:(?:[!-9;-~]{1,78}[ \t]?:|>?From ).*(?:\n(?:[ \t].*\n)*|\Z))*", re.ASCII
)
_HEADER = re.compile(r"^([!-9;-~]{1,78})[ \t]?:[ \t]*(.*(?:\n[ \t].*)*)", re.ASCII | re.MULTILINE)
_PARAMETER = re.compile(
    r";\s{0,80}([a-z][a-z0-9*-]{0,40})\s{0,8}=\s{0,8}(?:\"([^\"]{0,300})\"|([^\s;\"]{1,300}))",
    re.IGNORECASE,
)
_ENCODED_WORD = re.compile(
    r"=\?([A-Za-z0-9_*-]{1,40})\?([BbQq])\?([^?\s]{0,500})\?=(?:\s{1,8}(?==\?))?"
)
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/=]")


class Headers(msgspec.Struct, frozen=True):
    """The headers of a message or part: names in lower case, the values of each in order, folded as they were."""

    fields: dict[str, list[str]]

    def first(self, name: str) -> str:
        """Return the first value of a header on one line, or an empty text."""
        values = self.fields.get(name)
        if not values:
            return ""
        value = values[0]
        return " ".join(value.split()) if "\n" in value else value.strip()

    def __contains__(self, name: str) -> bool:
        """Return whether the header is there, also when it is empty."""
        return name in self.fields


class Part(msgspec.Struct, frozen=True):
    """One leaf of a mail."""

    type: str
    """Media type in lower case, `text/plain` where none is given."""
    text: str
    level: int
    """How many `message/rfc822` it lies in."""


class Mail(msgspec.Struct, frozen=True):
    """A message: its headers, and its leaves in order."""

    headers: Headers
    parts: list[Part]
    enclosed: list[Mail]
    """Messages attached to it (`message/rfc822`), read the same way."""
    kind: str
    """Media type of the whole, with the report type: `multipart/report; delivery-status`."""


class _Budget:
    """What may still be read: parts of the whole mail, whatever their nesting."""

    def __init__(self) -> None:
        self.parts = limits.MAIL_PARTS


def read_mail_source(source: str, *, wire: bool) -> Mail:
    """Read the source of a message.

    `wire` says that each character stands for one octet (bytes decoded as Latin-1), so that character sets still
    have to be applied; without it the source is text that somebody pasted.
    """
    return _read(source, 0, _Budget(), wire=wire)


def split_headers(source: str) -> tuple[Headers, str]:
    """Split a message into headers and body. A line that is neither ends the headers, as if it were empty."""
    if source[:1] in "\n \t":
        source = source.lstrip("\n \t")
    block = _HEADER_BLOCK.match(source, 0, limits.HEADER_CHARS)
    end = block.end() if block else 0
    fields: dict[str, list[str]] = {}
    for name, value in _HEADER.findall(source, 0, end):
        fields.setdefault(name.lower(), []).append(value)
    body = source[end + 1 :] if source.startswith("\n", end) else source[end:]
    return Headers(fields), body


def decode_words(value: str) -> str:
    """Return a header value with its encoded words read (RFC 2047)."""
    if "=?" not in value:
        return value
    return _ENCODED_WORD.sub(_decoded_word, value[: limits.HEADER_VALUE_CHARS])


def _decoded_word(word: re.Match[str]) -> str:
    charset, encoding, body = word.groups()
    octets = body.replace("_", " ").encode("utf-8", "replace")
    return _decode(_from_base64(body) if encoding in "Bb" else a2b_qp(octets), charset)


def _read(source: str, level: int, budget: _Budget, *, wire: bool) -> Mail:
    headers, body = split_headers(source)
    parts: list[Part] = []
    enclosed: list[Mail] = []
    kind = _walk(headers, body, level, 0, budget, parts, enclosed, wire=wire)
    return Mail(headers, parts, enclosed, kind)


def _walk(
    headers: Headers,
    body: str,
    level: int,
    depth: int,
    budget: _Budget,
    parts: list[Part],
    enclosed: list[Mail],
    *,
    wire: bool,
) -> str:
    content = headers.first("content-type")
    media = content.partition(";")[0].strip().lower() or "text/plain"
    budget.parts -= 1
    if budget.parts < 0 or depth > limits.MAIL_DEPTH or level > limits.MAIL_DEPTH:
        return media
    parameters = (
        {name.lower(): quoted or bare for name, quoted, bare in _PARAMETER.findall(content)}
        if ";" in content
        else {}
    )
    boundary = parameters.get("boundary")
    if media.startswith("multipart/") and boundary:
        pieces = _split_at(body, boundary)
        if pieces:
            for piece in pieces:
                inner, inner_body = (
                    split_headers(piece) if piece[:1] != "\n" else (Headers({}), piece)
                )
                _walk(inner, inner_body, level, depth + 1, budget, parts, enclosed, wire=wire)
            return f"{media}; {parameters.get('report-type', '').lower()}"
        media = "text/plain"
    text = _body_text(body, headers, parameters.get("charset", ""), wire=wire)
    if media in ("message/rfc822", "message/global", "message/partial"):
        enclosed.append(_read(text, level + 1, budget, wire=wire))
    else:
        parts.append(Part(media, text, level))
    return media


def _split_at(body: str, boundary: str) -> list[str]:
    delimiter = f"\n--{boundary}"
    pieces = ("\n" + body).split(delimiter)
    if len(pieces) < 2:  # noqa: PLR2004  (one piece: the boundary is not there)
        return []
    kept: list[str] = []
    for piece in pieces[1:]:
        if piece.startswith("--"):
            break
        # The rest of the delimiter's own line is white space (RFC 2046 section 5.1.1).
        line, _, rest = piece.partition("\n")
        if line.strip():
            kept.append(piece)
        else:
            kept.append(rest)
    return kept


def _body_text(body: str, headers: Headers, charset: str, *, wire: bool) -> str:
    encoding = headers.first("content-transfer-encoding").lower().strip()
    if encoding == "quoted-printable":
        raw = a2b_qp(_octets(body, wire=wire))
    elif encoding == "base64":
        raw = _from_base64(body)
    elif wire:
        if body.isascii() and not _is_stateful(charset):
            return body
        raw = body.encode("latin-1", "replace")
    else:
        return body
    text = _decode(raw, charset if wire or encoding == "base64" else charset or "utf-8")
    return text.replace("\r\n", "\n") if "\r" in text else text


def _octets(body: str, *, wire: bool) -> bytes:
    return body.encode("latin-1", "replace") if wire else body.encode("utf-8", "replace")


def _from_base64(body: str) -> bytes:
    clean = _NOT_BASE64.sub("", body)
    clean = clean[: len(clean) // 4 * 4]
    try:
        return a2b_base64(clean)
    except Base64Error:
        return clean.encode("ascii")


def _is_stateful(charset: str) -> bool:
    low = charset.lower()
    return low.startswith(("iso-2022", "hz", "utf-16", "utf-32")) or "utf-7" in low


_ALIASES = {"unicode-1-1-utf-7": "utf-7", "x-unknown": "latin-1", "unknown-8bit": "latin-1", "cp-850": "cp850",
            "iso-8859-8-i": "iso-8859-8", "gb2312": "gb18030", "x-gbk": "gbk", "ansi_x3.110-1983": "latin-1",
            "ks_c_5601-1987": "cp949", "x-sjis": "cp932", "shift_jis": "cp932"}  # fmt: skip


# Codecs that are text encodings to Python but no character set of mail; `punycode` costs quadratic time.
_NO_CHARSET = frozenset(
    {"punycode", "idna", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem"}
)


def _decode(raw: bytes, charset: str) -> str:
    name = _ALIASES.get(charset.lower(), charset).partition("*")[0]
    for candidate in (name, "utf-8"):
        if not candidate or candidate.lower().replace("-", "_") in _NO_CHARSET:
            continue
        try:
            return raw.decode(candidate)
        except (LookupError, ValueError):
            continue
    return raw.decode("cp1252", "replace")
