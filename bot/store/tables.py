"""The tables, once for both databases. Names are the domain's; values go in and come out as the model's own types.

What people wrote is kept only in JSON documents: PostgreSQL's text type refuses the NUL character, JSON text escapes it.

Documents come last in a row, because SQLite reads all of a long value to get at what follows it. There is an index for what every
turn or sweep looks for, and none for what is looked for once a day: each index is written by every turn.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import (
    TEXT,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

from bot.model.session import Session, Unreadable, decode_session, encode_session
from bot.model.ticket import Ticket, TicketEvent
from bot.ports import Parcel, Roster

Value = TypeVar("Value")

_Impl = TypeEngine[Any] | type[TypeEngine[Any]]

_encode = msgspec.json.Encoder().encode


class Instant(TypeDecorator[datetime]):
    """A moment in UTC, exact to the microsecond. SQLite has no such type: there it is ISO 8601 text that sorts by time."""

    impl: _Impl = DateTime(timezone=True)
    cache_ok: bool | None = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column's own type."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(Text())
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:  # noqa: ANN401
        """Write a moment."""
        if value is None:
            return None
        moment = value.astimezone(UTC)
        return moment.isoformat(timespec="microseconds") if dialect.name == "sqlite" else moment

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ANN401
        """Read a moment."""
        if value is None:
            return None
        moment: datetime = datetime.fromisoformat(value) if dialect.name == "sqlite" else value
        return moment.astimezone(UTC)


class Document(TypeDecorator[Value], Generic[Value]):
    """A value of the model as JSON text, checked against its type when it is read."""

    impl: _Impl = Text
    cache_ok: bool | None = True

    def __init__(self, kind: type[Value]) -> None:
        super().__init__()
        self.kind = kind
        self._decode = msgspec.json.Decoder(kind).decode

    def process_bind_param(self, value: Value | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Write a value."""
        return None if value is None else _encode(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Value | None:  # noqa: ARG002
        """Read a value. Raises msgspec.DecodeError when it is not of its type."""
        return None if value is None else self._decode(value)


class StoredSession(TypeDecorator[Session | Unreadable]):
    """A session as JSON text; one that this version cannot read is a state, not an error."""

    impl: _Impl = Text
    cache_ok: bool | None = True

    def process_bind_param(self, value: Any | None, dialect: Dialect) -> str | None:  # noqa: ANN401, ARG002
        """Write a session."""
        return None if value is None else encode_session(value).decode()

    def process_result_value(
        self,
        value: str | None,
        dialect: Dialect,  # noqa: ARG002
    ) -> Session | Unreadable | None:
        """Read a session."""
        return None if value is None else decode_session(value.encode())


_BIG = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite numbers rows by itself only where the column's type is exactly INTEGER."""

_LETTER_BY_LETTER = Text().with_variant(TEXT(collation="C"), "postgresql")
"""Sorted by the letters' numbers on both databases: the words with one beginning stand together."""

metadata = MetaData()

sessions = Table(
    "sessions",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("conversation", Text, primary_key=True),
    Column("person", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("changed", Instant, nullable=False),
    Column("document", StoredSession, nullable=False),
    Column("in_dialog", Boolean),
)

activities = Table(
    "activities",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("conversation", Text, primary_key=True),
    Column("person", Text, primary_key=True),
    Column("activity", Text, primary_key=True),
    Column("handled", Instant, nullable=False),
    Column("answer", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

tickets = Table(
    "tickets",
    metadata,
    Column("id", Text, primary_key=True),
    Column("number", Integer, nullable=False, unique=True, autoincrement=False),
    Column("state", Text, nullable=False),
    Column("assignee", Text),
    Column("changed", Instant, nullable=False),
    Column("version", Integer, nullable=False),
    Column("document", Document(Ticket), nullable=False),
    # Only looked for, never read, so that they may follow the document.
    Column("requester", Text),
    Column("parent", Text),
    Column("opened", Instant),
    Index("tickets_by_state", "state", "number"),
    Index("tickets_by_assignee", "assignee", "state", "number"),
    Index("tickets_by_requester", "requester", "number"),
    Index("tickets_by_parent", "parent"),
    Index("tickets_by_opened", "opened"),
)

ticket_terms = Table(
    "ticket_terms",
    metadata,
    Column("term", _LETTER_BY_LETTER, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Index("ticket_terms_by_number", "number", "term"),
    sqlite_with_rowid=False,
)
"""The words a ticket is found by, in lower case (`bot.store.terms`)."""

ticket_signatures = Table(
    "ticket_signatures",
    metadata,
    Column("signature", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("joinable", Boolean, nullable=False),
    Column("opened", Instant, nullable=False),
    Index("ticket_signatures_joinable", "signature", "joinable", "opened", "number"),
    Index("ticket_signatures_by_number", "number"),
    sqlite_with_rowid=False,
)
"""What a ticket's bounce has in common with other people's (`bot.model.incident`). `joinable`: it is open and joined to no other."""

sightings = Table(
    "sightings",
    metadata,
    Column("signature", Text, primary_key=True),
    Column("person", Text, primary_key=True),
    Column("at", Instant, nullable=False),
    sqlite_with_rowid=False,
)
"""Who has met which problem, and when last."""

rosters = Table(
    "rosters",
    metadata,
    Column("queue", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("document", Document(Roster), nullable=False),
)
"""Who is on call for each queue."""

ticket_texts = Table(
    "ticket_texts",
    metadata,
    Column("ticket", Text, ForeignKey("tickets.id"), primary_key=True),
    Column("document", Document(str), nullable=False),
)
"""What the requester pasted, apart from the ticket because it is deleted first."""

ticket_events = Table(
    "ticket_events",
    metadata,
    Column("id", _BIG, Identity(always=True), primary_key=True),
    Column("ticket", Text, ForeignKey("tickets.id"), nullable=False),
    Column("document", Document(TicketEvent), nullable=False),
    Index("ticket_events_by_ticket", "ticket", "id"),
    sqlite_autoincrement=True,
)

parcels = Table(
    "parcels",
    metadata,
    # Never given twice, also not after a deletion: a late mark must not hit somebody else's parcel.
    Column("id", _BIG, Identity(always=True), primary_key=True),
    Column("channel", Text, nullable=False),
    Column("conversation", Text, nullable=False),
    Column("post", Text),
    Column("ticket", Text),
    Column("enqueued", Instant, nullable=False),
    Column("due", Instant, nullable=False),
    Column("leased_until", Instant),
    Column("attempts", Integer, nullable=False),
    Column("given_up", Instant),
    Column("why", Document(str)),
    Column("document", Document(Parcel), nullable=False),
    sqlite_autoincrement=True,
)
"""The outbox: what is not sent yet, and what never could be (`given_up`). A sent parcel leaves the table."""

_waiting = parcels.c.given_up.is_(None)
Index(
    "parcels_by_conversation",
    parcels.c.channel,
    parcels.c.conversation,
    parcels.c.id,
    sqlite_where=_waiting,
    postgresql_where=_waiting,
)
Index("parcels_by_due", parcels.c.due, sqlite_where=_waiting, postgresql_where=_waiting)
Index(
    "parcels_by_ticket",
    parcels.c.ticket,
    sqlite_where=parcels.c.ticket.is_not(None),
    postgresql_where=parcels.c.ticket.is_not(None),
)
Index(
    "parcels_by_post",
    parcels.c.post,
    sqlite_where=parcels.c.post.is_not(None),
    postgresql_where=parcels.c.post.is_not(None),
)
_dead = parcels.c.given_up.is_not(None)
Index(
    "parcels_given_up",
    parcels.c.ticket,
    parcels.c.id,
    sqlite_where=_dead,
    postgresql_where=_dead,
)

places = Table(
    "places",
    metadata,
    Column("name", Text, primary_key=True),
    Column("conversation", Text, nullable=False),
    Column("activity", Text, nullable=False),
    Column("ordinal", Integer),
    Index("places_by_conversation", "conversation", "ordinal"),
)

held = Table(
    "held",
    metadata,
    Column("id", _BIG, Identity(always=True), primary_key=True),
    Column("channel", Text, nullable=False),
    Column("conversation", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("ticket", Text),
    Column("since", Instant, nullable=False),
    Column("document", Document(Parcel), nullable=False),
    Index("held_by_person", "channel", "conversation", "person"),
    sqlite_autoincrement=True,
)
"""Parcels that wait until their person's dialog pauses. They are in nobody's way."""

outcomes = Table(
    "outcomes",
    metadata,
    Column("session", Text, primary_key=True),
    Column("article", Text, nullable=False),
    Column("node", Text),
    Column("code", Text),
    Column("language", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("began", Instant, nullable=False),
    Column("changed", Instant, nullable=False),
)

feedback = Table(
    "feedback",
    metadata,
    Column("session", Text, primary_key=True),
    Column("useful", Boolean, nullable=False),
    Column("at", Instant, nullable=False),
)

counters = Table(
    "counters",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Integer, nullable=False),
)
