"""Every page about a ticket, in every state, for everybody who looks, in every language, with what people really write on it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from msgspec.structs import replace

from bot.content import load_library
from bot.model import choices, limits
from bot.model.effects import (
    Confirmed,
    Greeting,
    MyTickets,
    PassedOn,
    StepScreen,
    Thanks,
    TicketOpened,
    WhichTicket,
)
from bot.model.event import Address, Mention, Person, Scope
from bot.model.ids import (
    ArticleId,
    ChoiceId,
    ConversationId,
    Language,
    NodeId,
    QueueId,
    ReasonId,
    SessionId,
    TicketId,
    UserId,
)
from bot.model.library import Library, Priority
from bot.model.match import Confidence, Match
from bot.model.outgoing import ChoiceInput, Facts, Literal, Outgoing, Remark, TextInput, Weight
from bot.model.report import Failure, Kind, Report
from bot.model.session import Addressing, Bounce, Idle, Session, Visit
from bot.model.ticket import (
    OPENED,
    PAST,
    SHOW,
    SHOW_ALL,
    Draft,
    Form,
    KnownProblem,
    OwnTicket,
    State,
    Ticket,
    TicketEvent,
    TicketView,
    Verb,
)
from bot.ports import Roster, RosterChange
from bot.render import (
    adaptive_card,
    own_tickets_page,
    page,
    plain_text,
    requester_notice,
    requester_page,
    roster_page,
    search_hit,
    thread_line,
    ticket_page,
    undelivered_line,
)
from bot.render.words import WORDS
from bot.settings import dialogs_path
from tests.card_schema import problems_of

NOW = datetime(2026, 11, 23, 9, 12, tzinfo=UTC)
LIBRARY = load_library(dialogs_path())
LANGUAGES = list(LIBRARY.languages)
EN, NB = Language("en"), Language("nb")

KARI = Person("entra-kari", "Kari Hansen")
PER = Person("entra-per", "Per Berg")
BOT = Person("bouncedesk", "Bouncedesk")

THIRD = "someone.else@fabrikam.com"
"""A third party whose address everything that people write has in it."""
SECRET_NOTE = "between us: he mistypes everything"

AGENTS = (
    Verb.CLAIM,
    Verb.TAKE_OVER,
    Verb.HAND_BACK,
    Verb.ASSIGN,
    Verb.REPLY,
    Verb.ASK,
    Verb.NOTE,
    Verb.URGENT,
    Verb.NORMAL,
    Verb.RESOLVE,
    Verb.REOPEN,
    Verb.CLOSE,
    Verb.JOIN,
    Verb.SPLIT,
)
TAKEN = (
    Verb.TAKE_OVER,
    Verb.HAND_BACK,
    Verb.ASSIGN,
    Verb.REPLY,
    Verb.ASK,
    Verb.NOTE,
    Verb.URGENT,
    Verb.RESOLVE,
    Verb.JOIN,
    Verb.SPLIT,
)
IN_STATE: Mapping[State, tuple[Verb, ...]] = {
    State.NEW: (
        Verb.CLAIM,
        *(verb for verb in TAKEN if verb not in {Verb.TAKE_OVER, Verb.HAND_BACK}),
    ),
    State.CLAIMED: TAKEN,
    State.WAITING: TAKEN,
    State.RESOLVED: (Verb.REPLY, Verb.ASK, Verb.NOTE, Verb.REOPEN, Verb.CLOSE),
    State.CLOSED: (Verb.NOTE, Verb.REOPEN),
    State.WITHDRAWN: (Verb.NOTE,),
}
"""The most that any agent may do in a state."""
REQUESTERS = (Verb.ANSWER, Verb.WITHDRAW, Verb.URGENT, Verb.CONFIRM, Verb.REOPEN)
VERBS_OF: Mapping[str, tuple[Verb, ...]] = {
    Form.REPLY: (Verb.REPLY, Verb.ASK),
    Form.NOTE: (Verb.NOTE,),
    Form.ASSIGN: (Verb.ASSIGN,),
    Form.RESOLVE: (Verb.RESOLVE,),
    Form.JOIN: (Verb.JOIN,),
    Form.ANSWER: (Verb.ANSWER,),
    Form.WITHDRAW: (Verb.WITHDRAW,),
}

PLAIN = f"The address {THIRD} has moved.\nWe have *corrected* it."
HOSTILE = {
    "plain": PLAIN,
    "lines": "a\n" * 1000,
    "control": "\x01" * 2000,
    "wide": "\N{GRINNING FACE}" * 2000,
    "addresses": f"{THIRD} " * 80,
    "markup": "**bold** [link](javascript:alert(1)) <at>all</at> " * 40,
    "empty": "",
}
"""What people write: up to what a field takes."""

CASES = [
    *((state, language, "plain") for state, language in product(State, LANGUAGES)),
    *(
        (state, EN, kind)
        for kind in list(HOSTILE)[1:]
        for state in (State.WAITING, State.RESOLVED)
    ),
]
"""Every state in every language, and everything hostile where a card has most on it."""


def report(text: str) -> Report:
    """Return a bounce whose every field holds a text."""
    return Report(
        kind=Kind.BOUNCE,
        text="",
        failures=tuple(Failure(f"{text}{THIRD}", "5.1.10", "550", text) for _ in range(20)),
        codes=("5.1.10",),
        reporting_mta="mail.fabrikam.com",
        arrival="2026-11-23T09:00:00+01:00",
        message_id=f"<{text}@fabrikam.com>",
        subject=f"{text} to {THIRD}",
        sender="ola.nordmann@contoso.com",
    )


def ticket(
    text: str = PLAIN, state: State = State.CLAIMED, language: str = "nb", number: int = 1042
) -> Ticket:
    """Return a ticket in a state, with a text in every place where people write."""
    visit = Visit(ArticleId("5.1.10"), NodeId("who-are-you"), ChoiceId("sender"))
    draft = Draft(
        id=TicketId(f"id-{number}"),
        session=SessionId("s"),
        requester=Address(
            channel="msteams",
            service_url="https://smba.trafficmanager.net/emea/",
            conversation=ConversationId("a:1"),
            scope=Scope.PERSONAL,
            user=UserId("29:1"),
            user_name="Ola Nordmann" if text == PLAIN else f"Ola {text}"[:300],
            user_key="entra-ola",
        ),
        language=Language(language),
        reason=ReasonId("not-solved"),
        priority=Priority.NORMAL,
        opened=NOW,
        report=report(text[:900]),
        match=Match(article=ArticleId("5.1.10"), confidence=Confidence.CERTAIN),
        path=(visit,) * (3 if text == PLAIN else limits.TRAIL),
        note=text,
        original=(text + THIRD) * 30,
    )
    return Ticket(
        number=number,
        draft=draft,
        queue=QueueId("security"),
        state=state,
        priority=Priority.URGENT,
        assignee=None if state is State.NEW else Person(KARI.key, f"Kari {text}"[:300]),
        resolution=text if state in {State.RESOLVED, State.CLOSED} else None,
        changed=NOW,
        version=7,
    )


def events(text: str) -> tuple[TicketEvent, ...]:
    """Return a history with one event of every kind."""
    return (
        TicketEvent(NOW, OPENED, Person("entra-ola", "Ola Nordmann")),
        *(
            TicketEvent(
                NOW + timedelta(minutes=minute),
                what,
                Person("entra-ola", "Ola") if verb in REQUESTERS else KARI,
                SECRET_NOTE if verb is Verb.NOTE else text,
                to=PER if verb is Verb.ASSIGN else None,
                other=1041 if verb in {Verb.JOIN, Verb.SPLIT} else None,
            )
            for minute, (verb, what) in enumerate(PAST.items(), start=1)
        ),
    )


def view(
    text: str = PLAIN,
    state: State = State.CLAIMED,
    offers: tuple[Verb, ...] = AGENTS,
    language: str = "nb",
) -> TicketView:
    """Return a ticket with everything that can be on a page about it."""
    others = 30 if text != PLAIN else 2
    joined = (ticket(text, number=number) for number in range(1043, 1043 + others))
    return TicketView(
        ticket=ticket(text, state, language),
        events=events(text),
        offers=offers,
        undelivered=(f"403 {THIRD} {text}"[:2000],) * 9,
        joined=tuple(joined),
        people=others + 1,
    )


def colleagues(text: str) -> tuple[Person, ...]:
    """Return more colleagues than any team should have."""
    return tuple(
        Person(f"00000000-0000-0000-0000-{number:012}", f"{number} {text}"[:200])
        for number in range(400)
    )


def check(shown: Outgoing) -> None:
    """Check what every page must hold to."""
    card = adaptive_card(shown)
    assert problems_of(card) == []
    assert len(json.dumps(card, ensure_ascii=False).encode()) <= limits.CARD_BYTES
    assert len(shown.navigation) <= limits.CHOICES
    assert all(button.label.strip() for button in (*shown.buttons, *shown.navigation))
    assert shown.summary.strip()
    assert plain_text(shown).strip()


def pressed(shown: Outgoing) -> set[str]:
    """Return what the buttons of a page do to tickets."""
    return {button.data["do"] for button in (*shown.buttons, *shown.navigation)}


def allowed(offers: tuple[Verb, ...]) -> set[str]:
    """Return what may be pressed where some verbs are on offer."""
    forms = {str(form) for form, verbs in VERBS_OF.items() if set(verbs) & set(offers)}
    return {*map(str, offers), *forms, SHOW, SHOW_ALL}


def said(shown: Outgoing) -> str:
    """Return everything that a page says, as its card has it."""
    return json.dumps(adaptive_card(shown), ensure_ascii=False)


# ----------------------------------------------------------------------------------------------------- for the helpdesk


@pytest.mark.parametrize(("state", "language", "kind"), CASES, ids=map("-".join, CASES))
def test_the_helpdesks_card_is_valid_in_every_state(
    state: State, language: Language, kind: str
) -> None:
    """With every form or none, with long and hostile texts, the card is valid, small enough, and hides third parties."""
    looked_at = view(HOSTILE[kind], state, IN_STATE[state])
    for form in (None, *Form):
        shown = ticket_page(
            looked_at,
            LIBRARY,
            language,
            form=form,
            remark="ticket-already-done",
            colleagues=colleagues(HOSTILE[kind]),
        )

        check(shown)
        assert shown.language == language
        assert "someone.else" not in said(shown)
        assert pressed(shown) <= allowed(looked_at.offers)
        assert len(shown.buttons) <= limits.CHOICES


@pytest.mark.parametrize("kind", list(HOSTILE))
@pytest.mark.parametrize("state", [State.WAITING, State.RESOLVED])
def test_a_member_who_asks_sees_everything(state: State, kind: str) -> None:
    """The unmasked card is valid and small enough too, and leads back to the masked one."""
    shown = ticket_page(
        view(HOSTILE[kind], state, IN_STATE[state]),
        LIBRARY,
        EN,
        original=(HOSTILE[kind] + THIRD) * 30,
    )

    check(shown)
    assert THIRD in said(shown)
    assert SHOW in pressed(shown)
    assert SHOW_ALL not in pressed(shown)


@pytest.mark.parametrize("verb", AGENTS)
@pytest.mark.parametrize("state", list(State))
def test_the_helpdesks_card_offers_what_is_on_offer_and_nothing_else(
    state: State, verb: Verb
) -> None:
    """Each verb leads to its button or its form; a form whose verb is gone shows the card instead."""
    looked_at = view(state=state, offers=(verb,))
    form = next((form for form, verbs in VERBS_OF.items() if verb in verbs), None)
    shown = ticket_page(looked_at, LIBRARY, EN)

    assert pressed(shown) == {str(form or verb), SHOW_ALL}
    for asked in Form:
        opened = ticket_page(looked_at, LIBRARY, EN, form=asked, colleagues=(KARI,))
        expected = {str(verb), SHOW} if asked == form else pressed(shown)
        assert pressed(opened) == expected


@pytest.mark.parametrize("form", [form for form in Form if VERBS_OF[form][0] in AGENTS])
def test_a_form_asks_and_can_be_left(form: Form) -> None:
    """A form has the heading and the facts, its field, buttons that carry the field, and one that does not."""
    shown = ticket_page(view(), LIBRARY, EN, form=form, colleagues=(KARI, PER))
    fields = [part for part in shown.elements if isinstance(part, TextInput | ChoiceInput)]
    ids = {Form.ASSIGN: "person", Form.RESOLVE: "resolution", Form.JOIN: "other"}

    assert [field.id for field in fields] == [ids.get(form, "text")]
    assert all(field.required and field.required_message for field in fields)
    assert any(isinstance(part, Facts) for part in shown.elements)
    *verbs, cancel = shown.buttons
    assert [button.data["do"] for button in verbs] == list(VERBS_OF[form])
    assert all(button.takes_inputs for button in verbs)
    assert verbs[0].weight is Weight.PRIMARY
    assert (cancel.data["do"], cancel.takes_inputs) == (SHOW, False)


def test_nobody_can_be_chosen_where_the_team_is_not_known() -> None:
    """Without colleagues the form says so and offers only the way back."""
    shown = ticket_page(view(), LIBRARY, EN, form=Form.ASSIGN)

    assert pressed(shown) == {SHOW}
    assert "can't list the team" in plain_text(shown)


def test_a_card_carries_number_verb_and_version() -> None:
    """A button's data are ids: nothing that people wrote, and nothing to trust."""
    shown = ticket_page(view(state=State.NEW), LIBRARY, EN)

    first = shown.buttons[0]
    assert first.data == {"v": "1", "ticket": "1042", "do": "claim", "version": "7"}
    assert first.weight is Weight.PRIMARY


