"""The Teams room behind the Microsoft 365 Agents SDK, Microsoft's successor of the Bot Framework SDK, and the only one that knows it.

An optional extra (`agents`), chosen with `BOUNCEDESK_SDK=agents`. It takes of that SDK what `bot.teams` takes of the old one: the models,
`TurnContext` and the middleware around a turn (`adapter`, `schema`). Everything else, from the token to the connector, is `bot.teams`, as
far as that does not know `botbuilder` (docs/decisions/0010).
"""

from bot.agents.adapter import AgentsAdapter

__all__ = ["AgentsAdapter"]
