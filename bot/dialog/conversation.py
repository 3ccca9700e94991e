"""One event in one conversation: which screen comes, and what else it causes.

The order of the questions asked here is the order of what users mean: a bounce is a bounce even in the middle of a form, a word such
as "back" is a command wherever it is said, and only then is a line an answer to what was asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from msgspec.structs import replace

from bot.dialog import lines, walk
from bot.dialog.typed import named_choice
from bot.model import choices, limits
from bot.model.effects import (
    Confirmed,
    ConfirmSolved,
    Effect,
    Greeting,
    MarkUsed,
    MyTickets,
    NewOrOld,
    NotABounce,
    Notice,
    OpenTicket,
    PassedOn,
    Preview,
    RecordFeedback,
    RecordOutcome,
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
from bot.model.event import Arrived, Attached, Incoming, Pressed, Reading, Said, Unusable
from bot.model.ids import ArticleId, ChoiceId, NodeId, ReasonId, SessionId, TicketId
from bot.model.incident import signatures
from bot.model.library import Article, End, Ending, Library
from bot.model.match import Confidence, Match
from bot.model.report import Kind
from bot.model.session import (
    Addressing,
    Bounce,
    Choosing,
    Handed,
    Handing,
    Idle,
    Session,
    Unreadable,
    Walking,
)
from bot.model.ticket import Background, Draft, Outcome, OwnTicket, State

_PHISHING = "phishing"
_NEVER_OLD = frozenset({choices.HUMAN, choices.HELLO, choices.MY_TICKETS})
"""What a card of any age may still ask for: nobody is ever kept from a human."""
_UNSENT = frozenset({Notice.CANCELLED, Notice.NOT_SENT})
"""Notices that matter more than showing once more which ticket was opened last."""
_OUTCOMES = {
    Ending.SOLVED: Outcome.SOLVED,
    Ending.ADVISED: Outcome.ADVISED,
    Ending.EXIT: Outcome.EXIT,
}


@dataclass(frozen=True, slots=True)
class _Scene:
    """What every handler of this module needs to know."""

    library: Library
    now: datetime
    new_id: Callable[[], str]
    background: Background


@dataclass(frozen=True, slots=True)
class _Words:
    """What was typed."""

    text: str
    alone: bool
    """It is all that came: there was no file beside it."""


def _first_session(
    library: Library, incoming: Incoming, *, now: datetime, new_id: Callable[[], str]
) -> Session:
    """Return the session of somebody we meet for the first time."""
    return Session(
        id=SessionId(new_id()),
        address=incoming.address,
        language=incoming.locale,
        content=library.version,
        started=now,
    )


def converse(
    library: Library,
    stored: Session | Unreadable | None,
    incoming: Incoming,
    reading: Reading | None,
    *,
    now: datetime,
    new_id: Callable[[], str],
    background: Background,
) -> Turn:
    """Decide everything that one event causes.

    Args:
        library: The content.
        stored: What is remembered of this person in this conversation.
        incoming: The event.
        reading: What was read of a `Said` or `Attached` event, None for the others.
        now: The time.
        new_id: Where ids come from.
        background: The person's tickets, where a line was typed outside a dialog or a ticket is being asked for; and whether others have
            had the bounce.
    """
    scene = _Scene(library, now, new_id, background)
    session, notice = _current(scene, stored, incoming)
    event = incoming.event
    match event:
        case Arrived():
            return _arrived(scene, session)
        case Unusable(why=why):
            return _again(scene, session, Notice("notice-" + why))
        case Pressed():
            return _pressed(scene, session, event, notice)
        case Said() | Attached():
            if reading is None:
                return _again(scene, session, Notice.EMPTY)
            alone = isinstance(event, Said)
            typed = event.text if isinstance(event, Attached) else reading.report.text
            if alone or typed.strip() or _heard(scene, session, reading):
                return _said(scene, session, _Words(typed, alone), reading, notice)
            return _show(session, NotABounce(phishing=_PHISHING in reading.report.warnings))
        case _:
            assert_never(event)


def _current(
    scene: _Scene, stored: Session | Unreadable | None, incoming: Incoming
) -> tuple[Session, Notice]:
    """Return the session as it stands in today's content, and what the user should know about that."""
    if stored is None or isinstance(stored, Unreadable):
        session = _first_session(scene.library, incoming, now=scene.now, new_id=scene.new_id)
        return session, Notice.RESTARTED if isinstance(stored, Unreadable) else Notice.NONE
    session = _knows_its_tickets(stored).with_(address=incoming.address)
    if not session.language_chosen or session.language not in scene.library.languages:
        session = session.with_(language=incoming.locale)
    if isinstance(session.mode, Addressing) and not scene.background.tickets:
        session = session.with_(mode=session.mode.back, content=scene.library.version)
        return session, Notice.NOT_SENT
    if session.content == scene.library.version:
        return session, Notice.NONE
    return _in_todays_content(scene, session.with_(content=scene.library.version))


