"""The ids of every answer that is not an article's own choice. They travel in cards and stand in stored sessions: stable for ever."""

from bot.model.ids import ChoiceId, Language, TicketId

DONE = ChoiceId("done")
FAILED = ChoiceId("failed")
BACK = ChoiceId("back")
START_OVER = ChoiceId("start-over")
HUMAN = ChoiceId("human")
USEFUL = ChoiceId("useful")
NOT_USEFUL = ChoiceId("not-useful")
SEND = ChoiceId("send")
CANCEL = ChoiceId("cancel")
DROP_ORIGINAL = ChoiceId("drop-original")
KEEP_ORIGINAL = ChoiceId("keep-original")
TAKE_NEW = ChoiceId("take-new")
GO_ON = ChoiceId("go-on")
HELLO = ChoiceId("hello")
MY_TICKETS = ChoiceId("my-tickets")
THANKS = ChoiceId("thanks")
"""No button: words that ask for nothing, so that they never open a resolved ticket again."""

_LANGUAGE = "language:"
_HANDOUT = "handout:"
_TICKET = "ticket:"


def language_choice(language: Language) -> ChoiceId:
    """Return the choice that switches the conversation to a language."""
    return ChoiceId(_LANGUAGE + language)


def handout_choice(language: Language) -> ChoiceId:
    """Return the choice that shows the message to copy in a language."""
    return ChoiceId(_HANDOUT + language)


def chosen_language(choice: ChoiceId) -> Language | None:
    """Return the language that a choice switches to, if it does."""
    return Language(choice.removeprefix(_LANGUAGE)) if choice.startswith(_LANGUAGE) else None


def chosen_handout(choice: ChoiceId) -> Language | None:
    """Return the language that a choice shows the message to copy in, if it does."""
    return Language(choice.removeprefix(_HANDOUT)) if choice.startswith(_HANDOUT) else None


def ticket_choice(ticket: TicketId) -> ChoiceId:
    """Return the choice that says which ticket a message is for."""
    return ChoiceId(_TICKET + ticket)


def chosen_ticket(choice: ChoiceId) -> TicketId | None:
    """Return the ticket that a choice names, if it does."""
    return TicketId(choice.removeprefix(_TICKET)) if choice.startswith(_TICKET) else None
