"""The real program behind the Microsoft 365 Agents SDK: from a paste to the ticket, in local mode and with tokens."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.connector import StubConnector, stub_connector
from tests.conversation import BOUNCE
from tests.e2e.office import Office, data_of, helpdesk, text_of
from tests.e2e.program import Server, environment, free_port, server
from tests.e2e.test_over_http import hand_over, settled


def _from_paste_to_ticket(connector: StubConnector, bot: Server) -> None:
    status, answer = bot.post(bot.message(BOUNCE, activity="kai-1", person="kai"))
    assert (status, answer) == (200, None)
    [reading] = settled(connector, "a:kai", 1)
    assert "5.1.10" in text_of(reading)
    status, answer = bot.post(
        bot.press(data_of(reading, choice="human"), activity="kai-2", person="kai")
    )
    assert (status, answer and answer["statusCode"]) == (200, 200)

    hand_over(bot, connector)
    assert "Kari" in text_of(Office(bot, connector).presses("kari", 1001, "claim"))


def test_local(tmp_path: Path) -> None:
    """A pasted bounce is answered with a card, presses with theirs, and a ticket is claimed in the channel."""
    with stub_connector() as connector:
        settings = helpdesk(connector.service_url) | {"SDK": "agents", "LOG_LEVEL": "DEBUG"}
        with server(tmp_path, connector.service_url, **settings) as bot:
            _from_paste_to_ticket(connector, bot)
            elsewhere = bot.message("hello", activity="1") | {"serviceUrl": "https://example.com/"}
            assert bot.post(elsewhere)[0] == 403
            assert bot.post(bot.message(BOUNCE, activity="2") | {"entities": [BOUNCE]})[0] == 200
    assert "kari.nordmann" not in (tmp_path / "server.log").read_text(encoding="utf-8")


def test_with_tokens(tmp_path: Path) -> None:
    """Registered, the bot demands the channel's token, and shows its own, bought once for all that it sends."""
    with stub_connector() as connector:
        settings = helpdesk(connector.service_url) | {"SDK": "agents"}
        with server(tmp_path, connector.service_url, connector, **settings) as bot:
            _from_paste_to_ticket(connector, bot)
            stranger = Server(bot.process, int(bot.origin.rpartition(":")[2]), bot.service_url)
            assert stranger.post(bot.message("hello", activity="1"))[0] == 401
        sent = [one for one in connector.requests(method="POST") if "/v3/" in one["path"]]
        shown = {one["headers"].get("authorization") for one in sent}
        assert len(shown) == 1
        assert str(shown.pop()).startswith("Bearer token-")


_LOADED = """
import sys
import bot.service, {adapter}
for name in ("botbuilder", "botframework", "msrest", "microsoft_agents"):
    print(name if name in sys.modules else "", end=" ")
"""


@pytest.mark.parametrize(
    ("adapter", "loaded"),
    [
        ("bot.agents", ["microsoft_agents"]),
        ("bot.teams.adapter", ["botbuilder", "botframework", "msrest"]),
    ],
)
def test_only_the_chosen_sdk_is_loaded(adapter: str, loaded: list[str]) -> None:
    """Each SDK costs a fifth of a second and 50 MB: the one that is not used is not loaded."""
    ended = subprocess.run(
        [sys.executable, "-c", _LOADED.format(adapter=adapter)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ended.stdout.split() == loaded


_WITHOUT = """
import sys
sys.modules["microsoft_agents"] = None
from bot.__main__ import main
sys.argv[1:] = ["run", "--local", "--port", "{port}", "--data", "{data}"]
main()
"""


def test_without_the_extra_it_says_which(tmp_path: Path) -> None:
    """Where the SDK is not installed the program does not start, and names the extra that brings it."""
    program = _WITHOUT.format(port=free_port(), data=tmp_path)
    ended = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment({"SDK": "agents"}),
    )
    assert ended.returncode == 2
    assert "bouncedesk[agents]" in ended.stderr
    assert "Traceback" not in ended.stderr
