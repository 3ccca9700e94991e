"""Our reader and writer of the SDK's models against the SDK's own (msrest), over generated activities and over such as Teams sends.

Whatever msrest keeps, we keep as the same value. We differ in what msrest loses, changes or refuses, and in nothing else:

- reading: nulls and values of another type are kept as they came; `conversation.tenantId` is the conversation's tenant;
- writing: unknown fields (labels, citations, mentions, `isTargeted`), nulls, the offset of a time, enums and tuples in free values.

Each of these has a test of its own below.
"""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from typing import Any

import pytest
from azure.core.exceptions import DeserializationError, SerializationError
from botbuilder import schema
from botbuilder.schema import (
    Activity,
    ActivityTypes,
    Attachment,
    CardAction,
    ChannelAccount,
    ConversationAccount,
    Entity,
    HeroCard,
    Mention,
    TokenExchangeState,
    teams,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from msrest.serialization import Model

from bot.teams.schema import plain, read_activity_model, write_model
from tests.edge.far_side import (
    ADA,
    BO,
    BOT,
    TENANT,
    channel_message,
    execute,
    html_message,
    installed,
    members_added,
    mention,
    message,
    press_data,
    query,
    search,
    submit,
    uploaded,
)

Json = dict[str, Any]

# ------------------------------------------------------------------------------------------------ activities of every kind

_REFERENCE = {
    "activityId": "1700000000000",
    "user": {"id": ADA, "name": "Ada Example", "role": "user"},
    "bot": {"id": BOT, "name": "Bouncedesk", "role": "bot"},
    "conversation": {"id": "a:chat", "isGroup": False, "conversationType": "personal"},
    "channelId": "msteams",
    "locale": "nb-NO",
    "serviceUrl": "https://smba.trafficmanager.net/emea/",
}
_CARD = {"title": "T", "images": [{"url": "https://example.com/a.png"}], "buttons": []}

RECORDED: dict[str, Json] = {
    "typed": message("hi"),
    "with HTML": html_message("hi", "<p>hi</p>"),
    "in a channel": channel_message("<at>Bouncedesk</at> hi <at>Bo</at>", mention(BO, "Bo")),
    "with a file": uploaded(),
    "submit": submit(press_data()),
    "execute": execute(press_data()),
    "search": search(query("x")),
    "installed": installed(),
    "members": members_added(BOT, ADA),
    "reactions": message(
        None,
        type="messageReaction",
        reactionsAdded=[{"type": "like"}, {"type": "1f440_eyes"}],
        reactionsRemoved=[{"type": "sad"}],
    ),
    "edited": message("b", type="messageUpdate", channelData={"eventType": "editMessage"}),
    "deleted": message(None, type="messageDelete", channelData={"eventType": "softDeleteMessage"}),
    "handoff": message(None, type="handoff", name="handoff.status", relatesTo=_REFERENCE),
    "event": message(
        None, type="event", name="application/vnd.microsoft.meetingStart", value={"Id": "m"}
    ),
    "read receipt": message(
        None, type="event", name="application/vnd.microsoft.readReceipt", value=[]
    ),
    "end": message(None, type="endOfConversation", code="completedSuccessfully"),
    "trace": message(None, type="trace", name="n", label="l", valueType="v", value=[1, {"a": 1}]),
    "suggestion": message(
        "s",
        type="suggestion",
        textHighlights=[{"text": "550", "occurrence": 1}],
        suggestedActions={
            "to": [ADA],
            "actions": [{"type": "imBack", "title": "A", "value": {"b": 1}, "channelData": {}}],
        },
    ),
    "understood": message(
        "book",
        semanticAction={"id": "x", "state": "start", "entities": {"day": {"type": "date"}}},
        listenFor=["book", "cancel"],
        expiration="2026-11-23T12:00:00Z",
        importance="high",
        inputHint="expectingInput",
        speak="book",
        summary="s",
        callerId="urn:botframework:azure",
        deliveryMode="normal",
        attachmentLayout="carousel",
        topicName="t",
        historyDisclosed=True,
    ),
    "cards": message(
        None,
        attachments=[
            {"contentType": f"application/vnd.microsoft.card.{kind}", "content": _CARD}
            for kind in ("hero", "thumbnail", "receipt", "signin", "oauth", "video", "audio")
        ],
    ),
    "token": message(
        None,
        type="event",
        name="tokens/response",
        value={"connectionName": "c", "token": "t", "expiration": "2026-11-23T12:00:00Z"},
    ),
}

_TYPES = [kind.value for kind in ActivityTypes]

# -------------------------------------------------------------------------------------------------------- what is generated

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e9, 1e9) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=6,
)
_ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
_TIMES = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=_ZONES)  # noqa: DTZ001 - in each of the zones

