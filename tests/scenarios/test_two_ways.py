"""Replies both ways: from a card or a thread to the requester's chat, and from there back into the same thread."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.compose import new_id
from bot.model.outgoing import Outgoing
from bot.model.ticket import State
from bot.ports import Line, Parcel
from bot.triage import card_name
from tests.conversation import BOUNCE, Conversation, choices_on
from tests.desk import (
    Helpdesk,
    does,
    hand_over,
    helpdesk_at,
    lines,
    notices,
    press_own,
    read,
)

OTHER_BOUNCE = BOUNCE.replace("contoso.com", "fabrikam.com")


@pytest.fixture
async def helpdesk(tmp_path: Path) -> AsyncIterator[Helpdesk]:
    """Run the bot with a triage channel."""
    async with helpdesk_at(tmp_path) as running:
        yield running


async def three_tickets(helpdesk: Helpdesk) -> list[Conversation]:
    """Let three people hand something over that has nothing in common."""
    people = [helpdesk.requester(name) for name in ("Ola", "Liv", "Nils")]
    for talking, domain in zip(
        people, ("contoso.com", "fabrikam.com", "example.org"), strict=True
    ):
        await hand_over(talking, BOUNCE.replace("contoso.com", domain))
    helpdesk.new()
    return people


async def in_thread(helpdesk: Helpdesk, parcels: list[Parcel], number: int) -> list[str]:
    """Return the lines in the thread of one ticket."""
    name = card_name((await helpdesk.ticket(number)).id)
    return lines(
        [one for one in parcels if isinstance(one.content, Line) and one.content.name == name]
    )


async def test_three_interleaved_tickets_never_cross(helpdesk: Helpdesk) -> None:
    """What is said about one ticket reaches its requester and its thread, and nobody else's, whatever the order."""
    people = await three_tickets(helpdesk)
    kari, per = helpdesk.agent("Kari"), helpdesk.agent("Per")

    await kari.say("Er adressen riktig, Ola?", thread=1001)
    await per.press("ask", 1002, text="Hvilken adresse, Liv?")
    await kari.say("Nils, prøv igjen", thread=1003)
    asked = helpdesk.new()
    await people[1].say("Adressen til Liv")
    await people[2].say("Nils har prøvd")
    await people[0].say("Ola svarer")
    answered = helpdesk.new()

    for name, words in (("Ola", "riktig, Ola?"), ("Liv", "adresse, Liv?"), ("Nils", "Nils, prøv")):
        [told] = notices(asked, name)
        assert words in read(told)
    for number, name, words in (
        (1001, "Ola", "Ola svarer"),
        (1002, "Liv", "Adressen til Liv"),
        (1003, "Nils", "Nils har prøvd"),
    ):
        said = helpdesk.words("thread-answered", who=name, text=words)
        assert await in_thread(helpdesk, answered, number) == [said]
        assert words in [event.note for event in await helpdesk.events(number)]
    assert [(await helpdesk.ticket(number)).state for number in (1001, 1002, 1003)] == [
        State.CLAIMED
    ] * 3


async def test_a_question_waits_for_its_answer(helpdesk: Helpdesk) -> None:
    """Asking waits for the requester, their answer gives the ticket back to whoever asked; a reply waits for nothing."""
    ola = helpdesk.requester()
    await hand_over(ola)
    kari = helpdesk.agent()

    await kari.press("reply", text="Vi ser på det")
    assert (await helpdesk.ticket()).state is State.CLAIMED
    await kari.press("ask", text="Hvilken adresse?")
    assert (await helpdesk.ticket()).state is State.WAITING
    await ola.say("kari@contoso.com")

    ticket = await helpdesk.ticket()
    assert (ticket.state, ticket.assignee and ticket.assignee.name) == (State.CLAIMED, "Kari")
    assert await helpdesk.history() == ["opened", "replied", "asked", "answered"]


async def test_an_answer_on_the_notice_comes_back_too(helpdesk: Helpdesk) -> None:
    """The notice of a question has the field to answer it, and what is written there goes the same way as a typed line."""
    ola = helpdesk.requester()
    await hand_over(ola)
    helpdesk.new()
    await helpdesk.agent().press("ask", text="Hvilken adresse?")
    [asked] = notices(helpdesk.new())

    shown = await press_own(ola, "answer", text="den gamle")

    assert "answer" in does(asked)
    assert isinstance(shown, Outgoing)
    assert lines(helpdesk.new()) == [
        helpdesk.words("thread-answered", who="Ola", text="den gamle")
    ]


@pytest.mark.parametrize(
    "said",
    [
        "note: ring henne",
        "Notat: ring henne",
        "notat ring henne",
        "NOTE ring henne",
        "<p>notat:&nbsp;ring henne</p>",
    ],
)
async def test_notes_stay_inside(helpdesk: Helpdesk, said: str) -> None:
    """The word for a note, in any language and with or without a colon, keeps a line from the requester."""
    await hand_over(helpdesk.requester())
    helpdesk.new()

    answer = await helpdesk.agent().say(said, thread=1001)
    parcels = helpdesk.new()

    assert answer == ""
    assert notices(parcels) == []
    assert not [one for one in parcels if "ring henne" in repr(one) and one.to.user == "29:Ola"]
    assert lines(parcels) == [helpdesk.words("thread-noted", who="Kari", text="ring henne")]
    assert [(event.what, event.note) for event in await helpdesk.events()][1:] == [
        ("noted", "ring henne")
    ]
    assert (await helpdesk.ticket()).state is State.NEW


