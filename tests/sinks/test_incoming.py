"""The webhook that comes back, through the real routes of the running application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from bot.compose import application
from bot.model.errors import SettingsError
from bot.model.event import Person
from bot.model.ids import ConversationId
from bot.model.limits import BODY_BYTES
from bot.model.ticket import Deed, State, Ticket, TicketEvent, Verb
from bot.ports import Parcel, SessionKey, Unit
from bot.service import service
from bot.settings import read_settings
from tests.contracts import samples
from tests.sinks.far_side import OTHER_SECRET, SECRET, signed

Json = dict[str, Any]


class Bot:
    """The running application, with one ticket, and its address for another helpdesk."""

    def __init__(self, client: TestClient[Any, Any], folder: Path) -> None:
        """Take who asks, and where the data stand."""
        self.client = client
        self._settings = read_settings(data=folder)

    async def hook(
        self, body: object, name: str = "msg_1", secret: str = OTHER_SECRET
    ) -> tuple[int, Json]:
        """Send a signed webhook; return the status and the answer."""
        return await self.raw(*signed(body, name, secret=secret))

    async def raw(self, data: bytes, headers: dict[str, str]) -> tuple[int, Json]:
        """Send anything."""
        async with self.client.post("/api/sinks/webhook", data=data, headers=headers) as answer:
            is_json = answer.content_type == "application/json"
            return answer.status, await answer.json() if is_json else {}

    async def look(self, number: int = 1001) -> tuple[Ticket, list[TicketEvent]]:
        """Return a ticket and its history, as another process reads them."""
        async with application(self._settings, {}) as other:
            ticket = await other.store.run(lambda unit: unit.ticket(number))
            return ticket, list(await other.store.run(lambda u: u.ticket_events(ticket.id)))

    async def happened(self) -> list[str]:
        """Return what happened to the ticket, oldest first."""
        return [event.what for event in (await self.look())[1]]


@asynccontextmanager
async def running(folder: Path, **settings: object) -> AsyncIterator[Bot]:
    """Run the bot with one new ticket in it."""
    chosen = read_settings(data=folder, **settings)
    async with application(chosen, {}, sinks=()) as first:

        def one_ticket(unit: Unit) -> tuple[None, list[Parcel]]:
            first.desk.opened(unit, samples.draft(), samples.NOW)
            return None, []

        await first.outbox.commit(one_ticket)
    async with (
        service(chosen, local=True) as app,
        TestServer(app) as server,
        TestClient[Any, Any](server) as client,
    ):
        yield Bot(client, folder)


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Bot]:
    """Run the bot with the webhook back switched on."""
    async with running(tmp_path, webhook_in_secret=OTHER_SECRET) as one:
        yield one


def told(kind: str, number: object = 1001, **data: object) -> Json:
    """Return the body of a webhook."""
    return {"type": f"ticket.{kind}", "data": {"number": number, **data}}


async def test_a_whole_life_from_over_there(bot: Bot) -> None:
    """Answered, resolved, opened again, resolved and closed by another helpdesk: each is in the history, with who did it."""
    steps = (
        (told("reply", text="Which folder?", by="Kari at HQ"), "new"),
        (told("resolve", text="Licence added.", by="Kari at HQ"), "resolved"),
        (told("reopen", by="Per"), "new"),
        (told("resolve"), "resolved"),
        (told("close"), "closed"),
    )
    for at, (body, state) in enumerate(steps):
        assert await bot.hook(body, f"msg_{at}") == (200, {"number": 1001, "state": state})

    ticket, events = await bot.look()
    assert ticket.state is State.CLOSED
    assert [(event.what, event.by.name) for event in events[1:]] == [
        ("replied", "Kari at HQ"),
        ("resolved", "Kari at HQ"),
        ("reopened", "Per"),
        ("resolved", ""),
        ("closed", ""),
    ]
    assert {event.by.key for event in events[1:]} == {"sink:webhook"}
    assert events[1].note == "Which folder?"
    assert events[4].note, "a requester is told something, in their language"


async def test_a_webhook_that_was_heard_changes_nothing_again(bot: Bot) -> None:
    """Replayed or repeated after a lost answer, it gets the same answer and does nothing; so does one that was handled before a restart."""
    reply = signed(told("reply", text="Once."), "msg_once")
    for _ in range(3):
        assert (await bot.raw(*reply))[0] == 200
    resolve = signed(told("resolve", text="Done."), "msg_done")
    assert (await bot.raw(*resolve))[0] == 200
    await bot.hook(told("reopen"), "msg_again")
    assert await bot.raw(*resolve) == (200, {"number": 1001, "state": "new"})

    assert await bot.happened() == ["opened", "replied", "resolved", "reopened"]


async def test_who_is_only_slower_is_not_told_off(bot: Bot) -> None:
    """What is so already is fine; what the state does not allow is a conflict that says how the ticket stands."""
    assert (await bot.hook(told("reopen"), "msg_0"))[0] == 200
    assert await bot.hook(told("close"), "msg_1") == (
        409,
        {"error": "state", "number": 1001, "state": "new"},
    )
    assert (await bot.hook(told("resolve", text="x"), "msg_2"))[0] == 200
    assert (await bot.hook(told("resolve", text="y"), "msg_3"))[0] == 200
    assert (await bot.hook(told("close"), "msg_4"))[0] == 200
    assert (await bot.hook(told("close"), "msg_5"))[0] == 200
    assert (await bot.hook(told("reply", text="Too late"), "msg_6"))[0] == 409

    assert await bot.happened() == ["opened", "resolved", "closed"]


async def test_only_the_right_signature_is_believed(bot: Bot) -> None:
    """Another secret, another body, another id, no time, an old or a future one, none at all: nothing happens."""
    body = told("resolve", text="x")
    now = datetime.now(UTC)
    good, headers = signed(body, "msg_1")
    forged = [
        signed(body, "msg_1", secret=SECRET),
        signed(body, "msg_1", at=now - timedelta(minutes=6)),
        signed(body, "msg_1", at=now + timedelta(minutes=6)),
        (good.replace(b"1001", b"1002"), headers),
        (good, headers | {"webhook-id": "msg_2"}),
        (good, headers | {"webhook-timestamp": "soon"}),
        (good, headers | {"webhook-timestamp": "nan"}),
        (good, headers | {"webhook-signature": "v1,"}),
        (good, headers | {"webhook-signature": "v1"}),
        (good, headers | {"webhook-signature": "v1,not base64, at all"}),
        (good, headers | {"webhook-signature": f"v2,{headers['webhook-signature'][3:]}"}),
        (good, {"Content-Type": "application/json"}),
        (b"\xff\xfe", headers),
        (b"", {}),
    ]
    for data, shown in forged:
        assert await bot.raw(data, shown) == (401, {"error": "signature"}), shown

    assert await bot.happened() == ["opened"]
    assert (await bot.raw(good, headers))[0] == 200


async def test_several_signatures_while_a_secret_is_changed(bot: Bot) -> None:
    """The specification lets a sender sign with the old and the new secret at once."""
    data, headers = signed(told("resolve", text="x"), "msg_1")
    _, other = signed(told("resolve", text="x"), "msg_1", secret=SECRET)
    both = f"{other['webhook-signature']} {headers['webhook-signature']}"

    assert (await bot.raw(data, headers | {"webhook-signature": both}))[0] == 200


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        told("claim"),
        told("resolve") | {"data": None},
        told("resolve", number=0),
        told("resolve", number=-1),
        told("resolve", number=1.5),
        told("resolve", number=10**30),
        told("resolve", number="1001"),
        told("resolve", text=7),
        told("resolve", text="x" * 20_000),
        told("resolve", by="x" * 500),
        told("reply"),
        told("reply", text=" \n "),
    ],
)
async def test_a_body_that_cannot_be_meant(bot: Bot, body: object) -> None:
    """Signed nonsense is refused as such."""
    assert (await bot.hook(body))[0] == 400
    assert await bot.happened() == ["opened"]


async def test_what_is_too_much_or_not_there(bot: Bot) -> None:
    """An endless body, an endless id and a ticket that does not exist each have a status of their own."""
    assert (await bot.raw(b"x" * (BODY_BYTES + 1), {}))[0] == 413
    assert (await bot.raw(b"x" * (BODY_BYTES + 9_000), {}))[0] == 413
    assert (await bot.hook(told("resolve"), "m" * 300))[0] == 400
    assert await bot.hook(told("resolve", 4711)) == (404, {"error": "number"})
    assert (
        await bot.hook(told("resolve", text="Fields of later versions are left alone", later=1))
    )[0] == 200


async def test_nothing_listens_where_nothing_is_configured(tmp_path: Path) -> None:
    """Without a secret there is no such address; with a bad one the bot does not start."""
    async with running(tmp_path) as bot:
        assert (await bot.hook(told("resolve")))[0] == 404
    with pytest.raises(SettingsError):
        async with running(tmp_path, webhook_in_secret="whsec_short"):
            pass


async def test_two_processes_hear_the_same_webhook_at_once(tmp_path: Path) -> None:
    """The desk does once what comes under one id, whoever asks: what is remembered and what is done are one transaction."""
    settings = read_settings(data=tmp_path)
    once = SessionKey("sink:webhook", ConversationId(""), ""), "msg_1"
    async with (
        running(tmp_path),
        application(settings, {}) as one,
        application(settings, {}) as two,
    ):
        deed = Deed(verb=Verb.NOTE, text="Seen.")
        for desk in (one.desk, two.desk, one.desk):
            await desk.carry_out(1001, deed, Person("sink:webhook", ""), once=once)
        events = await one.store.run(lambda unit: unit.ticket_events(unit.ticket(1001).id))

    assert [event.what for event in events] == ["opened", "noted"]
