"""Other helpdesks: where tickets and their changes go as well, and how what happens there comes back.

`sink` says what a sink is, for those who add one; `room` opens those of the settings and closes them. `told` has what all of them say: the
names of tickets and events, and the words. `mail`, `webhook` and `rt` are the sinks; `incoming` hears the webhook that comes back, and
`back` is the one way in for everything that comes back. See docs/sinks.md.
"""

from bot.sinks.back import CarryOut, Queue
from bot.sinks.incoming import IncomingWebhook
from bot.sinks.mail import MailOptions, MailSink
from bot.sinks.room import SinkRoom
from bot.sinks.rt import RtOptions, RtSink
from bot.sinks.sink import Came, Polled, Sink, WayBack
from bot.sinks.webhook import WebhookSink

__all__ = [
    "Came",
    "CarryOut",
    "IncomingWebhook",
    "MailOptions",
    "MailSink",
    "Polled",
    "Queue",
    "RtOptions",
    "RtSink",
    "Sink",
    "SinkRoom",
    "WayBack",
    "WebhookSink",
]
