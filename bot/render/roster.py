"""Who is on call, and who changed it."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

from bot.model.event import Mention, Person
from bot.model.ids import Language
from bot.model.library import Library
from bot.model.limits import FACT_CHARS
from bot.model.outgoing import (
    Bullets,
    Element,
    Fact,
    Facts,
    Heading,
    Outgoing,
    Paragraph,
    Run,
    Subheading,
    Text,
)
from bot.render.card import first_that_fits
from bot.render.remarks import note
from bot.render.speech import Speech, short, speaking, when

_PEOPLE = 40
"""People that a card names; a roster is rarely longer than three."""
_CHANGES = 10


class RosterChange(Protocol):
    """Who changed who is on call (as `bot.ports.RosterChange`)."""

    @property
    def at(self) -> datetime:
        """When."""

    @property
    def by(self) -> Person:
        """Who did it."""

    @property
    def people(self) -> Sequence[Mention]:
        """Who was on call from then on."""


class Roster(Protocol):
    """Who is alerted about new tickets of a queue (as `bot.ports.Roster`)."""

    @property
    def people(self) -> Sequence[Mention]:
        """Who is on call."""

    @property
    def changes(self) -> Sequence[RosterChange]:
        """The last changes, newest last."""


def roster_page(
    roster: Roster, library: Library, language: Language, *, remark: str | None = None
) -> Outgoing:
    """Return the page of who is on call, how to change it, and who changed it last.

    Args:
        roster: Who is on call.
        library: The content.
        language: The helpdesk's language.
        remark: Id of the words that answer what was typed.
    """
    speech = speaking(library, language)
    title = speech.plain("roster-title")

    def pages() -> Iterator[Outgoing]:
        for chars, changes in ((FACT_CHARS, _CHANGES), (60, 3), (24, 1)):
            yield Outgoing(
                language=speech.language,
                summary=title,
                elements=(
                    Heading(speech.word("roster-title")),
                    *((note(speech, speech.word(remark)),) if remark else ()),
                    *_people(speech, roster, remark, chars),
                    Paragraph(speech.word("roster-how"), quiet=True),
                    *_changes(speech, roster.changes[-changes:], chars),
                ),
            )

    return first_that_fits(pages())


def _people(speech: Speech, roster: Roster, remark: str | None, chars: int) -> tuple[Element, ...]:
    if roster.people:
        names: list[Text] = [
            (Run(short(someone.name, chars), given=True),) for someone in roster.people[:_PEOPLE]
        ]
        return Paragraph(speech.word("roster-who")), Bullets(tuple(names))
    return () if remark == "roster-empty" else (Paragraph(speech.word("roster-empty")),)


def _changes(speech: Speech, changes: Sequence[RosterChange], chars: int) -> tuple[Element, ...]:
    if not changes:
        return ()
    rows = tuple(
        Fact(when(change.at, speech.language), _change(speech, change, chars))
        for change in reversed(changes)
    )
    return Subheading(speech.word("roster-changes")), Facts(rows)


def _change(speech: Speech, change: RosterChange, chars: int) -> str:
    names = ", ".join(someone.name for someone in change.people)
    people = names or speech.words.commands["nobody"].label
    return speech.plain(
        "roster-change", who=short(change.by.name, chars), people=short(people, chars)
    )
