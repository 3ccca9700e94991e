"""What holds up the event loop: purchases of tokens at a slow endpoint, and bodies of a megabyte, while people talk to the bot."""

from __future__ import annotations

import http.client
import json
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import msgspec

from bench.activities import TENANT, Person
from bench.identity import Identity, Signer, identity
from bench.processes import PYTHON, Broken
from bench.report import Figure, Section, no_more
from bench.servers import OURS, Server, load, serve
from bench.turns import line

TARGET = 20.0
"""Milliseconds."""

_SLOW_TOKEN = 0.3
_TOKEN_SECONDS = 76
"""How long each token is said to last: of that the bot uses the first 16 seconds, so there are purchases that replies wait for."""
_SPAN = 18.0
"""Seconds for which each thing goes on."""
_REFUSED_AFTER = 6.0
"""Seconds after which the channel refuses the token that it is shown, so that another one is bought at once."""
_MEGABYTE = 1_000_000
_LARGEST = 262_144
"""Bytes of the largest body that is read (`bot.model.limits.BODY_BYTES`)."""
_EACH_SECOND = 8
_PAUSE = 0.005
"""Between two questions from outside."""


class _Moment(msgspec.Struct, frozen=True):
    """What was seen in one tenth of a second."""

    at: float
    ms: float
    raw_ms: float


class _Span(msgspec.Struct, frozen=True):
    """What was seen while something went on."""

    what: str
    loop: float
    """Longest time that nothing else could run, in milliseconds."""
    raw: float
    """The same with what the system took."""
    outside: Sequence[float]
    """Milliseconds until `/healthz` answered."""
    told: str = ""


def measure(*, flight: int) -> Section:
    """Load the bot, and with it each of the things that should not hold it up. Raises Broken when a turn fails."""
    with ExitStack() as running, TemporaryDirectory(prefix="bouncedesk-bench-") as folder:
        place = Path(folder)
        known = running.enter_context(identity())
        known.say(token_seconds=_TOKEN_SECONDS, token_delay=_SLOW_TOKEN)
        log = place / "loop.jsonl"
        program = (PYTHON, "-m", "bench.watched", str(log))
        server = serve(running, OURS, place, known, program=program)
        load(server, flight=flight, lead=0.5, seconds=1.5)
        scene = _Scene(server, known, log, flight)
        spans = [
            scene.watch("nothing going on", scene.nothing),
            scene.watch("turns, tokens bought in 300 ms", scene.buying),
            scene.watch(
                "and 1 MB bodies without a token", lambda: scene.beside(scene.bodies(None))
            ),
            scene.watch(
                "and 1 MB bodies with a token",
                lambda: scene.beside(scene.bodies(scene.token())),
            ),
            scene.watch(
                "and the largest bodies that are read",
                lambda: scene.beside(scene.bodies(scene.token(), _LARGEST)),
            ),
        ]
    figures: list[Figure] = []
    for number, span in enumerate(spans):
        what = f"{span.what}: longest stall"
        if number in (1, 2, 3):
            figures.append(no_more(what, span.loop, TARGET, " ms"))
        else:
            figures.append(Figure(what, f"{span.loop:.2f} ms"))
        p99 = statistics.quantiles(span.outside, n=100)[98]
        answered = f"{p99:.1f}, {max(span.outside):.1f} ms"
        figures += [
            Figure("  with what the system took", f"{span.raw:.1f} ms"),
            Figure("  /healthz from outside, p99 and slowest", answered),
        ]
        if span.told:
            figures.append(Figure("  meanwhile", span.told))
    return Section("What holds up the event loop", tuple(figures))


