"""What a typed line means where a button was expected.

A line names a choice when it is the choice's number, its label or one of its typed words, in any language we speak, or
clearly close to one (rapidfuzz). Whole phrases are compared, never substrings: "human resources" does not ask for a human.
"""

from collections.abc import Iterable, Mapping, Sequence

from rapidfuzz import fuzz

from bot.model import limits
from bot.model.ids import ChoiceId

Phrases = Mapping[ChoiceId, Sequence[str]]
"""The words that name each choice, in the order the choices are shown."""

_PUNCTUATION = str.maketrans(dict.fromkeys(".,!?:;\"'’‘“”«»()[]/\\*_-–—", " "))
_CONTAINED = 95.0
"""Score of a phrase of several words that stand inside a longer line. A single word inside a line means nothing: "human resources"."""


def named_choice(
    line: str, visible: Phrases, always: Phrases, *, whole: bool = False
) -> ChoiceId | None:
    """Return the choice that a typed line clearly names, or None.

    Args:
        line: What was typed, one line.
        visible: The choices of the step, which also answer to their number (1 is the first).
        always: Choices that are there at every step, asked after the visible ones.
        whole: The line must be the phrase, not just contain it.
    """
    said = _plain(line)
    if not said or len(said) > limits.TYPED_CHARS:
        return None
    if said.isdecimal():
        position = int(said) - 1
        ids = list(visible)
        return ids[position] if 0 <= position < len(ids) else None
    for phrases in (visible, always):
        for choice, words in phrases.items():
            if any(_plain(word) == said for word in words):
                return choice
    return _closest(said, visible, always, whole=whole)


def without(line: str, phrases: Sequence[str]) -> str:
    """Return a line, plain and in lower case, without the phrases that stand at its beginning and at its end."""
    rest = _plain(line)
    plain = sorted({_plain(phrase) for phrase in phrases} - {""}, key=len, reverse=True)
    while True:
        shorter = rest
        for phrase in plain:
            shorter = f"{shorter} ".removeprefix(f"{phrase} ").strip()
            shorter = f" {shorter}".removesuffix(f" {phrase}").strip()
        if shorter == rest:
            return rest
        rest = shorter


def _closest(said: str, visible: Phrases, always: Phrases, *, whole: bool) -> ChoiceId | None:
    scores: dict[ChoiceId, float] = {}
    for choice, words in _pairs(visible, always):
        best = max((_score(said, _plain(word), whole=whole) for word in words), default=0.0)
        scores[choice] = max(best, scores.get(choice, 0.0))
    if not scores:
        return None
    ranked = sorted(scores.items(), key=lambda entry: entry[1], reverse=True)
    choice, best = ranked[0]
    runner_up = ranked[1][1] if len(ranked) > 1 else 0.0
    clear = best >= limits.TYPED_MATCH and best - runner_up >= limits.TYPED_LEAD
    return choice if clear else None


def _pairs(*groups: Phrases) -> Iterable[tuple[ChoiceId, Sequence[str]]]:
    for group in groups:
        yield from group.items()


def _score(said: str, phrase: str, *, whole: bool) -> float:
    if not phrase:
        return 0.0
    alike = max(fuzz.ratio(said, phrase), fuzz.token_sort_ratio(said, phrase))
    words = phrase.split()
    contained = not whole and len(words) > 1 and set(words) <= set(said.split())
    return max(alike, _CONTAINED) if contained else alike


def _plain(text: str) -> str:
    return " ".join(text.casefold().translate(_PUNCTUATION).split())
