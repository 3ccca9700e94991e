"""What somebody says who has tickets: where it goes, what becomes of it, and what a bounce that others have too is told."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import cast

import pytest

from bot.compose import Application
from bot.model import choices, limits
from bot.model.effects import (
    Confirmed,
    ConfirmSolved,
    Effect,
    Greeting,
    MarkUsed,
    MyTickets,
    NotABounce,
    Notice,
    OpenTicket,
    PassedOn,
    Preview,
    RecordSighting,
    Screen,
    Show,
    StepScreen,
    TellHelpdesk,
    Thanks,
    TicketOpened,
    Turn,
    WhichTicket,
)
from bot.model.event import Attached, Event, Incoming, Person, Pressed, Said
from bot.model.ids import ChoiceId, Language, SessionId, TicketId
from bot.model.incident import signatures
from bot.model.outgoing import Outgoing
from bot.model.session import (
    Addressing,
    Handed,
    Handing,
    Idle,
    Session,
    Walking,
    decode_session,
    encode_session,
)
from bot.model.ticket import Background, Deed, KnownProblem, OwnTicket, State, Verb
from bot.ports import Parcel, Reply, Revision, SessionKey, Unit
from bot.render import plain_text
from bot.turn import Core, take_turn
from tests.conversation import (
    BOUNCE,
    CHANNEL,
    Conversation,
    Recorder,
    button_of,
    choices_on,
    pressed,
    text_of,
)
from tests.core.test_every_edge import NOW, address

FIRST = OwnTicket(TicketId("t1"), 1001, State.CLAIMED)
SECOND = OwnTicket(TicketId("t2"), 1002, State.CLAIMED)
BOTH = (FIRST, SECOND)


class Talk:
    """One person's session in the pure core; what the store would know is given with each line."""

    def __init__(self, core: Core) -> None:
        """Begin with somebody who handed a ticket over."""
        self.core = core
        self._numbers = count()
        self.session = Session(
            id=SessionId("s"),
            address=address(),
            language=Language("en"),
            content=core.library.version,
            started=NOW,
            mode=Handed(FIRST.id),
            ended=True,
            handed=(FIRST.id,),
        )

    def say(self, text: str, *tickets: OwnTicket, known: KnownProblem | None = None) -> Turn:
        """Say something."""
        return self.turn(Said(text), Background(tickets, known))

    def press(self, choice: ChoiceId, *tickets: OwnTicket) -> Turn:
        """Press a button of the card that stands."""
        mode = self.session.mode
        place = (mode.article, mode.node) if isinstance(mode, Walking) else (None, None)
        press = Pressed(session=self.session.id, article=place[0], node=place[1], choice=choice)
        return self.turn(press, Background(tickets))

    def turn(self, event: Event, background: Background) -> Turn:
        """Take one turn; the session goes through the store's form."""
        incoming = Incoming(
            event=event,
            address=address(),
            activity=str(next(self._numbers)),
            locale=Language("en"),
        )
        turn = take_turn(
            self.core.library,
            self.session,
            incoming,
            self.core.read(event),
            now=NOW,
            new_id=lambda: f"id{next(self._numbers)}",
            background=background,
        )
        self.session = turn.session
        assert decode_session(encode_session(turn.session)) == turn.session
        return turn


def shown(turn: Turn) -> Screen:
    """Return the one screen that a turn shows."""
    [screen] = [effect.screen for effect in turn.effects if isinstance(effect, Show)]
    return screen


def told(turn: Turn) -> list[Effect]:
    """Return what a turn tells the helpdesk."""
    return [effect for effect in turn.effects if isinstance(effect, TellHelpdesk | ConfirmSolved)]


@pytest.fixture
def talk(core: Core) -> Talk:
    """Return somebody who handed a ticket over."""
    return Talk(core)


@pytest.mark.parametrize("state", [State.NEW, State.CLAIMED, State.WAITING])
@pytest.mark.parametrize("mode", [Handed(FIRST.id), Idle()])
def test_a_line_outside_a_dialog_goes_to_the_one_ticket(
    talk: Talk, state: State, mode: Idle | Handed
) -> None:
    """Whoever has one open ticket simply writes: it reaches the helpdesk, and that is said."""
    talk.session = talk.session.with_(mode=mode)

    turn = talk.say(" It still bounces, for Per too ", OwnTicket(FIRST.id, 1001, state))

    assert told(turn) == [TellHelpdesk(FIRST.id, "It still bounces, for Per too")]
    assert shown(turn) == PassedOn(1001)
    assert turn.session.mode == mode


