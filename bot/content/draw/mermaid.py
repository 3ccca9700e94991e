"""Mermaid: for wikis and pull requests that draw it themselves."""

from bot.content.draw.chart import Box, Kind, chart_of
from bot.model.ids import Language
from bot.model.library import Article, Lane, Library

_SHAPES = {
    Kind.QUESTION: ("{{", "}}"),
    Kind.STEP: ("[", "]"),
    Kind.END: ("([", "])"),
    Kind.HAND_OVER: ("[/", "\\]"),
    Kind.ELSEWHERE: ("[[", "]]"),
    Kind.UNTRIED: ("(", ")"),
}


def draw_mermaid(article: Article, library: Library, language: Language) -> str:
    """Draw an article as a Mermaid flow chart, a subgraph for each lane."""
    chart = chart_of(article, library, language)
    words = library.words[library.prose(article.id, language)[0]].words
    names = {box_id: f"n{number}" for number, box_id in enumerate(chart.boxes, start=1)}
    lines = ["---", f"title: {_quoted(chart.title)}", "---", "flowchart LR"]
    for lane in Lane:
        boxes = [box for box in chart.boxes.values() if box.lane is lane]
        if boxes:
            lines.append(f"  subgraph {lane.replace('-', '_')}[{_quoted(words[f'lane-{lane}'])}]")
            for box in boxes:
                lines += _node(box, names[box.id])
            lines.append("  end")
    for box in chart.boxes.values():
        for answer in box.answers:
            lines.append(f"  {names[box.id]} -->|{_quoted(answer.label)}| {names[answer.to]}")
    return "\n".join(lines) + "\n"


def _node(box: Box, name: str) -> list[str]:
    opening, closing = _SHAPES[box.kind]
    note = " · ".join(box.hover.splitlines())
    return [
        *([f"    %% {note}"] if note else []),
        f"    {name}{opening}{_quoted(box.title)}{closing}",
    ]


def _quoted(text: str) -> str:
    """Return a text in quotes, its own as Mermaid's entity for them."""
    return '"' + text.replace("#", "#35;").replace('"', "#quot;").replace("\n", " ") + '"'
