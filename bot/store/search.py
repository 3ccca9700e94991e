"""Finding tickets while somebody types. What it costs does not grow with the number of tickets.

A word is the beginning of some terms, and what is looked for has to fulfil a few conditions: to have each word, and to stand in a list. The
condition that fewest tickets fulfil leads: its tickets are taken, and the other conditions are checked on them. Where fewer than
`_LOOKED_AT` fulfil it the answer is complete. Where more do, and so more fulfil every other condition too, only the newest of them
are looked at, `_LOOKED_AT` in all; a beginning that fits many terms is then taken for the first `_TERMS` of these, itself before all
others. Typing on narrows it down. One frequent word in the list of all tickets needs no check, so its pages go on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Final, Protocol

from sqlalchemy import Executable, Select, bindparam, func, select

from bot.model.ticket import OPEN_STATES, State, Ticket
from bot.ports import Listing
from bot.store.tables import ticket_terms, tickets
from bot.store.terms import words_of

_LOOKED_AT = 400
_TERMS = 12
_WORDS = 5
_DEEPEST = 1_000_000
"""Tickets that nobody leafs beyond."""
_NUMBER = re.compile(r"#?(\d{1,9})")
_LAST: Final = "\U0010ffff"
_PORTION = 100

_STATES: dict[Listing, Collection[State]] = {
    Listing.UNASSIGNED: (State.NEW,),
    Listing.MINE: OPEN_STATES,
    Listing.CLOSED: (State.RESOLVED, State.CLOSED, State.WITHDRAWN),
}

_beginning = (
    ticket_terms.c.term >= bindparam("beginning"),
    ticket_terms.c.term < bindparam("end"),
)
_FITTING = select(ticket_terms.c.number).where(*_beginning).limit(_LOOKED_AT)

_walk = select(func.min(ticket_terms.c.term).label("term")).where(*_beginning)
_terms = _walk.cte("terms", recursive=True)
_terms = _terms.union_all(
    select(
        select(func.min(ticket_terms.c.term))
        .where(ticket_terms.c.term > _terms.c.term, ticket_terms.c.term < bindparam("end"))
        .scalar_subquery()
    ).where(_terms.c.term.is_not(None))
)
_TERMS_FITTING = select(_terms.c.term).where(_terms.c.term.is_not(None)).limit(_TERMS)
"""The distinct terms with a beginning, found by seeking from one to the next."""

_OF_TERM = (
    select(ticket_terms.c.number)
    .where(ticket_terms.c.term == bindparam("of_term"))
    .order_by(ticket_terms.c.number.desc())
    .limit(bindparam("most"))
)
_RECENT = select(tickets.c.number).order_by(tickets.c.number.desc()).limit(bindparam("most"))
_IN_STATE = _RECENT.where(tickets.c.state == bindparam("of_state"))
_OF_ASSIGNEE = _IN_STATE.where(tickets.c.assignee == bindparam("of_person"))
_TICKETS = (
    select(tickets.c.document)
    .where(tickets.c.number.in_(bindparam("of_numbers", expanding=True)))
    .order_by(tickets.c.number.desc())
)


class _Rows(Protocol):
    """What a statement gives."""

    def scalars(self) -> Iterable[Any]:
        """Return the first column of each row."""


Run = Callable[[Executable, Mapping[str, Any]], _Rows]


class Search:
    """One search by one person in one of the lists."""

    def __init__(self, run: Run, often: Run, kind: Listing, person: str) -> None:
        """Take how statements are run, and those that are run several times in a search."""
        self._run = run
        self._often = often
        self._kind = kind
        self._person = person

    def find(self, words: str, *, skip: int, limit: int) -> Sequence[Ticket]:
        """Return tickets that have every word, newest first, without their original texts."""
        wanted = list(dict.fromkeys(words_of(words)))[:_WORDS]
        skip = max(skip, 0)
        most = min(skip + limit, _DEEPEST)
        if most <= skip:
            return ()
        numbers = self._with_words(wanted, most) if wanted else self._listed(most)
        page = sorted(numbers, reverse=True)[skip:most]
        if not page:
            return ()
        return list(self._run(_TICKETS, {"of_numbers": page}).scalars())

    def _listed(self, most: int) -> list[int]:
        """Return the newest tickets of the list."""
        if self._kind not in _STATES:
            return list(self._often(_RECENT, {"most": most}).scalars())
        mine = self._kind is Listing.MINE
        numbers: list[int] = []
        for state in _STATES[self._kind]:
            where: dict[str, Any] = {"of_state": state.value, "most": most}
            if mine:
                where["of_person"] = self._person
            numbers += self._often(_OF_ASSIGNEE if mine else _IN_STATE, where).scalars()
        return sorted(numbers, reverse=True)[:most]

    def _with_words(self, words: Sequence[str], most: int) -> Sequence[int]:
        """Return the newest tickets of the list that have every word. A word that is a ticket's number stands for that ticket."""
        for word in words:
            number = _NUMBER.fullmatch(word)
            if number:
                with_it = [other for other in words if other != word]
                found = self._fulfilling([int(number[1])], with_it, most)
                if found:
                    return found
        fitting = [(word, self._fitting(word)) for word in words]
        leading, numbers = min(fitting, key=lambda word: len(word[1]))
        others: Sequence[str] = [word for word in words if word != leading]
        anywhere = self._kind not in _STATES
        if len(numbers) < _LOOKED_AT:
            leaders: Iterable[int] = set(numbers)
        elif anywhere and not others:
            return self._newest(leading, most)
        else:
            leaders, others = self._frequent(leading, words, others)
        return self._fulfilling(sorted(leaders, reverse=True), others, most)

    def _frequent(
        self, leading: str, words: Sequence[str], others: Sequence[str]
    ) -> tuple[Collection[int], Sequence[str]]:
        """Return the newest tickets of the list, or of a word, all words being frequent; and which words are to be checked on them."""
        if self._kind in _STATES:
            listed = self._listed(_LOOKED_AT)
            if len(listed) < _LOOKED_AT:
                return listed, words
        return self._newest(leading, _LOOKED_AT)[:_LOOKED_AT], others

    def _fitting(self, word: str) -> Sequence[int]:
        """Return tickets that have a word, each as often as it has it, `_LOOKED_AT` at most."""
        return list(self._often(_FITTING, _range(word)).scalars())

    def _newest(self, word: str, most: int) -> Sequence[int]:
        """Return the newest tickets that have a frequent word."""
        numbers: set[int] = set()
        for term in list(self._often(_TERMS_FITTING, _range(word)).scalars()):
            numbers.update(self._often(_OF_TERM, {"of_term": term, "most": most}).scalars())
        return sorted(numbers, reverse=True)[:most]

    def _fulfilling(
        self, numbers: Sequence[int], words: Sequence[str], most: int
    ) -> Sequence[int]:
        """Return those of some tickets that stand in the list and have every word."""
        where: dict[str, Any] = {"of_person": self._person}
        for place, word in enumerate(words):
            where |= {f"beginning_{place}": word, f"end_{place}": word + _LAST}
        check = _check(self._kind, len(words))
        found: list[int] = []
        for first in range(0, len(numbers), _PORTION):
            some = {"of_numbers": list(numbers[first : first + _PORTION])}
            found += self._run(check, where | some).scalars()
            if len(found) >= most:
                break
        return found[:most]


@cache
def _check(kind: Listing, words: int) -> Select[Any]:
    """Return what finds those of some tickets that stand in a list and have some number of words."""
    query = (
        select(tickets.c.number)
        .where(tickets.c.number.in_(bindparam("of_numbers", expanding=True)))
        .order_by(tickets.c.number.desc())
    )
    if kind in _STATES:
        query = query.where(tickets.c.state.in_([state.value for state in _STATES[kind]]))
    if kind is Listing.MINE:
        query = query.where(tickets.c.assignee == bindparam("of_person"))
    for place in range(words):
        term = ticket_terms.alias(f"term_{place}")
        query = query.where(
            select(term.c.number)
            .where(
                term.c.number == tickets.c.number,
                term.c.term >= bindparam(f"beginning_{place}"),
                term.c.term < bindparam(f"end_{place}"),
            )
            .exists()
        )
    return query


def _range(word: str) -> dict[str, str]:
    return {"beginning": word, "end": word + _LAST}
