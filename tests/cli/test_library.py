"""`cxrview library`: fill, search, forget; names only when asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cxrview.io.phantom_files import write_phantoms
from cxrview.io.places import places

Run = Callable[..., Any]  # Any: tests/cli/conftest.py's Outcome, which test modules cannot import


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """Two DICOM phantoms."""
    write_phantoms(tmp_path / "films", 2, 0, kind="dicom", size=(64, 64))
    return tmp_path / "films"


def test_a_folder_is_added_listed_and_forgotten(run: Run, films: Path) -> None:
    added = run("library", "add", films)
    assert added.code == 0
    assert "2 added, 0 read again, 0 unchanged" in added.err
    listed = run("library", "list")
    assert str(films) in listed.out
    assert run("library", "forget", films).code == 0
    assert "empty" in run("library", "list").err
    assert len(list(films.iterdir())) == 2
    assert run("library", "forget", films).code == 3


def test_adding_again_looks_at_everything_that_was_added(run: Run, films: Path) -> None:
    run("library", "add", films, "-q")
    sorted(films.iterdir())[0].unlink()
    again = run("library", "add")
    assert "0 added, 0 read again, 1 unchanged" in again.err
    assert "1 images" in run("library", "list", "--missing").err


def test_there_must_be_something_to_add(run: Run, tmp_path: Path) -> None:
    assert run("library", "add").code == 3
    assert run("library", "add", tmp_path / "nowhere").code == 3


def test_words_and_options_find_images_without_names(run: Run, films: Path) -> None:
    run("library", "add", films, "-q")
    found = run("library", "list", "phantom", "--modality", "DX", "--since", "1999-12-31", "--until", "20001231")
    assert found.code == 0
    assert str(films) in found.out
    assert "Drawn" not in found.out + found.err
    assert "Phantom^Drawn" in run("library", "list", "phantom", "--names").out
    assert "0 images" in run("library", "list", "nothing-like-it").err
    assert "2 images, 1 shown" in run("library", "list", "phantom", "--limit", "1").err


def test_an_unreadable_file_is_listed_with_its_reason(run: Run, phantom_folder: Path) -> None:
    assert run("library", "add", phantom_folder).code == 1
    listed = run("library", "list", "--unreadable")
    assert "broken.dcm" in listed.out
    assert "(The" in listed.out


def test_a_damaged_library_is_said_and_the_command_goes_on(run: Run, films: Path) -> None:
    places().data_dir.mkdir(parents=True)
    (places().data_dir / "library.sqlite3").write_bytes(b"no database" * 100)
    added = run("library", "add", films)
    assert added.code == 0
    assert "The library was damaged" in added.err


def test_a_wrong_date_is_wrong_usage(run: Run) -> None:
    assert run("library", "list", "--since", "yesterday").code == 2
