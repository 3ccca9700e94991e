"""Requests that must be refused, as a table: a name, what is sent, and the status that it must get.

`None` in the place of a status: the connection is closed without a word. Every row that says `CANARY` somewhere says it in what a log
must never hold.
"""

from __future__ import annotations

import base64
import gzip
import json
import time
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
from standardwebhooks import Webhook

from tests.edge.far_side import (
    APP_ID,
    OTHER_TENANT,
    SERVICE_URL,
    TENANT,
    execute,
    installed,
    members_added,
    message,
    press_data,
    query,
    replaced,
    search,
    submit,
    without,
)
from tests.edge.hostile.wire import CANARY, WEBHOOK_SECRET, Forger, Target, request, segment

Json = dict[str, Any]


class Row(msgspec.Struct, frozen=True):
    """One request."""

    name: str
    make: Callable[[Target], bytes]
    status: int | None


BODY = json.dumps(message(CANARY)).encode()
LIMIT = 262_144


def _now() -> int:
    return int(time.time())


# ------------------------------------------------------------------------------------------------------------------- tokens


def _tampered(forger: Forger) -> str:
    head, _, signature = forger.honest(SERVICE_URL).split(".")
    return f"{head}.{segment(forger.claims(aud='other'))}.{signature}"


_TOKENS: dict[str, tuple[Callable[[Forger], str], int]] = {
    "empty": (lambda _: "", 401),
    "one word": (lambda _: "token", 401),
    "two segments": (lambda _: "a.b", 401),
    "three empty segments": (lambda _: "..", 401),
    "three segments of garbage": (lambda _: "!!!.###.@@@", 401),
    "four segments": (lambda f: f.honest(SERVICE_URL) + ".x", 401),
    "five segments, encrypted": (
        lambda f: ".".join(
            [segment({"alg": "RSA-OAEP", "enc": "A128GCM", "kid": f.kid}), *"abcd"]
        ),
        401,
    ),
    "header is no JSON": (lambda _: "bm8.bm8.bm8", 401),
    "header is a list": (lambda _: f"{segment([])}.{segment({})}.x", 401),
    "header is a number": (lambda _: f"{segment(7)}.{segment({})}.x", 401),
    "header is nested": (
        lambda _: f"{segment(json.loads('[' * 900 + ']' * 900))}.{segment({})}.x",
        401,
    ),
    "claims are a list": (lambda f: f.sealed({"alg": "RS256", "kid": f.kid}, [f.claims()]), 401),
    "not ASCII": (lambda f: f.honest(SERVICE_URL) + "é", 401),
    "not UTF-8": (lambda f: f.honest(SERVICE_URL) + "\udcff", 401),
    "a quote": (lambda f: f'"{f.honest(SERVICE_URL)}"', 401),
    "two tokens": (lambda f: f"{f.honest(SERVICE_URL)} {f.honest(SERVICE_URL)}", 401),
    "two tokens with a comma": (lambda f: f"{f.honest(SERVICE_URL)},{f.honest(SERVICE_URL)}", 401),
    "as long as may be": (lambda _: "a" * 8_000, 401),
    "longer than a header may be": (lambda _: "a" * 20_000, 400),
    "a megabyte": (lambda _: "a." * 500_000, 400),
    "unsigned": (
        lambda f: f"{segment({'alg': 'none', 'typ': 'JWT', 'kid': f.kid})}.{segment(f.claims())}.",
        401,
    ),
    "unsigned, in capitals": (
        lambda f: f"{segment({'alg': 'NONE', 'kid': f.kid})}.{segment(f.claims())}.",
        401,
    ),
    "no algorithm": (lambda f: f"{segment({'kid': f.kid})}.{segment(f.claims())}.x", 401),
    "algorithm is a list": (
        lambda f: f"{segment({'alg': ['RS256'], 'kid': f.kid})}.{segment(f.claims())}.x",
        401,
    ),
    "signature cut off": (lambda f: f.honest(SERVICE_URL).rpartition(".")[0] + ".", 401),
    "signature cut short": (lambda f: f.honest(SERVICE_URL)[:-40], 401),
    "signature of another": (
        lambda f: f.signed(iat=1).rpartition(".")[0] + "." + f.signed(iat=2).rpartition(".")[2],
        401,
    ),
    "HS256 with the public key": (lambda f: f.with_secret(f.public_pem), 401),
    "HS256 with nothing": (lambda f: f.with_secret(b""), 401),
    "RS384": (lambda f: f.signed("RS384"), 401),
    "RS512": (lambda f: f.signed("RS512"), 401),
    "PS256": (lambda f: f.signed("PS256"), 401),
    "signed by a stranger": (lambda f: f.by_stranger(), 401),
    "brings its own key": (
        lambda f: f.by_stranger({"jwk": {"kty": "RSA", "n": "AQAB", "e": "AQAB"}}),
        401,
    ),
    "says where its key is": (
        lambda f: f.by_stranger({"jku": "https://evil.example.com/keys"}),
        401,
    ),
    "says where its certificate is": (
        lambda f: f.by_stranger({"x5u": "https://evil.example.com/x"}),
        401,
    ),
    "claims changed": (_tampered, 401),
    "no kid": (lambda f: f.sealed({"alg": "RS256"}, f.claims()), 401),
    "unknown kid": (lambda f: f.signed(header={"kid": "key-of-tomorrow"}), 401),
    "empty kid": (lambda f: f.signed(header={"kid": ""}), 401),
    "kid is a path": (lambda f: f.signed(header={"kid": "../../etc/passwd"}), 401),
    "kid is a query": (lambda f: f.signed(header={"kid": "' OR 1=1 --"}), 401),
    "kid is a number": (lambda f: f.sealed({"alg": "RS256", "kid": 7}, f.claims()), 401),
    "kid is a list": (lambda f: f.sealed({"alg": "RS256", "kid": [f.kid]}, f.claims()), 401),
    "kid of an unusable key": (lambda f: f.signed(header={"kid": "broken"}), 401),
    "kid of an elliptic key": (lambda f: f.signed(header={"kid": "elliptic"}), 401),
    "kid of an encryption key": (lambda f: f.signed(header={"kid": "for-encryption"}), 401),
    "kid of a key for other channels": (lambda f: f.signed(header={"kid": "unendorsed"}), 403),
    "critical extension": (lambda f: f.signed(header={"crit": ["b64"], "b64": False}), 401),
    "expired": (lambda f: f.signed(exp=_now() - 301), 401),
    "not yet valid": (lambda f: f.signed(nbf=_now() + 400), 401),
    "issued in the future": (lambda f: f.signed(iat=_now() + 400), 401),
    "no end": (lambda f: f.signed(exp=None), 401),
    "end is text": (lambda f: f.signed(exp="tomorrow"), 401),
    "end is a list": (lambda f: f.signed(exp=[_now() + 400]), 401),
    "end is true": (lambda f: f.signed(exp=True), 401),
    "end is zero": (lambda f: f.signed(exp=0), 401),
    "end before all time": (lambda f: f.signed(exp=-(10**30)), 401),
    "end after all time": (lambda f: f.signed(exp=10**400), 401),
    "begin is text": (lambda f: f.signed(nbf="now"), 401),
    "another audience": (lambda f: f.signed(aud="another-app"), 401),
    "audience in capitals": (lambda f: f.signed(aud=f"{APP_ID}X"), 401),
    "a list of audiences": (lambda f: f.signed(aud=[APP_ID, "other"]), 401),
    "a list of one audience": (lambda f: f.signed(aud=[APP_ID]), 401),
    "audience is a number": (lambda f: f.signed(aud=7), 401),
    "audience is empty": (lambda f: f.signed(aud=""), 401),
    "no audience": (lambda f: f.signed(aud=None), 401),
    "another issuer": (lambda f: f.signed(iss="https://evil.example.com"), 401),
    "issuer with a slash": (lambda f: f.signed(iss="https://api.botframework.com/"), 401),
    "issuer without TLS": (lambda f: f.signed(iss="http://api.botframework.com"), 401),
    "issuer of the government": (lambda f: f.signed(iss="https://api.botframework.us"), 401),
    "the emulator's issuer": (lambda f: f.signed(iss=f"https://sts.windows.net/{TENANT}/"), 401),
    "a list of issuers": (
        lambda f: f.sealed(
            {"alg": "RS256", "kid": f.kid}, f.claims(iss=["https://api.botframework.com"])
        ),
        401,
    ),
    "no issuer": (lambda f: f.signed(iss=None), 401),
    "no service url": (lambda f: f.signed(serviceurl=None), 401),
    "service url is empty": (lambda f: f.signed(serviceurl=""), 401),
    "service url is a number": (lambda f: f.signed(serviceurl=7), 401),
    "service url is a list": (lambda f: f.signed(serviceurl=[SERVICE_URL]), 401),
    "service url is another": (
        lambda f: f.signed(serviceurl="https://smba.trafficmanager.net/amer/"),
        403,
    ),
    "service url without its slash": (lambda f: f.signed(serviceurl=SERVICE_URL.rstrip("/")), 403),
    "service url in capitals": (lambda f: f.signed(serviceurl=SERVICE_URL.upper()), 403),
}


