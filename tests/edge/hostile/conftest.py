"""The programs under attack: one that is only ever refused, and one on which some of what is sent is taken."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.connector import StubConnector, stub_connector
from tests.conversation import BOUNCE
from tests.edge.far_side import message
from tests.edge.hostile.wire import Target, target


@pytest.fixture(scope="session")
def microsoft() -> Iterator[StubConnector]:
    """A stand-in of our own: the tests around reset theirs."""
    with stub_connector() as stub:
        yield stub


@pytest.fixture(scope="session")
def fortress(
    microsoft: StubConnector, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Target]:
    """A program with a ticket in its store, which nothing that is refused may change."""
    with target(tmp_path_factory.mktemp("fortress"), microsoft) as under_attack:
        open_ticket(under_attack)
        yield under_attack


@pytest.fixture(scope="session")
def office(microsoft: StubConnector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A program with a ticket in its store."""
    with target(tmp_path_factory.mktemp("office"), microsoft) as under_attack:
        open_ticket(under_attack)
        yield under_attack


@pytest.fixture(scope="session")
def other_office(
    microsoft: StubConnector, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Target]:
    """The same on the other SDK."""
    with target(tmp_path_factory.mktemp("other"), microsoft, SDK="agents") as under_attack:
        open_ticket(under_attack)
        yield under_attack


@pytest.fixture(params=["office", "other_office"])
def any_office(request: pytest.FixtureRequest) -> Target:
    """Each of them in its turn: what their SDKs make of an activity differs."""
    under_attack: Target = request.getfixturevalue(request.param)
    return under_attack


def open_ticket(under_attack: Target) -> None:
    """Let Ada hand over a bounce: the first ticket, #1001."""
    url = under_attack.stub.service_url
    for number, text in enumerate((BOUNCE, "talk to a human", "send it")):
        activity = message(text, id=f"ada-{number}", serviceUrl=url, locale="en-US")
        assert under_attack.post(activity, url).status == 200
    under_attack.settles()
    assert len(under_attack.dump("tickets")["tickets"]) == 1
