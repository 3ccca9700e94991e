"""When what the bot is recognised by ends, and from when on somebody should know. Pure.

A secret or a certificate that ends takes the bot off the air for everybody at once, and nobody wrote the day down. So it is said early.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

from bot.ports import Ending, Expiry
from bot.teams.credentials import PASSWORD

AHEAD = 30
"""Days before an end from which it is warned of: time for a change that others must approve."""

_DAY = timedelta(days=1)


def with_password(known: Iterable[Expiry], day: date | None) -> tuple[Expiry, ...]:
    """Return what is known to end, with the secret whose day the settings name. It counts from the first moment of that day, in UTC."""
    if day is None:
        return tuple(known)
    return (Expiry(PASSWORD, datetime.combine(day, time.min, UTC)), *known)


def warnings(expiries: Iterable[Expiry], now: datetime) -> tuple[Ending, ...]:
    """Return what ends within thirty days of a moment or has ended by then, the most pressing first."""
    left = (Ending(one.name, one.at, _days(one.at - now)) for one in expiries)
    return tuple(sorted((one for one in left if one.days <= AHEAD), key=lambda one: one.at))


def _days(left: timedelta) -> int:
    return max(0, -(-left // _DAY))
