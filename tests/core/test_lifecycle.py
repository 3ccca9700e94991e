"""The lifecycle of a ticket: every state, verb and role, and random walks through them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.model.errors import TransitionRefused
from bot.model.event import Address, Person, Scope
from bot.model.ids import ConversationId, Language, ReasonId, SessionId, TicketId, UserId
from bot.model.library import Priority
from bot.model.limits import SAID_CHARS
from bot.model.ticket import PAST, Deed, Draft, Role, State, Ticket, TicketEvent, Verb
from bot.triage.lifecycle import carry_out, offered

NOW = datetime(2026, 3, 2, 9, 12, tzinfo=UTC)
KARI = Person("key-kari", "Kari")
PER = Person("key-per", "Per")
OLA = Person("key-ola", "Ola")
SINK = Person("sink:rt", "rt")
WHO = {Role.AGENT: KARI, Role.REQUESTER: OLA, Role.SYSTEM: SINK}

# What each verb leads to, state by state, for a ticket that Per has (where anybody has it), pressed by Kari: written down once more, by
# hand, so that a slip in the table shows. N new, C claimed, W waiting, R resolved, D closed (done), X withdrawn, "-" refused.
EXPECTED = {
    #                                N    C    W    R    D    X
    (Role.AGENT, Verb.CLAIM): "      C    -    -    -    -    -",
    (Role.AGENT, Verb.TAKE_OVER): "  -    C    W    -    -    -",
    (Role.AGENT, Verb.HAND_BACK): "  -    N    N    -    -    -",
    (Role.AGENT, Verb.ASSIGN): "     C    C    W    -    -    -",
    (Role.AGENT, Verb.REPLY): "      C    C    W    R    -    -",
    (Role.AGENT, Verb.ASK): "        W    W    W    R    -    -",
    (Role.AGENT, Verb.NOTE): "       N    C    W    R    D    X",
    (Role.AGENT, Verb.URGENT): "     N    C    W    -    -    -",
    (Role.AGENT, Verb.NORMAL): "     -    -    -    -    -    -",
    (Role.AGENT, Verb.RESOLVE): "    R    R    R    -    -    -",
    (Role.AGENT, Verb.REOPEN): "     -    -    -    C    C    -",
    (Role.AGENT, Verb.CLOSE): "      -    -    -    D    -    -",
    (Role.AGENT, Verb.JOIN): "       N    C    W    -    -    -",
    (Role.AGENT, Verb.SPLIT): "      -    -    -    -    -    -",
    (Role.AGENT, Verb.ANSWER): "     -    -    -    -    -    -",
    (Role.AGENT, Verb.WITHDRAW): "   -    -    -    -    -    -",
    (Role.AGENT, Verb.CONFIRM): "    -    -    -    -    -    -",
    (Role.REQUESTER, Verb.CLAIM): "      -    -    -    -    -    -",
    (Role.REQUESTER, Verb.TAKE_OVER): "  -    -    -    -    -    -",
    (Role.REQUESTER, Verb.HAND_BACK): "  -    -    -    -    -    -",
    (Role.REQUESTER, Verb.ASSIGN): "     -    -    -    -    -    -",
    (Role.REQUESTER, Verb.REPLY): "      -    -    -    -    -    -",
    (Role.REQUESTER, Verb.ASK): "        -    -    -    -    -    -",
    (Role.REQUESTER, Verb.NOTE): "       -    -    -    -    -    -",
    (Role.REQUESTER, Verb.URGENT): "     N    C    W    -    -    -",
    (Role.REQUESTER, Verb.NORMAL): "     -    -    -    -    -    -",
    (Role.REQUESTER, Verb.RESOLVE): "    -    -    -    -    -    -",
    (Role.REQUESTER, Verb.REOPEN): "     -    -    -    C    -    -",
    (Role.REQUESTER, Verb.CLOSE): "      -    -    -    -    -    -",
    (Role.REQUESTER, Verb.JOIN): "       -    -    -    -    -    -",
    (Role.REQUESTER, Verb.SPLIT): "      -    -    -    -    -    -",
    (Role.REQUESTER, Verb.ANSWER): "     N    C    C    C    D    X",
    (Role.REQUESTER, Verb.WITHDRAW): "   X    X    X    -    -    -",
    (Role.REQUESTER, Verb.CONFIRM): "    -    -    -    D    -    -",
    (Role.SYSTEM, Verb.CLAIM): "      -    -    -    -    -    -",
    (Role.SYSTEM, Verb.TAKE_OVER): "  -    -    -    -    -    -",
    (Role.SYSTEM, Verb.HAND_BACK): "  -    -    -    -    -    -",
    (Role.SYSTEM, Verb.ASSIGN): "     -    -    -    -    -    -",
    (Role.SYSTEM, Verb.REPLY): "      N    C    W    R    -    -",
    (Role.SYSTEM, Verb.ASK): "        -    -    -    -    -    -",
    (Role.SYSTEM, Verb.NOTE): "       N    C    W    R    D    X",
    (Role.SYSTEM, Verb.URGENT): "     -    -    -    -    -    -",
    (Role.SYSTEM, Verb.NORMAL): "     -    -    -    -    -    -",
    (Role.SYSTEM, Verb.RESOLVE): "    R    R    R    -    -    -",
    (Role.SYSTEM, Verb.REOPEN): "     -    -    -    C    C    -",
    (Role.SYSTEM, Verb.CLOSE): "      -    -    -    D    -    -",
    (Role.SYSTEM, Verb.JOIN): "       N    C    W    -    -    -",
    (Role.SYSTEM, Verb.SPLIT): "      -    -    -    -    -    -",
    (Role.SYSTEM, Verb.ANSWER): "     -    -    -    -    -    -",
    (Role.SYSTEM, Verb.WITHDRAW): "   -    -    -    -    -    -",
    (Role.SYSTEM, Verb.CONFIRM): "    -    -    -    -    -    -",
}
LETTERS = dict(zip("NCWRDX", State, strict=True))


def ticket_in(state: State, **changes: object) -> Ticket:
    """Return a ticket of Ola's as it is in a state; from claimed on, Per has it."""
    draft = Draft(
        id=TicketId("t"),
        session=SessionId("s"),
        requester=Address(
            channel="msteams",
            service_url="https://example.org",
            conversation=ConversationId("a:ola"),
            scope=Scope.PERSONAL,
            user=UserId("29:ola"),
            user_name="Ola",
            user_key=OLA.key,
        ),
        language=Language("nb"),
        reason=ReasonId("asked"),
        priority=Priority.NORMAL,
        opened=NOW,
    )
    over = state in {State.RESOLVED, State.CLOSED}
    ticket = Ticket(
        number=1001,
        draft=draft,
        state=state,
        changed=NOW,
        assignee=None if state is State.NEW else PER,
        claimed=None if state is State.NEW else NOW,
        resolved=NOW if over else None,
        resolution="Done" if over else None,
    )
    return replace(ticket, **changes)


