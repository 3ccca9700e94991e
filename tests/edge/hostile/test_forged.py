"""Data that our cards never carried: other people's sessions and tickets, roles, deeds that were not offered. All of it is only a claim."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bot.model.ticket import Form, Role, Verb
from bot.triage.lifecycle import TABLE
from tests.e2e.office import card_of, ids_of, text_of
from tests.edge.far_side import (
    ADA,
    ADA_ENTRA,
    BO,
    BOT,
    CHANNEL_ID,
    CHAT,
    TENANT,
    execute,
    mention,
    message,
    query,
    search,
    submit,
)
from tests.edge.hostile.wire import ANSWERED_WITHIN, Target

Json = dict[str, Any]

_ADA = {"from": {"id": ADA, "name": "Ada Example", "aadObjectId": ADA_ENTRA}}
_BO = {"from": {"id": BO, "name": "Bo", "aadObjectId": "88888888-8888-4777-8666-555555555555"}}
_HOME = {"conversation": {"id": CHAT, "conversationType": "personal", "tenantId": TENANT}}
_ABROAD = {"conversation": {"id": "a:bo", "conversationType": "personal", "tenantId": TENANT}}
_THREAD = {
    "conversation": {
        "id": f"{CHANNEL_ID};messageid=1699999999999",
        "conversationType": "channel",
        "isGroup": True,
        "tenantId": TENANT,
    }
}
_DEEDS = sorted(
    {*(verb.value for verb in Verb), *(form.value for form in Form), "show", "show-all"}
)
_AGENTS = sorted({*_DEEDS} - {"show", "form-answer", "form-withdraw", *TABLE[Role.REQUESTER]})


def _ticket(do: object = "claim", number: object = "1001", **more: object) -> Json:
    ours = {"v": "1", "ticket": number, "do": do, "version": "1"} | more
    return {
        "bouncedesk": ours,
        "text": "'; DROP TABLE tickets; --",
        "resolution": "<b>done</b>",
        "person": "88888888-8888-4777-8666-555555555555",
        "other": "1001",
    }


def _dialog(session: object = "s-1", choice: object = "send", **more: object) -> Json:
    return {"bouncedesk": {"v": "1", "session": session, "choice": choice, "content": "c"} | more}


Forged = Callable[[str], Json]
"""Makes what is sent, from the id of Ada's session."""


def _row(data: Json | Callable[[str], Json], *who: Json) -> Forged:
    def make(session: str) -> Json:
        carried = data(session) if callable(data) else data
        activity = execute(carried)
        for one in who:
            activity |= one
        return activity

    return make


ROWS: dict[str, Forged] = {
    **{f"a stranger's {do}": _row(_ticket(do), _BO, _ABROAD) for do in _DEEDS},
    **{
        f"a stranger's {do} in the requester's chat": _row(_ticket(do), _BO, _HOME)
        for do in _DEEDS
    },
    **{f"a stranger's {do} in the channel": _row(_ticket(do), _BO, _THREAD) for do in _DEEDS},
    **{f"the requester's {do}, an agent's": _row(_ticket(do), _ADA, _HOME) for do in _AGENTS},
    **{f"the requester's {do} elsewhere": _row(_ticket(do), _ADA, _ABROAD) for do in _DEEDS},
    "the requester confirms what is not resolved": _row(_ticket("confirm"), _ADA, _HOME),
    "the requester reopens what is open": _row(_ticket("reopen"), _ADA, _HOME),
    "a ticket that is not there": _row(_ticket(number="4711"), _BO, _ABROAD),
    "ticket zero": _row(_ticket(number="0"), _BO, _ABROAD),
    "the last of all tickets": _row(_ticket(number="999999999"), _BO, _ABROAD),
    "a ticket beyond all tickets": _row(_ticket(number="9" * 30), _BO, _ABROAD),
    "a ticket in Arabic digits": _row(_ticket(number="١٠٠١"), _BO, _ABROAD),
    "a ticket with a blank": _row(_ticket(number=" 1001"), _BO, _ABROAD),
    "a ticket with a condition": _row(_ticket(number="1001 OR 1=1"), _BO, _ABROAD),
    "a version of tomorrow": _row(_ticket(version="999999999"), _BO, _THREAD),
    "a deed that nobody knows": _row(_ticket("explode"), _BO, _THREAD),
    "a deed of Python's": _row(_ticket("__class__"), _BO, _THREAD),
    "a role": _row(_ticket(role="agent"), _BO, _ABROAD),
    "somebody else's name": _row(_ticket(by={"id": ADA, "key": ADA_ENTRA}), _BO, _ABROAD),
    "a team": _row(_ticket(team="19:other@thread.tacv2"), _BO, _ABROAD),
    "a team beside it": _row(_ticket() | {"team": "19:other@thread.tacv2"}, _BO, _ABROAD),
    "both a ticket and a session": _row(
        lambda s: {"bouncedesk": _ticket()["bouncedesk"] | _dialog(s)["bouncedesk"]}, _BO, _ABROAD
    ),
    "no team in the channel's data": _row(
        _ticket(), _BO, _THREAD, {"channelData": {"tenant": {"id": TENANT}}}
    ),
    "a session of another": _row(_dialog, _BO, _ABROAD),
    "a session of another, in their chat": _row(_dialog, _BO, _HOME),
    "a session of another, to begin again": _row(lambda s: _dialog(s, "restart"), _BO, _HOME),
    "a session of nobody": _row(_dialog("no-such-session"), _BO, _ABROAD),
    "a choice that was not offered": _row(lambda s: _dialog(s, "send"), _ADA, _HOME),
    "a choice that nobody knows": _row(lambda s: _dialog(s, "explode"), _ADA, _HOME),
    "an article that is not there": _row(
        lambda s: _dialog(s, article="9.9.9", node="start"), _ADA, _HOME
    ),
    "an article that is a path": _row(
        lambda s: _dialog(s, article="../../etc", node="passwd"), _ADA, _HOME
    ),
    "a node of another article": _row(
        lambda s: _dialog(s, "yes", article="5.1.10", node="no-such-node"), _ADA, _HOME
    ),
    "a content of yesterday": _row(lambda s: _dialog(s, content="yesterday"), _ADA, _HOME),
    "a note with markup": _row(lambda s: _dialog(s, "send") | {"note": "<script>"}, _ADA, _HOME),
}


