"""Processes killed at random moments while people hand over and agents work: nothing is lost, and what comes twice was in flight."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections import defaultdict
from functools import partial
from typing import Any

import pytest

from bot.compose import utc_now
from bot.ports import WholeStore
from bot.store import open_store
from tests import crowd
from tests.connector import StubConnector
from tests.crowd import CHANNEL, at_once, tally
from tests.soak.conftest import Instances

PEOPLE = 24
CLAIMED = 12
IN_FLIGHT_SECONDS = 1.5
"""Before a kill: what arrived then may not have been written down."""


@pytest.mark.parametrize("seed", [1])
async def test_kills_on_sqlite(instances: Instances, seed: int) -> None:
    """One process on SQLite, killed nine times under load."""
    instances.start(1)
    url = f"sqlite:///{instances.folder / 'bouncedesk.sqlite3'}"
    await _survive(instances, url, seed, kills=(5, 4), patience=60.0)


@pytest.mark.parametrize("seed", [2])
async def test_kills_on_postgresql(instances: Instances, database_url: str, seed: int) -> None:
    """Two processes on one PostgreSQL, one of them killed ten times under load; the other takes over what it held."""
    instances.settings["DATABASE_URL"] = database_url
    instances.start(2)
    await _survive(instances, database_url, seed, kills=(5, 5), patience=120.0)


async def _survive(
    instances: Instances, url: str, seed: int, *, kills: tuple[int, int], patience: float
) -> None:
    """Kill while people hand over, kill while agents claim, wait until all is sent, and count."""
    chance, people = random.Random(seed), instances.crowd  # noqa: S311 - no secret
    asks = [partial(people.ask_for_help, number, pause=0.3) for number in range(PEOPLE)]
    await asyncio.gather(
        asyncio.to_thread(at_once, asks, width=3),
        asyncio.to_thread(instances.kill_at_random, kills[0], chance),
    )
    store = open_store(url)
    opened = await tally(store)
    await store.close()  # a process that starts frees the leases of a dead one only where it is alone with a SQLite database
    claims = [
        partial(people.do, ticket, "claim", crowd.AGENTS[number % 2], at=number)
        for number, ticket in enumerate(opened.tickets[:CLAIMED])
    ]
    await asyncio.gather(
        asyncio.to_thread(at_once, claims, width=2),
        asyncio.to_thread(instances.kill_at_random, kills[1], chance),
    )
    store = open_store(url)
    await settled(store, patience)
    kept = await tally(store)
    await store.close()

    cards = people.cards()
    notices = [people.notices(f"person{number}") for number in range(PEOPLE)]
    lines = people.lines()
    doubles = doubled(instances.connector)
    print(
        f"\n{len(instances.kills)} kills (seed {seed}): {PEOPLE} people asked, {len(kept.tickets)} tickets, "
        f"{len(cards)} with a card, {kept.happened('claimed')} of {CLAIMED} claimed, "
        f"{sum(bool(got) for got in notices)} notified, {len(lines)} lines; "
        f"{len(doubles)} messages came twice, all in flight at a kill"
    )
    assert kept.requesters == {f"person{number}": 1 for number in range(PEOPLE)}
    assert set(cards) == {ticket.number for ticket in kept.tickets}
    assert kept.happened("claimed") == CLAIMED
    assert sum(bool(got) for got in notices) == CLAIMED
    assert max(len(got) for got in notices) == 1
    assert len({thread for thread, _ in lines}) == len(lines) == CLAIMED
    assert kept.counts.dead == 0
    for what, first in doubles:
        assert any(0 <= kill - first <= IN_FLIGHT_SECONDS for kill in instances.kills), what


async def settled(store: WholeStore, seconds: float) -> None:
    """Wait until the outbox is empty."""
    left = -1
    for _ in range(int(seconds * 2)):
        left = (await store.counts(utc_now())).unsent
        if not left:
            return
        await asyncio.sleep(0.5)
    raise AssertionError(f"{left} parcels were not sent")


def doubled(connector: StubConnector) -> list[tuple[str, float]]:
    """Return what arrived more than once of cards, lines and notices, with the moment it came first."""
    came: defaultdict[str, list[float]] = defaultdict(list)
    for request in connector.requests(method="POST"):
        what = _what(request)
        if what:
            came[what].append(request["at"])
    return [(what, min(times)) for what, times in came.items() if len(times) > 1]


def _what(request: dict[str, Any]) -> str:
    """Return what a request says, where saying it twice would be a double; a card is known by its number."""
    body = request["body"]
    if request["path"] == "/v3/conversations":
        number = re.search(r"#(\d{4,})", json.dumps(body, ensure_ascii=False))
        return f"card {number[0]}" if number else ""
    conversation = str(request["conversation"])
    if conversation.startswith(CHANNEL) or re.search("Kari|Per", json.dumps(body)):
        return f"{conversation} {json.dumps(body)}"
    return ""