def test_the_helpdesk_reads_what_was_written_last_with_who_and_when() -> None:
    """Replies, answers and notes stand on the card, the oldest first, in words and letter by letter."""
    history = (
        TicketEvent(NOW, PAST[Verb.CLAIM], KARI),
        TicketEvent(NOW, PAST[Verb.ASK], KARI, "Does it *still* fail?"),
        TicketEvent(NOW, PAST[Verb.ANSWER], Person("entra-ola", "Ola Nordmann"), "Yes, it does."),
        TicketEvent(NOW, PAST[Verb.NOTE], PER, SECRET_NOTE),
    )
    shown = ticket_page(replace(view(), events=history), LIBRARY, EN)
    text = plain_text(shown, 200)

    assert "Kari Hansen asked the requester, November 23, 2026 09:12 UTC" in text
    asked, answered, noted = (
        text.index(words) for words in ("*still*", "Yes, it does", SECRET_NOTE)
    )
    assert asked < answered < noted


def test_an_incident_counts_and_lists_its_people() -> None:
    """The card of an incident says how many people have the problem and which tickets are joined; theirs say of which they are part."""
    shown = plain_text(ticket_page(view(), LIBRARY, EN), 200)
    assert "People with this problem: 3" in shown
    assert "#1044 · Ola Nordmann · Claimed" in shown
    assert "all 3 people" in plain_text(ticket_page(view(), LIBRARY, EN, form=Form.REPLY), 200)

    part = TicketView(ticket=ticket(), part_of=1041)
    assert "Part of #1041" in plain_text(ticket_page(part, LIBRARY, EN), 200)


