"""The settings, and the one table that documents them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.model.errors import SettingsError
from bot.settings import Settings, read_settings

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def test_the_readme_documents_every_setting() -> None:
    """Each setting stands in the table with its description, and nothing else does."""
    table = README.partition("<!-- settings:start -->")[2].partition("<!-- settings:end -->")[0]
    rows = re.findall(r"^\| `BOUNCEDESK_([A-Z_]+)` \|[^|]*\| (.+?) \|$", table, re.MULTILINE)

    documented = {name.lower(): text for name, text in rows}
    assert documented == {name: field.description for name, field in Settings.model_fields.items()}


def test_half_a_triage_channel_is_refused_without_showing_values() -> None:
    """A team without a channel is named as the mistake it is."""
    with pytest.raises(SettingsError) as refused:
        read_settings(triage_team_id="19:secret-team@thread.tacv2")

    assert "TRIAGE_CHANNEL_ID" in str(refused.value)
    assert "secret-team" not in str(refused.value)


def test_a_wrong_port_is_named() -> None:
    """The message says which setting is wrong."""
    with pytest.raises(SettingsError, match="BOUNCEDESK_PORT"):
        read_settings(port=70_000)


def test_all_tenants_count() -> None:
    """The bot's own tenant and those listed beside it are let in."""
    settings = read_settings(tenant_id="own", allowed_tenants=" a, b ,")

    assert settings.tenants == {"own", "a", "b"}
