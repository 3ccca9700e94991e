"""Requests that nobody honest sends, each with the status it must get. None of them may reach the bot or end in a 500."""

from __future__ import annotations

import base64
import gzip
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.connector import StubConnector
from tests.edge.conftest import OpenRecorder
from tests.edge.far_side import (
    APP_ID,
    BO,
    BOT,
    OTHER_TENANT,
    SERVICE_URL,
    TENANT,
    channel_message,
    execute,
    installed,
    mention,
    message,
    press_data,
    query,
    replaced,
    search,
    submit,
    without,
)

Json = dict[str, Any]


def _segment(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _claims(**changed: object) -> Json:
    now = int(time.time())
    usual: Json = {
        "iss": "https://api.botframework.com",
        "aud": APP_ID,
        "exp": now + 3_600,
        "serviceurl": SERVICE_URL,
    }
    return usual | changed


def _resigned(stub: StubConnector, claims: Json, **header: object) -> str:
    """Return a token signed with the channel's own key, with another header."""
    kid, pem = stub.private_key()
    return jwt.encode(claims, pem, algorithm="RS256", headers={"kid": kid} | header)


def _by_stranger(stub: StubConnector) -> str:
    """Return a token that names the channel's key but is signed with another."""
    kid, _ = stub.private_key()
    stranger = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    return jwt.encode(_claims(), stranger, algorithm="RS256", headers={"kid": kid})


def _signed_with_public_key(stub: StubConnector) -> str:
    """Return a token whose HMAC secret is the channel's public key (algorithm confusion)."""
    kid, pem = stub.private_key()
    private = serialization.load_pem_private_key(pem.encode(), None)
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    head, body = _segment({"alg": "HS256", "typ": "JWT", "kid": kid}), _segment(_claims())
    signed = f"{head}.{body}".encode()
    algorithm = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    signature = base64.urlsafe_b64encode(algorithm.sign(signed, public)).rstrip(b"=").decode()
    return f"{head}.{body}.{signature}"


def _unsigned(stub: StubConnector) -> str:
    kid, _ = stub.private_key()
    return f"{_segment({'alg': 'none', 'typ': 'JWT', 'kid': kid})}.{_segment(_claims())}."


def _tampered(stub: StubConnector) -> str:
    head, _, signature = stub.token(APP_ID, SERVICE_URL).split(".")
    return f"{head}.{_segment(_claims(serviceurl='https://evil.example.com/'))}.{signature}"


def _now() -> int:
    return int(time.time())


TOKENS: dict[str, Callable[[StubConnector], str]] = {
    "no token at all": lambda _: "",
    "one word": lambda _: "token",
    "two segments": lambda _: "a.b",
    "three empty segments": lambda _: "..",
    "header is no JSON": lambda _: "bm8.bm8.bm8",
    "header is a list": lambda _: f"{_segment([])}.{_segment({})}.x",
    "header is a number": lambda _: f"{_segment(7)}.{_segment({})}.x",
    "not ASCII": lambda stub: stub.token(APP_ID, SERVICE_URL) + "é",
    "endless": lambda _: "a" * 20_000,
    "two tokens": lambda stub: stub.token(APP_ID) + " " + stub.token(APP_ID),
    "unsigned": _unsigned,
    "signature cut off": lambda stub: stub.token(APP_ID, SERVICE_URL).rpartition(".")[0] + ".",
    "signed with the public key": _signed_with_public_key,
    "signed by a stranger": _by_stranger,
    "claims changed": _tampered,
    "no kid": lambda stub: jwt.encode(_claims(), stub.private_key()[1], algorithm="RS256"),
    "unknown kid": lambda stub: _resigned(stub, _claims(), kid="key-of-tomorrow"),
    "empty kid": lambda stub: _resigned(stub, _claims(), kid=""),
    "kid of an unusable key": lambda stub: _resigned(stub, _claims(), kid="broken"),
    "kid of an elliptic key": lambda stub: _resigned(stub, _claims(), kid="elliptic"),
    "kid of an encryption key": lambda stub: _resigned(stub, _claims(), kid="for-encryption"),
    "critical extension": lambda stub: _resigned(stub, _claims(), crit=["b64"], b64=False),
    "expired": lambda stub: stub.token(APP_ID, SERVICE_URL, exp=_now() - 301),
    "not yet valid": lambda stub: stub.token(APP_ID, SERVICE_URL, nbf=_now() + 400),
    "issued in the future": lambda stub: stub.token(APP_ID, SERVICE_URL, iat=_now() + 400),
    "no end": lambda stub: stub.token(APP_ID, SERVICE_URL, exp=None),
    "end is text": lambda stub: stub.token(APP_ID, SERVICE_URL, exp="tomorrow"),
    "end before all time": lambda stub: stub.token(APP_ID, SERVICE_URL, exp=-(10**30)),
    "end after all time": lambda stub: stub.token(APP_ID, SERVICE_URL, exp=10**400),
    "another audience": lambda stub: stub.token("another-app", SERVICE_URL),
    "a list of audiences": lambda stub: stub.token(APP_ID, SERVICE_URL, aud=[APP_ID, "other"]),
    "no audience": lambda stub: stub.token(APP_ID, SERVICE_URL, aud=None),
    "another issuer": lambda stub: stub.token(APP_ID, SERVICE_URL, iss="https://evil.example"),
    "the emulator's issuer": lambda stub: stub.token(
        APP_ID, SERVICE_URL, iss=f"https://sts.windows.net/{TENANT}/"
    ),
    "no issuer": lambda stub: stub.token(APP_ID, SERVICE_URL, iss=None),
    "no service url": lambda stub: stub.token(APP_ID, SERVICE_URL, serviceurl=None),
    "service url is a list": lambda stub: stub.token(APP_ID, serviceurl=[SERVICE_URL]),
}


@pytest.mark.parametrize("make", TOKENS.values(), ids=TOKENS)
async def test_tokens_that_prove_nothing(
    open_recorder: OpenRecorder, make: Callable[[StubConnector], str]
) -> None:
    """A token that is not the channel's, not for us or not for now is answered 401 before the body is looked at."""
    recorder = await open_recorder()
    headers = {"Authorization": f"Bearer {make(recorder.stub)}"}
    assert await recorder.post(b"\xff no JSON", headers) == (401, None)
    assert await recorder.post(message(), headers) == (401, None)
    assert recorder.incoming == []


SCHEMES = ["", "Basic", "bearer", "BEARER", "Bearer\t", "Token"]


@pytest.mark.parametrize("scheme", SCHEMES, ids=repr)
async def test_only_the_bearer_scheme_counts(open_recorder: OpenRecorder, scheme: str) -> None:
    """A valid token in another scheme is no bearer token."""
    recorder = await open_recorder()
    token = recorder.stub.token(APP_ID, SERVICE_URL)
    headers = {"Authorization": f"{scheme} {token}"}
    assert await recorder.post(message(), headers) == (401, None)


MISMATCHES: dict[str, tuple[str | None, Json]] = {
    "token of another service": ("https://smba.trafficmanager.net/amer/", message()),
    "token of the same service without a slash": (SERVICE_URL.rstrip("/"), message()),
    "activity without a service": (SERVICE_URL, without(message(), "serviceUrl")),
    "service is a number": (SERVICE_URL, message(serviceUrl=7)),
    "another channel": (SERVICE_URL, message(channelId="webchat")),
    "channel in capitals": (SERVICE_URL, message(channelId="MSTeams")),
    "no channel": (SERVICE_URL, without(message(), "channelId")),
    "foreign host in both": (
        "https://evil.example.com/",
        message(serviceUrl="https://evil.example.com/"),
    ),
    "somebody else's traffic manager": (
        "https://smba2.trafficmanager.net/",
        message(serviceUrl="https://smba2.trafficmanager.net/"),
    ),
    "host as a user name": (
        "https://smba.trafficmanager.net@evil.example.com/",
        message(serviceUrl="https://smba.trafficmanager.net@evil.example.com/"),
    ),
    "host as a subdomain": (
        "https://smba.trafficmanager.net.evil.example.com/",
        message(serviceUrl="https://smba.trafficmanager.net.evil.example.com/"),
    ),
    "no TLS": (
        "http://smba.trafficmanager.net/emea/",
        message(serviceUrl="http://smba.trafficmanager.net/emea/"),
    ),
    "another port": (
        "https://smba.trafficmanager.net:8443/emea/",
        message(serviceUrl="https://smba.trafficmanager.net:8443/emea/"),
    ),
    "loopback": ("https://127.0.0.1/", message(serviceUrl="https://127.0.0.1/")),
    "a path that climbs": (
        "https://smba.trafficmanager.net/../x/",
        message(serviceUrl="https://smba.trafficmanager.net/../x/"),
    ),
}


@pytest.mark.parametrize(("service_url", "activity"), MISMATCHES.values(), ids=MISMATCHES)
async def test_bodies_that_the_token_does_not_cover(
    open_recorder: OpenRecorder, service_url: str, activity: Json
) -> None:
    """A valid token with an activity of another service or channel, or of a host that is not the channel's, is a 403."""
    recorder = await open_recorder()
    token = recorder.stub.token(APP_ID, service_url)
    assert await recorder.post(activity, token=token) == (403, None)
    assert recorder.incoming == []


async def test_a_key_that_is_not_endorsed(open_recorder: OpenRecorder) -> None:
    """A key that may sign for other channels may not sign for Teams."""
    recorder = await open_recorder()
    token = _resigned(recorder.stub, _claims(), kid="unendorsed")
    assert await recorder.post(message(), token=token) == (403, None)


def _without_tenants(activity: Json) -> Json:
    return without(without(activity, "channelData"), "conversation.tenantId")


_NO_TENANT = without(message(), "conversation.tenantId")

TENANTS: dict[str, Json] = {
    "foreign message": replaced(
        replaced(message(), "channelData.tenant.id", OTHER_TENANT),
        "conversation.tenantId",
        OTHER_TENANT,
    ),
    "foreign invoke": replaced(
        replaced(execute(press_data()), "channelData.tenant.id", OTHER_TENANT),
        "conversation.tenantId",
        OTHER_TENANT,
    ),
    "foreign search": replaced(
        replaced(search(query("x")), "channelData.tenant.id", OTHER_TENANT),
        "conversation.tenantId",
        OTHER_TENANT,
    ),
    "foreign channel data": replaced(message(), "channelData.tenant.id", OTHER_TENANT),
    "foreign conversation": replaced(message(), "conversation.tenantId", OTHER_TENANT),
    "no tenant in a message": _without_tenants(message()),
    "no tenant in an invoke": _without_tenants(execute(press_data())),
    "no tenant in a search": _without_tenants(search(query("x"))),
    "no tenant in a submit": _without_tenants(submit(press_data())),
    "no tenant in an installation": _without_tenants(installed()),
    "no tenant in what we ignore": _without_tenants(message(type="typing")),
    "tenant is a number": replaced(_NO_TENANT, "channelData.tenant.id", 7),
    "tenant is empty": replaced(_NO_TENANT, "channelData.tenant.id", ""),
    "tenant is a list": replaced(_NO_TENANT, "channelData.tenant", [TENANT]),
    "channel data is text": replaced(_NO_TENANT, "channelData", TENANT),
}


@pytest.mark.parametrize("activity", TENANTS.values(), ids=TENANTS)
async def test_foreign_tenants(open_recorder: OpenRecorder, activity: Json) -> None:
    """Messages, presses and searches of another tenant, of none, or of one allowed and one foreign are refused."""
    recorder = await open_recorder()
    assert await recorder.post(activity) == (403, None)
    assert (recorder.incoming, recorder.presses, recorder.searches) == ([], [], [])


BODIES: dict[str, tuple[bytes, int]] = {
    "empty": (b"", 400),
    "no JSON": (b"hello", 400),
    "cut off": (b'{"type": "message"', 400),
    "two objects": (b"{}{}", 400),
    "not UTF-8": (b'{"type": "\xff"}', 400),
    "UTF-16": ('{"type": "message"}'.encode("utf-16"), 400),
    "byte order mark": (b"\xef\xbb\xbf{}", 400),
    "half a surrogate pair": (b'{"type": "message", "text": "\\ud83d!"}', 400),
    "a list": (b"[]", 400),
    "text": (b'"message"', 400),
    "null": (b"null", 400),
    "a number beyond all numbers": (b'{"type": "message", "value": 1e999}', 400),
    "not a number": (b'{"type": NaN}', 400),
    "deep lists": (b'{"type": ' + b"[" * 100_000, 400),
    "deep objects": (b'{"a":' * 40_000 + b"1" + b"}" * 40_000, 400),
    "one byte too long": (b'{"text": "' + b"x" * (262_144 - 11) + b'"}', 413),
    "far too long": (b"[" * 1_000_000, 413),
}


@pytest.mark.parametrize(("body", "status"), BODIES.values(), ids=BODIES)
async def test_bodies_that_are_no_activity(
    open_recorder: OpenRecorder, body: bytes, status: int
) -> None:
    """What is no JSON object, or too long, is refused, whoever sends it."""
    recorder = await open_recorder()
    assert await recorder.post(body) == (status, None)


HEADERS: dict[str, Json] = {
    "no type": {"Content-Type": None},
    "form": {"Content-Type": "application/x-www-form-urlencoded"},
    "text": {"Content-Type": "text/plain"},
    "something like JSON": {"Content-Type": "application/jsonp"},
    "another charset": {"Content-Type": "application/json; charset=utf-16"},
    "compressed": {"Content-Encoding": "gzip"},
    "brotli": {"Content-Encoding": "br"},
}


@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS)
async def test_bodies_of_another_type(open_recorder: OpenRecorder, headers: Json) -> None:
    """Only JSON in UTF-8, as it is, is read."""
    recorder = await open_recorder()
    body = gzip.compress(b"{}") if "Content-Encoding" in headers else message()
    assert await recorder.post(body, headers) == (415, None)


