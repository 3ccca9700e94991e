"""From what was read to the `Library`: only what is complete gets in."""

import msgspec

from bot.content.completeness import blocks_in, is_complete, spoken
from bot.content.sources import BUILT_IN_BLOCKS, ArticleSource, Content
from bot.model.ids import BlockId, Language
from bot.model.library import (
    Article,
    ArticleProse,
    Block,
    CodeRow,
    Codes,
    Library,
    TriageRules,
    Words,
)


def build(content: Content) -> Library:
    """Make the library of content without errors."""
    offered = spoken(content)
    words = {}
    for tag in offered:
        text = content.shared[tag]
        words[tag] = Words(text.words, text.commands, text.links, text.reasons, text.unknown_facts)
    return Library(
        version=content.version,
        default=content.default,
        languages={tag: content.languages[tag] for tag in offered},
        articles={
            id_: _article(content, source, offered) for id_, source in content.articles.items()
        },
        codes=_codes(content, offered),
        words=words,
        links=content.links,
        triage=_triage(content, offered),
    )


def _triage(content: Content, offered: list[Language]) -> TriageRules:
    """Return the rules with no card in a language that is not complete yet."""
    queues = tuple(
        queue
        if queue.language is None or queue.language in offered
        else msgspec.structs.replace(queue, language=content.default)
        for queue in content.triage.queues
    )
    return msgspec.structs.replace(content.triage, queues=queues)


def _article(content: Content, source: ArticleSource, offered: list[Language]) -> Article:
    languages = [tag for tag in offered if is_complete(content, source, tag)]
    used = {block for tag in languages for block in blocks_in(source, tag, content)}
    return msgspec.structs.replace(
        source.article,
        prose={
            tag: ArticleProse(text.title, text.nodes, text.handouts)
            for tag in languages
            if (text := source.texts.get(tag)) is not None
        },
        blocks={
            block: _block(content, source, block, languages)
            for block in sorted(used - BUILT_IN_BLOCKS)
        },
    )


def _block(
    content: Content, source: ArticleSource, id_: BlockId, languages: list[Language]
) -> Block:
    own = id_ in source.blocks
    refers = source.blocks[id_] if own else content.blocks[id_]
    written = source.texts if own else content.shared
    prose = {tag: written[tag].blocks[id_] for tag in languages}
    return Block(id=id_, prose=prose, links=refers.links, covers=refers.covers)


def _codes(content: Content, offered: list[Language]) -> Codes:
    texts = {tag: content.codes[tag] for tag in offered if tag in content.codes}
    return Codes(
        rows={id_: _row(content, row) for id_, row in content.rows.items()},
        categories={tag: text.categories for tag, text in texts.items()},
        families={tag: text.families for tag, text in texts.items()},
        fixers={tag: text.fixers for tag, text in texts.items()},
    )


def _row(content: Content, row: CodeRow) -> CodeRow:
    prose = {tag: text.rows[row.id] for tag, text in content.codes.items() if row.id in text.rows}
    return msgspec.structs.replace(row, prose=prose)
