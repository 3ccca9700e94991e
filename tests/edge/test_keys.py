"""Tokens of the channel, its signing keys, and what happens when these change or cannot be had."""

from __future__ import annotations

import asyncio
import time

import aiohttp
import jwt
import pytest
from structlog.testing import capture_logs

from bot.teams.keys import SigningKeys
from tests.connector import StubConnector
from tests.edge.conftest import OpenRecorder
from tests.edge.far_side import APP_ID, OTHER_TENANT, SERVICE_URL, message

METADATA = "/v1/.well-known/openidconfiguration"


class Hands:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        """Begin anywhere."""
        self.at = 1_000.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.at


async def test_a_valid_token_is_let_in(open_recorder: OpenRecorder) -> None:
    """A token of the channel, for our app and the activity's service, lets the activity in."""
    recorder = await open_recorder()
    assert await recorder.post(message()) == (200, None)
    assert len(recorder.incoming) == 1


@pytest.mark.parametrize(("claim", "seconds"), [("exp", -290), ("nbf", 290)])
async def test_clocks_may_differ_by_five_minutes(
    open_recorder: OpenRecorder, claim: str, seconds: int
) -> None:
    """A token that has just expired, or will be valid in a moment, counts: clocks are never the same."""
    recorder = await open_recorder()
    claims = {claim: int(time.time()) + seconds}
    token = recorder.stub.token(APP_ID, SERVICE_URL, **claims)
    assert await recorder.post(message(), token=token) == (200, None)


async def test_keys_are_fetched_once(open_recorder: OpenRecorder) -> None:
    """However many requests come at once, the keys are fetched once, and not again for the next."""
    recorder = await open_recorder()
    token = recorder.stub.token(APP_ID, SERVICE_URL)
    recorder.stub.metadata(delay=0.1)
    answers = await asyncio.gather(*(recorder.post(message(), token=token) for _ in range(20)))
    assert answers == [(200, None)] * 20
    other = recorder.stub.token(APP_ID, SERVICE_URL, jti="2")
    assert await recorder.post(message(), token=other) == (200, None)
    assert len(recorder.stub.requests(path=METADATA)) == 1


async def test_a_verified_token_is_remembered(open_recorder: OpenRecorder) -> None:
    """A token that was verified is let in again without its key, but only for what it vouches for."""
    recorder = await open_recorder()
    token = recorder.stub.token(APP_ID, SERVICE_URL)
    assert await recorder.post(message(), token=token) == (200, None)
    recorder.stub.roll_key()
    recorder.stub.metadata(down=True)
    assert await recorder.post(message(), token=token) == (200, None)
    # Remembered is the token, not who showed it: another service URL is refused all the same.
    other = message(serviceUrl="https://smba.trafficmanager.net/amer/")
    assert await recorder.post(other, token=token) == (403, None)


async def test_a_remembered_token_goes_with_its_key(open_recorder: OpenRecorder) -> None:
    """A token that was verified by a key which the channel has withdrawn since is refused, however long it would have lasted."""
    recorder = await open_recorder()
    token = recorder.stub.token(APP_ID, SERVICE_URL)
    assert await recorder.post(message(), token=token) == (200, None)
    recorder.stub.roll_key()
    new = recorder.stub.token(APP_ID, SERVICE_URL)
    assert await recorder.post(message(), token=new) == (200, None)
    assert await recorder.post(message(), token=token) == (401, None)
    assert await recorder.post(message(), token=new) == (200, None)


async def test_a_remembered_token_outlives_a_renewal(open_recorder: OpenRecorder) -> None:
    """Fetching the same keys again forgets nothing: the token is let in though its key could not be fetched once more."""
    recorder = await open_recorder()
    token = recorder.stub.token(APP_ID, SERVICE_URL)
    assert await recorder.post(message(), token=token) == (200, None)
    kid, pem = recorder.stub.private_key()
    unknown = jwt.encode({"exp": 1}, pem, algorithm="RS256", headers={"kid": f"not {kid}"})
    assert await recorder.post(message(), token=unknown) == (401, None)
    assert len(recorder.stub.requests(path=METADATA)) == 2
    recorder.stub.metadata(down=True)
    assert await recorder.post(message(), token=token) == (200, None)


