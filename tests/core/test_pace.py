"""Sliding windows: nothing goes faster than it may, nothing waits longer than it must, and nothing is remembered for ever."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.pace import MARGIN, Pace, Rate
from bot.teams.sender import TeamsSender

RATES = TeamsSender.rates


def over(times: list[float], rate: Rate) -> bool:
    """Tell whether any stretch of a rate's length holds more than it allows."""
    pairs = zip(times, times[rate.most :], strict=False)
    return any(last - first < rate.seconds for first, last in pairs)


def as_fast_as_allowed(pace: Pace, count: int, gaps: list[float] | None = None) -> list[float]:
    """Send so many under one name, each as soon as it may leave and not before its gap; return when each left."""
    now, times = 0.0, []
    for number in range(count):
        now += gaps[number] if gaps else 0.0
        now += pace.wait("a:1", now)
        pace.book("a:1", now)
        times.append(now)
    return times


def test_teams_rates_hold_for_an_hour_of_sending() -> None:
    """2,000 messages to one conversation, each as soon as it may leave, keep every one of Teams' rates."""
    times = as_fast_as_allowed(Pace(RATES), 2_000)

    assert not [rate for rate in RATES if over(times, rate)]
    assert times[6] == 0.0, "seven may leave at once"
    assert times[59] < 30.0, "the window of 30 s is used"
    assert 3_600.0 < times[1_800] < 3_700.0


@given(st.lists(st.floats(0.0, 5.0), min_size=1, max_size=300))
def test_any_traffic_keeps_the_rates(gaps: list[float]) -> None:
    """However messages come, no stretch of time holds more of them than it may, and none waits without need."""
    rates = (Rate(7, 1.0), Rate(8, 2.0), Rate(60, 30.0))
    times = as_fast_as_allowed(Pace(rates), len(gaps), gaps)

    assert not [rate for rate in rates if over(times, rate)]
    arrived = 0.0
    for number, (gap, left) in enumerate(zip(gaps, times, strict=True)):
        arrived = (times[number - 1] if number else 0.0) + gap
        full = [
            times[number - rate.most] + rate.seconds + MARGIN
            for rate in rates
            if number >= rate.most
        ]
        assert left == pytest.approx(max([arrived, *full]))


def test_names_are_counted_apart() -> None:
    """What one conversation gets holds back no other one."""
    pace = Pace((Rate(1, 10.0),))
    pace.book("a:1", 0.0)

    assert pace.wait("a:1", 1.0) == pytest.approx(9.0 + MARGIN)
    assert pace.wait("a:2", 1.0) == 0.0


def test_the_channel_may_ask_for_silence() -> None:
    """A held name waits at least that long, a shorter word later does not shorten it, and it ends."""
    pace = Pace((Rate(10, 1.0),))
    pace.hold("a:1", 30.0, 100.0)
    pace.hold("a:1", 5.0, 101.0)

    assert pace.wait("a:1", 110.0) == 20.0
    assert pace.wait("a:2", 110.0) == 0.0
    assert pace.wait("a:1", 130.0) == 0.0


def test_idle_names_are_forgotten() -> None:
    """Memory is for whoever was written to within the longest window, and for so many names at most."""
    pace = Pace((Rate(2, 60.0),), rooms=100)
    for number in range(1_000):
        pace.book(f"a:{number}", number * 0.01)
    assert len(pace) == 100

    pace.book("a:late", 1_000.0)

    assert len(pace) == 1
    assert pace.wait("a:999", 1_000.0) == 0.0


def test_without_rates_nothing_waits() -> None:
    """A channel that sets no rate is never waited for, and nothing is remembered of it."""
    pace = Pace(())
    for _ in range(10):
        assert pace.wait("a:1", 0.0) == 0.0
        pace.book("a:1", 0.0)

    assert len(pace) == 0
