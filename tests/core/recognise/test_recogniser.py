"""Which article answers a report: fingerprints and codes decide, and everything is said about why."""

from __future__ import annotations

from time import process_time

import pytest

from bot.intake import read_text
from bot.model.ids import ArticleId, CodeRowId, Language, NodeId
from bot.model.library import Article, CodeRow, Codes, Fingerprint, Library
from bot.model.match import Confidence, Match
from bot.model.report import Kind
from bot.recognise import Recogniser
from bot.recognise.codebook import Codebook, parse_range
from tests.core.intake import texts

OWN = ArticleId("5.1.10")


@pytest.fixture(scope="module")
def recogniser(library: Library) -> Recogniser:
    """Return a recogniser of the real content."""
    return Recogniser(library)


def row(name: str, code: str | None, *markers: str, **more: str) -> CodeRow:
    """Return a row of a code table."""
    return CodeRow(
        id=CodeRowId(name),
        code=code,
        category=more.get("category", "policy"),
        fixers=(),
        permanent=True,
        retry_may_help=False,
        article=ArticleId(more.get("article", "known-code")),
        prose={},
        smtp_reply=more.get("smtp_reply"),
        markers=markers,
    )


def library_of(*marks: Fingerprint, rows: tuple[CodeRow, ...] = ()) -> Library:
    """Return a library with fingerprints and code rows, and nothing to say."""
    names = dict.fromkeys(mark.article for mark in marks)
    articles = {
        name: Article(
            id=name,
            start=NodeId("start"),
            nodes={},
            prose={},
            blocks={},
            fingerprints=tuple(mark for mark in marks if mark.article == name),
        )
        for name in names
    }
    codes = Codes(rows={one.id: one for one in rows}, categories={}, families={}, fixers={})
    return Library(
        version="1",
        default=Language("en"),
        languages={},
        articles=articles,
        codes=codes,
        words={},
        links={},
    )


def mark(
    name: str, article: str = "a", confidence: Confidence = Confidence.CERTAIN, **more: object
) -> Fingerprint:
    """Return a fingerprint."""
    return Fingerprint(id=name, article=ArticleId(article), confidence=confidence, **more)  # type: ignore[arg-type]


def recognise(text: str, library: Library) -> Match:
    """Return what a library makes of a text."""
    return Recogniser(library).recognise(read_text(text))


@pytest.mark.parametrize(
    ("text", "article", "confidence"),
    [
        (texts.STATUS_TABLE.text, "5.1.10", Confidence.CERTAIN),
        (texts.CLASSIC.text, "5.1.10", Confidence.CERTAIN),
        (
            "Remote Server retumed '550 5,1,10 RESOLVER,ADR,RecipientNotFound'",
            "5.1.10",
            Confidence.LIKELY,
        ),
        ("my mail to nora@fabrikam.com came back with 5.1.10", "5.1.10", Confidence.LIKELY),
        (texts.EXCHANGE_2007.text, "recipient-unknown", Confidence.CERTAIN),
        (texts.REFUSED.text, "recipient-unknown", Confidence.CERTAIN),
        (texts.OUTLOOK_COM.text, "recipient-unknown", Confidence.CERTAIN),
        (texts.HYBRID.text, "known-code", Confidence.CERTAIN),
        ("Remote Server returned '550 5.9.9 never heard of'", "unknown-code", Confidence.CERTAIN),
        ("got 550 5.7.1 back from nora@fabrikam.com", "known-code", Confidence.LIKELY),
    ],
)
def test_the_article_that_answers(
    recogniser: Recogniser, text: str, article: str, confidence: Confidence
) -> None:
    """The code with its evidence picks the article, and how surely."""
    match = recogniser.recognise(read_text(text))
    assert (match.article, match.confidence) == (article, confidence)
    assert match.evidence


