"""Every engine gives the reference's answers, says what it is, and may be used from several threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from cxrview.core.errors import EngineUnavailable, PackageError
from cxrview.core.manifest import Channels
from cxrview.engine.fake import FakePredictor, fake_package
from cxrview.engine.onnx import OnnxPredictor
from cxrview.engine.packages import Package


@pytest.fixture
def package(tmp_path: Path) -> Package:
    return fake_package(tmp_path / "fake", channels=Channels.GRAY3)


def some_input(count: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, (count, 3, 64, 64)).astype(np.float32)


def test_the_fake_engine_depends_on_the_picture_and_only_on_it(package: Package) -> None:
    predictor = FakePredictor(package)
    first, second = predictor.run(some_input(2))
    again, _ = predictor.run(some_input(2))
    np.testing.assert_array_equal(first.logits, again.logits)
    assert np.abs(first.logits - second.logits).max() > 0.01
    assert first.features is not None
    assert first.features.shape == (12, 8, 8)
    assert (predictor.engine, predictor.device) == ("fake", "cpu")


def test_the_fake_package_is_the_same_every_time(tmp_path: Path, package: Package) -> None:
    again = fake_package(tmp_path / "again", channels=Channels.GRAY3)
    assert again.sha256 == package.sha256
    assert fake_package(tmp_path / "other", channels=Channels.GRAY3, seed=1).sha256 != package.sha256


def test_onnx_runtime_gives_what_numpy_gives(package: Package) -> None:
    predictor = OnnxPredictor(package, threads=1, cache_dir=None)
    batch = some_input(5)
    for one, two in zip(predictor.run(batch), FakePredictor(package).run(batch), strict=True):
        np.testing.assert_allclose(one.logits, two.logits, atol=1e-5)
        np.testing.assert_allclose(one.features, two.features, atol=1e-5)
    assert (predictor.engine, predictor.device) == ("onnx", "cpu")
    predictor.close()


def test_a_graph_optimised_once_is_kept_and_gives_the_same(package: Package, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first = OnnxPredictor(package, threads=1, cache_dir=cache)
    (kept,) = (cache / "onnx").iterdir()
    stamp = kept.stat().st_mtime_ns
    second = OnnxPredictor(package, threads=1, cache_dir=cache)
    assert kept.stat().st_mtime_ns == stamp
    batch = some_input(2)
    np.testing.assert_array_equal(first.run(batch)[0].logits, second.run(batch)[0].logits)


def test_a_spoilt_cache_is_made_anew(package: Package, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    OnnxPredictor(package, threads=1, cache_dir=cache)
    (kept,) = (cache / "onnx").iterdir()
    good = kept.read_bytes()
    kept.write_bytes(good[: len(good) // 2])
    predictor = OnnxPredictor(package, threads=1, cache_dir=cache)
    np.testing.assert_allclose(predictor.run(package.golden.inputs)[0].logits, package.golden.logits[0], atol=1e-4)
    assert kept.read_bytes() == good


def test_a_cache_that_cannot_be_written_is_no_reason_to_fail(package: Package, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    predictor = OnnxPredictor(package, threads=1, cache_dir=tmp_path / "cache")
    assert len(predictor.run(some_input(1))) == 1


def test_several_threads_share_one_session(package: Package) -> None:
    predictor = OnnxPredictor(package, threads=1, cache_dir=None)
    batches = [some_input(1, seed) for seed in range(16)]
    alone = [predictor.run(batch)[0].logits for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        together = [answer[0].logits for answer in pool.map(predictor.run, batches)]
    np.testing.assert_array_equal(np.stack(alone), np.stack(together))


def test_an_input_of_the_wrong_size_is_a_sentence(package: Package) -> None:
    predictor = OnnxPredictor(package, threads=1, cache_dir=None)
    with pytest.raises(PackageError, match="cannot run the network on this input"):
        predictor.run(np.zeros((1, 1, 32, 32), np.float32))


def test_the_fake_engine_refuses_other_models(tmp_path: Path, package: Package) -> None:
    from dataclasses import replace

    real = replace(package, manifest=replace(package.manifest, architecture=None))
    with pytest.raises(EngineUnavailable, match="fake model only"):
        FakePredictor(real)
