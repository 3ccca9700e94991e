"""Are the settings what their author meant? What can be said of them without knowing anybody's registration."""

from __future__ import annotations

import logging
import stat
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from io import StringIO
from pathlib import Path

from dotenv.parser import parse_stream
from rapidfuzz import fuzz, process

from bot.doctor.finding import Check, Finding, Flaw, Outcome
from bot.doctor.installation import Area, Installation, listed, variable
from bot.model.errors import SettingsError
from bot.settings import Mistake, Settings
from bot.sinks.webhook import signer

SETTINGS = Check("settings", "Settings")
VALUE = Flaw(
    check=SETTINGS,
    name="value",
    means="The bot does not start with it.",
    next_step="Correct {setting}; the README's table of settings says what it takes.",
)
HALF = Flaw(
    check=SETTINGS,
    name="half",
    means="They make no sense one without the other, and the bot does not start with only some of them.",
    next_step="Set {missing} too, or take {there} away.",
)
UNKNOWN = Flaw(
    check=SETTINGS,
    name="unknown",
    outcome=Outcome.WARNING,
    means="Nothing reads it, so what it was to change stays as it is.",
    next_step="Take it away; the README's table has all settings.",
)
MISTYPED = Flaw(
    check=SETTINGS,
    name="mistyped",
    outcome=Outcome.WARNING,
    means="Nothing reads it, so what it was to change stays as it is.",
    next_step="Rename it to {nearest}, if that was meant; else take it away.",
)
DOUBT = Flaw(
    check=SETTINGS,
    name="doubt",
    outcome=Outcome.WARNING,
    means="The bot runs with it. It was hardly meant so.",
    next_step="Change one of the two.",
)

NO_SDK = Flaw(
    check=SETTINGS,
    name="sdk-missing",
    means="The Microsoft 365 Agents SDK is an extra that is not installed here; the bot does not start.",
    next_step="Install the extra (`pip install 'bouncedesk[agents]'`), or take BOUNCEDESK_SDK away.",
)

ENV_FILE = Check("env-file", "File .env")
UNREADABLE = Flaw(
    check=ENV_FILE,
    name="unreadable",
    means="None of the settings in it count, and the bot does not start.",
    next_step="Store {file} as a text file in UTF-8 that the bot's user may read.",
)
LINE = Flaw(
    check=ENV_FILE,
    name="line",
    outcome=Outcome.WARNING,
    means="A line that is not NAME=value, a comment (#) or empty is left out without a word.",
    next_step="Write line {line} of {file} as NAME=value, with quotes that begin and end.",
)

SECRET_FILES = Check("secret-files", "Files with secrets")
OPEN = Flaw(
    check=SECRET_FILES,
    name="open",
    outcome=Outcome.WARNING,
    means="Everybody with an account on this machine can read the secret in it, and be the bot.",
    next_step="Run `chmod o= {file}` so that only its owner and group can read it.",
)

WEBHOOK_SECRETS = Check("webhook-secrets", "Webhook secrets")
SHAPE = Flaw(
    check=WEBHOOK_SECRETS,
    name="shape",
    means="Webhooks are signed with it by the Standard Webhooks specification; the bot does not start with one that is none.",
    next_step="Make one with `echo whsec_$(openssl rand -base64 32)`, and put it in {setting} and at the other helpdesk.",
)

_LIKE = 75
"""Similarity (of 100) from which a name is taken for a slip of the keyboard."""


async def look(installation: Installation) -> Sequence[Finding]:
    """Look at the settings and at the files that they come from."""
    reading, settings = installation.reading, installation.settings
    env = Path(str(Settings.model_config["env_file"]))
    wrong = [
        *map(mistaken, reading.mistakes),
        *log_level(settings),
        *sdk(settings, installed=find_spec("microsoft_agents") is not None),
        *unknown(reading.names),
        *(DOUBT.found(doubt) for doubt in settings.doubts),
    ]
    count = len([name for name in reading.names if name in _known()])
    return [
        *(wrong or [SETTINGS.ok(f"{count} are set, all of a kind that the bot knows.")]),
        *env_file(env, _contents(env), reading.file_unread),
        *secret_files(_modes(env, settings.app_certificate, *reading.secret_files)),
        *webhook_secrets(settings),
    ]


AREA = Area("settings", "Settings", look)


