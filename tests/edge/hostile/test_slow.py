"""Senders who take their time. Each is cut off within a bounded time, and nobody else waits for them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from bot.readiness import Report
from bot.web import routes, runner, server
from tests.edge.conftest import OpenRecorder
from tests.edge.far_side import APP_ID, SERVICE_URL, Recorder, message
from tests.edge.hostile.wire import Target, request

_BODY, _IDLE = 1.0, 1.5
_SLACK = 4.0
"""Seconds for what is left unread after a refusal, and for a machine that does other things too."""


class _Operators:
    """What counts refusals; nothing else is asked of it here."""

    def __init__(self) -> None:
        """Start with nothing counted."""
        self.counted: list[int] = []
        self.came: asyncio.Queue[int] = asyncio.Queue()

    async def report(self) -> Report:
        """Is not asked for."""
        raise AssertionError

    async def measure(self) -> bytes:
        """Is not asked for."""
        raise AssertionError

    def refused(self, route: str, status: int) -> None:
        """Count a request that was answered with an error."""
        assert route == "messages"
        self.counted.append(status)
        self.came.put_nowait(status)


@asynccontextmanager
async def _served(recorder: Recorder, operators: _Operators) -> AsyncIterator[int]:
    """Serve the edge as the program does, with less patience; return the port."""
    app = server(routes(recorder.edge, operators), body_seconds=_BODY)
    running = runner(app, shutdown_seconds=1.0, idle_seconds=_IDLE)
    await running.setup()
    try:
        await web.TCPSite(running, "127.0.0.1", 0).start()
        yield running.addresses[0][1]
    finally:
        await running.cleanup()


def _head(recorder: Recorder, length: str = "Content-Length: 1000") -> bytes:
    token = recorder.stub.token(APP_ID, SERVICE_URL)
    return (
        f"POST /api/messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {token}\r\n{length}\r\n\r\n"
    ).encode()


SENDERS: dict[str, tuple[Callable[[Recorder], bytes], bytes, int | None]] = {
    "says nothing": (lambda _: b"", b"", None),
    "half a head and nothing more": (lambda _: b"POST /api/mess", b"", None),
    "a head byte by byte": (lambda _: b"POST /api/messages HTTP/1.1\r\nX: ", b"x", None),
    "a header line at a time": (lambda _: b"POST /api/messages HTTP/1.1\r\n", b"X: 1\r\n", None),
    "a body that never comes": (_head, b"", 408),
    "a body byte by byte": (_head, b" ", 408),
    "a chunk that never comes": (lambda r: _head(r, "Transfer-Encoding: chunked"), b"", 408),
    "chunks byte by byte": (
        lambda r: _head(r, "Transfer-Encoding: chunked"),
        b"1\r\n \r\n",
        408,
    ),
    "a body without a token": (
        lambda _: b"POST /api/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n",
        b"",
        408,
    ),
    "a body that goes on after its refusal": (
        lambda r: _head(r, "Content-Length: 100000000") + b"x" * 300_000,
        b"x" * 1_000,
        413,
    ),
}


async def _trickle(port: int, first: bytes, then: bytes) -> tuple[int | None, float]:
    """Send something at once and the rest drop by drop; return the status and after how many seconds the connection was closed."""
    before = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def drip() -> None:
        while then:
            writer.write(then)
            await writer.drain()
            await asyncio.sleep(0.05)

    writer.write(first)
    dripping = asyncio.create_task(drip())
    try:
        answered = await reader.read()
    except ConnectionResetError:
        answered = b""
    seconds = time.monotonic() - before
    dripping.cancel()
    await asyncio.gather(dripping, return_exceptions=True)
    writer.close()
    status = int(answered.split(b" ", 2)[1]) if answered else None
    return status, seconds


async def test_slow_senders_are_cut_off(open_recorder: OpenRecorder) -> None:
    """Whatever part of a request does not come, its sender is told so or simply left; all of them at once hold up nobody."""
    recorder, operators = await open_recorder(), _Operators()
    async with _served(recorder, operators) as port:
        slow = asyncio.gather(
            *(_trickle(port, first(recorder), then) for first, then, _ in SENDERS.values())
        )
        body = json.dumps(message()).encode()
        honest = _head(recorder, f"Content-Length: {len(body)}\r\nConnection: close") + body
        waits = []
        while not slow.done():
            status, seconds = await _trickle(port, honest, b"")
            assert status == 200
            waits.append(seconds)
            await asyncio.sleep(0.05)
        outcomes = dict(zip(SENDERS, await slow, strict=True))
    assert {name: status for name, (status, _) in outcomes.items()} == {
        name: status for name, (*_, status) in SENDERS.items()
    }
    for name, (_, seconds) in outcomes.items():
        assert seconds < max(_BODY, _IDLE) + _SLACK, name
    assert max(waits) < 1.0
    assert sorted(operators.counted) == [408] * 5 + [413]


async def test_a_second_head_has_no_more_time_than_the_first(open_recorder: OpenRecorder) -> None:
    """On a connection that was of use before, a head that comes byte by byte is given no longer than an idle connection."""
    recorder = await open_recorder()
    body = json.dumps(message()).encode()
    first = _head(recorder, f"Content-Length: {len(body)}") + body
    async with _served(recorder, _Operators()) as port:
        status, seconds = await _trickle(port, first + b"POST /api", b"x")
    assert status == 200
    assert seconds < _IDLE + _SLACK


async def test_who_goes_away_is_no_error_of_ours(open_recorder: OpenRecorder) -> None:
    """A sender who leaves in the middle of a body, politely or not, is counted as a bad request and reaches nobody."""
    recorder, operators = await open_recorder(), _Operators()
    async with _served(recorder, operators) as port:
        for length in ("Content-Length: 1000", "Transfer-Encoding: chunked"):
            for abruptly in (False, True):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(_head(recorder, length) + b"2\r\n{}")
                await writer.drain()
                await asyncio.sleep(0.1)
                if abruptly:
                    writer.transport.abort()
                writer.close()
        async with asyncio.timeout(_SLACK):
            assert [await operators.came.get() for _ in range(4)] == [400] * 4
    assert recorder.incoming == []


def test_the_program_has_these_bounds(fortress: Target) -> None:
    """The program itself cuts a body that comes byte by byte, within the time that the channel waits for an answer."""
    data = request(b"", {"Content-Length": "100000"})
    before = time.monotonic()
    with fortress.connect() as connection:
        connection.sendall(data)
        connection.settimeout(0.25)
        answered = b""
        while not answered:
            assert time.monotonic() - before < 15.0
            connection.sendall(b" ")
            try:
                answered = connection.recv(1_000)
            except TimeoutError:
                continue
    assert answered.startswith(b"HTTP/1.1 408 ")
    assert b"Connection: close" in answered
