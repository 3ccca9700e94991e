"""What a language still lacks. A language is offered where it is complete: one card never mixes two.

The default language is complete always. In another one, each article counts by itself, and the shared words count for all.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, TypeVar

from bot.content.problems import Place
from bot.content.sources import BUILT_IN_BLOCKS, ArticleSource, ArticleText, Content
from bot.content.tree import File
from bot.model.choices import DONE, FAILED
from bot.model.ids import BlockId, HandoutId, Language
from bot.model.library import (
    Ask,
    BlockProse,
    CodeProse,
    HandoutProse,
    Instruction,
    Node,
    NodeProse,
    Tell,
)

K = TypeVar("K", bound=str)

TODO = "TODO"
"""A text that begins so is not written yet."""


class Wanted(NamedTuple):
    """One text that a language must have, and whether it does."""

    what: str
    """Way in the file, such as `nodes.resend.title`."""
    place: Place
    written: bool


@dataclass(frozen=True, slots=True)
class Score:
    """How far each language is with one part of the content."""

    what: str
    """An article's id, `shared` or `codes`."""
    written: dict[Language, tuple[int, int]]
    """Texts that are written, and texts that there should be."""


def scores(content: Content) -> list[Score]:
    """Return how far each language is with each article, the shared words and the codes."""
    parts: list[tuple[str, Callable[[Language], Iterable[Wanted]]]] = [
        (id_, partial(article_texts, content, source)) for id_, source in content.articles.items()
    ]
    parts += [
        ("shared", partial(shared_texts, content)),
        ("codes", partial(code_texts, content)),
    ]
    return [
        Score(what, {tag: _score(texts(tag)) for tag in content.languages})
        for what, texts in parts
    ]


def _score(texts: Iterable[Wanted]) -> tuple[int, int]:
    written = [text.written for text in texts]
    return sum(written), len(written)


def spoken(content: Content) -> list[Language]:
    """Return the languages whose shared words are complete: those that can be offered at all."""
    return [
        tag
        for tag in content.languages
        if all(text.written for text in shared_texts(content, tag))
    ]


def is_complete(content: Content, source: ArticleSource, language: Language) -> bool:
    """Return whether an article can be shown in a language without a word of another."""
    if not all(text.written for text in article_texts(content, source, language)):
        return False
    used = blocks_in(source, language, content)
    if not used & BUILT_IN_BLOCKS:
        return True
    return all(text.written for text in code_texts(content, language))


def blocks_in(source: ArticleSource, language: Language, content: Content) -> set[BlockId]:
    """Return every block that an article's nodes and messages show."""
    used = {block for node in source.article.nodes.values() for block in node.blocks}
    for tag in {language, content.default}:
        text = source.texts.get(tag)
        if text is not None:
            used |= {block for handout in text.handouts.values() for block in handout.blocks}
    return used


def article_texts(content: Content, source: ArticleSource, language: Language) -> Iterator[Wanted]:
    """Yield what an article needs in a language: its own prose and the shared blocks it uses."""
    text = source.texts.get(language)
    if text is None:
        text = ArticleText(source.file, "", {}, {}, {})
    default = source.texts.get(content.default, text)
    yield Wanted("title", text.file.at("title"), _written(text.title))
    for node in source.article.nodes.values():
        yield from _node_texts(node, text, default)
    for id_ in _handouts(source):
        yield from _handout_texts(id_, text, default)
    shared = content.shared.get(language)
    default_shared = content.shared.get(content.default)
    for block in sorted(blocks_in(source, language, content) - BUILT_IN_BLOCKS):
        if block in source.blocks:
            yield from _block_texts(text.file, block, text.blocks, default.blocks)
        elif block in content.blocks and shared is not None and default_shared is not None:
            yield from _block_texts(shared.file, block, shared.blocks, default_shared.blocks)


def shared_texts(content: Content, language: Language) -> Iterator[Wanted]:
    """Yield what the bot itself needs in a language: its words, link titles and reasons."""
    default = content.shared.get(content.default)
    if default is None:
        return
    text = content.shared.get(language)
    if text is None:
        yield Wanted("everything", Place(f"shared/{language}.yaml"), written=False)
        return
    yield from _by_id(text.file, "words", text.words, default.words)
    yield from _by_id(text.file, "links", text.links, content.links)
    yield from _by_id(text.file, "reasons", text.reasons, default.reasons)
    yield from _by_id(text.file, "unknown-facts", text.unknown_facts, default.unknown_facts)
    for id_ in default.commands:
        command = text.commands.get(id_)
        place = text.file.at("commands", id_)
        yield Wanted(f"commands.{id_}.label", place, _written(command.label if command else None))


