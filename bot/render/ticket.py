"""The ticket as the helpdesk sees it: the card in its channel, its forms, and the lines of a search.

The channel's card is shared, so the addresses of third parties are masked on it; the full text comes only to the member who asks for it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from bot.model.ids import Language
from bot.model.library import Library, Priority
from bot.model.limits import (
    EXCERPT_CHARS,
    EXCHANGE_CHARS,
    EXCHANGES,
    FACT_CHARS,
    FULL_TEXT_CHARS,
    JOINED_SHOWN,
    NOTE_CHARS,
    TEXT_LINES,
)
from bot.model.outgoing import (
    Bullets,
    Button,
    ChoiceInput,
    Element,
    Fact,
    Facts,
    Heading,
    Hit,
    Literal,
    Option,
    Outgoing,
    Paragraph,
    Run,
    Subheading,
    Text,
    TextInput,
    Weight,
)
from bot.model.ticket import (
    SHOW,
    SHOW_ALL,
    Form,
    Person,
    Ticket,
    TicketView,
    Verb,
)
from bot.render.buttons import ticket_press
from bot.render.card import first_that_fits
from bot.render.evidence import evidence_table, path_walked
from bot.render.exchange import last_exchanges
from bot.render.mask import masked_beginning
from bot.render.remarks import note, warning
from bot.render.speech import Speech, plain, short, speaking, when, written


class _Room(NamedTuple):
    """How much of everything stands on a card."""

    fact: int = FACT_CHARS
    text: int = NOTE_CHARS
    lines: int = TEXT_LINES
    excerpt: int = EXCERPT_CHARS
    everything: int = FULL_TEXT_CHARS
    exchanges: int = EXCHANGES
    exchange: int = EXCHANGE_CHARS
    steps: int = 40
    joined: int = JOINED_SHOWN
    undelivered: int = 3
    colleagues: int = 200


_ROOMS = (
    _Room(),
    _Room(text=600, lines=15, excerpt=600, everything=8000, exchange=300, steps=20, colleagues=80),
    _Room(text=400, lines=8, excerpt=400, everything=4000, exchange=200, steps=10, colleagues=60),
    _Room(60, 200, 5, 200, 1000, 2, 120, 8, 3, 1, 40),
    _Room(40, 120, 2, 120, 300, 1, 120, 4, 1, 1, 20),
)
"""From a card with everything that one looks for to one that holds also where every text is as long as it can be."""

_NAME_CHARS = 60
"""Characters of a colleague's name in a list."""
_FIRST = (
    Verb.CLAIM,
    Form.REPLY,
    Form.RESOLVE,
    Form.NOTE,
    Form.ASSIGN,
    Verb.TAKE_OVER,
    Verb.REOPEN,
)
_THEN = (
    Verb.HAND_BACK,
    Verb.CLOSE,
    Verb.URGENT,
    Verb.NORMAL,
    Form.JOIN,
    Verb.SPLIT,
)
"""The buttons in their order: never more than six of either on one card."""

_VERBS: Mapping[Form, tuple[Verb, ...]] = {
    Form.REPLY: (Verb.REPLY, Verb.ASK),
    Form.NOTE: (Verb.NOTE,),
    Form.ASSIGN: (Verb.ASSIGN,),
    Form.RESOLVE: (Verb.RESOLVE,),
    Form.JOIN: (Verb.JOIN,),
}
"""What the buttons of each of the helpdesk's forms do."""


def ticket_page(
    view: TicketView,
    library: Library,
    language: Language,
    *,
    form: Form | None = None,
    original: str | None = None,
    remark: str | None = None,
    colleagues: Sequence[Person] = (),
) -> Outgoing:
    """Return the ticket as the helpdesk sees it.

    Args:
        view: The ticket with its history, and what an agent may do with it.
        library: The content.
        language: The helpdesk's language.
        form: What is asked on the card before something is done. One whose verbs are not on offer any more is not shown.
        original: The whole original text: shows everything unmasked, for one member's eyes.
        remark: Id of the words that answer a press.
        colleagues: Whom the ticket can be assigned to.
    """
    speech = speaking(library, language)
    return first_that_fits(
        _page(speech, view, room, form, original, remark, colleagues) for room in _ROOMS
    )


