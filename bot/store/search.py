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

from sqlalchemy import ColumnElement, Executable, Select, bindparam, func, literal, select

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

_STATES: dict[Listing, Collection[State]] = {
    Listing.UNASSIGNED: (State.NEW,),
    Listing.MINE: OPEN_STATES,
    Listing.CLOSED: (State.RESOLVED, State.CLOSED, State.WITHDRAWN),
}

_beginning = (
    ticket_terms.c.term >= bindparam("beginning"),
    ticket_terms.c.term < bindparam("end"),
)
_FITTING = select(func.count()).select_from(
    select(ticket_terms.c.number).where(*_beginning).limit(_LOOKED_AT).subquery()
)

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

_RECENT = select(tickets.c.number).order_by(tickets.c.number.desc()).limit(bindparam("most"))
_IN_STATE = _RECENT.where(tickets.c.state == bindparam("of_state"))
_OF_ASSIGNEE = _IN_STATE.where(tickets.c.assignee == bindparam("of_person"))
_AMONG = _RECENT.where(tickets.c.number.in_(bindparam("of_numbers", expanding=True)))
_TICKETS = (
    select(tickets.c.document)
    .where(tickets.c.number.in_(bindparam("of_numbers", expanding=True)))
    .order_by(tickets.c.number.desc())
)


class _Rows(Protocol):
    """What a statement gives."""

    def first(self) -> Any | None:  # noqa: ANN401 - SQLAlchemy's row
        """Return the first row, or None when there is none."""

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
                found = self._among([int(number[1])], _without(words, word), most)
                if found:
                    return found
        sizes = [(self._fitting(word), word) for word in words]
        size, leading = min(sizes, key=lambda sized: sized[0])
        others = _without(words, leading)
        if size < _LOOKED_AT:
            where = _range(leading) | self._others(others) | {"most": most}
            return list(self._often(_having_rare(self._kind, len(others)), where).scalars())
        if self._kind in _STATES:
            listed = self._listed(_LOOKED_AT)
            if len(listed) < _LOOKED_AT:
                return self._among(listed, words, most)
        return self._having_frequent(leading, others, most)

    def _fitting(self, word: str) -> int:
        """Return how often tickets have a word, `_LOOKED_AT` at most."""
        row = self._often(_FITTING, _range(word)).first()
        return 0 if row is None else int(row[0])

    def _having_frequent(self, leading: str, others: Sequence[str], most: int) -> Sequence[int]:
        """Return the newest tickets that have a frequent word, and others."""
        terms = list(self._often(_TERMS_FITTING, _range(leading)).scalars())
        unchecked = not others and self._kind not in _STATES
        looked_at = most if unchecked else max(_LOOKED_AT // max(len(terms), 1), 1)
        query = _having_term(self._kind, len(others))
        where = self._others(others) | {"most": most, "looked_at": looked_at}
        numbers: set[int] = set()
        for term in terms:
            numbers.update(self._often(query, where | {"of_term": term}).scalars())
        return sorted(numbers, reverse=True)[:most]

    def _among(self, numbers: Sequence[int], words: Sequence[str], most: int) -> Sequence[int]:
        """Return those of some tickets that stand in the list and have every word."""
        query = _narrowed(_AMONG, tickets.c.number, self._kind, len(words))
        where = self._others(words) | {"of_numbers": numbers, "most": most}
        return list(self._run(query, where).scalars())

    def _others(self, words: Sequence[str]) -> dict[str, Any]:
        """Return the values that a query is narrowed by."""
        where: dict[str, Any] = {}
        for place, word in enumerate(words):
            where |= {f"beginning_{place}": word, f"end_{place}": word + _LAST}
        return where | ({"of_person": self._person} if self._kind is Listing.MINE else {})


@cache
def _having_rare(kind: Listing, others: int) -> Select[Any]:
    """Return what finds the newest tickets that have a word, stand in a list and have some number of other words."""
    numbers = select(ticket_terms.c.number).distinct().where(*_beginning)
    newest = numbers.order_by(ticket_terms.c.number.desc()).limit(bindparam("most"))
    return _narrowed(newest, ticket_terms.c.number, kind, others)


@cache
def _having_term(kind: Listing, others: int) -> Select[Any]:
    """Return what finds, among the newest tickets that have a term, those that stand in a list and have some number of words."""
    having = (
        select(ticket_terms.c.number)
        .where(ticket_terms.c.term == bindparam("of_term"))
        .order_by(ticket_terms.c.number.desc())
        .limit(bindparam("looked_at"))
        .subquery()
    )
    newest = select(having.c.number).order_by(having.c.number.desc()).limit(bindparam("most"))
    return _narrowed(newest, having.c.number, kind, others)


def _narrowed(
    query: Select[Any], number: ColumnElement[int], kind: Listing, words: int
) -> Select[Any]:
    """Return a query for tickets narrowed to those that stand in a list and have some number of words."""
    if kind in _STATES:
        ticket = tickets.alias("ticket")
        states = [literal(state.value) for state in _STATES[kind]]
        listed = select(ticket.c.number).where(
            ticket.c.number == number, ticket.c.state.in_(states)
        )
        if kind is Listing.MINE:
            listed = listed.where(ticket.c.assignee == bindparam("of_person"))
        query = query.where(listed.exists())
    for place in range(words):
        term = ticket_terms.alias(f"term_{place}")
        has = select(term.c.number).where(
            term.c.number == number,
            term.c.term >= bindparam(f"beginning_{place}"),
            term.c.term < bindparam(f"end_{place}"),
        )
        query = query.where(has.exists())
    return query


def _without(words: Sequence[str], word: str) -> Sequence[str]:
    return [other for other in words if other != word]


def _range(word: str) -> dict[str, str]:
    return {"beginning": word, "end": word + _LAST}
