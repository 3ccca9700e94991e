"""A ticket's life at the helpdesk: who sees what, who may do what, and who hears of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.compose import application, close_overdue, utc_now
from bot.metrics import Metrics, Now
from bot.model.errors import TransitionRefused, UnknownTicket
from bot.model.event import Person
from bot.model.outgoing import Outgoing
from bot.model.ticket import Deed, Role, State, Verb
from bot.ports import Line
from bot.triage import BOT, card_name
from tests.conversation import BOUNCE, CHANNEL, Conversation, Recorder, settings_for, text_of
from tests.desk import (
    KARI,
    PER,
    Helpdesk,
    alerted,
    does,
    hand_over,
    helpdesk_at,
    lines,
    new_posts,
    news,
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


async def test_a_ticket_carries_all_the_evidence(helpdesk: Helpdesk) -> None:
    """The helpdesk does not have to ask for anything that was already said."""
    ola = helpdesk.requester()
    shown = await ola.say(BOUNCE)
    shown = await ola.press(shown, "sender")
    shown = await ola.press(shown, "human")
    await ola.press(shown, "send", {"note": "Ring per@fabrikam.com"})

    whole = await helpdesk.ticket()
    draft = whole.draft

    assert whole.number == 1001
    assert whole.state is State.NEW
    assert draft.report is not None
    assert draft.report.status == "5.1.10"
    assert draft.report.recipients == ("kari.nordmann@contoso.com",)
    assert draft.report.reporting_mta == "am0pr01mb1234.eurprd01.prod.exchangelabs.com"
    assert draft.original is not None
    assert "RESOLVER.ADR.RecipientNotFound" in draft.original
    assert [(visit.node, visit.choice) for visit in draft.path] == [("who-are-you", "sender")]
    assert draft.note == "Ring per@fabrikam.com"
    assert draft.requester.user_name == "Ola"


async def test_the_shared_card_hides_third_parties_until_a_member_asks(
    helpdesk: Helpdesk,
) -> None:
    """Addresses are masked on the card in the channel and whole for the member who asks."""
    await hand_over(helpdesk.requester(), note="Ring per@fabrikam.com")

    [posted] = new_posts(helpdesk.new())
    shared = text_of(posted)
    assert posted.language == "nb"
    assert "k•••@contoso.com" in shared
    assert "p•••@fabrikam.com" in shared
    assert "kari.nordmann@" not in shared
    assert "per@fabrikam" not in shared

    whole = text_of(await helpdesk.agent().card("show-all"))
    again = text_of(await helpdesk.agent().card("show"))
    assert "kari.nordmann@contoso.com" in whole
    assert "kari.nordmann@" not in again


async def test_the_original_text_stays_out_when_the_requester_says_so(helpdesk: Helpdesk) -> None:
    """What the preview says is left out is neither stored with the ticket nor on its card."""
    ola = helpdesk.requester()
    shown = await ola.say(BOUNCE)
    shown = await ola.press(shown, "human")
    shown = await ola.press(shown, "drop-original")
    await ola.press(shown, "send")

    [posted] = new_posts(helpdesk.new())
    assert (await helpdesk.ticket()).draft.original is None
    assert "couldn't be delivered" not in text_of(posted)


async def test_d9_notices_are_in_the_requesters_language(helpdesk: Helpdesk) -> None:
    """Whatever the agent speaks, each change is told in the language of whoever waits for it; the card is brought up to date in place."""
    await hand_over(helpdesk.requester(locale="en"))
    helpdesk.new()
    kari = helpdesk.agent()

    card = await kari.card("claim")
    after_claim = helpdesk.new()
    done = await kari.card("resolve", text="Lisensen var borte")
    after_resolve = helpdesk.new()

    assert "claim" not in does(card)
    assert {"form-reply", "form-resolve"} <= set(does(card))
    assert "form-resolve" not in does(done)
    [claimed] = notices(after_claim)
    [resolved] = notices(after_resolve)
    assert (claimed.language, resolved.language) == ("en", "en")
    assert "Kari is now working on #1001." in read(claimed)
    assert "Lisensen var borte" in text_of(resolved)
    assert {"confirm", "reopen"} <= set(does(resolved))
    name = card_name((await helpdesk.ticket()).id)
    assert [page.language for page in revised(after_claim, name)] == ["nb"]
    assert lines(after_claim) == [helpdesk.words("thread-claimed", who="Kari")]
    assert lines(after_resolve) == [
        helpdesk.words("thread-resolved", who="Kari", text="Lisensen var borte")
    ]
    assert await helpdesk.history() == ["opened", "claimed", "resolved"]


async def test_the_requesters_own_card_is_updated_in_place(helpdesk: Helpdesk) -> None:
    """The card that the requester got with the number shows how the ticket stands, without a second one."""
    await hand_over(helpdesk.requester())
    helpdesk.new()

    await helpdesk.agent().press("claim")

    name = f"ticket:{(await helpdesk.ticket()).id}:requester"
    [page] = revised(helpdesk.new(), name)
    assert page.language == "en"
    assert helpdesk.words("own-state-claimed", "en") in text_of(page)


async def test_d2_exactly_one_claimer_wins(helpdesk: Helpdesk) -> None:
    """The second one sees who was first, the first one is not told that somebody was, and the requester hears of one claim only."""
    await hand_over(helpdesk.requester())
    helpdesk.new()
    kari, per = helpdesk.agent("Kari"), helpdesk.agent("Per")

    first = await kari.card("claim")
    second = await per.card("claim")
    again = await kari.card("claim")

    remark = helpdesk.words("ticket-claimed-already")
    assert remark not in text_of(first)
    assert remark in text_of(second)
    assert remark not in text_of(again)
    assert "Kari" in text_of(second)
    assert (await helpdesk.ticket()).assignee == KARI
    assert len(notices(helpdesk.new())) == 1
    assert await helpdesk.history() == ["opened", "claimed"]


async def test_of_many_who_claim_at_the_same_moment_one_wins(helpdesk: Helpdesk) -> None:
    """Presses that arrive together are decided by the store; everybody but one sees who was first."""
    await hand_over(helpdesk.requester())
    helpdesk.new()
    presses = [helpdesk.agent(name).press("claim") for name in ("Kari", "Per") * 4]

    shown = await asyncio.gather(*presses)

    assert await helpdesk.history() == ["opened", "claimed"]
    assert len(notices(helpdesk.new())) == 1
    assert len({read(page).count(helpdesk.words("ticket-claimed-already")) for page in shown}) == 2


async def test_d3_the_same_press_three_times_is_one_event(helpdesk: Helpdesk) -> None:
    """A second delivery changes nothing, tells nobody, and is answered with the card as it stands."""
    await hand_over(helpdesk.requester())
    kari = helpdesk.agent()
    await kari.card("reply", text="Prøv igjen nå")
    assert kari.last_press is not None
    helpdesk.new()

    again = [await kari.deliver(kari.last_press) for _ in range(2)]

    assert await helpdesk.history() == ["opened", "replied"]
    assert helpdesk.new() == []
    assert all(isinstance(page, Outgoing) for page in again)
    assert helpdesk.words("ticket-not-possible") not in text_of(await kari.card("show"))


async def test_a_late_delivery_does_not_do_what_was_refused(helpdesk: Helpdesk) -> None:
    """A press that was refused stays refused, also when it comes once more after the ticket has changed."""
    await hand_over(helpdesk.requester())
    kari, per = helpdesk.agent("Kari"), helpdesk.agent("Per")
    await kari.press("claim")
    await per.press("claim")
    assert per.last_press is not None
    await kari.press("hand-back")

    await per.deliver(per.last_press)

    assert (await helpdesk.ticket()).assignee is None


async def test_take_over_hand_back_and_assign(helpdesk: Helpdesk) -> None:
    """A ticket goes from one to the other in one press; the requester hears who has it, and never that nobody has."""
    await hand_over(helpdesk.requester())
    kari, per = helpdesk.agent("Kari"), helpdesk.agent("Per")
    await kari.press("claim")
    helpdesk.new()

    await per.press("take-over")
    taken = helpdesk.new()
    assert (await helpdesk.ticket()).assignee == PER
    assert "Per" in text_of(notices(taken)[0])

    await per.press("hand-back")
    back = helpdesk.new()
    assert (await helpdesk.ticket()).state is State.NEW
    assert notices(back) == []
    assert lines(back) == [helpdesk.words("thread-handed-back", who="Per")]

    form = await per.card("form-assign")
    assert "Kari" in text_of(form)
    await per.press("assign", person=KARI.key)
    given = helpdesk.new()
    assert (await helpdesk.ticket()).assignee == KARI
    assert alerted(given) == ["Kari"]
    assert len(notices(given)) == 1
    assert await helpdesk.history() == [
        "opened",
        "claimed",
        "taken-over",
        "handed-back",
        "assigned",
    ]


async def test_nobody_is_assigned_who_is_not_in_the_team(helpdesk: Helpdesk) -> None:
    """Whom a press names is a claim: the team's own list decides."""
    await hand_over(helpdesk.requester())

    shown = await helpdesk.agent().card("assign", person="key-Eve")

    assert helpdesk.words("ticket-no-such-person") in text_of(shown)
    assert await helpdesk.history() == ["opened"]


