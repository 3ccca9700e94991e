"""One problem, many people: who is joined to whom, what is told to all, and how agents split and join."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from bot.model.library import IncidentRules, TriageRules
from bot.model.ticket import Role, State
from bot.triage import BOT, card_name
from bot.triage.incidents import join, shared
from tests.conversation import BOUNCE, Conversation, text_of
from tests.core.test_lifecycle import NOW, ticket_in
from tests.desk import (
    KARI,
    Helpdesk,
    does,
    hand_over,
    helpdesk_at,
    lines,
    new_posts,
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


async def incident(helpdesk: Helpdesk) -> list[Conversation]:
    """Let three people hand over the same bounce; their languages differ."""
    people = [
        helpdesk.requester("Ola", "en"),
        helpdesk.requester("Liv", "nb"),
        helpdesk.requester("Nils", "en"),
    ]
    for talking in people:
        await hand_over(talking)
    return people


async def card_of(helpdesk: Helpdesk, number: int) -> str:
    """Return the name of a ticket's card."""
    return card_name((await helpdesk.ticket(number)).id)


async def test_the_second_and_third_employee_are_joined(helpdesk: Helpdesk) -> None:
    """One card that counts, and a line in its thread for each who is joined; they hear that it is known."""
    await incident(helpdesk)
    parcels = helpdesk.new()
    parent = await helpdesk.ticket(1001)

    assert len(new_posts(parcels)) == 1
    last = read(revised(parcels, card_name(parent.id))[-1])
    assert "#1002" in last
    assert "#1003" in last
    assert [(await helpdesk.ticket(number)).parent for number in (1002, 1003)] == [parent.id] * 2
    assert lines(parcels) == [
        helpdesk.words("thread-joined", requester=name, number=number, other="#1001")
        for name, number in (("Liv", "#1002"), ("Nils", "#1003"))
    ]
    [to_liv] = notices(parcels, "Liv")
    assert to_liv.language == "nb"
    assert helpdesk.words("known-one", "nb") in read(to_liv)
    assert notices(parcels, "Ola") == []
    assert await helpdesk.history(1003) == ["opened", "joined"]


async def test_what_is_done_to_the_incident_is_done_to_all(helpdesk: Helpdesk) -> None:
    """Claim, question and resolution reach each requester in their own language, with one line in the thread."""
    await incident(helpdesk)
    helpdesk.new()
    kari = helpdesk.agent()

    await kari.press("claim")
    claimed = helpdesk.new()
    await kari.press("ask", text="Virker det nå?")
    asked = helpdesk.new()
    await kari.press("resolve", text="Serveren er oppe igjen")
    resolved = helpdesk.new()

    for parcels in (claimed, asked, resolved):
        told = {name: notices(parcels, name) for name in ("Ola", "Liv", "Nils")}
        assert [len(pages) for pages in told.values()] == [1, 1, 1]
        assert [pages[0].language for pages in told.values()] == ["en", "nb", "en"]
        assert len(lines(parcels)) == 1
        assert len(revised(parcels, await card_of(helpdesk, 1001))) == 1
    for number in (1001, 1002, 1003):
        ticket = await helpdesk.ticket(number)
        assert (ticket.state, ticket.assignee) == (State.RESOLVED, KARI)
        assert ticket.resolution == "Serveren er oppe igjen"
        assert (await helpdesk.history(number))[-3:] == ["claimed", "asked", "resolved"]


async def test_an_answer_of_one_of_them_stands_in_the_incidents_thread(helpdesk: Helpdesk) -> None:
    """With the number of whoever wrote, so that nobody is mistaken for another."""
    people = await incident(helpdesk)
    await helpdesk.agent().press("ask", text="Virker det nå?")
    helpdesk.new()

    await people[1].say("Ikke hos meg")

    assert lines(helpdesk.new()) == [
        "#1002: " + helpdesk.words("thread-answered", who="Liv", text="Ikke hos meg")
    ]
    assert (await helpdesk.ticket(1002)).state is State.CLAIMED
    assert (await helpdesk.ticket(1001)).state is State.WAITING


