"""Webhooks to another helpdesk: signed by the specification, checked by its own library, with a body that follows the documented schema."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import aiohttp
import jsonschema
import pytest
from msgspec.structs import replace

from bot.model.errors import DeliveryDelayed, DeliveryRefused, SettingsError
from bot.model.event import Person
from bot.model.ids import TicketId
from bot.model.ticket import OPENED, PAST
from bot.ports import News
from bot.sinks import WebhookSink, webhook
from bot.sinks.webhook import payload
from tests.sinks.far_side import (
    OTHER_SECRET,
    SECRET,
    Planned,
    Receiver,
    news,
    parcel,
    receiver,
    ticket,
)

SCHEMA = json.loads(
    (Path(__file__).parents[2] / "docs" / "ticket-event.schema.json").read_text(encoding="utf-8")
)


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


def valid(body: bytes) -> None:
    """Check a body against the documented schema, formats included."""
    checker = jsonschema.Draft202012Validator(
        SCHEMA, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    checker.validate(json.loads(body))


@pytest.fixture
def sink(hooks: Receiver, session: aiohttp.ClientSession) -> WebhookSink:
    """Return a sink in front of the receiver."""
    return WebhookSink(hooks.url, SECRET, session, now)


async def test_a_change_arrives_signed(sink: WebhookSink, hooks: Receiver) -> None:
    """The specification's own verifier takes it, and the body tells the whole ticket."""
    await sink.send(parcel(news(), "webhook"), None)

    (heard,) = hooks.done.values()
    assert heard["type"] == "ticket.opened"
    assert heard["timestamp"] == news().event.at.isoformat()
    data = heard["data"]
    assert data["schema_version"] == "1.0"
    assert data["original"] == ticket().draft.original
    assert data["ticket"]["number"] == 1042
    assert data["ticket"]["requester"] == {"key": "kari-entra-id", "name": "Kari Nordmann"}
    assert data["ticket"]["bounce"]["recipients"] == ["nobody@contoso.com"]
    assert data["ticket"]["bounce"]["code"] == "5.1.10"
    assert f"msg_{data['event']['id']}" in hooks.done
    assert "ticket-1042" not in hooks.bodies[0].decode(), (
        "the ticket's own id is nobody's business"
    )


async def test_the_same_change_is_the_same_webhook(sink: WebhookSink, hooks: Receiver) -> None:
    """Its id and its bytes stay the same, its time is when it was sent; another change has another id."""
    placed = await sink.send(parcel(news(), "webhook"), None)
    assert await sink.send(parcel(news(), "webhook"), placed) == placed
    await sink.send(parcel(news("claimed"), "webhook"), placed)
    await sink.send(parcel(news(of=ticket(1043)), "webhook"), None)

    assert len(hooks.deliveries) == 4
    assert hooks.bodies[0] == hooks.bodies[1]
    assert hooks.types == ["ticket.opened", "ticket.claimed", "ticket.opened"]


@pytest.mark.parametrize("what", [OPENED, *PAST.values()])
def test_every_kind_of_change_follows_the_schema(what: str) -> None:
    """Whatever can happen to a ticket, with everything or with almost nothing in it."""
    full = news(what, "Some words", by=Person("k", "Kari \ud800 \x00"))
    event = replace(full.event, to=Person("p", "Per"), other=1001)
    joined = replace(full.ticket, parent=TicketId("other"), claimed=event.at, resolved=event.at)
    bare = replace(
        full.ticket,
        draft=replace(full.ticket.draft, report=None, match=None, path=(), note="", original=None),
    )
    valid(payload(News(joined, event)))
    valid(payload(News(bare, replace(event, note="", to=None, other=None))))


