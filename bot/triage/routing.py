"""Which queue a ticket goes to. Pure; the rules are content (`dialogs/triage.yaml`)."""

from __future__ import annotations

from collections.abc import Iterable

from bot.model.ids import QueueId
from bot.model.incident import domain_of
from bot.model.library import QueueRule, TriageRules
from bot.model.ticket import Draft
from bot.ports import FALLBACK


def queue_for(draft: Draft, rules: TriageRules) -> QueueId:
    """Return the first queue whose rule takes a draft, or the fallback where none does."""
    return next((queue.id for queue in rules.queues if _takes(queue.when, draft)), FALLBACK)


def _takes(rule: QueueRule, draft: Draft) -> bool:
    """Tell whether everything that a rule gives holds. What it does not give does not matter."""
    report = draft.report
    code = report.status if report else None
    domains = {domain_of(address) for address in report.recipients} if report else set()
    return (
        (not rule.codes or (code is not None and _is_of(code, rule.codes)))
        and (not rule.recipient_domains or _any_within(domains, rule.recipient_domains))
        and (not rule.languages or draft.language in rule.languages)
        and (not rule.priorities or draft.priority in rule.priorities)
    )


def _is_of(code: str, families: Iterable[str]) -> bool:
    """Tell whether a code is one of some codes, or of their families: `5.7` takes `5.7.1`, and never `5.70`."""
    return any(code == family or code.startswith(f"{family}.") for family in families)


def _any_within(domains: Iterable[str], wanted: Iterable[str]) -> bool:
    """Tell whether a domain is one of those wanted, or below one."""
    of_rule = [domain.lower() for domain in wanted]
    return any(
        domain == over or domain.endswith(f".{over}") for domain in domains for over in of_rule
    )
