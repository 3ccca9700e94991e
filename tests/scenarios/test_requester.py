"""What requesters do with their own tickets: write, withdraw, hurry, confirm and open again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.compose import utc_now
from bot.model.library import Priority
from bot.model.ticket import State
from bot.triage import card_name
from tests.conversation import BOUNCE
from tests.desk import (
    TRIAGE,
    Helpdesk,
    alerted,
    does,
    hand_over,
    helpdesk_at,
    lines,
    notices,
    press_own,
    read,
    revised,
)


@pytest.fixture
async def helpdesk(tmp_path: Path) -> AsyncIterator[Helpdesk]:
    """Run the bot with a triage channel."""
    async with helpdesk_at(tmp_path) as running:
        yield running


async def test_withdrawing_asks_first_and_is_mirrored(helpdesk: Helpdesk) -> None:
    """The first press asks, the second one withdraws; card and thread show it, and nobody gets a notice of their own deed."""
    ola = helpdesk.requester()
    await hand_over(ola)
    helpdesk.new()

    asked = await press_own(ola, "form-withdraw")
    assert (await helpdesk.ticket()).state is State.NEW
    done = await press_own(ola, "withdraw")
    parcels = helpdesk.new()

    assert {"withdraw", "show"} <= set(does(asked))
    assert "withdraw" not in does(done)
    assert (await helpdesk.ticket()).state is State.WITHDRAWN
    assert notices(parcels) == []
    assert lines(parcels) == [helpdesk.words("thread-withdrawn", who="Ola")]
    [card] = revised(parcels, card_name((await helpdesk.ticket()).id))
    assert helpdesk.words("ticket-state-withdrawn") in read(card)


async def test_d10_a_withdrawn_ticket_stays_withdrawn(helpdesk: Helpdesk) -> None:
    """Old cards of either side change nothing but show how it stands, and withdrawing counts as a change."""
    ola = helpdesk.requester()
    await hand_over(ola)
    opened = (await helpdesk.ticket()).changed
    await press_own(ola, "withdraw")
    withdrawn = await helpdesk.ticket()
    kari = helpdesk.agent()

    for do in ("claim", "resolve", "reply", "reopen", "assign", "urgent", "form-reply"):
        shown = await kari.card(do, text="x", person="key-Per")
        assert helpdesk.words("ticket-not-possible") in read(shown), do
    for do in ("withdraw", "urgent", "confirm", "reopen", "form-withdraw"):
        assert helpdesk.words("ticket-not-possible", "en") in read(await press_own(ola, do)), do

    assert withdrawn.changed > opened
    assert await helpdesk.ticket() == withdrawn
    assert await helpdesk.history() == ["opened", "withdrawn"]


async def test_was_it_resolved_yes(helpdesk: Helpdesk) -> None:
    """A yes closes the ticket; the helpdesk sees it, and the requester's card has nothing more to ask."""
    ola = helpdesk.requester()
    await hand_over(ola)
    await helpdesk.agent().press("resolve", text="Ferdig")
    helpdesk.new()

    shown = await press_own(ola, "confirm")
    again = await press_own(ola, "confirm")

    assert (await helpdesk.ticket()).state is State.CLOSED
    assert lines(helpdesk.new()) == [helpdesk.words("thread-confirmed", who="Ola")]
    assert "confirm" not in does(shown)
    assert helpdesk.words("ticket-not-possible", "en") in read(again)


async def test_was_it_resolved_no(helpdesk: Helpdesk) -> None:
    """A no opens it again for whoever had it, with the reason in the thread."""
    ola = helpdesk.requester()
    await hand_over(ola)
    await helpdesk.agent().press("resolve", text="Ferdig")
    helpdesk.new()

    await press_own(ola, "reopen", text="samme feil")

    ticket = await helpdesk.ticket()
    assert (ticket.state, ticket.resolved) == (State.CLAIMED, None)
    assert ticket.assignee is not None
    assert ticket.assignee.name == "Kari"
    parcels = helpdesk.new()
    assert lines(parcels) == [
        helpdesk.words("thread-reopened-because", who="Ola", text="samme feil")
    ]
    assert notices(parcels) == []


