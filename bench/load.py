"""The load: people who talk to a bot, and the connector where its answers arrive. A process of its own.

People and connector are one process because a press must carry what the card before it said. A turn lasts from the request until
both its response and its card have come; so many turns are in flight at any time. Prints one line of JSON.

    python -m bench.load --url http://127.0.0.1:3978/api/messages --as bot --seconds 3
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import random
import secrets
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import aiohttp
import msgspec

from bench.activities import Person, bounce
from bench.connector import Card, Inbox, connector
from bench.processes import cpu_seconds

Json = dict[str, Any]
Kind = Literal["bot", "echo"]

TURNS = 7
"""Turns of one person in a row, before the next person comes: as many as the channel lets a bot answer in a second."""
TOGETHER = 6
"""People who take turns with each other, so that a while passes between two turns of one of them."""
ANSWERS = 8
"""Answers to one bounce before the next is pasted."""

_PATIENCE = 30.0
_LATE = 0.3
"""Seconds in which a message that nobody asked for would still arrive."""

_encode = msgspec.json.Encoder().encode


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What one run came to."""

    turns: int
    """Turns that ended in the measured time."""
    seconds: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float | None
    """Processor time of the server for each of these turns."""
    sent: int
    """All turns, lead-in included."""
    cards: int
    """All messages that arrived at the connector."""
    body_bytes: int
    """Median size of a request."""
    answers: int = 0
    moved: int = 0
    """Answers after which the dialog stood somewhere else."""
    failures: list[str] = []

    @property
    def rate(self) -> float:
        """Turns in a second."""
        return self.turns / self.seconds


class Talk:
    """One conversation: decides what the person does next."""

    def __init__(self, person: Person, chance: random.Random, kind: Kind) -> None:
        self.person = person
        self.answers = 0
        self.moved = 0
        self._chance = chance
        self._kind = kind
        self._card = Card("")
        self._before: tuple[str, str, str] | None = None
        self._turn = 0
        self._answered = ANSWERS

    def next(self) -> Json:
        """Return the next activity: a new bounce, or an answer to the card that stands."""
        self._turn += 1
        self._before = None
        if self._kind == "echo":
            return self._echo()
        take_new = self._card.button("take-new")
        if take_new is not None:
            return self.person.press(take_new, self._card.activity)
        options = self._card.answers
        if not options or self._answered >= ANSWERS:
            self._answered = 0
            return self.person.say(bounce(self._chance))
        self._answered += 1
        self._before = self._card.place
        position = self._chance.choice(options)
        if self._turn % 3 == 0:
            return self.person.say(str(position + 1))
        return self.person.press(self._card.buttons[position], self._card.activity)

    def _echo(self) -> Json:
        """Return what an echo can answer: as many pastes, and typed answers in the place of presses."""
        if self._answered >= ANSWERS:
            self._answered = 0
            return self.person.say(bounce(self._chance))
        self._answered += 1
        return self.person.say(str(self._chance.randrange(1, 5)))

    def hear(self, card: Card) -> None:
        """Take the bot's answer."""
        self._card = card
        if self._before is not None:
            self.answers += 1
            self.moved += card.place != self._before


class _Run:
    """One run: who talks, and what was seen."""

    def __init__(self, urls: Sequence[str], inbox: Inbox, session: aiohttp.ClientSession) -> None:
        self.failures: list[str] = []
        self.answers = 0
        self.moved = 0
        self.sent = 0
        self.sizes: list[int] = []
        self.ended: list[tuple[float, float]] = []
        """When each turn ended and how long it took."""
        self._urls = itertools.cycle(urls)
        self._inbox = inbox
        self._session = session

    async def talk(self, people: Iterator[Talk], until: float) -> None:
        """Keep one turn in flight until it is time to stop: some people in turns, then the next ones. Nobody answers at once."""
        while True:
            some = list(itertools.islice(people, TOGETHER))
            for _ in range(TURNS):
                for talk in some:
                    if time.perf_counter() >= until or self.failures:
                        return
                    await self._turn(talk)
            self.answers += sum(talk.answers for talk in some)
            self.moved += sum(talk.moved for talk in some)

    async def _turn(self, talk: Talk) -> None:
        body = _encode(talk.next())
        card = self._inbox.expect(talk.person.conversation)
        began = time.perf_counter()
        self.sent += 1
        self.sizes.append(len(body))
        try:
            async with asyncio.timeout(_PATIENCE):
                async with self._session.post(
                    next(self._urls), data=body, headers={"Content-Type": "application/json"}
                ) as response:
                    answer = await response.read()
                    if response.status not in (200, 201):
                        said = answer[:200].decode(errors="replace")
                        self.failures.append(f"HTTP {response.status}: {said}")
                        return
                talk.hear(await card)
        except (aiohttp.ClientError, TimeoutError) as error:
            self.failures.append(
                f"{type(error).__name__}: no answer and card within {_PATIENCE} s"
            )
            return
        ended = time.perf_counter()
        self.ended.append((ended, ended - began))


