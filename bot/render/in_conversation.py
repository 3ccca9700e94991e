"""What the bot says about somebody's tickets in the middle of a conversation.

The card of a ticket and the list of somebody's tickets need the queue, which shows them itself (`requester_page`, `own_tickets_page`).
Where there is none, as when content is walked to try it, what is known without it stands here.
"""

from typing import assert_never

from bot.model import choices
from bot.model.effects import Confirmed, MyTickets, PassedOn, TicketOpened, WhichTicket
from bot.model.limits import EXCERPT_CHARS
from bot.model.outgoing import Button, Heading, Literal, Outgoing, Paragraph
from bot.model.session import Addressing, Session
from bot.model.ticket import OwnTicket
from bot.render.buttons import data_of, label_of, navigation, press
from bot.render.remarks import chosen_mark
from bot.render.requester import own_tickets_page
from bot.render.speech import Speech, short, written

_LINES = 20
"""Lines of a message that the question which ticket it is for shows again."""

TicketScreen = TicketOpened | WhichTicket | PassedOn | Confirmed | MyTickets


def in_conversation(
    speech: Speech, session: Session, screen: TicketScreen, ticket: int | None
) -> Outgoing:
    """Return the page of a screen about tickets; `ticket` is the number of the one just opened, where it is known."""
    match screen:
        case TicketOpened(again=again):
            return _ticket_opened(speech, session, ticket, again=again)
        case WhichTicket():
            return _which_ticket(speech, session, screen)
        case PassedOn():
            return _passed_on(speech, session, screen)
        case Confirmed(number=number):
            return _confirmed(speech, session, number)
        case MyTickets():
            return own_tickets_page((), speech.library, speech.language)
        case _:
            assert_never(screen)


def _ticket_opened(
    speech: Speech, session: Session, ticket: int | None, *, again: bool
) -> Outgoing:
    number = f"#{ticket}" if ticket is not None else ""
    return Outgoing(
        language=speech.language,
        summary=speech.plain("opened-title", number=number),
        elements=(
            Heading(speech.word("opened-title", number=number)),
            Paragraph(speech.word("opened-again" if again else "opened-text", number=number)),
        ),
        navigation=_after_a_ticket(speech, session),
    )


def _which_ticket(speech: Speech, session: Session, screen: WhichTicket) -> Outgoing:
    labels = {
        choices.ticket_choice(ticket.id): _named(speech, ticket) for ticket in screen.tickets
    }
    chosen = screen.chosen
    mode = session.mode
    said = mode.text if isinstance(mode, Addressing) else ""
    return Outgoing(
        language=speech.language,
        summary=speech.plain("which-title"),
        elements=(
            Heading(speech.word("which-title")),
            Paragraph(speech.word("which-text")),
            *((Literal(short(written(said, _LINES), EXCERPT_CHARS)),) if said else ()),
            *chosen_mark(
                speech, (labels.get(chosen) or label_of(speech, chosen)) if chosen else None
            ),
        ),
        buttons=()
        if chosen
        else (
            *(Button(label, data_of(session, choice)) for choice, label in labels.items()),
            press(speech, session, choices.CANCEL),
        ),
        navigation=() if chosen else navigation(speech, session, back=False, start_over=False),
    )


def _named(speech: Speech, ticket: OwnTicket) -> str:
    return f"#{ticket.number} · {speech.plain(f'own-state-{ticket.state.value}')}"


def _passed_on(speech: Speech, session: Session, screen: PassedOn) -> Outgoing:
    words = "passed-on-reopened" if screen.reopened else "passed-on-text"
    return Outgoing(
        language=speech.language,
        summary=speech.plain("passed-on-title"),
        elements=(
            Heading(speech.word("passed-on-title")),
            Paragraph(speech.word(words, number=f"#{screen.number}")),
        ),
        navigation=_after_a_ticket(speech, session),
    )


def _confirmed(speech: Speech, session: Session, number: int) -> Outgoing:
    return Outgoing(
        language=speech.language,
        summary=speech.plain("thanks-title"),
        elements=(
            Heading(speech.word("thanks-title")),
            Paragraph(speech.word("confirmed-text", number=f"#{number}")),
        ),
        navigation=_after_a_ticket(speech, session),
    )


def _after_a_ticket(speech: Speech, session: Session) -> tuple[Button, ...]:
    over = session.bounce is not None
    return navigation(speech, session, back=False, start_over=over, tickets=True)