def search_hit(ticket: Ticket, library: Library, language: Language) -> Hit:
    """Return a ticket as a line of a search result, and the page that is put into a conversation; nobody's address is in either."""
    speech = speaking(library, language)
    report = ticket.draft.report
    code = report.status if report else None
    found = (f"#{ticket.number}", code, ticket.draft.requester.user_name)
    assignee = ticket.assignee.name if ticket.assignee else speech.plain("ticket-none")
    about = (
        speech.plain(f"ticket-state-{ticket.state.value}"),
        speech.plain("ticket-urgent") if ticket.priority is Priority.URGENT else "",
        assignee,
        ", ".join(report.recipients) if report else "",
    )
    shown = ticket_press(
        speech.plain("do-show", number=f"#{ticket.number}"), ticket, SHOW, Weight.PRIMARY
    )
    view = TicketView(ticket=ticket)
    pages = (
        Outgoing(
            language=speech.language,
            summary=_summary(speech, ticket),
            elements=(*_head(speech, view, room, None), *_bounce(speech, ticket, room, mask=True)),
            buttons=(shown,),
        )
        for room in _ROOMS
    )
    return Hit(title=_line(found), subtitle=_line(about), page=first_that_fits(pages))


def _line(parts: Sequence[str | None]) -> str:
    told = (" ".join((part or "").split()) for part in parts)
    return " · ".join(masked_beginning(part, FACT_CHARS) for part in told if part)


def _page(
    speech: Speech,
    view: TicketView,
    room: _Room,
    form: Form | None,
    original: str | None,
    remark: str | None,
    colleagues: Sequence[Person],
) -> Outgoing:
    ticket = view.ticket
    verbs = _verbs(view, form)
    if form is not None and verbs:
        return Outgoing(
            language=speech.language,
            summary=_summary(speech, ticket),
            elements=(
                *_head(speech, view, room, remark),
                *_FIELDS[form](speech, view, colleagues[: room.colleagues]),
            ),
            buttons=(
                *(
                    ()
                    if form is Form.ASSIGN and not colleagues
                    else _form_buttons(speech, ticket, verbs)
                ),
                ticket_press(speech.plain("do-cancel"), ticket, SHOW),
            ),
        )
    mask = original is None
    buttons, navigation = _buttons(speech, view, everything=not mask)
    return Outgoing(
        language=speech.language,
        summary=_summary(speech, ticket),
        elements=(
            *_head(speech, view, room, remark, mask=mask),
            *_incident(speech, view, room, mask=mask),
            *_bounce(speech, ticket, room, mask=mask),
            *path_walked(speech, ticket.draft.path, room.steps),
            *_texts(speech, ticket, room, original),
            *last_exchanges(
                speech,
                view.events,
                mask=mask,
                most=room.exchanges,
                chars=room.exchange,
                lines=room.lines,
            ),
            *_resolution(speech, ticket, room, mask=mask),
        ),
        buttons=buttons,
        navigation=navigation,
    )


# ------------------------------------------------------------------------------------------------- what stands on it


def _summary(speech: Speech, ticket: Ticket) -> str:
    title = speech.plain("ticket-title", number=f"#{ticket.number}")
    return f"{title} · {_kicker(speech, ticket)}"


def _kicker(speech: Speech, ticket: Ticket) -> str:
    state = speech.plain(f"ticket-state-{ticket.state.value}")
    urgent = speech.plain("ticket-urgent") if ticket.priority is Priority.URGENT else ""
    return " · ".join(part for part in (state, urgent) if part)


def _head(
    speech: Speech, view: TicketView, room: _Room, remark: str | None, *, mask: bool = True
) -> tuple[Element, ...]:
    """Return what stands above everything else, forms included: which ticket, what to know, and the facts."""
    ticket = view.ticket
    conceal = masked_beginning if mask else short
    unreached = tuple(dict.fromkeys(view.undelivered))[-room.undelivered :]
    return (
        Heading(speech.word("ticket-title", number=f"#{ticket.number}"), _kicker(speech, ticket)),
        *((note(speech, speech.word(remark)),) if remark else ()),
        *(
            warning(speech, speech.word("ticket-undelivered", why=conceal(why, FACT_CHARS)))
            for why in unreached
        ),
        Facts(
            tuple(
                Fact(speech.plain(name), conceal(value, room.fact))
                for name, value in _facts(speech, view)
                if value
            )
        ),
    )


