"""The terminal as a channel: pages as text, buttons as numbers. The bot behind it is the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from bot.model.choices import language_choice
from bot.model.event import Address, Event, Pressed, Said, Scope
from bot.model.ids import (
    ArticleId,
    ChoiceId,
    ConversationId,
    Language,
    NodeId,
    SessionId,
    UserId,
)
from bot.render import plain_text

if TYPE_CHECKING:
    from bot.model.library import Library
    from bot.model.outgoing import Button, Outgoing
    from bot.ports import Parcel, Placed

CHANNEL = "terminal"

_LANGUAGE = re.compile(r"/lang(?:uage)?\s+([a-z-]{2,8})", re.IGNORECASE)


class Terminal:
    """Shows pages and turns typed lines into events. Remembers the buttons of the page that was shown last."""

    def __init__(
        self, write: Callable[[str], None], width: int, *, person: str, library: Library
    ) -> None:
        """Take where to write, how wide it is, who sits there, and the content that knows the bot's own words."""
        self._write = write
        self._commands = frozenset(_command_words(library))
        self._width = width
        self._shown: tuple[Button, ...] = ()
        self.address = Address(
            channel=CHANNEL,
            service_url="",
            conversation=ConversationId(f"terminal:{person}"),
            scope=Scope.PERSONAL,
            user=UserId(f"local:{person}"),
            user_name=person,
            user_key=f"local:{person}",
        )

    async def send(self, parcel: Parcel, placed: Placed | None) -> Placed | None:
        """Show a page."""
        self.show(parcel.content.page)
        return placed

    def show(self, page: Outgoing) -> None:
        """Show a page with its numbered buttons."""
        self._shown = (*page.buttons, *page.navigation) or self._shown
        buttons = [
            f"  [{number}] {button.label}"
            for number, button in enumerate((*page.buttons, *page.navigation), start=1)
        ]
        body = plain_text(page, self._width)
        self._write("\n".join(["", body, "", *buttons, ""]) if buttons else f"\n{body}\n")

    def answers(self, line: str) -> bool:
        """Tell whether a line by itself is an answer to the page shown, not a part of a paste."""
        said = line.strip()
        if said.startswith("/"):
            return True
        if said.isdecimal():
            return 0 < int(said) <= len(self._shown)
        labels = {button.label.casefold() for button in self._shown}
        return said.casefold() in labels | self._commands

    def event(self, text: str) -> Event:
        """Return what was typed: a press for a button's number, else words."""
        said = text.strip()
        if said.isdecimal() and 0 < int(said) <= len(self._shown):
            return self._press(self._shown[int(said) - 1])
        language = _LANGUAGE.fullmatch(said)
        if language is not None:
            choice = language_choice(Language(language[1].lower()))
            return Pressed(session=SessionId(""), article=None, node=None, choice=choice)
        return Said(text)

    @staticmethod
    def _press(button: Button) -> Pressed:
        data = button.data
        article, node = data.get("article"), data.get("node")
        return Pressed(
            session=SessionId(data.get("session", "")),
            article=ArticleId(article) if article else None,
            node=NodeId(node) if node else None,
            choice=ChoiceId(data.get("choice", "")),
            content=data.get("content", ""),
        )


def _command_words(library: Library) -> Iterator[str]:
    """Yield what people type for the bot's own buttons and for its languages, in every language."""
    for words in library.words.values():
        for command in words.commands.values():
            yield from (word.casefold() for word in (command.label, *command.typed))
    for entry in library.languages.values():
        yield from (word.casefold() for word in (entry.name, *entry.typed))
