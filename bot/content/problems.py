"""What is wrong with the content, where, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Severity(StrEnum):
    """An error cannot run. A warning runs, and is suspicious."""

    ERROR = "error"
    WARNING = "warning"


class Place(NamedTuple):
    """A line of a file, as an editor counts (the first line is 1)."""

    path: str
    """Relative to the content's folder, with forward slashes."""
    line: int = 1


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One finding of `bouncedesk lint`."""

    path: str
    line: int
    severity: Severity
    rule: str
    """Id of the check, such as `unknown-target`."""
    message: str
    """What is wrong; after a semicolon, the next step."""

    def __str__(self) -> str:
        """Return the line that editors and build servers can jump from."""
        return f"{self.path}:{self.line}: {self.severity}[{self.rule}] {self.message}"


class Findings:
    """Collects problems: nothing stops at the first."""

    def __init__(self) -> None:
        """Start with none."""
        self._problems: set[Problem] = set()

    def error(self, place: Place, rule: str, message: str) -> None:
        """Add a finding that the content cannot run with."""
        self._problems.add(Problem(*place, Severity.ERROR, rule, message))

    def warning(self, place: Place, rule: str, message: str) -> None:
        """Add a suspicious finding."""
        self._problems.add(Problem(*place, Severity.WARNING, rule, message))

    @property
    def all(self) -> list[Problem]:
        """Everything found, by file and line."""
        return sorted(self._problems)

    @property
    def errors(self) -> list[Problem]:
        """Only what the content cannot run with."""
        return [problem for problem in self.all if problem.severity is Severity.ERROR]
