"""What a flood of hostile requests costs everybody else."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from tests.edge.hostile.rows import REFUSED
from tests.edge.hostile.wire import Target

_LONGEST = 1.0
"""Seconds. On a quiet machine it is some milliseconds; the bound is for one that does other things too."""


def test_nobody_waits_for_the_refused(fortress: Target) -> None:
    """With every row of the table sent at the same time, twice, nobody who asks meanwhile waits long, and the store is what it was."""
    before = fortress.dump()
    requests = [row.make(fortress) for row in REFUSED] * 2
    started = time.monotonic()
    with fortress.watched() as longest, ThreadPoolExecutor(8) as together:
        answered = list(together.map(fortress.send, requests))
        assert longest() < _LONGEST
    seconds = time.monotonic() - started
    assert [one.status for one in answered] == [row.status for row in REFUSED] * 2
    assert seconds < len(requests) * 0.05
    assert fortress.dump() == before


def test_nobody_waits_for_the_huge(fortress: Target) -> None:
    """Bodies of a megabyte, with a token and without, hold up nobody."""
    huge = [
        row.make(fortress)
        for row in REFUSED
        if row.name.startswith("body: ") and "mega" in row.name
    ]
    huge += [data.replace(b"Authorization: Bearer ", b"Authorization: Basic ") for data in huge]
    with fortress.watched() as longest, ThreadPoolExecutor(4) as together:
        answered = list(together.map(fortress.send, huge * 8))
        assert longest() < _LONGEST
    assert {one.status for one in answered} == {413}
