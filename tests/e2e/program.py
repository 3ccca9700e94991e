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
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Json = dict[str, Any]

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
    """`bouncedesk run --local` in a process of its own."""

    def __init__(self, process: subprocess.Popen[str], port: int, service_url: str) -> None:
        """Take the process, and where the channel lives."""
        self.process = process
        self.origin = f"http://127.0.0.1:{port}"
        self.service_url = service_url

    def post(self, activity: Json) -> tuple[int, Json | None]:
        """Deliver an activity as the channel does; return the status and the answer's body."""
        request = urllib.request.Request(  # noqa: S310 - always our own loopback address
            f"{self.origin}/api/messages",
            data=json.dumps(activity).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                body = answer.read()
                return answer.status, json.loads(body) if body else None
        except urllib.error.HTTPError as error:
            return error.code, None

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
            "conversation": {"id": f"a:{person}", "conversationType": "personal", "tenantId": "t"},
            "channelData": {"tenant": {"id": "t"}},
            "locale": locale,
        }

    def kill(self) -> None:
        """End the process at once, as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=10)


@contextmanager
def server(data: Path, service_url: str, **settings: str) -> Iterator[Server]:
    """Run the server while the block lasts, and stop it politely at the end."""
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "bot",
        "run",
        "--local",
        "--port",
        str(port),
        "--data",
        str(data),
    ]
    with (data / "server.log").open("a", encoding="utf-8") as log:
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=log, text=True, env=environment(settings)
        )
        try:
            started = Server(process, port, service_url)
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
