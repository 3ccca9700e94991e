"""Who belongs to a team: the channel's own word, remembered for a few minutes."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from bot.model.event import Address, Colleague, Mention, Person
from bot.model.ids import UserId
from bot.teams.connector import Connector

_BELONGS = 300.0
"""Seconds for which a member is remembered: that long a person who has left can still act."""
_DOES_NOT = 30.0
"""Seconds for which a stranger is remembered: that long a person who has just joined must wait."""
_REMEMBERED = 2_000
_PAGE = 200
_COLLEAGUES = 400
"""Members of a team that are listed: nobody chooses a name from more."""
_PAGES = 20
_TEAMS = 100

log = structlog.get_logger("bouncedesk.teams")


class Membership:
    """Answers who belongs to a team, at a place of our own choosing.

    That place comes from the settings, never from a press: a forged press must not choose who is asked about it.
    """

    def __init__(
        self,
        connector: Connector,
        service_url: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the connector and the service URL where the teams live."""
        self._connector = connector
        self._service_url = service_url
        self._monotonic = monotonic
        self._known: OrderedDict[tuple[str, str], tuple[float, bool]] = OrderedDict()
        self._listed: OrderedDict[str, tuple[float, Sequence[Colleague]]] = OrderedDict()

    async def is_member(self, team: str, person: Address) -> bool:
        """Tell whether a person belongs to a team. To a team that has no name, which is none at all, nobody does.

        The person is named by the channel's own id (`29:…`): the Entra object id, not every emulator of Teams knows.
        Raises DeliveryFailed when the channel does not say: that is no answer, and must not be taken for one.
        """
        if not team:
            log.warning("membership-without-team")
            return False
        key = team, person.user
        known = self._known.get(key)
        if known is not None and known[0] > self._monotonic():
            return known[1]
        found = await self._connector.member(self._service_url, team, person.user)
        member = found is not None
        self._known[key] = self._monotonic() + (_BELONGS if member else _DOES_NOT), member
        self._known.move_to_end(key)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return member

    async def colleagues(self, team: str) -> Sequence[Colleague]:
        """Return the people of a team as the channel lists them, the first few hundred of them; bots are left out.

        Raises DeliveryFailed when the channel does not say.
        """
        if not team:
            return ()
        known = self._listed.get(team)
        if known is not None and known[0] > self._monotonic():
            return known[1]
        people: dict[UserId, Colleague] = {}
        after = ""
        for _ in range(_PAGES):
            entries, after = await self._connector.members(
                self._service_url, team, page=_PAGE, after=after
            )
            people |= {
                one.mention.user: one for one in map(_colleague, entries) if one is not None
            }
            if not after or len(people) >= _COLLEAGUES:
                break
        listed = tuple(people.values())[:_COLLEAGUES]
        self._listed[team] = self._monotonic() + _BELONGS, listed
        self._listed.move_to_end(team)
        if len(self._listed) > _TEAMS:
            self._listed.popitem(last=False)
        return listed


def _colleague(entry: Mapping[str, Any]) -> Colleague | None:
    """Return a member as the channel describes one; None for a bot, and for what has no id or no name."""
    user, name, entra = entry.get("id"), entry.get("name"), entry.get("aadObjectId")
    if not isinstance(user, str) or not user or user.startswith("28:"):
        return None
    if not isinstance(name, str) or not name.strip():
        return None
    key = entra if isinstance(entra, str) and entra else user
    shown = " ".join(name.split())
    return Colleague(Person(key, shown), Mention(UserId(user), shown))
