"""Where boxes stand: in columns from left to right, one page of the proportions of A3.

Answers stand inside their box, each with a way out on the right. A line is drawn only to a box in the next column: it
then crosses no other box, and its words cannot be covered. Every other answer names the number of the box it leads to, as
printed flow charts do with connectors.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bot.content.draw.chart import CLOSING, Answer, Box, Kind
from bot.model.library import Lane

BOX_WIDTH = 196
COLUMN_GAP = 58
COLUMN = BOX_WIDTH + COLUMN_GAP
ROW_GAP = 20
TITLE_SIZE, TITLE_LINE = 12.5, 15.5
ANSWER_SIZE, ANSWER_LINE = 11.0, 13.5
NOTE_SIZE, NOTE_LINE = 9.5, 11.5
PADDING = 9
NUMBER_WIDTH = 36
PART_GAP = 46
LABEL = 24
INSET = 9
"""How far the answers of a question stand in below its pointed title."""

RATIO = 420 / 297
"""Width of A3 by its height, lying."""

PAGE_WIDTH = 2100
"""Width of a page. Printed on A3, an answer then stands in letters of 6.2 points."""

BUSY = 4
"""Lines that one box takes; more would be a tangle, and the rest are named by number."""

FAR = 420
"""Height that a line may climb before it is named by number instead."""

WHOLE = 12
"""Boxes of a lane that is small enough to be shown in one piece."""

SWEEPS = 16


@dataclass(slots=True)
class Row:
    """One answer of a box: its words in lines, and whether a line is drawn from it."""

    answer: Answer
    lines: list[str]
    note: list[str] = field(default_factory=list)
    """Title of the box it leads to, where no line is drawn; a free line for the numbers of several."""
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


_Line = tuple[Placed, Row, Placed]
"""A line: from an answer of a box to another box."""


@dataclass(slots=True)
class Part:
    """What lies behind one door of a lane: columns of boxes side by side."""

    label: str
    """Heading of the lane it belongs to; empty on a page that has one lane only."""
    columns: list[list[Placed]]
    left: float = 0.0
    top: float = 0.0
    height: float = 0.0

    @property
    def boxes(self) -> list[Placed]:
        """Return its boxes in reading order."""
        return [box for column in self.columns for box in column]

    @property
    def width(self) -> float:
        """Return the width in the picture."""
        return len(self.columns) * COLUMN - COLUMN_GAP

    def move(self, left: float, top: float) -> None:
        """Put the part somewhere, its boxes with it."""
        for at, column in enumerate(self.columns):
            for box in column:
                box.x = left + at * COLUMN
                box.y += top - self.top
                box.settle_rows()
        self.left, self.top = left, top


@dataclass(slots=True)
class Panel:
    """A lane on a page: its heading and its parts."""

    label: str
    parts: list[Part]
    columns: int = 1
    left: float = 0.0
    top: float = 0.0
    height: float = 0.0

    @property
    def lane(self) -> Lane:
        """Return the lane."""
        return self.parts[0].boxes[0].box.lane

    @property
    def width(self) -> float:
        """Return the width in the picture."""
        return self.columns * COLUMN - COLUMN_GAP

    def pack(self, columns: int) -> None:
        """Arrange the parts in so many columns: each goes where there is room highest up."""
        skyline = [LABEL if self.label else 0.0] * columns
        for part in self.parts:
            at, top = _highest(skyline, len(part.columns))
            part.move(at * COLUMN, top)
            bottom = top + part.height + PART_GAP
            skyline[at : at + len(part.columns)] = [bottom] * len(part.columns)
        self.columns, self.height = columns, max(skyline) - PART_GAP
        self.left = self.top = 0.0

    def fit(self, columns: int) -> None:
        """Arrange the parts in no more than so many columns, in the shape that suits a page best."""
        least = max(len(part.columns) for part in self.parts)
        most = min(columns, sum(len(part.columns) for part in self.parts))

        def size(columns: int) -> float:
            self.pack(columns)
            return max(self.width, self.height * RATIO)

        self.pack(min(range(least, max(least, most) + 1), key=size))

    def move(self, left: float, top: float) -> None:
        """Put the panel somewhere, its parts with it."""
        for part in self.parts:
            part.move(part.left + left - self.left, part.top + top - self.top)
        self.left, self.top = left, top


def _highest(skyline: list[float], wide: int) -> tuple[int, float]:
    """Return the column and the height where something so many columns wide fits highest up."""
    places = range(len(skyline) - wide + 1)
    at = min(places, key=lambda at: (max(skyline[at : at + wide]), at))
    return at, max(skyline[at : at + wide])


@dataclass(slots=True)
class Page:
    """One page: parts of lanes, and below them the boxes that close a dialog."""

    parts: list[Part]
    closing: list[Placed]
    lines: list[_Line]
    panels: list[Panel] = field(default_factory=list)
    width: float = 0.0
    height: float = 0.0

    @property
    def placed(self) -> list[Placed]:
        """Return every box of the page, in reading order."""
        return [*(box for part in self.parts for box in part.boxes), *self.closing]

    @property
    def size(self) -> float:
        """Return how wide a page that lies must be to hold it."""
        return max(self.width, self.height * RATIO)


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


@dataclass(frozen=True, slots=True)
class Group:
    """Boxes that belong together under one heading."""

    label: str
    boxes: tuple[Box, ...]


def lay_out(
    groups: Sequence[Group],
    all_boxes: dict[str, Box],
    doors: Sequence[str],
    *,
    width: float = PAGE_WIDTH,
) -> list[Page]:
    """Place boxes on as many pages as it takes to keep the print readable.

    Each group is taken apart into what lies behind each of its doors; a part is never broken.

    Args:
        groups: The boxes to place, lane by lane.
        all_boxes: Every box that answers lead to, placed here or not.
        doors: Boxes that lanes begin with, in order.
        width: Width that a page must not exceed, nor its height in proportion, unless one part does.
    """
    placing = _Placing(groups, all_boxes, doors)
    pages: list[Page] = []
    taken: list[Part] = []
    for part in placing.parts:
        if taken and placing.page([*taken, part]).size > width:
            pages.append(placing.page(taken))
            taken = []
        taken.append(part)
    return [*pages, placing.page(taken)]


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where a box belongs: the door it lies behind, how many answers away, and the box it was first reached from."""

    door: str
    layer: int
    parent: str | None


