"""The helpdesk's side of a conversation: agents who press, write in threads and search, and what of all that arrived where."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec.structs import replace

from bot.compose import Application, application, new_id
from bot.content import load_library
from bot.model.errors import DeliveryAmbiguous, DeliveryRefused
from bot.model.event import (
    Address,
    Colleague,
    Incoming,
    Mention,
    Person,
    Said,
    Scope,
    TicketPress,
    TicketSearch,
)
from bot.model.ids import ConversationId, Language, UserId
from bot.model.library import TriageRules
from bot.model.outgoing import Hit, Outgoing
from bot.model.ticket import Ticket, TicketEvent
from bot.ports import Line, NewPost, News, Parcel, Placed, Reply, Revision
from bot.triage import card_name
from tests.conversation import BOUNCE, CHANNEL, Conversation, Recorder, settings_for, text_of

TEAM = "19:team@thread.tacv2"
TRIAGE = "19:triage@thread.tacv2"
SETTINGS = {"triage_team_id": TEAM, "triage_channel_id": TRIAGE, "triage_language": "nb"}


def person(name: str) -> Person:
    """Return somebody by name."""
    return Person(f"key-{name}", name)


def mention(name: str) -> Mention:
    """Return how somebody is alerted."""
    return Mention(UserId(f"29:{name}"), name)


KARI = person("Kari")
PER = person("Per")


class Teams:
    """Who belongs to which team, as the channel would tell it."""

    def __init__(self) -> None:
        """Put Kari and Per in the triage team."""
        self.members: dict[str, list[str]] = {TEAM: ["Kari", "Per"]}
        self.unreachable = False
        self.asked: list[tuple[str, str]] = []

    async def is_member(self, team: str, person: Address) -> bool:
        """Tell whether somebody belongs to a team, by the channel's id of them."""
        self.asked.append((team, person.user))
        if self.unreachable:
            raise DeliveryAmbiguous
        return person.user in {f"29:{name}" for name in self.members.get(team, ())}

    async def colleagues(self, team: str) -> Sequence[Colleague]:
        """Return the members of a team."""
        if self.unreachable:
            raise DeliveryAmbiguous
        return [Colleague(person(name), mention(name)) for name in self.members.get(team, ())]


class Blocking(Recorder):
    """A far end in which people can block the bot."""

    def __init__(self) -> None:
        """Start with nobody blocking."""
        super().__init__()
        self.blocked: set[str] = set()

    async def send(self, parcel: Parcel, placed: Placed | None) -> Placed | None:
        """Refuse what goes to somebody who has blocked the bot."""
        if parcel.to.user in {f"29:{name}" for name in self.blocked}:
            raise DeliveryRefused("403 MessageWritesBlocked")
        return await super().send(parcel, placed)


class Helpdesk:
    """A running bot with a triage channel, and all who talk to it."""

    def __init__(self, running: Application, recorder: Blocking, teams: Teams) -> None:
        """Take the running bot and its far ends."""
        self.running = running
        self.recorder = recorder
        self.teams = teams
        self._read = 0

    def requester(self, name: str = "Ola", locale: str = "en") -> Conversation:
        """Return an employee who talks to the bot."""
        return Conversation(self.running, self.recorder, person=name, locale=locale)

    def agent(self, name: str = "Kari", channel: str = TRIAGE) -> Agent:
        """Return an agent."""
        return Agent(self, name, channel)

    def new(self) -> list[Parcel]:
        """Return what has arrived anywhere since this was asked last."""
        parcels = self.recorder.parcels[self._read :]
        self._read = len(self.recorder.parcels)
        return parcels

    async def ticket(self, number: int = 1001) -> Ticket:
        """Return a ticket as the store has it."""
        return await self.running.store.run(lambda unit: unit.ticket(number))

    async def events(self, number: int = 1001) -> Sequence[TicketEvent]:
        """Return what happened to a ticket."""
        return await self.running.store.run(
            lambda unit: unit.ticket_events(unit.ticket(number).id)
        )

    async def history(self, number: int = 1001) -> list[str]:
        """Return what happened to a ticket, in one word each."""
        return [event.what for event in await self.events(number)]

    async def thread(self, number: int = 1001) -> ConversationId:
        """Return the thread of a ticket's card."""
        name = card_name((await self.ticket(number)).id)
        placed = await self.running.store.run(lambda unit: unit.place(name))
        assert placed is not None
        return placed.conversation

    def words(self, name: str, language: str = "nb", **facts: str) -> str:
        """Return one of the bot's own sentences."""
        said = self.running.core.library.words[Language(language)].words[name]
        for fact, value in facts.items():
            said = said.replace(f"{{{fact}}}", value)
        return said