@pytest.mark.parametrize(
    ("listed", "signed", "status"),
    [
        (["RS256"], "RS256", 200),
        (["RS256"], "RS384", 401),
        (["RS256", "RS384"], "RS384", 200),
        (["RS512"], "RS256", 401),
        (["RS512", "ES256", "none"], "RS512", 200),
        (["PS256", "RS256"], "PS256", 401),
    ],
)
async def test_the_algorithms_that_the_metadata_lists(
    open_recorder: OpenRecorder, listed: list[str], signed: str, status: int
) -> None:
    """A token is signed with an algorithm that the channel lists and we verify, or it is none of the channel's."""
    recorder = await open_recorder()
    recorder.stub.metadata(algorithms=listed)
    kid, pem = recorder.stub.private_key()
    claims = jwt.decode(
        recorder.stub.token(APP_ID, SERVICE_URL), options={"verify_signature": False}
    )
    token = jwt.encode(claims, pem, algorithm=signed, headers={"kid": kid})
    assert await recorder.post(message(), token=token) == (status, None)


async def test_a_metadata_without_our_algorithms_is_unusable(
    open_recorder: OpenRecorder,
) -> None:
    """Where the channel lists nothing that we could verify, nobody is let in, and it is our side that is not ready."""
    recorder = await open_recorder()
    recorder.stub.metadata(algorithms=["ES256"])
    assert await recorder.post(message()) == (503, None)


async def test_a_token_with_another_body(open_recorder: OpenRecorder) -> None:
    """Whoever has a token can say no more with it than its service URL, Teams and the allowed tenants: all else is refused."""
    recorder = await open_recorder()
    token = recorder.stub.token(APP_ID, SERVICE_URL)
    assert await recorder.post(message(), token=token) == (200, None)
    for changed in (
        {"serviceUrl": SERVICE_URL.removesuffix("/")},
        {"serviceUrl": SERVICE_URL.upper()},
        {"serviceUrl": "https://smba.trafficmanager.net/amer/"},
        {"serviceUrl": recorder.stub.service_url},
        {"channelId": "webchat"},
        {"channelData": {"tenant": {"id": OTHER_TENANT}}},
    ):
        assert await recorder.post(message(**changed), token=token) == (403, None), changed
    assert len(recorder.incoming) == 1


async def test_a_remembered_token_ends(open_recorder: OpenRecorder) -> None:
    """A token is remembered no longer than it is valid, skew included."""
    recorder = await open_recorder()
    ends = int(time.time()) - 298
    token = recorder.stub.token(APP_ID, SERVICE_URL, exp=ends)
    assert await recorder.post(message(), token=token) == (200, None)
    await asyncio.sleep(ends + 300.1 - time.time())
    assert await recorder.post(message(), token=token) == (401, None)


async def test_old_keys_are_renewed_in_the_background(stub: StubConnector) -> None:
    """After an hour a known key still serves at once, and the keys are fetched anew behind it."""
    clock = Hands()
    async with aiohttp.ClientSession() as session:
        keys = SigningKeys(session, stub.metadata_url, clock)
        assert await keys.find("key-1") is not None
        new = stub.roll_key()
        clock.at += 3_601
        old = await keys.find("key-1")
        assert old is not None
        async with asyncio.timeout(5):
            while keys.holds("key-1", old):  # noqa: ASYNC110 - nobody tells when
                await asyncio.sleep(0.01)
        assert await keys.find(new) is not None
        assert len(stub.requests(path=METADATA)) == 2
        await keys.close()


async def test_without_keys_nobody_is_let_in(open_recorder: OpenRecorder) -> None:
    """While no key could be fetched yet the answer is 503, which says that trying again may help."""
    recorder = await open_recorder()
    recorder.stub.metadata(down=True)
    assert await recorder.post(message()) == (503, None)
    assert recorder.incoming == []


