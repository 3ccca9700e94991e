"""What the doctor makes of what it saw: pure judgements, one row for each way that something can be."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import ssl
from collections.abc import Iterable, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiosmtplib
import msgspec
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bot import __version__
from bot.compose import utc_now
from bot.doctor import (
    Findings,
    Flaw,
    Installation,
    Outcome,
    as_text,
    content,
    database,
    endpoint,
    examination,
    identity,
    registration,
    sinks,
    triage,
    wire,
)
from bot.doctor import configuration as settings_of
from bot.doctor.finding import Check, Finding
from bot.doctor.installation import Area
from bot.doctor.redact import HIDDEN, redacted, secrets_of
from bot.doctor.wire import Answered, unreached
from bot.model.errors import DeliveryDelayed, DeliveryRefused
from bot.model.ids import QueueId
from bot.ports import Counts
from bot.settings import Settings, examine_settings
from bot.store import open_store
from bot.store.schema import HEAD
from bot.teams.clouds import CLOUDS
from tests.connector import SigningKey
from tests.edge.identities import identity as certificate_of

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
APP = "11111111-2222-4333-8444-555555555555"
TENANT = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
SECRET = "Q~8correct-horse.battery_staple-2026xyz"


def ids(findings: Iterable[Finding]) -> set[str]:
    """Return the ids of findings."""
    return {finding.id for finding in findings}


def settings(**given: object) -> Settings:
    """Return settings with some of them given."""
    return Settings(**given)  # type: ignore[arg-type]


# -------------------------------------------------------------------------------------------------------- registration


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("", "app-id.missing"),
        (f" {APP}", "app-id.pasted-along"),
        (f"“{APP}”", "app-id.pasted-along"),
        ("00000000-0000-0000-0000-000000000000", "app-id.malformed"),
        (APP.replace("-", ""), "app-id.malformed"),
        (TENANT.upper(), "app-id.is-tenant-id"),
        (APP, "app-id"),
    ],
)
def test_application_ids(given: str, found: str) -> None:
    """Only a bare GUID that is not the tenant's is an application id."""
    assert ids(registration.app_id(given, TENANT)) == {found}


@pytest.mark.parametrize(
    ("given", "more", "found"),
    [
        ("", "", "tenant-id.missing"),
        ("{" + TENANT + "}", "", "tenant-id.pasted-along"),
        ("organizations", "", "tenant-id.malformed"),
        ("contoso", "", "tenant-id.malformed"),
        ("contoso.com", "", "tenant-id.is-domain"),
        ("botframework.com", "", "tenant-id.is-domain"),
        ("contoso.com", TENANT, "tenant-id"),
        ("botframework.com", TENANT, "tenant-id"),
        (TENANT, "", "tenant-id"),
        (TENANT, f"{APP}, contoso", "tenant-id.malformed"),
    ],
)
def test_tenants(given: str, more: str, found: str) -> None:
    """A domain names a tenant to Entra; people's messages name theirs by its GUID, so one must be among those let in."""
    assert ids(registration.tenants(settings(tenant_id=given, allowed_tenants=more))) == {found}


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"app_password": SECRET}, {"credential.expiry-unknown"}),
        ({"app_password": SECRET, "app_password_expires": "2027-11-24"}, {"credential"}),
        (
            {"app_password": SECRET, "app_password_expires": "2026-11-23"},
            {"credential.secret-expired"},
        ),
        (
            {"app_password": SECRET, "app_password_expires": "2026-12-24"},
            {"credential.secret-expires-soon"},
        ),
        (
            {"app_password": "Q~8cor", "app_password_expires": "2027-11-24"},
            {"credential.too-short"},
        ),
        (
            {
                "app_password": SECRET,
                "app_password_next": f"'{APP}'",
                "app_password_expires": "2027-11-24",
            },
            {"credential.secret-is-its-id"},
        ),
        ({"managed_identity": True}, {"credential"}),
        ({"managed_identity": True, "app_password": SECRET}, {"credential.several"}),
        ({}, {"credential.none"}),
    ],
)
def test_credentials(given: Mapping[str, Any], found: set[str]) -> None:
    """Exactly one kind, of the right form, and with an end that is known and far away."""
    assert ids(registration.credential(settings(**given), NOW)) == found


