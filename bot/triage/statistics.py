"""Counting, honestly: how dialogs came out and how long tickets took, from what the store keeps of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING, TypeVar

from bot.model.statistics import By, Dialogs, Row, Spread, Statistics, Tickets
from bot.model.ticket import OPEN_STATES, Outcome, State
from bot.render.statistics import statistics_page

if TYPE_CHECKING:
    from bot.model.ids import Language
    from bot.model.library import Library
    from bot.model.outgoing import Outgoing
    from bot.ports import Course, Recorded, Upkeep

RECENT = timedelta(days=28)
"""The span that statistics are about where none is asked for: whole weeks, so that no weekend counts twice."""

T = TypeVar("T")


async def statistics_card(
    store: Upkeep, library: Library, language: Language, now: datetime
) -> Outgoing:
    """Return the page with the numbers of the last four weeks. Raises StoreUnavailable."""
    return statistics_page(await read_statistics(store, now - RECENT, now), library, language)


async def read_statistics(
    store: Upkeep, since: datetime, until: datetime, by: By = By.CODE
) -> Statistics:
    """Return the numbers of a span of time (`until` not included). Raises StoreUnavailable."""
    recorded = await store.outcomes(since, until)
    courses = await store.courses(since, until)
    return statistics_of(recorded, courses, since=since, until=until, by=by)


def statistics_of(
    recorded: Sequence[Recorded],
    courses: Sequence[Course],
    *,
    since: datetime,
    until: datetime,
    by: By,
) -> Statistics:
    """Count what the store returned for a span of time."""
    dialogs = _apart((_of_dialog(one, by), one) for one in recorded)
    tickets = _apart((_of_ticket(one, by), one) for one in courses)
    rows = [
        Row(
            value=value,
            dialogs=None if by is By.QUEUE else _dialogs(dialogs[value]),
            tickets=None if by is By.NODE else _tickets(tickets[value]),
        )
        for value in sorted({*dialogs, *tickets})
    ]
    if by is not By.WEEK:
        rows.sort(key=_count, reverse=True)
    return Statistics(
        since=since,
        until=until,
        by=by,
        dialogs=_dialogs(recorded),
        tickets=_tickets(courses),
        rows=tuple(rows),
    )


def _of_dialog(recorded: Recorded, by: By) -> str | None:
    outcome = recorded.outcome
    match by:
        case By.CODE:
            return outcome.code or ""
        case By.ARTICLE:
            return outcome.article
        case By.NODE:
            return f"{outcome.article}/{outcome.node}" if outcome.node else outcome.article
        case By.LANGUAGE:
            return outcome.language
        case By.WEEK:
            return _week(recorded.changed)
        case By.QUEUE:
            return None


def _of_ticket(course: Course, by: By) -> str | None:
    match by:
        case By.CODE:
            return course.code or ""
        case By.ARTICLE:
            return course.article or ""
        case By.NODE:
            return None
        case By.LANGUAGE:
            return course.language
        case By.WEEK:
            return _week(course.opened)
        case By.QUEUE:
            return course.queue


def _week(at: datetime) -> str:
    year, week, _ = at.isocalendar()
    return f"{year}-W{week:02}"


def _apart(pairs: Iterable[tuple[str | None, T]]) -> defaultdict[str, list[T]]:
    found: defaultdict[str, list[T]] = defaultdict(list)
    for value, one in pairs:
        if value is not None:
            found[value].append(one)
    return found


def _count(row: Row) -> int:
    return (row.dialogs.total if row.dialogs else 0) + (row.tickets.opened if row.tickets else 0)


def _dialogs(recorded: Sequence[Recorded]) -> Dialogs:
    found = Counter(one.outcome.outcome for one in recorded)
    return Dialogs(
        outcomes={outcome: found[outcome] for outcome in Outcome},
        useful=sum(one.useful is True for one in recorded),
        not_useful=sum(one.useful is False for one in recorded),
    )


def _tickets(courses: Sequence[Course]) -> Tickets:
    return Tickets(
        opened=len(courses),
        urgent=sum(one.urgent for one in courses),
        open=sum(one.state in OPEN_STATES for one in courses),
        withdrawn=sum(one.state is State.WITHDRAWN for one in courses),
        claim=_spread((one.opened, one.claimed) for one in courses),
        resolve=_spread((one.opened, one.resolved) for one in courses),
    )


def _spread(times: Iterable[tuple[datetime, datetime | None]]) -> Spread | None:
    """Return how long it took. A clock that was set back makes no time shorter than none."""
    took = sorted(
        max((then - opened).total_seconds(), 0.0) for opened, then in times if then is not None
    )
    if not took:
        return None
    half = len(took) // 2
    median = took[half] if len(took) % 2 else (took[half - 1] + took[half]) / 2
    return Spread(len(took), median, took[ceil(len(took) * 0.9) - 1])
