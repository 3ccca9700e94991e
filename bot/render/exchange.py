"""What was said on a ticket: replies, answers and notes, with who and when."""

from collections.abc import Sequence

from bot.model.limits import EXCHANGE_CHARS, EXCHANGES, TEXT_LINES
from bot.model.outgoing import Element, Literal, Paragraph, Subheading
from bot.model.ticket import PAST, TicketEvent, Verb
from bot.render.mask import masked_beginning
from bot.render.speech import Speech, short, when, written

TO_REQUESTER = frozenset({PAST[Verb.REPLY], PAST[Verb.ASK]})
"""What the helpdesk says to a requester."""

_SAID = TO_REQUESTER | {PAST[Verb.ANSWER], PAST[Verb.NOTE], PAST[Verb.REOPEN]}


def last_exchanges(
    speech: Speech,
    events: Sequence[TicketEvent],
    *,
    mask: bool,
    most: int = EXCHANGES,
    chars: int = EXCHANGE_CHARS,
    lines: int = TEXT_LINES,
) -> tuple[Element, ...]:
    """Return what was written last, oldest first: for the helpdesk, whose notes are among it.

    Args:
        speech: The language of the words around it.
        events: What happened to the ticket, oldest first.
        mask: Hide the addresses of third parties: the card is shared.
        most: How many.
        chars: The most characters of each.
        lines: The most lines of each.
    """
    conceal = masked_beginning if mask else short
    said = [event for event in events if event.what in _SAID and event.note.strip()][-most:]
    shown: list[Element] = [Subheading(speech.word("ticket-said"))] if said else []
    for event in said:
        who = conceal(name_of(speech, event), chars)
        told = speech.word(f"said-{event.what}", who=who, time=when(event.at, speech.language))
        shown += [Paragraph(told), Literal(conceal(written(event.note, lines), chars))]
    return tuple(shown)


def last_from_helpdesk(
    speech: Speech, events: Sequence[TicketEvent], *, chars: int, lines: int
) -> tuple[Element, ...]:
    """Return what the helpdesk wrote last to the requester, letter by letter; notes are none of it."""
    said = [event for event in events if event.what in TO_REQUESTER and event.note.strip()][-1:]
    shown: list[Element] = []
    for event in said:
        who, time = name_of(speech, event), when(event.at, speech.language)
        shown += [
            Paragraph(speech.word("own-said", who=who, time=time)),
            Literal(short(written(event.note, lines), chars)),
        ]
    return tuple(shown)


def name_of(speech: Speech, event: TicketEvent) -> str:
    """Return who did something, by name; a helpdesk behind a sink may have none."""
    return short(event.by.name.strip() or speech.plain("helpdesk"))
