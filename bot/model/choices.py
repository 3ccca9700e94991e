"""The ids of every answer that is not an article's own choice. They travel in cards and stand in stored sessions: stable for ever."""

from bot.model.ids import ChoiceId, Language

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

_LANGUAGE = "language:"
_HANDOUT = "handout:"


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
