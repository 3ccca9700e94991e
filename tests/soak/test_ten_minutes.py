"""Ten minutes at two thirds of what the bot can carry, while something around it always fails: every count is equal, and nothing leaks.

Two crowds talk to one process, with tokens. Most people walk through dialogs, each turn of theirs one request and one card. Some ask for
a human, one every two and a half seconds (a channel takes sixty messages in half a minute): for each there is one ticket, one card in the
triage channel, one claim by an agent and one notice. What goes wrong, in turns: content read again (SIGHUP), the database held by
somebody for a second, hostile requests, the metadata down, a token refused while none can be bought, the signing key rolled; and some
messages of those who ask for a human are answered 429 or 500, late, or not at all, half of these after the channel has taken them.

BOUNCEDESK_SOAK_SECONDS (600) sets its length.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import re
import signal
import sqlite3
import statistics
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
import uvloop

from bench.activities import TENANT, Person
from bench.identity import Identity, Signer, identity
from bench.load import TOGETHER, TURNS, Talk
from bench.processes import PYTHON, cores, free_port, pin, serving
from bench.servers import Server, load, service_url
from bench.wire import Requester, listening
from bot.compose import utc_now
from bot.ports import WholeStore
from bot.store import open_store
from tests.crowd import Tally, bounce, tally
from tests.soak.far_end import AGENTS, TEAM, TRIAGE, TROUBLES, Channel, Thread, Trouble

Json = dict[str, Any]
T = TypeVar("T")

SECONDS = float(os.environ.get("BOUNCEDESK_SOAK_SECONDS", "600"))
SHARE = 2 / 3
"""Of what the bot carries when as much as possible is asked of it."""

_MEASURED = 15.0
"""Seconds in which that is found out."""
_WORKERS = 48
_TICKET_EVERY = 2.5
_TROUBLED = 0.4
"""Share of those who ask for a human to whom something happens."""
_PATIENCE = 180.0
_AGAIN = 0.5
_NUMBER = re.compile(rb"#(\d{4,})")
_KEPT_OPEN = 75
"""Seconds after which connections that nobody uses are closed: they are looked through every thirty seconds, and kept as long."""
_MORE = 2
"""Files and sockets that may be open afterwards beyond those before."""
_GROWTH = 1.15


# ------------------------------------------------------------------------------------------------- the people


@dataclass
class World:
    """Everything that a person needs to talk to the bot, and what they saw."""

    server: Server
    known: Identity
    channel: Channel
    until: float
    token: str = ""
    turns: int = 0
    repeated: Counter[int] = field(default_factory=Counter)
    """Deliveries that had to be repeated, by the status they were answered with (0: by nothing)."""
    talks: list[Talk] = field(default_factory=list)
    askers: list[Person] = field(default_factory=list)
    claimed: list[Thread] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)
    """Turns of those who ask for a human."""
    refused: Counter[tuple[str, int]] = field(default_factory=Counter)
    """Hostile requests, by what they are and what they were answered with."""
    went_wrong: list[str] = field(default_factory=list)
    """What was done to the bot."""

    def sign(self) -> None:
        """Take a token that is signed with the key in use."""
        self.token = Signer.read(self.known.signer).tokens(self.server.service_url)[0]


class Line:
    """One connection of the channel's service to the bot."""

    def __init__(self, world: World) -> None:
        """Connect when there is something to say."""
        self._world = world
        self._requester: Requester | None = None
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    async def deliver(self, body: bytes) -> bytes:
        """Deliver an activity until the bot has taken it, as Teams does; return the answer's body."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            status, answer = await self._post(body)
            if status in (200, 201, 202):
                return answer
            self._world.repeated[status] += 1
            assert time.monotonic() < deadline, f"still {status} after {_PATIENCE:.0f} s"
            await asyncio.sleep(_AGAIN)

    async def _post(self, body: bytes) -> tuple[int, bytes]:
        loop, url = asyncio.get_running_loop(), urlsplit(self._world.server.url)
        if self._requester is None or not self._requester.connected:
            _, self._requester = await loop.create_connection(
                lambda: Requester(self._answered, self._lost), url.hostname or "", url.port or 80
            )
        self._answer = loop.create_future()
        head = (
            f"POST {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\nAuthorization: Bearer {self._world.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._requester.ask(head.encode() + body)
        return await self._answer

    def close(self) -> None:
        """Let the connection go."""
        if self._requester is not None:
            self._requester.close()

    def _answered(self, status: int, body: bytes) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((status, body))

    def _lost(self, _why: str) -> None:
        self._answered(0, b"")


async def walk(world: World, people: Iterator[Talk], rate: float) -> None:
    """Take turns in dialogs, so many in a second: some people in turns, then the next ones."""
    due = time.monotonic() + random.random() / rate  # noqa: S311 - people do not act in step
    with closing(Line(world)) as line:
        while True:
            some = [next(people) for _ in range(TOGETHER)]
            world.talks += some
            for talk in some * TURNS:
                await asyncio.sleep(due - time.monotonic())
                if time.monotonic() > world.until:
                    return
                # Who was kept waiting does not make up for it.
                due = max(due + 1 / rate, time.monotonic())
                body = talk.next()
                card = world.channel.expect(talk.person.conversation)
                world.turns += 1
                await line.deliver(body)
                async with asyncio.timeout(_PATIENCE):
                    talk.hear(await card)


async def ask_for_help(world: World, number: int, trouble: tuple[int, Trouble] | None) -> None:
    """Paste a bounce, ask for a human, send, and wait until an agent has claimed the ticket and the notice of it has come.

    `trouble`: what happens to which of the messages that this takes.
    """
    person = Person(f"asker{number}", world.server.service_url)
    world.askers.append(person)
    world.channel.watched.add(person.conversation)
    at, what = trouble or (None, None)
    with closing(Line(world)) as line:
        for turn, text in enumerate((bounce(number), "talk to a human", "send it")):
            if what is not None and at == turn:
                world.channel.troubles[person.conversation].append(what)
            if what is not None and at == turn == 2:
                world.channel.troubles[TRIAGE].append(what)
            answered = world.channel.expect(person.conversation)
            world.asked[person.conversation] += 1
            await line.deliver(person.say(text))
            async with asyncio.timeout(_PATIENCE):
                await answered
        spoken = world.channel.spoken[person.conversation]
        ticket = await _until(lambda: _ticket(spoken), "the number of a ticket")
        thread = await _until(lambda: _thread(world.channel, ticket), "a card in the channel")
        notice = world.channel.expect(person.conversation)
        if what is not None and at == 3:
            world.channel.troubles[person.conversation].append(what)
        await line.deliver(_claim(thread, number, world.server.service_url))
        world.claimed.append(thread)
        async with asyncio.timeout(_PATIENCE):
            await notice


def _ticket(spoken: Sequence[bytes]) -> bytes | None:
    return next((found[1] for said in spoken if (found := _NUMBER.search(said))), None)


def _thread(channel: Channel, ticket: bytes) -> Thread | None:
    return next((one for one in channel.threads if b"#" + ticket in one.card), None)


def _claim(thread: Thread, number: int, at: str) -> bytes:
    """Return the press of an agent on the button of a ticket's card."""
    user, name = sorted(AGENTS.items())[number % len(AGENTS)]
    button = next(data for data in _buttons(json.loads(thread.card)) if data.get("do") == "claim")
    activity = {
        "type": "invoke",
        "id": f"f:claim-{number}",
        "name": "adaptiveCard/action",
        "channelId": "msteams",
        "serviceUrl": at,
        "from": {"id": user, "name": name, "aadObjectId": f"key-{user[3:]}"},
        "recipient": {"id": "28:bot", "name": "Bouncedesk"},
        "conversation": {
            "id": thread.conversation,
            "conversationType": "channel",
            "isGroup": True,
            "tenantId": TENANT,
        },
        "channelData": {"tenant": {"id": TENANT}},
        "locale": "en-US",
        "replyToId": thread.activity,
        "value": {
            "action": {
                "type": "Action.Execute",
                "verb": "bouncedesk",
                "data": {"bouncedesk": button},
            },
            "trigger": "manual",
        },
    }
    return msgspec.json.encode(activity)


