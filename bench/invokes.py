"""Invokes, which somebody looks at a spinner for: are they answered as soon as messages are?"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import queue
from bench.identity import identity
from bench.load import Measured, Spread
from bench.processes import Broken
from bench.report import Figure, Section, at_most
from bench.servers import OURS, load, serve
from bench.turns import line
from bot.store import open_store

TARGET = 3.0

_TICKETS = 1_000
_TRIAGE = {
    "BOUNCEDESK_TRIAGE_TEAM_ID": "19:bench-team@thread.tacv2",
    "BOUNCEDESK_TRIAGE_CHANNEL_ID": "19:bench-triage@thread.tacv2",
}


def measure(*, rounds: int, seconds: float, flight: int) -> Section:
    """Load the bot with a dialog's messages and presses, and then with searches. Raises Broken when one fails."""
    runs: list[Measured] = []
    with ExitStack() as running, TemporaryDirectory(prefix="bouncedesk-bench-") as folder:
        place = Path(folder)
        known = running.enter_context(identity())
        database = f"sqlite:///{place / 'queue.sqlite3'}"
        asyncio.run(_fill(database))
        settings = _TRIAGE | {"BOUNCEDESK_DATABASE_URL": database}
        server = serve(running, OURS, place, known, settings=settings)
        load(server, flight=flight, lead=0.5, seconds=1.5)
        for number in range(rounds):
            one = load(server, flight=flight, lead=0.5, seconds=seconds)
            if one.failures:
                raise Broken("; ".join(one.failures))
            runs.append(one)
            print(
                f"  round {number + 1}  {line(one)}  "
                f"messages p99 {one.messages.p99:.1f} ms, presses p99 {one.invokes.p99:.1f} ms",
                flush=True,
            )
        searched = load(server, flight=flight, lead=0.5, seconds=seconds, kind="search")
        if searched.failures:
            raise Broken("; ".join(searched.failures))
    answers = [one.invokes.p99 / one.messages.p99 for one in runs]
    whole = [one.whole_invokes.p99 / one.whole_messages.p99 for one in runs]
    last = runs[-1]
    figures = (
        at_most("response to a press / to a message, p99", answers, TARGET),
        at_most("a press until its card / a message until its card, p99", whole, TARGET),
        Figure("responses to messages (last round)", _said(last.messages)),
        Figure("responses to presses (last round)", _said(last.invokes)),
        Figure(f"responses to searches among {_TICKETS:,} tickets", _said(searched.invokes)),
    )
    return Section(f"Invokes beside messages, {flight} in flight", figures)


async def _fill(database: str) -> None:
    store = open_store(database)
    try:
        await queue.fill(store, _TICKETS)
    finally:
        await store.close()


def _said(took: Spread) -> str:
    return f"{took.count:,}: p50 {took.p50:.1f} ms, p99 {took.p99:.1f} ms"
