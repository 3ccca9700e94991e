"""How much of one person, and of one organisation, is taken in a minute.

Whoever is over it is answered politely and without the store, so that what costs us the least is what a flood gets. A press is always
answered, because its sender waits for the response; a message only now and then, because each answer would be one more message.
"""

from __future__ import annotations

from math import ceil
from typing import NamedTuple

from bot.model.event import Address
from bot.pace import MARGIN, Pace, Rate

_WINDOW = 60.0
_SEARCHES = 4
"""Searches that are taken for each message: one is sent at almost every key."""
_TENANTS = 1_000
_ROUND = 5
"""Seconds to which a wait is rounded up: nobody counts along."""


class Held(NamedTuple):
    """Why something is not taken now."""

    seconds: int
    """Until it is worth another try."""
    everybody: bool
    """The whole organisation is over its allowance, not only this person."""
    tell: bool
    """It is time to say so to somebody who does not wait for a response."""


class Allowance:
    """Counts what people send."""

    def __init__(self, *, person: int, tenant: int) -> None:
        """Take how many messages and presses a minute are taken of one person and of all people of one tenant."""
        self._people = Pace((Rate(person, _WINDOW),))
        self._searches = Pace((Rate(person * _SEARCHES, _WINDOW),))
        self._tenants = Pace((Rate(tenant, _WINDOW),), rooms=_TENANTS)
        self._told = Pace((Rate(1, _WINDOW / 4),))

    def take(self, sender: Address, now: float) -> Held | None:
        """Count a message or a press; say why it is not taken where it is too much. `now` is in seconds of a clock that never goes back."""
        return self._take(self._people, sender, now)

    def take_search(self, sender: Address, now: float) -> Held | None:
        """Count a search, likewise."""
        return self._take(self._searches, sender, now)

    def _take(self, people: Pace, sender: Address, now: float) -> Held | None:
        person, tenant = sender.person.key, sender.tenant
        own = people.wait(person, now)
        shared = self._tenants.wait(tenant, now) if tenant else 0.0
        if own <= 0.0 and shared <= 0.0:
            people.book(person, now)
            if tenant:
                self._tenants.book(tenant, now)
            return None
        tell = self._told.wait(person, now) <= 0.0
        if tell:
            self._told.book(person, now)
        return Held(_rounded(max(own, shared)), everybody=shared > own, tell=tell)


def _rounded(seconds: float) -> int:
    return max(ceil((seconds - MARGIN) / _ROUND), 1) * _ROUND
