"""A stand-in for the far end of Teams, in a process of its own: connector service, signing keys, token endpoint, file host.

The edge of the world is the one place where a fake stands in for the real thing, so this one speaks HTTP and is asked nothing by
Python. It records every request, keeps what each conversation shows now, misbehaves for a conversation when told to, and signs tokens
with a key made at start.

    python -m tests.connector --port 9000 [--latency 0.2] [--keep 10000]

prints one line of JSON with its port and then serves. Everything under `/_control` is for tests:

    GET    /_control/requests            what was asked, oldest first (`?conversation=`, `?method=`)
    DELETE /_control                     forget requests, faults, files, members; take the first key again
    GET    /_control/shown               what conversations show now, oldest first (`?conversation=`; a channel's id shows its threads too)
    PUT    /_control/faults              {"conversation": id or "*", "status": 429, "headers": {}, "body": "", "delay": 0, "times": 1,
                                          "drop": false, "accept": false, "method": ""}
    PUT    /_control/members/{conversation}    [{"id": …, "aadObjectId": …}]
    PUT    /_control/channels/{team}     [id, …], besides the one that has the team's own id
    PUT    /_control/files/{name}        the bytes that GET /files/{name} answers
    POST   /_control/roll                sign with a new key from now on and publish only that one
    PUT    /_control/metadata            {"down": true} answers the OpenID metadata with 503; {"delay": seconds}; {"algorithms": [name]}
    PUT    /_control/entra               {"secrets": {secret: "taken" or "expired"}, "certificates": [pem]}: who is sold a token
    GET    /_control/key                 the private key now in use, as {"kid", "pem"}
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import subprocess
import sys
import time
import urllib.request
from base64 import urlsafe_b64encode
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import jwt
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

Json = dict[str, Any]

ISSUER = "https://api.botframework.com"
ENDORSED = ("msteams", "webchat")


class SigningKey:
    """A key pair as the channel has it."""

    def __init__(self, kid: str) -> None:
        """Make a new pair."""
        self.kid = kid
        self.private = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)

    @property
    def pem(self) -> str:
        """The private key."""
        return self.private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()

    @property
    def public(self) -> Json:
        """The public key as the channel publishes it."""
        jwk: Json = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.private.public_key()))
        return jwk | {"kid": self.kid, "use": "sig", "endorsements": list(ENDORSED)}


@dataclass
class Fault:
    """How the connector misbehaves."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    delay: float = 0.0
    times: int = 1
    drop: bool = False
    """Close the connection instead of answering."""
    accept: bool = False
    """Do first what was asked, so that only the answer is lost."""
    method: str = ""
    """Only requests of this method; empty: every one."""


@dataclass
class Shown:
    """A message as it stands in its conversation."""

    conversation: str
    activity: str
    content: Json
    """What it shows now."""
    first: Json
    """What it showed when it came."""
    updates: int = 0


