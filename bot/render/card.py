"""From a page to an Adaptive Card 1.5, the newest version that Teams shows.

Three habits of Teams decide the shapes here. Its `TextBlock` and `FactSet` read Markdown, so whatever people or bounces say stands in
`RichTextBlock` runs or in input fields, which read nothing. Its rows of buttons cut long labels on a phone, so every answer has a
row of its own. And it hides what goes beyond six buttons of one row, so the row below carries only what is always there.
"""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, assert_never

from bot.model.limits import CARD_BYTES, COPY_SHOWN_CHARS, COPY_SHOWN_LINES, NOTE_CHARS
from bot.model.outgoing import (
    Bullets,
    Button,
    ChoiceInput,
    Element,
    Facts,
    Heading,
    Item,
    Literal,
    Outgoing,
    Paragraph,
    Remark,
    Run,
    Steps,
    Subheading,
    Text,
    TextInput,
    Tone,
    Weight,
)

Json = dict[str, Any]

DATA_KEY = "bouncedesk"
"""The one key of a button's data that is ours; everything beside it is what was typed into the card's fields."""

_VERB = "bouncedesk"
_SEARCHED = 8
"""Entries of a list from which one types to find one, instead of scrolling."""
_STYLES = {Tone.NOTE: "emphasis", Tone.WARNING: "attention", Tone.GOOD: "good"}
_marked_up = re.compile(r"[*_\[\]`\\<>#]").search


def adaptive_card(page: Outgoing) -> Json:
    """Return the Adaptive Card of a page, as the content of an attachment."""
    body: list[Json] = []
    for element in page.elements:
        body += _element(element)
    for button in page.buttons:
        body.append({"type": "ActionSet", "spacing": "Small", "actions": [_action(button)]})
    card: Json = {
        "type": "AdaptiveCard",
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "version": "1.5",
        "speak": page.summary,
        "fallbackText": page.summary,
        "msteams": {"width": "Full"},
        "body": body,
    }
    if page.navigation:
        card["actions"] = [_action(button) for button in page.navigation]
    return card


def first_that_fits(pages: Iterable[Outgoing]) -> Outgoing:
    """Return the first of some pages, each shorter than the one before, whose card is small enough for Teams; else the last."""
    waiting = iter(pages)
    shown = next(waiting)
    while not _fits(shown):
        shorter = next(waiting, None)
        if shorter is None:
            break
        shown = shorter
    return shown


def _fits(page: Outgoing) -> bool:
    card = json.dumps(adaptive_card(page), ensure_ascii=False)
    return len(card.encode("utf-8", "surrogatepass")) <= CARD_BYTES


def _action(button: Button) -> Json:
    """Return a button that `Action.Execute` answers in place, with `Action.Submit` for clients that cannot."""
    pressed: Json = {
        "title": button.label,
        "data": {DATA_KEY: dict(button.data)},
        "associatedInputs": "auto" if button.takes_inputs else "none",
    }
    if button.weight is Weight.PRIMARY:
        pressed["style"] = "positive"
    fallback = {"type": "Action.Submit", **pressed}
    return {"type": "Action.Execute", "verb": _VERB, **pressed, "fallback": fallback}


def _element(element: Element) -> list[Json]:
    match element:
        case Heading(text=text, kicker=kicker):
            return _heading(text, kicker)
        case Subheading(text=text):
            return [_text(text, weight="Bolder", spacing="Medium")]
        case Paragraph(text=text, quiet=quiet):
            return [_text(text, quiet=quiet)]
        case Literal():
            return _literal(element)
        case Facts(rows=rows):
            lines = [
                (Run(f"{row.label}: ", bold=True), Run(row.value, given=True)) for row in rows
            ]
            return [_container([_text(line, spacing="Small") for line in lines], "default")]
        case Steps(items=items):
            return [_step(number, item) for number, item in enumerate(items, start=1)]
        case Remark(text=text, tone=tone, label=label):
            named = (Run(f"{label}: ", bold=True), *text) if label else text
            return [_container([_text(named)], _STYLES[tone])]
        case Bullets(items=items):
            return [_text((Run("• "), *item), spacing="Small") for item in items]
        case TextInput() | ChoiceInput():
            return [_field(element)]
        case _:
            assert_never(element)


def _heading(text: Text, kicker: str) -> list[Json]:
    above: list[Json] = []
    if kicker:
        above = [_text((Run(kicker),), quiet=True)]
        above[0]["size"] = "Small"
    title = _text(text, weight="Bolder", spacing="Small" if kicker else "Default")
    if title["type"] == "TextBlock":
        title |= {"size": "Large", "style": "heading"}
    else:
        for run in title["inlines"]:
            run["size"] = "Large"
    return [*above, title]


