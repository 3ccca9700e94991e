"""Reading what belongs to no article: the languages, the links, and the shared words."""

import re

from bot.content.articles import check_id, read_block_prose
from bot.content.fields import Fields, did_you_mean
from bot.content.problems import Findings
from bot.content.sources import SharedText
from bot.content.tree import File
from bot.model.ids import Language, LinkId, ReasonId
from bot.model.library import Command, LanguageEntry

TAG = re.compile(r"[a-z]{2,3}(?:-[a-zA-Z0-9]{2,8})*")
"""A language tag (BCP 47)."""


def read_languages(
    file: File, findings: Findings
) -> tuple[Language, dict[Language, LanguageEntry]]:
    """Read `languages.yaml`: the default, and every language we speak."""
    fields = Fields(file.root, file.at(), findings)
    fields.format()
    default = Language(fields.need("default"))
    languages: dict[Language, LanguageEntry] = {}
    claimed: dict[str, str] = {}
    for tag, language in fields.fields("languages").each():
        if not TAG.fullmatch(tag):
            findings.error(
                language.place, "bad-language", f"'{tag}' is no language tag, such as nb or en"
            )
        entry = LanguageEntry(
            Language(tag), language.need("name"), language.texts("also"), language.texts("typed")
        )
        fallback = language.text("fallback")
        if fallback is not None and fallback != default:
            findings.error(
                language.at("fallback"),
                "bad-fallback",
                f"the fallback is always the default, '{default}'",
            )
        for name in (tag, *entry.also):
            if name in claimed:
                findings.error(
                    language.place, "twice", f"'{name}' means '{claimed[name]}' already"
                )
            claimed.setdefault(name, tag)
        languages[entry.tag] = entry
        language.close()
    if default not in languages:
        findings.error(
            fields.at("default"),
            "unknown-language",
            f"'{default}' is no language; {did_you_mean(default, languages)}",
        )
    fields.close()
    return default, languages


def read_links(file: File, findings: Findings) -> dict[LinkId, str]:
    """Read `links.yaml`: addresses by id."""
    fields = Fields(file.root, file.at(), findings)
    fields.format()
    inner = fields.fields("links")
    links = {LinkId(id_): address for id_, address in inner.pairs().items()}
    for id_ in links:
        check_id(id_, Fields(None, inner.at(id_), findings))
    fields.close()
    return links


def read_shared(file: File, findings: Findings) -> SharedText:
    """Read the shared words in one language. What is missing comes as an empty text."""
    fields = Fields(file.root, file.at(), findings)
    fields.format()
    commands = {}
    for name, command in fields.fields("commands").each():
        commands[name] = Command(command.text("label") or "", command.texts("typed"))
        command.close()
    text = SharedText(
        file=file,
        words=fields.fields("words").pairs(),
        commands=commands,
        links={LinkId(id_): title for id_, title in fields.fields("links").pairs().items()},
        reasons={ReasonId(id_): text for id_, text in fields.fields("reasons").pairs().items()},
        unknown_facts=fields.fields("unknown-facts").pairs(),
        blocks=read_block_prose(fields.fields("blocks")),
    )
    fields.close()
    return text
