"""Hiding the addresses of third parties where many people look: `b•••@contoso.com` says enough to recognise, not to write to."""

import re

_ADDRESS = re.compile(r"[^\s@<>\"'(),;:\[\]]{1,64}(?:@[\w.-]{1,253})+")
_LONGEST = 64 + 1 + 253
"""Characters of the longest address (RFC 5321 section 4.5.3.1)."""
_BETWEEN = re.compile(r"[\s<>\"'(),;:\[\]]")


def masked(text: str) -> str:
    """Return text with the local part of every address hidden but for its first letter."""
    if "@" not in text:
        return text
    return _ADDRESS.sub(_hidden, text)


def masked_beginning(text: str, chars: int) -> str:
    """Return the beginning of a text, masked: an address that the cut would halve, and so hide from the mask, is left out."""
    if len(text) <= chars:
        return masked(text)
    head, near = text[: chars - 1], slice(max(chars - _LONGEST, 0), chars + _LONGEST)
    return f"{masked(_whole_words(head) if '@' in text[near] else head)}…"


def _whole_words(head: str) -> str:
    tail = head[-_LONGEST:]
    ends = [found.end() for found in _BETWEEN.finditer(tail)]
    return head[: len(head) - len(tail) + (ends[-1] if ends else 0)]


def _hidden(found: re.Match[str]) -> str:
    local_part, _, domain = found[0].rpartition("@")
    return f"{local_part[0]}•••@{domain}"
