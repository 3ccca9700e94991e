"""Which language lacks what, and which prose belongs to nothing."""

from collections.abc import Iterable

from bot.content.completeness import Wanted, article_texts, code_texts, shared_texts
from bot.content.fields import did_you_mean
from bot.content.problems import Findings, Place
from bot.content.sources import ArticleSource, ArticleText, Content
from bot.content.tree import File
from bot.model.choices import DONE, FAILED
from bot.model.library import Ask, Tell

LISTED = 5
"""Missing texts that one warning names; it counts the rest."""


def default_is_complete(content: Content, findings: Findings) -> None:
    """The default language has every text."""
    wanted = [*shared_texts(content, content.default)]
    if content.default in content.codes:
        wanted += code_texts(content, content.default)
    for source in content.articles.values():
        if content.default in source.texts:
            wanted += article_texts(content, source, content.default)
        else:
            name = f"{source.file.path.rpartition('/')[0]}/{content.default}.yaml"
            findings.error(
                Place(name), "missing-file", f"{name} is missing; the default language is complete"
            )
    for text in wanted:
        if not text.written:
            findings.error(
                text.place,
                "missing-text",
                f"{text.what} has no text in {content.default}; write it",
            )


def others_are_complete(content: Content, findings: Findings) -> None:
    """Another language says where it is not complete, and what follows from that."""
    for tag in content.languages:
        if tag == content.default:
            continue
        shared = content.shared.get(tag)
        place = shared.file.at() if shared else Place(f"shared/{tag}.yaml")
        _report(shared_texts(content, tag), place, f"{tag} is not offered at all", findings)
        codes = content.codes.get(tag)
        place = codes.file.at() if codes else Place(f"codes/{tag}.yaml")
        effect = f"codes are explained in {content.default}"
        _report(code_texts(content, tag), place, effect, findings)
        for source in content.articles.values():
            text = source.texts.get(tag)
            place = Place(f"{source.file.path.rpartition('/')[0]}/{tag}.yaml")
            effect = f"{source.article.id} is spoken in {content.default}"
            if text is None:
                findings.warning(
                    place, "incomplete", f"there is no {place.path}; {effect} until it is written"
                )
            else:
                _report(article_texts(content, source, tag), place, effect, findings)


def no_prose_is_left_over(content: Content, findings: Findings) -> None:
    """No text stands there that nothing shows."""
    for source in content.articles.values():
        for text in source.texts.values():
            _left_over_of_article(source, text, findings)
    default = content.shared.get(content.default)
    for tag, shared in content.shared.items():
        _left_over(shared.file, ("blocks",), shared.blocks, content.blocks, findings)
        if default is not None and tag != content.default:
            _left_over(shared.file, ("reasons",), shared.reasons, default.reasons, findings)
    categories = {row.category for row in content.rows.values()}
    default_codes = content.codes.get(content.default)
    for codes in content.codes.values():
        _left_over(codes.file, ("codes",), codes.rows, content.rows, findings)
        _left_over(codes.file, ("categories",), codes.categories, categories, findings)
        if default_codes is not None:
            _left_over(codes.file, ("families",), codes.families, default_codes.families, findings)


def _left_over_of_article(source: ArticleSource, text: ArticleText, findings: Findings) -> None:
    nodes = source.article.nodes
    _left_over(text.file, ("nodes",), text.nodes, nodes, findings)
    _left_over(text.file, ("blocks",), text.blocks, source.blocks, findings)
    for node_id, prose in text.nodes.items():
        if node_id not in nodes:
            continue
        match nodes[node_id].kind:
            case Ask(choices=choices):
                known = [*choices]
            case Tell():
                known = [DONE, FAILED]
            case _:
                known = []
        for key, given in (("choices", prose.choices), ("typed", prose.typed)):
            _left_over(text.file, ("nodes", node_id, key), given, known, findings)


def _left_over(
    file: File,
    way: tuple[str, ...],
    given: Iterable[str],
    known: Iterable[str],
    findings: Findings,
) -> None:
    names = set(known)
    for name in given:
        if name not in names:
            hint = did_you_mean(name, names) if names else "remove it"
            findings.warning(
                file.at(*way, name),
                "left-over",
                f"nothing shows '{'.'.join((*way, name))}'; {hint}",
            )


def _report(texts: Iterable[Wanted], place: Place, effect: str, findings: Findings) -> None:
    wanted = list(texts)
    missing = [text.what for text in wanted if not text.written]
    if not missing:
        return
    more = f" and {len(missing) - LISTED} more" if len(missing) > LISTED else ""
    findings.warning(
        place,
        "incomplete",
        f"{len(missing)} of {len(wanted)} texts are missing: {', '.join(missing[:LISTED])}{more}; "
        f"{effect} until they are written",
    )
