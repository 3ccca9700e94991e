"""The Teams app package: complete, in the languages of the content, and refused here before Teams refuses it."""

from __future__ import annotations

import io
import json
import runpy
import shutil
import struct
import zipfile
import zlib
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer import Typer
from typer.testing import CliRunner

from bot.cli.manifest import manifest
from bot.content import load_library
from bot.content.app_package import Package, Registration, build_package
from bot.content.scaffold import new_language
from bot.model.errors import ContentError
from bot.model.library import Library
from bot.ports import Listing
from bot.teams.inbound import SEARCH_PARAMETER

REPOSITORY = Path(__file__).parents[2]
APP = "3f0c2d4e-8b1a-4c6d-9e2f-7a5b3c1d0e9f"
REGISTRATION = Registration(APP, "1.2.3", "Contoso IT", "contoso.com")


@cache
def _library() -> Library:
    return load_library(REPOSITORY / "dialogs")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a copy of the template that a test may break."""
    return Path(shutil.copytree(REPOSITORY / "manifest", tmp_path / "manifest"))


def _files(package: Package) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(package.data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _built(source: Path = REPOSITORY / "manifest") -> dict[str, Any]:
    files = _files(build_package(source, _library(), REGISTRATION))
    built: dict[str, Any] = json.loads(files["manifest.json"])
    return built


def _edit(path: Path, **changes: object) -> None:
    data = json.loads(path.read_text(encoding="utf-8"))
    for key, value in changes.items():
        data[key.replace("__", ".")] = value
    path.write_text(json.dumps(data), encoding="utf-8")


def test_the_package_has_what_teams_wants() -> None:
    """Manifest, both icons and one file for each further language, at the top of the archive."""
    package = build_package(REPOSITORY / "manifest", _library(), REGISTRATION)

    others = {f"{tag}.json" for tag in _library().languages if tag != _library().default}
    assert set(_files(package)) == {"manifest.json", "color.png", "outline.png"} | others
    assert package.unfinished == ()
    assert set(package.languages) == set(_library().languages)


def test_the_manifest_is_filled_in() -> None:
    """Ids, version, addresses and words are in their places, and no placeholder is left."""
    built = _built()

    assert built["id"] == built["bots"][0]["botId"] == APP
    assert built["version"] == "1.2.3"
    assert built["developer"]["privacyUrl"] == "https://contoso.com/privacy"
    assert built["developer"]["name"] == "Contoso IT"
    assert built["name"]["short"]
    assert "${" not in json.dumps(built)


def test_the_bot_is_where_people_need_it() -> None:
    """Chats, teams and groups; files can be attached, as bounces often are."""
    bot = _built()["bots"][0]

    assert set(bot["scopes"]) == {"personal", "team", "groupChat"}
    assert bot["supportsFiles"] is True
    assert {scope for commands in bot["commandLists"] for scope in commands["scopes"]} == set(
        bot["scopes"]
    )


def test_helpdesks_find_tickets_where_they_write() -> None:
    """The lists of the message extension are those that the desk knows, each with the field that the edge reads."""
    (extension,) = _built()["composeExtensions"]
    commands = {command["id"]: command for command in extension["commands"]}

    assert extension["botId"] == APP
    assert list(commands) == [listing.value for listing in Listing]
    for command in commands.values():
        assert (command["type"], command["initialRun"]) == ("query", True)
        assert command["title"]
        (parameter,) = command["parameters"]
        assert parameter["name"] == SEARCH_PARAMETER
        assert parameter["title"]


def test_every_language_names_everything_that_is_chosen() -> None:
    """Commands, lists and fields have a title and a description in every language of the app."""
    for tag in _library().languages:
        words = json.loads((REPOSITORY / f"manifest/{tag}.json").read_text(encoding="utf-8"))
        titles = {key.removesuffix(".title") for key in words if key.endswith(".title")}
        assert titles == {
            key.removesuffix(".description") for key in words if key.endswith(".description")
        }
        assert len(titles) == 6 + 5 + 3 + 4 * 2


def test_languages_of_the_app_are_those_of_the_content() -> None:
    """Every language the bot speaks is there, under every tag that means it."""
    library = _library()
    tags = {library.default}
    found = _built()["localizationInfo"]
    tags |= {entry["languageTag"] for entry in found["additionalLanguages"]}

    assert found["defaultLanguageTag"] == library.default
    expected = {
        name
        for tag, entry in library.languages.items()
        for name in (tag, *(entry.also if tag != library.default else ()))
    }
    assert tags == expected


def test_the_same_content_gives_the_same_bytes() -> None:
    """A package can be compared with the one that was uploaded."""
    one = build_package(REPOSITORY / "manifest", _library(), REGISTRATION)

    assert build_package(REPOSITORY / "manifest", _library(), REGISTRATION) == one


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"app_id": ""},
            "There is no app id. Register the bot in Azure, then set BOUNCEDESK_APP_ID",
        ),
        ({"app_id": "my-bot"}, "not a GUID"),
        ({"app_id": "00000000-0000-0000-0000-000000000000"}, "not a GUID"),
        ({"domain": "https://contoso.com/"}, "no domain"),
        ({"domain": "contoso"}, "no domain"),
        ({"developer": ""}, "1 to 32 characters"),
        ({"developer": "x" * 33}, "1 to 32 characters"),
    ],
)
def test_a_wrong_registration_is_refused(changes: dict[str, str], said: str) -> None:
    """What is wrong is named with what to do, before anything is written."""
    with pytest.raises(ContentError, match=said):
        build_package(REPOSITORY / "manifest", _library(), replace(REGISTRATION, **changes))


@pytest.mark.parametrize(
    ("file", "changes", "said"),
    [
        ("nb.json", {"name__short": "x" * 31}, "nb.json: 'name.short' has 31 characters; Teams takes 30"),
        ("en.json", {"description__short": "x" * 81}, "'description.short' has 81 characters; Teams takes 80"),
        ("nb.json", {"name__full": " "}, "nb.json: 'name.full' is empty"),
        ("nb.json", {"name__odd": "x"}, "nb.json: 'name.odd' is not in en.json"),
        ("en.json", {"name__odd": "x"}, "nb.json: 'name.odd' is missing"),
        ("en.json", {"name__odd": "x"}, "'name.odd' has no place in manifest.json"),
        ("en.json", {"bots[0]__commandLists[9]__commands[0]__title": "Help"}, "has no place in manifest.json"),
        ("nb.json", {"bots[0]__commandLists[0]__commands[0]__title": "Tryll"}, "nobody understands the command 'Tryll'"),
        ("nb.json", {"bots[0]__commandLists[0]__commands[0]__description": "x" * 129}, "Teams takes 128"),
        ("nb.json", {"composeExtensions[0]__commands[0]__title": "x" * 33}, "Teams takes 32"),
        ("en.json", {"composeExtensions[0]__commands[0]__parameters[0]__title": "x" * 33}, "Teams takes 32"),
        ("en.json", {"composeExtensions[0]__commands[1]__description": ""}, "commands[1].description' is empty"),
        ("manifest.json", {"accentColor": "blue"}, "'accentColor' is no colour"),
        ("manifest.json", {"developer": {"websiteUrl": "http://${DOMAIN}"}}, "'websiteUrl' is no https address"),
        ("manifest.json", {"version": "${RELEASE}"}, "'version' has a placeholder that nothing fills"),
        ("manifest.json", {"accentColor": ""}, "'accentColor' has no words"),
        ("manifest.json", {"icons": {"color": "missing.png", "outline": "outline.png"}}, "missing.png is missing"),
        ("manifest.json", {"icons": {"color": "outline.png", "outline": "outline.png"}}, "outline.png is 32x32; Teams wants 192x192"),
        ("manifest.json", {"icons": {"color": "en.json", "outline": "outline.png"}}, "en.json is no PNG"),
    ],
)  # fmt: skip
def test_what_teams_would_refuse_is_refused_here(
    source: Path, file: str, changes: dict[str, object], said: str
) -> None:
    """Each mistake in the template, the words or the icons has a message of its own."""
    _edit(source / file, **changes)

    with pytest.raises(ContentError) as refused:
        build_package(source, _library(), REGISTRATION)
    assert said in refused.value.detail


def test_an_outline_without_transparency_is_refused(source: Path) -> None:
    """Teams would show a white square."""
    header = struct.pack(">IIBBBBB", 32, 32, 8, 2, 0, 0, 0)
    (source / "outline.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + header + b"\0" * 9
    )

    with pytest.raises(ContentError, match=r"outline\.png is not transparent"):
        build_package(source, _library(), REGISTRATION)


@pytest.mark.parametrize(("text", "said"), [("{", "is not JSON"), ("[]", "is not a JSON object")])
def test_a_broken_file_is_named(source: Path, text: str, said: str) -> None:
    """A slip of the keyboard is no traceback."""
    (source / "nb.json").write_text(text, encoding="utf-8")

    with pytest.raises(ContentError, match=f"nb.json {said}"):
        build_package(source, _library(), REGISTRATION)


def test_a_language_without_words_for_the_app_is_named(source: Path) -> None:
    """The bot would speak it, the app would not."""
    (source / "nb.json").unlink()

    with pytest.raises(ContentError, match=r"nb\.json is missing"):
        build_package(source, _library(), REGISTRATION)


def test_a_new_language_waits_until_it_is_translated(source: Path, tmp_path: Path) -> None:
    """What the scaffold wrote is in no package."""
    dialogs = Path(shutil.copytree(REPOSITORY / "dialogs", tmp_path / "dialogs"))
    new_language(dialogs, "fi", "Suomi", source)

    package = build_package(source, load_library(dialogs), REGISTRATION)

    assert package.unfinished == ("fi",)
    assert "fi.json" not in _files(package)


def test_a_developers_name_cannot_break_the_manifest() -> None:
    """Quotes and backslashes are text."""
    name = 'Contoso "IT" \\ ${APP_ID}'
    package = build_package(
        REPOSITORY / "manifest", _library(), replace(REGISTRATION, developer=name)
    )

    assert json.loads(_files(package)["manifest.json"])["developer"]["name"] == name


def _pixels(png: bytes) -> bytes:
    """Return the pixels of a PNG whose rows are not filtered."""
    at, packed = 8, b""
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        packed += png[at + 8 : at + 8 + length] if png[at + 4 : at + 8] == b"IDAT" else b""
        at += length + 12
    return zlib.decompress(packed)


def test_the_icons_are_what_the_script_draws() -> None:
    """The committed pictures are ours, made by the script beside them."""
    script = runpy.run_path(str(REPOSITORY / "manifest/icons.py"))

    for name, draw in (("color.png", "colour_icon"), ("outline.png", "outline_icon")):
        committed = (REPOSITORY / "manifest" / name).read_bytes()
        assert _pixels(committed) == _pixels(script[draw]())


def test_the_outline_is_white_on_nothing() -> None:
    """Teams colours the outline itself."""
    rows = _pixels((REPOSITORY / "manifest/outline.png").read_bytes())
    pixels = [
        rows[row * 129 + 1 + column * 4 : row * 129 + 5 + column * 4]
        for row in range(32)
        for column in range(32)
    ]
    assert {pixel[:3] for pixel in pixels} == {b"\xff\xff\xff"}
    assert {pixels[0][3], pixels[31][3]} == {0}


def test_the_command_writes_the_package_or_says_why_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an app id there is a file, without one there is the next step."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BOUNCEDESK_APP_ID", raising=False)
    app = Typer()
    app.command()(manifest)
    run = CliRunner()

    refused = run.invoke(app, [])
    built = run.invoke(app, ["--app-id", APP, "--domain", "contoso.com", "--out", "app.zip"])
    by_setting = run.invoke(app, ["--out", "other.zip"], env={"BOUNCEDESK_APP_ID": APP})

    assert (refused.exit_code, built.exit_code, by_setting.exit_code) == (1, 0, 0)
    assert "BOUNCEDESK_APP_ID" in refused.stderr
    assert not (tmp_path / "bouncedesk.zip").exists()
    assert zipfile.is_zipfile(tmp_path / "app.zip")
    assert "example.com" in by_setting.stderr
