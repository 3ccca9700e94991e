"""What a database's errors mean to us. Their texts can quote values that people wrote, so only safe parts are kept."""

from __future__ import annotations

import msgspec
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    ProgrammingError,
    SQLAlchemyError,
)

from bot.model.errors import StoreConflict, StoreError, StoreUnavailable

_LOST_A_RACE = frozenset({"40001", "40P01"})
"""PostgreSQL's states for a serialization failure and a deadlock: whoever tries again will get through."""


def translated(error: BaseException) -> BaseException:
    """Return the error of ours that a database's error means, chained to it; other errors are returned as they are."""
    ours = _translation(error)
    if ours is None:
        return error
    ours.__cause__ = error
    return ours


def _translation(error: BaseException) -> StoreError | None:
    match error:
        case IntegrityError():
            return StoreConflict("The row is there already.")
        case DBAPIError(orig=orig) if getattr(orig, "sqlstate", None) in _LOST_A_RACE:
            return StoreConflict("The database gave way to another transaction.")
        case DataError() | ProgrammingError():
            return StoreError(type(error.orig).__name__)
        case DBAPIError():
            return StoreUnavailable(f"{type(error.orig).__name__}: {_first_line(error.orig)}")
        case SQLAlchemyError():
            return StoreUnavailable(type(error).__name__)
        case msgspec.DecodeError():
            return StoreUnavailable("A stored value is not what this version writes.")
        case _:
            return None


def _first_line(error: BaseException | None) -> str:
    return str(error).strip().partition("\n")[0]
