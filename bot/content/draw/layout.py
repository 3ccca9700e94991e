"""Where boxes stand: in columns from left to right, one page of the proportions of A3.

Answers stand inside their box, each with a way out on the right. A line is drawn only to a box in the next column: it
then crosses no other box, and its words cannot be covered. Every other answer names the number of the box it leads to, as
printed flow charts do with connectors.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from bot.content.draw.chart import CLOSING, Answer, Box, Kind

BOX_WIDTH = 196
COLUMN_GAP = 58
ROW_GAP = 20
TITLE_SIZE, TITLE_LINE = 12.5, 15.5
ANSWER_SIZE, ANSWER_LINE = 11.0, 13.5
NOTE_SIZE, NOTE_LINE = 9.5, 11.5
PADDING = 9
NUMBER_WIDTH = 26
STRIP_GAP = 46

RATIO = 420 / 297
"""Width of A3 by its height, lying."""

BUSY = 4
"""Lines that one box takes; more would be a tangle, and the rest are named by number."""

FAR = 420
"""Height that a line may climb before it is named by number instead."""

SWEEPS = 16


@dataclass(slots=True)
class Row:
    """One answer of a box: its words in lines, and whether a line is drawn from it."""

    answer: Answer
    lines: list[str]
    note: list[str] = field(default_factory=list)
    """Title of the box it leads to, where no line is drawn."""
    drawn: bool = False
    top: float = 0.0

    @property
    def height(self) -> float:
        """Return the height in the picture."""
        return len(self.lines) * ANSWER_LINE + len(self.note) * NOTE_LINE + 7


@dataclass(slots=True)
class Placed:
    """A box with its place. `x` and `y` are its upper left corner."""

    box: Box
    title: list[str]
    rows: list[Row]
    x: float = 0.0
    y: float = 0.0
    number: int = 0

    @property
    def head(self) -> float:
        """Return the height of the title."""
        return len(self.title) * TITLE_LINE + 2 * PADDING

    @property
    def height(self) -> float:
        """Return the height of the whole box."""
        return self.head + sum(row.height for row in self.rows)

    def settle_rows(self) -> None:
        """Put each answer below the one before."""
        top = self.y + self.head
        for row in self.rows:
            row.top = top
            top += row.height


@dataclass(slots=True)
class Strip:
    """Columns of boxes side by side, with words at their head."""

    label: str
    columns: list[list[Placed]]
    top: float = 0.0
    height: float = 0.0


@dataclass(slots=True)
class Page:
    """One page: strips one below the other."""

    title: str
    strips: list[Strip]
    closing: list[Placed]
    width: float = 0.0
    height: float = 0.0
    lines: list[tuple[Placed, Row, Placed]] = field(default_factory=list)

    @property
    def placed(self) -> list[Placed]:
        """Return every box of the page, in reading order."""
        flowing = [box for strip in self.strips for column in strip.columns for box in column]
        return [*flowing, *self.closing]


def _width(text: str, size: float) -> float:
    """Return about how wide a text is in Arial or Helvetica: no font is needed to draw."""
    em = 0.0
    for sign in text:
        if sign in "ijl'|!.,:;I ":
            em += 0.27
        elif sign in "frt()-[]/":
            em += 0.34
        elif sign in "mwMW@%—":
            em += 0.9
        elif sign.isupper():
            em += 0.69
        elif ord(sign) > 0x2E7F:  # noqa: PLR2004 - from here on scripts with full-width signs
            em += 1.0
        else:
            em += 0.56
    return em * size * 1.04


def wrap(text: str, size: float, width: float, most: int = 4) -> list[str]:
    """Break a text into lines of a width; what does not fit into `most` lines ends in an ellipsis."""
    lines: list[str] = []
    for word in text.split():
        if lines and _width(f"{lines[-1]} {word}", size) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    if len(lines) > most:
        lines = [*lines[: most - 1], lines[most - 1] + "…"]
    return [_cut(line, size, width) for line in lines] or [""]


def _cut(line: str, size: float, width: float) -> str:
    while len(line) > 1 and _width(line, size) > width:
        line = line[:-2] + "…"
    return line
