"""Reading the folder: which file is what, and the digest of everything that was read."""

import hashlib
from pathlib import Path

from bot.content.articles import read_blocks, read_inventory, read_routing, read_text
from bot.content.codes import read_codes, read_codes_text
from bot.content.fields import Fields, did_you_mean
from bot.content.problems import Findings, Place
from bot.content.shared import read_languages, read_links, read_shared
from bot.content.sources import ArticleSource, BlockSource, Content
from bot.content.tree import File, Map, read_file
from bot.content.triage import read_triage
from bot.model.ids import ArticleId, BlockId, Language
from bot.model.library import LanguageEntry, TriageRules

VERSION_CHARS = 12
"""Characters of the version: it travels in every card, and only has to differ from the last ones."""


def read_content(root: Path, findings: Findings) -> Content:
    """Read everything under the content's folder. Problems go into `findings`."""
    reader = _Reader(root, findings)
    languages_file = reader.need("languages.yaml")
    default, languages = read_languages(languages_file, findings)
    links_file = reader.need("shared/links.yaml")
    blocks_file = reader.need("shared/blocks.yaml")
    codes_file = reader.need("codes.yaml")
    triage_file = reader.maybe("triage.yaml")
    shared = {tag: read_shared(file, findings) for tag, file in reader.spoken("shared", languages)}
    codes = {
        tag: read_codes_text(file, findings) for tag, file in reader.spoken("codes", languages)
    }
    articles = {}
    for folder in sorted(path for path in (root / "articles").glob("*") if path.is_dir()):
        article = _article(reader, folder, languages)
        if article is not None:
            articles[article.article.id] = article
    if not articles:
        findings.error(
            Place("articles"),
            "no-articles",
            "there is no article; `bouncedesk new article` makes one",
        )
    for part, texts in (("shared", shared), ("codes", codes)):
        if default in languages and default not in texts:
            name = f"{part}/{default}.yaml"
            findings.error(
                Place(name), "missing-file", f"{name} is missing; the default language is complete"
            )
    content = Content(
        root=root,
        version=reader.digest.hexdigest()[:VERSION_CHARS],
        default=default,
        languages_file=languages_file,
        languages=languages,
        links_file=links_file,
        links=read_links(links_file, findings),
        blocks_file=blocks_file,
        blocks=_shared_blocks(blocks_file, findings),
        shared=shared,
        articles=articles,
        codes_file=codes_file,
        rows=read_codes(codes_file, findings),
        codes=codes,
        triage_file=triage_file or File("triage.yaml", Map({}, {}, Place("triage.yaml"))),
        triage=read_triage(triage_file, findings) if triage_file else TriageRules(),
        read=frozenset(reader.read),
    )
    reader.report_strays()
    return content


class _Reader:
    """Reads files of one folder, and remembers which."""

    def __init__(self, root: Path, findings: Findings) -> None:
        self.root = root
        self.findings = findings
        self.digest = hashlib.sha256()
        self.read: set[str] = set()

    def need(self, name: str) -> File:
        """Read a file that must be there; a missing one is an empty one."""
        if not (self.root / name).is_file():
            self.read.add(name)
            self.findings.error(
                Place(name), "missing-file", f"{name} is missing; every dialogs folder has it"
            )
            return File(name, Map({}, {}, Place(name)))
        return self.maybe(name) or File(name, Map({}, {}, Place(name)))

    def maybe(self, name: str) -> File | None:
        """Read a file if it is there."""
        path = self.root / name
        if not path.is_file():
            return None
        self.read.add(name)
        found = read_file(self.root, path, self.findings)
        if found is None:
            return None
        file, data = found
        for part in (name.encode(), data):
            self.digest.update(len(part).to_bytes(8, "big"))
            self.digest.update(part)
        return file

    def spoken(
        self, folder: str, languages: dict[Language, LanguageEntry]
    ) -> list[tuple[Language, File]]:
        """Read the file of each language in a folder, where there is one."""
        files = [(tag, self.maybe(f"{folder}/{tag}.yaml")) for tag in languages]
        return [(tag, file) for tag, file in files if file is not None]

    def report_strays(self) -> None:
        """Report files that look like content and that nothing reads."""
        for path in sorted(self.root.rglob("*.y*ml")):
            name = path.relative_to(self.root).as_posix()
            if name not in self.read and not any(
                part.startswith(".") for part in Path(name).parts
            ):
                self.findings.warning(
                    Place(name),
                    "stray-file",
                    f"nothing reads this file; {did_you_mean(name, self.read)}",
                )


def _article(
    reader: _Reader, folder: Path, languages: dict[Language, LanguageEntry]
) -> ArticleSource | None:
    name = folder.relative_to(reader.root).as_posix()
    file = reader.need(f"{name}/article.yaml")
    texts = {tag: read_text(text, reader.findings) for tag, text in reader.spoken(name, languages)}
    inventory_file = reader.maybe(f"{name}/inventory.yaml")
    if not file.root.fields:
        return None
    fields = Fields(file.root, file.at(), reader.findings)
    fields.format()
    owner, reviewed = fields.need("owner"), fields.need("reviewed")
    article, blocks = read_routing(ArticleId(folder.name), fields)
    return ArticleSource(
        folder=folder,
        file=file,
        article=article,
        owner=owner,
        reviewed=reviewed,
        blocks=blocks,
        texts=texts,
        inventory=read_inventory(inventory_file, reader.findings) if inventory_file else None,
    )


def _shared_blocks(file: File, findings: Findings) -> dict[BlockId, BlockSource]:
    fields = Fields(file.root, file.at(), findings)
    fields.format()
    blocks = read_blocks(fields.fields("blocks"))
    fields.close()
    return blocks
