"""A whole installation in which everything is well, with stand-ins for everybody that it talks to; each test breaks one thing in it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.connector import StubConnector, stub_connector
from tests.e2e.office import CHANNEL, TEAM_ID
from tests.e2e.program import APP_ID, bouncedesk, environment, registered, server
from tests.sinks.far_side import SECRET, Certificate, MailServer, Planned, http_server, mail_server

Json = dict[str, Any]

CLIENT_SECRET = "Q~8correct-horse.battery_staple-2026xyz"
RT_TOKEN = "1-23-0123456789abcdef0123456789abcdef"
SMTP_PASSWORD = "right"
SECRETS = (CLIENT_SECRET, RT_TOKEN, SECRET)
PEOPLE = [{"id": "29:kari", "aadObjectId": "key-kari", "name": "Kari"}]


@dataclass(frozen=True)
class Examined:
    """What the doctor said, and how it ended."""

    code: int
    findings: list[Json]
    text: str

    def ids(self, *outcomes: str) -> set[str]:
        """Return the ids of what was found so."""
        return {one["id"] for one in self.findings if one["outcome"] in outcomes}

    def one(self, id_: str) -> Json:
        """Return the finding with an id."""
        (found,) = (one for one in self.findings if one["id"] == id_)
        return found


@dataclass
class World:
    """The installation, and everybody around it."""

    folder: Path
    stub: StubConnector
    mail: MailServer
    certificate: Certificate
    settings: dict[str, str]
    rt_answers: dict[str, Planned] = field(default_factory=dict)

    def mend(self) -> None:
        """Put everything around the installation back in order."""
        self.stub.reset()
        self.stub.entra({CLIENT_SECRET: "taken"})
        self.stub.members(TEAM_ID, PEOPLE)
        self.stub.channels(TEAM_ID, [CHANNEL])
        self.rt_answers.clear()

    def doctor(
        self,
        *arguments: str,
        changes: Mapping[str, str | None] | None = None,
        trusted: bool = True,
        cwd: Path | None = None,
    ) -> Examined:
        """Run the doctor on this installation with some settings changed (None: not set), as JSON."""
        settings = self.settings | dict(changes or {})
        given = {name: value for name, value in settings.items() if value is not None}
        arguments = ("--package", str(self.folder / "bouncedesk.zip"), *arguments)
        return run_doctor(
            *arguments,
            settings=given,
            cwd=cwd or self.folder,
            more={"SSL_CERT_FILE": str(self.certificate.file)} if trusted else {},
        )


def run_doctor(
    *arguments: str,
    settings: Mapping[str, str],
    cwd: Path,
    more: Mapping[str, str] | None = None,
    as_text: bool = False,
) -> Examined:
    """Run `bouncedesk doctor` to its end. Its JSON is read; none of the usual secrets may stand in anything that it says."""
    done = subprocess.run(
        [sys.executable, "-m", "bot", "doctor", *([] if as_text else ["--json"]), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=cwd,
        env=environment(settings) | dict(more or {}),
    )
    assert done.returncode in {0, 1}, done.stderr
    said = done.stdout + done.stderr
    for secret in SECRETS:
        assert secret not in said
    findings = [] if as_text else json.loads(done.stdout)["findings"]
    return Examined(done.returncode, findings, said)


@contextmanager
def whole_world(folder: Path) -> Iterator[World]:
    """Run the installation and everybody around it while the block lasts."""
    certificate = Certificate(folder, days=365)
    with ExitStack() as running:
        stub = running.enter_context(stub_connector())
        mail = running.enter_context(mail_server(certificate, login=True))
        answers: dict[str, Planned] = {}
        rt = running.enter_context(http_server(lambda *asked: _rt(answers, *asked)))
        settings = registered(stub) | {
            "APP_PASSWORD": CLIENT_SECRET,
            "APP_PASSWORD_EXPIRES": day(200),
            "TRIAGE_TEAM_ID": TEAM_ID,
            "TRIAGE_CHANNEL_ID": CHANNEL,
            "DATA": str(folder),
            "EMAIL_TO": "tickets@helpdesk.example.com",
            "EMAIL_FROM": "bouncedesk@contoso.com",
            "SMTP_HOST": "localhost",
            "SMTP_PORT": str(mail.port),
            "SMTP_USER": "bouncedesk",
            "SMTP_PASSWORD": SMTP_PASSWORD,
            "SMTP_CA": str(certificate.file),
            "WEBHOOK_SECRET": SECRET,
            "RT_URL": rt,
            "RT_TOKEN": RT_TOKEN,
            "RT_QUEUE": "Mail bounces",
        }
        world = World(folder, stub, mail, certificate, settings, answers)
        world.mend()
        bot = {name: value for name, value in settings.items() if not _is_sink(name)}
        started = running.enter_context(server(folder, stub.service_url, stub, **bot))
        port = started.origin.rpartition(":")[2]
        front = running.enter_context(tls_front(certificate, int(port)))
        settings["PORT"] = port
        settings["PUBLIC_URL"] = f"https://localhost:{front}/api/messages"
        settings["WEBHOOK_URL"] = f"https://localhost:{front}/hooks"
        package(folder / "bouncedesk.zip")
        yield world


def day(days: int) -> str:
    """Return a day so many days from now."""
    return f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d}"  # noqa: TID251 - days end by the real clock


def package(file: Path, app_id: str = APP_ID, domain: str = "adatum.example") -> None:
    """Build an app package as an administrator does."""
    arguments = ("--app-id", app_id, "--domain", domain, "--developer", "Adatum")
    built = bouncedesk("manifest", "--out", str(file), *arguments)
    assert built.returncode == 0, built.stderr


def _is_sink(setting: str) -> bool:
    """Tell whether a setting is a sink's: the bot that runs needs none."""
    return setting.startswith(("EMAIL_", "SMTP_", "WEBHOOK_", "RT_"))


def _rt(
    answers: Mapping[str, Planned],
    method: str,
    path: str,
    headers: Mapping[str, str],
    _body: bytes,
) -> Planned:
    """Answer as Request Tracker does when it is asked for a queue."""
    if planned := answers.get(path):
        return planned
    if headers.get("authorization") != f"token {RT_TOKEN}":
        return Planned(401, body=b'{"message":"Unauthorized"}')
    if (method, path) == ("GET", "/REST/2.0/queue/Mail%20bounces"):
        return Planned(body=b'{"id":"3","Name":"Mail bounces"}')
    return Planned(404, body=b'{"message":"Not Found"}')


@contextmanager
def tls_front(certificate: Certificate, port: int) -> Iterator[int]:
    """Run a proxy that takes TLS off and passes bytes to a port of this machine; yields its own port."""
    listens = threading.Event()
    ports: list[int] = []
    ends: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def passed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            behind, before = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(passed(reader, before), passed(behind, writer))
        except OSError:
            writer.close()

    async def serve() -> None:
        context = certificate.server_context()
        front = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
        end = asyncio.Event()
        ports.append(front.sockets[0].getsockname()[1])
        ends.append((asyncio.get_running_loop(), end))
        listens.set()
        await end.wait()
        front.close()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    assert listens.wait(10)
    try:
        yield ports[0]
    finally:
        loop, end = ends[0]
        loop.call_soon_threadsafe(end.set)
        thread.join(timeout=10)
