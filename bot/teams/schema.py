"""Reads JSON into the SDK's models and back, without msrest.

msrest takes 270 us for an activity each way, loses fields it does not know (`recipient.isTargeted`, an entity's `mentioned`), maps
`conversation.tenantId` to nothing and turns every local time into UTC. The models themselves are fine: their own tables say which
field is which, and what stands in no table is kept in `additional_properties`.

What is read is written again as it came: so are nulls, and values of another type than the table's, which are kept there, too. What
somebody has set since is written in their place.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import cache
from typing import Any, cast

import msgspec
from botbuilder import schema
from botbuilder.schema import Activity, ConversationAccount
from msrest.serialization import Model

Json = dict[str, Any]
_Reads = Callable[[Any], Any]
"""Returns the value that stands in a model for one from JSON. Raises _OfAnotherType."""

_MISSPELT = {(ConversationAccount, "tenant_id"): "tenantId"}
"""Fields whose name in the SDK's table is not the one that Teams uses."""

_SCALARS: Mapping[object, tuple[type, ...]] = {
    "str": (str,),
    "bool": (bool,),
    "int": (int,),
    "long": (int,),
    "float": (float, int),
}
"""What JSON has for the basic kinds of the tables."""

_YEARS = range(2, 9_999)
"""Within them a time can be told in any zone."""


class _OfAnotherType(Exception):
    """A value is not of the kind that the table names."""


class Moment(datetime):
    """A time as it came: equal to any other, and written again in the very same characters."""

    __slots__ = ("written",)
    written: str


def read_activity_model(raw: Mapping[str, Any]) -> Activity:
    """Return the SDK's model of an activity. A field of the wrong type is kept among the additional ones."""
    return _read(Activity, raw)


def write_model(model: Model) -> Json:
    """Return the JSON of any of the SDK's models, with its additional properties. Raises TypeError or ValueError for what JSON has not."""
    cls: Any = type(model)
    written: Json = {
        key: plain(value) for key, value in (model.additional_properties or {}).items()
    }
    for attribute, key, expected, writes in _keys(cls):
        value = getattr(model, attribute, None)
        if type(value) is expected:
            written[key] = value
        elif value is not None:
            written[key] = plain(value) if writes is None else writes(plain(value))
    return written


def plain(value: Any) -> Any:
    """Return a value as JSON has it: models, enums, times and bytes included. Raises TypeError for what JSON has not."""
    kind = type(value)
    if kind is str or kind is bool or kind is int or kind is float or value is None:
        return value
    if isinstance(value, Model):
        return write_model(value)
    if isinstance(value, dict):
        return {
            key if type(key) is str else str(plain(key)): plain(entry)
            for key, entry in value.items()
        }
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return _written(value)
    if isinstance(value, bytes | bytearray):
        return b64encode(value).decode()
    return msgspec.to_builtins(value)


def _written(moment: datetime) -> str:
    """Return a time as the channel takes it: as it came, else in UTC (`Z`) where it has no zone or that one, with its offset otherwise."""
    as_it_came = getattr(moment, "written", None)
    if as_it_came is not None:
        return cast("str", as_it_came)
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    offset = aware.utcoffset() or timedelta()
    if offset % timedelta(minutes=1):
        aware = aware.astimezone(UTC)  # RFC 3339 has no seconds in an offset
    text = aware.isoformat(
        timespec="microseconds" if aware.microsecond % 1_000 else "milliseconds"
    )
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text


def _read(cls: Any, raw: Mapping[str, Any]) -> Any:
    model = cls()
    fields = _fields(cls)
    additional = model.additional_properties
    for key, value in raw.items():
        field = fields.get(key)
        if field is None or value is None:
            additional[key] = value
            continue
        attribute, reads = field
        try:
            setattr(model, attribute, reads(value))
        except _OfAnotherType:
            additional[key] = value
    return model


@cache
def _keys(cls: Any) -> tuple[tuple[str, str, type | None, Callable[[Any], Any] | None], ...]:
    """Return, for each field of a class, its attribute, its JSON key, the type its value has as a rule, and what makes others fit."""
    keys = [
        (
            attribute,
            _key(cls, attribute),
            _SCALARS.get(entry["type"], (None,))[0],
            _writer(entry["type"]),
        )
        for attribute, entry in cls._attribute_map.items()
    ]
    # One class names a key twice; the first of them that has a value is meant, so it is written last.
    twice = len({key for _, key, *_ in keys}) < len(keys)
    return tuple(reversed(keys) if twice else keys)


def _writer(name: object) -> Callable[[Any], Any] | None:
    """Return what makes a value fit a field of a basic kind, or of a list of them: the channel would refuse `text=7`."""
    if name in _SCALARS:
        kinds = _SCALARS[name]
        return lambda value: value if type(value) in kinds else kinds[0](value)
    entry = _writer(name[1:-1]) if isinstance(name, str) and name.startswith("[") else None
    if entry is None:
        return None
    return lambda value: [None if one is None else entry(one) for one in value]


def _key(cls: Any, attribute: str) -> str:
    return _MISSPELT.get((cls, attribute)) or cast("str", cls._attribute_map[attribute]["key"])


@cache
def _fields(cls: Any) -> Mapping[str, tuple[str, _Reads]]:
    """Return, for each JSON key of a class, the attribute and what reads its value."""
    return {
        _key(cls, attribute): (attribute, _reader(entry["type"]))
        for attribute, entry in cls._attribute_map.items()
    }


@cache
def _reader(name: str) -> _Reads:
    """Return what reads a value of a kind that the SDK's tables name: `str`, `[Attachment]`, `{Entity}`, `iso-8601`, `object`."""
    if name == "object":
        return _anything
    if name == "iso-8601":
        return _time
    if name in _SCALARS:
        return _scalar(_SCALARS[name])
    if name.startswith("["):
        return _list_of(_reader(name[1:-1]))
    if name.startswith("{"):
        return _dict_of(_reader(name[1:-1]))
    return _model(getattr(schema, name))


def _anything(value: Any) -> Any:
    return value


def _time(value: Any) -> Moment:
    if not isinstance(value, str):
        raise _OfAnotherType
    try:
        moment = Moment.fromisoformat(value.upper())
    except ValueError as error:
        raise _OfAnotherType from error
    if moment.year not in _YEARS:
        raise _OfAnotherType
    moment.written = value
    return moment


def _scalar(kinds: tuple[type, ...]) -> _Reads:
    def reads(value: Any) -> Any:
        if type(value) not in kinds:  # True is an int to isinstance, and no number in JSON
            raise _OfAnotherType
        return value

    return reads


def _model(cls: type[Model]) -> _Reads:
    def reads(value: Any) -> Any:
        if not isinstance(value, dict):
            raise _OfAnotherType
        return _read(cls, value)

    return reads


def _list_of(entry: _Reads) -> _Reads:
    """Return what reads a list. One with an entry of another type is not read at all: its readers trust every entry."""

    def reads(value: Any) -> Any:
        if not isinstance(value, list):
            raise _OfAnotherType
        return [None if one is None else entry(one) for one in value]

    return reads


def _dict_of(entry: _Reads) -> _Reads:
    def reads(value: Any) -> Any:
        if not isinstance(value, dict):
            raise _OfAnotherType
        return {key: None if one is None else entry(one) for key, one in value.items()}

    return reads
