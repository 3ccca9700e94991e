"""The servers that are measured, and how they are loaded."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec

from bench.identity import Identity
from bench.load import Kind, Measured
from bench.processes import BOUNCEDESK, PYTHON, ROOT, Broken, cores, free_port, pin, serving

OURS = "Bouncedesk"
"""As in production: tokens checked, a token shown."""
FRESH = "Bouncedesk, no token twice"
"""The same when every request has a token that was never seen before."""
LOCAL = "Bouncedesk --local"
"""Without tokens."""
STOCK = "stock CloudAdapter"
STOCK_SIGNED = "stock CloudAdapter, tokens"
AGENTS = "Agents SDK"
BARE = "bare aiohttp"
ALL = (OURS, FRESH, LOCAL, STOCK, STOCK_SIGNED, AGENTS, BARE)

_MODULES = {
    STOCK: ["bench.stock_echo"],
    STOCK_SIGNED: ["bench.stock_echo", "--tokens"],
    AGENTS: ["bench.agents_echo"],
    BARE: ["bench.bare"],
}
_TOKENS = {OURS: 16, FRESH: 6_000, STOCK_SIGNED: 16}
"""Different tokens in use. The most are more than a verified token is remembered among."""


class Server(msgspec.Struct, frozen=True):
    """A server that runs."""

    name: str
    kind: Kind
    url: str
    pid: int
    connector_port: int
    """Where it answers to: a server with tokens answers nowhere else."""
    signer: Path | None
    tokens: int

    @property
    def service_url(self) -> str:
        """The connector's address."""
        return service_url(self.connector_port)


def service_url(port: int) -> str:
    """Return the address of a connector on a port."""
    return f"http://127.0.0.1:{port}/"


def serve(
    running: ExitStack,
    name: str,
    folder: Path,
    known: Identity,
    *,
    settings: Mapping[str, str] | None = None,
    program: Sequence[str] = (BOUNCEDESK,),
) -> Server:
    """Start a server on the measured core, in a folder of its own. Raises Broken when it does not answer.

    `program` is what stands in the place of `bouncedesk` on the command line.
    """
    port, connector_port = free_port(), free_port()
    place = folder / "".join(letter if letter.isalnum() else "-" for letter in name)
    place.mkdir()
    if name in _MODULES:
        command = [PYTHON, "-m", *_MODULES[name], "--port", str(port)]
    else:
        command = [*program, "run", "--port", str(port), "--data", str(place)]
        command += ["--local"] if name == LOCAL else []
    given = dict(settings or {})
    if name in _TOKENS:
        given = known.environment(service_url(connector_port)) | given
    process = running.enter_context(serving(command, port, place, on=cores()[0], settings=given))
    return Server(
        name,
        "echo" if name in _MODULES else "bot",
        f"http://127.0.0.1:{port}/api/messages",
        process.pid,
        connector_port,
        known.signer if name in _TOKENS else None,
        _TOKENS.get(name, 0),
    )


def load(
    server: Server,
    *,
    flight: int,
    lead: float,
    seconds: float,
    kind: Kind | None = None,
    **more: float,
) -> Measured:
    """Load a server for a while; `more` are other arguments of `bench.load`. Raises Broken when the load itself fails."""
    command = [PYTHON, "-m", "bench.load", "--url", server.url, "--as", kind or server.kind]
    command += ["--pid", str(server.pid), "--flight", str(flight)]
    command += ["--lead", str(lead), "--seconds", str(seconds)]
    command += ["--port", str(server.connector_port)]
    if server.signer:
        command += ["--signer", str(server.signer), "--tokens", str(server.tokens)]
    for name, value in more.items():
        command += [f"--{name}", str(value)]
    return loaded(command, lead + seconds + 120)


def loaded(command: list[str], patience: float) -> Measured:
    """Run the load on its own core to its end. Raises Broken."""
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        pin(process.pid, cores()[1])
        said, _ = process.communicate(timeout=patience)
    if process.returncode:
        raise Broken(f"The load generator ended with {process.returncode}.")
    return msgspec.json.decode(said, type=Measured)
