"""Whatever people paste or attach, reading never raises and never invents places in the text."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.intake import read_file, read_mail, read_msg, read_text
from bot.intake.layouts import PHRASES
from bot.intake.page import pages_of_text
from bot.intake.reading import read_page
from bot.intake.talk import TALK
from bot.model.report import Kind, Report
from tests.core.intake.texts import LAYOUTS

pieces = st.one_of(
    st.sampled_from([phrase for phrase, _ in (*PHRASES, *TALK)]),
    st.sampled_from([sample.text for sample in LAYOUTS]),
    st.sampled_from(
        [
            *(
                "550 5.1.10",
                "5.1.1O",
                "<a@b.com>:",
                "a@b",
                "\n\n",
                "> ",
                "| ",
                "=\n",
                "=C3=A5",
                "&lt;",
                "<p>",
                "</p>",
                "<br>",
            ),
            *(
                "Content-Type: multipart/mixed; boundary=b\n\n",
                "--b\n",
                "--b--\n",
                "Final-Recipient: ",
                "Status: ",
                "Action: ",
            ),
            *(
                "From: ",
                "Received: from x\n",
                "password: ",
                "\ud800",
                "\x00",
                "İ",
                "\u200b",
                "[a](",
                "**",
                "RCPT TO:",
                "@",
            ),
        ]
    ),
    st.text(max_size=40),
)
pastes = st.lists(pieces, max_size=12).map("".join)


def sound(report: Report) -> None:
    """Assert what holds for any report."""
    assert report.text.encode("utf-8") is not None
    for span in report.spans:
        assert 0 <= span.start <= span.end <= len(report.text)
    if report.kind is Kind.NOT_BOUNCE:
        assert not report.failures
    assert len(report.failures) <= 50


@settings(max_examples=400, deadline=None)
@given(pastes)
def test_any_text(text: str) -> None:
    """No text makes it raise."""
    sound(read_text(text))


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(st.binary(max_size=400), pastes.map(lambda text: text.encode("utf-8", "replace")))
)
def test_any_bytes(data: bytes) -> None:
    """No bytes make it raise, as a mail, as an Outlook file, or as whatever they look like."""
    for read in (read_file, read_mail, read_msg):
        sound(read(data))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=3000))
def test_broken_outlook_files(data: bytes) -> None:
    """An Outlook file that is only one by its first bytes is said to be unreadable."""
    report = read_file(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + data)
    assert report.kind is Kind.NOT_BOUNCE
    assert "attachment-unreadable" in report.warnings


@settings(max_examples=60, deadline=None)
@given(pastes)
def test_reading_twice_reads_the_same(text: str) -> None:
    """The same text always gives the same report."""
    assert read_text(text) == read_text(text)


@settings(max_examples=500, deadline=None)
@given(st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=4))
def test_a_typed_answer_is_read_as_the_whole_way_would_read_it(text: str) -> None:
    """What is too short to say anything takes a short cut that changes nothing."""
    ((_, page),) = pages_of_text(text)
    assert read_text(text) == read_page(page)
