"""One message, from what was said to what is shown: the four stages joined. Pure.

event ─intake→ Report ─recognise→ Match ─dialog→ Turn(session, effects) ─render→ Outgoing
"""

from collections.abc import Callable
from datetime import datetime
from typing import assert_never

from bot import dialog, render
from bot.intake import read_file, read_text
from bot.model.effects import Screen, Turn
from bot.model.event import Arrived, Attached, Event, Incoming, Pressed, Reading, Said, Unusable
from bot.model.ids import Language
from bot.model.library import Library
from bot.model.outgoing import Outgoing
from bot.model.session import Session, Unreadable
from bot.model.ticket import Background
from bot.recognise import Recogniser
from bot.render.speech import Speech

_NOTHING = Background()


class Core:
    """The content, and the recogniser built from it."""

    def __init__(self, library: Library) -> None:
        """Index the library's fingerprints."""
        self.library = library
        self.recogniser = Recogniser(library)

    def language(self, locale: str | None) -> Language:
        """Return the language we answer a locale in, where it is one of ours."""
        return self.library.language(locale)

    def read(self, event: Event) -> Reading | None:
        """Read what a message says; None for events that carry no text. Needs no session, so it is done before any lock is held."""
        match event:
            case Said(text=text):
                report = read_text(text)
            case Attached(data=data):
                report = read_file(data)
            case Pressed() | Arrived() | Unusable():
                return None
            case _:
                assert_never(event)
        return Reading(report, self.recogniser.recognise(report))


def take_turn(
    library: Library,
    stored: Session | Unreadable | None,
    incoming: Incoming,
    reading: Reading | None,
    *,
    now: datetime,
    new_id: Callable[[], str],
    background: Background = _NOTHING,
) -> Turn:
    """Decide everything that one message causes. `background` is what the store knows that bears on it."""
    return dialog.converse(
        library, stored, incoming, reading, now=now, new_id=new_id, background=background
    )


def show(library: Library, screen: Screen, state: Session) -> Outgoing:
    """Return the page of a screen. The cards of tickets and their list are the queue's: only it knows what stands on them."""
    return render.page(screen, state, library)


def sorry(library: Library, language: Language, reference: str, *, again: bool) -> Outgoing:
    """Return the page that says that something broke on our side."""
    return render.sorry(Speech(library, language), reference, again=again)


def held_off(library: Library, language: Language, seconds: int, *, everybody: bool) -> str:
    """Return the line that says that something was not taken because it came too fast."""
    return render.held_off(Speech(library, language), seconds, everybody=everybody)
