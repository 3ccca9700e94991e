"""Does the bot answer: on this machine, and at the address that the channel reaches it at?"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import SplitResult, urlsplit

from bot.doctor.finding import Check, Finding, Flaw, Outcome
from bot.doctor.installation import Area, Installation, listed
from bot.doctor.wire import Answered, Unreached, Untrusted, addresses, ask, certificate_days

_PATH = "/api/messages"
_DAYS = 21
"""Days before its end from which a certificate is spoken of; what renews by itself does so earlier."""

SERVER = Check("server", "Bot on this machine")
NOT_RUNNING = Flaw(
    check=SERVER,
    name="not-running",
    outcome=Outcome.WARNING,
    means="Nobody is served by this machine.",
    next_step="Start it with `bouncedesk run`, or give --port if it listens on another port.",
)
NOT_READY = Flaw(
    check=SERVER,
    name="not-ready",
    means="The bot runs and says itself that it cannot serve.",
    next_step="Ask it why: `curl http://127.0.0.1:{port}/readyz`; then look at the database and the keys above.",
)
WARNS = Flaw(
    check=SERVER,
    name="warns",
    outcome=Outcome.WARNING,
    means="The bot serves, and says itself that something needs a look.",
    next_step="Ask it what: `curl http://127.0.0.1:{port}/readyz`.",
)
SOMEBODY_ELSE = Flaw(
    check=SERVER,
    name="somebody-else",
    means="Another program has the port: the bot cannot start there, and the channel's messages go to that program.",
    next_step="End the other program (`ss -ltnp 'sport = :{port}'` names it), or set BOUNCEDESK_PORT to another port.",
)

URL = Check("public-url", "Public address")
URL_MALFORMED = Flaw(
    check=URL,
    name="malformed",
    means="It is no address that the channel could call.",
    next_step="Write BOUNCEDESK_PUBLIC_URL like https://bot.contoso.com/api/messages.",
)
NOT_HTTPS = Flaw(
    check=URL,
    name="not-https",
    means="The channel calls only https addresses; it takes this one and never calls.",
    next_step="Put a proxy with a certificate in front of the bot, and set the Azure Bot's messaging endpoint and this to https://….",
)
WRONG_PATH = Flaw(
    check=URL,
    name="wrong-path",
    means="The bot takes messages at /api/messages and nowhere else.",
    next_step="End it with /api/messages, here and in the Azure Bot's messaging endpoint.",
)

NAME = Check("public-name", "Its name")
UNRESOLVED = Flaw(
    check=NAME,
    name="unresolved",
    means="Nobody finds the bot by it: Teams says `Unable to reach app`.",
    next_step="Make a DNS record for {host}, or correct BOUNCEDESK_PUBLIC_URL.",
)

TLS = Check("public-tls", "Its certificate")
TLS_UNREACHED = Flaw(
    check=TLS,
    name="unreached",
    means="From here nobody gets through to it; if that is so from outside too, Teams says `Unable to reach app`.",
    next_step="See that the proxy runs and port {port} of {host} is open to the internet.",
)
TLS_UNTRUSTED = Flaw(
    check=TLS,
    name="untrusted",
    means="The channel does not trust it either and never delivers a message.",
    next_step="Give the proxy a certificate for {host} from a public authority, with the certificates in between (fullchain).",
)
TLS_ENDS = Flaw(
    check=TLS,
    name="ends-soon",
    outcome=Outcome.WARNING,
    means="From that day on the channel delivers nothing. What renews by itself should have done so by now.",
    next_step="Renew the certificate of {host}, and see why that did not happen by itself.",
)

ENDPOINT = Check("public-endpoint", "Answer there")
LETS_IN = Flaw(
    check=ENDPOINT,
    name="not-the-bot",
    means="The bot refuses a message without a token (401). What answered took it: the proxy itself, or another app.",
    next_step="Let the proxy pass /api/messages to the bot's port, for POST too.",
)
NOT_FOUND = Flaw(
    check=ENDPOINT,
    name="wrong-path",
    means="What answers there does not know /api/messages, or takes no POST: it is not the bot, or the proxy changes the path.",
    next_step="Let the proxy pass /api/messages to the bot with its path unchanged, for POST too.",
)
BEHIND_IS_NOBODY = Flaw(
    check=ENDPOINT,
    name="bot-not-running",
    means="The proxy answers, and the bot behind it does not: it does not run, or listens on another port.",
    next_step="Start the bot (`bouncedesk run`), and see that the proxy passes to its port.",
)
MOVED = Flaw(
    check=ENDPOINT,
    name="moved",
    means="The channel does not follow redirects with its messages.",
    next_step="Put the address that it leads to into the Azure Bot's messaging endpoint and BOUNCEDESK_PUBLIC_URL.",
)
LOGIN_IN_FRONT = Flaw(
    check=ENDPOINT,
    name="login-in-front",
    means="A proxy asks for a login of its own before the bot is reached; the channel has none.",
    next_step="Except /api/messages from the proxy's login: the bot checks the channel's token itself.",
)
FORBIDDEN = Flaw(
    check=ENDPOINT,
    name="forbidden",
    means="A firewall or proxy turns the request away, or the bot runs with --local, which lets nobody in from outside.",
    next_step="Let POST to /api/messages through, and run the bot without --local.",
)
UNEXPECTED = Flaw(
    check=ENDPOINT,
    name="unexpected",
    means="The bot answers a message without a token with 401. This is something else.",
    next_step="Look into the log of the proxy and of the bot for this request.",
)


async def look(installation: Installation) -> Sequence[Finding]:
    """Look at this machine's port and at the public address."""
    here, there = await asyncio.gather(_server(installation), _public(installation))
    return [here, *there]


