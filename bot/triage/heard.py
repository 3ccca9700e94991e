"""What is said to the bot in a triage channel.

In a ticket's thread it is a reply to the requester, or a note. In the channel itself: the roster and the statistics.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

import structlog

from bot import render
from bot.model.errors import TransitionRefused
from bot.model.event import Incoming, Said, Scope
from bot.model.ids import Language, QueueId, TicketId
from bot.model.outgoing import Outgoing
from bot.model.ticket import Role
from bot.ports import Roster, RosterChange, session_key
from bot.triage.channels import ticket_of_card
from bot.triage.floor import DONE, REFUSED, REPEATED, Floor
from bot.triage.thread import RosterOrder, StatsOrder, order_in_channel, order_in_thread

if TYPE_CHECKING:
    from bot.ports import Parcel, Unit

log = structlog.get_logger("bouncedesk.triage")

Stats = Callable[[Language], Awaitable[Outgoing]]
"""Draws the statistics in a language."""

_CHANGES_KEPT = 10


class Heard:
    """Takes what is said in triage channels."""

    def __init__(self, floor: Floor, stats: Stats | None) -> None:
        """Take what is shared, and who draws the statistics, where somebody does."""
        self._floor = floor
        self._stats = stats

    async def heard(self, incoming: Incoming) -> Outgoing | str | None:
        """Take a line. Returns what to answer there ("": nothing, the thread says it); None: it is not for the queue."""
        floor, said, where = self._floor, incoming.event, incoming.address
        if not isinstance(said, Said) or where.scope is not Scope.CHANNEL:
            return None
        queues = tuple(floor.places.at(where.conversation))
        if not queues:
            return None
        posts = await floor.read(lambda unit: unit.posts_in(where.conversation))
        ticket = next(filter(None, map(ticket_of_card, posts)), None)
        if ticket is not None:
            return await self._in_thread(incoming, said, ticket)
        order = order_in_channel(said, floor.library)
        if order is None:
            return None
        _, channel = queues[0]
        refused = await floor.refused(channel.team, where)
        if refused:
            log.warning("order-refused", why=refused, person=where.person.key)
            return floor.say(refused, incoming.locale)
        if isinstance(order, StatsOrder):
            return await self._stats(channel.language) if self._stats is not None else None
        ids = [queue for queue, _ in queues]
        return await self._roster(incoming, said, order, ids, channel.language)

    async def _in_thread(self, incoming: Incoming, said: Said, ticket: TicketId) -> str:
        """Put a line on the ticket whose thread it was said in, once."""
        floor, where = self._floor, incoming.address
        found = await floor.read(lambda unit: unit.ticket_by_id(ticket))
        channel = floor.places.of(found.queue)
        refused = await floor.refused(channel.team, where)
        if refused:
            log.warning("line-refused", ticket=found.number, why=refused, person=where.person.key)
            return floor.say(refused, incoming.locale)
        deed = order_in_thread(said, floor.library)
        key, by = session_key(where), where.person

        def work(unit: Unit) -> tuple[tuple[str, str], Sequence[Parcel]]:
            if unit.answered(key, incoming.activity) is not None:
                return ("", REPEATED), ()
            now = floor.clock()
            unit.remember(key, incoming.activity, b"", now)
            try:
                stands = unit.ticket_by_id(ticket)
                changes = floor.work.do(unit, stands, deed, by, Role.AGENT, now)
            except TransitionRefused as refused:
                return (refused.words, REFUSED), ()
            return ("", DONE), floor.telling.about(unit, changes)

        words, came_out = await floor.outbox.commit(work)
        floor.write_down(found.number, deed, Role.AGENT, came_out)
        return floor.say(words, channel.language) if words else ""

    async def _roster(
        self,
        incoming: Incoming,
        said: Said,
        order: RosterOrder,
        queues: Sequence[QueueId],
        language: Language,
    ) -> Outgoing:
        """Show who is on call for the queues of a channel, or set it to those whom the line names."""
        floor = self._floor
        key, by = session_key(incoming.address), incoming.address.person

        def work(unit: Unit) -> tuple[tuple[Roster, bool], Sequence[Parcel]]:
            stands = unit.roster(queues[0])
            if not order.sets or unit.answered(key, incoming.activity) is not None:
                return (stands, False), ()
            now = floor.clock()
            unit.remember(key, incoming.activity, b"", now)
            change = RosterChange(now, by, said.mentions)
            for queue in queues:
                changes = (*unit.roster(queue).changes, change)[-_CHANGES_KEPT:]
                unit.save_roster(queue, Roster(said.mentions, changes))
            return (unit.roster(queues[0]), True), ()

        roster, saved = await floor.outbox.commit(work)
        if saved:
            log.info("roster-saved", queues=list(queues), people=len(roster.people))
        remark = "roster-saved" if saved else None
        if order.unclear:
            remark = "ticket-no-such-person"
        elif not roster.people:
            remark = "roster-empty"
        return render.roster_page(roster, floor.library, language, remark=remark)
