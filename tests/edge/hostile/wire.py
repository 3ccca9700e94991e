"""The program under attack, and how requests reach it: byte for byte, as only somebody hostile sends them.

The program is `bouncedesk run` in a process of its own, registered with a stand-in that is all of Microsoft to it. What it stores is
read from its database, what it logs from its log, and how long its loop stood still from how long others had to wait meanwhile.
"""

from __future__ import annotations

import base64
import hmac
import json
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any

import jwt
import msgspec
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.connector import StubConnector
from tests.e2e.program import Server, server, wait_until
from tests.edge.far_side import APP_ID, CHANNEL_ID, SERVICE_URL, TEAM_ID

Json = dict[str, Any]

ANSWERED_WITHIN = 2.0
"""Seconds for any one request, on a machine that does other things too."""
WEBHOOK_SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
CANARY = "zanzibar-canary"
"""Stands in every body that is sent: no log may ever hold it."""


class Forger:
    """Makes tokens: the channel's own, and such as the channel never makes."""

    def __init__(self, stub: StubConnector) -> None:
        """Take the stand-in, which hands out its private key."""
        self.kid, self.pem = stub.private_key()
        self._honest: dict[str, str] = {}

    def honest(self, service_url: str) -> str:
        """Return the channel's token for a service URL."""
        if service_url not in self._honest:
            self._honest[service_url] = self.signed(serviceurl=service_url)
        return self._honest[service_url]

    def forget(self) -> None:
        """Make the next tokens new ones, that were never shown before."""
        self._honest.clear()

    def claims(self, **changed: object) -> Json:
        """Return the claims of the channel's token, some of them changed; None leaves one out."""
        now = int(time.time())
        usual: Json = {
            "iss": "https://api.botframework.com",
            "aud": APP_ID,
            "nbf": now - 10,
            "exp": now + 3_600,
            "serviceurl": SERVICE_URL,
        }
        return {name: value for name, value in (usual | changed).items() if value is not None}

    def signed(
        self, algorithm: str = "RS256", header: Json | None = None, **claims: object
    ) -> str:
        """Return a token signed with the channel's own key."""
        head = {"kid": self.kid} | (header or {})
        return jwt.encode(self.claims(**claims), self.pem, algorithm=algorithm, headers=head)

    def sealed(self, header: object, claims: object) -> str:
        """Return a token of any header and any claims, truly signed: what no library would make."""
        text = f"{segment(header)}.{segment(claims)}"
        private: Any = serialization.load_pem_private_key(self.pem.encode(), None)
        signature = private.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{text}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"

    def by_stranger(self, header: Json | None = None) -> str:
        """Return a token that names the channel's key but is signed with another."""
        stranger = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
        head = {"kid": self.kid} | (header or {})
        return jwt.encode(self.claims(), stranger, algorithm="RS256", headers=head)

    def with_secret(self, secret: bytes) -> str:
        """Return a token with an HMAC in the place of a signature."""
        text = (
            f"{segment({'alg': 'HS256', 'typ': 'JWT', 'kid': self.kid})}.{segment(self.claims())}"
        )
        mac = hmac.digest(secret, text.encode(), "sha256")
        return f"{text}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"

    @property
    def public_pem(self) -> bytes:
        """The channel's public key as anybody has it."""
        private = serialization.load_pem_private_key(self.pem.encode(), None)
        return private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )


