"""Reading the catalogue of codes and its prose."""

from enum import StrEnum

from bot.content.articles import check_id
from bot.content.fields import Fields
from bot.content.problems import Findings
from bot.content.sources import CodesText
from bot.content.tree import File
from bot.model.ids import ArticleId, CodeRowId, LinkId
from bot.model.library import CodeProse, CodeRow, Fixer


class _Permanence(StrEnum):
    """RFC 3463 section 3.1: class 5 is permanent, class 4 persistent and transient."""

    PERMANENT = "permanent"
    TEMPORARY = "temporary"


def read_codes(file: File, findings: Findings) -> dict[CodeRowId, CodeRow]:
    """Read `codes.yaml`."""
    fields = Fields(file.root, file.at(), findings)
    fields.format()
    rows = {}
    for name, row in fields.fields("codes").each():
        check_id(name, row)
        fixers = row.texts("fixers")
        if not fixers:
            findings.error(
                row.at("fixers"), "missing-key", f"row '{name}' needs at least one fixer"
            )
        permanence = row.need("permanence")
        permanence = (
            row.member("permanence", permanence, _Permanence, _Permanence.PERMANENT)
            if permanence
            else ""
        )
        rows[CodeRowId(name)] = CodeRow(
            id=CodeRowId(name),
            code=row.text("code"),
            category=row.need("category"),
            fixers=tuple(row.member("fixers", fixer, Fixer, Fixer.SENDER) for fixer in fixers),
            permanent=permanence == _Permanence.PERMANENT,
            retry_may_help=row.yes_no("retry-may-help"),
            article=ArticleId(row.need("article")),
            prose={},
            smtp_reply=row.text("smtp-reply"),
            markers=row.texts("markers"),
            links=tuple(LinkId(link) for link in row.texts("links")),
        )
        row.close()
    fields.close()
    return rows


def read_codes_text(file: File, findings: Findings) -> CodesText:
    """Read the prose of the codes in one language. What is missing comes as an empty text."""
    fields = Fields(file.root, file.at(), findings)
    fields.format()
    rows = {}
    for name, row in fields.fields("codes").each():
        rows[CodeRowId(name)] = CodeProse(
            row.text("title") or "", row.text("means") or "", row.text("do") or ""
        )
        row.close()
    text = CodesText(
        file,
        rows,
        fields.fields("categories").pairs(),
        fields.fields("families").pairs(),
        fields.fields("fixers").pairs(),
    )
    fields.close()
    return text
