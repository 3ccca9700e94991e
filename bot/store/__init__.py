"""Where sessions, tickets and the outbox are kept: SQLite in a file, or PostgreSQL. See docs/decisions/0004-store.md."""

from __future__ import annotations

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from bot.model.errors import SettingsError
from bot.ports import WholeStore


def open_store(url: str, *, migrate: bool = False) -> WholeStore:
    """Open the store that an address names.

    SQLite is made or brought up to date as needed. PostgreSQL is so only with `migrate`: its operator decides when.

    Args:
        url: `sqlite:///PATH`, `sqlite://` (in memory, for tests) or `postgresql+psycopg://…`.
        migrate: Bring a PostgreSQL database up to date, too.

    Raises:
        SettingsError: The address is not one of these.
        StoreUnavailable: The database cannot be opened.
        StoreError: Its tables are not what this version needs.
    """
    try:
        address = make_url(url)
    except ArgumentError as error:
        raise SettingsError("BOUNCEDESK_DATABASE_URL is not a database address.") from error
    match address.drivername:
        case "sqlite" | "sqlite+pysqlite":
            from bot.store.embedded import EmbeddedStore  # noqa: PLC0415 - only what is used

            return EmbeddedStore(address)
        case "postgresql+psycopg" | "postgresql" | "postgres":
            from bot.store.served import ServedStore  # noqa: PLC0415 - psycopg is dear to load

            return ServedStore(address.set(drivername="postgresql+psycopg"), migrate=migrate)
        case other:
            raise SettingsError(
                f"BOUNCEDESK_DATABASE_URL names {other}; it must begin with sqlite:/// or "
                "postgresql+psycopg://."
            )


__all__ = ["open_store"]
