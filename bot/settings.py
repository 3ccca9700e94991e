"""The settings, and the only place that reads the environment. Every setting is described in the README."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.model.errors import SettingsError
from bot.ports import Retention

_HERE = Path(__file__).resolve().parent


_TOGETHER = (
    ("email_to", "email_from", "smtp_host"),
    ("smtp_user", "smtp_password"),
    ("webhook_url", "webhook_secret"),
    ("rt_url", "rt_token", "rt_queue"),
)
"""What makes no sense one without the other."""


class Settings(BaseSettings):
    """Everything that differs between one installation and another."""

    model_config = SettingsConfigDict(
        env_prefix="BOUNCEDESK_",
        env_file=".env",
        env_file_encoding="utf-8",
        secrets_dir=None,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    app_id: str = Field("", description="Application (client) id of the bot's registration.")
    app_password: SecretStr = Field(
        SecretStr(""),
        description="Client secret of the bot's registration (its value, not its id).",
    )
    app_password_next: SecretStr = Field(
        SecretStr(""),
        description="Second client secret, while one is being replaced: whichever works is used.",
    )
    app_password_expires: date | None = Field(
        None,
        description="Day on which the client secret expires (2027-05-31), to be warned in time.",
    )
    app_certificate: Path | None = Field(
        None,
        description="File (PEM) with the certificate and private key of the registration, instead of a client secret.",
    )
    managed_identity: bool = Field(
        default=False,
        description="Use the user-assigned managed identity whose client id is APP_ID, instead of a client secret.",
    )
    tenant_id: str = Field(
        "", description="Tenant the bot is registered in; people from other tenants are refused."
    )
    allowed_tenants: str = Field(
        "", description="More tenants whose people may use the bot, separated by commas."
    )
    cloud: Literal["public", "us-gov", "us-dod", "china"] = Field(
        "public",
        description="Microsoft cloud the bot is registered in: public, us-gov, us-dod or china.",
    )
    service_hosts: str = Field(
        "",
        description="More connector hosts that may be answered, separated by commas: host or https://host:port.",
    )
    upload_hosts: str = Field(
        "", description="More hosts that files may be fetched from, written likewise."
    )
    metadata_url: str = Field(
        "",
        description="OpenID metadata of the channel's signing keys, instead of the cloud's own.",
    )
    authority: str = Field(
        "",
        description="Address that the bot's own token is bought at, instead of the cloud's own.",
    )
    sdk: Literal["botbuilder", "agents"] = Field(
        "botbuilder",
        description="What stands between the bot and Teams: botbuilder, or agents (the Microsoft 365 Agents SDK; an extra).",
    )
    database_url: str = Field(
        "", description="Database; without it SQLite in the data directory is used."
    )
    data: Path = Field(
        Path("~/.local/share/bouncedesk"), description="Data directory of the embedded database."
    )
    dialogs: Path = Field(
        _HERE.parent / "dialogs", description="The content: dialogs, codes and languages."
    )
    port: int = Field(3978, ge=0, le=65535, description="Port that the server listens on.")
    processes: int = Field(
        1, ge=0, le=64, description="Processes that serve the port together; 0: one for each core."
    )
    public_url: str = Field(
        "",
        description="Address that the channel reaches the bot at (https://bot.example.com/api/messages); `doctor` tries it.",
    )
    person_turns: int = Field(
        30,
        ge=1,
        le=10_000,
        description="Messages and presses of one person that are taken in a minute.",
    )
    tenant_turns: int = Field(
        3_000,
        ge=1,
        le=1_000_000,
        description="Messages and presses of one tenant that are taken in a minute.",
    )
    triage_team_id: str = Field(
        "", description="Conversation id of the triage team (19:…@thread.tacv2)."
    )
    triage_channel_id: str = Field(
        "", description="Channel that new tickets are posted to (19:…@thread.tacv2)."
    )
    triage_service_url: str = Field(
        "https://smba.trafficmanager.net/emea/",
        description="Connector address of the triage team's region.",
    )
    triage_language: str = Field("en", description="Language of the cards in the triage channel.")
    close_after_days: int = Field(
        7,
        ge=1,
        le=36500,
        description="Days after which a resolved ticket without an answer is closed.",
    )
    keep_texts_days: int = Field(
        30,
        ge=1,
        le=36500,
        description="Days that the pasted text of a ticket is kept after it was resolved.",
    )
    keep_sessions_days: int = Field(
        30,
        ge=1,
        le=36500,
        description="Days that a conversation that nobody went on with is kept, with what was pasted.",
    )
    keep_tickets_days: int = Field(
        730,
        ge=1,
        le=36500,
        description="Days that a closed or withdrawn ticket is kept, with its history.",
    )
    keep_statistics_days: int = Field(
        730,
        ge=1,
        le=36500,
        description="Days that the outcomes of dialogs are kept; they name nobody.",
    )
    keep_dead_days: int = Field(
        90, ge=1, le=36500, description="Days that a message that could not be delivered is kept."
    )
    email_to: str = Field(
        "", description="Mailbox of another helpdesk that every ticket and change is sent to."
    )
    email_from: str = Field("", description="Address that such e-mail comes from.")
    email_reply_to: str = Field(
        "", description="Address that answers to such e-mail go to; without it the sender's."
    )
    smtp_host: str = Field("", description="Mail server that takes such e-mail.")
    smtp_port: int = Field(
        0, ge=0, le=65535, description="Its port; without it 587, 465 or 25, by the security."
    )
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="How the connection to it is protected: starttls, tls or none."
    )
    smtp_user: str = Field("", description="Login at the mail server.")
    smtp_password: SecretStr = Field(SecretStr(""), description="Password of that login.")
    smtp_ca: str = Field(
        "", description="File with the certificates to trust for it, instead of the system's."
    )
    webhook_url: str = Field(
        "", description="Address that every ticket and change is posted to (Standard Webhooks)."
    )
    webhook_secret: SecretStr = Field(
        SecretStr(""), description="Secret that such posts are signed with (whsec_…)."
    )
    webhook_in_secret: SecretStr = Field(
        SecretStr(""),
        description="Secret that posts to /api/sinks/webhook are signed with (whsec_…); without it nothing listens there.",
    )
    rt_url: str = Field(
        "", description="Base address of a Request Tracker 5 that every ticket goes into."
    )
    rt_token: SecretStr = Field(SecretStr(""), description="Authentication token of its user.")
    rt_queue: str = Field("", description="Queue that tickets are made in there.")
    rt_requestor: str = Field(
        "", description="Address that tickets there get as requestor; without it none."
    )
    rt_poll_seconds: float = Field(
        60.0, ge=1, le=3600, description="Seconds between two questions what changed there."
    )
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR.")

    @model_validator(mode="after")
    def _channel_is_whole(self) -> Self:
        if bool(self.triage_team_id) != bool(self.triage_channel_id):
            message = "TRIAGE_TEAM_ID and TRIAGE_CHANNEL_ID go together: set both or neither."
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _sinks_are_whole(self) -> Self:
        for names in _TOGETHER:
            values = (getattr(self, name) for name in names)
            there = [
                bool(value.get_secret_value() if isinstance(value, SecretStr) else value)
                for value in values
            ]
            if any(there) and not all(there):
                message = f"{', '.join(names).upper()} go together: set all of them or none."
                raise ValueError(message)
        return self

    @property
    def tenants(self) -> frozenset[str]:
        """Tenants whose people may use the bot; empty: no check (only where no tenant is set)."""
        named = (self.tenant_id, *self.allowed_tenants.split(","))
        return frozenset(tenant.strip() for tenant in named if tenant.strip())

    @property
    def data_directory(self) -> Path:
        """The data directory, with `~` resolved."""
        return self.data.expanduser()

    @property
    def close_after(self) -> timedelta:
        """How long a resolved ticket waits for an answer before it is closed."""
        return timedelta(days=self.close_after_days)

    @property
    def retention(self) -> Retention:
        """How long things are kept."""
        return Retention(
            texts=timedelta(days=self.keep_texts_days),
            sessions=timedelta(days=self.keep_sessions_days),
            tickets=timedelta(days=self.keep_tickets_days),
            statistics=timedelta(days=self.keep_statistics_days),
            dead=timedelta(days=self.keep_dead_days),
        )

    @property
    def doubts(self) -> tuple[str, ...]:
        """What can be run with and was hardly meant, for the operator: one sentence each."""
        said = []
        if self.keep_texts_days > self.keep_tickets_days:
            said.append(
                f"BOUNCEDESK_KEEP_TEXTS_DAYS ({self.keep_texts_days}) is longer than BOUNCEDESK_KEEP_TICKETS_DAYS "
                f"({self.keep_tickets_days}): pasted texts go with their tickets. Keep the texts shorter."
            )
        if self.keep_sessions_days > self.keep_tickets_days:
            said.append(
                f"BOUNCEDESK_KEEP_SESSIONS_DAYS ({self.keep_sessions_days}) is longer than "
                f"BOUNCEDESK_KEEP_TICKETS_DAYS ({self.keep_tickets_days}): conversations hold pasted texts, too."
            )
        return tuple(said)

    @property
    def store_url(self) -> str:
        """Where everything is kept."""
        return self.database_url or f"sqlite:///{self.data_directory / 'bouncedesk.sqlite3'}"


def read_settings(**given: object) -> Settings:
    """Read the settings; what is given here (from the command line) goes before the environment.

    Raises SettingsError that names every wrong setting and says what is wrong with it, without its value.
    """
    chosen = {name: value for name, value in given.items() if value is not None}
    try:
        return Settings(**chosen)  # type: ignore[arg-type]
    except ValidationError as error:
        problems = "; ".join(
            f"BOUNCEDESK_{'_'.join(str(part) for part in problem['loc']).upper()}: {problem['msg']}"
            for problem in error.errors(include_input=False, include_url=False)
        )
        raise SettingsError(problems) from error


def dialogs_path() -> Path:
    """Return where the content is."""
    return read_settings().dialogs
