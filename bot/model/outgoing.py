"""What is shown, free of any channel: a page of elements and buttons.

`render` makes a page from a screen and the words; the Teams edge makes an Adaptive Card of it, the terminal makes text.
Text from people is only ever in places that show it literally: a `Run` that is `given`, `Literal`, and the values of `Facts`.
"""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from bot.model.ids import Language


class Run(msgspec.Struct, frozen=True):
    """A stretch of text in one style."""

    text: str
    bold: bool = False
    code: bool = False
    link: str | None = None
    given: bool = False
    """It came from a person or a bounce: never to be read as markup."""


Text = tuple[Run, ...]
"""A line of text."""


class Tone(StrEnum):
    """What a remark is: never told by colour alone, each tone has a word of its own too."""

    NOTE = "note"
    WARNING = "warning"
    GOOD = "good"


class Heading(msgspec.Struct, frozen=True, tag="heading"):
    """The title of a page, with a small line above it that says where one is."""

    text: Text
    kicker: str = ""


class Paragraph(msgspec.Struct, frozen=True, tag="paragraph"):
    """A paragraph of ours."""

    text: Text
    quiet: bool = False


class Subheading(msgspec.Struct, frozen=True, tag="subheading"):
    """The title of a part of the page."""

    text: Text


class Literal(msgspec.Struct, frozen=True, tag="literal"):
    """Text from people or machines, shown letter by letter."""

    text: str
    label: str = ""
    copyable: bool = False
    """Made to be copied: shown whole and in one piece."""


class Fact(msgspec.Struct, frozen=True):
    """One line of a fact table; the value is literal."""

    label: str
    value: str


class Facts(msgspec.Struct, frozen=True, tag="facts"):
    """A table of facts."""

    rows: tuple[Fact, ...]


class Item(msgspec.Struct, frozen=True):
    """One numbered step, with what belongs to it."""

    text: Text
    sub: tuple[Text, ...] = ()
    note: Text = ()


class Steps(msgspec.Struct, frozen=True, tag="steps"):
    """Numbered steps."""

    items: tuple[Item, ...]


class Remark(msgspec.Struct, frozen=True, tag="remark"):
    """A note or a warning, set apart."""

    text: Text
    tone: Tone = Tone.NOTE
    label: str = ""
    """The word for the tone: "Note", "Warning"."""


class Bullets(msgspec.Struct, frozen=True, tag="bullets"):
    """A list without an order."""

    items: tuple[Text, ...]


class TextInput(msgspec.Struct, frozen=True, tag="text-input"):
    """A field to write in."""

    id: str
    label: str
    placeholder: str = ""
    required: bool = False
    required_message: str = ""
    value: str = ""
    single_line: bool = False
    """For a number or a name: what is written is never longer than a line."""


class Option(msgspec.Struct, frozen=True):
    """One entry of a list to choose from."""

    id: str
    label: str
    """Literal: it may be a person's name."""


class ChoiceInput(msgspec.Struct, frozen=True, tag="choice-input"):
    """A list to choose one entry from."""

    id: str
    label: str
    options: tuple[Option, ...]
    placeholder: str = ""
    required: bool = False
    required_message: str = ""


Element = (
    Heading
    | Paragraph
    | Subheading
    | Literal
    | Facts
    | Steps
    | Remark
    | Bullets
    | TextInput
    | ChoiceInput
)
"""One part of a page."""


class Weight(StrEnum):
    """How much a button stands out."""

    PRIMARY = "primary"
    CHOICE = "choice"
    QUIET = "quiet"


class Button(msgspec.Struct, frozen=True):
    """Something to press. Its data are ids, never text."""

    label: str
    data: Mapping[str, str]
    weight: Weight = Weight.CHOICE
    takes_inputs: bool = False
    """The page's fields travel with the press."""


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A page to send."""

    language: Language
    summary: str
    """One line for notifications and for clients that cannot show cards. Never text from people."""
    elements: tuple[Element, ...]
    buttons: tuple[Button, ...] = ()
    """What answers the page."""
    navigation: tuple[Button, ...] = ()
    """What is always there: back, start over, a human, the other languages."""


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a search found: a line in the list, and the page that is put into the conversation."""

    title: str
    subtitle: str
    page: Outgoing