REQUIRED = ["from", "from.id", "conversation", "conversation.id", "type"]
WRONG: list[object] = [None, 7, True, "", [], [{}], {}, "x" * 5_000, "a\u0000b"]


@pytest.mark.parametrize("path", REQUIRED)
async def test_envelopes_that_cannot_be_answered(open_recorder: OpenRecorder, path: str) -> None:
    """Without a kind, a sender and a conversation, each of the right type, there is nobody to answer: 400."""
    recorder = await open_recorder()
    assert await recorder.post(without(message(), path)) in ((400, None), (403, None))
    for value in WRONG:
        status, _ = await recorder.post(replaced(message(), path, value))
        expected = (200,) if path == "type" and isinstance(value, str) else (400, 403)
        assert status in expected, (path, value)
    assert recorder.incoming == []


OPTIONAL = [
    "id",
    "text",
    "locale",
    "entities",
    "attachments",
    "value",
    "recipient",
    "replyToId",
    "timestamp",
    "localTimestamp",
    "textFormat",
    "from.name",
    "from.aadObjectId",
    "conversation.conversationType",
    "conversation.isGroup",
    "membersAdded",
    "name",
    "action",
    "deliveryMode",
    "channelData.team",
    "suggestedActions",
    "relatesTo",
    "semanticAction",
    "reactionsAdded",
    "additional_properties",
    "__class__",
]
STRANGE: list[object] = [
    *WRONG,
    -1,
    1.5,
    [None],
    [7, "x", [], {}],
    [{"type": "mention", "mentioned": 7, "text": 7}],
    [{"type": "mention", "mentioned": {"id": BOT}, "text": ["<at>"]}],
    [{"contentType": "text/html", "content": {"a": 1}}],
    [{"contentType": 7, "content": "x"}],
    [{"contentType": "application/vnd.microsoft.teams.file.download.info", "content": "x"}],
    [
        {
            "contentType": "application/vnd.microsoft.teams.file.download.info",
            "content": {"downloadUrl": {"$": 1}, "fileType": ["eml"]},
            "name": 7,
        }
    ],
    {"id": {"id": {}}},
    {"action": {"data": {"bouncedesk": {"v": "1", "session": {}}}}},
    [{"id": []}] * 5_000,
]
KINDS = {
    "message": message(),
    "submit": submit(press_data()),
    "execute": execute(press_data()),
    "channel": channel_message("<at>Bouncedesk</at> x <at>Bo</at>", mention(BO, "Bo")),
    "search": search(query("x")),
    "installation": installed(),
    "members": message(None, type="conversationUpdate", membersAdded=[{"id": BOT}]),
}


