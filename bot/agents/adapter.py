"""The adapter for the Microsoft 365 Agents SDK: runs activities through its middleware, and sends what that sends over our connector.

Not `CloudAdapter`, which makes two HTTP clients a turn, answers what it cannot read with 500 and writes it into the log, tells people
what was raised, and takes tokens that the channel did not issue (1.9.0; measured in docs/decisions/0010).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from microsoft_agents.activity import (
    Activity,
    ActivityTypes,
    ConversationReference,
    DeliveryModes,
    InvokeResponse,
    ResourceResponse,
    TurnContextProtocol,
)
from microsoft_agents.hosting.core import ChannelAdapter, TurnContext
from pydantic_core import to_jsonable_python

from bot.agents.schema import read_activity_model, write_model
from bot.teams.connector import Connector
from bot.teams.edge import InvokeAnswer, Turn


class AgentsAdapter(ChannelAdapter):
    """Runs turns: a `bot.teams.edge.Pipeline`."""

    def __init__(self, connector: Connector) -> None:
        """Take the connector to send through. Middleware is added with `use`, as with any adapter."""
        super().__init__()  # type: ignore[no-untyped-call]
        self._connector = connector

    async def process(self, raw: Mapping[str, Any], turn: Turn) -> InvokeAnswer | None:
        """Run one turn through the middleware; see `bot.teams.edge.Pipeline`.

        Each one, also where there is no middleware: 25 µs, for which every test of the edge is a test of this SDK.
        """
        activity = read_activity_model(raw)
        if activity.delivery_mode == DeliveryModes.expect_replies:
            # Teams never asks for it. Answers would be kept for a response that we do not write, and be lost.
            activity.delivery_mode = DeliveryModes.normal
        context = TurnContext(self, activity)

        async def logic(context: TurnContext) -> None:
            answer = await turn()
            if answer is not None:
                status, body = answer
                context.turn_state[self.INVOKE_RESPONSE_KEY] = Activity(
                    type=ActivityTypes.invoke_response,
                    value=InvokeResponse(status=status, body=body),
                )

        try:
            await self.run_pipeline(context, logic)
        finally:
            # What the SDK's own adapter does after a turn; what middleware has left running ends here.
            await context._aclose()  # noqa: SLF001 - there is no public name for it
        said = context.turn_state.get(self.INVOKE_RESPONSE_KEY)
        if said is None:
            return None
        response = cast("InvokeResponse", cast("Activity", said).value)
        # Ours is JSON already; walking a card once more costs as much as making it.
        body = response.body
        if not isinstance(body, dict):
            body = to_jsonable_python(body, by_alias=True, exclude_none=True)
        return response.status, body

    async def send_activities(
        self, context: TurnContextProtocol[Any], activities: list[Activity]
    ) -> list[ResourceResponse]:
        """Send activities in order. Raises DeliveryFailed; those sent before it stay sent."""
        sent: list[ResourceResponse] = []
        for activity in activities:
            if activity.type == ActivityTypes.invoke_response:
                context.turn_state[self.INVOKE_RESPONSE_KEY] = activity
                sent.append(ResourceResponse())
            elif activity.type == ActivityTypes.trace:
                sent.append(ResourceResponse())  # traces are for the emulator, not for people
            else:
                sent.append(_response(await self._send(activity)))
        return sent

    async def _send(self, activity: Activity) -> str:
        return await self._connector.send(
            activity.service_url,
            activity.conversation.id,
            write_model(activity),
            activity.reply_to_id,
        )

    async def update_activity(  # type: ignore[override] # returns what the SDK's own adapter does, against its protocol
        self,
        context: TurnContextProtocol[Any],  # noqa: ARG002 - the SDK's signature
        activity: Activity,
    ) -> ResourceResponse:
        """Put an activity in the place of the one with its id. Raises DeliveryFailed."""
        await self._connector.update(
            activity.service_url,
            activity.conversation.id,
            activity.id or "",
            write_model(activity),
        )
        return _response(activity.id)

    async def delete_activity(
        self,
        context: TurnContextProtocol[Any],  # noqa: ARG002 - the SDK's signature
        reference: ConversationReference,
    ) -> None:
        """Delete the activity that a reference names. Raises DeliveryFailed."""
        await self._connector.delete(
            reference.service_url, reference.conversation.id, reference.activity_id or ""
        )


def _response(sent: str | None) -> ResourceResponse:
    """Return where something landed; the SDK's model has no id that is empty."""
    return ResourceResponse(id=sent) if sent else ResourceResponse()
