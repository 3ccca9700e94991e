"""Whether an article covers everything on its list."""

from dataclasses import dataclass

from bot.content.completeness import blocks_in
from bot.content.fields import did_you_mean
from bot.content.problems import Findings, Place
from bot.content.sources import ArticleSource, Content


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of its list an article covers."""

    article: str
    covered: int
    total: int

    def __str__(self) -> str:
        """Return the line that `bouncedesk lint` prints."""
        share = 100 * self.covered / self.total if self.total else 100
        return f"coverage {self.article}: {self.covered}/{self.total} ({share:.4g} %)"


def coverage_of(content: Content) -> list[Coverage]:
    """Return the coverage of every article that has an inventory."""
    found = []
    for source in content.articles.values():
        if source.inventory is not None:
            items = set(source.inventory.items) - set(source.inventory.excluded)
            covered = items & set(covered_by(content, source))
            found.append(Coverage(source.article.id, len(covered), len(items)))
    return found


def covered_by(content: Content, source: ArticleSource) -> dict[str, Place]:
    """Return every id that an article's nodes and the blocks it shows cover, with a place that says so."""
    found: dict[str, Place] = {}
    for node in source.article.nodes.values():
        for at, id_ in enumerate(node.covers):
            found.setdefault(id_, source.file.at("nodes", node.id, "covers", at))
    for block in sorted(blocks_in(source, content.default, content)):
        own = block in source.blocks
        refers = source.blocks.get(block) or content.blocks.get(block)
        file = source.file if own else content.blocks_file
        for at, id_ in enumerate(refers.covers if refers else ()):
            found.setdefault(id_, file.at("blocks", block, "covers", at))
    return found


def inventory_is_covered(content: Content, findings: Findings) -> None:
    """Everything on an article's list is covered or excluded with a reason, and nothing else is said to be covered."""
    for source in content.articles.values():
        inventory = source.inventory
        if inventory is None:
            continue
        covered = covered_by(content, source)
        items = set(inventory.items)
        for at, id_ in enumerate(inventory.items):
            if id_ not in covered and id_ not in inventory.excluded:
                findings.error(
                    inventory.file.at("items", at),
                    "not-covered",
                    f"nothing covers '{id_}'; add it to `covers` of a node or block, or exclude it with a reason",
                )
        for id_, place in covered.items():
            if id_ not in items and id_ not in inventory.excluded:
                findings.error(
                    place,
                    "unknown-item",
                    f"'{id_}' is not on the list of {source.article.id}; {did_you_mean(id_, items)}",
                )
            elif id_ in inventory.excluded:
                findings.warning(
                    inventory.file.at("excluded", id_),
                    "excluded-and-covered",
                    f"'{id_}' is covered; do not exclude it",
                )
