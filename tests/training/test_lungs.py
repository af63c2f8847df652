"""A lung network learns from masks, ends as a package, and finds the lungs of pictures it has not seen."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from cxrview.__main__ import main
from cxrview.core.errors import DataError
from cxrview.core.lungs import lungs_mask
from cxrview.core.manifest import Task
from cxrview.core.phantom import as_pixels, phantom
from cxrview.engine.lungs import LungFinder
from cxrview.engine.onnx import OnnxPredictor
from cxrview.engine.packages import Package, load_package, verify_package
from cxrview.evaluation.masks import dice
from cxrview.training.lung_recipe import is_lung_recipe, load_lung_recipe, lung_recipe_names
from cxrview.training.mask_examples import read_mask_table

torch = pytest.importorskip("torch")

PHANTOMS = 28
SMALL = (
    "init=random", "input.width=64", "input.height=64", "fit.epochs=14", "fit.batch=4", "fit.learning_rate=4e-3", "fit.average=0.9",
    "fit.noise=4.0", "masks.leave_out={}", "package.id=phantom-lungs",
)  # fmt: skip


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Phantoms with their lung masks; every second one is said to follow the other convention."""
    folder = tmp_path_factory.mktemp("masks")
    rows = [("file", "mask_file", "mask_kind", "source", "group_id")]
    for seed in range(PHANTOMS):
        drawn = phantom(seed, size=(96, 96), bits=8)
        cv2.imwrite(str(folder / f"{seed}.png"), drawn.values)
        cv2.imwrite(str(folder / f"{seed}_mask.png"), drawn.lung_mask.astype(np.uint8) * 255)
        kind = "JSRT human" if seed % 2 else "v7labs human"
        rows.append((f"{seed}.png", f"{seed}_mask.png", kind, f"source{seed % 2}", f"patient{seed // 2 * 2 + seed % 2}"))
    with (folder / "table.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return folder / "table.csv"


@pytest.fixture(scope="session")
def trained(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run through the command line."""
    run = tmp_path_factory.mktemp("runs") / "lungs"
    words = [word for change in SMALL for word in ("--set", change)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CXRVIEW_BASEDIR", str(run.parent / "base"))
        assert main(["train", str(table), "-o", str(run), "--recipe", "lungs", "-q", *words]) == 0
    return run


@pytest.fixture(scope="session")
def package(trained: Path) -> Package:
    """The package of that run."""
    return load_package(trained / "package")


def test_the_package_is_a_segmentation_that_passes_its_self_test(package: Package) -> None:
    assert package.manifest.task is Task.SEGMENTATION
    assert [label.id for label in package.manifest.labels] == ["lungs", "lungs_heart"]
    assert verify_package(package) < 1e-3


def test_lungs_of_unseen_phantoms_are_found(package: Package) -> None:
    predictor = OnnxPredictor(package, threads=1, cache_dir=None)
    try:
        scores = []
        for seed in range(100, 106):
            drawn = phantom(seed, size=(200, 240), bits=12)
            found = LungFinder(package, predictor, seed % 2).find(as_pixels(drawn))
            scores.append(dice(lungs_mask(found), drawn.lung_mask))
    finally:
        predictor.close()
    assert np.mean(scores) > 0.75


def test_the_card_tells_the_figures_and_the_sources(trained: Path) -> None:
    card = (trained / "package" / "CARD.md").read_text(encoding="utf-8")
    assert "Dice" in card
    assert "source0" in card
    assert (trained / "report" / "scores.csv").read_text().startswith("file,source,label,dice,contour_distance_px\n")


def test_a_resumed_run_ends_with_the_same_weights(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cxrview.training import lung_fit
    from cxrview.training.lungs import train_lungs

    recipe = load_lung_recipe("lungs", (*SMALL, "fit.epochs=3"))
    whole = train_lungs(table, tmp_path / "whole", recipe)
    keep, kept = lung_fit._keep, []

    def keep_and_die(path: Path, state: dict[str, object], epoch: int) -> None:
        keep(path, state, epoch)
        kept.append(epoch)
        if kept == [1]:
            raise KeyboardInterrupt

    monkeypatch.setattr(lung_fit, "_keep", keep_and_die)
    with pytest.raises(KeyboardInterrupt):
        train_lungs(table, tmp_path / "cut", recipe)
    cut = train_lungs(table, tmp_path / "cut", recipe, resume=True)
    assert kept == [1, 2, 3]
    assert (cut / "model.onnx").read_bytes() == (whole / "model.onnx").read_bytes()


def test_masks_of_every_image_are_written_with_its_name_and_size(
    trained: Path, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CXRVIEW_BASEDIR", str(tmp_path / "base"))
    folder = tmp_path / "films" / "ward"
    folder.mkdir(parents=True)
    cv2.imwrite(str(folder / "a.png"), phantom(1, size=(120, 90), bits=8).values)
    cv2.imwrite(str(folder / "a.jpg"), phantom(2, size=(80, 100), bits=8).values)
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    assert main(["models", "add", str(trained / "package")]) == 0
    status = main(["lungs", str(tmp_path / "films"), "-o", str(tmp_path / "out"), "--engine", "onnx"])
    assert status == 1
    assert "broken.png" in capsys.readouterr().err
    masks = (tmp_path / "out").rglob("*.png")
    sizes = {path.relative_to(tmp_path / "out").as_posix(): cv2.imread(str(path), cv2.IMREAD_UNCHANGED).shape for path in masks}
    assert sizes == {"ward/a.png.png": (90, 120), "ward/a.jpg.png": (100, 80)}
    head = (tmp_path / "out" / "ward" / "a.png.png").read_bytes()[:33]
    assert head[24] == 1  # bit depth in IHDR


def test_recipes_of_lung_networks_are_told_from_the_others() -> None:
    assert "lungs" in lung_recipe_names()
    assert is_lung_recipe("lungs")
    assert not is_lung_recipe("fine-tune")


def test_a_table_without_masks_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("file,label\na.png,normal\n")
    with pytest.raises(DataError, match="no column 'mask_file'"):
        read_mask_table(tmp_path / "t.csv", {"lungs": ("JSRT",)}, left_out={})
