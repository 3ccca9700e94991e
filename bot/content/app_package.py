"""The Teams app package: a manifest, its words in every language, and two icons, in one .zip.

The template in `manifest/` has the structure and no words; they stand in one file a language, in Microsoft's own format for
localisation. What Teams would refuse on upload is found here first, all of it at once.
"""

import io
import json
import re
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from bot.content.completeness import TODO
from bot.model.errors import ContentError
from bot.model.ids import Language
from bot.model.library import Library

_BOT = Path(__file__).resolve().parents[1]
_GUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_STEP = re.compile(r"([A-Za-z]+)|\[(\d+)\]")
_TITLE = re.compile(r"\.commands\[\d+\](?:\.parameters\[\d+\])?\.title$")
_SAID = re.compile(r"bots\[\d+\]\.commandLists\[\d+\]\.commands\[\d+\]\.title")
"""A title that is said to the bot when it is chosen."""

_LONGEST = {"name.short": 30, "name.full": 100, "description.short": 80, "description.full": 4000}
"""Characters that Teams shows, from its manifest schema."""

_COMMAND_TITLE, _COMMAND_DESCRIPTION = 32, 128
"""Characters of a command that every client shows; the schema allows more, the clients cut it."""

_DEVELOPER = 32
_IDS = frozenset({"id", "bots[0].botId", "composeExtensions[0].botId"})
"""Where the app id stands; that there is none is said once."""
_ICONS = {"color": 192, "outline": 32}
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""Time of every file in the package: the same content gives the same bytes."""

Strings = dict[str, str]


@dataclass(frozen=True, slots=True)
class Registration:
    """What differs between one organisation's app and another's."""

    app_id: str
    """Application (client) id of the bot's registration, a GUID; also the app's own id."""
    version: str
    developer: str
    domain: str
    """Domain of the organisation's pages about support, privacy and terms."""


@dataclass(frozen=True, slots=True)
class Package:
    """A finished package."""

    data: bytes
    languages: tuple[Language, ...]
    unfinished: tuple[str, ...]
    """Languages that have words here and are left out, because they are to do or the bot does not speak them yet."""


def template_folder() -> Path:
    """Return the template's folder: in an installed wheel inside the package, in a checkout beside the code."""
    installed = _BOT / "_data" / "manifest"
    return installed if installed.is_dir() else _BOT.parent / "manifest"


def build_package(source: Path, library: Library, registration: Registration) -> Package:
    """Build the package from the folder with the template.

    Raises:
        ContentError: Says everything that Teams would refuse, one problem a line.
    """
    problems = [*_registration_problems(registration)]
    facts = {
        "APP_ID": registration.app_id.lower(),
        "VERSION": registration.version,
        "DEVELOPER": registration.developer,
        "DOMAIN": registration.domain,
    }
    template = _read(source / "manifest.json", problems)
    words = {path.stem: _read(path, problems) for path in sorted(source.glob("*.json"))}
    words.pop("manifest", None)
    offered = {tag: words[tag] for tag in library.languages if tag in words}
    spoken = {tag: strings for tag, strings in offered.items() if not _to_do(strings)}
    problems += [
        f"{tag}.json is missing; the bot speaks {tag}, so the app needs its words."
        for tag in library.languages
        if tag not in words
    ]
    for tag, strings in spoken.items():
        problems += _words_problems(tag, strings, spoken.get(library.default, strings), library)
    problems += [
        f"manifest.json: '{way}' has a placeholder that nothing fills: {value}"
        for way, value in _texts(template, "")
        if set(Template(value).get_identifiers()) - set(facts)
    ]
    manifest = _filled(template, facts)
    _say(manifest, spoken.get(library.default, {}), problems)
    manifest["localizationInfo"] = _localisation(library, [*spoken])
    icons = {name: _icon(source, manifest, name, size, problems) for name, size in _ICONS.items()}
    problems += _manifest_problems(manifest)
    if problems:
        raise ContentError("\n" + "\n".join(dict.fromkeys(problems)))
    files = {"manifest.json": _json(manifest)}
    files |= {manifest["icons"][name]: data for name, data in icons.items()}
    files |= {f"{tag}.json": _json(spoken[tag]) for tag in spoken if tag != library.default}
    unfinished = tuple(tag for tag in words if tag not in spoken)
    return Package(_zip(files), tuple(spoken), unfinished)


def _registration_problems(registration: Registration) -> Iterator[str]:
    if not registration.app_id:
        yield (
            "There is no app id. Register the bot in Azure, then set BOUNCEDESK_APP_ID to its "
            "Application (client) ID, or give it as --app-id."
        )
    elif not _GUID.fullmatch(registration.app_id) or not registration.app_id.strip("0-"):
        yield (
            "The app id is not a GUID such as 3f0c2d4e-8b1a-4c6d-9e2f-7a5b3c1d0e9f; "
            "use the Application (client) ID of the bot's registration."
        )
    if not _DOMAIN.fullmatch(registration.domain):
        yield f"'{registration.domain}' is no domain such as contoso.com; give one as --domain."
    if not 0 < len(registration.developer) <= _DEVELOPER:
        yield f"The developer's name has 1 to {_DEVELOPER} characters; give another as --developer."


