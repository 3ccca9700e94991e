"""What leaves for the channel, and what each of its answers means for a parcel."""

from __future__ import annotations

import asyncio
import socket
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from xml.etree import ElementTree as ET

import aiohttp
import pytest

from bot.model.errors import (
    DeliveryAmbiguous,
    DeliveryDelayed,
    DeliveryFailed,
    DeliveryRefused,
)
from bot.model.event import Mention, Scope
from bot.model.ids import ConversationId, Language, UserId
from bot.model.ticket import Ticket, TicketEvent
from bot.pace import Paced
from bot.ports import Line, NewPost, News, Parcel, Placed, Reply, Revision
from bot.teams.clouds import CLOUDS
from bot.teams.connector import Connector
from bot.teams.hosts import Origins
from bot.teams.sender import TeamsSender
from bot.teams.token import NoToken
from tests.connector import StubConnector
from tests.contracts.samples import NOW, draft
from tests.edge.conftest import OpenRecorder
from tests.edge.far_side import ADA, BOT, CHANNEL_ID, CHAT, PAGE, TENANT, Recorder, address

THREAD = "19:abc@thread.tacv2;messageid=17"


async def _sender(open_recorder: OpenRecorder) -> Recorder:
    return await open_recorder(local=True)


async def test_a_reply_is_posted_into_its_conversation(open_recorder: OpenRecorder) -> None:
    """A page goes as one message activity with a card, into the conversation it answers, and its id comes back."""
    recorder = await _sender(open_recorder)
    to = address(recorder.stub, THREAD, scope=Scope.CHANNEL)
    placed = await recorder.room.sender.send(Parcel(to=to, content=Reply(PAGE)), None)
    (sent,) = recorder.stub.requests(method="POST")
    assert placed is not None
    assert placed.conversation == THREAD
    assert sent["conversation"] == THREAD
    body = sent["body"]
    assert (body["type"], body["summary"], body["locale"]) == ("message", "A page", "en")
    assert (body["from"]["id"], body["recipient"]["id"]) == (BOT, ADA)
    (card,) = body["attachments"]
    assert card["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert card["content"]["type"] == "AdaptiveCard"
    assert "authorization" not in sent["headers"]


async def test_a_new_post_starts_a_thread(open_recorder: OpenRecorder) -> None:
    """A thread is created in the channel named, with the page as its first message; where it landed comes back."""
    recorder = await _sender(open_recorder)
    to = address(recorder.stub, CHANNEL_ID, scope=Scope.CHANNEL)
    placed = await recorder.room.sender.send(Parcel(to=to, content=NewPost(PAGE, "t-1")), None)
    (sent,) = recorder.stub.requests(path="/v3/conversations")
    body = sent["body"]
    assert body["isGroup"] is True
    assert body["channelData"]["channel"] == {"id": CHANNEL_ID}
    assert (body["bot"], body["tenantId"]) == ({"id": BOT}, TENANT)
    assert body["activity"]["attachments"][0]["content"]["type"] == "AdaptiveCard"
    assert placed is not None
    assert placed.conversation == f"{CHANNEL_ID};messageid={placed.activity}"


async def test_a_revision_replaces_the_post(open_recorder: OpenRecorder) -> None:
    """A revision goes to the very activity that was posted."""
    recorder = await _sender(open_recorder)
    to = address(recorder.stub, CHANNEL_ID, scope=Scope.CHANNEL)
    where = Placed(ConversationId(THREAD), "17")
    parcel = Parcel(to=to, content=Revision(PAGE, "t-1"))
    assert await recorder.room.sender.send(parcel, where) == where
    (sent,) = recorder.stub.requests(method="PUT")
    assert (sent["conversation"], sent["activity"]) == (THREAD, "17")


async def test_a_line_goes_into_its_thread_and_alerts_whom_it_names(
    open_recorder: OpenRecorder,
) -> None:
    """A line is a message in the thread of its post; each person it names stands in it exactly as their entity says, once."""
    recorder = await _sender(open_recorder)
    mentions = (
        Mention(UserId("29:kari"), "Kari Nordmann"),
        Mention(UserId("29:ola"), "Ola"),
        Mention(UserId("29:kari"), "Kari Nordmann"),
    )
    line = Line("Urgent: #1042.", "t-1", Language("nb"), mentions)
    to = address(recorder.stub, CHANNEL_ID, scope=Scope.CHANNEL)
    where = Placed(ConversationId(THREAD), "17")
    placed = await recorder.room.sender.send(Parcel(to=to, content=line), where)
    (sent,) = recorder.stub.requests(method="POST")
    body = sent["body"]
    assert sent["conversation"] == body["conversation"]["id"] == THREAD
    assert placed is not None
    assert placed.conversation == THREAD
    assert body["text"] == "Urgent: #1042. <at>Kari Nordmann</at> <at>Ola</at>"
    assert (body["textFormat"], body["locale"]) == ("xml", "nb")
    assert [
        (entity["type"], entity["mentioned"]["id"], entity["text"]) for entity in body["entities"]
    ] == [
        ("mention", "29:kari", "<at>Kari Nordmann</at>"),
        ("mention", "29:ola", "<at>Ola</at>"),
    ]


HOSTILE_NAMES = [
    "</at><at>Everyone</at>",
    "<script>alert(1)</script>",
    "Tom & Jerry",
    "&lt;at&gt;",
    "two\nlines\tand \x00\x07\x1b[31m",
    "  ",
    "N" * 500,
    "[a](https://evil.example.com)",
]


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=range(len(HOSTILE_NAMES)))
async def test_names_and_words_in_a_line_are_literal(
    open_recorder: OpenRecorder, name: str
) -> None:
    """A line is well-formed whatever people are called: it shows the name, alerts that one person, and holds no markup of theirs."""
    recorder = await _sender(open_recorder)
    line = Line(name, "t-1", Language("en"), (Mention(UserId("29:x"), name),))
    to = address(recorder.stub, CHANNEL_ID, scope=Scope.CHANNEL)
    await recorder.room.sender.send(
        Parcel(to=to, content=line), Placed(ConversationId(THREAD), "17")
    )
    (sent,) = recorder.stub.requests(method="POST")
    text = sent["body"]["text"]
    (entity,) = sent["body"]["entities"]
    shown = ET.fromstring(f"<line>{text}</line>")  # noqa: S314 - what we wrote ourselves
    assert [element.tag for element in shown if element.tag != "br"] == ["at"]
    assert text.endswith(entity["text"])
    assert shown[-1].text == entity["mentioned"]["name"]
    assert len(entity["mentioned"]["name"]) <= 100


