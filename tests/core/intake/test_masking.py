"""Secrets that sit in a paste are masked before anything else sees them."""

from __future__ import annotations

import pytest

from bot.intake import read_mail, read_text
from bot.intake.masking import MASK
from bot.model.report import Kind
from tests.core.intake import texts

JWT = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
SECRETS = [
    ("my password: Sommer2026!", "Sommer2026!"),
    ("passordet er Vinter#99", "Vinter#99"),
    ("Passord Hemmelig123!", "Hemmelig123!"),
    ("Das Passwort ist Geheim#1", "Geheim#1"),
    ("mot de passe : Secret12", "Secret12"),
    ("lösenord: Sommar24!", "Sommar24!"),
    ("pwd=abc123xyz", "abc123xyz"),
    ("Authorization: Bearer abcdef0123456789abcdef", "abcdef0123456789abcdef"),
    ("Authorization: Basic dXNlcjpwYXNzd29yZA==", "dXNlcjpwYXNzd29yZA=="),
    (f"token {JWT}", JWT),
    ("api_key=sk_live_0123456789abcdef", "sk_live_0123456789abcdef"),
    ("x-api-key: 9f8e7d6c5b4a", "9f8e7d6c5b4a"),
    ("client_secret=aB3~xyz.0123456789_abcdefg", "aB3~xyz.0123456789_abcdefg"),
    ("Server=db;User Id=sa;Password=Tr0ub4dor&3;", "Tr0ub4dor"),
    (
        "AccountKey=abcdEFGH0123456789abcdEFGH0123456789==;",
        "abcdEFGH0123456789abcdEFGH0123456789==",
    ),
    ("postgresql://bot:s3cr3t-pw@db.contoso.com/x", "s3cr3t-pw"),
    ("https://contoso.blob.example.net/x?sv=1&sig=abcdefghijklmnop%3D", "abcdefghijklmnop"),
    ("ghp_0123456789abcdefghijABCDEFGHIJ012345", "ghp_0123456789abcdefghijABCDEFGHIJ012345"),
    ("AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIEabc\ndef\n-----END RSA PRIVATE KEY-----", "MIIEabc"),
    ("AUTH LOGIN dXNlcm5hbWU6cGFzcw==", "dXNlcm5hbWU6cGFzcw=="),
]


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_a_secret_is_masked(text: str, secret: str) -> None:
    """No piece of the report holds the secret, its mask stands instead, and the user is told."""
    report = read_text(f"{text}\n\n{texts.CLASSIC.text}")
    assert secret not in repr(report)
    assert MASK in report.text
    assert "secret-masked" in report.warnings


@pytest.mark.parametrize("text", [text for text, _ in SECRETS])
def test_a_secret_hides_nothing_else(text: str) -> None:
    """The bounce around a secret is read as if the secret were not there."""
    report = read_text(f"{texts.CLASSIC.text}\n\n{text}")
    assert (report.kind, report.status, report.recipients) == (
        Kind.BOUNCE,
        texts.CLASSIC.status,
        texts.CLASSIC.recipients,
    )


@pytest.mark.parametrize(
    "text",
    ["Password expired", "The token is invalid", "spf=pass dkim=pass", "status code 5.1.10"],
)
def test_talk_about_secrets_stays(text: str) -> None:
    """Words about a secret are not one."""
    report = read_text(text)
    assert MASK not in report.text
    assert "secret-masked" not in report.warnings


def test_secrets_in_a_mail_are_masked() -> None:
    """A secret in an attached mail is masked too, and places still count in the masked text."""
    mail = f"From: a@contoso.com\nSubject: password: Sommer2026!\n\n{texts.CLASSIC.text}".encode()
    report = read_mail(mail)
    assert "Sommer2026!" not in repr(report)
    places = [report.text[span.start : span.end] for span in report.spans if span.says == "status"]
    assert places
    assert set(places) == {"5.1.10"}


@pytest.mark.parametrize(("text", "secret"), SECRETS[:8])
def test_a_secret_is_masked_whatever_the_capitals(text: str, secret: str) -> None:
    """A name in capitals gives its secret away too, and so does one whose letters have long small forms."""
    for before in ("", "İ ", "ſ\n"):
        report = read_text(f"{before}{text.upper()}\n\n{texts.CLASSIC.text}")
        assert secret.upper() not in report.text
        assert MASK in report.text
