"""What people send: activities as Teams writes them, 1 to 2 kB each, and the bounces they paste. Everybody in them is made up."""

from __future__ import annotations

import hashlib
import html
import itertools
import random
import uuid
from typing import Any

Json = dict[str, Any]

TENANT = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"

_FIRST = ("kari", "ola", "ingrid", "lars", "astrid", "nils", "sigrid", "erik", "marit", "jonas")
_LAST = ("nordmann", "hansen", "berg", "lund", "dahl", "moen", "strand", "holm", "vik", "haugen")
_DOMAINS = ("contoso.com", "fabrikam.com", "example.com", "example.org", "example.net")


def bounce(chance: random.Random) -> str:
    """Return the text of a bounce somebody has copied out of Outlook; no two are the same."""
    name = f"{chance.choice(_FIRST)}.{chance.choice(_LAST)}{chance.randrange(10_000)}"
    domain = chance.choice(_DOMAINS)
    address = f"{name}@{domain}"
    server = f"AM0PR0{chance.randrange(1, 9)}MB{chance.randrange(1000, 9999)}"
    host = f"{server}.eurprd0{chance.randrange(1, 9)}.prod.outlook.com"
    if chance.random() < 0.25:
        said, code = f"{address}'s mailbox is full and can't accept messages now.", "554 5.2.2"
        why = f"mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException; {server}"
    else:
        said, code = f"{name} wasn't found at {domain}.", "550 5.1.10"
        why = (
            f"RESOLVER.ADR.RecipientNotFound; Recipient {address} not found by SMTP address lookup"
        )
    return (
        f"Delivery has failed to these recipients or groups:\n\n{address}\n\n"
        f"Your message to {address} couldn't be delivered.\n{said}\n\n"
        "Diagnostic information for administrators:\n"
        f"Generating server: {host}\n{address}\n"
        f"Remote Server returned '{code} {why}'\n"
        f"Original message headers:\nSubject: Offer {chance.randrange(100_000)}\n"
        f"Date: Mon, 23 Nov 2026 09:{chance.randrange(60):02d}:12 +0000\n"
    )


def _opaque(of: str, length: int) -> str:
    """Return an id as long as the channel's own are."""
    return hashlib.shake_128(of.encode()).hexdigest(length)[:length]


class Person:
    """Somebody in a chat of two with the bot: writes the envelope that all their activities have."""

    def __init__(self, name: str, service_url: str) -> None:
        """Take a name, which tells them from everybody else, and where answers go."""
        self.conversation = f"a:1{_opaque(name, 139)}"
        self._name = name
        self._service_url = service_url
        self._key = str(uuid.uuid5(uuid.NAMESPACE_URL, name))
        self._numbers = itertools.count(1)

    def say(self, text: str) -> Json:
        """Return a message: its plain text, and the HTML that the compose box makes of it."""
        paragraphs = "".join(f"<p>{html.escape(line)}</p>" for line in text.split("\n") if line)
        attachment = {"contentType": "text/html", "content": paragraphs}
        return self._activity("message", text=text, textFormat="plain", attachments=[attachment])

    def press(self, data: Json, card: str) -> Json:
        """Return the press of an `Action.Execute` with this data on the card of a sent activity."""
        action = {
            "type": "Action.Execute",
            "id": None,
            "verb": "bouncedesk",
            "data": {"bouncedesk": data},
        }
        value = {"action": action, "trigger": "manual"}
        return self._activity("invoke", name="adaptiveCard/action", value=value, replyToId=card)

    def _activity(self, kind: str, **more: Any) -> Json:  # noqa: ANN401 - JSON
        number = next(self._numbers)
        return {
            "type": kind,
            "id": f"f:{uuid.uuid5(uuid.NAMESPACE_OID, f'{self._name} {number}')}",
            "timestamp": "2026-11-23T10:00:00.0000000Z",
            "localTimestamp": "2026-11-23T11:00:00.0000000+01:00",
            "localTimezone": "Europe/Oslo",
            "channelId": "msteams",
            "serviceUrl": self._service_url,
            "from": {
                "id": f"29:1{_opaque(self._key, 86)}",
                "name": f"Test Person {self._name}",
                "aadObjectId": self._key,
            },
            "conversation": {
                "conversationType": "personal",
                "tenantId": TENANT,
                "id": self.conversation,
            },
            "recipient": {"id": "28:00000000-0000-0000-0000-000000000000", "name": "Bouncedesk"},
            "entities": [
                {
                    "locale": "en-GB",
                    "country": "NO",
                    "platform": "Windows",
                    "timezone": "Europe/Oslo",
                    "type": "clientInfo",
                }
            ],
            "channelData": {"tenant": {"id": TENANT}, "source": {"name": "message"}},
            "locale": "en-GB",
            **more,
        }