NULL_MX = [
    (
        "<info@example.net>: Domain example.net does not accept mail (nullMX)\n\n"
        "Final-Recipient: rfc822; info@example.net\nAction: failed\nStatus: 5.1.10"
    ),
    "556 5.1.10 example.net does not accept mail (null MX)",
    (
        "Your message cannot be delivered to the following recipients:\n\nRecipient address: info@example.net\n"
        "Reason: host/domain does not accept mail\n\nReporting-MTA: dns;mail.contoso.com\n\n"
        "Final-recipient: rfc822;info@example.net\nAction: failed\nStatus: 5.1.10 (host/domain does not accept mail)"
    ),
]


@pytest.mark.parametrize("text", NULL_MX)
def test_a_null_mx_is_not_exchanges_code(recogniser: Recogniser, text: str) -> None:
    """RFC 7505 gives 5.1.10 for a domain that takes no mail at all; that is another cause with another answer."""
    report = read_text(text)
    match = recogniser.recognise(report)
    assert report.status == "5.1.10"
    assert match.article is not None
    assert match.article != OWN


def test_another_mail_systems_bare_code_is_not_exchanges(recogniser: Recogniser) -> None:
    """The number alone, reported by another mail system, does not make it Exchange's error."""
    text = texts.SENDMAIL.text.replace("5.1.1 ", "5.1.10 ")
    assert recogniser.recognise(read_text(text)).article != OWN


def test_the_headline_alone_asks_for_more(recogniser: Recogniser) -> None:
    """The headline of the status table stands over several codes, so it is only likely, and said to be all there was."""
    match = recogniser.recognise(
        read_text(
            "Your message to nora@fabrikam.com couldn't be delivered.\n\nnora wasn't found at fabrikam.com."
        )
    )
    assert (match.article, match.confidence, match.headline_only) == (OWN, Confidence.LIKELY, True)
    assert not recogniser.recognise(read_text(texts.STATUS_TABLE.text)).headline_only


@pytest.mark.parametrize(
    "text", ["What does 5.1.10 mean?", "Thanks!", "", "Read: Offer", "We run version 5.1.10"]
)
def test_what_is_no_bounce_has_no_article(recogniser: Recogniser, text: str) -> None:
    """Without a bounce there is nothing to answer."""
    match = recogniser.recognise(read_text(text))
    assert (match.article, match.confidence, match.others) == (None, None, ())


def test_a_question_keeps_its_code(recogniser: Recogniser) -> None:
    """A question that only mentions a code is unsure; the code and its row are there to ask about."""
    report = read_text("What does 5.2.2 mean?")
    assert report.kind is Kind.UNSURE
    assert report.status == "5.2.2"
    assert recogniser.recognise(report).row is not None


def test_every_row_is_reached_by_its_markers(library: Library, recogniser: Recogniser) -> None:
    """Each row of the code table is found by each of its markers behind its own code."""
    for one in library.codes.rows.values():
        codes = parse_range(one.code) if one.code else None
        for marker in one.markers:
            number = ".".join(str(part) for part in codes.low) if codes else ""
            text = f"Generating server: ex01.fabrikam.com\n\nnora@fabrikam.com\nRemote Server returned '550 {number} {marker}'"
            match = recogniser.recognise(read_text(text))
            assert match.row is not None, (one.id, marker)
            found = library.codes.rows[match.row]
            assert found.id == one.id or marker in found.markers or found.code != one.code, (
                one.id,
                marker,
                found.id,
            )


ROWS = (
    row("full", "5.2.2", "mailbox full"),
    row("quota", "5.2.2", "submission quota", smtp_reply="554"),
    row("loop", "5.4.6-5.4.20"),
    row("rule", "5.7.900-999"),
    row("exact", "5.7.905"),
    row("wordless", None, "too many recipients to count"),
)


