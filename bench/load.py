"""The load: people who talk to a bot, and the connector where its answers arrive. A process of its own.

People and connector are one process because a press must carry what the card before it said. A turn lasts from the request until
both its response and its card have come; so many turns are in flight at any time. Prints one line of JSON.

    python -m bench.load --url http://127.0.0.1:3978/api/messages --as bot --seconds 3

It must cost a fraction of what it measures, and says what it cost: there are no tasks and no futures, only callbacks; what people say
first is written before the run; and a bot that is kept waiting by it can be told from a slow one by `busy`.
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
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec
import uvloop

from bench.activities import Person, bounce
from bench.connector import Card, Inbox, connector
from bench.identity import Signer
from bench.processes import cpu_seconds
from bench.wire import Requester

Kind = Literal["bot", "echo", "search"]
"""People at a bot's dialogs, people at an echo, agents who search for tickets."""

TURNS = 7
"""Turns of one person in a row, before the next person comes: as many as the channel lets a bot answer in a second."""
TOGETHER = 6
"""People who take turns with each other, so that a while passes between two turns of one of them."""
ANSWERS = 8
"""Answers to one bounce before the next is pasted."""
BUSY = 0.85
"""Share of its core above which the load may be what was measured."""

_WORDS = ("5.1.10", "contoso.com", "kari.nordmann1", "prod.outlook", "test", "5.2.2 fabrikam.com")
_PATIENCE = 30.0
_LATE = 0.3
"""Seconds in which a message that nobody asked for would still arrive."""
_AHEAD = 1_000
"""People for each second of a run whose first words are ready before it begins."""

_encode = msgspec.json.Encoder().encode


class Spread(msgspec.Struct, frozen=True):
    """How long something took, in milliseconds."""

    count: int = 0
    p50: float = 0.0
    p99: float = 0.0
    most: float = 0.0


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What one run came to."""

    turns: int
    """Turns that ended in the measured time."""
    seconds: float
    whole: Spread
    """Turns: response and card."""
    whole_messages: Spread
    """Of these the ones that a message began."""
    whole_invokes: Spread
    messages: Spread
    """Their responses alone."""
    invokes: Spread
    cpu_ms: float | None
    """Processor time of the server for each of these turns."""
    server_busy: float | None
    """The same as a share of one core."""
    load_ms: float
    """Processor time of this process for each of these turns."""
    busy: float
    """The same as a share of its core."""
    sent: int
    """All turns, lead-in included."""
    cards: int
    """All messages that arrived at the connector."""
    connections: int
    """Connections that the bot made to the connector in the measured time."""
    bearers: int
    """Different tokens that the bot showed the connector; one for all means that none was bought for a turn."""
    shown: int
    """Messages under a token."""
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
        self.pressed = False
        """Whether what was done last is an invoke."""
        self._chance = chance
        self._kind = kind
        self._card = Card("")
        self._before: tuple[str, str, str] | None = None
        self.turns = 0
        self._answered = ANSWERS
        self._first = person.say(bounce(chance))

    def next(self) -> bytes:
        """Return the next activity: a new bounce, or an answer to the card that stands."""
        self.turns += 1
        self._before = None
        self.pressed = False
        if self._kind == "echo":
            return self._echo()
        if self._kind == "search":
            self.pressed = True
            return self.person.search(self._chance.choice(_WORDS))
        take_new = self._card.button("take-new")
        if take_new is not None:
            return self._press(take_new)
        options = self._card.answers
        if not options or self._answered >= ANSWERS:
            return self._paste()
        self._answered += 1
        self._before = self._card.place
        position = self._chance.choice(options)
        if self.turns % 3 == 0:
            return self.person.say(str(position + 1))
        return self._press(self._card.buttons[position])

    def _echo(self) -> bytes:
        """Return what an echo can answer: as many pastes, and typed answers in the place of presses."""
        if self._answered >= ANSWERS:
            return self._paste()
        self._answered += 1
        return self.person.say(str(self._chance.randrange(1, 5)))

    def _paste(self) -> bytes:
        self._answered = 0
        first, self._first = self._first, b""
        return first or self.person.say(bounce(self._chance))

    def _press(self, data: dict[str, str]) -> bytes:
        self.pressed = True
        return self.person.press(data, self._card.activity)

    def hear(self, card: Card) -> None:
        """Take the bot's answer."""
        self._card = card
        if self._before is not None:
            self.answers += 1
            self.moved += card.place != self._before


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a run is to be."""

    kind: Kind = "bot"
    flight: int = 16
    lead: float = 0.5
    seconds: float = 3.0
    turns: int = 0
    """Turns after which it ends, whatever the time; 0: no limit."""
    each: int = TURNS
    """Turns of one person."""
    together: int = TOGETHER
    latency: float = 0.0
    refuse: float = 0.0
    """Seconds after which one message, and with it the bot's token, is refused; 0: never."""
    port: int = 0
    """The connector's."""
    signer: Path | None = None
    """File with what tokens are signed with; None: there are none."""
    tokens: int = 16
    """Different tokens in use: the channel's service runs on more than one machine, and each has its own for an hour."""


