"""Whatever comes in: a clear answer, and nothing lost."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.compose import application, utc_now
from bot.model.effects import Show
from bot.model.errors import DeliveryAmbiguous, DeliveryDelayed
from bot.model.event import Incoming, Said
from bot.model.ids import ArticleId, ChoiceId, Language, NodeId, SessionId
from bot.model.session import Idle, Session, Walking, decode_session, encode_session
from bot.outbox import Outbox
from bot.ports import Parcel, Placed, SessionKey, Unit
from bot.turn import Core, take_turn
from tests.conversation import (
    BOUNCE,
    CHANNEL,
    Conversation,
    Recorder,
    button_of,
    pressed,
    settings_for,
    text_of,
)
from tests.core.test_every_edge import NOW, address


def words(talking: Conversation, name: str) -> str:
    """Return one of the bot's own sentences in the talker's language."""
    return talking.running.core.library.words[talking.locale].words[name]


@pytest.mark.parametrize("text", ["", "   \n\t ", "\u200b", "&nbsp;", "\x00\x01\x02\x03"])
async def test_no_text_is_told(ola: Conversation, text: str) -> None:
    """Empty and white messages ask for the bounce."""
    shown = await ola.say(text)

    assert words(ola, "notice-empty") in text_of(shown)


@pytest.mark.parametrize(
    "text", ["👍", "🎉🎉🎉", "x" * 1_000_000, "\ud800", "A" * 300 + "\n" * 5000]
)
async def test_junk_gets_a_friendly_answer(ola: Conversation, text: str) -> None:
    """Emoji, a megabyte, binary and broken Unicode are answered with what to paste."""
    shown = await ola.say(text)

    assert shown.summary == words(ola, "not-a-bounce-title")
    assert isinstance((await ola.session()).mode, Idle)


HOSTILE = (
    "<script>alert(1)</script> **bold** [x](javascript:alert(1)) <at>everyone</at> {recipient}"
)


async def test_markup_in_a_paste_is_shown_literally(ola: Conversation) -> None:
    """Nothing that people write is read as HTML, Markdown, a mention or a placeholder."""
    shown = await ola.say(f"Subject: {HOSTILE}\n{BOUNCE}")
    shown = await ola.press(shown, "human")
    shown = await ola.press(shown, "send", {"note": HOSTILE})
    ticket = (await ola.tickets())[0]

    assert ticket.draft.note == HOSTILE


@pytest.mark.parametrize(
    "change",
    [
        {"session": SessionId("forged")},
        {"node": NodeId("no-such-node")},
        {"article": ArticleId("no-such-article")},
        {"choice": ChoiceId("no-such-choice")},
        {"node": None, "article": None},
        {"choice": ChoiceId("send")},
        {"choice": ChoiceId("language:xx")},
    ],
)
async def test_a_forged_press_changes_nothing(
    ola: Conversation, change: dict[str, str | None]
) -> None:
    """Ids in a press are claims: wrong ones show where the dialog stands, and move nothing."""
    shown = await ola.say(BOUNCE)
    before = await ola.session()
    forged = replace(pressed(button_of(shown, "sender")), **change)

    again = (await ola.send(forged))[-1]

    assert (await ola.session()).mode == before.mode
    assert again.summary == shown.summary


async def test_a_press_on_an_old_card_is_explained(ola: Conversation) -> None:
    """A card of an earlier step is not obeyed blindly; the present step comes again."""
    first = await ola.say(BOUNCE)
    second = await ola.press(first, "sender")

    shown = await ola.press(first, "recipient-admin")

    assert words(ola, "notice-old-card") in text_of(shown)
    assert shown.summary == second.summary


async def test_anybody_can_get_a_human_from_an_old_card(ola: Conversation) -> None:
    """The way to a human never grows old."""
    first = await ola.say(BOUNCE)
    await ola.press(first, "sender")
    await ola.say("start over")

    shown = await ola.press(first, "human")

    assert shown.summary == words(ola, "preview-title")


async def test_a_second_delivery_is_answered_once(ola: Conversation) -> None:
    """The same activity again changes nothing and sends nothing; a press gets its first answer again."""
    first = await ola.say(BOUNCE)
    press = pressed(button_of(first, "sender"))
    await ola.send(press, activity="twice")
    answer, sent = ola.answer, len(ola.recorder.parcels)
    session = await ola.session()

    again = await ola.send(press, activity="twice")

    assert again == []
    assert ola.answer == answer
    assert ola.answer.card is not None
    assert len(ola.recorder.parcels) == sent
    assert await ola.session() == session


async def test_two_presses_at_once_move_one_step(ola: Conversation) -> None:
    """The second press finds a card that is no longer current."""
    first = await ola.say(BOUNCE)
    press = pressed(button_of(first, "sender"))
    await ola.send(press)
    await ola.send(press)

    mode = (await ola.session()).mode
    assert isinstance(mode, Walking)
    assert mode.node == "did-you-send-it"


async def test_the_hand_over_pressed_twice_opens_one_ticket(ola: Conversation) -> None:
    """A double press on *Send* opens one ticket."""
    shown = await ola.say(BOUNCE)
    preview = await ola.press(shown, "human")
    await ola.press(preview, "send")
    await ola.press(preview, "send")

    assert len(await ola.tickets()) == 1


async def test_the_conversation_survives_a_restart(tmp_path: Path) -> None:
    """A week later, in a new process, the dialog goes on where it was."""
    recorder = Recorder()
    async with application(settings_for(tmp_path), {CHANNEL: recorder}) as running:
        shown = await Conversation(running, recorder).say(BOUNCE)
    async with application(settings_for(tmp_path), {CHANNEL: recorder}) as running:
        shown = await Conversation(running, recorder).press(shown, "sender")

        assert shown.buttons
        assert (await Conversation(running, recorder).session()).trail[0].choice == "sender"


async def store(talking: Conversation, key: SessionKey, session: Session) -> None:
    """Put a session in the place of the stored one."""

    def work(unit: Unit) -> None:
        unit.session(key)
        unit.save_session(key, session, NOW)

    await talking.running.store.run(work)


async def test_a_session_of_an_unknown_version_starts_again_politely(ola: Conversation) -> None:
    """What cannot be read does not break anything."""
    shown = await ola.say(BOUNCE)
    key = SessionKey(CHANNEL, ola.address.conversation, ola.address.user_key)
    newer = (await ola.session()).with_(v=99)

    await store(ola, key, newer)
    again = (await ola.send(pressed(button_of(shown, "sender"))))[-1]

    assert words(ola, "notice-restarted") in text_of(again)


async def test_a_node_that_is_gone_leads_to_the_nearest(ola: Conversation) -> None:
    """Content that changed under a session goes on at the last place that still exists, and says so."""
    first = await ola.say(BOUNCE)
    await ola.press(first, "sender")
    key = SessionKey(CHANNEL, ola.address.conversation, ola.address.user_key)
    session = await ola.session()
    gone = session.with_(content="old", mode=Walking(ArticleId("5.1.10"), NodeId("renamed")))

    await store(ola, key, gone)
    shown = await ola.say("what now")

    assert words(ola, "notice-content-changed") in text_of(shown)
    mode = (await ola.session()).mode
    assert isinstance(mode, Walking)
    assert mode.node == "who-are-you"


async def test_a_locked_database_is_told_and_nothing_is_half_written(tmp_path: Path) -> None:
    """The user is asked to try again, and once the lock is gone it works."""
    recorder = Recorder()
    async with application(settings_for(tmp_path), {CHANNEL: recorder}) as running:
        ola = Conversation(running, recorder)
        await ola.say(BOUNCE)
        before = await ola.session()
        file = tmp_path / "bouncedesk.sqlite3"
        lock = sqlite3.connect(file, isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        shown = await ola.say("1")
        lock.execute("ROLLBACK")
        lock.close()

        assert shown.summary == words(ola, "sorry-title")
        assert words(ola, "sorry-again") in text_of(shown)
        assert await ola.session() == before
        await ola.say("1")
        assert len((await ola.session()).trail) == 1


class Flaky(Recorder):
    """A channel that fails as often as told before it takes a parcel."""

    def __init__(self, *failures: Exception) -> None:
        """Take the failures, first one first."""
        super().__init__()
        self.failures = list(failures)

    async def send(self, parcel: Parcel, placed: Placed | None) -> Placed | None:
        """Fail, or take the parcel."""
        if self.failures:
            raise self.failures.pop(0)
        return await super().send(parcel, placed)


@pytest.mark.parametrize(
    "failure", [DeliveryDelayed("429", retry_after=0.0), DeliveryAmbiguous("502")]
)
async def test_a_channel_that_fails_gets_it_again(tmp_path: Path, failure: Exception) -> None:
    """What the channel did not take is sent again until it does."""
    recorder = Flaky(failure)
    async with application(settings_for(tmp_path), {CHANNEL: recorder}) as running:
        ola = Conversation(running, recorder)
        await ola.send(Said(BOUNCE))
        later = Outbox(
            running.store,
            {CHANNEL: recorder},
            clock=lambda: utc_now() + timedelta(minutes=1),
            jitter=lambda: 0.0,
        )
        await later.settle()

        assert len(recorder.parcels) == 1


@given(text=st.text(max_size=400), steps=st.lists(st.text(max_size=40), max_size=4))
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_turn_raises_and_every_session_is_storable(
    core: Core, text: str, steps: list[str]
) -> None:
    """Any text, at any point, gives at least one screen and a session that survives the store."""
    numbers = count()
    session: Session | None = None
    for line in (text, BOUNCE, *steps, text):
        said = Said(line)
        incoming = Incoming(
            event=said, address=address(), activity=str(next(numbers)), locale=Language("nb")
        )
        turn = take_turn(
            core.library,
            session,
            incoming,
            core.read(said),
            now=NOW,
            new_id=lambda: f"id{next(numbers)}",
        )
        assert decode_session(encode_session(turn.session)) == turn.session
        session = turn.session
        assert any(isinstance(effect, Show) for effect in turn.effects)


async def test_people_in_one_group_do_not_share_a_dialog(ola: Conversation) -> None:
    """In a group everybody has a session of their own, and somebody else's card is explained, not obeyed."""
    kari = Conversation(ola.running, ola.recorder, person="Kari")
    kari.address = replace(kari.address, conversation=ola.address.conversation)
    card = await ola.say(BOUNCE)
    before = await ola.session()

    shown = (await kari.send(pressed(button_of(card, "sender"))))[-1]

    assert words(kari, "notice-old-card") in text_of(shown)
    assert await ola.session() == before
    assert isinstance((await kari.session()).mode, Idle)
