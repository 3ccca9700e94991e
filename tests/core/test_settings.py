"""The settings, and the one table that documents them."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from bot.model.errors import SettingsError
from bot.ports import Retention
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
    assert settings.own_tenant == "own"


@pytest.mark.parametrize("shared", ["botframework.com", "MicrosoftServices.onmicrosoft.us"])
def test_nobody_is_at_home_where_multi_tenant_bots_are_registered(shared: str) -> None:
    """A multi-tenant registration buys its token in a tenant of Microsoft's: that lets nobody in, only those that are named."""
    assert read_settings(tenant_id=shared).tenants == frozenset()
    settings = read_settings(tenant_id=shared, allowed_tenants="a")
    assert settings.tenants == {"a"}
    assert settings.own_tenant == ""


def test_how_long_things_are_kept_is_set_in_days() -> None:
    """Each kind of data has its own span; what is not set is kept as the store keeps it."""
    settings = read_settings(
        close_after_days=3,
        keep_texts_days=1,
        keep_sessions_days=2,
        keep_tickets_days=30,
        keep_statistics_days=40,
        keep_dead_days=5,
    )

    assert settings.close_after == timedelta(days=3)
    assert settings.retention == Retention(
        texts=timedelta(days=1),
        sessions=timedelta(days=2),
        tickets=timedelta(days=30),
        statistics=timedelta(days=40),
        dead=timedelta(days=5),
    )


def test_pasted_texts_are_kept_shortest_and_nothing_is_doubtful_by_default() -> None:
    """Of what is kept about a ticket, the text goes first."""
    settings = read_settings()

    kept = settings.retention
    assert kept.texts == min(kept.texts, kept.sessions, kept.dead, kept.statistics, kept.tickets)
    assert settings.doubts == ()


@pytest.mark.parametrize("name", ["keep_texts_days", "keep_sessions_days"])
def test_texts_that_outlive_their_tickets_are_doubtful(name: str) -> None:
    """Such settings run, and the operator is told which two do not go together."""
    settings = read_settings(keep_tickets_days=20, keep_texts_days=10, keep_sessions_days=10)
    (doubt,) = settings.model_copy(update={name: 21}).doubts

    assert f"BOUNCEDESK_{name.upper()} (21)" in doubt
    assert "BOUNCEDESK_KEEP_TICKETS_DAYS (20)" in doubt


@pytest.mark.parametrize("days", [0, -1, 40_000])
def test_a_span_that_is_none_is_refused(days: int) -> None:
    """Nothing can be kept for no time at all, and no span overflows a date."""
    with pytest.raises(SettingsError, match="BOUNCEDESK_KEEP_DEAD_DAYS"):
        read_settings(keep_dead_days=days)