class _Turn(msgspec.Struct):
    """One turn that ended: when, and how long it and its response took."""

    at: float
    whole: float
    response: float
    pressed: bool


class _Run:
    """One run: who talks, and what was seen."""

    def __init__(
        self, plan: Plan, urls: Sequence[str], inbox: Inbox, heads: Iterator[bytes]
    ) -> None:
        self.plan = plan
        self.inbox = inbox
        self.heads = heads
        self.failures: list[str] = []
        self.talks: list[Talk] = []
        self.sent = 0
        self.sizes: list[int] = []
        self.ended: list[_Turn] = []
        self.until = 0.0
        self.urls = [urlsplit(url) for url in urls]
        self.done = asyncio.get_running_loop().create_future()
        self._slots: list[_Slot] = []
        self._running = 0
        self._watch: asyncio.TimerHandle | None = None

    async def connect(self, people: Iterator[Talk]) -> None:
        """Open the connections: each slot has one to every server."""
        loop = asyncio.get_running_loop()
        for number in range(self.plan.flight):
            slot = _Slot(self, people)
            for url in self.urls:
                _, requester = await loop.create_connection(
                    lambda slot=slot: Requester(slot.answered, slot.lost),  # type: ignore[misc]
                    url.hostname or "",
                    url.port or 80,
                )
                slot.requesters.append(requester)
            slot.place = number
            self._slots.append(slot)

    def start(self) -> None:
        """Begin every slot's first turn: one after the other, where the channel is slow. People do not act in step."""
        self._running = len(self._slots)
        apart = self.plan.latency / len(self._slots)
        for number, slot in enumerate(self._slots):
            asyncio.get_running_loop().call_later(number * apart, slot.next)
        self._look()

    def stopped(self) -> None:
        """Note that a slot begins no other turn."""
        self._running -= 1
        if not self._running and not self.done.done():
            self.done.set_result(None)

    def fail(self, why: str) -> None:
        """Stop: something went wrong."""
        self.failures.append(why)
        if not self.done.done():
            self.done.set_result(None)

    def close(self) -> None:
        """Close the connections."""
        if self._watch is not None:
            self._watch.cancel()
        for slot in self._slots:
            for requester in slot.requesters:
                requester.close()

    def _look(self) -> None:
        """Look once a second whether a turn takes too long: cheaper than a timer for each."""
        now = time.perf_counter()
        if any(slot.waits and now - slot.began > _PATIENCE for slot in self._slots):
            self.fail(f"no answer and card within {_PATIENCE:.0f} s")
            return
        self._watch = asyncio.get_running_loop().call_later(1.0, self._look)


