"""Prometheus metrics. Labels come from the content and from closed lists, so their number is bounded; people are never a label.

Every name that is kept here stands in docs/guides/operating.md, with what it means; a test compares the two.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal, TypeVar

import msgspec
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from bot import __version__
from bot.model.effects import (
    ConfirmSolved,
    MarkUsed,
    OpenTicket,
    RecordFeedback,
    RecordOutcome,
    Show,
    TellHelpdesk,
)
from bot.model.ticket import Outcome, Role, Verb
from bot.ports import Counts, Expiry
from bot.watch import Failed, Taken, Tried

SERIES = 300
"""Values of the labels of one metric that are told apart; what comes beyond them is counted as `other`. The content has fewer."""

_TURN_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SEND_SECONDS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 15.0)

Labelled = TypeVar("Labelled", bound=MetricWrapperBase)

_Together = Literal["livemax", "livesum"]
"""What the figure of all processes is, for what is no count: the largest, or all together. Those that have died are left out."""


class Now(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked up when somebody asks for the metrics."""

    counts: Counts | None
    """None: the store did not answer."""
    content: str
    """Version of the content."""
    expiries: Sequence[Expiry] = ()


class _Children(dict[tuple[str, ...], Labelled]):
    """The children of one metric by their labels, so that a turn need not look them up through locks."""

    def __init__(self, metric: Labelled) -> None:
        super().__init__()
        self._metric: Labelled = metric

    def __missing__(self, labels: tuple[str, ...]) -> Labelled:
        if len(self) >= SERIES:  # what cannot be; but if it were, it would cost memory for ever
            return self._metric.labels(*("other" for _ in labels))
        child = self[labels] = self._metric.labels(*labels)
        return child


