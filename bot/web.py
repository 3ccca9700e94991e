"""The HTTP routes: the channel's messages in, and what operators ask: alive, ready, metrics."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import msgspec
from aiohttp import web

from bot.model.errors import StoreError
from bot.model.limits import BODY_BYTES

Check = Callable[[], Awaitable[None]]
"""Returns when all is well, raises StoreError when it is not."""

Measure = Callable[[], Awaitable[bytes]]
"""Returns the metrics in Prometheus' text format."""

_encode = msgspec.json.Encoder().encode


class Edge(Protocol):
    """What answers requests that carry a message."""

    async def handle(
        self, headers: Mapping[str, str], body: bytes, peer: str | None
    ) -> tuple[int, dict[str, Any] | None]:
        """Return the status and the JSON body that answer a request."""


def routes(
    edge: Edge, check: Check, measure: Measure, *, webhook: Edge | None = None
) -> list[web.RouteDef]:
    """Return the routes of the bot; where another helpdesk reports back by a webhook, its route, too."""

    async def alive(_request: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def ready(_request: web.Request) -> web.Response:
        try:
            await check()
        except StoreError as error:
            return web.json_response({"status": "not ready", "why": str(error)}, status=503)
        return web.json_response({"status": "ready"})

    async def metrics(_request: web.Request) -> web.Response:
        try:
            measured = await measure()
        except StoreError as error:
            return web.Response(status=503, text=str(error))
        return web.Response(body=measured, content_type="text/plain", charset="utf-8")

    reports = [] if webhook is None else [web.post("/api/sinks/webhook", _answered_by(webhook))]
    return [
        web.post("/api/messages", _answered_by(edge)),
        *reports,
        web.get("/healthz", alive),
        web.get("/readyz", ready),
        web.get("/metrics", metrics),
    ]


def _answered_by(edge: Edge) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return what reads a whole request, as it came, and gives it to who answers it."""

    async def answer(request: web.Request) -> web.Response:
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return web.Response(status=413)
        status, answer = await edge.handle(request.headers, body, request.remote)
        if answer is None:
            return web.Response(status=status)
        return web.Response(status=status, body=_encode(answer), content_type="application/json")

    return answer


def server(routes_: list[web.RouteDef]) -> web.Application:
    """Return the aiohttp application. One byte more than the limit is read, so that the edge can refuse by its own rules."""
    app = web.Application(client_max_size=BODY_BYTES + 1)
    app.add_routes(routes_)
    return app
