"""`cxrview explain`: one picture with a heatmap, and the findings."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pytest

from cxrview.cli.explain import METHODS, TARGETS
from cxrview.core.results import HeatmapTarget
from cxrview.engine import explain as engine_explain

Run = Callable[..., Any]  # Any: tests/cli/conftest.py's Outcome, which test modules cannot import


def test_the_methods_and_targets_are_those_of_the_engine() -> None:
    assert set(METHODS) == set(engine_explain.METHODS)
    assert set(TARGETS) == set(map(str, HeatmapTarget))


def test_the_overlay_has_the_size_of_the_image_and_colour(run: Run, phantom_folder: Path, fake_model: Path, tmp_path: Path) -> None:
    outcome = run("explain", phantom_folder / "phantom-0000.dcm", "-o", tmp_path / "o.png", "--model", fake_model)
    assert outcome.code == 0
    picture = cv2.imread(str(tmp_path / "o.png"))
    assert picture is not None
    assert picture.shape == (256, 256, 3)
    assert (picture[:, :, 0] != picture[:, :, 2]).mean() > 0.01


def test_the_findings_are_told(run: Run, phantom_folder: Path, fake_model: Path, tmp_path: Path) -> None:
    outcome = run("explain", phantom_folder / "phantom-0000.dcm", "-o", tmp_path / "o.png", "--model", fake_model, "--engine", "onnx")
    assert [line.split()[0] for line in outcome.out.splitlines()] == ["label", "normal", "covid19", "pneumonia", "tuberculosis"]
    assert "Grad-CAM" in outcome.err
    assert "onnx on cpu" in outcome.err


@pytest.mark.parametrize(
    "options",
    [
        ("--label", "normal"),
        ("--method", "hirescam"),
        ("--method", "occlusion", "--label", "covid19"),
        ("--target", "one-against-rest", "--signed"),
        ("--colours", "viridis", "--opacity", "0.3"),
    ],
)
def test_options_change_the_picture(run: Run, phantom_folder: Path, fake_model: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    words = ("explain", phantom_folder / "phantom-0001.png", "--model", fake_model, "--engine", "onnx")
    assert run(*words, "-o", tmp_path / "plain.png").code == 0
    assert run(*words, "-o", tmp_path / "other.png", *options).code == 0
    assert (tmp_path / "other.png").stat().st_size > 1000
    if options != ("--method", "hirescam"):  # the same as Grad-CAM for a pooled head
        assert (tmp_path / "plain.png").read_bytes() != (tmp_path / "other.png").read_bytes()


def test_a_member_of_an_archive_is_named_as_in_the_table(run: Run, phantom_folder: Path, fake_model: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(phantom_folder / "phantom-0001.png", "in/side.png")
    run("score", tmp_path / "a.zip", "--model", fake_model, "-o", tmp_path / "s.csv")
    name = (tmp_path / "s.csv").read_text().splitlines()[1].split(",")[0]
    assert run("explain", name, "-o", tmp_path / "o.png", "--model", fake_model).code == 0


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (("{folder}", "-o", "{tmp}/o.png"), 2, "is a folder"),
        (("{image}", "-o", "{tmp}/o.jpg"), 2, ".png"),
        (("{image}",), 2, "-o"),
        (("{image}", "-o", "{tmp}/o.png", "--colours", "rainbow"), 2, "inferno"),
        (("{image}", "-o", "{tmp}/o.png", "--opacity", "2"), 2, "--opacity"),
        (("{tmp}/none.png", "-o", "{tmp}/o.png"), 3, "none.png"),
        (("{broken}", "-o", "{tmp}/o.png"), 3, "broken.dcm"),
        (("{text}", "-o", "{tmp}/o.png"), 3, "notes.txt"),
        (("{image}", "-o", "{tmp}/o.png", "--label", "fracture"), 3, "fracture"),
    ],
)
def test_exit_codes(
    run: Run, phantom_folder: Path, fake_model: Path, tmp_path: Path, words: tuple[str, ...], code: int, complaint: str
) -> None:
    names = {
        "folder": phantom_folder,
        "image": phantom_folder / "phantom-0000.dcm",
        "broken": phantom_folder / "broken.dcm",
        "text": phantom_folder / "notes.txt",
        "tmp": tmp_path,
    }
    outcome = run("explain", *(word.format(**names) for word in words), "--model", fake_model)
    assert outcome.code == code
    assert complaint in outcome.err
    assert not (tmp_path / "o.png").exists()
