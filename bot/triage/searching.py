"""The search over tickets from the message extension: only in queues whose team the searcher belongs to, asked each time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import structlog

from bot import render
from bot.model.event import TicketSearch
from bot.model.outgoing import Hit
from bot.model.ticket import Ticket
from bot.ports import Listing
from bot.triage.floor import Floor

if TYPE_CHECKING:
    from bot.ports import Unit

log = structlog.get_logger("bouncedesk.triage")

_LEAF = 100
_LEAVES = 10
"""Tickets that are looked through, and how many times, where some of them are other teams'."""
_LISTINGS = frozenset(listing.value for listing in Listing)


class Searching:
    """Answers searches."""

    def __init__(self, floor: Floor) -> None:
        """Take what is shared."""
        self._floor = floor

    async def search(self, search: TicketSearch) -> Sequence[Hit] | str:
        """Return what was found, newest first; or the words of a refusal."""
        floor = self._floor
        answers = {team: await floor.refused(team, search.address) for team in floor.places.teams}
        teams = {team for team, refused in answers.items() if refused is None}
        if not teams:
            unsure = "ticket-cannot-check" in answers.values()
            refused = "ticket-cannot-check" if unsure else "ticket-not-member"
            log.warning("search-refused", why=refused, person=search.person.key)
            return floor.say(refused, search.locale)
        kind = Listing(search.kind) if search.kind in _LISTINGS else Listing.RECENT
        found = await floor.read(lambda unit: self._found(unit, search, kind, teams))
        language = floor.library.language(search.locale)
        return [render.search_hit(ticket, floor.library, language) for ticket in found]

    def _found(
        self, unit: Unit, search: TicketSearch, kind: Listing, teams: set[str]
    ) -> Sequence[Ticket]:
        """Return a page of what was found. Where not every queue is the searcher's, pages are counted in those that are."""
        floor, words, person = self._floor, search.words, search.person.key
        skip, limit = search.skip, search.limit
        if teams.issuperset(floor.places.teams):
            return unit.search(words, kind, person, skip=skip, limit=limit)
        own: list[Ticket] = []
        for leaf in range(_LEAVES):
            found = unit.search(words, kind, person, skip=leaf * _LEAF, limit=_LEAF)
            own += [one for one in found if floor.team(one.queue) in teams]
            if len(found) < _LEAF or len(own) >= skip + limit:
                break
        return own[skip : skip + limit]
