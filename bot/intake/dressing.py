"""Takes the dressing off a pasted text: HTML, Markdown, quoting, quoted-printable residue.

People do not paste bounces, they paste what a mail program, a chat or a web form made of them. Addresses stand in
angle brackets in plain bounces (`<a@b>: host said …`), where an HTML parser would swallow them as tags, so only
tags with a known name are taken off. Every pattern here runs in linear time.
"""

from __future__ import annotations

import html
import re
from binascii import a2b_qp

_BLOCK = "p|br|div|tr|table|tbody|thead|blockquote|li|ul|ol|h[1-6]|hr|pre|codeblock|body|html|dl|dt|dd|center"
_INLINE = (
    "span|font|b|i|u|em|strong|a|code|at|tt|small|big|img|o:p|meta|link|head|title|label|sup|sub|s|section"
    "|article|header|footer|main|nav|button|input|form|attachment|emoji|col|colgroup|th|td|style|script|address"
)
_TAG_START = re.compile(r"<[/!pPbBdDtThHlLuUoOsSfFeEcCiImMaAn]")
# On lower case: a pattern that ignores case looks at every alternative at every `<`.
_MARKED_UP = re.compile(rf"<(?:/?(?:{_BLOCK}|{_INLINE})\b[^<>]{{0,4000}}>|!doctype)")
_READ_AS = (
    (rf"(?:</(?:{_BLOCK})\b[^<>]{{0,80}}>|<br\b[^<>]{{0,200}}>)[ \t]{{0,20}}\n?", "\n"),
    (rf"(?:\n<|<)(?:{_BLOCK})\b[^<>]{{0,4000}}>", "\n"),
    (r"<(?:td|th)\b[^<>]{0,4000}>", "\t"),
    (rf"<(?:/?(?:{_INLINE})\b|!doctype\b)[^<>]{{0,4000}}>", ""),
)
"""What tags are read as, in this order: ends of lines, blocks, cells, all the others."""
_TAGS = tuple((re.compile(tag), sign) for tag, sign in _READ_AS)
_TAGS_IN_CAPITALS = tuple((re.compile(tag, re.IGNORECASE), sign) for tag, sign in _READ_AS)
_CAPITAL_TAG = re.compile(r"<[/!]?[a-z0-9:]{0,9}[A-Z]")
_INVISIBLE = (
    ("<!--", "-->"),
    ("<style", "</style>"),
    ("<script", "</script>"),
    ("<title", "</title>"),
)
_MARKS_PARAGRAPHS = re.compile(r"<(?:p|br|div|tr|li)\b")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z]{2,8}\d?);", re.IGNORECASE)

_QUOTE_MARKS = r"[ \t]{0,8}(?:[>|](?!>> ?(?:RCPT|MAIL|DATA|HELO|EHLO|QUIT|RSET))[ \t]?){1,20}"
# From the line break on, which is found faster than the start of a line.
_QUOTED_LINE = re.compile(rf"\n{_QUOTE_MARKS}")
_QUOTED_TOP = re.compile(_QUOTE_MARKS)
_QUOTES = (">", "|", " ")
_QUOTED = re.compile(r"\n(?:[>|]| [>|]|\t>|  )")
_TABLE_RULE = re.compile(r"(?m)^[ \t|]*:?-{2,}:?(?:[ \t]*\|[ \t]*:?-{2,}:?)+[ \t|]*$")
_CELLS = re.compile(r"\|(?:\n|(?<=\n\|)|(?<= \|) |(?<=\t\|)\t)")
_LINK = re.compile(r"\[([^\[\]\n]{1,300})\]\(([^()\s]{1,2000})\)")
_ESCAPED = re.compile(r"\\([`*_{}\[\]()#+\-.!<>@|~&=:'\"])")
_STRONG = re.compile(r"__(?:(?<![_\w]__)(?=[^\s_])|(?<=[^\s_]__)(?![_\w]))")
_MAILTO = re.compile(r"<(?:mailto|MAILTO):([^<>\s]{1,320})>")

_SOFT_BREAK = re.compile(r"=[ \t]{0,3}\n(?=\S)(?<![=\s]=\n)(?<!^=\n)")
_QP_OCTETS = re.compile(r"(?:=[0-9A-F]{2})+")
_QP_SIGNS = re.compile(r"=3D|=20\n|=[CDE][0-9A-F]=[89AB][0-9A-F]")