def code_texts(content: Content, language: Language) -> Iterator[Wanted]:
    """Yield what the catalogue of codes needs in a language."""
    text, default = content.codes.get(language), content.codes.get(content.default)
    if text is None:
        yield Wanted("everything", Place(f"codes/{language}.yaml"), written=False)
        return
    for id_ in content.rows:
        prose = text.rows.get(id_, CodeProse("", "", ""))
        for name, value in (("title", prose.title), ("means", prose.means), ("do", prose.do)):
            place = text.file.at("codes", id_, name)
            yield Wanted(f"codes.{id_}.{name}", place, _written(value))
    categories = {row.category for row in content.rows.values()}
    fixers = {fixer.value for row in content.rows.values() for fixer in row.fixers}
    families = set(default.families) if default else set()
    yield from _by_id(text.file, "categories", text.categories, sorted(categories))
    yield from _by_id(text.file, "fixers", text.fixers, sorted(fixers))
    yield from _by_id(text.file, "families", text.families, sorted(families))


def _by_id(file: File, key: str, words: Mapping[K, str], wanted: Iterable[K]) -> Iterator[Wanted]:
    for id_ in wanted:
        yield Wanted(f"{key}.{id_}", file.at(key, id_), _written(words.get(id_)))


def _node_texts(node: Node, text: ArticleText, default: ArticleText) -> Iterator[Wanted]:
    prose = text.nodes.get(node.id, NodeProse(""))
    reference = default.nodes.get(node.id, NodeProse(""))
    way = f"nodes.{node.id}"
    yield Wanted(f"{way}.title", text.file.at("nodes", node.id, "title"), _written(prose.title))
    if reference.text is not None or prose.text is not None:
        yield Wanted(f"{way}.text", text.file.at("nodes", node.id, "text"), _written(prose.text))
    match node.kind:
        case Ask(choices=choices):
            labels = list(choices)
        case Tell():
            labels = [choice for choice in (DONE, FAILED) if choice in reference.choices]
        case _:
            labels = []
    for choice in labels:
        place = text.file.at("nodes", node.id, "choices", choice)
        yield Wanted(f"{way}.choices.{choice}", place, _written(prose.choices.get(choice)))


def _handouts(source: ArticleSource) -> list[HandoutId]:
    return sorted({node.handout for node in source.article.nodes.values() if node.handout})


def _handout_texts(id_: HandoutId, text: ArticleText, default: ArticleText) -> Iterator[Wanted]:
    prose = text.handouts.get(id_, HandoutProse("", ""))
    for name, value in (("title", prose.title), ("text", prose.text)):
        place = text.file.at("handouts", id_, name)
        yield Wanted(f"handouts.{id_}.{name}", place, _written(value))
    reference = default.handouts.get(id_, prose)
    if set(reference.blocks) - set(prose.blocks):
        yield Wanted(f"handouts.{id_}.blocks", text.file.at("handouts", id_), written=False)


def _block_texts(
    file: File,
    id_: BlockId,
    written: dict[BlockId, BlockProse],
    wanted: dict[BlockId, BlockProse],
) -> Iterator[Wanted]:
    prose, reference = written.get(id_), wanted.get(id_)
    way = f"blocks.{id_}"
    if prose is None or not _says_something(prose):
        yield Wanted(way, file.at("blocks", id_), written=False)
        return
    if prose.title is not None or (reference is not None and reference.title is not None):
        place = file.at("blocks", id_, "title")
        yield Wanted(f"{way}.title", place, _written(prose.title))
    for key, texts, expected in (
        (
            "steps",
            [text for step in prose.steps for text in _step_texts(step)],
            reference and reference.steps,
        ),
        ("facts", list(prose.facts), reference and reference.facts),
        ("notes", list(prose.notes), reference and reference.notes),
        ("warnings", list(prose.warnings), reference and reference.warnings),
    ):
        if texts or expected:
            done = bool(texts) and all(_written(text) for text in texts)
            yield Wanted(f"{way}.{key}", file.at("blocks", id_, key), done)


def _says_something(prose: BlockProse) -> bool:
    return bool(prose.steps or prose.facts or prose.notes or prose.warnings)


def _step_texts(step: Instruction) -> Iterator[str]:
    yield step.do
    yield from step.sub
    yield from (text for text in (step.note, step.skip_if) if text is not None)


def _written(text: str | None) -> bool:
    return bool(text) and not (text or "").startswith(TODO)