class Metrics:
    """What operators watch (`bot.watch.Watch`)."""

    def __init__(self, shared: Path | None = None) -> None:
        """Make a registry of our own: nothing global, so that two applications can live in one process.

        `shared`: the folder in which the processes of one port keep their figures; None: there is only this process.
        """
        self._shared = shared
        self._registry = CollectorRegistry()
        self._turns = self._counter(
            "turns", "Turns taken, by kind of event and language.", "event", "language"
        )
        self._seconds = self._histogram(
            "turn_seconds", "From an event to its commit.", _TURN_SECONDS, "event"
        )
        self._failed = self._counter(
            "turns_failed", "Turns that broke; again: it may go well later.", "again"
        )
        self._matches = self._counter(
            "matches", "What the recogniser made of what was written.", "match"
        )
        self._codes = self._counter(
            "codes", "Rows of codes.yaml that bounces were recognised by.", "code"
        )
        self._outcomes = self._counter(
            "outcomes", "Dialogs by how they came out.", "article", "outcome"
        )
        self._tickets = self._counter("tickets_opened", "Tickets opened.", "reason", "priority")
        self._feedback = self._counter("feedback", "Answers to 'was this helpful?'.", "useful")
        self._deeds = self._counter(
            "ticket_deeds",
            "What was done with tickets, and how it came out.",
            "verb",
            "role",
            "outcome",
        )
        self._sends = self._counter(
            "sends", "Attempts to deliver, by how they came out.", "channel", "outcome"
        )
        self._send_seconds = self._histogram(
            "send_seconds", "How long the far end took.", _SEND_SECONDS, "channel"
        )
        self._refusals = self._counter(
            "requests_refused", "Requests answered with an error.", "route", "status"
        )
        self._held = self._counter(
            "held_off", "Messages and presses beyond what is allowed in a minute.", "limit"
        )
        self._tokens = self._counter(
            "tokens", "Purchases of the bot's own token, by how they came out.", "outcome"
        )
        self._reloads = self._counter(
            "content_reloads", "Readings of the content while running.", "outcome"
        )
        self._keys_age = self._gauge(
            "signing_keys_age_seconds", "Age of the oldest process's signing keys.", "livemax"
        )
        self._lag = self._gauge(
            "loop_lag_seconds", "How late the slowest loop woke up, a moment ago.", "livemax"
        )
        self._serving = self._gauge("processes", "Processes that serve.", "livesum")
        if shared is None:
            ProcessCollector(registry=self._registry)

    # ------------------------------------------------------------------------------------------ what is watched

    def taken(self, taken: Taken) -> None:
        """Count one committed turn."""
        turn, event = taken.turn, taken.event
        self._turns[event, turn.session.language].inc()
        self._seconds[event,].observe(taken.total)
        reading = taken.reading
        if reading is not None:
            self._matches[taken.match,].inc()
            row = reading.match.row
            self._codes[row or ("other" if reading.report.codes else "none"),].inc()
        for effect in turn.effects:
            match effect:
                case Show() | MarkUsed():  # nearly always, so it is asked first
                    pass
                case RecordOutcome(article=article, outcome=outcome):
                    if outcome is not Outcome.OPEN:
                        self._outcomes[article, outcome.value].inc()
                case OpenTicket(draft=draft):
                    self._tickets[draft.reason, draft.priority.value].inc()
                case RecordFeedback(useful=useful):
                    self._feedback["yes" if useful else "no",].inc()
                case TellHelpdesk():
                    self.deed(Verb.ANSWER, Role.REQUESTER, "done")
                case ConfirmSolved():
                    self.deed(Verb.CONFIRM, Role.REQUESTER, "done")
                case _:
                    pass

    def failed(self, failed: Failed) -> None:
        """Count one turn that broke."""
        self._failed["yes" if failed.again else "no",].inc()

    def deed(self, verb: Verb, role: Role, outcome: str) -> None:
        """Count one deed on a ticket: done, or refused because its state does not allow it."""
        self._deeds[verb.value, role.value, outcome].inc()

    def tried(self, tried: Tried) -> None:
        """Count one attempt to deliver."""
        channel = tried.parcel.to.channel
        self._sends[channel, tried.outcome].inc()
        self._send_seconds[channel,].observe(tried.seconds)

    def refused(self, route: str, status: int) -> None:
        """Count one request that was answered with an error."""
        self._refusals[route, str(status)].inc()

    def held_off(self, everybody: bool) -> None:  # noqa: FBT001 - what the event is about
        """Count a message or press beyond what is allowed to one person, or to everybody of a tenant."""
        self._held["tenant" if everybody else "person",].inc()

    def token(self, outcome: str) -> None:
        """Count one purchase of a token: `bought`, `refused` or `unavailable`."""
        self._tokens[outcome,].inc()

    def reloaded(self, *, usable: bool) -> None:
        """Count one reading of the content."""
        self._reloads["done" if usable else "failed",].inc()

    def serving(self) -> None:
        """Note that this process serves."""
        self._serving.set(1)

    def felt(self, lag: float, keys_age: float | None) -> None:
        """Note how this process is: the seconds by which its loop woke up late, and the age of its signing keys, where it has any."""
        self._lag.set(lag)
        if keys_age is not None:
            self._keys_age.set(keys_age)

    # --------------------------------------------------------------------------------------------- what is shown

    def render(self, now: Now) -> bytes:
        """Return everything in the text format. Blocks for milliseconds, with several processes for tens of them."""
        momentary = CollectorRegistry()
        momentary.register(_Families(_families(now)))
        kept = self._registry
        if self._shared is not None:
            kept = CollectorRegistry()
            MultiProcessCollector(kept, str(self._shared))  # type: ignore[no-untyped-call]
        return generate_latest(kept) + generate_latest(momentary)

    def _counter(self, name: str, meaning: str, *labels: str) -> _Children[Counter]:
        return _Children(Counter(f"bouncedesk_{name}", meaning, labels, registry=self._registry))

    def _histogram(
        self, name: str, meaning: str, buckets: Sequence[float], *labels: str
    ) -> _Children[Histogram]:
        return _Children(
            Histogram(
                f"bouncedesk_{name}", meaning, labels, buckets=buckets, registry=self._registry
            )
        )

    def _gauge(self, name: str, meaning: str, together: _Together) -> Gauge:
        return Gauge(
            f"bouncedesk_{name}", meaning, registry=self._registry, multiprocess_mode=together
        )


class _Families(Collector):
    """Figures that were looked up just now."""

    def __init__(self, families: Iterable[GaugeMetricFamily]) -> None:
        self._families = tuple(families)

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Return them."""
        return self._families


def _families(now: Now) -> Iterator[GaugeMetricFamily]:
    yield _family("store_up", "1: the store answers.", [((), float(now.counts is not None))])
    if now.counts is not None:
        counts = now.counts
        by_state = [((state,), float(count)) for state, count in counts.tickets.items()]
        yield _family("tickets", "Tickets by state.", by_state, "state")
        yield _family("outbox_depth", "Unsent parcels.", [((), float(counts.unsent))])
        yield _family(
            "outbox_oldest_seconds",
            "Age of the oldest unsent parcel.",
            [((), counts.oldest_seconds)],
        )
        yield _family("outbox_dead", "Parcels given up.", [((), float(counts.dead))])
    ends = [((one.name,), one.at.timestamp()) for one in now.expiries]
    yield _family(
        "credential_expires_timestamp_seconds",
        "When what the bot is recognised by ends.",
        ends,
        "credential",
    )
    yield _family(
        "content_info", "The content that this process has.", [((now.content,), 1.0)], "version"
    )
    build = (__version__, platform.python_version())
    yield _family("build_info", "This program.", [(build, 1.0)], "version", "python")


def _family(
    name: str, meaning: str, values: Iterable[tuple[Sequence[str], float]], *labels: str
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"bouncedesk_{name}", meaning, labels=labels)
    for of, value in values:
        family.add_metric(of, value)
    return family
