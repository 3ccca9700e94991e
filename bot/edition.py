"""The content that is in force: one edition of it, until the next takes its place between two turns.

Whoever works on a turn asks once, at its beginning, and goes on to its end with what it got: the words, the graph and the queues of one
edition. Nobody keeps an edition longer than that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from bot.model.errors import ContentError
from bot.model.event import Incoming, Person, TicketPress, TicketSearch
from bot.model.ids import Language
from bot.model.library import Library
from bot.model.outgoing import Hit, Outgoing
from bot.model.ticket import Deed, Role, Ticket
from bot.ports import NewId, SessionKey
from bot.triage import Desk
from bot.turn import Core
from bot.watch import caused

log = structlog.get_logger("bouncedesk.edition")

_TOLD = 20
"""Problems of an unusable edition that are logged one by one; `bouncedesk lint` names all."""


@dataclass(frozen=True, slots=True)
class Edition:
    """One state of the content, and the desk that works by it."""

    core: Core
    desk: Desk

    @property
    def library(self) -> Library:
        """The content itself."""
        return self.core.library

    @property
    def version(self) -> str:
        """What tells it from others: a digest of every file."""
        return self.core.library.version


class Editions:
    """Where the edition that is in force is asked for, and where the next one is put in its place."""

    def __init__(
        self,
        first: Library,
        load: Callable[[], Library],
        desk: Callable[[Core], Desk],
        new_id: NewId,
    ) -> None:
        """Put the first edition in force.

        Args:
            first: The content to begin with.
            load: Reads the content anew and checks it as at the start; raises ContentError.
            desk: Makes the desk that works by an edition.
            new_id: Makes the ids that join the log lines of one request.
        """
        self._load = load
        self._desk = desk
        self._new_id = new_id
        self._reading = asyncio.Lock()
        self._current = self._edition(Core(first))
        self._unusable: int | None = None

    def __call__(self) -> Edition:
        """Return the edition that is in force."""
        return self._current

    # -------------------------------------------------------------------------- the doors: each enters one edition

    def language(self, locale: str | None) -> Language:
        """Return the language we answer a locale in, where it is one of ours."""
        return self._current.core.language(locale)

    async def press(self, press: TicketPress) -> Outgoing | str:
        """Carry out a press on a ticket's card (`Desk.press`)."""
        with caused(self._new_id()[:8]):
            return await self._current.desk.press(press)

    async def heard(self, incoming: Incoming) -> Outgoing | str | None:
        """Take what was said to the bot in a channel (`Desk.heard`)."""
        with caused(self._new_id()[:8]):
            return await self._current.desk.heard(incoming)

    async def search(self, search: TicketSearch) -> Sequence[Hit] | str:
        """Return the tickets that were found (`Desk.search`)."""
        with caused(self._new_id()[:8]):
            return await self._current.desk.search(search)

    async def carry_out(
        self,
        number: int,
        deed: Deed,
        by: Person,
        *,
        role: Role = Role.AGENT,
        once: tuple[SessionKey, str] | None = None,
    ) -> Ticket:
        """Do something with a ticket (`Desk.carry_out`)."""
        with caused(self._new_id()[:8]):
            return await self._current.desk.carry_out(number, deed, by, role=role, once=once)

    # ----------------------------------------------------------------------------------------------- the next edition

    @property
    def unusable(self) -> int | None:
        """How many problems the content had when it was last read and could not be used; None: what is in force is what was read last."""
        return self._unusable

    async def reload(self) -> bool:
        """Read the content again and put it in force, or keep what is in force where it cannot be used. Tell whether it could."""
        async with self._reading:
            before = self._current.version
            try:
                core = await asyncio.to_thread(self._read)
                edition = self._edition(core)
            except ContentError as error:
                self._refuse(error.detail.strip().splitlines(), before)
                return False
            except Exception as error:  # noqa: BLE001 - a file that vanishes while it is read, say: the old content still works
                self._refuse([f"It could not be read: {type(error).__name__}."], before)
                return False
            self._current, self._unusable = edition, None
            log.info("content-reloaded", version=edition.version, before=before)
            return True

    def _read(self) -> Core:
        return Core(self._load())

    def _edition(self, core: Core) -> Edition:
        return Edition(core, self._desk(core))

    def _refuse(self, problems: list[str], version: str) -> None:
        self._unusable = len(problems)
        log.error(
            "content-unusable", version=version, problems=problems[:_TOLD], count=len(problems)
        )