@pytest.mark.parametrize("line", ["no", "nei", "It didn't help", "it works for me, not for Per"])
def test_anything_but_yes_opens_a_resolved_ticket_again(talk: Talk, line: str) -> None:
    """A "no" and everything unclear reach the helpdesk as an answer, and the requester reads that the ticket is open again."""
    turn = talk.say(line, OwnTicket(FIRST.id, 1001, State.RESOLVED))

    assert told(turn) == [TellHelpdesk(FIRST.id, line)]
    assert shown(turn) == PassedOn(1001, reopened=True)


@pytest.mark.parametrize(
    "line",
    [
        "yes",
        "Ja!",
        "it worked",
        "det virket",
        "Yes, thanks!",
        "Det gikk, tusen takk :)",
        "#1001: ja",
    ],
)
def test_yes_confirms_a_resolved_ticket(talk: Talk, line: str) -> None:
    """A "yes, it works", in any language and with thanks, closes the ticket."""
    turn = talk.say(line, OwnTicket(FIRST.id, 1001, State.RESOLVED))

    assert told(turn) == [ConfirmSolved(FIRST.id)]
    assert shown(turn) == Confirmed(1001)


@pytest.mark.parametrize("line", ["thanks", "Takk", "Tusen takk!", "Thank you :)"])
def test_thanks_alone_changes_nothing_on_a_resolved_ticket(talk: Talk, line: str) -> None:
    """Politeness opens nothing again and closes nothing, and no question is asked about it."""
    resolved = OwnTicket(FIRST.id, 1001, State.RESOLVED)

    for tickets in ((resolved,), (resolved, SECOND)):
        turn = talk.say(line, *tickets)

        assert told(turn) == []
        assert shown(turn) == Thanks()
        assert turn.session.mode == Handed(FIRST.id)


def test_several_tickets_are_asked_about(talk: Talk) -> None:
    """With two tickets the bot asks which one is meant, and keeps the line until it knows."""
    turn = talk.say("It is still broken", *BOTH)

    assert told(turn) == []
    assert shown(turn) == WhichTicket(BOTH)
    assert turn.session.mode == Addressing("It is still broken", Handed(FIRST.id))
    assert turn.session.in_dialog


@pytest.mark.parametrize("line", ["1002", "#1002", "2", "the second, #1002"])
def test_a_number_answers_which_one(talk: Talk, line: str) -> None:
    """The ticket's number, with or without the sign, or its place in the list, sends the line there."""
    talk.say("It is still broken", *BOTH)

    turn = talk.say(line, *BOTH)

    assert told(turn) == [TellHelpdesk(SECOND.id, "It is still broken")]
    assert shown(turn) == PassedOn(1002)
    assert turn.session.mode == Handed(FIRST.id)
    assert not turn.session.in_dialog


def test_a_press_answers_which_one_and_marks_the_card(talk: Talk) -> None:
    """The button does what the number does, and the card shows which it was."""
    talk.say("It is still broken", *BOTH)
    choice = choices.ticket_choice(FIRST.id)

    turn = talk.press(choice, *BOTH)

    assert told(turn) == [TellHelpdesk(FIRST.id, "It is still broken")]
    [marked] = [effect.screen for effect in turn.effects if isinstance(effect, MarkUsed)]
    assert marked == WhichTicket(BOTH, choice)


def test_yes_is_a_confirmation_after_which_one_too(talk: Talk) -> None:
    """A "yes" to two resolved tickets closes the one that is chosen."""
    two = (OwnTicket(FIRST.id, 1001, State.RESOLVED), SECOND)
    talk.say("yes", *two)

    turn = talk.press(choices.ticket_choice(FIRST.id), *two)

    assert told(turn) == [ConfirmSolved(FIRST.id)]


@pytest.mark.parametrize("way", ["cancel", "back", "avbryt", "tilbake"])
def test_not_sending_says_that_nothing_was_sent(talk: Talk, way: str) -> None:
    """Both ways out of the question leave the tickets alone."""
    talk.say("It is still broken", *BOTH)

    turn = talk.say(way, *BOTH)

    assert told(turn) == []
    assert shown(turn) == Greeting(Notice.CANCELLED)
    assert turn.session.mode == Handed(FIRST.id)


