"""HTTP/1.1 in the fewest steps: what sends requests to a bot and what its answers arrive at must cost less than the bot does.

Bodies have a Content-Length and connections are kept; anything else on the wire is an error and shows as one. aiohttp takes four times
as long for the same, and would be measured instead of what stands behind it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol, cast

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)\r\n", re.IGNORECASE)
_END = b"\r\n\r\n"
_REASONS = {
    200: b"OK",
    201: b"Created",
    202: b"Accepted",
    404: b"Not Found",
    429: b"Too Many Requests",
}

Later = Callable[[bytes], None]
"""Writes an answer that was not ready at once."""


class Take(Protocol):
    """What stands behind a server."""

    def __call__(
        self, method: bytes, path: bytes, head: bytes, body: bytes, later: Later
    ) -> bytes | None:
        """Answer a request: with the bytes of `response`, or with None, which means that `later` is called with them."""


class MalformedHttpError(Exception):
    """What came is not the HTTP that this module reads."""


class Requester(asyncio.Protocol):
    """One kept connection to a server: one request at a time, and a callback for its answer."""

    def __init__(
        self, answered: Callable[[int, bytes], None], lost: Callable[[str], None]
    ) -> None:
        """Take what is called with the status and body of an answer, and with the reason when the connection is gone."""
        self._answered = answered
        self._lost = lost
        self._data = b""
        self._transport: asyncio.Transport | None = None

    @property
    def connected(self) -> bool:
        """Whether a request can be sent."""
        return self._transport is not None

    def ask(self, request: bytes) -> None:
        """Send a request, head and body in one."""
        assert self._transport is not None, "not connected"
        self._transport.write(request)

    def close(self) -> None:
        """Close the connection; nobody is told."""
        self._lost = lambda _why: None
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        # uvloop's transports are no subclasses.
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell that the connection is gone."""
        self._transport = None
        self._data = b""
        self._lost(type(exc).__name__ if exc is not None else "the server closed the connection")

    def data_received(self, data: bytes) -> None:
        """Tell the answer once it is whole."""
        if self._data:
            data = self._data + data
        found = _whole(data)
        if found is None:
            self._data = data
            return
        head_end, end = found
        self._data = data[end:]
        self._answered(int(data[9:12]), data[head_end:end])


class _Answerer(asyncio.Protocol):
    """One connection that somebody keeps to a server of ours."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._data = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses.
        self._transport = cast("asyncio.Transport", transport)
        self._server.accepted += 1
        self._server.open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._transport = None
        self._server.open.discard(self)

    def data_received(self, data: bytes) -> None:
        if self._data:
            data = self._data + data
        while data:
            found = _whole(data)
            if found is None:
                break
            head_end, end = found
            method_end = data.index(b" ")
            path_end = data.index(b" ", method_end + 1)
            answer = self._server.take(
                data[:method_end],
                data[method_end + 1 : path_end],
                data[path_end:head_end],
                data[head_end:end],
                self.write,
            )
            if answer is not None:
                self.write(answer)
            data = data[end:]
        self._data = data

    def write(self, answer: bytes) -> None:
        """Send an answer, unless whoever asked has gone; no bytes at all: close the connection."""
        if self._transport is None:
            return
        if answer:
            self._transport.write(answer)
        else:
            self._transport.close()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class Server:
    """Answers requests, and counts the connections they came over."""

    def __init__(self, take: Take) -> None:
        """Take what stands behind it."""
        self.take = take
        self.accepted = 0
        """Connections, since the start."""
        self.open: set[_Answerer] = set()


@asynccontextmanager
async def listening(take: Take, *, port: int = 0) -> AsyncIterator[tuple[str, Server]]:
    """Listen on loopback while the block lasts; yields the address (`http://127.0.0.1:PORT`) and the server. Port 0: any."""
    loop = asyncio.get_running_loop()
    server = Server(take)
    sockets = await loop.create_server(
        lambda: _Answerer(server), "127.0.0.1", port, backlog=1_024, reuse_address=True
    )
    try:
        yield f"http://127.0.0.1:{sockets.sockets[0].getsockname()[1]}", server
    finally:
        sockets.close()
        for one in list(server.open):
            one.close()
        await sockets.wait_closed()


def response(status: int, body: bytes = b"", *, headers: bytes = b"") -> bytes:
    """Return an answer with a JSON body. `headers` are whole lines, each with its line end."""
    kind = b"Content-Type: application/json; charset=utf-8\r\n" if body else b""
    reason = _REASONS.get(status, b"Other")
    return b"HTTP/1.1 %d %b\r\n%b%bContent-Length: %d\r\n\r\n%b" % (
        status,
        reason,
        kind,
        headers,
        len(body),
        body,
    )


def _whole(data: bytes) -> tuple[int, int] | None:
    """Return where the head and where the body of the first message ends; None while it is not whole. Raises MalformedHttpError."""
    head_end = data.find(_END)
    if head_end < 0:
        return None
    found = _LENGTH.search(data, 0, head_end + 2)
    head_end += 4
    if found is None:
        if b"ransfer-" in data[:head_end]:
            raise MalformedHttpError(data[:200].decode(errors="replace"))
        return head_end, head_end
    end = head_end + int(found[1])
    return (head_end, end) if len(data) >= end else None
