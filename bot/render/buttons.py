"""Buttons: the bot's own ones, what each carries, the row that is always there, and the buttons of a ticket."""

from collections.abc import Mapping

from bot.model import choices
from bot.model.ids import ChoiceId
from bot.model.outgoing import Button, Weight
from bot.model.session import Session, Walking
from bot.model.ticket import Form, Ticket, Verb
from bot.render.speech import Speech

Doing = Verb | Form | str
"""What a press on a ticket does (`TicketPress.do`): a verb, a form to open, `SHOW` or `SHOW_ALL`."""


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
    speech: Speech,
    session: Session,
    *,
    back: bool = True,
    start_over: bool = True,
    tickets: bool = False,
) -> tuple[Button, ...]:
    """Return what is always there: back and start over where they lead somewhere, a human, the other languages.

    Where a person has come to an end or to the beginning (`tickets`), also the way to their tickets, once they have any.
    """
    can_go_back = back and any(not visit.known for visit in session.trail)
    return (
        *((press(speech, session, choices.BACK, Weight.QUIET),) if can_go_back else ()),
        *((press(speech, session, choices.START_OVER, Weight.QUIET),) if start_over else ()),
        press(speech, session, choices.HUMAN, Weight.QUIET),
        *(
            (press(speech, session, choices.MY_TICKETS, Weight.QUIET),)
            if tickets and session.handed
            else ()
        ),
        *languages(speech, session),
    )


def ticket_press(
    label: str,
    ticket: Ticket,
    do: Doing,
    weight: Weight = Weight.CHOICE,
    *,
    takes_inputs: bool = False,
) -> Button:
    """Return a button on a ticket. Number and version are checked again when they come back: the card may be old."""
    data = {"v": "1", "ticket": str(ticket.number), "do": str(do), "version": str(ticket.version)}
    return Button(label, data, weight, takes_inputs)


def languages(speech: Speech, session: Session) -> tuple[Button, ...]:
    """Return a button for every language but the present one, each in its own words."""
    return tuple(
        Button(entry.name, data_of(session, choices.language_choice(tag)), Weight.QUIET)
        for tag, entry in speech.library.languages.items()
        if tag != speech.language
    )
