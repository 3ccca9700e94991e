"""When the bot's secret or certificate ends: who is told, how early, and how often."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.compose import Application, application, channel_book, utc_now
from bot.model.ids import ConversationId
from bot.ports import FALLBACK, Ending, Expiry, Retention
from bot.settings import Settings
from bot.teams.expiry import warnings, with_password
from bot.teams.room import Options, TeamsRoom
from bot.triage import tell_of
from tests.connector import StubConnector
from tests.conversation import settings_for
from tests.edge.conftest import OpenRecorder
from tests.edge.identities import identity

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)
TRIAGE = "19:triage@thread.tacv2"


@pytest.mark.parametrize(
    ("left", "days"),
    [
        (31 * DAY, None),
        (30 * DAY + timedelta(seconds=1), None),
        (30 * DAY, 30),
        (7 * DAY + timedelta(hours=1), 8),
        (DAY, 1),
        (timedelta(seconds=1), 1),
        (timedelta(0), 0),
        (-DAY, 0),
        (-400 * DAY, 0),
    ],
)
def test_warnings_begin_thirty_days_ahead(left: timedelta, days: int | None) -> None:
    """From thirty days on it is told how many are left, a day begun counted whole; what is over stays over."""
    ends = NOW + left
    expected = () if days is None else (Ending("app_certificate", ends, days),)
    assert warnings([Expiry("app_certificate", ends)], NOW) == expected
    assert all(ending.expired == (days == 0) for ending in expected)


def test_the_most_pressing_comes_first() -> None:
    """Of several endings the first is the one to look at."""
    expiries = [Expiry("b", NOW + 9 * DAY), Expiry("c", NOW + 90 * DAY), Expiry("a", NOW - DAY)]
    assert [ending.name for ending in warnings(expiries, NOW)] == ["a", "b"]


def test_a_secret_ends_when_its_day_begins() -> None:
    """Entra names a day: nobody may rely on the bot on that day, wherever it is midnight."""
    assert with_password((), None) == ()
    (expiry,) = with_password((), date(2026, 12, 1))
    assert expiry == Expiry("app_password", datetime(2026, 12, 1, tzinfo=UTC))


async def test_the_room_knows_what_ends(open_recorder: OpenRecorder, tmp_path: Path) -> None:
    """A secret ends when the settings say so, a certificate when it says so itself, also after it was renewed."""
    secret = await open_recorder(app_password_expires=date(2027, 5, 31))
    assert [expiry.name for expiry in secret.room.expiries()] == ["app_password"]

    old, new = identity(days=3), identity(days=300)
    file = old.written(tmp_path / "bot.pem")
    certificate = await open_recorder(app_password="", app_certificate=file)
    assert certificate.room.expiries() == (Expiry("app_certificate", old.ends),)
    assert [ending.days for ending in warnings(certificate.room.expiries(), utc_now())] == [3]
    new.written(file)
    assert certificate.room.expiries() == (Expiry("app_certificate", new.ends),)

    assert (await open_recorder(local=True)).room.expiries() == ()


class Instances:
    """Two instances of the bot on one database, in front of one channel."""

    def __init__(
        self, settings: Settings, stub: StubConnector, running: tuple[Application, ...]
    ) -> None:
        """Take what runs."""
        self.running = running
        self._settings = settings
        self._stub = stub

    async def look(self, expiries: tuple[Expiry, ...], now: datetime) -> list[str]:
        """Let all of them look at once at what ends; return all that the channel shows then, oldest first."""
        await asyncio.gather(*(self._look(one, expiries, now) for one in self.running))
        for one in self.running:
            await one.outbox.settle()
        return [_title(thread[0]["content"]) for thread in self._stub.threads(TRIAGE)]

    async def _look(self, one: Application, expiries: tuple[Expiry, ...], now: datetime) -> None:
        library = one.core.library
        channel = channel_book(self._settings, library).of(FALLBACK)
        await tell_of(warnings(expiries, now), channel, library, one.outbox, now)


@asynccontextmanager
async def _instances(folder: Path, stub: StubConnector, **given: Any) -> AsyncIterator[Instances]:  # noqa: ANN401 - settings
    usual = {"triage_team_id": "19:t@thread.tacv2", "triage_channel_id": TRIAGE}
    settings = settings_for(folder, triage_service_url=stub.service_url, **(usual | given))
    async with (
        TeamsRoom(Options(local=True), utc_now) as room,
        application(settings, {"msteams": room.sender}) as one,
        application(settings, {"msteams": room.sender}) as other,
    ):
        yield Instances(settings, stub, (one, other))


def _title(activity: dict[str, Any]) -> str:
    """Return what stands first on a card."""
    content = activity["attachments"][0]["content"]
    return str(activity.get("summary") or content["body"][0])


async def test_the_channel_is_told_once_at_each_step(tmp_path: Path, stub: StubConnector) -> None:
    """At 30, 14, 7, 3 and 1 days and at the end the triage channel is told, once for all instances and however often they look."""
    ends = NOW + 40 * DAY
    expiries = (Expiry("app_certificate", ends),)
    posts: dict[int, int] = {}
    shown: list[str] = []
    async with _instances(tmp_path, stub) as instances:
        for left in (40, 31, 30, 30, 29, 15, 14, 13, 8, 7, 4, 3, 2, 1, 0, 0, -1):
            shown = await instances.look(expiries, ends - left * DAY)
            posts[left] = len(shown)
    steps = {40: 0, 31: 0, 30: 1, 29: 1, 15: 1, 14: 2, 13: 2, 8: 2, 7: 3, 4: 3, 3: 4, 2: 4, 1: 5}
    assert posts == steps | {0: 6, -1: 6}
    assert all("My certificate ends on January 3, 2027" in title for title in shown[:5])
    assert "My certificate ended on January 3, 2027" in shown[5]


async def test_it_is_told_in_the_channels_language(tmp_path: Path, stub: StubConnector) -> None:
    """The words are the content's, in the language of the triage channel, and say what to do."""
    async with _instances(tmp_path, stub, triage_language="nb") as instances:
        await instances.look((Expiry("app_password", NOW + 5 * DAY),), NOW)
        ((post,),) = stub.threads(TRIAGE)
    card = str(post["content"])
    assert "Klienthemmeligheten min går ut 29. november 2026" in card
    assert "BOUNCEDESK_APP_PASSWORD_NEXT" in card


