"""The sink against the real RT: nothing twice, whatever is lost on the way; statuses; rights; and what is brought back, and what is not."""

from __future__ import annotations

import itertools
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from msgspec.structs import replace

from bot.compose import Application, application
from bot.model.errors import DeliveryAmbiguous, DeliveryDelayed, DeliveryRefused
from bot.model.event import Person
from bot.model.ids import Language, TicketId
from bot.model.library import Library
from bot.model.ticket import Deed, Role, Ticket, Verb
from bot.ports import News, Parcel, Placed, Unit
from bot.service import way_back
from bot.settings import read_settings
from bot.sinks import RtOptions, RtSink, WayBack
from bot.sinks import rt as rt_module
from tests.contracts import samples
from tests.rt.tracker import QUEUE, Rt
from tests.sinks.far_side import Planned, http_server, news, parcel, ticket

NUMBERS = itertools.count(5001)


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


def sink_at(rt: Rt, session: aiohttp.ClientSession, library: Library, **options: str) -> RtSink:
    """Return a sink in front of RT."""
    given = {"url": rt.url, "token": rt.tokens["bouncedesk"], "queue": QUEUE} | options
    return RtSink(RtOptions(**given), session, lambda: (library, Language("en")), now)  # type: ignore[arg-type]


@pytest.fixture
def sink(rt: Rt, session: aiohttp.ClientSession, library: Library) -> RtSink:
    """Return a sink in front of RT."""
    return sink_at(rt, session, library)


@pytest.fixture
def stands() -> Ticket:
    """Return a ticket that RT has never heard of."""
    return ticket(next(NUMBERS))


async def send(sink: RtSink, *changes: News, placed: Placed | None = None) -> int:
    """Send changes as the outbox does; return what RT calls the ticket."""
    for change in changes:
        placed = await sink.send(parcel(change, "rt"), placed)
    assert placed is not None
    return int(placed.activity)


# ------------------------------------------------------------------------------------------------------------- there


async def test_everything_twice_is_there_once(sink: RtSink, rt: Rt, stands: Ticket) -> None:
    """Each change is sent again, knowing the ticket or not: one ticket, one message each, and no status goes back."""
    life = [
        news(of=stands),
        news("claimed", of=stands),
        news("asked", "Which folder?", of=stands),
        news("answered", "The blue one", of=stands),
        news("resolved", "Done.", of=stands),
    ]
    there = await send(sink, *life)
    before = rt.history(there)
    again = [await send(sink, change) for change in life]
    await send(sink, *life, placed=Placed(news().ticket.id, str(there)))  # type: ignore[arg-type]

    assert again == [there] * len(life)
    assert rt.history(there) == before
    assert rt.status(there) == "resolved"
    assert len(rt.tickets(f"[Bouncedesk #{stands.number}]")) == 1


