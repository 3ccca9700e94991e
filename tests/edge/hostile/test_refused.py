"""Every row of the table of what must be refused, against the real program over real HTTP."""

from __future__ import annotations

import json

import pytest

from tests.edge.hostile.rows import REFUSED, Row
from tests.edge.hostile.wire import ANSWERED_WITHIN, CANARY, Target


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row.name)
def test_it_is_refused_and_leaves_no_trace(fortress: Target, row: Row) -> None:
    """The answer is the row's, and soon; the store is what it was, to the last row of the last table; nothing of the body is logged."""
    data = row.make(fortress)
    before, logged = fortress.dump(), len(fortress.log())
    answered = fortress.send(data)
    assert answered.status == row.status, answered
    assert answered.seconds < ANSWERED_WITHIN
    assert fortress.dump() == before
    log = fortress.log()[logged:]
    assert CANARY not in log
    assert "Traceback" not in log


def test_what_is_no_http_is_one_line_in_the_log(fortress: Target) -> None:
    """A request that nobody can read is told by its kind: neither as an error of ours, nor with a word of it."""
    logged = len(fortress.log())
    data = f"POST /api/messages HTTP/1.1\r\nHost: x\r\nX: {CANARY}\0\r\n\r\n"
    assert fortress.send(data.encode()).status == 400
    (line,) = [json.loads(line) for line in fortress.log()[logged:].splitlines()]
    assert (line["event"], line["level"]) == ("request-unreadable", "warning")
    assert CANARY not in json.dumps(line)
