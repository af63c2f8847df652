"""A gate learns from a table what to refuse, and is asked wherever the lungs are looked for."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from cxrview.__main__ import main
from cxrview.core.errors import DataError
from cxrview.core.flags import Flag
from cxrview.core.manifest import Task
from cxrview.core.phantom import as_pixels, phantom
from cxrview.core.prepare import prepare
from cxrview.engine.gate import Gate
from cxrview.engine.onnx import OnnxPredictor
from cxrview.engine.packages import Package, load_package, verify_package
from cxrview.training.gate_examples import IDS, Change, answers_after, changed, read_gate_table
from cxrview.training.gate_recipe import gate_recipe_names, is_gate_recipe, load_gate_recipe

torch = pytest.importorskip("torch")

FRONTALS = 40


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Frontal, lateral and non-chest phantoms of four sources."""
    folder = tmp_path_factory.mktemp("gate")
    rows = [("file", "view", "source", "role", "group_id", "age")]
    kinds = [("PA", "train", "PA", FRONTALS), ("lateral", "lateral", "lateral", 16), ("non-chest", "non_chest", "unknown", 24)]
    for view, role, said, count in kinds:
        for seed in range(count):
            name = f"{view}{seed}.png"
            cv2.imwrite(str(folder / name), phantom(seed, size=(96, 96), bits=8, view=view).values)
            rows.append((name, said, f"source{seed % 4}", role, name, str(4 + 60 * (seed % 2))))
    with (folder / "table.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return folder / "table.csv"


@pytest.fixture(scope="session")
def package(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Package:
    """A gate trained through the command line, on a network with random weights, whose features are good enough for phantoms."""
    run = tmp_path_factory.mktemp("runs") / "gate"
    changes = (
        "init=random",
        "architecture=cnn-pooled",
        "input.width=64",
        "input.height=64",
        "penalty=1.0",
        "package.id=phantom-gate",
        "refused=0.05",
    )
    words = [word for change in changes for word in ("--set", change)]
    assert main(["train", str(table), "-o", str(run), "--recipe", "gate", "-q", *words]) == 0
    return load_package(run / "package")


def test_the_package_is_a_gate_that_passes_its_self_test(package: Package) -> None:
    assert package.manifest.task is Task.GATE
    assert tuple(label.id for label in package.manifest.labels) == IDS
    assert not package.manifest.task.is_classifier
    assert verify_package(package) < 1e-3
    card = (package.folder / "CARD.md").read_text(encoding="utf-8")
    assert "Frontal films refused" in card


def test_inverted_and_foreign_pictures_are_noticed_and_frontal_films_are_not(package: Package) -> None:
    predictor = OnnxPredictor(package, threads=1, cache_dir=None)
    gate = Gate(package, predictor)
    try:
        frontal = [gate.look(as_pixels(phantom(seed, size=(96, 96), bits=8, view="PA"))) for seed in range(200, 220)]
        upside = [gate.look(_turned(as_pixels(phantom(seed, size=(96, 96), bits=8, view="PA")))) for seed in range(200, 220)]
        foreign = [gate.look(as_pixels(phantom(seed, size=(96, 96), bits=8, view="non-chest"))) for seed in range(200, 220)]
    finally:
        gate.close()
    refusing = {Flag.LOOKS_NOT_CHEST, Flag.LOOKS_LATERAL, Flag.LOOKS_INVERTED, Flag.LOOKS_TURNED}
    assert np.mean([bool(refusing & set(flags)) for flags in frontal]) <= 0.35
    assert np.mean([bool(refusing & set(flags)) for flags in upside]) >= 0.6
    assert np.mean([bool(refusing & set(flags)) for flags in foreign]) >= 0.6


def _turned(pixels):  # type: ignore[no-untyped-def]
    from dataclasses import replace

    return replace(pixels, values=np.ascontiguousarray(np.rot90(pixels.values, 2)))


def test_changes_say_what_is_known_after_them(table: Path) -> None:
    frontal = read_gate_table(table, 13.0)[0]
    assert frontal.is_frontal
    after = dict(zip(IDS, answers_after(frontal, Change.UPSIDE_DOWN), strict=True))
    assert after == {"not_chest": 0, "lateral": -1, "inverted": 0, "turned": 1, "child": -1, "ap": -1}
    picture = np.arange(6, dtype=np.uint8).reshape(2, 3)
    np.testing.assert_array_equal(changed(picture, Change.UPSIDE_DOWN), picture[::-1, ::-1])
    np.testing.assert_array_equal(changed(picture, Change.INVERTED), 255 - picture)


def test_a_table_with_nothing_to_refuse_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("file,view,source,role,group_id,age\na.png,PA,s,train,g,50\n")
    with pytest.raises(DataError, match="nothing but frontal"):
        read_gate_table(tmp_path / "t.csv", 13.0)


def test_gate_recipes_are_told_from_the_others() -> None:
    assert gate_recipe_names() == ("gate",)
    assert is_gate_recipe("gate")
    assert not is_gate_recipe("lungs")
    assert load_gate_recipe("gate").task == "gate"


def test_a_segmentation_or_a_gate_is_no_model_to_score_with(package: Package, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), phantom(1, size=(96, 96), bits=8).values)
    assert main(["score", str(tmp_path / "a.png"), "--model", str(package.folder), "-o", str(tmp_path / "s.csv")]) != 0
    assert "reads no findings" in capsys.readouterr().err
    assert prepare(as_pixels(phantom(1, size=(96, 96), bits=8)), package.manifest.input).tensor.shape == (1, 1, 64, 64)
