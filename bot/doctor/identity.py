"""Can the bot prove who it is, and can it tell who the channel is? Entra is asked for a token, the channel for its signing keys."""

from __future__ import annotations

import asyncio
import urllib.request
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import requests

from bot.doctor.finding import Check, Finding, Flaw, Outcome
from bot.doctor.installation import Area, Installation, listed, variable
from bot.doctor.wire import Answered, Unreached, ask, connect, unreached
from bot.model.errors import SettingsError
from bot.teams.auth import CHANNEL
from bot.teams.clouds import Cloud, chosen_cloud
from bot.teams.credentials import PASSWORD, PASSWORD_NEXT, credentials
from bot.teams.keys import SigningKey, read_keys

_PURCHASE_SECONDS = 15.0
_REGISTRATION = "Microsoft Entra admin center > App registrations"

CLOUD = Check("cloud", "Addresses of the cloud")
CLOUD_MALFORMED = Flaw(
    check=CLOUD,
    name="malformed",
    means="Keys would be fetched from it, or the secret shown to it: the bot does not start.",
    next_step="Take BOUNCEDESK_METADATA_URL and BOUNCEDESK_AUTHORITY away, unless somebody told you to set them.",
)
PROXY = Check("proxy", "Proxy")
PROXY_FOR_SOME = Flaw(
    check=PROXY,
    name="for-some",
    outcome=Outcome.WARNING,
    means="Only the purchase of tokens goes through it. Keys, answers and files go directly, and fail where only it leads out.",
    next_step="Allow this machine to reach the channel's hosts on port 443 without the proxy.",
)

TOKEN = Check("token", "Token from Entra")
ENTRA_UNREACHED = Flaw(
    check=TOKEN,
    name="unreached",
    means="Without a token the bot hears people and cannot answer them.",
    next_step="Let this machine reach {host} on port 443: look at the firewall, the proxy and DNS.",
)
WRONG_SECRET = Flaw(
    check=TOKEN,
    name="wrong-secret",
    means="Entra knows the app and does not take this secret: it may be the secret's id, another app's, or only a part.",
    next_step=f"Make a new secret ({_REGISTRATION} > Certificates & secrets), copy its Value, and set {{setting}} to it.",
)
SECRET_EXPIRED = Flaw(
    check=TOKEN,
    name="secret-expired",
    means="The secret was right and its time is over: the bot can answer nobody.",
    next_step=f"Make a new secret ({_REGISTRATION} > Certificates & secrets), and set {{setting}} to its Value.",
)
APP_NOT_IN_TENANT = Flaw(
    check=TOKEN,
    name="app-not-in-tenant",
    means="The tenant is there and has no such app: one of the two ids is another one's, or the registration was deleted.",
    next_step="Copy Application (client) ID and Directory (tenant) ID again, both from the overview page of one registration.",
)
NO_TENANT = Flaw(
    check=TOKEN,
    name="tenant-not-found",
    means="Entra has no such tenant in this cloud, so nothing can be bought there.",
    next_step="Copy the Directory (tenant) ID from the overview page of the registration; in another cloud, set BOUNCEDESK_CLOUD too.",
)
CERTIFICATE_UNKNOWN = Flaw(
    check=TOKEN,
    name="certificate-not-registered",
    means="The key is good, and the registration does not know its certificate.",
    next_step=f"Upload the certificate, without its key, to the registration ({_REGISTRATION} > Certificates & secrets > Certificates).",
)
OTHER_TIME = Flaw(
    check=TOKEN,
    name="clock",
    means="What is signed with the certificate carries the time, and by Entra's clock that time is not now.",
    next_step="Set this machine's clock, and let it be kept by NTP (`timedatectl set-ntp true`).",
)
APP_DISABLED = Flaw(
    check=TOKEN,
    name="app-disabled",
    means="Somebody has switched the app off, or its service principal is missing in the tenant.",
    next_step="Look at the app under Microsoft Entra admin center > Enterprise applications: is it there, and enabled for sign-in?",
)
OTHER_CLOUD = Flaw(
    check=TOKEN,
    name="other-cloud",
    means="The registration lives in another of Microsoft's clouds than the one that was asked.",
    next_step="Set BOUNCEDESK_CLOUD to the cloud of the registration: public, us-gov, us-dod or china.",
)
CONDITIONAL = Flaw(
    check=TOKEN,
    name="conditional-access",
    means="A Conditional Access policy of the tenant forbids the app a token from here.",
    next_step="Ask the tenant's administrators to let this workload identity in from this machine's address.",
)
NO_IDENTITY = Flaw(
    check=TOKEN,
    name="no-managed-identity",
    means="Only a machine in Azure has managed identities, and only those that are assigned to it.",
    next_step="Assign the identity whose client id is BOUNCEDESK_APP_ID to this machine (its page in Azure > Identity > User assigned).",
)
REFUSED = Flaw(
    check=TOKEN,
    name="refused",
    means="Entra does not sell the token, for a reason that is not known here.",
    next_step="Look up what Entra says about it: {page}",
)
ONE_REFUSED = Flaw(
    check=TOKEN,
    name="one-of-two-refused",
    outcome=Outcome.WARNING,
    means="The other one works, so the bot does. While it stays so there is no second one to fall back on.",
    next_step="If {setting} is the old one, take it away (and set BOUNCEDESK_APP_PASSWORD to the new one); else copy it again.",
)

