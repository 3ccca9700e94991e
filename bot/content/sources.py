"""The content as it was read: values of the model beside the files they came from, complete or not.

Checks compare these and report places in the files; `bot.content.build` makes the `Library` of what is complete.
"""

from dataclasses import dataclass
from pathlib import Path

from bot.content.tree import File
from bot.model.ids import (
    ArticleId,
    BlockId,
    CodeRowId,
    HandoutId,
    Language,
    LinkId,
    NodeId,
    ReasonId,
)
from bot.model.library import (
    Article,
    BlockProse,
    CodeProse,
    CodeRow,
    Command,
    HandoutProse,
    LanguageEntry,
    NodeProse,
    TriageRules,
)

BUILT_IN_BLOCKS = frozenset({BlockId("code"), BlockId("family")})
"""Blocks that the catalogue of codes fills: they have no prose of their own."""


@dataclass(frozen=True, slots=True)
class BlockSource:
    """What a block refers to; its prose stands elsewhere."""

    links: tuple[LinkId, ...]
    covers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Inventory:
    """What an article must cover, and what it leaves out with a reason."""

    file: File
    items: tuple[str, ...]
    excluded: dict[str, str]


@dataclass(frozen=True, slots=True)
class ArticleText:
    """The words of an article in one language, as far as they are written."""

    file: File
    title: str
    nodes: dict[NodeId, NodeProse]
    blocks: dict[BlockId, BlockProse]
    handouts: dict[HandoutId, HandoutProse]


@dataclass(frozen=True, slots=True)
class ArticleSource:
    """One article: its routing (with neither prose nor blocks filled in) and its files."""

    folder: Path
    file: File
    article: Article
    owner: str
    reviewed: str
    blocks: dict[BlockId, BlockSource]
    texts: dict[Language, ArticleText]
    inventory: Inventory | None


@dataclass(frozen=True, slots=True)
class SharedText:
    """The words that belong to no article, in one language."""

    file: File
    words: dict[str, str]
    commands: dict[str, Command]
    links: dict[LinkId, str]
    reasons: dict[ReasonId, str]
    unknown_facts: dict[str, str]
    blocks: dict[BlockId, BlockProse]


@dataclass(frozen=True, slots=True)
class CodesText:
    """The codes in plain words, in one language."""

    file: File
    rows: dict[CodeRowId, CodeProse]
    categories: dict[str, str]
    families: dict[str, str]
    fixers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Content:
    """Everything under `dialogs/`."""

    root: Path
    version: str
    default: Language
    languages_file: File
    languages: dict[Language, LanguageEntry]
    links_file: File
    links: dict[LinkId, str]
    blocks_file: File
    blocks: dict[BlockId, BlockSource]
    shared: dict[Language, SharedText]
    articles: dict[ArticleId, ArticleSource]
    codes_file: File
    rows: dict[CodeRowId, CodeRow]
    codes: dict[Language, CodesText]
    triage_file: File
    triage: TriageRules
    read: frozenset[str]
    """Relative paths of every file that was read."""
