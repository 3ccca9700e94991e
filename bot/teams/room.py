"""The Teams room put together: everything that needs its network."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Self

import msgspec

from bot.model.errors import SettingsError
from bot.ports import Clock, Expiry
from bot.teams import connector as rest
from bot.teams.auth import ChannelGate, Gate, LocalGate, Tenants
from bot.teams.clouds import Cloud, chosen_cloud
from bot.teams.connector import Connector
from bot.teams.credentials import Credentials, Nothing, credentials
from bot.teams.edge import OnIncoming, OnTicketPress, OnTicketSearch, Pipeline, TeamsEdge
from bot.teams.expiry import with_password
from bot.teams.hosts import Origins
from bot.teams.inbound import Languages
from bot.teams.keys import SigningKeys
from bot.teams.members import Membership
from bot.teams.sender import TeamsSender
from bot.teams.token import NoToken, OutboundToken, Token
from bot.teams.uploads import Uploads

SERVICE_URL = "https://smba.trafficmanager.net/teams/"
"""The connector's global address, for conversations that have not yet named their own."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the settings say about Teams."""

    local: bool = False
    """No credentials: only programs on this machine, and answers only to it."""
    app_id: str = ""
    app_password: str = ""
    app_password_next: str = ""
    """A second secret, while one is being replaced."""
    app_password_expires: date | None = None
    app_certificate: Path | None = None
    """File with certificate and private key, instead of a secret."""
    managed_identity: bool = False
    """The user-assigned managed identity whose client id is the app id, instead of a secret."""
    tenant_id: str = ""
    """The tenant of the app registration, where the bot's own token is bought."""
    tenants: frozenset[str] = frozenset()
    """Tenants whose people may use the bot; empty only in local mode, where everybody may."""
    cloud: str = "public"
    service_hosts: tuple[str, ...] = ()
    """More connector hosts: `host` or `https://host:port`."""
    upload_hosts: tuple[str, ...] = ()
    """More hosts that files may be fetched from."""
    team_service_url: str = SERVICE_URL
    """Where the triage team lives."""
    metadata_url: str = ""
    """Instead of the cloud's own."""
    authority: str = ""
    """Instead of the cloud's own."""

    def __repr__(self) -> str:
        """Return what may be shown: no secrets."""
        return f"Options(app_id={self.app_id!r}, cloud={self.cloud!r}, local={self.local})"


class TeamsRoom:
    """Everything that needs the network of Teams: opened once, closed at the end."""

    def __init__(
        self,
        options: Options,
        clock: Clock,
        *,
        observe_token: Callable[[str], None] = lambda _outcome: None,
    ) -> None:
        """Open the room. Must be called on the loop; `observe_token` is told how each purchase comes out. Raises SettingsError."""
        cloud = chosen_cloud(
            options.cloud, metadata_url=options.metadata_url, authority=options.authority
        )
        self._options = options
        self._credentials: Credentials = (
            Nothing() if options.local else _credentials(options, cloud)
        )
        if not options.local and not options.tenants:
            raise SettingsError(
                "No tenant is named whose people may use the bot: set BOUNCEDESK_TENANT_ID to your own, or name it in "
                "BOUNCEDESK_ALLOWED_TENANTS where the registration is a multi-tenant one."
            )
        self._origins = Origins(
            cloud.connector_hosts, extra=options.service_hosts, loopback=options.local
        )
        if not self._origins.admits_service(options.team_service_url):
            raise SettingsError(
                f"BOUNCEDESK_TRIAGE_SERVICE_URL is no connector's address in the cloud {options.cloud}: it begins with "
                f"https://{cloud.connector_hosts[0]}/, or its host is one of BOUNCEDESK_SERVICE_HOSTS."
            )
        file_hosts = Origins(
            (),
            domains=cloud.file_domains,
            extra=options.upload_hosts,
            loopback=options.local,
        )
        self._session = rest.new_session()
        self._token: Token = (
            NoToken()
            if options.local
            else OutboundToken(self._credentials.buy, observe=observe_token)
        )
        self._keys = SigningKeys(self._session, cloud.metadata_url)
        self._gate: Gate = (
            LocalGate()
            if options.local
            else ChannelGate(options.app_id, cloud.issuer, self._keys, clock)
        )
        self._uploads = Uploads(self._session, file_hosts)
        self.connector = Connector(self._session, self._origins, self._token, clock)
        self.sender = TeamsSender(self.connector)
        self._edges: list[TeamsEdge] = []
        self.members = Membership(self.connector, options.team_service_url)

    def warm(self) -> None:
        """Fetch keys and token in the background, so that the first person need not wait for them.

        Keys that are there renew themselves: a fetch that brings no news holds up the next one, and with it a key that is rolled.
        """
        if self._options.local:
            return
        if self._keys.age is None:
            self._keys.prefetch()
        self._token.prefetch()

    def expiries(self) -> tuple[Expiry, ...]:
        """Return what the bot is recognised by and when it ends, as far as that is known."""
        return with_password(self._credentials.expiries(), self._options.app_password_expires)

    @property
    def keys_age(self) -> float | None:
        """Seconds since the channel's signing keys were fetched; None: they never were, and nobody is let in."""
        return self._keys.age

    def edge(
        self,
        pipeline: Pipeline,
        languages: Languages,
        on_incoming: OnIncoming,
        on_ticket_press: OnTicketPress,
        on_ticket_search: OnTicketSearch,
    ) -> TeamsEdge:
        """Return what answers `POST /api/messages`; its turns run through the pipeline of an SDK, made with `connector`."""
        edge = TeamsEdge(
            gate=self._gate,
            tenants=Tenants(self._options.tenants),
            origins=self._origins,
            pipeline=pipeline,
            connector=self.connector,
            uploads=self._uploads,
            languages=languages,
            on_incoming=on_incoming,
            on_ticket_press=on_ticket_press,
            on_ticket_search=on_ticket_search,
        )
        self._edges.append(edge)
        return edge

    async def close(self) -> None:
        """Finish what is being sent and let go of everything."""
        for edge in self._edges:
            await edge.close()
        await self._keys.close()
        await self._token.close()
        await rest.close(self._session)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _credentials(options: Options, cloud: Cloud) -> Credentials:
    return credentials(
        cloud,
        app_id=options.app_id,
        tenant=options.tenant_id,
        app_password=options.app_password,
        app_password_next=options.app_password_next,
        app_certificate=options.app_certificate,
        managed_identity=options.managed_identity,
    )
