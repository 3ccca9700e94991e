"""Tickets in Request Tracker 5, by its REST 2 API: a ticket there for each one here, what is said on it, and what is done there back.

RT has no idempotency keys, so what we make can be found again: a ticket by a link that names ours (`RefersTo`), a message by its subject,
which is the change's name. Both are looked for before anything is made.

RT is asked for what others did (`poll`): correspondence becomes a reply to the requester, resolving and opening again become the same here.
Comments stay inside RT. What our own user did is never brought back; what RT's scrips did after it neither, because we answer only on
tickets that are open there, where a scrip has nothing to open.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import aiohttp
import msgspec
import structlog

from bot.intake.dressing import undress_html
from bot.model.errors import (
    DeliveryAmbiguous,
    DeliveryDelayed,
    DeliveryRefused,
    SettingsError,
)
from bot.model.ticket import OPENED, PAST, Deed, State, Verb
from bot.ports import Clock, News, Parcel, Placed
from bot.sinks import told
from bot.sinks.calls import Answer, NotThere, call, secure_url
from bot.sinks.sink import SECONDS, Outcome, WayBack, Words, news_of, placed_as

log = structlog.get_logger("bouncedesk.sinks")

_SECONDS = 6.0
"""Of one call. A News takes at most four."""

_STATUS: Mapping[State, str] = {
    State.NEW: "new",
    State.CLAIMED: "open",
    State.WAITING: "stalled",
    State.RESOLVED: "resolved",
    State.CLOSED: "resolved",
    State.WITHDRAWN: "resolved",
}
"""RT's status for each state of ours: those of its default lifecycle."""

_INACTIVE = frozenset({"resolved", "rejected", "deleted"})
"""Statuses of RT's default lifecycle in which nobody has work to do."""

_CORRESPONDENCE = told.SAID_TO_REQUESTER | told.SAID_BY_REQUESTER
_OPENS_AGAIN = frozenset({OPENED, PAST[Verb.REOPEN]})

_PAGE = 100
"""Transactions of one answer: RT's own most."""

_SECOND_LOOK = timedelta(minutes=10)
_SECOND_LOOK_AT = 200
"""Transactions so far behind the bookmark, and not older, are looked at again: RT does not always commit them in the order of their ids."""

_REMEMBERED = 2_000
"""Transactions that this process knows to be done with, and tickets that it knows the numbers of."""

_LINK = re.compile(r"bouncedesk:ticket/([1-9][0-9]{0,15})/([0-9a-f]{24})")
_encode = msgspec.json.Encoder().encode


class RtOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Which Request Tracker, and as whom."""

    url: str
    """Its base address, without `/REST/2.0`."""
    token: str
    queue: str
    requestor: str = ""
    """Address that tickets get as their requestor; RT's scrips then write to it. Empty: none, and RT writes to nobody outside."""
    poll_seconds: float = 60.0


