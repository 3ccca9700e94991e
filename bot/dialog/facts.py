"""Named facts: what the bot knows without asking. A new fact is one function here and one line in the authors' guide."""

from typing import assert_never

from bot.model.ids import ChoiceId
from bot.model.library import Fact, Library
from bot.model.session import Bounce

_TENANT_SUFFIX = ".onmicrosoft.com"


def known_choice(fact: Fact, bounce: Bounce | None, library: Library) -> ChoiceId | None:
    """Return the choice that a fact answers a question with, or None when it has to be asked."""
    if bounce is None:
        return None
    answer: str | None
    match fact:
        case Fact.CUSTOM_DOMAIN:
            answer = _custom_domain(bounce.report.recipients)
        case Fact.SEVERAL_RECIPIENTS:
            answer = (
                _yes_no(len(bounce.report.recipients) > 1) if bounce.report.recipients else None
            )
        case Fact.FIXER:
            row = library.codes.rows.get(bounce.match.row) if bounce.match.row else None
            answer = row.fixers[0].value if row and row.fixers else None
        case Fact.RETRY_MAY_HELP:
            row = library.codes.rows.get(bounce.match.row) if bounce.match.row else None
            answer = _yes_no(row.retry_may_help) if row else None
        case _:
            assert_never(fact)
    return ChoiceId(answer) if answer is not None else None


def _custom_domain(recipients: tuple[str, ...]) -> str | None:
    domains = {
        recipient.rpartition("@")[2].lower() for recipient in recipients if "@" in recipient
    }
    if not domains:
        return None
    return _yes_no(not all(domain.endswith(_TENANT_SUFFIX) for domain in domains))


def _yes_no(value: bool) -> str:  # noqa: FBT001 - a fact is a plain truth value
    return "yes" if value else "no"
