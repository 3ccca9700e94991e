"""What is done to tickets at another helpdesk is carried out here, once, whichever process hears of it and however often."""

from __future__ import annotations

from collections.abc import Callable
from hmac import compare_digest
from typing import Protocol

import structlog
from msgspec.structs import replace

from bot.model.errors import TransitionRefused, UnknownTicket
from bot.model.event import Person
from bot.model.ids import ConversationId
from bot.model.library import Library
from bot.model.ticket import OPEN_STATES, Deed, Role, State, Ticket, Verb
from bot.ports import Placed, SessionKey, Store
from bot.render.speech import speaking
from bot.sinks import told
from bot.sinks.sink import Came, Outcome, somebody_at

log = structlog.get_logger("bouncedesk.sinks")

_LEADS_TO = {
    Verb.RESOLVE: frozenset({State.RESOLVED, State.CLOSED}),
    Verb.CLOSE: frozenset({State.CLOSED}),
    Verb.REOPEN: OPEN_STATES,
}
"""Where a ticket stands already when somebody over there was only slower than here."""


class CarryOut(Protocol):
    """How a deed is carried out (`bot.triage.Desk.carry_out`)."""

    async def __call__(
        self,
        number: int,
        deed: Deed,
        by: Person,
        *,
        role: Role,
        once: tuple[SessionKey, str] | None,
    ) -> Ticket:
        """Do something with a ticket, once. Raises TransitionRefused, UnknownTicket or another StoreError."""


class Queue:
    """The way back from one sink into the queue (`bot.sinks.sink.WayBack`)."""

    def __init__(
        self, sink: str, carry_out: CarryOut, store: Store, library: Callable[[], Library]
    ) -> None:
        """Take the sink's name, the desk, the store, and where the words are."""
        self._sink = sink
        self._carry_out = carry_out
        self._store = store
        self._library = library

    async def carry_out(self, number: int, deed: Deed, by: str, *, once: str) -> Came:
        """Do here what somebody did over there. Raises UnknownTicket or another StoreError."""
        if deed.verb is Verb.RESOLVE and not deed.text:
            deed = replace(deed, text=await self._resolved_in_words(number))
        key = SessionKey(f"sink:{self._sink}", ConversationId(""), "")
        who = somebody_at(self._sink, by)
        try:
            ticket = await self._carry_out(number, deed, who, role=Role.SYSTEM, once=(key, once))
        except TransitionRefused:
            state = (await self._ticket(number)).state
            already = state in _LEADS_TO.get(deed.verb, frozenset())
            outcome = Outcome.ALREADY if already else Outcome.REFUSED
            log.info(
                "not-carried-out",
                sink=self._sink,
                ticket=number,
                do=deed.verb.value,
                state=state.value,
                came=outcome.value,
            )
            return Came(outcome, state)
        return Came(Outcome.DONE, ticket.state)

    async def is_ours(self, number: int, reference: str) -> bool:
        """Tell whether a ticket has a reference. Raises StoreError."""
        try:
            ticket = await self._ticket(number)
        except UnknownTicket:
            return False
        return compare_digest(told.reference(ticket.id), reference)

    async def bookmark(self) -> str:
        """Return how far the sink was read. Raises StoreError."""
        placed = await self._store.run(lambda unit: unit.place(self._bookmark))
        return placed.activity if placed else ""

    async def set_bookmark(self, bookmark: str) -> None:
        """Remember how far the sink was read. Raises StoreError."""
        placed = Placed(ConversationId(""), bookmark)
        await self._store.run(lambda unit: unit.arrived(self._bookmark, placed))

    @property
    def _bookmark(self) -> str:
        return f"sink:{self._sink}:read"

    async def _ticket(self, number: int) -> Ticket:
        return await self._store.run(lambda unit: unit.ticket(number))

    async def _resolved_in_words(self, number: int) -> str:
        """Return words for a resolution that came without any: a requester is told something, in their language."""
        ticket = await self._ticket(number)
        speech = speaking(self._library(), ticket.draft.language)
        return speech.plain(f"ticket-state-{State.RESOLVED.value}")