def test_certificates() -> None:
    """What is in the file is read as Entra would want it; nothing of it but dates is shown."""
    now = utc_now()
    file = Path("/etc/bouncedesk/bot.pem")
    made, other = certificate_of(200), certificate_of(200)
    elliptic = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    shown = made.certificate
    contents: Mapping[str, list[bytes | None]] = {
        "credential.certificate-unreadable": [None, b"no PEM", made.key.encode()],
        "credential.certificate-without-key": [shown.encode()],
        "credential.certificate-other-key": [(shown + other.key).encode()],
        "credential.certificate-key-encrypted": [
            (shown + certificate_of(passphrase=b"x").key).encode()
        ],
        "credential.certificate-not-rsa": [shown.encode() + elliptic],
        "credential": [(shown + made.key).encode()],
    }
    for found, files in contents.items():
        for content_ in files:
            assert ids(registration.certificate(file, content_, now)) == {found}
    whole = (shown + made.key).encode()
    for when, found in (
        (now - timedelta(days=500), "credential.certificate-not-yet-valid"),
        (now + timedelta(days=190), "credential.certificate-expires-soon"),
        (now + timedelta(days=201), "credential.certificate-expired"),
    ):
        assert ids(registration.certificate(file, whole, when)) == {found}


# ------------------------------------------------------------------------------------------------------------- settings


def test_names_that_are_no_settings() -> None:
    """One letter off is taken for a slip, something else is not."""
    near, far, *none = settings_of.unknown(
        ["BOUNCEDESK_TRIAGE_CHANEL_ID", "BOUNCEDESK_TEST_MODE", "BOUNCEDESK_PORT"]
    )

    assert none == []
    assert near.id == "settings.mistyped"
    assert "BOUNCEDESK_TRIAGE_CHANNEL_ID" in near.next_step
    assert far.id == "settings.unknown"


def test_a_level_that_logs_nothing_like_it() -> None:
    """The level of the log is a word that logging knows."""
    assert ids(settings_of.log_level(settings(log_level="LOUD"))) == {"settings.value"}
    assert ids(settings_of.log_level(settings(log_level="debug"))) == set()


def test_an_sdk_that_is_not_installed() -> None:
    """The extra is needed only by who asks for it."""
    agents = settings(sdk="agents")

    assert ids(settings_of.sdk(agents, installed=False)) == {"settings.sdk-missing"}
    assert ids(settings_of.sdk(agents, installed=True)) == set()
    assert ids(settings_of.sdk(settings(), installed=False)) == set()


def test_lines_of_an_env_file() -> None:
    """Comments, empty lines and quoted values are fine; a name alone and an open quote are not."""
    env = Path(".env")
    good = b"# a comment\n\nexport BOUNCEDESK_PORT=1\nBOUNCEDESK_APP_ID='a b'\n"

    assert ids(settings_of.env_file(env, good, "")) == {"env-file"}
    assert ids(settings_of.env_file(env, None, "")) == {"env-file"}
    for line in (b"BOUNCEDESK_PORT\n", b"BOUNCEDESK_APP_ID='a\n"):
        (found,) = settings_of.env_file(env, good + line, "")
        assert found.id == "env-file.line"
        assert "line 5" in found.next_step


def test_settings_are_read_in_spite_of_what_is_wrong_with_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every mistake is named without its value, what is right is kept, and a name in a file counts as one in the environment."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("BOUNCEDESK_PORT=many\nBOUNCEDESK_APP_ID=mine\n")
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "bouncedesk_rt_tokn").write_text("secret-token")
    monkeypatch.setenv("BOUNCEDESK_SECRETS", str(tmp_path / "files"))
    monkeypatch.setenv("BOUNCEDESK_CLOUD", "mars")
    monkeypatch.setenv("BOUNCEDESK_TRIAGE_TEAM_ID", "19:secret-team@thread.tacv2")

    reading = examine_settings(data=tmp_path)

    assert {mistake.names for mistake in reading.mistakes} == {
        ("BOUNCEDESK_PORT",),
        ("BOUNCEDESK_CLOUD",),
        ("BOUNCEDESK_TRIAGE_TEAM_ID", "BOUNCEDESK_TRIAGE_CHANNEL_ID"),
    }
    assert not any("secret" in why or "many" in why for _, why, _ in reading.mistakes)
    kept = reading.settings
    assert (kept.app_id, kept.port, kept.cloud, kept.triage_team_id) == (
        "mine",
        3978,
        "public",
        "",
    )
    assert "BOUNCEDESK_RT_TOKN" in reading.names
    monkeypatch.setenv("BOUNCEDESK_SECRETS", str(tmp_path / "nowhere"))
    assert ("BOUNCEDESK_SECRETS",) in {one.names for one in examine_settings().mistakes}


