"""E-mail to another helpdesk, through a real mail server."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path

import pytest
from msgspec.structs import replace

from bot.model.errors import (
    DeliveryAmbiguous,
    DeliveryDelayed,
    DeliveryRefused,
    SettingsError,
)
from bot.model.event import Person
from bot.model.ids import Language
from bot.model.library import Library
from bot.model.ticket import OPENED
from bot.ports import News, Placed
from bot.sinks import MailOptions, MailSink, mail, told
from bot.sinks.mail import Security
from tests.sinks.far_side import (
    Certificate,
    MailServer,
    dawdle,
    hang_up,
    mail_server,
    news,
    parcel,
    ticket,
)


def sink(library: Library, port: int, **options: object) -> MailSink:
    """Return a sink that sends to a server on this machine."""
    given = {
        "to": "tickets@helpdesk.example.com",
        "sender": "bouncedesk@contoso.com",
        "host": "127.0.0.1",
        "port": port,
        "security": Security.NONE,
    } | options
    return MailSink(MailOptions(**given), lambda: (library, Language("en")))  # type: ignore[arg-type]


async def sent(through: MailSink, server: MailServer, *told: News) -> list[EmailMessage]:
    """Send changes as the outbox does, each with what the sink called the ticket; return what arrived."""
    placed: Placed | None = None
    for one in told:
        answer = await through.send(parcel(one, "email"), placed)
        placed = placed or answer
    return server.messages


def body(message: EmailMessage) -> str:
    """Return a message's text, as a reader sees it."""
    part = message.get_body(("plain",))
    assert isinstance(part, EmailMessage)
    return str(part.get_content()).replace("\r\n", "\n")


async def test_the_first_message_has_all_the_evidence(
    library: Library, mailbox: MailServer
) -> None:
    """A helpdesk that never heard of Bouncedesk can work with it: who, what, why, the answers given, and the pasted text as a file."""
    (message,) = await sent(sink(library, mailbox.port), mailbox, news())

    assert message["Subject"] == "[Bouncedesk #1042] 550 5.1.10 · contoso.com"
    assert message["From"] == "Bouncedesk <bouncedesk@contoso.com>"
    assert message["To"] == "tickets@helpdesk.example.com"
    assert message["Reply-To"] == "bouncedesk@contoso.com"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Bouncedesk-Ticket"] == "1042"
    assert message["X-Bouncedesk-Event"] == "ticket.opened"
    assert message["X-Bouncedesk-State"] == "new"
    assert message["X-Bouncedesk-Code"] == "5.1.10"
    assert message["Message-ID"].endswith("@contoso.com>")
    assert message["In-Reply-To"] is None
    assert message["Date"].datetime == news().event.at
    text = body(message)
    for evidence in (
        "Kari Nordmann",
        "5.1.10",
        "nobody@contoso.com",
        "Please hurry.",
        "mta.contoso.com",
    ):
        assert evidence in text
    (original,) = message.iter_attachments()
    assert isinstance(original, EmailMessage)
    assert original.get_filename() == "bounce-1042.txt"
    assert original.get_content_type() == "text/plain"
    assert str(original.get_content()).strip() == ticket().draft.original
    assert mailbox.envelopes[0].mail_from == "bouncedesk@contoso.com"


async def test_what_follows_answers_the_first_message(
    library: Library, mailbox: MailServer
) -> None:
    """Every later message has the first one as its ancestor and the same subject, whatever happened in between."""
    through = sink(library, mailbox.port)
    await sent(through, mailbox, news(), news("claimed"), news("replied", "Try now.\nReally."))
    await sent(through, mailbox, news(of=ticket(1043)))

    first, claimed, replied, other = mailbox.messages
    for later in (claimed, replied):
        assert later["In-Reply-To"] == first["Message-ID"]
        assert first["Message-ID"] in later["References"]
        assert later["Subject"] == first["Subject"]
        assert not list(later.iter_attachments())
    assert len({one["Message-ID"] for one in (first, claimed, replied, other)}) == 4
    assert "Kari Agent claimed it." in body(claimed)
    assert "Try now.\nReally." in body(replied)
    assert claimed["X-Bouncedesk-State"] == "claimed"


async def test_the_same_change_is_the_same_message(library: Library, mailbox: MailServer) -> None:
    """Sent again, by another process and knowing where the first one landed, it has the same Message-ID and the same words."""
    once = await sink(library, mailbox.port).send(parcel(news(), "email"), None)
    again = await sink(library, mailbox.port).send(parcel(news(), "email"), once)

    assert once == again
    first, second = mailbox.messages
    for name in ("Message-ID", "Subject", "Date", "In-Reply-To", "References"):
        assert first[name] == second[name]
    assert body(first) == body(second)
    assert len(list(second.iter_attachments())) == 1


async def test_a_ticket_older_than_the_sink_is_introduced(
    library: Library, mailbox: MailServer
) -> None:
    """Where the opening was never sent, the first change brings the evidence, and all messages still have one ancestor."""
    first, second = await sent(
        sink(library, mailbox.port), mailbox, news("claimed"), news("resolved", "Licence added.")
    )

    assert "Kari Agent claimed it." in body(first)
    assert "nobody@contoso.com" in body(first)
    assert second["In-Reply-To"] == first["Message-ID"]
    assert first["In-Reply-To"] in second["References"]
    assert "Licence added." in body(second)
    assert "nobody@contoso.com" not in body(second)


HOSTILE = "Eve\r\nBcc: victim@example.org\r\n\r\nBody \x00\ud800\u2028X-Evil: 1 \N{RIGHT-TO-LEFT OVERRIDE}"


