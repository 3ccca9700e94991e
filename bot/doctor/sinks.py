"""Do the other helpdesks answer that tickets go to? Nothing is sent to them but a greeting, a login and a question."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from urllib.parse import quote

import aiosmtplib

from bot.doctor.finding import Check, Finding, Flaw
from bot.doctor.installation import Area, Installation
from bot.doctor.wire import (
    SECONDS,
    Unreached,
    Untrusted,
    ask,
    certificate_days,
    connect,
    unreached,
)
from bot.model.errors import SettingsError
from bot.settings import Settings
from bot.sinks.calls import is_this_machine, secure_url
from bot.sinks.mail import MAILBOX, Security

EMAIL = Check("sink-email", "E-mail to another helpdesk")
EMAIL_ADDRESS = Flaw(
    check=EMAIL,
    name="address",
    means="The bot does not start with it.",
    next_step="Write {setting} as one plain address, like tickets@helpdesk.contoso.com.",
)
EMAIL_UNREACHED = Flaw(
    check=EMAIL,
    name="unreached",
    means="Tickets wait in the outbox until it answers; after two hours they become dead letters.",
    next_step="See that BOUNCEDESK_SMTP_HOST and BOUNCEDESK_SMTP_PORT are right and this machine is let through to it.",
)
EMAIL_UNTRUSTED = Flaw(
    check=EMAIL,
    name="untrusted",
    means="The bot sends nothing to a server whose certificate does not hold.",
    next_step="Use the name that its certificate is for, or set BOUNCEDESK_SMTP_CA to the file with the authority's certificate.",
)
NO_STARTTLS = Flaw(
    check=EMAIL,
    name="no-starttls",
    means="A server that does not protect the connection gets nothing.",
    next_step="Set BOUNCEDESK_SMTP_SECURITY to tls (port 465) if it speaks that, or have STARTTLS switched on there.",
)
EMAIL_LOGIN = Flaw(
    check=EMAIL,
    name="login",
    means="The server does not let the bot in, so no ticket leaves.",
    next_step="Correct BOUNCEDESK_SMTP_USER and BOUNCEDESK_SMTP_PASSWORD; many servers want an app password.",
)
NO_TLS = Flaw(
    check=EMAIL,
    name="password-without-tls",
    means="The password would travel for everybody to read; the bot does not start so.",
    next_step="Set BOUNCEDESK_SMTP_SECURITY to starttls or tls.",
)

WEBHOOK = Check("sink-webhook", "Webhook to another helpdesk")
WEBHOOK_ADDRESS = Flaw(
    check=WEBHOOK,
    name="address",
    means="The bot does not start with it.",
    next_step="Write BOUNCEDESK_WEBHOOK_URL as an https address; plain http only to this machine.",
)
WEBHOOK_UNREACHED = Flaw(
    check=WEBHOOK,
    name="unreached",
    means="Tickets wait in the outbox until it answers; after two hours they become dead letters.",
    next_step="See that BOUNCEDESK_WEBHOOK_URL is right and this machine is let through to it.",
)
WEBHOOK_UNTRUSTED = Flaw(
    check=WEBHOOK,
    name="untrusted",
    means="The bot sends nothing to a server whose certificate does not hold.",
    next_step="Have a certificate from an authority that this machine trusts put on it, for the name in BOUNCEDESK_WEBHOOK_URL.",
)

RT = Check("sink-rt", "Request Tracker")
RT_ADDRESS = Flaw(
    check=RT,
    name="address",
    means="The bot does not start with it.",
    next_step="Write BOUNCEDESK_RT_URL as RT's base address, like https://rt.contoso.com; plain http only to this machine.",
)
RT_UNREACHED = Flaw(
    check=RT,
    name="unreached",
    means="Tickets wait in the outbox until it answers; after two hours they become dead letters.",
    next_step="See that BOUNCEDESK_RT_URL is right and this machine is let through to it.",
)
NOT_RT = Flaw(
    check=RT,
    name="not-rt",
    means="There is no REST 2 API of Request Tracker at this address.",
    next_step="Set BOUNCEDESK_RT_URL to RT's base address, without /REST/2.0; RT must be version 5.",
)
RT_LOGIN = Flaw(
    check=RT,
    name="login",
    means="RT does not take the token: it was revoked, has expired, or is another RT's.",
    next_step="Make a new token in RT (Logged in as > Settings > Auth Tokens, as the bot's user), and set BOUNCEDESK_RT_TOKEN to it.",
)
RT_QUEUE = Flaw(
    check=RT,
    name="queue",
    means="RT has no such queue, or hides it from the bot's user; no ticket can be made there.",
    next_step="Correct BOUNCEDESK_RT_QUEUE, or give the bot's user SeeQueue and CreateTicket on it (docs/sinks.md has all rights).",
)

_UNSET = "it is not configured."


async def look(installation: Installation) -> Sequence[Finding]:
    """Greet all of them at the same time."""
    return await asyncio.gather(
        _email(installation.settings), _webhook(installation), _rt(installation)
    )


AREA = Area("sinks", "Other helpdesks", look)


async def _email(settings: Settings) -> Finding:
    if not settings.email_to:
        return EMAIL.not_checked(_UNSET)
    for name in ("email_to", "email_from", "email_reply_to"):
        address = getattr(settings, name)
        if address and not MAILBOX.fullmatch(address):
            setting = f"BOUNCEDESK_{name.upper()}"
            return EMAIL_ADDRESS.found(f"{setting} is not a plain address.", setting=setting)
    security = Security(settings.smtp_security)
    password = settings.smtp_password.get_secret_value()
    if password and security is Security.NONE and not is_this_machine(settings.smtp_host):
        return NO_TLS.found("A password is set, and the connection is not protected.")
    client = aiosmtplib.SMTP(
        hostname=settings.smtp_host,
        port=settings.smtp_port or None,
        username=settings.smtp_user or None,
        password=password or None,
        use_tls=security is Security.TLS,
        start_tls=security is Security.STARTTLS,
        cert_bundle=settings.smtp_ca or None,
        timeout=SECONDS,
    )
    try:
        async with asyncio.timeout(2 * SECONDS):
            await client.connect()  # with STARTTLS and the login, where they are wanted
            await client.ehlo()
            await client.quit()
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        return email_trouble(error, settings.smtp_host)
    finally:
        client.close()
    login = " and lets the bot in" if settings.smtp_user else ""
    return EMAIL.ok(f"{settings.smtp_host} answers{login}.")


def email_trouble(error: Exception, host: str) -> Finding:
    """Return what it means that a mail server was not got along with. Its words are left out; they may quote the login."""
    why = unreached(error)
    if isinstance(why, Untrusted):
        return EMAIL_UNTRUSTED.found(f"{host}: {why.why}.")
    match error:
        case aiosmtplib.SMTPAuthenticationError(code=code):
            return EMAIL_LOGIN.found(f"{host} refuses the login ({code}).")
        case aiosmtplib.SMTPConnectResponseError(code=code) | aiosmtplib.SMTPHeloError(code=code):
            return EMAIL_UNREACHED.found(f"{host} does not want to talk ({code}).")
        case aiosmtplib.SMTPResponseException(code=code):
            return EMAIL_LOGIN.found(f"{host} answers {code}.")
        case aiosmtplib.SMTPException() if "STARTTLS" in str(error).upper():
            return NO_STARTTLS.found(f"{host} does not offer STARTTLS.")
        case aiosmtplib.SMTPNotSupported():
            return EMAIL_LOGIN.found(f"{host} offers no login that the bot knows.")
        case _:
            return EMAIL_UNREACHED.found(f"{host}: {why.why}.")


async def _webhook(installation: Installation) -> Finding:
    settings = installation.settings
    if not settings.webhook_url:
        return WEBHOOK.not_checked(_UNSET)
    try:
        url = secure_url(settings.webhook_url, "")
    except SettingsError:
        return WEBHOOK_ADDRESS.found("BOUNCEDESK_WEBHOOK_URL is not an address that is called.")
    host, port = url.host or "", url.port or 443
    try:
        if url.scheme == "https":
            await certificate_days(host, port, installation.clock())
        else:
            await connect(host, port)
    except Untrusted as error:
        return WEBHOOK_UNTRUSTED.found(f"{host}: {error.why}.")
    except Unreached as error:
        return WEBHOOK_UNREACHED.found(f"{host}, port {port}: {error.why}.")
    return WEBHOOK.ok(f"{host} answers on port {port}; nothing was posted.")


async def _rt(installation: Installation) -> Finding:
    settings = installation.settings
    if not settings.rt_url:
        return RT.not_checked(_UNSET)
    try:
        base = secure_url(settings.rt_url, "")
    except SettingsError:
        return RT_ADDRESS.found("BOUNCEDESK_RT_URL is not an address that is called.")
    token = settings.rt_token.get_secret_value()
    if not re.fullmatch(r"[\x21-\x7e]+", token):
        return RT_LOGIN.found("BOUNCEDESK_RT_TOKEN has characters that no token has.")
    headers = {"Authorization": f"token {token}", "Accept": "application/json"}
    queue = base.joinpath("REST", "2.0", "queue").joinpath(
        quote(settings.rt_queue, safe=""), encoded=True
    )
    try:
        answered = await ask("GET", str(queue), now=installation.clock, headers=headers)
    except Unreached as error:
        return RT_UNREACHED.found(f"{base.host}: {error.why}.")
    return rt(answered.status, answered.json, base.host or "", settings.rt_queue)


def rt(status: int, said: dict[str, object] | None, host: str, queue: str) -> Finding:
    """Judge RT's answer to the question for the queue."""
    seen = f"{host} answers {status}."
    if status == 401:  # noqa: PLR2004
        return RT_LOGIN.found(seen)
    if status in {403, 404} and said is not None:
        return RT_QUEUE.found(f"{seen[:-1]} to the question for the queue {queue}.")
    if status != 200 or said is None or "Name" not in said:  # noqa: PLR2004
        return NOT_RT.found(f"{seen[:-1]}, not as RT does.")
    return RT.ok(f"{host} lets the bot in and has the queue {queue}.")
