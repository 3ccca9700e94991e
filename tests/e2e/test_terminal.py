"""The terminal chat and the queue on the command line, as a person would use them."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conversation import BOUNCE
from tests.e2e.program import bouncedesk, environment


def chat(data: Path, *lines: str, lang: str = "en", person: str = "Ola") -> str:
    """Pipe lines into the chat; return what it prints."""
    command = [
        sys.executable,
        "-m",
        "bot",
        "chat",
        "--lang",
        lang,
        "--data",
        str(data),
        "--as",
        person,
    ]
    ended = subprocess.run(
        command,
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=environment({}),
    )
    return ended.stdout


@pytest.mark.parametrize(
    ("lang", "human", "send", "told"),
    [
        ("en", "talk to a human", "send it", "Your ticket is #1001"),
        ("nb", "snakk med et menneske", "send", "Saken din er #1001"),
    ],
)
def test_a_ticket_is_opened_claimed_and_resolved(
    tmp_path: Path, lang: str, human: str, send: str, told: str
) -> None:
    """From a piped paste to a resolved ticket, and the requester is told at the next visit."""
    printed = chat(tmp_path, BOUNCE, "1", human, send, lang=lang)
    assert told in printed
    assert "kari.nordmann@contoso.com" in printed

    data = ("--data", str(tmp_path))
    claimed = bouncedesk("tickets", "claim", "1001", *data, "--as", "Kari")
    again = bouncedesk("tickets", "claim", "1001", *data, "--as", "Per")
    resolved = bouncedesk(
        "tickets", "resolve", "1001", "--note", "New licence", *data, "--as", "Kari"
    )
    shown = bouncedesk("tickets", "show", "1001", "--json", "--full", *data)

    assert claimed.returncode == 0
    assert again.returncode == 1
    assert "claimed" in again.stderr
    assert resolved.returncode == 0
    ticket = json.loads(shown.stdout)
    assert (ticket["state"], ticket["assignee"], ticket["language"]) == ("resolved", "Kari", lang)
    assert [event["what"] for event in ticket["history"]] == ["opened", "claimed", "resolved"]
    assert ticket["path"] == [{"article": "5.1.10", "node": "who-are-you", "answer": "sender"}]

    later = chat(tmp_path, "/quit", lang=lang)
    assert "Kari" in later
    assert "New licence" in later


def test_a_pasted_escape_sequence_does_not_reach_the_terminal(tmp_path: Path) -> None:
    """Control characters in a paste cannot recolour or move anything."""
    printed = chat(tmp_path, f"Subject: \x1b[31mred\x1b[0m\x07 {BOUNCE}", "human")

    assert "\x1b[31m" not in printed
    assert "\x07" not in printed


def test_play_walks_an_article_and_stores_nothing(tmp_path: Path) -> None:
    """`play` shows the article's first node in the language asked for."""
    command = [sys.executable, "-m", "bot", "play", "5.1.10", "--lang", "nb"]
    ended = subprocess.run(
        command,
        input="1\n/quit\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=environment({"DATA": str(tmp_path)}),
    )

    assert "Hvem er du" in ended.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "command",
    ["run", "chat", "match", "lint", "draw", "play", "manifest", "tickets", "new", "db"],
)
def test_every_command_explains_itself_and_stands_in_the_readme(command: str) -> None:
    """`--help` works for each command, and the README names it."""
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")

    assert bouncedesk(command, "--help").returncode == 0
    assert f"`bouncedesk {command}" in readme


def test_a_paste_in_a_real_terminal_is_one_message(tmp_path: Path) -> None:
    """All lines of a paste arrive as one bounce, and the Enter after it says nothing."""
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "bot", "chat", "--lang", "en", "--data", str(tmp_path)]
    with subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, env=environment({}), close_fds=True
    ) as chat_:
        os.close(slave)
        shown = read_until(master, "Talk to a human")
        os.write(master, BOUNCE.encode())
        shown = read_until(master, "Start over")
        os.write(master, b"\n")
        os.write(master, b"1\n")
        shown += read_until(master, "Did you send")
        os.write(master, b"/quit\n")
        chat_.wait(timeout=20)
        os.close(master)

    assert "kari.nordmann@contoso.com" in shown
    assert "no text" not in shown


def read_until(terminal: int, wanted: str, seconds: float = 20.0) -> str:
    """Read what a terminal shows until something stands there."""
    shown = ""
    deadline = time.monotonic() + seconds
    while wanted not in shown:
        assert time.monotonic() < deadline, shown[-500:]
        if select.select([terminal], [], [], 0.2)[0]:
            shown += os.read(terminal, 65_536).decode("utf-8", "replace")
    return shown