# ------------------------------------------------------------------------------------------------------------- identity


@pytest.mark.parametrize(
    ("number", "found"),
    [
        (7000215, "token.wrong-secret"),
        (7000222, "token.secret-expired"),
        (700016, "token.app-not-in-tenant"),
        (50034, "token.app-not-in-tenant"),
        (90002, "token.tenant-not-found"),
        (900023, "token.tenant-not-found"),
        (700027, "token.certificate-not-registered"),
        (700024, "token.clock"),
        (7000112, "token.app-disabled"),
        (500011, "token.other-cloud"),
        (53003, "token.conditional-access"),
        (1, "token.refused"),
    ],
)
def test_what_entra_says(number: int, found: str) -> None:
    """Entra's number says what is wrong; its sentence, which names ids and addresses, is left out."""
    answer = {"error": "x", "error_codes": [number], "error_description": "private words"}

    (finding,) = identity.token({"BOUNCEDESK_APP_PASSWORD": answer}, "login.contoso.com")

    assert finding.id == found
    assert str(number) in finding.seen
    assert "private" not in repr(finding)


@pytest.mark.parametrize(
    ("error", "found", "words"),
    [
        (requests.exceptions.ProxyError("secret"), "token.unreached", "proxy"),
        (requests.exceptions.SSLError("secret"), "token.unreached", "certificate"),
        (requests.exceptions.ConnectTimeout("secret"), "token.unreached", "in time"),
        (TimeoutError(), "token.unreached", "in time"),
        (ValueError("secret"), "token.tenant-not-found", "tenant"),
        (KeyError("secret"), "token.refused", "KeyError"),
    ],
)
def test_why_entra_was_not_reached(error: Exception, found: str, words: str) -> None:
    """What broke off says in our words where; the error's own are not repeated."""
    (finding,) = identity.token({"BOUNCEDESK_APP_PASSWORD": error}, "login.contoso.com")

    assert finding.id == found
    assert words in finding.seen
    assert "secret" not in finding.seen


def test_a_machine_without_the_identity() -> None:
    """Whatever the metadata service says, there is one thing to do."""
    for answer in ({"error": "invalid_request"}, ConnectionError()):
        (finding,) = identity.token({"x": answer}, "entra", managed_identity=True)
        assert finding.id == "token.no-managed-identity"


def test_signing_keys(rsa_key: Mapping[str, Any]) -> None:
    """Keys count that can be read, are this cloud's, and may sign for Teams."""
    cloud = CLOUDS["public"]
    good = {"issuer": cloud.issuer}

    def judged(metadata: Mapping[str, Any], *keys: object, status: int = 200) -> str:
        body = msgspec.json.encode({"keys": keys})
        return identity.keys(metadata, Answered(status, {}, body, NOW, NOW), cloud).id

    assert judged(good, rsa_key) == "signing-keys"
    assert judged(good) == "signing-keys.unusable"
    assert judged(good, rsa_key, status=503) == "signing-keys.unusable"
    assert judged(good, {"kty": "EC"}) == "signing-keys.unusable"
    assert (
        judged({"issuer": "https://api.botframework.us"}, rsa_key) == "signing-keys.other-issuer"
    )
    assert (
        judged(good, dict(rsa_key) | {"endorsements": ["webchat"]}) == "signing-keys.not-endorsed"
    )


@pytest.fixture(scope="module")
def rsa_key() -> Mapping[str, Any]:
    """Return a public key as the channel publishes it."""
    return SigningKey("key-1").public


@pytest.mark.parametrize(
    ("seconds", "found"),
    [
        (0, "clock"),
        (-59, "clock"),
        (62, "clock.skewed"),
        (-299, "clock.skewed"),
        (302, "clock.wrong"),
    ],
)
def test_clocks(seconds: int, found: str) -> None:
    """Up to a minute is nothing, more than five is too much."""
    theirs = NOW + timedelta(seconds=seconds)

    assert identity.clock(theirs, NOW, NOW).id == found
    assert identity.clock(theirs, NOW, NOW + timedelta(seconds=1)).id == found
    assert identity.clock(None, NOW, NOW).outcome is Outcome.NOT_CHECKED


