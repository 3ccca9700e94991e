"""Names of things. Every id is text with a type of its own, so that one cannot be passed for another."""

from typing import NewType

Language = NewType("Language", str)
"""A language tag we offer, as in `dialogs/languages.yaml` (`nb`, `en`)."""

ArticleId = NewType("ArticleId", str)
NodeId = NewType("NodeId", str)
ChoiceId = NewType("ChoiceId", str)
BlockId = NewType("BlockId", str)
LinkId = NewType("LinkId", str)
HandoutId = NewType("HandoutId", str)
CodeRowId = NewType("CodeRowId", str)
ReasonId = NewType("ReasonId", str)

SessionId = NewType("SessionId", str)
TicketId = NewType("TicketId", str)
"""Opaque id of a ticket, known before it is stored; people use its number (`#1042`)."""

QueueId = NewType("QueueId", str)
"""Id of a triage queue, as in `dialogs/triage.yaml`."""

ConversationId = NewType("ConversationId", str)
UserId = NewType("UserId", str)
"""The channel's id of a person (`29:…` in Teams)."""
