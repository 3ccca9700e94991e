"""The last look before anything is said: no secret leaves, whoever wrote it into what.

The checks show no values that could be secret. This holds that up where a library's message or a name that somebody chose repeats one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from msgspec.structs import replace
from pydantic import SecretStr

if TYPE_CHECKING:
    from bot.doctor.finding import Finding
    from bot.settings import Settings

HIDDEN = "•••"

_SHORTEST = 8
"""Characters from which on a secret can be told from an ordinary word."""

_KEY = 16
"""Characters from which on a step of a webhook's path may be a key."""


def secrets_of(settings: Settings) -> frozenset[str]:
    """Return everything in the settings that nobody must read, as it may be written anywhere."""
    found: set[str] = set()
    for value in (getattr(settings, name) for name in type(settings).model_fields):
        if isinstance(value, SecretStr):
            found.update(_ways(value.get_secret_value()))
    for private in (
        *_logins(settings.database_url),
        *_logins(settings.rt_url),
        *_logins(settings.webhook_url),
        *_keys(settings.webhook_url),
    ):
        found.update(_ways(private))
    return frozenset(secret for secret in found if len(secret) >= _SHORTEST)


def redacted(finding: Finding, secrets: Iterable[str]) -> Finding:
    """Return a finding with every secret in it hidden."""

    def hide(text: str) -> str:
        for secret in sorted(secrets, key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
        return text

    return replace(
        finding,
        title=hide(finding.title),
        seen=hide(finding.seen),
        means=hide(finding.means),
        next_step=hide(finding.next_step),
    )


def _logins(url: str) -> Iterator[str]:
    """Yield the password in an address."""
    with suppress(ValueError):
        yield urlsplit(url).password or ""


def _keys(url: str) -> Iterator[str]:
    """Yield what follows the host of an address and may let somebody in."""
    with suppress(ValueError):
        parts = urlsplit(url)
        yield parts.query
        yield from (step for step in parts.path.split("/") if len(step) >= _KEY)


def _ways(secret: str) -> tuple[str, ...]:
    return secret, secret.strip(" \t\"'"), quote(secret, safe=""), unquote(secret)
