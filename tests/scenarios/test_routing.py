"""Which channel a ticket goes to: the rules of the content, and the channel of the settings for all that no rule takes."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from bot.model.ids import Language, QueueId
from bot.model.library import Priority, QueueRule, TriageQueue, TriageRules
from bot.model.report import Failure, Kind, Report
from bot.model.ticket import Draft, State
from bot.ports import FALLBACK, NewPost
from bot.triage.routing import queue_for
from tests.conversation import BOUNCE
from tests.core.test_lifecycle import ticket_in
from tests.desk import (
    TRIAGE,
    hand_over,
    helpdesk_at,
    new_posts,
    read,
)

SECURITY = "19:security@thread.tacv2"
FABRIKAM = "19:fabrikam@thread.tacv2"
SECURITY_TEAM = "19:security-team@thread.tacv2"
RULES = TriageRules(
    queues=(
        TriageQueue(
            id=QueueId("security"),
            channel=SECURITY,
            team=SECURITY_TEAM,
            language=Language("en"),
            when=QueueRule(codes=("5.7",)),
        ),
        TriageQueue(
            id=QueueId("fabrikam"),
            channel=FABRIKAM,
            when=QueueRule(recipient_domains=("fabrikam.com",)),
        ),
    )
)
DENIED = (
    "Your message to kari@contoso.com couldn't be delivered.\n"
    "Remote server returned '550 5.7.1 Delivery not authorized, message refused'\n"
)


def draft(
    code: str | None, recipient: str, language: str = "nb", *, urgent: bool = False
) -> Draft:
    """Return a draft about a bounce."""
    return replace(
        ticket_in(State.NEW).draft,
        report=Report(
            kind=Kind.BOUNCE,
            text="",
            codes=(code,) if code else (),
            failures=(Failure(recipient),),
        ),
        language=Language(language),
        priority=Priority.URGENT if urgent else Priority.NORMAL,
    )


def rule(**when: tuple[str, ...]) -> TriageRules:
    """Return rules with one queue."""
    given = QueueRule(**when)  # type: ignore[arg-type]
    return TriageRules(queues=(TriageQueue(id=QueueId("q"), channel=TRIAGE, when=given),))


@pytest.mark.parametrize(
    ("rules", "of", "taken"),
    [
        (rule(codes=("5.7",)), draft("5.7.1", "a@b.example"), True),
        (rule(codes=("5.7",)), draft("5.7.509", "a@b.example"), True),
        (rule(codes=("5.7",)), draft("5.70.1", "a@b.example"), False),
        (rule(codes=("5.7.1",)), draft("5.7.1", "a@b.example"), True),
        (rule(codes=("5.7.1",)), draft("5.7.12", "a@b.example"), False),
        (rule(codes=("5.7",)), draft(None, "a@b.example"), False),
        (rule(codes=("4", "5.7")), draft("4.4.7", "a@b.example"), True),
        (rule(recipient_domains=("b.example",)), draft(None, "a@B.example"), True),
        (rule(recipient_domains=("b.example",)), draft(None, "a@eu.b.example"), True),
        (rule(recipient_domains=("b.example",)), draft(None, "a@notb.example"), False),
        (rule(languages=("nb",)), draft(None, "a@b.example", "nb"), True),
        (rule(languages=("nb",)), draft(None, "a@b.example", "en"), False),
        (rule(priorities=("urgent",)), draft(None, "a@b.example", urgent=True), True),
        (rule(priorities=("urgent",)), draft(None, "a@b.example"), False),
        (
            rule(codes=("5.7",), priorities=("urgent",)),
            draft("5.7.1", "a@b.example"),
            False,
        ),
    ],
)
def test_all_that_a_rule_gives_must_hold(rules: TriageRules, of: Draft, *, taken: bool) -> None:
    """Families end at their dots, domains take what is below them, and several conditions hold together."""
    assert queue_for(of, rules) == ("q" if taken else FALLBACK)


def test_a_ticket_without_a_bounce_goes_to_the_fallback() -> None:
    """Where nothing was pasted, no rule about bounces holds."""
    assert queue_for(ticket_in(State.NEW).draft, RULES) == FALLBACK


def test_the_first_rule_that_holds_wins() -> None:
    """A bounce that two queues would take goes to the one that stands first."""
    assert queue_for(draft("5.7.1", "a@fabrikam.com"), RULES) == "security"


async def test_two_queues_and_the_fallback(tmp_path: Path) -> None:
    """Each ticket's card stands in one channel, in that channel's language; only settings and content say which."""
    async with helpdesk_at(tmp_path, rules=RULES) as helpdesk:
        await hand_over(helpdesk.requester("Ola"), DENIED)
        await hand_over(
            helpdesk.requester("Liv"), BOUNCE.replace("contoso.com", "eu.fabrikam.com")
        )
        await hand_over(helpdesk.requester("Nils"))

        posted = [
            (one.to.conversation, one.content.page.language)
            for one in helpdesk.new()
            if isinstance(one.content, NewPost)
        ]
        queues = [(await helpdesk.ticket(number)).queue for number in (1001, 1002, 1003)]

    assert posted == [(SECURITY, "en"), (FABRIKAM, "nb"), (TRIAGE, "nb")]
    assert queues == ["security", "fabrikam", FALLBACK]


async def test_a_queue_has_its_own_team(tmp_path: Path) -> None:
    """Who works for one queue neither presses nor searches nor speaks in another one's."""
    async with helpdesk_at(tmp_path, rules=RULES) as helpdesk:
        helpdesk.teams.members[SECURITY_TEAM] = ["Siri"]
        await hand_over(helpdesk.requester("Ola"), DENIED)
        await hand_over(helpdesk.requester("Liv"))
        kari, siri = helpdesk.agent("Kari"), helpdesk.agent("Siri", channel=SECURITY)
        refusal = helpdesk.words("ticket-not-member")

        assert await kari.press("claim", 1001) == refusal
        assert await siri.press("claim", 1002) == refusal
        assert await siri.say("Hei", thread=1002) == refusal
        await siri.card("claim", 1001)
        await kari.card("claim", 1002)
        found_by_kari = await kari.search()
        found_by_siri = await siri.search()
        assert not isinstance(found_by_kari, str)
        assert not isinstance(found_by_siri, str)
        assert [read(hit.page).count("#1002") > 0 for hit in found_by_kari] == [True]
        assert [read(hit.page).count("#1001") > 0 for hit in found_by_siri] == [True]


