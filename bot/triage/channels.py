"""Where tickets are worked on: the channel of each queue, its team and its language, and the names under which places are remembered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import msgspec

from bot.model.event import Address, Colleague
from bot.model.ids import ConversationId, Language, QueueId, TicketId
from bot.ports import FALLBACK, requester_card_name

_CARD = "card"


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """Where the tickets of one queue are worked on."""

    language: Language
    address: Address | None = None
    """None: no channel; its tickets are kept all the same."""
    team: str = ""
    """Conversation id of the team whose members may act; empty: nobody may."""


class ChannelBook:
    """The channel of every queue. A queue that it does not know, because the content has changed since, is the fallback's."""

    def __init__(self, fallback: Channel, queues: Mapping[QueueId, Channel] | None = None) -> None:
        """Take the channel of the settings, and those of the content's queues."""
        self._channels = {FALLBACK: fallback, **(queues or {})}

    def of(self, queue: QueueId) -> Channel:
        """Return the channel of a queue."""
        return self._channels.get(queue, self._channels[FALLBACK])

    def at(self, conversation: ConversationId) -> Iterator[tuple[QueueId, Channel]]:
        """Yield the queues whose channel a conversation is in: the channel itself, or a thread of it."""
        channel = root_of(conversation)
        for queue, entry in self._channels.items():
            if entry.address is not None and entry.address.conversation == channel:
                yield queue, entry

    @property
    def teams(self) -> tuple[str, ...]:
        """Every team whose members work on some queue."""
        return tuple(dict.fromkeys(entry.team for entry in self._channels.values() if entry.team))


class Membership(Protocol):
    """Who belongs to a team. Both raise DeliveryFailed when the channel does not say: that is no answer."""

    async def is_member(self, team: str, person: Address) -> bool:
        """Tell whether a person belongs to a team."""

    async def colleagues(self, team: str) -> Sequence[Colleague]:
        """Return the people of a team, as far as the channel lists them."""


class NoTeam:
    """Nobody may press where no team is configured: there is no card of ours to press on."""

    async def is_member(self, team: str, person: Address) -> bool:  # noqa: ARG002 - nobody belongs
        """Refuse."""
        return False

    async def colleagues(self, team: str) -> Sequence[Colleague]:  # noqa: ARG002 - as above
        """Return nobody."""
        return ()


def root_of(conversation: ConversationId) -> ConversationId:
    """Return the channel of a conversation; Teams writes a thread as `CHANNEL;messageid=ROOT`."""
    return ConversationId(conversation.partition(";")[0])


def card_name(ticket: TicketId) -> str:
    """Return the name under which the place of a ticket's card in its channel is remembered; its conversation is the thread."""
    return f"ticket:{ticket}:{_CARD}"


def ticket_of_card(name: str) -> TicketId | None:
    """Return the ticket whose card is remembered under a name, if it is one."""
    kind, _, rest = name.partition(":")
    ticket, _, what = rest.rpartition(":")
    return TicketId(ticket) if kind == "ticket" and what == _CARD and ticket else None


def sink_channel(sink: str) -> str:
    """Return the channel id under which a sink is sent to, and the key of whoever acts there."""
    return f"sink:{sink}"


__all__ = [
    "Channel",
    "ChannelBook",
    "Membership",
    "NoTeam",
    "card_name",
    "requester_card_name",
    "root_of",
    "sink_channel",
    "ticket_of_card",
]
