"""People press anything, in any order, on cards of any age."""

from __future__ import annotations

from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.model.effects import MarkUsed, OpenTicket, Show
from bot.model.event import Event, Incoming, Pressed, Said
from bot.model.ids import ArticleId, ChoiceId, Language, NodeId, SessionId, TicketId
from bot.model.outgoing import Button
from bot.model.session import Session, decode_session, encode_session
from bot.model.ticket import Background, KnownProblem, OwnTicket, State
from bot.turn import Core, show, take_turn
from tests.conversation import BOUNCE
from tests.core.test_every_edge import NOW, address

LINES = (
    BOUNCE,
    "Remote Server returned '554 5.2.2 mailbox full; STOREDRV.Deliver' for per@fabrikam.com",
    "550 5.1.8 Access denied, bad outbound sender for per@fabrikam.com",
    "kari wasn't found at contoso.com. Your message to kari@contoso.com couldn't be delivered.",
    "back",
    "start over",
    "it didn't help",
    "snakk med et menneske",
    "2",
    "english",
    "something else entirely",
    "my tickets",
    "yes",
    "thanks",
    "1002",
    "cancel",
)
STATES = (State.NEW, State.CLAIMED, State.WAITING, State.RESOLVED)


@given(st.lists(st.integers(min_value=0, max_value=10_000), min_size=1, max_size=25))
@settings(max_examples=250, deadline=None)
def test_any_walk_shows_something_at_every_step(core: Core, steps: list[int]) -> None:
    """Each turn shows a screen, everything it shows can be rendered, and no press opens a second ticket for the same preview.

    At every step the person may have no, one or more tickets in any state: they come and go without the conversation.
    """
    numbers = count()
    buttons: list[Button] = []
    stored: Session | None = None
    previews: list[str] = []
    for step in (0, *steps):
        event = event_of(step, buttons)
        incoming = Incoming(
            event=event, address=address(), activity=str(next(numbers)), locale=Language("en")
        )
        turn = take_turn(
            core.library,
            stored,
            incoming,
            core.read(event),
            now=NOW,
            new_id=lambda: f"id{next(numbers)}",
            background=background_of(step),
        )

        shown = 0
        for effect in turn.effects:
            if isinstance(effect, Show | MarkUsed):
                page = show(core.library, effect.screen, effect.state)
                buttons += (*page.buttons, *page.navigation)
                shown += isinstance(effect, Show)
            elif isinstance(effect, OpenTicket):
                previews.append(effect.draft.id)
        assert shown == 1
        assert decode_session(encode_session(turn.session)) == turn.session
        stored = turn.session
    assert len(previews) == len(set(previews))


def background_of(step: int) -> Background:
    """Return what the store might know at a step."""
    tickets = tuple(
        OwnTicket(TicketId(f"t{number}"), 1001 + number, STATES[(step >> number) % len(STATES)])
        for number in range(step % 7 % 4)
    )
    return Background(tickets, KnownProblem(NOW, step % 9) if step % 2 else None)


def event_of(step: int, buttons: list[Button]) -> Event:
    """Return something to say, or the press of a button that was shown at some time, the newest ones most often."""
    if not buttons or step % 4 == 0:
        return Said(LINES[step // 4 % len(LINES)])
    data = buttons[-1 - step % min(len(buttons), 12 if step % 5 else len(buttons))].data
    return Pressed(
        session=SessionId(data["session"]),
        article=ArticleId(data["article"]) if "article" in data else None,
        node=NodeId(data["node"]) if "node" in data else None,
        choice=ChoiceId(data["choice"]),
        content=data["content"],
    )
