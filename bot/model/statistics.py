"""What became of the dialogs and the tickets of a span of time, in numbers. Names nobody."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import msgspec

from bot.model.ticket import Outcome


class By(StrEnum):
    """What the numbers are told apart by."""

    CODE = "code"
    ARTICLE = "article"
    NODE = "node"
    """The node at which a dialog ended or stands. Tickets have none."""
    LANGUAGE = "language"
    WEEK = "week"
    """ISO 8601 week, in UTC: of the last turn of a dialog, of the opening of a ticket."""
    QUEUE = "queue"
    """Dialogs have none."""


class Dialogs(msgspec.Struct, frozen=True, kw_only=True):
    """How dialogs came out."""

    outcomes: Mapping[Outcome, int]
    """Every outcome is there."""
    useful: int = 0
    """How many people said that it helped; most say nothing."""
    not_useful: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.outcomes.values())

    @property
    def ended(self) -> int:
        """Those that are over. Shares are told of these: what still goes on is neither solved nor lost."""
        return self.total - self.outcomes[Outcome.OPEN]


class Spread(msgspec.Struct, frozen=True):
    """How long something took."""

    count: int
    """How many times were measured. What has not happened yet has no time."""
    median: float
    """Seconds within which it happened half of the times."""
    ninetieth: float
    """Seconds within which it happened nine times out of ten: one of the measured times (nearest rank)."""


class Tickets(msgspec.Struct, frozen=True, kw_only=True):
    """How tickets went."""

    opened: int
    urgent: int
    open: int
    """Those that somebody still has work with."""
    withdrawn: int
    claim: Spread | None
    """From the opening until somebody first took it; None: nobody has taken one."""
    resolve: Spread | None
    """From the opening until it was resolved last; None: none is resolved."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of one code, of one article, of one week."""

    value: str
    """Empty where there is none: a bounce without a code, the channel of the settings."""
    dialogs: Dialogs | None
    """None where dialogs cannot be told apart so."""
    tickets: Tickets | None
    """None where tickets cannot be told apart so."""


class Statistics(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of a span of time."""

    since: datetime
    until: datetime
    """Not included."""
    by: By
    dialogs: Dialogs
    """Those whose last turn was in the span."""
    tickets: Tickets
    """Those that were opened in the span."""
    rows: tuple[Row, ...]
    """Weeks in their order; everything else with the most frequent first."""