class _Slot:
    """One turn at a time: some people in turns, then the next ones. Nobody answers at once."""

    def __init__(self, run: _Run, people: Iterator[Talk]) -> None:
        self.requesters: list[Requester] = []
        self.place = 0
        self.began = 0.0
        self.waits = 0
        """What is still to come of this turn: response, card, or both."""
        self._run = run
        self._talks = self._in_turns(people)
        self._talk: Talk
        self._responded = 0.0

    def _in_turns(self, people: Iterator[Talk]) -> Iterator[Talk]:
        plan = self._run.plan
        # The first people of a slot are fewer turns away from the next ones: else everybody would paste in the same moment.
        turns = 1 + self.place % plan.each
        while some := list(itertools.islice(people, plan.together)):
            self._run.talks += some
            for _ in range(turns):
                yield from some
            turns = plan.each

    def next(self) -> None:
        """Begin a turn, unless it is time to stop."""
        run = self._run
        now = time.perf_counter()
        if now >= run.until or run.failures or (run.plan.turns and run.sent >= run.plan.turns):
            run.stopped()
            return
        self._talk = next(self._talks)
        body = self._talk.next()
        self.waits = 2 - (run.plan.kind == "search")
        if self.waits == 2:
            run.inbox.tell(self._talk.person.conversation, self.heard)
        # Where several servers are one bot, each turn goes to the next of them, whoever talks: so does a load balancer.
        requester = self.requesters[self.place % len(self.requesters)]
        self.place += 1
        if not requester.connected:
            self.waits = 0
            run.fail("the connection is gone")
            return
        run.sent += 1
        run.sizes.append(len(body))
        self.began = time.perf_counter()
        requester.ask(next(run.heads) + b"%d\r\n\r\n%b" % (len(body), body))

    def answered(self, status: int, body: bytes) -> None:
        """Take the response."""
        if status not in (200, 201, 202):
            self._run.fail(f"HTTP {status}: {body[:200].decode(errors='replace')}")
            return
        self._responded = time.perf_counter()
        self._came()

    def heard(self, card: Card) -> None:
        """Take the card."""
        self._talk.hear(card)
        self._came()

    def lost(self, why: str) -> None:
        """Take it that the server is gone."""
        self._run.fail(f"connection lost: {why}")

    def _came(self) -> None:
        self.waits -= 1
        if self.waits:
            return
        now = time.perf_counter()
        self._run.ended.append(
            _Turn(now, now - self.began, self._responded - self.began, self._talk.pressed)
        )
        self.next()


class _Used(msgspec.Struct, frozen=True):
    """Clocks and counters at one moment."""

    at: float
    ours: float
    theirs: float | None
    connections: int


