"""Buttons: the bot's own ones, what each carries, and the row that is always there."""

from collections.abc import Mapping

from bot.model import choices
from bot.model.ids import ChoiceId
from bot.model.outgoing import Button, Weight
from bot.model.session import Session, Walking
from bot.render.speech import Speech


def data_of(session: Session, choice: ChoiceId) -> Mapping[str, str]:
    """Return what a button carries: ids only, all of them checked again when they come back."""
    data = {"v": "1", "session": session.id, "choice": choice, "content": session.content}
    place = session.mode
    if isinstance(place, Walking):
        return data | {"article": place.article, "node": place.node}
    return data


def label_of(speech: Speech, choice: ChoiceId) -> str:
    """Return the words of one of the bot's own choices: a language is called by its own name."""
    language = choices.chosen_language(choice) or choices.chosen_handout(choice)
    if language is not None:
        return speech.library.languages[language].name
    return speech.command(choice).label


def press(
    speech: Speech,
    session: Session,
    choice: ChoiceId,
    weight: Weight = Weight.CHOICE,
    *,
    takes_inputs: bool = False,
) -> Button:
    """Return one of the bot's own buttons."""
    return Button(speech.command(choice).label, data_of(session, choice), weight, takes_inputs)


def navigation(
    speech: Speech, session: Session, *, back: bool = True, start_over: bool = True
) -> tuple[Button, ...]:
    """Return what is always there: back and start over where they lead somewhere, a human, the other languages."""
    can_go_back = back and any(not visit.known for visit in session.trail)
    return (
        *((press(speech, session, choices.BACK, Weight.QUIET),) if can_go_back else ()),
        *((press(speech, session, choices.START_OVER, Weight.QUIET),) if start_over else ()),
        press(speech, session, choices.HUMAN, Weight.QUIET),
        *languages(speech, session),
    )


def languages(speech: Speech, session: Session) -> tuple[Button, ...]:
    """Return a button for every language but the present one, each in its own words."""
    return tuple(
        Button(entry.name, data_of(session, choices.language_choice(tag)), Weight.QUIET)
        for tag, entry in speech.library.languages.items()
        if tag != speech.language
    )