def test_more_lines_become_part_of_the_message(talk: Talk) -> None:
    """Who goes on writing instead of choosing loses nothing."""
    talk.say("It is still broken", *BOTH)
    turn = talk.say("and it is urgent now", *BOTH)
    assert shown(turn) == WhichTicket(BOTH)

    turn = talk.say("1001", *BOTH)

    assert told(turn) == [TellHelpdesk(FIRST.id, "It is still broken\nand it is urgent now")]


def test_a_ticket_named_in_the_line_is_not_asked_for(talk: Talk) -> None:
    """A line with "#1002" says which one; a number without the sign says nothing, it may be anything."""
    turn = talk.say("#1002 is still broken", *BOTH)
    asked = talk.say("I have tried 1002 times", *BOTH)

    assert told(turn) == [TellHelpdesk(SECOND.id, "#1002 is still broken")]
    assert isinstance(shown(asked), WhichTicket)


def test_a_bounce_instead_of_an_answer_begins_and_tells_of_the_unsent_line(talk: Talk) -> None:
    """The new problem comes first, and nobody believes that the line went out."""
    talk.say("It is still broken", *BOTH)

    turn = talk.say(BOUNCE, *BOTH)

    screen = shown(turn)
    assert isinstance(screen, StepScreen)
    assert screen.notice is Notice.NOT_SENT
    assert told(turn) == []


def test_a_human_instead_of_an_answer_gets_the_line_as_a_note(talk: Talk) -> None:
    """Asking for a person puts the line where that person will read it."""
    talk.say("It is still broken", *BOTH)

    turn = talk.press(choices.HUMAN, *BOTH)

    assert shown(turn) == Preview()
    assert isinstance(turn.session.mode, Handing)
    assert turn.session.mode.note == "It is still broken"


def test_the_language_can_be_changed_at_the_question(talk: Talk) -> None:
    """The question comes again in the other language, with the line still there."""
    talk.say("It is still broken", *BOTH)

    turn = talk.press(choices.language_choice(Language("nb")), *BOTH)

    assert isinstance(shown(turn), WhichTicket)
    assert turn.session.language == "nb"
    assert isinstance(turn.session.mode, Addressing)


def test_an_old_question_is_explained(talk: Talk) -> None:
    """A ticket pressed on a card that was answered already sends nothing twice."""
    talk.say("It is still broken", *BOTH)
    talk.press(choices.ticket_choice(FIRST.id), *BOTH)

    turn = talk.press(choices.ticket_choice(SECOND.id))

    assert told(turn) == []
    assert shown(turn) == TicketOpened(again=True)


def test_tickets_that_are_over_meanwhile_take_no_line(talk: Talk) -> None:
    """Where no ticket is left to choose, the question is over, and it is said that the line was not sent."""
    talk.say("It is still broken", *BOTH)

    turn = talk.press(choices.ticket_choice(FIRST.id))

    assert told(turn) == []
    assert shown(turn) == Greeting(Notice.NOT_SENT)
    assert turn.session.mode == Handed(FIRST.id)


def test_without_tickets_everything_is_as_before(talk: Talk) -> None:
    """Whose tickets are all over is told what the bot needs, or how the last one stands."""
    assert shown(talk.say("It still bounces")) == TicketOpened(again=True)
    talk.session = talk.session.with_(mode=Idle())
    assert isinstance(shown(talk.say("It still bounces")), NotABounce)


def test_a_file_that_is_no_bounce_is_never_half_passed_on(talk: Talk) -> None:
    """Words beside a file we cannot use do not go out without the file."""
    event = Attached(b"not a mail", text="here is what I see")

    turn = talk.turn(event, Background((FIRST,)))

    assert told(turn) == []


def test_a_line_after_a_dialog_that_is_over_goes_to_the_ticket(talk: Talk) -> None:
    """At the end of another dialog its own answers count first, then the helpdesk's question does."""
    talk.say(BOUNCE)
    for line in ("sender", "no", "few"):
        talk.press(ChoiceId(line))
    assert talk.session.ended

    turn = talk.say("Per gets them too", FIRST)
    thanked = talk.say("yes", FIRST)

    assert told(turn) == [TellHelpdesk(FIRST.id, "Per gets them too")]
    assert shown(thanked) == Thanks()


