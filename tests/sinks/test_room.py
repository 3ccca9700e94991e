"""The room of the sinks: what the settings switch on, and how what has to be asked is asked."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
import structlog

from bot.compose import sink_names
from bot.model.errors import DeliveryDelayed, SettingsError, StoreUnavailable
from bot.model.library import Library
from bot.model.ticket import Deed
from bot.ports import Parcel, Placed
from bot.service import sink_room
from bot.settings import read_settings
from bot.sinks import Came, SinkRoom, WayBack
from bot.sinks.sink import news_of, placed_as
from tests.sinks.far_side import SECRET

EMAIL = {"email_to": "a@example.com", "email_from": "b@example.com", "smtp_host": "localhost"}
WEBHOOK = {"webhook_url": "https://helpdesk.example.com/", "webhook_secret": SECRET}
RT = {"rt_url": "https://rt.example.com", "rt_token": "1-2-3", "rt_queue": "Mail"}


async def test_the_settings_switch_sinks_on(library: Library) -> None:
    """None without settings, each with its own, all together; and every one of them under its channel in the outbox."""
    for given, names in (
        ({}, ()),
        (EMAIL, ("email",)),
        (WEBHOOK, ("webhook",)),
        (RT, ("rt",)),
        (EMAIL | WEBHOOK | RT, ("email", "webhook", "rt")),
    ):
        settings = read_settings(**given)
        assert sink_names(settings) == names
        async with sink_room(settings, lambda: (library, library.default)) as room:
            assert list(room.senders) == [f"sink:{name}" for name in names]


@pytest.mark.parametrize("group", [EMAIL, WEBHOOK, RT], ids=["email", "webhook", "rt"])
def test_half_a_sink_is_refused(group: dict[str, str]) -> None:
    """Whatever is missing, the refusal names what belongs together and shows no value."""
    for name in group:
        with pytest.raises(SettingsError) as refused:
            read_settings(**{other: value for other, value in group.items() if other != name})
        assert name.upper() in str(refused.value)
        assert not any(value in str(refused.value) for value in group.values())


async def test_a_bad_secret_is_refused_when_the_room_is_opened(library: Library) -> None:
    """What the settings alone cannot see is seen before anything is served."""
    settings = read_settings(**WEBHOOK | {"webhook_secret": "whsec_short"})
    with pytest.raises(SettingsError, match="whsec_"):
        sink_room(settings, lambda: (library, library.default))


def test_secrets_do_not_print() -> None:
    """Neither the settings' own text nor their dump shows a secret."""
    settings = read_settings(**EMAIL | WEBHOOK | RT | {"smtp_user": "u", "smtp_password": "p4ss"})
    for secret in (SECRET, "1-2-3", "p4ss"):
        assert secret not in repr(settings)
        assert secret not in str(settings.model_dump())


class Moody:
    """A sink of somebody else's, as docs/sinks.md describes one: asking it goes wrong in every way before it goes right."""

    name = "moody"
    every = 0.01

    def __init__(self) -> None:
        """Plan the trouble."""
        self.troubles: list[Exception] = [
            DeliveryDelayed("down"),
            StoreUnavailable("locked"),
            RuntimeError("a person's words"),
        ]
        self.asked = asyncio.Event()
        self.closed = False

    async def send(self, parcel: Parcel, placed: Placed | None) -> Placed:
        """Take everything."""
        return placed or placed_as(news_of(parcel), "it")

    async def poll(self, back: WayBack) -> None:
        """Fail, fail, break, and then be asked."""
        if self.troubles:
            raise self.troubles.pop(0)
        assert await back.bookmark() == "here"
        self.asked.set()

    async def close(self) -> None:
        """Close."""
        self.closed = True


class Nowhere:
    """A way back that leads nowhere."""

    async def carry_out(self, number: int, deed: Deed, by: str, *, once: str) -> Came:
        """Fail: nothing is to be carried out."""
        raise AssertionError((number, deed, by, once))

    async def is_ours(self, number: int, reference: str) -> bool:
        """Know nothing."""
        return (number, reference) == (0, "")

    async def bookmark(self) -> str:
        """Return where the reading stopped."""
        return "here"

    async def set_bookmark(self, bookmark: str) -> None:
        """Forget it."""


async def test_polling_goes_on_through_all_trouble() -> None:
    """Down, locked, broken: the next poll is made all the same, and what broke is logged by its name alone."""
    sink = Moody()
    closed = asyncio.Event()

    async def let_go() -> None:
        closed.set()

    with structlog.testing.capture_logs() as logs:
        async with SinkRoom([sink], let_go) as room:
            room.start(lambda _name: Nowhere())
            async with asyncio.timeout(5):
                await sink.asked.wait()

    assert sink.closed
    assert closed.is_set()
    assert [entry["event"] for entry in logs] == ["poll-failed", "poll-failed", "poll-broken"]
    assert "a person's words" not in str(logs)


def test_the_page_about_sinks_names_every_setting_and_header() -> None:
    """docs/sinks.md keeps up with what the sinks really say."""
    root = Path(__file__).parents[2]
    page = (root / "docs" / "sinks.md").read_text(encoding="utf-8")
    mail = (root / "bot" / "sinks" / "mail.py").read_text(encoding="utf-8")
    headers = set(re.findall(r'message\["(X-[A-Za-z-]+|[A-Z][A-Za-z-]+-[A-Z][A-Za-z]+)"\]', mail))
    assert len(headers) > 6
    for header in headers - {"Reply-To"}:
        assert header.removeprefix("X-Bouncedesk") in page, header
    for name in (
        *EMAIL,
        *WEBHOOK,
        *RT,
        "webhook_in_secret",
        "smtp_user",
        "smtp_password",
        "rt_requestor",
    ):
        assert f"BOUNCEDESK_{name.upper()}" in page