def test_a_requester_who_was_not_reached_is_on_the_card_with_what_to_do() -> None:
    """A notice that never arrived is a warning on the card: once for each reason, and it says what to do."""
    shown = ticket_page(view(), LIBRARY, EN)
    warnings = [
        part for part in shown.elements if isinstance(part, Remark) and part.label == "Warning"
    ]

    assert len(warnings) == 1
    assert "call them, or write an e-mail" in plain_text(shown, 400)


@pytest.mark.parametrize(("state", "language", "kind"), CASES, ids=map("-".join, CASES))
def test_a_search_hit_shows_nobodys_address(state: State, language: Language, kind: str) -> None:
    """A line of a search and the page it puts into a conversation say which ticket it is, masked, with a way to open it."""
    hit = search_hit(ticket(HOSTILE[kind], state), LIBRARY, language)

    check(hit.page)
    assert pressed(hit.page) == {SHOW}
    assert hit.title.startswith("#1042 · 5.1.10 · Ola")
    assert max(len(hit.title), len(hit.subtitle)) < 1000
    assert "someone.else" not in said(hit.page) + hit.title + hit.subtitle


# ---------------------------------------------------------------------------------------------------- for the requester


@pytest.mark.parametrize(("state", "language", "kind"), CASES, ids=map("-".join, CASES))
def test_the_requesters_card_is_valid_in_every_state(
    state: State, language: Language, kind: str
) -> None:
    """With every form or none, with long and hostile texts, their card is valid, small enough, and shows no note of the helpdesk."""
    looked_at = view(HOSTILE[kind], state, REQUESTERS)
    for form, again in product((None, *Form), (False, True)):
        shown = requester_page(
            looked_at, LIBRARY, language, form=form, remark="ticket-already-done", again=again
        )

        check(shown)
        assert shown.language == language
        assert SECRET_NOTE not in said(shown)
        assert pressed(shown) <= allowed(REQUESTERS)