async def test_a_text_that_is_missing_is_asked_for(helpdesk: Helpdesk) -> None:
    """Without words nothing changes, and the card asks for them."""
    await hand_over(helpdesk.requester())

    shown = await helpdesk.agent().card("resolve", text="   ")

    assert helpdesk.words("ticket-text-missing") in text_of(shown)
    assert "resolve" in does(shown)
    assert (await helpdesk.ticket()).state is State.NEW
    with pytest.raises(TransitionRefused):
        await helpdesk.running.desk.carry_out(1001, Deed(verb=Verb.RESOLVE), KARI)


async def test_d6_d11_only_members_may_press_and_search(helpdesk: Helpdesk) -> None:
    """A stranger is refused and that is logged; who has left the team can do nothing more; nobody is let in while it cannot be checked."""
    await hand_over(helpdesk.requester())
    eve, per = helpdesk.agent("Eve"), helpdesk.agent("Per")
    refusal = helpdesk.words("ticket-not-member")

    with capture_logs() as logged:
        assert await eve.press("claim") == refusal
    assert await eve.press("show-all") == refusal
    assert await eve.press("claim", number=7) == refusal
    assert await eve.search("1001") == refusal
    helpdesk.teams.members[next(iter(helpdesk.teams.members))].remove("Per")
    assert await per.press("claim") == refusal
    assert await per.search() == refusal
    helpdesk.teams.unreachable = True
    unchecked = helpdesk.words("ticket-cannot-check")
    assert await helpdesk.agent().press("claim") == unchecked
    assert await helpdesk.agent().search() == unchecked

    assert ("press-refused", 1001) in {(one["event"], one.get("ticket")) for one in logged}
    assert await helpdesk.history() == ["opened"]


