"""What a sink is. Whoever adds one writes a class with these methods and a line in `compose`; order and retries are the outbox's."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Protocol, runtime_checkable

import msgspec

from bot.model.event import Person
from bot.model.ids import ConversationId, Language
from bot.model.library import Library
from bot.model.ticket import Deed, State
from bot.ports import News, Parcel, Placed, Sender

SECONDS = 25.0
"""The longest that one `send` may take: well below the lease of a parcel, or another process would send it, too."""


Words = Callable[[], tuple[Library, Language]]
"""Returns the content that is in force, and the helpdesk's language in it. Asked for each message: content is replaced while we run."""


class Sink(Sender, Protocol):
    """A helpdesk that is told of every change of every ticket.

    `send` gets parcels with a `News`, those of one ticket in their order, one at a time. It says what the helpdesk calls the ticket
    (`placed_as`), and gets that back with every later one. It must be **idempotent**: delivery is at least once, so a News can come
    again, and `told.event_id` is how it is known again. It raises DeliveryRefused where this News will never be taken (it becomes a dead
    letter, and the next one is tried), DeliveryDelayed where it was certainly not taken now, and DeliveryAmbiguous where nobody can know.
    It takes at most `SECONDS`, and logs nothing that a person wrote.
    """

    @property
    def name(self) -> str:
        """Its name in settings, logs and parcels (`sink:NAME`); stable for ever."""

    async def close(self) -> None:
        """Let go of everything."""


@runtime_checkable
class Polled(Protocol):
    """A sink that is asked what changed over there, because it does not tell by itself."""

    @property
    def every(self) -> float:
        """Seconds between two questions."""

    async def poll(self, back: WayBack) -> None:
        """Ask once, and carry out here what was done there. Raises DeliveryFailed or StoreError; the next poll asks for the same again."""


class Outcome(Enum):
    """How it came out here that somebody did something over there."""

    DONE = "done"
    """Now, or earlier: the same thing can come twice."""
    ALREADY = "already"
    """The ticket stood like that before."""
    REFUSED = "refused"
    """The ticket's present state does not allow it."""


class Came(msgspec.Struct, frozen=True):
    """What became of something that was done over there."""

    outcome: Outcome
    state: State
    """Where the ticket stands now."""


class WayBack(Protocol):
    """The way back from one sink into the queue. What comes this way is not sent back to the sink it came from."""

    async def carry_out(self, number: int, deed: Deed, by: str, *, once: str) -> Came:
        """Do here what somebody did over there.

        Args:
            number: The ticket.
            deed: REPLY, RESOLVE, REOPEN, CLOSE or NOTE. A resolution without words gets some in the requester's language.
            by: The name of who did it, for people to read; may be empty.
            once: The other side's id of what happened: the same id changes nothing a second time.

        Raises UnknownTicket or another StoreError.
        """

    async def is_ours(self, number: int, reference: str) -> bool:
        """Tell whether a ticket has a reference (`told.reference`): a number alone may be another installation's. Raises StoreError."""

    async def bookmark(self) -> str:
        """Return how far this sink was read, as `set_bookmark` was told; empty at first. Raises StoreError."""

    async def set_bookmark(self, bookmark: str) -> None:
        """Remember how far this sink was read, for all processes. Raises StoreError."""


def news_of(parcel: Parcel) -> News:
    """Return what a parcel to a sink says. Nothing else is ever sent to one."""
    assert isinstance(parcel.content, News)  # noqa: S101 - the desk's contract, not input
    return parcel.content


def placed_as(news: News, called: str) -> Placed:
    """Return what `send` answers: that the sink calls the ticket so."""
    return Placed(ConversationId(news.ticket.id), called)


def somebody_at(sink: str, name: str) -> Person:
    """Return who acts on a ticket from a sink. The key is the sink's, so that the sink is not told of it again."""
    return Person(f"sink:{sink}", name)
