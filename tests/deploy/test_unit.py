"""The files in deploy/, held against the code and against each other. `make test-deploy` shows them to the programs that they are for."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from bot.model.limits import BODY_BYTES
from bot.settings import Settings

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"

UNIT = {"After", "Description", "StartLimitIntervalSec", "Wants"}
INSTALL = {"WantedBy"}
TIMER = {"OnCalendar", "Persistent", "RandomizedDelaySec"}
SERVICE = {
    *(
        "AmbientCapabilities",
        "CapabilityBoundingSet",
        "DevicePolicy",
        "Environment",
        "EnvironmentFile",
    ),
    *(
        "ExecReload",
        "ExecStart",
        "ExecStartPost",
        "Group",
        "IOSchedulingClass",
        "KeyringMode",
        "KillMode",
    ),
    *(
        "LimitNOFILE",
        "LoadCredential",
        "LockPersonality",
        "MemoryDenyWriteExecute",
        "MemoryMax",
        "Nice",
    ),
    *(
        "NoNewPrivileges",
        "PrivateDevices",
        "PrivateNetwork",
        "PrivateTmp",
        "PrivateUsers",
        "ProcSubset",
    ),
    *(
        "ProtectClock",
        "ProtectControlGroups",
        "ProtectHome",
        "ProtectHostname",
        "ProtectKernelLogs",
    ),
    *(
        "ProtectKernelModules",
        "ProtectKernelTunables",
        "ProtectProc",
        "ProtectSystem",
        "ReadWritePaths",
    ),
    *("RemoveIPC", "Restart", "RestartSec", "RestrictAddressFamilies", "RestrictNamespaces"),
    *("RestrictRealtime", "RestrictSUIDSGID", "StateDirectory", "StateDirectoryMode"),
    *("SystemCallArchitectures", "SystemCallErrorNumber", "SystemCallFilter", "TasksMax"),
    *("TimeoutStopSec", "Type", "UMask", "User", "WorkingDirectory"),
}
"""Directives that systemd 247 and newer know. A misspelt one would be ignored with a warning that nobody reads."""

KNOWN = {"Unit": UNIT, "Service": SERVICE, "Install": INSTALL, "Timer": TIMER}


def unit(name: str) -> dict[str, dict[str, list[str]]]:
    """Return a unit's sections with the values of each directive, in order. Fails where a line is none of these."""
    sections: dict[str, dict[str, list[str]]] = {}
    directives: dict[str, list[str]] = {}
    for line in (DEPLOY / name).read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        if section := re.fullmatch(r"\[(\w+)\]", line):
            directives = sections.setdefault(section[1], defaultdict(list))
            continue
        directive, equals, value = line.partition("=")
        assert equals, line
        assert directive in KNOWN[list(sections)[-1]], line
        directives[directive].append(value)
    return sections


def only(values: list[str]) -> str:
    """Return the one value."""
    [value] = values
    return value


def test_every_directive_is_one_that_systemd_knows() -> None:
    """In the three units, each in its section."""
    for name in ("bouncedesk.service", "bouncedesk-backup.service"):
        assert set(unit(name)) >= {"Unit", "Service"}
    assert set(unit("bouncedesk-backup.timer")) == {"Unit", "Timer", "Install"}


def test_the_service_may_not_do_what_it_does_not_need() -> None:
    """No privilege, no device, no directory but its own."""
    service = unit("bouncedesk.service")["Service"]

    for directive in SERVICE:
        if directive.startswith(("Protect", "Private", "NoNew", "Lock", "RemoveIPC")):
            value = {"ProtectSystem": "strict", "ProtectProc": "invisible", "PrivateNetwork": None}
            wanted = value.get(directive, "yes")
            assert service.get(directive, [None]) == [wanted], directive
    assert only(service["CapabilityBoundingSet"]) == ""
    assert only(service["RestrictAddressFamilies"]) == "AF_INET AF_INET6 AF_UNIX"
    assert service["SystemCallFilter"] == ["@system-service", "~@privileged @resources"]
    assert "ReadWritePaths" not in service
    assert only(service["User"]) != "root"
    assert only(service["UMask"]) == "0077"