def _knows_its_tickets(stored: Session) -> Session:
    """Return a session that lists its last ticket: the first release kept it in the mode only."""
    mode = stored.mode
    if not isinstance(mode, Handed) or mode.ticket in stored.handed:
        return stored
    return stored.with_(handed=_with_ticket(stored, mode.ticket))


def _with_ticket(session: Session, ticket: TicketId) -> tuple[TicketId, ...]:
    return (*session.handed, ticket)[-limits.HANDED :]


def _in_todays_content(scene: _Scene, session: Session) -> tuple[Session, Notice]:
    """Return a session that stands only where the content still has a place, and what to say about that."""
    mode = session.mode
    match mode:
        case Walking():
            if walk.node_at(scene.library, mode) is not None:
                return session, Notice.NONE
            return walk.nearest(scene.library, session, mode), Notice.CONTENT_CHANGED
        case Handing(at=at, back=back):
            at, back = _still_there(scene, at), _still_there(scene, back)
            return session.with_(mode=replace(mode, at=at, back=back)), Notice.NONE
        case Choosing(pending=pending, back=back):
            gone_on, _ = _in_todays_content(scene, session.with_(mode=back))
            stands = gone_on.mode
            known = (
                pending.match.article is None or pending.match.article in scene.library.articles
            )
            if known and isinstance(stands, Walking | Handing):
                return gone_on.with_(mode=Choosing(pending, stands)), Notice.NONE
            return gone_on, Notice.CONTENT_CHANGED
        case Idle() | Handed() | Addressing():
            return session, Notice.NONE
        case _:
            assert_never(mode)


def _still_there(scene: _Scene, place: Walking | None) -> Walking | None:
    return place if place is not None and walk.node_at(scene.library, place) is not None else None


# ------------------------------------------------------------------------------------------------- what was said


def _said(scene: _Scene, session: Session, said: _Words, reading: Reading, notice: Notice) -> Turn:
    line = _one_line(said.text)
    heard = _heard(scene, session, reading)
    if heard is not None:
        return _bounce(scene, session, _remembered(reading, heard, scene.now))
    if not line:
        return _again(scene, session, Notice.EMPTY)
    choice = _meant(scene, session, line)
    if choice is None and _says_it_failed(scene, session, line):
        return _hand_over(session, walk.NOT_SOLVED)
    if choice is not None and notice is not Notice.CONTENT_CHANGED:
        return _choose(scene, session, choice, {})
    return _free_words(scene, session, said, reading, notice)


def _free_words(
    scene: _Scene, session: Session, said: _Words, reading: Reading, notice: Notice
) -> Turn:
    """Take words that are no bounce and name no choice: a note, a message to the helpdesk, or something we cannot use."""
    if isinstance(session.mode, Handing):
        return _noted(scene, session, said.text)
    if isinstance(session.mode, Addressing):
        return _added(scene, session, session.mode, said.text)
    if said.alone and notice is Notice.NONE and _is_outside(scene, session):
        turn = _for_the_helpdesk(scene, session, said.text)
        if turn is not None:
            return turn
    if isinstance(session.mode, Idle) and notice is not Notice.NOT_SENT:
        phishing = _PHISHING in reading.report.warnings
        return _show(session, NotABounce(phishing=phishing))
    if notice is Notice.NONE and isinstance(session.mode, Handed):
        return _show(session, TicketOpened(again=True))
    return _again(scene, session, notice if notice is not Notice.NONE else Notice.NOT_UNDERSTOOD)