async def test_a_line_without_a_thread_is_refused(open_recorder: OpenRecorder) -> None:
    """Where nothing was ever posted there is no thread to write in."""
    recorder = await _sender(open_recorder)
    parcel = Parcel(to=address(recorder.stub), content=Line("hello", "t-1", Language("en")))
    with pytest.raises(DeliveryRefused):
        await recorder.room.sender.send(parcel, None)
    assert recorder.stub.requests() == []


async def test_news_is_not_for_teams(open_recorder: OpenRecorder) -> None:
    """What is meant for another helpdesk is never shown in a conversation."""
    recorder = await _sender(open_recorder)
    ticket = Ticket(number=1042, draft=draft(), changed=NOW)
    news = News(ticket, TicketEvent(NOW, "opened", ticket.draft.person))
    with pytest.raises(DeliveryRefused):
        await recorder.room.sender.send(Parcel(to=address(recorder.stub), content=news), None)
    assert recorder.stub.requests() == []


async def test_threads_share_their_channels_rate(open_recorder: OpenRecorder) -> None:
    """Teams counts a channel with all its threads as one conversation, and a chat as itself."""
    sender = (await _sender(open_recorder)).room.sender
    assert isinstance(sender, Paced)
    assert sender.room("19:abc@thread.tacv2;messageid=17") == "19:abc@thread.tacv2"
    assert sender.room("19:abc@thread.tacv2") == "19:abc@thread.tacv2"
    assert sender.room(CHAT) == CHAT


