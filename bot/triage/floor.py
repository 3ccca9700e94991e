"""What presses, lines and searches share: who may act at all, how a ticket is shown to them, and how a deed is written down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import structlog

from bot import render
from bot.model.errors import DeliveryFailed
from bot.model.event import Address, Mention, Person
from bot.model.ids import QueueId
from bot.model.outgoing import Outgoing
from bot.model.ticket import Deed, Form, Role, Ticket, TicketView, Verb
from bot.ports import Unit
from bot.render.speech import Speech
from bot.triage.channels import ChannelBook, Membership
from bot.triage.told import Telling
from bot.triage.views import view_of
from bot.triage.work import Work

if TYPE_CHECKING:
    from bot.model.library import Library
    from bot.outbox import Outbox
    from bot.ports import Clock

log = structlog.get_logger("bouncedesk.triage")

Observe = Callable[[Verb, Role, str], None]
"""Is told of each deed: its verb, as what somebody did it, and how it came out (`done`, `refused`)."""

DONE, REFUSED, REPEATED = "done", "refused", "repeated"

Found = TypeVar("Found")


class Floor:
    """Where agents and requesters work on tickets."""

    def __init__(
        self,
        library: Library,
        outbox: Outbox,
        *,
        places: ChannelBook,
        members: Membership,
        clock: Clock,
        sinks: Sequence[str],
        observe: Observe,
    ) -> None:
        """Take the content, the outbox, the channels of the queues, and who knows their teams."""
        self.library = library
        self.outbox = outbox
        self.places = places
        self.members = members
        self.clock = clock
        self.work = Work(library, places)
        self.telling = Telling(library, places, sinks)
        self._observe = observe

    async def refused(self, team: str, person: Address) -> str | None:
        """Return the id of the words that refuse somebody who does not belong to a team, or about whom that cannot be known now."""
        try:
            member = bool(team) and await self.members.is_member(team, person)
        except DeliveryFailed as error:
            log.warning("membership-unknown", error=type(error).__name__)
            return "ticket-cannot-check"
        return None if member else "ticket-not-member"

    async def colleague(
        self, ticket: Ticket, key: str
    ) -> tuple[Person | None, tuple[Mention, ...]]:
        """Return the member of a ticket's team with a key, and how they are alerted. Raises DeliveryFailed."""
        for colleague in await self.members.colleagues(self.team(ticket.queue)):
            if key and colleague.person.key == key:
                return colleague.person, (colleague.mention,)
        return None, ()

    def team(self, queue: QueueId) -> str:
        """Return the team that works on a queue."""
        return self.places.of(queue).team

    async def read(self, look: Callable[[Unit], Found]) -> Found:
        """Return what one transaction that changes nothing finds."""
        return await self.outbox.commit(lambda unit: (look(unit), ()))

    def view(self, unit: Unit, ticket: Ticket, role: Role, person: Person) -> TicketView:
        """Return what a page shows of a ticket to somebody."""
        return view_of(unit, ticket, self.library.triage.incidents, role=role, person=person)

    def page(
        self,
        unit: Unit,
        ticket: Ticket,
        role: Role,
        person: Person,
        *,
        form: Form | None = None,
        original: str | None = None,
        remark: str | None = None,
        colleagues: Sequence[Person] = (),
    ) -> Outgoing:
        """Return a ticket's card as somebody sees it: the requester's own, or the helpdesk's in the language of its channel."""
        view = self.view(unit, ticket, role, person)
        if role is Role.REQUESTER:
            language = self.library.language(ticket.draft.language)
            return render.requester_page(view, self.library, language, form=form, remark=remark)
        return render.ticket_page(
            view,
            self.library,
            self.places.of(ticket.queue).language,
            form=form,
            original=original,
            remark=remark,
            colleagues=colleagues,
        )

    def say(self, words: str, locale: str) -> str:
        """Return one of the bot's own sentences."""
        return Speech(self.library, self.library.language(locale)).plain(words)

    def write_down(self, number: int, deed: Deed, role: Role, came_out: str) -> None:
        """Log how a deed came out, without what was written, and count it. A second delivery is no deed."""
        log.info(
            "ticket-deed", ticket=number, do=deed.verb.value, role=role.value, came_out=came_out
        )
        if came_out != REPEATED:
            self._observe(deed.verb, role, came_out)