def _meant(scene: _Scene, session: Session, line: str) -> ChoiceId | None:
    """Return the choice that a typed line names.

    Where a line may also be a message to the helpdesk, only a whole line is a command: "I had to start over and it failed" is none.
    """
    if isinstance(session.mode, Addressing):
        chosen = lines.named_ticket(line, scene.background.tickets)
        if chosen is not None:
            return choices.ticket_choice(chosen.id)
    to_helpdesk = bool(scene.background.tickets) and (
        isinstance(session.mode, Addressing) or _is_outside(scene, session)
    )
    return named_choice(line, _visible(scene, session), _always(scene), whole=to_helpdesk)


def _heard(scene: _Scene, session: Session, reading: Reading) -> Match | None:
    """Return what a dialog can be held about, or None.

    A question that only names a code is no bounce, but whoever asks wants to know what it means: that is told, as likely, and where the
    code alone does not decide what it means, its family is. While the helpdesk waits for an answer, a short line with a code in it is that
    answer.
    """
    short = len(reading.report.text) <= limits.TYPED_CHARS and not reading.report.recipients
    if short and _is_awaited(scene, session):
        return None
    if reading.report.kind is Kind.BOUNCE or reading.match.article is not None:
        return reading.match if reading.report.kind is not Kind.NOT_BOUNCE else None
    if reading.report.kind is not Kind.UNSURE or reading.report.status is None:
        return None
    rows = [row for row in scene.library.codes.rows.values() if row.code == reading.report.status]
    if not rows:
        return None
    return Match(
        article=rows[0].article,
        row=rows[0].id if len(rows) == 1 else None,
        confidence=Confidence.LIKELY,
        headline_only=True,
    )


def _remembered(reading: Reading, match: Match, now: datetime) -> Bounce:
    """Return what is kept of a bounce: every turn stores it again, so where in the text each thing stood is left out."""
    evidence = tuple(replace(reason, span=None) for reason in match.evidence)
    return Bounce(
        replace(reading.report, spans=()), replace(match, evidence=evidence, others=()), now
    )


def _says_it_failed(scene: _Scene, session: Session, line: str) -> bool:
    """Tell whether "it didn't help" is said to a question that has no such answer: then only a human is left."""
    words = {choices.FAILED: _command_words(scene, choices.FAILED)}
    return isinstance(session.mode, Walking) and named_choice(line, {}, words) is not None


def _bounce(scene: _Scene, session: Session, bounce: Bounce) -> Turn:
    mode = session.mode
    if isinstance(mode, Choosing):
        return _show(session.with_(mode=Choosing(bounce, mode.back)), NewOrOld())
    if (
        not isinstance(mode, Walking | Handing)
        or session.bounce is None
        or _is_over(scene, session)
    ):
        unsent = isinstance(mode, Addressing)
        return _begin(scene, session, bounce, Notice.NOT_SENT if unsent else Notice.NONE)
    if _same(bounce, session.bounce):
        return _again(scene, session, Notice.SAME_BOUNCE)
    if _awaits_bounce(scene, mode):
        return _begin(scene, session, bounce)
    return _show(session.with_(mode=Choosing(bounce, mode)), NewOrOld())


