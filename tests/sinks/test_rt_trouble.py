"""What a Request Tracker can answer when it is not well. What it does when it is well, tests/rt asks the real one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import aiohttp
import pytest

from bot.model.errors import (
    DeliveryAmbiguous,
    DeliveryDelayed,
    DeliveryFailed,
    DeliveryRefused,
    SettingsError,
)
from bot.model.ids import Language
from bot.model.library import Library
from bot.ports import Placed
from bot.sinks import RtOptions, RtSink, rt
from tests.sinks.far_side import Planned, http_server, news, parcel

TOKEN = "1-31-secret"


class Broken:
    """A server where RT should be: nothing is ever found, and making a ticket goes as planned."""

    def __init__(self) -> None:
        """Start well."""
        self.url = ""
        self.plan: dict[str, Planned] = {}
        self.asked: list[tuple[str, str]] = []
        self.tokens: set[str] = set()

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Planned:
        """Answer a request."""
        _ = body
        self.asked.append((method, path.partition("?")[0]))
        self.tokens.add(headers["authorization"])
        nothing = Planned(body=json.dumps({"items": []}).encode())
        return self.plan.get(method, nothing)


@pytest.fixture
def broken() -> Iterator[Broken]:
    """Run a server where RT should be."""
    kept = Broken()
    with http_server(kept.answer) as origin:
        kept.url = origin
        yield kept


@pytest.fixture
def sink(broken: Broken, session: aiohttp.ClientSession, library: Library) -> RtSink:
    """Return a sink in front of it."""
    options = RtOptions(url=f"{broken.url}/rt/", token=TOKEN, queue="Mail")
    return RtSink(options, session, lambda: (library, Language("en")), lambda: datetime.now(UTC))


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Planned(201, body=b'{"id": "7"}'), None),
        (Planned(401, body=b'{"message": "Kari"}'), DeliveryDelayed),
        (Planned(403), DeliveryDelayed),
        (Planned(404), DeliveryDelayed),
        (Planned(400), DeliveryRefused),
        (Planned(422), DeliveryRefused),
        (Planned(429, {"Retry-After": "9"}), DeliveryDelayed),
        (Planned(503), DeliveryDelayed),
        (Planned(500), DeliveryAmbiguous),
        (Planned(502), DeliveryAmbiguous),
        (Planned(silent=True), DeliveryAmbiguous),
        (Planned(302, {"Location": "/login"}), DeliveryRefused),
        (Planned(200, body=b"<html>log in</html>"), DeliveryAmbiguous),
        (Planned(201, body=b'{"id": "../admin"}'), DeliveryAmbiguous),
        (Planned(201, body=b"[[[["), DeliveryAmbiguous),
    ],
)
async def test_making_a_ticket(
    sink: RtSink, broken: Broken, answer: Planned, error: type[DeliveryFailed] | None
) -> None:
    """Only a lost or a broken answer leaves doubt; neither words nor the token stand in an error."""
    broken.plan["POST"] = answer
    raised: DeliveryFailed | None = None
    try:
        placed = await sink.send(parcel(news(), "rt"), None)
    except DeliveryFailed as failed:
        raised = failed
    else:
        assert placed.activity == "7"

    assert isinstance(raised, error or type(None))
    assert "Kari" not in str(raised)
    assert TOKEN not in str(raised)
    assert broken.asked == [("GET", "/rt/REST/2.0/tickets"), ("POST", "/rt/REST/2.0/ticket")]
    assert broken.tokens == {f"token {TOKEN}"}


@pytest.mark.parametrize("status", [401, 429, 500, 502, 503])
async def test_a_search_that_fails_makes_nothing(
    sink: RtSink, broken: Broken, status: int
) -> None:
    """Who cannot look whether a ticket is there does not make one."""
    broken.plan["GET"] = Planned(status)
    with pytest.raises(DeliveryDelayed):
        await sink.send(parcel(news(), "rt"), None)
    assert [method for method, _ in broken.asked] == ["GET"]


async def test_a_slow_tracker(
    sink: RtSink, broken: Broken, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A time-out while asking is certain to have done nothing, one while making leaves doubt; all calls together have a limit, too."""
    monkeypatch.setattr(rt, "_SECONDS", 0.3)
    broken.plan["POST"] = Planned(201, delay=0.8)
    with pytest.raises(DeliveryAmbiguous):
        await sink.send(parcel(news(), "rt"), None)
    broken.plan["GET"] = Planned(200, delay=0.8)
    with pytest.raises(DeliveryDelayed):
        await sink.send(parcel(news(), "rt"), None)
    monkeypatch.setattr(rt, "_SECONDS", 5.0)
    monkeypatch.setattr(rt, "SECONDS", 0.3)
    with pytest.raises(DeliveryAmbiguous):
        await sink.send(parcel(news(), "rt"), None)


async def test_a_ticket_that_is_gone(sink: RtSink, broken: Broken) -> None:
    """What RT does not have any more takes no news."""
    broken.plan["GET"] = Planned(404)
    placed = Placed(news().ticket.id, "7")  # type: ignore[arg-type]
    with pytest.raises(DeliveryRefused):
        await sink.send(parcel(news("claimed"), "rt"), placed)


@pytest.mark.parametrize(
    "options",
    [
        {"url": "http://rt.example.com"},
        {"url": "rt"},
        {"token": "with space"},
        {"token": "line\nbreak"},
        {"token": ""},
        {"queue": " "},
    ],
)
async def test_settings_that_cannot_be_meant(
    session: aiohttp.ClientSession, library: Library, options: dict[str, str]
) -> None:
    """No token goes over an open line or into a second header."""
    given = {"url": "https://rt.example.com", "token": TOKEN, "queue": "Mail"} | options
    with pytest.raises(SettingsError):
        RtSink(
            RtOptions(**given),  # type: ignore[arg-type]
            session,
            lambda: (library, Language("en")),
            lambda: datetime.now(UTC),
        )
