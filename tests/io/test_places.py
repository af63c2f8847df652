"""Directories: one switch moves them all, and shipped files are found wherever the program runs from."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pytest

from cxrview.io.places import places, resource, use_basedir


def test_basedir_variable_moves_every_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXRVIEW_BASEDIR", str(tmp_path / "elsewhere"))
    here = places()
    for field in dataclasses.fields(here):
        assert getattr(here, field.name).is_relative_to(tmp_path / "elsewhere"), field.name


def test_relative_basedir_survives_a_change_of_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXRVIEW_BASEDIR", "")
    monkeypatch.chdir(tmp_path)
    use_basedir(Path("base"))
    monkeypatch.chdir(tmp_path.parent)
    assert places().data_dir == tmp_path / "base" / "data"


def test_without_basedir_directories_are_the_systems_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CXRVIEW_BASEDIR", raising=False)
    here = places()
    assert all("cxrview" in str(getattr(here, field.name)) for field in dataclasses.fields(here))
    assert all(getattr(here, field.name).is_absolute() for field in dataclasses.fields(here))


def test_directories_are_only_named_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXRVIEW_BASEDIR", str(tmp_path / "base"))
    places()
    assert not (tmp_path / "base").exists()


def test_resources_are_found_in_the_source_tree() -> None:
    assert resource("models").parent == Path(__file__).parents[2]


def test_resources_are_found_in_the_frozen_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "_MEIPASS", str(tmp_path), raising=False)
    assert resource("models") == tmp_path / "models"