class World:
    """What the stand-in knows."""

    def __init__(self, latency: float, keep: int) -> None:
        """Begin with nothing recorded and one key."""
        self.latency = latency
        self.first = SigningKey("key-1")
        self.numbers = itertools.count(1)
        self.requests: deque[Json] = deque(maxlen=keep)
        self.forget()

    def forget(self) -> None:
        """Forget everything but the first key."""
        self.requests.clear()
        self.faults: dict[str, list[Fault]] = {}
        self.members: dict[str, list[Json]] = {}
        self.channels: dict[str, list[str]] = {}
        self.files: dict[str, tuple[bytes, dict[str, str], int]] = {}
        self.shown: dict[tuple[str, str], Shown] = {}
        self.key = self.first
        self.published = [self.first]
        self.metadata_down = False
        self.metadata_delay = 0.0
        self.algorithms = ["RS256"]
        self.secrets: dict[str, str] = {"right": "taken"}
        self.certificates: list[x509.Certificate] = []

    async def record(self, request: web.Request) -> Json:
        """Write down a request and return it."""
        raw = await request.read()
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            body = raw.decode("utf-8", "replace")
        entry = {
            "method": request.method,
            "path": request.path,
            "conversation": request.match_info.get("conversation"),
            "activity": request.match_info.get("activity"),
            "query": dict(request.query),
            "headers": {name.lower(): value for name, value in request.headers.items()},
            "body": body,
            "peer_port": (request.transport.get_extra_info("peername") or ("", 0))[1]
            if request.transport
            else 0,
            "at": time.time(),  # noqa: TID251 - a real clock, as any server has
        }
        self.requests.append(entry)
        return entry

    async def misbehave(
        self,
        request: web.Request,
        conversation: str,
        accepted: Callable[[], object] = lambda: None,
    ) -> web.Response | None:
        """Return the fault that is due for a conversation. `accepted` does what was asked, for faults that only lose the answer."""
        if self.latency:
            await asyncio.sleep(self.latency)
        fault = self._due(request.method, conversation)
        if fault is None:
            return None
        if fault.accept:
            accepted()
        if fault.delay:
            await asyncio.sleep(fault.delay)
        if fault.drop and request.transport is not None:
            request.transport.close()
        if fault.status or fault.accept:
            return web.Response(status=fault.status or 200, headers=fault.headers, text=fault.body)
        return None

    def _due(self, method: str, conversation: str) -> Fault | None:
        for name in (conversation, conversation.partition(";")[0], "*"):
            for fault in self.faults.get(name, ()):
                if fault.method in ("", method):
                    fault.times -= 1
                    if fault.times <= 0:
                        self.faults[name].remove(fault)
                    return fault
        return None

    def show(self, conversation: str, content: Json) -> str:
        """Keep a new message; return its id."""
        activity = str(next(self.numbers))
        self.shown[conversation, activity] = Shown(conversation, activity, content, content)
        return activity

    def start(self, channel: str, content: Json | None) -> Json:
        """Start a thread in a channel, or a chat; return the channel's answer."""
        number = str(next(self.numbers))
        place = f"{channel};messageid={number}" if channel else f"a:chat-{number}"
        if content is not None:
            self.shown[place, number] = Shown(place, number, content, content)
        return {"id": place, "activityId": number}

    def replace(self, conversation: str, activity: str, content: Json) -> None:
        """Keep what a message shows from now on; one that was here before us counts as new."""
        known = self.shown.get((conversation, activity))
        if known is None:
            self.shown[conversation, activity] = Shown(conversation, activity, content, content)
        else:
            known.content, known.updates = content, known.updates + 1


WORLD = web.AppKey("world", World)
routes = web.RouteTableDef()


def _not_found(code: str) -> web.Response:
    error = {"error": {"code": code, "message": "not here"}}
    return web.json_response(error, status=404)


@routes.post("/v3/conversations")
async def create(request: web.Request) -> web.Response:
    """Start a thread in a channel, or a chat with one person."""
    world = request.app[WORLD]
    body = (await world.record(request))["body"]
    channel = str(((body.get("channelData") or {}).get("channel") or {}).get("id", ""))

    def accepted() -> Json:
        return world.start(channel, body.get("activity"))

    fault = await world.misbehave(request, channel, accepted)
    return fault or web.json_response(accepted(), status=201)


@routes.post("/v3/conversations/{conversation}/activities")
@routes.post("/v3/conversations/{conversation}/activities/{activity}")
async def send(request: web.Request) -> web.Response:
    """Take a message."""
    world = request.app[WORLD]
    body = (await world.record(request))["body"]
    conversation = request.match_info["conversation"]

    def accepted() -> Json:
        return {"id": world.show(conversation, body)}

    fault = await world.misbehave(request, conversation, accepted)
    return fault or web.json_response(accepted(), status=201)


@routes.put("/v3/conversations/{conversation}/activities/{activity}")
async def update(request: web.Request) -> web.Response:
    """Replace a message."""
    world = request.app[WORLD]
    body = (await world.record(request))["body"]
    conversation, activity = request.match_info["conversation"], request.match_info["activity"]

    def accepted() -> Json:
        world.replace(conversation, activity, body)
        return {"id": activity}

    fault = await world.misbehave(request, conversation, accepted)
    return fault or web.json_response(accepted())


@routes.delete("/v3/conversations/{conversation}/activities/{activity}")
async def delete(request: web.Request) -> web.Response:
    """Delete a message."""
    world = request.app[WORLD]
    await world.record(request)
    conversation, activity = request.match_info["conversation"], request.match_info["activity"]

    def accepted() -> None:
        world.shown.pop((conversation, activity), None)

    fault = await world.misbehave(request, conversation, accepted)
    if fault is None:
        accepted()
    return fault or web.Response()


