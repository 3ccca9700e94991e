"""Reads JSON into the SDK's models and back, without msrest.

msrest takes 270 us for an activity each way, loses fields it does not know (`recipient.isTargeted`, an entity's `mentioned`), maps
`conversation.tenantId` to nothing and turns every local time into UTC. The models themselves are fine: their own tables say which
field is which, and what stands in no table is kept in `additional_properties`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any, cast

from botbuilder import schema
from botbuilder.schema import Activity, ConversationAccount
from msrest.serialization import Model

Json = dict[str, Any]

_MISSPELT = {(ConversationAccount, "tenant_id"): "tenantId"}
"""Fields whose name in the SDK's table is not the one that Teams uses."""

_NAMES: Mapping[str, type] = {"str": str, "bool": bool}


def read_activity_model(raw: Mapping[str, Any]) -> Activity:
    """Return the SDK's model of an activity. A field of the wrong type is kept among the additional ones."""
    return _read(Activity, raw)


def write_model(model: Model) -> Json:
    """Return the JSON of any of the SDK's models, with its additional properties."""
    written: Json = dict(model.additional_properties or {})
    cls: Any = type(model)
    for attribute, key in _keys(cls):
        value = getattr(model, attribute)
        if value is not None:
            written[key] = plain(value)
    return written


def plain(value: Any) -> Any:
    """Return a value as JSON has it: models, enums and times included."""
    if isinstance(value, Model):
        return write_model(value)
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, Enum):
        return value.value
    return value.isoformat() if isinstance(value, datetime) else value


def _read(cls: Any, raw: Mapping[str, Any]) -> Any:
    model = cls()
    fields = _fields(cls)
    for key, value in raw.items():
        field = fields.get(key)
        if field is None or not _assign(model, *field, value):
            model.additional_properties[key] = value
    return model


def _assign(model: Any, attribute: str, kind: str, cls: type[Any] | None, value: Any) -> bool:
    """Set one attribute; return whether the value was of the kind that the table names."""
    if value is None:
        return True
    if kind == "object":
        read = value
    elif kind == "time":
        read = _time(value)
    elif kind == "list":
        if not isinstance(value, list):
            return False
        read = [_read(cls, entry) if cls and isinstance(entry, dict) else entry for entry in value]
    elif cls is not None and issubclass(cls, Model):
        read = _read(cls, value) if isinstance(value, dict) else None
    else:
        read = value if cls is None or isinstance(value, cls) else None
    if read is None:
        return False
    setattr(model, attribute, read)
    return True


def _time(value: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


@cache
def _keys(cls: Any) -> tuple[tuple[str, str], ...]:
    return tuple(
        (attribute, _MISSPELT.get((cls, attribute), entry["key"]))
        for attribute, entry in cls._attribute_map.items()
    )


@cache
def _fields(cls: Any) -> Mapping[str, tuple[str, str, type[Any] | None]]:
    """Return, for each JSON key, the attribute, the kind of its value, and the class of that value or of a list's entries."""
    fields: dict[str, tuple[str, str, type[Any] | None]] = {}
    for attribute, key in _keys(cls):
        name = cast("str", cls._attribute_map[attribute]["type"])
        kind = {"object": "object", "iso-8601": "time"}.get(name, "value")
        if name.startswith("["):
            kind, name = "list", name.strip("[]")
        fields[key] = attribute, kind, _NAMES.get(name) or getattr(schema, name, None)
    return fields
