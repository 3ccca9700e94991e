"""The far side of the sinks: a mail server and a receiver of webhooks, both real, in threads of their own; and what they are sent."""

from __future__ import annotations

import ssl
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import msgspec
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from msgspec.structs import replace
from standardwebhooks import Webhook, WebhookVerificationError

from bot.model.event import Address, Person, Scope
from bot.model.ids import ConversationId, QueueId, TicketId, UserId
from bot.model.ticket import OPENED, PAST, State, Ticket, TicketEvent, Verb
from bot.ports import News, Parcel
from tests.contracts import samples
from tests.e2e.program import free_port

Json = dict[str, Any]

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
KARI = Person("kari-key", "Kari Agent")
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


# ------------------------------------------------------------------------------------------------------- what is sent


def ticket(number: int = 1042, **changes: object) -> Ticket:
    """Return a ticket with everything in it."""
    draft = samples.draft(
        f"ticket-{number}", original="The pasted bounce, blåbær \N{WAVING HAND SIGN}"
    )
    new = Ticket(number=number, draft=replace(draft, note="Please hurry."), changed=NOON)
    return replace(new, queue=QueueId("mail"), **changes)


def news(
    what: str = OPENED, note: str = "", *, of: Ticket | None = None, by: Person = KARI
) -> News:
    """Return a change of a ticket; each kind of change leads to the state and the version that it has in a short life."""
    stands = of or ticket()
    life = {
        OPENED: (State.NEW, 1),
        PAST[Verb.CLAIM]: (State.CLAIMED, 2),
        PAST[Verb.REPLY]: (State.CLAIMED, 3),
        PAST[Verb.ASK]: (State.WAITING, 4),
        PAST[Verb.ANSWER]: (State.CLAIMED, 5),
        PAST[Verb.NOTE]: (State.CLAIMED, 6),
        PAST[Verb.RESOLVE]: (State.RESOLVED, 7),
        PAST[Verb.REOPEN]: (State.CLAIMED, 8),
        PAST[Verb.HAND_BACK]: (State.NEW, 9),
        PAST[Verb.WITHDRAW]: (State.WITHDRAWN, 10),
    }
    state, version = life.get(what, (stands.state, 20))
    stands = replace(stands, state=state, version=version)
    if what != OPENED:
        stands = replace(stands, draft=replace(stands.draft, original=None))
    return News(stands, TicketEvent(NOON + timedelta(minutes=version), what, by, note))


def parcel(told: News, sink: str) -> Parcel:
    """Return a change as the outbox hands it to a sink."""
    to = Address(
        channel=f"sink:{sink}",
        service_url="",
        conversation=ConversationId(TicketId(told.ticket.id)),
        scope=Scope.PERSONAL,
        user=UserId(""),
        user_name="",
    )
    return Parcel(to=to, content=told)


# ------------------------------------------------------------------------------------------------------ mail server


class MailServer:
    """A mail server that keeps what it takes, and misbehaves where it is told to."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.port = 0
        self.envelopes: list[Envelope] = []
        self.logins: list[tuple[str, str]] = []
        self.encrypted: list[bool] = []
        self.recipient_answers: deque[str] = deque()
        self.data_answers: deque[str | Callable[[SMTP], str]] = deque()

    @property
    def messages(self) -> list[EmailMessage]:
        """What was taken, oldest first, as a mail program reads it."""
        return [
            message_from_bytes(cast("bytes", one.content), policy=default)
            for one in self.envelopes
        ]

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name and arguments
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take or refuse a recipient."""
        _ = server, session, options
        if self.recipient_answers:
            return self.recipient_answers.popleft()
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Take or refuse a message."""
        answer = self.data_answers.popleft() if self.data_answers else "250 taken"
        said = answer if isinstance(answer, str) else answer(server)
        if said.startswith("250"):
            self.envelopes.append(envelope)
            self.encrypted.append(session.ssl is not None)
        return said

    def login(
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        mechanism: str,
        data: LoginPassword,
    ) -> AuthResult:
        """Let one user in."""
        _ = server, session, envelope, mechanism
        login, password = data.login.decode(), data.password.decode()
        self.logins.append((login, password))
        return AuthResult(success=password == "right", handled=False)


def hang_up(server: SMTP) -> str:
    """Take a message and lose the connection before saying so."""
    assert server.transport is not None
    server.transport.close()
    return "250 taken"


def dawdle(_server: SMTP) -> str:
    """Think about a message for longer than anybody waits."""
    time.sleep(1.5)
    return "250 taken"


@contextmanager
def mail_server(
    certificate: Certificate | None = None, *, login: bool = False
) -> Iterator[MailServer]:
    """Run a mail server while the block lasts; with a certificate it offers STARTTLS."""
    kept = MailServer()
    kept.port = free_port()
    controller = Controller(
        kept,
        hostname="127.0.0.1",
        port=kept.port,
        tls_context=certificate.server_context() if certificate else None,
        require_starttls=certificate is not None,
        authenticator=kept.login if login else None,
        auth_required=login,
        auth_require_tls=certificate is not None,
    )
    controller.start()
    try:
        yield kept
    finally:
        controller.stop()


class Certificate:
    """A certificate for this machine that only its own file vouches for."""

    def __init__(self, folder: Path, days: int = 1) -> None:
        """Make one that ends in so many days."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(
                x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False
            )
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        self.file = folder / "certificate.pem"
        self.file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        self._key = folder / "key.pem"
        self._key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )

    def server_context(self) -> ssl.SSLContext:
        """Return what a server needs to show it."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.file, self._key)
        return context


# --------------------------------------------------------------------------------------------------- HTTP servers


@dataclass
class Planned:
    """How a server answers one request."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    delay: float = 0.0
    """Seconds before it answers."""
    silent: bool = False
    """It takes the request and hangs up without an answer."""