@pytest.mark.parametrize("verb", [*REQUESTERS, Verb.NORMAL])
@pytest.mark.parametrize("state", list(State))
def test_the_requesters_card_offers_nothing_that_is_not_on_offer(state: State, verb: Verb) -> None:
    """Whatever a card is asked to show, its buttons are among what its requester may do now."""
    looked_at = view(state=state, offers=(verb,))
    for form in (None, *Form):
        assert pressed(requester_page(looked_at, LIBRARY, EN, form=form)) <= allowed((verb,))
    none = replace(looked_at, offers=())
    assert pressed(requester_page(none, LIBRARY, EN)) == set()


def test_the_requester_answers_on_the_card_while_the_helpdesk_waits() -> None:
    """Their card asks for the answer, shows what the helpdesk wrote, and who has the ticket."""
    shown = requester_page(view(state=State.WAITING, offers=REQUESTERS), LIBRARY, EN)
    text = plain_text(shown, 200)

    assert [part.id for part in shown.elements if isinstance(part, TextInput)] == ["text"]
    assert (shown.buttons[0].data["do"], shown.buttons[0].takes_inputs) == ("answer", True)
    assert "Waiting for your answer" in text
    assert "Kari Hansen wrote" in text
    assert "We have *corrected* it." in text


def test_withdrawing_asks_first() -> None:
    """The press opens a question; only its yes withdraws."""
    looked_at = view(offers=REQUESTERS)
    assert str(Verb.WITHDRAW) not in pressed(requester_page(looked_at, LIBRARY, EN))

    asked = requester_page(looked_at, LIBRARY, EN, form=Form.WITHDRAW)
    assert [button.data["do"] for button in asked.buttons] == ["withdraw", SHOW]


