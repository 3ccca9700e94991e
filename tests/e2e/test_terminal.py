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

from bot.model import choices
from bot.model.ids import Language
from bot.model.library import Library, Words
from tests.conversation import BOUNCE
from tests.e2e.program import bouncedesk, environment

OTHER_BOUNCE = (
    "Remote Server returned '554 5.2.2 mailbox full; STOREDRV.Deliver' for per@fabrikam.com"
)


def chat(data: Path, *lines: str, lang: str = "en", person: str = "Ola") -> str:
    """Pipe lines into the chat; return what it prints."""
    ended = subprocess.run(
        chat_command(data, lang, person),
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=environment({}),
    )
    return ended.stdout


def chat_command(data: Path, lang: str, person: str) -> list[str]:
    """Return what starts somebody's chat."""
    start = [sys.executable, "-m", "bot", "chat", "--lang", lang]
    return [*start, "--data", str(data), "--as", person]


def hand_over(words: Words, bounce: str = BOUNCE) -> tuple[str, ...]:
    """Return the lines that hand a bounce over."""
    commands = words.commands
    return bounce, commands[choices.HUMAN].label, commands[choices.SEND].label


def in_order(printed: str, *wanted: str) -> None:
    """Check that texts stand in what was printed, one after the other. Lines are as broken as the terminal is narrow."""
    rest = " ".join(printed.split())
    for text in wanted:
        assert text in rest, (text, rest[-3000:])
        rest = rest.split(text, 1)[1]


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
        "tickets", "resolve", "1001", "--text", "New licence", *data, "--as", "Kari"
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


@pytest.mark.parametrize(
    ("lang", "yes", "no", "thanks"),
    [
        ("en", "yes", "no, Per still gets them", "thanks"),
        ("nb", "ja", "nei, Per får dem fortsatt", "takk"),
    ],
)
def test_the_whole_life_of_a_ticket_is_walked_in_one_terminal(
    tmp_path: Path, library: Library, lang: str, yes: str, no: str, thanks: str
) -> None:
    """Both sides: handed over, claimed, asked, answered by typing, resolved, opened again by "no", resolved again, confirmed."""
    words = library.words[Language(lang)]
    say = words.words
    ask = (say["do-form-reply"], say["do-ask"])
    resolve = (say["do-form-resolve"], say["do-resolve"])

    printed = chat(
        tmp_path,
        *hand_over(words),
        "/agent",
        "1",
        say["do-claim"],
        *ask,
        "Which address?",
        "/me",
        "kari@contoso.com",
        "/agent 1001",
        say["do-form-note"],
        say["do-note"],
        "only for us",
        *resolve,
        "New licence",
        "/me",
        thanks,
        no,
        "/agent 1001",
        *resolve,
        "The other one too",
        "/me",
        yes,
        "/tickets",
        lang=lang,
    )

    number = {"number": "#1001"}
    in_order(
        printed,
        say["opened-title"].format(**number),
        "[1] #1001",
        say["do-claim"],
        say["ticket-state-claimed"],
        say["field-reply"],
        "-> Ola",
        say["notice-asked"].format(agent="Ola", **number),
        "Which address?",
        say["own-answer-label"],
        say["passed-on-text"].format(**number),
        say["ticket-state-claimed"],
        "only for us",
        "-> Ola",
        "New licence",
        say["thanks-text"],
        say["passed-on-reopened"].format(**number),
        no,
        "The other one too",
        say["own-resolved-question"],
        say["confirmed-text"].format(**number),
        say["own-tickets-title"],
        say["own-state-closed"],
    )
    shown = bouncedesk("tickets", "show", "1001", "--json", "--full", "--data", str(tmp_path))
    ticket = json.loads(shown.stdout)
    assert ticket["state"] == "closed"
    happened = [event["what"] for event in ticket["history"]]
    assert happened == [
        "opened",
        "claimed",
        "asked",
        "answered",
        "noted",
        "resolved",
        "reopened",
        "resolved",
        "confirmed",
    ]


@pytest.mark.parametrize("lang", ["en", "nb"])
def test_a_card_is_answered_by_its_buttons_and_fields(
    tmp_path: Path, library: Library, lang: str
) -> None:
    """The requester's own card works in the terminal too: a field is asked for line by line, and an empty one is left."""
    words = library.words[Language(lang)]
    say = words.words
    printed = chat(
        tmp_path,
        *hand_over(words),
        say["own-do-write"],
        say["own-do-answer"],
        "",
        say["own-do-answer"],
        "It is my boss",
        say["own-do-urgent"],
        "/agent 1001",
        say["do-form-assign"],
        say["do-assign"],
        "nobody at all",
        "1",
        "/me",
        "/tickets",
        "1",
        say["own-do-ask-withdraw"],
        say["own-do-withdraw"],
        lang=lang,
    )

    in_order(
        printed,
        say["own-answer-label"],
        say["ticket-text-missing"],
        "It is my boss",
        say["ticket-urgent"],
        say["field-assign"],
        "? " + say["field-assign"],
        "? " + say["field-assign"],
        say["own-tickets-title"],
        say["own-withdraw-question"].format(number="#1001"),
        say["own-state-withdrawn"],
    )
    shown = bouncedesk("tickets", "show", "1001", "--json", "--full", "--data", str(tmp_path))
    ticket = json.loads(shown.stdout)
    assert (ticket["state"], ticket["priority"], ticket["assignee"]) == (
        "withdrawn",
        "urgent",
        "Ola",
    )


