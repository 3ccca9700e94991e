"""What a typed line means where a button was expected."""

import pytest

from bot.dialog.typed import named_choice
from bot.model.ids import ChoiceId

VISIBLE = {
    ChoiceId("sender"): ("I got the bounce", "I sent it", "Jeg fikk returmeldingen"),
    ChoiceId("recipient"): ("I was asked to check my forwarding", "Jeg er mottakeren"),
    ChoiceId("admin"): ("I am the recipient's e-mail admin",),
}
ALWAYS = {
    ChoiceId("human"): ("Talk to a human", "human", "Snakk med et menneske", "menneske"),
    ChoiceId("back"): ("Back", "go back", "Tilbake"),
}


@pytest.mark.parametrize(
    ("line", "choice"),
    [
        ("I got the bounce", "sender"),
        ("i GOT the bounce!", "sender"),
        ("1", "sender"),
        ("3", "admin"),
        ("I got teh bounce", "sender"),
        ("jeg fikk returmeldingen", "sender"),
        ("well, I got the bounce myself", "sender"),
        ("back", "back"),
        ("Tilbake.", "back"),
        ("human", "human"),
        ("I want to talk to a human please", "human"),
        ("snakk med et menneske", "human"),
        ("i was askd to check my forwarding", "recipient"),
    ],
)
def test_a_line_names_a_choice(line: str, choice: str) -> None:
    """Labels, typed words, numbers and small slips name their choice, in any language."""
    assert named_choice(line, VISIBLE, ALWAYS) == choice


@pytest.mark.parametrize(
    "line",
    [
        "",
        "   ",
        "👍",
        "0",
        "4",
        "99999999999",
        "human resources sent me a form",
        "the printer is on fire",
        "what?",
        "e-mail",
        "x" * 500,
        "I got the bounce or I was asked to check my forwarding",
    ],
)
def test_a_line_that_names_nothing_clearly_is_not_guessed(line: str) -> None:
    """Where two choices are close, or none is, the bot asks again rather than guesses."""
    assert named_choice(line, VISIBLE, ALWAYS) is None