def _buttons(shown: object) -> Iterator[Json]:
    """Walk through a card and return what its buttons carry."""
    if isinstance(shown, dict):
        data = shown.get("bouncedesk")
        if isinstance(data, dict):
            yield data
        for value in shown.values():
            yield from _buttons(value)
    elif isinstance(shown, list):
        for value in shown:
            yield from _buttons(value)


async def ask_now_and_then(world: World, chance: random.Random) -> None:
    """Have somebody ask for a human every few seconds; wait for all of them."""
    async with asyncio.TaskGroup() as asking:
        for number in itertools.count():
            if time.monotonic() > world.until:
                return
            trouble = None
            if chance.random() < _TROUBLED:
                trouble = chance.randrange(4), chance.choice(TROUBLES)
            asking.create_task(ask_for_help(world, number, trouble))
            await asyncio.sleep(_TICKET_EVERY)


# -------------------------------------------------------------------------------------------- what goes wrong


async def go_wrong(world: World, database: Path) -> None:
    """Do to the bot what happens to bots, one thing after the other, each at least once."""
    things: tuple[tuple[str, Callable[[], Awaitable[None]]], ...] = (
        ("content read again", lambda: _reload(world)),
        ("database held", lambda: _hold(database)),
        ("hostile requests", lambda: _attack(world)),
        ("metadata down", lambda: _no_metadata(world)),
        ("token refused, none to be had", lambda: _no_token(world)),
        ("key rolled", lambda: _roll(world)),
    )
    # Keys are fetched at most once a minute, so a roll right after another one would be refused for the rest of it.
    pause = max(SECONDS / 24, min(12.0, SECONDS / 8))
    while True:
        for what, do in things:
            if time.monotonic() + pause > world.until:
                return
            await asyncio.sleep(pause)
            await do()
            world.went_wrong.append(what)
            print(f"  {what}; {world.turns} turns so far", flush=True)


