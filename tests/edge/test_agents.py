"""The models of the Microsoft 365 Agents SDK, which refuses, drops and logs what it does not know, read and written without any of that."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from microsoft_agents.activity import (
    Activity,
    ActivityTypes,
    ChannelAccount,
    Entity,
    Mention,
)

from bot.agents.schema import read_activity_model, write_model
from tests.edge.conftest import OpenRecorder
from tests.edge.far_side import (
    BOT,
    TENANT,
    channel_message,
    execute,
    installed,
    members_added,
    mention,
    message,
    press_data,
    replaced,
    search,
    submit,
    uploaded,
)

SAMPLES = {
    "message": message("hi", suggestedActions={"to": ["a"], "actions": []}),
    "channel": channel_message("<at>Bouncedesk</at> hi"),
    "execute": execute(press_data()),
    "search": search({"commandId": "recent"}),
    "submit": submit(press_data()),
    "installed": installed(),
    "members": members_added(BOT),
    "upload": uploaded(),
    "unknown fields": message(
        "hi",
        tomorrow={"a": [1, {"b": None}]},
        conversation={"id": "a:1", "tenantId": TENANT, "tomorrow": 1},
        attachments=[{"contentType": "x/y", "tomorrow": 1}],
        recipient={"id": BOT, "isTargeted": True},
        entities=[{"type": "clientInfo", "additionalType": ["x"], "tomorrow": {"A": 1}}],
    ),
}

SECRET = "kari.nordmann@contoso.com"
VAST: dict[str, Any] = {
    "entities": [{"type": "mention", "mentioned": {"id": "29:x"}, "text": "x"}] * 2_000,
    "conversation": {"id": "a:1"} | {f"k{number}": number for number in range(10_000)},
    "membersAdded": [{"id": "29:x"}] * 2_000,
    "attachments": [{"contentType": "x/y", "content": [[{}]] * 5_000}],
    "suggestedActions": {"to": [], "actions": [{"type": "imBack", "title": "x"}] * 2_000},
}
"""Fields that would keep the SDK's reader busy."""

ODD: dict[str, Any] = {
    "timestamp": SECRET,
    "text": [SECRET],
    "channelId": " ",
    "locale": "",
    "entities": [SECRET],
    "attachments": [{"contentType": 5, "content": SECRET}],
    "membersAdded": {"id": SECRET},
    "historyDisclosed": SECRET,
    "deliveryMode": {"a": SECRET},
    "suggestedActions": SECRET,
    "relatesTo": [],
    "listenFor": [[SECRET]],
    "recipient": [SECRET],
}
"""Fields as the SDK cannot read them."""


def _comparable(activity: dict[str, Any]) -> dict[str, Any]:
    """Return an activity with its times as the SDK writes them."""
    times = {name: activity[name] for name in ("timestamp", "localTimestamp") if name in activity}
    return activity | {name: str(at).replace(".123000", ".123") for name, at in times.items()}


@pytest.mark.parametrize("raw", SAMPLES.values(), ids=SAMPLES)
def test_nothing_is_lost_between_json_and_models(raw: dict[str, Any]) -> None:
    """An activity read into the SDK's models and written again is the same JSON, with the fields that the SDK does not know."""
    assert _comparable(write_model(read_activity_model(raw))) == raw


@pytest.mark.parametrize("raw", SAMPLES.values(), ids=SAMPLES)
def test_models_are_what_the_sdk_reads(raw: dict[str, Any]) -> None:
    """Each field that the SDK's own reader sets has the same value."""
    theirs = Activity.model_validate(raw)
    ours = read_activity_model(raw)
    assert isinstance(ours, Activity)
    for name in theirs.model_fields_set - {"conversation", "attachments"}:
        assert getattr(ours, name) == getattr(theirs, name), name
    assert ours.conversation.id == theirs.conversation.id
    assert ours.conversation.tenant_id == TENANT
    assert [one.type for one in ours.entities or []] == [one.type for one in theirs.entities or []]


@pytest.mark.parametrize("field", ODD)
def test_a_field_of_another_type_is_kept_as_it_came(field: str) -> None:
    """A field that the SDK refuses costs none of the others, and is written again as it came."""
    raw = message("hi") | {field: ODD[field]}
    activity = read_activity_model(raw)
    assert activity.type == "message"
    assert activity.from_property.name == "Ada Example"
    assert write_model(activity)[field] == ODD[field]


def test_an_activity_of_a_kind_without_a_name() -> None:
    """Even a type that is empty, which the SDK's model cannot have, is no error."""
    assert write_model(read_activity_model(message("hi", type="")))["type"] == ""


@pytest.mark.parametrize("field", VAST)
def test_a_vast_field_is_kept_unread(field: str) -> None:
    """Thousands of entries, keys or levels, which nobody honest sends, are not made into models: the loop would wait for them."""
    raw = message("hi") | {field: VAST[field]}
    activity = read_activity_model(raw)
    assert activity.from_property.name == "Ada Example"
    assert (activity.model_extra or {})[field] == VAST[field]


@pytest.mark.parametrize("field", ODD)
async def test_what_is_refused_is_not_logged(
    open_recorder: OpenRecorder, caplog: pytest.LogCaptureFixture, field: str
) -> None:
    """The SDK's own reader logs what it refuses. Here neither its loggers nor ours say a word of what somebody sent."""
    recorder = await open_recorder(local=True)
    caplog.set_level(logging.DEBUG)
    activity = replaced(message(SECRET, type="typing"), "serviceUrl", recorder.stub.service_url)
    answer = await recorder.post(
        activity | {field: ODD[field]}, {"Host": "localhost"}, "127.0.0.1", token=None
    )
    assert answer == (200, None)
    assert SECRET not in caplog.text


def test_mentions_are_the_sdks() -> None:
    """Middleware finds mentions where the SDK has them."""
    activity = read_activity_model(channel_message("hi", mention("29:bo", "Bo")))
    assert [one.mentioned.name for one in activity.get_mentions()] == ["Bouncedesk", "Bo"]


def test_what_the_sdk_knows_by_other_names_is_written() -> None:
    """Mentions, labels and targets leave as the channel names them."""
    said = Mention(mentioned=ChannelAccount(id="29:x", name="X"), text="<at>X</at>")
    label = Entity.model_validate(
        {"type": "https://schema.org/Message", "additionalType": ["AIGeneratedContent"]}
    )
    recipient = ChannelAccount.model_validate({"id": "29:x", "isTargeted": True})
    written = write_model(
        Activity(type=ActivityTypes.message, entities=[said, label], recipient=recipient)
    )
    assert written["entities"] == [
        {"type": "mention", "mentioned": {"id": "29:x", "name": "X"}, "text": "<at>X</at>"},
        {"type": "https://schema.org/Message", "additionalType": ["AIGeneratedContent"]},
    ]
    assert written["recipient"] == {"id": "29:x", "isTargeted": True}
