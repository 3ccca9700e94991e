"""A ticket as its requester sees it: their own card, the notices, and the list of their tickets.

Nothing that is meant for the helpdesk alone is here: no notes, no names of others who have the problem.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bot.model.ids import Language
from bot.model.library import Library, Priority
from bot.model.limits import FACT_CHARS, NOTE_CHARS, OWN_TICKETS, SAID_CHARS, TEXT_LINES
from bot.model.outgoing import (
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
from bot.model.ticket import (
    PAST,
    SHOW,
    Form,
    KnownProblem,
    State,
    Ticket,
    TicketEvent,
    TicketView,
    Verb,
)
from bot.render.buttons import Doing, ticket_press
from bot.render.card import first_that_fits
from bot.render.exchange import last_from_helpdesk, name_of
from bot.render.remarks import known_problem, note, others_affected
from bot.render.speech import Speech, plain, short, speaking, when, written

_NOTICES = {
    PAST[Verb.CLAIM]: "notice-claimed",
    PAST[Verb.ASSIGN]: "notice-claimed",
    PAST[Verb.TAKE_OVER]: "notice-taken-over",
    PAST[Verb.REPLY]: "notice-replied",
    PAST[Verb.ASK]: "notice-asked",
    PAST[Verb.RESOLVE]: "notice-resolved",
    PAST[Verb.REOPEN]: "notice-reopened",
    PAST[Verb.JOIN]: "notice-joined",
}
"""What a requester hears of, and in which words. Whatever else happens, they need not."""

_TOLD_LETTER_BY_LETTER = {PAST[Verb.REPLY], PAST[Verb.ASK], PAST[Verb.RESOLVE]}
_ASKED_ON_THE_CARD = frozenset({State.WAITING, State.RESOLVED})
"""States in which the card itself has a field to write in."""
_LIVING = frozenset({State.NEW, State.CLAIMED, State.WAITING, State.RESOLVED})


class _Room(NamedTuple):
    """How much of everything stands on a card."""

    fact: int = FACT_CHARS
    text: int = NOTE_CHARS
    lines: int = TEXT_LINES


_NOTICE_ROOMS = tuple(
    _Room(text=text, lines=lines)
    for text, lines in (
        (SAID_CHARS, TEXT_LINES),
        (SAID_CHARS, 10),
        (8000, 10),
        (4500, 5),
        (2000, 5),
    )
)
"""A notice brings the whole of what was written, if a card can hold it at all."""
_ROOMS = (_Room(), _Room(text=1500, lines=20), _Room(fact=60, text=900, lines=5))


def requester_page(
    view: TicketView,
    library: Library,
    language: Language,
    *,
    form: Form | None = None,
    remark: str | None = None,
    again: bool = False,
) -> Outgoing:
    """Return the requester's own card.

    Args:
        view: The ticket with its history, and what its requester may do with it.
        library: The content.
        language: The language to speak.
        form: What is asked on the card before something is done. One whose verbs are not on offer any more is not shown.
        remark: Id of the words that answer a press.
        again: It was shown before.
    """
    speech = speaking(library, language)
    if form is Form.WITHDRAW and Verb.WITHDRAW in view.offers:
        return _withdraw_page(speech, view, remark)
    answering = form is Form.ANSWER and Verb.ANSWER in view.offers
    return first_that_fits(
        _page(speech, view, room, remark, again=again, answering=answering) for room in _ROOMS
    )


def own_tickets_page(tickets: Sequence[Ticket], library: Library, language: Language) -> Outgoing:
    """Return the page of a person's own tickets, those that may still need something of them first."""
    speech = speaking(library, language)
    shown = tickets[:OWN_TICKETS]
    living = [ticket for ticket in shown if ticket.state in _LIVING]
    over = [ticket for ticket in shown if ticket.state not in _LIVING]

    def pages() -> Iterator[Outgoing]:
        for chars in (FACT_CHARS, FACT_CHARS // 2, FACT_CHARS // 4):
            yield Outgoing(
                language=speech.language,
                summary=speech.plain("own-tickets-title"),
                elements=(
                    Heading(speech.word("own-tickets-title")),
                    *(() if shown else (Paragraph(speech.word("own-tickets-none")),)),
                    *_listed(speech, "own-tickets-open", living, chars),
                    *_listed(speech, "own-tickets-over", over, chars),
                ),
                buttons=tuple(_show(speech, ticket) for ticket in (*living, *over)),
            )

    return first_that_fits(pages())


def requester_notice(
    view: TicketView,
    event: TicketEvent,
    library: Library,
    *,
    known: KnownProblem | None = None,
) -> Outgoing | None:
    """Return what the requester is told about a change, in their language, whatever the helpdesk speaks.

    Args:
        view: The ticket after the change, as its requester sees it: the buttons are what is on offer to them.
        event: The change.
        library: The content.
        known: Since when and from how many others the helpdesk knows the problem, where the ticket was joined to theirs.

    Returns:
        The page; None where they need not hear of it, or did it themselves.
    """
    ticket = view.ticket
    words = _NOTICES.get(event.what)
    if words is None or event.by.key == ticket.draft.person.key:
        return None
    speech = speaking(library, ticket.draft.language)

    def pages() -> Iterator[Outgoing]:
        for room in _NOTICE_ROOMS:
            elements, buttons = _notice(speech, view, event, room, words, known)
            yield Outgoing(
                language=speech.language,
                summary=_summary(speech, ticket),
                elements=elements,
                buttons=buttons,
                navigation=(_show(speech, ticket),),
            )

    return first_that_fits(pages())


# ----------------------------------------------------------------------------------------------------------- the card


def _page(
    speech: Speech,
    view: TicketView,
    room: _Room,
    remark: str | None,
    *,
    again: bool,
    answering: bool,
) -> Outgoing:
    ticket = view.ticket
    fields, asked = _asked(speech, view, answering=answering)
    return Outgoing(
        language=speech.language,
        summary=_summary(speech, ticket),
        elements=(
            *_head(speech, ticket, remark),
            *_what_now(speech, ticket, again=again),
            *others_affected(speech, view.people - 1),
            Facts(_facts(speech, ticket, room)),
            *_sent(speech, ticket, room),
            *last_from_helpdesk(speech, view.events, chars=room.text, lines=room.lines),
            *_resolution(speech, ticket, room),
            *fields,
        ),
        buttons=asked,
        navigation=() if answering else _quiet(speech, view),
    )


def _withdraw_page(speech: Speech, view: TicketView, remark: str | None) -> Outgoing:
    ticket = view.ticket
    question = speech.word("own-withdraw-question", number=f"#{ticket.number}")
    return Outgoing(
        language=speech.language,
        summary=_summary(speech, ticket),
        elements=(
            *_head(speech, ticket, remark),
            Facts(_facts(speech, ticket, _Room())),
            Paragraph(question),
        ),
        buttons=(
            _press(speech, "own-do-withdraw", ticket, Verb.WITHDRAW),
            _press(speech, "own-do-keep", ticket, SHOW),
        ),
    )


def _summary(speech: Speech, ticket: Ticket) -> str:
    title = speech.plain("ticket-title", number=f"#{ticket.number}")
    return f"{title} · {_state(speech, ticket)}"


def _state(speech: Speech, ticket: Ticket) -> str:
    return speech.plain(f"own-state-{ticket.state.value}")


def _head(speech: Speech, ticket: Ticket, remark: str | None) -> tuple[Element, ...]:
    urgent = speech.plain("ticket-urgent") if ticket.priority is Priority.URGENT else ""
    kicker = " · ".join(part for part in (_state(speech, ticket), urgent) if part)
    return (
        Heading(speech.word("opened-title", number=f"#{ticket.number}"), kicker),
        *((note(speech, speech.word(remark)),) if remark else ()),
    )


def _what_now(speech: Speech, ticket: Ticket, *, again: bool) -> tuple[Element, ...]:
    """Say in one sentence what comes next, where something does."""
    number = f"#{ticket.number}"
    if ticket.state is State.WAITING:
        return (Paragraph(speech.word("own-waiting")),)
    if again and ticket.is_open:
        return (Paragraph(speech.word("opened-again", number=number)),)
    if ticket.state is State.NEW:
        return (Paragraph(speech.word("opened-text", number=number)),)
    return ()


def _facts(speech: Speech, ticket: Ticket, room: _Room) -> tuple[Fact, ...]:
    draft = ticket.draft
    assignee = ticket.assignee.name if ticket.assignee else speech.plain("ticket-none")
    values = (
        ("ticket-state", _state(speech, ticket)),
        ("own-assignee", assignee),
        ("ticket-opened", when(draft.opened, speech.language)),
        (
            "ticket-reason",
            plain(speech.text(speech.words.reasons.get(draft.reason, draft.reason))),
        ),
    )
    return tuple(Fact(speech.plain(name), short(value, room.fact)) for name, value in values)


def _sent(speech: Speech, ticket: Ticket, room: _Room) -> tuple[Element, ...]:
    """Return what the helpdesk got, as much as tells which bounce it was."""
    draft = ticket.draft
    shown: list[Element] = []
    about = _about(speech, ticket, room.fact)
    if about:
        shown += [Subheading(speech.word("own-sent")), Facts(about)]
    if draft.note:
        said = short(written(draft.note, room.lines), room.text)
        shown.append(Literal(said, label=speech.plain("ticket-note")))
    return tuple(shown)


def _about(speech: Speech, ticket: Ticket, chars: int) -> tuple[Fact, ...]:
    report = ticket.draft.report
    if report is None:
        return ()
    values = (
        ("ticket-code", " ".join(part for part in (report.smtp_reply, report.status) if part)),
        ("ticket-recipients", ", ".join(report.recipients)),
        ("ticket-subject", report.subject),
    )
    return tuple(Fact(speech.plain(name), short(value, chars)) for name, value in values if value)


def _resolution(speech: Speech, ticket: Ticket, room: _Room) -> tuple[Element, ...]:
    if not ticket.resolution or ticket.is_open:
        return ()
    said = short(written(ticket.resolution, room.lines), room.text)
    return (Literal(said, label=speech.plain("notice-resolution")),)


# ------------------------------------------------------------------------------------------------- what is asked there


def _asked(
    speech: Speech, view: TicketView, *, answering: bool
) -> tuple[tuple[Element, ...], tuple[Button, ...]]:
    """Return the field and the buttons that a card is about: an answer, or the question whether it is solved."""
    ticket = view.ticket
    if ticket.state is State.RESOLVED and not answering:
        return _was_it_resolved(speech, view)
    if Verb.ANSWER in view.offers and (answering or ticket.state is State.WAITING):
        cancel = (_press(speech, "do-cancel", ticket, SHOW),) if answering else ()
        return _answer_field(speech), (*_send(speech, ticket), *cancel)
    return (), ()


def _answer_field(speech: Speech) -> tuple[Element, ...]:
    return (
        TextInput(
            id="text",
            label=speech.plain("own-answer-label"),
            required=True,
            required_message=speech.plain("ticket-text-missing"),
        ),
    )


def _send(speech: Speech, ticket: Ticket) -> tuple[Button, ...]:
    return (
        _press(speech, "own-do-answer", ticket, Verb.ANSWER, Weight.PRIMARY, takes_inputs=True),
    )


def _was_it_resolved(
    speech: Speech, view: TicketView
) -> tuple[tuple[Element, ...], tuple[Button, ...]]:
    ticket = view.ticket
    buttons: list[Button] = []
    field: tuple[Element, ...] = ()
    if Verb.CONFIRM in view.offers:
        buttons.append(_press(speech, "own-do-confirm", ticket, Verb.CONFIRM, Weight.PRIMARY))
    if Verb.REOPEN in view.offers:
        field = (TextInput(id="text", label=speech.plain("own-reopen-label")),)
        buttons.append(_press(speech, "own-do-reopen", ticket, Verb.REOPEN, takes_inputs=True))
    if not buttons:
        return (), ()
    return (Paragraph(speech.word("own-resolved-question")), *field), tuple(buttons)


def _quiet(speech: Speech, view: TicketView) -> tuple[Button, ...]:
    """Return the rest of what a requester may do: never what the card asks already."""
    ticket, offers = view.ticket, view.offers
    quiet: list[tuple[str, Doing]] = []
    if Verb.ANSWER in offers and ticket.state not in _ASKED_ON_THE_CARD:
        quiet.append(("own-do-write", Form.ANSWER))
    if Verb.URGENT in offers:
        quiet.append(("own-do-urgent", Verb.URGENT))
    if Verb.NORMAL in offers:
        quiet.append(("do-normal", Verb.NORMAL))
    if Verb.REOPEN in offers and ticket.state is not State.RESOLVED:
        quiet.append(("do-reopen", Verb.REOPEN))
    if Verb.WITHDRAW in offers:
        quiet.append(("own-do-ask-withdraw", Form.WITHDRAW))
    return tuple(_press(speech, label, ticket, do, Weight.QUIET) for label, do in quiet)


def _press(
    speech: Speech,
    label: str,
    ticket: Ticket,
    do: Doing,
    weight: Weight = Weight.CHOICE,
    *,
    takes_inputs: bool = False,
) -> Button:
    return ticket_press(speech.plain(label), ticket, do, weight, takes_inputs=takes_inputs)


def _show(speech: Speech, ticket: Ticket) -> Button:
    label = speech.plain("do-show", number=f"#{ticket.number}")
    return ticket_press(label, ticket, SHOW, Weight.QUIET)


# ------------------------------------------------------------------------------------------------ notices and the list


def _notice(
    speech: Speech,
    view: TicketView,
    event: TicketEvent,
    room: _Room,
    words: str,
    known: KnownProblem | None,
) -> tuple[tuple[Element, ...], tuple[Button, ...]]:
    ticket = view.ticket
    number = f"#{ticket.number}"
    agent = short(event.to.name) if event.to else name_of(speech, event)
    elements: list[Element] = [
        Heading(speech.word("ticket-title", number=number), _state(speech, ticket)),
        *((known_problem(speech, known),) if known else ()),
        Paragraph(speech.word(words, agent=agent, number=number)),
    ]
    if event.what in _TOLD_LETTER_BY_LETTER and event.note.strip():
        label = "notice-resolution" if event.what == PAST[Verb.RESOLVE] else ""
        said = short(written(event.note, room.lines), room.text)
        elements.append(Literal(said, label=speech.plain(label) if label else ""))
    fields: tuple[Element, ...] = ()
    buttons: tuple[Button, ...] = ()
    if event.what == PAST[Verb.RESOLVE]:
        fields, buttons = _was_it_resolved(speech, view)
    elif event.what == PAST[Verb.ASK] and Verb.ANSWER in view.offers:
        fields, buttons = _answer_field(speech), _send(speech, ticket)
    return (*elements, *fields), buttons


def _listed(
    speech: Speech, title: str, tickets: Sequence[Ticket], chars: int
) -> tuple[Element, ...]:
    if not tickets:
        return ()
    rows = tuple(
        Fact(f"#{ticket.number} · {_state(speech, ticket)}", _in_one_line(speech, ticket, chars))
        for ticket in tickets
    )
    return Subheading(speech.word(title)), Facts(rows)


def _in_one_line(speech: Speech, ticket: Ticket, chars: int) -> str:
    facts = [fact.value for fact in _about(speech, ticket, chars)]
    return short(" · ".join([when(ticket.draft.opened, speech.language), *facts]), chars)