async def test_a_rolled_key_is_accepted_on_first_use(stub: StubConnector) -> None:
    """A key that is new to us is fetched when it is first used, also when the keys were fetched a moment ago, and roll after roll."""
    clock = Hands()
    async with aiohttp.ClientSession() as session:
        keys = SigningKeys(session, stub.metadata_url, clock)
        assert await keys.find("key-1") is not None
        for _ in range(2):
            assert await keys.find(stub.roll_key()) is not None
        assert await keys.find("key-1") is None, "a withdrawn key is still trusted"
        await keys.close()


async def test_a_fetch_without_news_is_not_made_again_for_a_minute(stub: StubConnector) -> None:
    """After an invented key id a rolled key waits, too: up to a minute, which is what an attacker can gain."""
    clock = Hands()
    async with aiohttp.ClientSession() as session:
        keys = SigningKeys(session, stub.metadata_url, clock)
        assert await keys.find("key-1") is not None
        clock.at += 2
        assert await keys.find("invented") is None
        new = stub.roll_key()
        clock.at += 58
        assert await keys.find(new) is None
        clock.at += 3
        assert await keys.find(new) is not None
        assert len(stub.requests(path=METADATA)) == 3
        await keys.close()


async def test_unknown_keys_cost_one_fetch_a_minute(stub: StubConnector) -> None:
    """A flood of tokens with invented key ids makes one fetch, whatever their number."""
    clock = Hands()
    async with aiohttp.ClientSession() as session:
        keys = SigningKeys(session, stub.metadata_url, clock)
        await asyncio.gather(*(keys.find(f"invented-{number}") for number in range(200)))
        assert len(stub.requests(path=METADATA)) == 1
        clock.at += 61
        await asyncio.gather(*(keys.find(f"invented-{number}") for number in range(200)))
        assert len(stub.requests(path=METADATA)) == 2
        await keys.close()


async def test_stale_keys_serve_while_the_metadata_is_down(stub: StubConnector) -> None:
    """Old keys are renewed in the background; when that fails they go on being used, however old, and their age is told."""
    clock = Hands()
    async with aiohttp.ClientSession() as session:
        keys = SigningKeys(session, stub.metadata_url, clock)
        assert keys.age is None
        assert await keys.find("key-1") is not None
        stub.metadata(down=True)
        clock.at += 900_000
        with capture_logs() as logs:
            assert await keys.find("key-1") is not None
            assert await keys.find("invented") is None
        assert await keys.find("key-1") is not None
        assert keys.age == pytest.approx(900_000)
        (told,) = logs
        assert (told["event"], told["age"]) == ("signing-keys-unreachable", 900_000)
        stub.metadata(down=False)
        clock.at += 61
        keys.prefetch()
        assert await keys.find("invented") is None
        assert len(stub.requests(path=METADATA)) == 3
        await keys.close()


async def test_a_hanging_fetch_does_not_hold_known_keys(stub: StubConnector) -> None:
    """While a background renewal hangs, tokens with known keys are checked without waiting for it."""
    clock = Hands()
    async with aiohttp.ClientSession() as session:
        keys = SigningKeys(session, stub.metadata_url, clock)
        await keys.find("key-1")
        stub.metadata(delay=2.0)
        clock.at += 90_000
        started = time.monotonic()
        assert await keys.find("key-1") is not None
        assert time.monotonic() - started < 0.5
        await keys.close()


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:1/nothing", "/files/list", "/files/other", "/files/empty", "/files/deep"],
)
async def test_metadata_that_is_none(stub: StubConnector, url: str) -> None:
    """Metadata that cannot be had or read leaves us without keys, and without an exception."""
    stub.file("list", b"[1, 2]")
    stub.file("other", b'{"jwks_uri": "file:///etc/passwd"}')
    stub.file("empty", f'{{"jwks_uri": "{stub.origin}/files/none"}}'.encode())
    stub.file("none", b'{"keys": {}}')
    stub.file("deep", b"[" * 50_000)
    async with aiohttp.ClientSession() as session:
        keys = SigningKeys(session, url if "://" in url else stub.origin + url, Hands())
        assert await keys.find("key-1") is None
        assert not keys.known
        await keys.close()
