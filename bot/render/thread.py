"""The lines in a ticket's thread: one sentence for each change, in plain text, for everybody in the channel.

What people wrote is quoted in one line, cut and masked; the card and the requester have it whole.
"""

from bot.model.ids import Language
from bot.model.library import Library, Priority
from bot.model.limits import FACT_CHARS, LINE_CHARS
from bot.model.ticket import OPENED, PAST, TicketEvent, TicketView, Verb
from bot.render.exchange import name_of
from bot.render.mask import masked_beginning
from bot.render.speech import Speech, speaking

_QUOTED = {PAST[verb] for verb in (Verb.REPLY, Verb.ASK, Verb.ANSWER, Verb.NOTE, Verb.RESOLVE)}
_NAMES_NUMBERS = {OPENED, PAST[Verb.JOIN], PAST[Verb.SPLIT]}
"""Lines that say themselves which ticket they are about."""


def thread_line(view: TicketView, event: TicketEvent, library: Library, language: Language) -> str:
    """Return one sentence about a change, such as "Kari claimed it.".

    In the thread of an incident, what happens to a ticket that was joined to it has that ticket's number in front.

    Args:
        view: The ticket after the change.
        event: The change.
        library: The content.
        language: The helpdesk's language.
    """
    speech = speaking(library, language)
    requester = _one_line(view.ticket.draft.requester.user_name, FACT_CHARS)
    said = speech.plain(
        f"thread-{_words_of(speech, view, event)}",
        who=_one_line(name_of(speech, event), FACT_CHARS),
        to=_one_line(event.to.name, FACT_CHARS) if event.to else "",
        number=f"#{view.ticket.number}",
        requester=requester,
        other=f"#{event.other}",
        text=_one_line(event.note, LINE_CHARS),
    )
    apart = view.part_of is not None and event.what not in _NAMES_NUMBERS
    return f"#{view.ticket.number}: {said}" if apart else said


def undelivered_line(view: TicketView, why: str, library: Library, language: Language) -> str:
    """Return one sentence that says that the requester was not reached and why, and what to do."""
    speech = speaking(library, language)
    number = f"#{view.ticket.number}"
    return speech.plain("thread-undelivered", number=number, why=_one_line(why, FACT_CHARS))


def _words_of(speech: Speech, view: TicketView, event: TicketEvent) -> str:
    if event.what == OPENED and view.ticket.draft.priority is Priority.URGENT:
        return "opened-urgent"
    if event.what == PAST[Verb.REOPEN] and event.note.strip():
        return "reopened-because"
    if event.what in _QUOTED and not event.note.strip():
        return "changed"
    return event.what if f"thread-{event.what}" in speech.words.words else "changed"


def _one_line(text: str, chars: int) -> str:
    return masked_beginning(" ".join(text.split()), chars)