class RtSink:
    """Keeps a ticket in RT for each ticket of ours."""

    name = "rt"

    def __init__(
        self,
        options: RtOptions,
        session: aiohttp.ClientSession,
        words: Words,
        clock: Clock,
    ) -> None:
        """Take which RT, and where the words are. Raises SettingsError."""
        if not re.fullmatch(r"[\x21-\x7e]+", options.token) or not options.queue.strip():
            raise SettingsError("Request Tracker needs a token and a queue.")
        base = secure_url(options.url, "Request Tracker's address")
        self._rest = base.joinpath("REST", "2.0")
        self._options = options
        self._session = session
        self._words = words
        self._clock = clock
        self._done: OrderedDict[int, None] = OrderedDict()
        self._names: dict[str, str] = {}
        self._numbers: OrderedDict[int, int | None] = OrderedDict()

    @property
    def every(self) -> float:
        """Seconds between two questions."""
        return self._options.poll_seconds

    async def close(self) -> None:
        """The session is the room's."""

    # ------------------------------------------------------------------------------------------------------- there

    async def send(self, parcel: Parcel, placed: Placed | None) -> Placed:
        """Bring one change to RT. The ticket is called by its number there."""
        news = news_of(parcel)
        try:
            async with asyncio.timeout(SECONDS):
                called = placed.activity if placed else await self._find(news)
                if called is None:
                    called = await self._create(news)
                if news.event.what != OPENED:
                    await self._say(news, called)
        except TimeoutError as error:
            raise DeliveryAmbiguous("RT took too long.") from error
        return placed_as(news, called)

    async def _find(self, news: News) -> str | None:
        """Return the ticket that an earlier attempt made, if one did."""
        query = {"query": f"RefersTo = '{_link(news)}'", "orderby": "id"}
        items = _items(await self._get("tickets", query=query))
        return str(items[0]["id"]) if items else None

    async def _create(self, news: News) -> str:
        original = news.ticket.draft.original
        ticket = {
            "Queue": self._options.queue,
            "Subject": told.subject(news.ticket),
            "Content": told.introduced(news, *self._words()),
            "ContentType": "text/plain",
            "RefersTo": _link(news),
        }
        if self._options.requestor:
            ticket["Requestor"] = self._options.requestor
        attached = [_attachment(news.ticket.number, original)] if original else []
        answer = await self._post("ticket", {**ticket, "Attachments": attached})
        try:
            created = str(_object(answer.json()).get("id"))
        except DeliveryDelayed as error:
            raise DeliveryAmbiguous(error.detail) from error
        if not re.fullmatch(r"[1-9][0-9]{0,15}", created, re.ASCII):
            raise DeliveryAmbiguous("RT did not name the ticket that it made.")
        return created

    async def _say(self, news: News, called: str) -> None:
        """Say a change on the ticket, with the status that it leads to. One call, so that both are there or neither."""
        name = f"Bouncedesk {told.event_id(news)}"
        try:
            stands = _object((await self._get(f"ticket/{called}")).json()).get("Status")
        except NotThere as gone:
            raise DeliveryRefused("RT does not have the ticket any more, or hides it.") from gone
        if await self._was_said(called, name):
            return
        status = _status_after(news, str(stands))
        open_there = stands not in _INACTIVE
        # Correspondence on a ticket that is not open would open it: that is RT's scrip, not our change.
        kind = "correspond" if news.event.what in _CORRESPONDENCE and open_there else "comment"
        message = {
            "Subject": name,
            "Content": told.said(news, *self._words()),
            "ContentType": "text/plain",
        }
        if status is not None:
            message["Status"] = status
        await self._post(f"ticket/{called}/{kind}", message)
        if status is not None:
            await self._check_status(called, status)

    async def _was_said(self, called: str, name: str) -> bool:
        query = {"query": f"TicketId = {int(called)} AND Subject = '{name}'"}
        return bool(_items(await self._get("transactions", query=query)))

    async def _check_status(self, called: str, wanted: str) -> None:
        """Make sure that RT took the status: it answers 201 also where a right or the lifecycle does not allow it."""
        stands = _object((await self._get(f"ticket/{called}")).json()).get("Status")
        if stands != wanted:
            raise DeliveryRefused(
                f"RT took the words but not the status {wanted}: see the user's rights and the queue's lifecycle."
            )

    # -------------------------------------------------------------------------------------------------------- back

    async def poll(self, back: WayBack) -> None:
        """Bring back what others did on our tickets since the last poll."""
        read = _number(await back.bookmark())
        last = read
        waiting: dict[int, _Said] = {}
        async for transaction in self._transactions(max(read - _SECOND_LOOK_AT, 0)):
            if transaction.id in self._done or self._is_old(transaction, read):
                continue
            number = await self._number_of(transaction.ticket, back)
            if number is None:
                self._is_done(transaction.id)
            else:
                said = waiting.pop(transaction.ticket, None)
                left = await self._bring(back, number, transaction, said)
                if left is not None:
                    waiting[transaction.ticket] = left
            last = max(last, transaction.id)
        for said in waiting.values():
            await self._reply(back, said)
        if last > read:
            await back.set_bookmark(str(last))

    async def _bring(
        self, back: WayBack, number: int, transaction: _Transaction, said: _Said | None
    ) -> _Said | None:
        """Carry out here what one transaction did there; return what was said, where the next one may still say why."""
        by = await self._name(transaction.creator)
        if transaction.type == "Correspond":
            if said is not None:
                await self._reply(back, said)
            text = await self._text(transaction.id)
            if text:
                return _Said(number, text, by, transaction.id)
            self._is_done(transaction.id)
            return None
        closes = transaction.new in _INACTIVE and transaction.old not in _INACTIVE
        opens = transaction.old in _INACTIVE and transaction.new not in _INACTIVE
        if closes:
            text = said.text if said else await self._last_words(transaction.ticket)
            deed = Deed(verb=Verb.RESOLVE, text=text)
            came = await back.carry_out(number, deed, by, once=_once(transaction.id))
            if said is not None and came.outcome is Outcome.DONE:
                self._is_done(said.transaction)
                said = None
        elif opens:
            deed = Deed(verb=Verb.REOPEN)
            await back.carry_out(number, deed, by, once=_once(transaction.id))
        if said is not None:
            await self._reply(back, said)
        self._is_done(transaction.id)
        return None

    async def _reply(self, back: WayBack, said: _Said) -> None:
        """Tell the requester; where their ticket is over, keep it for the helpdesk."""
        for verb in (Verb.REPLY, Verb.NOTE):
            deed = Deed(verb=verb, text=said.text)
            once = _once(said.transaction)
            came = await back.carry_out(said.number, deed, said.by, once=once)
            if came.outcome is not Outcome.REFUSED:
                break
        self._is_done(said.transaction)

    async def _transactions(self, after: int) -> AsyncIterator[_Transaction]:
        """Yield what others said on our tickets and how they changed their statuses, oldest first."""
        while True:
            query = {
                "query": (
                    "TicketCreator = '__CurrentUser__' AND Creator != '__CurrentUser__' "
                    f"AND id > {after} AND (Type = 'Correspond' OR Type = 'Status')"
                ),
                "fields": "Type,OldValue,NewValue,Creator,Created,ObjectId",
                "orderby": "id",
                "per_page": str(_PAGE),
            }
            items = _items(await self._get("transactions", query=query))
            for item in items:
                transaction = _transaction(item)
                after = max(after, transaction.id)
                yield transaction
            if len(items) < _PAGE:
                return

    def _is_old(self, transaction: _Transaction, read: int) -> bool:
        """Tell whether a transaction was seen by an earlier poll: long enough ago that none can have come in late before it."""
        return transaction.id <= read and transaction.at < self._clock() - _SECOND_LOOK

    def _is_done(self, transaction: int) -> None:
        self._done[transaction] = None
        if len(self._done) > _REMEMBERED:
            self._done.popitem(last=False)

    async def _number_of(self, there: int, back: WayBack) -> int | None:
        """Return the number of our ticket that one at RT stands for; None: it stands for another installation's."""
        if there not in self._numbers:
            self._numbers[there] = await self._number_by_link(there, back)
            if len(self._numbers) > _REMEMBERED:
                self._numbers.popitem(last=False)
        return self._numbers[there]

    async def _number_by_link(self, there: int, back: WayBack) -> int | None:
        ticket = _object((await self._get(f"ticket/{there}")).json())
        links = ticket.get("_hyperlinks")
        for link in links if isinstance(links, list) else ():
            found = _LINK.fullmatch(str(_object(link).get("_url")))
            if found and await back.is_ours(int(found[1]), found[2]):
                return int(found[1])
        log.warning("rt-ticket-not-ours", rt_ticket=there)
        return None

    async def _last_words(self, there: int) -> str:
        """Return what was said last by others on a ticket there, or "" where nobody said anything."""
        query = {
            "query": f"TicketId = {there} AND Type = 'Correspond' AND Creator != '__CurrentUser__'",
            "orderby": "id",
            "order": "DESC",
            "per_page": "1",
        }
        for item in _items(await self._get("transactions", query=query)):
            return await self._text(int(item["id"]))
        return ""

    async def _text(self, transaction: int) -> str:
        """Return what a transaction says as plain text, as it was written or as its HTML reads."""
        whole = _object((await self._get(f"transaction/{transaction}")).json())
        as_html = ""
        for attachment in _attachments_of(whole):
            part = _object((await self._get(f"attachment/{attachment}")).json())
            if part.get("Filename"):
                continue
            kind, content = part.get("ContentType"), part.get("Content")
            text = _decoded(content) if isinstance(content, str) else ""
            if kind == "text/plain" and text.strip():
                return told.legible(text).strip()
            if kind == "text/html" and not as_html:
                as_html = undress_html(text)
        return told.legible(as_html).strip()

    async def _name(self, user: str) -> str:
        """Return the name of somebody at RT as people read it."""
        if user in {"RT_System", "Nobody", ""}:
            return "Request Tracker"
        if user not in self._names:
            try:
                found = _object((await self._get(f"user/{quote(user, safe='')}")).json())
            except NotThere:
                found = {}
            name = found.get("RealName") or found.get("Name")
            self._names[user] = told.one_line(name if isinstance(name, str) else user, 100)
        return self._names[user]

    # ------------------------------------------------------------------------------------------------------- calls

    async def _get(self, path: str, *, query: Mapping[str, str] | None = None) -> Answer:
        return await self._call("GET", path, query=query, repeatable=True)

    async def _post(self, path: str, body: Mapping[str, Any]) -> Answer:
        return await self._call("POST", path, body=_encode(body))

    async def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        repeatable: bool = False,
    ) -> Answer:
        url = self._rest.joinpath(*path.split("/"), encoded=True)
        headers = {
            "Authorization": f"token {self._options.token}",
            "Accept": "application/json",
            "User-Agent": "Bouncedesk",
        }
        if body is not None:
            headers["Content-Type"] = "application/json; charset=utf-8"
        return await call(
            self._session,
            method,
            url.with_query(query) if query else url,
            clock=self._clock,
            seconds=_SECONDS,
            headers=headers,
            body=body,
            repeatable=repeatable,
        )


