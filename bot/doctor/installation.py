"""What all checks look at: the settings as far as they can be read, the clock, and what was asked for on the command line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.doctor.finding import Finding
from bot.ports import Clock
from bot.settings import Reading, Settings


@dataclass(frozen=True, slots=True)
class Installation:
    """One installation of the bot."""

    reading: Reading
    local: bool
    """It is run with `--local`: this machine only, without credentials."""
    package: Path
    """Where the built app package lies, if it was built."""
    clock: Clock

    @property
    def settings(self) -> Settings:
        """The settings, with the default in the place of everything that is wrong."""
        return self.reading.settings


Look = Callable[[Installation], Awaitable[Sequence[Finding]]]


@dataclass(frozen=True, slots=True)
class Area:
    """Checks that belong together."""

    id: str
    title: str
    look: Look


def variable(setting: str) -> str:
    """Return a setting's name in the environment."""
    return f"BOUNCEDESK_{setting.upper()}"


def listed(names: Iterable[str]) -> str:
    """Return names as a list in a sentence: `a, b and c`."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