AREA = Area("endpoint", "Endpoint", look)


async def _server(installation: Installation) -> Finding:
    port = installation.settings.port
    url = f"http://127.0.0.1:{port}/readyz"
    try:
        return server(await ask("GET", url, now=installation.clock), port)
    except Unreached:
        return NOT_RUNNING.found(f"Nothing listens on port {port} of this machine.")


def server(answered: Answered, port: int) -> Finding:
    """Judge what answers on this machine. Of what it says about itself the names are shown, and the details left to /readyz."""
    report = answered.json or {}
    said = report.get("status")
    if not isinstance(said, str):
        seen = f"/readyz on port {port} answers {answered.status}, not as the bot does."
        return SOMEBODY_ELSE.found(seen, port=port)
    if answered.status != 200:  # noqa: PLR2004
        names = _named(report, "failed")
        seen = f"/readyz on port {port} answers {answered.status}{f': {names}' if names else ''}."
        return NOT_READY.found(seen, port=port)
    if names := _named(report, "warning"):
        return WARNS.found(f"/readyz on port {port} warns: {names}.", port=port)
    return SERVER.ok(f"It listens on port {port} and is ready.")


def _named(report: Mapping[str, Any], status: str) -> str:
    """Return the names of what stands so in the bot's report about itself."""
    checks = report.get("checks")
    named = [
        str(one.get("name"))
        for one in (checks if isinstance(checks, list) else ())
        if isinstance(one, dict) and one.get("status") == status
    ]
    return listed(named) if named else ""


async def _public(installation: Installation) -> list[Finding]:
    given = installation.settings.public_url
    because = ""
    if installation.local:
        because = "with --local the bot is reached from this machine only."
    elif not given:
        because = (
            "BOUNCEDESK_PUBLIC_URL is not set, so nobody knows where the channel reaches the bot."
        )
    if because:
        return [check.not_checked(because) for check in (URL, NAME, TLS, ENDPOINT)]
    written, parts = public_url(given)
    if parts is None or parts.hostname is None:
        because = "the address is wrong."
        return [written, *(check.not_checked(because) for check in (NAME, TLS, ENDPOINT))]
    host, port = parts.hostname, parts.port or 443
    try:
        named = name(host, await addresses(host))
    except Unreached as error:
        because = "the name leads nowhere."
        return [
            written,
            UNRESOLVED.found(f"{host}: {error.why}.", host=host),
            *(check.not_checked(because) for check in (TLS, ENDPOINT)),
        ]
    return [written, named, *await _answers(installation, parts, host, port)]


