"""What the bot is recognised by at an Entra that speaks HTTP: secrets, a certificate, a managed identity. No secret is ever told."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from msal.exceptions import MsalServiceError
from structlog.testing import capture_logs

from bot.model.errors import DeliveryDelayed, SettingsError
from bot.teams.clouds import chosen_cloud
from bot.teams.credentials import Certificate, ClientSecrets, Credentials, credentials
from bot.teams.room import Options
from bot.teams.token import OutboundToken
from tests.connector import StubConnector
from tests.edge.far_side import APP_ID, TENANT
from tests.edge.identities import identity
from tests.edge.test_keys import Hands

OLD, NEW = "old~Secret.Value-1", "new~Secret.Value-2"


def _two(stub: StubConnector) -> ClientSecrets:
    found = _of(stub, app_password=OLD, app_password_next=NEW)
    assert isinstance(found, ClientSecrets)
    return found


def _of(stub: StubConnector, **given: Any) -> Credentials:  # noqa: ANN401 - as `credentials` takes them
    cloud = chosen_cloud("public", authority=stub.origin)
    return credentials(cloud, **({"app_id": APP_ID, "tenant": TENANT} | given))


def _asked(stub: StubConnector) -> list[str]:
    """Return which secrets Entra was shown, in order."""
    bodies = [sale["body"] for sale in stub.requests(path=f"/{TENANT}/oauth2/v2.0/token")]
    return ["old" if "old~Secret" in body else "new" for body in bodies]


@pytest.mark.parametrize("becomes", ["expired", "wrong"])
def test_a_refused_secret_gives_way_to_the_other(stub: StubConnector, becomes: str) -> None:
    """When the secret in use is deleted or expires, the other one buys the token in the same purchase, and goes first from then on."""
    secrets = _two(stub)
    stub.entra({OLD: "taken", NEW: "taken"})
    assert "access_token" in secrets.buy()
    assert _asked(stub) == ["old"]

    stub.entra({OLD: becomes, NEW: "taken"})
    with capture_logs() as logs:
        assert "access_token" in secrets.buy()
        assert "access_token" in secrets.buy()
    assert _asked(stub) == ["old", "old", "new", "new"]
    told = [(entry["event"], entry["credential"]) for entry in logs]
    assert told == [
        ("credential-refused", "app_password"),
        ("credential-changed", "app_password_next"),
    ]

    # The next change of secrets goes the other way round.
    stub.entra({OLD: "taken"})
    assert "access_token" in secrets.buy()
    assert _asked(stub)[4:] == ["new", "old"]


def test_both_secrets_refused_is_a_refusal(stub: StubConnector) -> None:
    """When Entra takes neither, its answer comes back, and the next purchase begins where this one did."""
    secrets = _two(stub)
    stub.entra({})
    with capture_logs() as logs:
        answer = secrets.buy()
    assert answer["error"] == "invalid_client"
    assert [entry["codes"] for entry in logs] == [[7000215], [7000215]]
    stub.entra({OLD: "taken"})
    assert "access_token" in secrets.buy()
    assert _asked(stub) == ["old", "new", "old"]


def test_trouble_that_is_not_the_secrets_does_not_change_it(stub: StubConnector) -> None:
    """An Entra that is busy, or that does not know the app, says nothing about the secret: the other one is not tried."""
    secrets = _two(stub)
    stub.entra({OLD: "taken", NEW: "taken"})
    stub.fault("token", 503, body="busy")
    unknown = '{"error": "unauthorized_client", "error_codes": [700016]}'
    stub.fault("token", 400, body=unknown)
    with pytest.raises(MsalServiceError):
        secrets.buy()
    assert secrets.buy()["error_codes"] == [700016]
    assert _asked(stub) == ["old", "old"]


def test_a_certificate_buys_a_token(stub: StubConnector, tmp_path: Path) -> None:
    """The bot signs an assertion with its key; Entra verifies it with the certificate that is registered."""
    ours, other = identity(), identity()
    found = _of(stub, app_certificate=ours.written(tmp_path / "bot.pem"))
    stub.entra({}, [other.certificate])
    assert found.buy()["error_codes"] == [700027]
    stub.entra({}, [other.certificate, ours.certificate])
    assert "access_token" in found.buy()
    (expiry,) = found.expiries()
    assert (expiry.name, expiry.at) == ("app_certificate", ours.ends)


def test_a_chain_in_any_order(stub: StubConnector, tmp_path: Path) -> None:
    """Of several certificates in the file the one that the key belongs to is shown."""
    ours, issuer = identity(), identity(days=3_000)
    chain = (tmp_path / "bot.pem", tmp_path / "chain.pem")
    ours.written(chain[0], more=issuer.certificate)
    chain[1].write_text(issuer.certificate + ours.certificate + ours.key, encoding="ascii")
    stub.entra({}, [ours.certificate])
    for file in chain:
        found = _of(stub, app_certificate=file)
        assert "access_token" in found.buy()
        assert found.expiries()[0].at == ours.ends


def test_a_renewed_certificate_needs_no_restart(stub: StubConnector, tmp_path: Path) -> None:
    """A file that was replaced is read again: for the next token, and for when it ends."""
    file = tmp_path / "bot.pem"
    old, new = identity(days=20), identity(days=400)
    found = _of(stub, app_certificate=old.written(file))
    stub.entra({}, [new.certificate])
    assert "access_token" not in found.buy()
    new.written(file)
    assert found.expiries()[0].at == new.ends
    assert "access_token" in found.buy()


def test_a_certificate_that_cannot_be_read_again(stub: StubConnector, tmp_path: Path) -> None:
    """While the file is half written or gone the bot goes on with what it had, and says so once."""
    file = tmp_path / "bot.pem"
    ours = identity()
    found = _of(stub, app_certificate=ours.written(file))
    stub.entra({}, [ours.certificate])
    file.write_text(ours.certificate[:300], encoding="ascii")
    with capture_logs() as logs:
        assert "access_token" in found.buy()
        assert found.expiries()[0].at == ours.ends
    assert [entry["event"] for entry in logs] == ["certificate-unusable"]
    file.unlink()
    assert "access_token" in found.buy()


def test_a_managed_identity_buys_a_token(
    stub: StubConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine's own service sells the token to the identity whose client id is the app id; no proxy is asked."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{stub.origin}/metadata/identity")
    monkeypatch.setenv("IDENTITY_HEADER", "machine")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    found = _of(stub, tenant="", managed_identity=True)
    first, second = found.buy(), found.buy()
    assert first["access_token"] != second["access_token"], "an old token is shown again"
    assert 80_000 < first["expires_in"] <= 86_400
    sale = stub.requests(path="/metadata/identity")[0]
    assert sale["query"]["resource"] == "https://api.botframework.com"
    assert sale["query"]["client_id"] == APP_ID
    assert found.expiries() == ()


def test_a_machine_without_an_identity(
    stub: StubConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that does not know the machine is an answer without a token."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{stub.origin}/metadata/identity")
    monkeypatch.setenv("IDENTITY_HEADER", "somebody else")
    assert "access_token" not in _of(stub, managed_identity=True).buy()


def test_a_redirect_does_not_get_the_secret(stub: StubConnector) -> None:
    """Where Entra redirects to, nobody follows: a POST would take the secret along."""
    stub.entra({OLD: "taken"})
    elsewhere = {"Location": f"{stub.origin}/files/elsewhere"}
    stub.fault("token", 307, headers=elsewhere)
    with pytest.raises(ValueError, match="Expecting value"):  # as the body of a redirect is none
        _of(stub, app_password=OLD).buy()
    assert stub.requests(path="/files/elsewhere") == []


PEM = Path("bot.pem")


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"app_id": "", "app_password": OLD}, ["APP_ID"]),
        ({}, ["APP_PASSWORD", "APP_CERTIFICATE", "MANAGED_IDENTITY", "--local"]),
        ({"app_password": OLD, "app_certificate": PEM}, ["APP_PASSWORD", "APP_CERTIFICATE"]),
        (
            {"app_password_next": NEW, "managed_identity": True},
            ["APP_PASSWORD", "MANAGED_IDENTITY"],
        ),
        (
            {"app_certificate": PEM, "managed_identity": True},
            ["APP_CERTIFICATE", "MANAGED_IDENTITY"],
        ),
        ({"app_password": OLD, "tenant": ""}, ["TENANT_ID", "botframework.com"]),
        ({"app_certificate": Path("/nowhere/bot.pem")}, ["APP_CERTIFICATE", "/nowhere/bot.pem"]),
    ],
)
def test_exactly_one_kind(stub: StubConnector, given: dict[str, Any], named: list[str]) -> None:
    """None, two, or half of what is needed is refused at start, with the names of the settings and without their values."""
    with pytest.raises(SettingsError) as refused:
        _of(stub, **given)
    said = str(refused.value)
    assert all(name in said for name in named)
    assert "Secret.Value" not in said


def test_certificates_that_are_none(stub: StubConnector, tmp_path: Path) -> None:
    """A file without its key, with another's or an encrypted one, or with no PEM at all is refused at start; nothing of it is told."""
    ours, other = identity(), identity()
    locked = identity(passphrase=b"open sesame")
    elliptic = identity(elliptic=True)
    contents = {
        "no key": (ours.certificate, "not a PEM file"),
        "no certificate": (ours.key, "not a PEM file"),
        "another's key": (ours.certificate + other.key, "belongs to none"),
        "a locked key": (locked.certificate + locked.key, "passphrase"),
        "an elliptic key": (elliptic.certificate + elliptic.key, "not RSA"),
        "nothing": ("", "not a PEM file"),
        "DER": ("0\x82\x01", "not a PEM file"),
    }
    for name, (content, why) in contents.items():
        file = tmp_path / f"{name}.pem"
        file.write_text(content, encoding="latin-1")
        with pytest.raises(SettingsError, match=why) as refused:
            _of(stub, app_certificate=file)
        assert "BEGIN" not in str(refused.value)


