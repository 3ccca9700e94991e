"""An SDK's pipeline on our adapter: models read and written, middleware run, its activities sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import pytest
from botbuilder.core import InvokeResponse
from botbuilder.schema import (
    Activity,
    ChannelAccount,
    Entity,
    Mention,
)
from microsoft_agents import activity as successor

from bot.model.errors import DeliveryRefused
from bot.teams.schema import read_activity_model, write_model
from tests.edge.conftest import OpenRecorder
from tests.edge.far_side import (
    BOT,
    CHAT,
    TENANT,
    Recorder,
    channel_message,
    execute,
    installed,
    members_added,
    message,
    press_data,
    submit,
    uploaded,
)

SAMPLES = {
    "message": message("hi", suggestedActions={"actions": [{"type": "imBack", "title": "x"}]}),
    "channel": channel_message("<at>Bouncedesk</at> hi"),
    "execute": execute(press_data()),
    "submit": submit(press_data()),
    "installed": installed(),
    "members": members_added(BOT),
    "upload": uploaded(),
    "unknown fields": message("hi", tomorrow={"a": [1, {"b": None}]}),
}


@pytest.mark.parametrize("raw", SAMPLES.values(), ids=SAMPLES)
def test_nothing_is_lost_between_json_and_models(raw: dict[str, Any]) -> None:
    """An activity read into the SDK's models and written again is the same JSON, times with their offsets included."""
    written = write_model(read_activity_model(raw))
    for activity in (written, expected := dict(raw)):
        for key in ("timestamp", "localTimestamp"):
            activity[key] = activity[key].replace("Z", "+00:00").replace(".123+", ".123000+")
    assert written == expected


@pytest.mark.parametrize("raw", SAMPLES.values(), ids=SAMPLES)
def test_models_are_what_the_sdk_reads(raw: dict[str, Any]) -> None:
    """Attribute for attribute the model is the one that the SDK's own reader makes, where that reads correctly."""
    ours, theirs = read_activity_model(raw), Activity().deserialize(raw)
    for name in vars(ours):
        if name in ("additional_properties", "local_timestamp", "conversation", "entities"):
            continue  # the SDK loses the offset, the tenant, and what it knows no field for
        assert _bare(getattr(ours, name)) == _bare(getattr(theirs, name)), name
    assert ours.conversation.id == theirs.conversation.id
    assert ours.conversation.tenant_id == TENANT
    assert theirs.conversation.tenant_id is None
    assert [entity.type for entity in ours.entities] == [entity.type for entity in theirs.entities]


def _bare(value: object) -> object:
    """Return a value without the additional properties, which only our reader keeps."""
    if isinstance(value, list):
        return [_bare(entry) for entry in value]
    if hasattr(value, "additional_properties"):
        return {
            name: _bare(field)
            for name, field in vars(value).items()
            if name != "additional_properties"
        }
    return value


def test_what_the_sdk_drops_is_written() -> None:
    """Mentions, labels and targets that msrest loses on the way out are all there."""
    mention = Mention(
        type="mention", mentioned=ChannelAccount(id="29:x", name="X"), text="<at>X</at>"
    )
    label = Entity(type="https://schema.org/Message")
    label.additional_properties["additionalType"] = ["AIGeneratedContent"]
    recipient = ChannelAccount(id="29:x")
    recipient.additional_properties["isTargeted"] = True
    written = write_model(Activity(type="message", entities=[mention, label], recipient=recipient))
    assert written["entities"] == [
        {"type": "mention", "mentioned": {"id": "29:x", "name": "X"}, "text": "<at>X</at>"},
        {"type": "https://schema.org/Message", "additionalType": ["AIGeneratedContent"]},
    ]
    assert written["recipient"] == {"id": "29:x", "isTargeted": True}


class Kit(NamedTuple):
    """What middleware needs of its SDK."""

    activity: Callable[..., Any]
    invoke_response: Callable[..., Any]
    go_on: Callable[[Any, Any], Awaitable[None]]
    """Goes on with the turn: the old SDK's needs no context for that."""


KITS = {
    "botbuilder": Kit(Activity, InvokeResponse, lambda logic, _: logic()),
    "agents": Kit(
        successor.Activity, successor.InvokeResponse, lambda logic, context: logic(context)
    ),
}


@pytest.fixture
def kit(sdk: str) -> Kit:
    """What the middleware of this SDK is made with."""
    return KITS[sdk]


