"""From a request to its answer: presses answered in place, by either kind of button, and hellos said once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, NoReturn

import msgspec
import pytest

from bot.host import Answer
from bot.model.errors import SettingsError, StoreUnavailable
from bot.model.event import Incoming, TicketPress, TicketSearch
from bot.model.outgoing import Hit
from bot.teams.room import Options, TeamsRoom
from tests.card_schema import problems_of
from tests.edge.conftest import OpenRecorder
from tests.edge.far_side import (
    APP_ID,
    BOT,
    CHAT,
    PAGE,
    SERVICE_URL,
    TENANT,
    Recorder,
    execute,
    installed,
    language,
    members_added,
    message,
    press_data,
    query,
    search,
    submit,
    ticket_data,
)

CARD = "application/vnd.microsoft.card.adaptive"
MESSAGE = "application/vnd.microsoft.activity.message"
PRESSED = "1699999999000"


async def _local(open_recorder: OpenRecorder) -> Recorder:
    return await open_recorder(local=True)


async def _post(recorder: Recorder, activity: dict[str, Any]) -> tuple[int, Any]:
    activity = activity | {"serviceUrl": recorder.stub.service_url}
    answer = await recorder.post(activity, {"Host": "localhost"}, "127.0.0.1", token=None)
    await recorder.edge.close()
    return answer


async def test_an_execute_is_answered_with_its_card(open_recorder: OpenRecorder) -> None:
    """The response to an invoke holds the card that takes the pressed one's place, in the channel's shape."""
    recorder = await _local(open_recorder)
    recorder.answer = Answer(card=PAGE)
    status, body = await _post(recorder, execute(press_data()))
    assert status == 200
    assert (body["statusCode"], body["type"]) == (200, CARD)
    assert body["value"]["type"] == "AdaptiveCard"
    assert recorder.stub.requests(conversation=CHAT) == []


@pytest.mark.parametrize(("says", "shown"), [("Too late.", "Too late."), ("", "✓")])
async def test_an_execute_without_a_card_gets_a_line(
    open_recorder: OpenRecorder, says: str, shown: str
) -> None:
    """An invoke is always answered, if only with a word; the card stays."""
    recorder = await _local(open_recorder)
    recorder.answer = Answer(says=says)
    _, body = await _post(recorder, execute(press_data()))
    assert body == {"statusCode": 200, "type": MESSAGE, "value": shown}


async def test_a_submit_replaces_the_card_it_came_from(open_recorder: OpenRecorder) -> None:
    """A client that cannot do `Action.Execute` sees the same: the pressed card is replaced, by a call of our own."""
    recorder = await _local(open_recorder)
    recorder.answer = Answer(card=PAGE)
    assert await _post(recorder, submit(press_data())) == (200, None)
    (sent,) = recorder.stub.requests(conversation=CHAT)
    assert (sent["method"], sent["activity"]) == ("PUT", PRESSED)
    assert sent["body"]["attachments"][0]["content"]["type"] == "AdaptiveCard"


async def test_a_submit_from_nowhere_replaces_nothing(open_recorder: OpenRecorder) -> None:
    """Where the client does not say which card was pressed there is none to replace."""
    recorder = await _local(open_recorder)
    recorder.answer = Answer(card=PAGE)
    assert await _post(recorder, submit(press_data()) | {"replyToId": None}) == (200, None)
    assert recorder.stub.requests(conversation=CHAT) == []


async def test_a_ticket_press_is_answered_in_place(open_recorder: OpenRecorder) -> None:
    """A press on a ticket card gets the changed card, or a line that says why it did not change."""
    recorder = await _local(open_recorder)
    recorder.ticket_answer = PAGE
    _, body = await _post(recorder, execute(ticket_data()))
    assert body["type"] == CARD
    recorder.ticket_answer = "Bo has it already."
    _, body = await _post(recorder, execute(ticket_data()))
    assert body == {"statusCode": 200, "type": MESSAGE, "value": "Bo has it already."}


async def test_a_ticket_submit_is_answered_by_a_call(open_recorder: OpenRecorder) -> None:
    """Without `Action.Execute` the card is replaced by a call, and the line comes as a message."""
    recorder = await _local(open_recorder)
    recorder.ticket_answer = PAGE
    assert await _post(recorder, submit(ticket_data())) == (200, None)
    recorder.ticket_answer = "Bo has it *already*."
    assert await _post(recorder, submit(ticket_data())) == (200, None)
    replaced, said = recorder.stub.requests(conversation=CHAT)
    assert (replaced["method"], replaced["activity"]) == ("PUT", PRESSED)
    assert (said["method"], said["body"]["text"]) == ("POST", "Bo has it *already*.")
    assert said["body"]["textFormat"] == "plain"


async def test_a_search_is_answered_with_cards(open_recorder: OpenRecorder) -> None:
    """What was found is a list: for each hit the card to put into the conversation, and a line that stands for it."""
    recorder = await _local(open_recorder)
    recorder.found = [Hit(title="#1042 New", subtitle="5.1.10, Ada Example", page=PAGE)]
    status, body = await _post(recorder, search(query("1042")))
    answer = body["composeExtension"]
    assert (status, answer["type"], answer["attachmentLayout"]) == (200, "result", "list")
    (hit,) = answer["attachments"]
    assert hit["contentType"] == CARD
    assert problems_of(hit["content"]) == []
    assert hit["preview"]["contentType"] == "application/vnd.microsoft.card.thumbnail"
    assert hit["preview"]["content"] == {"title": "#1042 New", "text": "5.1.10, Ada Example"}
    assert recorder.stub.requests(conversation=CHAT) == []


async def test_nothing_found_is_an_empty_list(open_recorder: OpenRecorder) -> None:
    """The client says by itself that there is nothing."""
    recorder = await _local(open_recorder)
    _, body = await _post(recorder, search(query("nothing")))
    assert body == {
        "composeExtension": {"type": "result", "attachmentLayout": "list", "attachments": []}
    }


async def test_a_search_that_is_refused_says_why(open_recorder: OpenRecorder) -> None:
    """Who may not search gets a line in the place of the list."""
    recorder = await _local(open_recorder)
    recorder.found = "Only members of the helpdesk team can do that."
    _, body = await _post(recorder, search(query("1042")))
    assert body == {"composeExtension": {"type": "message", "text": recorder.found}}


async def test_people_cannot_write_markup_into_the_list(open_recorder: OpenRecorder) -> None:
    """The line of a hit is read as HTML by the client: what people wrote is shown letter by letter."""
    recorder = await _local(open_recorder)
    hit = Hit(title="#1 <b>Ada</b> & Bo", subtitle='<a href="x">y</a>', page=PAGE)
    recorder.found = [hit]
    _, body = await _post(recorder, search(query("ada")))
    line = body["composeExtension"]["attachments"][0]["preview"]["content"]
    assert line["title"] == "#1 &lt;b&gt;Ada&lt;/b&gt; &amp; Bo"
    assert line["text"] == '&lt;a href="x"&gt;y&lt;/a&gt;'


async def test_a_late_answer_that_fails_harms_nothing(open_recorder: OpenRecorder) -> None:
    """The outcome of a press is committed; that its card could not be replaced is only logged."""
    recorder = await _local(open_recorder)
    recorder.answer = Answer(card=PAGE)
    recorder.stub.fault(CHAT, 404)
    assert await _post(recorder, submit(press_data())) == (200, None)
    assert len(recorder.incoming) == 1


async def test_an_installation_is_greeted_once(open_recorder: OpenRecorder) -> None:
    """Teams tells of an installation twice, at the same moment: one hello."""
    recorder = await _local(open_recorder)
    await asyncio.gather(_post(recorder, installed()), _post(recorder, members_added(BOT)))
    assert len(recorder.incoming) == 1
    other = {"id": "a:other", "conversationType": "personal"}
    tenant = {"channelData": message()["channelData"]}
    await _post(recorder, installed(conversation=other) | tenant)
    assert len(recorder.incoming) == 2


async def test_what_the_bot_raises_comes_through(open_recorder: OpenRecorder) -> None:
    """The edge swallows nothing: what went wrong inside is the server's to answer."""
    recorder = await _local(open_recorder)

    async def broken(_: Incoming | TicketPress | TicketSearch) -> NoReturn:
        raise StoreUnavailable

    recorder.edge = recorder.room.edge(recorder.adapter, language, broken, broken, broken)
    for activity in (message(), execute(press_data()), execute(ticket_data()), search(query("x"))):
        with pytest.raises(StoreUnavailable):
            await _post(recorder, activity)


