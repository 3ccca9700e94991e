"""Speaking one language: words by id, and prose with its markup and facts turned into runs of text.

Prose is ours and may say `**bold**`, `` `code` ``, `{link:id}` and `{fact}`. Facts come from people and bounces: they become runs of
their own that nothing ever reads as markup.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from babel.core import UnknownLocaleError
from babel.dates import format_date

from bot.model.ids import Language, LinkId
from bot.model.library import Command, Library
from bot.model.limits import FACT_CHARS, TEXT_LINES
from bot.model.outgoing import Run, Text
from bot.model.session import Session

_MARKUP = re.compile(r"\*\*([^*]+)\*\*|`([^`]+)`|\{([a-z][a-z0-9:.-]*)\}")


class Speech:
    """The words of one language, with the facts of one session."""

    def __init__(
        self, library: Library, language: Language, facts: Mapping[str, str] | None = None
    ) -> None:
        """Take the facts that placeholders may name; unknown ones get the words that stand for them."""
        self.library = library
        self.language = language
        self.words = library.words[language]
        self.facts: Mapping[str, str] = facts or {}

    def word(self, name: str, **facts: str) -> Text:
        """Return one of the bot's own sentences, with facts of its own."""
        return self.text(self.words.words[name], facts)

    def plain(self, name: str, **facts: str) -> str:
        """Return one of the bot's own sentences as plain text, for labels."""
        return plain(self.word(name, **facts))

    def command(self, name: str) -> Command:
        """Return a button's words."""
        return self.words.commands[name]

    def link(self, link: LinkId) -> Run:
        """Return a link with its title."""
        return Run(self.words.links[link], link=self.library.links[link])

    def text(self, prose: str, facts: Mapping[str, str] | None = None) -> Text:
        """Return prose as runs of text."""
        pieces, places = _pieces(prose)
        if not places:
            return pieces
        given = facts or {}
        runs = list(pieces)
        for position, name, bold in places:
            runs[position] = self._named(name, given, bold=bold)
        return tuple(runs)

    def _named(self, name: str, facts: Mapping[str, str], *, bold: bool) -> Run:
        if name.startswith("link:"):
            return self.link(LinkId(name.removeprefix("link:")))
        value = facts.get(name) or self.facts.get(name)
        if value:
            return Run(value, bold=bold, given=True)
        return Run(self.words.unknown_facts.get(name, ""), bold=bold)


class _Place(NamedTuple):
    """Where a fact or a link stands in prose."""

    position: int
    name: str
    bold: bool


@lru_cache(8192)
def _pieces(prose: str) -> tuple[Text, tuple[_Place, ...]]:
    """Return prose in runs, and which of them are only places. Content is the same in every turn, so each text is taken apart once."""
    runs: list[Run] = []
    places: list[_Place] = []
    _take_apart(prose, runs, places, bold=False)
    return tuple(runs), tuple(places)


def _take_apart(prose: str, runs: list[Run], places: list[_Place], *, bold: bool) -> None:
    position = 0
    for found in _MARKUP.finditer(prose):
        if found.start() > position:
            runs.append(Run(prose[position : found.start()], bold=bold))
        strong, code, name = found.groups()
        if strong is not None:
            _take_apart(strong, runs, places, bold=True)
        elif code is not None:
            runs.append(Run(code, code=True))
        else:
            places.append(_Place(len(runs), name, bold))
            runs.append(Run(""))
        position = found.end()
    if position < len(prose):
        runs.append(Run(prose[position:], bold=bold))


def plain(text: Text) -> str:
    """Return a line of text without its styles."""
    return text[0].text if len(text) == 1 else "".join([run.text for run in text])


@lru_cache(1024)
def moment(value: str, language: Language) -> str:
    """Return a time of a bounce in words of a language; a time that could not be read stays as it stood.

    Each page of a dialog says the same time again, so it is put into words once.
    """
    try:
        at = datetime.fromisoformat(value)
        date = format_date(at, "long", locale=language)
    except (ValueError, UnknownLocaleError):
        return value
    zone = f" {at.tzname()}" if at.tzinfo else ""
    return f"{date} {at:%H:%M}{zone}"


def speaking(library: Library, language: Language) -> Speech:
    """Return the words of a language, or of the default where the content does not speak it any more."""
    return Speech(library, language if language in library.languages else library.default)


def when(at: datetime, language: Language) -> str:
    """Return one of our own times in words of a language."""
    return moment(at.isoformat(), language)


def day(at: datetime, language: Language) -> str:
    """Return the day of one of our own times in words of a language."""
    try:
        return format_date(at, "long", locale=language)
    except (ValueError, UnknownLocaleError):
        return f"{at:%Y-%m-%d}"


def written(text: str, most: int = TEXT_LINES) -> str:
    """Return what somebody wrote, whole, without needless empty lines, and without more lines than a card has room for."""
    lines: list[str] = []
    for line in text.strip().splitlines():
        if line.strip() or lines[-1].strip():
            lines.append(line)
    return "\n".join(
        [*lines[: most - 1], *([" ".join(lines[most - 1 :])] if lines[most - 1 :] else [])]
    )


def facts_of(session: Session, language: Language) -> dict[str, str]:
    """Return what prose may name about a session, in a language: only what the bounce really says."""
    facts = {"requester": session.address.user_name}
    report = session.bounce.report if session.bounce else None
    if report is None:
        return facts
    recipient = report.recipients[0] if report.recipients else None
    local_part, _, domain = (recipient or "").rpartition("@")
    named = {
        "recipient": recipient,
        "local-part": local_part,
        "domain": domain if local_part else None,
        "sender": report.sender,
        "code": report.status,
        "reporting-mta": report.reporting_mta,
        "subject": report.subject,
        "time": moment(report.arrival, language) if report.arrival else None,
    }
    return facts | {name: short(value) for name, value in named.items() if value}


def short(value: str, chars: int = FACT_CHARS) -> str:
    """Return a fact cut to a length that fits on a card."""
    return value if len(value) <= chars else value[: chars - 1] + "…"
