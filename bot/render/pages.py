"""From a screen to a page: which words and facts stand on it, and which buttons.

One function per screen. Nothing here knows what a card or a terminal is, and nothing here decides where a dialog goes.
"""

from datetime import datetime
from typing import assert_never

from bot.model import choices
from bot.model.effects import (
    Confirmed,
    Greeting,
    MyTickets,
    NewOrOld,
    NotABounce,
    Notice,
    PassedOn,
    Preview,
    Screen,
    StepScreen,
    Thanks,
    TicketOpened,
    WhichTicket,
)
from bot.model.ids import ChoiceId
from bot.model.library import Library
from bot.model.outgoing import (
    Bullets,
    Button,
    Element,
    Fact,
    Facts,
    Heading,
    Literal,
    Outgoing,
    Paragraph,
    Subheading,
    TextInput,
    Weight,
)
from bot.model.session import Handing, Session
from bot.render.buttons import label_of, languages, navigation, press
from bot.render.evidence import evidence_table, path_walked
from bot.render.in_conversation import in_conversation
from bot.render.remarks import chosen_mark, notice_of, paragraphs, warning
from bot.render.speech import Speech, day, facts_of, plain
from bot.render.step import step_page


def page(
    screen: Screen, session: Session, library: Library, *, ticket: int | None = None
) -> Outgoing:
    """Return the page of a screen, in the session's language.

    Args:
        screen: What to show.
        session: The session as it was when the screen was decided.
        library: The content.
        ticket: The number of the ticket that the session opened, where the screen tells it.
    """
    language = session.language if session.language in library.languages else library.default
    if isinstance(screen, StepScreen):
        language, _ = library.prose(screen.article, language)
    speech = Speech(library, language, facts_of(session, language))
    match screen:
        case Greeting(notice=notice):
            return _greeting(speech, session, notice)
        case NotABounce(phishing=phishing):
            return _not_a_bounce(speech, session, phishing=phishing)
        case StepScreen():
            return step_page(speech, session, screen)
        case NewOrOld(chosen=chosen):
            return _new_or_old(speech, session, chosen)
        case Preview():
            return _preview(speech, session, screen)
        case TicketOpened() | WhichTicket() | PassedOn() | Confirmed() | MyTickets():
            return in_conversation(speech, session, screen, ticket)
        case Thanks():
            return _thanks(speech, session)
        case _:
            assert_never(screen)


def _greeting(speech: Speech, session: Session, notice: Notice) -> Outgoing:
    return Outgoing(
        language=speech.language,
        summary=speech.plain("greeting-title"),
        elements=(
            *notice_of(speech, notice),
            Heading(speech.word("greeting-title")),
            Paragraph(speech.word("greeting-what")),
            Subheading(speech.word("greeting-how-title")),
            Bullets(
                tuple(
                    speech.word(name)
                    for name in ("greeting-how-outlook", "greeting-how-web", "greeting-how-phone")
                )
            ),
            Paragraph(speech.word("greeting-privacy"), quiet=True),
        ),
        navigation=navigation(speech, session, back=False, start_over=False, tickets=True),
    )


def _not_a_bounce(speech: Speech, session: Session, *, phishing: bool) -> Outgoing:
    warned = (warning(speech, speech.word("warning-phishing")),) if phishing else ()
    return Outgoing(
        language=speech.language,
        summary=speech.plain("not-a-bounce-title"),
        elements=(
            Heading(speech.word("not-a-bounce-title")),
            *warned,
            Paragraph(speech.word("not-a-bounce-text")),
            Paragraph(speech.word("not-a-bounce-lines")),
            Literal(speech.plain("not-a-bounce-example")),
        ),
        navigation=navigation(speech, session, back=False, start_over=session.bounce is not None),
    )


def _new_or_old(speech: Speech, session: Session, chosen: ChoiceId | None) -> Outgoing:
    buttons = (
        press(speech, session, choices.TAKE_NEW, Weight.PRIMARY),
        press(speech, session, choices.GO_ON),
    )
    return Outgoing(
        language=speech.language,
        summary=speech.plain("new-or-old-title"),
        elements=(
            Heading(speech.word("new-or-old-title")),
            Paragraph(speech.word("new-or-old-text")),
            *chosen_mark(speech, label_of(speech, chosen) if chosen else None),
        ),
        buttons=() if chosen else buttons,
        navigation=() if chosen else navigation(speech, session, back=False, start_over=False),
    )


