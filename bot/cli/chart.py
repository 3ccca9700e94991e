"""Statistics as a picture: one bar a row, drawn as plain SVG that reads in light and in dark.

What a part of a bar means is told by its place in the row, its lightness and a text on hover, never by colour alone.
"""

from __future__ import annotations

from datetime import timedelta
from html import escape

from bot.cli.once import legible, span
from bot.model.statistics import Dialogs, Statistics, Tickets
from bot.model.ticket import Outcome

ROWS = 40
"""Bars of one picture; the csv has the others."""

_WIDTH = 960
_MARGIN = 24
_LABEL = 190
_BAR = 470
_HIGH, _STEP = 18, 30
_FONT = "'Segoe UI', Arial, Helvetica, 'Liberation Sans', sans-serif"
_LABEL_CHARS = 26
_NARROW = 9
"""Width of a digit; a part that is too narrow for its number shows it on hover only."""

_PARTS = (
    (Outcome.SOLVED, "solved"),
    (Outcome.ADVISED, "advised"),
    (Outcome.EXIT, "sent elsewhere"),
    (Outcome.HANDED_OVER, "handed over"),
    (Outcome.ABANDONED, "abandoned"),
    (Outcome.OPEN, "still open"),
)

_STYLE = """\
svg { --ground: #ffffff; --ink: #1b2430; --quiet: #56657a; --solved: #00785a; --abandoned: #6b7480; }
@media (prefers-color-scheme: dark) { svg { --ground: #14181f; --ink: #eceff4; --quiet: #a7b2c2; --solved: #008c69; } }
text { fill: var(--ink); } rect { stroke: var(--ground); } .ground { fill: var(--ground); } .quiet { fill: var(--quiet); }
.solved { fill: var(--solved); } .advised, .tickets { fill: #56b4e9; } .exit { fill: #b9dcf2; }
.handed-over { fill: #e69f00; } .abandoned { fill: var(--abandoned); }
.open { fill: var(--ground); stroke: var(--quiet); stroke-dasharray: 3 2; }
.on-dark { fill: #ffffff; } .on-light { fill: #1b2430; }"""
"""Colours that people who see few of them tell apart by lightness; a line in the colour of the ground parts them, too."""

_WRITTEN = {
    Outcome.SOLVED: "on-dark",
    Outcome.ADVISED: "on-light",
    Outcome.EXIT: "on-light",
    Outcome.HANDED_OVER: "on-light",
    Outcome.ABANDONED: "on-dark",
    Outcome.OPEN: "",
}
"""How a number stands on its part of a bar, so that it can be read."""


def chart(stats: Statistics) -> str:
    """Return the picture as an SVG document."""
    last = stats.until - timedelta(microseconds=1)
    period = f"{stats.since:%Y-%m-%d} to {last:%Y-%m-%d} (UTC), by {stats.by.value}"
    parts: list[str] = [
        _text("Bouncedesk: how dialogs came out", _MARGIN, 38, size=20, weight=700),
        _text(period, _MARGIN, 60, size=13, style="quiet"),
    ]
    y = 92.0
    shown = stats.rows[-ROWS:] if stats.by.value == "week" else stats.rows[:ROWS]
    dialogs = [
        (row.value or "(none)", row.dialogs) for row in shown if row.dialogs and row.dialogs.total
    ]
    tickets = [
        (row.value or "(none)", row.tickets) for row in shown if row.tickets and row.tickets.opened
    ]
    if stats.dialogs.total:
        parts.append(_legend(y))
        y += _STEP
        y = _dialog_bars(parts, [*dialogs, ("all", stats.dialogs)], y)
    if stats.tickets.opened:
        y += 14
        parts.append(
            _text(
                "Tickets: half and 9 of 10 claimed and resolved within",
                _MARGIN,
                y + 8,
                size=15,
                weight=700,
            )
        )
        y = _ticket_bars(parts, [*tickets, ("all", stats.tickets)], y + _STEP)
    if not (stats.dialogs.total or stats.tickets.opened):
        parts.append(_text("Nothing has happened in these days.", _MARGIN, y + 14, size=14))
        y += _STEP
    left_out = len(stats.rows) - len(shown)
    notes = [
        "Shares are of the dialogs that have ended; open ones are neither solved nor abandoned."
    ]
    notes += [f"{left_out} more rows are in the csv."] if left_out else []
    for at, line in enumerate(notes):
        parts.append(_text(line, _MARGIN, y + 18 + at * 18, size=12, style="quiet"))
    height = y + 18 + len(notes) * 18 + _MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:.0f}" '
        f'width="{_WIDTH}" height="{height:.0f}" role="img" aria-label="Statistics, {escape(period)}" '
        f'font-family="{_FONT}">\n<style>{_STYLE}</style>\n'
        f'<rect class="ground" width="{_WIDTH}" height="{height:.0f}"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _legend(y: float) -> str:
    x, parts = float(_MARGIN), []
    for outcome, name in _PARTS:
        parts.append(_part(outcome.value, x, y - 11, 14, 14))
        parts.append(_text(name, x + 20, y + 1, size=13))
        x += 20 + len(name) * 7.2 + 22
    return "".join(parts)


