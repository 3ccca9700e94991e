"""The ceiling: aiohttp alone parses the activity and posts one reply over one kept session. No bot, no state, no store.

python -m bench.bare --port 9002
"""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator
from urllib.parse import quote

import aiohttp
from aiohttp import web

_SESSION = web.AppKey("session", aiohttp.ClientSession)


async def _messages(request: web.Request) -> web.Response:
    activity = await request.json()
    conversation = activity["conversation"]["id"]
    url = f"{activity['serviceUrl']}v3/conversations/{quote(conversation, safe='')}/activities"
    reply = {
        "type": "message",
        "conversation": {"id": conversation},
        "text": f"Echo: {activity.get('text', '')[:80]}",
    }
    async with request.app[_SESSION].post(url, json=reply) as answer:
        await answer.read()
    return web.Response(status=201)


async def _alive(_request: web.Request) -> web.Response:
    return web.Response()


async def _session(app: web.Application) -> AsyncIterator[None]:
    async with aiohttp.ClientSession() as session:
        app[_SESSION] = session
        yield


def main() -> None:
    """Serve, as a program."""
    parser = argparse.ArgumentParser(description="An echo without a bot.")
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    app = web.Application()
    app.add_routes([web.post("/api/messages", _messages), web.get("/healthz", _alive)])
    app.cleanup_ctx.append(_session)
    web.run_app(app, host="127.0.0.1", port=given.port, access_log=None, print=None)


if __name__ == "__main__":
    main()