def _begin(scene: _Scene, session: Session, bounce: Bounce, notice: Notice = Notice.NONE) -> Turn:
    """Start the dialog about a bounce."""
    left = _outcome(session, Outcome.ABANDONED) if _is_open(scene, session) else ()
    article = scene.library.articles[bounce.match.article] if bounce.match.article else None
    if article is None:
        return Turn(session, (*left, Show(NotABounce(), session)))
    fresh = session.with_(
        id=SessionId(scene.new_id()),
        bounce=bounce,
        trail=(),
        started=scene.now,
        ended=False,
        handout_language=None,
    )
    begun = walk.enter(scene.library, fresh, article.id, _start_of(article, bounce))
    shown = _screen(scene, begun, notice, reading=True)
    if isinstance(shown, StepScreen):
        shown = replace(shown, known=scene.background.known)
    marks = signatures(bounce.report)
    seen = (RecordSighting(marks),) if marks else ()
    return Turn(begun, (*left, *_outcome(begun, Outcome.OPEN), *seen, Show(shown, begun)))


def _start_of(article: Article, bounce: Bounce) -> NodeId:
    if bounce.match.headline_only and article.likely_start is not None:
        return article.likely_start
    return article.start


def _noted(scene: _Scene, session: Session, text: str) -> Turn:
    """Take a line that was written while the preview is open as a note to the helpdesk."""
    mode = session.mode
    if not isinstance(mode, Handing):
        return _again(scene, session, Notice.NOT_UNDERSTOOD)
    note = "\n".join(part for part in (mode.note, text.strip()) if part)[: limits.NOTE_CHARS]
    noted = session.with_(mode=replace(mode, note=note))
    return _show(noted, Preview(Notice.NOTE_ADDED))


# ------------------------------------------------------------------------------------- what is said to the helpdesk


def _is_outside(scene: _Scene, session: Session) -> bool:
    """Tell whether a line is said to no question of ours: then it can only be for the helpdesk."""
    return isinstance(session.mode, Idle | Handed) or _is_over(scene, session)


def _is_awaited(scene: _Scene, session: Session) -> bool:
    """Tell whether the helpdesk has asked this person something, and no question of ours came after."""
    waiting = any(ticket.state is State.WAITING for ticket in scene.background.tickets)
    return waiting and (isinstance(session.mode, Addressing) or _is_outside(scene, session))


def _for_the_helpdesk(scene: _Scene, session: Session, text: str) -> Turn | None:
    """Pass a line on to the ticket it is for; None where there is no ticket to put it on."""
    tickets = scene.background.tickets
    if not tickets:
        return None
    line = _one_line(text)
    ticket = lines.mentioned_ticket(line, tickets) or (tickets[0] if len(tickets) == 1 else None)
    only_thanks = lines.says_only_thanks(line, scene.library)
    if only_thanks and (ticket is None or ticket.state is State.RESOLVED):
        return _show(session, Thanks())
    if ticket is not None:
        return _pass_on(scene, session, ticket, text)
    back = session.mode if isinstance(session.mode, Handed) else Idle()
    asking = session.with_(mode=Addressing(text[: limits.STORED_TEXT_CHARS], back))
    return _again(scene, asking, Notice.NONE)


def _pass_on(scene: _Scene, session: Session, ticket: OwnTicket, text: str) -> Turn:
    """Put what was written on a ticket. "Yes, it works" to a resolved one closes it; anything else opens it again."""
    if ticket.state is State.RESOLVED and lines.says_it_works(_one_line(text), scene.library):
        shown = Show(Confirmed(ticket.number), session)
        return Turn(session, (ConfirmSolved(ticket.id), shown))
    told = TellHelpdesk(ticket.id, text.strip()[: limits.STORED_TEXT_CHARS])
    passed = PassedOn(ticket.number, reopened=ticket.state is State.RESOLVED)
    return Turn(session, (told, Show(passed, session)))


def _added(scene: _Scene, session: Session, mode: Addressing, text: str) -> Turn:
    """Take one more line, written instead of choosing a ticket, as part of the message."""
    whole = f"{mode.text}\n{text.strip()}"[: limits.STORED_TEXT_CHARS]
    return _again(scene, session.with_(mode=replace(mode, text=whole)), Notice.NONE)


