"""What breaks inside is never a 500 to the channel: whoever asked hears that it broke, and a reference that stands in the log."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.connector import stub_connector
from tests.edge.far_side import (
    ADA,
    ADA_ENTRA,
    CHANNEL_ID,
    TEAM_ID,
    TENANT,
    channel_message,
    execute,
    query,
    search,
    ticket_data,
)
from tests.edge.hostile.conftest import open_ticket
from tests.edge.hostile.wire import Target, target

Json = dict[str, Any]


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A program whose ticket somebody has spoilt behind its back, with Ada on its helpdesk."""
    data = tmp_path_factory.mktemp("broken")
    with stub_connector() as stub, target(data, stub) as under_attack:
        stub.members(TEAM_ID, [{"id": ADA, "aadObjectId": ADA_ENTRA, "name": "Ada Example"}])
        open_ticket(under_attack)
        (file,) = data.glob("*.sqlite3")
        with closing(sqlite3.connect(file)) as database:
            database.execute("UPDATE tickets SET document = '{\"garbage\": 7}'")
            database.commit()
        yield under_attack


def _thread(office: Target) -> Json:
    (card, *_) = office.stub.threads(CHANNEL_ID)[0]
    place = {"id": card["conversation"], "conversationType": "channel", "tenantId": TENANT}
    return {"conversation": place, "serviceUrl": office.stub.service_url}


def test_a_press_on_a_spoilt_ticket(broken: Target) -> None:
    """The presser is shown a line with a reference in the place of the card."""
    press = execute(ticket_data(ticket="1001", do="show", version="1")) | _thread(broken)
    answered = broken.post(press, broken.stub.service_url)
    assert answered.status == 200
    assert answered.json["type"] == "application/vnd.microsoft.activity.message"
    assert _reference(broken, "press-failed")


def test_a_search_over_spoilt_tickets(broken: Target) -> None:
    """The searcher is shown a line, not an error of the client's own."""
    asked = search(query("", "recent"), serviceUrl=broken.stub.service_url)
    answered = broken.post(asked, broken.stub.service_url)
    assert answered.status == 200
    assert answered.json["composeExtension"]["type"] == "message"
    assert _reference(broken, "search-failed")


def test_a_line_in_a_spoilt_tickets_thread(broken: Target) -> None:
    """Who says something there hears that it was not taken."""
    said = channel_message("<at>Bouncedesk</at> resolve", id="line") | _thread(broken)
    assert broken.post(said, broken.stub.service_url).status == 200
    broken.settles()
    reference = _reference(broken, "not-heard")
    shown = broken.stub.shown(said["conversation"]["id"])
    assert reference in json.dumps([one["content"] for one in shown])


def _reference(office: Target, event: str) -> str:
    """Return the reference that the log has for what broke."""
    lines = [json.loads(line) for line in office.log().splitlines() if line.startswith("{")]
    (found,) = [line["reference"] for line in lines if line["event"] == event]
    return str(found)