async def run(
    urls: Sequence[str],
    kind: Kind,
    *,
    flight: int,
    lead: float,
    seconds: float,
    pids: Sequence[int],
) -> Measured:
    """Talk to a bot for a while and return what was seen between the lead-in and the end.

    Where several servers are one bot, each turn goes to the next of them, whoever talks: so does a load balancer.
    """
    inbox = Inbox()
    name = secrets.token_hex(3)
    async with (
        connector(inbox) as service_url,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
    ):
        people = (
            Talk(Person(f"{name}{number}", service_url), random.Random(number), kind)  # noqa: S311 - the same load each time
            for number in itertools.count()
        )
        this = _Run(urls, inbox, session)
        start = time.perf_counter() + lead
        end = start + seconds
        gc.freeze()
        talking = asyncio.gather(*(this.talk(people, end) for _ in range(flight)))
        await asyncio.sleep(start - time.perf_counter())
        before = _cpu_seconds(pids)
        await asyncio.sleep(end - time.perf_counter())
        after = _cpu_seconds(pids)
        await talking
        await asyncio.sleep(_LATE)
    lasted = [took for at, took in this.ended if start <= at < end]
    cards = sum(inbox.arrived.values())
    failures = list(dict.fromkeys(this.failures))
    if cards != this.sent:
        failures.append(f"{this.sent} turns were begun and {cards} answers arrived")
    if not lasted:
        failures.append("no turn ended in the measured time")
        lasted = [0.0, 0.0]
    cuts = statistics.quantiles(lasted, n=100) if len(lasted) > 1 else [lasted[0]] * 99
    used = (after - before) * 1000 if after is not None and before is not None else None
    return Measured(
        turns=len(lasted),
        seconds=seconds,
        p50_ms=cuts[49] * 1000,
        p99_ms=cuts[98] * 1000,
        cpu_ms=used / len(lasted) if used is not None else None,
        sent=this.sent,
        cards=cards,
        body_bytes=round(statistics.median(this.sizes or [0])),
        answers=this.answers,
        moved=this.moved,
        failures=failures,
    )


def _cpu_seconds(pids: Sequence[int]) -> float | None:
    used = [cpu_seconds(pid) for pid in pids]
    known = [seconds for seconds in used if seconds is not None]
    return sum(known) if len(known) == len(pids) else None


def main() -> None:
    """Run, as a program."""
    parser = argparse.ArgumentParser(description="People who talk to a bot.")
    parser.add_argument("--url", nargs="+", required=True)
    parser.add_argument("--as", dest="kind", choices=("bot", "echo"), required=True)
    parser.add_argument("--flight", type=int, default=16, help="turns in flight")
    parser.add_argument("--lead", type=float, default=0.5, help="seconds before measuring begins")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument(
        "--pid", nargs="+", type=int, default=[0], help="the servers, for their processor time"
    )
    given = parser.parse_args()
    measured = asyncio.run(
        run(
            given.url,
            given.kind,
            flight=given.flight,
            lead=given.lead,
            seconds=given.seconds,
            pids=given.pid,
        )
    )
    sys.stdout.buffer.write(_encode(measured) + b"\n")


if __name__ == "__main__":
    main()
