"""The whole program over HTTP, as Teams talks to it: from a paste to a resolved ticket, and across a crash."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.connector import StubConnector, stub_connector
from tests.conversation import BOUNCE
from tests.e2e.program import Server, bouncedesk, free_port, server, wait_until

Json = dict[str, Any]

CHANNEL = "19:triage@thread.tacv2"
TEAM = {"TRIAGE_TEAM_ID": "19:team@thread.tacv2", "TRIAGE_CHANNEL_ID": CHANNEL}


def cards(connector: StubConnector, conversation: str) -> list[Json]:
    """Return the cards that were sent to a conversation, oldest first."""
    sent = connector.requests(conversation=conversation, method="POST")
    bodies = [entry["body"].get("activity", entry["body"]) for entry in sent]
    return [body["attachments"][0]["content"] for body in bodies if body.get("attachments")]


def actions(card: Json) -> list[Json]:
    """Return every button of a card."""
    rows = [part["actions"] for part in card["body"] if part["type"] == "ActionSet"]
    return [action for row in [*rows, card.get("actions", [])] for action in row]


def data_of(card: Json, **wanted: str) -> Json:
    """Return the data of the button whose ids have these values."""
    for action in actions(card):
        ids = action["data"]["bouncedesk"]
        if all(ids.get(name) == value for name, value in wanted.items()):
            data: Json = action["data"]
            return data
    raise AssertionError(wanted)


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
    with stub_connector() as connector:
        settings = TEAM | {"TRIAGE_SERVICE_URL": connector.service_url}
        connector.members(TEAM["TRIAGE_TEAM_ID"], [{"id": "29:kari", "aadObjectId": "key-kari"}])
        with server(tmp_path, connector.service_url, **settings) as bot:
            hand_over(bot, connector)
            wait_until(lambda: thread(connector) is not None, 15)
            card = connector.requests(path="/v3/conversations")[0]["body"]["activity"][
                "attachments"
            ][0]["content"]
            assert "k•••@contoso.com" in json.dumps(card, ensure_ascii=False)

            status, claimed = bot.post(
                agent_press(bot, data_of(card, do="claim"), "kari", "press-1")
            )
            assert (status, claimed and claimed["type"]) == (
                200,
                "application/vnd.microsoft.card.adaptive",
            )
            status, refused = bot.post(
                agent_press(bot, data_of(card, do="claim"), "eve", "press-2")
            )
            assert (status, refused and refused["type"]) == (
                200,
                "application/vnd.microsoft.activity.message",
            )
            assert claimed is not None
            resolve = data_of(claimed["value"], do="resolve")
            bot.post(agent_press(bot, resolve, "kari", "press-3", {"resolution": "New licence"}))

            notices = settled(connector, "a:ola", 5)[3:]
            assert "Kari" in json.dumps(notices[0])
            assert "New licence" in json.dumps(notices[1])
            wait_until(lambda: len(connector.requests(method="PUT")) == 2, 15)
            listed = bouncedesk("tickets", "list", "--json", "--data", str(tmp_path))
            [ticket] = [json.loads(line) for line in listed.stdout.splitlines()]
            assert (ticket["number"], ticket["state"], ticket["assignee"]) == (
                1001,
                "resolved",
                "Kari",
            )


def thread(connector: StubConnector) -> Json | None:
    """Return the request that started the ticket's thread."""
    return next(iter(connector.requests(path="/v3/conversations")), None)


def agent_press(
    bot: Server, data: Json, person: str, activity: str, inputs: Json | None = None
) -> Json:
    """Return a press on the ticket's card in the channel."""
    press = bot.press(data, activity=activity, person=person, inputs=inputs)
    place = {
        "id": f"{CHANNEL};messageid=1",
        "conversationType": "channel",
        "tenantId": "t",
        "isGroup": True,
    }
    return press | {"conversation": place}


def test_a_crash_between_commit_and_send_loses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    """Killed after the commit while the channel is away, started again: everything arrives exactly once."""
    port = free_port()
    service_url = f"http://127.0.0.1:{port}/"
    settings = TEAM | {"TRIAGE_SERVICE_URL": service_url}
    with server(tmp_path, service_url, **settings) as bot:
        people = [f"person{number}" for number in range(5)]
        for person in people:
            status, _ = bot.post(bot.message(BOUNCE, activity=f"{person}-1", person=person))
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