WHOLE = Options(app_id="x", app_password="y", tenant_id=TENANT, tenants=frozenset({TENANT}))


@pytest.mark.parametrize(
    ("left_out", "named"),
    [("app_id", "APP_ID"), ("app_password", "APP_PASSWORD"), ("tenant_id", "TENANT_ID")],
)
async def test_credentials_are_required(left_out: str, named: str) -> None:
    """Without --local a bot without credentials, or without its own tenant, does not start."""
    options = msgspec.structs.replace(WHOLE, **{left_out: ""})
    with pytest.raises(SettingsError, match=named):
        TeamsRoom(options, lambda: datetime.now(UTC))


async def test_whose_people_may_use_it_is_required() -> None:
    """A bot that would answer everybody in the world does not start."""
    options = msgspec.structs.replace(WHOLE, tenants=frozenset())
    with pytest.raises(SettingsError, match="ALLOWED_TENANTS"):
        TeamsRoom(options, lambda: datetime.now(UTC))


@pytest.mark.parametrize(
    "entry",
    [
        "http://connector.example.com",
        "https://connector.example.com/path",
        "*.example.com",
        "https://a@b",
        "",
        "ftp://x.example.com",
    ],
)
async def test_hosts_in_the_settings_are_checked(entry: str) -> None:
    """A host that is none, or that would be spoken to without TLS, is refused at start."""
    options = msgspec.structs.replace(WHOLE, service_hosts=(entry,))
    with pytest.raises(SettingsError, match=r"is not a host|must be https"):
        TeamsRoom(options, lambda: datetime.now(UTC))


async def test_warming_up_again_keeps_the_way_free_for_a_rolled_key(
    open_recorder: OpenRecorder,
) -> None:
    """Keys that are there are not fetched for the sake of a token: a fetch without news would hold up the next one, and a roll with it."""
    recorder = await open_recorder()
    assert (await recorder.post(message()))[0] == 200
    for _ in range(8):
        recorder.room.warm()
        await asyncio.sleep(0.2)
    recorder.stub.roll_key()
    token = recorder.stub.token(APP_ID, SERVICE_URL)
    assert (await recorder.post(message(id="after the roll"), token=token))[0] == 200
