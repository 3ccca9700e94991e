"""Can the content be used, and does the app package that Teams gets belong to this bot?"""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bot import __version__
from bot.content import load_library
from bot.content.app_package import Registration, build_package, template_folder
from bot.content.load import examine
from bot.content.problems import Problem, Severity
from bot.doctor.finding import Check, Finding, Flaw, Outcome
from bot.doctor.installation import Area, Installation, listed
from bot.doctor.registration import GUID
from bot.model.errors import ContentError
from bot.model.library import Library

_SCOPES = frozenset({"personal", "team", "groupChat"})
_EXAMPLES = ("example.com", "example.org", "example.net", "contoso.com", "fabrikam.com")
_STAND_IN = "11111111-2222-4333-8444-555555555555"
_MOST_BYTES = 1_000_000

CONTENT = Check("content", "Dialogs")
CONTENT_MISSING = Flaw(
    check=CONTENT,
    name="missing",
    means="There is nothing to say to anybody; the bot does not start.",
    next_step="Set BOUNCEDESK_DIALOGS to the folder that languages.yaml is in, or take it away.",
)
CONTENT_ERRORS = Flaw(
    check=CONTENT,
    name="errors",
    means="The bot does not start with it, or takes no new content while it runs.",
    next_step="Run `bouncedesk lint`: it names each one with its line and what to do.",
)

TEMPLATE = Check("app-package", "App package")
TEMPLATE_REFUSED = Flaw(
    check=TEMPLATE,
    name="refused",
    means="Teams would refuse the package, or show the app without words.",
    next_step="Mend manifest/ and run `bouncedesk manifest`: it says the same and, at the end, writes the package.",
)
OTHER_BOT = Flaw(
    check=TEMPLATE,
    name="other-bot",
    means="What people write to the app goes to another bot; Teams says `Unable to reach app`.",
    next_step="Put ${{APP_ID}} back where manifest/manifest.json has an id of its own.",
)
SCOPES = Flaw(
    check=TEMPLATE,
    name="scopes",
    means="The app cannot be added where the bot is wanted; the triage channel needs `team`.",
    next_step="Add the missing scopes to the bot in manifest/manifest.json.",
)

BUILT = Check("built-package", "Built app package")
BUILT_UNREADABLE = Flaw(
    check=BUILT,
    name="unreadable",
    means="Teams would refuse it.",
    next_step="Build it again with `bouncedesk manifest`.",
)
BUILT_OTHER_APP = Flaw(
    check=BUILT,
    name="other-app",
    means="Where this package is installed, people write to another bot; Teams says `Unable to reach app`.",
    next_step="Build it again with `bouncedesk manifest`, and upload that one to Teams.",
)
BUILT_OLD = Flaw(
    check=BUILT,
    name="old",
    outcome=Outcome.WARNING,
    means="Commands and words in Teams are those of another version.",
    next_step="Build it again with `bouncedesk manifest`, and upload that one to Teams.",
)
BUILT_EXAMPLES = Flaw(
    check=BUILT,
    name="example-addresses",
    outcome=Outcome.WARNING,
    means="The links to support, privacy and terms in Teams lead nowhere; an administrator may not approve the app.",
    next_step="Build it again with `bouncedesk manifest --domain DOMAIN --developer NAME`.",
)


async def look(installation: Installation) -> Sequence[Finding]:
    """Check the content, build the app package in memory, and open the one that was built."""
    return await asyncio.to_thread(_look, installation)


AREA = Area("content", "Content and app package", look)


def _look(installation: Installation) -> Sequence[Finding]:
    folder = installation.settings.dialogs
    app_id = installation.settings.app_id
    known = app_id if GUID.fullmatch(app_id) else ""
    if not (folder / "languages.yaml").is_file():
        checked = CONTENT_MISSING.found(f"There is no content in {folder}.")
    else:
        checked = content(folder, examine(folder)[1])
    try:
        found = list(_template(load_library(folder), known))
    except ContentError:
        found = [TEMPLATE.not_checked("the content cannot be used; see above.")]
    return [checked, *found, *_built(installation.package, known)]