def test_writing_can_be_left_again() -> None:
    """The form to write to the helpdesk has its field, a button that carries it, and a way out."""
    shown = requester_page(view(offers=REQUESTERS), LIBRARY, EN, form=Form.ANSWER)

    assert [button.data["do"] for button in shown.buttons] == ["answer", SHOW]
    assert shown.navigation == ()


def test_own_tickets_are_listed_open_ones_first() -> None:
    """Each ticket has a line with its state and a button; those that may still need something come first."""
    tickets = [ticket(state=state, number=1050 - n) for n, state in enumerate(State)]
    for language in LANGUAGES:
        shown = own_tickets_page(tickets, LIBRARY, language)

        check(shown)
        assert [button.data["ticket"] for button in shown.buttons] == [
            str(1050 - number) for number in range(6)
        ]
        assert pressed(shown) == {SHOW}
    text = plain_text(own_tickets_page(tickets, LIBRARY, EN), 200)
    assert text.index("#1047 · Resolved") < text.index("Closed\n") < text.index("#1046")
    assert "You have no tickets." in plain_text(own_tickets_page((), LIBRARY, EN))


@pytest.mark.parametrize("kind", list(HOSTILE))
def test_any_number_of_own_tickets_fits(kind: str) -> None:
    """More tickets than a card holds, with long texts, still make a valid card with the newest ones."""
    tickets = [ticket(HOSTILE[kind], number=2000 - n) for n in range(60)]
    shown = own_tickets_page(tickets, LIBRARY, NB)

    check(shown)
    assert shown.buttons[0].data["ticket"] == "2000"
    assert len(shown.buttons) == limits.OWN_TICKETS


# --------------------------------------------------------------------------------------------------------------- notices

TOLD = {
    Verb.CLAIM: "claimed",
    Verb.TAKE_OVER: "taken-over",
    Verb.ASSIGN: "claimed",
    Verb.REPLY: "replied",
    Verb.ASK: "asked",
    Verb.RESOLVE: "resolved",
    Verb.REOPEN: "reopened",
    Verb.JOIN: "joined",
}
AFTER = {Verb.ASK: State.WAITING, Verb.RESOLVE: State.RESOLVED}


def event(verb: Verb, by: Person = KARI, text: str = PLAIN) -> TicketEvent:
    """Return the event of a verb."""
    return TicketEvent(NOW, PAST[verb], by, text, to=PER if verb is Verb.ASSIGN else None, other=7)


@pytest.mark.parametrize("kind", list(HOSTILE))
@pytest.mark.parametrize("verb", [Verb.ASK, Verb.RESOLVE])
def test_a_notice_fits_whatever_was_written(verb: Verb, kind: str) -> None:
    """The longest reply there can be still makes a valid card."""
    text = (HOSTILE[kind] or "x") * 9000
    text = text[: limits.SAID_CHARS]
    looked_at = view(HOSTILE[kind], AFTER[verb], REQUESTERS)
    shown = requester_notice(looked_at, event(verb, text=text), LIBRARY)

    assert shown is not None
    check(shown)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("verb", list(Verb))
def test_a_notice_is_in_the_requesters_language(verb: Verb, language: Language) -> None:
    """What a requester hears of comes in their language as a valid card; of what does not concern them, nothing comes."""
    state = AFTER.get(verb, State.CLAIMED)
    looked_at = view(PLAIN, state, REQUESTERS, language)
    known = KnownProblem(NOW, 7) if verb is Verb.JOIN else None
    shown = requester_notice(looked_at, event(verb), LIBRARY, known=known)

    assert (shown is None) == (verb not in TOLD)
    if shown is not None:
        check(shown)
        assert shown.language == language
        assert pressed(shown) <= allowed(REQUESTERS)
        assert SECRET_NOTE not in said(shown)


