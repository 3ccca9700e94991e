"""Where the bot may connect to: the connector's hosts for activities, SharePoint for files that people upload.

The bot sends its own token to whatever `serviceUrl` says, so a foreign one is a stolen token. Hosts are compared whole:
`*.trafficmanager.net` is open to every Azure customer. A URL that is not written in the plainest way is refused before any parser
could read it in two ways.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from functools import lru_cache, partial

from bot.model.errors import SettingsError

_URL_CHARS = 2_000
_KNOWN = 256
"""Service URLs whose answer is remembered."""
_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})"
_SERVICE_URL = re.compile(
    rf"(?P<scheme>https?)://(?P<host>{_HOST}|\[::1\])(?::(?P<port>[0-9]{{1,5}}))?"
    r"(?P<path>(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,127}){0,16}/?)",
    re.ASCII,
)
_FILE_URL = re.compile(
    rf"(?P<scheme>https?)://(?P<host>{_HOST}|\[::1\])(?::(?P<port>[0-9]{{1,5}}))?"
    r"(?P<path>[/?][!$%&'()*+,./0-9:;=?@A-Z_a-z~-]*)?",
    re.ASCII,
)


class Origins:
    """A closed list of scheme, host and port. Everything is https, except a loopback address that was named."""

    def __init__(
        self,
        hosts: Iterable[str],
        *,
        domains: Iterable[str] = (),
        extra: Iterable[str] = (),
        loopback: bool = False,
    ) -> None:
        """Make the list.

        Args:
            hosts: Hosts that are reached by https on port 443.
            domains: Domains of which every subdomain is reached likewise.
            extra: More hosts from the settings: `host` or `https://host:port`; `http://` only for loopback.
            loopback: Any port of this machine may be reached, with or without TLS (local mode).

        Raises:
            SettingsError: An extra host is not written like that.
        """
        self._origins = {("https", host, 443) for host in hosts}
        self._domains = tuple("." + domain for domain in domains)
        self._loopback = loopback
        for entry in extra:
            self._origins.add(_origin(entry))
        # Every turn asks three times, and always about one of a few regions.
        self._known = lru_cache(_KNOWN)(partial(self._admits, _SERVICE_URL))

    def admits_service(self, url: str) -> bool:
        """Tell whether activities, and the bot's token with them, may go to a service URL."""
        return self._known(url)

    def admits_file(self, url: str) -> bool:
        """Tell whether a file may be fetched from a URL (which, unlike a service URL, has a query)."""
        return self._admits(_FILE_URL, url)

    def _admits(self, form: re.Pattern[str], url: str) -> bool:
        read = form.fullmatch(url) if len(url) <= _URL_CHARS else None
        if read is None:
            return False
        scheme, host = read["scheme"], read["host"].lower()
        port = int(read["port"] or (443 if scheme == "https" else 80))
        if (scheme, host, port) in self._origins:
            return True
        if self._loopback and is_loopback(host):
            return True
        return scheme == "https" and port == 443 and host.endswith(self._domains)  # noqa: PLR2004


@lru_cache(1024)
def is_loopback(host: str | None) -> bool:
    """Tell whether a host name or address (also `[::1]`, `::ffff:127.0.0.1`) is this machine and nothing else."""
    if not host:
        return False
    if host.lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return address.is_loopback or (mapped is not None and bool(mapped.is_loopback))


def _origin(entry: str) -> tuple[str, str, int]:
    url = entry if "://" in entry else f"https://{entry}"
    read = _SERVICE_URL.fullmatch(url)
    if read is None or read["path"] not in ("", "/"):
        raise SettingsError(f"{entry!r} is not a host: write `host` or `https://host:port`.")
    scheme, host = read["scheme"], read["host"].lower()
    if scheme == "http" and not is_loopback(host):
        raise SettingsError(f"{entry!r} must be https: only this machine is reached without TLS.")
    return scheme, host, int(read["port"] or (443 if scheme == "https" else 80))
