"""Somebody who sends too much at once, and an organisation that does, over HTTP."""

from __future__ import annotations

from pathlib import Path

from tests.connector import stub_connector
from tests.e2e.office import text_of
from tests.e2e.program import Server, server, wait_until


def greet(bot: Server, person: str, number: int, locale: str = "en-US") -> int:
    """Say something; return the status."""
    activity = f"{person}-{number}"
    return bot.post(bot.message("hello", activity=activity, person=person, locale=locale))[0]


def test_too_much_is_answered_politely_and_leaves_no_trace(tmp_path: Path) -> None:
    """The channel gets 200, the person one line in their language, and the store nothing; others notice nothing."""
    with (
        stub_connector() as connector,
        server(tmp_path, connector.service_url, PERSON_TURNS="3") as bot,
    ):
        assert [greet(bot, "ola", number, "nb-NO") for number in range(8)] == [200] * 8
        wait_until(lambda: len(connector.shown("a:ola")) >= 4, 15)
        held = bot.press({"bouncedesk": {"v": "1"}}, activity="ola-press", person="ola")
        status, answer = bot.post(held)
        assert greet(bot, "kari", 1) == 200
        wait_until(lambda: len(connector.shown("a:kari")) >= 1, 15)

        shown = [text_of(entry) for entry in connector.shown("a:ola")]
        assert len(shown) == 4
        assert "Vent 60 sekunder" in shown[3]
        assert (status, answer["type"] if answer else "") == (
            200,
            "application/vnd.microsoft.activity.message",
        )
        assert "Wait 60 seconds" in text_of(answer)
        metrics = bot.get("/metrics")[1]
    assert sum_of(metrics, "bouncedesk_turns_total") == 4


def test_an_organisation_that_sends_too_much_is_told_so(tmp_path: Path) -> None:
    """Its people are told that many write at the same time."""
    with (
        stub_connector() as connector,
        server(tmp_path, connector.service_url, TENANT_TURNS="2") as bot,
    ):
        for person in ("ola", "kari", "per"):
            assert greet(bot, person, 1) == 200
        wait_until(lambda: len(connector.shown("a:per")) >= 1, 15)

        assert "Many people are writing" in text_of(connector.shown("a:per"))


def sum_of(metrics: str, name: str) -> float:
    """Return the sum of a counter over its labels."""
    lines = [line for line in metrics.splitlines() if line.startswith(f"{name}{{")]
    return sum(float(line.rpartition(" ")[2]) for line in lines)
