"""New articles and new languages: files that are sound from the first moment, for authors to go on from."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from string import Template

import yaml

from bot.content.checks.codes import bounds
from bot.content.completeness import TODO
from bot.content.problems import Findings
from bot.content.read import read_content
from bot.content.shared import TAG
from bot.content.sources import Content
from bot.content.tree import File, List, Map, Text, Value, read_file
from bot.model.errors import ContentError

_ARTICLE_ID = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*")
_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class NewArticle:
    """What a new article starts from."""

    id: str
    code: str
    owner: str
    today: date


def new_article(root: Path, wanted: NewArticle) -> list[Path]:
    """Write a small, complete article for a code, and return the files.

    The default language gets prose that can be shown at once; every other language gets it marked as to do.

    Raises:
        ContentError: The id or the code is not well-formed, or the article exists.
    """
    if not _ARTICLE_ID.fullmatch(wanted.id):
        message = f"'{wanted.id}' is no id: small letters, digits, dots and hyphens, such as mailbox-full."
        raise ContentError(message)
    code = bounds(wanted.code)
    if code is None or code[0] != code[1]:
        message = f"'{wanted.code}' is no enhanced status code, such as 5.2.2 (RFC 3463)."
        raise ContentError(message)
    folder = root / "articles" / wanted.id
    if folder.exists():
        message = f"{folder} exists already."
        raise ContentError(message)
    content = _content(root)
    status, subject, detail = code[0]
    facts = {
        "id": wanted.id,
        "code": wanted.code,
        "owner": wanted.owner,
        "today": wanted.today.isoformat(),
        "reply": "450" if status == 4 else "550",  # noqa: PLR2004 - RFC 3463: class 4 is temporary
        "other_code": f"{status}.{subject}.{detail - 1 if detail else 1}",
    }
    prose = _filled("prose.yaml", facts)
    files = {
        folder / "article.yaml": _filled("article.yaml", facts),
        folder / f"{content.default}.yaml": prose,
        folder / "bounces" / "example.txt": _bounce(facts["reply"], wanted.code),
        folder / "near-misses" / "other-code.txt": _bounce(facts["reply"], facts["other_code"]),
    }
    written = [_write(path, text) for path, text in files.items()]
    default, _ = _read(root, folder / f"{content.default}.yaml")
    others = [tag for tag in content.languages if tag != content.default]
    return [*written, *(_write(folder / f"{tag}.yaml", _to_do(default)) for tag in others)]


def new_language(root: Path, tag: str, name: str, manifest: Path | None = None) -> list[Path]:
    """Begin a language: its entry, and a file beside every one of the default language, each text marked as to do.

    Args:
        root: The content's folder.
        tag: Language tag (BCP 47), such as fi.
        name: The language's name in the language itself.
        manifest: Folder of the Teams app manifest, which has words of its own.

    Raises:
        ContentError: The tag is not well-formed, or the language exists.
    """
    if not TAG.fullmatch(tag):
        message = f"'{tag}' is no language tag, such as fi or pt-BR."
        raise ContentError(message)
    content = _content(root)
    spoken = {word for entry in content.languages.values() for word in (entry.tag, *entry.also)}
    if tag in spoken:
        message = f"'{tag}' is in languages.yaml already."
        raise ContentError(message)
    written = [_enter(root, content, tag, name)]
    for file in _default_files(content):
        path = (root / file.path).with_name(f"{tag}.yaml")
        if not path.exists():
            written.append(_write(path, _to_do(file)))
    words = manifest / f"{content.default}.json" if manifest else None
    if manifest is not None and words is not None and words.is_file():
        strings: dict[str, str] = json.loads(words.read_text(encoding="utf-8"))
        to_do = {
            key: text if key.startswith("$") else f"{TODO} {text}" for key, text in strings.items()
        }
        text = json.dumps(to_do, ensure_ascii=False, indent=2) + "\n"
        written.append(_write(manifest / f"{tag}.json", text))
    return written


def _content(root: Path) -> Content:
    content = read_content(root, Findings())
    if not content.languages:
        message = f"{root} has no languages.yaml; is it the folder with the content?"
        raise ContentError(message)
    return content


def _default_files(content: Content) -> Iterator[File]:
    if content.default in content.shared:
        yield content.shared[content.default].file
    if content.default in content.codes:
        yield content.codes[content.default].file
    for source in content.articles.values():
        if content.default in source.texts:
            yield source.texts[content.default].file


def _enter(root: Path, content: Content, tag: str, name: str) -> Path:
    """Add the language below the last one in `languages.yaml`, whatever comments the file has."""
    path = root / "languages.yaml"
    lines = path.read_text(encoding="utf-8").splitlines()
    last = max(text.place.line for text in content.languages_file.texts("languages"))
    shown = json.dumps(name, ensure_ascii=False)
    lines.insert(last, f"  {tag}: {{name: {shown}, fallback: {content.default}}}")
    return _write(path, "\n".join(lines) + "\n")


def _read(root: Path, path: Path) -> tuple[File, bytes]:
    findings = Findings()
    found = read_file(root, path, findings)
    if found is None:
        raise ContentError("\n" + "\n".join(map(str, findings.all)))
    return found


class _ToDo(str):
    """A text that somebody has to translate."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    """Writes texts to translate in quotes, so that no sign in a translation can break the file."""


def _quoted(dumper: yaml.SafeDumper, text: _ToDo) -> yaml.ScalarNode:
    style = "|" if "\n" in text else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style=style)


_Dumper.add_representer(_ToDo, _quoted)


def _to_do(file: File) -> str:
    """Return the prose of a file with each text marked as to do."""
    body = _marked(file.root)
    body.pop("format", None)
    dumped = yaml.dump(body, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=100_000)
    return f"format: 1\n{dumped}"


def _marked(mapping: Map, *, message: bool = False) -> dict[str, object]:
    """Return a mapping with each text marked as to do.

    What people type is left out: nobody knows it yet. The `blocks` of a message to copy are ids and stay.
    """
    marked: dict[str, object] = {}
    for key, value in mapping.fields.items():
        if key == "handouts" and isinstance(value, Map):
            handouts = {id_: one for id_, one in value.fields.items() if isinstance(one, Map)}
            marked[key] = {id_: _marked(one, message=True) for id_, one in handouts.items()}
        elif message and key == "blocks" and isinstance(value, List):
            marked[key] = [item.value for item in value.items if isinstance(item, Text)]
        elif key != "typed" or isinstance(value, Text):
            marked[key] = _marked_value(value)
    return marked


def _marked_value(value: Value) -> object:
    match value:
        case Map():
            return _marked(value)
        case List():
            return [_marked_value(item) for item in value.items]
        case Text():
            return _ToDo(f"{TODO} {value.value}")


def _filled(name: str, facts: dict[str, str]) -> str:
    return Template((_TEMPLATES / name).read_text(encoding="utf-8")).substitute(facts)


def _bounce(reply: str, code: str) -> str:
    return (
        "Delivery has failed to these recipients or groups:\n\n"
        "kari@contoso.com\n"
        "Your message couldn't be delivered.\n\n"
        "Diagnostic information for administrators:\n"
        "Generating server: mail.contoso.com\n"
        "kari@contoso.com\n"
        f"Remote Server returned '{reply} {code}'\n"
    )


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