class Receiver:
    """A receiver of webhooks, as the specification wants it: verifies each one, and does nothing twice."""

    def __init__(self, secret: str = SECRET) -> None:
        """Take the secret that webhooks are signed with."""
        self.url = ""
        self.plan: deque[Planned] = deque()
        self.deliveries: list[Mapping[str, str]] = []
        """The headers of every delivery that was taken, repeated ones too."""
        self.bodies: list[bytes] = []
        self.done: dict[str, Json] = {}
        """What came of them: by id, in the order in which they came first."""
        self._verifier = Webhook(secret)

    def answer(self, headers: Mapping[str, str], body: bytes) -> Planned:
        """Answer a delivery; a bad one gets a 400, as the specification has it."""
        try:
            heard = self._verifier.verify(body, dict(headers))
        except WebhookVerificationError:
            return Planned(400)
        planned = self.plan.popleft() if self.plan else Planned()
        if planned.status < 300:
            self.deliveries.append(headers)
            self.bodies.append(body)
            self.done.setdefault(headers["webhook-id"], heard)
        return planned

    @property
    def types(self) -> list[str]:
        """What happened, in the order in which it came first."""
        return [one["type"] for one in self.done.values()]


Answering = Callable[[str, str, Mapping[str, str], bytes], Planned]
"""Returns the answer to a request with a method, a path, headers in lower case and a body."""


class _Server(ThreadingHTTPServer):
    """A server whose clients may hang up: that is what some tests are about."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a client that did not wait for its answer."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


@contextmanager
def http_server(answering: Answering) -> Iterator[str]:
    """Run an HTTP server while the block lasts; yields its origin."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            headers = {name.lower(): value for name, value in self.headers.items()}
            planned = answering(self.command, self.path, headers, self.rfile.read(length))
            time.sleep(planned.delay)
            self.close_connection = planned.silent
            if planned.silent:
                return
            self.send_response(planned.status)
            for name, value in planned.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(planned.body)))
            self.end_headers()
            self.wfile.write(planned.body)

        do_GET = do_POST = do_PUT = _answer  # noqa: N815 - the library's names

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = _Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
    )
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)


@contextmanager
def receiver(secret: str = SECRET) -> Iterator[Receiver]:
    """Run a receiver of webhooks while the block lasts."""
    kept = Receiver(secret)
    with http_server(lambda _method, _path, headers, body: kept.answer(headers, body)) as origin:
        kept.url = f"{origin}/hooks/bouncedesk"
        yield kept


def signed(
    body: object, name: str, *, secret: str = OTHER_SECRET, at: datetime | None = None
) -> tuple[bytes, dict[str, str]]:
    """Return a webhook's body and headers as another helpdesk signs them."""
    data = msgspec.json.encode(body)
    moment = at or datetime.now(UTC)
    return data, {
        "Content-Type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(secret).sign(name, moment, data.decode()),
    }
