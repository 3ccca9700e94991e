"""The catalogue of codes, and the fingerprints of articles."""

import re

from bot.content.fields import did_you_mean
from bot.content.problems import Findings, Place
from bot.content.sources import Content
from bot.model.ids import CodeRowId
from bot.recognise.recogniser import KNOWN_CODE, RECIPIENT_UNKNOWN, UNKNOWN_CODE

_CODE = re.compile(r"([245])\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})")
"""RFC 3463 section 2: class 2, 4 or 5, then subject and detail of up to three digits without leading zeros."""

_REPLY = re.compile(r"[245]\d\d(?:/[245]\d\d)*")


def codes_are_well_formed(content: Content, findings: Findings) -> None:
    """Every row has a code or a range as RFC 3463 writes them, or markers to be known by."""
    for row in content.rows.values():
        place = content.codes_file.at("codes", row.id, "code")
        if row.code is None:
            if not row.markers:
                findings.error(
                    place,
                    "no-code",
                    f"row '{row.id}' has neither a code nor markers; add one of them",
                )
        elif bounds(row.code) is None:
            findings.error(
                place,
                "bad-code",
                f"'{row.code}' is no enhanced status code; write 5.2.2, 5.7.900-999 or 5.4.6-5.4.20",
            )
        if row.smtp_reply is not None and not _REPLY.fullmatch(row.smtp_reply):
            findings.error(
                content.codes_file.at("codes", row.id, "smtp-reply"),
                "bad-code",
                f"'{row.smtp_reply}' is no SMTP reply; write 550, or 450/550",
            )


def articles_exist(content: Content, findings: Findings) -> None:
    """Every code leads to an article that exists."""
    for row in content.rows.values():
        if row.article and row.article not in content.articles:
            hint = did_you_mean(row.article, content.articles)
            place = content.codes_file.at("codes", row.id, "article")
            findings.error(
                place, "unknown-article", f"there is no article '{row.article}'; {hint}"
            )


def the_programs_articles_exist(content: Content, findings: Findings) -> None:
    """The articles that recognition falls back to are there."""
    for article in (KNOWN_CODE, RECIPIENT_UNKNOWN, UNKNOWN_CODE):
        if article not in content.articles:
            findings.error(
                Place(f"articles/{article}/article.yaml"),
                "missing-article",
                f"the bot needs the article '{article}' for codes without one of their own; write it",
            )


def fingerprints_say_something(content: Content, findings: Findings) -> None:
    """Every fingerprint has something to find, an example of it, and an id of its own."""
    owners: dict[str, str] = {}
    for source in content.articles.values():
        for at, fingerprint in enumerate(source.article.fingerprints):
            place = source.file.at("match", at)
            owner = owners.setdefault(fingerprint.id, source.article.id)
            if (
                owner != source.article.id
                or [f.id for f in source.article.fingerprints].index(fingerprint.id) != at
            ):
                findings.error(
                    place,
                    "twice",
                    f"fingerprint '{fingerprint.id}' exists in {owner}; rename this one",
                )
            if not (fingerprint.code or fingerprint.any or fingerprint.all):
                findings.error(
                    place,
                    "empty-fingerprint",
                    f"'{fingerprint.id}' matches anything; add `code`, `any` or `all`",
                )
            if not fingerprint.examples:
                findings.error(
                    place, "no-example", f"'{fingerprint.id}' needs at least one example"
                )
            if fingerprint.code is not None and bounds(fingerprint.code) is None:
                findings.error(
                    place,
                    "bad-code",
                    f"'{fingerprint.code}' is no enhanced status code; write it as 5.2.2",
                )


def rows_differ(content: Content, findings: Findings) -> None:
    """Rows that share a code have markers that tell them apart."""
    by_code: dict[str, list[CodeRowId]] = {}
    for row in content.rows.values():
        if row.code is not None:
            by_code.setdefault(row.code, []).append(row.id)
    for code, rows in by_code.items():
        bare = [id_ for id_ in rows if not content.rows[id_].markers]
        for id_ in bare[1:]:
            findings.warning(
                content.codes_file.at("codes", id_),
                "same-code",
                f"rows '{bare[0]}' and '{id_}' share {code} without markers; add markers to one of them",
            )
        seen: dict[str, CodeRowId] = {}
        for id_ in rows:
            for marker in content.rows[id_].markers:
                first = seen.setdefault(" ".join(marker.lower().split()), id_)
                if first != id_:
                    findings.warning(
                        content.codes_file.at("codes", id_, "markers"),
                        "same-marker",
                        f"'{marker}' belongs to row '{first}' of {code} already; remove one",
                    )


def bounds(code: str) -> tuple[tuple[int, int, int], tuple[int, int, int]] | None:
    """Return the first and last code that a code or a range names, or None when it is neither."""
    first, dash, last = code.partition("-")
    low = _CODE.fullmatch(first)
    if low is None:
        return None
    if dash and "." not in last:
        last = f"{low[1]}.{low[2]}.{last}"
    high = _CODE.fullmatch(last) if dash else low
    if high is None or high[1] != low[1]:
        return None
    start = (int(low[1]), int(low[2]), int(low[3]))
    end = (int(high[1]), int(high[2]), int(high[3]))
    return (start, end) if start <= end else None