def _choose_ticket(scene: _Scene, session: Session, mode: Addressing, choice: ChoiceId) -> Turn:
    if choice == choices.CANCEL:
        return _step_back(scene, session, Notice.CANCELLED)
    chosen = choices.chosen_ticket(choice)
    for ticket in scene.background.tickets:
        if ticket.id == chosen:
            return _pass_on(scene, session.with_(mode=mode.back), ticket, mode.text)
    return _again(scene, session, Notice.NOT_UNDERSTOOD)


# ---------------------------------------------------------------------------------------------- what was pressed


def _pressed(scene: _Scene, session: Session, press: Pressed, notice: Notice) -> Turn:
    """Obey a press on the card that stands; explain one on a card that no longer does."""
    current = notice is Notice.NONE and _is_current(scene, session, press)
    if current:
        turn = _choose(scene, session, press.choice, press.inputs)
        return Turn(turn.session, (*_marked(scene, session, press.choice), *turn.effects))
    if press.choice in _NEVER_OLD or choices.chosen_language(press.choice) is not None:
        return _choose(scene, session, press.choice, {})
    return _again(scene, session, notice if notice is not Notice.NONE else Notice.OLD_CARD)


def _is_current(scene: _Scene, session: Session, press: Pressed) -> bool:
    place = session.mode if isinstance(session.mode, Walking) else None
    stands = (place.article, place.node) if place else (None, None)
    if press.session != session.id or (press.article, press.node) != stands:
        return False
    return press.choice in _visible(scene, session) or press.choice in _always(scene)


def _choose(scene: _Scene, session: Session, choice: ChoiceId, inputs: Mapping[str, str]) -> Turn:
    """Carry out a choice, however it was made."""
    anywhere = _choose_anywhere(scene, session, choice)
    if anywhere is not None:
        return anywhere
    mode = session.mode
    match mode:
        case Idle() | Handed():
            return _again(scene, session, Notice.NOT_UNDERSTOOD)
        case Walking():
            return _choose_at_node(scene, session, mode, choice)
        case Handing():
            return _choose_in_preview(scene, session, mode, choice, inputs)
        case Choosing():
            return _choose_bounce(scene, session, mode, choice)
        case Addressing():
            return _choose_ticket(scene, session, mode, choice)
        case _:
            assert_never(mode)


def _choose_anywhere(scene: _Scene, session: Session, choice: ChoiceId) -> Turn | None:
    """Carry out what is offered at every step; None when the choice belongs to the step itself."""
    language = choices.chosen_language(choice)
    if language is not None:
        if language not in scene.library.languages:
            return _again(scene, session, Notice.UNKNOWN_PRESS)
        spoken = session.with_(language=language, language_chosen=True, handout_language=None)
        greeted = isinstance(spoken.mode, Idle)
        return _again(scene, spoken, Notice.NONE if greeted else Notice.LANGUAGE)
    if choice == choices.HELLO:
        return _show(session, Greeting())
    if choice == choices.MY_TICKETS:
        return _show(session, MyTickets())
    if choice == choices.HUMAN:
        return _hand_over(session)
    if choice == choices.START_OVER:
        return _start_over(scene, session)
    if choice == choices.BACK:
        return _step_back(scene, session)
    return None


def _choose_at_node(scene: _Scene, session: Session, place: Walking, choice: ChoiceId) -> Turn:
    node = scene.library.articles[place.article].nodes[place.node]
    handout = choices.chosen_handout(choice)
    if handout is not None and node.handout is not None:
        return _again(scene, session.with_(handout_language=handout), Notice.NONE)
    if isinstance(node.kind, End):
        if choice == choices.USEFUL:
            thanked = RecordFeedback(session.id, useful=True)
            return Turn(session, (thanked, Show(Thanks(), session)))
        if choice == choices.NOT_USEFUL:
            handed = _hand_over(session, walk.NOT_HELPFUL)
            return Turn(
                handed.session, (RecordFeedback(session.id, useful=False), *handed.effects)
            )
        return _again(scene, session, Notice.NOT_UNDERSTOOD)
    if choice not in walk.choices_of(node):
        return _again(scene, session, Notice.NOT_UNDERSTOOD)
    moved = walk.answer(scene.library, session, place, choice)
    return _arrive(scene, moved)


