"""`cxrview evaluate`: its options reach the report, and what it cannot use it names."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from cxrview.core.phantom import phantom
from cxrview.engine.fake import fake_package
from cxrview.engine.packages import load_package
from cxrview.io.phantom_files import write_png

Run = Callable[..., Any]  # Any: tests/cli/conftest.py's Outcome, which test modules cannot import


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of twenty small phantoms with their lung masks, half of them with the model's second label, and a split."""
    folder = tmp_path_factory.mktemp("films")
    rows = []
    for number in range(20):
        drawn = phantom(number, size=(64, 64), bits=8)
        write_png(folder / f"{number}.png", drawn)
        cv2.imwrite(str(folder / f"mask-{number}.png"), np.uint8(drawn.lung_mask) * 255)
        rows.append((f"{number}.png", ("covid19", "clear")[number % 2], f"p{number}", "north", f"mask-{number}.png"))
    with (folder / "films.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("file", "label", "patient_id", "source", "mask_file"), *rows])
    with (folder / "split.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("path", "split"), *((row[0], "test" if place >= 4 else "train") for place, row in enumerate(rows))])
    with (folder / "boxes.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("file", "label", "left", "top", "right", "bottom"), ("6.png", "covid19", 8, 8, 24, 24)])
    return folder / "films.csv"


def arguments(model: Path, table: Path, report: Path, *more: object) -> tuple[object, ...]:
    return ("evaluate", model, table, "-o", report, "--set", "data.label_map.clear=[]", "--threads", "1", *more)


def test_every_question_reaches_the_report(run: Run, fake_model: Path, table: Path, tmp_path: Path) -> None:
    other = fake_package(tmp_path / "other", model_id="other", seed=5).folder
    asked = ("--split", table.parent / "split.csv", "--boxes", table.parent / "boxes.csv", "--external-data", table)
    compared = ("--against", other, "--variant", other, "--against-engine", "onnx")
    outcome = run(*arguments(fake_model, table, tmp_path / "report", *asked, *compared))
    assert outcome.code == 0
    assert {path.name for path in (tmp_path / "report").iterdir()} == {"report.html", "report.pdf", "report.md", "report.json"}
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert {(each["split"], each["images"]) for each in report["counts"]} == {("train", 2), ("test", 8), ("external", 10)}
    audits = report["audits"]
    assert {each["change"] for each in audits["shortcuts"]["changes"]} >= {"lungs blanked", "border only"}
    against, variant, engine = audits["comparisons"]
    assert (against["other"], against["is_variant"], variant["is_variant"]) == ("other 1.0.0", False, True)
    assert variant["largest"] > 0.01
    assert (engine["other"], engine["largest"]) == ("onnx on cpu", 0.0)
    assert report["verdict"]["headline"]
    assert any("do not use it in its place" in sentence for sentence in report["verdict"]["careful"])
    assert audits["drops"]


def test_measuring_only_leaves_the_audits_out(run: Run, fake_model: Path, table: Path, tmp_path: Path) -> None:
    assert run(*arguments(fake_model, table, tmp_path / "report", "--no-audits", "--quiet")).code == 0
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert report["audits"] is None
    assert "The shortcut audit was not run." in report["verdict"]["careful"]
    assert load_package(fake_model).manifest.id == report["model_id"]


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        (("--no-audits", "--against", "x"), 2, "--no-audits leaves out comparisons"),
        (("--external-data", "nowhere"), 3, "there is no 'nowhere'"),
        (("--split", "nowhere.csv"), 3, "there is no 'nowhere.csv'"),
        (("--boxes", "nowhere.csv"), 3, "there is no 'nowhere.csv'"),
        (("--against", "nobody"), 3, "no model 'nobody'"),
    ],
)
def test_what_it_cannot_use_is_named(run: Run, fake_model: Path, table: Path, tmp_path: Path, more: Any, code: int, words: str) -> None:
    outcome = run(*arguments(fake_model, table, tmp_path / "report", *more))
    assert outcome.code == code
    assert words in outcome.err
    assert not (tmp_path / "report").exists()


def test_tables_of_another_kind_are_refused(run: Run, fake_model: Path, table: Path, tmp_path: Path) -> None:
    for option in ("--split", "--boxes"):
        outcome = run(*arguments(fake_model, table, tmp_path / "report", option, table))
        assert outcome.code == 2
        assert "columns" in outcome.err
