"""The bot's own token: bought by msal from an Entra that speaks HTTP, kept, and renewed before it ends."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
import requests

from bot.model.errors import DeliveryDelayed
from bot.ports import Parcel, Reply
from bot.teams.connector import Connector
from bot.teams.hosts import Origins
from bot.teams.sender import TeamsSender
from bot.teams.token import AUTHORITY, Credentials, OutboundToken
from tests.connector import StubConnector
from tests.edge.far_side import APP_ID, CHAT, PAGE, TENANT, address
from tests.edge.test_keys import Hands

Fields = dict[str, str] | None


class Detour:
    """Brings msal's requests for Entra to the stand-in: msal insists on https, which the stand-in does not speak."""

    def __init__(self, origin: str) -> None:
        """Take where the stand-in is."""
        self._origin = origin

    def get(self, url: str, headers: Fields = None, **_: object) -> requests.Response:
        """Get from the stand-in."""
        return requests.get(self._there(url), headers=headers, timeout=5)

    def post(
        self, url: str, data: Fields = None, headers: Fields = None, **_: object
    ) -> requests.Response:
        """Post to the stand-in."""
        return requests.post(self._there(url), data=data, headers=headers, timeout=5)

    def _there(self, url: str) -> str:
        assert url.startswith(f"{AUTHORITY}/{TENANT}/"), "asked somebody else"
        return url.replace(AUTHORITY, self._origin)


def _credentials(stub: StubConnector, secret: str) -> Credentials:
    return Credentials(APP_ID, secret, TENANT, http_client=Detour(stub.origin))


def _bought(stub: StubConnector) -> int:
    return len(stub.requests(path=f"/{TENANT}/oauth2/v2.0/token"))


async def test_a_token_is_bought_once(stub: StubConnector) -> None:
    """However many replies wait for it, one token is bought, in the bot's own tenant and for the channel."""
    token = OutboundToken(_credentials(stub, "right").buy)
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
    token = OutboundToken(_credentials(stub, "right").buy, clock)
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
    token = OutboundToken(_credentials(stub, "right").buy, clock)
    first = await token.bearer()
    clock.at += 3_600
    assert await token.bearer() != first
    await token.close()


async def test_a_wrong_secret_delays(stub: StubConnector) -> None:
    """Without a token nothing is sent: the parcel waits, and Entra is not asked for each of them."""
    clock = Hands()
    token = OutboundToken(_credentials(stub, "wrong").buy, clock)
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


@pytest.mark.parametrize("body", ["<html>busy</html>", "[]", '{"access_token": 7}', "{}"])
async def test_answers_of_entra_that_are_none(stub: StubConnector, body: str) -> None:
    """Whatever Entra answers instead of a token is a delay."""
    stub.fault("token", 200, body=body)
    token = OutboundToken(_credentials(stub, "right").buy, Hands())
    with pytest.raises(DeliveryDelayed):
        await token.bearer()
    await token.close()


async def test_an_unreachable_entra_delays() -> None:
    """So is an Entra that cannot be reached."""
    buy = Credentials(APP_ID, "right", TENANT, http_client=Detour("http://127.0.0.1:1")).buy
    token = OutboundToken(buy, Hands())
    with pytest.raises(DeliveryDelayed):
        await token.bearer()
    await token.close()


async def test_a_slow_entra_does_not_hold_the_loop(stub: StubConnector) -> None:
    """While a token is bought everything else goes on: the purchase has a thread of its own."""
    stub.fault("token", 0, delay=0.4)
    on_loop = threading.get_ident()
    bought_in: list[int] = []
    credentials = _credentials(stub, "right")

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
    token = OutboundToken(_credentials(stub, "right").buy)
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
