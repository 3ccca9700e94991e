"""From a page to plain text: for the terminal, and for whoever cannot see a card. Buttons are left to the reader's own numbering."""

import textwrap
from typing import assert_never

from bot.model.outgoing import (
    Bullets,
    ChoiceInput,
    Element,
    Facts,
    Heading,
    Item,
    Literal,
    Outgoing,
    Paragraph,
    Remark,
    Steps,
    Subheading,
    Text,
    TextInput,
)

_NARROWEST = 20
_DANGEROUS = {code: None for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}
"""Control characters: a pasted text must not be able to move the cursor or recolour the terminal."""


def plain_text(page: Outgoing, width: int = 80) -> str:
    """Return a page as text of at most `width` columns, a blank line between its parts."""
    width = max(width, _NARROWEST)
    parts = (_element(element, width) for element in page.elements)
    return "\n\n".join(part for part in parts if part).translate(_DANGEROUS)


def _element(element: Element, width: int) -> str:
    match element:
        case Heading(text=text, kicker=kicker):
            title = _spelled(text)
            rule = "=" * min(len(title), width)
            above = f"{_wrapped(kicker, width)}\n" if kicker else ""
            return f"{above}{_wrapped(title, width)}\n{rule}"
        case Subheading(text=text):
            return _wrapped(f"{_spelled(text)}", width)
        case Paragraph(text=text):
            return _wrapped(_spelled(text), width)
        case Literal(text=text, label=label):
            lines = [wrapped for line in text.split("\n") for wrapped in _literal(line, width)]
            return "\n".join([*([label] if label else []), *(f"  | {line}" for line in lines)])
        case Facts(rows=rows):
            return "\n".join(
                _wrapped(f"{row.label}: {row.value}", width, hang="  ") for row in rows
            )
        case Steps(items=items):
            return "\n".join(
                _step(number, item, width) for number, item in enumerate(items, start=1)
            )
        case Remark(text=text, label=label):
            return _wrapped(
                f"! {label}: {_spelled(text)}" if label else f"* {_spelled(text)}",
                width,
                hang="  ",
            )
        case Bullets(items=items):
            return "\n".join(_wrapped(f"- {_spelled(item)}", width, hang="  ") for item in items)
        case TextInput() | ChoiceInput():
            return _field(element, width)
        case _:
            assert_never(element)


def _field(field: TextInput | ChoiceInput, width: int) -> str:
    if isinstance(field, TextInput):
        return _wrapped(f"{field.label}: {field.value or '…'}", width, hang="  ")
    entries = (
        _wrapped(f"  {number}. {option.label}", width, hang="     ")
        for number, option in enumerate(field.options, start=1)
    )
    return "\n".join([f"{field.label}:", *entries])


def _step(number: int, item: Item, width: int) -> str:
    start = f"{number}. "
    lines = [_wrapped(start + _spelled(item.text), width, hang=" " * len(start))]
    lines += [_wrapped(f"   - {_spelled(sub)}", width, hang="     ") for sub in item.sub]
    lines += [_wrapped(f"   ({_spelled(item.note)})", width, hang="    ")] if item.note else []
    return "\n".join(lines)


def _spelled(text: Text) -> str:
    """Return a line with the address of each link behind its title."""
    return "".join(f"{run.text} <{run.link}>" if run.link else run.text for run in text)


def _wrapped(text: str, width: int, hang: str = "") -> str:
    return textwrap.fill(
        text, width, subsequent_indent=hang, break_long_words=False, break_on_hyphens=False
    )


def _literal(line: str, width: int) -> list[str]:
    return textwrap.wrap(line, width - 4, drop_whitespace=False, break_on_hyphens=False) or [""]
