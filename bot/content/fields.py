"""Reading a mapping of the format: each known key once, with the right shape. What is left over is unknown."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import TypeVar

from bot.content.problems import Findings, Place
from bot.content.tree import List, Map, Text, Value

E = TypeVar("E", bound=StrEnum)

_CLOSE_ENOUGH = 70
"""Score (0-100) from which another spelling is worth suggesting."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the next step for a name that nothing answers to."""
    from rapidfuzz import fuzz, process  # noqa: PLC0415 - only a broken file pays for the import

    names = sorted(known)
    best = process.extractOne(name, names, scorer=fuzz.ratio, score_cutoff=_CLOSE_ENOUGH)
    if best is not None:
        return f"did you mean '{best[0]}'?"
    return f"known: {', '.join(names)}" if names and len(names) <= 12 else "check the spelling"  # noqa: PLR2004 - a longer list helps nobody


class Fields:
    """One mapping being read. Problems are collected; a value that is not there comes as an empty one."""

    def __init__(self, value: Value | None, place: Place, findings: Findings) -> None:
        """Take the mapping; anything else is reported and read as an empty one."""
        self.findings = findings
        self.place = value.place if value is not None else place
        self._taken: set[str] = set()
        if isinstance(value, Map):
            self._map = value
        else:
            self._map = Map({}, {}, self.place)
            if value is not None and not _empty(value):
                findings.error(self.place, "wrong-shape", "`key: value` lines belong here")

    def __contains__(self, key: str) -> bool:
        """Return whether a key is given."""
        return key in self._map.fields

    def at(self, key: str) -> Place:
        """Return the place of a key, or of the mapping when it is not given."""
        return self._map.keys.get(key, self.place)

    def take(self, key: str) -> Value | None:
        """Take a value of any shape."""
        self._taken.add(key)
        return self._map.fields.get(key)

    def text(self, key: str) -> str | None:
        """Take a text, or None."""
        value = self.take(key)
        if value is None:
            return None
        if isinstance(value, Text):
            if value.value.strip():
                return value.value
            self.findings.error(
                self.at(key), "empty", f"'{key}' has no value; write one or remove it"
            )
        else:
            self._shape(key, "one text")
        return None

    def need(self, key: str) -> str:
        """Take a text that must be there."""
        value = self.text(key)
        if value is None and key not in self:
            self.findings.error(self.place, "missing-key", f"'{key}' is missing here; add it")
        return value or ""

    def texts(self, key: str) -> tuple[str, ...]:
        """Take a list of texts."""
        value = self.take(key)
        if value is None or _empty(value):
            return ()
        if not isinstance(value, List):
            self._shape(key, "a list: [one, two]")
            return ()
        found: list[str] = []
        for item in value.items:
            if isinstance(item, Text) and item.value.strip():
                found.append(item.value)
            else:
                self.findings.error(item.place, "wrong-shape", f"'{key}' is a list of texts")
        for text in {text for text in found if found.count(text) > 1}:
            self.findings.warning(
                self.at(key), "twice", f"'{text}' stands twice in '{key}'; remove one"
            )
        return tuple(found)

    def items(self, key: str) -> Iterator[Value]:
        """Take a list whose items have a shape of their own."""
        value = self.take(key)
        if value is None or _empty(value):
            return
        if not isinstance(value, List):
            self._shape(key, "a list")
            return
        yield from value.items

    def fields(self, key: str) -> "Fields":
        """Take a mapping."""
        return Fields(self.take(key), self.at(key), self.findings)

    def each(self) -> Iterator[tuple[str, "Fields"]]:
        """Take every entry as a mapping of its own: for entries by id."""
        for key, value in self._map.fields.items():
            self._taken.add(key)
            yield key, Fields(value, self._map.keys[key], self.findings)

    def pairs(self) -> dict[str, str]:
        """Take every entry as a text."""
        return {key: text for key in self._map.fields if (text := self.text(key)) is not None}

    def lists(self) -> dict[str, tuple[str, ...]]:
        """Take every entry as a list of texts."""
        return {key: self.texts(key) for key in self._map.fields}

    def choice(self, key: str, kind: type[E], default: E) -> E:
        """Take one word of a closed vocabulary."""
        value = self.text(key)
        return default if value is None else self.member(key, value, kind, default)

    def member(self, key: str, value: str, kind: type[E], default: E) -> E:
        """Return the word of a closed vocabulary that a text is."""
        try:
            return kind(value)
        except ValueError:
            hint = did_you_mean(value, (member.value for member in kind))
            self.findings.error(self.at(key), "unknown-word", f"'{value}' is no {key}; {hint}")
            return default

    def number(self, key: str, default: int, *, least: int, most: int) -> int:
        """Take a whole number within bounds."""
        value = self.text(key)
        if value is None:
            return default
        if value.isascii() and value.isdigit() and len(value) <= len(str(most)):
            number = int(value)
            if least <= number <= most:
                return number
        self.findings.error(
            self.at(key),
            "bad-number",
            f"'{key}' is a whole number from {least} to {most}, not '{value}'",
        )
        return default

    def yes_no(self, key: str) -> bool:
        """Take `yes` or `no`."""
        value = self.need(key)
        if value not in {"yes", "no", ""}:
            self.findings.error(
                self.at(key), "unknown-word", f"'{key}' is yes or no, not '{value}'"
            )
        return value == "yes"

    def format(self) -> None:
        """Take the version of the format."""
        value = self.need("format")
        if value not in {"1", ""}:
            self.findings.error(
                self.at("format"),
                "unknown-format",
                f"format {value} is not known; this version reads 1",
            )

    def close(self) -> None:
        """Report every key that nobody took."""
        for key in self._map.fields:
            if key not in self._taken:
                hint = did_you_mean(key, self._taken)
                self.findings.error(
                    self.at(key), "unknown-key", f"'{key}' is not known here; {hint}"
                )

    def _shape(self, key: str, wanted: str) -> None:
        self.findings.error(self.at(key), "wrong-shape", f"'{key}' takes {wanted}")


def _empty(value: Value) -> bool:
    return isinstance(value, Text) and not value.value.strip()
