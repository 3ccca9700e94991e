"""The two doors of this room: `load_library` for the program, `check` for authors."""

from pathlib import Path

from bot.content.build import build
from bot.content.checks import FAULTS, SUSPICIONS
from bot.content.problems import Findings, Problem
from bot.content.read import read_content
from bot.content.sources import Content
from bot.model.errors import ContentError
from bot.model.library import Library


def load_library(path: Path) -> Library:
    """Read the content's folder and return it as values, checked.

    Raises:
        ContentError: The content cannot be used; says every error, one a line, with file and line.
    """
    findings = Findings()
    content = read_content(path, findings)
    for fault in FAULTS:
        fault(content, findings)
    if findings.errors:
        raise ContentError("\n" + "\n".join(map(str, findings.errors)))
    return build(content)


def check(path: Path) -> list[Problem]:
    """Return everything that is wrong or suspicious in the content's folder, by file and line."""
    return examine(path)[1]


def examine(path: Path) -> tuple[Content, list[Problem]]:
    """Return the content as far as it could be read, and everything that `check` says about it.

    Bounces are tried out only where nothing else is wrong: recognition needs the library.
    """
    from bot.content.checks.recognition import bounces_land  # noqa: PLC0415 - only authors need it

    findings = Findings()
    content = read_content(path, findings)
    for one in (*FAULTS, *SUSPICIONS):
        one(content, findings)
    if not findings.errors:
        bounces_land(content, build(content), findings)
    return content, findings.all