@pytest.mark.parametrize("lost", ["/ticket", "/correspond"])
async def test_a_lost_answer_leaves_nothing_double(
    sink: RtSink,
    rt: Rt,
    session: aiohttp.ClientSession,
    library: Library,
    stands: Ticket,
    lost: str,
) -> None:
    """RT did it and the answer never came: sent again, what RT has is found by our reference."""
    broken = [True]

    def forward(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Planned:
        request = urllib.request.Request(  # noqa: S310 - always our own loopback address
            rt.url + path, data=body or None, headers=dict(headers), method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                planned = Planned(answer.status, {}, answer.read())
        except urllib.error.HTTPError as error:
            planned = Planned(error.code, {}, error.read())
        if broken[0] and method == "POST" and path.endswith(lost):
            broken[0] = False
            return Planned(silent=True)
        return planned

    with http_server(forward) as origin:
        through = sink_at(rt, session, library, url=origin)
        with pytest.raises(DeliveryAmbiguous):
            await send(through, news(of=stands), news("replied", "Once.", of=stands))
        there = await send(through, news(of=stands), news("replied", "Once.", of=stands))

    assert rt.tickets(f"[Bouncedesk #{stands.number}]") == [there]
    assert [text.count("Once.") for _, _, text in rt.history(there, "Correspond")] == [1]
    assert await send(sink, news(of=stands)) == there


async def test_the_statuses(sink: RtSink, rt: Rt, stands: Ticket) -> None:
    """Every state of ours is one of RT's default lifecycle, on each way that a ticket can go."""
    there = await send(sink, news(of=stands))
    seen: list[str] = []
    for what in ("claimed", "asked", "answered", "handed-back", "asked", "resolved", "reopened",
                 "withdrawn"):  # fmt: skip
        change = news(what, "Words", of=stands)
        version = change.ticket.version + len(seen) * 20
        change = News(replace(change.ticket, version=version), change.event)
        await send(sink, change, placed=Placed(stands.id, str(there)))  # type: ignore[arg-type]
        seen.append(rt.status(there))

    expected = ["open", "stalled", "open", "new", "stalled", "resolved", "open", "resolved"]
    assert seen == expected


async def test_what_was_closed_there_is_not_opened_by_a_change_that_crossed_it(
    sink: RtSink, rt: Rt, stands: Ticket
) -> None:
    """While the news that RT resolved it is on its way, a claim or a reply from here leaves it resolved; only opening again opens."""
    there = await send(sink, news(of=stands))
    rt.sets(there, "resolved")
    placed = Placed(stands.id, str(there))  # type: ignore[arg-type]
    await send(
        sink, news("claimed", of=stands), news("replied", "Hello", of=stands), placed=placed
    )
    assert rt.status(there) == "resolved"
    assert not rt.history(there, "Correspond"), (
        "correspondence would open it: that is RT's own scrip"
    )

    await send(sink, news("reopened", "Not yet", of=stands), placed=placed)
    assert rt.status(there) == "open"


async def test_a_ticket_older_than_the_sink(sink: RtSink, rt: Rt, stands: Ticket) -> None:
    """The first change that RT hears of brings the whole ticket along."""
    there = await send(sink, news("asked", "Which folder?", of=stands))

    assert rt.status(there) == "stalled"
    assert "nobody@contoso.com" in rt.text(rt.first_transaction(there))
    assert "Which folder?" in rt.history(there, "Correspond")[0][2]


async def test_hostile_words_stay_words(sink: RtSink, rt: Rt, stands: Ticket) -> None:
    """Line breaks, quotes, half characters and RT's own markup in names, notes and bounces break nothing."""
    evil = "O'Neil\r\nBcc: victim@example.org\r\n\r\n{$x}\\' OR 1=1 \ud800 \x00<script>alert(1)</script>"
    draft = replace(
        stands.draft, requester=replace(stands.draft.requester, user_name=evil), original=evil
    )
    there = await send(
        sink,
        news(of=replace(stands, draft=draft)),
        news("noted", evil, of=stands, by=Person("k", evil)),
    )

    assert rt.ticket(there)["Cc"] == []
    assert "<script>alert(1)</script>" in rt.history(there, "Comment")[0][2]
    assert not [mail for mail in rt.outgoing if "victim" in mail.partition("\n\n")[0]]


async def test_a_requestor_by_setting_gets_rts_mail(
    rt: Rt, session: aiohttp.ClientSession, library: Library, stands: Ticket
) -> None:
    """Only where an address is set RT writes to it."""
    before = len(rt.outgoing)
    there = await send(
        sink_at(rt, session, library, requestor="desk@example.com"), news(of=stands)
    )

    assert [who["id"] for who in rt.ticket(there)["Requestor"]] == ["desk@example.com"]
    assert any("desk@example.com" in mail for mail in rt.outgoing[before:])


async def test_what_is_set_up_wrongly_is_said(
    rt: Rt, session: aiohttp.ClientSession, library: Library, stands: Ticket
) -> None:
    """A wrong token, queue or address waits for somebody to mend it; a missing right and a ticket that is gone are final."""
    for options in ({"token": "1-31-wrong"}, {"queue": "Nowhere"}, {"url": f"{rt.url}/elsewhere"}):
        with pytest.raises(DeliveryDelayed):
            await send(sink_at(rt, session, library, **options), news(of=stands))
    assert rt.tickets(f"[Bouncedesk #{stands.number}]") == []

    weak = sink_at(rt, session, library, token=rt.tokens["weak"])
    there = await send(weak, news(of=stands))
    placed = Placed(stands.id, str(there))  # type: ignore[arg-type]
    with pytest.raises(DeliveryRefused, match="rights"):
        await send(weak, news("resolved", "Done.", of=stands), placed=placed)
    with pytest.raises(DeliveryRefused):
        await send(weak, news("claimed", of=stands), placed=Placed(stands.id, "999999"))  # type: ignore[arg-type]


# -------------------------------------------------------------------------------------------------------------- back


class Desk:
    """A bot with one ticket that RT knows, and who brings back what happens there."""

    def __init__(self, running: Application, sink: RtSink, there: int, number: int) -> None:
        """Take the bot, its sink, and what both call the ticket."""
        self.running = running
        self.sink = sink
        self.there = there
        self.number = number

    @property
    def back(self) -> WayBack:
        """The way back from RT."""
        return way_back(self.running, "rt")

    async def poll(self) -> None:
        """Ask RT what changed."""
        await self.sink.poll(self.back)

    async def happened(self) -> list[tuple[str, str, str]]:
        """Return what happened to the ticket after it was opened: what, by whom, and the words."""

        def look(unit: Unit) -> list[tuple[str, str, str]]:
            events = unit.ticket_events(unit.ticket(self.number).id)
            return [(event.what, event.by.name, event.note) for event in events[1:]]

        return await self.running.store.run(look)


@asynccontextmanager
async def desk_at(
    folder: Path, sink: RtSink, *, opened_as: str, others: int = 0
) -> AsyncIterator[list[Desk]]:
    """Run one bot or several on the same store, with a ticket that was sent to RT."""
    settings = read_settings(data=folder)
    async with AsyncExitStack() as open_:
        bots = [
            await open_.enter_async_context(
                application(settings, {"sink:rt": sink}, sinks=("rt",))
            )
            for _ in range(1 + others)
        ]
        first = bots[0]
        draft = replace(samples.draft(opened_as), requester=samples.address(channel="nowhere"))

        def work(unit: Unit) -> tuple[Ticket, list[Parcel]]:
            opened, parcels = first.desk.opened(unit, draft, now())
            return opened, list(parcels)

        opened = await first.outbox.commit(work)
        await first.outbox.settle()
        name = f"ticket:{opened.id}:sink:rt"
        called = await first.store.run(lambda unit: unit.place(name))
        assert called is not None
        yield [Desk(bot, sink, int(called.activity), opened.number) for bot in bots]


async def test_words_come_back_as_they_read(sink: RtSink, rt: Rt, tmp_path: Path) -> None:
    """HTML is read as text, files are left out, comments stay there, and every name is a person's."""
    async with desk_at(tmp_path, sink, opened_as="words") as (desk,):
        rt.says(desk.there, "<p>Hello <b>you</b> &amp; you</p><p>two</p>", html=True)
        rt.says(desk.there, "plain <b>stays</b>")
        rt.notes(desk.there, "secret")
        rt.ask(
            "POST",
            f"ticket/{desk.there}/correspond",
            {
                "Content": "see file",
                "ContentType": "text/plain",
                "Attachments": [
                    {"FileName": "a.txt", "FileType": "text/plain", "FileContent": "ZmlsZQ=="}
                ],
            },
        )
        await desk.poll()
        told = await desk.happened()

    assert {(what, by) for what, by, _ in told} == {("replied", "Kari Agent")}
    html, plain, with_file = (text for _, _, text in told)
    assert "Hello you & you" in html
    assert "two" in html
    assert "<" not in html
    assert plain == "plain <b>stays</b>"
    assert with_file == "see file"


async def test_polling_again_and_elsewhere_brings_nothing_twice(
    rt: Rt, session: aiohttp.ClientSession, library: Library, tmp_path: Path
) -> None:
    """Two bots on one store poll in turn, the bookmark is lost, a process forgets what it knew: each word comes once."""
    sinks = [sink_at(rt, session, library) for _ in range(3)]
    async with desk_at(tmp_path, sinks[0], opened_as="again", others=1) as (one, two):
        two.sink = sinks[1]
        for words in ("One", "Two", "Three"):
            rt.says(one.there, words)
            await one.poll()
            await two.poll()
        await one.back.set_bookmark("")
        one.sink = sinks[2]
        await one.poll()
        told = await one.happened()

    assert [text for _, _, text in told] == ["One", "Two", "Three"]


async def test_an_old_transaction_is_not_read_again(
    rt: Rt, session: aiohttp.ClientSession, library: Library, tmp_path: Path
) -> None:
    """What lies behind the bookmark is looked at a second time for minutes only: the store forgets after a day what it did."""
    late = datetime(2099, 1, 1, tzinfo=UTC)
    async with desk_at(tmp_path, sink_at(rt, session, library), opened_as="old") as (desk,):
        rt.says(desk.there, "Once")
        await desk.poll()
        await desk.running.store.purge(late)
        options = RtOptions(url=rt.url, token=rt.tokens["bouncedesk"], queue=QUEUE)
        desk.sink = RtSink(options, session, lambda: (library, Language("en")), lambda: late)
        await desk.poll()
        told = await desk.happened()

    assert [text for _, _, text in told] == ["Once"]


async def test_what_is_said_on_a_ticket_that_is_over_is_kept(
    sink: RtSink, rt: Rt, tmp_path: Path
) -> None:
    """A reply to a withdrawn ticket is nobody's to hear any more: it becomes a note. What is so already is left alone."""
    async with desk_at(tmp_path, sink, opened_as="over") as (desk,):
        carry_out, number = desk.running.desk.carry_out, desk.number
        requester = Person("kari-entra-id", "Kari")
        await carry_out(number, Deed(verb=Verb.WITHDRAW), requester, role=Role.REQUESTER)
        rt.says(desk.there, "One more thing")
        rt.sets(desk.there, "resolved")
        await desk.poll()
        told = await desk.happened()

    assert [(what, text) for what, _, text in told] == [
        ("withdrawn", ""),
        ("noted", "One more thing"),
    ]


async def test_a_ticket_of_another_installation_is_left_alone(
    sink: RtSink, rt: Rt, tmp_path: Path
) -> None:
    """A link with one of our numbers proves nothing: what another bot's ticket says does not reach our requester."""
    async with desk_at(tmp_path, sink, opened_as="mine") as (desk,):
        stranger = replace(ticket(desk.number), draft=samples.draft("somebody-elses"))
        foreign = await send(sink, news(of=stranger))
        assert foreign != desk.there
        rt.says(foreign, "Not for you", Status="resolved")
        rt.says(desk.there, "For you")
        await desk.poll()
        told = await desk.happened()

    assert [text for _, _, text in told] == ["For you"]


async def test_a_long_absence_is_caught_up(
    rt: Rt,
    session: aiohttp.ClientSession,
    library: Library,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """More than one page of changes is read to its end, in order."""
    monkeypatch.setattr(rt_module, "_PAGE", 3)
    async with desk_at(tmp_path, sink_at(rt, session, library), opened_as="long") as (desk,):
        words = [f"Line {at}" for at in range(8)]
        for line in words:
            rt.says(desk.there, line)
        await desk.poll()
        told = await desk.happened()

    assert [text for _, _, text in told] == words


async def test_rt_being_down_stops_nothing(
    session: aiohttp.ClientSession, library: Library, rt: Rt, tmp_path: Path, stands: Ticket
) -> None:
    """Nobody there, or something else that answers: the parcel waits, and the poll is made again."""
    html = Planned(200, {"Content-Type": "text/html"}, b"<html>login</html>")
    with http_server(lambda *_request: html) as origin:
        for url in ("http://127.0.0.1:1", origin):
            broken = sink_at(rt, session, library, url=url)
            with pytest.raises(DeliveryDelayed):
                await send(broken, news(of=stands))
            async with application(read_settings(data=tmp_path), {}) as running:
                with pytest.raises(DeliveryDelayed):
                    await broken.poll(way_back(running, "rt"))


def test_ids_are_ids() -> None:
    """A ticket's reference at RT does not give its own id away."""
    told: Any = news(of=replace(ticket(1), draft=samples.draft("secret-id")))
    assert TicketId("secret-id") not in rt_module._link(told)  # noqa: SLF001 - what stands in the link