@routes.get("/v3/conversations/{conversation}/members/{member}")
async def member(request: web.Request) -> web.Response:
    """Say who a member is."""
    world = request.app[WORLD]
    await world.record(request)
    place, asked = request.match_info["conversation"], request.match_info["member"]
    fault = await world.misbehave(request, place)
    if fault is not None:
        return fault
    if place not in world.members:
        return _not_found("ConversationNotFound")
    for entry in world.members[place]:
        if asked in (entry.get("id"), entry.get("aadObjectId")):
            return web.json_response(entry)
    return _not_found("MemberNotFoundInConversation")


@routes.get("/v3/conversations/{conversation}/pagedmembers")
async def paged_members(request: web.Request) -> web.Response:
    """List members, a page at a time."""
    world = request.app[WORLD]
    await world.record(request)
    place = request.match_info["conversation"]
    fault = await world.misbehave(request, place)
    if fault is not None:
        return fault
    if place not in world.members:
        return _not_found("ConversationNotFound")
    start = int(request.query.get("continuationToken", "0"))
    end = start + int(request.query.get("pageSize", "200"))
    answer: Json = {"members": world.members[place][start:end]}
    if end < len(world.members[place]):
        answer["continuationToken"] = str(end)
    return web.json_response(answer)


@routes.get("/v3/teams/{team}/conversations")
async def channels(request: web.Request) -> web.Response:
    """List the channels of a team; the first has the team's own id, as in Teams."""
    world = request.app[WORLD]
    await world.record(request)
    team = request.match_info["team"]
    fault = await world.misbehave(request, team)
    if fault is not None:
        return fault
    if team not in world.members:
        return _not_found("TeamNotFound")
    listed = [{"id": team}, *({"id": id_, "name": id_} for id_ in world.channels.get(team, ()))]
    return web.json_response({"conversations": listed})


@routes.get("/v1/.well-known/openidconfiguration")
async def metadata(request: web.Request) -> web.Response:
    """Describe the signing keys."""
    world = request.app[WORLD]
    await world.record(request)
    await asyncio.sleep(world.metadata_delay)
    if world.metadata_down:
        return web.Response(status=503, text="<html>down</html>")
    return web.json_response(
        {
            "issuer": ISSUER,
            "jwks_uri": f"http://{request.host}/v1/.well-known/keys",
            "id_token_signing_alg_values_supported": world.algorithms,
        }
    )


@routes.get("/v1/.well-known/keys")
async def keys(request: web.Request) -> web.Response:
    """Publish the signing keys, among others that nobody could use."""
    world = request.app[WORLD]
    await world.record(request)
    useless: list[Any] = [
        {"kty": "EC", "kid": "elliptic", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "RSA", "kid": "broken", "n": "!", "e": "AQAB"},
        {"kty": "RSA", "use": "enc", "kid": "for-encryption", "n": "AQAB", "e": "AQAB"},
        "no key at all",
    ]
    unendorsed = world.first.public | {"kid": "unendorsed", "endorsements": ["webchat"]}
    published = [key.public for key in world.published]
    return web.json_response({"keys": [*useless, unendorsed, *published]})


@routes.get("/{tenant}/v2.0/.well-known/openid-configuration")
async def entra(request: web.Request) -> web.Response:
    """Describe the token endpoint, as Entra does for a tenant."""
    world = request.app[WORLD]
    await world.record(request)
    # msal takes nothing but https, and says plain http to this machine only when the bot makes it.
    base = f"https://{request.host}/{request.match_info['tenant']}"
    return web.json_response(
        {
            "issuer": f"{base}/v2.0",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "token_endpoint": f"{base}/oauth2/v2.0/token",
        }
    )


@routes.post("/{tenant}/oauth2/v2.0/token")
async def token(request: web.Request) -> web.Response:
    """Sell a token to whoever knows a secret."""
    world = request.app[WORLD]
    await world.record(request)
    fault = await world.misbehave(request, "token")
    if fault is not None:
        return fault
    form = {name: str(value) for name, value in (await request.post()).items()}
    trouble = _trouble_with(world, form, f"https://{request.host}{request.path}")
    if trouble:
        number, text = trouble
        refusal = {
            "error": "invalid_client",
            "error_description": f"AADSTS{number}: {text} Trace ID: 0",
            "error_codes": [number],
        }
        return web.json_response(refusal, status=401)
    return web.json_response(_sold(world) | {"expires_in": 3_599})