async def test_an_answer_after_resolve_opens_it_again(helpdesk: Helpdesk) -> None:
    """Whoever just writes that it still fails has said enough."""
    ola = helpdesk.requester()
    await hand_over(ola)
    await helpdesk.agent().press("resolve", text="Ferdig")
    helpdesk.new()

    await ola.say("Det feiler fortsatt med samme melding")

    assert (await helpdesk.ticket()).state is State.CLAIMED
    assert (await helpdesk.events())[-1].what == "reopened"
    assert "Det feiler fortsatt med samme melding" in lines(helpdesk.new())[0]


async def test_an_agent_opens_it_again(helpdesk: Helpdesk) -> None:
    """The requester hears of it in their language, also after the ticket was closed."""
    ola = helpdesk.requester()
    await hand_over(ola)
    await helpdesk.agent().press("resolve", text="Ferdig")
    await press_own(ola, "confirm")
    helpdesk.new()

    await helpdesk.agent("Per").press("reopen")

    [told] = notices(helpdesk.new())
    assert told.language == "en"
    assert "Per" in read(told)
    assert (await helpdesk.ticket()).state is State.CLAIMED


async def test_urgent_alerts_the_roster(helpdesk: Helpdesk) -> None:
    """A requester who cannot wait says so once, and whoever is on call is mentioned."""
    await helpdesk.agent().say("vakt Kari Per", mentions=["Kari", "Per"])
    ola = helpdesk.requester()
    await hand_over(ola)
    helpdesk.new()

    await press_own(ola, "urgent")
    parcels = helpdesk.new()
    again = await press_own(ola, "urgent")

    assert (await helpdesk.ticket()).priority is Priority.URGENT
    assert alerted(parcels) == ["Kari", "Per"]
    assert helpdesk.words("ticket-already-done", "en") in read(again)
    assert helpdesk.new() == []


async def test_what_is_written_on_a_closed_ticket_is_kept(helpdesk: Helpdesk) -> None:
    """It opens nothing, and stands in the history and in the thread."""
    ola = helpdesk.requester()
    await hand_over(ola)
    await helpdesk.agent().press("resolve", text="Ferdig")
    await press_own(ola, "confirm")
    helpdesk.new()

    await press_own(ola, "answer", text="takk!")

    assert (await helpdesk.ticket()).state is State.CLOSED
    assert (await helpdesk.events())[-1].note == "takk!"
    assert "takk!" in lines(helpdesk.new())[0]


async def test_an_agent_who_asks_for_help_is_both(helpdesk: Helpdesk) -> None:
    """In their own chat they are the requester; in the channel they are an agent, and are told nothing of their own deeds."""
    kari = helpdesk.requester("Kari")
    await hand_over(kari)
    helpdesk.new()

    own = await press_own(kari, "show")
    await helpdesk.agent("Kari").press("claim")

    assert "form-withdraw" in does(own)
    assert "form-withdraw" not in does(await helpdesk.agent("Kari").card("show"))
    assert notices(helpdesk.new(), "Kari") == []
    assert (await helpdesk.ticket()).state is State.CLAIMED


async def test_my_tickets_lists_open_and_closed(helpdesk: Helpdesk) -> None:
    """All of one's own, and none of anybody else's, each with its state and a way to its card."""
    ola, liv = helpdesk.requester(), helpdesk.requester("Liv")
    await hand_over(ola)
    await hand_over(ola, BOUNCE.replace("contoso.com", "fabrikam.com"))
    await hand_over(liv, BOUNCE.replace("contoso.com", "example.org"))
    await helpdesk.agent().press("resolve", 1001, text="Ferdig")
    await press_own(ola, "confirm", 1001)

    page = await helpdesk.running.store.run(
        lambda unit: helpdesk.running.desk.own_tickets(unit, "key-Ola", ola.locale)
    )

    shown = [button.data["ticket"] for button in page.buttons]
    assert sorted(shown) == ["1001", "1002"]
    assert helpdesk.words("own-state-closed", "en") in read(page)


async def test_nobody_is_told_who_was_forgotten(helpdesk: Helpdesk) -> None:
    """A ticket outlives its requester's data: it can be resolved, and nothing is sent to nowhere."""
    ola = helpdesk.requester()
    await hand_over(ola)
    person = (await helpdesk.ticket()).draft.person
    await helpdesk.running.store.forget(person.key, utc_now())
    helpdesk.new()

    await helpdesk.agent().card("resolve", resolution="Done")
    parcels = helpdesk.new()

    assert (await helpdesk.ticket()).state is State.RESOLVED
    assert notices(parcels) == []
    assert {parcel.to.conversation for parcel in parcels} == {TRIAGE}
