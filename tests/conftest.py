"""What all tests share: the real content, and a core on it. Both are read once; they are frozen."""

from __future__ import annotations

import pytest

from bot.content import load_library
from bot.model.library import Library
from bot.settings import dialogs_path
from bot.turn import Core


@pytest.fixture(scope="session")
def library() -> Library:
    """Return the real content."""
    return load_library(dialogs_path())


@pytest.fixture(scope="session")
def core(library: Library) -> Core:
    """Return a core on the real content."""
    return Core(library)