async def test_a_reply_to_one_of_them_reaches_only_that_one(helpdesk: Helpdesk) -> None:
    """A joined ticket's own card, from the search, is for its own requester."""
    await incident(helpdesk)
    helpdesk.new()

    await helpdesk.agent().press("reply", 1002, text="Bare til Liv")
    parcels = helpdesk.new()

    assert len(notices(parcels, "Liv")) == 1
    assert notices(parcels, "Ola") == notices(parcels, "Nils") == []
    assert lines(parcels) == [
        "#1002: " + helpdesk.words("thread-replied", who="Kari", text="Bare til Liv")
    ]
    assert (await helpdesk.ticket(1001)).state is State.NEW


async def test_notes_and_priority_are_a_tickets_own(helpdesk: Helpdesk) -> None:
    """An internal note on the incident is not copied into everybody's history."""
    await incident(helpdesk)

    await helpdesk.agent().press("note", text="ring driften")
    await helpdesk.agent().press("urgent")

    assert await helpdesk.history(1001) == ["opened", "noted", "made-urgent"]
    assert await helpdesk.history(1002) == ["opened", "joined"]


async def test_who_is_joined_later_is_worked_on_at_once(helpdesk: Helpdesk) -> None:
    """Somebody has the incident already, so the new ticket is theirs, too."""
    await hand_over(helpdesk.requester("Ola"))
    await helpdesk.agent().press("claim")
    await hand_over(helpdesk.requester("Liv"))

    ticket = await helpdesk.ticket(1002)
    assert (ticket.state, ticket.assignee) == (State.CLAIMED, KARI)
    assert ticket.claimed is not None


async def test_split_and_join_again(helpdesk: Helpdesk) -> None:
    """A ticket that is split off gets a card of its own, once; joined again, that card says what it is part of."""
    await incident(helpdesk)
    helpdesk.new()
    kari = helpdesk.agent()

    card = await kari.card("split", 1003)
    after_split = helpdesk.new()
    await kari.card("join", 1003, other="#1001")
    after_join = helpdesk.new()
    await kari.card("split", 1003)
    split_again = helpdesk.new()

    assert "join" not in does(card)
    assert len(new_posts(after_split)) == 1
    said = helpdesk.words("thread-split", requester="Nils", number="#1003", other="#1001")
    assert lines(after_split) == [said, said]
    assert "#1003" not in read(revised(after_split, await card_of(helpdesk, 1001))[-1])
    own = revised(after_join, await card_of(helpdesk, 1003))
    assert helpdesk.words("ticket-part-of", number="#1001") in read(own[-1])
    assert new_posts(after_join) == []
    assert new_posts(split_again) == []
    assert await helpdesk.history(1003) == ["opened", "joined", "split", "joined", "split"]
    assert notices(split_again, "Nils") == []


async def test_what_was_split_off_stays_off(helpdesk: Helpdesk) -> None:
    """The next employee joins the incident; what an agent took out of it is left alone."""
    await incident(helpdesk)
    await helpdesk.agent().press("split", 1002)

    await hand_over(helpdesk.requester("Anne"))

    assert (await helpdesk.ticket(1004)).parent == (await helpdesk.ticket(1001)).id
    assert (await helpdesk.ticket(1002)).parent is None


async def test_what_cannot_be_joined_is_refused(helpdesk: Helpdesk) -> None:
    """Not to itself, not to what there is not, not to what is over, and nothing that has others joined to it."""
    await incident(helpdesk)
    await hand_over(helpdesk.requester("Anne"), BOUNCE.replace("contoso.com", "example.org"))
    await hand_over(helpdesk.requester("Finn"), BOUNCE.replace("contoso.com", "example.net"))
    await helpdesk.agent().press("resolve", 1005, text="Ferdig")
    kari = helpdesk.agent()
    no_such = helpdesk.words("ticket-no-such-other")

    for other in ("1004", "7777", "1005", "", "elleve", "#" + "9" * 30):
        assert no_such in read(await kari.card("join", 1004, other=other)), other
    parent = await kari.card("join", 1001, other="1004")

    assert helpdesk.words("ticket-not-possible") in read(parent)
    assert "form-join" not in does(await kari.card("show", 1001))
    assert await helpdesk.history(1001) == ["opened"]
    assert await helpdesk.history(1004) == ["opened"]