def segment(value: object) -> str:
    """Return a part of a token."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


class Answered(msgspec.Struct, frozen=True):
    """How a request was answered."""

    status: int | None
    """None: the connection was closed without a word."""
    body: bytes
    seconds: float
    closed: bool
    """Whether the connection is of no more use."""

    @property
    def json(self) -> Any:  # noqa: ANN401 - anything at all
        """The body as JSON; None where there is none."""
        return json.loads(self.body) if self.body else None


class Target:
    """The program under attack."""

    def __init__(self, bot: Server, stub: StubConnector, data: Path) -> None:
        """Take the program, what is Microsoft to it, and where it keeps its data."""
        self.bot = bot
        self.stub = stub
        self.forger = Forger(stub)
        self.data = data
        self.port = int(bot.origin.rpartition(":")[2])

    def connect(self) -> socket.socket:
        """Open a connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def send(self, data: bytes) -> Answered:
        """Send bytes on a connection of their own and read the answer."""
        with self.connect() as connection:
            return exchange(connection, data)

    def post(self, activity: object, service_url: str | None = None) -> Answered:
        """Deliver an activity with a token of the channel's own."""
        return self.send(self.request(activity, service_url))

    def request(self, activity: object, service_url: str | None = None) -> bytes:
        """Return the honest request for an activity."""
        body = activity if isinstance(activity, bytes) else json.dumps(activity).encode()
        token = self.forger.honest(service_url or SERVICE_URL)
        return request(body, {"Authorization": f"Bearer {token}"})

    def dump(self, *tables: str) -> dict[str, list[tuple[object, ...]]]:
        """Return all rows of all tables, or of those named."""
        (file,) = self.data.glob("*.sqlite3")
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
            found = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            names = tables or [name for (name,) in found]
            return {
                name: sorted(database.execute(f'SELECT * FROM "{name}"'), key=repr)  # noqa: S608 - our own names
                for name in names
            }

    def log(self) -> str:
        """Return everything that was logged."""
        return (self.data / "server.log").read_text(encoding="utf-8", errors="replace")

    def settles(self) -> None:
        """Wait until everything that is due has left."""
        wait_until(lambda: "bouncedesk_outbox_depth 0.0" in self.bot.get("/metrics")[1], 20)

    @contextmanager
    def watched(self) -> Iterator[Callable[[], float]]:
        """Ask again and again whether the program is alive; the block is given what tells the longest wait for the answer, in seconds."""
        waits = [0.0]
        over = threading.Event()
        ask = request(b"", {}, method="GET", path="/healthz")

        def watch() -> None:
            with self.connect() as connection:
                while not over.is_set():
                    answered = exchange(connection, ask)
                    assert answered.status == 200
                    waits.append(answered.seconds)
                    over.wait(0.002)

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield lambda: max(waits)
        finally:
            over.set()
            watcher.join(30)


def request(
    body: bytes,
    headers: Mapping[str, str | None],
    *,
    more: str = "",
    method: str = "POST",
    path: str = "/api/messages",
) -> bytes:
    """Return a request. Headers given go before the usual ones, None leaves one out; `more` are lines that are added as they are."""
    usual: dict[str, str | None] = {
        "Host": "bot.example.com",
        "Content-Type": "application/json; charset=utf-8",
        "Content-Length": str(len(body)),
    }
    lines = [
        f"{name}: {value}\r\n"
        for name, value in (usual | dict(headers)).items()
        if value is not None
    ]
    head = f"{method} {path} HTTP/1.1\r\n{''.join(lines)}{more}\r\n"
    return head.encode("utf-8", "surrogateescape") + body


def exchange(connection: socket.socket, data: bytes) -> Answered:
    """Send bytes on a connection and read the answer."""
    before = time.monotonic()
    with suppress(
        BrokenPipeError, ConnectionResetError
    ):  # refused before its end; the answer is there all the same
        connection.sendall(data)
    return read_answer(connection, before)


def read_answer(connection: socket.socket, before: float) -> Answered:
    """Read an answer; `before`: when the request began to be sent."""
    with closing(HTTPResponse(connection)) as response:
        try:
            response.begin()
            body = response.read()
        except (HTTPException, ConnectionResetError):
            return Answered(None, b"", time.monotonic() - before, closed=True)
        return Answered(
            response.status, body, time.monotonic() - before, bool(response.will_close)
        )


@contextmanager
def target(data: Path, stub: StubConnector, **settings: str) -> Iterator[Target]:
    """Run the program, with nobody on its helpdesk but Bo, and with so much patience that no rate refuses what a row is about."""
    stub.members(TEAM_ID, [])
    usual = {
        "TRIAGE_TEAM_ID": TEAM_ID,
        "TRIAGE_CHANNEL_ID": CHANNEL_ID,
        "PERSON_TURNS": "10000",
        "TENANT_TURNS": "1000000",
        "UPLOAD_HOSTS": stub.origin,
        "WEBHOOK_IN_SECRET": WEBHOOK_SECRET,
        "LOG_LEVEL": "DEBUG",
    }
    with server(data, stub.service_url, stub, **(usual | settings)) as bot:
        yield Target(bot, stub, data)
