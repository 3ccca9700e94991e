"""Finds the row of `codes.yaml` that names a code: by exact code or range, told apart by marker, then by SMTP reply."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from bot.model.ids import CodeRowId
from bot.model.library import CodeRow
from bot.model.phrases import Folded, Found, Phrasebook

_CODE = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})$")


class CodeRange(msgspec.Struct, frozen=True):
    """The codes of one row, ends included."""

    low: tuple[int, int, int]
    high: tuple[int, int, int]

    @property
    def width(self) -> int:
        """Return how many codes it spans: the narrowest range that fits names a code best."""
        return (
            (self.high[0] - self.low[0]) * 10**6
            + (self.high[1] - self.low[1]) * 10**3
            + self.high[2]
            - self.low[2]
        )


def parse_code(code: str) -> tuple[int, int, int] | None:
    """Return the three numbers of an enhanced status code, or None where it is none."""
    found = _CODE.match(code.strip())
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def parse_range(code: str) -> CodeRange | None:
    """Return the range of `5.2.2`, `5.7.900-999` or `5.4.6-5.4.20`; None where it is neither."""
    first, dash, last = code.partition("-")
    low = parse_code(first)
    if low is None:
        return None
    if not dash:
        return CodeRange(low, low)
    high = parse_code(last) or ((low[0], low[1], int(last)) if last.strip().isdigit() else None)
    return CodeRange(low, high) if high and low <= high else None


class RowMatch(msgspec.Struct, frozen=True):
    """A row, with the markers of it that the text has."""

    row: CodeRow
    markers: tuple[Found[CodeRowId], ...]


class Codebook:
    """The rows of `codes.yaml`, indexed by code and by marker."""

    def __init__(self, rows: Iterable[CodeRow]) -> None:
        """Index the rows in the order of the file."""
        self._rows = {row.id: row for row in rows}
        self._order = {row_id: place for place, row_id in enumerate(self._rows)}
        self._widths: dict[CodeRowId, int] = {}
        self._ranges: dict[tuple[int, int], list[tuple[CodeRange, CodeRowId]]] = {}
        for row in self._rows.values():
            codes = parse_range(row.code) if row.code else None
            if codes:
                self._widths[row.id] = codes.width
                for subject in range(codes.low[1], min(codes.high[1], codes.low[1] + 100) + 1):
                    self._ranges.setdefault((codes.low[0], subject), []).append((codes, row.id))
        self._markers: Phrasebook[CodeRowId] = Phrasebook(
            (marker, row.id) for row in self._rows.values() for marker in row.markers
        )

    def markers_in(self, folded: Folded) -> dict[CodeRowId, list[Found[CodeRowId]]]:
        """Return the rows whose markers a text has, each with the markers found."""
        found: dict[CodeRowId, list[Found[CodeRowId]]] = {}
        for hit in self._markers.find(folded):
            found.setdefault(hit.value, []).append(hit)
        return found

    def row_of(
        self,
        code: str | None,
        smtp_reply: str | None,
        markers: dict[CodeRowId, list[Found[CodeRowId]]],
    ) -> RowMatch | None:
        """Return the row that names a code best, or for no code the one whose markers speak."""
        if code is None:
            rows = [self._rows[row_id] for row_id in markers]
            rows = [row for row in rows if row.code is None] or rows
        else:
            rows = self._rows_of(code)
        if not rows:
            return None
        if len(rows) == 1:
            return RowMatch(rows[0], tuple(markers.get(rows[0].id, ())))

        def rank(row: CodeRow) -> tuple[int, int, int, int, int]:
            said = sum(len(hit.phrase) for hit in markers.get(row.id, ()))
            # A row that has markers, none of which is there, is about another case of the same code.
            silent = 1 if row.markers and not said else 0
            reply = 0 if smtp_reply and row.smtp_reply == smtp_reply else 1
            return (self._widths.get(row.id, 0), -said, reply, silent, self._order[row.id])

        best = min(rows, key=rank)
        return RowMatch(best, tuple(markers.get(best.id, ())))

    def _rows_of(self, code: str) -> list[CodeRow]:
        numbers = parse_code(code)
        if numbers is None:
            return []
        fitting = self._ranges.get(numbers[:2], [])
        return [
            self._rows[row_id] for codes, row_id in fitting if codes.low <= numbers <= codes.high
        ]
