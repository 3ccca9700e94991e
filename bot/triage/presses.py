"""What is pressed on a ticket's card: a form is opened, a deed is done, the card is shown as it stands.

Everything in a press is a claim. The ticket's own queue says which team is asked about whoever pressed; the store says what is legal now.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import structlog

from bot.model.errors import DeliveryFailed, TransitionRefused, UnknownTicket
from bot.model.event import Mention, Person, Scope, TicketPress
from bot.model.outgoing import Outgoing
from bot.model.ticket import SHOW, SHOW_ALL, Deed, Form, Role, Ticket, Verb
from bot.ports import Placed, session_key
from bot.triage.channels import card_name
from bot.triage.floor import DONE, REFUSED, REPEATED, Floor
from bot.triage.lifecycle import TABLE

if TYPE_CHECKING:
    from bot.ports import Parcel, Unit

log = structlog.get_logger("bouncedesk.triage")

_FILLED_IN_FOR = {
    Form.REPLY: Verb.REPLY,
    Form.NOTE: Verb.NOTE,
    Form.ASSIGN: Verb.ASSIGN,
    Form.RESOLVE: Verb.RESOLVE,
    Form.JOIN: Verb.JOIN,
    Form.ANSWER: Verb.ANSWER,
    Form.WITHDRAW: Verb.WITHDRAW,
}

_ASKS_AGAIN = {
    Verb.REPLY: Form.REPLY,
    Verb.ASK: Form.REPLY,
    Verb.NOTE: Form.NOTE,
    Verb.RESOLVE: Form.RESOLVE,
    Verb.JOIN: Form.JOIN,
    Verb.ANSWER: Form.ANSWER,
}
_SOMETHING_IS_MISSING = frozenset({"ticket-text-missing", "ticket-no-such-other"})

_REQUESTERS_OWN = frozenset({SHOW, Form.ANSWER, Form.WITHDRAW, *TABLE[Role.REQUESTER]})
_TERMINAL = "terminal"
_NUMBER_DIGITS = 9


class Presses:
    """Answers presses."""

    def __init__(self, floor: Floor) -> None:
        """Take what is shared."""
        self._floor = floor

    async def press(self, press: TicketPress) -> Outgoing | str:
        """Carry out a press on a ticket's card. Returns the card as it stands now, or the words of a refusal."""
        floor = self._floor
        try:
            ticket = await floor.read(lambda unit: unit.ticket(press.number))
        except UnknownTicket:
            return await self._unknown(press)
        role = _role(press, ticket)
        if role is Role.AGENT:
            refused = await floor.refused(floor.team(ticket.queue), press.address)
            if refused:
                return self._refuse(press, refused)
        if press.do in {SHOW, SHOW_ALL}:
            return await self._show(press, role)
        if press.do in _FORMS:
            return await self._open(press, ticket, role, Form(press.do))
        if press.do in _VERBS:
            return await self._do(press, ticket, role, Verb(press.do))
        return floor.say("notice-unknown-press", press.locale)

    async def _unknown(self, press: TicketPress) -> str:
        """Say that there is no such ticket, but only to somebody who might have worked on it."""
        refused: str | None = "ticket-not-member"
        for team in self._floor.places.teams:
            refused = await self._floor.refused(team, press.address)
            if refused is None:
                return self._floor.say("ticket-unknown", press.locale)
        return self._refuse(press, refused or "ticket-not-member")

    def _refuse(self, press: TicketPress, why: str) -> str:
        log.warning(
            "press-refused", ticket=press.number, do=press.do, why=why, person=press.person.key
        )
        return self._floor.say(why, press.locale)

    async def _show(self, press: TicketPress, role: Role) -> Outgoing:
        def look(unit: Unit) -> Outgoing:
            ticket = unit.ticket(press.number)
            original = (ticket.draft.original or "") if press.do == SHOW_ALL else None
            return self._floor.page(unit, ticket, role, press.person, original=original)

        return await self._floor.read(look)

    async def _open(self, press: TicketPress, ticket: Ticket, role: Role, form: Form) -> Outgoing:
        """Show a card with its form; where what it is filled in for is not possible now, say so instead."""
        floor = self._floor
        colleagues: Sequence[Person] = ()
        remark = None
        if form is Form.ASSIGN:
            try:
                listed = await floor.members.colleagues(floor.team(ticket.queue))
                colleagues = [colleague.person for colleague in listed]
            except DeliveryFailed as error:
                log.warning("members-unknown", ticket=press.number, error=type(error).__name__)
                remark = "ticket-cannot-check"

        def look(unit: Unit) -> Outgoing:
            stands = unit.ticket(press.number)
            offers = floor.view(unit, stands, role, press.person).offers
            why_not = None if _FILLED_IN_FOR[form] in offers else "ticket-not-possible"
            return floor.page(
                unit,
                stands,
                role,
                press.person,
                form=None if remark or why_not else form,
                remark=remark or why_not,
                colleagues=colleagues,
            )

        return await floor.read(look)

    async def _do(self, press: TicketPress, ticket: Ticket, role: Role, verb: Verb) -> Outgoing:
        """Carry out a deed, once: a second delivery of the press changes nothing and gets the card as it stands."""
        floor = self._floor
        to: Person | None = None
        alerts: tuple[Mention, ...] = ()
        cannot = None
        if verb is Verb.ASSIGN:
            try:
                to, alerts = await floor.colleague(ticket, press.inputs.get("person", ""))
            except DeliveryFailed as error:
                log.warning("members-unknown", ticket=press.number, error=type(error).__name__)
                cannot = "ticket-cannot-check"
        deed = Deed(
            verb=verb,
            text=press.inputs.get("text") or press.inputs.get("resolution", ""),
            to=to,
            other=_number(press.inputs.get("other", "")),
        )
        key = session_key(press.address)

        def work(unit: Unit) -> tuple[tuple[Outgoing, str], Sequence[Parcel]]:
            now = floor.clock()
            parcels: Sequence[Parcel] = ()
            remark, came_out = cannot, REFUSED
            if unit.answered(key, press.activity) is not None:
                remark, came_out = None, REPEATED
            elif cannot is None:
                unit.remember(key, press.activity, b"", now)
                _learn_place(unit, press, ticket)
                try:
                    stands = unit.ticket(press.number)
                    changes = floor.work.do(
                        unit, stands, deed, press.person, role, now, alerts=alerts
                    )
                    parcels, came_out = floor.telling.about(unit, changes), DONE
                except TransitionRefused as refused:
                    remark = refused.words
            form = _ASKS_AGAIN.get(verb) if remark in _SOMETHING_IS_MISSING else None
            page = floor.page(
                unit, unit.ticket(press.number), role, press.person, form=form, remark=remark
            )
            return (page, came_out), parcels

        page, came_out = await floor.outbox.commit(work)
        floor.write_down(press.number, deed, role, came_out)
        return page


