"""Reads the "Action Required" box of the status-table layout: whose side must act."""

from __future__ import annotations

import re

from bot.model.report import Actor

_BOX = re.compile(r"Action Required[ \t]*([^\n]{0,80})\n?([^\n]{0,80})")


def acting(text: str, region: tuple[int, int]) -> Actor | None:
    """Return who must act as the box has it: the column under which *Action Required* stands.

    The first column is the sender, the second the sender's service, the last the recipient's side. A paste loses the
    columns, so only a box whose *Action Required* stands first on its line, before the word for the recipient, is read.
    """
    found = _BOX.search(text, *region) if "Action Required" in text else None
    if not found:
        return None
    line = text.rfind("\n", region[0], found.start())
    lead = text[max(region[0], line + 1) : found.start()].strip().lower()
    rest = found.group(1).strip().lower()
    if not lead and rest.startswith("recipient"):
        return Actor.SENDER
    if lead.endswith("sender") or lead == "sender":
        return Actor.RECIPIENT if rest == "" else Actor.SENDER_ADMIN
    return Actor.SENDER if not lead else None
