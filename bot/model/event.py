"""What reaches the core: one event per activity, free of anything a channel or an SDK calls it."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from bot.model.ids import ArticleId, ChoiceId, ConversationId, Language, NodeId, SessionId, UserId
from bot.model.match import Match
from bot.model.report import Report


class Scope(StrEnum):
    """Where a conversation takes place (Teams: conversationType)."""

    PERSONAL = "personal"
    GROUP = "groupChat"
    CHANNEL = "channel"


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where and to whom answers go: enough to write first, weeks later."""

    channel: str
    """Bot Framework channel id: `msteams`, or `terminal:NAME` for somebody's chat in a terminal."""
    service_url: str
    conversation: ConversationId
    scope: Scope
    user: UserId
    user_name: str
    user_key: str = ""
    """The person's id that stays the same in every conversation (Entra object id), else the channel's id."""
    bot: str = ""
    tenant: str | None = None

    @property
    def person(self) -> "Person":
        """Who stands behind it."""
        return Person(self.user_key or self.user, self.user_name)


class Person(msgspec.Struct, frozen=True):
    """Somebody who acts on a ticket."""

    key: str
    """The id that stays the same everywhere (Entra object id; `local:NAME` on the command line)."""
    name: str


class Mention(msgspec.Struct, frozen=True):
    """Somebody named in a message so that they are alerted."""

    user: UserId
    """The channel's id of the person: what a mention of ours needs."""
    name: str


class Colleague(msgspec.Struct, frozen=True):
    """A member of a triage team: as who they act, and how they are alerted."""

    person: Person
    mention: Mention


class Said(msgspec.Struct, frozen=True, tag="said"):
    """A message with text."""

    text: str
    """As it came: plain or HTML, the mention of the bot removed."""
    mentions: tuple[Mention, ...] = ()
    """The people it names, the bot left out."""


class Attached(msgspec.Struct, frozen=True, tag="attached"):
    """A file that came with a message, already fetched."""

    data: bytes
    text: str = ""
    """What was typed beside it."""


class Pressed(msgspec.Struct, frozen=True, kw_only=True, tag="pressed"):
    """A press on one of our cards. Its ids are claims, not facts: cards grow old and requests can be forged."""

    session: SessionId
    article: ArticleId | None
    node: NodeId | None
    choice: ChoiceId
    content: str = ""
    """Version of the content the card was made from."""
    inputs: Mapping[str, str] = {}


class Arrived(msgspec.Struct, frozen=True, tag="arrived"):
    """The bot was installed, or a person came in: time to say hello."""


class Unusable(msgspec.Struct, frozen=True, tag="unusable"):
    """A message we cannot use."""

    why: str
    """Id of the words that explain it: `empty`, `unknown-press`, `upload-refused`."""


Event = Said | Attached | Pressed | Arrived | Unusable
"""What one activity says."""


class Incoming(msgspec.Struct, frozen=True, kw_only=True):
    """An event with who sent it and from where."""

    event: Event
    address: Address
    activity: str
    """The channel's id of the activity, to know a second delivery of it."""
    locale: Language
    inline: bool = False
    """The channel waits for a card in the response itself (`Action.Execute`)."""


class TicketPress(msgspec.Struct, frozen=True, kw_only=True):
    """A press on a ticket card. Number, verb and version are claims: a card can be old, a request forged."""

    number: int
    do: str
    """What to do with the ticket: `claim`, `resolve`, …"""
    version: int
    """The ticket's version that the card showed."""
    person: Person
    inputs: Mapping[str, str] = {}
    address: Address
    """Where the card was pressed, and by whom."""
    activity: str
    """The channel's id of the press, to know a second delivery of it."""
    locale: Language
    inline: bool = False
    """The channel waits for a card in the response itself (`Action.Execute`)."""


class TicketSearch(msgspec.Struct, frozen=True, kw_only=True):
    """A search over tickets from the message extension, while somebody types."""

    words: str
    """As typed; empty: the list itself."""
    kind: str
    """Which list: a `bot.ports.Listing`. A claim, as everything that a client sends."""
    skip: int = 0
    limit: int = 25
    person: Person
    address: Address
    locale: Language


class Reading(msgspec.Struct, frozen=True):
    """What intake and the recogniser made of a message, before the session is looked at."""

    report: Report
    match: Match