def undress_html(text: str) -> str:
    """Return marked-up text as a reader sees it; text without known tags comes back as it is."""
    if "<" in text and _TAG_START.search(text):
        low = text.lower()
        for opening, closing in _INVISIBLE:
            if opening in low and len(low) == len(text):
                text = _without(text, low, opening, closing)
                low = text.lower()
        if not _MARKED_UP.search(low):
            return undress_entities(text)
        # In HTML a line break in the source means nothing, in a paste that only has inline tags it means a line.
        if _MARKS_PARAGRAPHS.search(low) and "<pre" not in text:
            text = text.replace("\n", " ") if _is_document(low) else text
        for tag, sign in _TAGS_IN_CAPITALS if _CAPITAL_TAG.search(text) else _TAGS:
            text = tag.sub(sign, text)
    return undress_entities(text)


def undress_entities(text: str) -> str:
    """Return the text with HTML character references read, also where a form has escaped them twice."""
    for _ in range(2):
        if "&" not in text or not _ENTITY.search(text):
            break
        text = html.unescape(text)
    return text


def _is_document(low: str) -> bool:
    return "<html" in low[:3000] or "<body" in low[:3000]


def _without(text: str, low: str, opening: str, closing: str) -> str:
    at = low.find(opening)
    kept: list[str] = []
    start = 0
    while at >= 0 and len(kept) < _MOST_HIDDEN:
        kept.append(text[start:at])
        end = low.find(closing, at)
        if end < 0:
            # A comment that never ends: keep what follows, it may be the bounce.
            start = at + len(opening)
            break
        start = end + len(closing)
        at = low.find(opening, start)
    kept.append(text[start:])
    return " ".join(kept)


_MOST_HIDDEN = 4_000
"""Invisible pieces that are taken out; a mail program writes some dozens."""


def undress_quoting(text: str) -> str:
    """Return the text without the `>` and `|` that mail programs and chats put before quoted lines."""
    if text[:1] in _QUOTES or _QUOTED.search(text):
        top = _QUOTED_TOP.match(text)
        return _QUOTED_LINE.sub("\n", text[top.end() :] if top else text)
    return text


def undress_markdown(text: str) -> str:
    """Return the text without the Markdown that forums and chats leave: links, emphasis, tables, escapes."""
    if "[" in text and "](" in text:
        text = _LINK.sub(_link_text, text)
    if "|" in text:
        if "--" in text and ("---" in text or "--:" in text or ":--" in text):
            text = _TABLE_RULE.sub("", text)
        if text.startswith("|") or _CELLS.search(text):
            text = text.replace("|", "\t")
    if "*" in text:
        text = text.replace("**", "")
    if "_" in text and "__" in text:
        text = _STRONG.sub("", text)
    if "`" in text:
        text = text.replace("```", "\n").replace("`", "'")
    if "\\" in text:
        text = _ESCAPED.sub(r"\1", text)
    return text


def _link_text(link: re.Match[str]) -> str:
    label, target = link.group(1), link.group(2)
    if "@" in target and "@" not in label and target.lower().startswith("mailto:"):
        return f"{label} <{target[7:]}>"
    return label


def undress_mailto(text: str) -> str:
    """Return the text without Outlook's `<mailto:…>`, keeping the address where the text before it is a name."""
    if "<" not in text or ("<mailto:" not in text and "<MAILTO:" not in text):
        return text

    def keep(link: re.Match[str]) -> str:
        address = link.group(1)
        before = link.string[max(0, link.start() - len(address) - 2) : link.start()].rstrip(" )]>")
        return "" if before.lower().endswith(address.lower()) else f" <{address}>"

    return _MAILTO.sub(keep, text)


def undress_quoted_printable(text: str) -> str:
    """Return the text with quoted-printable residue read: soft line breaks and octets (RFC 2045 section 6.7)."""
    if "=" not in text:
        return text
    joined = _SOFT_BREAK.sub("", text)
    if (joined is not text and joined != text) or _QP_SIGNS.search(joined):
        return _QP_OCTETS.sub(_octets, joined)
    return joined


def _octets(run: re.Match[str]) -> str:
    raw = a2b_qp(run.group().encode("ascii"))
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
