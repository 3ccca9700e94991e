"""Compares locked versions with published advisories, without the network: `python .ci/advisories.py requirements.lock …`.

Prints what is affected and exits with 1, so that `make check` fails; the table beside this file says what is known and when that was.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import NamedTuple

from packaging.utils import canonicalize_name
from packaging.version import Version

TABLE = Path(__file__).with_name("advisories.tsv")
_LOCKED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)", re.MULTILINE)


class Advisory(NamedTuple):
    """What was published about a package."""

    package: str
    fixed_in: Version
    ids: str


def read_table(text: str) -> list[Advisory]:
    """Return the advisories of a table. Raises ValueError for a line that is none."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    rows = [line.split("\t") for line in lines]
    return [Advisory(canonicalize_name(name), Version(fixed), ids) for name, fixed, ids in rows]


def read_lock(text: str) -> dict[str, Version]:
    """Return the versions that a lock file names."""
    return {canonicalize_name(name): Version(version) for name, version in _LOCKED.findall(text)}


def problems(advisories: list[Advisory], locks: dict[str, dict[str, Version]]) -> list[str]:
    """Return what is wrong: a locked version with an advisory, a lock that names nothing, a line for what is locked nowhere."""
    found = [f"{name} names no version at all" for name, locked in locks.items() if not locked]
    for one in advisories:
        where = {
            name: locked[one.package] for name, locked in locks.items() if one.package in locked
        }
        if not where:
            found.append(f"{TABLE.name}: {one.package} is locked no more: take the line out")
        found += [
            f"{name}: {one.package} {version} is affected by {one.ids}; fixed in {one.fixed_in}"
            for name, version in where.items()
            if version < one.fixed_in
        ]
    return found


def main(files: list[str]) -> int:
    """Compare the locks with the table; return the exit code."""
    advisories = read_table(TABLE.read_text(encoding="utf-8"))
    locks = {name: read_lock(Path(name).read_text(encoding="utf-8")) for name in files}
    found = problems(advisories, locks)
    for line in found:
        sys.stderr.write(line + "\n")
    packages = sum(map(len, locks.values()))
    sys.stdout.write(
        f"{packages} locked versions, {len(advisories)} advisories: {len(found)} found\n"
    )
    return 1 if found or not files else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