def whole(verb: Verb) -> Deed:
    """Return a deed that lacks nothing."""
    return Deed(verb=verb, text="some words", to=OLA if verb is Verb.ASSIGN else None, other=1002)


def outcome(ticket: Ticket, verb: Verb, role: Role, by: Person) -> str:
    """Return the letter of the state that a deed leads to, "-" where it is refused."""
    try:
        changed, _ = carry_out(ticket, whole(verb), by, role, NOW + timedelta(minutes=1))
    except TransitionRefused:
        return "-"
    return next(letter for letter, state in LETTERS.items() if state is changed.state)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("verb", Verb)
def test_the_whole_table(role: Role, verb: Verb) -> None:
    """Every verb leads from every state to where it should, or is refused; exactly that is offered."""
    states = [ticket_in(state) for state in State]

    found = [outcome(ticket, verb, role, WHO[role]) for ticket in states]
    shown = [verb in offered(ticket, role, WHO[role]) for ticket in states]

    assert found == EXPECTED[role, verb].split()
    assert shown == [letter != "-" for letter in found]


@pytest.mark.parametrize(
    ("verb", "ticket", "allowed"),
    [
        (Verb.NORMAL, ticket_in(State.NEW, priority=Priority.URGENT), True),
        (Verb.URGENT, ticket_in(State.NEW, priority=Priority.URGENT), False),
        (Verb.SPLIT, ticket_in(State.NEW, parent=TicketId("p")), True),
        (Verb.JOIN, ticket_in(State.NEW, parent=TicketId("p")), False),
        (Verb.TAKE_OVER, ticket_in(State.CLAIMED, assignee=KARI), False),
        (Verb.TAKE_OVER, ticket_in(State.WAITING, assignee=Person(KARI.key, "Married")), False),
    ],
)
def test_what_depends_on_more_than_the_state(verb: Verb, ticket: Ticket, allowed: bool) -> None:  # noqa: FBT001 - a parameter of the table above
    """A change that changes nothing is neither offered nor accepted, and people are known by their key."""
    assert (verb in offered(ticket, Role.AGENT, KARI)) is allowed
    assert (outcome(ticket, verb, Role.AGENT, KARI) != "-") is allowed


@pytest.mark.parametrize(
    ("ticket", "deed", "words"),
    [
        (ticket_in(State.CLAIMED), Deed(verb=Verb.CLAIM), "ticket-claimed-already"),
        (
            ticket_in(State.CLAIMED, assignee=KARI),
            Deed(verb=Verb.CLAIM),
            "ticket-already-done",
        ),
        (ticket_in(State.WITHDRAWN), Deed(verb=Verb.CLAIM), "ticket-not-possible"),
        (ticket_in(State.CLAIMED), Deed(verb=Verb.REPLY, text="  "), "ticket-text-missing"),
        (ticket_in(State.NEW), Deed(verb=Verb.ASK), "ticket-text-missing"),
        (ticket_in(State.NEW), Deed(verb=Verb.NOTE), "ticket-text-missing"),
        (ticket_in(State.NEW), Deed(verb=Verb.RESOLVE), "ticket-text-missing"),
        (ticket_in(State.NEW), Deed(verb=Verb.ASSIGN), "ticket-no-such-person"),
        (ticket_in(State.CLAIMED), Deed(verb=Verb.ASSIGN, to=PER), "ticket-already-done"),
        (ticket_in(State.NEW), Deed(verb=Verb.JOIN), "ticket-no-such-other"),
        (ticket_in(State.NEW), Deed(verb=Verb.JOIN, other=1001), "ticket-no-such-other"),
        (ticket_in(State.RESOLVED), Deed(verb=Verb.RESOLVE), "ticket-not-possible"),
    ],
)
def test_a_refusal_says_why(ticket: Ticket, deed: Deed, words: str) -> None:
    """Each refusal names the words that tell whoever tried what is wrong."""
    with pytest.raises(TransitionRefused) as refused:
        carry_out(ticket, deed, KARI, Role.AGENT, NOW)

    assert refused.value.words == words


