"""One image through one model: the same record from window, command line and batch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cxrview.core.errors import PackageError
from cxrview.core.guard import fit_guard
from cxrview.core.image import Pixels, read_only
from cxrview.core.manifest import HeatmapKind
from cxrview.core.prepare import prepare
from cxrview.core.results import Forward, HeatmapTarget
from cxrview.engine.analyse import analyse, analysis_of
from cxrview.engine.fake import FakePredictor, fake_package
from cxrview.engine.onnx import OnnxPredictor
from cxrview.engine.packages import Package, load_package, write_package


@pytest.fixture
def package(tmp_path: Path) -> Package:
    return fake_package(tmp_path / "fake")


def picture(seed: int = 0) -> Pixels:
    values = np.random.default_rng(seed).integers(0, 4096, (120, 100)).astype(np.uint16)
    return Pixels(values=read_only(values), bits=12)


def test_an_analysis_says_what_ran_and_what_it_found(package: Package) -> None:
    analysis = analyse(picture(), package, FakePredictor(package))
    assert (analysis.model_id, analysis.model_version, analysis.model_sha256) == ("fake", "1.0.0", package.sha256)
    assert (analysis.engine, analysis.device) == ("fake", "cpu")
    assert [each.label.id for each in analysis.findings] == ["normal", "covid19", "pneumonia", "tuberculosis"]
    assert sum(each.probability for each in analysis.findings) == pytest.approx(1.0)
    assert (analysis.frame.image_width, analysis.frame.image_height) == (100, 120)
    assert len(analysis.heatmaps) == 4
    assert analysis.in_distribution is None


def test_the_heatmaps_explain_the_logits_of_the_same_pass(package: Package) -> None:
    analysis = analyse(picture(), package, FakePredictor(package))
    assert package.head is not None
    for finding, heatmap, bias in zip(analysis.findings, analysis.heatmaps, package.head.layers[-1].bias, strict=True):
        assert heatmap.label == finding.label
        assert heatmap.values.sum() == pytest.approx(finding.logit - bias, abs=1e-4)


def test_engines_agree_on_an_image(package: Package) -> None:
    ours = analyse(picture(), package, FakePredictor(package))
    theirs = analyse(picture(), package, OnnxPredictor(package, threads=1, cache_dir=None))
    assert [each.probability for each in ours.findings] == pytest.approx([each.probability for each in theirs.findings], abs=1e-5)


def test_heatmaps_can_be_left_out_or_aimed_at_the_class_against_the_rest(package: Package) -> None:
    predictor = FakePredictor(package)
    assert analyse(picture(), package, predictor, with_heatmaps=False).heatmaps == ()
    aimed = analyse(picture(), package, predictor, heatmap_target=HeatmapTarget.ONE_AGAINST_REST)
    assert {each.target for each in aimed.heatmaps} == {HeatmapTarget.ONE_AGAINST_REST}


def test_a_model_without_heatmaps_still_scores(tmp_path: Path) -> None:
    package = fake_package(tmp_path / "fake", heatmap=HeatmapKind.NONE)
    analysis = analyse(picture(), package, FakePredictor(package))
    assert analysis.heatmaps == ()
    assert len(analysis.findings) == 4


def test_a_logit_that_is_not_a_number_is_refused(package: Package) -> None:
    forward = Forward(np.float32([0.0, np.nan, 0.0, 0.0]), None)
    with pytest.raises(PackageError, match="not a finite number"):
        analysis_of(forward, prepare(picture(), package.manifest.input), package, FakePredictor(package))


def test_a_guard_in_the_package_tells_how_far_out_an_image_lies(package: Package, tmp_path: Path) -> None:
    predictor = FakePredictor(package)
    pooled = []
    for seed in range(30):
        (forward,) = predictor.run(prepare(picture(seed), package.manifest.input).tensor)
        assert forward.features is not None
        pooled.append(forward.features.mean(axis=(1, 2)))
    learned = np.stack(pooled[:20])
    graph = (package.folder / "model.onnx").read_bytes()
    guard = fit_guard(learned, np.stack(pooled[20:]))
    write_package(tmp_path / "guarded", package.manifest, graph=graph, golden=package.golden, card="", head=package.head, guard=guard)
    guarded = load_package(tmp_path / "guarded")
    usual = analyse(picture(31), guarded, predictor).in_distribution
    values = np.zeros((120, 100), np.uint16)
    values[:60] = 4095
    odd = analyse(Pixels(values=read_only(values), bits=12), guarded, predictor).in_distribution
    assert usual is not None
    assert odd is not None
    assert 0.0 < odd < usual <= 1.0


def film(seed: int) -> Pixels:
    """Dark above and bright below, as every film of this model's training."""
    ramp = np.linspace(0, 3800, 120)[:, None] + np.random.default_rng(seed).normal(0.0, 60.0, (120, 100))
    return Pixels(values=read_only(np.clip(ramp, 0, 4095).astype(np.uint16)), bits=12)


def test_a_file_that_is_wrong_about_what_is_bright_is_suspected(package: Package, tmp_path: Path) -> None:
    predictor = FakePredictor(package)
    pooled = []
    for seed in range(60):
        (forward,) = predictor.run(prepare(film(seed), package.manifest.input).tensor)
        assert forward.features is not None
        pooled.append(forward.features.mean(axis=(1, 2)))
    guard = fit_guard(np.stack(pooled[:30]), np.stack(pooled[30:]))
    graph = (package.folder / "model.onnx").read_bytes()
    write_package(tmp_path / "guarded", package.manifest, graph=graph, golden=package.golden, card="", head=package.head, guard=guard)
    guarded = load_package(tmp_path / "guarded")
    wrong = [analyse(replace(film(seed), is_inverted=True), guarded, predictor).flags for seed in range(70, 80)]
    assert wrong.count(("maybe_inverted",)) >= 8
    assert {analyse(film(seed), guarded, predictor).flags for seed in range(70, 80)} == {()}