async def run(urls: Sequence[str], plan: Plan, *, pids: Sequence[int]) -> Measured:
    """Talk to a bot for a while and return what was seen between the lead-in and the end."""
    inbox = Inbox(latency=plan.latency)
    name = secrets.token_hex(3)
    async with connector(inbox, port=plan.port) as (service_url, server):
        heads = _heads(urls[0], service_url, plan)
        wanted = round((plan.lead + plan.seconds) * _AHEAD)
        if plan.turns:
            wanted = min(wanted, plan.turns // plan.each + 1)
        ready = [_talk(name, number, service_url, plan) for number in range(wanted)]
        people = itertools.chain(
            ready, (_talk(name, number, service_url, plan) for number in itertools.count(wanted))
        )
        this = _Run(plan, urls, inbox, heads)
        await this.connect(people)
        gc.collect()
        gc.freeze()
        gc.disable()
        start = time.perf_counter() + plan.lead
        this.until = start + plan.seconds
        this.start()
        if plan.refuse:
            asyncio.get_running_loop().call_later(plan.refuse, inbox.refuse)
        await asyncio.wait([this.done], timeout=plan.lead)
        before = _used(pids, server.accepted)
        if plan.turns:
            await this.done
        else:
            await asyncio.wait([this.done], timeout=this.until - time.perf_counter())
        after = _used(pids, server.accepted)
        await this.done
        await asyncio.sleep(_LATE)
        this.close()
    return _measured(this, before, after)


def _talk(name: str, number: int, service_url: str, plan: Plan) -> Talk:
    return Talk(Person(f"{name}{number}", service_url), random.Random(number), plan.kind)  # noqa: S311 - the same load each time


def _heads(url: str, service_url: str, plan: Plan) -> Iterator[bytes]:
    """Return the heads of requests, all but the length of the body."""
    at = urlsplit(url)
    head = (
        f"POST {at.path} HTTP/1.1\r\nHost: {at.netloc}\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate\r\n"
        "User-Agent: bouncedesk-bench\r\nContent-Type: application/json; charset=utf-8\r\n"
    )
    tokens = Signer.read(plan.signer).tokens(service_url, plan.tokens) if plan.signer else [""]
    shown = [f"Authorization: Bearer {token}\r\n" if token else "" for token in tokens]
    return itertools.cycle([f"{head}{one}Content-Length: ".encode() for one in shown])


def _used(pids: Sequence[int], connections: int) -> _Used:
    known = [seconds for pid in pids if pid and (seconds := cpu_seconds(pid)) is not None]
    theirs = sum(known) if known and len(known) == len(pids) else None
    return _Used(time.perf_counter(), time.process_time(), theirs, connections)


def _measured(this: _Run, before: _Used, after: _Used) -> Measured:
    """Return what a run came to, and what went wrong in it."""
    turns = [turn for turn in this.ended if before.at <= turn.at < after.at]
    conversations = [talk.person.conversation for talk in this.talks]
    cards = sum(this.inbox.arrived[conversation] for conversation in conversations)
    failures = list(dict.fromkeys(this.failures))
    if cards != this.sent and this.plan.kind != "search":
        failures.append(f"{this.sent} turns were begun and {cards} answers arrived")
    if not turns:
        failures.append("no turn ended in the measured time")
    over = this.inbox.over_the_rate(conversations) if this.plan.kind == "bot" else 0
    if over:
        failures.append(f"{over} times a conversation got more than the channel allows")
    seconds, ours = after.at - before.at, after.ours - before.ours
    theirs = after.theirs - before.theirs if None not in (after.theirs, before.theirs) else None  # type: ignore[operator]
    count = max(len(turns), 1)
    bearers = this.inbox.bearers
    return Measured(
        turns=len(turns),
        seconds=seconds,
        whole=_spread(turn.whole for turn in turns),
        whole_messages=_spread(turn.whole for turn in turns if not turn.pressed),
        whole_invokes=_spread(turn.whole for turn in turns if turn.pressed),
        messages=_spread(turn.response for turn in turns if not turn.pressed),
        invokes=_spread(turn.response for turn in turns if turn.pressed),
        cpu_ms=theirs * 1000 / count if theirs is not None else None,
        server_busy=theirs / seconds if theirs is not None else None,
        load_ms=ours * 1000 / count,
        busy=ours / seconds,
        sent=this.sent,
        cards=cards,
        connections=after.connections - before.connections,
        bearers=sum(1 for bearer in bearers if bearer),
        shown=sum(times for bearer, times in bearers.items() if bearer),
        body_bytes=round(statistics.median(this.sizes or [0])),
        answers=sum(talk.answers for talk in this.talks),
        moved=sum(talk.moved for talk in this.talks),
        failures=failures,
    )


def _spread(seconds: Iterator[float]) -> Spread:
    took = sorted(one * 1000 for one in seconds)
    if len(took) < 2:
        return Spread(len(took), *(took * 3))
    cuts = statistics.quantiles(took, n=100)
    return Spread(len(took), cuts[49], cuts[98], took[-1])


def main() -> None:
    """Run, as a program."""
    parser = argparse.ArgumentParser(description="People who talk to a bot.")
    parser.add_argument("--url", nargs="+", required=True)
    parser.add_argument("--as", dest="kind", choices=("bot", "echo", "search"), required=True)
    parser.add_argument("--flight", type=int, default=16, help="turns in flight")
    parser.add_argument("--lead", type=float, default=0.5, help="seconds before measuring begins")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--turns", type=int, default=0, help="turns after which it ends")
    parser.add_argument("--each", type=int, default=TURNS, help="turns of one person")
    parser.add_argument("--together", type=int, default=TOGETHER, help="people in turns")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds until a message is in")
    parser.add_argument("--refuse", type=float, default=0.0, help="seconds until a token is")
    parser.add_argument("--port", type=int, default=0, help="of the connector")
    parser.add_argument("--signer", type=Path, help="file of bench.identity; without it no tokens")
    parser.add_argument("--tokens", type=int, default=16, help="different tokens")
    parser.add_argument(
        "--pid", nargs="+", type=int, default=[0], help="the servers, for their processor time"
    )
    given = vars(parser.parse_args())
    urls, pids = given.pop("url"), given.pop("pid")
    measured = uvloop.run(run(urls, Plan(**given), pids=pids))
    sys.stdout.buffer.write(_encode(measured) + b"\n")


if __name__ == "__main__":
    main()
