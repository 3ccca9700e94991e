"""Whole mails as they are attached: every encoding, every nesting, and Outlook's own file."""

from __future__ import annotations

import base64
import quopri
from email.message import EmailMessage

import pytest

from bot.intake import read_file, read_mail, read_text
from bot.model import limits
from bot.model.report import Kind, Report
from tests.core.intake import texts
from tests.core.intake.msg_file import write_msg

NOTICE = """Your message to {to} couldn't be delivered.

Diagnostic information for administrators:
Generating server: ex01.fabrikam.com
"""
FIELDS = """Reporting-MTA: dns;ex01.fabrikam.com
Arrival-Date: Thu, 4 May 2023 10:00:00 +0200

Final-Recipient: rfc822;nora.lind@fabrikam.com
Action: failed
Status: 5.1.10
Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by
 SMTP address lookup
"""
RETURNED = """From: Per Aas <per.aas@contoso.com>
To: nora.lind@fabrikam.com
Subject: =?utf-8?B?TcO4dGU=?=
Message-ID: <1@contoso.com>
Authentication-Results: mx; spf=pass; dkim=pass; dmarc=pass

Hello
"""


def bounce(
    encoding: str = "7bit", charset: str = "us-ascii", end: str = "\n", text: str | None = None
) -> bytes:
    """Return a multipart/report with its text part in an encoding."""
    words = (text or NOTICE.format(to="nora.lind@fabrikam.com")).encode(charset)
    body = {
        "7bit": lambda: words,
        "8bit": lambda: words,
        "base64": lambda: base64.encodebytes(words),
        "quoted-printable": lambda: quopri.encodestring(words),
    }[encoding]()
    mail = (
        b"From: postmaster@fabrikam.com\nTo: per.aas@contoso.com\nSubject: Undeliverable\nMIME-Version: 1.0\n"
        b'Content-Type: multipart/report; report-type=delivery-status;\n boundary="b1"\n\n--b1\n'
        + f"Content-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: {encoding}\n\n".encode()
        + body
        + b"\n--b1\nContent-Type: message/delivery-status\n\n"
        + FIELDS.encode()
        + b"\n--b1\nContent-Type: message/rfc822\n\n"
        + RETURNED.encode()
        + b"\n--b1--\n"
    )
    return mail.replace(b"\n", end.encode())


def right(report: Report) -> None:
    """Assert what every variant of the bounce must give."""
    assert report.kind is Kind.BOUNCE
    assert (report.status, report.smtp_reply) == ("5.1.10", "550")
    assert report.recipients == ("nora.lind@fabrikam.com",)
    assert report.reporting_mta == "ex01.fabrikam.com"


@pytest.mark.parametrize("encoding", ["7bit", "8bit", "base64", "quoted-printable"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_encodings(encoding: str, end: str) -> None:
    """Each transfer encoding, with either line end, gives the same report."""
    report = read_mail(bounce(encoding, end=end))
    right(report)
    assert "couldn't be delivered" in report.text
    assert (report.subject, report.message_id, report.sender) == (
        "Møte",
        "<1@contoso.com>",
        "per.aas@contoso.com",
    )
    assert report.backscatter.verdict is False


@pytest.mark.parametrize(
    "charset",
    ["utf-8", "iso-8859-1", "windows-1252", "utf-16", "iso-2022-jp", "koi8-r", "gb18030"],
)
def test_character_sets(charset: str) -> None:
    """The words of a part are read in its character set."""
    words = {
        "iso-2022-jp": "配信できません",
        "koi8-r": "не доставлено",
        "gb18030": "无法送达",
    }.get(charset, "blåbær")
    encoding = "base64" if charset == "utf-16" else "8bit"
    report = read_mail(bounce(encoding, charset, text=f"{words}\n"))
    right(report)
    assert words in report.text


@pytest.mark.parametrize("charset", ["x-no-such-set", "punycode", "zlib", "\x00", "utf-7; x"])
def test_odd_character_sets(charset: str) -> None:
    """A character set that nobody knows, or that is none, does not keep the rest from being read."""
    right(read_mail(bounce().replace(b"us-ascii", charset.encode())))


def test_forwarded_as_attachment() -> None:
    """A bounce that lies in a `message/rfc822` of an ordinary mail is found there."""
    outer = b'From: per.aas@contoso.com\nTo: help@contoso.com\nSubject: Fw\nContent-Type: multipart/mixed; boundary="o"\n\n--o\n'
    outer += (
        b"Content-Type: text/plain\n\nWhat is this?\n--o\nContent-Type: message/rfc822\n\n"
        + bounce()
        + b"\n--o--\n"
    )
    right(read_mail(outer))


def test_as_the_standard_library_writes_it() -> None:
    """A message of `email.message` with an HTML part only is read as its reader sees it."""
    message = EmailMessage()
    message["From"] = "postmaster@fabrikam.com"
    message["To"] = "per.aas@contoso.com"
    message["Subject"] = "Undeliverable: Møte"
    message.set_content(
        "<html><body><p>" + texts.REFUSED.text.replace("\n", "<br>") + "</p></body></html>",
        subtype="html",
    )
    report = read_mail(bytes(message))
    assert (report.status, report.recipients) == (texts.REFUSED.status, texts.REFUSED.recipients)


def test_source_pasted_as_text() -> None:
    """The source of a mail that somebody pasted is read as that mail."""
    right(read_text(bounce().decode()))
    right(read_text(bounce("quoted-printable").decode()))


def test_the_boundary_that_is_missing() -> None:
    """A mail that was cut, or lost its boundary, still gives what is there."""
    right(read_mail(bounce()[: bounce().index(b"--b1\nContent-Type: message/rfc822")]))
    assert read_mail(bounce().replace(b"\n--b1", b"\n--zz")).status == "5.1.10"


def test_limits_hold() -> None:
    """A mail beyond the limit is cut, and says so."""
    report = read_mail(bounce() + b"x" * limits.MAIL_BYTES)
    right(report)
    assert "cut" in report.warnings
    assert "cut" in read_text("a" * (limits.PASTE_CHARS + 1)).warnings


def test_what_a_file_is_shows_in_its_bytes() -> None:
    """Mail, Outlook file and text are told apart by what they hold."""
    right(read_file(bounce()))
    for codec in ("utf-8", "utf-8-sig", "utf-16"):
        report = read_file(texts.POSTFIX.text.encode(codec))
        assert (report.status, report.recipients) == (
            texts.POSTFIX.status,
            texts.POSTFIX.recipients,
        )


def test_outlook_file_with_a_body() -> None:
    """An Outlook file of a notification is read from its body and headers."""
    data = write_msg(
        {
            0x001A: "IPM.Note",
            0x0037: "Undeliverable: Offer",
            0x1000: texts.CLASSIC.text.replace("\n", "\r\n"),
        },
        [],
    )
    report = read_file(data)
    assert report.kind is Kind.BOUNCE
    assert (report.status, report.recipients, report.reporting_mta) == (
        texts.CLASSIC.status,
        texts.CLASSIC.recipients,
        texts.CLASSIC.reporting_mta,
    )


def test_outlook_report_item() -> None:
    """A report item keeps what the notification said with its recipients, and has no words of its own."""
    said = "<mx.fabrikam.com #5.1.10 smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup>"
    data = write_msg(
        {
            0x001A: "REPORT.IPM.Note.NDR",
            0x0037: "Undeliverable: Offer",
            0x6820: "ex01.fabrikam.com",
        },
        [{0x39FE: "nora.lind@fabrikam.com", 0x0C1B: said}],
    )
    right(read_file(data))