async def test_to_join_one_that_is_joined_means_its_incident(helpdesk: Helpdesk) -> None:
    """Incidents are one level deep: whoever names a part of one means the whole."""
    await incident(helpdesk)
    await hand_over(helpdesk.requester("Anne"), BOUNCE.replace("contoso.com", "example.org"))

    await helpdesk.agent().card("join", 1004, other="1002")

    assert (await helpdesk.ticket(1004)).parent == (await helpdesk.ticket(1001)).id
    assert (await helpdesk.events(1004))[-1].other == 1001


async def test_bounces_that_are_kept_apart(helpdesk: Helpdesk) -> None:
    """Two people who mistype addresses at a public mailbox provider have nothing in common."""
    mistyped = BOUNCE.replace("contoso.com", "gmail.com")
    await hand_over(helpdesk.requester("Ola"), mistyped)
    await hand_over(helpdesk.requester("Liv"), mistyped)

    assert (await helpdesk.ticket(1002)).parent is None
    assert len(new_posts(helpdesk.new())) == 2


def test_signatures_that_count() -> None:
    """A domain that is kept apart takes the server with it, and a server says nothing where the code is about an address."""
    rules = IncidentRules(apart=("gmail.com",))

    assert shared(("5.2.2@contoso.com", "5.2.2/mx.contoso.com"), rules) == (
        "5.2.2@contoso.com",
        "5.2.2/mx.contoso.com",
    )
    assert shared(("5.2.2@gmail.com", "5.2.2/mx.google.com"), rules) == ()
    assert shared(("5.1.10@contoso.com", "5.1.10/own.example"), rules) == ("5.1.10@contoso.com",)


async def test_different_addresses_at_one_server_are_not_one_problem(helpdesk: Helpdesk) -> None:
    """Our own mail server reports every mistyped address; that is no incident."""
    await hand_over(helpdesk.requester("Ola"))
    await hand_over(helpdesk.requester("Liv"), BOUNCE.replace("contoso.com", "fabrikam.com"))

    assert (await helpdesk.ticket(1002)).parent is None


async def test_the_same_person_is_no_incident(helpdesk: Helpdesk) -> None:
    """Somebody who hands the same thing over twice has two tickets and no colleagues."""
    ola = helpdesk.requester()
    await hand_over(ola)
    await hand_over(ola, BOUNCE.replace("couldn't", "could not"))

    assert len(await ola.tickets()) == 2
    assert (await helpdesk.ticket(1002)).parent is None


async def test_what_came_too_late_is_not_joined(tmp_path: Path) -> None:
    """After the window another ticket is another problem, until an agent says otherwise."""
    rules = TriageRules(incidents=IncidentRules(window_minutes=0))
    async with helpdesk_at(tmp_path, rules=rules) as helpdesk:
        await incident(helpdesk)

        assert [(await helpdesk.ticket(number)).parent for number in (1002, 1003)] == [None] * 2


async def test_an_incident_of_three(tmp_path: Path) -> None:
    """Where the rules ask for three employees, the second one waits, and the third one makes all of them one."""
    rules = TriageRules(incidents=IncidentRules(people=3))
    async with helpdesk_at(tmp_path, rules=rules) as helpdesk:
        await hand_over(helpdesk.requester("Ola"))
        await hand_over(helpdesk.requester("Liv"))
        assert (await helpdesk.ticket(1002)).parent is None
        await hand_over(helpdesk.requester("Nils"))

        parent = (await helpdesk.ticket(1001)).id
        assert (await helpdesk.ticket(1002)).parent == parent
        assert (await helpdesk.ticket(1003)).parent == parent
        assert len(new_posts(helpdesk.new())) == 2


async def test_the_next_person_is_told_at_once(helpdesk: Helpdesk) -> None:
    """Who pastes the same bounce hears how many colleagues have it before they hand anything over; their own does not count."""
    people = await incident(helpdesk)
    anne = helpdesk.requester("Anne")

    shown = await anne.say(BOUNCE)

    assert helpdesk.words("known-many", "en", people="3") in read(shown)
    again = await people[0].say(BOUNCE)
    assert helpdesk.words("known-many", "en", people="3") in read(again)