class _Placing:
    """Places boxes in parts, and parts on pages."""

    def __init__(
        self, groups: Sequence[Group], all_boxes: dict[str, Box], doors: Sequence[str]
    ) -> None:
        self.all_boxes = all_boxes
        self.parts: list[Part] = []
        self.lines: list[_Line] = []
        for group in groups:
            boxes = {box.id: box for box in group.boxes}
            own = [door for door in doors if door in boxes]
            spots = _spots(boxes, own if len(boxes) > WHOLE else _needed(boxes, own))
            self._settle(group.label, boxes, spots)

    def page(self, parts: Sequence[Part]) -> Page:
        """Return a page of some parts, in the arrangement that fits best."""
        widest = max((len(part.columns) for part in parts), default=1)
        most = sum(len(part.columns) for part in parts)
        choices = range(max(widest, 3), max(most, 3) + 1)
        columns = min(choices, key=lambda columns: self._packed(parts, columns).size)
        return self._packed(parts, columns)

    def _packed(self, parts: Sequence[Part], columns: int) -> Page:
        """Return a page of so many columns: each lane goes where there is room highest up."""
        inside = {box.box.id for part in parts for box in part.boxes}
        lines = [line for line in self.lines if line[0].box.id in inside]
        panels = [
            Panel(label, [part for part in parts if part.label == label])
            for label in dict.fromkeys(part.label for part in parts)
        ]
        skyline = [0.0] * columns
        for panel in panels:
            panel.fit(columns)
            at, top = _highest(skyline, panel.columns)
            panel.move(at * COLUMN, top)
            bottom = top + panel.height + PART_GAP + (14 if panel.label else 0)
            skyline[at : at + panel.columns] = [bottom] * panel.columns
        page = Page([*parts], [], lines, panels)
        self._close(page, columns, max(skyline))
        return page

    def _close(self, page: Page, columns: int, top: float) -> None:
        """Put the boxes without a way on that a page leads to below everything, in rows."""
        used = {to for box in page.placed for row in box.rows for to in row.answer.all}
        through = [self.all_boxes[id_] for id_ in used if self.all_boxes[id_].kind in CLOSING]
        used |= {answer.to for box in through for answer in box.answers}
        closing = [
            box for box in self.all_boxes.values() if box.kind in CLOSING and box.id in used
        ]
        page.closing = [self._measured(box, set()) for box in closing]
        for start in range(0, len(page.closing), columns):
            row = page.closing[start : start + columns]
            for at, box in enumerate(row):
                box.x, box.y = at * COLUMN, top
                box.settle_rows()
            top += max(box.height for box in row) + ROW_GAP
        page.width = columns * COLUMN - COLUMN_GAP
        page.height = top

    def _settle(self, label: str, boxes: dict[str, Box], spots: dict[str, _Spot]) -> None:
        """Place the boxes of a group in parts, without lines that climb too far."""
        near = _near(boxes, spots)
        parts, lines = self._arranged(label, boxes, spots, near)
        long = {
            (source.box.id, target.box.id)
            for source, row, target in lines
            if abs(target.y - row.top) > FAR and spots[target.box.id].parent != source.box.id
        }
        if long:
            parts, lines = self._arranged(label, boxes, spots, near - long)
        self.parts += parts
        self.lines += lines

    def _arranged(
        self,
        label: str,
        boxes: dict[str, Box],
        spots: dict[str, _Spot],
        near: set[tuple[str, str]],
    ) -> tuple[list[Part], list[_Line]]:
        placed = {box.id: self._measured(box, near) for box in boxes.values()}
        lines = [
            (source, row, placed[row.answer.to])
            for source in placed.values()
            for row in source.rows
            if row.drawn
        ]
        parts = {spot.door: Part(label, []) for spot in spots.values()}
        for box_id, spot in spots.items():
            columns = parts[spot.door].columns
            columns += [[] for _ in range(spot.layer + 1 - len(columns))]
            columns[spot.layer].append(placed[box_id])
        for part in parts.values():
            inside = {box.box.id for box in part.boxes}
            own = [line for line in lines if line[0].box.id in inside]
            _order(part.columns, own)
            _heights(part, own)
        return [*parts.values()], lines

    def _measured(self, box: Box, near: set[tuple[str, str]]) -> Placed:
        inner = BOX_WIDTH - 2 * PADDING
        title = wrap(box.title, TITLE_SIZE, inner - 30)
        inner -= 2 * INSET if box.kind is Kind.QUESTION else 0
        rows = []
        for answer in box.answers:
            drawn = (box.id, answer.to) in near
            room = 8 if drawn or answer.also else NUMBER_WIDTH
            lines = wrap(answer.label, ANSWER_SIZE, inner - room)
            there = self.all_boxes[answer.to].title
            note = [""] if answer.also else []
            if not (drawn or answer.also or there == answer.label):
                note = wrap(there, NOTE_SIZE, inner - room, 2)
            rows.append(Row(answer, lines, note, drawn))
        return Placed(box, title, rows)