_MEANINGS: Mapping[int, Flaw] = {
    7000215: WRONG_SECRET,
    7000222: SECRET_EXPIRED,
    700016: APP_NOT_IN_TENANT,
    50034: APP_NOT_IN_TENANT,
    90002: NO_TENANT,
    900021: NO_TENANT,
    900023: NO_TENANT,
    50059: NO_TENANT,
    700027: CERTIFICATE_UNKNOWN,
    700024: OTHER_TIME,
    7000112: APP_DISABLED,
    7000229: APP_DISABLED,
    50105: APP_DISABLED,
    500011: OTHER_CLOUD,
    900382: OTHER_CLOUD,
    900432: OTHER_CLOUD,
    900439: OTHER_CLOUD,
    53003: CONDITIONAL,
}
"""Entra's numbers (AADSTS…), from learn.microsoft.com, "Microsoft Entra authentication and authorization error codes"."""

KEYS = Check("signing-keys", "Signing keys of the channel")
KEYS_UNREACHED = Flaw(
    check=KEYS,
    name="unreached",
    means="Without them nobody's message can be told from a forged one: the bot answers 503 to the channel.",
    next_step="Let this machine reach {host} on port 443: look at the firewall, the proxy and DNS.",
)
KEYS_UNUSABLE = Flaw(
    check=KEYS,
    name="unusable",
    means="Something answers, and it is not the channel's description of its keys: most likely a proxy's page, or a wrong address.",
    next_step="Open {url} from this machine: if no JSON comes, let the firewall pass it, or correct BOUNCEDESK_METADATA_URL.",
)
NOT_ENDORSED = Flaw(
    check=KEYS,
    name="not-endorsed",
    means="No key there may sign for Teams, so every message from Teams is refused.",
    next_step="Take BOUNCEDESK_METADATA_URL away, and set BOUNCEDESK_CLOUD to the cloud of the registration.",
)
OTHER_ISSUER = Flaw(
    check=KEYS,
    name="other-issuer",
    means="The keys are another cloud's: the tokens that they sign are refused here.",
    next_step="Set BOUNCEDESK_CLOUD to the cloud of the registration: public, us-gov, us-dod or china.",
)

CLOCK = Check("clock", "Clock")
SKEWED = Flaw(
    check=CLOCK,
    name="skewed",
    outcome=Outcome.WARNING,
    means="Tokens are taken with five minutes of tolerance; reminders and times on tickets are off already.",
    next_step="Let the clock be kept by NTP (`timedatectl set-ntp true`).",
)
WRONG = Flaw(
    check=CLOCK,
    name="wrong",
    means="Tokens begin and end by the clock: with more than five minutes of difference good ones are refused.",
    next_step="Set the clock, and let it be kept by NTP (`timedatectl set-ntp true`).",
)

_SKEWED, _WRONG = 60.0, 300.0
"""Seconds. The second is what tokens are given (`bot.teams.auth`)."""