class _Transaction(msgspec.Struct, frozen=True):
    """What somebody did at RT."""

    id: int
    ticket: int
    type: str
    old: str
    new: str
    creator: str
    at: datetime


class _Said(msgspec.Struct, frozen=True):
    """What somebody at RT said, before it is known whether it was the reason for what they did next."""

    number: int
    text: str
    by: str
    transaction: int


def _status_after(news: News, stands: str) -> str | None:
    """Return the status that a change leads to at RT, None where it leads to no other.

    What was closed there is opened only by a change that opens here: the news that it was closed may still be on its way back.
    """
    wanted = _STATUS[news.ticket.state]
    if stands in _INACTIVE and wanted not in _INACTIVE:
        # RT's default lifecycle has no way from resolved to new.
        return "open" if news.event.what in _OPENS_AGAIN else None
    if stands in _INACTIVE and wanted in _INACTIVE:
        return None
    return None if stands == wanted else wanted


def _link(news: News) -> str:
    return f"bouncedesk:ticket/{news.ticket.number}/{told.reference(news.ticket.id)}"


def _attachment(number: int, original: str) -> dict[str, str]:
    content = base64.b64encode(told.legible(original).encode()).decode()
    return {
        "FileName": f"bounce-{number}.txt",
        "FileType": "text/plain; charset=utf-8",
        "FileContent": content,
    }


