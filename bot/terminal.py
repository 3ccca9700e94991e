"""The terminal as a channel: pages as text, buttons as numbers. The bot behind it is the same.

Whoever sits there is a requester, with `/agent` also a member of the helpdesk: both sides of a ticket can be walked at one keyboard.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, assert_never

from msgspec.structs import replace

from bot.model.choices import MY_TICKETS, language_choice
from bot.model.errors import DeliveryRefused
from bot.model.event import (
    Address,
    Colleague,
    Event,
    Mention,
    Person,
    Pressed,
    Said,
    Scope,
)
from bot.model.ids import (
    ArticleId,
    ChoiceId,
    ConversationId,
    Language,
    NodeId,
    SessionId,
    UserId,
)
from bot.model.outgoing import Button, ChoiceInput, Hit, Outgoing, TextInput
from bot.model.ticket import SHOW
from bot.ports import Line, NewPost, News, Placed, Reply, Revision
from bot.render import plain_text

if TYPE_CHECKING:
    from bot.model.library import Library
    from bot.ports import Parcel

CHANNEL = "terminal"
"""What the channels of all terminals begin with. Each person has their own, `terminal:NAME`: what is for them is left to their terminal."""

_LANGUAGE = re.compile(r"/lang(?:uage)?\s+([a-z-]{2,8})", re.IGNORECASE)
_TICKETS = "/tickets"
_AGENT = re.compile(r"/agent(?:\s+(.*))?", re.IGNORECASE | re.DOTALL)
_NUMBER = re.compile(r"#?(\d{1,12})")


class Side(Enum):
    """As whom somebody sits at the terminal."""

    ME = "me"
    DESK = "desk"


@dataclass(frozen=True, slots=True)
class OnTicket:
    """The press of a ticket's button, with what was written in its fields."""

    number: int
    do: str
    version: int = 0
    inputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lookup:
    """A look at the queue; without words, at all of it."""

    words: str


Heard = Event | OnTicket | Lookup | None
"""What a line asks for. None: the terminal itself dealt with it."""


@dataclass(slots=True)
class _View:
    """What one side sees: its last page, and the buttons that its numbers press."""

    page: Outgoing | None = None
    buttons: tuple[Button, ...] = ()
    fields: tuple[TextInput | ChoiceInput, ...] = ()
    """Of the page that has the buttons."""

    def take(self, page: Outgoing) -> None:
        """Take a page that is shown. One without buttons leaves the numbers to those of the page before."""
        self.page = page
        if page.buttons or page.navigation:
            self.buttons = (*page.buttons, *page.navigation)
            inputs = (part for part in page.elements if isinstance(part, TextInput | ChoiceInput))
            self.fields = tuple(inputs)


@dataclass(slots=True)
class _Filling:
    """The fields of a page being filled in, one line each, before its button is pressed."""

    button: Button
    left: list[TextInput | ChoiceInput]
    inputs: dict[str, str]