def test_all_files_mean_the_same_places() -> None:
    """User, program, settings, secrets and data are the same in the service, the copies, the command and the user's own file."""
    service = unit("bouncedesk.service")["Service"]
    copies = unit("bouncedesk-backup.service")["Service"]
    command = (DEPLOY / "bouncedesk.sh").read_text(encoding="utf-8")
    user = (DEPLOY / "bouncedesk.sysusers").read_text(encoding="utf-8").splitlines()[-1].split()

    data = f"/var/lib/{only(service['StateDirectory'])}"
    assert (user[1], user[-1]) == (only(service["User"]), data)
    assert f"BOUNCEDESK_DATA={data}" in service["Environment"]
    assert only(service["WorkingDirectory"]) == data
    program = only(service["ExecStart"]).removesuffix(" run")
    assert f'{program} "$@"' in command
    assert f"{program} db backup" in only(copies["ExecStart"])
    for directive in (
        "User",
        "Group",
        "EnvironmentFile",
        "LoadCredential",
        "StateDirectory",
        "UMask",
    ):
        assert f"--property={directive}={only(service[directive])}" in command
        if directive != "StateDirectory":
            assert copies[directive] == service[directive]
    assert f"--setenv=BOUNCEDESK_DATA={data}" in command
    assert only(copies["ReadWritePaths"]).split()[0] == data
    for value in (*service["Environment"], *copies["Environment"]):
        name = value.partition("=")[0]
        assert name.startswith("PYTHON") or _field(name) in Settings.model_fields


def test_secrets_are_found_under_the_names_that_systemd_gives_them() -> None:
    """A file `app_password` in the directory becomes a credential `bouncedesk_app_password`: the setting's name, prefix and all."""
    service = unit("bouncedesk.service")["Service"]
    prefix, _, directory = only(service["LoadCredential"]).partition(":")

    assert f"{prefix}_".upper() == Settings.model_config["env_prefix"]
    assert directory.startswith("/etc/")
    example = (DEPLOY / "bouncedesk.env").read_text(encoding="utf-8")
    for line in example.splitlines():
        name, equals, _ = line.removeprefix("#").partition("=")
        if equals and name.startswith("BOUNCEDESK_"):
            kind = Settings.model_fields[_field(name)].annotation
            assert "Secret" not in str(kind), f"{name} belongs among the secrets"
    assert f"{directory}/" in example


def test_the_example_of_settings_can_be_used_as_it_is() -> None:
    """Lines that are not filled in count as not there."""
    given = {}
    for line in (DEPLOY / "bouncedesk.env").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.partition("=")
            given[_field(name)] = value
    assert {"app_id", "tenant_id", "public_url", "port"} <= set(given)
    filled = {name: value for name, value in given.items() if value}
    assert Settings.model_validate(filled).port == 3978


def test_proxies_let_through_what_the_bot_serves_and_nothing_else() -> None:
    """The two addresses of the channel and of webhooks, the bot's port, its readiness; bodies no smaller than the bot takes."""
    nginx = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    haproxy = (DEPLOY / "haproxy.cfg").read_text(encoding="utf-8")
    port = Settings.model_fields["port"].default

    assert re.findall(r"location (?:= )?(\S+) {", nginx) == [
        "/api/messages",
        "/api/sinks/webhook",
        "/",
    ]
    assert set(re.findall(r"proxy_pass http://127\.0\.0\.1:(\d+);", nginx)) == {str(port)}
    limit = re.search(r"client_max_body_size (\d+)m;", nginx)
    assert limit is not None
    assert int(limit[1]) * 1024 * 1024 >= BODY_BYTES
    assert "unless { path /api/messages /api/sinks/webhook }" in haproxy
    assert "uri /readyz" in haproxy
    assert set(re.findall(r"server \w+ [\d.]+:(\d+) check", haproxy)) == {str(port)}


def _field(variable: str) -> str:
    return variable.removeprefix("BOUNCEDESK_").lower()
