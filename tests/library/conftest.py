"""An index of its own for every test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cxrview.library.library import Library, open_library


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """An empty index."""
    opened = open_library(tmp_path / "library.sqlite3")
    yield opened
    opened.close()
