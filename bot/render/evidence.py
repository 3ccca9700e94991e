"""The evidence that a helpdesk would otherwise have to ask for: facts of the bounce and the path walked.

The preview shows the requester exactly what the shared card will show, so both are made here.
"""

from collections.abc import Mapping

from bot.model import choices
from bot.model.ids import ChoiceId
from bot.model.limits import DIAGNOSTIC_CHARS, FACT_CHARS
from bot.model.match import Match
from bot.model.outgoing import Bullets, Element, Fact, Facts, Run, Subheading, Text
from bot.model.report import Report
from bot.model.session import Visit
from bot.render.mask import masked_beginning
from bot.render.speech import Speech, moment, plain, short

_STEPS = 40
"""Answers of the path that a card shows, the latest ones; who has given more has walked in circles."""


def evidence(
    speech: Speech, report: Report, match: Match | None, *, mask: bool, chars: int = FACT_CHARS
) -> tuple[Fact, ...]:
    """Return what the bounce says, line by line.

    Args:
        speech: The language.
        report: What was read.
        match: What it means to us.
        mask: Hide the addresses of third parties: the card is shared.
        chars: The most characters of one line; a diagnostic may have as many times more of them as the limits say.
    """
    conceal = masked_beginning if mask else short
    code = " ".join(part for part in (report.smtp_reply, report.status) if part)
    article = match.article if match else None
    confidence = match.confidence if match else None
    sure = speech.plain(f"reading-{confidence.value}") if confidence else None
    values = (
        ("ticket-code", code),
        ("ticket-article", article),
        ("ticket-confidence", sure),
        ("ticket-recipients", ", ".join(report.recipients)),
        ("ticket-sender", report.sender),
        ("ticket-server", report.reporting_mta),
        ("ticket-arrival", moment(report.arrival or "", speech.language)),
        ("ticket-message-id", report.message_id),
        ("ticket-subject", report.subject),
    )
    shown = [Fact(speech.plain(name), conceal(value, chars)) for name, value in values if value]
    if report.diagnostic:
        diagnostic = conceal(report.diagnostic, chars * DIAGNOSTIC_CHARS // FACT_CHARS)
        shown.append(Fact(speech.plain("ticket-diagnostic"), diagnostic))
    return tuple(shown)


def evidence_table(
    speech: Speech, report: Report, match: Match | None, *, mask: bool, chars: int = FACT_CHARS
) -> tuple[Element, ...]:
    """Return the evidence as a table, or nothing where the bounce said nothing."""
    rows = evidence(speech, report, match, mask=mask, chars=chars)
    return (Facts(rows),) if rows else ()


def path_walked(
    speech: Speech, trail: tuple[Visit, ...], steps: int = _STEPS
) -> tuple[Element, ...]:
    """Return the path walked with its last answers, in words; a node that the content no longer has is named by its id."""
    if not trail:
        return ()
    left_out = ((Run("…"),),) if len(trail) > steps else ()
    shown = tuple(_step(speech, visit) for visit in trail[-steps:])
    return Subheading(speech.word("ticket-path")), Bullets((*left_out, *shown))


def _step(speech: Speech, visit: Visit) -> Text:
    article = speech.library.articles.get(visit.article)
    prose = article.prose.get(speech.language) if article else None
    words = prose.nodes.get(visit.node) if prose else None
    if words is None:
        return (Run(f"{visit.article}/{visit.node}: "), Run(visit.choice, bold=True))
    title = plain(Speech(speech.library, speech.language).text(words.title))
    return (Run(f"{title} – "), Run(_answer(speech, words.choices, visit.choice), bold=True))


def _answer(speech: Speech, own: Mapping[ChoiceId, str], choice: ChoiceId) -> str:
    if choice in own:
        return plain(Speech(speech.library, speech.language).text(own[choice]))
    if choice in {choices.DONE, choices.FAILED}:
        return speech.command(choice).label
    return choice