_CLASSES: dict[str, Any] = {
    cls.__name__: cls
    for module in (schema, teams)
    for cls in vars(module).values()
    if isinstance(cls, type) and issubclass(cls, Model)
}
_BROKEN = {
    "MeetingNotificationResponse",
    "MeetingParticipantsEventDetails",
    "MessagingExtensionResponse",
    "TaskModuleCardResponse",
}
"""Classes that the SDK itself cannot make or write: their constructors or tables name what is not there."""
_CARDS = [
    HeroCard,
    Mention,
    CardAction,
    schema.ReceiptCard,
    schema.OAuthCard,
    schema.TokenResponse,
]


def keys_of(cls: Any) -> set[str]:
    """Return the JSON keys that the SDK knows for a class."""
    return {entry["key"] for entry in cls._attribute_map.values()}


def attribute_of(cls: Any, key: str) -> str:
    """Return the attribute that the SDK keeps a JSON key in."""
    (found,) = (name for name, entry in cls._attribute_map.items() if entry["key"] == key)
    return str(found)


@cache
def raw_of(name: object, depth: int) -> st.SearchStrategy[Any]:
    """Return JSON of a kind as the SDK's tables name it."""
    scalars: dict[object, st.SearchStrategy[Any]] = {
        "str": _TEXT,
        "bool": st.booleans(),
        "int": st.integers(-(2**31), 2**31),
        "long": st.integers(-(2**53), 2**53),
        "float": st.floats(-1e9, 1e9),
        "object": _JSON.filter(lambda value: value is not None),
        "iso-8601": _TIMES.map(datetime.isoformat),
    }
    if name in scalars:
        return scalars[name]
    assert isinstance(name, str)
    if name.startswith("["):
        return st.lists(raw_of(name[1:-1], depth), max_size=2)
    if name.startswith("{"):
        return st.dictionaries(_TEXT, raw_of(name[1:-1], depth), max_size=2)
    return raw_model(_CLASSES[name], depth - 1)


@cache
def raw_model(cls: type[Any], depth: int = 3) -> st.SearchStrategy[Json]:
    """Return the JSON of a class: any of its fields, of the right kind, and some that it does not know."""
    fields = {
        entry["key"]: raw_of(entry["type"], depth)
        for entry in cls._attribute_map.values()
        if depth or str(entry["type"]).strip("[]{}") not in _CLASSES
    }
    known = st.fixed_dictionaries({}, optional=fields)
    unknown = st.dictionaries(_TEXT.map("x-{}".format), _JSON, max_size=2)
    return st.tuples(known, unknown).map(lambda both: both[0] | both[1])


@cache
def value_of(name: object, depth: int) -> st.SearchStrategy[Any]:
    """Return what a program sets an attribute to."""
    if name == "object" and depth:
        cards = st.sampled_from(_CARDS).flatmap(lambda cls: model_of(cls, depth - 1))
        return _JSON | cards | st.lists(cards, max_size=2) | st.dictionaries(_TEXT, cards)
    if name == "str":
        return _TEXT | st.sampled_from(ActivityTypes) | st.integers() | st.booleans()
    if name in ("int", "long"):
        return st.integers(-9, 9) | st.integers(0, 9).map(str) | st.booleans()
    if name == "bytearray":
        return st.binary(max_size=8).map(bytearray)
    if name == "iso-8601":
        return _TIMES.map(lambda moment: moment.astimezone(UTC))
    if not isinstance(name, str):
        return model_of(name, depth - 1)
    if name.startswith("["):
        return st.lists(st.none() | value_of(name[1:-1], depth), max_size=2)
    if name.startswith("{"):
        return st.dictionaries(_TEXT, value_of(name[1:-1], depth), max_size=2)
    if name in _CLASSES:
        return model_of(_CLASSES[name], depth - 1)
    return raw_of(name, depth)


@st.composite
def model_of(draw: st.DrawFn, cls: Any, depth: int = 2) -> Any:
    """Return a model as a program fills it in."""
    model = cls()
    for attribute, entry in cls._attribute_map.items():
        name = entry["type"]
        is_model = not isinstance(name, str) or name.strip("[]{}") in _CLASSES
        if (depth or not is_model) and draw(st.booleans()):
            setattr(model, attribute, draw(value_of(name, depth)))
    return model


