"""How texts are written: known placeholders, our few marks, no addresses, nothing untidy."""

import re
from collections.abc import Iterator

from bot.content.fields import did_you_mean
from bot.content.problems import Findings
from bot.content.sources import Content
from bot.content.tree import File, Map, Text, Value
from bot.model.ids import Language

FACTS = frozenset(
    {
        "recipient",
        "local-part",
        "domain",
        "sender",
        "code",
        "reporting-mta",
        "subject",
        "time",
        "requester",
    }
)
"""What prose can name of a bounce."""

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_CODE = re.compile(r"`[^`]+`")
_BOLD = re.compile(r"\*\*[^*]+\*\*")
_ADDRESS = re.compile(r"\bhttps?:|\bwww\.", re.IGNORECASE)
_TAG = re.compile(r"</?[a-z!][^>]*>", re.IGNORECASE)
_HEADING = re.compile(r"^#{1,6} ", re.MULTILINE)
_MARKDOWN_LINK = re.compile(r"\]\(")

_PLAIN = ("links", "categories", "families", "fixers", "typed", "unknown-facts")
"""Keys below which text is shown as it stands: neither marks nor placeholders."""

_ONE_LINE = ("title", "label", "choices", "links", "reasons", "typed")


def placeholders_are_known(content: Content, findings: Findings) -> None:
    """Every `{name}` of a dialog's prose is something the bot can read; the bot's own words have facts of their own."""
    links = {f"link:{link}" for link in content.links}
    for file, own_words in _prose_files(content):
        for way, text in _leaves(file):
            for name in placeholders(text.value):
                if name in FACTS or name in links or (own_words and way[0] == "words"):
                    continue
                if name.startswith("link:"):
                    continue  # `references.links_exist` says so
                findings.error(
                    text.place,
                    "unknown-placeholder",
                    f"'{{{name}}}' is nothing we know; {did_you_mean(name, FACTS)}",
                )


def placeholders_are_equal(content: Content, findings: Findings) -> None:
    """A text names the same facts and links in every language."""
    for source in content.articles.values():
        _compare_all(content, {tag: text.file for tag, text in source.texts.items()}, findings)
    _compare_all(content, {tag: text.file for tag, text in content.shared.items()}, findings)
    _compare_all(content, {tag: text.file for tag, text in content.codes.items()}, findings)


def only_our_markup(content: Content, findings: Findings) -> None:
    """Prose has **bold**, `code` and placeholders, and no other marks."""
    for file, _ in _prose_files(content):
        for way, text in _leaves(file):
            plain = any(part in _PLAIN for part in way)
            wrong = _wrong_mark(text.value, plain=plain)
            if wrong:
                findings.warning(text.place, "markup", wrong)


def no_addresses(content: Content, findings: Findings) -> None:
    """Addresses stand in shared/links.yaml, once; prose says {link:id}."""
    for file, _ in _prose_files(content):
        for _, text in _leaves(file):
            if _ADDRESS.search(text.value):
                findings.warning(
                    text.place,
                    "address",
                    "a web address in prose; put it in shared/links.yaml and write {link:id}",
                )


def tidy(content: Content, findings: Findings) -> None:
    """No blanks at the ends of lines, and titles and labels on one line."""
    for file, own_words in _prose_files(content):
        for way, text in _leaves(file):
            if own_words and way[0] == "words":
                continue  # the bot puts some of its words together: a blank at the end is meant
            value = text.value.removesuffix("\n")
            if value != value.strip() or any(line != line.rstrip() for line in value.splitlines()):
                findings.warning(
                    text.place, "blanks", "white space at the end of a line; remove it"
                )
            elif "\n" in value and any(part in _ONE_LINE for part in way):
                findings.warning(
                    text.place, "several-lines", "this stands on one line; remove the line break"
                )


def placeholders(text: str) -> list[str]:
    """Return the names in braces of a text, outside `code`."""
    return _PLACEHOLDER.findall(_CODE.sub("", text)) if "{" in text else []


def _wrong_mark(text: str, *, plain: bool) -> str | None:
    if "`" in text and any(
        "{" in span and _PLACEHOLDER.search(span) for span in _CODE.findall(text)
    ):
        return "a {placeholder} inside `code` is shown as it stands; put it outside"
    rest = text if plain else _PLACEHOLDER.sub("", _BOLD.sub("", _CODE.sub("", text)))
    if plain and ("{" in text or "**" in text or "`" in text):
        return "this text is shown as it stands; remove the marks and placeholders"
    if "{" in rest or "}" in rest:
        return "a single { or }; a placeholder is {name}"
    if "**" in rest or "`" in rest:
        return "a ** or ` without its partner; close it, or remove it"
    if _TAG.search(rest):
        return "this looks like HTML; use **bold** and `code` only"
    if _HEADING.search(rest) or _MARKDOWN_LINK.search(rest):
        return "this looks like Markdown; use **bold**, `code` and {link:id} only"
    return None


def _prose_files(content: Content) -> Iterator[tuple[File, bool]]:
    """Yield every prose file, and whether it holds the bot's own words."""
    for source in content.articles.values():
        for text in source.texts.values():
            yield text.file, False
    for codes in content.codes.values():
        yield codes.file, False
    for shared in content.shared.values():
        yield shared.file, True


def _leaves(file: File) -> Iterator[tuple[tuple[str, ...], Text]]:
    """Yield every text of a file with the keys that lead to it; positions in lists do not count."""
    waiting: list[tuple[tuple[str, ...], Value]] = [((), file.root)]
    while waiting:
        way, value = waiting.pop()
        if isinstance(value, Text):
            if way != ("format",):
                yield way, value
        elif isinstance(value, Map):
            waiting += [((*way, key), inner) for key, inner in value.fields.items()]
        else:
            waiting += [(way, item) for item in value.items]


def _by_unit(file: File) -> dict[tuple[str, ...], set[str]]:
    """Return the placeholders of each unit of a file: two keys deep, such as one node, block, word or code."""
    found: dict[tuple[str, ...], set[str]] = {}
    for way, text in _leaves(file):
        if not text.value.startswith("TODO"):
            found.setdefault(way[:2], set()).update(placeholders(text.value))
    return found


def _compare_all(content: Content, files: dict[Language, File], findings: Findings) -> None:
    default = files.get(content.default)
    if default is None:
        return
    expected = _by_unit(default)
    for tag, file in files.items():
        if tag != content.default:
            _compare(file, expected, default, findings)


def _compare(
    file: File, expected: dict[tuple[str, ...], set[str]], default: File, findings: Findings
) -> None:
    for unit, names in _by_unit(file).items():
        wanted = expected.get(unit, names)
        if names == wanted:
            continue
        lacks, adds = sorted(wanted - names), sorted(names - wanted)
        said = [f"lacks {_braced(lacks)}"] if lacks else []
        said += [f"has {_braced(adds)} besides"] if adds else []
        findings.warning(
            file.at(*unit),
            "placeholders-differ",
            f"'{'.'.join(unit)}' {' and '.join(said)}, compared with {default.path}; make them equal",
        )


def _braced(names: list[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in names)