class Interpreter:
    """Middleware as an extension of the SDK would bring it: sends, edits and deletes around the turn."""

    def __init__(self, kit: Kit) -> None:
        """Begin with nothing seen."""
        self._kit = kit
        self.seen: list[str] = []

    async def on_turn(self, context: Any, logic: Any) -> None:  # noqa: ANN401 - either SDK's
        """Say something before the turn, and tidy it up after."""
        self.seen.append(context.activity.type)
        sent = await context.send_activity("one moment")
        await self._kit.go_on(logic, context)
        await context.update_activity(self._kit.activity(id=sent.id, type="message", text="done"))
        await context.delete_activity(sent.id)


class Porter:
    """Middleware that answers for the bot."""

    def __init__(self, kit: Kit, body: object) -> None:
        """Take what to answer."""
        self._kit = kit
        self._body = body

    async def on_turn(self, context: Any, _logic: Any) -> None:  # noqa: ANN401 - as above
        """Answer an invoke without asking the bot."""
        value = self._kit.invoke_response(status=409, body=self._body)
        await context.send_activity(self._kit.activity(type="invokeResponse", value=value))


class Tracer:
    """Middleware that writes down what it sees where an emulator would show it."""

    def __init__(self, kit: Kit) -> None:
        """Take what to go on with."""
        self._kit = kit

    async def on_turn(self, context: Any, logic: Any) -> None:  # noqa: ANN401 - as above
        """Trace, and go on."""
        await context.send_trace_activity("turn", {"a": 1})
        await self._kit.go_on(logic, context)


async def _post(recorder: Recorder, activity: dict[str, Any]) -> tuple[int, Any]:
    activity = activity | {"serviceUrl": recorder.stub.service_url}
    return await recorder.post(activity, {"Host": "localhost"}, "127.0.0.1", token=None)


async def test_middleware_runs_around_every_turn(open_recorder: OpenRecorder, kit: Kit) -> None:
    """What middleware sends, replaces and deletes goes over our connector, into the same conversation."""
    recorder = await open_recorder(local=True)
    interpreter = Interpreter(kit)
    recorder.adapter.use(interpreter)
    assert await _post(recorder, message("hi")) == (200, None)
    assert interpreter.seen == ["message"]
    assert len(recorder.incoming) == 1
    sent, edited, deleted = recorder.stub.requests(conversation=CHAT)
    assert [one["method"] for one in (sent, edited, deleted)] == ["POST", "PUT", "DELETE"]
    assert sent["activity"] == "1700000000001", "not a reply to the message"
    assert (sent["body"]["text"], edited["body"]["text"]) == ("one moment", "done")
    assert edited["activity"] == deleted["activity"]
    assert sent["body"]["from"]["id"] == BOT


@pytest.mark.parametrize("body", [{"busy": True}, None, ["busy"]])
async def test_middleware_can_answer_an_invoke(
    open_recorder: OpenRecorder, kit: Kit, body: object
) -> None:
    """Middleware that answers by itself keeps the turn from the bot, and its answer is the response."""
    recorder = await open_recorder(local=True)
    recorder.adapter.use(Porter(kit, body))
    assert await _post(recorder, execute(press_data())) == (409, body)
    assert recorder.incoming == []


async def test_middleware_sees_what_the_bot_answers(open_recorder: OpenRecorder, kit: Kit) -> None:
    """The bot's own answer to an invoke goes through the pipeline unharmed when middleware is there."""
    recorder = await open_recorder(local=True)
    recorder.adapter.use(Tracer(kit))
    status, body = await _post(recorder, execute(press_data()))
    assert (status, body["value"]) == (200, "✓")


async def test_traces_stay_here(open_recorder: OpenRecorder, kit: Kit) -> None:
    """Traces are for an emulator; people in Teams would see them."""
    recorder = await open_recorder(local=True)
    recorder.adapter.use(Tracer(kit))
    assert await _post(recorder, message("hi")) == (200, None)
    assert recorder.stub.requests(conversation=CHAT) == []


async def test_replies_are_sent_whatever_delivery_was_asked_for(
    open_recorder: OpenRecorder, kit: Kit
) -> None:
    """A request for replies in the response, which Teams never makes, does not swallow them."""
    recorder = await open_recorder(local=True)
    recorder.adapter.use(Interpreter(kit))
    assert await _post(recorder, message("hi", deliveryMode="expectReplies")) == (200, None)
    assert len(recorder.stub.requests(method="POST", conversation=CHAT)) == 1


async def test_what_middleware_raises_comes_through(open_recorder: OpenRecorder, kit: Kit) -> None:
    """A delivery that fails in middleware is not swallowed on its way."""
    recorder = await open_recorder(local=True)
    recorder.adapter.use(Interpreter(kit))
    recorder.stub.fault(CHAT, 403)
    with pytest.raises(DeliveryRefused):
        await _post(recorder, message("hi"))
    assert recorder.incoming == []