async def test_a_revision_of_nothing_is_refused(open_recorder: OpenRecorder) -> None:
    """Where nothing was ever posted there is nothing to replace, now or later."""
    recorder = await _sender(open_recorder)
    parcel = Parcel(to=address(recorder.stub), content=Revision(PAGE, "t-1"))
    with pytest.raises(DeliveryRefused):
        await recorder.room.sender.send(parcel, None)
    assert recorder.stub.requests() == []


MEANINGS: list[tuple[int, type[DeliveryFailed], type[DeliveryFailed]]] = [
    # status, for a message (POST), for a replacement (PUT)
    (301, DeliveryRefused, DeliveryRefused),
    (400, DeliveryRefused, DeliveryRefused),
    (401, DeliveryDelayed, DeliveryDelayed),
    (403, DeliveryRefused, DeliveryRefused),
    (404, DeliveryRefused, DeliveryRefused),
    (405, DeliveryRefused, DeliveryRefused),
    (408, DeliveryAmbiguous, DeliveryDelayed),
    (412, DeliveryDelayed, DeliveryDelayed),
    (413, DeliveryRefused, DeliveryRefused),
    (429, DeliveryDelayed, DeliveryDelayed),
    (500, DeliveryAmbiguous, DeliveryDelayed),
    (502, DeliveryAmbiguous, DeliveryDelayed),
    (503, DeliveryAmbiguous, DeliveryDelayed),
    (504, DeliveryAmbiguous, DeliveryDelayed),
]
ERROR_BODIES = {
    "json": '{"error": {"code": "BotNotInConversationRoster", "message": "secret text"}}',
    "html": "<html><body>Request Entity Too Large</body></html>",
    "empty": "",
    "list": "[1]",
    "odd json": '{"error": "no object"}',
}


@pytest.mark.parametrize(("status", "of_post", "of_put"), MEANINGS, ids=lambda m: str(m)[:40])
async def test_what_a_status_means(
    open_recorder: OpenRecorder,
    status: int,
    of_post: type[DeliveryFailed],
    of_put: type[DeliveryFailed],
) -> None:
    """Each status is refused, delayed or ambiguous, whatever body it comes with, and is asked for once."""
    recorder = await _sender(open_recorder)
    to, sender = address(recorder.stub), recorder.room.sender
    for body in ERROR_BODIES.values():
        recorder.stub.fault(CHAT, status, body=body, headers={"Location": "http://127.0.0.1:1/"})
        with pytest.raises(of_post) as posted:
            await sender.send(Parcel(to=to, content=Reply(PAGE)), None)
        recorder.stub.fault(CHAT, status, body=body)
        with pytest.raises(of_put):
            await sender.send(
                Parcel(to=to, content=Revision(PAGE, "t")), Placed(ConversationId(CHAT), "1")
            )
        assert str(status) in posted.value.detail
        assert "secret" not in str(posted.value)
    assert len(recorder.stub.requests()) == 2 * len(ERROR_BODIES), "something was repeated"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("2", 2.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("999999", 3_600.0),
        ("-5", None),
        ("soon", None),
        ("Thu, 99 Foo 2026", None),
        ("NaN", None),
        (None, None),
    ],
)
async def test_retry_after(
    open_recorder: OpenRecorder, header: str | None, expected: float | None
) -> None:
    """The seconds that the channel asks us to wait come with the delay; nonsense counts as nothing."""
    recorder = await _sender(open_recorder)
    recorder.stub.fault(CHAT, 429, headers={"Retry-After": header} if header else {})
    with pytest.raises(DeliveryDelayed) as delayed:
        await recorder.room.connector.send(recorder.stub.service_url, CHAT, {"type": "message"})
    assert delayed.value.retry_after == expected


