"""LIME finds what the network looks at, with the sign it looks at it with, and comes out the same every time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from cxrview.core.colour import colour_table
from cxrview.core.errors import EngineUnavailable
from cxrview.core.manifest import HeatmapKind
from cxrview.core.phantom import as_pixels, phantom
from cxrview.core.prepare import prepare
from cxrview.core.results import FloatArray, Forward, HeatmapTarget
from cxrview.engine import present
from cxrview.engine.explain import explain, methods_for
from cxrview.engine.fake import FakePredictor, fake_package
from cxrview.engine.packages import Package

pytest.importorskip("lime")


class LooksAtCorners:
    """Answers with the brightness of two corners: the first speaks for the first label, the second against it."""

    engine, device = "fake", "cpu"

    def run(self, batch: FloatArray) -> Sequence[Forward]:
        bright, dark = batch[:, 0, :24, :24].mean(axis=(1, 2)), batch[:, 0, -24:, -24:].mean(axis=(1, 2))
        logits = np.stack([bright - dark, *(np.zeros_like(bright),) * 3], axis=1).astype(np.float32)
        return tuple(Forward(each, None) for each in logits)

    def close(self) -> None:
        return


@pytest.fixture
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    return fake_package(tmp_path_factory.mktemp("model") / "fake", size=(96, 96), heatmap=HeatmapKind.NONE)


def bright_picture(package: Package) -> object:
    made = prepare(as_pixels(phantom(1, size=(96, 96))), package.manifest.input)
    gray = made.gray.copy()
    gray[:24, :24] = gray[-24:, -24:] = 250
    from dataclasses import replace

    return replace(made, gray=gray)


def test_patches_carry_the_sign_they_speak_with(package: Package) -> None:
    (found,) = explain(bright_picture(package), package, LooksAtCorners(), labels=["normal"], method="lime")
    values = found.values
    rows, columns = values.shape
    corner = rows // 5
    assert found.method == "LIME"
    assert values[:corner, :corner].mean() > 10 * abs(values[rows // 3 : -rows // 3, columns // 3 : -columns // 3].mean())
    assert values[-corner:, -corner:].mean() < 0 < values[:corner, :corner].mean()


def test_the_same_picture_gives_the_same_map_on_a_real_predictor(package: Package) -> None:
    made = prepare(as_pixels(phantom(2, size=(96, 96))), package.manifest.input)
    predictor = FakePredictor(package)
    target = HeatmapTarget.ONE_AGAINST_REST
    one, two = (explain(made, package, predictor, labels=["covid19", "normal"], method="lime", target=target) for _ in range(2))
    assert [each.label.id for each in one] == ["covid19", "normal"]
    for first, second in zip(one, two, strict=True):
        np.testing.assert_array_equal(first.values, second.values)
        assert not first.is_flat


def test_it_can_be_stopped_between_runs(package: Package) -> None:
    class Stopped(Exception):
        pass

    def stop() -> None:
        raise Stopped

    made = prepare(as_pixels(phantom(2, size=(96, 96))), package.manifest.input)
    with pytest.raises(Stopped):
        explain(made, package, FakePredictor(package), method="lime", check=stop)


def test_it_is_offered_where_it_is_installed(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    assert methods_for(package)[-2:] == ("occlusion", "lime")
    real: Callable[[str], bool] = present._is_installed
    monkeypatch.setattr(present, "_is_installed", lambda name: name != "lime" and real(name))
    assert methods_for(package)[-1] == "occlusion"
    made = prepare(as_pixels(phantom(2, size=(96, 96))), package.manifest.input)
    with pytest.raises(EngineUnavailable, match="lime is not installed"):
        explain(made, package, FakePredictor(package), method="lime")


def test_green_speaks_for_and_red_against() -> None:
    table = colour_table("green-red").astype(int)
    assert table[0, 0] > table[0, 1] + 80
    assert table[-1, 1] > table[-1, 0] + 80
