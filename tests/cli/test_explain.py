"""`cxrview explain`: one picture with a heatmap, and the findings."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import pytest

from cxrview.cli.explain import METHODS, TARGETS
from cxrview.core.conformal import ConformalRule
from cxrview.core.results import HeatmapTarget
from cxrview.engine import explain as engine_explain
from cxrview.engine.packages import load_package, read_graph, write_package

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


def rows_of(outcome: Any) -> dict[str, list[str]]:
    return {line.split()[0]: line.split()[1:] for line in outcome.out.splitlines()}


def test_a_model_that_is_cropped_to_the_lungs_gives_the_same_answer_as_score(run: Run, phantom_folder: Path, tmp_path: Path) -> None:
    image = phantom_folder / "phantom-0000.dcm"
    assert run("score", image, "--model", "cxr-reader", "--engine", "onnx", "-o", tmp_path / "s.csv").code == 0
    (scored,) = csv.DictReader((tmp_path / "s.csv").read_text(encoding="utf-8").splitlines())
    outcome = run("explain", image, "--model", "cxr-reader", "--engine", "onnx", "-o", tmp_path / "o.png")
    assert outcome.code == 0
    for label in ("normal", "covid19", "pneumonia", "tuberculosis"):
        assert float(rows_of(outcome)[label][0]) == pytest.approx(float(scored[f"p_{label}"]), abs=6e-4)


@pytest.fixture
def told_model(fake_model: Path, tmp_path: Path) -> Path:
    """The fake model, which says at which prevalence it was calibrated and where it does not know."""
    package = load_package(fake_model)
    rules = tuple(replace(rule, prevalence=share) for rule, share in zip(package.manifest.calibration, (0.5, 0.5, 0.0, 0.5), strict=True))
    bounds = (ConformalRule(0.0, 1.0, 0.9, 20, 20), ConformalRule(0.0, 0.0, 0.9, 20, 20), None, ConformalRule(1.0, 1.0, 0.9, 20, 20))
    manifest = replace(package.manifest, id="told", calibration=rules, conformal=bounds, files={})
    graph = read_graph(package)
    return write_package(tmp_path / "told", manifest, graph=graph, golden=package.golden, card="", head=package.head).folder


def test_a_prevalence_moves_the_probability_and_the_threshold_stays(
    run: Run, phantom_folder: Path, told_model: Path, tmp_path: Path
) -> None:
    words = ("explain", phantom_folder / "phantom-0000.dcm", "--model", told_model, "--engine", "onnx", "-o", tmp_path / "o.png")
    plain, moved = rows_of(run(*words)), rows_of(run(*words, "--prevalence", "covid19=0.01"))
    p = float(plain["covid19"][0])
    assert moved["covid19"][:3] == plain["covid19"][:3]
    assert float(moved["covid19"][3]) == pytest.approx(0.01 * p / (0.01 * p + 0.99 * (1 - p)), abs=2e-3)
    assert moved["normal"][3] == "-"


def test_bounds_of_dont_know_and_the_spread_are_told(run: Run, phantom_folder: Path, told_model: Path, tmp_path: Path) -> None:
    words = ("explain", phantom_folder / "phantom-0000.dcm", "--model", told_model, "--engine", "onnx", "-o", tmp_path / "o.png")
    outcome = run(*words, "--spread")
    rows = rows_of(outcome)
    assert " ".join(rows["normal"][3:5]) == "don't know"
    assert rows["covid19"][3] == "positive"
    assert rows["pneumonia"][3] == "-"
    assert rows["tuberculosis"][3] == "negative"
    low, high = map(float, rows["covid19"][4].split("-"))
    assert low <= float(rows["covid19"][0]) <= high
    assert low < high
    assert "9 answers over small changes of the picture's place" in outcome.err


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ("fracture=0.1", "no label 'fracture'"),
        ("covid19=all", "no share of patients"),
        ("covid19=1.0", "no share of patients"),
        ("pneumonia=0.1", "does not say at which prevalence"),
    ],
)
def test_a_prevalence_that_cannot_be_used_is_named(
    run: Run, phantom_folder: Path, told_model: Path, tmp_path: Path, asked: str, complaint: str
) -> None:
    image = phantom_folder / "phantom-0000.dcm"
    outcome = run("explain", image, "--model", told_model, "-o", tmp_path / "o.png", "--prevalence", asked)
    assert outcome.code == 2
    assert complaint in outcome.err


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