# ------------------------------------------------------------------------------------------------------------- differential


def same_model(ours: Any, theirs: Any) -> bool:
    """Tell whether two models are the same but for what msrest does not read: nulls, and a conversation's tenant."""
    if isinstance(theirs, Model):
        if type(ours) is not type(theirs):
            return False
        left, right = dict(vars(ours)), dict(vars(theirs))
        extra = left.pop("additional_properties")
        known = keys_of(type(theirs))
        kept = right.pop("additional_properties")
        if isinstance(theirs, ConversationAccount):
            # `tenantID` is the SDK's own misspelling; the real field is unknown to it.
            assert left.pop("tenant_id") == kept.pop("tenantId", None)
            assert right.pop("tenant_id") == extra.pop("tenantID", None)
        nulls = {key for key in extra if key in known and extra[key] is None}
        return {key: extra[key] for key in extra if key not in nulls} == kept and all(
            same_model(left[name], right[name]) for name in right
        )
    if isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same_model, ours, theirs))
    if isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(
            same_model(ours[key], theirs[key]) for key in theirs
        )
    if isinstance(theirs, datetime):
        return bool(ours == theirs and ours.utcoffset() == theirs.utcoffset())
    return type(ours) is type(theirs) and bool(ours == theirs)


def as_msrest(written: Any) -> Any:
    """Return what we wrote with times cut as msrest cuts them, and its misspelling."""
    if isinstance(written, dict):
        return {
            {"tenantId": "tenantID"}.get(key, key): (
                value[:-1].rstrip("0")
                if key in ("timestamp", "localTimestamp", "expiration") and value
                else as_msrest(value)
            )
            for key, value in written.items()
        }
    return [as_msrest(entry) for entry in written] if isinstance(written, list) else written


@pytest.mark.parametrize("raw", RECORDED.values(), ids=RECORDED)
def test_recorded_activities_are_read_as_the_sdk_reads_them(raw: Json) -> None:
    """Attribute for attribute, down to the last entry of a list, what Teams sends becomes the models that msrest makes of it."""
    assert same_model(read_activity_model(raw), Activity().deserialize(deepcopy(raw)))


@pytest.mark.parametrize("kind", _TYPES)
@settings(max_examples=25)
@given(data=st.data())
def test_generated_activities_are_read_as_the_sdk_reads_them(
    kind: str, data: st.DataObject
) -> None:
    """The same holds for activities of every type with any fields of the right kinds and any unknown ones."""
    raw = data.draw(raw_model(Activity)) | {"type": kind}
    assert same_model(read_activity_model(raw), Activity().deserialize(deepcopy(raw)))


@pytest.mark.parametrize("name", sorted(_CLASSES.keys() - _BROKEN))
@settings(max_examples=12)
@given(data=st.data())
def test_models_are_written_as_the_sdk_writes_them(name: str, data: st.DataObject) -> None:
    """Every class of the SDK, filled in as a program fills it in, with models, numbers and enums in it, is written as msrest writes it."""
    model = data.draw(model_of(_CLASSES[name]))
    assert as_msrest(write_model(model)) == as_msrest(model.serialize())


# ---------------------------------------------------------------------------------------------------------------- round trip


def _exact(value: object) -> str:
    return json.dumps(value, sort_keys=True)


@pytest.mark.parametrize("raw", RECORDED.values(), ids=RECORDED)
def test_recorded_activities_come_back_as_they_were(raw: Json) -> None:
    """Read and written again, an activity is the same JSON, to the last digit of its times."""
    assert _exact(write_model(read_activity_model(raw))) == _exact(raw)


_NAMES = st.sampled_from(
    [
        *sorted(keys_of(Activity)),
        "tenantId",
        "mentioned",
        "additional_properties",
        "__class__",
        "id",
        "type",
        "",
    ]
)
_ANY = st.dictionaries(
    _NAMES | _TEXT,
    st.recursive(
        _JSON | _TIMES.map(datetime.isoformat),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(_NAMES | _TEXT, inner, max_size=4)
        ),
        max_leaves=12,
    ),
)


@given(_ANY)
def test_any_object_comes_back_as_it_was(raw: Json) -> None:
    """Whatever JSON object an activity is, with whatever in its fields: nothing is lost, added or changed."""
    assert _exact(write_model(read_activity_model(raw))) == _exact(raw)


