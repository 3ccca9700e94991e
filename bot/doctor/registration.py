"""Does what the settings say about the bot's registration have the right form? Nothing is asked of anybody here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.doctor.finding import Check, Finding, Flaw, Outcome
from bot.doctor.installation import Area, Installation, listed, variable
from bot.ports import Expiry
from bot.settings import Settings
from bot.teams.credentials import CERTIFICATE, IDENTITY, PASSWORD, PASSWORD_NEXT
from bot.teams.expiry import warnings, with_password

GUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_DOMAIN = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}")
_PASTED_ALONG = re.compile(r"[\s\"'`{}<>«»“”‘’]")
_NO_TENANT = frozenset({"common", "organizations", "consumers"})
"""Words that stand for "whoever asks" where people sign in. A bot's token is always bought in one tenant."""

_SHORTEST = 16
"""Characters of a client secret; those that Entra makes have about 40."""

_WHERE_ID = (
    "the overview page of the app registration (Microsoft Entra admin center > App registrations)"
)
_A_NEW_ONE = (
    "make a new one (App registrations > Certificates & secrets > New client secret), copy what stands in the column "
    "Value at once, because it is shown only then, and set {setting} to it."
)

APP_ID = Check("app-id", "Application id")
APP_ID_MISSING = Flaw(
    check=APP_ID,
    name="missing",
    means="The bot has no identity: without --local it does not start, and nobody in Teams reaches it.",
    next_step=f"Set BOUNCEDESK_APP_ID to the Application (client) ID from {_WHERE_ID}.",
)
APP_ID_PASTED_ALONG = Flaw(
    check=APP_ID,
    name="pasted-along",
    means="Something came along when the id was copied; the id is compared letter by letter, so every message is refused.",
    next_step="Set BOUNCEDESK_APP_ID to the bare id, without spaces, quotes and braces.",
)
APP_ID_MALFORMED = Flaw(
    check=APP_ID,
    name="malformed",
    means="An application id is a GUID, like 3f0c2d4e-8b1a-4c6d-9e2f-7a5b3c1d0e9f. This is something else.",
    next_step=f"Set BOUNCEDESK_APP_ID to the Application (client) ID from {_WHERE_ID}.",
)
APP_ID_IS_TENANT = Flaw(
    check=APP_ID,
    name="is-tenant-id",
    means="One of the two was copied twice: no app has the id of its tenant. Entra will not find the app.",
    next_step=f"Copy both again from {_WHERE_ID}: Application (client) ID and Directory (tenant) ID.",
)

TENANT = Check("tenant-id", "Tenant id")
TENANT_MISSING = Flaw(
    check=TENANT,
    name="missing",
    means="Nobody knows where the bot's own token is bought, and people of every organisation could write to the bot.",
    next_step=f"Set BOUNCEDESK_TENANT_ID to the Directory (tenant) ID from {_WHERE_ID}.",
)
TENANT_PASTED_ALONG = Flaw(
    check=TENANT,
    name="pasted-along",
    means="Something came along when the id was copied; Entra does not find such a tenant, and everybody's messages are refused.",
    next_step="Set {setting} to the bare id, without spaces, quotes and braces.",
)
TENANT_MALFORMED = Flaw(
    check=TENANT,
    name="malformed",
    means="A tenant is named by a GUID or by one of its domains. Entra does not find this one.",
    next_step=f"Set {{setting}} to the Directory (tenant) ID from {_WHERE_ID}.",
)
TENANT_IS_DOMAIN = Flaw(
    check=TENANT,
    name="is-domain",
    means="Entra knows the tenant by it, Teams does not: people's messages name their tenant by its GUID, and all are refused.",
    next_step=f"Set {{setting}} to the Directory (tenant) ID from {_WHERE_ID}, or name it in BOUNCEDESK_ALLOWED_TENANTS besides.",
)

