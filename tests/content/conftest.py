"""The content folder that tests break in one place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.content.sample import Dialogs


@pytest.fixture
def dialogs(tmp_path: Path) -> Dialogs:
    """Return a content folder without a problem."""
    return Dialogs(tmp_path / "dialogs")