def test_a_proxy_that_only_some_of_it_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The purchase of tokens obeys it, the rest goes directly."""
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert identity.proxy("https://login.contoso.com").outcome is Outcome.OK
    monkeypatch.setenv("https_proxy", "http://user:secret@proxy.contoso.com:8080")
    found = identity.proxy("https://login.contoso.com")
    assert found.id == "proxy.for-some"
    assert "secret" not in repr(found)


# ------------------------------------------------------------------------------------------------------------- database


@pytest.mark.parametrize(
    ("seen", "found"),
    [
        ({"there": False, "embedded": True}, "database"),
        ({"there": False, "embedded": True, "writable": False}, "database.not-writable"),
        ({"embedded": True, "tables": 3}, "database.foreign"),
        ({"embedded": True}, "database"),
        ({"embedded": True, "revision": "0001"}, "database.older"),
        ({"embedded": True, "revision": "9999"}, "database.newer"),
        ({"revision": "9999"}, "database.newer"),
        ({"revision": "0001"}, "database.not-migrated"),
        ({}, "database.not-migrated"),
        ({"revision": HEAD}, "database"),
        ({"revision": HEAD, "writable": False}, "database.not-writable"),
    ],
)
def test_databases(seen: Mapping[str, Any], found: str) -> None:
    """A database is this version's, or it is said whose and what to do."""
    assert database.database(database.Seen(where="somewhere", **seen)).id == found


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ('FATAL:  database "bot" does not exist', "database.missing"),
        ('FATAL:  role "bot" does not exist', "database.login"),
        ('FATAL:  password authentication failed for user "bot"', "database.login"),
        ("fe_sendauth: no password supplied", "database.login"),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.1"', "database.login"),
        ("connection refused", "database.unreached"),
        ("", "database.unreached"),
    ],
)
def test_what_postgresql_says(said: str, found: str) -> None:
    """The server's words are understood and not repeated: they may have a user's name in them."""
    finding = database.refusal(f"connection failed: {said}", "db.contoso.com")

    assert finding.id == found
    assert "bot" not in finding.seen


