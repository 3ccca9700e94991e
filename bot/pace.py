"""How fast a channel may be spoken to: sliding windows, by whatever name the caller counts under.

Pure: the time is an argument, in seconds of any clock that never goes back. What the channels allow stands with those who deliver to them.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable


class Rate(NamedTuple):
    """So many in any stretch of so many seconds."""

    most: int
    seconds: float


@runtime_checkable
class Paced(Protocol):
    """A sender whose channel allows only so much."""

    rates: Sequence[Rate]
    """What one conversation may get."""
    unhurried: Sequence[Rate]
    """What all conversations together may get, where nobody waits for it: answers are counted here too, and never wait for it."""
    least: Sequence[Rate]
    """What leaves unhurried even where answers use up all of that."""

    def room(self, conversation: str) -> str:
        """Return what the channel counts a conversation under: threads may share one count."""


MARGIN = 0.05
"""Seconds that a window is kept longer than the channel's: two messages may travel at different speeds."""

ROOMS = 20_000
"""Names that are remembered at most. Who was quiet the longest is forgotten first."""


class Pace:
    """Counts what was sent under each name, and tells how long the next one has to wait."""

    def __init__(self, rates: Sequence[Rate], *, rooms: int = ROOMS) -> None:
        """Take the rates that hold for each name by itself; all of them must be kept."""
        self._rates = tuple(rates)
        self._rooms = rooms
        self._longest = max((rate.seconds for rate in rates), default=0.0) + MARGIN
        self._most = max((rate.most for rate in rates), default=0)
        self._sent: OrderedDict[str, deque[float]] = OrderedDict()
        """When something was last sent under each name, oldest first; who was quiet the longest stands first."""
        self._held: dict[str, float] = {}
        """Until when nothing may be sent under a name, because the channel said so."""

    def wait(self, room: str, now: float) -> float:
        """Return the seconds until the next one may be sent under a name; 0: at once."""
        seconds = self._held[room] - now if room in self._held else 0.0
        sent = self._sent.get(room, ())
        for rate in self._rates:
            if len(sent) >= rate.most:
                seconds = max(seconds, sent[-rate.most] + rate.seconds + MARGIN - now)
        return max(seconds, 0.0)

    def book(self, room: str, now: float) -> None:
        """Count one that is sent now."""
        if not self._most:
            return
        sent = self._sent.get(room)
        if sent is None:
            sent = self._sent[room] = deque(maxlen=self._most)
        else:
            self._sent.move_to_end(room)
        sent.append(now)
        self._forget(now)

    def hold(self, room: str, seconds: float, now: float) -> None:
        """Send nothing under a name for some seconds: the channel asks for it."""
        self._held = {held: until for held, until in self._held.items() if until > now}
        self._held[room] = max(now + seconds, self._held.get(room, now))

    def __len__(self) -> int:
        """Return how many names are remembered."""
        return len(self._sent)

    def _forget(self, now: float) -> None:
        """Let go of names under which nothing was sent for so long that it no longer counts, and of what is too many."""
        while self._sent:
            room, sent = next(iter(self._sent.items()))
            if sent[-1] + self._longest > now and len(self._sent) <= self._rooms:
                return
            del self._sent[room]