def _facts(speech: Speech, view: TicketView) -> tuple[tuple[str, str], ...]:
    ticket, draft = view.ticket, view.ticket.draft
    spoken = speech.library.languages.get(draft.language)
    assignee = ticket.assignee.name if ticket.assignee else speech.plain("ticket-none")
    reason = plain(speech.text(speech.words.reasons.get(draft.reason, draft.reason)))
    return (
        ("ticket-state", speech.plain(f"ticket-state-{ticket.state.value}")),
        ("ticket-assignee", assignee),
        ("ticket-requester", draft.requester.user_name),
        ("ticket-language", spoken.name if spoken else draft.language),
        ("ticket-queue", ticket.queue),
        ("ticket-opened", when(draft.opened, speech.language)),
        ("ticket-reason", reason),
        ("ticket-people", str(view.people) if view.people > 1 else ""),
    )


def _incident(speech: Speech, view: TicketView, room: _Room, *, mask: bool) -> tuple[Element, ...]:
    """Return what connects the ticket with those of others."""
    if view.part_of is not None:
        return (note(speech, speech.word("ticket-part-of", number=f"#{view.part_of}")),)
    if not view.joined:
        return ()
    shown: list[Text] = [_joined(speech, ticket, mask=mask) for ticket in view.joined]
    more = len(shown) - room.joined
    if more > 0:
        shown[room.joined :] = [speech.word("reading-more", count=str(more))]
    return Subheading(speech.word("ticket-joined")), Bullets(tuple(shown))


def _joined(speech: Speech, ticket: Ticket, *, mask: bool) -> Text:
    conceal = masked_beginning if mask else short
    state = speech.plain(f"ticket-state-{ticket.state.value}")
    name = conceal(ticket.draft.requester.user_name, FACT_CHARS)
    return Run(f"#{ticket.number} · "), Run(name, given=True), Run(f" · {state}")


def _bounce(speech: Speech, ticket: Ticket, room: _Room, *, mask: bool) -> tuple[Element, ...]:
    draft = ticket.draft
    if draft.report is None:
        return ()
    return evidence_table(speech, draft.report, draft.match, mask=mask, chars=room.fact)


def _texts(
    speech: Speech, ticket: Ticket, room: _Room, original: str | None
) -> tuple[Element, ...]:
    draft = ticket.draft
    conceal = short if original is not None else masked_beginning
    shown: list[Element] = []
    if draft.note:
        said = conceal(written(draft.note, room.lines), room.text)
        shown.append(Literal(said, label=speech.plain("ticket-note")))
    label = speech.plain("ticket-original")
    if original:
        shown.append(Literal(short(original, room.everything), label=label, copyable=True))
    elif draft.original:
        shown.append(
            Literal(conceal(written(draft.original, room.lines), room.excerpt), label=label)
        )
    return tuple(shown)


def _resolution(speech: Speech, ticket: Ticket, room: _Room, *, mask: bool) -> tuple[Element, ...]:
    if not ticket.resolution or ticket.is_open:
        return ()
    conceal = masked_beginning if mask else short
    said = conceal(written(ticket.resolution, room.lines), room.text)
    return (Literal(said, label=speech.plain("ticket-resolution")),)


# --------------------------------------------------------------------------------------------- what can be done there


def _verbs(view: TicketView, form: Form | None) -> tuple[Verb, ...]:
    offered = _VERBS.get(form, ()) if form else ()
    return tuple(verb for verb in offered if verb in view.offers)


