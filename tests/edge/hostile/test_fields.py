"""Values of every wrong kind in every field of every kind of activity, against the real program over real HTTP."""

from __future__ import annotations

import json

import pytest

from tests.edge.hostile.fields import FIELDS, FILES, KINDS, VALUES, Field
from tests.edge.hostile.wire import ANSWERED_WITHIN, CANARY, Target, exchange

_SAMPLED = 7


@pytest.mark.parametrize("kind", KINDS)
def test_any_field_of_any_wrong_kind(any_office: Target, kind: str) -> None:
    """Each is answered as the table says, soon, with the connection kept; no ticket changes, and nothing of it is logged."""
    office = any_office
    url = office.stub.service_url
    office.stub.file("bounce.eml", b"Subject: Undeliverable")
    tickets, logged = office.dump("tickets", "ticket_events"), len(office.log())
    wrong: list[object] = []
    with office.connect() as connection:
        for number, field in enumerate(one for one in FIELDS if one.kind == kind):
            for name, activity, expected in _some(field, number):
                text = json.dumps(activity | {"serviceUrl": url}).replace(
                    FILES, office.stub.origin
                )
                data = office.request(text.encode(), url)
                answered = exchange(connection, data)
                if answered.status not in expected or answered.seconds > ANSWERED_WITHIN:
                    wrong.append((field.path, name, answered))
                assert not answered.closed, (field.path, name, answered)
    assert wrong == []
    office.settles()
    assert office.dump("tickets", "ticket_events") == tickets
    assert CANARY not in office.log()[logged:]
    assert "-failed" not in office.log()[logged:]


def _some(field: Field, number: int) -> list[tuple[str, dict[str, object], frozenset[int]]]:
    """Return some of the values for a field, others for the next one: all of them for each would take minutes."""
    every = list(field.sent())
    return [every[(number * _SAMPLED + at) % len(VALUES)] for at in range(_SAMPLED)]
