"""The whole way, as an organisation with another helpdesk has it: the real program, a real mail server, a real receiver of webhooks."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.connector import stub_connector
from tests.e2e.office import Office, helpdesk, text_of
from tests.e2e.program import Json, bouncedesk, server, wait_until
from tests.sinks.far_side import (
    OTHER_SECRET,
    SECRET,
    MailServer,
    Planned,
    Receiver,
    signed,
)


@contextmanager
def office(folder: Path, hooks: Receiver, mailbox: MailServer) -> Iterator[Office]:
    """Run the bot with both sinks and the way back."""
    sinks = {
        "WEBHOOK_URL": hooks.url,
        "WEBHOOK_SECRET": SECRET,
        "WEBHOOK_IN_SECRET": OTHER_SECRET,
        "EMAIL_TO": "tickets@helpdesk.example.com",
        "EMAIL_FROM": "bouncedesk@contoso.com",
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(mailbox.port),
        "SMTP_SECURITY": "none",
    }
    with stub_connector() as connector:
        settings = helpdesk(connector.service_url) | sinks
        with server(folder, connector.service_url, **settings) as bot:
            yield Office(bot, connector)


def hook(at: Office, body: Json, name: str) -> int:
    """Send a webhook back; return its status."""
    data, headers = signed(body, name)
    request = urllib.request.Request(  # noqa: S310 - always our own loopback address
        f"{at.bot.origin}/api/sinks/webhook", data=data, headers=headers
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def events(mailbox: MailServer) -> list[str]:
    """Return what the messages tell, in the order in which they came."""
    return [message["X-Bouncedesk-Event"] for message in mailbox.messages]


def test_a_ticket_goes_to_both_and_is_resolved_over_there(
    tmp_path: Path, hooks: Receiver, mailbox: MailServer
) -> None:
    """Opened in a chat, claimed and answered here, resolved there: both hear it in order, the requester is told, nothing echoes."""
    with office(tmp_path, hooks, mailbox) as at:
        number = at.asks_for_help("ola", "contoso.com", "nb-NO")
        at.presses("kari", number, "claim")
        at.says_in_thread("kari", number, "Which folder is it?")
        at.settles()
        happened = ["ticket.opened", "ticket.claimed", "ticket.replied"]
        assert hooks.types == happened
        assert events(mailbox) == happened

        resolved = {
            "type": "ticket.resolve",
            "data": {"number": number, "text": "Lisens gitt.", "by": "Liv"},
        }
        assert hook(at, resolved, "msg_1") == 200
        assert hook(at, resolved, "msg_1") == 200
        at.settles()
        assert hooks.types == happened, "who told us is not told"
        assert events(mailbox) == [*happened, "ticket.resolved"]
        notices = at.notices("ola", number)
        assert sum("Lisens gitt." in notice for notice in notices) == 1
        assert any("Lisens gitt." in line and "Liv" in line for line in at.lines(number))

        at.says("ola", "Nei, det virker ikke", "nb-NO")
        at.settles()
        assert hooks.types == [*happened, "ticket.reopened"]
        assert hooks.done.popitem()[1]["data"]["event"]["text"] == "Nei, det virker ikke"
        subjects = {message["Subject"] for message in mailbox.messages}
        assert len(subjects) == 1
        assert f"#{number}" in subjects.pop()
        log = (tmp_path / "server.log").read_text(encoding="utf-8")
    for private in ("folder", "Lisens", "virker", "kari.nordmann", OTHER_SECRET, SECRET):
        assert private not in log


def test_a_helpdesk_that_is_down_misses_nothing(
    tmp_path: Path, hooks: Receiver, mailbox: MailServer
) -> None:
    """One sink answers 503 and then nothing at all: the other hears everything at once, the first later and in order."""
    hooks.plan += [Planned(503, {"Retry-After": "1"}), Planned(silent=True)]
    with office(tmp_path, hooks, mailbox) as at:
        number = at.asks_for_help("ola", "contoso.com")
        at.presses("kari", number, "claim")
        wait_until(lambda: events(mailbox) == ["ticket.opened", "ticket.claimed"], 10)
        wait_until(lambda: len(hooks.types) == 2, 20)
        at.settles()

    assert hooks.types == ["ticket.opened", "ticket.claimed"]
    assert events(mailbox) == ["ticket.opened", "ticket.claimed"]


def test_what_the_command_line_does_is_told_by_the_server(
    tmp_path: Path, hooks: Receiver, mailbox: MailServer
) -> None:
    """A change made by another process is put in the outbox for the sinks, too; what was refused for ever is a dead letter."""
    with office(tmp_path, hooks, mailbox) as at:
        number = at.asks_for_help("ola", "contoso.com")
        at.settles()
        hooks.plan.append(Planned(410))
        named = {"WEBHOOK_URL": hooks.url, "WEBHOOK_SECRET": SECRET}
        done = bouncedesk(
            "tickets", "claim", str(number), "--as", "kari", "--data", str(tmp_path), **named
        )
        assert done.returncode == 0, done.stderr
        at.settles()
        dead = bouncedesk("outbox", "--json", "--data", str(tmp_path))
        assert at.bot.get("/readyz")[0] == 200

    assert hooks.types == ["ticket.opened"]
    (letter,) = [json.loads(line) for line in dead.stdout.splitlines()]
    assert "410" in json.dumps(letter)
    assert "sink" in json.dumps(letter)
    assert text_of(letter)
