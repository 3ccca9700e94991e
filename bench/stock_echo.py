"""The echo bot as the SDK's own samples write it: `CloudAdapter` of botbuilder-integration-aiohttp, untouched, without credentials.

python -m bench.stock_echo --port 9001
"""

from __future__ import annotations

import argparse

from aiohttp import web
from botbuilder.core import ActivityHandler, MessageFactory, TurnContext
from botbuilder.integration.aiohttp import CloudAdapter, ConfigurationBotFrameworkAuthentication


class Configuration:
    """An empty app id: no token is asked for and none is bought, which is the fastest the SDK can be."""

    APP_ID = ""
    APP_PASSWORD = ""
    APP_TYPE = "MultiTenant"
    APP_TENANTID = ""


class EchoBot(ActivityHandler):
    """Answers each message with its text."""

    async def on_message_activity(self, turn_context: TurnContext) -> None:
        """Answer with one text."""
        await turn_context.send_activity(
            MessageFactory.text(f"Echo: {turn_context.activity.text[:80]}")
        )


def main() -> None:
    """Serve, as a program."""
    parser = argparse.ArgumentParser(description="The SDK's echo bot.")
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    adapter = CloudAdapter(ConfigurationBotFrameworkAuthentication(Configuration()))
    bot = EchoBot()

    async def messages(request: web.Request) -> web.StreamResponse:
        answer: web.StreamResponse = await adapter.process(request, bot)
        return answer

    async def alive(_request: web.Request) -> web.Response:
        return web.Response()

    app = web.Application()
    app.add_routes([web.post("/api/messages", messages), web.get("/healthz", alive)])
    web.run_app(app, host="127.0.0.1", port=given.port, access_log=None, print=None)


if __name__ == "__main__":
    main()