async def test_the_team_asked_is_the_queues_own(helpdesk: Helpdesk) -> None:
    """A press from another team's channel, which names that team, is not asked about there."""
    await hand_over(helpdesk.requester())
    helpdesk.teams.members["19:other@thread.tacv2"] = ["Eve"]
    eve = helpdesk.agent("Eve", channel="19:other@thread.tacv2")

    assert await eve.press("claim") == helpdesk.words("ticket-not-member")
    assert {team for team, _ in helpdesk.teams.asked} == {"19:team@thread.tacv2"}


async def test_d14_a_requester_is_known_by_their_id_and_their_chat(helpdesk: Helpdesk) -> None:
    """Somebody else's press in their own chat is no requester's, whatever name they have."""
    await hand_over(helpdesk.requester())
    twin = helpdesk.requester("Eve")

    refused = await press_own(twin, "withdraw")

    assert refused == helpdesk.words("ticket-not-member", "en")
    assert await helpdesk.history() == ["opened"]


async def test_a_press_on_no_ticket_is_explained(helpdesk: Helpdesk) -> None:
    """Numbers that do not exist and verbs we do not know change nothing."""
    await hand_over(helpdesk.requester())
    kari = helpdesk.agent()

    assert await kari.press("claim", number=7) == helpdesk.words("ticket-unknown")
    assert await kari.press("explode") == helpdesk.words("notice-unknown-press")
    with pytest.raises(UnknownTicket):
        await helpdesk.running.desk.carry_out(7, Deed(verb=Verb.CLAIM), KARI)