def _spots(boxes: dict[str, Box], doors: Sequence[str]) -> dict[str, _Spot]:
    """Give each box to the door that it is fewest answers away from; what no door reaches is a door itself."""
    spots = {door: _Spot(door, 0, None) for door in doors}
    waiting = [*doors]
    rest = [*boxes]
    while waiting or rest:
        if not waiting:
            box_id = rest.pop(0)
            if box_id not in spots:
                spots[box_id] = _Spot(box_id, 0, None)
                waiting.append(box_id)
            continue
        box_id = waiting.pop(0)
        here = spots[box_id]
        for answer in boxes[box_id].answers:
            if answer.to in boxes and answer.to not in spots:
                spots[answer.to] = _Spot(here.door, here.layer + 1, box_id)
                waiting.append(answer.to)
    return spots


def _needed(boxes: dict[str, Box], doors: Sequence[str]) -> list[str]:
    """Return the doors that no door before them leads to: a small lane is not taken apart further."""
    needed: list[str] = []
    reached: set[str] = set()
    for door in doors:
        if door in reached:
            continue
        needed.append(door)
        waiting = [door]
        while waiting:
            box_id = waiting.pop()
            if box_id in boxes and box_id not in reached:
                reached.add(box_id)
                waiting += [answer.to for answer in boxes[box_id].answers]
    return needed


