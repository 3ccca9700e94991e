"""The Teams room, and the only one that knows the Bot Framework SDK (`adapter`, `schema`; `bot.agents` is the same for its successor).

Way in: `edge` takes a request's headers and body; `auth` (with `keys`) says who sent it; `inbound` reads the activity into an event; an
SDK's `Pipeline` runs it through its middleware. Way out: `outbound` makes activities of pages, `sender` gives parcels to the `connector`,
which asks `token` for the bot's own credentials and `hosts` where they may be sent. `uploads` fetches files, `members` knows who
belongs to a team.
"""