async def _answers(
    installation: Installation, parts: SplitResult, host: str, port: int
) -> list[Finding]:
    because = "no trusted connection came about."
    try:
        days = await certificate_days(host, port, installation.clock())
    except Untrusted as error:
        seen = f"{host}: {error.why}."
        return [TLS_UNTRUSTED.found(seen, host=host), ENDPOINT.not_checked(because)]
    except Unreached as error:
        seen = f"{host}, port {port}: {error.why}."
        return [
            TLS_UNREACHED.found(seen, host=host, port=port),
            ENDPOINT.not_checked(because),
        ]
    headers = {"Content-Type": "application/json"}
    try:
        answered = await ask(
            "POST", parts.geturl(), now=installation.clock, headers=headers, body=b"{}"
        )
    except Unreached as error:
        return [tls(host, days), UNEXPECTED.found(f"{host}: {error.why}.")]
    return [tls(host, days), endpoint(answered)]


# ---------------------------------------------------------------------------------------------------------- judgement


def public_url(given: str) -> tuple[Finding, SplitResult | None]:
    """Judge an address as it is written; return its parts where it can be tried all the same."""
    wrong = URL_MALFORMED.found("BOUNCEDESK_PUBLIC_URL is not the URL of a host."), None
    try:
        parts = urlsplit(given)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return wrong
    if (
        not host
        or parts.scheme not in {"http", "https"}
        or "@" in parts.netloc
        or given != given.strip()
    ):
        return wrong
    if parts.scheme != "https":
        return NOT_HTTPS.found(f"It begins with {parts.scheme}://."), None
    if parts.path != _PATH or parts.query:
        seen = f"Its path is {parts.path or '/'}."
        return WRONG_PATH.found(seen), parts._replace(path=_PATH, query="", fragment="")
    return URL.ok(f"https, {host}, {_PATH}."), parts


def name(host: str, found: Sequence[str]) -> Finding:
    """Judge where a name leads."""
    private = not any(ipaddress.ip_address(one.partition("%")[0]).is_global for one in found)
    outside = (
        " Seen from here only: from outside it must lead to a public address." if private else ""
    )
    return NAME.ok(f"{host} leads to {', '.join(found)}.{outside}")


def tls(host: str, days: int) -> Finding:
    """Judge a certificate by the days that it still holds."""
    seen = f"{host}: trusted, ends in {days} days."
    return TLS_ENDS.found(seen, host=host) if days <= _DAYS else TLS.ok(seen)


def endpoint(answered: Answered) -> Finding:
    """Judge the answer to a message without a token."""
    status = answered.status
    seen = f"A POST without a token is answered with {status}."
    asks = answered.headers.get("www-authenticate", "").partition(" ")[0].lower()
    match status:
        case 401 if asks in {"", "bearer"}:
            return ENDPOINT.ok(f"{seen[:-1]}, as it should be.")
        case 401 | 407:
            return LOGIN_IN_FRONT.found(seen)
        case 403:
            return FORBIDDEN.found(seen)
        case 404 | 405 | 410 | 501:
            return NOT_FOUND.found(seen)
        case 502 | 503 | 504:
            return BEHIND_IS_NOBODY.found(seen)
        case _ if 300 <= status < 400:  # noqa: PLR2004 - RFC 9110 section 15.4
            return MOVED.found(seen)
        case _ if 200 <= status < 300:  # noqa: PLR2004
            return LETS_IN.found(seen)
        case _:
            return UNEXPECTED.found(seen)
