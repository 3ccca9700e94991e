"""Spans for OpenTelemetry: `turn` with `read`, `decide` and `commit` in it, and `send`. The only module that knows OpenTelemetry.

It is loaded only where the OTEL_* variables ask for it. Spans are made when a turn is over, from the times it took, so a turn itself
knows nothing of them and costs nothing where nobody traces. They say what the log says, never what a person wrote.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import datetime

import structlog
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    set_span_in_context,
)

from bot import __version__
from bot.model.ticket import Role, Verb
from bot.ports import Clock
from bot.watch import Failed, Taken, Tried

log = structlog.get_logger("bouncedesk.tracing")

_CLOSING_SECONDS = 3.0
"""For the last spans to leave; a collector that is away must not hold up the end."""

_REMEMBERED = 2_000
"""Turns whose deliveries still find their trace."""

_EXPORTERS: Mapping[str, type[SpanExporter]] = {
    "otlp": OTLPSpanExporter,
    "console": ConsoleSpanExporter,
}


class Spans:
    """Makes spans of turns and deliveries (`bot.watch.Watch`)."""

    def __init__(self, exporters: Sequence[str], clock: Clock) -> None:
        """Begin to export.

        Args:
            exporters: `otlp` (HTTP, where the OTEL_EXPORTER_OTLP_* variables say) and `console` (standard output).
            clock: The time.
        """
        ours = Resource({"service.name": "bouncedesk", "service.version": __version__})
        self._provider = TracerProvider(resource=ours.merge(OTELResourceDetector().detect()))
        for name in exporters:
            if name not in _EXPORTERS:
                log.warning("tracing-unsupported", supported=sorted(_EXPORTERS))
                continue
            self._provider.add_span_processor(BatchSpanProcessor(_EXPORTERS[name]()))
        self._tracer = self._provider.get_tracer("bouncedesk", __version__)
        self._clock = clock
        self._turns: OrderedDict[str, SpanContext] = OrderedDict()

    def taken(self, taken: Taken) -> None:
        """Make the spans of a committed turn."""
        end = _nanoseconds(self._clock())
        start = end - _span(taken.total)
        facts = {f"bouncedesk.{name}": value for name, value in taken.facts().items()}
        turn = self._turn(taken.id, start, facts)
        inside = set_span_in_context(turn, Context())
        read = start + _span(taken.read)
        begun = read + _span(taken.waited)
        decided = begun + _span(taken.decided)
        for name, since, until in (
            ("read", start, read),
            ("decide", begun, decided),
            ("commit", decided, end),
        ):
            self._tracer.start_span(name, context=inside, start_time=since).end(until)
        turn.end(end)

    def failed(self, failed: Failed) -> None:
        """Make the span of a turn that broke."""
        end = _nanoseconds(self._clock())
        turn = self._turn(failed.id, end - _span(failed.seconds), {"error.type": failed.error})
        turn.set_status(Status(StatusCode.ERROR))
        turn.end(end)

    def deed(self, verb: Verb, role: Role, outcome: str) -> None:
        """Make nothing: a deed is logged, with its ticket."""

    def tried(self, tried: Tried) -> None:
        """Make the span of a delivery, in the trace of the turn that caused it."""
        end = _nanoseconds(self._clock())
        cause = self._turns.get(tried.cause)
        inside = (
            Context() if cause is None else set_span_in_context(NonRecordingSpan(cause), Context())
        )
        facts: dict[str, str | int] = {
            "bouncedesk.channel": tried.parcel.to.channel,
            "bouncedesk.content": type(tried.parcel.content).__name__.lower(),
            "bouncedesk.outcome": tried.outcome,
            "bouncedesk.attempt": tried.attempt,
        }
        if tried.cause:
            facts["bouncedesk.turn"] = tried.cause
        span = self._tracer.start_span(
            "send",
            context=inside,
            kind=SpanKind.CLIENT,
            attributes=facts,
            start_time=end - _span(tried.seconds),
        )
        if tried.outcome != "sent":
            span.set_status(Status(StatusCode.ERROR, tried.outcome))
        span.end(end)

    async def close(self) -> None:
        """Send the last spans, as far as that is possible in a few seconds."""
        # Not in the loop's own threads, which it waits for at its end: an exporter tries for as long as it likes.
        closing = threading.Thread(target=self._provider.shutdown, name="last-spans", daemon=True)
        closing.start()
        await asyncio.to_thread(closing.join, _CLOSING_SECONDS)
        if closing.is_alive():
            log.warning("spans-not-sent")

    def _turn(self, name: str, start: int, facts: Mapping[str, str | int]) -> Span:
        span = self._tracer.start_span(
            "turn",
            context=Context(),
            kind=SpanKind.SERVER,
            attributes={**facts, "bouncedesk.turn": name},
            start_time=start,
        )
        self._turns[name] = span.get_span_context()
        if len(self._turns) > _REMEMBERED:
            self._turns.popitem(last=False)
        return span


def _nanoseconds(at: datetime) -> int:
    """Return a moment as spans have it; a float would lose the last microsecond."""
    return int(at.timestamp()) * 1_000_000_000 + at.microsecond * 1_000


def _span(seconds: float) -> int:
    return int(seconds * 1_000_000_000)
