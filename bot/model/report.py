"""What a pasted text or an attached mail says: the `Report` that intake reads, before anyone decides what it means.

Terms follow RFC 3463 (enhanced status codes) and RFC 3464 (delivery status notifications).
"""

from enum import StrEnum

import msgspec


class Kind(StrEnum):
    """What a text is."""

    BOUNCE = "bounce"
    NOT_BOUNCE = "not_bounce"
    UNSURE = "unsure"


class Reporter(StrEnum):
    """Who wrote the notification: decides whose product the advice is about."""

    EXCHANGE_ONLINE = "exchange-online"
    EXCHANGE_SERVER = "exchange-server"
    OUTLOOK_COM = "outlook-com"
    OTHER = "other"
    UNKNOWN = "unknown"


class Actor(StrEnum):
    """Who must act, as the notification's own "Action Required" box has it."""

    SENDER = "sender"
    SENDER_ADMIN = "sender-admin"
    RECIPIENT = "recipient"
    RECIPIENT_ADMIN = "recipient-admin"


class Span(msgspec.Struct, frozen=True):
    """A piece of the normalised text, `text[start:end]`, that decided something."""

    start: int
    end: int
    says: str
    """What was read there: `status`, `recipient`, `reporting-mta`, `phrase:…`."""


class Failure(msgspec.Struct, frozen=True):
    """One failing recipient (RFC 3464 section 2.3: per-recipient fields)."""

    recipient: str | None
    status: str | None = None
    """Enhanced status code, `5.1.10`; the specific inner one when a hybrid server wraps another's answer."""
    smtp_reply: str | None = None
    """Three-digit SMTP reply code, `550`."""
    diagnostic: str | None = None


class Backscatter(msgspec.Struct, frozen=True):
    """Whether the bounce answers mail that somebody else sent in the user's name."""

    verdict: bool | None
    """None: the text does not say (the headers of the returned mail are not there)."""
    reasons: tuple[str, ...] = ()
    """Ids of what spoke for or against it: `spf-fail`, `dkim-none`, `dmarc-fail`, `foreign-first-hop`, `auth-pass`."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything intake could read. Never raises for any text: what is not there is None or empty."""

    kind: Kind
    text: str
    """The normalised text (secrets masked, capped), the text that `spans` count in."""
    failures: tuple[Failure, ...] = ()
    """Failing recipients, the decisive one first. Empty when the text names neither a recipient nor a code."""
    codes: tuple[str, ...] = ()
    """All enhanced status codes read, the decisive one first."""
    reporting_mta: str | None = None
    """Generating server / Reporting-MTA (RFC 3464 section 2.2.2), host name in lower case."""
    reporter: Reporter = Reporter.UNKNOWN
    mta_family: str | None = None
    """`exchange`, `postfix`, `exim`, `gmail`, `sendmail`, `qmail`, `domino`, …"""
    arrival: str | None = None
    """When the original was sent or arrived, as the text has it (ISO 8601 where it could be parsed)."""
    message_id: str | None = None
    subject: str | None = None
    """Subject of the original message."""
    sender: str | None = None
    """Who sent the original, as the bounce has it."""
    actor: Actor | None = None
    language: str | None = None
    """Language of the notification (BCP 47 primary tag), where known."""
    backscatter: Backscatter = Backscatter(None)
    warnings: tuple[str, ...] = ()
    """Ids of what the user should be told: `phishing`, `secret-masked`, `cut`, `several-bounces`, `attachment-unreadable`."""
    spans: tuple[Span, ...] = ()

    @property
    def status(self) -> str | None:
        """The decisive enhanced status code."""
        return self.codes[0] if self.codes else None

    @property
    def recipients(self) -> tuple[str, ...]:
        """All failing recipients, each once, in the order of the text."""
        return tuple(dict.fromkeys(f.recipient for f in self.failures if f.recipient))

    @property
    def diagnostic(self) -> str | None:
        """The decisive diagnostic string."""
        return next((f.diagnostic for f in self.failures if f.diagnostic), None)

    @property
    def smtp_reply(self) -> str | None:
        """The decisive SMTP reply code."""
        return next((f.smtp_reply for f in self.failures if f.smtp_reply), None)
