"""Microsoft's clouds: each with its own issuer, keys, token endpoint and hosts, and none with another's."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import get_args

import pytest

from bot.model.errors import SettingsError
from bot.settings import Settings
from bot.teams.clouds import CLOUDS, chosen_cloud
from bot.teams.hosts import Origins
from bot.teams.room import Options, TeamsRoom
from tests.connector import StubConnector
from tests.edge.conftest import OpenRecorder
from tests.edge.far_side import APP_ID, SERVICE_URL, TENANT, message

HOMES = {
    "public": [SERVICE_URL, "https://smba.infra.gcc.teams.microsoft.com/teams/"],
    "us-gov": ["https://smba.infra.gov.teams.microsoft.us/teams/"],
    "us-dod": ["https://smba.infra.dod.teams.microsoft.us/teams/"],
    "china": ["https://frontend.botapi.msg.infra.teams.microsoftonline.cn/teams/"],
}
"""Service URLs of each cloud. GCC is at home in the public one."""

ISSUERS = {
    "public": "https://api.botframework.com",
    "us-gov": "https://api.botframework.us",
    "us-dod": "https://api.botframework.us",
    "china": "https://api.botframework.azure.cn",
}


def test_every_cloud_of_the_settings_is_there() -> None:
    """What can be chosen in the settings is known, and the other way round."""
    assert set(get_args(Settings.model_fields["cloud"].annotation)) == set(CLOUDS)


def test_nothing_is_shown_without_tls() -> None:
    """Keys, tokens and messages of every cloud travel over https, and no cloud asks another's Entra for a token."""
    for name, cloud in CLOUDS.items():
        end = {"public": ".com", "china": ".cn"}.get(name, ".us")
        assert cloud.authority.startswith("https://login.")
        assert cloud.authority.endswith(end)
        assert cloud.metadata_url.startswith("https://login.botframework.")
        assert cloud.scope == f"{cloud.issuer}/.default"
        assert all(domain.startswith("sharepoint") for domain in cloud.file_domains)


@pytest.mark.parametrize("cloud", list(CLOUDS))
def test_only_hosts_of_the_own_cloud_are_admitted(cloud: str) -> None:
    """A bot in one cloud never sends its token to another one's connector, let alone to somebody's `trafficmanager.net`."""
    origins = Origins(CLOUDS[cloud].connector_hosts)
    for home, urls in HOMES.items():
        assert [origins.admits_service(url) for url in urls] == [home == cloud] * len(urls)
    for foreign in (
        "https://smba.onyx.prod.teams.trafficmanager.net/emea/",
        "https://attacker.trafficmanager.net/emea/",
        "https://smba.trafficmanager.net.example.com/emea/",
        "https://teams.microsoft.us/",
    ):
        assert not origins.admits_service(foreign)


@pytest.mark.parametrize("cloud", list(CLOUDS))
async def test_each_cloud_has_its_issuer(open_recorder: OpenRecorder, cloud: str) -> None:
    """A token counts in the cloud whose issuer it names, with that cloud's service URL, and nowhere else."""
    home = HOMES[cloud][0]
    recorder = await open_recorder(cloud=cloud, team_service_url=home)
    for name, issuer in ISSUERS.items():
        token = recorder.stub.token(APP_ID, home, iss=issuer)
        status, _ = await recorder.post(message(serviceUrl=home), token=token)
        assert status == (200 if issuer == ISSUERS[cloud] else 401), name


async def test_hosts_of_the_settings_are_admitted_besides(
    open_recorder: OpenRecorder, stub: StubConnector
) -> None:
    """A connector that the settings name is let in as the cloud's own are, with its port."""
    recorder = await open_recorder(service_hosts=(stub.origin, "connector.example.com"))
    named = "https://connector.example.com/teams/"
    token = recorder.stub.token(APP_ID, named)
    assert await recorder.post(message(serviceUrl=named), token=token) == (200, None)


def test_addresses_of_the_settings_go_first() -> None:
    """Metadata and authority that are given take the place of the cloud's own; everything else stays the cloud's."""
    cloud = chosen_cloud(
        "us-gov", metadata_url="https://keys.example.com/x", authority="http://127.0.0.1:9/"
    )
    assert cloud.metadata_url == "https://keys.example.com/x"
    assert cloud.authority == "http://127.0.0.1:9"
    assert cloud.issuer == ISSUERS["us-gov"]
    assert chosen_cloud("us-gov") == CLOUDS["us-gov"]


@pytest.mark.parametrize(
    "given",
    [
        {"metadata_url": "http://keys.example.com/openidconfiguration"},
        {"authority": "http://login.example.com"},
        {"authority": "login.example.com"},
        {"authority": "https://user:word@login.example.com"},
        {"authority": "https://login.example.com/?x=1"},
        {"metadata_url": "file:///etc/passwd"},
    ],
)
def test_addresses_of_the_settings_are_checked(given: dict[str, str]) -> None:
    """Keys that anybody on the way could replace, and an Entra that would be shown the secret in the clear, are refused at start."""
    with pytest.raises(SettingsError, match=next(iter(given)).upper()):
        chosen_cloud("public", **given)


def test_an_unknown_cloud_is_refused() -> None:
    """A cloud that is none of Microsoft's is no reason to guess."""
    with pytest.raises(SettingsError, match="us-dod"):
        chosen_cloud("germany")


async def test_the_triage_team_is_in_the_same_cloud() -> None:
    """A connector address of another cloud would be refused with every ticket: it is refused at start, with the one that is right."""
    options = Options(
        app_id=APP_ID,
        app_password="x",
        tenant_id=TENANT,
        tenants=frozenset({TENANT}),
        cloud="us-gov",
        team_service_url=SERVICE_URL,
    )
    with pytest.raises(SettingsError, match=r"https://smba\.infra\.gov\.teams\.microsoft\.us/"):
        TeamsRoom(options, lambda: datetime.now(UTC))
