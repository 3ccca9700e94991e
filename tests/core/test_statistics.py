"""Statistics: counted from what the store keeps, told with their counts, and never prettier than they are."""

from __future__ import annotations

import csv
import io
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from bot.cli import stats as command
from bot.cli.chart import ROWS as BARS
from bot.cli.chart import chart
from bot.cli.once import span
from bot.cli.stats import as_csv
from bot.model.effects import RecordOutcome
from bot.model.ids import ArticleId, Language, NodeId, QueueId, SessionId
from bot.model.library import Library
from bot.model.outgoing import Facts, Outgoing
from bot.model.statistics import By, Row, Spread, Statistics
from bot.model.ticket import Outcome, State
from bot.ports import Course, Recorded
from bot.render.statistics import ROWS, statistics_page
from bot.render.text import plain_text
from bot.triage.statistics import statistics_of

SINCE = datetime(2026, 9, 28, tzinfo=UTC)  # a Monday
UNTIL = SINCE + timedelta(days=28)
EN, NB = Language("en"), Language("nb")


def dialog(
    outcome: Outcome = Outcome.SOLVED,
    *,
    code: str | None = "5.1.10",
    node: str | None = "who-are-you",
    language: str = "nb",
    day: int = 0,
    useful: bool | None = None,
) -> Recorded:
    """Return how one dialog came out."""
    changed = SINCE + timedelta(days=day)
    return Recorded(
        outcome=RecordOutcome(
            session=SessionId("s"),
            article=ArticleId(code or "unknown-code"),
            node=NodeId(node) if node else None,
            code=code,
            language=Language(language),
            outcome=outcome,
        ),
        began=changed,
        changed=changed,
        useful=useful,
    )


def ticket(
    *,
    claimed: float | None = None,
    resolved: float | None = None,
    state: State = State.NEW,
    code: str | None = "5.1.10",
    queue: str = "",
    urgent: bool = False,
    day: int = 0,
) -> Course:
    """Return how one ticket went: claimed and resolved so many seconds after it was opened."""
    opened = SINCE + timedelta(days=day)
    return Course(
        number=1001,
        state=state,
        queue=QueueId(queue),
        code=code,
        article=None,
        language=NB,
        urgent=urgent,
        opened=opened,
        claimed=None if claimed is None else opened + timedelta(seconds=claimed),
        resolved=None if resolved is None else opened + timedelta(seconds=resolved),
    )


def counted(
    recorded: Sequence[Recorded] = (), courses: Sequence[Course] = (), by: By = By.CODE
) -> Statistics:
    """Return the numbers."""
    return statistics_of(recorded, courses, since=SINCE, until=UNTIL, by=by)


def facts(page: Outgoing) -> dict[str, str]:
    """Return every line of the page's tables."""
    tables = [element for element in page.elements if isinstance(element, Facts)]
    return {fact.label: fact.value for table in tables for fact in table.rows}


def test_a_dialog_that_still_goes_on_is_not_solved() -> None:
    """Every outcome is counted as what it is, and shares are of those that have ended."""
    stats = counted(
        [
            dialog(Outcome.SOLVED),
            dialog(Outcome.ADVISED),
            dialog(Outcome.EXIT),
            dialog(Outcome.HANDED_OVER),
            dialog(Outcome.ABANDONED),
            dialog(Outcome.OPEN),
            dialog(Outcome.OPEN),
        ]
    )

    assert stats.dialogs.outcomes == {
        Outcome.OPEN: 2,
        Outcome.SOLVED: 1,
        Outcome.ADVISED: 1,
        Outcome.EXIT: 1,
        Outcome.HANDED_OVER: 1,
        Outcome.ABANDONED: 1,
    }
    assert (stats.dialogs.total, stats.dialogs.ended) == (7, 5)


def test_silence_is_no_feedback() -> None:
    """Who says nothing about whether it helped counts neither way."""
    stats = counted([dialog(useful=True), dialog(useful=False), dialog(), dialog(useful=True)])

    assert (stats.dialogs.useful, stats.dialogs.not_useful) == (2, 1)


@pytest.mark.parametrize(
    ("by", "values"),
    [
        (By.CODE, ["5.1.10", "", "5.2.2"]),
        (By.ARTICLE, ["", "5.1.10", "5.2.2", "unknown-code"]),
        (By.NODE, ["5.1.10/who-are-you", "5.2.2", "unknown-code/who-are-you"]),
        (By.LANGUAGE, ["nb", "en"]),
        (By.WEEK, ["2026-W40", "2026-W41", "2026-W43"]),
        (By.QUEUE, ["", "full"]),
    ],
)
def test_the_numbers_are_told_apart(by: By, values: list[str]) -> None:
    """Each way to tell them apart finds its values, the most frequent first and weeks in their order."""
    recorded = [
        dialog(day=13),
        dialog(day=6),
        dialog(code="5.2.2", node=None, language="en", day=7),
        dialog(code=None, day=27),
    ]
    courses = [ticket(day=13), ticket(code=None), ticket(queue="full", code="5.1.10")]

    stats = counted(recorded, courses, by)

    assert [row.value for row in stats.rows] == values
    assert all((row.dialogs is None) is (by is By.QUEUE) for row in stats.rows)
    assert all((row.tickets is None) is (by is By.NODE) for row in stats.rows)


