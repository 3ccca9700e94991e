"""Who is on call: said in the channel, alerted by name, changed in the open."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.model.ids import QueueId
from bot.model.library import Priority, QueueRule, TriageQueue, TriageRules
from bot.model.outgoing import Outgoing
from bot.ports import FALLBACK, Roster
from tests.conversation import BOUNCE
from tests.desk import (
    TRIAGE,
    Helpdesk,
    alerted,
    hand_over,
    helpdesk_at,
    lines,
    read,
)


@pytest.fixture
async def helpdesk(tmp_path: Path) -> AsyncIterator[Helpdesk]:
    """Run the bot with a triage channel."""
    async with helpdesk_at(tmp_path) as running:
        yield running


async def roster_of(helpdesk: Helpdesk, queue: QueueId = FALLBACK) -> Roster:
    """Return who is on call for a queue."""
    return await helpdesk.running.store.run(lambda unit: unit.roster(queue))


async def names(helpdesk: Helpdesk) -> list[str]:
    """Return the names of those on call."""
    return [one.name for one in (await roster_of(helpdesk)).people]


@pytest.mark.parametrize(
    "said",
    [
        "vakt Kari Per",
        "Vakt: Kari og Per",
        "on call Kari and Per",
        "ON CALL: Kari, Per.",
        "roster Kari + Per",
    ],
)
async def test_the_roster_is_set_by_naming_people(helpdesk: Helpdesk, said: str) -> None:
    """The word for it at the line's start, in any language, and the people who are mentioned."""
    shown = await helpdesk.agent().say(said, mentions=["Kari", "Per"])

    assert await names(helpdesk) == ["Kari", "Per"]
    assert helpdesk.words("roster-saved") in read(shown or "")
    assert "Kari" in read(shown or "")


@pytest.mark.parametrize("said", ["vakt ingen", "On call: nobody", "on call none."])
async def test_the_roster_can_be_emptied(helpdesk: Helpdesk, said: str) -> None:
    """Somebody who says that nobody is on call is believed, and the change stands in the list."""
    await helpdesk.agent().say("vakt Kari", mentions=["Kari"])

    shown = read(await helpdesk.agent().say(said) or "")

    assert await names(helpdesk) == []
    assert helpdesk.words("roster-empty") in shown
    assert [change.people for change in (await roster_of(helpdesk)).changes][-1] == ()
    assert "Ingen" in shown.split(helpdesk.words("roster-changes"))[1]


@pytest.mark.parametrize("said", ["vakt", "on call?", "hvem har vakt?", "Vakt:"])
async def test_the_roster_is_shown(helpdesk: Helpdesk, said: str) -> None:
    """The word alone shows who is on call, and that nobody is."""
    empty = await helpdesk.agent().say(said)
    await helpdesk.agent().say("vakt Per", mentions=["Per"])
    shown = await helpdesk.agent().say(said)

    assert helpdesk.words("roster-empty") in read(empty or "")
    assert "Per" in read(shown or "")
    assert len((await roster_of(helpdesk)).changes) == 1


@pytest.mark.parametrize(
    ("said", "mentions"),
    [
        ("vakt Kari", []),
        ("on call question: can Kari look at this one?", ["Kari"]),
    ],
)
async def test_a_roster_that_is_not_clear_is_not_set(
    helpdesk: Helpdesk, said: str, mentions: list[str]
) -> None:
    """A name that alerts nobody, and a sentence that merely begins with the word, change nothing."""
    await helpdesk.agent().say("vakt Per", mentions=["Per"])

    shown = await helpdesk.agent().say(said, mentions=mentions)

    assert await names(helpdesk) == ["Per"]
    assert helpdesk.words("ticket-no-such-person") in read(shown or "")


async def test_words_that_merely_contain_it_are_no_order(helpdesk: Helpdesk) -> None:
    """D15: "vaktmesteren" is nobody's shift, and "we are on call" no order."""
    assert await helpdesk.agent().say("vaktmesteren Per", mentions=["Per"]) is None
    assert await helpdesk.agent().say("we are on call Per", mentions=["Per"]) is None
    assert await names(helpdesk) == []


async def test_only_members_set_the_roster(helpdesk: Helpdesk) -> None:
    """A guest in the channel neither sees nor changes who is on call."""
    refused = await helpdesk.agent("Eve").say("vakt Eve", mentions=["Eve"])

    assert refused == helpdesk.words("ticket-not-member")
    assert await names(helpdesk) == []


async def test_changes_of_the_roster_are_kept(helpdesk: Helpdesk) -> None:
    """The last ten, with who made them."""
    for turn in range(12):
        name = "Kari" if turn % 2 else "Per"
        await helpdesk.agent("Kari").say(f"vakt {name}", mentions=[name])

    roster = await roster_of(helpdesk)
    assert len(roster.changes) == 10
    assert {change.by.name for change in roster.changes} == {"Kari"}
    assert [one.name for one in roster.people] == ["Kari"]


async def test_new_tickets_alert_who_is_on_call(helpdesk: Helpdesk) -> None:
    """One line in the new card's thread mentions them; without a roster there is no line."""
    await hand_over(helpdesk.requester("Liv"), BOUNCE.replace("contoso.com", "example.org"))
    quiet = helpdesk.new()
    await helpdesk.agent().say("vakt Per", mentions=["Per"])

    await hand_over(helpdesk.requester())
    parcels = helpdesk.new()

    assert lines(quiet) == []
    assert alerted(parcels) == ["Per"]
    assert lines(parcels) == [helpdesk.words("thread-opened", requester="Ola", number="#1002")]


async def test_statistics_are_shown_in_the_channel(helpdesk: Helpdesk) -> None:
    """The word for it answers with the card, for members only."""
    await hand_over(helpdesk.requester())

    for word in ("stats", "statistikk", "Statistics"):
        shown = await helpdesk.agent().say(word)
        assert isinstance(shown, Outgoing)
        assert helpdesk.words("stats-title") in read(shown)
    assert await helpdesk.agent("Eve").say("stats") == helpdesk.words("ticket-not-member")


async def test_queues_of_one_channel_share_their_roster(tmp_path: Path) -> None:
    """Where two queues go to one channel, what is said there holds for both."""
    rules = TriageRules(
        queues=(
            TriageQueue(
                id=QueueId("urgent"), channel=TRIAGE, when=QueueRule(priorities=(Priority.URGENT,))
            ),
        )
    )
    async with helpdesk_at(tmp_path, rules=rules) as helpdesk:
        await helpdesk.agent().say("vakt Per", mentions=["Per"])

        assert [one.name for one in (await roster_of(helpdesk)).people] == ["Per"]
        assert [one.name for one in (await roster_of(helpdesk, QueueId("urgent"))).people] == [
            "Per"
        ]
