"""`bouncedesk doctor` and a real Request Tracker: a good token, one that is none, and a queue that is not there."""

from __future__ import annotations

from pathlib import Path

from tests.doctor.world import run_doctor
from tests.rt.tracker import QUEUE, Rt


def test_rt_is_asked_for_its_queue(rt: Rt, tmp_path: Path) -> None:
    """What RT answers is understood in each case."""
    named = {
        (rt.tokens["bouncedesk"], QUEUE): ("ok", "sink-rt"),
        (rt.tokens["bouncedesk"], "No such queue"): ("problem", "sink-rt.queue"),
        ("1-14-0123456789abcdef0123456789abcdef", QUEUE): ("problem", "sink-rt.login"),
    }
    for (token, queue), (outcome, finding) in named.items():
        settings = {"RT_URL": rt.url, "RT_TOKEN": token, "RT_QUEUE": queue, "DATA": "data"}
        examined = run_doctor("--local", settings=settings, cwd=tmp_path)

        assert finding in examined.ids(outcome)
        assert token not in examined.text
