"""What a bot is recognised by: certificates as an administrator would make them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Identity:
    """A certificate and its private key, as PEM."""

    certificate: str
    key: str
    ends: datetime

    def written(self, file: Path, *, more: str = "") -> Path:
        """Put both in a file, in place of what it was, as `mv` does; return it."""
        beside = file.with_suffix(".new")
        beside.write_text(self.certificate + more + self.key, encoding="ascii")
        return beside.replace(file)


def identity(
    days: int = 365, *, passphrase: bytes | None = None, elliptic: bool = False
) -> Identity:
    """Make a self-signed certificate that is valid for so many days from now."""
    key = (
        ec.generate_private_key(ec.SECP256R1())
        if elliptic
        else rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    )
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bouncedesk.contoso.com")])
    now = datetime.now(UTC).replace(microsecond=0)
    ends = now + timedelta(days=days)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=400))
        .not_valid_after(ends)
        .sign(key, hashes.SHA256())
    )
    protection: serialization.KeySerializationEncryption = (
        serialization.BestAvailableEncryption(passphrase)
        if passphrase
        else serialization.NoEncryption()
    )
    return Identity(
        certificate.public_bytes(serialization.Encoding.PEM).decode(),
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection
        ).decode(),
        ends,
    )
