"""Pages about tickets: the card in the helpdesk's channel, and the notices to the requester.

The channel's card is shared, so the addresses of third parties are masked on it; the full text comes only to the member who asks for it.
"""

from collections.abc import Mapping, Sequence
from typing import assert_never

from bot.model.ids import Language
from bot.model.library import Library, Priority
from bot.model.limits import EXCERPT_CHARS, FULL_TEXT_CHARS
from bot.model.outgoing import (
    Button,
    Element,
    Fact,
    Facts,
    Heading,
    Literal,
    Outgoing,
    Paragraph,
    TextInput,
    Weight,
)
from bot.model.ticket import State, Ticket
from bot.render.evidence import evidence_table, path_walked
from bot.render.mask import masked
from bot.render.remarks import note, warning
from bot.render.speech import Speech, plain, short

CLAIM = "claim"
RESOLVE = "resolve"
SHOW_ALL = "show-all"


def ticket_page(
    ticket: Ticket,
    library: Library,
    language: Language,
    *,
    original: str | None = None,
    undelivered: Sequence[str] = (),
    remark: str | None = None,
) -> Outgoing:
    """Return the ticket as the helpdesk sees it.

    Args:
        ticket: The ticket.
        library: The content.
        language: The helpdesk's language.
        original: The whole original text: shows everything unmasked, for one member's eyes.
        undelivered: Why notices did not reach the requester.
        remark: Id of the words that answer a press.
    """
    speech = Speech(library, language)
    everything = original is not None
    draft = ticket.draft
    title = speech.plain("ticket-title", number=f"#{ticket.number}")
    return Outgoing(
        language=language,
        summary=title,
        elements=(
            Heading(
                speech.word("ticket-title", number=f"#{ticket.number}"), _kicker(speech, ticket)
            ),
            *((note(speech, speech.word(remark)),) if remark else ()),
            *(warning(speech, speech.word("ticket-undelivered", why=why)) for why in undelivered),
            Facts(_facts(speech, ticket)),
            *(
                evidence_table(speech, draft.report, draft.match, mask=not everything)
                if draft.report
                else ()
            ),
            *path_walked(speech, draft.path),
            *_texts(speech, ticket, original),
            *_resolution(speech, ticket),
        ),
        buttons=_buttons(speech, ticket, everything=everything),
    )


def requester_notice(ticket: Ticket, library: Library) -> Outgoing:
    """Return what the requester is told about the present state of a ticket, in their language."""
    language = ticket.draft.language
    language = language if language in library.languages else library.default
    speech = Speech(library, language)
    number = f"#{ticket.number}"
    match ticket.state:
        case State.NEW:
            words = "opened-text"
        case State.CLAIMED:
            words = "notice-claimed"
        case State.RESOLVED:
            words = "notice-resolved"
        case _:
            assert_never(ticket.state)
    agent = ticket.assignee.name if ticket.assignee else ""
    title = speech.plain("ticket-title", number=number)
    said: tuple[Element, ...] = ()
    if ticket.resolution:
        said = (Literal(ticket.resolution, label=speech.plain("notice-resolution")),)
    return Outgoing(
        language=language,
        summary=title,
        elements=(
            Heading(speech.word("ticket-title", number=number)),
            Paragraph(speech.word(words, number=number, agent=agent)),
            *said,
            *((Paragraph(speech.word("notice-go-on"), quiet=True),) if ticket.resolution else ()),
        ),
    )


def _kicker(speech: Speech, ticket: Ticket) -> str:
    state = speech.plain(f"ticket-state-{ticket.state.value}")
    urgent = speech.plain("ticket-urgent") if ticket.draft.priority is Priority.URGENT else ""
    return " · ".join(part for part in (state, urgent) if part)


def _facts(speech: Speech, ticket: Ticket) -> tuple[Fact, ...]:
    draft = ticket.draft
    spoken = speech.library.languages.get(draft.language)
    values = (
        ("ticket-state", speech.plain(f"ticket-state-{ticket.state.value}")),
        (
            "ticket-assignee",
            ticket.assignee.name if ticket.assignee else speech.plain("ticket-none"),
        ),
        ("ticket-requester", draft.requester.user_name),
        ("ticket-language", spoken.name if spoken else draft.language),
        ("ticket-opened", f"{draft.opened:%Y-%m-%d %H:%M}"),
        (
            "ticket-reason",
            plain(speech.text(speech.words.reasons.get(draft.reason, draft.reason))),
        ),
    )
    return tuple(Fact(speech.plain(name), short(value)) for name, value in values)


def _texts(speech: Speech, ticket: Ticket, original: str | None) -> tuple[Element, ...]:
    draft = ticket.draft
    conceal = str if original is not None else masked
    shown: list[Element] = []
    if draft.note:
        shown.append(Literal(conceal(draft.note), label=speech.plain("ticket-note")))
    text = original if original is not None else draft.original
    if text:
        everything = original is not None
        excerpt = conceal(short(text, FULL_TEXT_CHARS if everything else EXCERPT_CHARS))
        label = speech.plain("ticket-original")
        shown.append(Literal(excerpt, label=label, copyable=everything))
    return tuple(shown)


def _resolution(speech: Speech, ticket: Ticket) -> tuple[Element, ...]:
    if ticket.state is State.RESOLVED:
        return (Literal(ticket.resolution or "", label=speech.plain("ticket-resolution")),)
    return (
        TextInput(
            id="resolution",
            label=speech.plain("ticket-resolution-label"),
            placeholder=speech.plain("ticket-resolution-placeholder"),
            required=True,
            required_message=speech.plain("ticket-resolution-required"),
        ),
    )


def _buttons(speech: Speech, ticket: Ticket, *, everything: bool) -> tuple[Button, ...]:
    """Return only what the ticket's state allows."""
    offered: list[tuple[str, Weight, bool]] = []
    if ticket.state is State.NEW:
        offered.append((CLAIM, Weight.PRIMARY, False))
    if ticket.state is not State.RESOLVED:
        offered.append((RESOLVE, Weight.CHOICE, True))
    if not everything and (ticket.draft.report is not None or ticket.draft.original):
        offered.append((SHOW_ALL, Weight.QUIET, False))
    return tuple(
        Button(speech.plain(f"ticket-{action}"), _data(ticket, action), weight, takes_inputs)
        for action, weight, takes_inputs in offered
    )


def _data(ticket: Ticket, action: str) -> Mapping[str, str]:
    return {"v": "1", "ticket": str(ticket.number), "do": action, "version": str(ticket.version)}