@pytest.fixture
def said() -> Iterator[list[str]]:
    """Everything that anything logs, ours and the libraries', down to the finest."""
    lines: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(f"{record.getMessage()} {record.exc_info} {record.__dict__}")

    root, listener = logging.getLogger(), Listener()
    level = root.level
    root.addHandler(listener)
    root.setLevel(logging.DEBUG)
    with capture_logs() as logs:
        yield lines
        lines.extend(str(entry) for entry in logs)
    root.removeHandler(listener)
    root.setLevel(level)


async def test_secrets_are_never_told(
    stub: StubConnector, tmp_path: Path, said: list[str]
) -> None:
    """Whatever goes wrong with a purchase: no log, no exception and no repr has a secret, a key or a token in it."""
    ours = identity()
    private = ours.key.splitlines()[3]
    bodies = ("<html>", "[]", "{}", '{"access_token": 7}', '{"error": ["x"]}')
    holders: list[object] = [
        Options(app_id=APP_ID, app_password=OLD, app_password_next=NEW, tenant_id=TENANT)
    ]
    for found in (
        _two(stub),
        _of(stub, app_certificate=ours.written(tmp_path / "bot.pem")),
        ClientSecrets(
            APP_ID,
            TENANT,
            chosen_cloud("public", authority="http://127.0.0.1:1"),
            {"app_password": OLD},
        ),
    ):
        holders += [found, *vars(found).values()]
        faults: list[dict[str, Any]] = [
            {"status": status, "body": body} for status in (200, 400, 500) for body in bodies
        ]
        faults += [{"status": 0, "drop": True}, {"status": 429, "headers": {"Retry-After": "1"}}]
        for fault in [*faults, None]:
            stub.reset()
            stub.entra({})
            if fault is not None:
                stub.fault("token", **fault)
            token = OutboundToken(found.buy, Hands())
            with pytest.raises(DeliveryDelayed) as delayed:
                await token.bearer()
            said.append(repr(delayed.value))
            await token.close()
        stub.entra({OLD: "taken"}, [ours.certificate])
        token = OutboundToken(found.buy, Hands())
        holders.append(token)
        try:
            said.append((await token.bearer() or "")[:5] + "…")
        except DeliveryDelayed as delayed_still:
            said.append(repr(delayed_still))
        await token.close()
    structlog.get_logger().warning(
        "holders", what=[repr(one) for one in holders if not isinstance(one, dict)]
    )
    assert len(said) > 50, "nothing was heard"
    everything = "\n".join(said)
    for hidden in (OLD, NEW, "Secret.Value", private, "client_assertion="):
        assert hidden not in everything, hidden


def test_a_certificate_is_one_of_the_kinds(stub: StubConnector, tmp_path: Path) -> None:
    """A certificate alone, without any secret, is enough."""
    file = identity().written(tmp_path / "bot.pem")
    assert isinstance(_of(stub, app_certificate=file), Certificate)