def _preview(speech: Speech, session: Session, screen: Preview) -> Outgoing:
    mode = session.mode
    if not isinstance(mode, Handing):
        return _greeting(speech, session, screen.notice)
    original = session.bounce.report.text if session.bounce else ""
    reason = plain(speech.text(speech.words.reasons.get(mode.reason, mode.reason)))
    shown: list[Element] = [
        *notice_of(speech, screen.notice),
        *_why(speech, mode),
        Heading(speech.word("preview-title")),
        Paragraph(speech.word("preview-text")),
        Facts((Fact(speech.plain("preview-reason"), reason),)),
    ]
    if session.bounce is not None:
        report, match = session.bounce.report, session.bounce.match
        shown += evidence_table(speech, report, match, mask=True)
    shown += path_walked(speech, session.trail)
    if mode.note and screen.chosen:
        shown.append(Literal(mode.note, label=speech.plain("ticket-note")))
    if original:
        kept = "preview-original-kept" if mode.keep_original else "preview-original-left-out"
        shown.append(Paragraph(speech.word(kept)))
        shown.append(Paragraph(speech.word("preview-masked"), quiet=True))
    if not screen.chosen:
        shown.append(_note_field(speech, mode))
    shown += chosen_mark(speech, label_of(speech, screen.chosen) if screen.chosen else None)
    return Outgoing(
        language=speech.language,
        summary=speech.plain("preview-title"),
        elements=tuple(shown),
        buttons=() if screen.chosen else _preview_buttons(speech, session, mode, bool(original)),
        navigation=() if screen.chosen else languages(speech, session),
    )


def _why(speech: Speech, mode: Handing) -> tuple[Element, ...]:
    """Return the words of the node that led to a human, where the content still has them in this language."""
    article = speech.library.articles.get(mode.at.article) if mode.at else None
    prose = article.prose.get(speech.language) if article else None
    words = prose.nodes.get(mode.at.node) if prose and mode.at else None
    if words is None:
        return ()
    return Subheading(speech.text(words.title)), *paragraphs(speech, words.text)


def _note_field(speech: Speech, mode: Handing) -> TextInput:
    return TextInput(
        id="note",
        label=speech.plain("preview-note"),
        placeholder=speech.plain("preview-note-placeholder"),
        value=mode.note,
    )


def _preview_buttons(
    speech: Speech,
    session: Session,
    mode: Handing,
    with_original: bool,  # noqa: FBT001 - see caller
) -> tuple[Button, ...]:
    original = choices.DROP_ORIGINAL if mode.keep_original else choices.KEEP_ORIGINAL
    return (
        press(speech, session, choices.SEND, Weight.PRIMARY, takes_inputs=True),
        *((press(speech, session, original, takes_inputs=True),) if with_original else ()),
        press(speech, session, choices.CANCEL),
    )


def _thanks(speech: Speech, session: Session) -> Outgoing:
    return Outgoing(
        language=speech.language,
        summary=speech.plain("thanks-title"),
        elements=(Heading(speech.word("thanks-title")), Paragraph(speech.word("thanks-text"))),
        navigation=navigation(speech, session, back=False, start_over=False, tickets=True),
    )


def sorry(speech: Speech, reference: str, *, again: bool) -> Outgoing:
    """Return the page that says that something broke on our side. It needs no session: that may be what broke."""
    return Outgoing(
        language=speech.language,
        summary=speech.plain("sorry-title"),
        elements=(
            Heading(speech.word("sorry-title")),
            Paragraph(speech.word("sorry-again" if again else "sorry-text")),
            Paragraph(speech.word("sorry-reference", reference=reference), quiet=True),
        ),
    )


def ending(speech: Speech, name: str, at: datetime, *, over: bool) -> Outgoing:
    """Return the page that tells the helpdesk that a credential of the bot, by the name of its setting, ends or has ended."""
    which = name.replace("_", "-")
    title = "ending-title-over" if over else "ending-title"
    named = {"what": speech.plain(f"ending-{which}"), "day": day(at, speech.language)}
    return Outgoing(
        language=speech.language,
        summary=speech.plain(title, **named),
        elements=(
            Heading(speech.word(title, **named)),
            Paragraph(speech.word("ending-text-over" if over else "ending-text")),
            Paragraph(speech.word(f"ending-how-{which}")),
        ),
    )


def held_off(speech: Speech, seconds: int, *, everybody: bool) -> str:
    """Return the line that says that something was not taken, because it came too fast from one person or from everybody."""
    return speech.plain("held-off-everybody" if everybody else "held-off", seconds=str(seconds))
