"""What a line means that is said to the helpdesk, or about one of one's tickets."""

import re
from collections.abc import Sequence

from bot.dialog.typed import named_choice, without
from bot.model import choices
from bot.model.ids import ChoiceId
from bot.model.library import Library
from bot.model.ticket import OwnTicket

_NUMBER = re.compile(r"#?\d+")
_MARKED = re.compile(r"#(\d+)\b")
_YES = ChoiceId("yes")
_NO = ChoiceId("no")


def command_words(library: Library, choice: ChoiceId) -> tuple[str, ...]:
    """Return the words that name one of the bot's own choices, in every language."""
    commands = [words.commands.get(choice) for words in library.words.values()]
    return tuple(word for found in commands if found for word in (found.label, *found.typed))


def named_ticket(line: str, tickets: Sequence[OwnTicket]) -> OwnTicket | None:
    """Return the ticket that an answer to "which one?" names by its number: `#1042`, `1042`, or a line with that one number in it."""
    numbers = {int(said.lstrip("#")) for said in _NUMBER.findall(line) if len(said) <= _LONGEST}
    named = [ticket for ticket in tickets if ticket.number in numbers]
    return named[0] if len(named) == 1 else None


def mentioned_ticket(line: str, tickets: Sequence[OwnTicket]) -> OwnTicket | None:
    """Return the one ticket that a message to the helpdesk names as `#1042`. Other numbers in it may be anything."""
    marked = {int(said) for said in _MARKED.findall(line) if len(said) <= _LONGEST}
    named = [ticket for ticket in tickets if ticket.number in marked]
    return named[0] if len(named) == 1 else None


def says_only_thanks(line: str, library: Library) -> bool:
    """Tell whether a line thanks and says nothing else."""
    said = _MARKED.sub("", line)
    thanks = command_words(library, choices.THANKS)
    return bool(without(said, ())) and not without(said, thanks)


def says_it_works(line: str, library: Library) -> bool:
    """Tell whether a whole line means "yes, it works", with or without thanks and the ticket's number. Anything less clear does not."""
    rest = without(_MARKED.sub("", line), command_words(library, choices.THANKS))
    yes = (*command_words(library, choices.DONE), *command_words(library, choices.USEFUL))
    no = (*command_words(library, choices.FAILED), *command_words(library, choices.NOT_USEFUL))
    return named_choice(rest, {}, {_YES: yes, _NO: no}, whole=True) == _YES


_LONGEST = 12
"""Characters of a number that can be a ticket's."""
