"""From a hand-over to a resolved ticket: who sees what, who may do what, and what the requester hears."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.compose import Application, application
from bot.model.errors import DeliveryAmbiguous, DeliveryRefused, TransitionRefused, UnknownTicket
from bot.model.event import Address, Scope, TicketPress
from bot.model.ids import ConversationId, Language, UserId
from bot.model.outgoing import Outgoing
from bot.model.ticket import Person, State
from bot.ports import NewPost, Parcel, Placed, Reply, Revision
from tests.conversation import (
    BOUNCE,
    CHANNEL,
    Conversation,
    Recorder,
    settings_for,
    text_of,
)

KARI = Person("key-kari", "Kari Agent")
PER = Person("key-per", "Per Agent")
TEAM = {
    "triage_team_id": "19:team@thread.tacv2",
    "triage_channel_id": "19:triage@thread.tacv2",
    "triage_language": "nb",
}


class Team:
    """The triage team, as the channel would tell it."""

    def __init__(self) -> None:
        """Let everybody in but strangers."""
        self.unreachable = False

    async def is_member(self, press: TicketPress) -> bool:
        """Tell whether the presser is one of ours."""
        if self.unreachable:
            raise DeliveryAmbiguous
        return press.person.key in {KARI.key, PER.key}


@pytest.fixture
def team() -> Team:
    """Return the triage team."""
    return Team()


@pytest.fixture
async def desk(tmp_path: Path, team: Team) -> AsyncIterator[tuple[Application, Recorder]]:
    """Run the bot with a triage channel."""
    recorder = Recorder()
    settings = settings_for(tmp_path, **TEAM)
    async with application(settings, {CHANNEL: recorder}, members=team) as running:
        yield running, recorder


def press_of(person: Person, do: str, number: int = 1001, note: str = "") -> TicketPress:
    """Return a press on a ticket's card."""
    return TicketPress(
        number=number,
        do=do,
        version=1,
        person=person,
        inputs={"resolution": note} if note else {},
        address=Address(
            channel=CHANNEL,
            service_url="https://smba.trafficmanager.net/emea/",
            conversation=ConversationId(TEAM["triage_channel_id"]),
            scope=Scope.CHANNEL,
            user=UserId("29:agent"),
            user_name=person.name,
            user_key=person.key,
        ),
        activity="press",
        locale=Language("nb"),
        inline=True,
    )


async def open_ticket(talking: Conversation) -> Outgoing:
    """Paste a bounce and hand it over; return the page with the number."""
    shown = await talking.say(BOUNCE)
    shown = await talking.press(shown, "sender")
    shown = await talking.press(shown, "human")
    return await talking.press(shown, "send", {"note": "Ring per@fabrikam.com"})


def to_channel(recorder: Recorder) -> list[Parcel]:
    """Return what was sent to the triage channel."""
    return [
        parcel
        for parcel in recorder.parcels
        if parcel.to.conversation == TEAM["triage_channel_id"]
    ]


async def test_a_ticket_carries_all_the_evidence(desk: tuple[Application, Recorder]) -> None:
    """The helpdesk does not have to ask for anything that was already said."""
    await open_ticket(Conversation(*desk))

    [ticket] = await desk[0].store.run(lambda unit: unit.tickets())
    whole = await desk[0].store.run(lambda unit: unit.ticket(ticket.number))
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
    desk: tuple[Application, Recorder],
) -> None:
    """Addresses are masked on the card in the channel and whole for the member who asks."""
    running, recorder = desk
    await open_ticket(Conversation(*desk))

    [posted] = to_channel(recorder)
    assert isinstance(posted.content, NewPost)
    shared = text_of(posted.content.page)
    assert posted.content.page.language == "nb"
    assert "k•••@contoso.com" in shared
    assert "p•••@fabrikam.com" in shared
    assert "kari.nordmann@" not in shared
    assert "per@fabrikam" not in shared

    whole = await running.desk.press(press_of(KARI, "show-all"))
    assert isinstance(whole, Outgoing)
    assert "kari.nordmann@contoso.com" in text_of(whole)


async def test_the_original_text_stays_out_when_the_requester_says_so(
    desk: tuple[Application, Recorder],
) -> None:
    """What the preview says is left out is neither stored with the ticket nor on its card."""
    talking = Conversation(*desk)
    shown = await talking.say(BOUNCE)
    shown = await talking.press(shown, "human")
    shown = await talking.press(shown, "drop-original")
    await talking.press(shown, "send")

    ticket = await desk[0].store.run(lambda unit: unit.ticket(1001))

    assert ticket.draft.original is None
    assert "couldn't be delivered" not in text_of(to_channel(desk[1])[0].content.page)