@routes.get("/metadata/identity")
async def managed_identity(request: web.Request) -> web.Response:
    """Sell a token to a machine that Azure knows, as App Service does: by a header that only it has."""
    world = request.app[WORLD]
    await world.record(request)
    fault = await world.misbehave(request, "token")
    if fault is not None:
        return fault
    if request.headers.get("X-IDENTITY-HEADER") != "machine" or "resource" not in request.query:
        return web.json_response({"statusCode": 400, "message": "No identity."}, status=400)
    ends = int(time.time()) + 86_400  # noqa: TID251 - tokens end by the real clock
    return web.json_response(_sold(world) | {"expires_on": str(ends)})


def _sold(world: World) -> Json:
    return {"token_type": "Bearer", "access_token": f"token-{next(world.numbers)}"}


def _trouble_with(world: World, form: Mapping[str, str], endpoint: str) -> tuple[int, str] | None:
    """Return what Entra has against whoever asks, as its number and its words."""
    if "client_assertion" in form:
        return _trouble_with_assertion(world, form, endpoint)
    match world.secrets.get(form.get("client_secret", "")):
        case "taken":
            return None
        case "expired":
            return 7000222, "The provided client secret keys for the app are expired."
        case _:
            return 7000215, "Invalid client secret provided."


def _trouble_with_assertion(
    world: World, form: Mapping[str, str], endpoint: str
) -> tuple[int, str] | None:
    """Verify an assertion as Entra does: signed with a registered certificate, made by the app, for this endpoint."""
    assertion = form["client_assertion"]
    shown = jwt.get_unverified_header(assertion)
    for certificate in world.certificates:
        thumbprint = urlsafe_b64encode(certificate.fingerprint(hashes.SHA256())).rstrip(b"=")
        if str(shown.get("x5t#S256")).rstrip("=") != thumbprint.decode():
            continue
        app = form.get("client_id")
        jwt.decode(
            assertion,
            certificate.public_key(),  # type: ignore[arg-type]
            algorithms=["PS256"],
            audience=endpoint,
            issuer=app,
            subject=app,
        )
        return None
    return 700027, "The certificate with this thumbprint is not registered for the application."


@routes.get("/files/{name}")
async def file(request: web.Request) -> web.StreamResponse:
    """Answer a file that was put there."""
    world = request.app[WORLD]
    await world.record(request)
    name = request.match_info["name"]
    fault = await world.misbehave(request, f"file:{name}")
    if fault is not None:
        return fault
    data, headers, status = world.files.get(name, (b"no such file", {}, 404))
    if "Chunked" not in headers:
        return web.Response(body=data, headers=headers, status=status)
    # A host that does not say how much is coming.
    response = web.StreamResponse(status=status)
    response.enable_chunked_encoding()
    await response.prepare(request)
    for start in range(0, len(data), 65_536):
        await response.write(data[start : start + 65_536])
    return response


@routes.get("/_control/requests")
async def recorded(request: web.Request) -> web.Response:
    """Tell what was asked."""
    wanted = dict(request.query)
    entries = [
        entry
        for entry in request.app[WORLD].requests
        if all(entry.get(name) == value for name, value in wanted.items())
    ]
    return web.json_response(entries)


@routes.get("/_control/shown")
async def present(request: web.Request) -> web.Response:
    """Tell what conversations show now."""
    wanted = request.query.get("conversation")
    return web.json_response(
        [
            asdict(one)
            for one in request.app[WORLD].shown.values()
            if wanted is None or wanted in (one.conversation, one.conversation.partition(";")[0])
        ]
    )


@routes.delete("/_control")
async def forget(request: web.Request) -> web.Response:
    """Forget everything."""
    request.app[WORLD].forget()
    return web.Response()


@routes.put("/_control/faults")
async def faults(request: web.Request) -> web.Response:
    """Misbehave the next time."""
    body = await request.json()
    place = body.pop("conversation")
    request.app[WORLD].faults.setdefault(place, []).append(Fault(**body))
    return web.Response()


