"""Judges whether a bounce answers mail that somebody else sent in the user's name.

One failed check proves nothing (forwarding breaks SPF every day), so SPF, DKIM and DMARC are read together, with the
first hop where it is known. Without the returned headers the text does not say.
"""

from __future__ import annotations

import re

from bot.intake.mime import Headers
from bot.model.report import Backscatter

_RESULT = re.compile(r"(?i)\b(spf|dkim|dmarc|compauth)\s?=\s?([a-z]+)")
_SPF_HEADER = re.compile(r"(?i)^\s?(pass|fail|softfail|neutral|none|temperror|permerror)\b")
_FAILED = frozenset({"fail", "softfail", "permerror", "hardfail"})
_UNSIGNED = frozenset({"none", "fail", "permerror", "neutral"})


def judge_backscatter(headers: Headers, text: str) -> Backscatter:
    """Return the verdict from the returned message's headers, and from results that the text quotes."""
    results = _results(headers, text)
    if not results:
        return Backscatter(verdict=None)
    reasons = tuple(f"{method}-{results[method]}" for method in _METHODS if method in results)
    passes = results.get("dmarc") == "pass" or results.get("dkim") == "pass"
    if passes or (results.get("spf") == "pass" and results.get("dmarc") not in _FAILED):
        return Backscatter(verdict=False, reasons=(*reasons, "auth-pass"))
    if results.get("spf") not in _FAILED:
        return Backscatter(verdict=None, reasons=reasons)
    if _foreign_first_hop(headers):
        reasons = (*reasons, "foreign-first-hop")
    forged = results.get("dmarc") in _FAILED and results.get("dkim", "none") in _UNSIGNED
    return Backscatter(verdict=True if forged else None, reasons=reasons)


_METHODS = ("spf", "dkim", "dmarc", "compauth")


def _results(headers: Headers, text: str) -> dict[str, str]:
    """Return each check's result (RFC 8601), from the header nearest to the reader."""
    results: dict[str, str] = {}
    for name in ("authentication-results", "arc-authentication-results"):
        for value in headers.fields.get(name, ()):
            for method, result in _RESULT.findall(value):
                results.setdefault(method.lower(), result.lower())
    spf = _SPF_HEADER.match(headers.first("received-spf"))
    if spf:
        results.setdefault("spf", spf.group(1).lower())
    if not results and "spf=" in text:
        for method, result in _RESULT.findall(text):
            results.setdefault(method.lower(), result.lower())
    return results


_FIRST_HOP = re.compile(r"from\s{1,3}([A-Za-z0-9_.-]{3,255})")


def _foreign_first_hop(headers: Headers) -> bool:
    """Return whether the first server that had the message bears another domain than its sender."""
    hops = headers.fields.get("received")
    domain = headers.first("from").rpartition("@")[2].strip("<> ").lower()
    first = _FIRST_HOP.search(hops[-1]) if hops else None
    if not first or "." not in domain:
        return False
    host = first.group(1).lower()
    organisation = ".".join(domain.split(".")[-2:])
    return "." in host and not host.endswith((organisation, *_OUTLOOK))


_OUTLOOK = ("outlook.com", "exchangelabs.com")
"""Where the mail of every Exchange Online customer starts."""
