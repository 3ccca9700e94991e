"""The whole way between a chat and Request Tracker, in both directions: the real program, and the real RT."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.connector import stub_connector
from tests.e2e.office import Office, helpdesk
from tests.e2e.program import Json, bouncedesk, server, wait_until
from tests.rt.tracker import QUEUE, Rt

PATIENCE = 20.0


@pytest.fixture
def office(tmp_path: Path, rt: Rt) -> Iterator[Office]:
    """A bot with a helpdesk in a channel, whose tickets go to RT as well."""
    with stub_connector() as connector:
        settings = helpdesk(connector.service_url) | {
            "RT_URL": rt.url,
            "RT_TOKEN": rt.tokens["bouncedesk"],
            "RT_QUEUE": QUEUE,
            "RT_POLL_SECONDS": "1",
        }
        with server(tmp_path, connector.service_url, **settings) as bot:
            yield Office(bot, connector)


def history(data: Path, number: int) -> list[Json]:
    """Return what happened to a ticket, as the command line tells."""
    told = bouncedesk("tickets", "show", str(number), "--json", "--data", str(data))
    assert told.returncode == 0, told.stderr
    events: list[Json] = json.loads(told.stdout)["history"]
    return events


def happened(data: Path, number: int) -> list[str]:
    """Return what happened to a ticket, in one word each."""
    return [event["what"] for event in history(data, number)]


def soon(true: object) -> None:
    """Wait until something is true, over there or here."""
    assert callable(true)
    wait_until(true, PATIENCE)


def test_what_happens_here_stands_there(office: Office, rt: Rt) -> None:
    """Opened, claimed, asked, answered and noted: RT has the evidence, each status, each word where it belongs, and writes to nobody."""
    mails = len(rt.outgoing)
    number = office.asks_for_help("ola", "contoso.com")
    office.settles()
    there = rt.ticket_of(number)
    assert rt.status(there) == "new"
    made = rt.ticket(there)
    assert made["Subject"] == f"[Bouncedesk #{number}] 550 5.1.10 · contoso.com"
    assert made["Requestor"] == []
    (_, evidence), *files = rt.parts(rt.first_transaction(there))
    for fact in ("Ola", "5.1.10", "kari.nordmann@contoso.com", "mail.contoso.com"):
        assert fact in evidence
    assert [name for name, _ in files] == [f"bounce-{number}.txt"]
    assert "RESOLVER.ADR.RecipientNotFound" in files[0][1]

    office.presses("kari", number, "claim")
    office.settles()
    assert rt.status(there) == "open"
    office.fills_in("kari", number, "form-reply", "ask", text="Hvilken mappe? blåbær")
    office.settles()
    assert rt.status(there) == "stalled"
    office.says("ola", "The blue one")
    office.settles()
    assert rt.status(there) == "open"
    office.says_in_thread("kari", number, "note: he is in a hurry")
    office.settles()
    office.presses("kari", number, "hand-back")
    office.settles()
    assert rt.status(there) == "new"

    said = rt.history(there, "Correspond", "Comment")
    assert {who for _, who, _ in said} == {"bouncedesk"}
    words = {
        "Kari claimed it.": "Comment",
        "Hvilken mappe? blåbær": "Correspond",
        "The blue one": "Correspond",
        "he is in a hurry": "Comment",
        "Kari handed it back.": "Comment",
    }
    for (kind, _, text), (expected, where) in zip(said, words.items(), strict=True):
        assert expected in text
        assert kind == where
    assert not rt.outgoing[mails:], "nobody outside gets e-mail"


def test_what_happens_there_comes_back(office: Office, rt: Rt, tmp_path: Path) -> None:
    """Replied, resolved, opened again and resolved at RT, each is the same here, once; the requester hears of it and answers."""
    number = office.asks_for_help("ola", "contoso.com")
    office.settles()
    there = rt.ticket_of(number)

    rt.notes(there, "Between us at RT")
    rt.says(there, "Have you tried\nanother address?")
    soon(lambda: "replied" in happened(tmp_path, number))
    office.settles()
    notices = office.notices("ola", number)
    assert "another address?" in notices[-1]
    assert "Kari Agent" in notices[-1]
    assert not any("Between us" in notice for notice in notices)
    assert any("another address?" in line for line in office.lines(number))

    rt.says(there, "The mailbox has a licence now.", Status="resolved")
    soon(lambda: "resolved" in happened(tmp_path, number))
    office.settles()
    assert "The mailbox has a licence now." in office.notices("ola", number)[-1]
    assert happened(tmp_path, number)[-2:] == ["replied", "resolved"], (
        "its reason is not said twice"
    )

    office.says("ola", "No, it still bounces")
    office.settles()
    soon(lambda: rt.status(there) == "open")
    assert "No, it still bounces" in rt.history(there, "Correspond", "Comment")[-1][2]

    rt.sets(there, "resolved")
    soon(lambda: happened(tmp_path, number)[-1] == "resolved")
    assert history(tmp_path, number)[-1]["note"] == "The mailbox has a licence now."
    rt.sets(there, "open")
    soon(lambda: happened(tmp_path, number)[-1] == "reopened")
    rt.sets(there, "resolved")
    soon(lambda: happened(tmp_path, number)[-1] == "resolved")
    office.settles()
    office.presses_own("ola", number, "confirm")
    office.settles()
    soon(lambda: "says that it is solved" in rt.history(there, "Comment")[-1][2])

    expected = ["opened", "replied", "resolved", "reopened", "resolved", "reopened", "resolved"]
    assert happened(tmp_path, number) == [*expected, "confirmed"]
    assert rt.status(there) == "resolved"
    said = [who for _, who, _ in rt.history(there, "Correspond", "Comment")]
    assert said.count("bouncedesk") == 2, "what came from RT is not told to RT"
    assert said.count("kari") == 3
    log = (tmp_path / "server.log").read_text(encoding="utf-8")
    for private in ("licence", "another address", "still bounces", rt.tokens["bouncedesk"]):
        assert private not in log


def test_nothing_comes_twice_after_a_restart(tmp_path: Path, rt: Rt) -> None:
    """Killed and started again, the bot goes on where it stopped: what was brought over is not brought again, what came meanwhile is."""
    with stub_connector() as connector:
        settings = helpdesk(connector.service_url) | {
            "RT_URL": rt.url,
            "RT_TOKEN": rt.tokens["bouncedesk"],
            "RT_QUEUE": QUEUE,
            "RT_POLL_SECONDS": "1",
        }
        with server(tmp_path, connector.service_url, **settings) as bot:
            office = Office(bot, connector)
            number = office.asks_for_help("bo", "adatum.example")
            office.settles()
            there = rt.ticket_of(number)
            rt.says(there, "First words")
            soon(lambda: "replied" in happened(tmp_path, number))
            bot.kill()
        rt.says(there, "Second words")
        with server(tmp_path, connector.service_url, **settings) as bot:
            soon(lambda: happened(tmp_path, number) == ["opened", "replied", "replied"])
            rt.sets(there, "rejected")
            soon(lambda: happened(tmp_path, number)[-1] == "resolved")
            office = Office(bot, connector)
            office.settles()
            seen = "\n".join(office.notices("bo", number))

    assert [event["note"] for event in history(tmp_path, number)[1:]] == [
        "First words",
        "Second words",
        "Second words",
    ]
    assert seen.count("First words") == 1
