"""Every limit in one place, with its unit and the reason for its size."""

PASTE_CHARS = 262_144
"""Characters of one paste that are read; the rest is cut and said to be. Teams sends at most about 28 kB of text."""

MAIL_BYTES = 5_000_000
"""Bytes of an uploaded .eml or .msg that are read."""

MAIL_PARTS = 200
"""MIME parts of one mail that are walked."""

MAIL_DEPTH = 12
"""Nesting of MIME parts that is followed; real bounces use at most 5."""

STORED_TEXT_CHARS = 65_536
"""Characters of the original text kept with a session and a ticket."""

EXCERPT_CHARS = 1_200
"""Characters of the original text shown on a ticket card."""

FULL_TEXT_CHARS = 12_000
"""Characters of the original text shown to the member who asks for all of it: what a card holds beside the rest."""

COPY_SHOWN_CHARS = 3_000
"""Characters of a message to copy that stand on the card beside the field to copy from; a longer one is only in the field."""

COPY_SHOWN_LINES = 80
"""Lines of such a message, for the same reason: each is a block of its own on the card."""

NOTE_CHARS = 2_000
"""Characters of a note that a user or an agent adds."""

EXCHANGES = 5
"""Replies, answers and notes shown on a ticket card; the thread has all of them."""

TEXT_LINES = 60
"""Lines of one text from people that keep a line of their own on a card; what follows is run together."""

EXCHANGE_CHARS = 600
"""Characters of each of them."""

LINE_CHARS = 300
"""Characters of what was written that a line in a ticket's thread quotes."""

JOINED_SHOWN = 10
"""Tickets of an incident that its card lists; it counts them all."""

OWN_TICKETS = 20
"""Tickets that somebody's list of their own shows: what a card holds with a button for each."""

SAID_CHARS = 12_000
"""Characters of a reply, an answer, a note or a resolution that are kept and sent on: what a card holds. One that is cut ends in `…`."""

FACT_CHARS = 120
"""Characters of one fact (address, host, subject) shown on a card."""

DIAGNOSTIC_CHARS = 400
"""Characters of a diagnostic shown on a card."""

CARD_BYTES = 25_000
"""UTF-8 bytes of one card. Teams documents figures from 28 kB upwards; pages differ, so stay under the smallest."""

CHOICES = 6
"""Choices of one `ask`: Teams hides more than six buttons of one row behind an overflow menu."""

TRAIL = 200
"""Steps of one dialog that *Back* and the ticket remember."""

HANDED = 20
"""Tickets of one conversation that its session remembers: what a typed line may be for."""

FAILURES = 50
"""Failing recipients that are kept of one bounce."""

TYPED_MATCH = 86
"""Score (0-100) from which typed text names a choice."""

TYPED_LEAD = 8
"""Points by which the best choice must lead the next one."""

TYPED_CHARS = 80
"""Longer text is never taken for a typed choice."""

BODY_BYTES = 262_144
"""Bytes of one request to `/api/messages`: the connector's own ceiling (botframework-sdk#6669)."""

AUTO_ANSWERS = 20
"""Questions in a row that known facts may answer; more would be a loop in the content."""

RETURNED_CHARS = 16_384
"""Characters of the returned message that are looked at; its headers are near its start."""

HEADER_CHARS = 65_536
"""Characters of a message's headers that are read; what follows counts as its text."""

HEADER_VALUE_CHARS = 2_000
"""Characters of one header value that are decoded; RFC 5322 has lines of at most 998."""

NOTICE_CHARS = 16_384
"""Characters of a notification's own words that patterns search; phrases and codes are looked for in all of them."""
