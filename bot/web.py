"""The HTTP routes: the channel's messages in, and what operators ask: alive, ready, metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from ipaddress import IPv6Address, ip_address
from typing import Any, Protocol

import msgspec
import structlog
from aiohttp import web
from aiohttp.http import HttpProcessingError

from bot.model.limits import BODY_BYTES
from bot.readiness import Report
from bot.watch import where

_BODY_SECONDS = 10.0
"""For a body to come whole; the channel itself gives an answer no more than 15."""
_IDLE_SECONDS = 75.0
"""For the head of the next request, begun or not: longer than the 60 s for which proxies keep a connection by default."""
_LINGER_SECONDS = 2.0
"""For what follows a request that was refused before its end: sent on so that its sender can read the answer."""

log = structlog.get_logger("bouncedesk.web")

_ERRORS = 400
_NOBODY = 401
_CHALLENGE = {"WWW-Authenticate": "Bearer"}
"""Every 401 says what it asks for (RFC 9110, section 15.5.2)."""

_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")
"""What a proxy puts on a request that comes from somebody else."""

_METRICS = "text/plain; version=0.0.4; charset=utf-8"

_encode = msgspec.json.Encoder().encode


class Operators(Protocol):
    """What answers operators (`bot.operations.Operations`)."""

    async def report(self) -> Report:
        """Return whether the bot should get work, and why not."""

    async def measure(self) -> bytes:
        """Return the metrics in Prometheus' text format."""

    def refused(self, route: str, status: int) -> None:
        """Count a request that was answered with an error."""


class Edge(Protocol):
    """What answers requests that carry a message."""

    async def handle(
        self, headers: Mapping[str, str], body: bytes, peer: str | None
    ) -> tuple[int, dict[str, Any] | None]:
        """Return the status and the JSON body that answer a request."""


def routes(edge: Edge, operators: Operators, *, webhook: Edge | None = None) -> list[web.RouteDef]:
    """Return the routes of the bot; where another helpdesk reports back by a webhook, its route, too.

    Strangers, who come through a proxy or from a public address, learn whether the bot is ready and nothing else.
    """

    async def alive(_request: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def ready(request: web.Request) -> web.Response:
        report = await operators.report()
        shown = _encode(report if _is_insider(request) else {"status": report.status})
        return web.Response(
            status=200 if report.ready else 503, body=shown, content_type="application/json"
        )

    async def metrics(request: web.Request) -> web.Response:
        if not _is_insider(request):
            return web.Response(status=404)
        return web.Response(body=await operators.measure(), headers={"Content-Type": _METRICS})

    def post(path: str, route: str, to: Edge) -> web.RouteDef:
        return web.post(path, _answered_by(to, partial(operators.refused, route)))

    reports = [] if webhook is None else [post("/api/sinks/webhook", "webhook", webhook)]
    return [
        post("/api/messages", "messages", edge),
        *reports,
        web.get("/healthz", alive),
        web.get("/readyz", ready),
        web.get("/metrics", metrics),
    ]


def _is_insider(request: web.Request) -> bool:
    """Tell whether a request comes straight from this machine or a private network: an operator's, as far as can be known."""
    if any(name in request.headers for name in _FORWARDED):
        return False
    try:
        peer = ip_address(request.remote or "")
    except ValueError:
        return False
    mapped = peer.ipv4_mapped if isinstance(peer, IPv6Address) else None
    return not (mapped or peer).is_global


def _answered_by(
    edge: Edge, refused: Callable[[int], None]
) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return what reads a whole request, as it came, and gives it to who answers it; errors are counted."""

    async def counted(request: web.Request) -> web.Response:
        try:
            response = await answer(request)
        except Exception as error:  # noqa: BLE001 - aiohttp would say it with a traceback in the answer's place
            log.error("request-failed", error=type(error).__name__, where=where(error))  # noqa: TRY400 - a traceback shows values
            response = web.Response(status=500)
        if response.status >= _ERRORS:
            refused(response.status)
        return response

    async def answer(request: web.Request) -> web.Response:
        try:
            async with asyncio.timeout(request.app[BODY_SECONDS]):
                body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            log.warning("request-refused", status=413, why="the body is too long")
            return web.Response(status=413)
        except TimeoutError:
            log.warning("body-too-slow")
            return _closing(408)
        except (ConnectionError, HttpProcessingError, web.RequestPayloadError) as error:
            # Cut off by its sender, or no chunks: nobody's error here, and nobody's activity.
            log.warning("body-unreadable", error=type(error).__name__)
            return _closing(400)
        status, answer = await edge.handle(request.headers, body, request.remote)
        if answer is None:
            return web.Response(status=status, headers=_CHALLENGE if status == _NOBODY else None)
        return web.Response(status=status, body=_encode(answer), content_type="application/json")

    return counted


def _closing(status: int) -> web.Response:
    """Return an answer after which the connection is closed: nobody knows where the next request on it begins."""
    response = web.Response(status=status)
    response.force_close()
    return response


BODY_SECONDS = web.AppKey("body_seconds", float)


def server(routes_: list[web.RouteDef], *, body_seconds: float = _BODY_SECONDS) -> web.Application:
    """Return the aiohttp application. One byte more than the limit is read, so that the edge can refuse by its own rules."""
    app = web.Application(client_max_size=BODY_BYTES + 1)
    app[BODY_SECONDS] = body_seconds
    app.add_routes(routes_)
    return app


def runner(
    app: web.Application, *, shutdown_seconds: float, idle_seconds: float = _IDLE_SECONDS
) -> web.AppRunner:
    """Return what serves an application. aiohttp alone would wait an hour for a head, unpack bodies, and log what it cannot read."""
    return web.AppRunner(
        app,
        access_log=None,
        handle_signals=False,
        shutdown_timeout=shutdown_seconds,
        keepalive_timeout=idle_seconds,
        lingering_time=_LINGER_SECONDS,
        auto_decompress=False,
        logger=_ServerLog(),
    )


class _ServerLog:
    """What aiohttp's server logs with: kinds of errors, never their messages, which quote the request."""

    def exception(self, _message: str, *_: object, exc_info: object = None) -> None:
        """Log an error: a request that is no HTTP, or a handler that broke."""
        if isinstance(exc_info, HttpProcessingError):
            log.warning("request-unreadable", error=type(exc_info).__name__)
        else:
            place = where(exc_info) if isinstance(exc_info, BaseException) else ""
            log.error("request-failed", error=type(exc_info).__name__, where=place)

    def debug(self, _message: str, *_: object, **__: object) -> None:
        """Leave out what is of use only to aiohttp's own developers."""

    warning = debug
