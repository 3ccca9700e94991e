"""Who is told what about a change: the card and its thread, the requester, and every sink. Parcels only; nothing is sent here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import msgspec

from bot import render
from bot.model.event import Address, Mention, Scope
from bot.model.ids import ConversationId, UserId
from bot.model.library import Library, Priority
from bot.model.ticket import (
    OPENED,
    PAST,
    KnownProblem,
    Role,
    Ticket,
    TicketEvent,
    TicketView,
    Verb,
)
from bot.ports import Line, NewPost, News, Parcel, Reply, Revision, Unit, requester_card_name
from bot.triage.channels import Channel, ChannelBook, card_name, sink_channel
from bot.triage.incidents import has_own_card
from bot.triage.views import ANYBODY, view_of


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a ticket, as it was stored."""

    ticket: Ticket
    event: TicketEvent
    alerts: tuple[Mention, ...] = ()
    """Who is alerted by the line in the thread."""
    line: bool = True
    """False: another change says it in the thread already."""
    notice: bool = True
    """False: nothing that the requester would notice."""


class Telling:
    """Makes the parcels that changes cause."""

    def __init__(self, library: Library, places: ChannelBook, sinks: Collection[str]) -> None:
        """Take the words, the channels, and the names of the sinks."""
        self._library = library
        self._places = places
        self._sinks = sinks

    def about(self, unit: Unit, changes: Sequence[Change]) -> list[Parcel]:
        """Return everything that some changes of one transaction cause. Each card is brought up to date once."""
        parcels: list[Parcel] = []
        for change in changes:
            parcels += self._notice(unit, change)
            parcels += self._news(change)
        for ticket in _each_once(change.ticket for change in changes):
            parcels += self._requesters_card(unit, ticket)
        fresh = {
            change.ticket.id
            for change in changes
            if _gives_a_card(change.event, unit.ticket_events(change.ticket.id))
        }
        for ticket in _each_once(self._on_cards(unit, changes)):
            parcels += self._card(unit, ticket, fresh=ticket.id in fresh)
        for change in changes:
            if change.line:
                parcels += self._lines(unit, change)
        return parcels

    def undeliverable(self, unit: Unit, ticket: Ticket, why: str) -> list[Parcel]:
        """Return what tells the helpdesk that the requester could not be told: the card says so, and a line in the thread."""
        root = _root(unit, ticket)
        channel = self._places.of(root.queue)
        if channel.address is None:
            return []
        view = self._view(unit, ticket)
        text = render.undelivered_line(view, why, self._library, channel.language)
        parcels = [*self._card(unit, root)]
        if root.id != ticket.id:
            parcels += self._card(unit, ticket)
        return [*parcels, self._line(channel.address, root, text, channel)]

    # ----------------------------------------------------------------------------------------------- the requester

    def _notice(self, unit: Unit, change: Change) -> Iterable[Parcel]:
        """Tell the requester, in their language; it waits while they are in the middle of a dialog. Of some changes they need not hear."""
        ticket, event = change.ticket, change.event
        if not change.notice or not ticket.draft.requester.conversation:
            return  # whoever was forgotten cannot be told
        view = self._view(unit, ticket, Role.REQUESTER)
        known = self._known(unit, ticket) if event.what == PAST[Verb.JOIN] else None
        page = render.requester_notice(view, event, self._library, known=known)
        if page is not None:
            yield Parcel(
                to=ticket.draft.requester,
                content=Reply(page),
                ticket=ticket.id,
                waits_for_pause=True,
            )

    def _known(self, unit: Unit, ticket: Ticket) -> KnownProblem | None:
        """Return what there is to say about the incident that a ticket was joined to."""
        if ticket.parent is None:
            return None
        parent = unit.ticket_by_id(ticket.parent)
        return KnownProblem(parent.draft.opened, self._view(unit, parent).people - 1)

    def _requesters_card(self, unit: Unit, ticket: Ticket) -> Iterable[Parcel]:
        """Bring the requester's own card up to date where it has a place; what was only printed cannot be changed."""
        name = requester_card_name(ticket.id)
        if unit.place(name) is not None:
            language = self._library.language(ticket.draft.language)
            view = self._view(unit, ticket, Role.REQUESTER)
            page = render.requester_page(view, self._library, language)
            yield Parcel(to=ticket.draft.requester, content=Revision(page, name))

    # ----------------------------------------------------------------------------------------------- the helpdesk

    def _on_cards(self, unit: Unit, changes: Sequence[Change]) -> Iterable[Ticket]:
        """Yield the tickets whose cards some changes show on: their own, and those of the incidents they are or were part of."""
        for change in changes:
            yield change.ticket
            yield _root(unit, change.ticket)
            if change.event.what == PAST[Verb.SPLIT] and change.event.other is not None:
                yield unit.ticket(change.event.other)

    def _card(self, unit: Unit, ticket: Ticket, *, fresh: bool = False) -> Iterable[Parcel]:
        """Bring a card up to date; post one where there is none and none is on its way, so that no ticket stays out of sight."""
        channel = self._places.of(ticket.queue)
        if channel.address is None:
            return
        view = self._view(unit, ticket)
        if ticket.parent is not None and not has_own_card(view.events):
            return
        name = card_name(ticket.id)
        page = render.ticket_page(view, self._library, channel.language)
        if fresh or (unit.place(name) is None and not unit.queued(ticket.id)):
            yield Parcel(to=channel.address, content=NewPost(page, name), ticket=ticket.id)
        else:
            yield Parcel(to=channel.address, content=Revision(page, name))

    def _lines(self, unit: Unit, change: Change) -> Iterable[Parcel]:
        """Say a change in the thread of the ticket's card, or of the incident's; joining and splitting in both."""
        ticket, event = change.ticket, change.event
        opened = event.what == OPENED
        if opened and not change.alerts and ticket.priority is not Priority.URGENT:
            return
        for thread in _each_once(self._threads(unit, change)):
            channel = self._places.of(thread.queue)
            if channel.address is not None:
                view = self._view(unit, ticket)
                text = render.thread_line(view, event, self._library, channel.language)
                yield self._line(channel.address, thread, text, channel, change.alerts)

    def _threads(self, unit: Unit, change: Change) -> Iterable[Ticket]:
        ticket, event = change.ticket, change.event
        yield _root(unit, ticket)
        if event.what == PAST[Verb.JOIN] and has_own_card(unit.ticket_events(ticket.id)):
            yield ticket
        if event.what == PAST[Verb.SPLIT] and event.other is not None:
            yield unit.ticket(event.other)

    def _line(
        self,
        address: Address,
        thread: Ticket,
        text: str,
        channel: Channel,
        alerts: tuple[Mention, ...] = (),
    ) -> Parcel:
        return Parcel(
            to=address, content=Line(text, card_name(thread.id), channel.language, alerts)
        )

    def _view(self, unit: Unit, ticket: Ticket, role: Role = Role.AGENT) -> TicketView:
        """Return a ticket as it stands in this transaction, with its original text, as everybody of a role sees it."""
        person = ticket.draft.person if role is Role.REQUESTER else ANYBODY
        rules = self._library.triage.incidents
        return view_of(unit, unit.ticket_by_id(ticket.id), rules, role=role, person=person)

    # -------------------------------------------------------------------------------------------------- the sinks

    def _news(self, change: Change) -> Iterable[Parcel]:
        for sink in self._sinks:
            channel = sink_channel(sink)
            if change.event.by.key != channel:
                to = Address(
                    channel=channel,
                    service_url="",
                    conversation=ConversationId(change.ticket.id),
                    scope=Scope.PERSONAL,
                    user=UserId(""),
                    user_name="",
                )
                yield Parcel(to=to, content=News(change.ticket, change.event))


def _gives_a_card(event: TicketEvent, events: Sequence[TicketEvent]) -> bool:
    """Tell whether a ticket gets its first card by a change: when it was opened, or split off for the first time without one."""
    if event.what == OPENED:
        return True
    before = tuple(one for one in events if one.what != PAST[Verb.SPLIT])
    first = len(events) - len(before) == 1
    return event.what == PAST[Verb.SPLIT] and first and not has_own_card(before)


def _root(unit: Unit, ticket: Ticket) -> Ticket:
    """Return the ticket in whose thread a ticket is spoken of: the one it was joined to, or itself."""
    return unit.ticket_by_id(ticket.parent) if ticket.parent is not None else ticket


def _each_once(tickets: Iterable[Ticket]) -> list[Ticket]:
    """Return each ticket once, in the order they first came, as they stand last."""
    return list({ticket.id: ticket for ticket in tickets}.values())