CREDENTIAL = Check("credential", "Credential")
NONE = Flaw(
    check=CREDENTIAL,
    name="none",
    means="The bot cannot prove who it is: without --local it does not start.",
    next_step="Set BOUNCEDESK_APP_PASSWORD, BOUNCEDESK_APP_CERTIFICATE or BOUNCEDESK_MANAGED_IDENTITY: one of the three.",
)
SEVERAL = Flaw(
    check=CREDENTIAL,
    name="several",
    means="Nobody can tell which one counts; the bot does not start.",
    next_step="Keep the one that the bot is to be recognised by and take away the other.",
)
SECRET_IS_ITS_ID = Flaw(
    check=CREDENTIAL,
    name="secret-is-its-id",
    means="That is the secret's id, from the column beside its value. Entra refuses it, and the bot can answer nobody.",
    next_step=f"In the registration, {_A_NEW_ONE}",
)
SECRET_PASTED_ALONG = Flaw(
    check=CREDENTIAL,
    name="pasted-along",
    means="Something came along when the secret was copied, or the shell or service manager has kept the quotes. Entra refuses it.",
    next_step="Set {setting} to the bare value, without spaces and quotes around it.",
)
SECRET_TOO_SHORT = Flaw(
    check=CREDENTIAL,
    name="too-short",
    outcome=Outcome.WARNING,
    means="Entra's secrets have about 40 characters. Only a part of it may have been copied, or the columns were mixed up.",
    next_step=f"If no token can be got, {_A_NEW_ONE}",
)
SECRET_EXPIRED = Flaw(
    check=CREDENTIAL,
    name="secret-expired",
    means="Entra sells no token for it any more: the bot hears everybody and can answer nobody.",
    next_step=f"In the registration, {_A_NEW_ONE[:-1]} (and BOUNCEDESK_APP_PASSWORD_EXPIRES to its day).",
)
SECRET_EXPIRES = Flaw(
    check=CREDENTIAL,
    name="secret-expires-soon",
    outcome=Outcome.WARNING,
    means="On that day the bot falls silent for everybody at once.",
    next_step="Make a second secret beside it, and set BOUNCEDESK_APP_PASSWORD_NEXT to its Value (docs/guides/secrets.md).",
)
CERTIFICATE_EXPIRED = Flaw(
    check=CREDENTIAL,
    name="certificate-expired",
    means="Entra sells no token for it any more: the bot hears everybody and can answer nobody.",
    next_step="Upload a new one to the registration, and put it with its key into {file} (docs/guides/secrets.md).",
)
CERTIFICATE_EXPIRES = Flaw(
    check=CREDENTIAL,
    name="certificate-expires-soon",
    outcome=Outcome.WARNING,
    means="On that day the bot falls silent for everybody at once.",
    next_step="Upload a new one beside it to the registration, then put it with its key into {file}; no restart is needed.",
)
EXPIRY_UNKNOWN = Flaw(
    check=CREDENTIAL,
    name="expiry-unknown",
    outcome=Outcome.WARNING,
    means="Entra does not tell a bot when its secret ends. Nobody will be warned, and on that day the bot falls silent for everybody.",
    next_step="Set BOUNCEDESK_APP_PASSWORD_EXPIRES to the day that Certificates & secrets shows for it (2027-05-31).",
)
CERTIFICATE_UNREADABLE = Flaw(
    check=CREDENTIAL,
    name="certificate-unreadable",
    means="The bot cannot prove who it is, and does not start.",
    next_step="Put a PEM file with the certificate and its private key at {file}, readable for the bot's user.",
)
CERTIFICATE_WITHOUT_KEY = Flaw(
    check=CREDENTIAL,
    name="certificate-without-key",
    means="Only the key proves anything; what Entra has is the certificate alone.",
    next_step="Append the certificate's private key, in PEM and without a passphrase, to {file}.",
)
CERTIFICATE_KEY_ENCRYPTED = Flaw(
    check=CREDENTIAL,
    name="certificate-key-encrypted",
    means="Nobody is there to type the passphrase when the bot starts.",
    next_step="Store the key without one (`openssl pkey -in old.pem -out new.pem`) and close the file with `chmod 600`.",
)
CERTIFICATE_OTHER_KEY = Flaw(
    check=CREDENTIAL,
    name="certificate-other-key",
    means="What is signed with this key does not fit the certificate: Entra refuses it.",
    next_step="Put the key and the certificate that were made together into {file}.",
)
CERTIFICATE_NOT_RSA = Flaw(
    check=CREDENTIAL,
    name="certificate-not-rsa",
    means="Entra takes what an app signs with an RSA key and with no other.",
    next_step="Make a certificate with an RSA key of 2048 bits or more, upload it to the registration, and put both into {file}.",
)
CERTIFICATE_NOT_YET = Flaw(
    check=CREDENTIAL,
    name="certificate-not-yet-valid",
    means="Entra does not take it before that day; or this machine's clock is wrong.",
    next_step="Use the certificate from before until then; if its day is past, set the clock.",
)


