"""Where answers lead: every target exists, every node is reached, every way ends, nothing goes round by itself."""

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import TypeVar

from bot.content.fields import did_you_mean
from bot.content.problems import Findings, Place
from bot.content.sources import ArticleSource, Content
from bot.content.tree import Step
from bot.model.ids import ArticleId, ChoiceId, NodeId
from bot.model.library import NEXT_UNTRIED, Ask, End, Escalate, Fact, Fixer, Node, Target, Tell

T = TypeVar("T", bound=Hashable)
Spot = tuple[ArticleId, NodeId]

FACT_VALUES: dict[Fact, frozenset[str]] = {
    Fact.CUSTOM_DOMAIN: frozenset({"yes", "no"}),
    Fact.SEVERAL_RECIPIENTS: frozenset({"yes", "no"}),
    Fact.FIXER: frozenset(Fixer),
    Fact.RETRY_MAY_HELP: frozenset({"yes", "no"}),
}
"""What each fact can be: the choices of a question that it answers carry these ids."""

_DATE = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")


def edges(node: Node) -> Iterator[tuple[ChoiceId, Target, tuple[Step, ...]]]:
    """Yield where a node leads: the choice, its target, and the keys of that line below the node."""
    match node.kind:
        case Ask(choices=choices):
            for choice, target in choices.items():
                yield choice, target, ("ask", choice)
        case Tell(done=done, failed=failed):
            yield ChoiceId("done"), done, ("tell", "done")
            if failed is not None:
                yield ChoiceId("failed"), failed, ("tell", "failed")
        case Escalate() | End():
            return


def targets_exist(content: Content, findings: Findings) -> None:
    """Every node that something leads to exists."""
    for source in content.articles.values():
        article, file = source.article, source.file
        named: list[tuple[NodeId, tuple[Step, ...], str]] = [
            (article.start, ("start",), "'start'")
        ]
        if article.likely_start is not None:
            named.append((article.likely_start, ("likely-start",), "'likely-start'"))
        if article.exhausted is not None:
            named.append((article.exhausted, ("exhausted",), "'exhausted'"))
        named += [
            (node, ("entries", name), f"entry '{name}'") for name, node in article.entries.items()
        ]
        named += [(node, ("checks", at), "'checks'") for at, node in enumerate(article.checks)]
        for node, way, what in named:
            if node and node not in article.nodes:
                _unknown(findings, file.at(*way), what, node, article.nodes)
        for node_id, found in article.nodes.items():
            for _, target, way in edges(found):
                place = file.at("nodes", node_id, *way)
                _target_exists(content, source, f"node '{node_id}'", target, place, findings)


def untried_checks_are_listed(content: Content, findings: Findings) -> None:
    """An article that goes to `next-untried` says what there is to try, and what comes after."""
    for source in content.articles.values():
        article = source.article
        uses = [
            source.file.at("nodes", node_id, *way)
            for node_id, node in article.nodes.items()
            for _, target, way in edges(node)
            if target == NEXT_UNTRIED
        ]
        for place in uses[:1]:
            if not article.checks:
                findings.error(
                    place,
                    "no-checks",
                    "'next-untried' needs `checks: [...]` at the top of the file",
                )
            if article.exhausted is None:
                findings.error(
                    place, "no-checks", "'next-untried' needs `exhausted:` at the top of the file"
                )
        if NEXT_UNTRIED.node in article.nodes:
            findings.error(
                source.file.at("nodes", NEXT_UNTRIED.node),
                "reserved",
                "'next-untried' is no name for a node; rename it",
            )


def facts_can_answer(content: Content, findings: Findings) -> None:
    """A question that a fact answers has the fact's values as choices."""
    for source in content.articles.values():
        for node_id, node in source.article.nodes.items():
            match node.kind:
                case Ask(choices=choices, answered_by=Fact() as fact):
                    values = FACT_VALUES[fact]
                    if not values & set(choices):
                        findings.error(
                            source.file.at("nodes", node_id, "answered-by"),
                            "fact-cannot-answer",
                            f"'{fact}' is one of {', '.join(sorted(values))}; name choices so",
                        )
                case _:
                    pass


def no_silent_loop(content: Content, findings: Findings) -> None:
    """No circle of questions that facts answer: the user must be asked somewhere."""
    silent: dict[Spot, list[Spot]] = {}
    for source in content.articles.values():
        for node in source.article.nodes.values():
            match node.kind:
                case Ask(choices=choices, answered_by=Fact() as fact):
                    values = FACT_VALUES[fact]
                    known = [target for choice, target in choices.items() if choice in values]
                    spots = [
                        spot for target in known for spot in _silent_spots(content, source, target)
                    ]
                    silent[source.article.id, node.id] = spots
                case _:
                    pass
    for spot, following in silent.items():
        if spot in following or spot in _reached(silent, following):
            article, node_id = spot
            findings.error(
                content.articles[article].file.at("nodes", node_id),
                "silent-loop",
                f"node '{node_id}' comes back to itself without asking; let one node on the way ask",
            )


