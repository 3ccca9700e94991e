"""Those who watch: what they say is bounded and private, and whoever breaks hinders nobody."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

import pytest
import structlog
from msgspec.structs import replace

from bot.logs import TurnLog, log_to_stderr
from bot.metrics import SERIES, Metrics, Now
from bot.model.effects import RecordOutcome
from bot.model.event import Incoming, Said
from bot.model.ids import ArticleId, CodeRowId, Language, SessionId
from bot.model.match import Match
from bot.model.ticket import Outcome, Role, Verb
from bot.readiness import Check, Readiness, Status
from bot.turn import Core, take_turn
from bot.watch import CAUSE, Failed, Taken, Tried, Watchers, caused
from tests.conversation import BOUNCE
from tests.core.test_every_edge import NOW, address


@pytest.fixture
def taken(core: Core) -> Taken:
    """Return a turn that was taken about a bounce."""
    incoming = Incoming(event=Said(BOUNCE), address=address(), activity="a", locale=Language("en"))
    reading = core.read(incoming.event)
    numbers = count()
    turn = take_turn(
        core.library, None, incoming, reading, now=NOW, new_id=lambda: f"id-{next(numbers)}"
    )
    return Taken(
        id="turn-1",
        incoming=incoming,
        reading=reading,
        turn=turn,
        ticket=None,
        read=0.001,
        waited=0.002,
        decided=0.003,
        committed=0.0044,
    )


@dataclass
class Stderr:
    """Standard error, as something that has bytes."""

    buffer: io.BytesIO = field(default_factory=io.BytesIO)

    def lines(self) -> list[dict[str, object]]:
        """Return what was logged."""
        return [json.loads(line) for line in self.buffer.getvalue().splitlines()]


@pytest.fixture
def stderr(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stderr]:
    """Log into memory while the test lasts."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    written = Stderr()
    monkeypatch.setattr(sys, "stderr", written)
    log_to_stderr("INFO", process=3)
    # Loggers that remember where they wrote would go on writing there in later tests.
    structlog.configure(**structlog.get_config() | {"cache_logger_on_first_use": False})
    yield written
    structlog.reset_defaults()
    root.handlers[:], root.level = before


def test_values_without_end_make_no_series_without_end(taken: Taken) -> None:
    """Even if ids that nobody checked came through, a metric has so many series and no more, and still counts everything."""
    metrics = Metrics()
    reading = taken.reading
    assert reading is not None
    for number in range(SERIES * 3):
        match = Match(article=ArticleId(f"a{number}"), row=CodeRowId(f"r{number}"))
        outcome = RecordOutcome(
            session=SessionId("s"),
            article=ArticleId(f"a{number}"),
            node=None,
            code=None,
            language=Language("en"),
            outcome=Outcome.SOLVED,
        )
        session = taken.turn.session.with_(language=Language(f"l{number}"))
        turn = replace(taken.turn, session=session, effects=(outcome,))
        metrics.taken(replace(taken, turn=turn, reading=replace(reading, match=match)))
        metrics.refused(f"route{number}", number)

    shown = metrics.render(Now(counts=None, content="v")).decode().splitlines()
    for name in ("turns", "codes", "outcomes", "requests_refused"):
        series = [line for line in shown if line.startswith(f"bouncedesk_{name}_total{{")]
        assert len(series) == SERIES + 1
        assert sum(float(line.rpartition(" ")[2]) for line in series) == SERIES * 3
        assert any("other" in line for line in series)


def test_a_watcher_that_breaks_hinders_nobody(taken: Taken) -> None:
    """Those after it are told all the same, and the log knows of it without what was in its hands."""

    class Broken:
        def taken(self, taken: Taken) -> None:
            raise RuntimeError(taken.incoming.event)

        def failed(self, failed: Failed) -> None:
            raise RuntimeError(failed.incoming.event)

        def deed(self, verb: Verb, role: Role, outcome: str) -> None:
            raise RuntimeError(verb, role, outcome)

        def tried(self, tried: Tried) -> None:
            raise RuntimeError(tried.parcel)

    metrics = Metrics()
    watchers = Watchers((Broken(), metrics))
    failed = Failed(id="x", incoming=taken.incoming, error="E", again=True, seconds=0.1)
    with structlog.testing.capture_logs() as logged:
        watchers.taken(taken)
        watchers.failed(failed)
        watchers.deed(Verb.CLAIM, Role.AGENT, "done")

    assert [line["event"] for line in logged] == ["watcher-broken"] * 3
    assert "kari" not in str(logged)
    shown = metrics.render(Now(counts=None, content="")).decode()
    for series in (
        'bouncedesk_turns_total{event="said",language="en"} 1.0',
        'bouncedesk_turns_failed_total{again="yes"} 1.0',
        'bouncedesk_ticket_deeds_total{outcome="done",role="agent",verb="claim"} 1.0',
    ):
        assert series in shown


