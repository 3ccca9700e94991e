"""The statements of a turn, run on SQLite's own driver.

A turn runs few small statements. SQLAlchemy's way to each of them costs more than SQLite's work in it (docs/decisions/0004-store.md
has the figures), so for these it is gone once: the statement is compiled, its values are bound by the same types, and the driver runs it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, cast

from sqlalchemy import ClauseElement, ColumnElement, Connection, Dialect, Executable, Select, exc

from bot.store.unit import Rows, SqlUnit

_Convert = Callable[[Any], Any] | None


class Prepared:
    """A statement, compiled for the driver."""

    def __init__(self, statement: Executable, names: frozenset[str], dialect: Dialect) -> None:
        """Compile a statement for values of these names."""
        self.names = names
        element = cast(
            "ClauseElement", statement
        )  # every statement is one; SQLAlchemy's types do not say so
        compiled = element.compile(dialect=dialect, column_keys=sorted(names))
        self._text = str(compiled)
        constants = compiled.params
        binds = compiled.binds  # type: ignore[attr-defined]
        self._values: list[tuple[str, _Convert, Any]] = [
            (name, binds[name].type.dialect_impl(dialect).bind_processor(dialect), constants[name])
            for name in compiled.positiontup or ()  # type: ignore[attr-defined]
        ]
        columns: Iterable[ColumnElement[Any]] = (
            statement.selected_columns if isinstance(statement, Select) else ()
        )
        self._columns: tuple[_Convert, ...] = tuple(
            column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns
        )

    def run(self, driver: sqlite3.Connection, values: Mapping[str, Any]) -> Fetched:
        """Run the statement. Raises SQLAlchemy's errors, as the long way does."""
        bound = []
        for name, convert, constant in self._values:
            value = values.get(name, constant)
            bound.append(convert(value) if convert else value)
        try:
            return Fetched(driver.execute(self._text, bound), self._columns)
        except sqlite3.Error as error:
            kind = getattr(exc, type(error).__name__, exc.DBAPIError)
            raise kind(self._text, None, error, hide_parameters=True) from error


class Fetched:
    """What a statement gave: as much of SQLAlchemy's result as a unit asks for."""

    def __init__(self, cursor: sqlite3.Cursor, columns: tuple[_Convert, ...]) -> None:
        """Take the driver's cursor and how each column is read."""
        self._cursor = cursor
        self._columns = columns

    @property
    def rowcount(self) -> int:
        """How many rows were changed."""
        return self._cursor.rowcount

    @property
    def inserted_primary_key(self) -> tuple[Any, ...]:
        """The number that the new row got."""
        return (self._cursor.lastrowid,)

    def first(self) -> tuple[Any, ...] | None:
        """Return the first row, or None when there is none."""
        row = self._cursor.fetchone()
        self._cursor.close()
        return None if row is None else self._read(row)

    def scalars(self) -> Iterator[Any]:
        """Yield the first column of each row."""
        return (self._read(row)[0] for row in self._cursor)

    def _read(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(
            read(value) if read else value for read, value in zip(self._columns, row, strict=True)
        )


class PreparedUnit(SqlUnit):
    """A unit whose most used statements take the short way."""

    def __init__(
        self,
        connection: Connection,
        driver: sqlite3.Connection,
        prepared: dict[int, list[Prepared]],
    ) -> None:
        """Work on a connection and on the driver's own beneath it; `prepared` is kept from unit to unit."""
        super().__init__(connection)
        self._driver = driver
        self._prepared = prepared

    def _often(self, statement: Executable, values: Mapping[str, Any]) -> Rows:
        # By identity: the statements of the unit are made once and live as long as the process.
        for prepared in self._prepared.get(id(statement), ()):
            if prepared.names == values.keys():
                return prepared.run(self._driver, values)
        prepared = Prepared(statement, frozenset(values), self.connection.dialect)
        self._prepared.setdefault(id(statement), []).append(prepared)
        return prepared.run(self._driver, values)
