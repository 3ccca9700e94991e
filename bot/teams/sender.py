"""Delivers parcels to Teams."""

from __future__ import annotations

from typing import assert_never

from bot.model.errors import DeliveryRefused
from bot.model.event import Address
from bot.model.ids import ConversationId
from bot.model.outgoing import Outgoing
from bot.ports import NewPost, Parcel, Placed, Reply, Revision
from bot.teams.connector import Connector
from bot.teams.outbound import thread_parameters, to_activity


class TeamsSender:
    """The `Sender` of Teams: one call to the connector for each parcel, never repeated here."""

    def __init__(self, connector: Connector) -> None:
        """Take the connector to send through."""
        self._connector = connector

    async def send(self, parcel: Parcel, placed: Placed | None) -> Placed | None:
        """Deliver a parcel once and say where it landed.

        A NewPost's address has the channel's id as its conversation. Raises DeliveryRefused, DeliveryDelayed or
        DeliveryAmbiguous.
        """
        to, content = parcel.to, parcel.content
        match content:
            case Reply(page=page):
                return await self._reply(page, to)
            case NewPost(page=page):
                return await self._post(page, to)
            case Revision(page=page):
                return await self._revise(page, to, placed)
            case _:
                assert_never(content)

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
