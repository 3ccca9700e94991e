"""Where tickets go: channels that exist in Teams' way of writing, conditions that can hold, queues that get something."""

import re
from collections.abc import Callable, Collection
from operator import eq

from bot.content.fields import did_you_mean
from bot.content.problems import Findings, Place
from bot.content.sources import Content
from bot.model.ids import Language
from bot.model.library import QueueRule, TriageQueue

_CHANNEL = re.compile(r"19:[\w.=+-]+@thread\.(?:tacv2|skype)", re.ASCII)
"""Conversation id of a channel; Teams made those of older ones with `thread.skype`."""

_FAMILY = re.compile(r"[245](?:\.(?:0|[1-9]\d{0,2})){1,2}")
"""`5.7` or `5.7.1` (RFC 3463 section 2)."""

_LABEL = r"[^\W_](?:(?:[^\W_]|-){0,61}[^\W_])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+{_LABEL}")


def channels_are_conversations(content: Content, findings: Findings) -> None:
    """Every channel and team is a conversation id as Teams writes it, and no two queues have the same name."""
    seen = set[str]()
    for at, queue in enumerate(content.triage.queues):
        for key, value in (("channel", queue.channel), ("team", queue.team)):
            if value and not _CHANNEL.fullmatch(value):
                findings.error(
                    content.triage_file.at("queues", at, key),
                    "bad-channel",
                    f"'{value}' is no conversation id; write it as 19:…@thread.tacv2 (a link to the "
                    "channel has it, percent-encoded)",
                )
        if queue.id and queue.id in seen:
            findings.error(
                content.triage_file.at("queues", at, "id"),
                "twice",
                f"there is a queue '{queue.id}' already; rename this one",
            )
        seen.add(queue.id)


def conditions_can_hold(content: Content, findings: Findings) -> None:
    """Every code, domain and language of a condition is one that a ticket can have."""
    for at, queue in enumerate(content.triage.queues):
        if queue.language is not None:
            place = content.triage_file.at("queues", at, "language")
            _language(content, queue.language, place, findings)
        for nth, code in enumerate(queue.when.codes):
            if not _FAMILY.fullmatch(code):
                findings.error(
                    content.triage_file.at("queues", at, "when", "codes", nth),
                    "bad-code",
                    f"'{code}' is neither a code nor a family; write 5.7.1 or 5.7",
                )
        for nth, tag in enumerate(queue.when.languages):
            place = content.triage_file.at("queues", at, "when", "languages", nth)
            _language(content, tag, place, findings)
        for nth, domain in enumerate(queue.when.recipient_domains):
            place = content.triage_file.at("queues", at, "when", "recipient-domains", nth)
            _domain(domain, place, findings)
    for nth, domain in enumerate(content.triage.incidents.apart):
        _domain(domain, content.triage_file.at("incidents", "apart", nth), findings)


def no_queue_is_hidden(content: Content, findings: Findings) -> None:
    """No queue stands behind one that takes all its tickets already."""
    queues = content.triage.queues
    for at, queue in enumerate(queues):
        before = next((one for one in queues[:at] if _takes_all(one.when, queue.when)), None)
        if before is not None:
            findings.warning(
                content.triage_file.at("queues", at, "id"),
                "hidden-queue",
                f"'{queue.id}' never gets a ticket: '{before.id}' before it {_because(before, queue)}",
            )


def _because(before: TriageQueue, queue: TriageQueue) -> str:
    if before.when == QueueRule():
        return "has no condition and takes every one; give it one, or move it to the end"
    if before.when == queue.when:
        return "has the same condition; change one, or remove it"
    return "takes all that it would; move the narrower one up"


def _takes_all(wide: QueueRule, narrow: QueueRule) -> bool:
    """Tell whether each ticket that the narrow rule holds for is one that the wide rule holds for."""
    return (
        _covers(wide.codes, narrow.codes, _in_family)
        and _covers(wide.recipient_domains, narrow.recipient_domains, _in_domain)
        and _covers(wide.languages, narrow.languages, eq)
        and _covers(wide.priorities, narrow.priorities, eq)
    )


def _covers(
    wide: Collection[str], narrow: Collection[str], within: Callable[[str, str], bool]
) -> bool:
    if not wide:
        return True
    return bool(narrow) and all(any(within(one, other) for other in wide) for one in narrow)


def _in_family(code: str, family: str) -> bool:
    return f"{code}.".startswith(f"{family}.")


def _in_domain(domain: str, parent: str) -> bool:
    return f".{domain}".endswith(f".{parent}")


def _language(content: Content, tag: Language, place: Place, findings: Findings) -> None:
    if tag not in content.languages:
        hint = did_you_mean(tag, content.languages)
        findings.error(place, "unknown-language", f"'{tag}' is no language of ours; {hint}")


def _domain(domain: str, place: Place, findings: Findings) -> None:
    if not _DOMAIN.fullmatch(domain):
        findings.error(
            place, "bad-domain", f"'{domain}' is no domain; write it as contoso.com, without @"
        )
