"""The guides as programs: their fenced blocks, each marked with where it is run.

```sh try      anywhere: `make test` runs it in a scratch directory
```sh vm       by root on a machine with systemd: `make test-deploy` boots one
```sh hand     only by a person, or only with Azure, Teams or public DNS; a test names every one of them
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

GUIDES = Path(__file__).resolve().parents[1] / "docs" / "guides"

HAND = "sh hand"

_BLOCK = re.compile(r"^( *)```([^\n]*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block."""

    guide: str
    line: int
    marker: str
    """What stands behind the three ticks."""
    script: str


def blocks(guide: str) -> list[Block]:
    """Return the fenced blocks of a guide, in order."""
    text = (GUIDES / guide).read_text(encoding="utf-8")
    return [
        Block(
            guide,
            text.count("\n", 0, found.start()) + 1,
            found[2],
            textwrap.dedent(found[3]),
        )
        for found in _BLOCK.finditer(text)
    ]


def script(guide: str, marker: str, instead: Mapping[str, str] | None = None) -> str:
    """Return the blocks with a marker as one script that ends at the first command that fails, and says in which block.

    Args:
        guide: The guide.
        marker: What marks the blocks that are run as they stand.
        instead: What stands in for the blocks that a person does by hand, by their first line. All of them must be here, and no others:
            nothing is left out without a word. Blocks with other markers are left out.
    """
    left = dict(instead or {})
    parts = ["set -eu"]
    for block in blocks(guide):
        said = f"printf '%s\\n' '--- {guide}:{block.line}'"
        if block.marker == marker:
            parts += [said, block.script]
        elif block.marker == HAND and instead is not None:
            parts += [said, left.pop(block.script.splitlines()[0])]
    assert not left, f"{guide} has no such blocks: {list(left)}"
    return "\n".join(parts)
