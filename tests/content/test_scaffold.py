"""New articles and languages: scaffolded into a copy of the real content, they lint clean and run."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import new
from bot.content import Problem, Severity, check, load_library
from bot.content.scaffold import NewArticle, new_article, new_language
from bot.intake import read_text
from bot.model.errors import ContentError
from bot.model.ids import ArticleId, Language
from bot.recognise import Recogniser

REPOSITORY = Path(__file__).parents[2]
TODAY = date(2026, 11, 23)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """Return a copy of the real content, with the app manifest beside it."""
    shutil.copytree(REPOSITORY / "dialogs", tmp_path / "dialogs")
    shutil.copytree(REPOSITORY / "manifest", tmp_path / "manifest")
    return tmp_path / "dialogs"


def _errors(root: Path) -> list[Problem]:
    return [problem for problem in check(root) if problem.severity is Severity.ERROR]


@pytest.mark.parametrize(("id_", "code"), [("quota-exceeded", "5.2.2"), ("9.9.9", "4.9.0")])
def test_a_new_article_lints_clean_and_answers_its_code(copied: Path, id_: str, code: str) -> None:
    """Nothing has to be written before the bot can use it, whether the code was known or not."""
    new_article(copied, NewArticle(id_, code, "mail-team", TODAY))

    assert _errors(copied) == []
    library = load_library(copied)
    article = library.articles[ArticleId(id_)]
    assert library.default in article.prose
    report = read_text((copied / "articles" / id_ / "bounces/example.txt").read_text("utf-8"))
    assert Recogniser(library).recognise(report).article == id_


def test_a_new_article_waits_for_its_translation(copied: Path) -> None:
    """In other languages it is spoken in the default until somebody has translated it."""
    new_article(copied, NewArticle("quota-exceeded", "5.2.2", "mail-team", TODAY))

    warnings = [problem for problem in check(copied) if problem.rule == "incomplete"]
    assert [problem.path for problem in warnings] == ["articles/quota-exceeded/nb.yaml"]


def test_a_new_language_lints_clean_and_nobody_sees_it(copied: Path) -> None:
    """Every text is there to translate, and none of it is shown."""
    written = new_language(copied, "fi", "Suomi", copied.parent / "manifest")

    assert _errors(copied) == []
    library = load_library(copied)
    assert Language("fi") not in library.languages
    assert all(Language("fi") not in article.prose for article in library.articles.values())
    expected = {path.with_name("fi.yaml") for path in copied.rglob("en.yaml")}
    expected |= {copied / "languages.yaml", copied.parent / "manifest/fi.json"}
    assert set(written) == expected


def test_a_translated_language_is_offered(copied: Path) -> None:
    """Once no text is to do any more, the language is there, in every article."""
    new_language(copied, "fi", "Suomi")
    for path in copied.rglob("fi.yaml"):
        path.write_text(path.read_text("utf-8").replace("TODO ", ""), encoding="utf-8")

    library = load_library(copied)

    assert library.languages[Language("fi")].name == "Suomi"
    assert all(Language("fi") in article.prose for article in library.articles.values())
    assert "incomplete" not in {problem.rule for problem in check(copied)}


@pytest.mark.parametrize(
    ("id_", "code", "said"),
    [
        ("5.1.10", "5.2.2", "exists already"),
        ("Big Article", "5.2.2", "is no id"),
        ("../outside", "5.2.2", "is no id"),
        ("quota", "5.2", "is no enhanced status code"),
        ("quota", "5.7.900-999", "is no enhanced status code"),
    ],
)
def test_what_cannot_become_an_article_is_refused(
    copied: Path, id_: str, code: str, said: str
) -> None:
    """Nothing is written over, and nothing outside the folder."""
    with pytest.raises(ContentError, match=said):
        new_article(copied, NewArticle(id_, code, "mail-team", TODAY))


@pytest.mark.parametrize(
    ("tag", "said"),
    [("nb", "is in languages.yaml already"), ("no", "already"), ("../x", "no language tag")],
)
def test_what_cannot_become_a_language_is_refused(copied: Path, tag: str, said: str) -> None:
    """A tag that another language answers to is taken."""
    with pytest.raises(ContentError, match=said):
        new_language(copied, tag, "Norsk")


def test_the_commands_say_what_they_wrote(copied: Path) -> None:
    """Authors see each file, and what comes next."""
    run = CliRunner()

    article = run.invoke(
        new.app, ["article", "quota", "--code", "5.2.2", "--dialogs", str(copied)]
    )
    language = run.invoke(new.app, ["language", "fi", "Suomi", "--dialogs", str(copied)])

    assert (article.exit_code, language.exit_code) == (0, 0)
    assert f"wrote {copied / 'articles/quota/article.yaml'}" in article.stdout
    assert "bouncedesk play quota" in article.stdout
    assert f"wrote {copied.parent / 'manifest/fi.json'}" in language.stdout
    assert _errors(copied) == []
