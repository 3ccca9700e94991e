"""The whole program over HTTP, as Teams talks to it: from a paste to a resolved ticket, and across a crash."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.connector import StubConnector, stub_connector
from tests.conversation import BOUNCE
from tests.e2e.office import Office, bounce, data_of, helpdesk, text_of
from tests.e2e.program import Server, bouncedesk, free_port, server, wait_until

Json = dict[str, Any]


def cards(connector: StubConnector, conversation: str) -> list[Json]:
    """Return the cards that were sent to a conversation, oldest first."""
    sent = connector.requests(conversation=conversation, method="POST")
    bodies = [entry["body"].get("activity", entry["body"]) for entry in sent]
    return [body["attachments"][0]["content"] for body in bodies if body.get("attachments")]


def settled(connector: StubConnector, conversation: str, count: int) -> list[Json]:
    """Wait until so many cards were sent to a conversation; return them."""
    wait_until(lambda: len(cards(connector, conversation)) >= count, 15)
    return cards(connector, conversation)


def hand_over(bot: Server, connector: StubConnector, person: str = "ola") -> None:
    """Paste a bounce, ask for a human, and send."""
    conversation = f"a:{person}"
    bot.post(bot.message(BOUNCE, activity=f"{person}-1", person=person))
    [reading] = settled(connector, conversation, 1)
    bot.post(bot.press(data_of(reading, choice="human"), activity=f"{person}-2", person=person))
    preview = settled(connector, conversation, 2)[-1]
    send = data_of(preview, choice="send")
    bot.post(
        bot.press(send, activity=f"{person}-3", person=person, inputs={"note": "It is urgent"})
    )
    settled(connector, conversation, 3)


def test_from_paste_to_resolved_ticket(tmp_path: Path) -> None:
    """A paste becomes a ticket in the channel; claim and resolve update its card and reach the requester."""
    with (
        stub_connector() as connector,
        server(tmp_path, connector.service_url, **helpdesk(connector.service_url)) as bot,
    ):
        hand_over(bot, connector)
        office = Office(bot, connector)
        assert "k•••@contoso.com" in text_of(office.card(1001))

        claimed = office.presses("kari", 1001, "claim")
        assert "Kari" in text_of(claimed)
        assert "line" in office.presses("eve", 1001, "take-over")
        assert "It is urgent" in text_of(office.presses("kari", 1001, "show-all"))
        office.fills_in("kari", 1001, "form-resolve", "resolve", resolution="New licence")

        notices = settled(connector, "a:ola", 5)[3:]
        assert "Kari" in text_of(notices[0])
        assert "New licence" in text_of(notices[1])
        office.settles()
        for card in (office.card(1001), office.own_card("ola", 1001)):
            assert "Resolved" in text_of(card)
        listed = bouncedesk("tickets", "list", "--json", "--data", str(tmp_path))
        [ticket] = [json.loads(line) for line in listed.stdout.splitlines()]
        assert (ticket["number"], ticket["state"], ticket["assignee"]) == (
            1001,
            "resolved",
            "Kari",
        )


def test_a_crash_between_commit_and_send_loses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    """Killed after the commit while the channel is away, started again: everything arrives exactly once."""
    port = free_port()
    service_url = f"http://127.0.0.1:{port}/"
    settings = helpdesk(service_url)
    with server(tmp_path, service_url, **settings) as bot:
        people = [f"person{number}" for number in range(5)]
        for person in people:
            status, _ = bot.post(
                bot.message(bounce(f"{person}.example"), activity=f"{person}-1", person=person)
            )
            assert status == 200
            status, _ = bot.post(
                bot.message("talk to a human", activity=f"{person}-2", person=person)
            )
            assert status == 200
            status, _ = bot.post(bot.message("send it", activity=f"{person}-3", person=person))
            assert status == 200
        bot.kill()

    with stub_connector(port=port) as connector, server(tmp_path, service_url, **settings) as bot:
        for person in people:
            again = bot.message("send it", activity=f"{person}-3", person=person)
            assert bot.post(again)[0] == 200
        for person in people:
            settled(connector, f"a:{person}", 3)
        wait_until(lambda: len(connector.requests(path="/v3/conversations")) >= 5, 30)
        wait_until(lambda: "bouncedesk_outbox_depth 0.0" in bot.get("/metrics")[1], 30)

        assert [len(cards(connector, f"a:{person}")) for person in people] == [3] * 5
        assert len(connector.requests(path="/v3/conversations")) == 5
        listed = bouncedesk("tickets", "list", "--json", "--data", str(tmp_path)).stdout
        numbers = [json.loads(line)["number"] for line in listed.splitlines()]
        assert sorted(numbers) == [1001, 1002, 1003, 1004, 1005]


def test_the_server_refuses_to_start_without_credentials(tmp_path: Path) -> None:
    """Without --local and without credentials nothing listens, and the message says why."""
    ended = bouncedesk("run", "--port", str(free_port()), "--data", str(tmp_path))

    assert ended.returncode == 2
    assert "app id" in ended.stderr.lower()


def test_no_text_of_a_user_is_ever_logged(tmp_path: Path) -> None:
    """Neither the paste nor an address of it stands in the server's log."""
    with (
        stub_connector() as connector,
        server(tmp_path, connector.service_url, LOG_LEVEL="DEBUG") as bot,
    ):
        hand_over(bot, connector)
        bot.post({"type": "message", "text": BOUNCE, "serviceUrl": connector.service_url})
    log = (tmp_path / "server.log").read_text(encoding="utf-8")

    assert "kari.nordmann" not in log
    assert "couldn't be delivered" not in log
    assert "It is urgent" not in log