class Terminal:
    """Shows pages and turns typed lines into what they ask for. Remembers the buttons that were shown last, for each side."""

    def __init__(
        self, write: Callable[[str], None], width: int, *, person: str, library: Library
    ) -> None:
        """Take where to write, how wide it is, who sits there, and the content that knows the bot's own words."""
        self._write = write
        self._commands = frozenset(_command_words(library))
        self._library = library
        self._width = width
        self._views = {side: _View() for side in Side}
        self._filling: _Filling | None = None
        self._sent = 0
        self.side = Side.ME
        self.locale = library.default
        self._requester = Address(
            channel=f"{CHANNEL}:{person}",
            service_url="",
            conversation=ConversationId(f"terminal:{person}"),
            scope=Scope.PERSONAL,
            user=UserId(f"local:{person}"),
            user_name=person,
            user_key=f"local:{person}",
        )
        self.agent = replace(
            self._requester,
            conversation=ConversationId(f"terminal:{person}:desk"),
            scope=Scope.CHANNEL,
            user=UserId(f"desk:{person}"),
            user_key=f"desk:{person}",
        )

    @property
    def address(self) -> Address:
        """Where the person is met as they sit there now. At the desk they are somebody else: nobody is told of their own deeds."""
        return self._requester if self.side is Side.ME else self.agent

    @property
    def person(self) -> Person:
        """Who acts."""
        return Person(self.address.user_key, self.address.user_name)

    # ------------------------------------------------------------------------------------------------ what is shown

    async def send(self, parcel: Parcel, placed: Placed | None) -> Placed | None:
        """Show what came for the requester. Cards are not brought up to date: what scrolled by stays as it was."""
        content = parcel.content
        match content:
            case Reply(page=page) | NewPost(page=page):
                self._show_requester(page)
                self._sent += 1
                return Placed(parcel.to.conversation, f"shown-{self._sent}")
            case Revision():
                return placed
            case Line(text=text):
                self.say(text)
                return placed
            case News():
                raise DeliveryRefused("A terminal takes no news of tickets.")
            case _:
                assert_never(content)

    def show(self, page: Outgoing) -> None:
        """Show a page to the side that sits there now, with its numbered buttons."""
        self._views[self.side].take(page)
        if self.side is Side.ME:
            self.locale = page.language
        buttons = _numbered(button.label for button in (*page.buttons, *page.navigation))
        body = plain_text(page, self._width)
        self._write("\n".join(["", body, "", *buttons, ""]) if buttons else f"\n{body}\n")

    def show_hits(self, hits: Sequence[Hit]) -> None:
        """Show what was found in the queue; a number shows the ticket."""
        shown = [(hit, _show_button(hit)) for hit in hits]
        found = [(hit, button) for hit, button in shown if button is not None]
        view = self._views[self.side]
        view.buttons, view.fields = tuple(button for _, button in found), ()
        lines = _numbered(f"{hit.title}  {hit.subtitle}" for hit, _ in found)
        self._write("\n".join(["", *(lines or [self._nothing_found]), ""]))

    @property
    def _nothing_found(self) -> str:
        return self._library.words[self.locale].words["ticket-unknown"]

    def say(self, text: str) -> None:
        """Show one line."""
        self._write(f"\n{text}\n")

    def _show_requester(self, page: Outgoing) -> None:
        """Show a page that came for the requester. Somebody who sits at the desk meanwhile sees it, but its numbers wait for `/me`."""
        if self.side is Side.ME:
            self.show(page)
            self._ask_again()
            return
        self._views[Side.ME].take(page)
        body = plain_text(page, self._width)
        self._write(f"\n-> {self._requester.user_name}\n{body}\n")
        self._ask_again()

    # ------------------------------------------------------------------------------------------------ what is typed

    def answers(self, line: str) -> bool:
        """Tell whether a line by itself is an answer to what is shown, not a part of a paste."""
        said = line.strip()
        if said.startswith("/") or self._filling is not None:
            return True
        if self.side is Side.DESK:
            return bool(said)
        buttons = self._views[self.side].buttons
        if said.isdecimal():
            return 0 < int(said) <= len(buttons)
        labels = {button.label.casefold() for button in buttons}
        return said.casefold() in labels | self._commands

    def heard(self, text: str) -> Heard:
        """Return what was asked for: of the bot, of the queue, or of a ticket."""
        said = text.strip()
        command = self._side_command(said)
        if command is not None:
            self._filling = None
            return command
        if said.casefold() == "/me":
            self._be_requester()
            return None
        if self._filling is not None:
            return self._fill(self._filling, said)
        button = self._button(said)
        if button is not None and "ticket" in button.data:
            return self._press_ticket(button)
        if self.side is Side.DESK:
            return (self._into_form(said) or Lookup(said)) if said else None
        return self.event(text)

    def event(self, text: str) -> Event:
        """Return what was typed to the bot: a press for a button's number, else words."""
        said = text.strip()
        button = self._button(said) if said.isdecimal() else None
        if button is not None:
            return self._press(button)
        language = _LANGUAGE.fullmatch(said)
        if language is not None:
            return _anywhere(language_choice(Language(language[1].lower())))
        return _anywhere(MY_TICKETS) if said.casefold() == _TICKETS else Said(text)

    def _side_command(self, said: str) -> Heard:
        """Return what a command of the terminal asks for, having changed the side it is asked from; None when it is no such command."""
        if _LANGUAGE.fullmatch(said) or said.casefold() == _TICKETS:
            self.side = Side.ME
            return self.event(said)
        agent = _AGENT.fullmatch(said)
        if agent is None:
            return None
        self.side = Side.DESK
        words = (agent[1] or "").strip()
        number = _NUMBER.fullmatch(words)
        return OnTicket(int(number[1]), SHOW) if number else Lookup(words)

    def _be_requester(self) -> None:
        self.side = Side.ME
        self._filling = None
        page = self._views[Side.ME].page
        if page is not None:
            self.show(page)

    def _button(self, said: str) -> Button | None:
        """Return the button that a number presses, or a ticket's one by its label."""
        buttons = self._views[self.side].buttons
        if said.isdecimal():
            return buttons[int(said) - 1] if 0 < int(said) <= len(buttons) else None
        named = (button for button in buttons if button.label.casefold() == said.casefold())
        return next((button for button in named if "ticket" in button.data), None)

    def _press_ticket(self, button: Button) -> OnTicket | None:
        fields = self._views[self.side].fields
        if not button.takes_inputs or not fields:
            return _on_ticket(button, {})
        self._filling = _Filling(button, list(fields), {})
        self._ask_again()
        return None

    def _into_form(self, said: str) -> OnTicket | None:
        """Take a line that was typed below a form with one field to write in: it goes in there, and the form's first button is pressed."""
        view = self._views[self.side]
        button = next((button for button in view.buttons if button.takes_inputs), None)
        if button is None or len(view.fields) != 1 or not isinstance(view.fields[0], TextInput):
            return None
        return _on_ticket(button, {view.fields[0].id: said})

    def _fill(self, filling: _Filling, said: str) -> OnTicket | None:
        """Take a line for the field that was asked for; press the button after the last one. An empty line leaves a field as it is."""
        asked = filling.left[0]
        value = _chosen(asked, said) if isinstance(asked, ChoiceInput) else said or asked.value
        if value is not None:
            filling.left.pop(0)
            filling.inputs |= {asked.id: value} if value else {}
        if filling.left:
            self._ask_again()
            return None
        self._filling = None
        return _on_ticket(filling.button, filling.inputs)

    def _ask_again(self) -> None:
        """Ask for the field that is to be filled in next, if there is one."""
        if self._filling is None:
            return
        asked = self._filling.left[0]
        hint = f" ({asked.placeholder})" if asked.placeholder else ""
        options = asked.options if isinstance(asked, ChoiceInput) else ()
        lines = _numbered(option.label for option in options)
        self._write("\n".join([f"? {asked.label}{hint}", *lines]))

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