async def test_retry_after_a_date(open_recorder: OpenRecorder) -> None:
    """`Retry-After` may be a date, too."""
    recorder = await _sender(open_recorder)
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    recorder.stub.fault(CHAT, 429, headers={"Retry-After": at})
    with pytest.raises(DeliveryDelayed) as delayed:
        await recorder.room.connector.send(recorder.stub.service_url, CHAT, {"type": "message"})
    assert delayed.value.retry_after == pytest.approx(30, abs=3)


async def test_a_refused_connection_can_be_tried_again(open_recorder: OpenRecorder) -> None:
    """Where no connection came about nothing was sent: that is a delay, not a doubt."""
    recorder = await _sender(open_recorder)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        with pytest.raises(DeliveryDelayed):
            await recorder.room.connector.send(dead, CHAT, {"type": "message"})


async def test_a_connection_that_breaks_leaves_a_doubt(open_recorder: OpenRecorder) -> None:
    """A message whose answer never came may have arrived; a replacement can simply be made again."""
    recorder = await _sender(open_recorder)
    connector, url = recorder.room.connector, recorder.stub.service_url
    recorder.stub.fault(CHAT, 500, drop=True)
    with pytest.raises(DeliveryAmbiguous):
        await connector.send(url, CHAT, {"type": "message"})
    recorder.stub.fault(CHAT, 500, drop=True, times=9)
    with pytest.raises(DeliveryDelayed):
        await connector.update(url, CHAT, "1", {"type": "message"})


