"""The settings, and the only place that reads the environment. Every setting is described in the README."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

from bot.model.errors import SettingsError
from bot.ports import Retention

_PREFIX = "BOUNCEDESK_"
SECRETS = "BOUNCEDESK_SECRETS"
"""Names the directory of files with settings. No setting itself: it says where settings are."""

_HERE = Path(__file__).resolve().parent

_INSTALLED = _HERE / "_data" / "dialogs"
"""Where an installed wheel has the content; in a checkout it lies beside the code."""

_MULTI_TENANT = frozenset(
    {
        "botframework.com",
        "microsoftservices.onmicrosoft.us",
        "microsoftservices.partner.onmschina.cn",
    }
)
"""Microsoft's own tenants, in which bots that were registered as multi-tenant buy their tokens: one for each identity cloud."""

_TOGETHER = (
    ("triage_team_id", "triage_channel_id"),
    ("email_to", "email_from", "smtp_host"),
    ("smtp_user", "smtp_password"),
    ("webhook_url", "webhook_secret"),
    ("rt_url", "rt_token", "rt_queue"),
)
"""What makes no sense one without the other."""


class _SecretFiles(SecretsSettingsSource):
    """Files named like the variables, in a directory that only the bot can read."""

    def __init__(self, settings_cls: type[BaseSettings]) -> None:
        directory = _secrets_directory()
        if os.environ.get(SECRETS) and not (directory and directory.is_dir()):
            raise SettingsError(f"{SECRETS} is not a directory.")
        super().__init__(settings_cls, secrets_dir=directory)

    def __call__(self) -> dict[str, Any]:
        """Return what the files say. Raises SettingsError where one cannot be read."""
        try:
            return super().__call__()
        except (OSError, UnicodeDecodeError) as error:
            why = f"A file of settings cannot be read: {type(error).__name__}."
            raise SettingsError(why) from error


def _secrets_directory() -> Path | None:
    """Return where files with settings lie: where the environment says, or systemd."""
    named = os.environ.get(SECRETS) or os.environ.get("CREDENTIALS_DIRECTORY")
    return Path(named) if named else None


class Settings(BaseSettings):
    """Everything that differs between one installation and another."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,  # a line that nobody has filled in yet
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
        _INSTALLED if _INSTALLED.is_dir() else _HERE.parent / "dialogs",
        description="The content: dialogs, codes and languages.",
    )
    host: str = Field(
        "0.0.0.0",  # noqa: S104 - without --local every token is checked
        description="Address that the server listens on; 127.0.0.1 where a proxy on the same machine passes requests on.",
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
        60,
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

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - ours knows where
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return where settings come from, the first word first."""
        return init_settings, env_settings, dotenv_settings, _SecretFiles(settings_cls)

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        for half in _halves(self):
            raise ValueError(half.why)
        return self

    @property
    def own_tenant(self) -> str:
        """The tenant that people and channels are in; empty where the registration is in one that has neither."""
        return "" if self.tenant_id.lower() in _MULTI_TENANT else self.tenant_id

    @property
    def tenants(self) -> frozenset[str]:
        """Tenants whose people may use the bot; empty: no check (only in local mode)."""
        named = (self.own_tenant, *self.allowed_tenants.split(","))
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


class Mistake(NamedTuple):
    """Settings that cannot be used as they stand."""

    names: tuple[str, ...]
    """As in the environment: `BOUNCEDESK_PORT`."""
    why: str
    """What is wrong, without any value."""
    missing: tuple[str, ...] = ()
    """Of the names, those that are not set and would have to be."""


class Reading(NamedTuple):
    """The settings as far as they can be read, and what is wrong with the rest."""

    settings: Settings
    """With the default in the place of everything that is wrong."""
    mistakes: tuple[Mistake, ...]
    names: tuple[str, ...]
    """All that begin like a setting's, in the environment, in `.env` and among the files with secrets."""
    file_unread: str
    """The kind of error that kept `.env` from being read; empty: none did."""
    secret_files: tuple[Path, ...]


def examine_settings(**given: object) -> Reading:
    """Read the settings as `read_settings` does, and stop at nothing: for those who look for what is wrong."""
    chosen: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    mistakes: list[Mistake] = []
    unread = ""
    file = Path(str(Settings.model_config["env_file"]))
    files = _secret_files()
    names = [*os.environ, *(one.name for one in files)]
    try:
        names += dotenv_values(file, encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        unread = type(error).__name__
        chosen["_env_file"] = None
    settings = _any_settings(chosen, mistakes)
    for half in tuple(_halves(settings)):
        mistakes.append(half)
        fields = [name.removeprefix(_PREFIX).lower() for name in half.names]
        defaults = {name: Settings.model_fields[name].get_default() for name in fields}
        settings = settings.model_copy(update=defaults)
    ours = {name.upper() for name in names if name.upper().startswith(_PREFIX)} - {SECRETS}
    return Reading(settings, tuple(mistakes), tuple(sorted(ours)), unread, files)


def _secret_files() -> tuple[Path, ...]:
    """Return the files that settings may come from, as far as their directory can be read."""
    directory = _secrets_directory()
    try:
        found = sorted(directory.iterdir()) if directory else []
    except OSError:
        found = []
    return tuple(one for one in found if one.name.upper().startswith(_PREFIX))


class _AnySettings(Settings):
    """Settings that need not be whole."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        return self


class _WithoutFiles(_AnySettings):
    """As far as they do not come from files that cannot be read."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - a pydantic_settings hook
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - left out
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return where settings come from."""
        return init_settings, env_settings, dotenv_settings


def _any_settings(chosen: dict[str, Any], mistakes: list[Mistake]) -> Settings:
    """Return settings with the default for each that is wrong, and add what is wrong with it."""
    kind = _AnySettings
    while True:
        try:
            return kind(**chosen)
        except SettingsError as error:
            mistakes.append(Mistake((SECRETS,), error.detail))
            kind = _WithoutFiles
        except ValidationError as error:
            for problem in error.errors(include_input=False, include_url=False):
                name = str(problem["loc"][0])
                mistakes.append(Mistake((_variable(name),), problem["msg"]))
                chosen[name] = Settings.model_fields[name].get_default()


def _halves(settings: Settings) -> Iterator[Mistake]:
    """Yield what makes no sense one without the other and is not there whole."""
    for names in _TOGETHER:
        values = (getattr(settings, name) for name in names)
        there = [
            bool(value.get_secret_value() if isinstance(value, SecretStr) else value)
            for value in values
        ]
        if any(there) and not all(there):
            message = f"{', '.join(names).upper()} go together: set all of them or none."
            missing = [name for name, set_ in zip(names, there, strict=True) if not set_]
            yield Mistake(tuple(map(_variable, names)), message, tuple(map(_variable, missing)))


def _variable(field: str) -> str:
    return f"{_PREFIX}{field.upper()}"


def dialogs_path() -> Path:
    """Return where the content is."""
    return read_settings().dialogs


def metrics_folder() -> Path | None:
    """Return the folder in which the processes of one port keep their metrics (`prometheus_client` reads the same variable)."""
    named = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    return Path(named) if named else None


def span_exporters() -> tuple[str, ...]:
    """Return where spans go by OpenTelemetry's own variables: nowhere, unless one of them asks for it."""
    named = os.environ.get("OTEL_TRACES_EXPORTER", "")
    endpoints = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or named == "none":
        return ()
    if not named and not any(os.environ.get(name) for name in endpoints):
        return ()
    return tuple(name.strip() for name in (named or "otlp").split(","))