class LocalTeam:
    """The triage team as a terminal sees it: who can read the data may work on the tickets."""

    def __init__(self, terminal: Terminal) -> None:
        """Take the terminal whose person the team consists of."""
        self._terminal = terminal

    async def is_member(self, team: str, person: Address) -> bool:  # noqa: ARG002 - there is one team here, whatever it is called
        """Tell whether somebody sits at a terminal, at the desk's side of it."""
        return person.channel.partition(":")[0] == CHANNEL and person.scope is Scope.CHANNEL

    async def colleagues(self, team: str) -> Sequence[Colleague]:  # noqa: ARG002 - as above
        """Return whom a ticket can be given to."""
        agent = self._terminal.agent
        person = Person(agent.user_key, agent.user_name)
        return (Colleague(person, Mention(agent.user, agent.user_name)),)


def _on_ticket(button: Button, inputs: Mapping[str, str]) -> OnTicket | None:
    data = button.data
    number, version = data.get("ticket", ""), data.get("version", "")
    if not number.isdecimal():
        return None
    return OnTicket(
        int(number), data.get("do", ""), int(version) if version.isdecimal() else 0, inputs
    )


def _chosen(asked: ChoiceInput, said: str) -> str | None:
    """Return the option that a line names by its number or its label, "" for an empty line, None for anything else."""
    if not said:
        return ""
    if said.isdecimal() and 0 < int(said) <= len(asked.options):
        return asked.options[int(said) - 1].id
    named = (opt.id for opt in asked.options if opt.label.casefold() == said.casefold())
    return next(named, None)


def _show_button(hit: Hit) -> Button | None:
    """Return the button of a hit that shows its ticket."""
    return next((button for button in hit.page.buttons if button.data.get("do") == SHOW), None)


def _anywhere(choice: ChoiceId) -> Pressed:
    """Return the press of what is offered everywhere, whatever card stands."""
    return Pressed(session=SessionId(""), article=None, node=None, choice=choice)


def _numbered(labels: Iterator[str]) -> list[str]:
    return [f"  [{number}] {label}" for number, label in enumerate(labels, start=1)]


def _command_words(library: Library) -> Iterator[str]:
    """Yield what people type for the bot's own buttons and for its languages, in every language."""
    for words in library.words.values():
        for command in words.commands.values():
            yield from (word.casefold() for word in (command.label, *command.typed))
    for entry in library.languages.values():
        yield from (word.casefold() for word in (entry.name, *entry.typed))