# --------------------------------------------------------------------------------------------------- where we mean to differ


def test_reading_keeps_nulls() -> None:
    """A field that is null is no value to a program, and is written as null again; msrest forgets it."""
    raw = {"type": "message", "text": None, "value": None, "from": {"id": ADA, "name": None}}
    model = read_activity_model(raw)
    assert (model.text, model.from_property.name) == (None, None)
    assert write_model(model) == raw
    assert Activity().deserialize(deepcopy(raw)).serialize() == {
        "type": "message",
        "from": {"id": ADA},
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("text", 7),
        ("text", {"a": 1}),
        ("historyDisclosed", "true"),
        ("historyDisclosed", 1),
        ("listenFor", [1, True]),
        ("entities", [{"type": "a"}, 7]),
        ("attachments", {"contentType": "x"}),
        ("conversation", "a:chat"),
        ("timestamp", "yesterday"),
        ("timestamp", 1_700_000_000),
        ("timestamp", "0001-01-01T00:00:00+14:00"),
        ("timestamp", "9999-12-31T23:59:59-14:00"),
    ],
)
def test_reading_keeps_what_is_of_another_type(field: str, value: object) -> None:
    """A value that the table does not expect reaches no program as that field, and is written as it came; msrest changes or refuses it."""
    raw = {"type": "message", field: value}
    model = read_activity_model(raw)
    assert getattr(model, attribute_of(Activity, field)) is None
    assert _exact(write_model(model)) == _exact(raw)
    try:
        theirs = Activity().deserialize(deepcopy(raw)).serialize()
    except (DeserializationError, AttributeError):
        return
    assert _exact(theirs) != _exact(raw)


def test_reading_keeps_what_is_of_another_type_inside() -> None:
    """The same holds for the fields of what stands in a field: the rest of it is read."""
    raw = {
        "textHighlights": [{"text": "550", "occurrence": True}],
        "semanticAction": {"id": "x", "entities": {"day": "Monday"}},
        "from": {"id": 7, "name": "Ada"},
    }
    model = read_activity_model(raw)
    assert (model.text_highlights[0].text, model.text_highlights[0].occurrence) == ("550", None)
    assert (model.semantic_action.id, model.semantic_action.entities) == ("x", None)
    assert (model.from_property.id, model.from_property.name) == (None, "Ada")
    assert _exact(write_model(model)) == _exact(raw)


def test_reading_finds_the_tenant_of_a_conversation() -> None:
    """Teams writes `tenantId`, the SDK's table says `tenantID`."""
    raw = {"conversation": {"id": "a:chat", "tenantId": TENANT}}
    assert read_activity_model(raw).conversation.tenant_id == TENANT
    assert Activity().deserialize(deepcopy(raw)).conversation.tenant_id is None
    assert write_model(ConversationAccount(tenant_id=TENANT)) == {"tenantId": TENANT}


def test_writing_keeps_unknown_fields_at_every_depth() -> None:
    """What a program or Teams puts beside the known fields is written; msrest drops it all."""
    raw = {
        "entities": [{"type": "clientInfo", "platform": "Windows"}],
        "from": {"id": ADA, "userPrincipalName": "ada@contoso.com"},
        "tomorrow": {"a": [None]},
    }
    assert write_model(read_activity_model(raw)) == raw
    assert Activity().deserialize(deepcopy(raw)).serialize() == {
        "entities": [{"type": "clientInfo"}],
        "from": {"id": ADA},
    }


def test_writing_keeps_mentions() -> None:
    """A mention among the entities says whom it mentions, both as a model and as it was read."""
    who = Mention(type="mention", mentioned=ChannelAccount(id=BO, name="Bo"), text="<at>Bo</at>")
    raw = {"entities": [mention(BO, "Bo")]}
    assert write_model(Activity(entities=[who])) == raw
    assert write_model(read_activity_model(raw)) == raw
    assert Activity().deserialize(deepcopy(raw)).serialize() == {"entities": [{"type": "mention"}]}


def test_writing_keeps_labels_and_citations() -> None:
    """The root message entity keeps its AI label and its citations, models in them included."""
    label = Entity(type="https://schema.org/Message")
    label.additional_properties |= {
        "additionalType": ["AIGeneratedContent"],
        "citation": [{"position": 1, "appearance": Attachment(name="A page")}],
    }
    assert write_model(Activity(entities=[label]))["entities"] == [
        {
            "type": "https://schema.org/Message",
            "additionalType": ["AIGeneratedContent"],
            "citation": [{"position": 1, "appearance": {"name": "A page"}}],
        }
    ]
    assert Activity(entities=[label]).serialize()["entities"] == [
        {"type": "https://schema.org/Message"}
    ]


