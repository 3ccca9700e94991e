"""The words that a ticket is found by: what people have in hand when they look for one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator

from bot.model.incident import domain_of
from bot.model.ticket import Ticket

_LONGEST = 120
_MOST = 60
"""Terms of one ticket: a bounce can name fifty recipients."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BETWEEN = re.compile(r"[\s,;()<>\[\]\"]+")
_AROUND = ".:'"
"""What stands around a word that was written or pasted, and is none of it."""


def terms_of(ticket: Ticket) -> list[str]:
    """Return a ticket's terms: addresses and their domains, the code, the reporting server and the words of the requester's name."""
    report = ticket.draft.report
    name = ticket.draft.requester.user_name
    found = [name, name.replace("-", " ")]
    if report is not None:
        addresses = [address for address in (*report.recipients, report.sender) if address]
        found += [report.status or "", report.reporting_mta or ""]
        found += [*addresses, *map(domain_of, addresses)]
    return _once(term for text in found for term in words_of(text))[:_MOST]


def words_of(text: str) -> Iterator[str]:
    """Yield the words of a text as they are stored and looked for."""
    for said in _BETWEEN.split(unicodedata.normalize("NFKC", text)):
        word = storable(said.casefold().strip(_AROUND), _LONGEST)
        if word:
            yield word


def marks_of(signatures: Collection[str]) -> list[str]:
    """Return signatures as they are stored and looked for, each once and in one order."""
    return sorted({storable(signature, _LONGEST) for signature in signatures} - {""})


def storable(text: str, longest: int) -> str:
    """Return a text without what PostgreSQL does not store, and short enough for its indexes."""
    return _CONTROL.sub("", text).encode(errors="ignore").decode()[:longest].strip()


def _once(terms: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(terms))
