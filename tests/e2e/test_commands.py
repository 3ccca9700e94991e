"""What operators type: the queue, dead letters, statistics, and what is kept about people. Each command is a real process."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from msgspec.structs import replace

from bot.model.ids import ConversationId
from bot.model.library import Library
from bot.model.ticket import State
from bot.ports import ParcelId, Unit, WholeStore
from bot.render import plain_text
from bot.settings import read_settings
from bot.store import open_store
from bot.triage.statistics import statistics_card
from tests.contracts import samples
from tests.conversation import BOUNCE
from tests.e2e.program import bouncedesk, environment
from tests.e2e.test_terminal import chat

Result = TypeVar("Result")

LIST = {
    "number", "state", "priority", "opened", "changed", "requester", "language", "assignee",
    "code", "article", "reason", "resolution",
}  # fmt: skip
"""What each line of `tickets list --json` has had since the first release. Programs read it: it only ever grows."""


def open_ticket(data: Path, person: str = "Ola") -> None:
    """Open a ticket in the chat, as its requester does."""
    assert "#10" in chat(data, BOUNCE, "1", "talk to a human", "send it", person=person)


def tickets(data: Path, *arguments: str, said: str | None = None) -> str:
    """Run a command on the queue that must succeed; return what it prints."""
    ended = attempt(data, *arguments, said=said)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def attempt(
    data: Path, *arguments: str, said: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command on the queue to its end."""
    return run("tickets", *arguments, "--data", str(data), said=said)