def test_rows_add_up_to_the_whole() -> None:
    """Nothing is counted twice and nothing is left out, whatever it is told apart by."""
    recorded = [dialog(outcome, code=code) for outcome in Outcome for code in ("5.2.2", None)]
    courses = [ticket(queue=queue, urgent=queue == "a") for queue in ("", "a", "a")]

    for by in By:
        stats = counted(recorded, courses, by)
        if by is not By.QUEUE:
            assert sum(row.dialogs.total for row in stats.rows if row.dialogs) == 12
        if by is not By.NODE:
            assert sum(row.tickets.opened for row in stats.rows if row.tickets) == 3
            assert sum(row.tickets.urgent for row in stats.rows if row.tickets) == 2


def test_times_are_measured_where_there_is_something_to_measure() -> None:
    """A ticket that nobody has taken has no time to claim, and the count says of how many the times are."""
    stats = counted(
        courses=[
            ticket(claimed=60, resolved=600, state=State.RESOLVED),
            ticket(claimed=120, state=State.CLAIMED),
            ticket(claimed=600, state=State.WAITING),
            ticket(),
            ticket(state=State.WITHDRAWN, urgent=True),
        ]
    ).tickets

    assert stats.claim == Spread(3, 120.0, 600.0)
    assert stats.resolve == Spread(1, 600.0, 600.0)
    assert (stats.opened, stats.open, stats.withdrawn, stats.urgent) == (5, 3, 1, 1)


@pytest.mark.parametrize(
    ("seconds", "median", "ninetieth"),
    [
        ([5], 5, 5),
        ([1, 2], 1.5, 2),
        (range(1, 11), 5.5, 9),
        (range(1, 12), 6, 10),
        ([-30, 0, 10], 0, 10),
    ],
)
def test_the_ninetieth_percentile_is_a_measured_time(
    seconds: Sequence[float], median: float, ninetieth: float
) -> None:
    """Nearest rank, so that few tickets give no invented time; a clock that went back gives none below zero."""
    stats = counted(courses=[ticket(claimed=took) for took in seconds])

    assert stats.tickets.claim == Spread(len(seconds), median, ninetieth)


def test_the_card_tells_shares_with_their_counts(library: Library) -> None:
    """Two of three ended dialogs are solved; the fourth still goes on and is in no share."""
    page = statistics_page(
        counted(
            [dialog(useful=True), dialog(), dialog(Outcome.ABANDONED), dialog(Outcome.OPEN)],
            [
                ticket(claimed=754, resolved=93_600, state=State.RESOLVED, code=None),
                ticket(urgent=True),
            ],
        ),
        library,
        EN,
    )

    told = facts(page)
    assert told["Solved by the bot"] == "2 of 3 (67%)"
    assert told["Abandoned"] == "1 of 3 (33%)"
    assert told["Handed over to the helpdesk"] == "0 of 3 (0%)"
    assert told["Found it helpful"] == "1 of 1 (100%)"
    assert (
        told["Time to claim"] == "half within 13 min, nine of ten within 13 min (1 of 2 tickets)"
    )
    assert told["Time to resolve"].startswith("half within 1 day 2 hr,")
    assert told["5.1.10"] == "conversations: 4, solved: 2 · tickets: 1"
    assert told["without"] == "conversations: 0, solved: 0 · tickets: 1"
    text = plain_text(page)
    assert "4, 1 of them still going on" in text
    assert "2 opened: 1 still open, 1 urgent, 0 withdrawn" in text
    assert "Sep 28, 2026 to Oct 25, 2026" in text


def test_the_card_speaks_norwegian(library: Library) -> None:
    """Words, dates and shares are written as in Norwegian."""
    page = statistics_page(counted([dialog()], [ticket(claimed=5400)]), library, NB)

    told = facts(page)
    assert told["Løst av boten"] == "1 av 1 (100\N{NO-BREAK SPACE}%)"
    assert told["Tid før noen tok saken"].startswith("halvparten innen 1 t 30 min")
    assert "28. sep. 2026 til 25. okt. 2026" in plain_text(page)