def test_writing_keeps_targets() -> None:
    """A message for one person's eyes keeps saying so: without it, everybody would see it."""
    recipient = ChannelAccount(id=ADA)
    recipient.additional_properties["isTargeted"] = True
    assert write_model(Activity(recipient=recipient))["recipient"] == {
        "id": ADA,
        "isTargeted": True,
    }
    assert Activity(recipient=recipient).serialize()["recipient"] == {"id": ADA}


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        (datetime(2026, 11, 23, 10, tzinfo=UTC), "2026-11-23T10:00:00.000Z"),
        (datetime(2026, 11, 23, 10, 0, 0, 5, tzinfo=UTC), "2026-11-23T10:00:00.000005Z"),
        (datetime(2026, 11, 23, 10), "2026-11-23T10:00:00.000Z"),  # noqa: DTZ001 - msrest takes it for UTC
        (
            datetime(2026, 11, 23, 10, 0, 0, 120_000, tzinfo=timezone(timedelta(hours=1))),
            "2026-11-23T10:00:00.120+01:00",
        ),
        (
            datetime(2026, 11, 23, 10, tzinfo=timezone(timedelta(hours=1, seconds=30))),
            "2026-11-23T08:59:30.000Z",
        ),
    ],
)
def test_writing_keeps_the_offset_of_a_time(moment: datetime, written: str) -> None:
    """A time is written as RFC 3339: in UTC with `Z` as the channel writes it, or with its own offset, which msrest turns into UTC."""
    ours = write_model(Activity(local_timestamp=moment))["localTimestamp"]
    theirs = Activity(local_timestamp=moment).serialize()["localTimestamp"]
    assert ours == written
    assert datetime.fromisoformat(ours) == datetime.fromisoformat(theirs)


@pytest.mark.parametrize(
    "written",
    [
        "2026-11-23T10:00:00Z",
        "2026-11-23T10:00:00.1234567Z",
        "2026-11-23t10:00:00.5z",
        "2026-11-23T11:00:00.123+01:00",
        "2026-11-23T11:00:00+0100",
        "2026-11-23T10:00:00",
    ],
)
def test_a_time_that_was_read_is_written_in_its_own_characters(written: str) -> None:
    """Digits and spelling of a time come back as they were, unless somebody calculates with it or sets another."""
    model = read_activity_model({"timestamp": written})
    assert model.timestamp == Activity().deserialize({"timestamp": written}).timestamp
    assert write_model(model) == {"timestamp": written}
    model.timestamp += timedelta(days=1)
    assert write_model(model)["timestamp"].startswith("2026-11-24T1")


def test_writing_knows_enums_and_tuples_in_free_values() -> None:
    """In a value of any kind an enum is more than msrest can write, and a tuple is text to it."""
    enum, pair = Activity(value={"do": schema.ActionTypes.im_back}), Activity(value={"at": (1, 2)})
    assert write_model(enum) == {"value": {"do": "imBack"}}
    assert write_model(pair) == {"value": {"at": [1, 2]}}
    assert pair.serialize() == {"value": {"at": "(1, 2)"}}
    with pytest.raises(SerializationError):
        enum.serialize()


def test_what_is_set_takes_the_place_of_what_was_read() -> None:
    """A null or a value of another type that was kept gives way to what a program sets."""
    model = read_activity_model({"text": None, "speak": 7, "attachments": "none"})
    model.text, model.speak, model.attachments = "a", "b", [Attachment(name="c")]
    assert write_model(model) == {"text": "a", "speak": "b", "attachments": [{"name": "c"}]}


def test_a_key_that_a_class_names_twice_is_written_once() -> None:
    """The SDK's table gives `bot_url` the key of `connection_name`; the first that is set is meant, as with msrest."""
    state = TokenExchangeState(connection_name="c", bot_url="https://example.com/")
    assert write_model(state) == state.serialize() == {"connectionName": "c"}


def test_what_json_has_not_is_an_error_of_the_program() -> None:
    """An object of no kind that JSON knows is refused when it is written, not sent as its `repr`."""
    with pytest.raises(TypeError):
        plain({"a": object()})
