"""Activities that come again, at once, late, or in the wrong order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.conversation import BOUNCE
from tests.e2e.office import card_of, data_of
from tests.edge.far_side import BO, TENANT, execute, message, submit
from tests.edge.hostile.wire import Target

Json = dict[str, Any]


def _from(person: str, office: Target) -> Json:
    return {
        "from": {"id": f"29:{person}", "name": person, "aadObjectId": f"key-{person}"},
        "conversation": {"id": f"a:{person}", "conversationType": "personal", "tenantId": TENANT},
        "serviceUrl": office.stub.service_url,
    }


def _cards(office: Target, person: str) -> list[Json]:
    office.settles()
    shown = office.stub.shown(f"a:{person}")
    return [card for one in shown if (card := card_of(one["content"])) is not None]


def _hand_over(office: Target, person: str) -> list[Json]:
    """Let somebody hand over a bounce; return what they sent."""
    sent = [
        message(text, id=f"{person}-{number}", locale="en-US") | _from(person, office)
        for number, text in enumerate((BOUNCE, "talk to a human", "send it"))
    ]
    for activity in sent:
        assert office.post(activity, office.stub.service_url).status == 200
        office.settles()
    return sent


def test_a_replay_changes_nothing(office: Target) -> None:
    """A whole conversation delivered again, forwards, backwards and with a fresh token, is answered 200 and is not there twice."""
    sent = _hand_over(office, "rita")
    before, cards = office.dump(), len(_cards(office, "rita"))
    office.forger.forget()
    for activity in (*sent, *reversed(sent)):
        assert office.post(activity, office.stub.service_url).status == 200
    assert len(_cards(office, "rita")) == cards
    assert office.dump() == before


def test_a_replay_in_another_name_is_not_the_first_ones(office: Target) -> None:
    """The id of an activity is its sender's: somebody else who takes it neither hides it nor gets its answer."""
    (first, *_) = _hand_over(office, "vera")
    taken = first | _from("mallory", office)
    assert office.post(taken, office.stub.service_url).status == 200
    assert len(_cards(office, "mallory")) == 1
    assert any("key-mallory" in row for row in office.dump("sessions")["sessions"])


def test_twenty_deliveries_at_once_are_one(office: Target) -> None:
    """The same message twenty times in the same moment is one turn with one answer."""
    data = office.request(
        message(BOUNCE, id="at-once") | _from("tove", office), office.stub.service_url
    )
    with ThreadPoolExecutor(20) as together:
        answered = list(together.map(office.send, [data] * 20))
    assert {one.status for one in answered} == {200}
    assert len(_cards(office, "tove")) == 1


def test_the_end_before_the_beginning(office: Target) -> None:
    """`send it` before there is anything to send, and the bounce after it, open no ticket and lose nothing."""
    before = office.dump("tickets")
    for number, text in enumerate(("send it", "talk to a human", BOUNCE)):
        activity = message(text, id=f"wrong-{number}", locale="en-US") | _from("olga", office)
        assert office.post(activity, office.stub.service_url).status == 200
    assert _cards(office, "olga")
    assert office.dump("tickets") == before


def test_a_press_long_after_its_card(office: Target) -> None:
    """The first card's buttons, pressed when the ticket has long been sent, open no second one: neither kind, nor twice."""
    person = "nils"
    first = message(BOUNCE, id="nils-0", locale="en-US") | _from(person, office)
    assert office.post(first, office.stub.service_url).status == 200
    (card,) = _cards(office, person)
    data = data_of(card, choice="human")
    _hand_over(office, person)
    before = office.dump("tickets")
    for number in range(3):
        for press in (execute(data), submit(data)):
            late = press | _from(person, office) | {"id": f"late-{number}-{press['type']}"}
            assert office.post(late, office.stub.service_url).status == 200
    office.settles()
    assert office.dump("tickets") == before


def test_a_reaction_to_what_was_never_said(office: Target) -> None:
    """Edits, deletions, reactions and removals of what nobody knows are taken note of, and nothing is written."""
    before = office.dump()
    for kind in ("messageUpdate", "messageDelete", "messageReaction", "installationUpdate"):
        activity = message("x", type=kind, id="no-such-message", action="remove")
        activity |= _from("per", office) | {
            "reactionsAdded": [{"type": "like"}],
            "from": {"id": BO},
        }
        assert office.post(activity, office.stub.service_url).status == 200
    assert office.dump() == before