def _arrive(scene: _Scene, session: Session) -> Turn:
    """Show where a move led, and record it when it was the end."""
    ending = _ending(scene, session)
    if ending is not None and not session.ended:
        session = session.with_(ended=True)
        recorded = _outcome(session, _OUTCOMES[ending])
    else:
        recorded = _outcome(session, Outcome.OPEN) if not session.ended else ()
    return Turn(session, (*recorded, Show(_screen(scene, session), session)))


def _choose_in_preview(
    scene: _Scene, session: Session, mode: Handing, choice: ChoiceId, inputs: Mapping[str, str]
) -> Turn:
    note = inputs.get("note", "").strip()[: limits.NOTE_CHARS]
    if note and note != mode.note:
        mode = replace(mode, note=note)
    session = session.with_(mode=mode)
    if choice == choices.SEND:
        return _open_ticket(scene, session, mode)
    if choice in {choices.DROP_ORIGINAL, choices.KEEP_ORIGINAL}:
        kept = replace(mode, keep_original=choice == choices.KEEP_ORIGINAL)
        return _show(session.with_(mode=kept), Preview())
    if choice == choices.CANCEL:
        return _step_back(scene, session, Notice.CANCELLED)
    return _again(scene, session, Notice.NOT_UNDERSTOOD)


def _choose_bounce(scene: _Scene, session: Session, mode: Choosing, choice: ChoiceId) -> Turn:
    if choice == choices.TAKE_NEW:
        return _begin(scene, session.with_(mode=mode.back), mode.pending)
    if choice == choices.GO_ON:
        return _again(scene, session.with_(mode=mode.back), Notice.WENT_ON)
    return _again(scene, session, Notice.NOT_UNDERSTOOD)


# ---------------------------------------------------------------------------------------------------- the ways on


def _hand_over(session: Session, reason: ReasonId = walk.ASKED_FOR_HUMAN) -> Turn:
    mode = session.mode
    if isinstance(mode, Handing):
        return _show(session, Preview())
    place = mode.back if isinstance(mode, Choosing) and isinstance(mode.back, Walking) else mode
    back = place if isinstance(place, Walking) else None
    unsent = mode.text[: limits.NOTE_CHARS] if isinstance(mode, Addressing) else ""
    handing = session.with_(mode=Handing(reason=reason, back=back, note=unsent))
    return _show(handing, Preview())


def _open_ticket(scene: _Scene, session: Session, mode: Handing) -> Turn:
    bounce = session.bounce
    original = bounce.report.text if bounce and mode.keep_original else None
    draft = Draft(
        id=TicketId(scene.new_id()),
        session=session.id,
        requester=session.address,
        language=session.language,
        reason=mode.reason,
        priority=mode.priority,
        opened=scene.now,
        report=replace(bounce.report, text="") if bounce else None,
        match=bounce.match if bounce else None,
        path=session.trail,
        note=mode.note,
        original=original[: limits.STORED_TEXT_CHARS] if original else None,
        signatures=signatures(bounce.report) if bounce else (),
    )
    handed = session.with_(
        mode=Handed(draft.id), ended=True, handed=_with_ticket(session, draft.id)
    )
    recorded = _outcome(session, Outcome.HANDED_OVER)
    return Turn(handed, (OpenTicket(draft), *recorded, Show(TicketOpened(), handed)))


def _start_over(scene: _Scene, session: Session) -> Turn:
    """Walk the same dialog again from its start. One that was over is left as it was recorded, and a new one begins."""
    bounce = session.bounce
    notice = Notice.NOT_SENT if isinstance(session.mode, Addressing) else Notice.NONE
    article = scene.library.articles.get(bounce.match.article or ArticleId("")) if bounce else None
    if bounce is None or article is None:
        return _show(session.with_(mode=Idle(), trail=()), Greeting(notice))
    if session.ended:
        return _begin(scene, session, bounce, notice)
    fresh = session.with_(trail=(), handout_language=None)
    begun = walk.enter(scene.library, fresh, article.id, _start_of(article, bounce))
    return _show(begun, _screen(scene, begun, notice, reading=True))