async def test_a_note_on_a_card_stays_inside_too(helpdesk: Helpdesk) -> None:
    """Neither a notice nor the requester's own card nor their list of tickets shows it."""
    ola = helpdesk.requester()
    await hand_over(ola)
    helpdesk.new()
    await helpdesk.agent().press("note", text="ring henne")

    to_ola = [one for one in helpdesk.new() if one.to.user == "29:Ola"]

    assert "ring henne" not in repr(to_ola)
    assert "ring henne" not in read(await press_own(ola, "show"))
    assert "ring henne" in read(await helpdesk.agent().card("show"))


async def test_a_line_in_a_thread_three_times_is_one_reply(helpdesk: Helpdesk) -> None:
    """The channel delivers what it is not sure of again; the requester gets it once."""
    await hand_over(helpdesk.requester())
    helpdesk.new()
    activity = new_id()

    for _ in range(3):
        assert await helpdesk.agent().say("Prøv nå", thread=1001, activity=activity) == ""

    assert len(notices(helpdesk.new())) == 1
    assert await helpdesk.history() == ["opened", "replied"]


async def test_only_members_speak_in_a_thread(helpdesk: Helpdesk) -> None:
    """A stranger's line reaches nobody, and they are told why; so it is while membership cannot be checked."""
    await hand_over(helpdesk.requester())
    helpdesk.new()

    stranger = await helpdesk.agent("Eve").say("Send meg passordet", thread=1001)
    helpdesk.teams.unreachable = True
    unsure = await helpdesk.agent().say("Hei", thread=1001)

    assert stranger == helpdesk.words("ticket-not-member")
    assert unsure == helpdesk.words("ticket-cannot-check")
    assert helpdesk.new() == []
    assert await helpdesk.history() == ["opened"]


async def test_what_is_not_possible_in_a_thread_is_said(helpdesk: Helpdesk) -> None:
    """A reply to somebody who has withdrawn, and one without words, are refused in words."""
    ola = helpdesk.requester()
    await hand_over(ola)
    kari = helpdesk.agent()

    empty = await kari.say("  ", thread=1001)
    await press_own(ola, "withdraw")
    late = await kari.say("Hei", thread=1001)

    assert empty == helpdesk.words("ticket-text-missing")
    assert late == helpdesk.words("ticket-not-possible")


async def test_what_is_said_elsewhere_is_not_the_queues(helpdesk: Helpdesk) -> None:
    """Other channels, ordinary talk and bounces go on to the dialog."""
    await hand_over(helpdesk.requester())
    elsewhere = helpdesk.agent("Kari", channel="19:lunch@thread.tacv2")

    assert await elsewhere.say("vakt", mentions=["Per"]) is None
    assert await helpdesk.agent().say(BOUNCE) is None
    assert await helpdesk.agent().say("Hva er dette?") is None


async def test_a_reply_waits_for_the_end_of_a_dialog(helpdesk: Helpdesk) -> None:
    """Somebody in the middle of the next bounce is not interrupted; when that dialog ends, the reply comes."""
    ola = helpdesk.requester()
    await hand_over(ola)
    shown = await ola.say(OTHER_BOUNCE)
    helpdesk.new()

    await helpdesk.agent().press("reply", text="Prøv igjen nå")
    during = notices(helpdesk.new())
    shown = await ola.press(shown, "human")
    still = notices(helpdesk.new())
    assert "send" in choices_on(shown)
    await ola.press(shown, "send")
    after = notices(helpdesk.new())

    assert during == []
    assert still == []
    assert ["Prøv igjen nå" in read(page) for page in after] == [True]


async def test_an_employee_who_says_on_call_is_not_heard_as_one(helpdesk: Helpdesk) -> None:
    """D15: words in a personal chat set no roster, and a thread of the triage channel is no roster either."""
    ola = helpdesk.requester()
    await hand_over(ola)
    helpdesk.new()

    await ola.say("on call")
    said = await helpdesk.agent().say("vakt Per", thread=1001, mentions=["Per"])

    roster = await helpdesk.running.store.run(lambda unit: unit.roster((unit.ticket(1001)).queue))
    assert roster.people == ()
    assert said == ""
    assert "answered" in await helpdesk.history()
    assert "replied" in await helpdesk.history()


async def test_a_conversation_of_another_thread_is_another_ticket(helpdesk: Helpdesk) -> None:
    """The thread decides which ticket a line is for, not who spoke there last."""
    await three_tickets(helpdesk)
    threads = {await helpdesk.thread(number) for number in (1001, 1002, 1003)}

    await helpdesk.agent().say("Til Liv", thread=1002)
    await helpdesk.agent().say("Til Ola", thread=1001)

    parcels = helpdesk.new()
    assert len(threads) == 3
    assert "Til Liv" in read(notices(parcels, "Liv")[0])
    assert "Til Ola" in read(notices(parcels, "Ola")[0])
    assert notices(parcels, "Nils") == []
