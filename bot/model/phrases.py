"""Plain phrases, found in a text all at once: authors write no patterns, so nothing can blow up.

A text is prepared once (`Folded`) and asked by many phrasebooks. A phrasebook looks only for the phrases whose
words the text has, so its cost follows the text, not the number of phrases.
"""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

_ASCII = 0x7F
# On UTF-8 octets, so that text of any script is split in one pass: signs of ASCII become blanks, the rest stays.
_SPACED = bytes(octet if octet > _ASCII or chr(octet).isalnum() else 0x20 for octet in range(256))
# Text of many signs beyond the basic plane, whose octets take longer to decode again than a pattern to pass over.
_WIDE = 2
_BEYOND = b"\xf0"
_EVERY = 64
_WIDE_WORD = re.compile(
    r"[^\x00-/:-@\[-`{-\x7f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+"
)


class Folded:
    """A text without case and line breaks, character for character as long as the original."""

    __slots__ = ("text", "words")

    def __init__(self, text: str) -> None:
        """Fold a text. Positions in `text` are positions in the original."""
        self.text = lowered(text).replace("\n", " ").replace("\t", " ")
        self.words = frozenset(_words(self.text))


def lowered(text: str) -> str:
    """Return a text in lower case, character for character as long as the original."""
    # One capital has a longer small form; without its dot it has not, so that positions hold. The long s is an s.
    return text.replace("İ", "I").replace("ſ", "s").lower()


class Found(NamedTuple, Generic[T]):
    """A phrase that the text has, where, and what it stands for."""

    start: int
    end: int
    phrase: str
    value: T


def fold_phrase(phrase: str) -> str:
    """Return a phrase as texts are compared: lower case, white space squeezed to single blanks."""
    return " ".join(phrase.lower().split())


class Phrasebook(Generic[T]):
    """Phrases with what they stand for, indexed by the word that fewest of them share.

    A phrase is found where its words stand as whole words; scripts without blanks are found anywhere.
    """

    def __init__(self, entries: Iterable[tuple[str, T]]) -> None:
        """Index the phrases. Empty phrases are left out."""
        book = [
            (phrase, frozenset(() if _is_unspaced(phrase) else _words(phrase)), value)
            for phrase, value in ((fold_phrase(raw), value) for raw, value in entries)
            if phrase
        ]
        shared = Counter(word for _, words, _ in book for word in words)
        # By the rarest word; the next two are looked at before the text is searched.
        self._by_word: dict[str, list[tuple[str, str, str, T]]] = {}
        self._wordless: list[tuple[str, T]] = []
        for phrase, words, value in book:
            rare = sorted(words, key=lambda word: (shared[word], -len(word), word))
            if rare:
                second, third = rare[min(1, len(rare) - 1)], rare[min(2, len(rare) - 1)]
                self._by_word.setdefault(rare[0], []).append((second, third, phrase, value))
            else:
                self._wordless.append((phrase, value))
        self._index = frozenset(self._by_word)
        # Literals side by side: one pass tells that none of them is there.
        self._any_wordless = re.compile(
            "|".join(re.escape(phrase) for phrase, _ in self._wordless)
        )

    def find(self, folded: Folded, start: int = 0, end: int | None = None) -> list[Found[T]]:
        """Return the first place of every phrase that stands in `text[start:end]`, in the order of the text."""
        text, words = folded.text, folded.words
        stop = len(text) if end is None else end
        found: list[Found[T]] = []
        for word in self._index & words:
            for second, third, phrase, value in self._by_word[word]:
                if second in words and third in words:
                    at = text.find(phrase, start, stop)
                    if at >= 0:
                        found.append(Found(at, at + len(phrase), phrase, value))
        if self._wordless and not text.isascii() and self._any_wordless.search(text, start, stop):
            for phrase, value in self._wordless:
                if (at := text.find(phrase, start, stop)) >= 0:
                    found.append(Found(at, at + len(phrase), phrase, value))
        if len(found) > 1:
            found.sort(key=_place)
        return found


def _place(found: Found[T]) -> tuple[int, int, str]:
    return (found.start, -found.end, found.phrase)


def _words(text: str) -> list[str]:
    if not text.isascii() and _is_wide(text[::_EVERY]):
        return _WIDE_WORD.findall(text)
    octets = text.encode("utf-8", "surrogatepass")
    return octets.translate(_SPACED).decode("utf-8", "surrogatepass").split()


def _is_wide(sample: str) -> bool:
    octets = sample.encode("utf-8", "surrogatepass")
    return len(octets) > len(sample) * _WIDE and _BEYOND in octets


def _is_unspaced(phrase: str) -> bool:
    return any(ord(sign) > _FIRST_UNSPACED for sign in phrase)


_FIRST_UNSPACED = 0x2E7F
"""Scripts from here on (Han, kana, Hangul) are written without blanks between words, or inflect inside them."""