async def test_claim_and_resolve_are_told_in_the_requesters_language(
    desk: tuple[Application, Recorder],
) -> None:
    """The card is brought up to date in place, and the requester hears of each change in their own language."""
    running, recorder = desk
    talking = Conversation(*desk, locale="en")
    await open_ticket(talking)
    before = len(recorder.parcels)

    card = await running.desk.press(press_of(KARI, "claim"))
    await running.outbox.settle()
    done = await running.desk.press(press_of(KARI, "resolve", note="Lisensen var borte"))
    await running.outbox.settle()

    assert isinstance(card, Outgoing)
    assert isinstance(done, Outgoing)
    assert [button.data["do"] for button in card.buttons] == ["resolve", "show-all"]
    assert [button.data["do"] for button in done.buttons] == ["show-all"]
    later = recorder.parcels[before:]
    notices = [parcel.content.page for parcel in later if isinstance(parcel.content, Reply)]
    revisions = [parcel for parcel in later if isinstance(parcel.content, Revision)]
    assert [notice.language for notice in notices] == ["en", "en"]
    assert "Kari Agent" in text_of(notices[0])
    assert "Lisensen var borte" in text_of(notices[1])
    assert len(revisions) == 2
    ticket = await running.store.run(lambda unit: unit.ticket(1001))
    events = await running.store.run(lambda unit: unit.ticket_events(ticket.id))
    assert [event.what for event in events] == ["opened", "claimed", "resolved"]


async def test_exactly_one_claimer_wins(desk: tuple[Application, Recorder]) -> None:
    """The second one sees who was first, and the requester hears of one claim only."""
    running, recorder = desk
    await open_ticket(Conversation(*desk))

    first = await running.desk.press(press_of(KARI, "claim"))
    second = await running.desk.press(press_of(PER, "claim"))
    again = await running.desk.press(press_of(KARI, "claim"))
    await running.outbox.settle()

    assert isinstance(first, Outgoing)
    assert isinstance(second, Outgoing)
    assert isinstance(again, Outgoing)
    remark = running.core.library.words[Language("nb")].words["ticket-claimed-already"]
    assert remark in text_of(second)
    assert remark not in text_of(again)
    assert "Kari Agent" in text_of(second)
    ticket = await running.store.run(lambda unit: unit.ticket(1001))
    assert ticket.assignee == KARI
    told = [p for p in recorder.parcels if isinstance(p.content, Reply) and p.ticket == ticket.id]
    assert len(told) == 1


async def test_a_resolution_needs_a_note(desk: tuple[Application, Recorder]) -> None:
    """Without a note on what was done nothing changes."""
    running, _ = desk
    await open_ticket(Conversation(*desk))

    shown = await running.desk.press(press_of(KARI, "resolve", note="   "))

    assert isinstance(shown, Outgoing)
    assert (await running.store.run(lambda unit: unit.ticket(1001))).state is State.NEW
    with pytest.raises(TransitionRefused):
        await running.desk.resolve(1001, KARI, "")


async def test_only_members_may_press(desk: tuple[Application, Recorder], team: Team) -> None:
    """A stranger is refused, and nobody is let in while membership cannot be checked."""
    running, _ = desk
    await open_ticket(Conversation(*desk))
    words = running.core.library.words[Language("nb")].words

    stranger = await running.desk.press(press_of(Person("key-eve", "Eve"), "claim"))
    team.unreachable = True
    unchecked = await running.desk.press(press_of(KARI, "claim"))

    assert stranger == words["ticket-not-member"]
    assert unchecked == words["ticket-cannot-check"]
    assert (await running.store.run(lambda unit: unit.ticket(1001))).state is State.NEW


async def test_a_press_on_no_ticket_is_explained(desk: tuple[Application, Recorder]) -> None:
    """Numbers that do not exist and verbs we do not know change nothing."""
    running, _ = desk
    words = running.core.library.words[Language("nb")].words

    assert await running.desk.press(press_of(KARI, "claim", number=7)) == words["ticket-unknown"]
    assert await running.desk.press(press_of(KARI, "explode")) == words["notice-unknown-press"]
    with pytest.raises(UnknownTicket):
        await running.desk.claim(7, KARI)


async def test_a_ticket_never_depends_on_the_channel(tmp_path: Path) -> None:
    """Without a channel the ticket is kept, worked on and resolved all the same."""
    recorder = Recorder()
    async with application(settings_for(tmp_path), {CHANNEL: recorder}) as running:
        talking = Conversation(running, recorder)
        await open_ticket(talking)
        await running.desk.claim(1001, KARI)
        ticket = await running.desk.resolve(1001, KARI, "Fixed")
        await running.outbox.settle()

        assert ticket.state is State.RESOLVED
        assert "Fixed" in text_of(recorder.parcels[-1].content.page)


async def test_an_unreachable_requester_is_marked_on_the_ticket(
    tmp_path: Path, team: Team
) -> None:
    """Where the requester blocked the bot, the claim holds and the card says that they were not told."""
    recorder = Blocked()
    settings = settings_for(tmp_path, **TEAM)
    async with application(settings, {CHANNEL: recorder}, members=team) as running:
        await open_ticket(Conversation(running, recorder))
        recorder.blocked = True
        await running.desk.press(press_of(KARI, "claim"))
        await running.outbox.settle()
        shown = await running.desk.press(press_of(KARI, "show-all"))

        assert isinstance(shown, Outgoing)
        assert "MessageWritesBlocked" in text_of(shown)


class Blocked(Recorder):
    """A channel in which the requester can block the bot."""

    blocked = False

    async def send(self, parcel: Parcel, placed: Placed | None) -> Placed | None:
        """Refuse what goes to the requester once they have blocked the bot."""
        if self.blocked and isinstance(parcel.content, Reply):
            raise DeliveryRefused("MessageWritesBlocked")
        return await super().send(parcel, placed)
