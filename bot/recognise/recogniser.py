"""Decides which article answers a report, and says what decided it."""

from __future__ import annotations

from bot.model.ids import ArticleId, CodeRowId
from bot.model.library import Library
from bot.model.match import Candidate, Confidence, Evidence, Match
from bot.model.phrases import Folded, Found
from bot.model.report import Kind, Report, Reporter, Span
from bot.recognise.codebook import Codebook, RowMatch
from bot.recognise.fingerprints import Bearing, FingerprintIndex

UNKNOWN_CODE = ArticleId("unknown-code")
KNOWN_CODE = ArticleId("known-code")
RECIPIENT_UNKNOWN = ArticleId("recipient-unknown")

_RECIPIENT_UNKNOWN_CATEGORY = "recipient-unknown"
_SHOWN_PHRASES = (
    "phrase:list",
    "phrase:wrapper",
    "phrase:failed",
    "phrase:fields",
    "phrase:headline",
)
_CODES_OF_EXCHANGE = (Reporter.EXCHANGE_ONLINE, Reporter.EXCHANGE_SERVER, Reporter.UNKNOWN)


class Recogniser:
    """Matches reports against one library. Built once; its cost follows the text, not the number of fingerprints."""

    def __init__(self, library: Library) -> None:
        """Index the library's fingerprints and codes."""
        self._fingerprints = FingerprintIndex(
            mark for article in library.articles.values() for mark in article.fingerprints
        )
        self._codebook = Codebook(library.codes.rows.values())
        self._own_marks = frozenset(
            article.id for article in library.articles.values() if article.fingerprints
        )

    def recognise(self, report: Report) -> Match:
        """Return the article that answers the report, why, and who came next. Nothing for what is no bounce."""
        if report.kind is not Kind.BOUNCE:
            return Match(row=self._row_named(report))
        texts = self._texts(report)
        borne = self._fingerprints.borne(texts, report.codes)
        named = self._codebook.row_of(report.status, report.smtp_reply, self._markers(texts))
        candidates = [
            self._by_fingerprint(report, bearing, named)
            for bearing in borne
            if _counts(report, bearing)
        ]
        candidates.append(self._by_row(report, named))
        ranked = sorted(candidates, key=_rank)
        best = ranked[0].candidate
        others: dict[ArticleId, Candidate] = {}
        for runner_up in ranked[1:]:
            if runner_up.candidate.article != best.article:
                others.setdefault(runner_up.candidate.article, runner_up.candidate)
        return Match(
            article=best.article,
            row=best.row,
            confidence=best.confidence,
            evidence=best.evidence,
            others=tuple(others.values()),
            headline_only=_headline_only(report),
        )

    def _row_named(self, report: Report) -> CodeRowId | None:
        if not report.status:
            return None
        named = self._codebook.row_of(
            report.status, report.smtp_reply, self._markers(self._texts(report))
        )
        return named.row.id if named else None

    @staticmethod
    def _texts(report: Report) -> tuple[Folded, ...]:
        """Return what may bear a fingerprint: the text before the returned message, and every diagnostic."""
        returned = next((span.start for span in report.spans if span.says == "returned"), None)
        said = "\n".join(dict.fromkeys(f.diagnostic for f in report.failures if f.diagnostic))
        own = Folded(report.text[:returned])
        # In a paste the delivery-status fields may stand after the returned headers.
        return (own,) if not said or said.lower() in own.text else (own, Folded(said))

    def _markers(self, texts: tuple[Folded, ...]) -> dict[CodeRowId, list[Found[CodeRowId]]]:
        found: dict[CodeRowId, list[Found[CodeRowId]]] = {}
        for folded in texts:
            for row_id, hits in self._codebook.markers_in(folded).items():
                found.setdefault(row_id, hits)
        return found

    def _by_fingerprint(self, report: Report, bearing: Bearing, named: RowMatch | None) -> _Ranked:
        mark = bearing.fingerprint
        confidence = Confidence.LIKELY if _slipped(report) else mark.confidence
        evidence = [
            Evidence(mark.id, hit.phrase, _span_of(report, hit.start, hit.phrase))
            for hit in bearing.phrases
        ]
        if mark.code:
            evidence.insert(0, Evidence(mark.id, mark.code, _status_span(report)))
        decisive = mark.code is not None and mark.code == report.status
        row = named.row.id if named else None
        return _Ranked(
            Candidate(mark.article, confidence, tuple(evidence), row),
            (
                0 if confidence is Confidence.CERTAIN else 1,
                0 if decisive else 1,
                0,
                -bearing.weight,
                mark.article,
                mark.id,
            ),
        )

    def _by_row(self, report: Report, named: RowMatch | None) -> _Ranked:
        confidence = _row_confidence(report, named)
        certain = 0 if confidence is Confidence.CERTAIN else 1
        if named is None:
            detail = report.status or "no code"
            evidence: tuple[Evidence, ...] = (
                Evidence("code-without-row", detail, _status_span(report)),
            )
            return _Ranked(
                Candidate(UNKNOWN_CODE, confidence, evidence), (certain, 0, 2, 0, UNKNOWN_CODE, "")
            )
        row = named.row
        article = row.article
        if article in self._own_marks:
            # An article with fingerprints answers only what bears one: the same number can mean something else
            # (5.1.10 of RFC 7505 says that a domain takes no mail at all).
            article = (
                RECIPIENT_UNKNOWN if row.category == _RECIPIENT_UNKNOWN_CATEGORY else KNOWN_CODE
            )
        evidence = (
            Evidence("code-row", row.code or row.id, _status_span(report)),
            *(
                Evidence("marker", hit.phrase, _span_of(report, hit.start, hit.phrase))
                for hit in named.markers
            ),
        )
        return _Ranked(
            Candidate(article, confidence, evidence, row.id), (certain, 0, 1, 0, article, row.id)
        )


