"""Heatmaps on request say how they were made, and point at what the network looked at."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cxrview.core.errors import Cancelled, EngineUnavailable, ExplanationUnavailable
from cxrview.core.frame import Box, frame_of_box
from cxrview.core.heatmap import heatmaps
from cxrview.core.manifest import Architecture, HeatmapKind
from cxrview.core.phantom import phantom
from cxrview.core.results import HeatmapTarget, ModelInput
from cxrview.engine.explain import METHODS, explain, occlusion
from cxrview.engine.fake import FakePredictor, fake_package
from cxrview.engine.onnx import OnnxPredictor
from cxrview.engine.packages import Package
from cxrview.engine.torchvision_ops import make_importable


@pytest.fixture
def package(tmp_path: Path) -> Package:
    return fake_package(tmp_path / "fake")


def model_input(tensor: np.ndarray) -> ModelInput:
    side = tensor.shape[-1]
    frame = frame_of_box(Box(0, 0, side, side), model_size=(side, side), image_size=(side, side))
    gray = phantom(3, size=(side, side), bits=8).values  # noise has no patches for LIME to find
    return ModelInput(tensor=tensor, gray=gray, frame=frame)


def with_bright_spot(rows: slice, columns: slice) -> np.ndarray:
    tensor = np.zeros((1, 1, 64, 64), np.float32)
    tensor[:, :, rows, columns] = np.random.default_rng(5).normal(0, 4, tensor[:, :, rows, columns].shape)
    return tensor


@pytest.mark.parametrize(("rows", "columns"), [(slice(0, 16), slice(0, 16)), (slice(40, 60), slice(44, 64))])
def test_occlusion_points_at_the_only_thing_in_the_picture(package: Package, rows: slice, columns: slice) -> None:
    tensor = with_bright_spot(rows, columns)
    maps = explain(model_input(tensor), package, FakePredictor(package), method="occlusion")
    assert len(maps) == 4
    for each in maps:
        assert each.method == "occlusion"
        assert each.values.shape == (14, 14)
        row, column = np.unravel_index(np.abs(each.values).argmax(), each.values.shape)
        assert rows.start <= (row + 0.5) * 64 / 14 <= rows.stop
        assert columns.start <= (column + 0.5) * 64 / 14 <= columns.stop


def test_occlusion_of_everything_at_once_is_the_difference_to_a_blank_picture(package: Package) -> None:
    predictor = FakePredictor(package)
    tensor = with_bright_spot(slice(10, 50), slice(10, 50))
    (one,) = occlusion(predictor, tensor, package, [2], grid=1, window_cells=1)
    blank = np.full_like(tensor, tensor.mean())
    fall = predictor.run(tensor)[0].logits[2] - predictor.run(blank)[0].logits[2]
    np.testing.assert_allclose(one.values, fall, atol=1e-5)


def test_occlusion_can_be_stopped_between_pieces(package: Package) -> None:
    calls = []

    def check() -> None:
        calls.append(1)
        if len(calls) == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        explain(model_input(with_bright_spot(slice(0, 9), slice(0, 9))), package, FakePredictor(package), method="occlusion", check=check)
    assert len(calls) == 3


def test_auto_uses_what_the_package_declares(package: Package) -> None:
    tensor = with_bright_spot(slice(0, 30), slice(0, 30))
    assert {each.method for each in explain(model_input(tensor), package, FakePredictor(package))} == {"Grad-CAM"}
    covered = replace(package, manifest=replace(package.manifest, heatmap=HeatmapKind.OCCLUSION), head=None)
    assert {each.method for each in explain(model_input(tensor), covered, FakePredictor(package))} == {"occlusion"}
    silent = replace(package, manifest=replace(package.manifest, heatmap=HeatmapKind.NONE), head=None)
    with pytest.raises(ExplanationUnavailable, match=r"no heatmap.*occlusion"):
        explain(model_input(tensor), silent, FakePredictor(package))


def test_labels_are_chosen_by_id(package: Package) -> None:
    tensor = with_bright_spot(slice(0, 30), slice(0, 30))
    maps = explain(
        model_input(tensor), package, FakePredictor(package), labels=["pneumonia", "normal"], target=HeatmapTarget.ONE_AGAINST_REST
    )
    assert [each.label.id for each in maps] == ["pneumonia", "normal"]
    assert {each.target for each in maps} == {HeatmapTarget.ONE_AGAINST_REST}
    with pytest.raises(ExplanationUnavailable, match=r"no label 'flu'.*normal, covid19"):
        explain(model_input(tensor), package, FakePredictor(package), labels=["flu"])
    with pytest.raises(ExplanationUnavailable, match=r"no method 'tea leaves'.*gradcam"):
        explain(model_input(tensor), package, FakePredictor(package), method="tea leaves")


@pytest.mark.parametrize("target", HeatmapTarget)
@pytest.mark.parametrize("method", ["gradcam", "hirescam"])
@pytest.mark.parametrize("head", ["pool", "flatten"])
def test_true_gradients_give_the_map_of_the_algebra_in_the_same_unit(
    method: str, head: str, target: HeatmapTarget, make_package: Callable[..., Package]
) -> None:
    pytest.importorskip("torch")
    make_importable()  # before anything that imports torchvision
    pytest.importorskip("pytorch_grad_cam")
    package = make_package(Architecture("cnn-pooled", head=head))
    assert package.head is not None
    reference = OnnxPredictor(package, threads=1, cache_dir=None)
    tensor = package.golden.inputs[:1]
    by_algebra = heatmaps(reference.run(tensor)[0], package.head, package.manifest.labels, target=target, method=method)
    blind = replace(package, manifest=replace(package.manifest, heatmap=HeatmapKind.GRADIENT), head=None)
    by_gradient = explain(model_input(tensor), blind, reference, method=method, target=target)
    for one, two in zip(by_algebra, by_gradient, strict=True):
        np.testing.assert_allclose(one.values, two.values, atol=1e-5)
        assert (one.label, one.method, one.target) == (two.label, two.method, two.target)


@pytest.mark.parametrize("method", [each for each in METHODS if each != "auto"])
def test_every_method_gives_a_finite_map_of_its_own_name(method: str, make_package: Callable[..., Package]) -> None:
    pytest.importorskip("torch")
    make_importable()  # before anything that imports torchvision
    pytest.importorskip("pytorch_grad_cam")
    package = make_package(Architecture("cnn-pooled"))
    reference = OnnxPredictor(package, threads=1, cache_dir=None)
    (one,) = explain(model_input(package.golden.inputs[:1]), package, reference, labels=["l2"], method=method)
    assert np.isfinite(one.values).all()
    assert one.values.shape == {"occlusion": (14, 14), "lime": (16, 16)}.get(method, (4, 4))
    assert one.method.lower().replace("-", "").replace(" ", "") == method.replace("-", "")
    assert not one.is_flat


def test_gradients_without_the_package_say_what_to_install(make_package: Callable[..., Package], monkeypatch: pytest.MonkeyPatch) -> None:
    package = make_package(Architecture("cnn-pooled"))
    monkeypatch.setitem(sys.modules, "pytorch_grad_cam", None)  # type: ignore[arg-type] - None means: cannot be imported
    with pytest.raises(EngineUnavailable, match=r"grad-cam is not installed.*cxrview\[train\]"):
        explain(model_input(package.golden.inputs[:1]), package, OnnxPredictor(package, threads=1, cache_dir=None), method="layercam")
