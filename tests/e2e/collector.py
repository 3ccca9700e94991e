"""A stand-in for an OpenTelemetry collector: takes spans over OTLP/HTTP, and tells a test what came."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Span:
    """One span as it came."""

    name: str
    trace: bytes
    id: bytes
    parent: bytes
    start: int
    end: int
    facts: dict[str, Any]
    failed: bool
    service: str


@dataclass
class Collector:
    """What has come so far."""

    origin: str = ""
    raw: list[bytes] = field(default_factory=list)

    @property
    def spans(self) -> list[Span]:
        """All spans, in the order in which they came."""
        return [span for body in self.raw for span in _read(body)]

    def named(self, name: str) -> list[Span]:
        """Return the spans of a name."""
        return [span for span in self.spans if span.name == name]


def _read(body: bytes) -> Iterator[Span]:
    request = ExportTraceServiceRequest.FromString(body)
    for resource in request.resource_spans:
        of = {one.key: one.value.string_value for one in resource.resource.attributes}
        for scope in resource.scope_spans:
            for span in scope.spans:
                facts = {
                    one.key: getattr(one.value, str(one.value.WhichOneof("value")))
                    for one in span.attributes
                }
                yield Span(
                    span.name,
                    span.trace_id,
                    span.span_id,
                    span.parent_span_id,
                    span.start_time_unix_nano,
                    span.end_time_unix_nano,
                    facts,
                    failed=span.status.code == 2,
                    service=of["service.name"],
                )


@contextmanager
def collector() -> Iterator[Collector]:
    """Listen on loopback while the block lasts."""
    came = Collector()

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.raw.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Taking) as listening:
        came.origin = f"http://127.0.0.1:{listening.server_address[1]}"
        serving = threading.Thread(target=listening.serve_forever, daemon=True)
        serving.start()
        try:
            yield came
        finally:
            listening.shutdown()
            serving.join()