@pytest.mark.parametrize("verb", list(Verb))
def test_nobody_is_told_what_they_did_themselves(verb: Verb) -> None:
    """A requester's own action causes no notice to them, whatever it is."""
    ola = ticket().draft.person
    assert requester_notice(view(offers=REQUESTERS), event(verb, ola), LIBRARY) is None


def test_a_language_that_is_gone_is_replaced_by_the_default() -> None:
    """A requester whose language the content no longer has gets the notice in the default one."""
    gone = requester_notice(view(language="fi"), event(Verb.CLAIM), LIBRARY)

    assert gone is not None
    assert gone.language == LIBRARY.default
    assert ticket_page(view(language="fi"), LIBRARY, Language("sv")).language == LIBRARY.default


def test_a_resolve_notice_asks_whether_it_is() -> None:
    """What was done stands there letter by letter, with a yes, and a no that carries what happens now."""
    looked_at = view(state=State.RESOLVED, offers=REQUESTERS, language="en")
    shown = requester_notice(looked_at, event(Verb.RESOLVE), LIBRARY)

    assert shown is not None
    assert [(button.data["do"], button.takes_inputs) for button in shown.buttons] == [
        ("confirm", False),
        ("reopen", True),
    ]
    assert Literal(PLAIN, label="What was done") in shown.elements
    assert "Was this resolved?" in plain_text(shown)


def test_an_ask_notice_takes_the_answer() -> None:
    """The question comes with a field and a button that sends it, and a way to the whole ticket."""
    looked_at = view(state=State.WAITING, offers=REQUESTERS, language="en")
    shown = requester_notice(looked_at, event(Verb.ASK), LIBRARY)

    assert shown is not None
    assert [button.data["do"] for button in shown.buttons] == ["answer"]
    assert [button.data["do"] for button in shown.navigation] == [SHOW]
    assert "Kari Hansen needs an answer from you about #1042:" in plain_text(shown, 200)


@pytest.mark.parametrize(
    ("people", "words"), [(1, "One colleague has"), (7, "7 colleagues have")], ids=["one", "many"]
)
def test_who_joins_an_incident_hears_that_it_is_known(people: int, words: str) -> None:
    """The notice says since when the helpdesk knows it, and how many others have the problem: in the right number."""
    shown = requester_notice(
        view(language="en"), event(Verb.JOIN), LIBRARY, known=KnownProblem(NOW, people)
    )

    assert shown is not None
    text = plain_text(shown, 300)
    assert "has known about this since November 23, 2026 09:12 UTC." in text
    assert words in text
    assert "Ola" not in text


# -------------------------------------------------------------------------------------------------- the thread, the roster


@pytest.mark.parametrize("kind", list(HOSTILE))
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("what", [OPENED, *PAST.values(), "of-a-later-release"])
def test_a_line_in_the_thread_is_one_short_masked_line(
    what: str, language: Language, kind: str
) -> None:
    """Each change is one line in the channel's language, with what was written cut and third parties hidden."""
    looked_at = view(HOSTILE[kind])
    by = Person(KARI.key, "Kari Hansen")
    change = TicketEvent(NOW, what, by, HOSTILE[kind], to=PER, other=1041)
    line = thread_line(looked_at, change, LIBRARY, language)

    assert line.strip()
    assert "\n" not in line
    assert len(line) < 900
    assert "someone.else" not in line
    assert "{" not in line


def test_lines_in_a_thread_read_like_sentences() -> None:
    """They say who did what, in the helpdesk's language."""
    looked_at = replace(view(), joined=())
    lines = [
        thread_line(looked_at, event(verb, text="It was the licence."), LIBRARY, EN)
        for verb in (Verb.CLAIM, Verb.ASSIGN, Verb.REPLY, Verb.JOIN)
    ]

    assert lines == [
        "Kari Hansen claimed it.",
        "Kari Hansen assigned it to Per Berg.",
        "Kari Hansen to the requester: “It was the licence.”",
        "#1042 from Ola Nordmann is the same problem and is now part of #7.",
    ]
    assert thread_line(looked_at, event(Verb.CLAIM), LIBRARY, NB) == "Kari Hansen tok saken."