async def look(installation: Installation) -> Sequence[Finding]:
    """Judge what is in the settings and in the certificate's file."""
    if installation.local:
        because = "with --local the bot has no registration."
        return [check.not_checked(because) for check in (APP_ID, TENANT, CREDENTIAL)]
    settings = installation.settings
    return [
        *app_id(settings.app_id, settings.tenant_id),
        *tenants(settings),
        *credential(settings, installation.clock()),
    ]


AREA = Area("registration", "Registration", look)


def app_id(given: str, tenant: str) -> Iterator[Finding]:
    """Judge the application id. What is no id is not shown: it may be a secret in the wrong place."""
    if not given:
        yield APP_ID_MISSING.found("BOUNCEDESK_APP_ID is not set.")
    elif GUID.search(given) and _PASTED_ALONG.search(given):
        yield APP_ID_PASTED_ALONG.found("BOUNCEDESK_APP_ID has more in it than an id.")
    elif not GUID.fullmatch(given) or not given.strip("0-"):
        yield APP_ID_MALFORMED.found(f"BOUNCEDESK_APP_ID has {len(given)} characters: no GUID.")
    elif given.lower() == tenant.lower():
        yield APP_ID_IS_TENANT.found("BOUNCEDESK_APP_ID and BOUNCEDESK_TENANT_ID are the same.")
    else:
        yield APP_ID.ok(f"{given}.")


def tenants(settings: Settings) -> Iterator[Finding]:
    """Judge the tenants: the registration's own, and those whose people are let in besides."""
    more = [name.strip() for name in settings.allowed_tenants.split(",") if name.strip()]
    found = [
        *_tenant(variable("tenant_id"), settings.tenant_id, settings),
        *(one for name in more for one in _tenant(variable("allowed_tenants"), name, settings)),
    ]
    besides = f", and {len(more)} more whose people are let in" if more else ""
    yield from found or [TENANT.ok(f"{settings.tenant_id}{besides}.")]


def _tenant(setting: str, given: str, settings: Settings) -> Iterator[Finding]:
    if not given:
        if not settings.managed_identity or not settings.tenants:
            yield TENANT_MISSING.found(f"{setting} is not set.")
    elif _PASTED_ALONG.search(given):
        yield TENANT_PASTED_ALONG.found(f"{setting} has more in it than an id.", setting=setting)
    elif GUID.fullmatch(given) and given.strip("0-"):
        return
    elif given.lower() in _NO_TENANT or not _DOMAIN.fullmatch(given):
        seen = f"{setting} has {len(given)} characters: neither a GUID nor a domain."
        yield TENANT_MALFORMED.found(seen, setting=setting)
    elif not any(map(GUID.fullmatch, settings.tenants)):
        yield TENANT_IS_DOMAIN.found(f"{setting} is a domain.", setting=setting)


