"""What every sink says about a change: names that stay the same however often it is sent, and words that a helpdesk can read."""

from __future__ import annotations

from hashlib import sha256

from msgspec.structs import replace

from bot.model.ids import Language, TicketId
from bot.model.library import Library
from bot.model.report import Report
from bot.model.ticket import OPENED, PAST, Ticket, TicketView, Verb
from bot.ports import News
from bot.render import plain_text, thread_line, ticket_page
from bot.render.exchange import name_of
from bot.render.speech import Speech, speaking, when

_WIDTH = 78
"""Columns of text: what mail programs quote without breaking it (RFC 5322 section 2.1.1)."""

_CONTROLS = {code: None for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}
_ONE_LINE = dict.fromkeys((*range(32), *range(127, 160), 0x2028, 0x2029), " ")

SAID_TO_REQUESTER = frozenset({PAST[Verb.REPLY], PAST[Verb.ASK], PAST[Verb.RESOLVE]})
"""What the helpdesk says to the requester."""
SAID_BY_REQUESTER = frozenset({PAST[Verb.ANSWER], PAST[Verb.REOPEN]})
"""What the requester says; opening again also counts where an agent does it."""


def reference(ticket: TicketId) -> str:
    """Return a ticket's name for other systems: unlike the number never used twice, not even by another installation.

    The ticket's own id is not given away.
    """
    return sha256(f"bouncedesk ticket {ticket}".encode()).hexdigest()[:24]


def event_id(news: News) -> str:
    """Return the name of a change: the same each time it is sent, and no other change has it."""
    what = news.event.what
    if what == OPENED:
        return opening_id(news.ticket.id)
    # A ticket's version counts its changes, so it names one.
    return _id(news.ticket.id, f"{news.ticket.version} {what}")


def opening_id(ticket: TicketId) -> str:
    """Return the event id of a ticket's opening, which all its later events can name without having seen it."""
    return _id(ticket, OPENED)


def event_type(news: News) -> str:
    """Return a change's type for programs: `ticket.opened`, `ticket.taken_over` and so on."""
    return f"ticket.{news.event.what.replace('-', '_')}"


def subject(ticket: Ticket) -> str:
    """Return one line that stays the same for all that is sent about a ticket: its number, and the code at the domain.

    No address stands in it: subjects are shown on locked screens and kept in logs.
    """
    report = ticket.draft.report
    return one_line(f"[Bouncedesk #{ticket.number}] {_problem(report)}".rstrip())


def introduced(news: News, library: Library, language: Language) -> str:
    """Return the ticket as it stood then, with all the evidence unmasked, as plain text. The pasted text is not in it."""
    speech = speaking(library, language)
    ticket = replace(news.ticket, draft=replace(news.ticket.draft, original=None))
    # An original, even an empty one, asks for the page as a member of the helpdesk sees it who asked to see everything.
    page = ticket_page(TicketView(ticket=ticket), library, speech.language, original="")
    return legible(plain_text(page, _WIDTH))


def said(news: News, library: Library, language: Language) -> str:
    """Return one change as plain text: a sentence, and in full what was written."""
    speech = speaking(library, language)
    event = news.event
    words = f"said-{event.what}"
    if not event.note.strip():
        told = thread_line(TicketView(ticket=news.ticket), event, library, speech.language)
    elif words in speech.words.words:
        who = name_of(speech, event)
        told = f"{speech.plain(words, who=who, time=when(event.at, speech.language))}:"
    elif event.what == PAST[Verb.RESOLVE]:
        told = f"{speech.plain('ticket-resolution')} ({name_of(speech, event)}):"
    else:
        blank = replace(event, note="")
        told = thread_line(TicketView(ticket=news.ticket), blank, library, speech.language)
    state = f"{speech.plain('ticket-state')}: {_state(speech, news.ticket)}"
    return legible("\n\n".join(part for part in (told, event.note.strip(), state) if part))


def legible(text: str) -> str:
    """Return text without control characters and without what UTF-8 cannot write."""
    return text.translate(_CONTROLS).encode("utf-8", "replace").decode()


def one_line(text: str, chars: int = 200) -> str:
    """Return text as one line of at most so many characters that nothing can break out of."""
    line = " ".join(legible(text.translate(_ONE_LINE)).split())
    return line if len(line) <= chars else f"{line[: chars - 1]}…"


def _id(ticket: TicketId, change: str) -> str:
    return sha256(f"bouncedesk event {ticket} {change}".encode()).hexdigest()[:32]


def _problem(report: Report | None) -> str:
    if report is None:
        return ""
    code = " ".join(part for part in (report.smtp_reply, report.status) if part)
    domain = next((address.rpartition("@")[2] for address in report.recipients), "")
    return " · ".join(part for part in (code, domain) if part)


def _state(speech: Speech, ticket: Ticket) -> str:
    return speech.plain(f"ticket-state-{ticket.state.value}")
