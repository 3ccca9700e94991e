"""A real Request Tracker 5: Debian's package, with a configuration, a database and a server of its own that go when the test goes.

Nothing of the machine's own RT is read or written, if it has one: RT takes another configuration by its environment. The packages stay
installed.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.e2e.program import free_port, wait_until

Json = dict[str, Any]

PACKAGES = ("request-tracker5", "rt5-db-sqlite", "rt5-standalone")
SHARE = Path("/usr/share/request-tracker5")
QUEUE = "Mail bounces"

_INSTALL_SECONDS = 1200.0
_STARTS_WITHIN = 60.0

_CONFIGURATION = """
Set($rtname, 'rt.example.com');
Set($Organization, 'example.com');
Set($DatabaseType, 'SQLite');
Set($DatabaseName, '{folder}/rt.sqlite3');
Set($WebDomain, '127.0.0.1');
Set($WebPort, {port});
Set($WebPath, '');
Set($MailCommand, 'sendmailpipe');
Set($SendmailPath, '{folder}/sendmail');
Set($LogToSTDERR, 'warning');
Set($LogToSyslog, undef);
Set($LogToFile, undef);
Set($WebSessionClass, 'Apache::Session::File');
Set($Timezone, 'UTC');
1;
"""

_SENDMAIL = """#!/bin/sh
(cat; printf '\\n---- sent ----\\n') >>'{folder}/outgoing'
"""

_PEOPLE = """
use strict; use warnings;
use lib '/usr/share/request-tracker5/lib';
use RT -init;
use JSON;
sub done {{ my ($ok, $said) = @_; die $said unless $ok; }}
my $queue = RT::Queue->new(RT->SystemUser);
done($queue->Create(Name => '{queue}', CorrespondAddress => 'bounces@rt.example.com'));
my @rights = qw(SeeQueue ShowTicket ShowTicketComments CreateTicket ReplyToTicket CommentOnTicket);
my %tokens;
for my $person (['bouncedesk', 'Bouncedesk', 1], ['kari', 'Kari Agent', 1], ['weak', 'Weak Robot', 0]) {{
    my ($name, $real, $modifies) = @$person;
    my $user = RT::User->new(RT->SystemUser);
    done($user->Create(Name => $name, RealName => $real, Privileged => 1, EmailAddress => "$name\\@rt.example.com"));
    done($user->PrincipalObj->GrantRight(Right => $_, Object => $queue))
        for (@rights, $modifies ? 'ModifyTicket' : ());
    my ($ok, $said, $token) = RT::AuthToken->new(RT->SystemUser)->Create(Owner => $user->Id, Description => 'test');
    done($ok, $said);
    $tokens{{$name}} = $token;
}}
print encode_json(\\%tokens);
"""


class Rt:
    """RT as its users see it, each with a token of their own."""

    def __init__(self, url: str, tokens: Mapping[str, str], folder: Path) -> None:
        """Take where it answers, and who may ask."""
        self.url = url
        self.tokens = tokens
        self._folder = folder

    @property
    def outgoing(self) -> list[str]:
        """The e-mail that RT sent, oldest first."""
        file = self._folder / "outgoing"
        return (
            file.read_text(encoding="utf-8").split("---- sent ----")[:-1] if file.exists() else []
        )

    def ask(
        self, method: str, path: str, body: Json | None = None, *, who: str = "kari", **query: str
    ) -> Json:
        """Ask RT's REST 2 API as somebody; return the JSON. Raises HTTPError."""
        asked = f"?{urllib.parse.urlencode(query)}" if query else ""
        request = urllib.request.Request(  # noqa: S310 - always our own loopback address
            f"{self.url}/REST/2.0/{path}{asked}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"token {self.tokens[who]}",
                "Content-Type": "application/json",
            },
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            found: Any = json.loads(answer.read())
        return found if isinstance(found, dict) else {"said": found}

    def tickets(self, words: str) -> list[int]:
        """Return the tickets with some words in their subject, oldest first."""
        query = f"Subject LIKE '{words}'"
        found = self.ask("GET", "tickets", query=query, orderby="id", per_page="100")
        return [int(item["id"]) for item in found["items"]]

    def ticket_of(self, number: int) -> int:
        """Return the newest ticket that stands for one of ours: RT keeps those of earlier tests, whose stores gave the same numbers."""
        return self.tickets(f"[Bouncedesk #{number}]")[-1]

    def ticket(self, ticket: int) -> Json:
        """Return a ticket."""
        return self.ask("GET", f"ticket/{ticket}")

    def status(self, ticket: int) -> str:
        """Return where a ticket stands."""
        return str(self.ticket(ticket)["Status"])

    def history(self, ticket: int, *kinds: str) -> list[tuple[str, str, str]]:
        """Return what was done to a ticket, oldest first: its kind, who did it, and the words or the new status."""
        found = self.ask(
            "GET",
            f"ticket/{ticket}/history",
            fields="Type,Creator,NewValue",
            per_page="100",
            orderby="id",
        )
        return [
            (
                item["Type"],
                item["Creator"]["id"],
                item["NewValue"] if item["Type"] == "Status" else self.text(int(item["id"])),
            )
            for item in found["items"]
            if not kinds or item["Type"] in kinds
        ]

    def text(self, transaction: int) -> str:
        """Return the words of a transaction."""
        return next(iter(self.parts(transaction)), ("", ""))[1]

    def parts(self, transaction: int) -> list[tuple[str, str]]:
        """Return the parts of a transaction with words: their file names and their text."""
        links = self.ask("GET", f"transaction/{transaction}")["_hyperlinks"]
        numbers = [
            link["_url"].rpartition("/")[2] for link in links if link["ref"] == "attachment"
        ]
        parts = [self.ask("GET", f"attachment/{number}") for number in numbers]
        return [
            (part.get("Filename") or "", base64.b64decode(part["Content"]).decode())
            for part in parts
            if part.get("Content")
        ]

    def first_transaction(self, ticket: int) -> int:
        """Return the transaction in which a ticket was made."""
        found = self.ask("GET", f"ticket/{ticket}/history", orderby="id", per_page="1")
        return int(found["items"][0]["id"])

    def says(
        self, ticket: int, text: str, *, who: str = "kari", html: bool = False, **more: str
    ) -> None:
        """Reply on a ticket, as an agent at RT does."""
        kind = "text/html" if html else "text/plain"
        body = {"Content": text, "ContentType": kind} | more
        self.ask("POST", f"ticket/{ticket}/correspond", body, who=who)

    def notes(self, ticket: int, text: str) -> None:
        """Comment on a ticket, for colleagues only."""
        body = {"Content": text, "ContentType": "text/plain"}
        self.ask("POST", f"ticket/{ticket}/comment", body)

    def sets(self, ticket: int, status: str) -> None:
        """Change a ticket's status, without a word."""
        self.ask("PUT", f"ticket/{ticket}", {"Status": status})
        assert self.status(ticket) == status