async def _reload(world: World) -> None:
    os.kill(world.server.pid, signal.SIGHUP)


async def _hold(database: Path) -> None:
    """Hold the database for a second, as a backup by hand would."""

    def hold() -> None:
        with closing(sqlite3.connect(database, timeout=10, isolation_level=None)) as held:
            held.execute("BEGIN IMMEDIATE")
            time.sleep(1.0)
            held.execute("ROLLBACK")

    await asyncio.to_thread(hold)


async def _no_metadata(world: World) -> None:
    world.known.say(metadata_down=True)
    await asyncio.sleep(5)
    world.known.say(metadata_down=False)


async def _no_token(world: World) -> None:
    world.known.say(token_status=503, token_delay=0.3)
    world.channel.refuse_token = True
    await asyncio.sleep(3)
    world.known.say(token_status=200, token_delay=0.0)


async def _roll(world: World) -> None:
    world.known.roll()
    world.sign()


async def _attack(world: World) -> None:
    """Send what nobody should answer with more than a status."""
    url = urlsplit(world.server.url)
    signer, at = Signer.read(world.known.signer), world.server.service_url
    good = json.loads(Person("attacker", at).say("hello"))
    stranger = good | {
        "channelData": {"tenant": {"id": "00000000-0000-4000-8000-000000000000"}},
        "conversation": good["conversation"]
        | {"tenantId": "00000000-0000-4000-8000-000000000000"},
    }
    hostile: list[tuple[str, int, str, bytes]] = [
        ("no token", 401, "", msgspec.json.encode(good)),
        ("no JWT", 401, "Bearer x.y.z", msgspec.json.encode(good)),
        ("for another app", 401, _bearer(signer, at, aud="another"), msgspec.json.encode(good)),
        ("expired", 401, _bearer(signer, at, exp=1_000_000_000), msgspec.json.encode(good)),
        (
            "another service",
            403,
            _bearer(signer, "http://127.0.0.1:9/"),
            msgspec.json.encode(good),
        ),
        ("another tenant", 403, _bearer(signer, at), msgspec.json.encode(stranger)),
        ("no JSON", 400, _bearer(signer, at), b"{" * 10_000),
        ("a megabyte", 413, _bearer(signer, at), b"[" * 1_000_000),
    ]
    for _ in range(5):
        for what, expected, bearer, body in hostile:
            shown = f"Authorization: {bearer}\r\n" if bearer else ""
            head = (
                f"POST {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Type: application/json\r\n"
                f"{shown}Content-Length: {len(body)}\r\n\r\n"
            )
            reader, writer = await asyncio.open_connection(url.hostname, url.port)
            writer.write(head.encode() + body)
            status = int((await reader.read(12)).rpartition(b" ")[2] or 0)
            writer.close()
            world.refused[what, status] += 1
            assert status == expected, f"{what}: {status}"


def _bearer(signer: Signer, at: str, **claims: object) -> str:
    return f"Bearer {signer.tokens(at, 1, **claims)[0]}"


# ---------------------------------------------------------------------------------------------- what is watched


