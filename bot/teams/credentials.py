"""What the bot is recognised by at Entra: a client secret (or two, while one is being replaced), a certificate, or a managed identity.

Everything here blocks and runs in a thread of `bot.teams.token`. A purchase starts from nothing: msal is given a new application each time,
so that a renewed certificate, a replaced secret or an Entra that was away need no restart, and nothing but the token is kept.
Secrets are never logged, shown by `repr`, or put in an error: what is named is the setting they came in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

import msgspec
import requests
import structlog
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.model.errors import SettingsError
from bot.ports import Expiry
from bot.teams.clouds import Cloud

PASSWORD = "app_password"  # noqa: S105 - the name of a setting # nosec B105
PASSWORD_NEXT = "app_password_next"  # noqa: S105 - as above # nosec B105
CERTIFICATE = "app_certificate"
IDENTITY = "managed_identity"
"""The settings that a credential comes in: by these names it is told of, never by its value."""

_TIMEOUT = 10.0
"""Seconds that Entra may take to connect, and between two pieces of an answer."""

_REFUSED = frozenset({7000215, 7000222})
"""Entra's numbers for a secret that is wrong, and for one that has expired (AADSTS…)."""

Answer = dict[str, Any]
"""msal's: `access_token` and `expires_in` seconds, or `error` and, from Entra, `error_codes` and `error_description`."""

log = structlog.get_logger("bouncedesk.teams")


class Credentials(Protocol):
    """Buys the bot's own token."""

    def buy(self) -> Answer:
        """Return msal's answer. Blocks. Raises what the HTTP client or msal raise."""

    def expiries(self) -> tuple[Expiry, ...]:
        """Return what of this ends at a known time."""


class Nothing:
    """Local mode: there is nothing to show and nothing that ends."""

    def buy(self) -> Answer:
        """Return nothing for nothing."""
        return {}

    def expiries(self) -> tuple[Expiry, ...]:
        """Return nothing."""
        return ()


class ClientSecrets:
    """One client secret, or two while one is being replaced: whichever Entra takes."""

    def __init__(self, app_id: str, tenant: str, cloud: Cloud, secrets: Mapping[str, str]) -> None:
        """Take the secrets by the names of their settings, in the order in which they are tried."""
        self._entra = _Entra(app_id, tenant, cloud)
        self._secrets = dict(secrets)
        self._order = list(secrets)

    def buy(self) -> Answer:
        """Return msal's answer to the secret that worked last; where Entra does not take it any more, to the other one."""
        answer: Answer = {}
        for name in tuple(self._order):
            answer = self._entra.buy(self._secrets[name])
            if not _is_refusal(answer):
                self._prefer(name, answer)
                return answer
            log.warning("credential-refused", credential=name, codes=_codes(answer))
        return answer

    def expiries(self) -> tuple[Expiry, ...]:
        """Return nothing: Entra does not tell when a secret ends, only the settings can."""
        return ()

    def _prefer(self, name: str, answer: Answer) -> None:
        if "access_token" in answer and self._order[0] != name:
            self._order.sort(key=lambda other: other != name)
            log.warning("credential-changed", credential=name)


class Certificate:
    """A certificate with its private key, in one file that may be replaced while the bot runs."""

    def __init__(self, app_id: str, tenant: str, cloud: Cloud, file: Path) -> None:
        """Read the file. Raises SettingsError."""
        self._entra = _Entra(app_id, tenant, cloud)
        self._file = file
        self._read, self._version = _read_pem(file), _version(file)

    def buy(self) -> Answer:
        """Return msal's answer to an assertion signed with the key. The certificate goes along: Entra may know it by name and issuer."""
        now = self._current()
        return self._entra.buy({"private_key": now.key, "public_certificate": now.certificate})

    def expiries(self) -> tuple[Expiry, ...]:
        """Return when the certificate ends that is in the file now."""
        return (self._current().expiry,)

    def _current(self) -> _Pem:
        """Return what is in the file; while that is unreadable (half written, say), what was in it before."""
        version = _version(self._file)
        if version is None or version == self._version:
            return self._read
        self._version = version
        try:
            self._read = _read_pem(self._file)
        except SettingsError as error:
            log.error("certificate-unusable", detail=error.detail)  # noqa: TRY400 - says what is wrong
        else:
            log.info("certificate-read", ends=self._read.expiry.at.isoformat())
        return self._read


class ManagedIdentity:
    """A user-assigned managed identity: Azure knows which machine asks, and there is no secret."""

    def __init__(self, app_id: str, cloud: Cloud) -> None:
        """Take its client id, which is the app id."""
        self._app_id = app_id
        self._resource = cloud.scope.removesuffix("/.default")

    def buy(self) -> Answer:
        """Return msal's answer from the machine's own metadata service, which no proxy leads to."""
        import msal  # noqa: PLC0415 - as in _Entra

        with _Calls() as calls:
            calls.trust_env = False
            identity = msal.UserAssignedManagedIdentity(client_id=self._app_id)
            client = msal.ManagedIdentityClient(identity, http_client=calls)
            return cast("Answer", client.acquire_token_for_client(resource=self._resource))

    def expiries(self) -> tuple[Expiry, ...]:
        """Return nothing: there is nothing that ends."""
        return ()