async def test_nothing_that_people_write_gets_into_the_headers(
    library: Library, mailbox: MailServer
) -> None:
    """Line breaks, half characters and controls in names and in bounces stay text, and nobody else gets the message."""
    stands = ticket()
    report = stands.draft.report
    assert report is not None
    failure = replace(report.failures[0], recipient="a@x.example\r\nBcc: victim@example.org")
    draft = replace(
        stands.draft,
        requester=replace(stands.draft.requester, user_name=HOSTILE),
        report=replace(report, failures=(failure,), codes=("5.1.1\r\nX-Evil: 1",)),
        note=HOSTILE,
        original=f"{HOSTILE}\n.\n..\nQUIT\n",
    )
    changes = [
        news(of=replace(stands, draft=draft)),
        news("replied", HOSTILE, by=Person("k", HOSTILE)),
    ]
    messages = await sent(sink(library, mailbox.port), mailbox, *changes)

    assert len(messages) == 2
    for message, envelope in zip(messages, mailbox.envelopes, strict=True):
        assert message["Bcc"] is None
        assert message["X-Evil"] is None
        assert envelope.rcpt_tos == ["tickets@helpdesk.example.com"]
        assert "victim@example.org" in body(message) + str(message["Subject"])
    (original,) = messages[0].iter_attachments()
    assert isinstance(original, EmailMessage)
    assert "\n.\n..\nQUIT" in str(original.get_content()).replace("\r\n", "\n")


async def test_tls_and_login(library: Library, tmp_path: Path) -> None:
    """With STARTTLS and a login everything goes encrypted; a certificate that nobody vouches for gets nothing."""
    certificate = Certificate(tmp_path)
    with mail_server(certificate, login=True) as server:
        secure = {"security": Security.STARTTLS, "host": "localhost", "user": "bot"}
        vouched = secure | {"ca_file": str(certificate.file)}
        await sink(library, server.port, password="right", **vouched).send(
            parcel(news(), "email"), None
        )
        assert server.encrypted == [True]
        assert server.logins == [("bot", "right")]

        wrong = sink(library, server.port, password="wrong", **vouched)
        with pytest.raises(DeliveryDelayed, match="535"):
            await wrong.send(parcel(news(), "email"), None)
        with pytest.raises(DeliveryDelayed):
            await sink(library, server.port, password="right", **secure).send(
                parcel(news(), "email"), None
            )
    assert len(server.messages) == 1


async def test_a_server_without_tls_gets_nothing_where_tls_is_asked_for(
    library: Library, mailbox: MailServer
) -> None:
    """No silent fall-back to plain text."""
    with pytest.raises(DeliveryDelayed):
        await sink(library, mailbox.port, security=Security.STARTTLS).send(
            parcel(news(), "email"), None
        )
    assert mailbox.messages == []


@pytest.mark.parametrize(
    ("recipient", "data", "error"),
    [
        ("450 later", None, DeliveryDelayed),
        ("550 no such mailbox tickets@helpdesk.example.com", None, DeliveryRefused),
        (None, "452 full", DeliveryDelayed),
        (None, "554 we do not want Kari Nordmann", DeliveryRefused),
        (None, "421 going down", DeliveryDelayed),
    ],
)
async def test_what_a_server_answers_is_what_it_means(
    library: Library,
    mailbox: MailServer,
    recipient: str | None,
    data: str | None,
    error: type[Exception],
) -> None:
    """4xx: later; 5xx: never. What the server says beside the code is not kept: it may quote people."""
    mailbox.recipient_answers.extend([recipient] if recipient else [])
    mailbox.data_answers.extend([data] if data else [])

    with pytest.raises(error) as raised:
        await sink(library, mailbox.port).send(parcel(news(), "email"), None)

    assert mailbox.messages == []
    assert (recipient or data or "")[:3] in str(raised.value)
    assert "Kari" not in str(raised.value)
    assert "tickets@" not in str(raised.value)


async def test_a_lost_answer_leaves_doubt_and_the_repetition_is_recognised(
    library: Library, mailbox: MailServer
) -> None:
    """The server took it and the connection broke: nobody can know; sent again, it is the same message."""
    mailbox.data_answers.append(hang_up)
    through = sink(library, mailbox.port)

    with pytest.raises(DeliveryAmbiguous):
        await through.send(parcel(news(), "email"), None)
    await through.send(parcel(news(), "email"), None)

    first, second = mailbox.messages
    assert first["Message-ID"] == second["Message-ID"]


async def test_a_slow_server_holds_nobody_up(
    library: Library, mailbox: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Past the limit the message is in doubt; a server that is not there at all took nothing for certain."""
    monkeypatch.setattr(mail, "SECONDS", 0.5)
    mailbox.data_answers.append(dawdle)

    with pytest.raises(DeliveryAmbiguous):
        await sink(library, mailbox.port).send(parcel(news(), "email"), None)
    with pytest.raises(DeliveryDelayed):
        await sink(library, 1).send(parcel(news(), "email"), None)


@pytest.mark.parametrize(
    "options",
    [
        {"to": "a@example.com, b@example.com"},
        {"sender": "a@example.com\r\nBcc: b@example.com"},
        {"reply_to": "Somebody <a@example.com>"},
        {"host": "mail.example.com", "user": "bot", "password": "secret"},
    ],
)
def test_settings_that_would_leak_or_break_are_refused(
    library: Library, options: dict[str, str]
) -> None:
    """An address is one plain address, and a password never goes over an open line."""
    with pytest.raises(SettingsError):
        sink(library, 25, **options)


def test_an_opening_is_known_by_its_own_name() -> None:
    """The ancestor that later messages name is the opening's, whatever version the ticket had by then."""
    first = news()
    later = News(replace(first.ticket, version=9), first.event)

    assert first.event.what == OPENED
    assert told.event_id(first) == told.event_id(later)
