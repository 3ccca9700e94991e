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


def judge_backscatter(headers: Headers, text: str, start: int, end: int) -> Backscatter:
    """Return the verdict from the returned message's headers, and from results quoted in `text[start:end]`."""
    results: dict[str, str] = {}
    for name in ("authentication-results", "arc-authentication-results"):
        for value in headers.fields.get(name, ()):
            for method, result in _RESULT.findall(value):
                results.setdefault(method.lower(), result.lower())
    spf = _SPF_HEADER.match(headers.first("received-spf"))
    if spf:
        results.setdefault("spf", spf.group(1).lower())
    if not results and "spf=" in text:
        for method, result in _RESULT.findall(text, start, end):
            results.setdefault(method.lower(), result.lower())
    if not results:
        return Backscatter(None)
    reasons = tuple(f"{method}-{results[method]}" for method in ("spf", "dkim", "dmarc", "compauth") if method in results)
    passes = results.get("dmarc") == "pass" or results.get("dkim") == "pass"
    if passes or (results.get("spf") == "pass" and results.get("dmarc") not in _FAILED):
        return Backscatter(False, (*reasons, "auth-pass"))
    spf_failed = results.get("spf") in _FAILED
    if spf_failed and results.get("dmarc") in _FAILED and results.get("dkim", "none") in _UNSIGNED:
        return Backscatter(True, reasons)
    return Backscatter(None, reasons)
