"""The content as values: articles, blocks, codes, words. Loaded once from `dialogs/`, then only read.

Everything here is already checked: targets exist, languages are complete, ids are unique. Whoever holds a
`Library` never meets a broken dialog.
"""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from bot.model.ids import (
    ArticleId,
    BlockId,
    ChoiceId,
    CodeRowId,
    HandoutId,
    Language,
    LinkId,
    NodeId,
    QueueId,
    ReasonId,
)
from bot.model.match import Confidence


class Lane(StrEnum):
    """Whose part of the article a node belongs to."""

    ALL = "all"
    SENDER = "sender"
    RECIPIENT = "recipient"
    RECIPIENT_ADMIN = "recipient-admin"
    SENDER_ADMIN = "sender-admin"


class Priority(StrEnum):
    """How fast a human should look."""

    NORMAL = "normal"
    URGENT = "urgent"


class Fact(StrEnum):
    """What the bot may know without asking (`answered-by`)."""

    CUSTOM_DOMAIN = "custom-domain"
    SEVERAL_RECIPIENTS = "several-recipients"
    FIXER = "fixer"
    RETRY_MAY_HELP = "retry-may-help"


class Ending(StrEnum):
    """How a dialog can end without a human."""

    SOLVED = "solved"
    ADVISED = "advised"
    EXIT = "exit"


class Fixer(StrEnum):
    """Who can usually mend the cause of a code."""

    SENDER = "sender"
    RECIPIENT = "recipient"
    RECIPIENT_ADMIN = "recipient-admin"
    SENDER_ADMIN = "sender-admin"


class Target(msgspec.Struct, frozen=True):
    """Where an answer leads: a node of this article, or of another one through an entry."""

    node: NodeId
    article: ArticleId | None = None
    """None: the same article."""


NEXT_UNTRIED = Target(NodeId("next-untried"))
"""The first of the article's `checks` that this session has not visited, else its `exhausted` node."""


class Ask(msgspec.Struct, frozen=True, tag="ask"):
    """A question. Choices in the order they are shown."""

    choices: Mapping[ChoiceId, Target]
    answered_by: Fact | None = None


class Tell(msgspec.Struct, frozen=True, tag="tell"):
    """Something to do or to know."""

    done: Target
    failed: Target | None = None
    """None: "it didn't help" leads to a human."""


class Escalate(msgspec.Struct, frozen=True, tag="escalate"):
    """A hand-over to a human by the article's own rules."""

    reason: ReasonId
    priority: Priority = Priority.NORMAL


class End(msgspec.Struct, frozen=True, tag="end"):
    """The end of a dialog, with the question whether it helped."""

    ending: Ending


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """One place in a dialog: its kind says where it goes, the rest what is shown there."""

    id: NodeId
    kind: Ask | Tell | Escalate | End
    lane: Lane = Lane.ALL
    blocks: tuple[BlockId, ...] = ()
    links: tuple[LinkId, ...] = ()
    handout: HandoutId | None = None
    awaits_bounce: bool = False
    covers: tuple[str, ...] = ()


class Instruction(msgspec.Struct, frozen=True):
    """One numbered step."""

    do: str
    sub: tuple[str, ...] = ()
    note: str | None = None
    skip_if: str | None = None


class BlockProse(msgspec.Struct, frozen=True):
    """Step content in one language."""

    title: str | None = None
    steps: tuple[Instruction, ...] = ()
    facts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """Step content that one or several nodes show."""

    id: BlockId
    prose: Mapping[Language, BlockProse]
    links: tuple[LinkId, ...] = ()
    covers: tuple[str, ...] = ()


class NodeProse(msgspec.Struct, frozen=True):
    """The words of a node in one language."""

    title: str
    text: str | None = None
    choices: Mapping[ChoiceId, str] = {}
    typed: Mapping[ChoiceId, tuple[str, ...]] = {}


class HandoutProse(msgspec.Struct, frozen=True):
    """A message to copy, in one language."""

    title: str
    text: str
    blocks: tuple[BlockId, ...] = ()


class ArticleProse(msgspec.Struct, frozen=True):
    """All words of an article in one language, complete."""

    title: str
    nodes: Mapping[NodeId, NodeProse]
    handouts: Mapping[HandoutId, HandoutProse] = {}


class Fingerprint(msgspec.Struct, frozen=True, kw_only=True):
    """What gives an article's bounces away. Phrases only: no regular expression an author could blow up."""

    id: str
    article: ArticleId
    confidence: Confidence
    code: str | None = None
    any: tuple[str, ...] = ()
    all: tuple[str, ...] = ()
    none: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    near_misses: tuple[str, ...] = ()


