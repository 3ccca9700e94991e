"""A bounce stays the same bounce, however it was copied: re-quoted, re-wrapped, dressed up, cut below the diagnostic."""

from __future__ import annotations

import html
import re
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.intake import read_text
from bot.model.report import Kind
from tests.core.intake import texts
from tests.core.intake.texts import LAYOUTS, Sample

samples = st.sampled_from(LAYOUTS)


def same(sample: Sample, text: str) -> None:
    """Assert that a bent text still says what the sample says."""
    report = read_text(text)
    assert report.kind is Kind.BOUNCE
    assert (report.status, report.recipients, report.reporting_mta) == (
        sample.status,
        sample.recipients,
        sample.reporting_mta,
    )


@given(samples, st.sampled_from(["> ", ">", "| ", ">> ", "> > ", "  > "]))
def test_requoted(sample: Sample, quote: str) -> None:
    """Quoting marks before every line change nothing."""
    same(sample, "\n".join(quote + line for line in sample.text.split("\n")))


@given(samples, st.sampled_from([56, 60, 66, 72, 76, 80, 100]), st.sampled_from(["", "> "]))
def test_rewrapped(sample: Sample, width: int, quote: str) -> None:
    """Lines that a mail program broke anew, quoted or not, change nothing."""
    lines: list[str] = []
    for line in sample.text.split("\n"):
        broken = textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False)
        lines += broken or [""]
    same(sample, "\n".join(quote + line for line in lines))


def paragraphs(text: str) -> str:
    """Return each line as a paragraph of its own."""
    return "<div>" + "".join(f"<p>{line or '&nbsp;'}</p>" for line in text.split("\n")) + "</div>"


def quoted(text: str) -> str:
    """Return the text as a quotation below a mention."""
    breaks = text.replace("\n", "<br>")
    return f'<p><at id="0">Helpdesk</at>&nbsp;please look</p><blockquote itemtype="x">{breaks}</blockquote>'


def boxed(text: str) -> str:
    """Return the text in nested boxes, with breaks."""
    return "<div><div>" + text.replace("\n", "<br>\n") + "</div></div>"


def coded(text: str) -> str:
    """Return the text as a code block."""
    breaks = text.replace("\n", "<br>")
    return f'<codeblock class=""><code>{breaks}</code></codeblock>'


@given(samples, st.sampled_from([paragraphs, quoted, boxed, coded]))
def test_teams_html(sample: Sample, dress: object) -> None:
    """Teams sends HTML: paragraphs, breaks, a mention, a quotation, a code block."""
    assert callable(dress)
    same(sample, str(dress(html.escape(sample.text, quote=False))))


@given(samples)
def test_markdown(sample: Sample) -> None:
    """Forums and chats turn addresses into links and words into bold ones."""
    text = re.sub(r"(?<![<:\w.])([\w.]+@[\w.]+\w)(?![>\w:])", r"[\1](mailto:\1)", sample.text)
    same(sample, re.sub(r"(?<![\w*])(couldn't|failed|Status)(?![\w*])", r"**\1**", text))


@given(samples, st.data())
def test_typography(sample: Sample, data: st.DataObject) -> None:
    """No-break blanks, zero-width signs, curly quotes and other line ends change nothing."""
    text = sample.text.replace("'", "\u2019").replace(
        "\n", data.draw(st.sampled_from(["\n", "\r\n", "\r"]))
    )
    places = [place for place, sign in enumerate(text) if sign == " "]
    for place in data.draw(st.lists(st.sampled_from(places), max_size=20)) if places else []:
        text = f"{text[:place]}\u00a0{text[place + 1 :]}"
    return same(
        sample,
        "\ufeff" + text.replace("Status", "Sta\u200btus").replace("Recipient", "Reci\u00adpient"),
    )


@given(samples)
def test_quoted_printable_residue(sample: Sample) -> None:
    """Source copied from a mail keeps soft line breaks and octets."""
    lines: list[str] = []
    for line in sample.text.replace("=", "=3D").encode("ascii", "ignore").decode().split("\n"):
        pieces = textwrap.wrap(line, 70, drop_whitespace=False, break_on_hyphens=False) or [""]
        lines.append("=\n".join(pieces))
    if sample.text.isascii():
        same(sample, "\n".join(lines))
    else:
        assert read_text("\n".join(lines)).status is None


ONE_LINE = [sample for sample in LAYOUTS if sample not in (texts.DOMINO, texts.EXCHANGE_2003)]


@pytest.mark.parametrize("sample", ONE_LINE, ids=lambda sample: sample.name)
def test_every_line_break_lost(sample: Sample) -> None:
    """A form that takes one line only leaves the words, and they are enough for code and kind."""
    report = read_text(re.sub(r"\s+", " ", sample.text))
    assert report.kind is Kind.BOUNCE
    assert report.status == sample.status
    assert set(sample.recipients) <= set(report.recipients)


CUT = [texts.STATUS_TABLE, texts.CLASSIC, texts.HYBRID, texts.REFUSED, texts.EXIM, texts.QMAIL]


@given(st.sampled_from(CUT), st.data())
def test_cut_below_the_diagnostic(sample: Sample, data: st.DataObject) -> None:
    """What stands below the last diagnostic line can be missing, in the middle of a word too."""
    ends = [
        match.end() for match in re.finditer(r"(?m)^.*(?:5\.\d\.\d+|generated by).*$", sample.text)
    ]
    same(sample, sample.text[: data.draw(st.integers(ends[-1], len(sample.text)))])


@given(
    samples,
    st.sampled_from(
        [
            "From: postmaster@contoso.com\nTo: per.aas@contoso.com\nSubject: Undeliverable: Offer\n\n",
            "Hi, can you look at this?\n\n",
            "fwd:\n",
        ]
    ),
)
def test_something_before_it(sample: Sample, before: str) -> None:
    """A greeting, or some headers of the notification, may stand before it; their addresses did not fail."""
    same(sample, before + sample.text)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("Status code: ５５０ ５.１.１０ Recipient Address: nora@fabrikam.com", "5.1.10"),
        ("Remote Server returned '550 5.1.1O RESOLVER.ADR.RecipientNotFound'", "5.1.10"),
        ("Remote Server returned '550 5.1.l0 RESOLVER.ADR.RecipientNotFound'", "5.1.10"),
        ("Remote Server retumed '550 5,1,10 RESOLVER,ADR,RecipientNotFound'", "5.1.10"),
        ("550 5 . 1 . 10 RESOLVER.ADR.RecipientNotFound", "5.1.10"),
        ("550 5.1. 10 RESOLVER. ADR. RecipientNotFound", "5.1.10"),
        ("550\u00a05.1.10\u00a0RESOLVER.ADR.RecipientNotFound", "5.1.10"),
        ("550 5.\u200b1.\u200b10 RESOLVER.ADR.Recipient\u200bNotFound", "5.1.10"),
        (
            "550 5.1.10 RESOLVER.ADR.Recipien=\ntNotFound; Recipient not found by SMTP address lookup",
            "5.1.10",
        ),
        ("550-5.1.10 RESOLVER.ADR.RecipientNotFound", "5.1.10"),
        ("#5.1.10 smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound", "5.1.10"),
        ("We run version 5.1.1O of the tool", None),
    ],
)
def test_slips(text: str, status: str | None) -> None:
    """Typing, scanning and copying slips in a code are forgiven where it is surely a code."""
    assert read_text(text).status == status