async def test_cards_of_the_first_release_still_work(helpdesk: Helpdesk) -> None:
    """Their presses are `claim`, `resolve` with a field `resolution`, and `show-all`; what is no longer legal explains itself."""
    await hand_over(helpdesk.requester(), note="hei")
    kari = helpdesk.agent()

    await kari.card("claim")
    assert "Melding" not in text_of(await kari.card("show-all"))
    await kari.card("resolve", resolution="Byttet lisens")
    late = await kari.card("resolve", resolution="En gang til")

    ticket = await helpdesk.ticket()
    assert (ticket.state, ticket.resolution) == (State.RESOLVED, "Byttet lisens")
    assert helpdesk.words("ticket-not-possible") in text_of(late)


async def test_a_form_that_is_no_longer_of_use_is_not_opened(helpdesk: Helpdesk) -> None:
    """An old card's form button shows how the ticket stands instead."""
    await hand_over(helpdesk.requester())
    kari = helpdesk.agent()
    opened = await kari.card("form-reply")
    await kari.card("resolve", text="Ferdig")
    await press_own(helpdesk.requester(), "confirm")

    shown = await kari.card("form-reply")

    assert {"reply", "ask"} <= set(does(opened))
    assert helpdesk.words("ticket-not-possible") in text_of(shown)
    assert "reply" not in does(shown)


async def test_a_ticket_never_depends_on_the_channel(tmp_path: Path) -> None:
    """Without a channel the ticket is kept, worked on and resolved all the same."""
    recorder = Recorder()
    async with application(settings_for(tmp_path), {CHANNEL: recorder}) as running:
        await hand_over(Conversation(running, recorder))
        await running.desk.carry_out(1001, Deed(verb=Verb.CLAIM), KARI)
        ticket = await running.desk.carry_out(1001, Deed(verb=Verb.RESOLVE, text="Fixed"), KARI)
        await running.outbox.settle()

        assert ticket.state is State.RESOLVED
        assert any("Fixed" in text_of(page) for page in notices(recorder.parcels))
        assert not [p for p in recorder.parcels if isinstance(p.content, Line)]


async def test_d1_a_ticket_without_a_card_gets_one(tmp_path: Path) -> None:
    """Where no channel was set when a ticket was opened, its card is posted with its next change: no ticket stays out of reach."""
    recorder = Recorder()
    async with application(settings_for(tmp_path), {CHANNEL: recorder}) as running:
        await hand_over(Conversation(running, recorder))
    async with helpdesk_at(tmp_path) as helpdesk:
        await helpdesk.running.desk.carry_out(1001, Deed(verb=Verb.CLAIM), KARI)
        await helpdesk.running.outbox.settle()
        parcels = helpdesk.new()
        await helpdesk.agent().press("hand-back")

        assert len(new_posts(parcels)) == 1
        assert new_posts(helpdesk.new()) == []


async def test_d8_a_blocked_bot_is_marked_on_the_card(helpdesk: Helpdesk) -> None:
    """The claim holds, the card says that the requester was not notified and what to do, and so does the thread."""
    await hand_over(helpdesk.requester())
    helpdesk.new()
    helpdesk.recorder.blocked.add("Ola")

    answered = await helpdesk.agent().card("claim")
    arrived = helpdesk.new()

    why = "403 MessageWritesBlocked"
    marked = helpdesk.words("ticket-undelivered", why=why)
    name = card_name((await helpdesk.ticket()).id)
    assert (await helpdesk.ticket()).assignee == KARI
    assert "Kari" in text_of(answered)
    assert marked in read(revised(arrived, name)[-1])
    assert helpdesk.words("thread-undelivered", number="#1001", why=why) in lines(arrived)
    assert marked in read(await helpdesk.agent().card("show"))


async def test_d5_a_resolved_ticket_says_who_and_when(helpdesk: Helpdesk) -> None:
    """When it was resolved is a time, who did it stands in the history."""
    before = utc_now()
    await hand_over(helpdesk.requester())
    await helpdesk.agent().press("resolve", text="Ferdig")

    ticket = await helpdesk.ticket()
    last = (await helpdesk.events())[-1]
    assert ticket.resolved is not None
    assert before <= ticket.resolved <= utc_now()
    assert (last.what, last.by, last.note) == ("resolved", KARI, "Ferdig")