def _learn_place(unit: Unit, press: TicketPress, ticket: Ticket) -> None:
    """Learn where a card is that is pressed on while nobody knows whether it arrived: then it is not posted again.

    A thread is named after the message that began it, which is the card.
    """
    where, name = press.address, card_name(ticket.id)
    root = where.conversation.partition(";messageid=")[2]
    in_channel = where.scope is Scope.CHANNEL and root
    if in_channel and unit.place(name) is None and unit.in_doubt(name):
        log.info("card-found", ticket=ticket.number)
        unit.arrived(name, Placed(where.conversation, root))


_FORMS = frozenset(form.value for form in Form)
_VERBS = frozenset(verb.value for verb in Verb)


def _role(press: TicketPress, ticket: Ticket) -> Role:
    """Return as what somebody presses: the requester in the chat that the ticket came from, anybody else as an agent.

    A requester who works at the helpdesk, too, and presses something of an agent's is asked about like every agent.
    """
    requester, where = ticket.draft.requester, press.address
    at_home = where.channel == requester.channel and where.scope is Scope.PERSONAL
    same_chat = where.conversation == requester.conversation or where.channel == _TERMINAL
    own = press.person.key == ticket.draft.person.key
    mine = at_home and same_chat and own and press.do in _REQUESTERS_OWN
    return Role.REQUESTER if mine else Role.AGENT


def _number(said: str) -> int | None:
    """Return the number of a ticket as it was written, `#1042` or `1042`; None where it is none."""
    digits = said.strip().lstrip("#")
    known = digits.isascii() and digits.isdigit() and len(digits) <= _NUMBER_DIGITS
    return int(digits) if known else None
