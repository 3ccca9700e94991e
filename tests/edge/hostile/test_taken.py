"""Requests that look odd and are in order: they are taken as any other, so that nobody's proxy or client is turned away for its habits."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.edge.far_side import BO, BOT, TENANT, execute, mention, message, without
from tests.edge.hostile.wire import ANSWERED_WITHIN, CANARY, Target, request

Json = dict[str, Any]

_FROM_BO = {
    "from": {"id": BO, "name": "Bo"},
    "conversation": {"id": "a:taken", "conversationType": "personal", "tenantId": TENANT},
}


def _headed(
    headers: Json, *, more: str = "", suffix: str = ""
) -> Callable[[Target, bytes], bytes]:
    def make(office: Target, body: bytes) -> bytes:
        token = office.forger.honest(office.stub.service_url) + suffix
        return request(body, {"Authorization": f"Bearer {token}"} | headers, more=more)

    return make


def _chunked(size: int) -> Callable[[Target, bytes], bytes]:
    def make(office: Target, body: bytes) -> bytes:
        parts = [body[at : at + size] for at in range(0, len(body), size)]
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
        token = office.forger.honest(office.stub.service_url)
        headers = {"Authorization": f"Bearer {token}", "Content-Length": None}
        return request(chunks, headers | {"Transfer-Encoding": "chunked"})

    return make


HEADERS: dict[str, Callable[[Target, bytes], bytes]] = {
    "a type without a charset": _headed({"Content-Type": "application/json"}),
    "a type in capitals": _headed({"Content-Type": "APPLICATION/JSON; CHARSET=UTF-8"}),
    "a charset in quotes": _headed({"Content-Type": 'application/json; charset="utf-8"'}),
    "an encoding that is none": _headed({"Content-Encoding": "identity"}),
    "one chunk": _chunked(1_000_000),
    "many chunks": _chunked(7),
    "asks before it sends": _headed({"Expect": "100-continue"}),
    "a hundred headers": _headed(
        {}, more="".join(f"X-{number}: {number}\r\n" for number in range(100))
    ),
    "a token with padding": _headed({}, suffix="=="),
    "a second token that is wrong": _headed({}, more="Authorization: Bearer x\r\n"),
    "many proxies": _headed({"X-Forwarded-For": ", ".join(["192.0.2.1"] * 100)}),
    "a host of nobody's": _headed({"Host": "evil.example.com"}),
    "closes afterwards": _headed({"Connection": "close"}),
}


@pytest.mark.parametrize("name", HEADERS)
def test_odd_requests_are_taken(office: Target, name: str) -> None:
    """The activity in an unusual request is taken like that in any other."""
    url = office.stub.service_url
    activity = message(CANARY, id=f"taken {name}", serviceUrl=url) | _FROM_BO
    answered = office.send(HEADERS[name](office, json.dumps(activity).encode()))
    assert answered.status == 200
    assert answered.seconds < ANSWERED_WITHIN
    assert any(f"taken {name}" in row for row in office.dump("activities")["activities"])


def _deep(levels: int) -> Any:  # noqa: ANN401 - any JSON
    value: Any = 1
    for _ in range(levels):
        value = {"a": [value]}
    return value


ACTIVITIES: dict[str, tuple[Json | bytes, int]] = {
    "an invoke without a name": (message(None, type="invoke"), 501),
    "an invoke of tomorrow": (message(None, type="invoke", name="tomorrow/doIt", value={}), 501),
    "an invoke whose name is a list": (
        message(None, type="invoke", name=["adaptiveCard/action"]),
        501,
    ),
    "a task module": (message(None, type="invoke", name="task/fetch", value={}), 501),
    "feedback": (message(None, type="invoke", name="message/submitAction", value={}), 501),
    "a sign-in": (
        message(None, type="invoke", name="signin/verifyState", value={"state": "1"}),
        501,
    ),
    "a file consent": (message(None, type="invoke", name="fileConsent/invoke", value={}), 501),
    "an invoke answered by us": (message(None, type="invokeResponse", value={"status": 200}), 200),
    "a type of tomorrow": (message(CANARY, type="tomorrow"), 200),
    "a type that is empty": (message(CANARY, type=""), 200),
    "a type in capitals": (message(CANARY, type="MESSAGE"), 200),
    "a huge type": (message(CANARY, type="x" * 100_000), 200),
    "no sender where nobody is answered": (without(message(CANARY, type="typing"), "from"), 200),
    "a command": (message(None, type="command", name="x", value={"commandId": 1}), 200),
    "expects its answers in the response": (message(CANARY, deliveryMode="expectReplies"), 200),
    "a stream": (message(CANARY, deliveryMode="stream"), 200),
    "ephemeral": (message(CANARY, deliveryMode="ephemeral"), 200),
    "the same key twice": (b'"text": "one", "text": "two"', 200),
    "a key of the language's": (
        message(CANARY, __init__={}, __proto__={"x": 1}, self=1, cls=2, kwargs=3),
        200,
    ),
    "a number of 400 digits": (message(CANARY, value=10**400), 200),
    "nested as deeply as can be": (message(CANARY, value=_deep(450)), 200),
    "nested as deeply as can be, in a press": (execute(_deep(440)), 200),
    "nested as deeply as can be, in what is not known": (message(CANARY, x=_deep(450)), 200),
    "sixty thousand entities": (message(CANARY, entities=[{}] * 60_000), 200),
    "thousands of attachments": (
        message(CANARY, attachments=[{"contentType": "text/html", "content": "<p>"}] * 4_000),
        200,
    ),
    "ten thousand members": (
        message(None, type="conversationUpdate", membersAdded=[{"id": "x"}] * 10_000),
        200,
    ),
    "slow markup": (
        message("x", attachments=[{"contentType": "text/html", "content": "<p " * 60_000}]),
        200,
    ),
    **{
        f"slow markup, {text[:8]!r}": (
            message(
                "x",
                attachments=[{"contentType": "text/html", "content": text}],
                entities=[mention(BOT, "x"), mention("29:x", "x")] * 50,
            ),
            200,
        )
        for text in ("<" * 200_000, "<at>" * 50_000, "<span itemtype=" * 15_000, "&" * 200_000)
    },
    "slow mentions": (
        message(
            "<at>" * 50_000,
            entities=[{"type": "mention", "mentioned": {"id": BO}, "text": "<at>"}] * 100,
        ),
        200,
    ),
    "slow blanks": (message(" \t\u00a0" * 20_000 + "x"), 200),
    "slow lines": (message("\r\n" * 60_000 + "x"), 200),
    "slow quotes": (message(">" * 200_000), 200),
    "slow addresses": (message("a@" * 100_000), 200),
    "slow codes": (message("5.1." * 50_000), 200),
    "slow words": (message("x y " * 50_000), 200),
    "a mail in a mail in a mail": (message("Content-Type: message/rfc822\n\n" * 5_000), 200),
}


@pytest.mark.parametrize("name", ACTIVITIES)
def test_odd_activities_are_answered(any_office: Target, name: str) -> None:
    """What no client of today sends gets the status that says so, and costs no more time than others."""
    office = any_office
    url = office.stub.service_url
    activity, status = ACTIVITIES[name]
    if isinstance(activity, bytes):
        usual = json.dumps(without(message(), "text") | _FROM_BO | {"serviceUrl": url}).encode()
        body = usual[:-1] + b", " + activity + b"}"
    else:
        whose = _FROM_BO if "from" in activity else {}
        body = json.dumps(activity | whose | {"serviceUrl": url, "id": f"odd {name}"}).encode()
    logged = len(office.log())
    answered = office.post(body, url)
    assert answered.status == status
    assert answered.seconds < ANSWERED_WITHIN
    log = office.log()[logged:]
    assert CANARY not in log
    assert "-failed" not in log
