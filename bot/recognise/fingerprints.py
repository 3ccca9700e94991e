"""Finds the fingerprints that a report bears. A fingerprint is content: a code and plain phrases, no pattern."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum

import msgspec

from bot.model.library import Fingerprint
from bot.model.phrases import Folded, Found, Phrasebook, fold_phrase


class _Role(Enum):
    ANY = 0
    ALL = 1
    NONE = 2


class Bearing(msgspec.Struct, frozen=True):
    """A fingerprint that the report bears, and the phrases that showed it."""

    fingerprint: Fingerprint
    phrases: tuple[Found[tuple[int, _Role]], ...]

    @property
    def weight(self) -> int:
        """Return the characters of phrases found: the longer, the more particular."""
        return sum(len(hit.phrase) for hit in self.phrases)


class FingerprintIndex:
    """All fingerprints of a library, found by the phrases and codes a text has, not one after the other."""

    def __init__(self, fingerprints: Iterable[Fingerprint]) -> None:
        """Index phrases by word, and fingerprints without phrases by code."""
        self._all = tuple(fingerprints)
        self._phrases: Phrasebook[tuple[int, _Role]] = Phrasebook(
            (phrase, (place, role))
            for place, mark in enumerate(self._all)
            for role, phrases in (
                (_Role.ANY, mark.any),
                (_Role.ALL, mark.all),
                (_Role.NONE, mark.none),
            )
            for phrase in phrases
        )
        self._by_code: dict[str, list[int]] = {}
        for place, mark in enumerate(self._all):
            if not mark.any and not mark.all and mark.code:
                self._by_code.setdefault(mark.code, []).append(place)

    def borne(self, texts: Iterable[Folded], codes: tuple[str, ...]) -> list[Bearing]:
        """Return the fingerprints that the texts and codes bear, in the order of the library."""
        found: dict[int, dict[str, Found[tuple[int, _Role]]]] = {}
        for folded in texts:
            for hit in self._phrases.find(folded):
                found.setdefault(hit.value[0], {}).setdefault(
                    f"{hit.value[1].value}{hit.phrase}", hit
                )
        for code in codes:
            for place in self._by_code.get(code, ()):
                found.setdefault(place, {})
        return [
            Bearing(self._all[place], tuple(hit for hit in found[place].values()))
            for place in sorted(found)
            if self._holds(self._all[place], found[place], codes)
        ]

    @staticmethod
    def _holds(
        mark: Fingerprint, hits: Mapping[str, Found[tuple[int, _Role]]], codes: tuple[str, ...]
    ) -> bool:
        roles = [hit.value[1] for hit in hits.values()]
        if _Role.NONE in roles or (mark.code is not None and mark.code not in codes):
            return False
        if mark.any and _Role.ANY not in roles:
            return False
        wanted = {fold_phrase(phrase) for phrase in mark.all}
        return wanted <= {hit.phrase for hit in hits.values() if hit.value[1] is _Role.ALL}
