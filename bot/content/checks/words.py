"""The bot's own words: exactly the ids that the program speaks."""

from bot.content.checks.prose import FACTS
from bot.content.fields import did_you_mean
from bot.content.problems import Findings
from bot.content.sources import Content, SharedText
from bot.render.words import COMMANDS, WORDS


def ids_are_the_programs(content: Content, findings: Findings) -> None:
    """Every word, button and stand-in that the program needs is there, and no other."""
    for tag, shared in content.shared.items():
        for key, given, known in (
            ("words", set(shared.words), WORDS),
            ("commands", set(shared.commands), COMMANDS),
            ("unknown-facts", set(shared.unknown_facts), FACTS),
        ):
            _compare(shared, key, given, known, findings, complete=tag == content.default)


def _compare(
    shared: SharedText,
    key: str,
    given: set[str],
    known: frozenset[str],
    findings: Findings,
    *,
    complete: bool,
) -> None:
    for id_ in sorted(given - known):
        findings.warning(
            shared.file.at(key, id_),
            "left-over",
            f"the bot never says '{id_}' of '{key}'; {did_you_mean(id_, known)}",
        )
    for id_ in sorted(known - given) if complete else ():
        findings.error(
            shared.file.at(key), "missing-text", f"'{id_}' is missing in '{key}'; write it"
        )
