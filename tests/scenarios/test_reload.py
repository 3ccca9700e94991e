"""The content is replaced while people are in the middle of it: each turn has one edition, and nobody is lost."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
import structlog
from msgspec.structs import replace

from bot.dialog import walk
from bot.model.effects import MarkUsed, MyTickets, Show, TicketOpened, Turn
from bot.model.event import Event, Incoming, Pressed, Said
from bot.model.ids import ArticleId, ChoiceId, Language, NodeId, TicketId
from bot.model.library import NEXT_UNTRIED, Article, Ask, Library, Node, Target, Tell
from bot.model.session import (
    Addressing,
    Choosing,
    Handed,
    Handing,
    Idle,
    Session,
    Visit,
    Walking,
)
from bot.model.ticket import Background
from bot.settings import dialogs_path
from bot.turn import Core, show, take_turn
from tests.conversation import BOUNCE, Conversation, running_bot, text_of
from tests.core.test_every_edge import LIBRARY, NOW, OWN_TICKETS, address, session_at
from tests.core.test_every_edge import nodes as every_node

# --------------------------------------------------------------------------------- nobody is lost when nodes are gone


def renamed(
    library: Library, article_id: Callable[[str], str], node_id: Callable[[str], str]
) -> Library:
    """Return content in which articles and nodes have other ids: usable, and yet nothing of what was stored is there any more."""

    def target(one: Target) -> Target:
        article = None if one.article is None else ArticleId(article_id(one.article))
        if one == NEXT_UNTRIED:
            return one
        there = library.articles[one.article] if one.article else None
        entry = there is not None and one.node in there.entries
        return Target(one.node if entry else NodeId(node_id(one.node)), article)

    def node(one: Node) -> Node:
        kind = one.kind
        if isinstance(kind, Ask):
            choices = {choice: target(to) for choice, to in kind.choices.items()}
            kind = replace(kind, choices=choices)
        elif isinstance(kind, Tell):
            failed = None if kind.failed is None else target(kind.failed)
            kind = replace(kind, done=target(kind.done), failed=failed)
        return replace(one, id=NodeId(node_id(one.id)), kind=kind)

    def maybe(one: NodeId | None) -> NodeId | None:
        return None if one is None else NodeId(node_id(one))

    def article(one: Article) -> Article:
        return replace(
            one,
            id=ArticleId(article_id(one.id)),
            start=NodeId(node_id(one.start)),
            nodes={NodeId(node_id(of)): node(there) for of, there in one.nodes.items()},
            prose={
                tag: replace(
                    prose, nodes={NodeId(node_id(of)): words for of, words in prose.nodes.items()}
                )
                for tag, prose in one.prose.items()
            },
            likely_start=maybe(one.likely_start),
            entries={name: NodeId(node_id(to)) for name, to in one.entries.items()},
            checks=tuple(NodeId(node_id(of)) for of in one.checks),
            exhausted=maybe(one.exhausted),
            fingerprints=tuple(
                replace(print_, article=ArticleId(article_id(print_.article)))
                for print_ in one.fingerprints
            ),
        )

    rows = {
        of: replace(row, article=ArticleId(article_id(row.article)))
        for of, row in library.codes.rows.items()
    }
    return replace(
        library,
        version=f"{library.version}-renamed",
        articles={ArticleId(article_id(of)): article(one) for of, one in library.articles.items()},
        codes=replace(library.codes, rows=rows),
    )


def same(name: str) -> str:
    """Keep a name."""
    return name


def other(name: str) -> str:
    """Return another name."""
    return f"{name}-2"


def sessions() -> Iterator[Session]:
    """Yield a session for every node and every way of standing there."""
    for article, node in every_node():
        at = session_at(article, node)
        place = Walking(article, node)
        bounce = at.bounce
        assert bounce is not None
        trail = (Visit(article, node, ChoiceId("done")),)
        yield at.with_(trail=trail)
        yield at.with_(ended=True)
        yield at.with_(mode=Handing(reason=walk.NOT_SOLVED, at=place, back=place), trail=trail)
        yield at.with_(mode=Handing(reason=walk.ASKED_FOR_HUMAN))
        yield at.with_(mode=Choosing(bounce, place), trail=trail)
        yield at.with_(mode=Choosing(bounce, Handing(reason=walk.NOT_SOLVED, back=place)))
        yield at.with_(mode=Handed(TicketId("t1")), handed=(TicketId("t1"),))
        yield at.with_(mode=Addressing("x", Handed(TicketId("t1"))), handed=(TicketId("t1"),))
        yield at.with_(mode=Idle())


def events(session: Session) -> Iterator[Event]:
    """Yield what somebody may do with a card that was shown before."""
    for text in (
        "hello",
        "1",
        "back",
        "yes",
        "it didn't help",
        "talk to a human",
        "send it",
        BOUNCE,
    ):
        yield Said(text)
    mode = session.mode
    place = mode if isinstance(mode, Walking) else None
    for choice in ("done", "failed", "back", "human", "start-over", "send", "cancel", "take-new",
                   "go-on", "useful", "not-useful", "my-tickets", "language:nb", "nonsense"):  # fmt: skip
        yield Pressed(
            session=session.id,
            article=place.article if place else None,
            node=place.node if place else None,
            choice=ChoiceId(choice),
            content=session.content,
        )


@pytest.mark.parametrize(
    ("article_id", "node_id"),
    [(same, other), (other, same), (other, other)],
    ids=["nodes", "articles", "both"],
)
def test_whoever_stands_where_nothing_is_any_more_goes_on(
    article_id: Callable[[str], str], node_id: Callable[[str], str]
) -> None:
    """From every node, in every mode, whatever they do next: a page that belongs to the new content, and a session that stands in it."""
    library = renamed(LIBRARY, article_id, node_id)
    core = Core(library)
    taken = 0
    for session in sessions():
        for event in events(session):
            turn = turn_of(core, session, event)
            taken += 1
            for effect in turn.effects:
                if isinstance(effect, Show | MarkUsed) and not isinstance(
                    effect.screen, TicketOpened | MyTickets
                ):
                    assert show(library, effect.screen, effect.state).summary
            if isinstance(turn.session.mode, Walking):
                assert walk.node_at(library, turn.session.mode) is not None
    assert taken > 10_000


def turn_of(core: Core, session: Session, event: Event) -> Turn:
    """Take a turn from a stored session."""
    numbers = count(1)
    incoming = Incoming(event=event, address=address(), activity="a", locale=Language("en"))
    return take_turn(
        core.library,
        session,
        incoming,
        core.read(event),
        now=NOW,
        new_id=lambda: f"id-{next(numbers)}",
        background=Background(tickets=OWN_TICKETS[:2]),
    )


# -------------------------------------------------------------------------------------- one edition for each turn


OLD, NEW = "Hello! I help", "Gnuwelcome"


@pytest.fixture
def dialogs(tmp_path: Path) -> Path:
    """Return a copy of the content that a test may change."""
    return Path(shutil.copytree(dialogs_path(), tmp_path / "dialogs"))


def write_new_greeting(dialogs: Path) -> None:
    """Change a word, as an author does."""
    file = dialogs / "shared" / "en.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace(OLD, NEW), encoding="utf-8")


async def test_a_turn_has_one_edition_from_its_beginning_to_its_end(
    tmp_path: Path, dialogs: Path
) -> None:
    """Content that comes into force while a turn waits for the store is the next turn's: card and session are of one edition."""
    async with running_bot(tmp_path, dialogs=dialogs) as (running, recorder):
        ola = Conversation(running, recorder)
        before = running.core.library.version
        free = threading.Event()
        busy = asyncio.create_task(running.store.run(lambda _: free.wait(10)))
        waiting = asyncio.create_task(ola.arrive())
        await asyncio.sleep(0.1)
        write_new_greeting(dialogs)
        assert await running.editions.reload()
        free.set()
        shown = await waiting
        await busy

        assert OLD in text_of(shown)
        assert (await ola.session()).content == before
        assert running.core.library.version != before
        assert NEW in text_of(await Conversation(running, recorder, person="Per").arrive())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda dialogs: (dialogs / "codes.yaml").write_text("format: [", encoding="utf-8"),
        lambda dialogs: (dialogs / "shared" / "en.yaml").unlink(),
        shutil.rmtree,
        lambda dialogs: (dialogs / "codes.yaml").write_bytes(b"\xff\xfe\x00"),
    ],
    ids=["not-yaml", "a-file-is-missing", "all-is-gone", "not-text"],
)
async def test_content_that_cannot_be_used_changes_nothing(
    tmp_path: Path, dialogs: Path, spoil: Callable[[Path], object]
) -> None:
    """The old content stays, the log names what is wrong, and what is mended comes into force."""
    async with running_bot(tmp_path, dialogs=dialogs) as (running, recorder):
        before = running.core.library.version
        spoil(dialogs)
        with structlog.testing.capture_logs() as logged:
            assert not await running.editions.reload()
        assert running.core.library.version == before
        assert OLD in text_of(await Conversation(running, recorder).arrive())
        [entry] = [line for line in logged if line["event"] == "content-unusable"]
        assert entry["count"] == running.editions.unusable
        assert entry["problems"]

        shutil.copytree(dialogs_path(), dialogs, dirs_exist_ok=True)
        write_new_greeting(dialogs)
        assert await running.editions.reload()
        assert running.editions.unusable is None
        assert NEW in text_of(await Conversation(running, recorder, person="Per").arrive())


async def test_the_helpdesk_works_by_the_new_edition_at_once(
    tmp_path: Path, dialogs: Path
) -> None:
    """A queue that an author adds takes the next ticket, and the words on the desk's cards are the new ones."""
    async with running_bot(tmp_path, dialogs=dialogs) as (running, recorder):
        await hand_over(Conversation(running, recorder))
        (dialogs / "triage.yaml").write_text(QUEUES, encoding="utf-8")
        assert await running.editions.reload()
        await hand_over(Conversation(running, recorder, person="Per"))

        queues = [ticket.queue for ticket in await Conversation(running, recorder).tickets()]
    assert queues == ["bounces", ""]


QUEUES = """\
format: 1
queues:
- id: bounces
  channel: 19:bounces@thread.tacv2
  team: 19:team@thread.tacv2
  when: {codes: ["5.1"]}
incidents: {window-minutes: 120, people: 2, apart: []}
"""


async def hand_over(person: Conversation) -> None:
    """Hand a bounce over to the helpdesk."""
    shown = await person.say(BOUNCE)
    await person.press(await person.press(shown, "human"), "send")
