"""Prometheus metrics. Labels come from the content and from closed lists, so their number is bounded; people are never a label."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from bot.model.effects import OpenTicket, RecordFeedback, RecordOutcome, Turn
from bot.model.event import Incoming
from bot.model.ticket import Outcome, Role, Verb


class Metrics:
    """What operators watch."""

    def __init__(self) -> None:
        """Make a registry of our own: nothing global, so that two applications can live in one process."""
        self._registry = CollectorRegistry()
        self._turns = Counter(
            "bouncedesk_turns", "Turns taken.", ["event", "language"], registry=self._registry
        )
        self._outcomes = Counter(
            "bouncedesk_outcomes",
            "Dialogs by how they came out.",
            ["article", "outcome"],
            registry=self._registry,
        )
        self._tickets = Counter(
            "bouncedesk_tickets_opened",
            "Tickets opened.",
            ["reason", "priority"],
            registry=self._registry,
        )
        self._feedback = Counter(
            "bouncedesk_feedback",
            "Answers to 'was this helpful?'.",
            ["useful"],
            registry=self._registry,
        )
        self._deeds = Counter(
            "bouncedesk_ticket_deeds",
            "What was done with tickets, and how it came out.",
            ["verb", "role", "outcome"],
            registry=self._registry,
        )
        self._queue = Gauge(
            "bouncedesk_tickets", "Tickets by state.", ["state"], registry=self._registry
        )
        self._outbox = Gauge("bouncedesk_outbox_depth", "Unsent parcels.", registry=self._registry)
        self._age = Gauge(
            "bouncedesk_outbox_oldest_seconds",
            "Age of the oldest unsent parcel.",
            registry=self._registry,
        )
        self._dead = Gauge("bouncedesk_outbox_dead", "Parcels given up.", registry=self._registry)

    def observe(self, incoming: Incoming, turn: Turn) -> None:
        """Count one committed turn."""
        kind = type(incoming.event).__name__.lower()
        self._turns.labels(kind, turn.session.language).inc()
        for effect in turn.effects:
            if isinstance(effect, RecordOutcome) and effect.outcome is not Outcome.OPEN:
                self._outcomes.labels(effect.article, effect.outcome.value).inc()
            elif isinstance(effect, OpenTicket):
                draft = effect.draft
                self._tickets.labels(draft.reason, draft.priority.value).inc()
            elif isinstance(effect, RecordFeedback):
                self._feedback.labels("yes" if effect.useful else "no").inc()

    def observe_deed(self, verb: Verb, role: Role, outcome: str) -> None:
        """Count one deed on a ticket: done, or refused because its state does not allow it."""
        self._deeds.labels(verb.value, role.value, outcome).inc()

    def render(
        self, tickets: dict[str, int], depth: int, oldest_seconds: float, dead: int
    ) -> bytes:
        """Return everything in the text format, with what the store counts at this moment."""
        for state, count in tickets.items():
            self._queue.labels(state).set(count)
        self._outbox.set(depth)
        self._age.set(oldest_seconds)
        self._dead.set(dead)
        return generate_latest(self._registry)