def _step_back(scene: _Scene, session: Session, notice: Notice = Notice.NONE) -> Turn:
    mode = session.mode
    if isinstance(mode, Choosing):
        return _again(scene, session.with_(mode=mode.back), Notice.WENT_ON)
    if isinstance(mode, Addressing):
        return _again(scene, session.with_(mode=mode.back), Notice.CANCELLED)
    if isinstance(mode, Handing):
        return _leave_preview(scene, session, mode, notice)
    returned = walk.back(scene.library, session) if isinstance(mode, Walking) else None
    if returned is None:
        return _again(scene, session, Notice.NOTHING_BACK)
    return _again(scene, returned, notice)


def _leave_preview(scene: _Scene, session: Session, mode: Handing, notice: Notice) -> Turn:
    place = mode.back
    if place is None or walk.node_at(scene.library, place) is None:
        return _show(session.with_(mode=Idle()), Greeting(notice))
    last = session.trail[-1] if session.trail else None
    if last is not None and (last.article, last.node) == (place.article, place.node):
        session = session.with_(trail=session.trail[:-1])
    return _again(scene, session.with_(mode=place), notice)


def _arrived(scene: _Scene, session: Session) -> Turn:
    if isinstance(session.mode, Idle | Handed):
        return _show(session, Greeting())
    return _again(scene, session, Notice.NONE)


def _again(scene: _Scene, session: Session, notice: Notice) -> Turn:
    """Show where the session stands, with the reason why it comes again."""
    return _show(session, _screen(scene, session, notice))


def _show(session: Session, screen: Screen) -> Turn:
    return Turn(session, (Show(screen, session),))


def _screen(
    scene: _Scene,
    session: Session,
    notice: Notice = Notice.NONE,
    *,
    reading: bool = False,
    chosen: ChoiceId | None = None,
) -> Screen:
    """Return the screen of where a session stands."""
    mode = session.mode
    match mode:
        case Idle():
            return Greeting(notice)
        case Walking(article=article, node=node):
            return StepScreen(
                article=article, node=node, reading=reading, notice=notice, chosen=chosen
            )
        case Handing():
            return Preview(notice, chosen)
        case Choosing():
            return NewOrOld(chosen)
        case Handed():
            return Greeting(notice) if notice in _UNSENT else TicketOpened(again=True)
        case Addressing():
            return WhichTicket(scene.background.tickets, chosen)
        case _:
            assert_never(mode)


def _marked(scene: _Scene, session: Session, choice: ChoiceId) -> tuple[Effect, ...]:
    """Mark the pressed card as used.

    One that can still be answered is left alone: where the press only changed how it looks or looked something up, and where no question
    was open.
    """
    if choices.chosen_handout(choice) is not None or choice == choices.MY_TICKETS:
        return ()
    if isinstance(session.mode, Handed):
        return ()
    return (MarkUsed(_screen(scene, session, chosen=choice), session),)


# ------------------------------------------------------------------------------------------------ small questions


def _visible(scene: _Scene, session: Session) -> dict[ChoiceId, tuple[str, ...]]:
    """Return the choices of the present screen with the words that name them, in every language."""
    mode = session.mode
    match mode:
        case Idle() | Handed():
            return {}
        case Walking():
            return _at_node(scene, mode)
        case Handing(keep_original=keep):
            original = choices.DROP_ORIGINAL if keep else choices.KEEP_ORIGINAL
            shown = [choices.SEND, choices.CANCEL]
            if session.bounce is not None:
                shown.insert(1, original)
            return {choice: _command_words(scene, choice) for choice in shown}
        case Choosing():
            shown = [choices.TAKE_NEW, choices.GO_ON]
            return {choice: _command_words(scene, choice) for choice in shown}
        case Addressing():
            asked: dict[ChoiceId, tuple[str, ...]] = {
                choices.ticket_choice(ticket.id): () for ticket in scene.background.tickets
            }
            return asked | {choices.CANCEL: _command_words(scene, choices.CANCEL)}
        case _:
            assert_never(mode)