def _attachments_of(transaction: Mapping[str, Any]) -> Iterable[int]:
    links = transaction.get("_hyperlinks")
    for link in links if isinstance(links, list) else ():
        if _object(link).get("ref") == "attachment":
            number = str(_object(link).get("_url")).rpartition("/")[2]
            if number.isdigit():
                yield int(number)


def _transaction(item: Mapping[str, Any]) -> _Transaction:
    """Return a transaction as a search lists it. Raises DeliveryDelayed where it is not written as RT 5 does."""
    try:
        at = datetime.fromisoformat(str(item["Created"]))
        return _Transaction(
            id=int(item["id"]),
            ticket=int(item["ObjectId"]),
            type=str(item["Type"]),
            old=str(item.get("OldValue")),
            new=str(item.get("NewValue")),
            creator=str(_object(item.get("Creator")).get("id") or ""),
            at=at if at.tzinfo else at.replace(tzinfo=UTC),
        )
    except (KeyError, ValueError) as error:
        raise DeliveryDelayed("RT lists transactions in a way that we do not know.") from error


def _items(answer: Answer) -> list[dict[str, Any]]:
    items = _object(answer.json()).get("items")
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _decoded(content: str) -> str:
    try:
        return base64.b64decode(content).decode("utf-8", "replace")
    except ValueError:
        return ""


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0


def _once(transaction: int) -> str:
    return f"transaction:{transaction}"