def every_node_is_reached(content: Content, findings: Findings) -> None:
    """Every node can be reached from a start or an entry."""
    for source in content.articles.values():
        article = source.article
        doors = [article.start, *article.entries.values()]
        doors += [article.likely_start] if article.likely_start else []
        graph = _graph(source)
        reached = _reached(graph, doors) | set(doors)
        for node_id in article.nodes:
            if node_id not in reached:
                findings.warning(
                    source.file.at("nodes", node_id),
                    "unreachable",
                    f"no answer leads to node '{node_id}'; let one lead there, or remove it",
                )


def every_way_ends(content: Content, findings: Findings) -> None:
    """From every node some way leads to an end, a hand-over or another article."""
    for source in content.articles.values():
        graph = _graph(source)
        leaving = {
            node.id
            for node in source.article.nodes.values()
            if isinstance(node.kind, End | Escalate)
            or any(target.article is not None for _, target, _ in edges(node))
        }
        for node_id in source.article.nodes:
            reached = _reached(graph, [node_id])
            if node_id not in leaving and not leaving & reached:
                findings.warning(
                    source.file.at("nodes", node_id),
                    "dead-end",
                    f"no way from node '{node_id}' leads to an end or a hand-over; add one",
                )


def headers_are_sound(content: Content, findings: Findings) -> None:
    """Each article says when somebody last read it, as a date."""
    for source in content.articles.values():
        if source.reviewed and not _DATE.fullmatch(source.reviewed):
            findings.warning(
                source.file.at("reviewed"),
                "bad-date",
                f"'{source.reviewed}' is no date; write it as 2026-11-23",
            )


def _target_exists(
    content: Content,
    source: ArticleSource,
    what: str,
    target: Target,
    place: Place,
    findings: Findings,
) -> None:
    if target.article is None:
        if target != NEXT_UNTRIED and target.node and target.node not in source.article.nodes:
            _unknown(
                findings, place, what, target.node, [*source.article.nodes, NEXT_UNTRIED.node]
            )
        return
    other = content.articles.get(target.article)
    if other is None:
        hint = did_you_mean(target.article, content.articles)
        findings.error(
            place,
            "unknown-target",
            f"{what} goes to article '{target.article}', which does not exist; {hint}",
        )
    elif target.node not in other.article.entries:
        hint = did_you_mean(target.node, other.article.entries)
        findings.error(
            place,
            "unknown-target",
            f"{what} goes to entry '{target.node}' of {target.article}, which has none; {hint}",
        )


def _unknown(
    findings: Findings, place: Place, what: str, node: NodeId, known: Iterable[str]
) -> None:
    hint = did_you_mean(node, known)
    findings.error(
        place, "unknown-target", f"{what} goes to '{node}', which does not exist; {hint}"
    )


def _graph(source: ArticleSource) -> dict[NodeId, list[NodeId]]:
    """Return the nodes that each node of an article leads to, inside the article."""
    article = source.article
    untried = [*article.checks, *([article.exhausted] if article.exhausted else [])]
    graph: dict[NodeId, list[NodeId]] = {}
    for node in article.nodes.values():
        graph[node.id] = []
        for _, target, _ in edges(node):
            if target == NEXT_UNTRIED:
                graph[node.id] += untried
            elif target.article is None and target.node in article.nodes:
                graph[node.id].append(target.node)
    return graph


def _silent_spots(content: Content, source: ArticleSource, target: Target) -> list[Spot]:
    """Return where a target leads without asking; `next-untried` can go in circles only by `exhausted`."""
    article = source.article
    if target == NEXT_UNTRIED:
        return [(article.id, article.exhausted)] if article.exhausted else []
    if target.article is None:
        return [(article.id, target.node)]
    other = content.articles.get(target.article)
    node = other.article.entries.get(target.node) if other else None
    return [(target.article, node)] if node else []


def _reached(graph: Mapping[T, list[T]], start: Iterable[T]) -> set[T]:
    """Return everything that can be reached from `start`, which itself counts when something leads back to it."""
    reached: set[T] = set()
    waiting = list(start)
    while waiting:
        spot = waiting.pop()
        for following in graph.get(spot, []):
            if following not in reached:
                reached.add(following)
                waiting.append(following)
    return reached
