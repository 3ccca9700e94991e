"""Tells the helpdesk's channel what the bot is recognised by and will soon be recognised by no more: whoever reads it can still act.

Each step is told once, whatever the number of instances, and again only where nobody can have read it: the post was given up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from bot import render
from bot.model.ids import ConversationId
from bot.ports import Ending, NewPost, Parcel, SessionKey, Unit
from bot.render.speech import speaking

if TYPE_CHECKING:
    from bot.model.library import Library
    from bot.outbox import Outbox
    from bot.triage.channels import Channel

STEPS = (0, 1, 3, 7, 14, 30)
"""Days left at which it is told."""

_TOLD = SessionKey("bouncedesk", ConversationId("endings"), "")
"""Under which it is remembered what was told, for as long as the outbox may still try; then the place of the post says it."""


async def tell_of(
    endings: Iterable[Ending], channel: Channel, library: Library, outbox: Outbox, now: datetime
) -> None:
    """Post in a channel what ends and what has ended, unless that was told before. Raises StoreError."""
    if channel.address is None:
        return
    for ending in endings:
        speech = speaking(library, channel.language)
        page = render.ending(speech, ending.name, ending.at, over=ending.expired)
        post = Parcel(to=channel.address, content=NewPost(page, _name(ending)))
        await outbox.commit(partial(_once, post=post, now=now))


def _once(unit: Unit, *, post: Parcel, now: datetime) -> tuple[None, Sequence[Parcel]]:
    name = post.lands_as
    if unit.place(name) is not None or unit.answered(_TOLD, name) is not None:
        return None, ()
    unit.remember(_TOLD, name, b"", now)
    return None, (post,)


def _name(ending: Ending) -> str:
    """Return the name under which the place of a post is remembered: another for each step, and for each new secret or certificate."""
    step = next(days for days in STEPS if days >= ending.days)
    return f"ending:{ending.name}:{ending.at:%Y-%m-%d}:{step}"
