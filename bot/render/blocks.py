"""Step content: shared blocks, the blocks that the catalogue of codes fills, and messages to copy."""

from bot.model.ids import BlockId
from bot.model.library import Article, ArticleProse, Block, BlockProse, CodeRow, HandoutProse, Node
from bot.model.outgoing import (
    Element,
    Fact,
    Facts,
    Item,
    Literal,
    Paragraph,
    Remark,
    Steps,
    Subheading,
    Tone,
)
from bot.model.session import Session
from bot.render.remarks import note, warning
from bot.render.speech import Speech, facts_of, plain

CODE_BLOCK = BlockId("code")
"""Built-in block: the row of `codes.yaml` that names the code."""

FAMILY_BLOCK = BlockId("family")
"""Built-in block: what the first two numbers of an unknown code say (RFC 3463 section 3)."""


def blocks_of(
    speech: Speech, session: Session, article: Article, node: Node
) -> tuple[Element, ...]:
    """Return the step content of a node, in the order the author gave."""
    shown: list[Element] = []
    for block in node.blocks:
        if block == CODE_BLOCK:
            shown += _code(speech, session)
        elif block == FAMILY_BLOCK:
            shown += _family(speech, session)
        else:
            shown += _block(speech, article.blocks[block])
    return tuple(shown)


def handout_of(
    speech: Speech, session: Session, article: Article, node: Node, prose: ArticleProse
) -> tuple[Element, ...]:
    """Return the message to copy, in the language that was picked for it."""
    if node.handout is None:
        return ()
    language, spoken = speech.library.prose(
        article.id, session.handout_language or speech.language
    )
    message = spoken.handouts[node.handout]
    spoken_there = Speech(speech.library, language, facts_of(session, language))
    text = _message(spoken_there, article, message)
    return (
        Subheading(speech.text(prose.handouts[node.handout].title)),
        Literal(text, label=speech.plain("handout-label"), copyable=True),
    )


def _message(speech: Speech, article: Article, message: HandoutProse) -> str:
    """Return a message as plain text, with the steps it carries and its facts filled in."""
    lines = [_spelled_out(speech, message.text.strip())]
    for block in message.blocks:
        prose = article.blocks[block].prose[speech.language]
        lines += ["", *([plain(speech.text(prose.title))] if prose.title else [])]
        for number, item in enumerate(_items(speech, prose), start=1):
            lines.append(f"{number}. {plain(item.text)}")
            lines += [f"   - {plain(sub)}" for sub in item.sub]
            lines += [f"   ({plain(item.note)})"] if item.note else []
    return "\n".join(lines)


def _spelled_out(speech: Speech, text: str) -> str:
    """Return prose as plain text, with the address of each link behind its title: a copied message has no links."""
    return "".join(
        f"{run.text} ({run.link})" if run.link else run.text for run in speech.text(text)
    )


def _block(speech: Speech, block: Block) -> tuple[Element, ...]:
    prose = block.prose[speech.language]
    return (
        *((Subheading(speech.text(prose.title)),) if prose.title else ()),
        *(warning(speech, speech.text(text)) for text in prose.warnings),
        *(Paragraph(speech.text(text)) for text in prose.facts),
        *((Steps(_items(speech, prose)),) if prose.steps else ()),
        *(note(speech, speech.text(text)) for text in prose.notes),
        *(Paragraph((speech.link(link),)) for link in block.links),
    )


def _items(speech: Speech, prose: BlockProse) -> tuple[Item, ...]:
    return tuple(
        Item(
            text=(
                *(speech.word("skip-if", condition=step.skip_if) if step.skip_if else ()),
                *speech.text(step.do),
            ),
            sub=tuple(speech.text(text) for text in step.sub),
            note=speech.text(step.note) if step.note else (),
        )
        for step in prose.steps
    )


def _code(speech: Speech, session: Session) -> tuple[Element, ...]:
    row = _row(speech, session)
    if row is None:
        return _family(speech, session)
    prose = row.prose[speech.language]
    who = speech.library.codes.fixers[speech.language]
    retry = "code-retry-yes" if row.retry_may_help else "code-retry-no"
    return (
        Subheading(speech.text(prose.title)),
        Paragraph(speech.text(prose.means)),
        Facts(
            (
                Fact(
                    speech.plain("code-fixers"),
                    ", ".join(who[fixer.value] for fixer in row.fixers),
                ),
                Fact(speech.plain("code-retry"), speech.plain(retry)),
            )
        ),
        Remark(speech.text(prose.do), Tone.GOOD, speech.plain("code-do")),
        *(Paragraph((speech.link(link),)) for link in row.links),
    )


def _family(speech: Speech, session: Session) -> tuple[Element, ...]:
    status = session.bounce.report.status if session.bounce else None
    family = ".".join((status or "").split(".")[:2])
    about = speech.library.codes.families[speech.language].get(family)
    if about is None:
        return (Paragraph(speech.word("family-unknown")),)
    return (Paragraph(speech.word("family", family=family, about=about)),)


def _row(speech: Speech, session: Session) -> CodeRow | None:
    row = session.bounce.match.row if session.bounce else None
    return speech.library.codes.rows.get(row) if row else None