def content(folder: Path, problems: Sequence[Problem]) -> Finding:
    """Judge the content by what `lint` says about it."""
    errors = [problem for problem in problems if problem.severity is Severity.ERROR]
    if errors:
        seen = f"{len(errors)} errors in {folder}, the first in line {errors[0].line} of {errors[0].path}."
        return CONTENT_ERRORS.found(seen)
    return CONTENT.ok(f"No errors in {folder}, {len(problems)} warnings.")


def _template(library: Library, app_id: str) -> Iterator[Finding]:
    """Build the package in memory, with a stand-in where there is no app id: that is another check's to say."""
    registration = Registration(app_id or _STAND_IN, __version__, "IT helpdesk", "contoso.com")
    try:
        package = build_package(template_folder(), library, registration)
    except ContentError as error:
        problems = error.detail.strip().splitlines()
        yield TEMPLATE_REFUSED.found(f"{len(problems)} problems, the first: {problems[0]}")
        return
    found = list(template(read_manifest(package.data) or {}, registration.app_id))
    languages = listed(package.languages)
    yield from found or [TEMPLATE.ok(f"Can be built: {languages}; version {__version__}.")]


def template(manifest: Mapping[str, Any], app_id: str) -> Iterator[Finding]:
    """Judge a manifest that was made from the template."""
    if any(bot != app_id.lower() for bot in _bots_of(manifest)):
        yield OTHER_BOT.found("A bot in manifest/manifest.json is not the app itself.")
    scopes = {scope for bot in _bots(manifest) for scope in bot.get("scopes") or ()}
    if missing := sorted(_SCOPES - scopes):
        yield SCOPES.found(f"The bot has no scope {listed(missing)}.")


def _built(file: Path, app_id: str) -> Iterator[Finding]:
    if not file.is_file():
        yield BUILT.not_checked(f"there is no {file.absolute()}; name it with --package.")
        return
    found = list(built(file, read_manifest(file.read_bytes()), app_id))
    yield from found or [BUILT.ok(f"{file} is this bot's, version {__version__}.")]


def built(file: Path, manifest: Mapping[str, Any] | None, app_id: str) -> Iterator[Finding]:
    """Judge a package that was built earlier; without an app id it cannot be compared with one."""
    if manifest is None:
        yield BUILT_UNREADABLE.found(f"{file} is no app package.")
        return
    if app_id and any(id_ != app_id.lower() for id_ in (*_bots_of(manifest), _id(manifest))):
        yield BUILT_OTHER_APP.found(f"{file} is for another app id than BOUNCEDESK_APP_ID.")
    if manifest.get("version") != __version__:
        yield BUILT_OLD.found(f"{file} is not of version {__version__}.")
    developer = manifest.get("developer")
    links = [
        str(value)
        for key, value in (developer.items() if isinstance(developer, dict) else ())
        if key.endswith("Url")
    ]
    if any(_is_example(link) for link in links):
        yield BUILT_EXAMPLES.found(f"{file} has links to pages that are only an example.")


def read_manifest(package: bytes) -> dict[str, Any] | None:
    """Return the manifest of an app package; None where it has none that can be read."""
    try:
        with zipfile.ZipFile(io.BytesIO(package)) as archive:
            if archive.getinfo("manifest.json").file_size > _MOST_BYTES:
                return None
            read = json.loads(archive.read("manifest.json"))
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, RuntimeError):
        return None
    return read if isinstance(read, dict) else None


def _bots(manifest: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for bot in manifest.get("bots") or ():
        if isinstance(bot, dict):
            yield bot


def _bots_of(manifest: Mapping[str, Any]) -> list[str]:
    """Return the ids of the bots that a manifest sends people to."""
    extensions = [one for one in manifest.get("composeExtensions") or () if isinstance(one, dict)]
    return [str(one.get("botId")).lower() for one in (*_bots(manifest), *extensions)]


def _id(manifest: Mapping[str, Any]) -> str:
    return str(manifest.get("id")).lower()


def _is_example(link: str) -> bool:
    host = urlsplit(link).hostname or ""
    return any(host == name or host.endswith(f".{name}") for name in _EXAMPLES)
