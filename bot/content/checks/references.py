"""Names that stand for something elsewhere: blocks, links, messages to copy, reasons."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from bot.content.completeness import blocks_in
from bot.content.fields import did_you_mean
from bot.content.problems import Findings, Place
from bot.content.sources import BUILT_IN_BLOCKS, ArticleSource, BlockSource, Content
from bot.content.tree import File
from bot.dialog.walk import ASKED_FOR_HUMAN, NOT_HELPFUL, NOT_SOLVED
from bot.model.ids import BlockId, LinkId
from bot.model.library import Escalate

BUILT_IN_REASONS = frozenset({NOT_SOLVED, NOT_HELPFUL, ASKED_FOR_HUMAN})
"""Reasons that the program itself gives; every language has them, and no article needs to."""

_ADDRESS = re.compile(r"https://[a-z0-9.-]+\.[a-z]{2,}(?:[/?#]\S*)?", re.IGNORECASE)
_LINK = re.compile(r"\{link:([^}]*)\}")


_Listed = tuple[tuple[str, str], tuple[LinkId, ...]]
"""Keys that lead to something, and the links it lists."""


class _Use(NamedTuple):
    """A name, where it is used."""

    name: str
    place: Place


def blocks_exist(content: Content, findings: Findings) -> None:
    """Every block that is shown exists, once."""
    for source in content.articles.values():
        known = {*source.blocks, *content.blocks, *BUILT_IN_BLOCKS}
        _report_unknown(_block_uses(source), known, "block", findings)
        for block in source.blocks:
            if block in content.blocks or block in BUILT_IN_BLOCKS:
                where = (
                    "is a built-in block"
                    if block in BUILT_IN_BLOCKS
                    else "stands in shared/blocks.yaml"
                )
                findings.error(
                    source.file.at("blocks", block),
                    "twice",
                    f"block '{block}' {where} already; rename this one",
                )
    for block in BUILT_IN_BLOCKS & set(content.blocks):
        findings.error(
            content.blocks_file.at("blocks", block),
            "twice",
            f"'{block}' is a built-in block; rename this one",
        )


def links_exist(content: Content, findings: Findings) -> None:
    """Every link that is shown has an address."""
    _report_unknown(_link_uses(content), content.links, "link", findings)


def handouts_exist(content: Content, findings: Findings) -> None:
    """Every message to copy that a node offers is written in the default language."""
    for source in content.articles.values():
        text = source.texts.get(content.default)
        if text is None:
            continue
        uses = [
            _Use(node.handout, source.file.at("nodes", node.id, "handout"))
            for node in source.article.nodes.values()
            if node.handout is not None
        ]
        _report_unknown(uses, text.handouts, "handout", findings)


def reasons_exist(content: Content, findings: Findings) -> None:
    """Every reason for a hand-over has words, the program's own as well."""
    shared = content.shared.get(content.default)
    if shared is None:
        return
    _report_unknown(_reason_uses(content), shared.reasons, "reason", findings)
    for reason in sorted(BUILT_IN_REASONS - set(shared.reasons)):
        findings.error(
            shared.file.at("reasons"),
            "missing-reason",
            f"the bot gives the reason '{reason}' itself; add its words",
        )


def addresses_are_https(content: Content, findings: Findings) -> None:
    """Every address is a plain https one."""
    for link, address in content.links.items():
        if not _ADDRESS.fullmatch(address):
            findings.error(
                content.links_file.at("links", link),
                "bad-address",
                f"'{address}' is no https address; correct it",
            )


def everything_is_used(content: Content, findings: Findings) -> None:
    """No block, link, message or reason stands there for nothing."""
    shown = set[str]()
    for source in content.articles.values():
        used = {block for tag in source.texts for block in blocks_in(source, tag, content)}
        shown |= used
        _report_unused(source.file, "blocks", set(source.blocks) - used, findings)
        offered = {node.handout for node in source.article.nodes.values()}
        for text in source.texts.values():
            _report_unused(text.file, "handouts", set(text.handouts) - offered, findings)
    _report_unused(content.blocks_file, "blocks", set(content.blocks) - shown, findings)
    links = {use.name for use in _link_uses(content)}
    _report_unused(content.links_file, "links", set(content.links) - links, findings)
    reasons = {use.name for use in _reason_uses(content)} | BUILT_IN_REASONS
    for shared in content.shared.values():
        _report_unused(shared.file, "reasons", set(shared.reasons) - reasons, findings)
        _report_unused(shared.file, "links", set(shared.links) - set(content.links), findings)


def _block_uses(source: ArticleSource) -> Iterator[_Use]:
    for node in source.article.nodes.values():
        for at, block in enumerate(node.blocks):
            yield _Use(block, source.file.at("nodes", node.id, "blocks", at))
    for text in source.texts.values():
        for id_, handout in text.handouts.items():
            for at, block in enumerate(handout.blocks):
                yield _Use(block, text.file.at("handouts", id_, "blocks", at))


def _link_uses(content: Content) -> Iterator[_Use]:
    for source in content.articles.values():
        links = ((("nodes", node.id), node.links) for node in source.article.nodes.values())
        yield from _listed(source.file, links)
        yield from _listed(source.file, _links_of_blocks(source.blocks))
        for text in source.texts.values():
            yield from _links_in_prose(text.file)
    yield from _listed(content.blocks_file, _links_of_blocks(content.blocks))
    yield from _listed(
        content.codes_file, ((("codes", row.id), row.links) for row in content.rows.values())
    )
    for shared in content.shared.values():
        yield from _links_in_prose(shared.file)
    for codes in content.codes.values():
        yield from _links_in_prose(codes.file)


def _links_of_blocks(blocks: dict[BlockId, BlockSource]) -> Iterator[_Listed]:
    return ((("blocks", id_), block.links) for id_, block in blocks.items())


def _listed(file: File, owners: Iterable[_Listed]) -> Iterator[_Use]:
    """Yield the links that are listed under `links:` of something."""
    for way, links in owners:
        for at, link in enumerate(links):
            yield _Use(link, file.at(*way, "links", at))


def _links_in_prose(file: File) -> Iterator[_Use]:
    for text in file.texts():
        if "{link:" in text.value:
            for link in _LINK.findall(text.value):
                yield _Use(link, text.place)


def _reason_uses(content: Content) -> Iterator[_Use]:
    for source in content.articles.values():
        for node in source.article.nodes.values():
            if isinstance(node.kind, Escalate):
                yield _Use(
                    node.kind.reason, source.file.at("nodes", node.id, "escalate", "reason")
                )


def _report_unknown(
    uses: Iterable[_Use], known: Iterable[str], what: str, findings: Findings
) -> None:
    names = set(known)
    for use in uses:
        if use.name not in names:
            hint = did_you_mean(use.name, names)
            findings.error(
                use.place, f"unknown-{what}", f"there is no {what} '{use.name}'; {hint}"
            )


def _report_unused(file: File, key: str, names: Iterable[str], findings: Findings) -> None:
    for name in names:
        findings.warning(
            file.at(key, name), "unused", f"nothing uses '{name}' of '{key}'; remove it, or use it"
        )