def _near(boxes: dict[str, Box], spots: dict[str, _Spot]) -> set[tuple[str, str]]:
    """Return the pairs of boxes that a line may join: the second in the next column, and not too busy."""
    near: set[tuple[str, str]] = set()
    taken: dict[str, int] = {}
    pairs = [(box.id, answer.to) for box in boxes.values() for answer in box.answers]
    pairs = [pair for pair in pairs if pair[1] in boxes]
    pairs.sort(key=lambda pair: spots[pair[1]].parent != pair[0])
    for source, target in pairs:
        here, there = spots[source], spots[target]
        if here.door != there.door or there.layer != here.layer + 1:
            continue
        if taken.get(target, 0) < BUSY:
            taken[target] = taken.get(target, 0) + 1
            near.add((source, target))
    return near


def _order(columns: list[list[Placed]], lines: list[_Line]) -> None:
    """Order each column so that few lines cross: each box goes to the middle of the boxes it is joined to."""
    best, fewest = [[*column] for column in columns], _crossings(columns, lines)
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 0
        for column in columns if forward else reversed(columns):
            rank = _ranks(columns)
            column.sort(key=_middle(rank, lines, forward=forward))
        crossings = _crossings(columns, lines)
        if crossings < fewest:
            best, fewest = [[*column] for column in columns], crossings
    columns[:] = best


def _ranks(columns: list[list[Placed]]) -> dict[str, float]:
    return {box.box.id: float(at) for column in columns for at, box in enumerate(column)}


def _middle(
    rank: dict[str, float], lines: list[_Line], *, forward: bool
) -> Callable[[Placed], float]:
    def middle(box: Placed) -> float:
        if forward:
            ends = [_end(rank, source, row) for source, row, target in lines if target is box]
        else:
            ends = [rank.get(target.box.id, 0) for source, _, target in lines if source is box]
        return sum(ends) / len(ends) if ends else rank[box.box.id]

    return middle


def _end(rank: dict[str, float], source: Placed, row: Row) -> float:
    return rank.get(source.box.id, 0) + source.rows.index(row) / (len(source.rows) + 1)


def _crossings(columns: list[list[Placed]], lines: list[_Line]) -> int:
    rank = _ranks(columns)
    at = {box.box.id: column for column, boxes in enumerate(columns) for box in boxes}
    ends: dict[int, list[tuple[float, float]]] = {}
    for source, row, target in lines:
        if source.box.id in at and target.box.id in at:
            pair = (_end(rank, source, row), rank[target.box.id])
            ends.setdefault(at[source.box.id], []).append(pair)
    return sum(
        (one[0] - other[0]) * (one[1] - other[1]) < 0
        for pairs in ends.values()
        for position, one in enumerate(pairs)
        for other in pairs[position + 1 :]
    )


def _heights(part: Part, lines: list[_Line]) -> None:
    """Give each box a height near the boxes it is joined to, without two boxes touching."""
    for column in part.columns:
        _spread(column, [0.0] * len(column))
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 0
        for column in part.columns if forward else reversed(part.columns):
            _spread(column, [_wanted(box, lines, forward=forward) for box in column])
    top = min(box.y for box in part.boxes)
    for box in part.boxes:
        box.y -= top
        box.settle_rows()
    part.height = max(box.y + box.height for box in part.boxes)


def _wanted(box: Placed, lines: list[_Line], *, forward: bool) -> float:
    box.settle_rows()
    if forward:
        ends = [row.top + row.height / 2 - box.head / 2 for _, row, there in lines if there is box]
    else:
        ends = [
            there.y + there.head / 2 - (row.top - box.y) - row.height / 2
            for source, row, there in lines
            if source is box
        ]
    return sum(ends) / len(ends) if ends else box.y


def _spread(column: list[Placed], wanted: list[float]) -> None:
    """Put boxes of a column as near as possible to where they are wanted, in order and apart.

    With each box's own offset taken away, the heights must not decrease: isotonic regression by pooling neighbours.
    """
    offsets, offset = [], 0.0
    for box in column:
        offsets.append(offset)
        offset += box.height + ROW_GAP
    pools: list[tuple[float, int]] = []
    for at, place in enumerate(wanted):
        total, count = place - offsets[at], 1
        while pools and pools[-1][0] / pools[-1][1] > total / count:
            before, boxes = pools.pop()
            total, count = total + before, count + boxes
        pools.append((total, count))
    at = 0
    for total, count in pools:
        for _ in range(count):
            column[at].y = total / count + offsets[at]
            column[at].settle_rows()
            at += 1