def test_what_is_typed_below_a_form_goes_into_it(tmp_path: Path, library: Library) -> None:
    """Whoever types the reply where it is asked for has replied; a search that finds nothing says so in words."""
    say = library.words[Language("nb")].words
    printed = chat(
        tmp_path,
        *hand_over(library.words[Language("nb")]),
        "/agent 1001",
        say["do-form-reply"],
        "Prøv kari@contoso.com",
        "/agent fabrikam.example",
        "/me",
        lang="nb",
    )
    in_order(printed, say["field-reply"], "-> Ola", "Prøv kari@contoso.com", say["ticket-unknown"])


def test_with_two_tickets_a_typed_line_asks_which(tmp_path: Path, library: Library) -> None:
    """The line waits until it is clear where it belongs, and reaches that ticket only."""
    words = library.words[Language("en")]
    say = words.words
    printed = chat(
        tmp_path,
        *hand_over(words),
        *hand_over(words, OTHER_BOUNCE),
        "It happens every morning",
        "/help",
        "1002",
        "/agent 1002",
        "/agent 1001",
    )

    in_order(
        printed,
        say["opened-title"].format(number="#1001"),
        say["opened-title"].format(number="#1002"),
        say["which-title"],
        "[1] #1001",
        "[2] #1002",
        say["greeting-title"],
        say["passed-on-text"].format(number="#1002"),
    )
    told = [
        bouncedesk("tickets", "show", number, "--json", "--full", "--data", str(tmp_path)).stdout
        for number in ("1001", "1002")
    ]
    assert ["every morning" in one for one in told] == [False, True]


def test_a_notice_comes_while_the_terminal_waits(tmp_path: Path, library: Library) -> None:
    """What a colleague does in another terminal shows within seconds in that of the requester, and in nobody else's."""
    words = library.words[Language("en")]
    with subprocess.Popen(
        chat_command(tmp_path, "nb", "Ola"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment({}),
    ) as ola:
        assert ola.stdin is not None
        assert ola.stdout is not None
        lines = (*hand_over(library.words[Language("nb")]), "/help", "")
        ola.stdin.write("\n".join(lines).encode())
        ola.stdin.flush()
        read_until(ola.stdout.fileno(), "#1001")

        kari = chat(
            tmp_path,
            "/agent 1001",
            words.words["do-form-reply"],
            words.words["do-reply"],
            "Please call me",
            person="Kari",
        )
        shown = read_until(ola.stdout.fileno(), "Please call me")
        ola.stdin.write(b"/quit\n")
        ola.stdin.close()
        ola.wait(timeout=20)

    notice = library.words[Language("nb")].words["notice-replied"]
    assert notice.format(agent="Kari", number="#1001") in " ".join(shown.split())
    assert "-> " not in kari


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
    [
        "run",
        "chat",
        "match",
        "lint",
        "draw",
        "play",
        "manifest",
        "tickets",
        "outbox",
        "stats",
        "export",
        "forget",
        "new",
        "db",
    ],
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


def test_an_empty_line_leaves_a_field_of_a_card_as_it_is(tmp_path: Path, library: Library) -> None:
    """In a real terminal a field is asked for, Enter alone leaves it, and then the card says what it lacks."""
    words = library.words[Language("en")]
    say = words.words
    master, slave = pty.openpty()
    with subprocess.Popen(
        chat_command(tmp_path, "en", "Ola"),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=environment({}),
        close_fds=True,
    ) as chat_:
        os.close(slave)
        read_until(master, "Talk to a human")
        lines = (*hand_over(words)[1:], say["own-do-write"], say["own-do-answer"])
        asked = (say["preview-title"], "#1001", say["do-cancel"], f"? {say['own-answer-label']}")
        for line, shown in zip(lines, asked, strict=True):
            os.write(master, f"{line}\n".encode())
            read_until(master, shown)
        os.write(master, b"\n")
        left = read_until(master, say["do-cancel"])
        os.write(master, b"/quit\n")
        chat_.wait(timeout=20)
        os.close(master)

    assert say["ticket-text-missing"] in left


def read_until(terminal: int, wanted: str, seconds: float = 20.0) -> str:
    """Read what a terminal shows until something stands there."""
    shown = ""
    deadline = time.monotonic() + seconds
    while wanted not in shown:
        assert time.monotonic() < deadline, shown[-500:]
        if select.select([terminal], [], [], 0.2)[0]:
            shown += os.read(terminal, 65_536).decode("utf-8", "replace")
    return shown
