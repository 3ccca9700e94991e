"""The same echo on the Microsoft 365 Agents SDK (microsoft-agents-hosting-aiohttp): its adapter and handler, without credentials.

python -m bench.agents_echo --port 9003
"""

from __future__ import annotations

import argparse
import logging
from typing import Any

from aiohttp import web
from microsoft_agents.activity import TurnContextProtocol
from microsoft_agents.hosting.aiohttp import CloudAdapter
from microsoft_agents.hosting.core import ActivityHandler, MessageFactory
from microsoft_agents.hosting.core.authorization import (
    AgentAuthConfiguration,
    AnonymousTokenProvider,
)
from microsoft_agents.hosting.core.authorization.connection_manager import ConnectionManager


class EchoAgent(ActivityHandler):
    """Answers each message with its text."""

    async def on_message_activity(self, turn_context: TurnContextProtocol[Any]) -> None:
        """Answer with one text."""
        await turn_context.send_activity(
            MessageFactory.text(f"Echo: {(turn_context.activity.text or '')[:80]}")
        )


def main() -> None:
    """Serve, as a program."""
    parser = argparse.ArgumentParser(description="The Agents SDK's echo.")
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    logging.disable(logging.WARNING)  # it warns in each turn that there is no app id
    anonymous = {"SERVICE_CONNECTION": AgentAuthConfiguration(anonymous_allowed=True)}
    connections = ConnectionManager(lambda _settings: AnonymousTokenProvider(), anonymous)
    adapter = CloudAdapter(connection_manager=connections)
    agent = EchoAgent()

    async def messages(request: web.Request) -> web.StreamResponse:
        answer = await adapter.process(request, agent)
        return answer or web.Response(status=202)

    async def alive(_request: web.Request) -> web.Response:
        return web.Response()

    app = web.Application()
    app.add_routes([web.post("/api/messages", messages), web.get("/healthz", alive)])
    web.run_app(app, host="127.0.0.1", port=given.port, access_log=None, print=None)


if __name__ == "__main__":
    main()
