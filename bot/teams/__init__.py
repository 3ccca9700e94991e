"""The Teams room, and the only one that knows the Bot Framework SDK.

Way in: `room` takes a request's headers and body; `auth` (with `keys`) says who sent it; `inbound` reads the activity into an event;
`adapter` runs it through the SDK's pipeline. Way out: `outbound` makes activities of pages, `sender` gives parcels to the `connector`,
which asks `token` for the bot's own credentials and `hosts` where they may be sent. `uploads` fetches files, `members` knows who
belongs to a team.
"""
