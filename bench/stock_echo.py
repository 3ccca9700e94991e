"""The echo bot as the SDK's own samples write it: `CloudAdapter` of botbuilder-integration-aiohttp, untouched.

    python -m bench.stock_echo --port 9001 [--tokens]

With `--tokens` it checks the channel's tokens and buys its own, at the services of `bench.identity`: the SDK's settings for a private
cloud name them. It buys one for every turn.
"""

from __future__ import annotations

import argparse
import os

from aiohttp import web
from botbuilder.core import ActivityHandler, MessageFactory, TurnContext
from botbuilder.integration.aiohttp import CloudAdapter, ConfigurationBotFrameworkAuthentication

from bench.activities import APP
from bench.identity import ISSUER, SECRET


class Configuration:
    """An empty app id: no token is asked for and none is bought, which is the fastest the SDK can be."""

    APP_ID = ""
    APP_PASSWORD = ""
    APP_TYPE = "MultiTenant"
    APP_TENANTID = ""


class SignedConfiguration:
    """An app in a cloud of its own: the stand-in for Entra, and for the channel's keys."""

    APP_ID = APP
    APP_PASSWORD = SECRET
    APP_TYPE = "MultiTenant"
    APP_TENANTID = ""
    VALIDATE_AUTHORITY = True
    TO_CHANNEL_FROM_BOT_LOGIN_URL = os.environ.get("BENCH_LOGIN")
    TO_CHANNEL_FROM_BOT_OAUTH_SCOPE = "https://api.botframework.com"
    TO_BOT_FROM_CHANNEL_TOKEN_ISSUER = ISSUER
    TO_BOT_FROM_CHANNEL_OPENID_METADATA_URL = os.environ.get("BENCH_METADATA")
    TO_BOT_FROM_EMULATOR_OPENID_METADATA_URL = os.environ.get("BENCH_METADATA")
    OAUTH_URL = "https://token.botframework.com/"


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
    parser.add_argument("--tokens", action="store_true", help="check tokens and show one")
    given = parser.parse_args()
    configuration = SignedConfiguration() if given.tokens else Configuration()
    adapter = CloudAdapter(ConfigurationBotFrameworkAuthentication(configuration))
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
