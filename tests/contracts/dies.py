"""A process that commits a turn with a leased parcel, says so, and waits to be killed."""

from __future__ import annotations

import asyncio
import sys
import time

from bot.ports import Unit
from bot.store import open_store
from tests.contracts.samples import MINUTE, NOW, draft, key, parcel, session


def turn(unit: Unit) -> None:
    """Write what a turn writes."""
    unit.save_session(key(), session(), NOW)
    unit.open_ticket(draft())
    unit.enqueue(parcel(), NOW, lease_until=NOW + MINUTE)


async def main(url: str) -> None:
    """Commit, say so, wait."""
    store = open_store(url, migrate=True)
    await store.run(turn)
    sys.stdout.write("committed\n")
    sys.stdout.flush()
    time.sleep(60)  # noqa: ASYNC251 - nothing here goes on


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