@routes.put("/_control/members/{conversation}")
async def set_members(request: web.Request) -> web.Response:
    """Say who belongs to a conversation."""
    request.app[WORLD].members[request.match_info["conversation"]] = await request.json()
    return web.Response()


@routes.put("/_control/channels/{team}")
async def set_channels(request: web.Request) -> web.Response:
    """Say which channels a team has."""
    request.app[WORLD].channels[request.match_info["team"]] = await request.json()
    return web.Response()


@routes.put("/_control/files/{name}")
async def set_file(request: web.Request) -> web.Response:
    """Keep a file; headers named `X-Answer-…` are answered with it (`Status`, `Chunked`: see StubConnector.file)."""
    prefix = "x-answer-"
    headers = {
        name[len(prefix) :]: value
        for name, value in request.headers.items()
        if name.lower().startswith(prefix)
    }
    status = int(headers.pop("Status", "200"))
    kept = await request.read(), headers, status
    request.app[WORLD].files[request.match_info["name"]] = kept
    return web.Response()


@routes.post("/_control/roll")
async def roll(request: web.Request) -> web.Response:
    """Change the signing key."""
    world = request.app[WORLD]
    world.key = SigningKey(f"key-{len(world.published) + 1}-{next(world.numbers)}")
    world.published = [world.key]
    return web.json_response({"kid": world.key.kid})


@routes.put("/_control/metadata")
async def set_metadata(request: web.Request) -> web.Response:
    """Take the metadata down, or slow it."""
    body = await request.json()
    world = request.app[WORLD]
    world.metadata_down = bool(body.get("down", False))
    world.metadata_delay = float(body.get("delay", 0.0))
    world.algorithms = body.get("algorithms", ["RS256"])
    return web.Response()


@routes.put("/_control/entra")
async def set_entra(request: web.Request) -> web.Response:
    """Say who is sold a token."""
    body = await request.json()
    world = request.app[WORLD]
    world.secrets = body["secrets"]
    world.certificates = [
        x509.load_pem_x509_certificate(pem.encode()) for pem in body["certificates"]
    ]
    return web.Response()


@routes.get("/_control/key")
async def private_key(request: web.Request) -> web.Response:
    """Hand out the private key, so that a test can sign what the channel never would."""
    key = request.app[WORLD].key
    return web.json_response({"kid": key.kid, "pem": key.pem})


def make_app(latency: float = 0.0, keep: int = 10_000) -> web.Application:
    """Return the stand-in as an application. `keep` bounds the recording, for long runs."""
    app = web.Application(client_max_size=16 * 1024 * 1024)
    app[WORLD] = World(latency, keep)
    app.add_routes(routes)
    return app


