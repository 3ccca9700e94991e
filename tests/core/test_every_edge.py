"""Generated from the content: every edge of every article once, every node in every language within the limits of a card."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count

import pytest

from bot.content import load_library
from bot.dialog import walk
from bot.model import choices, limits
from bot.model.effects import (
    Confirmed,
    Greeting,
    NewOrOld,
    NotABounce,
    PassedOn,
    Preview,
    Screen,
    Show,
    StepScreen,
    Thanks,
    TicketOpened,
    WhichTicket,
)
from bot.model.event import Address, Incoming, Pressed, Said, Scope
from bot.model.ids import (
    ArticleId,
    ChoiceId,
    ConversationId,
    Language,
    NodeId,
    SessionId,
    TicketId,
    UserId,
)
from bot.model.library import NEXT_UNTRIED, Ask, Tell
from bot.model.match import Confidence, Match
from bot.model.outgoing import Outgoing
from bot.model.report import Failure, Kind, Report
from bot.model.session import (
    Addressing,
    Bounce,
    Handing,
    Idle,
    Session,
    Walking,
    decode_session,
    encode_session,
)
from bot.model.ticket import KnownProblem, OwnTicket, State
from bot.render import adaptive_card, page, plain_text
from bot.settings import dialogs_path
from bot.turn import Core, take_turn
from tests.card_schema import problems_of

NOW = datetime(2026, 11, 23, 9, 12, tzinfo=UTC)
LIBRARY = load_library(dialogs_path())

SHORT = Report(
    kind=Kind.BOUNCE,
    text="550 5.1.10 RESOLVER.ADR.RecipientNotFound",
    failures=(
        Failure("a@b.example", "5.1.10", "550", "550 5.1.10 RESOLVER.ADR.RecipientNotFound"),
    ),
    codes=("5.1.10",),
)
LONG = Report(
    kind=Kind.BOUNCE,
    text="x" * 4000,
    failures=tuple(
        Failure(
            f"{'very.long.name.' * 6}{number}@{'sub.' * 20}contoso.com",
            "5.1.10",
            "550",
            "550 5.1.10 " + "y" * 900,
        )
        for number in range(20)
    ),
    codes=("5.1.10",),
    reporting_mta="host." * 30 + "example.net",
    arrival="2026-11-23T09:00:00+01:00",
    message_id="<" + "z" * 300 + "@example.net>",
    subject="**bold** [link](javascript:alert(1)) <at>all</at> " * 8,
    sender="someone@example.com",
    warnings=("phishing", "secret-masked", "cut", "several-bounces"),
)
NOTHING = Report(kind=Kind.BOUNCE, text="it came back")
OWN_TICKETS = tuple(
    OwnTicket(TicketId(f"t{number}"), 1001 + number, state)
    for number, state in enumerate((*State,) * 4)
)[: limits.HANDED]
"""As many tickets as a conversation remembers."""
KNOWN = {"short": None, "long": KnownProblem(NOW, 4000), "nothing": KnownProblem(NOW, 1)}
REPORTS = {"short": SHORT, "long": LONG, "nothing": NOTHING}


def address() -> Address:
    """Return where the tests talk."""
    return Address(
        channel="msteams",
        service_url="https://smba.trafficmanager.net/emea/",
        conversation=ConversationId("a:1"),
        scope=Scope.PERSONAL,
        user=UserId("29:1"),
        user_name="Ola Nordmann",
    )


def session_at(
    article: ArticleId, node: NodeId, report: Report = SHORT, language: str = "en"
) -> Session:
    """Return a session that stands at a node."""
    row = next((row.id for row in LIBRARY.codes.rows.values() if row.article == article), None)
    match = Match(article=article, row=row, confidence=Confidence.CERTAIN)
    return Session(
        id=SessionId("s"),
        address=address(),
        language=Language(language),
        language_chosen=True,
        content=LIBRARY.version,
        started=NOW,
        mode=Walking(article, node),
        bounce=Bounce(report, match, NOW),
    )


def edges() -> Iterator[tuple[ArticleId, NodeId, ChoiceId]]:
    """Yield every edge of every article."""
    for article in LIBRARY.articles.values():
        for node in article.nodes.values():
            for choice in walk.choices_of(node):
                yield article.id, node.id, choice


def nodes() -> Iterator[tuple[ArticleId, NodeId]]:
    """Yield every node of every article."""
    for article in LIBRARY.articles.values():
        for node in article.nodes:
            yield article.id, node


EDGES = list(edges())
NODES = list(nodes())


@pytest.mark.parametrize(
    ("article", "node", "choice"), EDGES, ids=["/".join(edge) for edge in EDGES]
)
def test_every_edge_leads_where_the_article_says(
    article: ArticleId, node: NodeId, choice: ChoiceId
) -> None:
    """A press of each answer goes to its target, past questions whose answer is known, and survives the store."""
    session = session_at(article, node)
    numbers = count()
    press = Pressed(
        session=session.id, article=article, node=node, choice=choice, content=LIBRARY.version
    )
    incoming = Incoming(
        event=press, address=address(), activity="1", locale=Language("en"), inline=True
    )

    turn = take_turn(
        LIBRARY, session, incoming, None, now=NOW, new_id=lambda: f"id{next(numbers)}"
    )

    assert decode_session(encode_session(turn.session)) == turn.session
    asked = turn.session.trail[0]
    assert (asked.article, asked.node, asked.choice) == (article, node, choice)
    assert landed(turn.session) == expected(article, node, choice)


def landed(session: Session) -> tuple[str, str] | str:
    """Return the first node after the answered one, whether the bot rested there or passed on."""
    if len(session.trail) > 1:
        return session.trail[1].article, session.trail[1].node
    mode = session.mode
    if isinstance(mode, Walking):
        return mode.article, mode.node
    assert isinstance(mode, Handing)
    return (mode.at.article, mode.at.node) if mode.at else "human"


def expected(article: ArticleId, node: NodeId, choice: ChoiceId) -> tuple[str, str] | str:
    """Return where the content says an answer leads."""
    kind = LIBRARY.articles[article].nodes[node].kind
    if isinstance(kind, Ask):
        target = kind.choices[choice]
    else:
        assert isinstance(kind, Tell)
        followed = kind.done if choice == choices.DONE else kind.failed
        if followed is None:
            return "human"
        target = followed
    if target == NEXT_UNTRIED:
        here = LIBRARY.articles[article]
        left = [check for check in here.checks if check != node]
        return article, left[0] if left else str(here.exhausted)
    if target.article is not None:
        there = LIBRARY.articles[target.article]
        return there.id, there.entries.get(target.node, target.node)
    return article, target.node


@pytest.mark.parametrize("language", list(LIBRARY.languages))
@pytest.mark.parametrize("facts", list(REPORTS))
@pytest.mark.parametrize(("article", "node"), NODES, ids=["/".join(node) for node in NODES])
def test_every_node_renders_within_the_limits(
    article: ArticleId, node: NodeId, facts: str, language: str
) -> None:
    """Each node, in each language, with short, long and missing facts, is a valid card that Teams accepts."""
    session = session_at(article, node, REPORTS[facts], language)
    kind = LIBRARY.articles[article].nodes[node].kind
    if kind.__class__.__name__ == "Escalate":
        session = walk.enter(LIBRARY, session, article, node)
        screens: list[Screen] = [Preview(), Preview(chosen=choices.SEND)]
    else:
        first = next(iter(walk.choices_of(LIBRARY.articles[article].nodes[node])), choices.USEFUL)
        screens = [
            StepScreen(article=article, node=node, reading=True, known=KNOWN[facts]),
            StepScreen(article=article, node=node, chosen=first),
        ]

    for screen in screens:
        shown = page(screen, session, LIBRARY)

        assert shown.language == language
        check_page(shown)


@pytest.mark.parametrize("language", list(LIBRARY.languages))
@pytest.mark.parametrize("facts", list(REPORTS))
def test_every_other_screen_renders_within_the_limits(facts: str, language: str) -> None:
    """So does everything the bot says between dialogs."""
    session = session_at(ArticleId("5.1.10"), NodeId("who-are-you"), REPORTS[facts], language)

    for screen in (
        Greeting(),
        NotABounce(phishing=True),
        NewOrOld(),
        TicketOpened(),
        TicketOpened(again=True),
        PassedOn(1042),
        PassedOn(1042, reopened=True),
        Confirmed(1042),
        Thanks(),
    ):
        check_page(page(screen, session, LIBRARY, ticket=1042))
    asked = session.with_(mode=Addressing(REPORTS[facts].text, Idle()))
    check_page(page(WhichTicket(OWN_TICKETS), asked, LIBRARY))


def check_page(shown: Outgoing) -> None:
    """Check what every page must hold to."""
    card = adaptive_card(shown)

    assert len(json.dumps(card, ensure_ascii=False).encode()) <= limits.CARD_BYTES
    assert problems_of(card) == []
    assert len(shown.navigation) <= limits.CHOICES
    assert all(button.label.strip() for button in (*shown.buttons, *shown.navigation))
    assert shown.summary.strip()
    assert max(map(len, plain_text(shown, 60).splitlines()), default=0) <= 400


def test_each_example_starts_the_right_dialog(core: Core) -> None:
    """What an author gives as an example of an article opens that article in a conversation."""
    library = core.library
    for article in library.articles.values():
        for fingerprint in article.fingerprints:
            for example in fingerprint.examples:
                said = Said(example)
                incoming = Incoming(
                    event=said, address=address(), activity="1", locale=Language("en")
                )

                turn = take_turn(
                    library, None, incoming, core.read(said), now=NOW, new_id=lambda: "id"
                )

                shown = [effect.screen for effect in turn.effects if isinstance(effect, Show)]
                assert isinstance(shown[-1], StepScreen), example
                assert shown[-1].article == article.id, example