@dataclass(frozen=True)
class Sample:
    """What a process holds at a moment."""

    at: float
    memory: float
    """MiB."""
    files: int
    sockets: int
    threads: int
    tasks: int


@dataclass
class Watch:
    """Looks at a process from outside, and reads what `bench.watched` writes inside it."""

    pid: int
    log: Path
    samples: list[Sample] = field(default_factory=list)

    async def look(self) -> None:
        """Take a sample every two seconds, for ever."""
        while True:
            self.samples.append(self.sample())
            await asyncio.sleep(2)

    def sample(self) -> Sample:
        """Return what the process holds now."""
        links = []
        for file in Path(f"/proc/{self.pid}/fd").iterdir():
            try:
                links.append(str(file.readlink()))
            except FileNotFoundError:
                continue  # closed in the meantime
        status = dict(
            line.split(":", 1)
            for line in Path(f"/proc/{self.pid}/status").read_text(encoding="ascii").splitlines()
            if ":" in line
        )
        last = self.log.read_bytes().rsplit(b"\n", 2)[-2]
        return Sample(
            time.monotonic(),
            int(status["VmRSS"].split()[0]) / 1024,
            len(links),
            sum(link.startswith("socket:") for link in links),
            int(status["Threads"]),
            json.loads(last)["tasks"],
        )

    def longest_stall(self, since: float) -> float:
        """Return the longest time that nothing else could run in the event loop, in milliseconds."""
        moments = [json.loads(line) for line in self.log.read_bytes().splitlines()]
        return max(float(moment["ms"]) for moment in moments if moment["at"] > since)

    def middle(self, first: float, last: float, of: str) -> float:
        """Return the median of something between two shares of the time."""
        some = self.samples[int(len(self.samples) * first) : int(len(self.samples) * last) + 1]
        return statistics.median(float(getattr(sample, of)) for sample in some)


# ----------------------------------------------------------------------------------------------------- the test


def test_ten_minutes(tmp_path: Path) -> None:
    """Every count is equal at the end, what came twice was in doubt, and the process holds what it held at the beginning."""
    port, far_port = free_port(), free_port()
    log = tmp_path / "loop.jsonl"
    command = [PYTHON, "-m", "bench.watched", str(log), "run", "--port", str(port)]
    with identity() as known:
        settings = known.environment(service_url(far_port)) | {
            "BOUNCEDESK_TRIAGE_TEAM_ID": TEAM,
            "BOUNCEDESK_TRIAGE_CHANNEL_ID": TRIAGE,
        }
        with serving(
            [*command, "--data", str(tmp_path)], port, tmp_path, on=cores()[0], settings=settings
        ) as process:
            server = Server(
                "bot",
                "bot",
                f"http://127.0.0.1:{port}/api/messages",
                process.pid,
                far_port,
                known.signer,
                16,
            )
            pin(0, cores()[1])
            most = load(server, flight=16, lead=1.0, seconds=min(_MEASURED, SECONDS / 6))
            assert not most.failures, most.failures
            print(f"\n{most.rate:.0f} turns/s at most; {SHARE * most.rate:.0f} from now on")
            uvloop.run(_soak(server, known, tmp_path, log, most.rate * SHARE))


async def _soak(server: Server, known: Identity, folder: Path, log: Path, rate: float) -> None:
    """Talk, break, wait, and count."""
    channel = Channel()
    database = folder / "bouncedesk.sqlite3"
    watch = Watch(server.pid, log)
    async with listening(channel.take, port=server.connector_port):
        world = World(server, known, channel, time.monotonic() + SECONDS)
        world.sign()
        before = watch.sample()
        people = (
            Talk(Person(f"walker{number}", server.service_url), random.Random(number), "bot")  # noqa: S311 - the same people each time
            for number in range(10_000_000)
        )
        looking = asyncio.create_task(watch.look())
        began = time.monotonic()
        async with asyncio.TaskGroup() as all_at_once:
            for _ in range(_WORKERS):
                all_at_once.create_task(walk(world, people, rate / _WORKERS))
            chance = random.Random(11)  # noqa: S311 - the same troubles each time
            all_at_once.create_task(ask_now_and_then(world, chance))
            all_at_once.create_task(go_wrong(world, database))
        lasted = time.monotonic() - began
        looking.cancel()
        store = open_store(f"sqlite:///{database}")
        try:
            await _all_sent(store)
            kept = await tally(store)
        finally:
            await store.close()
        after = await _idle(watch, before)
    _count(world, kept, lasted)
    _leaks(watch, before, after)