def run(*arguments: str, said: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command with something on its standard input."""
    return subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        input=said or "",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment({}),
    )


def shown(data: Path, number: int) -> dict[str, Any]:
    """Return a ticket as `show --json` prints it."""
    ticket: dict[str, Any] = json.loads(tickets(data, "show", str(number), "--json"))
    return ticket


def listed(data: Path, *arguments: str) -> list[dict[str, Any]]:
    """Return what `list --json` prints."""
    return [json.loads(line) for line in tickets(data, "list", "--json", *arguments).splitlines()]


def in_store(data: Path, work: Callable[[WholeStore], Awaitable[Result]]) -> Result:
    """Do something with the store that the commands work on."""

    async def whole() -> Result:
        store = open_store(read_settings(data=data).store_url)
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(whole())


def test_a_ticket_goes_through_its_whole_life(tmp_path: Path) -> None:
    """Every verb of an agent works on the command line, and the history says who did what, when and why."""
    open_ticket(tmp_path)
    kari, per = ("--as", "Kari"), ("--as", "Per")

    assert tickets(tmp_path, "claim", "1001", *kari) == "#1001 claimed: Kari\n"
    assert tickets(tmp_path, "take-over", "1001", *per) == "#1001 claimed: Per\n"
    asked = tickets(
        tmp_path, "ask", "1001", "-m", "-", *per, said="Which address?\nThe new one?\n"
    )
    assert asked == "#1001 waiting: Per\n"
    assert tickets(tmp_path, "hand-back", "1001", *per) == "#1001 new: nobody\n"
    assert tickets(tmp_path, "assign", "1001", "--to", "kari", *per) == "#1001 claimed: kari\n"
    tickets(tmp_path, "urgent", "1001", *per)
    assert shown(tmp_path, 1001)["priority"] == "urgent"
    tickets(tmp_path, "normal", "1001", *per)
    tickets(tmp_path, "note", "1001", "--text", "Ask the mail team", *per)
    tickets(tmp_path, "reply", "1001", "--text", "We are on it", *per)
    resolved = tickets(tmp_path, "resolve", "1001", "--note", "New licence", *per)
    assert resolved.startswith("#1001 resolved:")
    assert tickets(tmp_path, "reopen", "1001", "-m", "Not yet", *per).startswith("#1001 claimed:")
    tickets(tmp_path, "resolve", "1001", "-m", "Now it works", *per)
    assert tickets(tmp_path, "close", "1001", *per).startswith("#1001 closed:")

    ticket = shown(tmp_path, 1001)
    history = [(event["what"], event["by"], event["note"]) for event in ticket["history"][1:]]
    assert history == [
        ("claimed", "Kari", ""),
        ("taken-over", "Per", ""),
        ("asked", "Per", "Which address?\nThe new one?"),
        ("handed-back", "Per", ""),
        ("assigned", "Per", ""),
        ("made-urgent", "Per", ""),
        ("made-normal", "Per", ""),
        ("noted", "Per", "Ask the mail team"),
        ("replied", "Per", "We are on it"),
        ("resolved", "Per", "New licence"),
        ("reopened", "Per", "Not yet"),
        ("resolved", "Per", "Now it works"),
        ("closed", "Per", ""),
    ]
    assert ticket["history"][5]["to"] == "kari"
    assert (ticket["state"], ticket["resolution"]) == ("closed", "Now it works")
    assert ticket["offers"] == ["note", "reopen"]

    told = chat(tmp_path, "/quit")
    assert "Which address?" in told
    assert "We are on it" in told
    assert "Now it works" in told
    assert "Ask the mail team" not in told


def test_what_is_not_possible_is_refused_in_one_line(tmp_path: Path) -> None:
    """Wrong states, wrong numbers and missing words end with a message, never with a traceback."""
    open_ticket(tmp_path)

    for arguments in (
        ("close", "1001"),
        ("reopen", "1001"),
        ("split", "1001"),
        ("join", "1001", "1001"),
        ("join", "1001", "4711"),
        ("reply", "1001", "-m", "  "),
        ("resolve", "1001", "-m", "-"),
        ("claim", "4711"),
        ("show", "4711"),
    ):
        ended = attempt(tmp_path, *arguments)
        assert ended.returncode == 1, arguments
        assert len(ended.stderr.splitlines()) == 1, ended.stderr
        assert "Traceback" not in ended.stderr

    assert [event["what"] for event in shown(tmp_path, 1001)["history"]] == ["opened"]


def test_what_was_written_cannot_recolour_the_terminal(tmp_path: Path) -> None:
    """A note with control characters is shown letter by letter."""
    open_ticket(tmp_path, "Ola\x1b[31m")
    tickets(tmp_path, "note", "1001", "-m", "red \x1b[31m alert\x07\nnext line")

    for arguments in (("show", "1001"), ("show", "1001", "--full"), ("list",)):
        printed = tickets(tmp_path, *arguments)
        assert "\x1b[31m" not in printed
        assert "\x07" not in printed
    assert "red  [31m alert  next line" in tickets(tmp_path, "show", "1001")


def test_addresses_are_shown_whole_only_when_asked_for(tmp_path: Path) -> None:
    """Like the card in the channel: masked in the page and in the history, whole with --full."""
    open_ticket(tmp_path)
    tickets(tmp_path, "note", "1001", "-m", "Eva is eva@fabrikam.com")

    printed = tickets(tmp_path, "show", "1001")
    assert "Eva is e•••@fabrikam.com" in printed.splitlines()[-1]
    assert "kari.nordmann@contoso.com" not in printed
    printed = tickets(tmp_path, "show", "1001", "--full")
    assert "Eva is eva@fabrikam.com" in printed.splitlines()[-1]
    assert "kari.nordmann@contoso.com" in printed


def test_the_list_can_be_narrowed_down(tmp_path: Path) -> None:
    """By state, by who has it, by words; each line of JSON has at least what it always had."""
    open_ticket(tmp_path)
    chat(tmp_path, "550 5.2.2 mailbox full eva@fabrikam.com", "human", "send", person="Nina")
    tickets(tmp_path, "claim", "1001", "--as", "Kari")
    tickets(tmp_path, "resolve", "1002", "-m", "Emptied", "--as", "Per")

    every = listed(tmp_path)
    assert [ticket["number"] for ticket in every] == [1002, 1001]
    assert all(set(ticket) >= LIST for ticket in every)

    def numbers(*arguments: str) -> list[int]:
        return [ticket["number"] for ticket in listed(tmp_path, *arguments)]

    assert numbers("--state", "resolved") == [1002]
    assert numbers("--state", "resolved", "--state", "claimed", "--limit", "1") == [1002]
    assert numbers("--mine", "--as", "Kari") == [1001]
    assert numbers("--mine", "--as", "Per") == []
    assert numbers("--unassigned") == []
    assert numbers("--closed") == [1002]
    assert numbers("--search", "#1001") == [1001]
    assert numbers("--search", "nina") == [1002]
    assert numbers("--search", "contoso 5.1.10") == [1001]
    assert numbers("--search", "contoso", "--state", "resolved") == []
    assert numbers("--search", "nina", "--closed") == [1002]
    assert "No tickets." in tickets(tmp_path, "list", "--unassigned")
    assert "Nina" in tickets(tmp_path, "list")

    for arguments in (("--mine", "--closed"), ("--state", "done"), ("--limit", "0")):
        ended = attempt(tmp_path, "list", *arguments)
        assert ended.returncode == 2
        assert "Traceback" not in ended.stderr


def test_tickets_can_be_joined_and_split(tmp_path: Path) -> None:
    """Two tickets become one problem and part again; either shows the other's number."""
    open_ticket(tmp_path, "Ola")
    chat(tmp_path, "550 5.2.2 mailbox full eva@fabrikam.com", "human", "send", person="Nina")

    tickets(tmp_path, "join", "1002", "1001", "--as", "Kari")
    assert shown(tmp_path, 1001)["joined"] == [1002]
    assert shown(tmp_path, 1002)["parent"] == 1001
    assert {one["number"]: one["parent"] for one in listed(tmp_path)} == {1001: None, 1002: 1001}
    assert "part of #1001" in " ".join(tickets(tmp_path, "list").split())

    tickets(tmp_path, "resolve", "1001", "-m", "Both mailboxes are back", "--as", "Kari")
    assert {one["state"] for one in listed(tmp_path)} == {"resolved"}
    tickets(tmp_path, "reopen", "1001", "--as", "Kari")
    tickets(tmp_path, "split", "1002", "--as", "Kari")
    assert shown(tmp_path, 1001)["joined"] == []
    assert shown(tmp_path, 1002)["parent"] is None


async def _dead_letters(store: WholeStore) -> list[ParcelId]:
    """Give two messages up: one about a ticket to a person, one to a sink."""
    now = datetime.now(UTC)

    def work(unit: Unit) -> list[ParcelId]:
        ticket = unit.open_ticket(samples.draft("a"))
        person = replace(samples.parcel("one", "a:1"), ticket=ticket.id)
        sink = samples.parcel("two", "b:2")
        sink = replace(sink, to=replace(sink.to, channel="sink:rt"))
        for parcel in (person, sink):
            unit.enqueue(parcel, now)
        leased = unit.lease({"msteams", "sink:rt"}, now, now + timedelta(minutes=1), 10)
        for one in leased:
            unit.give_up(one.id, now - timedelta(hours=2), "403 blocked")
        unit.enqueue(samples.parcel("three", "c:3"), now)
        return [one.id for one in leased]

    return await store.run(work)


def test_dead_letters_are_listed_and_sent_again(tmp_path: Path) -> None:
    """An operator sees what was given up and why, without a name in it, and puts it back."""
    data = ("--data", str(tmp_path))
    one, two = in_store(tmp_path, _dead_letters)

    told = json.loads(bouncedesk("outbox", "--json", *data).stdout)
    assert (told["unsent"], told["dead_total"]) == (1, 2)
    first, second = told["dead"]
    assert (first["id"], first["to"], first["ticket"]) == (one, "personal", 1001)
    assert (second["id"], second["to"], second["ticket"]) == (two, "sink:rt", None)
    assert (first["what"], first["attempts"], first["why"]) == ("reply", 1, "403 blocked")
    assert 7200 <= first["age_seconds"] < 7260

    printed = bouncedesk("outbox", "list", *data).stdout
    assert "1 still to send" in printed
    assert "2h ago" in printed
    assert "Kari" not in printed
    assert "Kari" not in json.dumps(told)

    assert bouncedesk("outbox", "resend", *data).returncode == 2
    assert bouncedesk("outbox", "resend", "999", *data).returncode == 1
    assert "1 will be sent again" in bouncedesk("outbox", "resend", str(one), *data).stdout
    assert bouncedesk("outbox", "resend", str(one), *data).returncode == 1
    assert "1 will be sent again" in bouncedesk("outbox", "resend", "--all", *data).stdout
    assert "No dead letters." in bouncedesk("outbox", *data).stdout
    assert json.loads(bouncedesk("outbox", "--json", *data).stdout)["unsent"] == 3


def test_statistics_come_as_table_file_and_picture(tmp_path: Path) -> None:
    """A handed-over dialog and its ticket are counted once each; what is not over is open, not solved."""
    data = ("--data", str(tmp_path))
    assert "Nothing has happened" in bouncedesk("stats", *data).stdout
    open_ticket(tmp_path)
    chat(tmp_path, "550 5.2.2 mailbox full eva@fabrikam.com", person="Nina")
    tickets(tmp_path, "claim", "1001")

    table = bouncedesk("stats", *data)
    assert table.returncode == 0, table.stderr
    assert "100 %" in table.stdout
    assert "1: " in table.stdout

    written = tmp_path / "stats.csv"
    ended = bouncedesk("stats", "--format", "csv", "--output", str(written), *data)
    assert ended.returncode == 0, ended.stderr
    rows = {row["code"]: row for row in csv.DictReader(io.StringIO(written.read_bytes().decode()))}
    assert (rows["5.1.10"]["handed_over"], rows["5.1.10"]["tickets"]) == ("1", "1")
    assert (rows["5.1.10"]["claim_count"], rows["5.1.10"]["resolve_count"]) == ("1", "0")
    assert (rows["5.2.2"]["open"], rows["5.2.2"]["solved"]) == ("1", "0")

    picture = bouncedesk("stats", "--by", "week", "--format", "svg", *data).stdout
    assert ET.fromstring(picture).tag.endswith("svg")  # noqa: S314 - our own document

    today = f"{datetime.now(UTC):%Y-%m-%d}"
    only_today = bouncedesk("stats", "--since", today, "--until", today, *data)
    assert "handed over" in " ".join(only_today.stdout.split())
    before = bouncedesk("stats", "--until", "2020-01-31", *data)
    assert "2020-01-04 to 2020-01-31" in before.stdout
    assert "Nothing has happened" in before.stdout
    assert (
        bouncedesk("stats", "--since", "2026-02-01", "--until", "2026-01-01", *data).returncode
        == 2
    )
    assert bouncedesk("stats", "--since", "yesterday", *data).returncode == 2


def test_the_card_for_the_channel_counts_what_the_command_counts(
    tmp_path: Path, library: Library
) -> None:
    """The helpdesk's `stats` reads the same store over four weeks."""
    open_ticket(tmp_path)
    now = datetime.now(UTC)

    card = in_store(tmp_path, lambda store: statistics_card(store, library, library.default, now))
    later = now + timedelta(days=29)
    none = in_store(
        tmp_path, lambda store: statistics_card(store, library, library.default, later)
    )

    assert "Handed over to the helpdesk: 1 of 1 (100%)" in plain_text(card)
    assert "Nothing has happened" in plain_text(none)


def test_what_is_kept_about_somebody_is_exported_and_forgotten(tmp_path: Path) -> None:
    """Everything about a person comes out, goes when they ask, and the ticket stays without them."""
    data = ("--data", str(tmp_path))
    open_ticket(tmp_path)
    open_ticket(tmp_path, "Nina")
    file = tmp_path / "ola.json"

    by_name = bouncedesk("export", "ola", *data)
    by_key = bouncedesk("export", "local:Ola", "--output", str(file), *data)
    assert by_name.returncode == 0, by_name.stderr
    assert json.loads(by_name.stdout) == json.loads(file.read_text(encoding="utf-8"))
    assert by_key.stdout == ""
    assert file.stat().st_mode & 0o077 == 0
    assert "kari.nordmann@contoso.com" in by_name.stdout
    assert "Nina" not in by_name.stdout

    kept = run("forget", "Ola", *data, said="n\n")
    assert kept.returncode == 1
    assert "Kept about local:Ola" in kept.stdout
    assert bouncedesk("export", "Ola", *data).returncode == 0

    gone = bouncedesk("forget", "Ola", "--yes", *data)
    assert gone.returncode == 0, gone.stderr
    assert gone.stdout.splitlines()[-1].startswith("Deleted: ")
    for wanted in ("Ola", "local:Ola"):
        again = bouncedesk("export", wanted, *data)
        assert again.returncode == 1
        assert "Nothing is kept" in again.stderr
    ticket = tickets(tmp_path, "show", "1001", "--json", "--full")
    assert "Ola" not in ticket
    assert "kari.nordmann" not in ticket
    assert shown(tmp_path, 1002)["requester"] == "Nina"
    assert "Ola" not in tickets(tmp_path, "list")


def test_two_people_of_one_name_are_not_mixed_up(tmp_path: Path) -> None:
    """A name that two people have is refused with the keys to choose from."""
    data = ("--data", str(tmp_path))

    async def seed(store: WholeStore) -> None:
        def work(unit: Unit) -> None:
            for name in ("kari-1", "kari-2"):
                draft = samples.draft(name)
                requester = replace(
                    draft.requester, user_key=name, conversation=ConversationId(f"a:{name}")
                )
                ticket = unit.open_ticket(replace(draft, requester=requester))
                assert ticket.state is State.NEW

        await store.run(work)

    in_store(tmp_path, seed)

    for command in (("export", "Kari Nordmann"), ("forget", "Kari Nordmann", "--yes")):
        ended = bouncedesk(*command, *data)
        assert ended.returncode == 1
        assert ended.stderr.split()[-2:] == ["kari-1", "kari-2"]
    assert bouncedesk("forget", "kari-2", "--yes", *data).returncode == 0
    assert bouncedesk("export", "Kari Nordmann", *data).returncode == 0


def test_doubtful_settings_are_told_and_stop_nothing(tmp_path: Path) -> None:
    """Texts that would outlive their tickets are named when the content is checked."""
    ended = bouncedesk("lint", KEEP_TEXTS_DAYS="900", DATA=str(tmp_path))

    assert ended.returncode == 0
    assert "BOUNCEDESK_KEEP_TEXTS_DAYS (900)" in ended.stderr
    assert "0 errors" in ended.stdout


@pytest.mark.parametrize("command", ["outbox", "stats", "export", "forget"])
def test_every_command_explains_itself_and_stands_in_the_readme(command: str) -> None:
    """`--help` works for each command, and the README names it."""
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")

    assert bouncedesk(command, "--help").returncode == 0
    assert f"`bouncedesk {command}" in readme
