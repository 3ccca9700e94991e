"""Intake: anything that a person can paste or attach, read into a `Report`. Pure, and never raises for any content."""

from __future__ import annotations

import re

from bot.intake.mime import read_mail_source
from bot.intake.outlook import MAGIC, read_outlook
from bot.intake.page import page_of_mail, pages_of_text
from bot.intake.reading import read_page
from bot.intake.several import join_reports
from bot.model import limits
from bot.model.errors import UploadRefused
from bot.model.report import Kind, Report

__all__ = ["read_file", "read_mail", "read_msg", "read_text"]

_MAIL_START = re.compile(rb"(?:From |>?[!-9;-~]{1,70}[ \t]{0,2}:)")
_MAIL_HEADER = re.compile(
    rb"(?im)^(?:return-path|received|from|message-id|mime-version|content-type|delivered-to|x-[\w-]{1,40})[ \t]{0,2}:"
)


_SHORTEST = 4
"""Letters and digits of which a text has at least so many before there is anything to read in it: no code is shorter, and no phrase."""


def read_text(text: str) -> Report:
    """Read a pasted text: plain, HTML, Markdown residue, or the source of a mail."""
    if len(text) < _SHORTEST and text.isascii() and text.isalnum():
        return Report(kind=Kind.NOT_BOUNCE, text=text)  # a typed answer; every other turn is one
    pages = pages_of_text(text)
    if len(pages) == 1:
        return read_page(pages[0][1])
    whole = "".join(page.text for _, page in pages)
    return join_reports(whole, [(start, read_page(page)) for start, page in pages])


def read_mail(data: bytes) -> Report:
    """Read an `.eml` (RFC 5322). Bytes beyond the limit are left out and the report says so (`cut`)."""
    source = data[: limits.MAIL_BYTES].decode("latin-1")
    if "\r" in source:
        source = source.replace("\r\n", "\n").replace("\r", "\n")
    return read_page(
        page_of_mail(read_mail_source(source, wire=True), cut=len(data) > limits.MAIL_BYTES)
    )


def read_msg(data: bytes) -> Report:
    """Read an Outlook `.msg` (MS-OXMSG). One that cannot be read is a report of that (`attachment-unreadable`)."""
    try:
        mail = read_outlook(data)
    except UploadRefused:
        return Report(kind=Kind.NOT_BOUNCE, text="", warnings=("attachment-unreadable",))
    return read_page(page_of_mail(mail, cut=len(data) > limits.MAIL_BYTES))


def read_file(data: bytes) -> Report:
    """Read a file by what it holds, not by its name: `.msg`, `.eml` or plain text in any usual encoding."""
    if data.startswith(MAGIC):
        return read_msg(data)
    top = data[:4096].lstrip()
    if _MAIL_START.match(top) and len(_MAIL_HEADER.findall(top)) > 1:
        return read_mail(data)
    return read_text(_decoded(data[: limits.MAIL_BYTES]))


def _decoded(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")
