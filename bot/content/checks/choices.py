"""Answers people can give: few, short, different, and not in the way of the words that work everywhere."""

from collections.abc import Iterator

from bot.content.problems import Findings, Place
from bot.content.sources import ArticleSource, ArticleText, Content
from bot.model import choices as built_in
from bot.model import limits
from bot.model.ids import ChoiceId, NodeId
from bot.model.library import Ask, NodeProse

LABEL_CHARS = 80
"""Characters of a choice's label; a phone cuts a longer button."""

ALWAYS = (built_in.BACK, built_in.START_OVER, built_in.HUMAN, built_in.HELLO)
"""What can be said at every step; a choice's own words come first."""

_PUNCTUATION = str.maketrans(dict.fromkeys(".,!?:;\"'’‘“”«»()[]/\\*_-–—", " "))


def few_enough(content: Content, findings: Findings) -> None:
    """No question has more choices than Teams shows as buttons."""
    for source in content.articles.values():
        for node in source.article.nodes.values():
            if isinstance(node.kind, Ask) and len(node.kind.choices) > limits.CHOICES:
                findings.error(
                    source.file.at("nodes", node.id, "ask"),
                    "too-many-choices",
                    f"node '{node.id}' has {len(node.kind.choices)} choices, Teams shows {limits.CHOICES}; "
                    "split the question",
                )


def ids_are_free(content: Content, findings: Findings) -> None:
    """No choice has the id of an answer that is there at every step."""
    for source in content.articles.values():
        for node in source.article.nodes.values():
            for choice in node.kind.choices if isinstance(node.kind, Ask) else ():
                if choice in ALWAYS:
                    findings.error(
                        source.file.at("nodes", node.id, "ask", choice),
                        "reserved",
                        f"'{choice}' is always there; give this choice another id, or remove it",
                    )


def labels_differ(content: Content, findings: Findings) -> None:
    """No two choices of a question are written alike."""
    for _, text, node_id, prose in _spoken_nodes(content):
        seen: dict[str, ChoiceId] = {}
        for choice, label in prose.choices.items():
            first = seen.setdefault(_plain(label), choice)
            if first != choice:
                findings.error(
                    text.file.at("nodes", node_id, "choices", choice),
                    "same-label",
                    f"'{choice}' and '{first}' read the same: \"{label}\"; say what differs",
                )


def labels_are_short(content: Content, findings: Findings) -> None:
    """Every label fits on a button."""
    for _, text, node_id, prose in _spoken_nodes(content):
        for choice, label in prose.choices.items():
            if len(label) > LABEL_CHARS:
                findings.warning(
                    text.file.at("nodes", node_id, "choices", choice),
                    "long-label",
                    f"the label has {len(label)} characters; a button shows {LABEL_CHARS}",
                )


def typed_words_differ(content: Content, findings: Findings) -> None:
    """What people type means one choice of a question only, in all languages together: they are not told apart."""
    for source in content.articles.values():
        for node_id in source.article.nodes:
            seen: dict[str, tuple[ChoiceId, Place]] = {}
            for choice, word, place in _words(source, node_id):
                first, _ = seen.setdefault(_plain(word), (choice, place))
                if first != choice:
                    findings.error(
                        place,
                        "typed-clash",
                        f"\"{word}\" means '{first}' at node '{node_id}' already, so not '{choice}'; remove one",
                    )


def commands_are_not_hidden(content: Content, findings: Findings) -> None:
    """No choice takes a word that works everywhere, and no two of those share one."""
    everywhere = _everywhere(content, findings)
    for source in content.articles.values():
        for node_id in source.article.nodes:
            for choice, word, place in _words(source, node_id):
                hidden = everywhere.get(_plain(word))
                if hidden is not None:
                    findings.warning(
                        place,
                        "hides-command",
                        f"\"{word}\" for choice '{choice}' hides '{hidden}', which works everywhere else; "
                        "choose other words",
                    )


def _everywhere(content: Content, findings: Findings) -> dict[str, str]:
    """Return what each word means that can be typed at every step."""
    meaning: dict[str, str] = {}
    for language in content.languages.values():
        for word in (language.name, *language.typed):
            meaning.setdefault(_plain(word), f"language:{language.tag}")
    for shared in content.shared.values():
        for id_ in ALWAYS:
            command = shared.commands.get(id_)
            for word in (command.label, *command.typed) if command else ():
                first = meaning.setdefault(_plain(word), id_)
                if first != id_:
                    findings.warning(
                        shared.file.at("commands", id_),
                        "typed-clash",
                        f"\"{word}\" means '{first}' already, so not '{id_}'; remove one",
                    )
    return meaning


def _spoken_nodes(
    content: Content,
) -> Iterator[tuple[ArticleSource, ArticleText, NodeId, NodeProse]]:
    for source in content.articles.values():
        for text in source.texts.values():
            for node_id, prose in text.nodes.items():
                yield source, text, node_id, prose


def _words(source: ArticleSource, node_id: NodeId) -> Iterator[tuple[ChoiceId, str, Place]]:
    """Yield every word that names a choice of a node, in every language."""
    for text in source.texts.values():
        prose = text.nodes.get(node_id)
        if prose is None:
            continue
        for choice, label in prose.choices.items():
            yield choice, label, text.file.at("nodes", node_id, "choices", choice)
        for choice, words in prose.typed.items():
            for at, word in enumerate(words):
                yield choice, word, text.file.at("nodes", node_id, "typed", choice, at)


def _plain(text: str) -> str:
    """Return text as the bot compares what is typed: no case, no punctuation."""
    return " ".join(text.casefold().translate(_PUNCTUATION).split())
