"""Each layout that a bounce can have is read: what failed, why, and who says so."""

from __future__ import annotations

import pytest

from bot.intake import read_text
from bot.model.report import Actor, Kind, Reporter
from tests.core.intake import texts
from tests.core.intake.texts import LAYOUTS, Sample


@pytest.mark.parametrize("sample", LAYOUTS, ids=lambda sample: sample.name)
def test_a_layout_is_read(sample: Sample) -> None:
    """Kind, code, failing recipients and reporting server come out exactly."""
    report = read_text(sample.text)
    assert report.kind is Kind.BOUNCE
    assert (report.status, report.recipients, report.reporting_mta) == (
        sample.status,
        sample.recipients,
        sample.reporting_mta,
    )


@pytest.mark.parametrize("sample", LAYOUTS, ids=lambda sample: sample.name)
def test_spans_lie_in_the_text(sample: Sample) -> None:
    """What a span says was read stands where the span says."""
    report = read_text(sample.text)
    assert report.spans
    for span in report.spans:
        assert 0 <= span.start <= span.end <= len(report.text)
        if span.says == "recipient" and span.end > span.start:
            assert "@" in report.text[span.start : span.end]


def test_every_recipient_has_its_own_code() -> None:
    """Recipients of one notification that failed for different reasons keep their own codes."""
    for sample in (texts.CLASSIC, texts.POSTFIX, texts.FIELDS):
        failures = read_text(sample.text).failures
        assert [failure.status for failure in failures] == [sample.status, "5.2.2"]


def test_the_reporter_follows_from_the_generating_server() -> None:
    """The wording proves nothing about Exchange Online; the generating server does."""
    assert read_text(texts.STATUS_TABLE.text).reporter is Reporter.EXCHANGE_ONLINE
    assert read_text(texts.CLASSIC.text).reporter is Reporter.EXCHANGE_SERVER
    assert read_text(texts.OUTLOOK_COM.text).reporter is Reporter.OUTLOOK_COM
    assert read_text(texts.POSTFIX.text).reporter is Reporter.OTHER


def test_what_surrounds_the_failure_is_read() -> None:
    """Diagnostic, SMTP reply, family, language, arrival and the box of who must act come out too."""
    table = read_text(texts.STATUS_TABLE.text)
    assert table.smtp_reply == "550"
    assert table.diagnostic is not None
    assert table.diagnostic.startswith("550 5.1.10")
    assert table.actor is Actor.SENDER
    assert table.language == "en"
    classic = read_text(texts.CLASSIC.text)
    assert (classic.subject, classic.sender) == ("Offer", "per.aas@contoso.com")
    fields = read_text(texts.FIELDS.text)
    assert fields.arrival == "2023-05-04T10:00:00+02:00"
    families = [
        read_text(sample.text).mta_family for sample in (texts.POSTFIX, texts.EXIM, texts.QMAIL)
    ]
    assert families == ["postfix", "exim", "qmail"]


def test_several_bounces_in_one_paste() -> None:
    """Two notifications pasted one after the other give the recipients of both, and say so."""
    first, second = (
        texts.CLASSIC.text,
        texts.CLASSIC.text.replace("nora.lind@", "ida@").replace("kai@", "bo@"),
    )
    report = read_text(f"{first}\n\n{second}")
    assert report.kind is Kind.BOUNCE
    assert report.recipients == (
        "nora.lind@fabrikam.com",
        "kai@fabrikam.com",
        "ida@fabrikam.com",
        "bo@fabrikam.com",
    )
    assert "several-bounces" in report.warnings


RETURNED = """{notice}

Original message headers:

Received: from unknown (203.0.113.9) by mx.contoso.com
Authentication-Results: mx.contoso.com; {results}
From: Per Aas <per.aas@contoso.com>
To: nora.lind@fabrikam.com
"""


@pytest.mark.parametrize(
    ("results", "verdict"),
    [
        ("spf=fail smtp.mailfrom=contoso.com; dkim=none; dmarc=fail action=none", True),
        ("spf=softfail; dkim=none; dmarc=fail", True),
        ("spf=pass; dkim=pass; dmarc=pass", False),
        ("spf=softfail; dkim=pass; dmarc=pass", False),
        ("spf=softfail; dkim=none", None),
    ],
)
def test_backscatter_needs_all_checks_together(results: str, *, verdict: bool | None) -> None:
    """One failed check proves nothing, forwarding breaks SPF every day; all together do."""
    notice = texts.REFUSED.text
    report = read_text(RETURNED.format(notice=notice, results=results))
    assert report.backscatter.verdict is verdict
    assert report.backscatter.reasons


def test_without_returned_headers_backscatter_is_unknown() -> None:
    """Only the top of a notification does not say who sent the original."""
    assert read_text(texts.STATUS_TABLE.text).backscatter.verdict is None
