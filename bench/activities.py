"""What people send: activities as Teams writes them, 1 to 2 kB each, and the bounces they paste. Everybody in them is made up."""

from __future__ import annotations

import hashlib
import html
import itertools
import random
import uuid
from typing import Any

import msgspec

Json = dict[str, Any]

JSON = {"Content-Type": "application/json; charset=utf-8"}
"""The header of such a body."""

_encode = msgspec.json.Encoder().encode

TENANT = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
APP = "5a1d0c3e-7b42-4f7e-9d55-1c2b3a4d5e6f"
"""The bot's app id."""

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
    """Somebody in a chat of two with the bot: writes the bodies of the requests that Teams makes of what they do.

    What all activities of a person have in common is encoded once: whoever generates load has no time for it later.
    """

    def __init__(self, name: str, service_url: str) -> None:
        """Take a name, which tells them from everybody else, and where answers go."""
        self.conversation = f"a:1{_opaque(name, 139)}"
        self._key = str(uuid.uuid5(uuid.NAMESPACE_URL, name))
        self._numbers = itertools.count(1)
        self._rest = _encode(self._envelope(name, service_url)).replace(b"{", b",", 1)

    def say(self, text: str) -> bytes:
        """Return a message: its plain text, and the HTML that the compose box makes of it."""
        paragraphs = "".join(f"<p>{html.escape(line)}</p>" for line in text.split("\n") if line)
        return b'{"type":"message","id":"%b","text":%b,"textFormat":"plain",%b%b}]%b' % (
            self._id(),
            _encode(text),
            b'"attachments":[{"contentType":"text/html","content":',
            _encode(paragraphs),
            self._rest,
        )

    def press(self, data: Json, card: str) -> bytes:
        """Return the press of an `Action.Execute` with this data on the card of a sent activity."""
        return (
            b'{"type":"invoke","id":"%b","name":"adaptiveCard/action",%b%b%b,"replyToId":%b%b'
            % (
                self._id(),
                b'"value":{"action":{"type":"Action.Execute","id":null,"verb":"bouncedesk","data":',
                _encode({"bouncedesk": data}),
                b'},"trigger":"manual"}',
                _encode(card),
                self._rest,
            )
        )

    def search(self, words: str) -> bytes:
        """Return a search in the message extension, as it fires at each key that is pressed."""
        value = {
            "commandId": "recent",
            "parameters": [{"name": "query", "value": words}],
            "queryOptions": {"skip": 0, "count": 25},
        }
        return b'{"type":"invoke","id":"%b","name":"composeExtension/query","value":%b%b' % (
            self._id(),
            _encode(value),
            self._rest,
        )

    def _id(self) -> bytes:
        """Return an id that no other activity has, in the form of the channel's own."""
        return f"f:{self._key[:-6]}{next(self._numbers):06d}".encode()

    def _envelope(self, name: str, service_url: str) -> Json:
        return {
            "timestamp": "2026-11-23T10:00:00.0000000Z",
            "localTimestamp": "2026-11-23T11:00:00.0000000+01:00",
            "localTimezone": "Europe/Oslo",
            "channelId": "msteams",
            "serviceUrl": service_url,
            "from": {
                "id": f"29:1{_opaque(self._key, 86)}",
                "name": f"Test Person {name}",
                "aadObjectId": self._key,
            },
            "conversation": {
                "conversationType": "personal",
                "tenantId": TENANT,
                "id": self.conversation,
            },
            "recipient": {"id": f"28:{APP}", "name": "Bouncedesk"},
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
        }