def test_in_a_dialog_a_line_is_never_for_the_helpdesk(talk: Talk) -> None:
    """In the middle of a dialog words answer its questions."""
    talk.say(BOUNCE)

    turn = talk.say("what do you mean", FIRST)

    assert told(turn) == []
    assert isinstance(shown(turn), StepScreen)


def test_a_command_inside_a_sentence_to_the_helpdesk_is_no_command(talk: Talk) -> None:
    """Saying "I had to start over" tells the helpdesk something; "start over" alone asks the bot."""
    sentence = talk.say("I had to start over and it failed", FIRST)
    command = talk.say("start over", FIRST)

    assert told(sentence) == [TellHelpdesk(FIRST.id, "I had to start over and it failed")]
    assert told(command) == []


def test_a_code_is_the_answer_where_the_helpdesk_waits_for_one(talk: Talk) -> None:
    """Asked by the helpdesk which code it was, naming it answers; otherwise it asks the bot what it means."""
    line = "it says 5.7.1 now"
    asked = talk.say(line, OwnTicket(FIRST.id, 1001, State.WAITING))
    unasked = talk.say(line, FIRST)

    assert told(asked) == [TellHelpdesk(FIRST.id, line)]
    assert isinstance(shown(unasked), StepScreen)


def test_my_tickets_can_be_asked_for_anywhere(talk: Talk) -> None:
    """The list comes beside whatever goes on, and no card loses its buttons for it."""
    words = [words.commands[choices.MY_TICKETS] for words in talk.core.library.words.values()]
    for begin in (None, BOUNCE, "human"):
        if begin is not None:
            talk.say(begin)
        before = talk.session
        for command in words:
            turn = talk.say(command.label)
            assert shown(turn) == MyTickets()
            assert turn.session == before
        pressed = talk.press(choices.MY_TICKETS)
        assert [type(effect) for effect in pressed.effects] == [Show]
        assert pressed.session == before


def test_a_new_bounce_is_remembered_and_told_of_once(talk: Talk) -> None:
    """The first card of a dialog says that others have it; what was met is recorded with each new dialog, not with each step."""
    known = KnownProblem(NOW, 7)

    begun = talk.say(BOUNCE, known=known)
    again = talk.say(BOUNCE, known=known)
    step = talk.press(ChoiceId("sender"))

    first, second = shown(begun), shown(step)
    assert isinstance(first, StepScreen)
    assert isinstance(second, StepScreen)
    assert (first.known, second.known) == (known, None)
    assert talk.session.bounce is not None
    marks = signatures(talk.session.bounce.report)
    assert "5.1.10@contoso.com" in marks
    assert [e for e in begun.effects if isinstance(e, RecordSighting)] == [RecordSighting(marks)]
    assert not [e for t in (again, step) for e in t.effects if isinstance(e, RecordSighting)]


def test_a_ticket_takes_the_marks_of_its_bounce_and_the_session_keeps_it(talk: Talk) -> None:
    """What makes it part of a wave goes along, and the session remembers the last tickets, those of the first release too."""
    talk.session = talk.session.with_(handed=())
    for number in range(limits.HANDED + 1):
        talk.say(BOUNCE)
        talk.press(choices.HUMAN)
        turn = talk.press(choices.SEND)
        [draft] = [e.draft for e in turn.effects if isinstance(e, OpenTicket)]

        assert draft.signatures[0] == "5.1.10@contoso.com"
        assert turn.session.handed[-1] == draft.id
        assert (FIRST.id in turn.session.handed) is (number + 2 <= limits.HANDED)
    assert len(talk.session.handed) == limits.HANDED


# ------------------------------------------------------------------------------------ through store, queue and outbox


OTHER = "Remote Server returned '554 5.2.2 mailbox full; STOREDRV.Deliver' for per@fabrikam.com"
AGENT = Person("key-agent", "Berit")


async def hand_over(talking: Conversation, bounce: str = BOUNCE) -> Outgoing:
    """Paste a bounce and hand it over; return the page with the number."""
    await talking.press(await talking.say(bounce), "human")
    return await talking.say("send it")


async def as_agent(talking: Conversation, number: int, verb: Verb, text: str = "") -> None:
    """Do something with a ticket, as somebody at the helpdesk."""
    await talking.running.desk.carry_out(number, Deed(verb=verb, text=text), AGENT)
    await talking.running.outbox.settle()


