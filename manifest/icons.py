"""Draws the app's icons: an envelope that comes back. Run it after a change: `python manifest/icons.py`.

Teams wants a colour icon of 192x192 and an outline of 32x32, white on nothing. The drawing is made of distances (how far is this
pixel from the line?), so that it needs no library and is smooth at any size.
"""

# ruff: noqa: INP001 - a script beside its pictures, no package
from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Callable
from itertools import pairwise
from math import hypot
from pathlib import Path

Point = tuple[float, float]
Colour = tuple[int, int, int, int]
Distance = Callable[[float, float], float]
"""How far a point is from a shape, in units of the drawing; negative inside."""

GRID = 24.0
"""The drawing's own units across."""

BLUE: Colour = (47, 85, 151, 255)
WHITE: Colour = (255, 255, 255, 255)
AMBER: Colour = (255, 200, 61, 255)
NOTHING: Colour = (255, 255, 255, 0)

FLAP: list[Point] = [(4.2, 5.6), (12.0, 11.4), (19.8, 5.6)]
SHAFT: list[Point] = [(20.2, 18.6), (5.4, 18.6)]
HEAD: list[Point] = [(8.5, 15.9), (5.4, 18.6), (8.5, 21.3)]


def line(points: list[Point], thickness: float) -> Distance:
    """Return a line with round ends through some points."""

    def distance(x: float, y: float) -> float:
        ends = (_to_segment((x, y), start, end) for start, end in pairwise(points))
        return min(ends) - thickness / 2

    return distance


def envelope(corner: float) -> Distance:
    """Return the filled outline of the envelope."""

    def distance(x: float, y: float) -> float:
        across, down = abs(x - 12.0) - 8.8 + corner, abs(y - 9.2) - 5.4 + corner
        return hypot(max(across, 0.0), max(down, 0.0)) + min(max(across, down), 0.0) - corner

    return distance


def edge(shape: Distance, thickness: float) -> Distance:
    """Return the outline of a shape as a line."""
    return lambda x, y: abs(shape(x, y)) - thickness / 2


def picture(
    size: int, ground: Colour, layers: list[tuple[Distance, Colour]], zoom: float
) -> bytes:
    """Return a PNG of layers upon a ground, each pixel covered by how near it is to a shape."""
    pixel = GRID / size / zoom
    rows = bytearray()
    for row in range(size):
        rows.append(0)  # PNG: this row is not filtered
        for column in range(size):
            x = 12.0 + (column + 0.5 - size / 2) * pixel
            y = 12.0 + (row + 0.5 - size / 2) * pixel
            red, green, blue, alpha = ground
            for shape, (more_red, more_green, more_blue, _) in layers:
                cover = min(max(0.5 - shape(x, y) / pixel, 0.0), 1.0)
                red = round(red + (more_red - red) * cover)
                green = round(green + (more_green - green) * cover)
                blue = round(blue + (more_blue - blue) * cover)
                alpha = max(alpha, round(255 * cover))
            rows += bytes((red, green, blue, alpha))
    header = struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(rows), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def colour_icon() -> bytes:
    """Return the colour icon: Teams rounds its corners, so the ground fills the square."""
    layers = [
        (envelope(1.2), WHITE),
        (line(FLAP, 1.3), BLUE),
        (line(SHAFT, 1.9), AMBER),
        (line(HEAD, 1.9), AMBER),
    ]
    return picture(192, BLUE, layers, 0.78)


def outline_icon() -> bytes:
    """Return the outline icon."""
    layers = [
        (edge(envelope(1.2), 1.5), WHITE),
        (line(FLAP, 1.5), WHITE),
        (line(SHAFT, 1.6), WHITE),
        (line(HEAD, 1.6), WHITE),
    ]
    return picture(32, NOTHING, layers, 1.0)


def main(folder: Path) -> None:
    """Write both icons."""
    (folder / "color.png").write_bytes(colour_icon())
    (folder / "outline.png").write_bytes(outline_icon())


def _to_segment(point: Point, start: Point, end: Point) -> float:
    along_x, along_y = end[0] - start[0], end[1] - start[1]
    from_x, from_y = point[0] - start[0], point[1] - start[1]
    share = (from_x * along_x + from_y * along_y) / (along_x**2 + along_y**2)
    share = min(max(share, 0.0), 1.0)
    return hypot(from_x - share * along_x, from_y - share * along_y)


def _chunk(kind: bytes, data: bytes) -> bytes:
    check = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
