"""Reading one article: its routing, its prose and its inventory."""

import re

from bot.content.fields import Fields, did_you_mean
from bot.content.problems import Findings
from bot.content.sources import ArticleText, BlockSource, Inventory
from bot.content.tree import File, List, Map, Text, Value
from bot.model.ids import ArticleId, BlockId, ChoiceId, HandoutId, LinkId, NodeId, ReasonId
from bot.model.library import (
    Article,
    Ask,
    BlockProse,
    End,
    Ending,
    Escalate,
    Fact,
    Fingerprint,
    HandoutProse,
    Instruction,
    Lane,
    Node,
    NodeProse,
    Priority,
    Target,
    Tell,
)
from bot.model.match import Confidence

_ID = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*")
_KINDS = ("ask", "tell", "escalate", "end")
_NOWHERE = Target(NodeId(""))


def read_routing(id_: ArticleId, fields: Fields) -> tuple[Article, dict[BlockId, BlockSource]]:
    """Read `article.yaml`, after `format`, `owner` and `reviewed` were taken."""
    start = NodeId(fields.need("start"))
    likely_start = fields.text("likely-start")
    exhausted = fields.text("exhausted")
    entries = {name: NodeId(node) for name, node in fields.fields("entries").pairs().items()}
    checks = tuple(NodeId(node) for node in fields.texts("checks"))
    fingerprints = tuple(_fingerprint(id_, value, fields) for value in fields.items("match"))
    blocks = read_blocks(fields.fields("blocks"))
    nodes = {}
    for name, node in fields.fields("nodes").each():
        check_id(name, node)
        nodes[NodeId(name)] = _node(NodeId(name), node)
    fields.close()
    if not nodes:
        fields.findings.error(
            fields.at("nodes"), "no-nodes", "an article needs nodes; write at least one"
        )
    article = Article(
        id=id_,
        start=start,
        nodes=nodes,
        prose={},
        blocks={},
        likely_start=NodeId(likely_start) if likely_start else None,
        entries=entries,
        checks=checks,
        exhausted=NodeId(exhausted) if exhausted else None,
        fingerprints=fingerprints,
    )
    return article, blocks


def read_blocks(fields: Fields) -> dict[BlockId, BlockSource]:
    """Read what blocks refer to, by id."""
    blocks = {}
    for name, block in fields.each():
        check_id(name, block)
        links = tuple(LinkId(link) for link in block.texts("links"))
        blocks[BlockId(name)] = BlockSource(links, block.texts("covers"))
        block.close()
    return blocks


def read_text(file: File, findings: Findings) -> ArticleText:
    """Read the prose of an article in one language. What is missing comes as an empty text."""
    fields = Fields(file.root, file.at(), findings)
    fields.format()
    title = fields.text("title") or ""
    nodes = {NodeId(name): _node_prose(node) for name, node in fields.fields("nodes").each()}
    blocks = read_block_prose(fields.fields("blocks"))
    handouts = {}
    for name, handout in fields.fields("handouts").each():
        handouts[HandoutId(name)] = HandoutProse(
            title=handout.text("title") or "",
            text=handout.text("text") or "",
            blocks=tuple(BlockId(block) for block in handout.texts("blocks")),
        )
        handout.close()
    fields.close()
    return ArticleText(file, title, nodes, blocks, handouts)


def read_block_prose(fields: Fields) -> dict[BlockId, BlockProse]:
    """Read the prose of blocks, by id. What is missing comes as an empty text."""
    blocks = {}
    for name, block in fields.each():
        blocks[BlockId(name)] = BlockProse(
            title=block.text("title"),
            steps=tuple(_instruction(step, block) for step in block.items("steps")),
            facts=block.texts("facts"),
            notes=block.texts("notes"),
            warnings=block.texts("warnings"),
        )
        block.close()
    return blocks


def read_inventory(file: File, findings: Findings) -> Inventory:
    """Read what an article must cover."""
    fields = Fields(file.root, file.at(), findings)
    fields.format()
    items = fields.texts("items")
    excluded = fields.fields("excluded").pairs()
    fields.close()
    return Inventory(file, items, excluded)


def check_id(name: str, fields: Fields) -> None:
    """Report an id that does not look like one."""
    if not _ID.fullmatch(name):
        fields.findings.error(
            fields.place,
            "bad-id",
            f"'{name}' is no id; use small letters, digits, dots and hyphens, such as 'ask-recipient'",
        )