async def history(talking: Conversation, number: int) -> list[tuple[str, str]]:
    """Return what happened to a ticket, with what was written."""
    store = talking.running.store
    ticket = await store.run(lambda unit: unit.ticket(number))
    events = await store.run(lambda unit: unit.ticket_events(ticket.id))
    return [(event.what, event.note) for event in events]


async def state(talking: Conversation, number: int) -> State:
    """Return where a ticket stands."""
    return (await talking.running.store.run(lambda unit: unit.ticket(number))).state


def read(page: Outgoing) -> str:
    """Return what a page says, each paragraph in one line."""
    return plain_text(page, 1000)


def word(talking: Conversation, name: str, **values: str) -> str:
    """Return one of the bot's own sentences, filled in."""
    return talking.running.core.library.words[talking.locale].words[name].format(**values)


@pytest.mark.parametrize(
    ("locale", "no", "yes", "thanks"), [("en", "no", "yes", "thanks"), ("nb", "nei", "ja", "takk")]
)
async def test_a_question_is_answered_and_a_resolution_judged_by_typing(
    bot: tuple[Application, Recorder], locale: str, no: str, yes: str, thanks: str
) -> None:
    """From the hand-over to the end without a press: an answer, a "no" that opens it again, thanks, and a "yes"."""
    ola = Conversation(*bot, locale=locale)
    await hand_over(ola)
    await as_agent(ola, 1001, Verb.ASK, "Which version?")

    answered = await ola.say("Version 16")
    assert await state(ola, 1001) is State.CLAIMED
    await as_agent(ola, 1001, Verb.RESOLVE, "Updated")
    reopened = await ola.say(no)
    assert await state(ola, 1001) is State.CLAIMED
    await as_agent(ola, 1001, Verb.RESOLVE, "Updated again")
    await ola.say(thanks)
    assert await state(ola, 1001) is State.RESOLVED
    confirmed = await ola.say(yes)

    assert await state(ola, 1001) is State.CLOSED
    assert (await history(ola, 1001))[1:] == [
        ("asked", "Which version?"),
        ("answered", "Version 16"),
        ("resolved", "Updated"),
        ("reopened", no),
        ("resolved", "Updated again"),
        ("confirmed", ""),
    ]
    assert word(ola, "passed-on-text", number="#1001") in read(answered)
    assert word(ola, "passed-on-reopened", number="#1001") in read(reopened)
    assert word(ola, "confirmed-text", number="#1001") in read(confirmed)


async def test_each_of_two_tickets_gets_its_own_answer(ola: Conversation) -> None:
    """A typed line reaches the ticket that was chosen, and no other."""
    await hand_over(ola)
    await hand_over(ola, OTHER)

    asked = await ola.say("Only in the mornings")
    assert "Only in the mornings" in text_of(asked)
    second = choices_on(asked)[1]
    await ola.press(asked, second)
    await ola.say("Never at night")
    await ola.say("#1001")

    assert [event[1] for event in await history(ola, 1001) if event[0] == "answered"] == [
        "Never at night"
    ]
    assert [event[1] for event in await history(ola, 1002) if event[0] == "answered"] == [
        "Only in the mornings"
    ]


async def test_a_second_delivery_of_a_line_is_told_once(ola: Conversation) -> None:
    """The channel may deliver what was typed again; the helpdesk gets it once."""
    await hand_over(ola)
    for _ in range(3):
        await ola.send(Said("It still bounces"), activity="the-same")

    assert await history(ola, 1001) == [("opened", ""), ("answered", "It still bounces")]


async def test_a_session_of_the_first_release_finds_its_ticket(ola: Conversation) -> None:
    """Sessions stored before tickets were listed in them know the one they opened, and keep it."""
    await hand_over(ola)
    await hand_over(ola, OTHER)
    session = await ola.session()
    key = SessionKey(CHANNEL, ola.address.conversation, ola.address.user_key)

    def store(unit: Unit) -> None:
        unit.session(key)
        unit.save_session(key, session.with_(handed=()), session.started)

    await ola.running.store.run(store)
    await ola.say("It still bounces")

    assert (await history(ola, 1002))[-1] == ("answered", "It still bounces")
    assert (await ola.session()).handed == session.handed[-1:]


