"""Atomic files: complete, or as they were."""

from __future__ import annotations

from pathlib import Path

import pytest

from cxrview.io.atomic import replacing, write_text


def test_the_target_changes_only_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "table.csv"
    target.write_text("old")
    with replacing(target) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "table.csv"
    target.write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(target) as temporary:  # noqa: PT012 - the block is what is tested
        temporary.write_text("half")
        raise ZeroDivisionError
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_missing_folders_are_made(tmp_path: Path) -> None:
    write_text(tmp_path / "a" / "b" / "c.txt", "lungs ≠ heart\n")
    assert (tmp_path / "a" / "b" / "c.txt").read_bytes() == "lungs ≠ heart\n".encode()
