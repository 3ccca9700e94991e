"""Who belongs to a team or a conversation: the channel's own word, remembered for a few minutes."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from bot.teams.connector import Connector

_BELONGS = 300.0
"""Seconds for which a member is remembered: that long a person who has left can still act."""
_DOES_NOT = 30.0
"""Seconds for which a stranger is remembered: that long a person who has just joined must wait."""
_REMEMBERED = 2_000


class Membership:
    """Answers whether a person belongs to a team, at a place of our own choosing.

    That place comes from the settings, never from a press: a forged press must not choose who is asked about it.
    """

    def __init__(
        self,
        connector: Connector,
        service_url: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the connector and the service URL where the team lives."""
        self._connector = connector
        self._service_url = service_url
        self._monotonic = monotonic
        self._known: OrderedDict[tuple[str, str], tuple[float, bool]] = OrderedDict()

    async def is_member(self, conversation: str, person: str) -> bool:
        """Tell whether a person belongs to a team, channel or conversation.

        The person is named by the channel's id (`29:…`) or, which not every emulator of Teams knows, the Entra object id.
        Raises DeliveryFailed when the channel does not say: that is no answer, and must not be taken for one.
        """
        key = conversation, person
        known = self._known.get(key)
        if known is not None and known[0] > self._monotonic():
            return known[1]
        member = await self._connector.member(self._service_url, conversation, person) is not None
        self._known[key] = self._monotonic() + (_BELONGS if member else _DOES_NOT), member
        self._known.move_to_end(key)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return member
