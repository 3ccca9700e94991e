"""Writes small Outlook message files (MS-OXMSG in an MS-CFB compound file), as Outlook would save them."""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import NamedTuple

_SECTOR = 512
_MINI_CUTOFF = 4096
_FREE, _END, _FAT, _NONE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFF
_UNICODE = 0x001F


class _Entry(NamedTuple):
    name: str
    kind: int  # 1 storage, 2 stream, 5 root
    data: bytes
    children: list[_Entry]


def write_msg(properties: dict[int, str], recipients: list[dict[int, str]]) -> bytes:
    """Return a message with text properties of its own and of its recipients, by property id."""
    children = _streams(
        properties, header=struct.pack("<8x4I8x", len(recipients), 0, len(recipients), 0)
    )
    for number, recipient in enumerate(recipients):
        own = _streams(recipient, header=b"\x00" * 8)
        children.append(_Entry(f"__recip_version1.0_#{number:08X}", 1, b"", own))
    return _compound(_Entry("Root Entry", 5, b"", children))


def _streams(properties: dict[int, str], *, header: bytes) -> list[_Entry]:
    table = header
    entries: list[_Entry] = []
    for pid, value in properties.items():
        # Streams below the cutoff live in a mini stream; blanks at the end keep them out of it.
        data = value.encode("utf-16-le")
        data += " ".encode("utf-16-le") * max(0, (_MINI_CUTOFF - len(data)) // 2)
        table += struct.pack("<HHIII", _UNICODE, pid, 6, len(data) + 2, 0)
        entries.append(_Entry(f"__substg1.0_{pid:04X}{_UNICODE:04X}", 2, data, []))
    filler = struct.pack("<HHIII", 0x0003, 0x0E07, 6, 0, 0)
    table += filler * ((_MINI_CUTOFF - len(table)) // len(filler) + 1)
    return [*entries, _Entry("__properties_version1.0", 2, table, [])]


def _compound(root: _Entry) -> bytes:
    sectors: list[bytes] = []
    fat: list[int] = []
    directory: list[bytes] = []

    def store(data: bytes) -> int:
        first = len(sectors)
        count = -(-len(data) // _SECTOR)
        for number in range(count):
            sectors.append(data[number * _SECTOR : (number + 1) * _SECTOR].ljust(_SECTOR, b"\x00"))
            fat.append(first + number + 1 if number + 1 < count else _END)
        return first

    def add(entry: _Entry) -> int:
        place = len(directory)
        directory.append(b"")
        start = store(entry.data) if entry.data else _END
        children = [add(child) for child in entry.children]
        # Siblings as a chain to the right: not balanced, but a valid tree.
        for left, right in pairwise([*children, _NONE] if children else []):
            directory[left] = (
                directory[left][:72] + struct.pack("<I", right) + directory[left][76:]
            )
        name = entry.name.encode("utf-16-le") + b"\x00\x00"
        directory[place] = (
            name.ljust(64, b"\x00")
            + struct.pack(
                "<HBBIII",
                len(name),
                entry.kind,
                1,
                _NONE,
                _NONE,
                children[0] if children else _NONE,
            )
            + b"\x00" * 36
            + struct.pack("<IQ", start, len(entry.data))
        )
        return place

    add(root)
    listing = b"".join(directory)
    listing += (
        b"\x00" * 64 + struct.pack("<HBBIII", 0, 0, 0, _NONE, _NONE, _NONE) + b"\x00" * 48
    ) * (-len(directory) % 4)
    first_directory = store(listing)
    fat_sectors = 1
    while (len(fat) + fat_sectors) * 4 > fat_sectors * _SECTOR:
        fat_sectors += 1
    first_fat = len(sectors)
    table = [*fat, *([_FAT] * fat_sectors)]
    table += [_FREE] * (fat_sectors * _SECTOR // 4 - len(table))
    packed = struct.pack(f"<{len(table)}I", *table)
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 16
    header += struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    header += struct.pack(
        "<IIIIIIIII", 0, fat_sectors, first_directory, 0, _MINI_CUTOFF, _END, 0, _END, 0
    )
    places = [first_fat + number for number in range(fat_sectors)]
    header += struct.pack("<109I", *places, *([_FREE] * (109 - fat_sectors)))
    return header + b"".join(sectors) + packed
