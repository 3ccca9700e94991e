"""An article as boxes with answers: what there is to draw, in one language, before anybody decides where."""

import re
from dataclasses import dataclass, replace
from enum import StrEnum

from bot.model.choices import DONE, FAILED, HUMAN
from bot.model.ids import ArticleId, ChoiceId, Language, NodeId
from bot.model.library import (
    NEXT_UNTRIED,
    Article,
    ArticleProse,
    Ask,
    End,
    Escalate,
    Lane,
    Library,
    Node,
    Target,
    Tell,
    Words,
)

_MARKUP = re.compile(r"\*\*|`")
_PLACEHOLDER = re.compile(r"\{(link:)?([^{}]*)\}")

UNTRIED = "next-untried"
"""Box for the checks that `next-untried` goes through."""

HELPDESK = "helpdesk"
"""Box for the hand-over that a step without `failed` leads to."""


class Kind(StrEnum):
    """What a box is. Each has a shape of its own."""

    QUESTION = "question"
    STEP = "step"
    END = "end"
    HAND_OVER = "hand-over"
    ELSEWHERE = "elsewhere"
    UNTRIED = "untried"


CLOSING = frozenset({Kind.END, Kind.HAND_OVER, Kind.ELSEWHERE, Kind.UNTRIED})
"""Boxes without a way on from here: they stand together, and lines to them would only tangle."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One way out of a box."""

    label: str
    to: str
    also: tuple[str, ...] = ()
    """More boxes, where the overview sums several ways out up."""

    @property
    def all(self) -> tuple[str, ...]:
        """Return every box it leads to."""
        return (self.to, *self.also)


@dataclass(frozen=True, slots=True)
class Box:
    """One node of the article, or a place that several nodes lead to."""

    id: str
    kind: Kind
    lane: Lane
    title: str
    answers: tuple[Answer, ...] = ()
    hover: str = ""
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """Every box of an article, in the order of the file."""

    title: str
    boxes: dict[str, Box]
    doors: tuple[str, ...]
    """Boxes that a dialog can begin at: the start first."""


def chart_of(article: Article, library: Library, language: Language) -> Chart:
    """Take an article apart. A language it is not complete in gives way to the default."""
    language, prose = library.prose(article.id, language)
    words = library.words[language]
    boxes: dict[str, Box] = {}
    for node in article.nodes.values():
        boxes[node.id] = _box(article, node, prose, library, language)
    for node in article.nodes.values():
        for _, target in _ways(node):
            _add_beyond(boxes, article, target, library, language)
    starts = [article.start, *([article.likely_start] if article.likely_start else [])]
    doors = dict.fromkeys([*starts, *article.entries.values()])
    return Chart(_plain(prose.title, words), boxes, tuple(doors))


def lanes_of(chart: Chart) -> list[Lane]:
    """Return the lanes that have boxes of their own, in the order of the format."""
    used = {box.lane for box in chart.boxes.values() if box.kind not in CLOSING}
    return [lane for lane in Lane if lane in used]


def overview(chart: Chart, words: Words) -> Chart:
    """Return the chart with each lane shrunk to its doors: where people come in, and where they can end up."""
    doors = _lane_doors(chart)
    boxes: dict[str, Box] = {}
    for box in chart.boxes.values():
        if box.kind in CLOSING or box.lane is Lane.ALL:
            boxes[box.id] = box
        elif box.id in doors:
            boxes[box.id] = replace(box, answers=_far_answers(chart, box, doors, words))
    return Chart(chart.title, boxes, chart.doors)


def _lane_doors(chart: Chart) -> set[str]:
    doors = set(chart.doors)
    for box in chart.boxes.values():
        for answer in box.answers:
            there = chart.boxes[answer.to]
            if there.kind not in CLOSING and there.lane is not box.lane:
                doors.add(there.id)
    return doors