class _Scene:
    """A bot under load, and those who watch it."""

    def __init__(self, server: Server, known: Identity, log: Path, flight: int) -> None:
        self._server = server
        self._known = known
        self._log = log
        self._flight = flight

    def watch(self, what: str, going_on: Callable[[], str]) -> _Span:
        """Return what was seen while something went on."""
        began = time.monotonic()
        with _asking(self._server) as outside:
            told = going_on()
        ended = time.monotonic()
        time.sleep(0.3)
        moments = [
            moment
            for entry in self._log.read_bytes().splitlines()
            if began < (moment := msgspec.json.decode(entry, type=_Moment)).at < ended
        ]
        if not moments or not outside:
            raise Broken(f"{what}: the bot was not seen at all.")
        span = _Span(
            what,
            max(moment.ms for moment in moments),
            max(moment.raw_ms for moment in moments),
            outside,
            told,
        )
        print(f"  {what}: {span.loop:.1f} ms ({span.raw:.1f} ms raw) {span.told}", flush=True)
        return span

    def nothing(self) -> str:
        """Let the bot be."""
        time.sleep(_SPAN / 4)
        return ""

    def token(self) -> str:
        """Return a token of the channel."""
        return Signer.read(self._known.signer).tokens(self._server.service_url)[0]

    def buying(self) -> str:
        """Have people talk; tokens are bought in the meantime."""
        before = self._known.counts()["token"]
        one = load(
            self._server, flight=self._flight, lead=0.5, seconds=_SPAN, refuse=_REFUSED_AFTER
        )
        if one.failures:
            raise Broken("; ".join(one.failures))
        bought = self._known.counts()["token"] - before
        print(f"    {line(one)}", flush=True)
        if not bought:
            raise Broken("No token was bought while people talked: nothing was measured.")
        return f"bought {bought} tokens"

    def beside(self, bodies: Sequence[bytes]) -> str:
        """Send requests all the time while people talk."""
        statuses: list[int] = []
        with _sending(self._server, bodies, statuses):
            told = self.buying()
        wrong = sorted({status for status in statuses if status >= 500})
        if wrong or not statuses:
            raise Broken(f"Of {len(statuses)} hostile requests some were answered with {wrong}.")
        kinds = "/".join(str(status) for status in sorted(set(statuses)))
        return f"{told}, {len(statuses)} bodies answered {kinds}"

    def bodies(self, token: str | None, size: int = _MEGABYTE) -> list[bytes]:
        """Return requests whose bodies are of this size: lists of many entries, each a member or a file; long text; deep nesting."""
        url = urlsplit(self._server.url)
        shown = f"Authorization: Bearer {token}\r\n" if token else ""
        head = (
            f"POST {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Type: application/json\r\n"
            f"{shown}Content-Length: "
        )
        activity = json.loads(Person("hostile", self._server.service_url).say("hello"))
        member = {"id": "29:x", "name": "y", "tenantId": TENANT}
        entity = {"type": "mention", "text": "<at>x</at>", "mentioned": member}
        file = {"contentType": "text/html", "content": "<p>x</p>"}
        filled = [
            activity | {"membersAdded": _fill(member, size)},
            activity | {"entities": _fill(entity, size)},
            activity | {"attachments": _fill(file, size)},
            activity | {"text": "5.1.1 " * ((size - 3_000) // 6)},
        ]
        bodies = [json.dumps(one).encode() for one in filled]
        nested = json.dumps(activity)[:-1].encode() + b',"value":'
        deep = (size - len(nested) - 2) // 2
        bodies.append(nested + b"[" * deep + b"]" * deep + b"}")
        return [head.encode() + b"%d\r\n\r\n%b" % (len(body), body) for body in bodies]


def _fill(entry: object, size: int) -> list[object]:
    """Return as many entries as a body of this size has room for."""
    return [entry] * ((size - 3_000) // (len(json.dumps(entry)) + 2))


@contextmanager
def _asking(server: Server) -> Iterator[list[float]]:
    """Ask for /healthz all the time, on a connection of its own; yields the milliseconds that each answer took."""
    took: list[float] = []
    url = urlsplit(server.url)

    def ask() -> None:
        connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=30)
        while not over.wait(_PAUSE):
            began = time.perf_counter()
            connection.request("GET", "/healthz")
            connection.getresponse().read()
            took.append((time.perf_counter() - began) * 1000)
        connection.close()

    over = threading.Event()
    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield took
    finally:
        over.set()
        thread.join()


@contextmanager
def _sending(server: Server, requests: Sequence[bytes], statuses: list[int]) -> Iterator[None]:
    """Send requests one after the other, each on a connection of its own, while the block lasts."""
    url = urlsplit(server.url)

    def send() -> None:
        number = 0
        while not over.wait(1 / _EACH_SECOND):
            statuses.append(_status(url.hostname or "", url.port or 80, requests[number]))
            number = (number + 1) % len(requests)

    over = threading.Event()
    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _status(host: str, port: int, request: bytes) -> int:
    """Send a request and return the status of its answer; 0 where the connection was closed without one."""
    with socket.create_connection((host, port), timeout=30) as connection:
        with suppress(OSError):  # whoever refuses a body need not read it
            connection.sendall(request)
        try:
            answer = connection.recv(64)
        except OSError:
            return 0
    return int(answer[9:12]) if answer else 0
