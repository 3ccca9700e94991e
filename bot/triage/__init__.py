"""Tickets after they are opened: who may do what with them, and who is told.

`lifecycle` is pure and knows which changes are legal; `desk` commits them with the card and the notices they cause.
"""

from bot.triage.desk import Desk, Membership, NoChannel
from bot.triage.lifecycle import claim, resolve

__all__ = ["Desk", "Membership", "NoChannel", "claim", "resolve"]