def test_a_line_about_a_joined_ticket_has_its_number() -> None:
    """In the thread of an incident, what one of its people writes comes with their ticket's number."""
    part = replace(view(), part_of=1041)
    line = thread_line(part, event(Verb.ANSWER, KARI, "Still no mail"), LIBRARY, EN)

    assert line == "#1042: Kari Hansen answered: “Still no mail”"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_line_says_when_the_requester_was_not_reached(language: Language) -> None:
    """It names the ticket and the reason, and hides addresses."""
    line = undelivered_line(view(), f"403 for {THIRD}", LIBRARY, language)

    assert "#1042" in line
    assert "403 for s•••@fabrikam.com" in line


ROSTER = Roster(
    (Mention(UserId("29:1"), "Kari *Hansen*"), Mention(UserId("29:2"), "Per Berg")),
    (
        RosterChange(NOW, KARI, (Mention(UserId("29:2"), "Per Berg"),)),
        RosterChange(NOW, PER, (Mention(UserId("29:1"), "Kari *Hansen*"),)),
    ),
)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("remark", [None, "roster-saved", "roster-empty"])
def test_the_roster_names_people_and_who_changed_it(
    language: Language, remark: str | None
) -> None:
    """It says who is on call and who changed that, and stays a valid card with any names."""
    check(roster_page(ROSTER, LIBRARY, language, remark=remark))
    check(roster_page(Roster(), LIBRARY, language, remark=remark))
    for text in HOSTILE.values():
        many = tuple(Mention(UserId("29:1"), f"x{text}") for _ in range(100))
        changes = tuple(RosterChange(NOW, Person("k", text), many) for _ in range(10))
        check(roster_page(Roster(many, changes), LIBRARY, language, remark=remark))


def test_an_empty_roster_says_so_once() -> None:
    """Nobody on call is a sentence, not an empty list."""
    for remark in (None, "roster-empty"):
        text = plain_text(roster_page(Roster(), LIBRARY, EN, remark=remark), 200)
        assert text.count("Nobody is on call.") == 1
    assert "Kari Hansen put on call: Per Berg" in plain_text(roster_page(ROSTER, LIBRARY, EN), 200)


# --------------------------------------------------------------------------------------- in the middle of a conversation


def session(language: str, *, handed: bool = True) -> Session:
    """Return a session of somebody who opened a ticket in this conversation."""
    match = Match(article=ArticleId("5.1.10"), confidence=Confidence.CERTAIN)
    return Session(
        id=SessionId("s"),
        address=ticket().draft.requester,
        language=Language(language),
        content=LIBRARY.version,
        started=NOW,
        mode=Addressing(f"is it *done*? {'x' * 60_000}", Idle()),
        bounce=Bounce(report(""), match, NOW),
        handed=(TicketId("id-1042"),) if handed else (),
    )


WHICH = WhichTicket(
    tuple(OwnTicket(TicketId(f"t{n}"), 1040 + n, state) for n, state in enumerate(State))
)
STEP = StepScreen(
    article=ArticleId("5.1.10"),
    node=NodeId("who-are-you"),
    reading=True,
    known=KnownProblem(NOW, 7),
)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_said_about_tickets_between_dialogs_is_valid(language: Language) -> None:
    """Every such screen is a valid card, and from the ends of dialogs one comes to one's tickets once there are any."""
    for screen in (
        WHICH,
        replace(WHICH, chosen=choices.ticket_choice(TicketId("t1"))),
        replace(WHICH, chosen=choices.CANCEL),
        MyTickets(),
        STEP,
    ):
        check(page(screen, session(language), LIBRARY))
    for ending in (
        Greeting(),
        Thanks(),
        PassedOn(1042),
        PassedOn(1042, reopened=True),
        Confirmed(1042),
        TicketOpened(),
    ):
        shown = page(ending, session(language), LIBRARY)
        check(shown)
        assert choices.MY_TICKETS in {button.data["choice"] for button in shown.navigation}
        without = page(ending, session(language, handed=False), LIBRARY)
        assert choices.MY_TICKETS not in {button.data["choice"] for button in without.navigation}


def test_the_question_which_ticket_names_them_in_plain_words() -> None:
    """Each ticket is a button with its number and state, the message stands there literally, and one may keep it to oneself."""
    shown = page(WHICH, session("en"), LIBRARY)

    assert shown.buttons[2].label == "#1042 · Waiting for your answer"
    assert shown.buttons[2].data["choice"] == choices.ticket_choice(TicketId("t2"))
    assert shown.buttons[-1].data["choice"] == choices.CANCEL
    assert any(
        isinstance(part, Literal) and part.text.startswith("is it *done*?")
        for part in shown.elements
    )
    marked = page(
        replace(WHICH, chosen=choices.ticket_choice(TicketId("t2"))), session("en"), LIBRARY
    )
    assert marked.buttons == ()
    assert "You chose: #1042 · Waiting for your answer" in plain_text(marked, 200)


