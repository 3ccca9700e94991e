"""Pages as SVG. Every kind of box has a shape of its own, so that print without colour says as much."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from math import inf

from bot.content.draw.chart import CLOSING, Box, Chart, Kind, chart_of, lanes_of, overview
from bot.content.draw.layout import (
    ANSWER_LINE,
    ANSWER_SIZE,
    BOX_WIDTH,
    COLUMN_GAP,
    INSET,
    NOTE_LINE,
    NOTE_SIZE,
    PADDING,
    TITLE_LINE,
    TITLE_SIZE,
    Group,
    Page,
    Placed,
    Row,
    lay_out,
)
from bot.model.ids import Language
from bot.model.library import Article, Lane, Library, Words

ONE_PAGE = 26
"""Boxes that one page takes; a larger article gets an overview and a page for each lane."""

MARGIN = 28
HEADING = 62
FOOT = 22

_TINT = {
    Lane.ALL: "#eef1f5",
    Lane.SENDER: "#dfecfb",
    Lane.RECIPIENT: "#def3e1",
    Lane.RECIPIENT_ADMIN: "#fbeccb",
    Lane.SENDER_ADMIN: "#eee2f7",
}
_INK = "#1b2430"
_LINE = "#56657a"
_FONT = "'Segoe UI', Arial, Helvetica, 'Liberation Sans', sans-serif"


@dataclass(frozen=True, slots=True)
class Sheet:
    """One page as an SVG document."""

    name: str
    """`overview`, a lane, or `all` for an article that fits on one page."""
    svg: str


def draw_pages(article: Article, library: Library, language: Language) -> list[Sheet]:
    """Draw an article, each page in a document of its own."""
    drawn = _draw(article, library, language)
    return [
        Sheet(name, _document(width, height, body, name)) for name, width, height, body in drawn
    ]


def draw_svg(article: Article, library: Library, language: Language) -> str:
    """Draw an article as one picture, its pages below one another."""
    drawn = _draw(article, library, language)
    top, parts = 0.0, []
    for _, _, height, body in drawn:
        parts.append(f'<g transform="translate(0 {top:.1f})">{body}</g>')
        top += height
    return _document(max(width for _, width, _, _ in drawn), top, "\n".join(parts), article.id)


def _draw(
    article: Article, library: Library, language: Language
) -> list[tuple[str, float, float, str]]:
    """Return name, width, height and content of each page."""
    chart = chart_of(article, library, language)
    words = library.words[library.prose(article.id, language)[0]]
    parts = pages_of(chart, words)
    numbers = _numbers(chart, [page for _, pages in parts for page in pages])
    drawn = []
    for name, own in parts:
        heading = words.words.get(f"lane-{name}", words.words["drawing-overview"])
        for at, page in enumerate(own, start=1):
            of = f" ({at}/{len(own)})" if len(own) > 1 else ""
            title = chart.title if name == "all" else f"{chart.title} – {heading}{of}"
            suffix = f"-{at}" if len(own) > 1 else ""
            drawn.append((f"{name}{suffix}", *_page(page, title, words, numbers)))
    return drawn


def pages_of(chart: Chart, words: Words) -> list[tuple[str, list[Page]]]:
    """Return the pages of an article: all in one, or an overview and then each lane."""
    names = {lane: words.words[f"lane-{lane}"] for lane in Lane}
    flowing = [box for box in chart.boxes.values() if box.kind not in CLOSING]
    lanes = lanes_of(chart)
    doors = [door for lane in lanes for door in _doors(chart, lane)]
    if len(flowing) <= ONE_PAGE:
        groups = [Group(names[lane], _of_lane(flowing, lane)) for lane in lanes]
        return [("all", lay_out(groups, chart.boxes, doors, width=inf))]
    small = overview(chart, words)
    shown = [box for box in small.boxes.values() if box.kind not in CLOSING]
    groups = [Group(names[lane], _of_lane(shown, lane)) for lane in lanes]
    found = [("overview", lay_out(groups, small.boxes, _overview_doors(small, lanes), width=inf))]
    for lane in lanes:
        if lane is not Lane.ALL:
            group = Group("", _of_lane(flowing, lane))
            found.append((lane.value, lay_out([group], chart.boxes, doors)))
    return found


def _overview_doors(chart: Chart, lanes: Sequence[Lane]) -> list[str]:
    """Return one door for each lane: the overview shows the others behind it."""
    return [next(iter(_doors(chart, lane)), "") for lane in lanes]


def _of_lane(boxes: Iterable[Box], lane: Lane) -> tuple[Box, ...]:
    return tuple(box for box in boxes if box.lane is lane)


def _doors(chart: Chart, lane: Lane) -> list[str]:
    """Return where a lane begins: at the start, at what other lanes lead to, in their order, or at another entry."""
    reached = [
        answer.to
        for box in chart.boxes.values()
        if box.lane is not lane
        for answer in box.answers
        if chart.boxes[answer.to].lane is lane
    ]
    doors = dict.fromkeys([chart.doors[0], *reached, *chart.doors])
    return [door for door in doors if chart.boxes[door].lane is lane]


def _numbers(chart: Chart, pages: Sequence[Page]) -> dict[str, int]:
    """Number every box in reading order; on the overview only those that have no page of their own."""
    own_page = {box.box.id for page in pages[1:] for part in page.parts for box in part.boxes}
    order: dict[str, None] = {}
    for at, page in enumerate(pages):
        for part in page.parts:
            for placed in part.boxes:
                if at > 0 or placed.box.id not in own_page:
                    order.setdefault(placed.box.id)
    for box in chart.boxes.values():
        order.setdefault(box.id)
    return {box_id: number for number, box_id in enumerate(order, start=1)}


def _page(
    page: Page, title: str, words: Words, numbers: dict[str, int]
) -> tuple[float, float, str]:
    """Return width, height and content of a page."""
    width = page.width + 2 * MARGIN
    height = page.height + HEADING + MARGIN + FOOT
    parts = [f'<rect width="{width:.1f}" height="{height:.1f}" fill="#ffffff"/>']
    parts.append(_text(title, MARGIN, 34, 19, weight=700))
    parts.append(_legend(words, page, MARGIN, 52))
    inner = [*_panels(page), *(_curve(*line) for line in page.lines)]
    inner += [_box(placed, numbers) for placed in page.placed]
    parts.append(f'<g transform="translate({MARGIN} {HEADING + 14})">{"".join(inner)}</g>')
    return width, height, "\n".join(parts)


def _document(width: float, height: float, body: str, title: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img" aria-label="{escape(title)}" '
        f'font-family="{_FONT}" fill="{_INK}">\n{body}\n</svg>\n'
    )


def _panels(page: Page) -> Iterable[str]:
    """Yield the ground of each lane with its heading, and of each part of it that has more than one box."""
    for panel in page.panels:
        style = f'rx="8" fill="{_TINT[panel.lane]}" fill-opacity="0.4"'
        if panel.label:
            yield _rectangle(
                panel.left - 18, panel.top - 16, panel.width + 36, panel.height + 34, style
            )
            label = panel.label[0].upper() + panel.label[1:]
            yield _text(label, panel.left, panel.top + 5, 14, weight=700)
        for part in panel.parts:
            if len(part.boxes) > 1:
                yield _rectangle(
                    part.left - 13, part.top - 12, part.width + 26, part.height + 24, style
                )


def _legend(words: Words, page: Page, x: float, y: float) -> str:
    """Return the shapes that this page uses, with their names."""
    used = {placed.box.kind for placed in page.placed}
    parts = []
    for kind in Kind:
        if kind not in used or kind is Kind.UNTRIED:
            continue
        label = words.words[f"drawing-{kind}"]
        parts.append(_shape(kind, x, y - 11, 26, 15, fill="#ffffff", small=True))
        parts.append(_text(label, x + 32, y + 1, 11))
        x += 32 + len(label) * 6.2 + 24
    return "".join(parts)


def _box(placed: Placed, numbers: dict[str, int]) -> str:
    box = placed.box
    tint = _TINT[box.lane]
    parts = []
    inset = INSET if box.kind is Kind.QUESTION else 0
    if placed.rows:
        parts.append(
            f'<rect x="{placed.x + inset:.1f}" y="{placed.y + placed.head:.1f}" '
            f'width="{BOX_WIDTH - 2 * inset}" height="{placed.height - placed.head:.1f}" '
            f'fill="#ffffff" stroke="{_LINE}"/>'
        )
    parts.append(
        _shape(box.kind, placed.x, placed.y, BOX_WIDTH, placed.head, fill=tint, bold=box.urgent)
    )
    left = placed.x + PADDING + (6 if box.kind in {Kind.QUESTION, Kind.STEP} else 4)
    first = placed.y + PADDING + TITLE_SIZE - 1.5
    parts.append(_text(str(numbers[box.id]), left, first, 10, colour=_LINE, weight=700))
    for at, line in enumerate(placed.title):
        parts.append(
            _text(
                line,
                left + 10 + 6 * len(str(numbers[box.id])),
                first + at * TITLE_LINE,
                TITLE_SIZE,
                weight=600,
            )
        )
    for at, row in enumerate(placed.rows):
        parts.append(_row(placed, row, numbers, inset, ruled=at > 0))
    hover = "\n".join((f"{numbers[box.id]}  {box.title}", *([box.hover] if box.hover else [])))
    return f"<g><title>{escape(hover, quote=False)}</title>{''.join(parts)}</g>"


def _row(placed: Placed, row: Row, numbers: dict[str, int], inset: float, *, ruled: bool) -> str:
    x, right = placed.x + inset, placed.x + BOX_WIDTH - inset
    parts = []
    if ruled:
        parts.append(
            f'<line x1="{x:.1f}" y1="{row.top:.1f}" x2="{right:.1f}" y2="{row.top:.1f}" '
            f'stroke="{_LINE}" stroke-width="0.4"/>'
        )
    y = row.top + ANSWER_SIZE + 2
    for line in row.lines:
        parts.append(_text(line, x + PADDING - 2, y, ANSWER_SIZE))
        y += ANSWER_LINE
    for line in row.note:
        parts.append(
            _text(line, x + PADDING - 2, y - 1.5, NOTE_SIZE, colour=_LINE, style="italic")
        )
        y += NOTE_LINE
    middle = row.top + row.height / 2
    if row.drawn:
        parts.append(f'<circle cx="{right:.1f}" cy="{middle:.1f}" r="2.6" fill="{_LINE}"/>')
    else:
        there = ", ".join(str(numbers[to]) for to in row.answer.all)
        level = row.top + row.height - 6 if row.answer.also else middle + 3.6
        parts.append(_text(f"→ {there}", right - 5, level, 10.5, anchor="end", weight=700))
    return "".join(parts)


def _shape(
    kind: Kind,
    x: float,
    y: float,
    width: float,
    height: float,
    *,
    fill: str,
    bold: bool = False,
    small: bool = False,
) -> str:
    """Return the outline of a kind of box."""
    stroke = f'fill="{fill}" stroke="{_LINE}" stroke-width="{2.6 if bold else 1.2}"'
    right, bottom, cut = x + width, y + height, 4 if small else 9
    match kind:
        case Kind.QUESTION:
            middle = y + height / 2
            points = [(x, middle), (x + cut, y), (right - cut, y), (right, middle)]
            points += [(right - cut, bottom), (x + cut, bottom)]
            return _polygon(points, stroke)
        case Kind.HAND_OVER:
            corner = cut * 0.8
            points = [(x + corner, y), (right - corner, y), (right, y + corner)]
            points += [(right, bottom - corner), (right - corner, bottom), (x + corner, bottom)]
            points += [(x, bottom - corner), (x, y + corner)]
            inner = [_towards(point, (x + width / 2, y + height / 2), 2.6) for point in points]
            return _polygon(points, stroke) + _polygon(
                inner, f'fill="none" stroke="{_LINE}" stroke-width="0.7"'
            )
        case Kind.END:
            radius = min(height / 2, 18)
            return _rectangle(x, y, width, height, f'rx="{radius:.1f}" {stroke}')
        case Kind.STEP:
            bars = "".join(
                f'<line x1="{at:.1f}" y1="{y:.1f}" x2="{at:.1f}" y2="{bottom:.1f}" stroke="{_LINE}"/>'
                for at in (x + cut / 2, right - cut / 2)
            )
            return _rectangle(x, y, width, height, stroke) + bars
        case Kind.ELSEWHERE:
            return _rectangle(x, y, width, height, f'{stroke} stroke-dasharray="5 3"')
        case Kind.UNTRIED:
            return _rectangle(x, y, width, height, f'{stroke} stroke-dasharray="1.5 2.5"')


def _towards(
    point: tuple[float, float], middle: tuple[float, float], by: float
) -> tuple[float, float]:
    return (
        point[0] + (by if point[0] < middle[0] else -by),
        point[1] + (by if point[1] < middle[1] else -by),
    )


def _polygon(points: Sequence[tuple[float, float]], style: str) -> str:
    return f'<polygon points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}" {style}/>'


def _rectangle(x: float, y: float, width: float, height: float, style: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" {style}/>'


def _curve(source: Placed, row: Row, target: Placed) -> str:
    inset = INSET if source.box.kind is Kind.QUESTION else 0
    x1, y1 = source.x + BOX_WIDTH - inset, row.top + row.height / 2
    x2, y2 = target.x, target.y + target.head / 2
    bend = COLUMN_GAP * 0.55
    return (
        f'<path d="M{x1:.1f},{y1:.1f} C{x1 + bend:.1f},{y1:.1f} {x2 - bend:.1f},{y2:.1f} '
        f'{x2 - 6:.1f},{y2:.1f}" fill="none" stroke="{_LINE}" stroke-width="1.3"/>'
        f'<polygon points="{x2:.1f},{y2:.1f} {x2 - 7:.1f},{y2 - 3.4:.1f} {x2 - 7:.1f},{y2 + 3.4:.1f}" '
        f'fill="{_LINE}"/>'
    )


def _text(
    text: str,
    x: float,
    y: float,
    size: float,
    *,
    colour: str = _INK,
    weight: int = 400,
    style: str = "normal",
    anchor: str = "start",
) -> str:
    extra = f' font-style="{style}"' if style != "normal" else ""
    extra += f' text-anchor="{anchor}"' if anchor != "start" else ""
    extra += f' font-weight="{weight}"' if weight != 400 else ""  # noqa: PLR2004 - 400 is CSS for normal
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}"{extra}>{escape(text, quote=False)}</text>'
