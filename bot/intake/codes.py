"""Finds enhanced status codes (RFC 3463) and SMTP reply codes (RFC 5321 section 4.2) in a text.

Numbers like them stand everywhere: version numbers, IP addresses, section numbers, dates. A code is told apart by
what stands around it, and each reading says how strongly that speaks for a status code.
"""

from __future__ import annotations

import re
from enum import IntEnum
from itertools import islice

import msgspec


class Standing(IntEnum):
    """How a code stands in the text, weakest first."""

    BARE = 0
    """Alone: `5.1.10`."""
    NAMED = 1
    """Called a code: `error code 5.1.10`, `(#5.1.10)`."""
    SLIP = 2
    """Read through a typing or OCR slip, after an SMTP reply code: `550 5.1.1O`."""
    REPLY = 3
    """In an SMTP reply: `550 5.1.10`, `#5.1.10 smtp;`."""
    FIELD = 4
    """In a DSN field: `Status: 5.1.10`."""


class Code(msgspec.Struct, frozen=True):
    """One enhanced status code as it stands in the text."""

    code: str
    start: int
    end: int
    standing: Standing
    reply: str | None = None
    slip: bool = False


# The first digit first, then what stands before it: so a search skips to the next digit.
_STRICT = re.compile(r"[45]\.(?<![\w.][45]\.)(\d{1,3})\.(\d{1,3})(?![\w]|[.,]\d|\.[a-z]{2,4}\b)")
_REPLY_BEFORE = re.compile(
    r"(?<![\w.:/$@-])[#'\"(<]?([245][0-7]\d)(?:[ \t\n]{1,3}|-[ \t]?|\s?[:;,]\s?)[#(\[]?$"
)
_LOOSE = re.compile(
    r"(?<![\w.])(?:([245S][0-7OoSs][0-9OoSs])[ \t\n]{1,3}[#(]?)?"
    r"([245S])[ \t]{0,2}[.,·:][ \t\n]{0,2}([0-9OoIl|]{1,3})[ \t]{0,2}[.,·:][ \t\n]{0,2}([0-9OoIl|"
    r"]{1,3})(?![\w.]\w|[0-9])"
)
_LOOSE_CORE = re.compile(
    r"[245S][ \t]{0,2}[.,·:][ \t\n]{0,2}[0-9OoIl|]{1,3}[ \t]{0,2}[.,·:][ \t\n]{0,2}[0-9OoIl|]"
)
"""What every match of `_LOOSE` holds, found without looking back."""
_LOOSE_LEAD = 7
"""Characters before that core: three digits, blanks, a sign."""
_DASHED = re.compile(
    r"([45](?<![\w.-][45])\d\d)[ \t-]{1,3}([45])[-_](\d{1,2})[-_](\d{1,3})(?![\w-])"
)
_DASH = re.compile(r"[-_]\d{1,2}[-_]\d")
"""What every match of `_DASHED` holds."""
_DASHED_LEAD = 7
"""Characters before that: the reply, blanks, the class."""
_SLIPS = str.maketrans("OoIl|Ss", "0011155")
# These two on lower case: a pattern that ignores case looks at every alternative everywhere.
_LEAD = re.compile(
    r"(?:codes?|koden?|kode|fehlercode|statuscode|status|error|fehler|feil(?:kode)?n?|felkod|felmeddelande|"
    r"fejl(?:kode)?|foutcode"
    r"|fout|erreur|errore|err|codice|c[oó]digo|chyba|b[łl][ąa]d|b[łl][ęe]du|b[łl][ęe]dem|virhe|エラー|コード|错误|"
    r"ошибк\w{0,3}|код|dsn|ndr|esc|smtp;?|hiba|k[oó]d\w{0,4})"
    r"(?:\s(?:of|is|er|var|was|ist|med|mit|with|kode|code|number|nr\.?|no\.?))?[\s:#=('\"\[;]{0,4}$"
)
_NOT_A_CODE = re.compile(
    r"(?:\b(?:v|ver|versions?|versjon\w{0,3}|versie|versi[oó]n|versione|wersj\w|release|rel|kernel|linux|"
    r"android|ios|ipados|macos|node|npm|python|ruby|php|java"
    r"|firmware|bios|driver|driver\w{0,3}|treiber|nuget|pip|package|pakke|build|patch|update|upgrade\w{0,2}|"
    r"oppdater\w{0,4}|section|sec|chapter|kapit\w{0,3}|kap|punkt|avsnitt|§|art|artikel|article"
    r"|figure|fig|figur|table|tabell|appendix|vedlegg|rfc|clause|pkt|oppgave|task|step|steg|trinn|ver\.|app|"
    r"wordpress|joomla|drupal|mysql|postgres\w{0,3}|redis|nginx|apache|ubuntu"
    r"|debian|windows|office|outlook|teams|chrome|firefox|safari|server|sdk|api|dll|jar|gem|lib\w{0,12}|core|"
    r"\.net|dotnet|ip|ipv4|host|gateway|subnet|dns|dhcp|ntp|on|to|from|til|fra|av|for|på|i)"
    r"[\s.:=@/(v~^>-]{1,3})$|[\w)][=@/~^><]{1,3}$|->\s?$|\d\s?->\s?$"
)


