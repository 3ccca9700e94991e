"""The SDK's adapter: runs each activity through its middleware, and sends what middleware sends over our connector.

Not `CloudAdapter`, which makes two HTTP clients a turn, blocks the loop for a token, holds at most a handful of replies in flight and
answers every invoke with 500 (4.17.1). The turn pipeline itself is cheap and is the part that extensions of the SDK plug into.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botbuilder.core import BotAdapter, InvokeResponse, TurnContext
from botbuilder.schema import (
    Activity,
    ActivityTypes,
    ConversationReference,
    DeliveryModes,
    ResourceResponse,
)

from bot.teams.connector import Connector
from bot.teams.edge import InvokeAnswer, Turn
from bot.teams.schema import plain, read_activity_model, write_model


class TeamsAdapter(BotAdapter):
    """Runs turns."""

    def __init__(self, connector: Connector) -> None:
        """Take the connector to send through. Middleware is added with `use`, as with any adapter."""
        super().__init__()
        self._connector = connector
        self._extended = False

    def use(self, middleware: object) -> TeamsAdapter:
        """Add middleware of the SDK."""
        self._extended = True
        super().use(middleware)
        return self

    async def process(self, raw: Mapping[str, Any], turn: Turn) -> InvokeAnswer | None:
        """Run one turn through the middleware; see `bot.teams.edge.Pipeline`.

        Only middleware and `on_turn_error` see the SDK's models, so they are made where there is one of them.
        """
        if not self._extended and self.on_turn_error is None:
            return await turn()
        activity = read_activity_model(raw)
        if activity.delivery_mode == DeliveryModes.expect_replies:
            # Teams never asks for it. Answers would be kept for a response that we do not write, and be lost.
            activity.delivery_mode = None
        context = TurnContext(self, activity)

        async def logic(context: TurnContext) -> None:
            answer = await turn()
            if answer is not None:
                status, body = answer
                context.turn_state[self._INVOKE_RESPONSE_KEY] = Activity(
                    type=ActivityTypes.invoke_response,
                    value=InvokeResponse(status=status, body=body),
                )

        await self.run_pipeline(context, logic)
        said = context.turn_state.get(self._INVOKE_RESPONSE_KEY)
        if said is None:
            return None
        body = said.value.body
        # Ours is JSON already; walking a card once more costs as much as making it.
        return said.value.status, body if isinstance(body, dict) else plain(body)

    async def send_activities(
        self, context: TurnContext, activities: list[Activity]
    ) -> list[ResourceResponse]:
        """Send activities in order. Raises DeliveryFailed; those sent before it stay sent."""
        sent: list[ResourceResponse] = []
        for activity in activities:
            if activity.type == ActivityTypes.invoke_response:
                context.turn_state[self._INVOKE_RESPONSE_KEY] = activity
                sent.append(ResourceResponse())
            elif activity.type == ActivityTypes.trace:
                sent.append(ResourceResponse())  # traces are for the emulator, not for people
            else:
                sent.append(ResourceResponse(id=await self._send(activity)))
        return sent

    async def _send(self, activity: Activity) -> str:
        return await self._connector.send(
            activity.service_url,
            activity.conversation.id,
            write_model(activity),
            activity.reply_to_id,
        )

    async def update_activity(
        self,
        context: TurnContext,  # noqa: ARG002 - the SDK's signature
        activity: Activity,
    ) -> ResourceResponse:
        """Put an activity in the place of the one with its id. Raises DeliveryFailed."""
        await self._connector.update(
            activity.service_url, activity.conversation.id, activity.id, write_model(activity)
        )
        return ResourceResponse(id=activity.id)

    async def delete_activity(
        self,
        context: TurnContext,  # noqa: ARG002 - the SDK's signature
        reference: ConversationReference,
    ) -> None:
        """Delete the activity that a reference names. Raises DeliveryFailed."""
        await self._connector.delete(
            reference.service_url, reference.conversation.id, reference.activity_id
        )