async def look(installation: Installation) -> Sequence[Finding]:
    """Buy a token and fetch the keys, at the same time."""
    if installation.local:
        because = "with --local there are no tokens, neither the bot's nor the channel's."
        return [check.not_checked(because) for check in (CLOUD, PROXY, TOKEN, KEYS, CLOCK)]
    settings = installation.settings
    try:
        cloud = chosen_cloud(
            settings.cloud, metadata_url=settings.metadata_url, authority=settings.authority
        )
    except SettingsError as error:
        because = "the addresses of the cloud are wrong."
        return [
            CLOUD_MALFORMED.found(error.detail),
            *(check.not_checked(because) for check in (PROXY, TOKEN, KEYS, CLOCK)),
        ]
    bought, fetched = await asyncio.gather(_buy(installation, cloud), _fetch(installation, cloud))
    return [
        CLOUD.ok(f"The {settings.cloud} cloud; tokens from {host_of(cloud.authority)}."),
        proxy(cloud.authority),
        *bought,
        *fetched,
    ]


AREA = Area("identity", "Identity", look)


# ------------------------------------------------------------------------------------------------- the bot's own token


async def _buy(installation: Installation, cloud: Cloud) -> list[Finding]:
    settings = installation.settings
    secrets = {
        name: secret
        for name in (PASSWORD, PASSWORD_NEXT)
        if (secret := getattr(settings, name).get_secret_value())
    }
    try:
        ways = {
            variable(name): credentials(
                cloud,
                app_id=settings.app_id,
                tenant=settings.tenant_id,
                app_password=secret,
                app_certificate=settings.app_certificate,
                managed_identity=settings.managed_identity,
            )
            for name, secret in (secrets or {"app_certificate": ""}).items()
        }
    except SettingsError:
        return [TOKEN.not_checked("the registration is not complete; see above.")]
    host = host_of(cloud.authority)
    if not settings.managed_identity:
        try:
            await _knock(cloud.authority)
        except Unreached as error:
            return [ENTRA_UNREACHED.found(f"{host}: {error.why}.", host=host)]
    answers: dict[str, dict[str, Any] | Exception] = {}
    for setting, way in ways.items():
        try:
            async with asyncio.timeout(_PURCHASE_SECONDS):
                answers[setting] = await asyncio.to_thread(way.buy)
        except Exception as error:  # noqa: BLE001 - msal raises what it and its HTTP client like; each kind is judged
            answers[setting] = error
    return token(answers, host, managed_identity=settings.managed_identity)


async def _knock(authority: str) -> None:
    """Find out within seconds whether anybody is there; msal alone would wait longer. Raises Unreached."""
    parts = urlsplit(authority)
    if parts.scheme in urllib.request.getproxies():
        return
    await connect(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))


def token(
    answers: Mapping[str, dict[str, Any] | Exception], host: str, *, managed_identity: bool = False
) -> list[Finding]:
    """Judge what Entra answered to each credential, by the setting that it came in."""
    sold = [setting for setting, answer in answers.items() if _is_sold(answer)]
    refused = {setting: answer for setting, answer in answers.items() if not _is_sold(answer)}
    if sold and not refused:
        what = (
            "A token was bought" if len(sold) == 1 else f"A token was bought with {listed(sold)}"
        )
        return [TOKEN.ok(f"{what} from {host}.")]
    if sold:
        return [
            ONE_REFUSED.found(
                f"{sold[0]} works, {setting} does not{_numbers(answer)}.", setting=setting
            )
            for setting, answer in refused.items()
        ]
    return [
        _refusal(setting, answer, host, managed_identity=managed_identity)
        for setting, answer in refused.items()
    ]


def _refusal(
    setting: str, answer: dict[str, Any] | Exception, host: str, *, managed_identity: bool
) -> Finding:
    if managed_identity:
        seen = "The machine's metadata service gives no token for this identity."
        return NO_IDENTITY.found(seen)
    if isinstance(answer, requests.RequestException | OSError):
        return ENTRA_UNREACHED.found(f"{host}: {_why(answer)}.", host=host)
    if isinstance(answer, ValueError):
        return NO_TENANT.found(f"{host} describes no such tenant.")
    if isinstance(answer, Exception):
        seen = f"The purchase broke off ({type(answer).__name__})."
        return REFUSED.found(seen, page="https://login.microsoftonline.com/error")
    numbers = codes_of(answer)
    flaw = next((_MEANINGS[number] for number in numbers if number in _MEANINGS), REFUSED)
    seen = f"Entra refuses{_numbers(answer)}, to {setting}."
    number = numbers[0] if numbers else ""
    return flaw.found(
        seen, setting=setting, page=f"https://login.microsoftonline.com/error?code={number}"
    )


