"""Stage three: a session and an event become the next step. Pure: no text, no cards, no clock, no tickets' backend.

`typed` finds what a typed line means, `lines` what it means to the helpdesk, `facts` what the bot knows without asking, `walk` moves
through a graph, and `conversation` decides what one event causes.
"""

from bot.dialog.conversation import converse

__all__ = ["converse"]