@contextmanager
def request_tracker(folder: Path) -> Iterator[Rt]:
    """Install RT where it is not, make an empty one in a folder, and run it on loopback while the block lasts."""
    assert os.geteuid() == 0, "installing and running Debian's package needs root"
    _install()
    port = free_port()
    environment = _configured(folder, port)
    _run([_command("rt-setup-database"), "--action", "init", "--skip-create"], environment)
    people = folder / "people.pl"
    people.write_text(_PEOPLE.format(queue=QUEUE), encoding="utf-8")
    tokens = json.loads(_run(["perl", str(people)], environment))
    command = [str(SHARE / "libexec" / "rt-server"), "--server", "Starlet"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--max-workers", "3"]
    with (folder / "rt.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, start_new_session=True
        )
        try:
            rt = Rt(f"http://127.0.0.1:{port}", tokens, folder)
            wait_until(lambda: _answers(rt), _STARTS_WITHIN)
            yield rt
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=20)


def _install() -> None:
    """Install what is missing; a machine that has a mail server or dbconfig keeps its own."""
    if (SHARE / "libexec" / "rt-server").exists():
        return
    packages = [*PACKAGES]
    if not shutil.which("sendmail"):
        packages.append("dma")
    if not Path("/usr/share/dbconfig-common").exists():
        packages.append("dbconfig-no-thanks")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
        _run(["apt-get", "--quiet", *command], environment)


def _configured(folder: Path, port: int) -> dict[str, str]:
    """Write a configuration into a folder; return the environment in which RT reads that one and no other."""
    folder.chmod(0o755)
    site = folder / "RT_SiteConfig.pm"
    site.write_text(_CONFIGURATION.format(folder=folder, port=port), encoding="utf-8")
    pieces = folder / "pieces"
    pieces.mkdir()
    sendmail = folder / "sendmail"
    sendmail.write_text(_SENDMAIL.format(folder=folder), encoding="utf-8")
    sendmail.chmod(0o755)
    return os.environ | {"RT_SITE_CONFIG": str(site), "RT_SITE_CONFIG_DIR": str(pieces)}


def _command(name: str) -> str:
    """Return one of RT's commands, as Debian names it."""
    found = shutil.which(f"{name}-5") or shutil.which(name)
    assert found, f"{name} is not installed"
    return found


def _run(command: list[str], environment: Mapping[str, str]) -> str:
    done = subprocess.run(
        command,
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=_INSTALL_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{command[0]}: {done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


def _answers(rt: Rt) -> bool:
    try:
        return "Version" in rt.ask("GET", "rt")
    except (OSError, ValueError):
        return False
