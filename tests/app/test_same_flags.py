"""Window, batch and commands say the same of a film whose dark and bright are swapped."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from cxrview.__main__ import main
from cxrview.app.controllers.answering import analysed
from cxrview.app.controllers.models import Session
from cxrview.core.flags import Flag
from cxrview.core.guard import fit_guard
from cxrview.core.image import ImageRef
from cxrview.core.prepare import prepare
from cxrview.engine.fake import FakePredictor, fake_package
from cxrview.engine.onnx import OnnxPredictor
from cxrview.engine.packages import Package, load_package, write_package
from cxrview.io.read import read_pixels

FILMS = 60


def write_film(path: Path, seed: int, *, is_swapped: bool = False) -> Path:
    """Dark above and bright below, as every film of this model's training; or the other way round."""
    ramp = np.linspace(0, 3800, 120)[:, None] + np.random.default_rng(seed).normal(0.0, 60.0, (120, 100))
    values = np.clip(ramp, 0, 4095).astype(np.uint16)
    assert cv2.imwrite(str(path), 4095 - values if is_swapped else values)
    return path


@pytest.fixture
def guarded(tmp_path: Path) -> Package:
    """A model that knows how its films look."""
    package = fake_package(tmp_path / "fake")
    predictor = FakePredictor(package)
    pooled = []
    for seed in range(FILMS):
        pixels = read_pixels(ImageRef(write_film(tmp_path / "learned.png", seed)))
        (forward,) = predictor.run(prepare(pixels, package.manifest.input).tensor)
        assert forward.features is not None
        pooled.append(forward.features.mean(axis=(1, 2)))
    guard = fit_guard(np.stack(pooled[: FILMS // 2]), np.stack(pooled[FILMS // 2 :]))
    graph = (package.folder / "model.onnx").read_bytes()
    folder = tmp_path / "guarded"
    write_package(folder, package.manifest, graph=graph, golden=package.golden, card="", head=package.head, guard=guard)
    return load_package(folder)


@pytest.mark.parametrize("is_swapped", [True, False])
def test_window_batch_and_commands_agree_on_a_swapped_film(
    guarded: Package, tmp_path: Path, capsys: pytest.CaptureFixture[str], *, is_swapped: bool
) -> None:
    films = tmp_path / "films"
    films.mkdir()
    path = write_film(films / "film.png", 71, is_swapped=is_swapped)
    in_window = analysed(read_pixels(ImageRef(path)), Session(guarded, OnnxPredictor(guarded, threads=1, cache_dir=None), ())).flags
    words = ("--model", str(guarded.folder), "--engine", "onnx", "--quiet")
    table = tmp_path / "scores.csv"
    assert main(["score", str(films), *words, "--no-lungs", "--workers", "1", "-o", str(table)]) == 0
    with table.open(encoding="utf-8", newline="") as stream:
        (row,) = csv.DictReader(stream)
    capsys.readouterr()
    assert main(["explain", str(path), *words[:-1], "-o", str(tmp_path / "overlay.png")]) == 0
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("flags: ")]
    assert row["flags"] == ";".join(in_window)
    assert told == ([f"flags: {', '.join(in_window)}"] if in_window else [])
    assert (str(Flag.MAYBE_INVERTED) in in_window) is is_swapped