def enhanced_codes(text: str, start: int = 0, end: int | None = None) -> list[Code]:
    """Return the status codes of class 4 and 5 that stand in `text[start:end]`, in the order of the text."""
    stop = len(text) if end is None else end
    found: list[Code] = []
    for match in _STRICT.finditer(text, start, stop):
        subject, detail = match.groups()
        at = match.start()
        klass = text[at]
        before = _REPLY_BEFORE.search(text[max(0, at - _REPLY_CHARS) : at])
        reply = before.group(1) if before else None
        standing = _standing(text, at, match.end(), reply)
        found.append(
            Code(f"{klass}.{int(subject)}.{int(detail)}", at, match.end(), standing, reply)
        )
        if len(found) >= _MOST:
            break
    return found


_REPLY_CHARS = 10
"""Characters before a code in which its SMTP reply code stands, with what may stand between them."""


_MOST = 200
"""Codes of one text that are looked at; a bounce with more recipients has said what it has to say by then."""


def slipped_codes(text: str, start: int = 0, end: int | None = None) -> list[Code]:
    """Return the codes that can only be read by forgiving a typing or OCR slip: `5.1.1O`, `5 . 1 . 10`, `5,1,10`."""
    stop = len(text) if end is None else end
    found: list[Code] = []
    core = _LOOSE_CORE.search(text, start, stop)
    begin = max(start, core.start() - _LOOSE_LEAD) if core else stop
    for match in islice(_LOOSE.finditer(text, begin, stop), _MOST):
        reply, klass, subject, detail = (
            part.translate(_SLIPS) if part else part for part in match.groups()
        )
        if klass == "2" or not (subject.isdigit() and detail.isdigit()):
            continue
        before = text[max(0, match.start(2) - 40) : match.start(2)].lower()
        written = match.group()
        digits = sum(sign.isdigit() for sign in written)
        named = bool(reply) or bool(_LEAD.search(before)) or _TOKEN_AFTER.match(text, match.end())
        # `5.1.1O` is a slip whatever stands around it; `5 . 1 . 10` can be anything.
        lettered = " " not in written and digits != len(written) - 2 and "," not in written
        if digits < _FEWEST_DIGITS or not (named or lettered):
            continue
        standing = Standing.SLIP if reply else Standing.NAMED if named else Standing.BARE
        code = f"{klass}.{int(subject)}.{int(detail)}"
        # Stray blanks are a matter of line breaks; a letter for a digit or a comma for a dot is a slip.
        slip = any(not (sign.isdigit() or sign in " \t\n.#(") for sign in written)
        found.append(Code(code, match.start(2), match.end(), standing, reply, slip))
    dash = _DASH.search(text, start, stop)
    begin = max(start, dash.start() - _DASHED_LEAD) if dash else stop
    for match in islice(_DASHED.finditer(text, begin, stop), _MOST):
        reply, klass, subject, detail = match.groups()
        found.append(
            Code(
                f"{klass}.{int(subject)}.{int(detail)}",
                match.start(2),
                match.end(),
                Standing.SLIP,
                reply,
                slip=True,
            )
        )
    return found


_FEWEST_DIGITS = 2
_TOKEN_AFTER = re.compile(
    r"\s{0,3}(?:RESOLVER|SMTPSEND|STOREDRV|ROUTING|QUEUE|[A-Z]{3,}[.,]\s?[A-Z]{3,})"
)
_ANY_REPLY = re.compile(
    r"([45](?<![\w.:/$@,-][45])[0-5]\d)(?=(?: - |[ -])(?!\d{1,3}[ .,]\d|\d{4,}|[:.]|kB|KB|MB|bytes|messages?\b|"
    r"mails?\b|recipients?\b|ms\b|sec|min|hours?|GB)[#A-Za-z<\[('\"\d])"
)


def reply_codes(text: str, start: int = 0, end: int | None = None) -> list[tuple[str, int]]:
    """Return three-digit SMTP replies of class 4 and 5 followed by words, with their positions."""
    stop = len(text) if end is None else end
    return [
        (match.group(1), match.start(1))
        for match in islice(_ANY_REPLY.finditer(text, start, stop), _MOST)
    ]


def _standing(text: str, at: int, end: int, reply: str | None) -> Standing:
    if reply:
        return Standing.REPLY
    before = text[max(0, at - 40) : at].lower()
    after = text[end : end + 12]
    if after.lower().startswith((" smtp;", "\nsmtp;", " resolver")) or _TOKEN_AFTER.match(
        text, end
    ):
        return Standing.REPLY
    if before.endswith(("#", "(#")) or _LEAD.search(before):
        return Standing.NAMED
    return Standing.BARE


def looks_like_number(text: str, code: Code) -> bool:
    """Return whether a code that stands alone is more likely a version, a section or an address."""
    before = text[max(0, code.start - 40) : code.start].lower()
    return bool(_NOT_A_CODE.search(before))


def specific(code: str) -> bool:
    """Return whether a code says more than its class: `5.1.10` does, `5.0.0` does not."""
    return not code.endswith(".0.0")
