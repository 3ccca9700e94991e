"""Plain phrases, found in a text all at once: no regular expression, so nothing can blow up.

A text is prepared once (`Folded`) and asked by many phrasebooks. A phrasebook looks only for the phrases whose
rarest word the text has, so its cost follows the text, not the number of phrases.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

_SPACED = {ord(sign): " " for sign in "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\n\t\r"}
_FLAT = {ord("\n"): " ", ord("\t"): " ", ord("\r"): " "}


class Folded:
    """A text without case and line breaks, character for character as long as the original."""

    __slots__ = ("text", "words")

    def __init__(self, text: str) -> None:
        """Fold a text. Positions in `text` are positions in the original."""
        flat = text.lower()
        if len(flat) != len(text):
            flat = "".join(low if len(low := sign.lower()) == 1 else sign for sign in text)
        self.text = flat.translate(_FLAT)
        self.words = frozenset(self.text.translate(_SPACED).split())


class Found(NamedTuple, Generic[T]):
    """A phrase that the text has, where, and what it stands for."""

    start: int
    end: int
    phrase: str
    value: T


def fold_phrase(phrase: str) -> str:
    """Return a phrase as texts are compared: lower case, white space squeezed to single blanks."""
    return " ".join(phrase.lower().split())


def words_of(phrase: str) -> tuple[str, ...]:
    """Return the words of a folded phrase that an index can use; none for scripts without blanks."""
    if not phrase.isascii() and any(ord(sign) > 0x2E7F for sign in phrase):
        return ()
    return tuple(phrase.translate(_SPACED).split())


class Phrasebook(Generic[T]):
    """Phrases with what they stand for, indexed by the word that fewest of them share."""

    def __init__(self, entries: Iterable[tuple[str, T]]) -> None:
        """Index the phrases. Empty phrases are left out."""
        folded = [(fold_phrase(phrase), value) for phrase, value in entries]
        folded = [entry for entry in folded if entry[0]]
        # The first and the last word may be cut off in the text or be part of a longer one: use inner words first.
        count = Counter(word for phrase, _ in folded for word in set(words_of(phrase)))
        self._by_word: dict[str, list[tuple[str, T]]] = {}
        self._wordless: list[tuple[str, T]] = []
        for phrase, value in folded:
            words = words_of(phrase)
            if not words:
                self._wordless.append((phrase, value))
                continue
            inner = words[1:-1] or words
            rarest = min(inner, key=lambda word: (count[word], -len(word), word))
            self._by_word.setdefault(rarest, []).append((phrase, value))
        self._words = frozenset(self._by_word)

    def find(self, folded: Folded, start: int = 0, end: int | None = None) -> list[Found[T]]:
        """Return the first place of every phrase that stands in `text[start:end]`, in the order of the text."""
        text = folded.text
        stop = len(text) if end is None else end
        found: list[Found[T]] = []
        for phrase, value in self._candidates(folded):
            at = text.find(phrase, start, stop)
            if at >= 0:
                found.append(Found(at, at + len(phrase), phrase, value))
        found.sort(key=lambda hit: (hit.start, -hit.end, hit.phrase))
        return found

    def _candidates(self, folded: Folded) -> Iterator[tuple[str, T]]:
        for word in self._words & folded.words:
            yield from self._by_word[word]
        if self._wordless and not folded.text.isascii():
            yield from self._wordless