@pytest.mark.parametrize("activity", KINDS.values(), ids=KINDS)
async def test_any_field_of_any_wrong_type(open_recorder: OpenRecorder, activity: Json) -> None:
    """Every other field may be anything: the answer is an event or a 400, never an exception."""
    recorder = await open_recorder()
    for path in OPTIONAL:
        for value in STRANGE:
            status, _ = await recorder.post(replaced(activity, path, value))
            assert status in (200, 400, 501), (path, value)


@pytest.mark.parametrize(
    "text",
    ["<" * 200_000, "<p " * 60_000, "<at>" * 50_000, "<span itemtype=" * 15_000, "&" * 200_000],
    ids=lambda text: text[:8],
)
async def test_html_that_costs_nothing(open_recorder: OpenRecorder, text: str) -> None:
    """Markup made to be slow to read is read in the time of any other."""
    recorder = await open_recorder()
    named = [mention(BOT, "x"), mention("29:x", "x")] * 50
    html = [{"contentType": "text/html", "content": text}]
    await recorder.post(message("warm up"))
    before = time.process_time()
    status, _ = await recorder.post(message("x", attachments=html, entities=named))
    assert status == 200
    assert time.process_time() - before < 0.5


async def test_an_unknown_invoke_is_not_implemented(open_recorder: OpenRecorder) -> None:
    """An invoke that is none of ours is answered 501, as the channel expects."""
    recorder = await open_recorder()
    fetch = message(None, type="invoke", name="composeExtension/fetchTask", value={})
    assert await recorder.post(fetch) == (501, None)


