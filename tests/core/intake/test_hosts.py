"""Which server wrote a notification, from the sentence in which it introduces itself."""

import pytest

from bot.intake import read_text


@pytest.mark.parametrize(
    ("introduction", "host"),
    [
        ("This is the mail system at host relay.contoso.com.", "relay.contoso.com"),
        ("This is the Email Security Gateway at host gate.contoso.com.", "gate.contoso.com"),
        ("This is the mail delivery system at Relay.Contoso.com", "relay.contoso.com"),
        ("This is the best place at the moment.", None),
    ],
)
def test_a_server_introduces_itself(introduction: str, host: str | None) -> None:
    """The host is read whatever the system calls itself; a sentence that only begins alike names nobody."""
    text = f"{introduction}\n\nI'm sorry, the message could not be delivered.\n\n<per@fabrikam.com>: 550 5.1.1 user unknown\n"

    assert read_text(text).reporting_mta == host
