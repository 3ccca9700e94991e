"""The real program with a registration: tokens in and out, and everything that is rolled while it runs."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.connector import StubConnector, stub_connector
from tests.crowd import CHANNEL, TEAM
from tests.e2e.program import APP_ID, Json, Server, bouncedesk, registered, server, wait_until
from tests.edge.identities import identity

OLD, NEW = "old~Secret.Value-1", "new~Secret.Value-2"
OLA = "a:ola"


@pytest.fixture
def stub() -> Iterator[StubConnector]:
    """A world of its own for each test."""
    with stub_connector() as running:
        yield running


def _answered(bot: Server, stub: StubConnector, activity: str) -> list[Json]:
    """Write to the bot and wait for the next message in the chat; return what was sent there so far."""
    before = len(stub.shown(OLA))
    assert bot.post(bot.message("hello", activity=activity)) == (200, None)
    wait_until(lambda: len(stub.shown(OLA)) > before, 30)
    return stub.requests(conversation=OLA)


def _post(bot: Server, token: str | None) -> tuple[int, str | None]:
    """Send a request with a token of the test's own; return the status, and what the answer asks for."""
    request = urllib.request.Request(  # noqa: S310 - always our own loopback address
        f"{bot.origin}/api/messages",
        data=json.dumps(bot.message("hello", activity="of-its-own")).encode(),
        headers={"Content-Type": "application/json"}
        | ({"Authorization": f"Bearer {token}"} if token else {}),
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return answer.status, None
    except urllib.error.HTTPError as error:
        return error.code, error.headers["WWW-Authenticate"]


def _log(folder: Path) -> str:
    return (folder / "server.log").read_text(encoding="utf-8")


def test_keys_and_secrets_are_rolled_without_a_restart(
    tmp_path: Path, stub: StubConnector
) -> None:
    """Signing keys rolled, metadata down, the client secret deleted: each message is answered, and no secret is told."""
    stub.entra({OLD: "taken", NEW: "taken"})
    secrets = {"APP_PASSWORD": OLD, "APP_PASSWORD_NEXT": NEW, "LOG_LEVEL": "DEBUG"}
    with server(tmp_path, stub.service_url, stub, **secrets) as bot:
        first = _answered(bot, stub, "1")
        bought = first[0]["headers"]["authorization"]
        assert bought.startswith("Bearer token-")

        old_token = stub.token(APP_ID)
        stub.roll_key()
        _answered(bot, stub, "2")
        assert _post(bot, old_token) == (401, "Bearer")
        assert _post(bot, None) == (401, "Bearer")

        stub.metadata(down=True)
        assert _answered(bot, stub, "3")[-1]["headers"]["authorization"] == bought

        stub.entra({OLD: "expired", NEW: "taken"})
        stub.fault(OLA, 401)
        assert _answered(bot, stub, "4")[-1]["headers"]["authorization"] not in (bought, "")
        purchases = [one["path"] for one in stub.requests() if one["path"].endswith("/token")]
        assert len(purchases) == 3, "one at start, then the expired secret and the next one"
    log = _log(tmp_path)
    assert '"app_password_next"' in log
    assert "Secret.Value" not in log
    assert "token-1" not in log
    assert old_token not in log


def test_a_certificate_is_renewed_without_a_restart(tmp_path: Path, stub: StubConnector) -> None:
    """A certificate that ends in five days is told of in the triage channel; the next one is used as soon as it is in the file."""
    file = tmp_path / "bot.pem"
    old, new = identity(days=5), identity(days=700)
    stub.entra({}, [old.certificate])
    settings = {"APP_PASSWORD": "", "APP_CERTIFICATE": str(old.written(file))}
    settings |= {"TRIAGE_TEAM_ID": TEAM, "TRIAGE_CHANNEL_ID": CHANNEL}
    with server(tmp_path, stub.service_url, stub, **settings) as bot:
        _answered(bot, stub, "1")
        wait_until(lambda: bool(stub.threads(CHANNEL)), 30)
        assert "My certificate ends on" in str(stub.threads(CHANNEL)[0][0]["content"])

        new.written(file)
        stub.entra({}, [new.certificate])
        stub.fault(OLA, 401)
        _answered(bot, stub, "2")
    assert len(stub.threads(CHANNEL)) == 1


@pytest.mark.parametrize("name", ["BOUNCEDESK_APP_PASSWORD", "bouncedesk_app_password"])
@pytest.mark.parametrize("directory", ["BOUNCEDESK_SECRETS", "CREDENTIALS_DIRECTORY"])
def test_secrets_come_from_files(
    tmp_path: Path,
    stub: StubConnector,
    monkeypatch: pytest.MonkeyPatch,
    directory: str,
    name: str,
) -> None:
    """A file named like the variable holds the secret, with or without a line's end; systemd's directory is found by itself."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / name).write_text(f"{OLD}\n", encoding="utf-8")
    stub.entra({OLD: "taken"})
    settings = {"APP_PASSWORD": ""}
    if directory == "CREDENTIALS_DIRECTORY":
        monkeypatch.setenv(directory, str(secrets))
    else:
        settings["SECRETS"] = str(secrets)
    with server(tmp_path, stub.service_url, stub, **settings) as bot:
        _answered(bot, stub, "1")


def test_the_environment_goes_before_the_files(tmp_path: Path, stub: StubConnector) -> None:
    """What is set in the environment is what counts, whatever a file says."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "BOUNCEDESK_APP_PASSWORD").write_text("from the file", encoding="utf-8")
    (secrets / "BOUNCEDESK_PORT").write_text("no number", encoding="utf-8")
    stub.entra({NEW: "taken"})
    settings = {"APP_PASSWORD": NEW, "PORT": "1", "SECRETS": str(secrets)}
    with server(tmp_path, stub.service_url, stub, **settings) as bot:
        _answered(bot, stub, "1")


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"APP_PASSWORD": ""}, "BOUNCEDESK_APP_PASSWORD, BOUNCEDESK_APP_CERTIFICATE"),
        ({"TENANT_ID": ""}, "BOUNCEDESK_TENANT_ID"),
        ({"TENANT_ID": "botframework.com"}, "BOUNCEDESK_ALLOWED_TENANTS"),
        ({"MANAGED_IDENTITY": "true"}, "BOUNCEDESK_APP_PASSWORD and BOUNCEDESK_MANAGED_IDENTITY"),
        ({"AUTHORITY": "http://login.example.com"}, "BOUNCEDESK_AUTHORITY"),
        ({"SECRETS": "/nowhere"}, "BOUNCEDESK_SECRETS"),
    ],
)
def test_what_cannot_be_an_identity_is_refused_at_start(
    tmp_path: Path, stub: StubConnector, changed: dict[str, str], named: str
) -> None:
    """A bot that could recognise nobody, or that anybody could use, does not start; it says which setting is why, and no secret."""
    settings = registered(stub) | {"APP_PASSWORD": OLD} | changed
    result = bouncedesk("run", "--data", str(tmp_path), **settings)
    assert result.returncode != 0
    assert named in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr
    assert OLD not in result.stderr
