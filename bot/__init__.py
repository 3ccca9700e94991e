"""Bouncedesk: a Microsoft Teams helpdesk bot for bounced e-mail.

The way through the house, each arrow one room::

    Activity -inbound-> Event -intake-> Report -recognise-> Match -dialog-> Step
    Step's effects -render-> Outgoing -outbound-> reply
                  `-> one transaction -> tickets, outbox -> people

A pure core decides: `bot.turn` joins the four stages `intake`, `recognise`, `dialog` and `render`,
which speak the nouns of `bot.model` and never import each other. The core reads no clock, no
environment, no database and no network; time and ids come in as arguments.

A thin shell acts: `bot.host` loads the session, asks the core, commits session, ticket, outbox
rows and the activity's id in one transaction, and only then sends what `bot.outbox` keeps until it
has arrived. What the shell needs from outside are the protocols of `bot.ports`. Five rooms answer
them: `teams` (the only one that knows the SDK), `store`, `triage`, `content` and `settings`;
`bot.compose` chooses. `web` and `cli` are the doors. A turn works by one `edition` of the content;
when it is over, `watch` tells of it: to the log, the metrics and the spans.

Content is not code: dialogs live in `dialogs/`, as YAML that `bot.content` reads strictly.
Imports point downwards only; `make check` holds that up.
"""

__version__ = "0.1.0"
