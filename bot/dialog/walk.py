"""Moving through the graph of an article: where an answer leads, and back again."""

from typing import assert_never

from bot.dialog.facts import known_choice
from bot.model import limits
from bot.model.choices import DONE, FAILED
from bot.model.errors import ContentError
from bot.model.ids import ArticleId, ChoiceId, NodeId, ReasonId
from bot.model.library import NEXT_UNTRIED, Ask, End, Escalate, Library, Node, Target, Tell
from bot.model.session import Handing, Session, Visit, Walking

NOT_SOLVED = ReasonId("not-solved")
"""Why a ticket is opened when "it didn't help" and the article knows nothing more."""

NOT_HELPFUL = ReasonId("not-helpful")
"""Why a ticket is opened when the dialog ended and did not help (the article's rule 6)."""

ASKED_FOR_HUMAN = ReasonId("asked-for-human")
"""Why a ticket is opened when somebody simply wants to talk to a person."""


def node_at(library: Library, place: Walking) -> Node | None:
    """Return the node of a place, or None when the content no longer has it."""
    article = library.articles.get(place.article)
    return article.nodes.get(place.node) if article else None


def choices_of(node: Node) -> tuple[ChoiceId, ...]:
    """Return the choices a node itself offers, in the order they are shown."""
    match node.kind:
        case Ask(choices=choices):
            return tuple(choices)
        case Tell():
            return (DONE, FAILED)
        case Escalate() | End():
            return ()
        case _:
            assert_never(node.kind)


def answer(library: Library, session: Session, place: Walking, choice: ChoiceId) -> Session:
    """Answer a node and go where that leads. The choice must be one of `choices_of` the node."""
    node = library.articles[place.article].nodes[place.node]
    moved = session.with_(
        trail=_longer(session.trail, Visit(place.article, place.node, choice)),
        handout_language=None,
    )
    target = _target(node, choice)
    if target is None:
        return moved.with_(mode=Handing(reason=NOT_SOLVED, back=place))
    return _go(library, moved, place, target)


def enter(library: Library, session: Session, article: ArticleId, node: NodeId) -> Session:
    """Come to a node, and past every question whose answer is known. The session rests where the user is needed."""
    for _ in range(limits.AUTO_ANSWERS):
        found = library.articles[article].nodes[node]
        if isinstance(found.kind, Escalate):
            handing = Handing(
                reason=found.kind.reason,
                priority=found.kind.priority,
                at=Walking(article, node),
                back=_last_asked(session.trail),
            )
            return session.with_(mode=handing)
        fact = found.kind.answered_by if isinstance(found.kind, Ask) else None
        known = known_choice(fact, session.bounce, library) if fact else None
        target = _target(found, known) if known else None
        if known is None or target is None:
            return session.with_(mode=Walking(article, node))
        place = Walking(article, node)
        visit = Visit(article, node, known, known=True)
        session = session.with_(trail=_longer(session.trail, visit))
        article, node = _resolve(library, session, place, target)
    message = (
        f"{article}/{node}: known facts answer more than {limits.AUTO_ANSWERS} questions in a row."
    )
    raise ContentError(message)


def back(library: Library, session: Session) -> Session | None:
    """Return to the last question that was put to the user, or None when there is none."""
    trail = list(session.trail)
    while trail:
        visit = trail.pop()
        place = Walking(visit.article, visit.node)
        if not visit.known and node_at(library, place) is not None:
            return session.with_(trail=tuple(trail), mode=place, handout_language=None)
    return None


def nearest(library: Library, session: Session, place: Walking) -> Session:
    """Find the sensible place in changed content: where the user was, else the last place that still exists, else the start."""
    if node_at(library, place) is not None:
        return session
    returned = back(library, session)
    if returned is not None:
        return returned
    article = library.articles.get(place.article)
    if article is None:
        article = next(iter(library.articles.values()))
    return enter(library, session.with_(trail=()), article.id, article.start)


def _go(library: Library, session: Session, place: Walking, target: Target) -> Session:
    article, node = _resolve(library, session, place, target)
    return enter(library, session, article, node)


def _resolve(
    library: Library, session: Session, place: Walking, target: Target
) -> tuple[ArticleId, NodeId]:
    """Return the node that a target means, from where the session stands."""
    if target.article is not None:
        there = library.articles[target.article]
        return there.id, there.entries.get(target.node, target.node)
    if target != NEXT_UNTRIED:
        return place.article, target.node
    article = library.articles[place.article]
    visited = {visit.node for visit in session.trail if visit.article == place.article}
    untried = next((check for check in article.checks if check not in visited), article.exhausted)
    return place.article, untried if untried is not None else article.start


def _target(node: Node, choice: ChoiceId) -> Target | None:
    match node.kind:
        case Ask(choices=choices):
            return choices.get(choice)
        case Tell(done=done, failed=failed):
            return done if choice == DONE else failed
        case Escalate() | End():
            return None
        case _:
            assert_never(node.kind)


def _last_asked(trail: tuple[Visit, ...]) -> Walking | None:
    visit = next((visit for visit in reversed(trail) if not visit.known), None)
    return Walking(visit.article, visit.node) if visit else None


def _longer(trail: tuple[Visit, ...], visit: Visit) -> tuple[Visit, ...]:
    return (*trail, visit)[-limits.TRAIL :]