def test_the_schema_refuses_what_it_does_not_describe() -> None:
    """A field that nobody documented does not pass, so the schema cannot fall behind the code."""
    body = json.loads(payload(news()))
    for place in (body, body["data"], body["data"]["ticket"], body["data"]["ticket"]["bounce"]):
        place["surprise"] = 1
        with pytest.raises(jsonschema.ValidationError):
            valid(json.dumps(body).encode())
        del place["surprise"]
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, DeliveryRefused),
        (401, DeliveryDelayed),
        (404, DeliveryDelayed),
        (410, DeliveryRefused),
        (413, DeliveryRefused),
        (422, DeliveryRefused),
        (429, DeliveryDelayed),
        (500, DeliveryDelayed),
        (502, DeliveryDelayed),
        (503, DeliveryDelayed),
        (302, DeliveryRefused),
        (307, DeliveryRefused),
    ],
)
async def test_what_a_status_means(
    sink: WebhookSink, hooks: Receiver, status: int, error: type[Exception]
) -> None:
    """What speaks of the message is final, what speaks of the receiver is tried again; nobody is followed anywhere else."""
    elsewhere = {"Location": hooks.url}
    hooks.plan.append(Planned(status, elsewhere if 300 <= status < 400 else {}, b"<html>Kari"))

    with pytest.raises(error) as raised:
        await sink.send(parcel(news(), "webhook"), None)

    assert str(status) in str(raised.value)
    assert "Kari" not in str(raised.value)
    assert hooks.deliveries == []


@pytest.mark.parametrize("status", [429, 503])
async def test_the_time_that_is_asked_for(sink: WebhookSink, hooks: Receiver, status: int) -> None:
    """Retry-After is taken as seconds or as a date, and never for more than an hour."""
    date = format_datetime(now() + timedelta(seconds=90), usegmt=True)
    for header, least, most in (("17", 17, 17), (date, 80, 91), ("86400", 3600, 3600)):
        hooks.plan.append(Planned(status, {"Retry-After": header}))
        with pytest.raises(DeliveryDelayed) as raised:
            await sink.send(parcel(news(), "webhook"), None)
        assert raised.value.retry_after is not None
        assert least <= raised.value.retry_after <= most
    hooks.plan.append(Planned(status, {"Retry-After": "soon"}))
    with pytest.raises(DeliveryDelayed) as raised:
        await sink.send(parcel(news(), "webhook"), None)
    assert raised.value.retry_after is None


async def test_a_slow_or_silent_receiver_is_asked_again(
    sink: WebhookSink, hooks: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time-outs and lost answers are repeated without harm: the receiver did it once and knows the second one by its id."""
    monkeypatch.setattr(webhook, "_SECONDS", 0.3)
    hooks.plan += [Planned(delay=0.8), Planned(silent=True)]

    for _ in range(2):
        with pytest.raises(DeliveryDelayed):
            await sink.send(parcel(news(), "webhook"), None)
    await sink.send(parcel(news(), "webhook"), None)

    assert len(hooks.deliveries) == 3
    assert hooks.types == ["ticket.opened"]


async def test_nobody_there(session: aiohttp.ClientSession) -> None:
    """A refused connection is tried later."""
    with pytest.raises(DeliveryDelayed):
        await WebhookSink("http://127.0.0.1:1/", SECRET, session, now).send(
            parcel(news(), "webhook"), None
        )


async def test_another_secret_is_not_believed(session: aiohttp.ClientSession) -> None:
    """The receiver that these tests trust refuses what was signed with another secret: it gets no answer."""
    with receiver(OTHER_SECRET) as strict:
        sink = WebhookSink(strict.url, SECRET, session, now)
        with pytest.raises(DeliveryRefused):
            await sink.send(parcel(news(), "webhook"), None)
    assert strict.deliveries == []


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("http://helpdesk.example.com/hook", SECRET),
        ("http://127.0.0.1.example.com/hook", SECRET),
        ("https://user:password@helpdesk.example.com/hook", SECRET),
        ("ftp://helpdesk.example.com/hook", SECRET),
        ("helpdesk", SECRET),
        ("https://helpdesk.example.com:port/", SECRET),
        ("https://helpdesk.example.com/hook", "whsec_"),
        ("https://helpdesk.example.com/hook", "whsec_c2hvcnQ="),
        ("https://helpdesk.example.com/hook", SECRET.removeprefix("whsec_")),
        ("https://helpdesk.example.com/hook", "whsec_" + "A" * 200),
    ],
)
async def test_settings_that_are_not_safe_are_refused(
    session: aiohttp.ClientSession, url: str, secret: str
) -> None:
    """Only TLS, or this machine itself; and only a secret as the specification wants it, which the refusal does not quote."""
    with pytest.raises(SettingsError) as refused:
        WebhookSink(url, secret, session, now)
    assert "password" not in str(refused.value)
    assert secret == "whsec_" or secret not in str(refused.value)
