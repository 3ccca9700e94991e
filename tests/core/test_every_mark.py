"""Every answer that any screen offers can be shown as given."""

from __future__ import annotations

import pytest

from bot.model import choices
from bot.model.effects import NewOrOld, Preview, StepScreen, WhichTicket
from bot.model.ids import ArticleId, ChoiceId, Language, NodeId, ReasonId
from bot.model.outgoing import Outgoing
from bot.model.session import Addressing, Handing, Idle
from bot.render import page
from tests.core.test_every_edge import LIBRARY, NODES, OWN_TICKETS, check_page, session_at

EVERYWHERE = (
    choices.BACK,
    choices.START_OVER,
    choices.HUMAN,
    choices.HELLO,
    choices.MY_TICKETS,
    *(choices.language_choice(tag) for tag in LIBRARY.languages),
)


def offered(shown: Outgoing) -> set[ChoiceId]:
    """Return all choices of a page."""
    return {ChoiceId(button.data["choice"]) for button in (*shown.buttons, *shown.navigation)}


@pytest.mark.parametrize("language", list(LIBRARY.languages))
def test_every_offered_answer_can_be_marked(language: str) -> None:
    """Whatever button is pressed, on whatever card, the card can show it as chosen and has no buttons any more."""
    for article, node in NODES:
        session = session_at(ArticleId(article), NodeId(node), language=language)
        fresh = StepScreen(article=article, node=node)
        for choice in offered(page(fresh, session, LIBRARY)) | set(EVERYWHERE):
            marked = page(StepScreen(article=article, node=node, chosen=choice), session, LIBRARY)
            assert marked.buttons == marked.navigation == ()
    session = session_at(ArticleId("5.1.10"), NodeId("who-are-you"), language=language)
    handing = session.with_(mode=Handing(reason=ReasonId("not-solved")))
    for choice in offered(page(Preview(), handing, LIBRARY)) | set(EVERYWHERE):
        check_page(page(Preview(chosen=choice), handing, LIBRARY))
    for choice in offered(page(NewOrOld(), session, LIBRARY)) | set(EVERYWHERE):
        check_page(page(NewOrOld(chosen=choice), session, LIBRARY))
    asked = session.with_(mode=Addressing("It still bounces", Idle()))
    for choice in offered(page(WhichTicket(OWN_TICKETS), asked, LIBRARY)) | set(EVERYWHERE):
        check_page(page(WhichTicket(OWN_TICKETS, choice), asked, LIBRARY))


def test_all_languages_are_offered_by_name() -> None:
    """The other languages stand on every card, each in its own words."""
    session = session_at(ArticleId("5.1.10"), NodeId("who-are-you"), language="en")
    shown = page(
        StepScreen(article=ArticleId("5.1.10"), node=NodeId("who-are-you")), session, LIBRARY
    )

    labels = {button.label for button in shown.navigation}
    assert LIBRARY.languages[Language("nb")].name in labels
