"""The two services that say who is who: the channel's signing keys, and Entra's token endpoint. A process of its own.

    python -m bench.identity --folder DIR

prints one line of JSON with its ports and then serves everything over HTTP and over TLS (the stock SDK buys from no authority without TLS;
the certificate goes into a file, which REQUESTS_CA_BUNDLE names). What the channel signs with goes into another file, which the load
reads: each run signs its own tokens, as real as the channel's.

    PUT  /_control           {"metadata_down": false, "token_status": 200, "token_delay": 0.0, "token_seconds": 3599}
    POST /_control/roll      sign with a new key from now on, and publish only that one
    GET  /_control/counts    {"metadata": 1, "keys": 1, "discovery": 1, "token": 1}
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import ipaddress
import itertools
import json
import ssl
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import jwt
import msgspec
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from bench.activities import APP, TENANT
from bench.processes import PYTHON, ROOT, cores, pin

ISSUER = "https://api.botframework.com"
SECRET = "a-secret-for-the-bench"  # noqa: S105 - of an app that does not exist

_SECONDS = 3_600


class Signer(msgspec.Struct, frozen=True):
    """What the channel signs its tokens with."""

    kid: str
    pem: str

    @classmethod
    def new(cls, kid: str) -> Self:
        """Make a new key."""
        key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
        return cls(kid, _pem(key))

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read what the identity service signs with now."""
        return msgspec.json.decode(file.read_bytes(), type=cls)

    def tokens(self, service_url: str, count: int = 1, **claims: object) -> list[str]:
        """Return different tokens of a connector, each good for an hour; claims given replace the usual ones."""
        now = int(time.time())
        usual: dict[str, Any] = {
            "iss": ISSUER,
            "aud": APP,
            "nbf": now - 10,
            "exp": now + _SECONDS,
            "serviceurl": service_url,
        }
        key = serialization.load_pem_private_key(self.pem.encode(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        return [
            jwt.encode(
                usual | claims | {"jti": str(number)},
                key,
                algorithm="RS256",
                headers={"kid": self.kid},
            )
            for number in range(count)
        ]

    @property
    def public(self) -> dict[str, Any]:
        """The public key as the channel publishes it."""
        key = serialization.load_pem_private_key(self.pem.encode(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        jwk: dict[str, Any] = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
        return jwk | {"kid": self.kid, "use": "sig", "endorsements": ["msteams", "webchat"]}


class _World:
    def __init__(self, signer: Path) -> None:
        self.file = signer
        self.numbers = itertools.count(1)
        self.counts: Counter[str] = Counter()
        self.metadata_down = False
        self.token_status = 200
        self.token_delay = 0.0
        self.token_seconds = 3_599
        self.roll()

    def roll(self) -> None:
        self.signer = Signer.new(f"key-{next(self.numbers)}")
        written = self.file.with_suffix(".new")
        written.write_bytes(msgspec.json.encode(self.signer))
        written.replace(self.file)

    async def metadata(self, request: web.Request) -> web.Response:
        self.counts["metadata"] += 1
        if self.metadata_down:
            return web.Response(status=503)
        described = {
            "issuer": ISSUER,
            "jwks_uri": f"{request.scheme}://{request.host}/v1/.well-known/keys",
            "id_token_signing_alg_values_supported": ["RS256"],
        }
        return web.json_response(described)

    async def keys(self, _request: web.Request) -> web.Response:
        self.counts["keys"] += 1
        if self.metadata_down:
            return web.Response(status=503)
        return web.json_response({"keys": [self.signer.public]})

    async def discovery(self, request: web.Request) -> web.Response:
        self.counts["discovery"] += 1
        # Both listeners say https, as Entra does: whoever reads this takes nothing else.
        base = f"https://{request.host}/{request.match_info['tenant']}"
        described = {
            "issuer": f"{base}/v2.0",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "token_endpoint": f"{base}/oauth2/v2.0/token",
        }
        return web.json_response(described)

    async def token(self, request: web.Request) -> web.Response:
        self.counts["token"] += 1
        await asyncio.sleep(self.token_delay)
        if self.token_status != 200:
            return web.json_response(
                {"error": "temporarily_unavailable"}, status=self.token_status
            )
        form = await request.post()
        if form.get("client_secret") != SECRET:
            return web.json_response({"error": "invalid_client"}, status=401)
        number = next(self.numbers)
        # As long as a real one.
        sold = f"{number:08d}." + "x" * 1_400
        answer = {"token_type": "Bearer", "expires_in": self.token_seconds, "access_token": sold}
        return web.json_response(answer)

    async def control(self, request: web.Request) -> web.Response:
        for name, value in (await request.json()).items():
            setattr(self, name, value)
        return web.Response()

    async def control_roll(self, _request: web.Request) -> web.Response:
        self.roll()
        return web.Response()

    async def control_counts(self, _request: web.Request) -> web.Response:
        return web.json_response(self.counts)


class Identity:
    """The two services, as a part of the bench sees them."""

    def __init__(self, folder: Path, port: int, tls_port: int) -> None:
        """Take where its files are and where it listens."""
        self.origin = f"http://127.0.0.1:{port}"
        self.tls_origin = f"https://127.0.0.1:{tls_port}"
        self.metadata_url = f"{self.origin}/v1/.well-known/openidconfiguration"
        self.signer = folder / "signer.json"
        self.certificate = folder / "authority.pem"

    def environment(self, service_url: str) -> dict[str, str]:
        """Return what a bot must be told, so that it believes these services and answers to a connector."""
        return {
            "BOUNCEDESK_APP_ID": APP,
            "BOUNCEDESK_APP_PASSWORD": SECRET,
            "BOUNCEDESK_TENANT_ID": TENANT,
            "BOUNCEDESK_METADATA_URL": self.metadata_url,
            "BOUNCEDESK_AUTHORITY": self.origin,
            "BOUNCEDESK_SERVICE_HOSTS": service_url.rstrip("/"),
            "BOUNCEDESK_TRIAGE_SERVICE_URL": service_url,
            "REQUESTS_CA_BUNDLE": str(self.certificate),
            "BENCH_LOGIN": f"{self.tls_origin}/adfs",
            "BENCH_METADATA": f"{self.tls_origin}/v1/.well-known/openidconfiguration",
        }

    def say(self, **state: object) -> None:
        """Change how the services behave."""
        self._ask("PUT", "/_control", json.dumps(state).encode())

    def roll(self) -> None:
        """Sign with a new key from now on."""
        self._ask("POST", "/_control/roll")

    def counts(self) -> Counter[str]:
        """Return how often each service was asked."""
        return Counter(json.loads(self._ask("GET", "/_control/counts")))

    def _ask(self, method: str, path: str, data: bytes | None = None) -> bytes:
        request = urllib.request.Request(self.origin + path, data=data, method=method)  # noqa: S310 - loopback
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            said: bytes = answer.read()
            return said


@contextmanager
def identity() -> Iterator[Identity]:
    """Run the two services in a process of their own while the block lasts."""
    with TemporaryDirectory(prefix="bouncedesk-bench-") as name:
        folder = Path(name)
        command = [PYTHON, "-m", "bench.identity", "--folder", name]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
            pin(process.pid, cores()[1])
            try:
                assert process.stdout is not None
                ports = json.loads(process.stdout.readline())
                yield Identity(folder, ports["port"], ports["tls_port"])
            finally:
                process.terminate()
                process.wait(timeout=10)


async def _serve(folder: Path) -> None:
    world = _World(folder / "signer.json")
    app = web.Application()
    app.add_routes(
        [
            web.get("/v1/.well-known/openidconfiguration", world.metadata),
            web.get("/v1/.well-known/keys", world.keys),
            web.get("/{tenant}/v2.0/.well-known/openid-configuration", world.discovery),
            web.get("/{tenant}/.well-known/openid-configuration", world.discovery),
            web.post("/{tenant}/oauth2/v2.0/token", world.token),
            web.put("/_control", world.control),
            web.post("/_control/roll", world.control_roll),
            web.get("/_control/counts", world.control_counts),
        ]
    )
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=_tls(folder / "authority.pem")).start()
    ports = [address[1] for address in runner.addresses]
    sys.stdout.write(json.dumps(dict(zip(("port", "tls_port"), ports, strict=True))) + "\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


def _tls(certificate: Path) -> ssl.SSLContext:
    """Make a certificate for loopback, write it (without its key) to a file, and return what serves with it."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bouncedesk-bench")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    public = made.public_bytes(serialization.Encoding.PEM)
    certificate.write_bytes(public)
    whole = certificate.with_suffix(".key")
    whole.write_bytes(public + _pem(key).encode())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(whole)
    return context


def _pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def main() -> None:
    """Serve, as a program."""
    parser = argparse.ArgumentParser(description="Signing keys and a token endpoint.")
    parser.add_argument("--folder", type=Path, required=True, help="where its two files go")
    given = parser.parse_args()
    try:
        asyncio.run(_serve(given.folder))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