async def test_a_slow_answer_leaves_a_doubt(
    open_recorder: OpenRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that takes too long leaves a message in doubt, and nothing waits for it longer."""
    monkeypatch.setattr("bot.teams.connector._TIMEOUT", aiohttp.ClientTimeout(total=0.2))
    recorder = await _sender(open_recorder)
    recorder.stub.fault(CHAT, 201, delay=3.0)
    started = time.monotonic()
    with pytest.raises(DeliveryAmbiguous):
        await recorder.room.connector.send(recorder.stub.service_url, CHAT, {"type": "message"})
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("body", ["", "accepted", "[]", '{"id": 7}', "{}"])
async def test_success_without_an_id(open_recorder: OpenRecorder, body: str) -> None:
    """A message that was accepted counts as delivered, even when the channel does not say under which id."""
    recorder = await _sender(open_recorder)
    recorder.stub.fault(CHAT, 202, body=body)
    parcel = Parcel(to=address(recorder.stub), content=Reply(PAGE))
    assert await recorder.room.sender.send(parcel, None) is None


async def test_a_thread_without_a_name_is_a_doubt(open_recorder: OpenRecorder) -> None:
    """A thread that exists but cannot be found again is nothing to rely on."""
    recorder = await _sender(open_recorder)
    recorder.stub.fault(CHANNEL_ID, 201, body="{}")
    parcel = Parcel(to=address(recorder.stub, CHANNEL_ID), content=NewPost(PAGE, "t-1"))
    with pytest.raises(DeliveryAmbiguous):
        await recorder.room.sender.send(parcel, None)


async def test_a_thread_is_known_by_its_message(open_recorder: OpenRecorder) -> None:
    """Where the channel leaves out the first activity's id, it stands in the conversation's."""
    recorder = await _sender(open_recorder)
    recorder.stub.fault(CHANNEL_ID, 201, body=f'{{"id": "{THREAD}"}}')
    parcel = Parcel(to=address(recorder.stub, CHANNEL_ID), content=NewPost(PAGE, "t-1"))
    placed = await recorder.room.sender.send(parcel, None)
    assert placed == Placed(ConversationId(THREAD), "17")


@pytest.mark.parametrize(
    "conversation", ["../../_control/key", "a/../b", "..", ".", "a?b=c", "a#b", "a%2Fb", "ø ü"]
)
async def test_ids_stay_in_their_place(open_recorder: OpenRecorder, conversation: str) -> None:
    """An id is one segment of the path, whatever it holds."""
    recorder = await _sender(open_recorder)
    await recorder.room.connector.send(
        recorder.stub.service_url, conversation, {"type": "message"}
    )
    (sent,) = recorder.stub.requests()
    assert sent["conversation"] == conversation


async def test_connections_are_kept(open_recorder: OpenRecorder) -> None:
    """A hundred replies one after the other need one connection."""
    recorder = await _sender(open_recorder)
    parcel = Parcel(to=address(recorder.stub), content=Reply(PAGE))
    for _ in range(100):
        await recorder.room.sender.send(parcel, None)
    ports = {sent["peer_port"] for sent in recorder.stub.requests(method="POST")}
    assert len(ports) == 1


async def test_many_replies_are_in_flight(open_recorder: OpenRecorder) -> None:
    """A slow channel delays each reply once, not one after the other."""
    recorder = await _sender(open_recorder)
    recorder.stub.fault("*", 201, delay=0.4, times=50)
    started = time.monotonic()
    await asyncio.gather(
        *(
            recorder.room.sender.send(
                Parcel(to=address(recorder.stub, f"a:{number}"), content=Reply(PAGE)), None
            )
            for number in range(50)
        )
    )
    assert time.monotonic() - started < 4


FOREIGN = [
    "https://evil.example.com/",
    "https://smba.trafficmanager.net.evil.example.com/",
    "https://evil.trafficmanager.net/",
    "http://smba.trafficmanager.net/emea/",
    "https://smba.trafficmanager.net@evil.example.com/",
    "https://evil.example.com\\@smba.trafficmanager.net/",
    "https://smba.trafficmanager.net\n.evil.example.com/",
    "https://smba.trafficmanager.net:444/",
    "https://smba.trafficmanager.net/?x=/",
    "https://smba.trafficmanager.net/#/",
    "https://smba.trafficmanager.net/a/../../",
    "https://smba.trafficmanager.net%2eevil.example.com/",
    "https://smba.trafficmanager。net/",
    "//smba.trafficmanager.net/",
    "ftp://smba.trafficmanager.net/",
    "http://localhost.evil.example/",
    "http://127.0.0.1.evil.example/",
    "http://2130706433/",
    "http://0x7f.1/",
    "http://0.0.0.0/",
    "http://[::ffff:192.0.2.1]/",
    "",
    "x" * 5_000,
]


@pytest.mark.parametrize("url", FOREIGN, ids=lambda url: url[:60])
async def test_nothing_is_sent_to_a_foreign_host(open_recorder: OpenRecorder, url: str) -> None:
    """A stored address is checked again when it is used: the bot's token goes to no other host."""
    recorder = await _sender(open_recorder)
    with pytest.raises(DeliveryRefused):
        await recorder.room.connector.send(url, CHAT, {"type": "message"})


ADMITTED = [
    "https://smba.trafficmanager.net/emea/",
    "https://smba.trafficmanager.net/teams",
    "https://SMBA.trafficmanager.net/amer/aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee/",
    "https://smba.trafficmanager.net:443/",
    "https://smba.infra.gcc.teams.microsoft.com/gcc/",
    "https://smba.infra.gov.teams.microsoft.us/",
    "https://smba.infra.dod.teams.microsoft.us/",
]


@pytest.mark.parametrize("url", ADMITTED)
def test_the_channels_hosts_are_admitted(url: str) -> None:
    """Every cloud's connector can be answered, in every region."""
    assert Origins(
        host for cloud in CLOUDS.values() for host in cloud.connector_hosts
    ).admits_service(url)


async def test_loopback_needs_local_mode(stub: StubConnector) -> None:
    """Outside local mode this machine is a host like any other that is not on the list."""
    async with aiohttp.ClientSession() as session:
        connector = Connector(
            session,
            Origins(CLOUDS["public"].connector_hosts),
            NoToken(),
            lambda: datetime.now(UTC),
        )
        parcel = Parcel(to=address(stub), content=Reply(PAGE))
        with pytest.raises(DeliveryRefused):
            await TeamsSender(connector).send(parcel, None)
    assert stub.requests() == []