async def test_what_is_told_in_the_middle_of_a_dialog_waits_for_its_end(ola: Conversation) -> None:
    """A reply does not fall between two steps: it comes after the answer that ends the dialog."""
    await hand_over(ola)
    page = await ola.say(BOUNCE)
    before = len(ola.recorder.parcels)
    await as_agent(ola, 1001, Verb.REPLY, "Try it in the browser")
    assert all(parcel.to != ola.address for parcel in replies(ola, before))

    for choice in ("sender", "no"):
        page = await ola.press(page, choice)
    pages = await ola.send(pressed(button_of(page, "few")))

    assert ["Try it in the browser" in text_of(one) for one in pages] == [False, True]
    assert replies(ola, before)[-1].ticket is not None


def replies(talking: Conversation, since: int) -> list[Parcel]:
    """Return what was sent as a new message, and not in the place of an older one."""
    later = talking.recorder.parcels[since:]
    return [parcel for parcel in later if isinstance(parcel.content, Reply)]


async def test_the_requesters_card_is_brought_up_to_date_in_place(ola: Conversation) -> None:
    """The page that told the number becomes the ticket's card: each change replaces it where it stands."""
    shown = await hand_over(ola)
    before = len(ola.recorder.parcels)

    await as_agent(ola, 1001, Verb.CLAIM)

    revised = [
        parcel.content.page
        for parcel in ola.recorder.parcels[before:]
        if isinstance(parcel.content, Revision) and parcel.to.conversation == "a:Ola"
    ]
    assert word(ola, "own-state-new") in text_of(shown)
    assert word(ola, "own-state-claimed") in text_of(revised[-1])


async def test_my_tickets_lists_open_and_closed_ones(ola: Conversation) -> None:
    """Everything that a person handed over is there, in a dialog too, and the dialog stays where it is."""
    await hand_over(ola)
    await hand_over(ola, OTHER)
    await as_agent(ola, 1001, Verb.RESOLVE, "Done")
    await ola.say("#1001 yes, thanks")
    page = await ola.say(BOUNCE)
    before = await ola.session()

    listed = await ola.say("my tickets")

    assert "#1001" in text_of(listed)
    assert "#1002" in text_of(listed)
    assert await ola.session() == before
    assert (await ola.press(page, "sender")).summary != page.summary


async def test_the_next_one_with_the_same_bounce_is_told_at_once(
    bot: tuple[Application, Recorder],
) -> None:
    """Who pastes what a colleague handed over already reads so on the first card; nobody is told of themselves."""
    ola, kari = Conversation(*bot), Conversation(*bot, person="Kari")
    await hand_over(ola)

    his = await ola.say(BOUNCE)
    hers = await kari.say(BOUNCE)
    step = await kari.press(hers, "sender")

    assert word(kari, "known-one") in text_of(hers)
    assert word(kari, "known-one") not in text_of(step)
    assert word(ola, "known-advice") not in text_of(his)


async def test_a_bounce_that_waited_for_the_choice_is_known_too(
    bot: tuple[Application, Recorder],
) -> None:
    """Pasted in the middle of another dialog, the news comes when its own dialog begins."""
    ola, kari = Conversation(*bot), Conversation(*bot, person="Kari")
    await hand_over(ola)
    await kari.say(OTHER)

    asked = await kari.say(BOUNCE)
    begun = await kari.press(asked, "take-new")

    assert word(kari, "known-one") in text_of(begun)


async def test_a_step_of_a_dialog_asks_the_store_nothing_more(
    ola: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tickets and sightings are looked up where they can matter, and nowhere else."""
    await hand_over(ola)
    page = await ola.say(BOUNCE)
    asked: set[str] = set()
    run = ola.running.store.run

    async def watched(work: Callable[[Unit], object]) -> object:
        return await run(lambda unit: work(cast("Unit", _Watched(unit, asked))))

    monkeypatch.setattr(ola.running.store, "run", watched)
    await ola.press(page, "sender")
    await ola.say("what do you mean")

    assert {"session", "save_session"} <= asked
    assert not asked & {
        "ticket", "ticket_by_id", "tickets_by_id", "tickets_of", "alike", "sightings", "release",
    }  # fmt: skip


class _Watched:
    """A unit that writes down what is asked of it."""

    def __init__(self, unit: Unit, asked: set[str]) -> None:
        self._unit = unit
        self._asked = asked

    def __getattr__(self, name: str) -> object:
        self._asked.add(name)
        return getattr(self._unit, name)