def _text(
    text: Text, *, weight: str | None = None, spacing: str | None = None, quiet: bool = False
) -> Json:
    block = _text_block(text, weight) if _is_ours(text) else _rich_text(text, weight, quiet=quiet)
    if quiet and block["type"] == "TextBlock":
        block["isSubtle"] = True
    if spacing:
        block["spacing"] = spacing
    return block


def _is_ours(text: Text) -> bool:
    """Tell whether nothing in a line could be mistaken for markup, so that Markdown may be used for it."""
    for run in text:  # noqa: SIM110 - faster than all(): this is asked of every line of every card
        if run.given or run.code or _marked_up(run.text):
            return False
    return True


def _text_block(text: Text, weight: str | None) -> Json:
    block: Json = {
        "type": "TextBlock",
        "text": "".join([_markdown(run) for run in text]),
        "wrap": True,
    }
    if weight:
        block["weight"] = weight
    return block


def _markdown(run: Run) -> str:
    if run.link:
        return f"[{run.text}]({run.link})"
    if not run.bold or not (stripped := run.text.strip()):
        return run.text
    before, _, after = run.text.partition(stripped)
    return f"{before}**{stripped}**{after}"


def _rich_text(text: Text, weight: str | None, *, quiet: bool) -> Json:
    return {"type": "RichTextBlock", "inlines": [_run(run, weight, quiet=quiet) for run in text]}


def _run(run: Run, weight: str | None, *, quiet: bool) -> Json:
    inline: Json = {"type": "TextRun", "text": run.text}
    if run.bold or weight:
        inline["weight"] = "Bolder"
    if run.code:
        inline["fontType"] = "Monospace"
    if quiet:
        inline["isSubtle"] = True
    if run.link:
        inline["underline"] = True
        inline["selectAction"] = {"type": "Action.OpenUrl", "url": run.link}
    return inline


def _literal(literal: Literal) -> list[Json]:
    """Return literal text; what is made to be copied also stands in a field, where a phone can select all of it."""
    if not literal.copyable:
        label = [_text((Run(literal.label, bold=True),))] if literal.label else []
        return [_container([*label, *_lines(literal.text)], "emphasis")]
    field: Json = {
        "type": "Input.Text",
        "id": "copy",
        "label": literal.label,
        "isMultiline": True,
        "value": literal.text,
    }
    if len(literal.text) > COPY_SHOWN_CHARS or literal.text.count("\n") > COPY_SHOWN_LINES:
        return [field]
    return [_container(_lines(literal.text, code=False), "emphasis"), field]


def _lines(text: str, *, code: bool = True) -> list[Json]:
    return [
        _rich_text((Run(line or "\N{NO-BREAK SPACE}", code=code, given=True),), None, quiet=False)
        | {"spacing": "None"}
        for line in text.split("\n")
    ]


def _step(number: int, item: Item) -> Json:
    parts = [_text(item.text)]
    parts += [_text((Run("– "), *sub), spacing="Small") for sub in item.sub]
    if item.note:
        parts.append(_text(item.note, spacing="Small", quiet=True))
    return {
        "type": "ColumnSet",
        "spacing": "Small",
        "columns": [
            {
                "type": "Column",
                "width": "auto",
                "items": [_text((Run(f"{number}."),), weight="Bolder")],
            },
            {"type": "Column", "width": "stretch", "items": parts},
        ],
    }


def _container(items: Sequence[Json], style: str) -> Json:
    return {"type": "Container", "style": style, "items": list(items)}


def _field(field: TextInput | ChoiceInput) -> Json:
    block = _text_input(field) if isinstance(field, TextInput) else _choice_input(field)
    if field.placeholder:
        block["placeholder"] = field.placeholder
    if field.required:
        block |= {"isRequired": True, "errorMessage": field.required_message}
    return block


def _text_input(field: TextInput) -> Json:
    block: Json = {
        "type": "Input.Text",
        "id": field.id,
        "label": field.label,
        "isMultiline": not field.single_line,
        "maxLength": NOTE_CHARS,
    }
    if field.value:
        block["value"] = field.value
    return block


def _choice_input(field: ChoiceInput) -> Json:
    return {
        "type": "Input.ChoiceSet",
        "id": field.id,
        "label": field.label,
        "style": "filtered" if len(field.options) >= _SEARCHED else "compact",
        "choices": [{"title": option.label, "value": option.id} for option in field.options],
    }
