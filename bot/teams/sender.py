"""Delivers parcels to Teams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from bot.model.errors import DeliveryRefused
from bot.model.event import Address
from bot.model.ids import ConversationId
from bot.model.outgoing import Outgoing
from bot.pace import Rate
from bot.ports import Line, NewPost, News, Parcel, Placed, Reply, Revision
from bot.teams.connector import Connector
from bot.teams.outbound import line_activity, thread_parameters, to_activity


class TeamsSender:
    """The `Sender` of Teams: one call to the connector for each parcel, never repeated here. How fast is `bot.pace.Paced`'s to say."""

    rates: Sequence[Rate] = (Rate(7, 1.0), Rate(8, 2.0), Rate(60, 30.0), Rate(1_800, 3_600.0))
    """Per bot and conversation (learn.microsoft.com, "Optimize your bot with rate limiting in Teams")."""

    unhurried: Sequence[Rate] = (Rate(10, 0.3), Rate(30, 1.0))
    """Per app and tenant 50 a second are allowed, an older page says 30: plan for 30, and leave the rest to answers."""

    least: Sequence[Rate] = (Rate(1, 0.2),)

    def __init__(self, connector: Connector) -> None:
        """Take the connector to send through."""
        self._connector = connector

    async def send(self, parcel: Parcel, placed: Placed | None) -> Placed | None:
        """Deliver a parcel once and say where it landed.

        A NewPost's address has the channel's id as its conversation. Raises DeliveryRefused, DeliveryDelayed or
        DeliveryAmbiguous. News is for sinks and is refused.
        """
        to, content = parcel.to, parcel.content
        match content:
            case Reply(page=page):
                return await self._reply(page, to)
            case NewPost(page=page):
                return await self._post(page, to)
            case Revision(page=page):
                return await self._revise(page, to, placed)
            case Line():
                return await self._line(content, to, placed)
            case News():
                raise DeliveryRefused("Teams is no sink.")
            case _:
                assert_never(content)

    def room(self, conversation: str) -> str:
        """Return what Teams counts a conversation under: all threads of a channel are one."""
        return conversation.partition(";messageid=")[0]

    async def _reply(self, page: Outgoing, to: Address) -> Placed | None:
        sent = await self._connector.send(to.service_url, to.conversation, to_activity(page, to))
        return Placed(to.conversation, sent) if sent else None

    async def _post(self, page: Outgoing, to: Address) -> Placed:
        conversation, activity = await self._connector.create(
            to.service_url, thread_parameters(page, to)
        )
        return Placed(ConversationId(conversation), activity)

    async def _revise(self, page: Outgoing, to: Address, placed: Placed | None) -> Placed:
        if placed is None:
            raise DeliveryRefused("There is no post to replace.")
        activity = to_activity(page, to)
        activity["conversation"] = {"id": placed.conversation}
        activity["id"] = placed.activity
        await self._connector.update(
            to.service_url, placed.conversation, placed.activity, activity
        )
        return placed

    async def _line(self, line: Line, to: Address, placed: Placed | None) -> Placed | None:
        if placed is None:
            raise DeliveryRefused("There is no thread to write in.")
        activity = line_activity(line, to, placed.conversation)
        sent = await self._connector.send(to.service_url, placed.conversation, activity)
        return Placed(placed.conversation, sent) if sent else None