def test_who_replies_to_a_new_ticket_has_it() -> None:
    """A reply claims; one to a ticket that somebody has does not take it from them."""
    fresh, _ = carry_out(
        ticket_in(State.NEW), whole(Verb.REPLY), KARI, Role.AGENT, NOW + timedelta(minutes=3)
    )
    others, _ = carry_out(ticket_in(State.CLAIMED), whole(Verb.REPLY), KARI, Role.AGENT, NOW)

    assert (fresh.assignee, fresh.claimed) == (KARI, NOW + timedelta(minutes=3))
    assert others.assignee == PER


def test_an_answer_opens_a_resolved_ticket_again() -> None:
    """The answer is the reason, the one who had the ticket has it again, and it is no longer resolved."""
    changed, event = carry_out(
        ticket_in(State.RESOLVED), whole(Verb.ANSWER), OLA, Role.REQUESTER, NOW
    )

    assert (changed.state, changed.assignee) == (State.CLAIMED, PER)
    assert (changed.resolved, changed.resolution) == (None, None)
    assert event == TicketEvent(NOW, "reopened", OLA, "some words", None, 1002)


def test_what_nobody_had_is_new_again() -> None:
    """A ticket that another helpdesk resolved before anybody claimed it goes back to everybody."""
    resolved, _ = carry_out(ticket_in(State.NEW), whole(Verb.RESOLVE), SINK, Role.SYSTEM, NOW)
    again, _ = carry_out(resolved, whole(Verb.ANSWER), OLA, Role.REQUESTER, NOW)

    assert (resolved.assignee, resolved.claimed) == (None, None)
    assert again.state is State.NEW


def test_time_does_not_run_backwards_in_a_ticket() -> None:
    """A clock that jumps back puts no change before the one it follows."""
    changed, event = carry_out(
        ticket_in(State.NEW), whole(Verb.CLAIM), KARI, Role.AGENT, NOW - timedelta(hours=1)
    )

    assert changed.changed == changed.claimed == event.at == NOW


def test_a_long_text_is_cut_and_says_so() -> None:
    """What is longer than a card holds ends in a mark."""
    deed = Deed(verb=Verb.REPLY, text="x" * (SAID_CHARS + 1))
    _, event = carry_out(ticket_in(State.CLAIMED), deed, KARI, Role.AGENT, NOW)

    assert len(event.note) == SAID_CHARS
    assert event.note.endswith("…")


STEPS = st.tuples(
    st.sampled_from(Verb),
    st.sampled_from(
        [(Role.AGENT, KARI), (Role.AGENT, PER), (Role.REQUESTER, OLA), (Role.SYSTEM, SINK)]
    ),
    st.sampled_from([KARI, PER]),
    st.integers(-60, 60),
)


@settings(max_examples=300)
@given(st.lists(STEPS, max_size=30))
def test_random_walks_keep_what_must_hold(
    steps: list[tuple[Verb, tuple[Role, Person], Person, int]],
) -> None:
    """Whatever is tried in whatever order: what is offered is accepted, the rest refused, and the ticket stays in good order."""
    ticket, now = ticket_in(State.NEW), NOW
    events: list[TicketEvent] = []
    for verb, (role, by), to, minutes in steps:
        now += timedelta(minutes=minutes)
        may = verb in offered(ticket, role, by)
        deed = replace(whole(verb), to=to if verb is Verb.ASSIGN else None)
        try:
            changed, event = carry_out(ticket, deed, by, role, now)
        except TransitionRefused:
            has_it = verb is Verb.ASSIGN and ticket.assignee == to
            assert not may or has_it
            continue
        assert may
        events.append(event)
        assert event.what in PAST.values()
        assert event.by == by
        assert changed.changed == event.at >= ticket.changed
        assert changed.number == ticket.number
        assert changed.draft == ticket.draft
        if changed.state in {State.CLAIMED, State.WAITING}:
            assert changed.assignee is not None
            assert changed.claimed is not None
        if changed.state is State.NEW:
            assert changed.assignee is None
        assert (changed.resolved is not None) == (changed.state in {State.RESOLVED, State.CLOSED})
        assert bool(changed.resolution) == (changed.state in {State.RESOLVED, State.CLOSED})
        if ticket.claimed is not None:
            assert changed.claimed == ticket.claimed
        ticket = changed
    assert [event.at for event in events] == sorted(event.at for event in events)
