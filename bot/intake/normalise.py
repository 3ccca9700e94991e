"""Brings any text into one form: one kind of line break, blank, quotation mark and digit.

OCR and typing slips inside a status code are left alone here: what counts as a slip depends on what stands around
it, which `codes` knows.
"""

from __future__ import annotations

import re

from bot.intake.dressing import (
    undress_html,
    undress_mailto,
    undress_markdown,
    undress_quoted_printable,
    undress_quoting,
)

_SIGNS: dict[str, str] = {
    **{chr(full): chr(full - 0xFEE0) for full in range(0xFF01, 0xFF5F)},
    **{chr(sign): " " for sign in (0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000)},
    # Zero-width and direction signs, soft hyphen, byte order mark, variation selectors.
    **{
        chr(sign): ""
        for sign in (0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070))
    },
    **{chr(sign): "" for sign in (0xFEFF, 0xFE0E, 0xFE0F, 0x180E, 0x61C)},
    **{chr(sign): "\n" for sign in (0x2028, 0x2029, 0x85)},
    **{chr(sign): "'" for sign in (0x2018, 0x2019, 0x201A, 0x201B, 0x2032, 0x02BC, 0xB4)},
    **{chr(sign): '"' for sign in (0x201C, 0x201D, 0x201E, 0x201F, 0x2033)},
    **{chr(sign): "-" for sign in (*range(0x2010, 0x2016), 0x2212, 0xFE63)},
    **{chr(sign): "." for sign in (0x2024, 0xFE52, 0xFF61)},
    "\x0b": "\n",
    "\x0c": "\n",
    **{chr(sign): "" for sign in (*range(0x09), *range(0x0E, 0x20), 0x7F)},
}
_PLAIN_ASCII = bytes((0x09, 0x0A, *range(0x20, 0x7F)))
_SURROGATES = re.compile(r"[\ud800-\udfff]+")
_ODD_SIGN = re.compile(rf"[{re.escape(''.join(_SIGNS))}\ud800-\udfff]")
_BLANKS = re.compile(r"[ \t]{2,}")
_SPACES = re.compile(r"  +")


def plain_signs(text: str) -> str:
    """Return the text with plain line breaks, blanks, quotation marks, dashes and full-width forms."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.isascii() and not text.encode("ascii").translate(None, _PLAIN_ASCII):
        return text
    odd = _ODD_SIGN.search(text)
    while odd:
        if odd.group() in _SIGNS:
            text = text.replace(odd.group(), _SIGNS[odd.group()])
        else:
            # There are two thousand surrogates: all at once.
            text = _SURROGATES.sub(lambda run: "\ufffd" * len(run.group()), text)
        odd = _ODD_SIGN.search(text, odd.start())
    return text


def tidy(text: str) -> str:
    """Return the text without indentation, trailing blanks and runs of blanks and empty lines.

    Columns that were set apart by several blanks or tabs stay apart by one tab.
    """
    if "\t" in text or ("\n" in text and ("\n " in text or " \n" in text)):
        text = "\n".join([line.strip() for line in text.split("\n")])
    if "\t" in text:
        text = _BLANKS.sub("\t", text)
    elif "  " in text:
        text = _SPACES.sub("\t", text)
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text.strip()


def undress_paste(text: str) -> str:
    """Return a pasted text as plain text: signs, quoted-printable residue, HTML, quoting, Markdown."""
    text = undress_html(text)
    text = plain_signs(text)
    text = undress_quoting(text)
    text = undress_quoted_printable(text)
    text = undress_markdown(text)
    return undress_mailto(text)


def undress_part(text: str, *, marked_up: bool) -> str:
    """Return the decoded text of a MIME part as plain text. Mail is not Markdown, so that is left alone."""
    text = undress_html(text) if marked_up else text
    return undress_mailto(plain_signs(text))