def _count(world: World, kept: Tally, lasted: float) -> None:
    """Compare what was asked with what came of it."""
    channel = world.channel
    asked = len(world.askers)
    walked = Counter({talk.person.conversation: talk.turns for talk in world.talks})
    came = {name: channel.arrived[name] for name in walked}
    doubled, tickets = channel.doubled, len(kept.tickets)
    cards = Counter(found[1] for one in channel.threads if (found := _NUMBER.search(one.card)))
    notices = {
        person.conversation: _notices(channel, person.conversation) for person in world.askers
    }
    print(
        f"{world.turns} turns in dialogs ({world.turns / SECONDS:.0f} a second) and {sum(world.asked.values())} of {asked} people "
        f"who asked for a human, in {lasted:.0f} s; {tickets} tickets, {len(cards)} with a card, {kept.happened('claimed')} claimed, "
        f"{sum(bool(one) for one in notices.values())} noticed; {len(doubled)} messages came twice, of {len(channel.in_doubt)} in doubt\n"
        f"went wrong: {dict(Counter(world.went_wrong))}; messages: {dict(channel.troubled)}; "
        f"repeated deliveries: {dict(world.repeated)}; refused: {sum(world.refused.values())}; "
        f"tokens shown: {len(channel.bearers)}"
    )
    assert sum(walked.values()) == world.turns
    assert came == dict(walked)
    assert tickets == asked == len(cards) == kept.happened("claimed") == len(world.claimed)
    assert all(len(set(one)) == 1 for one in notices.values())
    assert doubled <= channel.in_doubt
    assert max(channel.said.values()) <= 2
    assert sum(thread.lines for thread in channel.threads) == asked
    assert kept.counts.dead == kept.counts.unsent == 0
    assert not world.repeated, "a delivery was not taken the first time"
    assert channel.bare == 0
    over = _over_the_rate(channel)
    assert not over, over


def _notices(channel: Channel, conversation: str) -> list[bytes]:
    """Return the messages that name an agent."""
    names = [name.encode() for name in AGENTS.values()]
    return [said for said in channel.spoken[conversation] if any(name in said for name in names)]


def _over_the_rate(channel: Channel) -> list[str]:
    """Return the conversations that got more than the channel allows: seven in a second, eight in two, sixty in half a minute."""
    return [
        name
        for name, times in channel.times.items()
        for seconds, most in ((1.0, 7), (2.0, 8), (30.0, 60))
        for first, last in zip(times, times[most:], strict=False)
        if last - first < seconds
    ]


def _leaks(watch: Watch, before: Sample, after: Sample) -> None:
    """Compare what the process held early and late, and before and after."""
    early, late = (watch.middle(*span, "memory") for span in ((0.25, 0.4), (0.85, 1.0)))
    threads = [sample.threads for sample in watch.samples]
    print(
        f"memory {before.memory:.0f} MiB, {early:.0f} early, {late:.0f} late; files {before.files} before, {after.files} after; "
        f"sockets {before.sockets}, {after.sockets}; threads {before.threads}, {after.threads}, at most {max(threads)}; "
        f"tasks {before.tasks}, {after.tasks}, at most {max(sample.tasks for sample in watch.samples)}; "
        f"longest stall of the loop {watch.longest_stall(before.at):.1f} ms"
    )
    assert late <= early * _GROWTH
    assert after.files <= before.files + _MORE
    assert after.sockets <= before.sockets + _MORE
    assert after.threads <= before.threads + 4
    assert after.tasks <= before.tasks + 2


async def _until(found: Callable[[], T | None], what: str) -> T:
    deadline = time.monotonic() + _PATIENCE
    while (one := found()) is None:
        assert time.monotonic() < deadline, f"{what} did not come"
        await asyncio.sleep(0.1)
    return one


async def _idle(watch: Watch, before: Sample) -> Sample:
    """Return what the process holds once it has nothing to do; it is given time to close what it does not need."""
    for _ in range(_KEPT_OPEN):
        if watch.sample().files <= before.files + _MORE:
            break
        await asyncio.sleep(1)
    return watch.sample()


async def _all_sent(store: WholeStore) -> None:
    """Wait until the outbox is empty."""
    deadline = time.monotonic() + _PATIENCE
    while left := (await store.counts(utc_now())).unsent:
        assert time.monotonic() < deadline, f"{left} parcels were not sent"
        await asyncio.sleep(0.5)