def _with_token(make: Callable[[Forger], str]) -> Callable[[Target], bytes]:
    return lambda target: request(BODY, {"Authorization": f"Bearer {make(target.forger)}"})


_SCHEMES = ["", "Basic", "bearer", "BEARER", "Bearer\t", "Token", "Digest", "Bearer  "]


def _with_scheme(scheme: str) -> Callable[[Target], bytes]:
    return lambda target: request(
        BODY, {"Authorization": f"{scheme} {target.forger.honest(SERVICE_URL)}"}
    )


# ------------------------------------------------------------------------------------------------------------------ headers


def _honest(
    headers: Json, body: bytes = BODY, more: str = "", **line: str
) -> Callable[[Target], bytes]:
    """Return what makes a request with a valid token and other headers."""

    def make(target: Target) -> bytes:
        token = {"Authorization": f"Bearer {target.forger.honest(SERVICE_URL)}"}
        return request(body, token | headers, more=more, **line)

    return make


def _chunked(body: bytes, **headers: str) -> Callable[[Target], bytes]:
    return _honest({"Content-Length": None, "Transfer-Encoding": "chunked"} | headers, body)


_HEADERS: dict[str, tuple[Callable[[Target], bytes], int | None]] = {
    "no token at all": (lambda _: request(BODY, {}), 401),
    "no body and no token": (lambda _: request(b"", {}), 401),
    "a wrong token before a right one": (
        _honest({"Authorization": "Bearer x"}, more="Authorization: Bearer y\r\n"),
        401,
    ),
    "no type": (_honest({"Content-Type": None}), 415),
    "form": (_honest({"Content-Type": "application/x-www-form-urlencoded"}), 415),
    "several parts": (_honest({"Content-Type": "multipart/form-data; boundary=x"}), 415),
    "plain text": (_honest({"Content-Type": "text/plain"}), 415),
    "something like JSON": (_honest({"Content-Type": "application/jsonp"}), 415),
    "JSON of another kind": (_honest({"Content-Type": "application/problem+json"}), 415),
    "two types": (_honest({"Content-Type": "application/json, text/plain"}), 415),
    "UTF-16": (_honest({"Content-Type": "application/json; charset=utf-16"}), 415),
    "UTF-7": (_honest({"Content-Type": "application/json; charset=utf-7"}), 415),
    "a charset that is none": (_honest({"Content-Type": "application/json; charset=../x"}), 415),
    "gzip": (_honest({"Content-Encoding": "gzip"}, gzip.compress(BODY)), 415),
    "gzip that is none": (_honest({"Content-Encoding": "gzip"}), 415),
    "gzip bomb": (_honest({"Content-Encoding": "gzip"}, gzip.compress(b"[" * 50_000_000, 1)), 415),
    "deflate": (_honest({"Content-Encoding": "deflate"}, zlib.compress(BODY)), 415),
    "deflate that is none": (_honest({"Content-Encoding": "deflate"}), 415),
    "brotli": (_honest({"Content-Encoding": "br"}), 415),
    "zstd": (_honest({"Content-Encoding": "zstd"}), 415),
    "two encodings": (_honest({"Content-Encoding": "gzip, gzip"}), 415),
    "an encoding of tomorrow": (_honest({"Content-Encoding": "x"}), 415),
    "length is negative": (_honest({"Content-Length": "-1"}), 400),
    "length is text": (_honest({"Content-Length": "many"}), 400),
    "length with a sign": (_honest({"Content-Length": f"+{len(BODY)}"}), 400),
    "length in hexadecimal": (_honest({"Content-Length": hex(len(BODY))}), 400),
    "length beyond all numbers": (_honest({"Content-Length": "9" * 40}), 400),
    "two lengths": (_honest({}, more="Content-Length: 3\r\n"), 400),
    "length and chunks": (_honest({"Transfer-Encoding": "chunked"}), 400),
    "length too short": (_honest({"Content-Length": "20"}, more="Connection: close\r\n"), 400),
    "no length and no body": (_honest({"Content-Length": None}, b""), 400),
    "chunks that are none": (_chunked(BODY), 400),
    "chunk size is negative": (_chunked(b"-5\r\nhello\r\n0\r\n\r\n"), 400),
    "chunk size is huge": (_chunked(b"f" * 40 + b"\r\n{}\r\n0\r\n\r\n"), 400),
    "chunk with the wrong end": (_chunked(b"2\r\n{}XX0\r\n\r\n"), 400),
    "endless chunk extension": (_chunked(b"2;" + b"x" * 20_000 + b"\r\n{}\r\n0\r\n\r\n"), 403),
    "one byte a chunk": (_chunked(b"1\r\n[\r\n" * 2_000 + b"0\r\n\r\n"), 400),
    "unknown transfer encoding": (
        _honest({"Content-Length": None, "Transfer-Encoding": "gzip, chunked"}, b"0\r\n\r\n"),
        400,
    ),
    "chunked is not the last": (
        _honest({"Content-Length": None, "Transfer-Encoding": "chunked, identity"}, b"0\r\n\r\n"),
        400,
    ),
    "expects what nobody knows": (_honest({"Expect": "200-ok"}), 417),
    "a header without a colon": (_honest({}, more="X-Nothing\r\n"), 400),
    "a header with a blank name": (_honest({}, more=" X-Odd : 1\r\n"), 400),
    "a folded header": (_honest({}, more="X-Fold: a\r\n b\r\n"), 400),
    "a header with NUL": (_honest({}, more=f"X-Nul: {CANARY}\0b\r\n"), 400),
    "a thousand headers": (
        _honest({}, more="".join(f"X-{n}: {n}\r\n" for n in range(1_000))),
        400,
    ),
    "a huge header": (_honest({}, more=f"X-Big: {'x' * 100_000}\r\n"), 400),
    "a huge path": (_honest({}, path="/" + "a" * 100_000), 400),
    "another method": (_honest({}, method="PUT"), 405),
    "another method without a body": (_honest({}, b"", method="GET"), 405),
    "a method of nobody's": (_honest({}, method="BREW"), 400),
    "a method that is none": (
        lambda _: b"P\xc3\x96ST /api/messages HTTP/1.1\r\nHost: x\r\n\r\n",
        400,
    ),
    "another path": (_honest({}, path="/api/messages/../../etc/passwd"), 404),
    "a path with a slash more": (_honest({}, path="/api/messages/"), 404),
    "a path with NUL": (_honest({}, path="/api/messages%00"), 404),
    "no HTTP": (
        lambda _: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100 + b"\r\n\r\n",
        400,
    ),
    "HTTP of tomorrow": (lambda _: b"POST /api/messages HTTP/9.9\r\nHost: x\r\n\r\n", 400),
    "HTTP/2 by surprise": (lambda _: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "HTTP of long ago": (lambda _: b"POST /api/messages\r\n\r\n", 401),
    "a proxy's request": (_honest({}, path="http://evil.example.com/"), 404),
    "an upgrade": (_honest({"Connection": "Upgrade", "Upgrade": "websocket"}, b""), 400),
}

# ------------------------------------------------------------------------------------------------------------------- bodies


def _padded(length: int) -> bytes:
    """Return a message without a service URL, of some length."""
    body = b'{"type": "message", "text": "' + CANARY.encode()
    return body + b"x" * (length - len(body) - 2) + b'"}'


_BODIES: dict[str, tuple[bytes, int]] = {
    "empty": (b"", 400),
    "blank": (b" \r\n", 400),
    "no JSON": (CANARY.encode(), 400),
    "markup": (b"<activity/>", 400),
    "cut off": (BODY[:-1], 400),
    "more behind it": (BODY + b"x", 400),
    "two objects": (b"{}{}", 400),
    "a comma too many": (b'{"type": "message",}', 400),
    "single quotes": (b"{'type': 'message'}", 400),
    "a comment": (b'{"type": "message" /* */}', 400),
    "a list": (b"[]", 400),
    "a list of activities": (b"[" + BODY + b"]", 400),
    "text": (b'"message"', 400),
    "a number": (b"7", 400),
    "true": (b"true", 400),
    "null": (b"null", 400),
    "an empty object": (b"{}", 403),
    "not UTF-8": (b'{"type": "\xff"}', 400),
    "UTF-8 cut off": (b'{"type": "\xe2\x82"}', 400),
    "UTF-8 too long": (b'{"type": "\xc0\xaf"}', 400),
    "a surrogate in UTF-8": (b'{"type": "\xed\xa0\x80"}', 400),
    "half a surrogate pair": (b'{"type": "message", "text": "\\ud83d!"}', 400),
    "surrogates the wrong way round": (b'{"type": "message", "text": "\\ude00\\ud83d"}', 400),
    "UTF-16": (BODY.decode().encode("utf-16"), 400),
    "UTF-32": (BODY.decode().encode("utf-32"), 400),
    "byte order mark": (b"\xef\xbb\xbf" + BODY, 400),
    "a control character": (b'{"type": "mess\nage"}', 400),
    "NUL behind it": (BODY + b"\0", 400),
    "not a number": (b'{"type": NaN}', 400),
    "infinity": (b'{"type": "message", "value": Infinity}', 400),
    "a number beyond all numbers": (b'{"type": "message", "value": 1e999}', 400),
    "a number of 5,000 digits": (b'{"type": "message", "value": ' + b"9" * 5_000 + b"}", 400),
    "a zero too many": (b'{"type": 01}', 400),
    "deep lists": (b'{"type": ' + b"[" * 100_000, 400),
    "deep lists that end": (b'{"type": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400),
    "deep objects": (b'{"a":' * 40_000 + b"1" + b"}" * 40_000, 400),
    "the same key twice": (BODY[:-1] + b', "serviceUrl": "https://evil.example.com/"}', 403),
    "the longest that is read": (_padded(LIMIT), 403),
    "one byte longer": (_padded(LIMIT + 1), 413),
    "two bytes longer": (_padded(LIMIT + 2), 413),
    "a megabyte": (_padded(1_000_000), 413),
    "a megabyte of lists": (b"[" * 1_000_000, 413),
    "a megabyte of blanks": (b" " * 1_000_000, 413),
}

# --------------------------------------------------------------------------------------------------------- tenants, services


def _foreign(activity: Json) -> Json:
    return replaced(
        replaced(activity, "channelData.tenant.id", OTHER_TENANT),
        "conversation.tenantId",
        OTHER_TENANT,
    )


def _nobody(activity: Json) -> Json:
    return without(without(activity, "channelData"), "conversation.tenantId")


_NO_TENANT = without(message(CANARY), "conversation.tenantId")

_TENANTS: dict[str, Json] = {
    "a message": _foreign(message(CANARY)),
    "a press": _foreign(execute(press_data())),
    "a search": _foreign(search(query("x"))),
    "a submit": _foreign(submit(press_data())),
    "an installation": _foreign(installed()),
    "new members": _foreign(members_added("29:x")),
    "what we ignore": _foreign(message(CANARY, type="typing")),
    "only the channel's data": replaced(message(CANARY), "channelData.tenant.id", OTHER_TENANT),
    "only the conversation": replaced(message(CANARY), "conversation.tenantId", OTHER_TENANT),
    "none in a message": _nobody(message(CANARY)),
    "none in a press": _nobody(execute(press_data())),
    "none in a search": _nobody(search(query("x"))),
    "none in an installation": _nobody(installed()),
    "none in what we ignore": _nobody(message(CANARY, type="typing")),
    "a number": replaced(_NO_TENANT, "channelData.tenant.id", 7),
    "empty": replaced(_NO_TENANT, "channelData.tenant.id", ""),
    "blank": replaced(_NO_TENANT, "channelData.tenant.id", f" {TENANT}"),
    "a pattern": replaced(_NO_TENANT, "channelData.tenant.id", "*"),
    "two in one": replaced(_NO_TENANT, "channelData.tenant.id", f"{TENANT},{OTHER_TENANT}"),
    "a list": replaced(_NO_TENANT, "channelData.tenant", [TENANT]),
    "the channel's data are text": replaced(_NO_TENANT, "channelData", TENANT),
}

_SERVICES = {
    "a stranger": "https://evil.example.com/",
    "another of Azure's customers": "https://smba2.trafficmanager.net/",
    "a subdomain": "https://x.smba.trafficmanager.net/emea/",
    "a domain behind it": "https://smba.trafficmanager.net.evil.example.com/",
    "a domain before it": "https://evilsmba.trafficmanager.net/",
    "a user name": "https://smba.trafficmanager.net@evil.example.com/",
    "a user name and a password": "https://smba.trafficmanager.net:x@evil.example.com/",
    "somebody on the right host": "https://evil@smba.trafficmanager.net/emea/",
    "a backslash": "https://evil.example.com\\@smba.trafficmanager.net/emea/",
    "a fragment": "https://evil.example.com#smba.trafficmanager.net/emea/",
    "a query": "https://smba.trafficmanager.net/emea/?x=https://evil.example.com/",
    "no TLS": "http://smba.trafficmanager.net/emea/",
    "another scheme": "ftp://smba.trafficmanager.net/emea/",
    "no scheme": "//smba.trafficmanager.net/emea/",
    "a scheme twice": "https://https://smba.trafficmanager.net/emea/",
    "another port": "https://smba.trafficmanager.net:8443/emea/",
    "port zero": "https://smba.trafficmanager.net:0/emea/",
    "a port beyond all ports": "https://smba.trafficmanager.net:99999/emea/",
    "a dot at the end": "https://smba.trafficmanager.net./emea/",
    "a path that climbs": "https://smba.trafficmanager.net/../x/",
    "a path that climbs in disguise": "https://smba.trafficmanager.net/%2e%2e/x/",
    "a path of dots": "https://smba.trafficmanager.net/./x/",
    "a path with a blank": "https://smba.trafficmanager.net/em ea/",
    "a line behind it": "https://smba.trafficmanager.net/emea/\r\nHost: evil.example.com",
    "NUL": "https://smba.trafficmanager.net\0.evil.example.com/",
    "a Cyrillic letter": "https://smba.trafficm\u0430nager.net/emea/",
    "the same in punycode": "https://smba.xn--trafficmnager-5nj.net/emea/",
    "full-width letters": "https://\uff53mba.trafficmanager.net/emea/",
    "a full-width dot": "https://smba\uff0etrafficmanager.net/emea/",
    "a soft hyphen": "https://smba.traffic\u00admanager.net/emea/",
    "written from right to left": "https://smba.trafficmanager.net\u202e/emea/",
    "loopback": "https://127.0.0.1/",
    "loopback by its name": "http://localhost/",
    "loopback in IPv6": "https://[::1]/",
    "loopback as a number": "http://2130706433/",
    "every address": "http://0.0.0.0/",
    "the cloud's own secrets": "http://169.254.169.254/latest/meta-data/",
    "a private address": "https://10.0.0.1/",
    "a government cloud": "https://smba.infra.gov.teams.microsoft.us/",
    "a file": "file:///etc/passwd",
    "nothing but a host": "smba.trafficmanager.net",
    "endless": "https://smba.trafficmanager.net/" + "a/" * 1_500,
}

_MISMATCHES: dict[str, Json] = {
    "no service": without(message(CANARY), "serviceUrl"),
    "service is null": message(CANARY, serviceUrl=None),
    "service is a number": message(CANARY, serviceUrl=7),
    "service is a list": message(CANARY, serviceUrl=[SERVICE_URL]),
    "service is an object": message(CANARY, serviceUrl={"url": SERVICE_URL}),
    "service in capitals": message(CANARY, serviceUrl=SERVICE_URL.upper()),
    "service of another region": message(
        CANARY, serviceUrl="https://smba.trafficmanager.net/amer/"
    ),
    "another channel": message(CANARY, channelId="webchat"),
    "channel in capitals": message(CANARY, channelId="MSTeams"),
    "a channel and more": message(CANARY, channelId="msteams\0"),
    "a sub-channel": message(CANARY, channelId="msteams:copilot"),
    "channel is a list": message(CANARY, channelId=["msteams"]),
    "channel is null": message(CANARY, channelId=None),
    "no channel": without(message(CANARY), "channelId"),
    "the emulator": message(CANARY, channelId="emulator"),
}


def _of(activity: Json, service_url: str = SERVICE_URL) -> Callable[[Target], bytes]:
    return lambda target: target.request(activity, service_url)


# ---------------------------------------------------------------------------------------------------------------- envelopes

_NO_ID: dict[str, object] = {
    "null": None,
    "a number": 7,
    "true": True,
    "empty": "",
    "a list": ["29:x"],
    "an object": {"id": "29:x"},
    "huge": "x" * 5_000,
    "with NUL": "a\0b",
    "with a line": "a\r\nb",
}
_ENVELOPES: dict[str, Json] = (
    {
        f"{kind} whose {path} is {name}": replaced(activity, path, value)
        for kind, activity in {
            "message": message(CANARY),
            "press": execute(press_data()),
            "search": search(query("x")),
            "arrival": installed(),
        }.items()
        for path in ("from.id", "conversation.id")
        for name, value in _NO_ID.items()
    }
    | {
        f"{path} is {name}": replaced(message(CANARY), path, value)
        for path in ("from", "conversation")
        for name, value in (("text", "29:x"), ("a list", []), ("null", None), ("empty", {}))
    }
    | {
        f"the type is {name}": replaced(message(CANARY), "type", value)
        for name, value in (
            ("null", None),
            ("a number", 7),
            ("a list", ["message"]),
            ("an object", {}),
        )
    }
    | {
        f"the id is {name}": replaced(message(CANARY), "id", value)
        for name, value in (("a number", 7), ("a list", []), ("huge", "x" * 5_000), ("NUL", "\0"))
    }
    | {
        f"the text is {name}": replaced(message(CANARY), "text", value)
        for name, value in (("a number", 7), ("a list", []), ("an object", {}), ("true", True))
    }
    | {
        "no sender": without(message(CANARY), "from"),
        "no type": without(message(CANARY), "type"),
    }
)


# ----------------------------------------------------------------------------------------------- the way back of helpdesks


def _webhook(
    body: bytes, secret: str = WEBHOOK_SECRET, **changed: str
) -> Callable[[Target], bytes]:
    """Return what makes a signed webhook, some of its headers changed after that."""

    def make(_: Target) -> bytes:
        now = datetime.now(UTC)
        signature = Webhook(secret).sign("msg_1", now, body.decode("utf-8", "replace"))
        signed: dict[str, str | None] = {
            "webhook-id": "msg_1",
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signature,
        }
        given = {name.replace("_", "-"): value for name, value in changed.items()}
        return request(body, signed | given, path="/api/sinks/webhook")

    return make


def _told(kind: object = "ticket.resolve", **data: object) -> bytes:
    return json.dumps({"type": kind, "data": {"number": 1001, "text": CANARY} | data}).encode()


_OTHER_SECRET = "whsec_" + base64.b64encode(b"x" * 32).decode()

_WEBHOOKS: dict[str, tuple[Callable[[Target], bytes], int]] = {
    "unsigned": (lambda _: request(_told(), {}, path="/api/sinks/webhook"), 401),
    "signed by a stranger": (_webhook(_told(), _OTHER_SECRET), 401),
    "signature is empty": (_webhook(_told(), webhook_signature="v1,"), 401),
    "signature is one word": (_webhook(_told(), webhook_signature="garbage"), 401),
    "signature is no base64": (_webhook(_told(), webhook_signature="v1,é!"), 401),
    "signature of tomorrow": (_webhook(_told(), webhook_signature="v9,AAAA"), 401),
    "a thousand signatures": (_webhook(_told(), webhook_signature="v1,AAAA " * 900), 401),
    "another id": (_webhook(_told(), webhook_id="msg_2"), 401),
    "an id that is no UTF-8": (_webhook(_told(), webhook_id="\udcff"), 401),
    "another time": (_webhook(_told(), webhook_timestamp=str(_now() - 3_600)), 401),
    "a time beyond all times": (_webhook(_told(), webhook_timestamp="1e400"), 401),
    "a time that is no number": (_webhook(_told(), webhook_timestamp="nan"), 401),
    "a time that is text": (_webhook(_told(), webhook_timestamp="now"), 401),
    "another method": (lambda _: request(b"", {}, method="GET", path="/api/sinks/webhook"), 405),
    "not UTF-8": (_webhook(b"\xff"), 401),
    "no JSON": (_webhook(CANARY.encode()), 400),
    "deep": (_webhook(b"[" * 100_000), 400),
    "too long": (_webhook(_told(text="x" * 300_000)), 413),
    "a deed of nobody's": (_webhook(_told("ticket.delete")), 400),
    "a deed that is a list": (_webhook(_told(["ticket.resolve"])), 400),
    "a number that is text": (_webhook(_told(number="1001")), 400),
    "number zero": (_webhook(_told(number=0)), 400),
    "a number beyond all numbers": (_webhook(_told(number=2**63)), 400),
    "a text that is a number": (_webhook(_told(text=7)), 400),
    "a huge text": (_webhook(_told(text="x" * 50_000)), 400),
    "a reply without a word": (_webhook(_told("ticket.reply", text=" \n ")), 400),
    "a huge name": (_webhook(_told(by="x" * 5_000)), 400),
    "a ticket that is not there": (_webhook(_told(number=4_711)), 404),
}

REFUSED: list[Row] = [
    *(
        Row(f"token: {name}", _with_token(make), status)
        for name, (make, status) in _TOKENS.items()
    ),
    *(Row(f"scheme: {name!r}", _with_scheme(name), 401) for name in _SCHEMES),
    *(Row(f"header: {name}", make, status) for name, (make, status) in _HEADERS.items()),
    *(Row(f"body: {name}", _honest({}, body), status) for name, (body, status) in _BODIES.items()),
    *(Row(f"tenant: {name}", _of(activity), 403) for name, activity in _TENANTS.items()),
    *(
        Row(f"service: {name}", _of(message(CANARY, serviceUrl=url), url), 403)
        for name, url in _SERVICES.items()
    ),
    *(Row(f"mismatch: {name}", _of(activity), 403) for name, activity in _MISMATCHES.items()),
    *(Row(f"webhook: {name}", make, status) for name, (make, status) in _WEBHOOKS.items()),
    *(Row(f"envelope: {name}", _of(activity), 400) for name, activity in _ENVELOPES.items()),
]