async def test_it_is_not_told_again_when_the_memory_of_answers_is_purged(
    tmp_path: Path, stub: StubConnector
) -> None:
    """A post that stands in the channel is not made again, whatever the upkeep deletes; a new certificate is told of anew."""
    expiries = (Expiry("app_certificate", NOW + 20 * DAY),)
    async with _instances(tmp_path, stub) as instances:
        await instances.look(expiries, NOW)
        await instances.running[0].store.purge(NOW + 3 * DAY, Retention())
        assert len(await instances.look(expiries, NOW + 3 * DAY)) == 1
        renewed = (Expiry("app_certificate", NOW + 25 * DAY),)
        assert len(await instances.look(renewed, NOW + 3 * DAY)) == 2


async def test_a_post_that_was_given_up_is_made_again(tmp_path: Path, stub: StubConnector) -> None:
    """Where the channel refuses the post nobody has read it: it is tried again a day later."""
    expiries = (Expiry("app_certificate", NOW + 20 * DAY),)
    async with _instances(tmp_path, stub) as instances:
        stub.fault(TRIAGE, 403, method="POST")
        assert await instances.look(expiries, NOW) == []
        assert await instances.look(expiries, NOW + timedelta(hours=1)) == []
        await instances.running[0].store.purge(utc_now() + 3 * DAY, Retention())
        assert len(await instances.look(expiries, NOW + 2 * DAY)) == 1


async def test_without_a_channel_nobody_is_told(tmp_path: Path, stub: StubConnector) -> None:
    """A bot without a triage channel keeps it to its log, its metrics and its readiness page."""
    async with _instances(tmp_path, stub, triage_team_id="", triage_channel_id="") as instances:
        assert await instances.look((Expiry("app_password", NOW),), NOW) == []
        unsent = await instances.running[0].store.counts(utc_now())
    assert unsent.unsent == 0


async def test_what_is_said_below_such_a_post_is_no_ticket(
    tmp_path: Path, stub: StubConnector
) -> None:
    """The thread of such a post is known as none of a ticket's."""
    async with _instances(tmp_path, stub) as instances:
        await instances.look((Expiry("app_password", NOW + DAY),), NOW)
        ((post,),) = stub.threads(TRIAGE)
        thread = ConversationId(post["conversation"])
        names = await instances.running[0].store.run(lambda unit: unit.posts_in(thread))
    assert names == ["ending:app_password:2026-11-25:1"]