def _at_node(scene: _Scene, place: Walking) -> dict[ChoiceId, tuple[str, ...]]:
    node = walk.node_at(scene.library, place)
    if node is None:
        return {}
    prose = scene.library.articles[place.article].prose
    words: dict[ChoiceId, tuple[str, ...]] = {}
    for choice in walk.choices_of(node):
        told = [
            (
                spoken.nodes[place.node].choices.get(choice, ""),
                *spoken.nodes[place.node].typed.get(choice, ()),
            )
            for spoken in prose.values()
        ]
        own = tuple(word for words_ in told for word in words_ if word)
        words[choice] = own or _command_words(scene, choice)
    if isinstance(node.kind, End):
        words |= {
            choice: _command_words(scene, choice)
            for choice in (choices.USEFUL, choices.NOT_USEFUL)
        }
    if node.handout is not None:
        words |= {choices.handout_choice(tag): () for tag in scene.library.languages}
    return words


def _always(scene: _Scene) -> dict[ChoiceId, tuple[str, ...]]:
    everywhere = (
        choices.BACK,
        choices.START_OVER,
        choices.HUMAN,
        choices.HELLO,
        choices.MY_TICKETS,
    )
    words = {choice: _command_words(scene, choice) for choice in everywhere}
    for tag, entry in scene.library.languages.items():
        words[choices.language_choice(tag)] = (entry.name, *entry.typed)
    return words


def _command_words(scene: _Scene, choice: ChoiceId) -> tuple[str, ...]:
    return lines.command_words(scene.library, choice)


def _place(session: Session) -> Walking | None:
    """Return the node whose buttons the present screen shows, if it is a node."""
    return session.mode if isinstance(session.mode, Walking) else None


def _ending(scene: _Scene, session: Session) -> Ending | None:
    place = _place(session)
    node = walk.node_at(scene.library, place) if place else None
    return node.kind.ending if node and isinstance(node.kind, End) else None


def _is_over(scene: _Scene, session: Session) -> bool:
    return session.ended and _ending(scene, session) is not None


def _is_open(scene: _Scene, session: Session) -> bool:
    return (
        session.bounce is not None
        and not session.ended
        and _article_of(scene, session) is not None
    )


def _awaits_bounce(scene: _Scene, mode: Walking | Handing) -> bool:
    node = walk.node_at(scene.library, mode) if isinstance(mode, Walking) else None
    return node is not None and node.awaits_bounce


def _article_of(scene: _Scene, session: Session) -> str | None:
    article = session.bounce.match.article if session.bounce else None
    return article if article in scene.library.articles else None


def _outcome(session: Session, outcome: Outcome) -> tuple[Effect, ...]:
    bounce = session.bounce
    if bounce is None or bounce.match.article is None:
        return ()
    place = _place(session)
    mode = session.mode
    if isinstance(mode, Handing):
        place = mode.back
    return (
        RecordOutcome(
            session=session.id,
            article=bounce.match.article,
            node=place.node if place else None,
            code=bounce.report.status,
            language=session.language,
            outcome=outcome,
        ),
    )


def _same(one: Bounce, other: Bounce) -> bool:
    """Tell whether two pastes are the same bounce: then nothing is lost by going on."""
    return one.report.text == other.report.text or (
        bool(one.report.recipients)
        and one.report.codes == other.report.codes
        and one.report.recipients == other.report.recipients
        and one.report.arrival == other.report.arrival
        and one.report.message_id == other.report.message_id
    )


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limits.TYPED_CHARS else line[: limits.TYPED_CHARS + 1]
