"""Microsoft's clouds: who signs the channel's tokens there, who sells ours, and where the connector lives.

Sources, all Microsoft's own: "Authentication with the Bot Connector API" (public), "Configure Bot Framework bots for US Government
customers", "Configure a bot in Microsoft Azure operated by 21Vianet", "Send proactive messages" (hosts of the US clouds), "Office 365
endpoints" of each cloud (domains of SharePoint), "Sovereign cloud configuration" of the Teams SDK (DoD has the addresses of GCC High; GCC
has the public ones, with a connector host of its own), and the table of clouds in that SDK's source (China's connector host, which no page
names). That table also knows a second public host below `trafficmanager.net`. The documentation does not: it is left out, and
SERVICE_HOSTS can name it where it is needed.
"""

from __future__ import annotations

import re

import msgspec

from bot.model.errors import SettingsError
from bot.teams.hosts import is_loopback

_ADDRESS = re.compile(
    r"(https?)://([A-Za-z0-9.-]+|\[::1\])(?::[0-9]{1,5})?(/[\w./~-]*)?", re.ASCII
)


class Cloud(msgspec.Struct, frozen=True, kw_only=True):
    """One of Microsoft's clouds."""

    issuer: str
    """What the channel's tokens say in `iss`."""
    metadata_url: str
    """Where the keys that sign them are described."""
    authority: str
    """Entra, which sells the bot's own token."""
    scope: str
    """What that token is for."""
    shared_tenant: str
    """Where a multi-tenant registration buys it instead of in a tenant of its own."""
    connector_hosts: tuple[str, ...]
    """Where activities come from and go to."""
    file_domains: tuple[str, ...]
    """Below these lie the files that people send to the bot: their OneDrive."""


_GOVERNMENT = Cloud(
    issuer="https://api.botframework.us",
    metadata_url="https://login.botframework.azure.us/v1/.well-known/openidconfiguration",
    authority="https://login.microsoftonline.us",
    scope="https://api.botframework.us/.default",
    shared_tenant="MicrosoftServices.onmicrosoft.us",
    connector_hosts=("smba.infra.gov.teams.microsoft.us",),
    file_domains=("sharepoint.us",),
)

CLOUDS = {
    "public": Cloud(
        issuer="https://api.botframework.com",
        metadata_url="https://login.botframework.com/v1/.well-known/openidconfiguration",
        authority="https://login.microsoftonline.com",
        scope="https://api.botframework.com/.default",
        shared_tenant="botframework.com",
        connector_hosts=("smba.trafficmanager.net", "smba.infra.gcc.teams.microsoft.com"),
        file_domains=("sharepoint.com",),
    ),
    "us-gov": _GOVERNMENT,
    "us-dod": msgspec.structs.replace(
        _GOVERNMENT,
        connector_hosts=("smba.infra.dod.teams.microsoft.us",),
        file_domains=("sharepoint-mil.us",),
    ),
    "china": Cloud(
        issuer="https://api.botframework.azure.cn",
        metadata_url="https://login.botframework.azure.cn/v1/.well-known/openidconfiguration",
        authority="https://login.partner.microsoftonline.cn",
        scope="https://api.botframework.azure.cn/.default",
        shared_tenant="microsoftservices.partner.onmschina.cn",
        connector_hosts=("frontend.botapi.msg.infra.teams.microsoftonline.cn",),
        file_domains=("sharepoint.cn",),
    ),
}
"""By the value of the setting `CLOUD`. GCC uses the public cloud's identity."""


def chosen_cloud(name: str, *, metadata_url: str = "", authority: str = "") -> Cloud:
    """Return a cloud by its name, with the addresses that are given in place of its own.

    Raises:
        SettingsError: There is no such cloud, or an address is neither https nor on this machine.
    """
    cloud = CLOUDS.get(name)
    if cloud is None:
        raise SettingsError(f"BOUNCEDESK_CLOUD is none of {', '.join(CLOUDS)}.")
    return msgspec.structs.replace(
        cloud,
        metadata_url=_checked("METADATA_URL", metadata_url) or cloud.metadata_url,
        authority=_checked("AUTHORITY", authority).rstrip("/") or cloud.authority,
    )


def _checked(setting: str, address: str) -> str:
    """Return an address that is safe to fetch keys from, or to show a secret to."""
    if not address:
        return ""
    read = _ADDRESS.fullmatch(address)
    if read is None:
        raise SettingsError(f"BOUNCEDESK_{setting} is not an address like https://host/path.")
    if read[1] == "http" and not is_loopback(read[2]):
        raise SettingsError(
            f"BOUNCEDESK_{setting} must be https: only this machine is reached without TLS."
        )
    return address
