"""Directories: one switch moves them all, and shipped files are found wherever the program runs from."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

import cxrview
from cxrview.io.places import how_to_get, places, program_command, resource, use_basedir


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


def test_a_child_of_the_program_is_the_same_program_from_any_folder(tmp_path: Path) -> None:
    (tmp_path / "cxrview").mkdir()  # a folder of the user's with our name must not be taken for the package
    (tmp_path / "cxrview" / "__init__.py").write_text("raise SystemExit('the wrong one')\n", encoding="utf-8")
    done = subprocess.run([*program_command(), "--version"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"cxrview {cxrview.__version__}"


def test_a_child_of_the_frozen_program_is_the_frozen_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", "/opt/cxrview/cxrview")
    assert program_command() == ("/opt/cxrview/cxrview",)


def test_nobody_is_told_to_install_packages_into_a_frozen_program(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "pip install" in how_to_get("train")
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert "pip" not in how_to_get("train")
    assert "installer" in how_to_get("train")