def _words_problems(
    tag: str, strings: Strings, default: Strings, library: Library
) -> Iterator[str]:
    for key in sorted(set(default) - set(strings)):
        yield f"{tag}.json: '{key}' is missing; write it."
    for key in sorted(set(strings) - set(default)):
        yield f"{tag}.json: '{key}' is not in {library.default}.json; remove it."
    known = _understood(library)
    for key, text in strings.items():
        if key.startswith("$"):
            continue
        most = _LONGEST.get(key)
        if most is None:
            most = _COMMAND_TITLE if _TITLE.search(key) else _COMMAND_DESCRIPTION
        if not text.strip():
            yield f"{tag}.json: '{key}' is empty; write it."
        if len(text) > most:
            yield f"{tag}.json: '{key}' has {len(text)} characters; Teams takes {most}."
        if _SAID.fullmatch(key) and text.casefold() not in known:
            yield (
                f"{tag}.json: nobody understands the command '{text}'; use the label or a typed word "
                "of a command in dialogs/shared, or of a language."
            )


def _understood(library: Library) -> set[str]:
    """Return everything that the bot takes for a command at every step."""
    said = [
        word
        for words in library.words.values()
        for command in words.commands.values()
        for word in (command.label, *command.typed)
    ]
    said += [word for entry in library.languages.values() for word in (entry.name, *entry.typed)]
    return {word.casefold() for word in said}


def _localisation(library: Library, spoken: list[Language]) -> dict[str, Any]:
    """Return which file speaks which language, other tags that mean it included."""
    others = [tag for tag in spoken if tag != library.default]
    return {
        "defaultLanguageTag": library.default,
        "additionalLanguages": [
            {"languageTag": name, "file": f"{tag}.json"}
            for tag in others
            for name in (tag, *library.languages[tag].also)
        ],
    }


def _manifest_problems(manifest: dict[str, Any]) -> Iterator[str]:
    if not _COLOUR.fullmatch(str(manifest.get("accentColor"))):
        yield "manifest.json: 'accentColor' is no colour such as #2F5597."
    for key, value in (manifest.get("developer") or {}).items():
        if key.endswith("Url") and not str(value).startswith("https://"):
            yield f"manifest.json: developer's '{key}' is no https address."
    for way, value in _texts(manifest, ""):
        if value == "" and way not in _IDS:
            yield f"manifest.json: '{way}' has no words; write them in the file of the default language."


def _texts(value: object, way: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield way, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(inner, f"{way}.{key}" if way else key)
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from _texts(inner, f"{way}[{at}]")


def _say(manifest: dict[str, Any], strings: Strings, problems: list[str]) -> None:
    """Put the words of the default language where their keys point: `bots[0].commandLists[0].…`."""
    for key, text in strings.items():
        if key.startswith("$"):
            continue
        *way, last = _STEP.findall(key)
        inside: Any = manifest
        try:
            for name, position in way:
                inside = inside[name] if name else inside[int(position)]
            if not isinstance(inside[last[0]], str):
                raise KeyError(key)  # noqa: TRY301 - one message for every key that leads nowhere
            inside[last[0]] = text
        except (KeyError, IndexError, TypeError):
            problems.append(f"'{key}' has no place in manifest.json; add it there, or remove it.")


def _icon(
    source: Path, manifest: dict[str, Any], name: str, size: int, problems: list[str]
) -> bytes:
    """Read an icon: a PNG of the size that Teams wants, the outline with transparency."""
    path = source / str((manifest.get("icons") or {}).get(name, f"{name}.png"))
    try:
        data = path.read_bytes()
    except OSError:
        problems.append(f"{path.name} is missing; `python manifest/icons.py` draws it.")
        return b""
    if len(data) < 26 or not data.startswith(b"\x89PNG\r\n\x1a\n"):  # noqa: PLR2004 - PNG's first chunk
        problems.append(f"{path.name} is no PNG.")
        return data
    width, height, _, colour = struct.unpack(">IIBB", data[16:26])
    if (width, height) != (size, size):
        problems.append(f"{path.name} is {width}x{height}; Teams wants {size}x{size}.")
    if name == "outline" and colour not in {4, 6} and b"tRNS" not in data:
        problems.append(f"{path.name} is not transparent; Teams wants white lines on nothing.")
    return data


def _read(path: Path, problems: list[str]) -> dict[str, Any]:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        problems.append(f"{path.name} is missing in {path.parent}.")
        return {}
    except ValueError as error:
        problems.append(f"{path.name} is not JSON: {error}")
        return {}
    if not isinstance(read, dict):
        problems.append(f"{path.name} is not a JSON object.")
        return {}
    return read


def _filled(template: dict[str, Any], facts: dict[str, str]) -> dict[str, Any]:
    """Return a copy of the template with its placeholders filled, inside texts only: no fact can break the JSON."""

    def fill(value: Any) -> Any:  # noqa: ANN401 - JSON
        if isinstance(value, str):
            return Template(value).safe_substitute(facts)
        if isinstance(value, dict):
            return {key: fill(inner) for key, inner in value.items()}
        return [fill(inner) for inner in value] if isinstance(value, list) else value

    return {key: fill(value) for key, value in template.items()}


def _to_do(strings: Strings) -> bool:
    return any(text.startswith(TODO) for text in strings.values())


def _json(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()


def _zip(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    return buffer.getvalue()
