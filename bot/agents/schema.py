"""Reads JSON into the models of the Microsoft 365 Agents SDK and back, and refuses nothing.

Its `Activity` is a pydantic model: one field of another type is an error, which becomes a 500 in its own adapter, and what somebody wrote
into that field stands in the log. It drops what it does not know of a conversation, of an attachment and of the activity itself. Here a
field that it cannot read is one that it does not know, and what it does not know is kept, to be written as it came.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, cast

import pydantic
from microsoft_agents.activity import Activity, Attachment, ChannelAccount, ConversationAccount
from microsoft_agents.activity.agents_model import AgentsModel

Json = dict[str, Any]

_OPEN = pydantic.ConfigDict(extra="allow")
_UNREADABLE = (pydantic.ValidationError, TypeError)
"""What the models raise: for a channel of blanks it is a TypeError."""
_PARTS = 2_000
"""Entries and keys of a field that are read: one of more is kept as it came. The models take up to 6 µs for each, and the loop waits."""


class _Conversation(ConversationAccount):
    """A conversation, with all its fields."""

    model_config = _OPEN


class _Attachment(Attachment):
    """An attachment, with all its fields."""

    model_config = _OPEN


class _Received(Activity):
    """An activity, with all its fields.

    Two of the SDK's own steps are replaced, by their names: they are about the sub-channels of Copilot, which are not served here. The
    first logs what it refuses, and the second stumbles over entities that are none.
    """

    model_config = _OPEN

    conversation: _Conversation | None = None  # type: ignore[assignment]
    attachments: list[_Attachment] | None = None  # type: ignore[assignment]

    @pydantic.model_validator(mode="wrap")
    @classmethod
    def _validate_channel_id(
        cls, data: object, handler: pydantic.ModelWrapValidatorHandler[Self]
    ) -> Self:
        return handler(data)

    @pydantic.model_serializer(mode="wrap")
    def _serialize_sub_channel_data(
        self, handler: pydantic.SerializerFunctionWrapHandler
    ) -> dict[str, object]:
        return cast("dict[str, object]", handler(self))


_FIELDS = frozenset(
    field.alias or name for name, field in _Received.model_fields.items() if name != "request_id"
)
_FREE = frozenset({"value", "channelData"})
"""Fields whose values are taken as they are, however large."""


def read_activity_model(raw: Mapping[str, Any]) -> Activity:
    """Return the SDK's model of an activity. A field that the SDK cannot read is kept among those that it does not know."""
    odd = {key: value for key, value in raw.items() if _is_vast(key, value)}
    sound = {key: value for key, value in raw.items() if key not in odd} if odd else dict(raw)
    try:
        activity = _Received.model_validate(sound)
    except _UNREADABLE:
        odd |= {key: value for key, value in sound.items() if _is_odd(key, value)}
        sound = {key: value for key, value in sound.items() if key not in odd}
        activity = _Received.model_validate({"type": "unknown"} | sound)
    if odd:
        cast("Json", activity.model_extra).update(odd)
    if activity.recipient is None:
        # Without one the SDK cannot say whom an answer is from, and raises.
        activity.recipient = ChannelAccount()
    return activity


def _is_vast(key: str, value: object) -> bool:
    if not isinstance(value, list | dict) or key in _FREE or key not in _FIELDS:
        return False
    left, ahead = _PARTS, [value]
    while ahead and left >= 0:
        inner = ahead.pop()
        left -= len(inner)
        entries = inner.values() if isinstance(inner, dict) else inner
        ahead += [entry for entry in entries if isinstance(entry, list | dict)]
    return left < 0


def _is_odd(key: str, value: object) -> bool:
    if key not in _FIELDS:
        return False
    try:
        _Received.model_validate({"type": "unknown", key: value})
    except _UNREADABLE:
        return True
    return False


def write_model(model: AgentsModel) -> Json:
    """Return the JSON of any of the SDK's models, with the fields that the SDK does not know."""
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)
