"""Who belongs to the triage team: the channel's own word, remembered for a few minutes."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from bot.model.event import TicketPress
from bot.teams.connector import Connector

_BELONGS = 300.0
"""Seconds for which a member is remembered: that long a person who has left can still act."""
_DOES_NOT = 30.0
"""Seconds for which a stranger is remembered: that long a person who has just joined must wait."""
_REMEMBERED = 2_000


class TeamMembers:
    """Answers whether a person belongs to a team.

    The team's place comes from the settings, never from the press: a forged press must not choose who is asked about it.
    """

    def __init__(
        self,
        connector: Connector,
        service_url: str,
        team: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the connector, the service URL where the team lives, and the team's conversation id."""
        self._connector = connector
        self._service_url = service_url
        self._team = team
        self._monotonic = monotonic
        self._known: OrderedDict[str, tuple[float, bool]] = OrderedDict()

    async def is_member(self, press: TicketPress) -> bool:
        """Tell whether the person behind a press belongs to the team.

        Raises DeliveryFailed when the channel does not say: that is no answer, and must not be taken for one.
        """
        return await self.belongs(press.address.user)

    async def belongs(self, person: str) -> bool:
        """Tell whether a person, by the channel's id or the Entra object id, belongs to the team. Raises DeliveryFailed."""
        known = self._known.get(person)
        if known is not None and known[0] > self._monotonic():
            return known[1]
        member = await self._connector.member(self._service_url, self._team, person) is not None
        self._known[person] = self._monotonic() + (_BELONGS if member else _DOES_NOT), member
        self._known.move_to_end(person)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return member