@pytest.mark.parametrize(
    ("code", "reply", "text", "name"),
    [
        ("5.2.2", "552", "mailbox full", "full"),
        ("5.2.2", "552", "submission quota exceeded", "quota"),
        ("5.2.2", "554", "", "quota"),
        ("5.2.2", None, "", "full"),
        ("5.4.6", None, "", "loop"),
        ("5.4.20", None, "", "loop"),
        ("5.4.21", None, "", None),
        ("5.7.900", None, "", "rule"),
        ("5.7.999", None, "", "rule"),
        ("5.7.905", None, "", "exact"),
        ("5.7.1000", None, "", None),
        (None, None, "too many recipients to count", "wordless"),
        ("4.2.2", None, "mailbox full", None),
    ],
)
def test_rows_of_one_code(
    code: str | None, reply: str | None, text: str, name: str | None
) -> None:
    """Markers tell rows of one code apart, then the SMTP reply; the narrowest range wins."""
    book = Codebook(ROWS)
    from bot.model.phrases import Folded  # noqa: PLC0415 - only this test looks inside

    found = book.row_of(code, reply, book.markers_in(Folded(text)))
    assert (found.row.id if found else None) == name


def test_phrases_and_codes_of_a_fingerprint() -> None:
    """`all`, `any`, `none` and `code` mean what the authors' guide says, whatever the case and the white space."""
    one = mark(
        "m",
        code="5.7.1",
        any=("first phrase", "second phrase"),
        all=("always there",),
        none=("never this",),
    )
    library = library_of(one)
    start = "Remote Server returned '550 5.7.1 "
    assert recognise(f"{start}ALWAYS\n there, second   Phrase'", library).article == "a"
    assert recognise(f"{start}always there'", library).article == "unknown-code"
    assert recognise(f"{start}second phrase'", library).article == "unknown-code"
    assert (
        recognise(f"{start}always there second phrase never this'", library).article
        == "unknown-code"
    )
    assert (
        recognise("Remote Server returned '550 5.7.2 always there first phrase'", library).article
        == "unknown-code"
    )


def test_who_comes_first() -> None:
    """Certain before likely, the longer evidence before the shorter, then the id: never by chance."""
    marks = (
        mark("likely", "z", Confidence.LIKELY, any=("mailbox of nora",), code="5.7.1"),
        mark("short", "y", any=("mailbox",), code="5.7.1"),
        mark("long", "x", any=("mailbox of nora",), code="5.7.1"),
        mark("same", "w", any=("mailbox of nora",), code="5.7.1"),
    )
    text = "Remote Server returned '550 5.7.1 the mailbox of nora'"
    for order in (marks, marks[::-1]):
        match = recognise(text, library_of(*order))
        assert match.article == "w"
        assert [other.article for other in match.others] == ["x", "y", "z", "unknown-code"]


def test_the_evidence_stands_in_the_text(recogniser: Recogniser) -> None:
    """Each piece of evidence with a place shows what it names at that place."""
    report = read_text(texts.STATUS_TABLE.text)
    match = recogniser.recognise(report)
    shown = [piece for piece in match.evidence if piece.span]
    assert shown
    for piece in shown:
        assert piece.span is not None
        there = " ".join(report.text[piece.span.start : piece.span.end].lower().split())
        assert there == piece.detail.lower()


def many(count: int) -> Library:
    """Return a library with a number of fingerprints that resemble each other."""
    words = (
        "mailbox",
        "recipient",
        "server",
        "delivery",
        "policy",
        "address",
        "rejected",
        "unknown",
    )
    return library_of(
        *(
            mark(
                f"m{n}",
                f"a{n % 50}",
                any=(f"{words[n % 8]} {words[n // 8 % 8]} case {n}",),
                all=("remote server",),
            )
            for n in range(count)
        )
    )


def test_a_thousand_fingerprints_cost_little_more_than_a_hundred() -> None:
    """The cost follows the text, not the number of fingerprints."""
    reports = [read_text(sample.text) for sample in texts.LAYOUTS]

    def cost(recogniser: Recogniser) -> float:
        best = float("inf")
        for _ in range(7):
            started = process_time()
            for _ in range(10):
                for report in reports:
                    recogniser.recognise(report)
            best = min(best, process_time() - started)
        return best

    hundred, thousand = Recogniser(many(100)), Recogniser(many(1_000))
    assert cost(thousand) < 2 * cost(hundred)
