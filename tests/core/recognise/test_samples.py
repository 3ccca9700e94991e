"""The sample bounces beside an article land in it, the near misses do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.intake import read_file
from bot.settings import dialogs_path
from bot.turn import Core

SAMPLES = sorted(dialogs_path().glob("articles/*/bounces/*"))
NEAR_MISSES = sorted(dialogs_path().glob("articles/*/near-misses/*"))


def named(path: Path) -> str:
    """Return a sample's name for a test report."""
    return f"{path.parent.parent.name}/{path.name}"


@pytest.mark.parametrize("path", SAMPLES, ids=named)
def test_a_bounce_lands_in_its_article(core: Core, path: Path) -> None:
    """A sample bounce is answered by the article it lies beside."""
    match = core.recogniser.recognise(read_file(path.read_bytes()))
    assert match.article == path.parent.parent.name


@pytest.mark.parametrize("path", NEAR_MISSES, ids=named)
def test_a_near_miss_does_not(core: Core, path: Path) -> None:
    """A near miss is answered by another article, or by none."""
    match = core.recogniser.recognise(read_file(path.read_bytes()))
    assert match.article != path.parent.parent.name
