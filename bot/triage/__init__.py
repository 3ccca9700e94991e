"""Tickets after they are opened: who may do what with them, and who is told.

Pure: `lifecycle` (which changes are legal), `routing` (which queue), `incidents` (the same problem of several people), `thread` (what a
line means). In a transaction: `work` (what becomes of tickets), `views` (what a page shows), `told` (the parcels that changes cause).
`desk` is what the rest of the house sees, with `presses`, `heard` and `searching` behind it. `endings` tells the channel about the bot
itself.
"""

from bot.triage.channels import Channel, ChannelBook, Membership, NoTeam, card_name
from bot.triage.desk import Desk
from bot.triage.endings import tell_of
from bot.triage.lifecycle import BOT

__all__ = ["BOT", "Channel", "ChannelBook", "Desk", "Membership", "NoTeam", "card_name", "tell_of"]
