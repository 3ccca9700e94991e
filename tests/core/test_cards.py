"""The parts of a card that ticket pages need: fields, lists to choose from, long texts, and addresses at the edge of a cut."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.model import limits
from bot.model.ids import Language
from bot.model.outgoing import ChoiceInput, Element, Literal, Option, Outgoing, TextInput
from bot.render import adaptive_card, plain_text
from bot.render.card import first_that_fits
from bot.render.mask import masked, masked_beginning
from bot.render.speech import written
from tests.card_schema import problems_of


def page(*elements: Element) -> Outgoing:
    """Return a page of some elements."""
    return Outgoing(language=Language("en"), summary="A page", elements=elements)


def card(*elements: Element) -> dict[str, Any]:
    """Return the card of some elements, which is valid."""
    made = adaptive_card(page(*elements))
    assert problems_of(made) == []
    return made


def people(count: int) -> ChoiceInput:
    """Return a list of some people."""
    options = tuple(Option(f"key-{number}", f"Kari *{number}*") for number in range(1, count + 1))
    return ChoiceInput(
        id="person",
        label="Assign to",
        options=options,
        placeholder="Choose a colleague",
        required=True,
        required_message="Choose somebody",
    )


def test_a_short_list_is_a_menu_and_a_long_one_is_searched() -> None:
    """A list carries ids and shows names letter by letter; in a long one one types to find somebody."""
    menu = card(people(2))["body"][0]
    assert menu == {
        "type": "Input.ChoiceSet",
        "id": "person",
        "label": "Assign to",
        "style": "compact",
        "choices": [
            {"title": "Kari *1*", "value": "key-1"},
            {"title": "Kari *2*", "value": "key-2"},
        ],
        "placeholder": "Choose a colleague",
        "isRequired": True,
        "errorMessage": "Choose somebody",
    }
    assert card(people(30))["body"][0]["style"] == "filtered"


def test_a_list_has_numbers_in_a_terminal() -> None:
    """Where there are no menus, each entry has the number that chooses it."""
    assert plain_text(page(people(2))) == "Assign to:\n  1. Kari *1*\n  2. Kari *2*"


def test_a_field_has_as_many_lines_as_it_needs() -> None:
    """A text has room for paragraphs, a number one line."""
    text, number = card(
        TextInput(id="text", label="Message"),
        TextInput(id="other", label="Number", single_line=True),
    )["body"]
    assert (text["isMultiline"], number["isMultiline"]) == (True, False)


def test_a_text_of_many_lines_to_copy_is_only_in_its_field() -> None:
    """On a card each line is a block: a short text of a thousand lines would be larger than Teams takes."""
    made = card(Literal("a\n" * 1000, label="Pasted text", copyable=True))
    assert [part["type"] for part in made["body"]] == ["Input.Text"]


def test_the_first_page_that_fits_is_taken_and_else_the_shortest() -> None:
    """Pages are tried from the longest on."""
    long, short = page(Literal("x" * limits.CARD_BYTES)), page(Literal("x"))
    assert first_that_fits([long, short]) is short
    assert first_that_fits([short, long]) is short
    assert first_that_fits([long]) is long


def test_what_was_written_stays_whole() -> None:
    """Needless empty lines go, what exceeds the lines of a card is run together, and no word is lost."""
    assert written("\n\na\r\n\n\n\nb \n") == "a\n\nb"
    many = "\n".join(str(number) for number in range(100))
    assert len(written(many, 10).split("\n")) == 10
    assert written(many, 10).split() == many.split()
    assert written("") == ""


@given(st.integers(min_value=1, max_value=120))
def test_no_cut_leaves_half_an_address(chars: int) -> None:
    """Wherever a text is cut, no more of anybody's name is left than the mask leaves."""
    text = "Mail to <ola.nordmann@fabrikam.com>, kari.hansen@contoso.com and per.berg@example.org"
    shown = masked_beginning(text, chars)
    assert not any(name in shown for name in ("ol", "kar", "per."))


@given(st.text(alphabet="ab@.\n <", max_size=60), st.integers(min_value=1, max_value=60))
def test_a_beginning_is_never_longer_than_it_may_be(text: str, chars: int) -> None:
    """What is not masked longer is cut to length, and what fits is only masked."""
    shown = masked_beginning(text, chars)
    if len(text) <= chars:
        assert shown == masked(text)
    else:
        assert len(shown.replace("•••", "")) <= chars


def test_addresses_glued_together_hide_each_other() -> None:
    """What stands between two at signs is a name as much as a domain: it is hidden."""
    assert masked("ola@contoso.comkari@fabrikam.com") == "o•••@fabrikam.com"