async def test_sqlite_files_are_looked_into_and_left_as_they_are(tmp_path: Path) -> None:
    """Not there, ours, somebody else's, locked: each is seen as what it is, and nothing is made or changed."""
    where = settings(data=tmp_path / "deep" / "data")
    assert not database.see(where).there
    with pytest.raises(FileNotFoundError):
        shutil.disk_usage(tmp_path / "deep")

    where = settings(data=tmp_path)
    file = tmp_path / "bouncedesk.sqlite3"
    store = open_store(where.store_url)
    seen = database.see(where)
    assert (seen.revision, seen.journal, seen.writable) == (HEAD, "wal", True)
    await store.close()

    with closing(sqlite3.connect(file)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        with pytest.raises(database.Unusable) as locked:
            await asyncio.to_thread(database.see, where)
    assert locked.value.finding.id == "database.locked"

    file.unlink()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE songs (title TEXT)")
    assert database.database(database.see(where)).id == "database.foreign"


def test_what_waits_and_what_was_given_up() -> None:
    """A message that is late is a problem, one that was given up a warning; both can be so at once."""

    def judged(unsent: int = 0, oldest_seconds: float = 0.0, dead: int = 0) -> set[str]:
        counts = Counts(tickets={}, unsent=unsent, oldest_seconds=oldest_seconds, dead=dead)
        return ids(database.outbox(counts))

    assert judged() == {"outbox"}
    assert judged(unsent=3, oldest_seconds=600.0) == {"outbox"}
    assert judged(unsent=3, oldest_seconds=1_000.0) == {"outbox.late"}
    assert judged(unsent=3, oldest_seconds=1_000.0, dead=1) == {
        "outbox.late",
        "outbox.dead-letters",
    }


def test_room_on_the_disk(tmp_path: Path) -> None:
    """The disk of the nearest folder that is there is the one that counts."""
    assert "GB are free" in database.disk(tmp_path / "not" / "there" / "yet.sqlite3").seen
    assert database.room(tmp_path, 5_000_000_000).id == "disk"
    assert database.room(tmp_path, 500_000_000).id == "disk.low"
    assert database.room(tmp_path, 50_000_000).id == "disk.full"


# --------------------------------------------------------------------------------------------------------------- triage


@pytest.mark.parametrize(
    ("detail", "found"),
    [
        ("GET HTTP 403 BotNotInConversationRoster", "triage-team.not-installed"),
        ("GET HTTP 404 BotNotInConversationRoster", "triage-team.not-installed"),
        ("GET HTTP 403", "triage-team.not-installed"),
        ("GET HTTP 403 BotDisabledByAdmin", "triage-team.blocked"),
        ("GET HTTP 404 ConversationNotFound", "triage-team.not-found"),
        ("GET HTTP 401", "triage-team.token-refused"),
        ("GET HTTP 502", "triage-team.unreached"),
        ("GET ClientConnectorError", "triage-team.unreached"),
        ("There is no token for the channel.", "triage-team"),
    ],
)
def test_what_the_channel_says_of_a_team(detail: str, found: str) -> None:
    """The connector's status and code say whether the bot is at home there."""
    place = triage.Place(QueueId("security"), "19:a@thread.tacv2", "19:b@thread.tacv2")
    for error in (DeliveryRefused(detail), DeliveryDelayed(detail)):
        finding = triage.refused(place, error, "smba.trafficmanager.net")
        assert finding.id == found
        assert "queue security" in finding.title


@pytest.mark.parametrize(
    ("team", "channel", "found"),
    [
        ("19:a@thread.tacv2", "19:b@thread.tacv2", "triage-ids"),
        ("19:a@thread.skype", "19:b-_1@thread.tacv2", "triage-ids"),
        ("19:a@thread.tacv2", "19:a@thread.tacv2", "triage-ids.channel-is-team"),
        ("19%3Aa%40thread.tacv2", "19:b@thread.tacv2", "triage-ids.malformed"),
        (TENANT, "19:b@thread.tacv2", "triage-ids.malformed"),
        ("", "19:b@thread.tacv2", "triage-ids.malformed"),
        ("19:a@thread.tacv2", "19:b@thread.tacv2;messageid=1", "triage-ids.malformed"),
        ("19:a@thread.tacv2", "General", "triage-ids.malformed"),
    ],
)
def test_ids_of_teams(team: str, channel: str, found: str) -> None:
    """Only what Teams itself calls a team and a channel will do."""
    assert ids(triage.ids([triage.Place(QueueId(""), team, channel)])) == {found}


def test_who_is_on_call() -> None:
    """Nobody is a choice; somebody who has left is not."""
    place = triage.Place(QueueId(""), "19:a@thread.tacv2", "19:b@thread.tacv2")

    assert triage.on_call(place, 0, 0).outcome is Outcome.OK
    assert triage.on_call(place, 3, 0).outcome is Outcome.OK
    assert triage.on_call(place, 3, 1).id == "on-call.left"


# ------------------------------------------------------------------------------------------------- endpoint and package


@pytest.mark.parametrize(
    ("status", "asks", "found"),
    [
        (401, "", "public-endpoint"),
        (401, 'Bearer realm="bot"', "public-endpoint"),
        (401, 'Basic realm="intranet"', "public-endpoint.login-in-front"),
        (407, "", "public-endpoint.login-in-front"),
        (200, "", "public-endpoint.not-the-bot"),
        (302, "", "public-endpoint.moved"),
        (403, "", "public-endpoint.forbidden"),
        (404, "", "public-endpoint.wrong-path"),
        (405, "", "public-endpoint.wrong-path"),
        (502, "", "public-endpoint.bot-not-running"),
        (504, "", "public-endpoint.bot-not-running"),
        (500, "", "public-endpoint.unexpected"),
    ],
)
def test_answers_to_a_message_without_a_token(status: int, asks: str, found: str) -> None:
    """Only a 401 without a login of a proxy's own is the bot's."""
    headers = {"www-authenticate": asks} if asks else {}

    assert endpoint.endpoint(Answered(status, headers, b"", NOW, NOW)).id == found


@pytest.mark.parametrize(
    ("given", "found", "tried"),
    [
        ("https://bot.contoso.com/api/messages", "public-url", True),
        ("https://bot.contoso.com:8443/api/messages", "public-url", True),
        ("https://bot.contoso.com", "public-url.wrong-path", True),
        ("https://bot.contoso.com/api/messages/", "public-url.wrong-path", True),
        ("http://bot.contoso.com/api/messages", "public-url.not-https", False),
        ("bot.contoso.com/api/messages", "public-url.malformed", False),
        ("https://user:pass@bot.contoso.com/api/messages", "public-url.malformed", False),
        ("https://bot.contoso.com:port/api/messages", "public-url.malformed", False),
        ("https://[bot/api/messages", "public-url.malformed", False),
        (" https://bot.contoso.com/api/messages", "public-url.malformed", False),
    ],
)
def test_public_addresses(given: str, found: str, tried: bool) -> None:  # noqa: FBT001
    """What can be called is tried; a wrong path is put right first."""
    finding, parts = endpoint.public_url(given)

    assert finding.id == found
    assert (parts is not None) is tried
    assert parts is None or parts.path == "/api/messages"


def test_a_certificate_that_ends() -> None:
    """Three weeks before, what renews by itself should have been renewed."""
    assert endpoint.tls("bot.contoso.com", 22).id == "public-tls"
    assert endpoint.tls("bot.contoso.com", 21).id == "public-tls.ends-soon"


def test_what_the_bot_says_of_itself() -> None:
    """Ready, ready with warnings, not ready, and somebody else."""

    def judged(status: int, body: bytes) -> str:
        return endpoint.server(Answered(status, {}, body, NOW, NOW), 3978).id

    warns = b'{"status":"ready","checks":[{"name":"keys","status":"warning"}]}'
    assert judged(200, b'{"status":"ready","checks":[]}') == "server"
    assert judged(200, warns) == "server.warns"
    assert judged(503, b'{"status":"stopping"}') == "server.not-ready"
    assert judged(200, b"<html>") == "server.somebody-else"


def test_app_packages() -> None:
    """A package is this bot's, of this version, with pages of its own; a template sends people to no other bot."""
    developer = {"name": "Adatum", "websiteUrl": "https://adatum.example/"}
    good = {
        "id": APP,
        "version": __version__,
        "developer": developer,
        "bots": [{"botId": APP, "scopes": ["personal", "team", "groupChat"]}],
        "composeExtensions": [{"botId": APP}],
    }
    file = Path("bouncedesk.zip")

    assert ids(content.built(file, good, APP)) == set()
    assert ids(content.template(good, APP)) == set()
    assert ids(content.built(file, good, TENANT)) == {"built-package.other-app"}
    assert ids(content.built(file, good | {"version": "0.0.1"}, APP)) == {"built-package.old"}
    example = {"privacyUrl": "https://www.example.com/privacy"}
    assert ids(content.built(file, good | {"developer": example}, APP)) == {
        "built-package.example-addresses"
    }
    assert ids(content.built(file, None, APP)) == {"built-package.unreadable"}
    other = {"botId": TENANT, "scopes": ["personal"]}
    assert ids(content.template(good | {"bots": [other]}, APP)) == {
        "app-package.other-bot",
        "app-package.scopes",
    }
    assert content.read_manifest(b"PK no zip") is None


# -------------------------------------------------------------------------------------------------------- sinks and wire


def test_what_a_mail_server_says() -> None:
    """Its code says what to do; its words, which may quote the login, are left out."""
    errors: dict[str, list[Exception]] = {
        "sink-email.login": [
            aiosmtplib.SMTPAuthenticationError(535, "secret"),
            aiosmtplib.SMTPNotSupported("secret"),
        ],
        "sink-email.unreached": [
            aiosmtplib.SMTPConnectResponseError(421, "secret"),
            aiosmtplib.SMTPServerDisconnected("secret"),
            TimeoutError(),
        ],
        "sink-email.no-starttls": [
            aiosmtplib.SMTPException("SMTP STARTTLS extension not supported by server.")
        ],
        "sink-email.untrusted": [ssl.SSLCertVerificationError(1, "secret")],
    }
    for found, several in errors.items():
        for error in several:
            finding = sinks.email_trouble(error, "mail.contoso.com")
            assert finding.id == found
            assert "secret" not in repr(finding)


@pytest.mark.parametrize(
    ("status", "said", "found"),
    [
        (200, {"Name": "General"}, "sink-rt"),
        (200, None, "sink-rt.not-rt"),
        (200, {"else": 1}, "sink-rt.not-rt"),
        (401, {"message": "Unauthorized"}, "sink-rt.login"),
        (403, {"message": "Forbidden"}, "sink-rt.queue"),
        (404, {"message": "Not Found"}, "sink-rt.queue"),
        (404, None, "sink-rt.not-rt"),
        (302, None, "sink-rt.not-rt"),
    ],
)
def test_what_rt_says(status: int, said: dict[str, object] | None, found: str) -> None:
    """RT answers in JSON; what does not is no RT."""
    assert sinks.rt(status, said, "rt.contoso.com", "General").id == found


def test_why_nobody_was_reached() -> None:
    """Names, ports, routes, certificates and silence are told apart, also through the errors of libraries."""

    def verification(code: int) -> ssl.SSLCertVerificationError:
        error = ssl.SSLCertVerificationError(1, "secret")
        error.verify_code = code
        return error

    wrapped = OSError("secret")
    wrapped.__cause__ = ConnectionRefusedError()
    grouped = OSError("secret")
    grouped.__cause__ = ExceptionGroup("secret", [TimeoutError()])
    words: list[tuple[Exception, str]] = [
        (verification(10), "expired"),
        (verification(62), "another name"),
        (verification(18), "self-signed"),
        (verification(99), "does not hold"),
        (ssl.SSLError(1, "secret"), "TLS"),
        (wrapped, "refused"),
        (grouped, "no answer"),
        (OSError(113, "secret"), "routing"),
        (ValueError("secret"), "URL"),
        (OSError("secret"), "broke"),
    ]
    for error, said in words:
        why = unreached(error)
        assert said in why.why
        assert "secret" not in why.why
        assert isinstance(why, wire.Untrusted) is isinstance(error, ssl.SSLCertVerificationError)


# ------------------------------------------------------------------------------------------------------------ the whole


def test_secrets_are_hidden_however_they_are_written() -> None:
    """A secret in quotes, quoted for a URL, in an address or in a webhook's path does not leave."""
    given = settings(
        app_password=f'"{SECRET}"',
        rt_token="1-23-a b+c/0123456789",
        rt_url="https://rt.contoso.com",
        rt_queue="General",
        database_url="postgresql://bot:p%40ss-word-long@db.contoso.com/bot",
        webhook_url="https://hooks.contoso.com/in/0123456789abcdef0123?sig=abcdefghijk",
        webhook_secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    )
    leaks = (
        SECRET,
        "1-23-a b+c/0123456789",
        "1-23-a%20b%2Bc%2F0123456789",
        "p%40ss-word-long",
        "p@ss-word-long",
        "0123456789abcdef0123",
        "sig=abcdefghijk",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    )
    check = Check("x", "Title")
    for leak in leaks:
        finding = redacted(check.ok(f"It is {leak}."), secrets_of(given))
        assert finding.seen == f"It is {HIDDEN}."
    open_ = "db.contoso.com, hooks.contoso.com, General"
    assert redacted(check.ok(open_), secrets_of(given)).seen == open_


async def test_a_check_that_breaks_does_not_keep_the_others_from_being_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It says that it broke, and where; nothing of what it held in its hands."""

    async def breaks(_installation: Installation) -> list[Finding]:
        raise RuntimeError("secret")

    async def hangs(_installation: Installation) -> list[Finding]:
        await asyncio.sleep(60)
        return []

    async def works(_installation: Installation) -> list[Finding]:
        return [Check("x", "Title").ok("Well.")]

    areas = (Area("a", "A", breaks), Area("b", "B", hangs), Area("c", "C", works))
    monkeypatch.setattr(examination, "AREAS", areas)
    monkeypatch.setattr(examination, "_SECONDS", 0.05)
    installation = Installation(examine_settings(), local=True, package=Path("x"), clock=utc_now)

    found = [one async for one in examination.examine(installation)]

    assert [[finding.id for finding in one.findings] for one in found] == [
        ["doctor.broken"],
        ["doctor"],
        ["x"],
    ]
    assert "secret" not in repr(found)
    assert examination.worst(found[0].findings) is Outcome.PROBLEM


def test_findings_are_written_for_people() -> None:
    """What is well takes a line; what is not says what was seen, what it means, and what to do; nothing is broken in two."""
    check = Check("x", "Title")
    flaw = Flaw(
        check=check, name="y", means="It means.", next_step="Run `a-long-command --with=x`."
    )

    async def look(_installation: Installation) -> list[Finding]:
        return []

    findings = (check.ok("Well."), check.not_checked("it rains."), flaw.found("Seen.", about="b"))
    text = as_text(Findings(Area("a", "Area", look), findings))

    assert text.splitlines() == [
        "Area",
        "  ok       Title: Well.",
        "  -        Title: not checked because it rains.",
        "  PROBLEM  Title (b) [x.y]",
        "           Seen:  Seen.",
        "           Means: It means.",
        "           Next:  Run `a-long-command --with=x`.",
    ]
