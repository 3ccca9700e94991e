"""The settings, and the only place that reads the environment. Every setting is described in the README."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.model.errors import SettingsError

_HERE = Path(__file__).resolve().parent


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
    tenant_id: str = Field(
        "", description="Tenant the bot is registered in; people from other tenants are refused."
    )
    allowed_tenants: str = Field(
        "", description="More tenants whose people may use the bot, separated by commas."
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
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR.")

    @model_validator(mode="after")
    def _channel_is_whole(self) -> Self:
        if bool(self.triage_team_id) != bool(self.triage_channel_id):
            message = "TRIAGE_TEAM_ID and TRIAGE_CHANNEL_ID go together: set both or neither."
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
