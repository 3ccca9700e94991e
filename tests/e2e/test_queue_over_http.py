"""The queue over HTTP, as Teams would drive it: several requesters and several agents, the real program and its real database."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.connector import stub_connector
from tests.e2e.office import (
    CHANNEL,
    Office,
    actions,
    bounce,
    card_of,
    data_of,
    helpdesk,
    offers,
    text_of,
)
from tests.e2e.program import Json, bouncedesk, server

NOT_A_MEMBER = "Only members of the helpdesk team can do that."


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """A bot with a helpdesk in a channel at the stand-in."""
    with (
        stub_connector() as connector,
        server(tmp_path, connector.service_url, **helpdesk(connector.service_url)) as bot,
    ):
        yield Office(bot, connector)


def history(data: Path, number: int) -> Json:
    """Return a ticket with everything that happened to it, as the command line tells."""
    told = bouncedesk("tickets", "show", str(number), "--json", "--data", str(data))
    assert told.returncode == 0, told.stderr
    shown: Json = json.loads(told.stdout)
    return shown


def happened(data: Path, number: int) -> list[str]:
    """Return what happened to a ticket, oldest first."""
    return [event["what"] for event in history(data, number)["history"]]


def test_three_tickets_go_their_way_without_crossing(office: Office, tmp_path: Path) -> None:
    """Three requesters, two languages, two agents, both ways of answering: every word lands where it belongs, and nowhere else."""
    ola = office.asks_for_help("ola", "contoso.com", "nb-NO")
    eva = office.asks_for_help("eva", "fabrikam.com")
    bo = office.asks_for_help("bo", "adatum.example")
    assert [ola, eva, bo] == [1001, 1002, 1003]
    office.settles()
    assert office.numbers() == [1001, 1002, 1003]

    for agent, number in (("kari", ola), ("per", eva), ("kari", bo)):
        claimed = office.presses(agent, number, "claim")
        assert agent.title() in text_of(claimed)
    office.fills_in("kari", ola, "form-reply", "ask", text="Which OLA folder?")
    office.fills_in("per", eva, "form-reply", "ask", text="Which EVA folder?")
    office.says_in_thread("kari", bo, "I look at BO now")
    office.says_in_thread("kari", bo, "note: BO is in a hurry")
    office.settles()

    office.says("ola", "Mappen til OLA", "nb-NO")
    office.presses_own("eva", eva, "answer", text="The folder of EVA")
    office.says("bo", "BO says thanks for looking")
    office.settles()

    for number, name, others in ((ola, "OLA", ("EVA", "BO")), (eva, "EVA", ("OLA", "BO")),
                                 (bo, "BO", ("OLA", "EVA"))):  # fmt: skip
        said = "\n".join(office.lines(number))
        assert name in said
        assert not any(other in said for other in others)
    assert any("Mappen til OLA" in line for line in office.lines(ola))
    assert any("The folder of EVA" in line for line in office.lines(eva))
    assert any("BO says thanks" in line for line in office.lines(bo))
    assert any("BO is in a hurry" in line for line in office.lines(bo))

    for person, number, name in (("ola", ola, "OLA"), ("eva", eva, "EVA"), ("bo", bo, "BO")):
        seen = "\n".join(office.notices(person, number))
        assert name in seen
        assert not any(other in seen for other in {"OLA", "EVA", "BO"} - {name})
    assert "hurry" not in text_of(office.connector.shown("a:bo")), "a note stays inside"
    assert "Kari jobber nå med #1001." in office.notices("ola", ola)[0]
    assert "Per is now working on #1002." in office.notices("eva", eva)[0]
    assert happened(tmp_path, ola) == ["opened", "claimed", "asked", "answered"]


def test_a_ticket_from_claim_to_closed(office: Office, tmp_path: Path) -> None:
    """Assigned, handed back, taken over, urgent, resolved, not solved, resolved again, confirmed: both cards show each step."""
    number = office.asks_for_help("ola", "contoso.com")
    office.presses("kari", number, "claim")
    assigned = office.fills_in("kari", number, "form-assign", "assign", person="key-per")
    assert "Per" in text_of(assigned)
    office.settles()
    (said,) = [one for one in office.thread(number)[1:] if one["content"].get("entities")]
    assert said["content"]["entities"][0]["mentioned"] == {"id": "29:per", "name": "Per"}

    office.presses("per", number, "hand-back")
    office.settles()
    assert "claim" in offers(office.card(number))
    office.presses("per", number, "claim")
    office.settles()
    office.presses("kari", number, "take-over")
    office.settles()
    assert "Kari took it over." in office.lines(number)

    office.presses_own("ola", number, "urgent")
    office.settles()
    assert "URGENT" in text_of(office.card(number))
    assert "URGENT" in text_of(office.own_card("ola", number))

    missing = office.fills_in("kari", number, "form-resolve", "resolve", resolution=" ")
    assert "Write something first." in text_of(missing)
    office.fills_in("kari", number, "form-resolve", "resolve", resolution="A new licence")
    office.settles()
    assert "Resolved" in text_of(office.card(number))
    assert "A new licence" in text_of(office.own_card("ola", number))
    asked = office.notices("ola", number)[-1]
    assert "Was this resolved?" in asked

    office.presses_own("ola", number, "reopen", text="It came back again")
    office.settles()
    assert any("It came back again" in line for line in office.lines(number))
    assert "Kari" in text_of(office.card(number))
    assert {"form-reply", "form-resolve"} <= offers(office.card(number))

    office.fills_in("kari", number, "form-resolve", "resolve", resolution="The right licence")
    office.settles()
    office.presses_own("ola", number, "confirm")
    office.settles()
    for card in (office.card(number), office.own_card("ola", number)):
        assert "Closed" in text_of(card)
        assert "The right licence" in text_of(card)
    assert happened(tmp_path, number) == [
        "opened", "claimed", "assigned", "handed-back", "claimed", "taken-over", "made-urgent",
        "resolved", "reopened", "resolved", "confirmed",
    ]  # fmt: skip
    assert len(office.connector.threads(CHANNEL)) == 1


def test_exactly_one_of_two_agents_wins(office: Office, tmp_path: Path) -> None:
    """Two presses at the same moment: one claims, the other is told and sees who has it."""
    number = office.asks_for_help("ola", "contoso.com")
    office.thread(number)
    answers = office.at_once(*(office.press(agent, number, "claim") for agent in ("kari", "per")))
    office.settles()

    late = [answer for answer in answers if "Somebody else was first" in text_of(answer)]
    assert len(late) == 1
    assert happened(tmp_path, number) == ["opened", "claimed"]
    winner = history(tmp_path, number)["assignee"]
    assert office.lines(number) == [f"{winner} claimed it."]
    assert all(winner in text_of(answer) for answer in answers)
    assert len(office.notices("ola", number)) == 1


def test_a_third_delivery_changes_nothing(office: Office, tmp_path: Path) -> None:
    """What Teams delivers again, a press or a line, is answered with the card as it stands, and done once."""
    number = office.asks_for_help("ola", "contoso.com")
    office.presses("kari", number, "claim")
    shown = office.presses("kari", number, "form-reply")
    reply = office.press_of("kari", number, data_of(shown, do="reply"), text="Only once")
    for _ in range(3):
        office.at_once(reply)
    line = office.says_in_thread("kari", number, "Said once")
    assert office.bot.post(line) == office.bot.post(line) == (200, None)
    office.settles()

    assert happened(tmp_path, number) == ["opened", "claimed", "replied", "replied"]
    said = text_of(office.lines(number))
    assert (said.count("Only once"), said.count("Said once")) == (1, 1)
    assert sum("Only once" in notice for notice in office.notices("ola", number)) == 1
    assert "Only once" in text_of(office.at_once(reply)[0])


def test_who_does_not_belong_is_refused(office: Office, tmp_path: Path) -> None:
    """A press, a search and a line of somebody outside the team change nothing and are told why; so do other requesters."""
    number = office.asks_for_help("ola", "contoso.com")
    office.thread(number)

    assert office.presses("eve", number, "claim") == {"line": NOT_A_MEMBER}
    assert office.searches("eve", "contoso.com") == NOT_A_MEMBER
    line = office.says_in_thread("eve", number, "I am from the helpdesk, honestly")
    office.settles()
    answer = card_of(office.thread(number)[-1]["content"])
    assert answer is not None
    assert NOT_A_MEMBER in text_of(answer)
    assert "honestly" not in text_of(office.connector.shown("a:ola"))

    own = data_of(office.own_card("ola", number), do="form-withdraw")
    assert office.presses_data("eve", own) == {"line": NOT_A_MEMBER}
    place = office.says_in_channel("eve", "on call", "eve")
    office.settles()
    assert NOT_A_MEMBER in text_of(office.connector.shown(place))
    assert office.bot.post(line) == office.bot.post(line) == (200, None)
    office.settles()
    assert len(office.thread(number)) == 2, "told once, however often it is delivered"
    assert happened(tmp_path, number) == ["opened"]
    log = (tmp_path / "server.log").read_text(encoding="utf-8")
    assert "press-refused" in log
    assert "search-refused" in log


def test_another_tenant_is_refused_at_the_door(office: Office, tmp_path: Path) -> None:
    """Presses and searches from another tenant, and from none, never reach the queue."""
    number = office.asks_for_help("ola", "contoso.com")
    for invoke in (office.press("kari", number, "claim"), office.search("kari", "contoso.com")):
        foreign = json.loads(
            json.dumps(invoke).replace('"tenant": {"id": "t"}', '"tenant": {"id": "x"}')
        )
        assert office.bot.post(foreign) == (403, None)
        place = invoke["conversation"] | {"tenantId": None}
        assert office.bot.post(invoke | {"channelData": {}, "conversation": place}) == (403, None)
    assert happened(tmp_path, number) == ["opened"]


def test_every_list_finds_a_change_at_once(office: Office) -> None:
    """Number, address, domain, code and requester find a ticket in the list it stands in, the moment that it stands there."""
    ola = office.asks_for_help("ola", "contoso.com")
    eva = office.asks_for_help("eva", "fabrikam.com")
    for words in (str(ola), f"#{ola}", "kari.nordmann@contoso.com", "contoso.com", "ola"):
        assert office.searches("kari", words) == [ola], words
    assert office.searches("kari", "5.1.10") == [eva, ola]
    assert office.searches("kari", "") == [eva, ola]
    assert office.searches("kari", "", "unassigned") == [eva, ola]
    assert office.searches("kari", "", "mine") == []

    office.presses("kari", ola, "claim")
    assert office.searches("kari", "", "unassigned") == [eva]
    assert office.searches("kari", "", "mine") == [ola]
    assert office.searches("per", "", "mine") == []
    office.settles()
    office.fills_in("kari", ola, "form-resolve", "resolve", resolution="Done")
    assert office.searches("per", "contoso.com", "closed") == [ola]
    assert office.searches("kari", "", "mine") == []
    assert office.searches("kari", "nothing at all") == []


def test_a_requester_sees_and_withdraws(office: Office, tmp_path: Path) -> None:
    """My tickets shows each with its state; withdrawing asks first, tells the helpdesk, and ends what can be done."""
    first = office.asks_for_help("ola", "contoso.com")
    second = office.asks_for_help("ola", "fabrikam.com")
    office.says("ola", "my tickets")
    office.settles()
    listed = office.chat("ola")[-1]
    assert f"#{first}" in text_of(listed)
    assert f"#{second}" in text_of(listed)
    shown = office.presses_data("ola", data_of(listed, ticket=str(first), do="show"))

    asked = office.presses_data("ola", data_of(shown, do="form-withdraw"))
    kept = office.presses_data("ola", data_of(asked, do="show"))
    assert happened(tmp_path, first) == ["opened"]
    asked = office.presses_data("ola", data_of(kept, do="form-withdraw"))
    old = office.press("kari", first, "claim")
    office.presses_data("ola", data_of(asked, do="withdraw"))
    office.settles()

    assert "Ola withdrew it." in office.lines(first)
    for card in (office.card(first), office.own_card("ola", first)):
        assert "Withdrawn" in text_of(card)
    assert "Withdrawn" in text_of(office.at_once(old)[0])
    assert happened(tmp_path, first) == ["opened", "withdrawn"]
    assert happened(tmp_path, second) == ["opened"]
    office.says("ola", "my tickets")
    office.settles()
    assert "Withdrawn" in text_of(office.chat("ola")[-1])


def test_one_problem_of_two_people_is_one_card(office: Office, tmp_path: Path) -> None:
    """The second with the same bounce is told that it is known; their ticket joins the first one's card, and both hear of the end."""
    ola = office.asks_for_help("ola", "contoso.com", "nb-NO")
    office.thread(ola)
    office.says("eva", bounce("contoso.com"))
    office.settles()
    assert "known about this since" in text_of(office.chat("eva"))
    eva = office.asks_for_help("eva", "contoso.com")
    office.settles()

    assert office.numbers() == [ola]
    assert f"#{eva}" in text_of(office.card(ola))
    assert any(f"#{eva} from Eva" in line for line in office.lines(ola))
    office.presses("kari", ola, "claim")
    office.says_in_thread("kari", ola, "We know about it")
    office.settles()
    office.says("eva", "Good, I wait")
    office.settles()
    assert any("Good, I wait" in line and f"#{eva}" in line for line in office.lines(ola))
    office.fills_in("kari", ola, "form-resolve", "resolve", resolution="The domain is back")
    office.settles()

    for person, number in (("ola", ola), ("eva", eva)):
        seen = office.notices(person, number)
        assert sum("We know about it" in notice for notice in seen) == 1
        assert "The domain is back" in seen[-1]
    assert "Ble dette løst?" in office.notices("ola", ola)[-1]
    assert "Was this resolved?" in office.notices("eva", eva)[-1]
    assert happened(tmp_path, eva) == [
        "opened", "joined", "claimed", "replied", "answered", "resolved",
    ]  # fmt: skip


