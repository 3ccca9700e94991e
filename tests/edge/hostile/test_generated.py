"""Activities that nobody thought of: valid ones changed at random, by their structure."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.model.errors import RequestRefused
from bot.teams.inbound import read_activity
from tests.edge.far_side import language
from tests.edge.hostile.fields import KINDS, VALUES
from tests.edge.hostile.wire import Target, exchange

Json = dict[str, Any]

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_STRANGE = st.sampled_from([VALUES[name] for name in VALUES if name != "deep"]).map(deepcopy)
_VALUE: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXT
    | _STRANGE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=5,
)


@st.composite
def mutated(draw: st.DrawFn) -> Json:
    """Return a valid activity with some of its parts taken out, replaced, doubled, renamed or swapped for another activity's."""
    activity: Json = deepcopy(KINDS[draw(st.sampled_from(sorted(KINDS)))])
    for _ in range(draw(st.integers(1, 4))):
        inside: Any = activity
        while True:
            key = draw(
                st.sampled_from(sorted(inside) if isinstance(inside, dict) else range(len(inside)))
            )
            below = inside[key]
            if not (isinstance(below, dict | list) and below and draw(st.booleans())):
                break
            inside = below
        match draw(st.sampled_from(["take out", "replace", "add", "swap", "nest"])):
            case "take out" if inside is not activity or len(activity) > 1:
                del inside[key]
            case "add" if isinstance(inside, dict):
                inside[draw(_TEXT)] = draw(_VALUE)
            case "swap":
                inside[key] = deepcopy(KINDS[draw(st.sampled_from(sorted(KINDS)))])
            case "nest":
                inside[key] = [deepcopy(inside[key]), {"id": deepcopy(inside[key])}]
            case _:
                inside[key] = draw(_VALUE)
        if not activity:
            break
    return activity


@given(mutated())
@settings(max_examples=400)
def test_reading_is_an_event_or_a_refusal(activity: Json) -> None:
    """Whatever comes, it is read as something, as nothing, or refused with 400: and the same way a second time."""

    def outcome() -> object:
        try:
            return read_activity(activity, languages=language)
        except RequestRefused as refused:
            return refused.status, refused.detail

    before = deepcopy(activity)
    first = outcome()
    assert not isinstance(first, tuple) or first[0] == 400
    assert activity == before
    assert outcome() == first


@given(st.data())
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_program_answers_whatever_comes(any_office: Target, data: st.DataObject) -> None:
    """Over real HTTP each is answered with a status below 500 or 501, and the same again when it is delivered again."""
    url = any_office.stub.service_url
    activity = data.draw(mutated())
    if "serviceUrl" in activity:
        activity["serviceUrl"] = url
    request = any_office.request(json.dumps(activity).encode(), url)
    with any_office.connect() as connection:
        first, again = exchange(connection, request), exchange(connection, request)
    assert first.status in (200, 400, 403, 413, 501), first
    assert again.status == first.status
    assert first.seconds < 5.0
