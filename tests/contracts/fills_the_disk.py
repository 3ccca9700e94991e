"""A process whose files may not grow: what a full disk does to a store, without filling one."""

from __future__ import annotations

import asyncio
import resource
import sys
from pathlib import Path

from bot.model.errors import StoreUnavailable
from bot.ports import Unit
from bot.store import open_store
from tests.contracts.samples import NOW, everything, key, nothing_is_there, session


def flood(unit: Unit) -> None:
    """Write more than fits."""
    everything(unit)
    for n in range(500):
        unit.save_session(key(f"user-{n}"), session(100), NOW)


def room(url: str) -> int:
    """Return how many bytes the write-ahead log may have: a little more than it has."""
    return Path(url.removeprefix("sqlite:///") + "-wal").stat().st_size + 200_000


async def main(url: str) -> None:
    """Fill the disk, make room, and go on."""
    store = open_store(url)
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room(url), unlimited[1]))
    try:
        await store.run(flood)
    except StoreUnavailable as error:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
        sys.stdout.write(f"{error}\n")
    assert await store.run(nothing_is_there)
    await store.run(everything)
    await store.close()
    sys.stdout.write("goes on\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