def _node(id_: NodeId, fields: Fields) -> Node:
    kinds = [kind for kind in _KINDS if kind in fields]
    if len(kinds) != 1:
        given = " and ".join(kinds) or "none"
        fields.findings.error(
            fields.place,
            "node-kind",
            f"node '{id_}' has {given} of {', '.join(_KINDS)}; a node has exactly one",
        )
    for kind in kinds[1:]:
        fields.take(kind)
    node = Node(
        id=id_,
        kind=_kind(kinds[0], fields) if kinds else End(Ending.ADVISED),
        lane=fields.choice("lane", Lane, Lane.ALL),
        blocks=tuple(BlockId(block) for block in fields.texts("blocks")),
        links=tuple(LinkId(link) for link in fields.texts("links")),
        handout=HandoutId(handout) if (handout := fields.text("handout")) else None,
        awaits_bounce=_awaits(kinds, fields),
        covers=fields.texts("covers"),
    )
    if not kinds:
        _suggest_kind(fields)
    fields.close()
    return node


def _suggest_kind(fields: Fields) -> None:
    """Keep a misspelt kind from being reported a second time as an unknown key."""
    for key in ("kind", "type", "question", "say"):
        fields.take(key)


def _kind(kind: str, fields: Fields) -> Ask | Tell | Escalate | End:
    match kind:
        case "ask":
            inner = fields.fields("ask")
            choices = {}
            for choice, target in inner.pairs().items():
                check_id(choice, inner)
                choices[ChoiceId(choice)] = _target(target)
            if not choices:
                fields.findings.error(fields.at("ask"), "no-choices", "a question needs choices")
            fact = fields.text("answered-by")
            known = fields.member("answered-by", fact, Fact, Fact.FIXER) if fact else None
            return Ask(choices, known)
        case "tell":
            inner = fields.fields("tell")
            done, failed = inner.need("done"), inner.text("failed")
            inner.close()
            return Tell(_target(done) if done else _NOWHERE, _target(failed) if failed else None)
        case "escalate":
            inner = fields.fields("escalate")
            reason = ReasonId(inner.need("reason"))
            priority = inner.choice("priority", Priority, Priority.NORMAL)
            inner.close()
            return Escalate(reason, priority)
        case _:
            return End(fields.choice("end", Ending, Ending.ADVISED))


def _awaits(kinds: list[str], fields: Fields) -> bool:
    if "awaits" not in fields:
        return False
    value = fields.text("awaits")
    if value is not None and value != "bounce":
        hint = did_you_mean(value, ["bounce"])
        fields.findings.error(
            fields.at("awaits"), "unknown-word", f"'{value}' is no awaits; {hint}"
        )
    if kinds and kinds[0] not in {"ask", "tell"}:
        fields.findings.error(
            fields.at("awaits"),
            "unknown-key",
            f"only ask and tell can await a bounce, not {kinds[0]}",
        )
    return value == "bounce"


def _target(text: str) -> Target:
    article, slash, entry = text.rpartition("/")
    return Target(NodeId(entry), ArticleId(article) if slash else None)


def _fingerprint(article: ArticleId, value: Value, fields: Fields) -> Fingerprint:
    inner = Fields(value, fields.at("match"), fields.findings)
    fingerprint = Fingerprint(
        id=inner.need("id"),
        article=article,
        confidence=inner.choice("confidence", Confidence, Confidence.LIKELY),
        code=inner.text("code"),
        any=inner.texts("any"),
        all=inner.texts("all"),
        none=inner.texts("none"),
        examples=inner.texts("examples"),
        near_misses=inner.texts("near-misses"),
    )
    if "confidence" not in inner:
        inner.need("confidence")
    inner.close()
    return fingerprint


def _node_prose(fields: Fields) -> NodeProse:
    prose = NodeProse(
        title=fields.text("title") or "",
        text=fields.text("text"),
        choices={ChoiceId(id_): text for id_, text in fields.fields("choices").pairs().items()},
        typed={ChoiceId(id_): words for id_, words in fields.fields("typed").lists().items()},
    )
    fields.close()
    return prose


def _instruction(value: Value, fields: Fields) -> Instruction:
    match value:
        case Text():
            if not value.value.strip():
                fields.findings.error(
                    value.place, "empty", "a step has no text; write it or remove it"
                )
            return Instruction(value.value)
        case Map():
            inner = Fields(value, value.place, fields.findings)
            step = Instruction(
                do=inner.text("do") or "",
                sub=inner.texts("sub"),
                note=inner.text("note"),
                skip_if=inner.text("skip-if"),
            )
            inner.close()
            return step
        case List():
            fields.findings.error(value.place, "wrong-shape", "a step is a text, or has `do:`")
            return Instruction("")