@pytest.mark.parametrize("language", [EN, NB])
@pytest.mark.parametrize("by", list(By))
def test_every_way_to_tell_them_apart_fits_on_a_card(
    library: Library, language: Language, by: By
) -> None:
    """However many rows there are, the card shows a few, and the latest weeks of them."""
    recorded = [dialog(code=f"5.1.{n}", node=f"n{n}", day=7 * n) for n in range(20)]
    courses = [ticket(queue=f"q{n}", code=f"5.1.{n}", day=7 * n) for n in range(20)]

    page = statistics_page(counted(recorded, courses, by), library, language)

    tables = [element for element in page.elements if isinstance(element, Facts)]
    assert len(tables[-1].rows) == (1 if by is By.LANGUAGE else ROWS)
    if by is By.WEEK:
        assert tables[-1].rows[-1].label == "2027-W06"
    if by is By.LANGUAGE:
        assert tables[-1].rows[0].label == "Norsk bokmål"


def test_nothing_has_no_share(library: Library) -> None:
    """Days without a dialog say so, and divide nothing by nothing."""
    assert "Nothing has happened" in plain_text(statistics_page(counted(), library, EN))

    told = facts(statistics_page(counted([dialog(Outcome.OPEN)]), library, EN))
    assert told["Solved by the bot"] == told["Time to claim"] == "none yet"


def test_a_row_names_nobody() -> None:
    """What statistics hold is counts: no field of a row could carry a person."""
    assert set(Row.__struct_fields__) == {"value", "dialogs", "tickets"}


def test_the_command_knows_every_way_to_tell_them_apart() -> None:
    """What `--by` takes is what can be counted."""
    assert [by.value for by in command.By] == [by.value for by in By]


@pytest.mark.parametrize("by", list(By))
def test_the_file_for_spreadsheets_is_rfc_4180(by: By) -> None:
    """Lines end with CRLF, every one has as many cells as the heading, and the numbers come back as they were counted."""
    recorded = [dialog(outcome, code='5."1",0') for outcome in Outcome]
    courses = [ticket(claimed=90.4, resolved=3600), ticket(queue="a,b")]

    text = as_csv(counted(recorded, courses, by))

    lines = text.split("\r\n")
    assert lines.pop() == ""
    assert all("\n" not in line for line in lines)
    heading, *rows = csv.reader(io.StringIO(text, newline=""))
    assert heading[0] == by.value
    assert {len(row) for row in rows} == {len(heading)}
    told = [dict(zip(heading, row, strict=True)) for row in rows]
    if by is not By.QUEUE:
        assert sum(int(row["dialogs"] or 0) for row in told) == len(Outcome)
        assert sum(int(row["open"] or 0) for row in told) == 1
    if by is not By.NODE:
        assert sum(int(row["tickets"]) for row in told) == 2
        assert {row["claim_median"] for row in told if row["claim_count"] == "1"} == {"90"}
        assert {row["resolve_p90"] for row in told if row["resolve_count"] == "1"} == {"3600"}
    else:
        assert {row["tickets"] for row in told} == {""}


@pytest.mark.parametrize("by", list(By))
@pytest.mark.parametrize("many", [0, 1, BARS + 5])
def test_the_picture_is_sound_and_says_its_numbers_as_text(by: By, many: int) -> None:
    """It parses, stays within its frame, speaks in light and dark, and shows hostile values letter by letter."""
    recorded = [dialog(code=f"<5.1.{n}>\x1b&", node=f"n{n}", day=7 * n) for n in range(many)]
    courses = [
        ticket(queue=f"q{n}", code=f"5.1.{n}", claimed=60, resolved=120, day=7 * n)
        for n in range(many)
    ]

    stats = counted(recorded, courses, by)
    picture = chart(stats)

    root = ET.fromstring(picture)  # noqa: S314 - our own document
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    width = float(root.attrib["width"])
    for bar in root.iter("{http://www.w3.org/2000/svg}rect"):
        assert 0 <= float(bar.get("x", "0")) <= width
        assert float(bar.attrib["width"]) <= width
    assert "prefers-color-scheme: dark" in picture
    written = " ".join(root.itertext())
    if many:
        assert f"{many} · 100 % of {many} solved" in written
        assert f"claimed {many}: 1m / 1m" in written
    else:
        assert "Nothing has happened" in written
    left_out = len(stats.rows) - BARS
    assert (f"{left_out} more rows are in the csv" in written) is (left_out > 0)


def test_the_picture_says_what_is_not_over_yet() -> None:
    """Where nothing has ended there is no share."""
    assert "1 · none ended" in chart(counted([dialog(Outcome.OPEN)]))


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (-5, "0s"),
        (0.4, "0s"),
        (59, "59s"),
        (60, "1m"),
        (3599, "59m"),
        (3600, "1h"),
        (5460, "1h 31m"),
        (86_400, "1d"),
        (187_000, "2d 3h"),
    ],
)
def test_times_are_told_in_two_units(seconds: float, told: str) -> None:
    """An operator plans by hours, not by seconds."""
    assert span(timedelta(seconds=seconds)) == told