class _Entra:
    """The token endpoint of one tenant."""

    def __init__(self, app_id: str, tenant: str, cloud: Cloud) -> None:
        self._app_id = app_id
        self._scope = cloud.scope
        # msal takes nothing but https. An authority on this machine may speak plainly: its scheme is put back when it is called.
        self._plain = cloud.authority if cloud.authority.startswith("http://") else ""
        self._authority = f"{_as_https(cloud.authority)}/{tenant}"

    def buy(self, credential: str | Mapping[str, str]) -> Answer:
        """Return msal's answer to a credential."""
        # Imported late: 0.2 s that a bot in local mode need not spend.
        import msal  # noqa: PLC0415

        with _Calls(plain=self._plain) as calls:
            app = msal.ConfidentialClientApplication(
                self._app_id,
                client_credential=credential,
                authority=self._authority,
                # We know which authority we mean; asking the public cloud about it would be one more thing to fail.
                instance_discovery=False,
                http_client=calls,
            )
            return cast("Answer", app.acquire_token_for_client(scopes=[self._scope]) or {})


class _Calls(requests.Session):
    """What msal makes its requests with: with a time-out, and never to where a redirect points, which would get the secret as well."""

    def __init__(self, plain: str = "") -> None:
        super().__init__()
        self._plain = plain
        self._tls = _as_https(plain)
        self.trust_env = not plain  # proxies; none leads to this machine

    def send(self, request: requests.PreparedRequest, **more: Any) -> requests.Response:
        """Send a request."""
        if self._plain and request.url is not None and request.url.startswith(f"{self._tls}/"):
            request.url = self._plain + request.url.removeprefix(self._tls)
        more |= {"timeout": _TIMEOUT, "allow_redirects": False}
        return super().send(request, **more)


class _Pem(msgspec.Struct, frozen=True):
    """A certificate and its key as the file has them."""

    certificate: str
    key: str
    expiry: Expiry

    def __repr__(self) -> str:
        return f"_Pem({self.expiry!r})"


def credentials(
    cloud: Cloud,
    *,
    app_id: str,
    tenant: str,
    app_password: str = "",
    app_password_next: str = "",
    app_certificate: Path | None = None,
    managed_identity: bool = False,
) -> Credentials:
    """Return the one kind of credentials that is configured.

    Raises:
        SettingsError: None is, or more than one, or what it needs besides is missing. It says which settings, and no values.
    """
    if not app_id:
        raise SettingsError(
            "BOUNCEDESK_APP_ID is not set: without --local the bot needs the app id of its registration."
        )
    secrets = {PASSWORD: app_password, PASSWORD_NEXT: app_password_next}
    secrets = {name: secret for name, secret in secrets.items() if secret}
    kinds = [
        name
        for name, given in (
            (PASSWORD, secrets),
            (CERTIFICATE, app_certificate),
            (IDENTITY, managed_identity),
        )
        if given
    ]
    if len(kinds) != 1:
        raise SettingsError(_which(kinds))
    if managed_identity:
        return ManagedIdentity(app_id, cloud)
    if not tenant:
        raise SettingsError(
            "BOUNCEDESK_TENANT_ID is not set: it is the directory (tenant) id on the overview page of the registration. Only an old "
            f"multi-tenant registration (none can be made since August 2025) has {cloud.shared_tenant} instead."
        )
    if app_certificate is not None:
        return Certificate(app_id, tenant, cloud, app_certificate)
    return ClientSecrets(app_id, tenant, cloud, secrets)


def _which(kinds: Sequence[str]) -> str:
    if kinds:
        named = " and ".join(f"BOUNCEDESK_{kind.upper()}" for kind in kinds)
        return f"{named} are both set: keep the one that the bot is to be recognised by."
    return (
        "There is nothing to recognise the bot by: set BOUNCEDESK_APP_PASSWORD, BOUNCEDESK_APP_CERTIFICATE or "
        "BOUNCEDESK_MANAGED_IDENTITY, or run it with --local."
    )


def _is_refusal(answer: Answer) -> bool:
    """Tell whether Entra does not take the secret, rather than the tenant, the app or the moment."""
    return answer.get("error") == "invalid_client" or not _REFUSED.isdisjoint(_codes(answer))


def _codes(answer: Answer) -> list[int]:
    """Return Entra's own numbers for what is wrong. They are all of its answer that may be logged."""
    codes = answer.get("error_codes")
    found = codes if isinstance(codes, list) else []
    return [code for code in found if isinstance(code, int)][:5]


def _as_https(address: str) -> str:
    return (
        f"https://{address.removeprefix('http://')}" if address.startswith("http://") else address
    )


def _version(file: Path) -> tuple[int, int, int] | None:
    """Return what changes when a file is replaced; None while it is not there."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _read_pem(file: Path) -> _Pem:
    """Return the first certificate of a file that its private key belongs to. Raises SettingsError, without what the file holds."""
    where = f"BOUNCEDESK_APP_CERTIFICATE ({file})"
    try:
        data = file.read_bytes()
    except OSError as error:
        raise SettingsError(f"{where} cannot be read: {error.strerror}.") from error
    try:
        key = serialization.load_pem_private_key(data, password=None)
        public = key.public_key()
        certificate = next(
            (one for one in x509.load_pem_x509_certificates(data) if one.public_key() == public),
            None,
        )
        if not isinstance(key, rsa.RSAPrivateKey):
            raise SettingsError(f"{where} has a key that is not RSA: Entra takes no other.")
    except TypeError as error:
        raise SettingsError(
            f"{where} has an encrypted key: store it without a passphrase."
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SettingsError(
            f"{where} is not a PEM file with a certificate and its key."
        ) from error
    if certificate is None:
        raise SettingsError(f"{where} has a key that belongs to none of its certificates.")
    return _Pem(
        certificate.public_bytes(serialization.Encoding.PEM).decode(),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode(),
        Expiry(CERTIFICATE, certificate.not_valid_after_utc),
    )