def _buttons(
    speech: Speech, view: TicketView, *, everything: bool
) -> tuple[tuple[Button, ...], tuple[Button, ...]]:
    """Return only what is on offer: first what one mostly does, a form behind what needs words, and the quiet rest."""
    ticket = view.ticket
    first = [do for do in _FIRST if _is_offered(view, do)]
    then = [do for do in _THEN if _is_offered(view, do)]
    held = ticket.draft.report is not None or bool(ticket.draft.original)
    look = SHOW if everything else SHOW_ALL
    lead = Weight.PRIMARY if ticket.is_open else Weight.CHOICE
    look_label = speech.plain("do-show-less" if everything else "do-show-all")
    return tuple(
        ticket_press(_label(speech, do), ticket, do, Weight.CHOICE if position else lead)
        for position, do in enumerate(first)
    ), (
        *(ticket_press(_label(speech, do), ticket, do, Weight.QUIET) for do in then),
        *((ticket_press(look_label, ticket, look, Weight.QUIET),) if held or everything else ()),
    )


def _is_offered(view: TicketView, do: Verb | Form) -> bool:
    return bool(_verbs(view, do)) if isinstance(do, Form) else do in view.offers


def _form_buttons(speech: Speech, ticket: Ticket, verbs: Sequence[Verb]) -> tuple[Button, ...]:
    return tuple(
        ticket_press(
            _label(speech, verb),
            ticket,
            verb,
            Weight.CHOICE if position else Weight.PRIMARY,
            takes_inputs=True,
        )
        for position, verb in enumerate(verbs)
    )


def _label(speech: Speech, do: Verb | Form) -> str:
    return speech.plain(f"do-{do.value}")


# ------------------------------------------------------------------------------------------------- what a form asks


def _reply_form(
    speech: Speech, view: TicketView, _colleagues: Sequence[Person]
) -> tuple[Element, ...]:
    draft = view.ticket.draft
    spoken = speech.library.languages.get(draft.language)
    language = spoken.name if spoken else draft.language
    placeholder = speech.plain("field-reply-placeholder", language=language)
    return (*_to_all(speech, view), _text_field(speech, "field-reply", placeholder))


def _note_form(
    speech: Speech, _view: TicketView, _colleagues: Sequence[Person]
) -> tuple[Element, ...]:
    return (_text_field(speech, "field-note", speech.plain("field-note-placeholder")),)


def _assign_form(
    speech: Speech, _view: TicketView, colleagues: Sequence[Person]
) -> tuple[Element, ...]:
    if not colleagues:
        return (note(speech, speech.word("assign-nobody")),)
    return (
        ChoiceInput(
            id="person",
            label=speech.plain("field-assign"),
            options=tuple(
                Option(person.key, masked_beginning(person.name, _NAME_CHARS))
                for person in colleagues
            ),
            placeholder=speech.plain("field-assign-placeholder"),
            required=True,
            required_message=speech.plain("field-assign-placeholder"),
        ),
    )


def _resolve_form(
    speech: Speech, view: TicketView, _colleagues: Sequence[Person]
) -> tuple[Element, ...]:
    field = TextInput(
        id="resolution",
        label=speech.plain("ticket-resolution-label"),
        placeholder=speech.plain("ticket-resolution-placeholder"),
        required=True,
        required_message=speech.plain("ticket-resolution-required"),
    )
    return (*_to_all(speech, view), field)


def _join_form(
    speech: Speech, _view: TicketView, _colleagues: Sequence[Person]
) -> tuple[Element, ...]:
    field = TextInput(
        id="other",
        label=speech.plain("field-join"),
        placeholder="#1042",
        required=True,
        required_message=speech.plain("ticket-no-such-other"),
        single_line=True,
    )
    return Paragraph(speech.word("join-explained"), quiet=True), field


_FIELDS: Mapping[Form, Callable[[Speech, TicketView, Sequence[Person]], tuple[Element, ...]]] = {
    Form.REPLY: _reply_form,
    Form.NOTE: _note_form,
    Form.ASSIGN: _assign_form,
    Form.RESOLVE: _resolve_form,
    Form.JOIN: _join_form,
}


def _text_field(speech: Speech, label: str, placeholder: str) -> TextInput:
    return TextInput(
        id="text",
        label=speech.plain(label),
        placeholder=placeholder,
        required=True,
        required_message=speech.plain("ticket-text-missing"),
    )


def _to_all(speech: Speech, view: TicketView) -> tuple[Element, ...]:
    """Say that words on the ticket of an incident reach everybody who joined."""
    if not view.joined:
        return ()
    return (note(speech, speech.word("ticket-to-all", count=str(len(view.joined) + 1))),)