class _Ranked:
    """A candidate with what orders it: certain first, the decisive code first, then the more particular evidence."""

    __slots__ = ("candidate", "order")

    def __init__(self, candidate: Candidate, order: tuple[int, int, int, int, str, str]) -> None:
        self.candidate = candidate
        self.order = order


def _rank(ranked: _Ranked) -> tuple[int, int, int, int, str, str]:
    certain, decisive, source, weight, article, mark = ranked.order
    # A fingerprint goes before a row of the code table, however sure both are: it is the more particular of the two.
    return (source, certain, decisive, weight, article, mark)


def _counts(report: Report, bearing: Bearing) -> bool:
    """Return whether a fingerprint may speak: a bare code of another mail system is not Exchange's."""
    mark = bearing.fingerprint
    if mark.code is None:
        # Phrases without a code speak for certain or where no code was read; else the code knows better.
        return mark.confidence is Confidence.CERTAIN or report.status is None
    if mark.code != report.status and all(
        failure.status != mark.code for failure in report.failures
    ):
        return False
    return bool(bearing.phrases) or report.reporter in _CODES_OF_EXCHANGE


def _headline_only(report: Report) -> bool:
    return not report.codes and any(span.says == "phrase:headline" for span in report.spans)


def _slipped(report: Report) -> bool:
    return any(span.says == "status-slip" for span in report.spans)


def _row_confidence(report: Report, named: RowMatch | None) -> Confidence:
    if report.status is None or _slipped(report):
        return Confidence.LIKELY
    shown = any(span.says in _SHOWN_PHRASES for span in report.spans)
    said = bool(report.smtp_reply) and named is not None and bool(named.markers)
    return Confidence.CERTAIN if shown or said else Confidence.LIKELY


def _status_span(report: Report) -> Span | None:
    return next((span for span in report.spans if span.says in ("status", "status-slip")), None)


def _span_of(report: Report, start: int, phrase: str) -> Span | None:
    end = start + len(phrase)
    said = report.text[start:end].lower()
    if said != phrase and said.split() != phrase.split():
        start = report.text.lower().find(phrase)
        end = start + len(phrase)
    return Span(start, end, f"phrase:{phrase}") if start >= 0 else None
