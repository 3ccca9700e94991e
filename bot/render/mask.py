"""Hiding the addresses of third parties where many people look: `b•••@contoso.com` says enough to recognise, not to write to."""

import re

_ADDRESS = re.compile(r"[^\s@<>\"'(),;:\[\]]{1,64}@[\w.-]{1,253}")


def masked(text: str) -> str:
    """Return text with the local part of every address hidden but for its first letter."""
    if "@" not in text:
        return text
    return _ADDRESS.sub(_hidden, text)


def _hidden(found: re.Match[str]) -> str:
    local_part, _, domain = found[0].rpartition("@")
    return f"{local_part[0]}•••@{domain}"
