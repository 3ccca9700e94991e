"""The real program, started as a user starts it, and talked to as Teams talks to it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.connector import StubConnector

Json = dict[str, Any]

APP_ID = "11111111-2222-4333-8444-555555555555"
TENANT = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"

_STARTS_WITHIN = 30.0


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def bouncedesk(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the program to its end."""
    return subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment(settings),
    )


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return this machine's environment with the settings of a test."""
    named = {f"BOUNCEDESK_{name}": value for name, value in settings.items()}
    return {
        name: value for name, value in os.environ.items() if not name.startswith("BOUNCEDESK_")
    } | named


class Server:
    """`bouncedesk run` in a process of its own."""

    def __init__(
        self,
        process: subprocess.Popen[str],
        port: int,
        service_url: str,
        stub: StubConnector | None = None,
    ) -> None:
        """Take the process, where the channel lives, and who signs its tokens; None: local mode, without any."""
        self.process = process
        self.origin = f"http://127.0.0.1:{port}"
        self.service_url = service_url
        self.tenant = TENANT if stub else "t"
        self._stub = stub

    def post(self, activity: Json) -> tuple[int, Json | None]:
        """Deliver an activity as the channel does; return the status and the answer's body."""
        request = urllib.request.Request(  # noqa: S310 - always our own loopback address
            f"{self.origin}/api/messages",
            data=json.dumps(activity).encode(),
            headers={"Content-Type": "application/json"} | self._shown(),
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                body = answer.read()
                return answer.status, json.loads(body) if body else None
        except urllib.error.HTTPError as error:
            return error.code, None

    def _shown(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._stub.token(APP_ID)}"} if self._stub else {}

    def get(self, path: str) -> tuple[int, str]:
        """Ask for one of the operators' pages."""
        try:
            with urllib.request.urlopen(self.origin + path, timeout=10) as answer:  # noqa: S310
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def message(
        self, text: str, *, activity: str, person: str = "ola", locale: str = "en-US"
    ) -> Json:
        """Return a message activity."""
        return self.base(activity, person, locale) | {"type": "message", "text": text}

    def press(
        self, data: Json, *, activity: str, person: str = "ola", inputs: Json | None = None
    ) -> Json:
        """Return the press of an `Action.Execute` button."""
        action = {"type": "Action.Execute", "verb": "bouncedesk", "data": data | (inputs or {})}
        return self.base(activity, person, "en-US") | {
            "type": "invoke",
            "name": "adaptiveCard/action",
            "value": {"action": action, "trigger": "manual"},
        }

    def base(self, activity: str, person: str, locale: str) -> Json:
        """Return what all activities of a person have."""
        return {
            "id": activity,
            "channelId": "msteams",
            "serviceUrl": self.service_url,
            "from": {"id": f"29:{person}", "name": person.title(), "aadObjectId": f"key-{person}"},
            "recipient": {"id": "28:bot", "name": "Bouncedesk"},
            "conversation": {
                "id": f"a:{person}",
                "conversationType": "personal",
                "tenantId": self.tenant,
            },
            "channelData": {"tenant": {"id": self.tenant}},
            "locale": locale,
        }

    def kill(self) -> None:
        """End the process at once, as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=10)


def registered(stub: StubConnector) -> dict[str, str]:
    """Return the settings of a bot that is registered, in a world where the stand-in is all of Microsoft."""
    return {
        "APP_ID": APP_ID,
        "APP_PASSWORD": "right",
        "TENANT_ID": TENANT,
        "METADATA_URL": stub.metadata_url,
        "AUTHORITY": stub.origin,
        "SERVICE_HOSTS": stub.origin,
        "TRIAGE_SERVICE_URL": stub.service_url,
    }


@contextmanager
def server(
    data: Path,
    service_url: str,
    stub: StubConnector | None = None,
    arguments: Sequence[str] = (),
    /,
    **settings: str,
) -> Iterator[Server]:
    """Run the server while the block lasts, and stop it politely at the end.

    Without a stand-in it runs with `--local`; with one it is registered there, and shows and demands tokens. A setting given as "" is
    then left out. `arguments` are more words for its command line.
    """
    port = free_port()
    command = [sys.executable, "-m", "bot", "run", *([] if stub else ["--local"])]
    command += ["--port", str(port), "--data", str(data), *arguments]
    if stub is not None:
        settings = {name: value for name, value in (registered(stub) | settings).items() if value}
    with (data / "server.log").open("a", encoding="utf-8") as log:
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=log, text=True, env=environment(settings)
        )
        try:
            started = Server(process, port, service_url, stub)
            wait_until(lambda: _answers(started), _STARTS_WITHIN)
            yield started
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(timeout=20)


def _answers(started: Server) -> bool:
    try:
        return started.get("/readyz")[0] == 200
    except OSError:
        return False


def wait_until(true: Callable[[], bool], seconds: float) -> None:
    """Wait until something is true. Fails when it does not come true in time."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
