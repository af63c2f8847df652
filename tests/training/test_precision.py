"""What a lower precision does to the validation images is measured, and written where it decides."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cxrview.core.scores import probabilities
from cxrview.engine import present
from cxrview.engine.base import stacked_logits
from cxrview.engine.fake import fake_package
from cxrview.engine.onnx import OnnxPredictor
from cxrview.engine.openvino import OpenVinoPredictor
from cxrview.engine.packages import Package
from cxrview.training.precision import check_precisions


@pytest.fixture
def package(tmp_path: Path) -> Package:
    return fake_package(tmp_path / "fake")


def pictures(package: Package, count: int) -> np.ndarray:
    spec = package.manifest.input
    shape = (count, spec.channels.planes, spec.height, spec.width)
    return np.random.default_rng(3).integers(0, 256, shape, dtype=np.uint8)


def reference(package: Package, stack: np.ndarray) -> np.ndarray:
    from cxrview.core.prepare import normalise

    predictor = OnnxPredictor(package, threads=1, cache_dir=None)
    logits = stacked_logits(predictor.run(np.concatenate([normalise(each, package.manifest.input) for each in stack])))
    predictor.close()
    return logits


def test_the_largest_difference_of_any_probability_is_told(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    if present.against_openvino_float32():
        pytest.skip("OpenVINO is not installed")
    monkeypatch.setattr(present, "against_openvino_bfloat16", lambda: "")
    stack = pictures(package, 20)
    logits = reference(package, stack)
    said: list[str] = []
    (check,) = check_precisions(package, package.manifest, stack, logits, said.append)
    assert (check.precision, check.images) == ("bf16", 20)
    assert 0.0 <= check.largest <= 0.01
    assert "20 validation images" in said[-1]
    assert "it is used" in said[-1]
    honest = OpenVinoPredictor.run

    def one_is_off(self: OpenVinoPredictor, batch: np.ndarray) -> object:
        first, *others = honest(self, batch)
        return (replace(first, logits=first.logits + np.float32([2.0, 0, 0, 0])), *others)

    monkeypatch.setattr(OpenVinoPredictor, "run", one_is_off)
    (off,) = check_precisions(package, package.manifest, stack, logits, said.append)
    moved = [
        np.abs(probabilities(row + np.float32([2.0, 0, 0, 0]), package.manifest) - probabilities(row, package.manifest)) for row in logits
    ]
    assert off.largest == pytest.approx(max(moved[0].max(), moved[16].max()), abs=0.01)
    assert "it is not used" in said[-1]


def test_where_it_cannot_be_measured_the_package_says_nothing(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(present, "against_openvino_bfloat16", lambda: "this processor has no bfloat16.")
    said: list[str] = []
    stack = pictures(package, 2)
    assert check_precisions(package, package.manifest, stack, np.zeros((2, 4), np.float32), said.append) == ()
    assert "this processor has no bfloat16" in said[0]
