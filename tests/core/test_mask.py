"""Hiding the addresses of third parties."""

import pytest

from bot.render.mask import masked


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("bob@contoso.com", "b•••@contoso.com"),
        ("<bob@contoso.com>;kari.nordmann@fabrikam.com", "<b•••@contoso.com>;k•••@fabrikam.com"),
        (
            "smtp;550 5.1.10 Recipient a@b.example not found",
            "smtp;550 5.1.10 Recipient a•••@b.example not found",
        ),
        ("no address", "no address"),
        ("@ alone", "@ alone"),
    ],
)
def test_local_parts_are_hidden(text: str, shown: str) -> None:
    """What is left says which domain, and not who."""
    assert masked(text) == shown