async def test_d4_numbers_never_repeat(helpdesk: Helpdesk) -> None:
    """Numbers follow each other, and none is ever 0."""
    people = [helpdesk.requester(name) for name in ("Ola", "Liv", "Nils")]
    for talking in people:
        await hand_over(
            talking, BOUNCE.replace("contoso.com", f"{talking.address.user_name}.example")
        )

    tickets = await people[0].tickets()
    assert sorted(ticket.number for ticket in tickets) == [1001, 1002, 1003]


async def test_what_nobody_answers_is_closed(helpdesk: Helpdesk) -> None:
    """A resolved ticket that stays silent is closed by the bot, without a notice; one that is open is not."""
    await hand_over(helpdesk.requester())
    await hand_over(helpdesk.requester("Liv"), BOUNCE.replace("contoso.com", "fabrikam.com"))
    await helpdesk.agent().press("resolve", text="Ferdig")
    helpdesk.new()
    running = helpdesk.running

    too_early = await close_overdue(running.store, running.desk, utc_now() - timedelta(days=7))
    closed = await close_overdue(running.store, running.desk, utc_now() + timedelta(seconds=1))
    await running.outbox.settle()

    assert (too_early, closed) == (0, 1)
    assert (await helpdesk.ticket(1001)).state is State.CLOSED
    assert (await helpdesk.ticket(1002)).state is State.NEW
    assert notices(helpdesk.new()) == []
    assert (await helpdesk.events())[-1].by == BOT


async def test_changes_go_to_every_sink_but_the_one_they_came_from(tmp_path: Path) -> None:
    """Another helpdesk hears of everything once, and never of what it said itself."""
    desk_a, desk_b = Recorder(), Recorder()
    async with helpdesk_at(tmp_path, sinks={"a": desk_a, "b": desk_b}) as helpdesk:
        await hand_over(helpdesk.requester())
        await helpdesk.agent().press("claim")
        await helpdesk.running.desk.carry_out(
            1001,
            Deed(verb=Verb.RESOLVE, text="Done over there"),
            Person("sink:a", "A"),
            role=Role.SYSTEM,
        )
        await helpdesk.running.outbox.settle()

        assert news(desk_a.parcels) == ["opened", "claimed"]
        assert news(desk_b.parcels) == ["opened", "claimed", "resolved"]
        assert "Done over there" in text_of(notices(helpdesk.new())[-1])


async def test_what_was_written_is_never_logged(helpdesk: Helpdesk) -> None:
    """The log has numbers, verbs and outcomes, and no text of anybody."""
    with capture_logs() as logged:
        await hand_over(helpdesk.requester(), note="geheim-42")
        await helpdesk.agent().press("reply", text="geheim-43 to kari.nordmann@contoso.com")
        await helpdesk.agent().say("note: geheim-44", thread=1001)
        await helpdesk.agent("Eve").press("reply", text="geheim-45")

    deeds = [one for one in logged if one["event"] == "ticket-deed"]
    assert [(one["do"], one["came_out"]) for one in deeds] == [("reply", "done"), ("note", "done")]
    assert "geheim" not in str(logged)
    assert "contoso" not in str(logged)


async def test_deeds_are_counted_by_verb(tmp_path: Path) -> None:
    """Operators see what is done and what is refused."""
    metrics, recorder = Metrics(), Recorder()
    settings = settings_for(tmp_path)
    async with application(settings, {CHANNEL: recorder}, watch=metrics) as running:
        await hand_over(Conversation(running, recorder))
        await running.desk.carry_out(1001, Deed(verb=Verb.CLAIM), KARI)
        with pytest.raises(TransitionRefused):
            await running.desk.carry_out(1001, Deed(verb=Verb.CLAIM), PER)

    shown = metrics.render(Now(counts=None, content="")).decode()
    assert 'bouncedesk_ticket_deeds_total{outcome="done",role="agent",verb="claim"} 1.0' in shown
    assert (
        'bouncedesk_ticket_deeds_total{outcome="refused",role="agent",verb="claim"} 1.0' in shown
    )
