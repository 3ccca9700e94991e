"""What somebody means who names the bot in a triage channel. Pure; the words are content (`commands` in `dialogs/shared/`).

Only the beginning of a line counts: "we stand on call tonight" is no order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from bot.intake.dressing import undress_html
from bot.model.event import Said
from bot.model.library import Library
from bot.model.ticket import Deed, Verb

_NOTE = "note"
_ON_CALL = "on-call"
_NOBODY = "nobody"
_STATS = "stats"

_JOINING = re.compile(r"[\s,;.+&/-]*(?:\b\w{1,3}\b[\s,;.+&/-]*)*")
"""What may stand between names: punctuation, and short words such as "and"."""

_ENDS_A_WORD = ":;,.?! \t\n\xa0"


class RosterOrder(msgspec.Struct, frozen=True):
    """Show who is on call, or set it to the people whom the line names: to nobody, where it says so."""

    sets: bool
    unclear: bool = False
    """There was more in the line than the names of people who could be alerted."""


class StatsOrder(msgspec.Struct, frozen=True):
    """Show the statistics."""


def text_of(said: Said) -> str:
    """Return what was said as plain text."""
    return undress_html(said.text).strip()


def order_in_thread(said: Said, library: Library) -> Deed:
    """Return what a line in a ticket's thread does: an internal note where it begins with the word for one, else a reply."""
    text = text_of(said)
    note = _after(text, _words(library, _NOTE))
    if note is None:
        return Deed(verb=Verb.REPLY, text=text)
    return Deed(verb=Verb.NOTE, text=note)


def order_in_channel(said: Said, library: Library) -> RosterOrder | StatsOrder | None:
    """Return what a line in a triage channel orders, or None where it is not for the queue."""
    text = text_of(said)
    rest = _after(text, _words(library, _ON_CALL))
    if rest is not None:
        if not said.mentions and _after(rest, _words(library, _NOBODY)) == "":
            return RosterOrder(sets=True)
        for person in said.mentions:
            rest = rest.replace(person.name, " ", 1)
        clear = bool(_JOINING.fullmatch(rest)) if said.mentions else not rest.strip()
        return RosterOrder(sets=bool(said.mentions) and clear, unclear=not clear)
    if _after(text, _words(library, _STATS)) is not None:
        return StatsOrder()
    return None


def _words(library: Library, command: str) -> Sequence[str]:
    """Return the words of a command in every language, the longest first."""
    return sorted(set(_spoken(library, command)), key=len, reverse=True)


def _spoken(library: Library, command: str) -> Iterator[str]:
    for words in library.words.values():
        found = words.commands.get(command)
        if found is not None:
            yield from (found.label.casefold(), *(word.casefold() for word in found.typed))


def _after(text: str, words: Sequence[str]) -> str | None:
    """Return what follows one of some words at the beginning of a text, or None where it begins with none of them."""
    for word in words:
        if text[: len(word)].casefold() == word:
            rest = text[len(word) :]
            if not rest or rest[0] in _ENDS_A_WORD:
                return rest.lstrip(_ENDS_A_WORD)
    return None
