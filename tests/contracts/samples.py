"""Sample values with everything in them that a store could lose: every kind of field, odd text, odd times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.model.effects import RecordOutcome
from bot.model.event import Address, Person, Scope
from bot.model.ids import (
    ArticleId,
    ChoiceId,
    ConversationId,
    Language,
    NodeId,
    ReasonId,
    SessionId,
    TicketId,
    UserId,
)
from bot.model.library import Priority
from bot.model.match import Confidence, Evidence, Match
from bot.model.outgoing import Button, Fact, Facts, Heading, Literal, Outgoing, Run
from bot.model.report import Backscatter, Failure, Kind, Report, Reporter, Span
from bot.model.session import Bounce, Session, Visit, Walking
from bot.model.ticket import Draft, Outcome
from bot.ports import Content, Parcel, Reply, SessionKey, Unit

NOW = datetime(2026, 11, 23, 9, 30, 15, 123456, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)

ODD_TEXT = "Blåbærsyltetøy \N{WAVING HAND SIGN} \x00 \x7f\r\n\t'; DROP TABLE tickets; --\u2028\N{RIGHT-TO-LEFT OVERRIDE}"
"""Text as people (and attackers) send it. PostgreSQL's text type cannot hold its second word's neighbour, NUL."""

ADA = Person("ada-entra-id", "Ada Agent")
BO = Person("bo-entra-id", "Bo Agent")


def address(conversation: str = "a:1", channel: str = "msteams") -> Address:
    """Return an address in a conversation."""
    return Address(
        channel=channel,
        service_url="https://connector.example.com/emea/",
        conversation=ConversationId(conversation),
        scope=Scope.PERSONAL,
        user=UserId("29:someone"),
        user_name="Kari Nordmann",
        user_key="kari-entra-id",
        bot="28:bot",
        tenant="tenant-id",
    )


def key(user: str = "kari-entra-id", conversation: str = "a:1") -> SessionKey:
    """Return whose session it is."""
    return SessionKey("msteams", ConversationId(conversation), user)


def report() -> Report:
    """Return a report with something in every field that matters."""
    return Report(
        kind=Kind.BOUNCE,
        text=ODD_TEXT,
        failures=(Failure("nobody@contoso.com", "5.1.10", "550", "Recipient not found"),),
        codes=("5.1.10",),
        reporting_mta="mta.contoso.com",
        reporter=Reporter.EXCHANGE_ONLINE,
        backscatter=Backscatter(verdict=False, reasons=("auth-pass",)),
        warnings=("cut",),
        spans=(Span(3, 9, "status"),),
    )


def match() -> Match:
    """Return a verdict with its evidence."""
    return Match(
        article=ArticleId("5.1.10"),
        confidence=Confidence.CERTAIN,
        evidence=(Evidence("code", "5.1.10", Span(3, 9, "status")),),
    )


def session(steps: int = 0) -> Session:
    """Return a session in the middle of a dialog, some steps on its way."""
    return Session(
        id=SessionId("session-1"),
        address=address(),
        language=Language("nb"),
        content="content-version",
        started=NOW,
        mode=Walking(ArticleId("5.1.10"), NodeId("who-are-you")),
        bounce=Bounce(report(), match(), NOW),
        trail=tuple(
            Visit(ArticleId("5.1.10"), NodeId(f"node-{step}"), ChoiceId("yes"))
            for step in range(steps)
        ),
    )


def draft(id_: str = "ticket-1", original: str | None = ODD_TEXT) -> Draft:
    """Return a ticket before it has a number."""
    return Draft(
        id=TicketId(id_),
        session=SessionId("session-1"),
        requester=address(),
        language=Language("nb"),
        reason=ReasonId("stuck"),
        priority=Priority.NORMAL,
        opened=NOW,
        report=report(),
        match=match(),
        path=(
            Visit(ArticleId("5.1.10"), NodeId("who-are-you"), ChoiceId("recipient"), known=True),
        ),
        note=ODD_TEXT,
        original=original,
    )


def page(title: str = "Hello") -> Outgoing:
    """Return a page to send."""
    return Outgoing(
        language=Language("nb"),
        summary=title,
        elements=(
            Heading((Run(title, bold=True),)),
            Facts((Fact("Code", "5.1.10"),)),
            Literal(ODD_TEXT, copyable=True),
        ),
        buttons=(Button("Yes", {"choice": "yes"}),),
    )


def parcel(
    title: str = "Hello",
    conversation: str = "a:1",
    *,
    channel: str = "msteams",
    content: Content | None = None,
    ticket: str | None = None,
) -> Parcel:
    """Return something to send."""
    return Parcel(
        to=address(conversation, channel),
        content=content or Reply(page(title)),
        ticket=None if ticket is None else TicketId(ticket),
    )


def outcome(
    session_id: str = "session-1", result: Outcome = Outcome.OPEN, node: str | None = "who-are-you"
) -> RecordOutcome:
    """Return how a dialog stands."""
    return RecordOutcome(
        session=SessionId(session_id),
        article=ArticleId("5.1.10"),
        node=None if node is None else NodeId(node),
        code="5.1.10",
        language=Language("nb"),
        outcome=result,
    )


def everything(unit: Unit) -> None:
    """Write into every table."""
    unit.save_session(key(), session(), NOW)
    unit.remember(key(), "activity-1", b"answer", NOW)
    unit.open_ticket(draft())
    unit.enqueue(parcel(), NOW)
    unit.record_outcome(outcome(), NOW)


def nothing_is_there(unit: Unit) -> bool:
    """Tell whether every table is still empty."""
    return (
        unit.session(key()) is None
        and unit.answered(key(), "activity-1") is None
        and unit.tickets() == []
        and unit.lease(("msteams",), NOW, NOW, 1) == []
    )