async def serve(port: int, latency: float, keep: int) -> None:
    """Serve on loopback until the process is told to end."""
    runner = web.AppRunner(make_app(latency, keep), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    bound = runner.addresses[0][1]
    sys.stdout.write(json.dumps({"port": bound}) + "\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


class StubConnector:
    """The stand-in as a test sees it. Its calls block for a moment; the stand-in is another process."""

    def __init__(self, port: int) -> None:
        """Take the port it listens on."""
        self.origin = f"http://127.0.0.1:{port}"
        self.service_url = f"{self.origin}/"
        self.metadata_url = f"{self.origin}/v1/.well-known/openidconfiguration"

    def reset(self) -> Self:
        """Forget everything that happened."""
        self._ask("DELETE", "/_control")
        return self

    def requests(self, **wanted: str) -> list[Json]:
        """Return what was asked, oldest first, where the named fields have these values."""
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in wanted.items())
        found: list[Json] = json.loads(self._ask("GET", f"/_control/requests?{query}"))
        return found

    def fault(self, conversation: str, status: int, **more: object) -> None:
        """Answer the next request of a conversation (or "*", "token", "file:NAME") with a fault.

        A channel's id stands for its threads too. With `accept=True` the request is carried out, and only its answer is lost.
        """
        self._put("/_control/faults", {"conversation": conversation, "status": status, **more})

    def shown(self, conversation: str) -> list[Json]:
        """Return the messages that a conversation shows now, oldest first; for a channel those of all its threads.

        Each has its `conversation`, its `activity` (id), its `content` now and at `first`, and how many `updates` came.
        """
        place = quote(conversation, safe="")
        found: list[Json] = json.loads(self._ask("GET", f"/_control/shown?conversation={place}"))
        return found

    def threads(self, channel: str) -> list[list[Json]]:
        """Return what each thread of a channel shows now, oldest first: the message it began with, and the replies to it."""
        threads: dict[str, list[Json]] = {}
        for message in self.shown(channel):
            threads.setdefault(message["conversation"], []).append(message)
        return list(threads.values())

    def members(self, conversation: str, people: list[Json]) -> None:
        """Say who belongs to a conversation."""
        self._put(f"/_control/members/{quote(conversation, safe='')}", people)

    def channels(self, team: str, ids: list[str]) -> None:
        """Say which channels a team has, besides the one that has its own id."""
        self._put(f"/_control/channels/{quote(team, safe='')}", ids)

    def file(self, name: str, data: bytes, answer: Mapping[str, str] | None = None) -> str:
        """Put a file and return its address; `answer` are headers it comes with.

        Two are for the stand-in itself: `Status` sets the status, `Chunked` leaves out the length.
        """
        headers = {f"X-Answer-{key}": value for key, value in (answer or {}).items()}
        self._ask("PUT", f"/_control/files/{quote(name, safe='')}", data, headers)
        return f"{self.origin}/files/{quote(name, safe='')}"

    def roll_key(self) -> str:
        """Change the signing key; return the new one's id."""
        return str(json.loads(self._ask("POST", "/_control/roll"))["kid"])

    def metadata(
        self, *, down: bool = False, delay: float = 0.0, algorithms: Sequence[str] = ("RS256",)
    ) -> None:
        """Take the OpenID metadata down, slow it, or change the algorithms that it lists."""
        self._put(
            "/_control/metadata", {"down": down, "delay": delay, "algorithms": list(algorithms)}
        )

    def entra(self, secrets: Mapping[str, str], certificates: Sequence[str] = ()) -> None:
        """Say who is sold a token from now on; at first it is whoever knows the secret "right".

        Args:
            secrets: What becomes of each: "taken" or "expired"; one that is not there is wrong.
            certificates: PEM of those that are registered for the app.
        """
        self._put(
            "/_control/entra", {"secrets": dict(secrets), "certificates": list(certificates)}
        )

    def private_key(self) -> tuple[str, str]:
        """Return the id and the PEM of the private key in use."""
        key = json.loads(self._ask("GET", "/_control/key"))
        return key["kid"], key["pem"]

    def token(self, app_id: str, service_url: str | None = None, **claims: object) -> str:
        """Return a token of the channel for an app; claims given replace the usual ones, None leaves one out."""
        kid, pem = self.private_key()
        now = int(time.time())  # noqa: TID251 - tokens end by the real clock
        usual: Json = {
            "iss": ISSUER,
            "aud": app_id,
            "nbf": now - 10,
            "exp": now + 3_600,
            "serviceurl": service_url or self.service_url,
        }
        wanted = {name: value for name, value in (usual | claims).items() if value is not None}
        return jwt.encode(wanted, pem, algorithm="RS256", headers={"kid": kid})

    def _put(self, path: str, body: object) -> None:
        self._ask("PUT", path, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def _ask(
        self,
        method: str,
        path: str,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        request = urllib.request.Request(  # noqa: S310 - always our own loopback address
            self.origin + path, data=data, headers=dict(headers or {}), method=method
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            read: bytes = answer.read()
            return read


@contextmanager
def stub_connector(*, latency: float = 0.0, port: int = 0) -> Iterator[StubConnector]:
    """Run the stand-in in a process of its own while the block lasts. Port 0 takes any free one."""
    command = [sys.executable, "-m", "tests.connector"]
    command += ["--port", str(port), "--latency", str(latency)]
    root = Path(__file__).resolve().parent.parent
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            yield StubConnector(json.loads(line)["port"])
        finally:
            process.terminate()
            process.wait(timeout=10)


def main() -> None:
    """Serve, as a program."""
    parser = argparse.ArgumentParser(description="A stand-in for the far end of Teams.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--keep", type=int, default=10_000, help="requests that are remembered")
    given = parser.parse_args()
    try:
        asyncio.run(serve(given.port, given.latency, given.keep))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
