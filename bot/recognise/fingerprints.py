"""Finds the fingerprints that a report bears. A fingerprint is content: a code and plain phrases, no pattern."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from bot.model.library import Fingerprint
from bot.model.phrases import Folded, Found, Phrasebook, fold_phrase


class Bearing(msgspec.Struct, frozen=True):
    """A fingerprint that the report bears, and the phrases that showed it."""

    fingerprint: Fingerprint
    phrases: tuple[Found[None], ...]

    @property
    def weight(self) -> int:
        """Return the characters of phrases found: the longer, the more particular."""
        return sum(len(hit.phrase) for hit in self.phrases)


class _Mark(msgspec.Struct, frozen=True):
    """A fingerprint with its phrases as texts are compared."""

    fingerprint: Fingerprint
    any: tuple[str, ...]
    all: tuple[str, ...]
    none: tuple[str, ...]

    def borne(self, found: Mapping[str, Found[None]], codes: tuple[str, ...]) -> Bearing | None:
        """Return the phrases that show it, or None where something is missing or speaks against it."""
        code = self.fingerprint.code
        if code is not None and code not in codes:
            return None
        if any(phrase in found for phrase in self.none):
            return None
        if not all(phrase in found for phrase in self.all):
            return None
        some = [found[phrase] for phrase in self.any if phrase in found]
        if self.any and not some:
            return None
        return Bearing(self.fingerprint, (*(found[phrase] for phrase in self.all), *some))


class FingerprintIndex:
    """All fingerprints of a library, found by the phrases and codes a text has, not one after the other."""

    def __init__(self, fingerprints: Iterable[Fingerprint]) -> None:
        """Index each fingerprint by the phrases that fewest others share; those without phrases by code."""
        self._marks = tuple(
            _Mark(mark, *(_folded(phrases) for phrases in (mark.any, mark.all, mark.none)))
            for mark in fingerprints
        )
        shared = Counter(
            phrase for mark in self._marks for phrase in (*mark.any, *mark.all, *mark.none)
        )
        self._phrases: Phrasebook[None] = Phrasebook((phrase, None) for phrase in shared)
        self._by_phrase: dict[str, list[int]] = {}
        self._by_code: dict[str, list[int]] = {}
        for place, mark in enumerate(self._marks):
            for phrase in _keys(mark, shared):
                self._by_phrase.setdefault(phrase, []).append(place)
            if not mark.any and not mark.all and mark.fingerprint.code:
                self._by_code.setdefault(mark.fingerprint.code, []).append(place)

    def borne(self, texts: Iterable[Folded], codes: tuple[str, ...]) -> list[Bearing]:
        """Return the fingerprints that the texts and codes bear, in the order of the library."""
        found: dict[str, Found[None]] = {}
        for folded in texts:
            for hit in self._phrases.find(folded):
                found.setdefault(hit.phrase, hit)
        places = {place for phrase in found for place in self._by_phrase.get(phrase, ())}
        places.update(place for code in codes for place in self._by_code.get(code, ()))
        bearings = (self._marks[place].borne(found, codes) for place in sorted(places))
        return [bearing for bearing in bearings if bearing]


def _folded(phrases: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(fold_phrase(phrase) for phrase in phrases if phrase.strip()))


def _keys(mark: _Mark, shared: Counter[str]) -> tuple[str, ...]:
    """Return phrases of which one must be there for the fingerprint to be borne, the least shared ones."""
    rarest = min(mark.all, key=lambda phrase: (shared[phrase], phrase), default=None)
    if rarest is None:
        return mark.any
    if mark.any and sum(shared[phrase] for phrase in mark.any) < shared[rarest]:
        return mark.any
    return (rarest,)