def _dialog_bars(parts: list[str], rows: list[tuple[str, Dialogs]], y: float) -> float:
    """Draw one bar a row, as long as it has dialogs; the last, of all together, is as long as the longest."""
    most = max(one.total for _, one in rows[:-1]) if len(rows) > 1 else rows[0][1].total
    for at, (name, one) in enumerate(rows):
        whole = one.total if at == len(rows) - 1 else most
        parts.append(_label(name, y, bold=at == len(rows) - 1))
        x = float(_MARGIN + _LABEL)
        for outcome, word in _PARTS:
            count = one.outcomes[outcome]
            wide = _BAR * count / whole
            if count:
                hover = f"{name}: {count} of {one.total} {word}"
                parts.append(
                    f"<g><title>{escape(legible(hover), quote=False)}</title>"
                    + _part(outcome.value, x, y, wide, _HIGH)
                    + _number(count, x, y, wide, _WRITTEN[outcome])
                    + "</g>"
                )
            x += wide
        solved = one.outcomes[Outcome.SOLVED]
        share = (
            f"{100 * solved / one.ended:.0f} % of {one.ended} solved"
            if one.ended
            else "none ended"
        )
        parts.append(_text(f"{one.total} · {share}", x + 10, y + 14, size=13, style="quiet"))
        y += _STEP
    return y


def _ticket_bars(parts: list[str], rows: list[tuple[str, Tickets]], y: float) -> float:
    most = max(one.opened for _, one in rows[:-1]) if len(rows) > 1 else rows[0][1].opened
    for at, (name, one) in enumerate(rows):
        whole = one.opened if at == len(rows) - 1 else most
        wide = _BAR * 0.4 * one.opened / whole
        x = _MARGIN + _LABEL
        parts.append(_label(name, y, bold=at == len(rows) - 1))
        parts.append(_part("tickets", x, y, wide, _HIGH))
        parts.append(_number(one.opened, x, y, wide, "on-light"))
        told = [f"{one.opened} opened", f"{one.open} open"]
        for what, spread in (("claimed", one.claim), ("resolved", one.resolve)):
            if spread is not None:
                median, ninetieth = (
                    span(timedelta(seconds=time)) for time in (spread.median, spread.ninetieth)
                )
                told.append(f"{what} {spread.count}: {median} / {ninetieth}")
        parts.append(_text(" · ".join(told), x + wide + 10, y + 14, size=13, style="quiet"))
        y += _STEP
    return y


def _label(name: str, y: float, *, bold: bool) -> str:
    clean = legible(name)
    short = clean if len(clean) <= _LABEL_CHARS else f"{clean[: _LABEL_CHARS - 1]}…"
    weight = 700 if bold else 400
    return _text(
        short, _MARGIN + _LABEL - 12, y + 14, size=13, weight=weight, anchor="end", hover=clean
    )


def _part(style: str, x: float, y: float, width: float, height: float) -> str:
    return f'<rect class="{style}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"/>'


def _number(count: int, x: float, y: float, width: float, style: str) -> str:
    if width < _NARROW * len(str(count)) + 4:
        return ""
    return _text(str(count), x + width / 2, y + 13.5, size=12, style=style, anchor="middle")


def _text(
    text: str,
    x: float,
    y: float,
    *,
    size: float,
    style: str = "",
    weight: int = 400,
    anchor: str = "start",
    hover: str = "",
) -> str:
    extra = f' class="{style}"' if style else ""
    extra += f' font-weight="{weight}"' if weight != 400 else ""  # noqa: PLR2004 - 400 is CSS for normal
    extra += f' text-anchor="{anchor}"' if anchor != "start" else ""
    title = f"<title>{escape(hover, quote=False)}</title>" if hover and hover != text else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}"{extra}>{title}{escape(text, quote=False)}</text>'
