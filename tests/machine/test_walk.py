"""The guides for one machine, walked in order by root on a fresh Debian with systemd: install, back up, replace a secret, upgrade, go back.

One test, because each guide goes on where the one before ended.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from tests import guides
from tests.connector import StubConnector
from tests.e2e.office import Office, helpdesk, text_of
from tests.e2e.program import Server, registered
from tests.machine.debian import Debian

_PORT = 3978
_SETTINGS = "/etc/bouncedesk/bouncedesk.env"
_SECRETS = "/etc/bouncedesk/credentials"
_READY = '{"status":"ready"'

_SITE = """
folder=/etc/letsencrypt/live/bot.example.com
mkdir -p "$folder"
openssl req -x509 -newkey rsa:2048 -noenc -days 1 -subj /CN=bot.example.com \\
  -keyout "$folder/privkey.pem" -out "$folder/fullchain.pem" 2>/dev/null
"""

_OUTSIDE = """
import ssl, urllib.error, urllib.request as http
for path in ("/healthz", "/readyz", "/metrics", "/"):
    try:
        print(http.urlopen("https://127.0.0.1" + path, context=ssl._create_unverified_context()).status)
    except urllib.error.HTTPError as error:
        print(path, error.code)
"""

_WRITTEN = f"find / -xdev -newer {_SECRETS}/app_password -user bouncedesk -not -path '/proc/*' -not -path '/sys/*'"


def test_the_guides_can_be_followed(machine: Debian, stub: StubConnector) -> None:
    """After each guide the bot answers people in Teams, and knows what it is to know."""
    office = Office(Server(machine.process, _PORT, stub.service_url, stub), stub)

    said = _follow(machine, "one-vm.md", _installing(stub))
    assert _READY in said
    assert "\n401\n" in said
    assert "Tables: 0002, as this version needs them." in said
    first = office.asks_for_help("ola", "fabrikam.com")
    assert "Kari" in text_of(office.presses("kari", first, "claim"))
    office.settles()
    _is_confined(machine)

    said = _follow(machine, "backup.md")
    assert "1 ticket, the last is #1001" in said
    assert "The next ticket is #1002." in said
    assert _numbers(machine) == [1001]
    assert "Kari" in text_of(office.card(first))

    stub.entra({"right": "taken", "newer": "taken"})
    said = _follow(machine, "secrets.md", _replacing())
    stub.entra({"right": "expired"}, [(machine.root / "root/bouncedesk.crt").read_text()])
    machine.run("systemctl restart bouncedesk")
    office.until(lambda: _ready(office.bot))
    assert said.count(_READY) == 2
    second = office.asks_for_help("nina", "contoso.com")
    office.settles()
    assert second == 1002
    assert stub.requests(method="POST", path=f"/{office.bot.tenant}/oauth2/v2.0/token")

    machine.run(
        "cd /usr/local/src/bouncedesk && sed -i 's/^__version__ = .*/__version__ = \"9.0.0\"/' bot/__init__.py"
    )
    said = _follow(machine, "upgrade.md")
    assert _READY in said
    assert "2 tickets" in said
    assert "9.0.0" in machine.run("ls /opt/bouncedesk")
    assert "9.0.0" not in machine.run("readlink /opt/bouncedesk/current")
    office.until(lambda: _ready(office.bot))
    assert office.asks_for_help("per", "example.com") == 1003
    assert _numbers(machine) == [1001, 1002, 1003]


def test_the_examples_for_proxies_are_taken(machine: Debian) -> None:
    """HAProxy and nginx read their configurations without a complaint."""
    source = "/usr/local/src/bouncedesk"
    machine.run(
        "openssl req -x509 -newkey rsa:2048 -noenc -days 1 -subj /CN=bot.example.com -keyout /tmp/key -out /tmp/crt 2>/dev/null\n"
        "cat /tmp/crt /tmp/key > /etc/haproxy/bot.example.com.pem\n"
    )
    assert "warning" not in machine.run(f"haproxy -c -f {source}/deploy/haproxy.cfg").lower()


def _follow(machine: Debian, guide: str, instead: Mapping[str, str] | None = None) -> str:
    """Do everything that a guide says; return what was printed."""
    return machine.run(guides.script(guide, "sh vm", instead))


def _installing(stub: StubConnector) -> dict[str, str]:
    """Return what stands in for what a person does by hand in one-vm.md."""
    world = registered(stub) | helpdesk(stub.service_url)
    del world["APP_PASSWORD"]
    lines = "".join(f"BOUNCEDESK_{name}={value}\n" for name, value in world.items())
    paste = f"install --mode=0600 /dev/stdin {_SECRETS}/app_password"
    return {
        f"editor {_SETTINGS}": f"cat >>{_SETTINGS} <<'END'\n{lines}END",
        paste: f"echo right | {paste}",
        "apt-get install --yes certbot": _SITE,
    }


def _replacing() -> dict[str, str]:
    """Return what stands in for what a person does by hand in secrets.md: first a new secret, then a certificate."""
    paste = f"install --mode=0600 /dev/stdin {_SECRETS}/app_password_next"
    put = "install --owner=root --group=bouncedesk --mode=0640 bouncedesk.pem /etc/bouncedesk/certificate.pem"
    return {
        paste: f"echo newer | {paste}",
        f"editor {_SETTINGS}": f"echo BOUNCEDESK_APP_PASSWORD_EXPIRES=2099-12-31 >>{_SETTINGS}",
        put: "\n".join(
            (
                "cd /root",
                guides.script("register.md", "sh try"),
                put,
                f"echo BOUNCEDESK_APP_CERTIFICATE=/etc/bouncedesk/certificate.pem >>{_SETTINGS}",
                f"sed -i /APP_PASSWORD_EXPIRES/d {_SETTINGS}",
                f"rm {_SECRETS}/app_password",
            )
        ),
        "systemctl restart bouncedesk": "systemctl restart bouncedesk",
    }


def _is_confined(machine: Debian) -> None:
    """Check what the service may do, by systemd's own measure and by what it did."""
    security = machine.run("systemd-analyze --no-pager security bouncedesk")
    exposure = re.search(r"exposure level for bouncedesk\.service: ([\d.]+)", security)
    assert exposure is not None
    assert float(exposure[1]) <= 1.2
    units = "bouncedesk.service bouncedesk-backup.service bouncedesk-backup.timer"
    machine.run("cp /usr/local/src/bouncedesk/deploy/bouncedesk-backup.* /etc/systemd/system/")
    assert "bouncedesk" not in machine.run(f"systemd-analyze verify {units}")
    machine.run("systemctl reload bouncedesk && sleep 3 && systemctl is-active bouncedesk")
    written = machine.run(_WRITTEN).split()
    assert written
    assert all(path.startswith("/var/lib/bouncedesk") for path in written), written
    assert re.findall(r" (\d+)", machine.run(f"python3 - <<'END'\n{_OUTSIDE}END")) == ["404"] * 4


def _numbers(machine: Debian) -> list[int]:
    """Return the numbers of the tickets that the bot on the machine has."""
    listed = machine.run("bouncedesk tickets list --json")
    return sorted(int(number) for number in re.findall(r'"number": (\d+)', listed))


def _ready(bot: Server) -> bool:
    try:
        return bot.get("/readyz")[0] == 200
    except OSError:
        return False
