"""What is printed at the end: figures with the targets beside them."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import msgspec


class Figure(msgspec.Struct, frozen=True):
    """One line of the table."""

    what: str
    figure: str
    target: str = ""
    met: bool | None = None
    """Whether the target is met; None where there is none."""


class Section(msgspec.Struct, frozen=True):
    """One part of the run: its figures, and what broke."""

    title: str
    figures: tuple[Figure, ...]
    broken: tuple[str, ...] = ()


def at_least(what: str, measured: Sequence[float], target: float) -> Figure:
    """Return the line for a ratio that should be large, with its range over the rounds."""
    return Figure(what, times(measured), f">= {target:g}x", statistics.median(measured) >= target)


def at_most(what: str, measured: Sequence[float], target: float) -> Figure:
    """Return the line for a ratio that should be small, with its range over the rounds."""
    return Figure(what, times(measured), f"<= {target:g}x", statistics.median(measured) <= target)


def under(what: str, milliseconds: float, target: float) -> Figure:
    """Return the line for a time that should be short."""
    return Figure(what, f"{milliseconds:.2f} ms", f"< {target:g} ms", milliseconds < target)


def no_more(what: str, figure: float, target: float, unit: str = "") -> Figure:
    """Return the line for a count or a time that should stay below something."""
    return Figure(what, f"{figure:.2f}{unit}", f"<= {target:g}{unit}", figure <= target)


def times(measured: Sequence[float]) -> str:
    """Return the median of ratios and their range."""
    middle = statistics.median(measured)
    return f"{middle:.2f}x ({min(measured):.2f}-{max(measured):.2f})"


def table(sections: Sequence[Section]) -> str:
    """Return the sections as text in columns."""
    lines: list[str] = []
    for section in sections:
        lines += ["", section.title, "-" * len(section.title)]
        wide = max((len(row.what) for row in section.figures), default=0)
        broad = max((len(row.figure) for row in section.figures), default=0)
        for row in section.figures:
            verdict = {True: "met", False: "not met", None: ""}[row.met]
            line = f"{row.what:<{wide}}  {row.figure:>{broad}}  {row.target:<9} {verdict}"
            lines.append(line.rstrip())
        lines += [f"BROKEN: {what}" for what in section.broken]
    return "\n".join(lines)