def test_a_turn_is_one_line_of_json(taken: Taken, stderr: Stderr) -> None:
    """With what it was about and its times in milliseconds; the event comes first, for those who read along."""
    TurnLog().taken(taken)

    [line] = stderr.lines()
    assert next(iter(line)) == "event"
    expected = {
        "event": "turn",
        "turn": "turn-1",
        "process": 3,
        "code": "5.1.10",
        "match": "certain",
        "read_ms": 1.0,
        "wait_ms": 2.0,
        "decide_ms": 3.0,
        "commit_ms": 4.4,
        "total_ms": 10.4,
    }
    assert expected.items() <= line.items()


def test_what_no_json_can_hold_is_logged_all_the_same(stderr: Stderr) -> None:
    """Half a character, or something that is no value, costs no line."""
    log = structlog.get_logger("test")
    log.info("half", detail="\ud800")
    log.info("odd", detail=object(), keys={1: 2})

    assert [line["event"] for line in stderr.lines()] == ["half", "odd"]


def test_libraries_complain_without_their_words(stderr: Stderr) -> None:
    """A traceback of a library becomes one line with kind and place, and what it quotes is left out."""
    try:
        int("zebra")
    except ValueError:
        logging.getLogger("some.library").exception("could not read %s", "zebra")
    logging.getLogger("some.library").info("zebra")

    [line] = stderr.lines()
    assert (line["event"], line["library"], line["error"]) == (
        "library-warning",
        "some.library",
        "ValueError",
    )
    assert "test_watch.py" in str(line["where"])
    assert "zebra" not in str(line)


def test_lines_of_one_cause_are_joined_and_others_are_not(stderr: Stderr) -> None:
    """What is logged inside has the id, also deeper down; what comes after has none."""
    log = structlog.get_logger("test")
    with caused("outer"), caused("inner") as known:
        assert known == "outer"
        log.info("inside")
    log.info("outside")

    assert [line.get("turn") for line in stderr.lines()] == ["outer", None]
    assert CAUSE.get() == ""


async def test_one_that_hangs_or_breaks_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Readiness names it and asks the others all the same; a warning alone does not make it unready."""
    monkeypatch.setattr("bot.readiness._CHECK_SECONDS", 0.05)

    async def hangs() -> list[Check]:
        await asyncio.sleep(60)
        return []

    async def breaks() -> list[Check]:
        raise RuntimeError("secret")

    async def warns() -> list[Check]:
        return [Check("late", Status.WARNING, "for an hour")]

    unready = await Readiness([("slow", hangs), ("bad", breaks), ("late", warns)]).report()
    assert not unready.ready
    assert [(one.name, one.status) for one in unready.checks] == [
        ("slow", Status.FAILED),
        ("bad", Status.FAILED),
        ("late", Status.WARNING),
    ]
    assert "secret" not in str(unready)
    ready = await Readiness([("late", warns)]).report()
    assert (ready.ready, ready.warnings) == (True, ("late: for an hour",))


async def test_however_many_ask_each_thing_is_asked_once() -> None:
    """A hundred load balancers at the same moment cost the database one question; told to stop, none."""
    asked = 0

    async def counts() -> list[Check]:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0.01)
        return [Check("database", Status.OK)]

    readiness = Readiness([("database", counts)])
    reports = await asyncio.gather(*(readiness.report() for _ in range(100)))
    assert asked == 1
    assert {report.status for report in reports} == {"ready"}
    readiness.stop()
    assert (await readiness.report()).status == "stopping"
    assert asked == 1