async def test_tickets_of_different_teams_are_not_joined(tmp_path: Path) -> None:
    """An agent cannot reach another team's ticket by joining one's own to it."""
    async with helpdesk_at(tmp_path, rules=RULES) as helpdesk:
        helpdesk.teams.members[SECURITY_TEAM] = ["Siri"]
        await hand_over(helpdesk.requester("Ola"), DENIED)
        await hand_over(helpdesk.requester("Liv"))

        shown = await helpdesk.agent().card("join", 1002, other="1001")

        assert helpdesk.words("ticket-no-such-other") in read(shown)
        assert (await helpdesk.ticket(1002)).parent is None


async def test_a_queue_that_is_no_longer_named_falls_back(tmp_path: Path) -> None:
    """Tickets of a queue that the content has dropped are worked on by the team of the settings, in its channel."""
    async with helpdesk_at(tmp_path, rules=RULES) as helpdesk:
        await hand_over(helpdesk.requester("Ola"), BOUNCE.replace("contoso.com", "fabrikam.com"))
    async with helpdesk_at(tmp_path, rules=TriageRules()) as helpdesk:
        card = await helpdesk.agent().card("claim")

        assert "Kari" in read(card)
        assert new_posts(helpdesk.new()) == []


async def test_search_shows_a_change_at_once(tmp_path: Path) -> None:
    """What was just claimed is no longer unassigned, and is one's own."""
    async with helpdesk_at(tmp_path) as helpdesk:
        await hand_over(helpdesk.requester("Ola"))
        kari = helpdesk.agent()
        before = [len(await kari.search("contoso", kind)) for kind in ("unassigned", "mine")]
        await kari.press("claim")
        after = [len(await kari.search("contoso", kind)) for kind in ("unassigned", "mine")]
        await kari.press("resolve", text="Ferdig")
        closed = await kari.search("#1001", "closed")
        nonsense = await kari.search("#1001", "no-such-list")

    assert (before, after) == ([1, 0], [0, 1])
    assert len(closed) == 1
    assert len(nonsense) == 1