def mistaken(mistake: Mistake) -> Finding:
    """Return what is wrong with a setting, or with some that belong together."""
    if len(mistake.names) == 1:
        (setting,) = mistake.names
        return VALUE.found(f"{setting}: {mistake.why}", setting=setting)
    missing = listed(mistake.missing)
    there = listed(name for name in mistake.names if name not in mistake.missing)
    seen = f"{there} {_are(there)} set, {missing} {_are(missing)} not."
    return HALF.found(seen, missing=missing, there=there)


def log_level(settings: Settings) -> Iterator[Finding]:
    """Judge the log level, which is a word of its own."""
    if settings.log_level.upper() not in logging.getLevelNamesMapping():
        setting = variable("log_level")
        yield VALUE.found(f"{setting} is no level of logging.", setting=setting)


def sdk(settings: Settings, *, installed: bool) -> Iterator[Finding]:
    """Judge whether what is to stand between the bot and Teams is there."""
    if settings.sdk == "agents" and not installed:
        yield NO_SDK.found("BOUNCEDESK_SDK is agents.")


def unknown(names: Sequence[str]) -> Iterator[Finding]:
    """Judge names that begin like a setting's: one that is none is most likely mistyped."""
    known = _known()
    own = [name.removeprefix(variable("")) for name in known]
    for name in names:
        if name in known:
            continue
        seen = f"{name} is set, and no setting is called that."
        typed = name.removeprefix(variable(""))
        nearest = process.extractOne(typed, own, scorer=fuzz.ratio, score_cutoff=_LIKE)
        if nearest:
            yield MISTYPED.found(seen, nearest=variable(nearest[0]))
        else:
            yield UNKNOWN.found(seen)


def env_file(file: Path, contents: bytes | None, unread: str) -> Iterator[Finding]:
    """Judge the file that settings may stand in. `contents` is None where there is none."""
    if unread:
        yield UNREADABLE.found(f"{file.absolute()} cannot be read ({unread}).", file=file)
        return
    if contents is None:
        yield ENV_FILE.ok(f"There is none in {Path.cwd()}; the settings are the environment's.")
        return
    wrong = [
        part.original.line
        for part in parse_stream(StringIO(contents.decode("utf-8", "replace")))
        if part.error or (part.key is not None and part.value is None)
    ]
    for line in wrong:
        yield LINE.found(
            f"Line {line} of {file.absolute()} is not a setting.", line=line, file=file
        )
    if not wrong:
        yield ENV_FILE.ok(f"{file.absolute()} is readable.")


def secret_files(modes: Mapping[Path, int]) -> Iterator[Finding]:
    """Judge who may read the files with secrets, by their modes."""
    too_open = [file for file, mode in modes.items() if mode & stat.S_IRWXO]
    for file in too_open:
        seen = f"{file} has the mode {stat.S_IMODE(modes[file]):04o}."
        yield OPEN.found(seen, file=file)
    if not modes:
        yield SECRET_FILES.ok("There are none: no .env, no certificate.")
    elif not too_open:
        yield SECRET_FILES.ok(f"Closed to others: {listed(map(str, modes))}.")


def webhook_secrets(settings: Settings) -> Iterator[Finding]:
    """Judge the secrets that webhooks are signed with."""
    given = {
        variable(name): secret
        for name in ("webhook_secret", "webhook_in_secret")
        if (secret := getattr(settings, name).get_secret_value())
    }
    if not given:
        yield WEBHOOK_SECRETS.not_checked("none is set.")
        return
    wrong = [name for name, secret in given.items() if not _signs(secret)]
    for setting in wrong:
        seen = f"{setting} is not `whsec_` and then 24 to 64 random bytes in Base64."
        yield SHAPE.found(seen, setting=setting)
    if not wrong:
        verb = "is a signing secret" if len(given) == 1 else "are signing secrets"
        yield WEBHOOK_SECRETS.ok(f"{listed(given)} {verb}.")


def _signs(secret: str) -> bool:
    try:
        signer(secret, "")
    except SettingsError:
        return False
    return True


def _are(names: str) -> str:
    return "are" if " and " in names else "is"


def _known() -> list[str]:
    return [variable(name) for name in Settings.model_fields]


def _contents(file: Path) -> bytes | None:
    """Return what is in a file; None where there is none, or none that can be read: that was noticed before."""
    try:
        return file.read_bytes()
    except OSError:
        return None


def _modes(*files: Path | None) -> dict[Path, int]:
    """Return the modes of the files that are there."""
    return {
        file.absolute(): file.stat().st_mode
        for file in files
        if file is not None and file.is_file()
    }
