"""What the doctor says: what was seen, what it means, and the one next step."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Outcome(StrEnum):
    """How something stands."""

    OK = "ok"
    WARNING = "warning"
    """It works now. Somebody should look at it."""
    PROBLEM = "problem"
    """Something does not work."""
    NOT_CHECKED = "not-checked"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at."""

    id: str
    """For programs and for docs/guides/doctor.md; never changes: the check's, and after a dot what is wrong."""
    title: str
    outcome: Outcome
    seen: str
    """What was there; where nothing was checked, why not."""
    means: str = ""
    next_step: str = ""


class Check(msgspec.Struct, frozen=True):
    """Something that is looked at."""

    id: str
    title: str

    def ok(self, seen: str, *, about: str = "") -> Finding:
        """Say that it is as it should be."""
        return Finding(id=self.id, title=_titled(self, about), outcome=Outcome.OK, seen=seen)

    def not_checked(self, because: str, *, about: str = "") -> Finding:
        """Say that it was not looked at, and why: a sentence's end after "because"."""
        return Finding(
            id=self.id,
            title=_titled(self, about),
            outcome=Outcome.NOT_CHECKED,
            seen=f"not checked because {because}",
        )


class Flaw(msgspec.Struct, frozen=True, kw_only=True):
    """Something that can be wrong with it."""

    check: Check
    name: str
    outcome: Outcome = Outcome.PROBLEM
    means: str
    """With places for words (`{setting}`), as `next_step` has."""
    next_step: str

    @property
    def id(self) -> str:
        """The id of its findings."""
        return f"{self.check.id}.{self.name}"

    def found(self, seen: str, *, about: str = "", **words: object) -> Finding:
        """Say that it is so.

        Args:
            seen: What was seen: a sentence without any secret.
            about: Which one, where a check is made of several.
            words: What fills the places in the words.
        """
        return Finding(
            id=self.id,
            title=_titled(self.check, about),
            outcome=self.outcome,
            seen=seen,
            means=self.means.format_map(words),
            next_step=self.next_step.format_map(words),
        )


def _titled(check: Check, about: str) -> str:
    return f"{check.title} ({about})" if about else check.title