def credential(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Judge what the bot is to be recognised by."""
    secrets = {
        name: secret
        for name in (PASSWORD, PASSWORD_NEXT)
        if (secret := getattr(settings, name).get_secret_value())
    }
    kinds = [
        variable(kind)
        for kind, given in (
            (PASSWORD, secrets),
            (CERTIFICATE, settings.app_certificate),
            (IDENTITY, settings.managed_identity),
        )
        if given
    ]
    if not kinds:
        yield NONE.found(
            "Neither a client secret nor a certificate nor a managed identity is set."
        )
    elif len(kinds) > 1:
        yield SEVERAL.found(f"{listed(kinds)} are set.")
    elif secrets:
        yield from _secrets(secrets, settings, now)
    elif settings.app_certificate is not None:
        yield from certificate(settings.app_certificate, _contents(settings.app_certificate), now)
    else:
        yield CREDENTIAL.ok("A managed identity: there is no secret, and nothing expires.")


def _secrets(secrets: dict[str, str], settings: Settings, now: datetime) -> Iterator[Finding]:
    found = [flaw for name, secret in secrets.items() for flaw in _secret(variable(name), secret)]
    yield from found
    ends = with_password((), settings.app_password_expires)
    ending = list(_ending(ends, now, SECRET_EXPIRED, SECRET_EXPIRES))
    yield from ending
    if not ends:
        yield EXPIRY_UNKNOWN.found("BOUNCEDESK_APP_PASSWORD_EXPIRES is not set.")
    elif not found and not ending:
        kind = "A client secret" if len(secrets) == 1 else "Two client secrets"
        yield CREDENTIAL.ok(f"{kind}; {variable(PASSWORD)} ends {ends[0].at:%Y-%m-%d}.")


def _secret(setting: str, secret: str) -> Iterator[Finding]:
    bare = secret.strip(" \t\r\n\"'`")
    if GUID.fullmatch(bare):
        yield SECRET_IS_ITS_ID.found(f"{setting} is a GUID.", setting=setting)
    elif bare != secret:
        seen = f"{setting} has spaces or quotes around it."
        yield SECRET_PASTED_ALONG.found(seen, setting=setting)
    elif len(secret) < _SHORTEST:
        seen = f"{setting} has {len(secret)} characters."
        yield SECRET_TOO_SHORT.found(seen, setting=setting)


def _ending(
    ends: Sequence[Expiry], now: datetime, over: Flaw, soon: Flaw, file: Path | None = None
) -> Iterator[Finding]:
    for one in warnings(ends, now):
        setting = variable(one.name)
        if one.expired:
            seen = f"{setting} ended on {one.at:%Y-%m-%d}."
            yield over.found(seen, setting=setting, file=file)
        else:
            seen = f"{setting} ends on {one.at:%Y-%m-%d}, in {one.days} days."
            yield soon.found(seen, setting=setting, file=file)


def certificate(file: Path, contents: bytes | None, now: datetime) -> Iterator[Finding]:
    """Judge a certificate's file by what is in it; None: it could not be read."""
    if contents is None:
        yield CERTIFICATE_UNREADABLE.found(f"{file} cannot be read.", file=file)
        return
    try:
        shown = x509.load_pem_x509_certificates(contents)
    except ValueError:
        seen = f"There is no certificate in PEM in {file}."
        yield CERTIFICATE_UNREADABLE.found(seen, file=file)
        return
    if b"PRIVATE KEY-----" not in contents:
        yield CERTIFICATE_WITHOUT_KEY.found(f"There is no private key in {file}.", file=file)
        return
    try:
        key = serialization.load_pem_private_key(contents, password=None)
    except TypeError:
        yield CERTIFICATE_KEY_ENCRYPTED.found(f"The private key in {file} has a passphrase.")
        return
    except (ValueError, UnsupportedAlgorithm):
        seen = f"The private key in {file} is not one that can be read."
        yield CERTIFICATE_UNREADABLE.found(seen, file=file)
        return
    if not isinstance(key, rsa.RSAPrivateKey):
        yield CERTIFICATE_NOT_RSA.found(
            f"The private key in {file} is of another kind.", file=file
        )
        return
    public = key.public_key()
    mine = next((one for one in shown if one.public_key() == public), None)
    if mine is None:
        seen = f"The private key in {file} belongs to none of its certificates."
        yield CERTIFICATE_OTHER_KEY.found(seen, file=file)
        return
    if mine.not_valid_before_utc > now:
        yield CERTIFICATE_NOT_YET.found(f"It begins on {mine.not_valid_before_utc:%Y-%m-%d}.")
        return
    ends = Expiry(CERTIFICATE, mine.not_valid_after_utc)
    ending = list(_ending([ends], now, CERTIFICATE_EXPIRED, CERTIFICATE_EXPIRES, file))
    yield from ending or [CREDENTIAL.ok(f"A certificate with its key; ends {ends.at:%Y-%m-%d}.")]


def _contents(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except OSError:
        return None