def codes_of(answer: Mapping[str, Any]) -> list[int]:
    """Return Entra's numbers for what is wrong: all of its answer that may be shown. Its sentences hold ids and addresses."""
    codes = answer.get("error_codes")
    return [code for code in codes if isinstance(code, int)][:5] if isinstance(codes, list) else []


def _numbers(answer: dict[str, Any] | Exception) -> str:
    codes = [] if isinstance(answer, Exception) else codes_of(answer)
    return f" with AADSTS{listed(map(str, codes))}" if codes else ""


def _is_sold(answer: dict[str, Any] | Exception) -> bool:
    return not isinstance(answer, Exception) and isinstance(answer.get("access_token"), str)


def _why(error: Exception) -> str:
    match error:
        case requests.exceptions.ProxyError():
            return "the proxy refuses, or is not there"
        case requests.exceptions.SSLError():
            return "its certificate does not hold for this machine (a proxy that opens TLS, or a wrong clock)"
        case requests.exceptions.Timeout() | TimeoutError():
            return "there was no answer in time"
        case _:
            return unreached(error).why


def proxy(authority: str) -> Finding:
    """Judge the proxy that the environment names, for the way to Entra."""
    scheme = urlsplit(authority).scheme
    if scheme not in urllib.request.getproxies():
        return PROXY.ok("None is set.")
    return PROXY_FOR_SOME.found(f"A proxy for {scheme} is set in the environment.")


# ------------------------------------------------------------------------------------------------- the channel's keys


async def _fetch(installation: Installation, cloud: Cloud) -> list[Finding]:
    url, host = cloud.metadata_url, host_of(cloud.metadata_url)
    try:
        metadata = await ask("GET", url, now=installation.clock)
    except Unreached as error:
        because = "the time is the channel's, and it was not reached."
        return [
            KEYS_UNREACHED.found(f"{host}: {error.why}.", host=host),
            CLOCK.not_checked(because),
        ]
    timed = clock(metadata.date, metadata.began, metadata.ended)
    described = metadata.json if metadata.status == 200 else None  # noqa: PLR2004
    address = (described or {}).get("jwks_uri")
    if described is None or not isinstance(address, str):
        seen = f"{host} answers {metadata.status}, without a description of keys."
        return [KEYS_UNUSABLE.found(seen, url=url), timed]
    try:
        published = await ask("GET", address, now=installation.clock)
    except Unreached as error:
        there = host_of(address)
        return [KEYS_UNREACHED.found(f"{there}: {error.why}.", host=there), timed]
    return [keys(described, published, cloud), timed]


def keys(metadata: Mapping[str, Any], published: Answered, cloud: Cloud) -> Finding:
    """Judge the keys that the channel publishes."""
    found: Mapping[str, SigningKey] = read_keys(published.json or {})
    host = host_of(cloud.metadata_url)
    if published.status != 200 or not found:  # noqa: PLR2004
        seen = f"{host} publishes no key that can be read (HTTP {published.status})."
        return KEYS_UNUSABLE.found(seen, url=cloud.metadata_url)
    issuer = metadata.get("issuer")
    if issuer != cloud.issuer:
        return OTHER_ISSUER.found(f"{host} does not speak for {cloud.issuer}.")
    endorsed = [key for key in found.values() if CHANNEL in key.endorsements]
    if not endorsed:
        return NOT_ENDORSED.found(f"Of {len(found)} keys none is endorsed for Teams.")
    return KEYS.ok(f"{len(found)} from {host}, {len(endorsed)} of them for Teams.")


def clock(theirs: datetime | None, began: datetime, ended: datetime) -> Finding:
    """Judge our clock by somebody else's, who looked at it between two moments of ours."""
    if theirs is None:
        return CLOCK.not_checked("the channel's answer does not tell the time.")
    off = max((began - theirs).total_seconds() - 1, (theirs - ended).total_seconds(), 0.0)
    ahead = "ahead of" if theirs < began else "behind"
    seen = f"This machine is {off:.0f} s {ahead} the channel."
    if off > _WRONG:
        return WRONG.found(seen)
    return SKEWED.found(seen) if off > _SKEWED else CLOCK.ok("It agrees with the channel's.")


def host_of(url: str) -> str:
    """Return the host of an address, which may be shown where the rest of it may not."""
    try:
        return urlsplit(url).hostname or "?"
    except ValueError:
        return "?"