@pytest.mark.parametrize("name", ROWS)
def test_forged_data_do_nothing(office: Target, name: str) -> None:
    """It is answered, by `Action.Execute` and by `Action.Submit`, and neither the ticket nor anything of its requester's has changed."""
    url = office.stub.service_url
    activity = ROWS[name](session_of_ada(office)) | {"serviceUrl": url, "id": f"forged {name}"}
    own = activity["from"] == _ADA["from"]
    before = protected(office, own=own)
    answered = office.post(activity, url)
    assert answered.status == 200
    assert answered.seconds < ANSWERED_WITHIN
    assert answered.json["type"]
    data = activity["value"]["action"]["data"]
    same = submit(data, serviceUrl=url) | {
        key: activity[key] for key in ("from", "conversation", "channelData")
    }
    assert office.post(same | {"id": f"submitted {name}"}, url).status == 200
    office.settles()
    assert protected(office, own=own) == before


def test_a_search_finds_nothing_for_a_stranger(office: Target) -> None:
    """Who belongs to no team is told so, whatever they search for."""
    url = office.stub.service_url
    for words in ("", "1001", "%", "contoso", "' OR 1=1 --", "*", "NEAR(a b)", '"', "a AND", "\\"):
        asked = search(query(words), serviceUrl=url) | _BO | _ABROAD
        answered = office.post(asked | {"id": f"search {words}"}, url)
        assert answered.status == 200
        assert answered.json["composeExtension"]["type"] == "message"
        assert "contoso" not in text_of(answered.json)


@pytest.mark.parametrize(
    "line", ["resolve", "close it", "on call: ", "stats", "statistics", "#1001"]
)
def test_orders_of_a_stranger_in_the_channel_do_nothing(office: Target, line: str) -> None:
    """Who does not belong to the team gives no orders to the helpdesk, in the channel or in a thread of it."""
    url = office.stub.service_url
    before = protected(office)
    for place in (_THREAD, {"conversation": _THREAD["conversation"] | {"id": CHANNEL_ID}}):
        said = message(f"<at>Bouncedesk</at> {line}", entities=[mention(BOT, "Bouncedesk")])
        said |= {"serviceUrl": url, "id": f"{line} {place['conversation']['id']}"} | _BO | place
        assert office.post(said, url).status == 200
    office.settles()
    assert protected(office) == before


def session_of_ada(office: Target) -> str:
    """Return the id of the session that Ada's first card belongs to."""
    for shown in office.stub.shown(CHAT):
        card = card_of(shown["content"])
        for ids in ids_of(card) if card else ():
            if "session" in ids:
                return str(ids["session"])
    raise AssertionError("no card of Ada's has a session")


def protected(office: Target, *, own: bool = False) -> object:
    """Return what nobody but its owners may change: the ticket, who is on call, and, unless it is their own to change, Ada's session."""
    tables = office.dump("tickets", "ticket_events", "ticket_texts", "rosters", "sessions")
    sessions = [row for row in tables.pop("sessions") if ADA_ENTRA in row]
    assert sessions
    return tables, [] if own else sessions
