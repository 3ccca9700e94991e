"""What a report means to us: which article answers it, how sure we are, and what decided it."""

from enum import StrEnum

import msgspec

from bot.model.ids import ArticleId, CodeRowId
from bot.model.report import Span


class Confidence(StrEnum):
    """How sure a match is. There is no number: a user can act on a word, not on 0.83."""

    CERTAIN = "certain"
    LIKELY = "likely"


class Evidence(msgspec.Struct, frozen=True):
    """One reason for a match."""

    rule: str
    """Id of the fingerprint or the built-in rule that spoke."""
    detail: str
    """The code or the phrase it found."""
    span: Span | None = None


class Candidate(msgspec.Struct, frozen=True):
    """An article that could answer, with its reasons: what `match --explain` lists."""

    article: ArticleId
    confidence: Confidence
    evidence: tuple[Evidence, ...] = ()
    row: CodeRowId | None = None


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict: the winning article, or none."""

    article: ArticleId | None = None
    row: CodeRowId | None = None
    """Row of `codes.yaml` that names the code, also when an article of its own answers it."""
    confidence: Confidence | None = None
    evidence: tuple[Evidence, ...] = ()
    others: tuple[Candidate, ...] = ()
    """Who came next, best first."""
    headline_only: bool = False
    """Only a headline was read that stands over several codes: ask for the line that settles it."""
