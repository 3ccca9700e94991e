"""The security checks of `make check`: they can fail, and they leave no gap between them."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

_ROOT = Path(__file__).resolve().parents[2]
_LOCKS = ("requirements.lock", "requirements-dev.lock")


def _advisories(*files: str | Path) -> subprocess.CompletedProcess[str]:
    script = str(_ROOT / ".ci" / "advisories.py")
    return subprocess.run(
        [sys.executable, script, *files], capture_output=True, text=True, check=False, cwd=_ROOT
    )


def test_nothing_that_is_locked_has_a_known_advisory() -> None:
    """Our own locks pass, and are really read."""
    ended = _advisories(*_LOCKS)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert int(ended.stdout.split()[0]) > 100


@pytest.mark.parametrize(
    ("package", "version", "expected"),
    [
        ("aiohttp", "3.14.2", "CVE-2026-69244"),
        ("aiohttp", "3.14.0b1", "CVE-2026-34993"),
        ("PyJWT", "2.12.1", "PYSEC-2026-179"),
        ("cryptography", "49.0.0", "CVE-2026-69247"),
        ("python_dotenv", "1.0.1", "CVE-2026-28684"),
    ],
)
def test_an_affected_version_is_found(
    tmp_path: Path, package: str, version: str, expected: str
) -> None:
    """A lock that goes back to an affected version is told which advisory it has, however the name is written."""
    lock = tmp_path / "affected.lock"
    lock.write_text(f"{package}=={version} \\\n    --hash=sha256:00\n", encoding="utf-8")
    ended = _advisories(*_LOCKS, lock)
    assert ended.returncode == 1
    assert expected in ended.stderr


def test_a_lock_that_names_nothing_is_an_error(tmp_path: Path) -> None:
    """A file of another form is not taken for one without advisories; nor are lines about what is locked no more left to rot."""
    lock = tmp_path / "empty.lock"
    lock.write_text("aiohttp >= 3\n", encoding="utf-8")
    ended = _advisories(lock)
    assert ended.returncode == 1
    assert "names no version" in ended.stderr
    assert "locked no more" in ended.stderr
    assert _advisories().returncode == 1


def test_bandit_says_what_ruff_does_not() -> None:
    """Every check of bandit's is either one of ruff's stable S rules or on the list in pyproject.toml, and none is on both."""
    settings = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    rules: list[dict[str, Any]] = json.loads(
        subprocess.run(
            [sys.executable, "-m", "ruff", "rule", "--all", "--output-format", "json"],
            capture_output=True,
            check=True,
        ).stdout
    )
    by_ruff = {
        "B" + rule["code"][1:]
        for rule in rules
        if rule["linter"] == "flake8-bandit" and not rule["preview"]
    }
    ids = (
        "from bandit.core.extension_loader import MANAGER as it; "
        "print(*it.plugins_by_id, *it.blacklist_by_id)"
    )
    listed = subprocess.run(
        [sys.executable, "-c", ids], capture_output=True, text=True, check=True
    )
    by_bandit = set(listed.stdout.split())
    assert settings["tool"]["ruff"]["lint"]["select"] == ["ALL"]
    assert set(settings["tool"]["bandit"]["tests"]) == by_bandit - by_ruff


@pytest.mark.parametrize("code", ["import pickle\n", "import xml.sax\n", "# \u202e }\n"])
def test_bandit_finds_what_it_is_there_for(tmp_path: Path, code: str) -> None:
    """With our settings bandit fails where it should."""
    module = tmp_path / "module.py"
    module.write_text(code, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "bandit",
        "-q",
        "-c",
        str(_ROOT / "pyproject.toml"),
        str(module),
    ]
    ended = subprocess.run(command, capture_output=True, check=False)
    assert ended.returncode == 1