def test_the_next_person_hears_first_that_a_problem_is_known() -> None:
    """Before the step comes: since when, how many others, and that no ticket is needed."""
    shown = page(STEP, session("en"), LIBRARY)
    first = shown.elements[0]

    assert isinstance(first, Remark)
    text = "".join(run.text for run in first.text)
    assert text.startswith(
        "The helpdesk has known about this since November 23, 2026 09:12 UTC. 7 "
    )
    assert text.endswith("unless you want to be told when it is solved.")


# ---------------------------------------------------------------------------------------------------------------- words

PREFIXES = (
    "do-",
    "own-",
    "said-",
    "thread-",
    "roster-",
    "which-",
    "passed-on-",
    "confirmed-",
    "known-",
    "field-",
    "ticket-",
    "notice-claimed",
    "notice-taken-over",
    "notice-replied",
    "notice-asked",
    "notice-resolved",
    "notice-resolution",
    "notice-reopened",
    "notice-joined",
    "opened-",
    "helpdesk",
    "assign-nobody",
    "join-explained",
)
ANSWERS = {
    "ticket-claimed-already",
    "ticket-not-possible",
    "ticket-not-member",
    "ticket-cannot-check",
    "ticket-unknown",
    "ticket-no-such-person",
    "ticket-already-done",
    "roster-saved",
}
"""What the desk answers a press or a line with."""


class Noting(dict[str, str]):
    """The bot's own words, noting which of them are asked for."""

    def __init__(self, words: Mapping[str, str]) -> None:
        """Take the words."""
        super().__init__(words)
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        """Return a word and note it."""
        self.asked.add(name)
        return super().__getitem__(name)


def pages(library: Library) -> Iterator[object]:
    """Yield every page and line about tickets once."""
    for state, form in product(State, (None, *Form)):
        nobodys = replace(view(state=state), joined=(), part_of=1041)
        yield ticket_page(view(state=state), library, EN, form=form, colleagues=(KARI,))
        yield ticket_page(nobodys, library, EN, form=form)
        yield requester_page(view(state=state, offers=REQUESTERS), library, EN, form=form)
        yield requester_page(view(state=state, offers=(Verb.NORMAL,)), library, EN, again=True)
    yield ticket_page(view(), library, EN, original=PLAIN)
    yield ticket_page(view("lines"), library, EN)
    for verb in Verb:
        state = AFTER.get(verb, State.CLAIMED)
        asked = view(state=state, offers=REQUESTERS, language="en")
        yield requester_notice(asked, event(verb, Person("x", "")), library)
        yield requester_notice(asked, event(verb), library, known=KnownProblem(NOW, 1))
        yield thread_line(view(), event(verb), library, EN)
        yield thread_line(view(), event(verb, text=""), library, EN)
    opened = TicketEvent(NOW, OPENED, KARI)
    urgent = replace(ticket(), draft=replace(ticket().draft, priority=Priority.URGENT))
    yield thread_line(view(), opened, library, EN)
    yield thread_line(TicketView(ticket=urgent), opened, library, EN)
    yield undelivered_line(view(), "403", library, EN)
    yield own_tickets_page([ticket(state=state) for state in State], library, EN)
    yield own_tickets_page((), library, EN)
    yield roster_page(ROSTER, library, EN)
    yield roster_page(Roster(), library, EN)
    for screen in (WHICH, STEP, PassedOn(1), PassedOn(1, reopened=True), Confirmed(1)):
        yield page(screen, session("en"), library)
    for again in (False, True):
        yield page(TicketOpened(again=again), session("en"), library, ticket=1042)


def test_every_word_about_tickets_is_used() -> None:
    """No id stands in the content for a sentence that nobody ever reads."""
    words = Noting(LIBRARY.words[EN].words)
    library = replace(
        LIBRARY, words={**LIBRARY.words, EN: replace(LIBRARY.words[EN], words=words)}
    )
    assert sum(1 for _ in pages(library)) > 100

    about_tickets = {name for name in WORDS if name.startswith(PREFIXES)}
    assert about_tickets - words.asked - ANSWERS == set()
    for name in ANSWERS:
        if name.startswith("roster"):
            assert plain_text(roster_page(ROSTER, library, EN, remark=name))
        else:
            assert plain_text(ticket_page(view(), library, EN, remark=name))
