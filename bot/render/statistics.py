"""The numbers of a span of time as a page for the helpdesk's channel."""

from datetime import timedelta

from babel import Locale
from babel.core import UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_percent
from babel.units import format_unit

from bot.model.ids import Language
from bot.model.library import Library
from bot.model.outgoing import (
    Element,
    Fact,
    Facts,
    Heading,
    Outgoing,
    Paragraph,
    Subheading,
)
from bot.model.statistics import By, Dialogs, Row, Spread, Statistics, Tickets
from bot.model.ticket import Outcome
from bot.render.speech import Speech

ROWS = 8
"""Rows that a card shows of what the numbers are told apart by; `bouncedesk stats` has the others."""

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400

_OUTCOMES = (
    Outcome.SOLVED,
    Outcome.ADVISED,
    Outcome.EXIT,
    Outcome.HANDED_OVER,
    Outcome.ABANDONED,
)
"""How a dialog can have ended, in the order in which it is told."""


def statistics_page(stats: Statistics, library: Library, language: Language) -> Outgoing:
    """Return the numbers with the counts that they come from.

    Shares are of the dialogs that have ended; those that still go on are counted apart, and never as solved.
    """
    speech = Speech(library, language)
    locale = _locale(language)
    title = speech.plain("stats-title")
    last = stats.until - timedelta(microseconds=1)
    period = speech.plain(
        "stats-period",
        since=format_date(stats.since, "medium", locale=locale),
        until=format_date(last, "medium", locale=locale),
    )
    body: tuple[Element, ...] = (Paragraph(speech.word("stats-nothing")),)
    if stats.dialogs.total or stats.tickets.opened:
        body = (
            Subheading(speech.word("stats-dialogs")),
            Facts(_dialogs(speech, locale, stats.dialogs)),
            Subheading(speech.word("stats-tickets")),
            Facts(_tickets(speech, locale, stats.tickets)),
            *_rows(speech, stats),
            Paragraph(speech.word("stats-honest"), quiet=True),
        )
    return Outgoing(
        language=language,
        summary=title,
        elements=(Heading(speech.word("stats-title"), period), *body),
    )


def _dialogs(speech: Speech, locale: Locale, dialogs: Dialogs) -> tuple[Fact, ...]:
    still_open = str(dialogs.outcomes[Outcome.OPEN])
    facts = [
        Fact(
            speech.plain("stats-all"),
            speech.plain("stats-dialogs-total", total=str(dialogs.total), open=still_open),
        )
    ]
    facts += [
        Fact(
            speech.plain(f"stats-{outcome.value}"),
            _share(speech, locale, dialogs.outcomes[outcome], dialogs.ended),
        )
        for outcome in _OUTCOMES
    ]
    said = dialogs.useful + dialogs.not_useful
    facts.append(Fact(speech.plain("stats-useful"), _share(speech, locale, dialogs.useful, said)))
    return tuple(facts)


def _tickets(speech: Speech, locale: Locale, tickets: Tickets) -> tuple[Fact, ...]:
    total = speech.plain(
        "stats-tickets-total",
        total=str(tickets.opened),
        open=str(tickets.open),
        urgent=str(tickets.urgent),
        withdrawn=str(tickets.withdrawn),
    )
    return (
        Fact(speech.plain("stats-all"), total),
        *(
            Fact(speech.plain(name), _spread(speech, locale, spread, tickets.opened))
            for name, spread in (
                ("stats-claim", tickets.claim),
                ("stats-resolve", tickets.resolve),
            )
        ),
    )


def _rows(speech: Speech, stats: Statistics) -> tuple[Element, ...]:
    shown = stats.rows[-ROWS:] if stats.by is By.WEEK else stats.rows[:ROWS]
    if not shown:
        return ()
    return (
        Subheading(speech.word(f"stats-by-{stats.by.value}")),
        Facts(tuple(Fact(_name(speech, row, stats.by), _row(speech, row)) for row in shown)),
    )


def _name(speech: Speech, row: Row, by: By) -> str:
    if row.value and by is By.LANGUAGE:
        spoken = speech.library.languages.get(Language(row.value))
        return spoken.name if spoken else row.value
    return row.value or speech.plain("stats-without")


def _row(speech: Speech, row: Row) -> str:
    parts = []
    if row.dialogs is not None:
        parts.append(
            speech.plain(
                "stats-row-dialogs",
                total=str(row.dialogs.total),
                solved=str(row.dialogs.outcomes[Outcome.SOLVED]),
            )
        )
    if row.tickets is not None:
        parts.append(speech.plain("stats-row-tickets", total=str(row.tickets.opened)))
    return " · ".join(parts)


def _share(speech: Speech, locale: Locale, count: int, total: int) -> str:
    """Return a count with its share; of nothing there is no share."""
    if not total:
        return speech.plain("stats-none")
    percent = format_percent(count / total, locale=locale)
    return speech.plain("stats-share", count=str(count), total=str(total), percent=percent)


def _spread(speech: Speech, locale: Locale, spread: Spread | None, total: int) -> str:
    if spread is None:
        return speech.plain("stats-none")
    return speech.plain(
        "stats-spread",
        median=_duration(spread.median, locale),
        ninetieth=_duration(spread.ninetieth, locale),
        count=str(spread.count),
        total=str(total),
    )


def _duration(seconds: float, locale: Locale) -> str:
    """Return a time in its two largest units: nobody plans by seconds after an hour."""
    whole = round(seconds)
    if whole < _MINUTE:
        parts = [(whole, "duration-second")]
    elif whole < _HOUR:
        parts = [(round(whole / _MINUTE), "duration-minute")]
    elif whole < _DAY:
        minutes = round(whole / _MINUTE)
        parts = [(minutes // 60, "duration-hour"), (minutes % 60, "duration-minute")]
    else:
        hours = round(whole / _HOUR)
        parts = [(hours // 24, "duration-day"), (hours % 24, "duration-hour")]
    return " ".join(
        format_unit(number, unit, length="short", locale=locale)
        for at, (number, unit) in enumerate(parts)
        if number or at == 0
    )


def _locale(language: Language) -> Locale:
    """Return how a language writes dates and numbers; one that Babel does not know writes them as English does."""
    try:
        return Locale.parse(language, sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale("en")