async def test_a_parent_that_is_withdrawn_leaves_nobody_behind(helpdesk: Helpdesk) -> None:
    """When the first of them withdraws, the next one's ticket becomes the incident, with a card, and the rest are joined to it."""
    people = await incident(helpdesk)
    helpdesk.new()

    await press_own(people[0], "withdraw")
    parcels = helpdesk.new()

    heir = await helpdesk.ticket(1002)
    assert heir.parent is None
    assert (await helpdesk.ticket(1003)).parent == heir.id
    [card] = new_posts(parcels)
    assert "#1002" in text_of(card)
    assert "#1003" in text_of(card)
    assert notices(parcels, "Nils") == []
    await helpdesk.agent().press("resolve", 1002, text="Ferdig")
    assert (await helpdesk.ticket(1003)).state is State.RESOLVED
    assert new_posts(helpdesk.new()) == []


async def test_who_is_not_helped_after_all_gets_a_card(helpdesk: Helpdesk) -> None:
    """Who says that it still fails after the incident was resolved gets a card in the channel, so that somebody sees it."""
    people = await incident(helpdesk)
    await helpdesk.agent().press("resolve", text="Ferdig")
    helpdesk.new()

    await people[2].say("Det feiler fortsatt")
    parcels = helpdesk.new()

    ticket = await helpdesk.ticket(1003)
    assert (ticket.state, ticket.parent) == (State.CLAIMED, None)
    assert len(new_posts(parcels)) == 1
    assert await helpdesk.history(1003) == ["opened", "joined", "resolved", "reopened", "split"]
    assert (await helpdesk.events(1003))[-1].by == BOT
    assert (await helpdesk.ticket(1001)).state is State.RESOLVED


async def test_what_one_of_them_confirmed_is_not_opened_again(helpdesk: Helpdesk) -> None:
    """An agent opens the incident again for all but those who have said that it works."""
    people = await incident(helpdesk)
    await helpdesk.agent().press("resolve", text="Ferdig")
    await press_own(people[1], "confirm", 1002)

    await helpdesk.agent().press("reopen")

    states = [(await helpdesk.ticket(number)).state for number in (1001, 1002, 1003)]
    assert states == [State.CLAIMED, State.CLOSED, State.CLAIMED]


async def test_a_split_ticket_is_not_carried_along(helpdesk: Helpdesk) -> None:
    """What is no longer part of the incident is not resolved with it."""
    await incident(helpdesk)
    await helpdesk.agent().press("split", 1003)

    await helpdesk.agent().press("resolve", 1001, text="Ferdig")

    assert (await helpdesk.ticket(1002)).state is State.RESOLVED
    assert (await helpdesk.ticket(1003)).state is State.NEW


async def test_a_blocked_requester_of_an_incident_is_marked_there(helpdesk: Helpdesk) -> None:
    """The line in the incident's thread says whose ticket it is."""
    await incident(helpdesk)
    helpdesk.new()
    helpdesk.recorder.blocked.add("Liv")

    await helpdesk.agent().press("claim")

    why = "403 MessageWritesBlocked"
    parcels = helpdesk.new()
    assert helpdesk.words("thread-undelivered", number="#1002", why=why) in lines(parcels)
    assert len(notices(parcels, "Nils")) == 1
    assert (await helpdesk.ticket(1002)).state is State.CLAIMED


def test_joining_takes_the_assignee_only_where_there_is_none() -> None:
    """Who had a ticket before it was joined keeps it."""
    parent = replace(ticket_in(State.CLAIMED, assignee=KARI), number=1002)

    fresh, _ = join(ticket_in(State.NEW), parent, BOT, Role.SYSTEM, NOW)
    taken, event = join(ticket_in(State.CLAIMED), parent, KARI, Role.AGENT, NOW)

    assert (fresh.state, fresh.assignee) == (State.CLAIMED, KARI)
    assert taken.assignee is not None
    assert taken.assignee.name == "Per"
    assert (event.what, event.other) == ("joined", 1002)