class Agent:
    """Somebody at the helpdesk, in their channel."""

    def __init__(self, helpdesk: Helpdesk, name: str, channel: str) -> None:
        """Take who it is and where they are."""
        self.helpdesk = helpdesk
        self.name = name
        self.channel = ConversationId(channel)
        self.last_press: TicketPress | None = None

    def address(self, conversation: ConversationId | None = None) -> Address:
        """Return where they are."""
        return Address(
            channel=CHANNEL,
            service_url="https://smba.trafficmanager.net/emea/",
            conversation=conversation or self.channel,
            scope=Scope.CHANNEL,
            user=UserId(f"29:{self.name}"),
            user_name=self.name,
            user_key=f"key-{self.name}",
            bot="28:bot",
            tenant="tenant",
        )

    async def press(
        self, do: str, number: int = 1001, *, activity: str | None = None, **inputs: str
    ) -> Outgoing | str:
        """Press something on a ticket's card; wait until all that it causes has left."""
        press = TicketPress(
            number=number,
            do=do,
            version=1,
            person=person(self.name),
            inputs=inputs,
            address=self.address(),
            activity=activity or new_id(),
            locale=Language("nb"),
            inline=True,
        )
        self.last_press = press
        return await self.deliver(press)

    async def deliver(self, press: TicketPress) -> Outgoing | str:
        """Deliver a press, once more or for the first time."""
        shown = await self.helpdesk.running.desk.press(press)
        await self.helpdesk.running.outbox.settle()
        return shown

    async def card(self, do: str, number: int = 1001, **inputs: str) -> Outgoing:
        """Press something that is answered with the card."""
        shown = await self.press(do, number, **inputs)
        assert isinstance(shown, Outgoing), shown
        return shown

    async def say(
        self,
        text: str,
        *,
        thread: int | None = None,
        mentions: Sequence[str] = (),
        activity: str | None = None,
    ) -> Outgoing | str | None:
        """Say something to the bot, in a ticket's thread or in the channel itself."""
        where = (
            ConversationId(f"{self.channel};messageid=of-their-own")
            if thread is None
            else await self.helpdesk.thread(thread)
        )
        incoming = Incoming(
            event=Said(text, tuple(mention(name) for name in mentions)),
            address=self.address(where),
            activity=activity or new_id(),
            locale=Language("nb"),
        )
        answer = await self.helpdesk.running.desk.heard(incoming)
        await self.helpdesk.running.outbox.settle()
        return answer

    async def search(self, words: str = "", kind: str = "recent") -> Sequence[Hit] | str:
        """Search for tickets."""
        return await self.helpdesk.running.desk.search(
            TicketSearch(
                words=words,
                kind=kind,
                person=person(self.name),
                address=self.address(),
                locale=Language("nb"),
            )
        )


@asynccontextmanager
async def helpdesk_at(
    folder: Path, *, rules: TriageRules | None = None, sinks: Mapping[str, Recorder] | None = None
) -> AsyncIterator[Helpdesk]:
    """Run the bot with a triage channel, where asked for with rules of the test's own."""
    recorder, teams = Blocking(), Teams()
    settings = settings_for(folder, **SETTINGS)
    library = load_library(settings.dialogs)
    if rules is not None:
        library = replace(library, triage=rules)
    senders = {CHANNEL: recorder, **{f"sink:{name}": sink for name, sink in (sinks or {}).items()}}
    async with application(
        settings, senders, library=library, members=teams, sinks=tuple(sinks or ())
    ) as running:
        yield Helpdesk(running, recorder, teams)


async def hand_over(talking: Conversation, bounce: str = BOUNCE, note: str = "") -> Outgoing:
    """Paste a bounce and hand it over at once; return the page with the number."""
    shown = await talking.say(bounce)
    shown = await talking.press(shown, "human")
    return await talking.press(shown, "send", {"note": note} if note else None)


async def press_own(
    talking: Conversation, do: str, number: int = 1001, **inputs: str
) -> Outgoing | str:
    """Press something on one's own ticket, in one's own chat."""
    shown = await talking.running.desk.press(
        TicketPress(
            number=number,
            do=do,
            version=1,
            person=Person(talking.address.user_key, talking.address.user_name),
            inputs=inputs,
            address=talking.address,
            activity=new_id(),
            locale=talking.locale,
            inline=True,
        )
    )
    await talking.running.outbox.settle()
    return shown


def new_posts(parcels: Sequence[Parcel]) -> list[Outgoing]:
    """Return the cards that were posted."""
    return [parcel.content.page for parcel in parcels if isinstance(parcel.content, NewPost)]


def revised(parcels: Sequence[Parcel], name: str) -> list[Outgoing]:
    """Return the pages that took the place of one under a name."""
    return [
        parcel.content.page
        for parcel in parcels
        if isinstance(parcel.content, Revision) and parcel.content.name == name
    ]


def lines(parcels: Sequence[Parcel]) -> list[str]:
    """Return the lines in threads."""
    return [parcel.content.text for parcel in parcels if isinstance(parcel.content, Line)]


def alerted(parcels: Sequence[Parcel]) -> list[str]:
    """Return the names of those whom lines in threads alert."""
    return [
        alert.name
        for parcel in parcels
        if isinstance(parcel.content, Line)
        for alert in parcel.content.mentions
    ]


def notices(parcels: Sequence[Parcel], name: str = "Ola") -> list[Outgoing]:
    """Return what somebody was told about their tickets beside the answers to what they did."""
    return [
        parcel.content.page
        for parcel in parcels
        if isinstance(parcel.content, Reply)
        and parcel.ticket is not None
        and parcel.to.user == f"29:{name}"
    ]


def news(parcels: Sequence[Parcel]) -> list[str]:
    """Return what a sink was told of, in one word each."""
    return [parcel.content.event.what for parcel in parcels if isinstance(parcel.content, News)]


def read(page: Outgoing | str) -> str:
    """Return all text on a card as one line: a sentence stands there in pieces of different styles."""
    assert isinstance(page, Outgoing), page
    return text_of(page).replace("\n", "")


def does(page: Outgoing | str) -> list[str]:
    """Return what the buttons of a ticket's card do."""
    assert isinstance(page, Outgoing), page
    return [button.data["do"] for button in (*page.buttons, *page.navigation)]
