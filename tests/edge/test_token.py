"""The bot's own token: bought by msal from an Entra that speaks HTTP, kept, and renewed before it ends."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest

from bot.model.errors import DeliveryDelayed
from bot.ports import Parcel, Reply
from bot.teams.clouds import chosen_cloud
from bot.teams.connector import Connector
from bot.teams.credentials import ClientSecrets
from bot.teams.hosts import Origins
from bot.teams.sender import TeamsSender
from bot.teams.token import OutboundToken
from tests.connector import StubConnector
from tests.edge.far_side import APP_ID, CHAT, PAGE, TENANT, address
from tests.edge.test_keys import Hands


def _credentials(origin: str, secret: str) -> ClientSecrets:
    cloud = chosen_cloud("public", authority=origin)
    return ClientSecrets(APP_ID, TENANT, cloud, {"app_password": secret})


def _bought(stub: StubConnector) -> int:
    return len(stub.requests(path=f"/{TENANT}/oauth2/v2.0/token"))


async def test_a_token_is_bought_once(stub: StubConnector) -> None:
    """However many replies wait for it, one token is bought, in the bot's own tenant and for the channel."""
    token = OutboundToken(_credentials(stub.origin, "right").buy)
    shown = await asyncio.gather(*(token.bearer() for _ in range(30)))
    assert len(set(shown)) == 1
    assert await token.bearer() == shown[0]
    (sold,) = stub.requests(path=f"/{TENANT}/oauth2/v2.0/token")
    assert "scope=https%3A%2F%2Fapi.botframework.com%2F.default" in sold["body"]
    assert "grant_type=client_credentials" in sold["body"]
    await token.close()


async def test_a_token_is_renewed_ahead_of_its_end(stub: StubConnector) -> None:
    """Ten minutes before its end a new one is bought in the background; meanwhile the old one serves."""
    clock = Hands()
    token = OutboundToken(_credentials(stub.origin, "right").buy, clock)
    first = await token.bearer()
    clock.at += 3_599 - 500
    assert await token.bearer() == first
    await token.close()
    second = await token.bearer()
    assert second != first
    assert _bought(stub) == 2


async def test_an_ended_token_is_never_shown(stub: StubConnector) -> None:
    """After its end a reply waits for the new one."""
    clock = Hands()
    token = OutboundToken(_credentials(stub.origin, "right").buy, clock)
    first = await token.bearer()
    clock.at += 3_600
    assert await token.bearer() != first
    await token.close()


@pytest.mark.parametrize(("seconds", "bought"), [(300, 1), (30, 2), (5, 2)])
async def test_a_short_lived_token_is_not_bought_for_every_reply(
    seconds: int, bought: int
) -> None:
    """A machine's identity may be sold the same token until it ends: it is asked for now and then, not with every reply."""
    clock = Hands()
    sold: list[int] = []

    def buy() -> dict[str, Any]:
        sold.append(1)
        return {"access_token": "the same", "expires_in": seconds}

    token = OutboundToken(buy, clock)
    for pause in (0, 0, 0, 16, 0, 0):
        clock.at += pause
        for _ in range(10):
            with suppress(DeliveryDelayed):
                await token.bearer()
            await asyncio.sleep(0)
    await token.close()
    assert len(sold) == bought


async def test_a_channel_that_refuses_every_token_is_no_reason_to_buy_many(
    stub: StubConnector,
) -> None:
    """The first refused token is bought anew at once; when the next one is refused as well there is a pause."""
    clock = Hands()
    token = OutboundToken(_credentials(stub.origin, "right").buy, clock)
    for _ in range(2):
        token.forget(await token.bearer() or "")
    for _ in range(10):
        with pytest.raises(DeliveryDelayed):
            await token.bearer()
    assert _bought(stub) == 2
    clock.at += 16
    assert await token.bearer()
    assert _bought(stub) == 3
    await token.close()


async def test_a_wrong_secret_delays(stub: StubConnector) -> None:
    """Without a token nothing is sent: the parcel waits, and Entra is not asked for each of them."""
    clock = Hands()
    token = OutboundToken(_credentials(stub.origin, "wrong").buy, clock)
    for _ in range(20):
        with pytest.raises(DeliveryDelayed) as delayed:
            await token.bearer()
        assert delayed.value.retry_after == pytest.approx(15)
    assert _bought(stub) == 1
    clock.at += 16
    with pytest.raises(DeliveryDelayed):
        await token.bearer()
    assert _bought(stub) == 2
    await token.close()


async def test_entra_that_is_away_is_asked_again_soon_and_then_less_often() -> None:
    """A second's outage costs a second; a long one is not made worse by us."""
    clock = Hands()

    def away() -> dict[str, Any]:
        raise OSError

    token = OutboundToken(away, clock)
    waits: list[float] = []
    for _ in range(7):
        with pytest.raises(DeliveryDelayed) as delayed:
            await token.bearer()
        waits.append(delayed.value.retry_after or 0.0)
        clock.at += waits[-1] + 0.1
    await token.close()
    assert waits == pytest.approx([1, 2, 4, 8, 15, 15, 15])


@pytest.mark.parametrize("body", ["<html>busy</html>", "[]", '{"access_token": 7}', "{}"])
async def test_answers_of_entra_that_are_none(stub: StubConnector, body: str) -> None:
    """Whatever Entra answers instead of a token is a delay."""
    stub.fault("token", 200, body=body)
    token = OutboundToken(_credentials(stub.origin, "right").buy, Hands())
    with pytest.raises(DeliveryDelayed):
        await token.bearer()
    await token.close()


async def test_an_unreachable_entra_delays() -> None:
    """So is an Entra that cannot be reached."""
    token = OutboundToken(_credentials("http://127.0.0.1:1", "right").buy, Hands())
    with pytest.raises(DeliveryDelayed):
        await token.bearer()
    await token.close()


async def test_a_slow_entra_does_not_hold_the_loop(stub: StubConnector) -> None:
    """While a token is bought everything else goes on: the purchase has a thread of its own."""
    stub.fault("token", 0, delay=0.4)
    on_loop = threading.get_ident()
    bought_in: list[int] = []
    credentials = _credentials(stub.origin, "right")

    def buy() -> dict[str, Any]:
        bought_in.append(threading.get_ident())
        return credentials.buy()

    token = OutboundToken(buy)
    waiting = asyncio.create_task(token.bearer())
    longest = 0.0
    while not waiting.done():
        before = time.monotonic()
        await asyncio.sleep(0.005)
        longest = max(longest, time.monotonic() - before)
    assert await waiting
    assert bought_in != [on_loop]
    assert longest < 0.2
    await token.close()


async def test_the_token_goes_to_the_connector_and_is_dropped_when_refused(
    stub: StubConnector,
) -> None:
    """Replies carry the token; one that the channel refuses is bought anew for the next attempt."""
    token = OutboundToken(_credentials(stub.origin, "right").buy)
    async with aiohttp.ClientSession() as session:
        origins = Origins((), extra=(stub.origin,))
        sender = TeamsSender(Connector(session, origins, token, lambda: datetime.now(UTC)))
        parcel = Parcel(to=address(stub), content=Reply(PAGE))
        await sender.send(parcel, None)
        stub.fault(CHAT, 401)
        with pytest.raises(DeliveryDelayed):
            await sender.send(parcel, None)
        await sender.send(parcel, None)
    shown = [sent["headers"]["authorization"] for sent in stub.requests(conversation=CHAT)]
    assert shown[0] == shown[1] != shown[2]
    assert all(value.startswith("Bearer token-") for value in shown)
    await token.close()