class Article(msgspec.Struct, frozen=True, kw_only=True):
    """One article: its graph, and its prose in every language that is complete."""

    id: ArticleId
    start: NodeId
    nodes: Mapping[NodeId, Node]
    prose: Mapping[Language, ArticleProse]
    blocks: Mapping[BlockId, Block]
    """Every block that a node or a handout of this article uses, shared ones included."""
    likely_start: NodeId | None = None
    entries: Mapping[str, NodeId] = {}
    checks: tuple[NodeId, ...] = ()
    exhausted: NodeId | None = None
    fingerprints: tuple[Fingerprint, ...] = ()


class CodeProse(msgspec.Struct, frozen=True):
    """A code in plain words."""

    title: str
    means: str
    do: str


class CodeRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `codes.yaml`."""

    id: CodeRowId
    code: str | None
    """`5.2.2`, a range `5.7.900-999` or `5.4.6-5.4.20`, or None for a row known by its markers alone."""
    category: str
    fixers: tuple[Fixer, ...]
    permanent: bool
    retry_may_help: bool
    article: ArticleId
    prose: Mapping[Language, CodeProse]
    smtp_reply: str | None = None
    markers: tuple[str, ...] = ()
    links: tuple[LinkId, ...] = ()


class Codes(msgspec.Struct, frozen=True):
    """The catalogue of codes."""

    rows: Mapping[CodeRowId, CodeRow]
    categories: Mapping[Language, Mapping[str, str]]
    families: Mapping[Language, Mapping[str, str]]
    """`5.2` → what such codes are about (RFC 3463 section 3)."""
    fixers: Mapping[Language, Mapping[str, str]]


class LanguageEntry(msgspec.Struct, frozen=True):
    """A language we speak."""

    tag: Language
    name: str
    """In the language itself."""
    also: tuple[str, ...] = ()
    """Other tags that mean it (`no`, `nn`)."""
    typed: tuple[str, ...] = ()
    """What people type to switch to it (`norsk`, `in norwegian`)."""


class Command(msgspec.Struct, frozen=True):
    """A word of the bot that works everywhere: its button and what people type for it."""

    label: str
    typed: tuple[str, ...] = ()


class Words(msgspec.Struct, frozen=True):
    """The bot's own words in one language."""

    words: Mapping[str, str]
    commands: Mapping[str, Command]
    links: Mapping[LinkId, str]
    reasons: Mapping[ReasonId, str]
    unknown_facts: Mapping[str, str]


class QueueRule(msgspec.Struct, frozen=True, kw_only=True):
    """Which tickets a queue takes: all that is given must hold, and what is empty does not matter."""

    codes: tuple[str, ...] = ()
    """Codes or their families: `5.7` takes `5.7.1`, and `5.7.1` only itself."""
    recipient_domains: tuple[str, ...] = ()
    """A domain takes its subdomains too."""
    languages: tuple[Language, ...] = ()
    priorities: tuple[Priority, ...] = ()


class TriageQueue(msgspec.Struct, frozen=True, kw_only=True):
    """A channel of the helpdesk that some tickets go to."""

    id: QueueId
    channel: str
    """Conversation id of the channel (`19:…@thread.tacv2`)."""
    team: str = ""
    """Conversation id of its team; empty: the team of the settings."""
    language: Language | None = None
    """Language of its cards; None: that of the settings."""
    when: QueueRule


class IncidentRules(msgspec.Struct, frozen=True, kw_only=True):
    """When bounces of different people are taken for one problem."""

    window_minutes: int = 120
    people: int = 2
    """How many different employees it takes."""
    apart: tuple[str, ...] = ()
    """Domains whose bounces have nothing to do with each other (public mailbox providers: everybody mistypes those)."""


class TriageRules(msgspec.Struct, frozen=True, kw_only=True):
    """What `dialogs/triage.yaml` says."""

    queues: tuple[TriageQueue, ...] = ()
    """The first whose rule holds takes a ticket; where none does, the channel of the settings."""
    incidents: IncidentRules = IncidentRules()


class Library(msgspec.Struct, frozen=True, kw_only=True):
    """All content, and its version (a digest of every file it came from)."""

    version: str
    default: Language
    languages: Mapping[Language, LanguageEntry]
    articles: Mapping[ArticleId, Article]
    codes: Codes
    words: Mapping[Language, Words]
    links: Mapping[LinkId, str]
    """Addresses."""
    triage: TriageRules = TriageRules()

    def language(self, locale: str | None) -> Language:
        """Return the offered language for a locale such as `nb-NO`, or the default for any other."""
        if locale:
            primary = locale.replace("_", "-").split("-")[0].lower()
            for entry in self.languages.values():
                if primary == entry.tag or primary in entry.also:
                    return entry.tag
        return self.default

    def prose(self, article: ArticleId, language: Language) -> tuple[Language, ArticleProse]:
        """Return an article's prose in a language, or in the default when it is not complete in it."""
        spoken = self.articles[article].prose
        chosen = language if language in spoken else self.default
        return chosen, spoken[chosen]
