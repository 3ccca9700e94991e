"""Bounces land where they belong: the examples of every fingerprint, and the files beside the articles."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bot.content.problems import Findings, Place
from bot.content.sources import ArticleSource, Content
from bot.intake import read_file, read_text
from bot.model.library import Library
from bot.model.limits import MAIL_BYTES
from bot.model.report import Report
from bot.recognise import Recogniser


class _Trial(NamedTuple):
    """One bounce, where it stands, and whether it must land in the article."""

    report: Report
    place: Place
    what: str
    lands: bool


def bounces_land(content: Content, library: Library, findings: Findings) -> None:
    """Each example and each file in `bounces/` lands in its own article, and first; no near-miss does."""
    recogniser = Recogniser(library)
    for source in content.articles.values():
        for trial in (*_examples(source), *_files(content.root, source, findings)):
            match = recogniser.recognise(trial.report)
            if (match.article == source.article.id) == trial.lands:
                continue
            found = match.article or "no article"
            why = ", ".join(evidence.rule for evidence in match.evidence)
            because = f" (by {why})" if why else ""
            if trial.lands:
                message = f"{trial.what} lands in {found}{because}; change the fingerprints until it lands here"
            else:
                message = f"{trial.what} lands here{because}; make the fingerprint stricter, or add `none`"
            findings.error(trial.place, "wrong-article", message)


def _examples(source: ArticleSource) -> Iterator[_Trial]:
    for position, fingerprint in enumerate(source.article.fingerprints):
        for key, texts, lands in (
            ("examples", fingerprint.examples, True),
            ("near-misses", fingerprint.near_misses, False),
        ):
            for at, text in enumerate(texts):
                place = source.file.at("match", position, key, at)
                what = f"{'an example' if lands else 'a near-miss'} of '{fingerprint.id}'"
                yield _Trial(read_text(text), place, what, lands)


def _files(root: Path, source: ArticleSource, findings: Findings) -> Iterator[_Trial]:
    for folder, lands in (("bounces", True), ("near-misses", False)):
        for path in sorted((source.folder / folder).glob("*")):
            place = Place(path.relative_to(root).as_posix())
            if path.name.startswith("."):
                continue
            if not path.is_file() or path.suffix not in {".txt", ".eml"}:
                findings.warning(place, "stray-file", "only .txt and .eml are read here; move it")
            elif path.stat().st_size > MAIL_BYTES:
                findings.error(place, "too-large", f"more than {MAIL_BYTES:,} bytes; shorten it")
            else:
                yield _Trial(read_file(path.read_bytes()), place, "this bounce", lands)