def _far_answers(chart: Chart, door: Box, doors: set[str], words: Words) -> tuple[Answer, ...]:
    """Return where a door leads to, through any boxes of its lane but other doors, and not back to the way in."""
    seen, waiting = {door.id}, [door]
    found: set[str] = set()
    while waiting:
        box = waiting.pop(0)
        for answer in box.answers:
            there = chart.boxes[answer.to]
            if there.id in seen:
                continue
            seen.add(there.id)
            if there.kind in CLOSING or there.lane is not door.lane or there.id in doors:
                found.add(there.id)
            else:
                waiting.append(there)
    reached = [box for box in chart.boxes.values() if box.id in found]
    onwards = [box for box in reached if box.kind not in CLOSING and box.lane is not Lane.ALL]
    answers = [Answer(box.title, box.id) for box in onwards]
    for kind in (Kind.UNTRIED, Kind.END, Kind.HAND_OVER, Kind.ELSEWHERE):
        ids = [box.id for box in reached if box.kind is kind]
        if ids:
            label = words.words[f"drawing-{kind}"]
            answers.append(Answer(label[0].upper() + label[1:], ids[0], tuple(ids[1:])))
    return tuple(answers)


def _box(
    article: Article, node: Node, prose: ArticleProse, library: Library, language: Language
) -> Box:
    words = library.words[language]
    spoken = prose.nodes[node.id]
    answers = tuple(
        Answer(
            _plain(spoken.choices.get(choice) or words.commands[choice].label, words), _id(target)
        )
        for choice, target in _ways(node)
    )
    urgent = isinstance(node.kind, Escalate) and node.kind.priority == "urgent"
    return Box(
        id=node.id,
        kind=_kind(node),
        lane=node.lane,
        title=_plain(spoken.title, words),
        answers=answers,
        hover=_hover(article, node, language, words),
        urgent=urgent,
    )


def _hover(article: Article, node: Node, language: Language, words: Words) -> str:
    """Return what a pointer shows on a box: its id, the blocks it shows, and what it covers."""
    covers = [*node.covers]
    blocks: list[str] = []
    for block_id in node.blocks:
        block = article.blocks.get(block_id)
        if block is not None:
            covers += [id_ for id_ in block.covers if id_ not in covers]
            title = block.prose[language].title if language in block.prose else None
            blocks.append(_plain(title, words) if title else block_id)
    lines = [
        node.id,
        *(f"+ {title}" for title in blocks),
        *([", ".join(covers)] if covers else []),
    ]
    return "\n".join(lines)


def _kind(node: Node) -> Kind:
    match node.kind:
        case Ask():
            return Kind.QUESTION
        case Tell():
            return Kind.STEP
        case Escalate():
            return Kind.HAND_OVER
        case End():
            return Kind.END


def _ways(node: Node) -> list[tuple[ChoiceId, Target]]:
    match node.kind:
        case Ask(choices=choices):
            return [*choices.items()]
        case Tell(done=done, failed=failed):
            return [(DONE, done), (FAILED, failed or Target(NodeId(HELPDESK)))]
        case _:
            return []


def _id(target: Target) -> str:
    return f"{target.article}/{target.node}" if target.article else target.node


def _add_beyond(
    boxes: dict[str, Box], article: Article, target: Target, library: Library, language: Language
) -> None:
    """Add a box for a target that is no node of the article."""
    id_, words = _id(target), library.words[language]
    if id_ in boxes:
        return
    if target == NEXT_UNTRIED:
        order = [*article.checks, *([article.exhausted] if article.exhausted else [])]
        answers = tuple(Answer(boxes[node].title, node) for node in order)
        boxes[id_] = Box(UNTRIED, Kind.UNTRIED, Lane.ALL, words.words["drawing-untried"], answers)
    elif target.article is None:
        title = words.commands[HUMAN].label
        boxes[id_] = Box(HELPDESK, Kind.HAND_OVER, Lane.ALL, title)
    else:
        boxes[id_] = Box(
            id_, Kind.ELSEWHERE, Lane.ALL, _title_elsewhere(target.article, library, language)
        )


def _title_elsewhere(article: ArticleId, library: Library, language: Language) -> str:
    language, prose = library.prose(article, language)
    return _plain(prose.title, library.words[language])


def _plain(text: str, words: Words) -> str:
    """Return prose without its marks, with the words that stand for facts nobody has read."""

    def stand_in(found: re.Match[str]) -> str:
        link, name = found.groups()
        return (words.links if link else words.unknown_facts).get(name, name)  # type: ignore[arg-type]

    return _PLACEHOLDER.sub(stand_in, _MARKUP.sub("", text)).strip()