LOCAL: dict[str, tuple[Json, str | None, Json]] = {
    "another machine": ({}, "192.0.2.1", {}),
    "another machine, mapped": ({}, "::ffff:192.0.2.1", {}),
    "no address": ({}, None, {}),
    "no address but text": ({}, "localhost.evil.example", {}),
    "a tunnel's name": ({"Host": "abc.tunnel.example"}, "127.0.0.1", {}),
    "no name": ({"Host": None}, "127.0.0.1", {}),
    "a proxy": ({"X-Forwarded-For": "192.0.2.1"}, "127.0.0.1", {}),
    "another proxy": ({"Forwarded": "for=192.0.2.1"}, "127.0.0.1", {}),
    "a web page": ({"Origin": "https://evil.example.com"}, "127.0.0.1", {}),
    "answers to Teams": ({}, "127.0.0.1", {"serviceUrl": SERVICE_URL}),
    "answers to a stranger": ({}, "127.0.0.1", {"serviceUrl": "http://evil.example.com/"}),
    "answers to a lookalike": ({}, "127.0.0.1", {"serviceUrl": "http://localhost.evil.example/"}),
    "answers to a user name": ({}, "127.0.0.1", {"serviceUrl": "http://localhost@evil.example/"}),
    "answers nowhere": ({}, "127.0.0.1", {"serviceUrl": None}),
    "foreign tenant": ({}, "127.0.0.1", {"channelData": {"tenant": {"id": OTHER_TENANT}}}),
}


@pytest.mark.parametrize(("headers", "peer", "fields"), LOCAL.values(), ids=LOCAL)
async def test_local_mode_is_for_this_machine(
    open_recorder: OpenRecorder, headers: Json, peer: str | None, fields: Json
) -> None:
    """Without tokens only programs on this machine are let in, and only when the answers stay here."""
    recorder = await open_recorder(local=True)
    activity = message(serviceUrl=recorder.stub.service_url) | fields
    usual = {"Host": "localhost:3978"} | headers
    assert await recorder.post(activity, usual, peer, token=None) == (403, None)
    assert recorder.incoming == []


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.0.1", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("host", ["localhost:3978", "127.0.0.1", "[::1]:3978"])
async def test_local_mode_lets_neighbours_in(
    open_recorder: OpenRecorder, peer: str, host: str
) -> None:
    """A program on this machine needs no token, by whatever loopback address it comes."""
    recorder = await open_recorder(local=True)
    activity = message(serviceUrl=recorder.stub.service_url)
    assert await recorder.post(activity, {"Host": host}, peer, token=None) == (200, None)
    assert len(recorder.incoming) == 1