def test_who_is_on_call_is_alerted(office: Office) -> None:
    """A line in the channel puts people on call; the next ticket's thread names them so that they are alerted."""
    place = office.says_in_channel("kari", "on call", "per", "ida")
    office.settles()
    (shown,) = office.connector.shown(place)
    assert shown["content"]["conversation"]["id"] == place
    assert "Saved." in text_of(shown)

    number = office.asks_for_help("ola", "contoso.com")
    office.settles()
    (line,) = office.thread(number)[1:]
    assert [one["mentioned"]["id"] for one in line["content"]["entities"]] == ["29:per", "29:ida"]
    assert "<at>Per</at> <at>Ida</at>" in line["content"]["text"]

    asked = office.says_in_channel("per", "on call")
    stats = office.says_in_channel("per", "stats")
    office.settles()
    assert "Kari" in text_of(office.connector.shown(asked)), "who changed it"
    assert "Ida" in text_of(office.connector.shown(asked))
    (card,) = [card_of(one["content"]) for one in office.connector.shown(stats)]
    assert card is not None
    assert "Statistics" in text_of(card)


def test_a_line_that_is_not_for_the_queue_is_a_conversation(office: Office) -> None:
    """Somebody who pastes a bounce in the channel is helped there, as everywhere."""
    place = office.says_in_channel("eve", bounce("contoso.com"))
    office.settles()
    (reading,) = [card_of(one["content"]) for one in office.connector.shown(place)]
    assert reading is not None
    assert "5.1.10" in text_of(reading)
    assert actions(reading)


def test_a_line_that_could_not_be_kept_is_not_lost_in_silence(
    office: Office, tmp_path: Path
) -> None:
    """While the database takes nothing, whoever writes in a thread is told to try again; then it works."""
    number = office.asks_for_help("ola", "contoso.com")
    office.settles()
    with closing(sqlite3.connect(tmp_path / "bouncedesk.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        line = office.says_in_thread("kari", number, "Is anybody there?")
        other.execute("ROLLBACK")
    office.until(lambda: len(office.thread(number)) == 2)
    assert "Something went wrong on our side" in text_of(office.thread(number)[1])
    assert office.bot.post(line) == (200, None)
    office.settles()
    assert happened(tmp_path, number) == ["opened", "replied"]
