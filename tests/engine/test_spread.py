"""Answers to one image spread over the networks of an ensemble, or over small changes of the picture's place."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cxrview.core.manifest import Combination
from cxrview.core.phantom import as_pixels, phantom
from cxrview.core.prepare import prepare
from cxrview.core.scores import probabilities
from cxrview.engine.choose import open_predictor
from cxrview.engine.composite import write_composite
from cxrview.engine.fake import FakePredictor, fake_package
from cxrview.engine.spread import ensemble_spread, placement_spread


def test_an_ensemble_spreads_over_its_networks(tmp_path: Path) -> None:
    members = {name: fake_package(tmp_path / name, model_id=name, seed=seed) for seed, name in enumerate(("a", "b"))}
    about = {"card": "", "model_id": "pair", "title": "Pair", "version": "1", "intended_use": "Tests."}
    pair = write_composite(tmp_path / "pair", members, combine=Combination.MEAN_PROBABILITY, **about)
    predictor = open_predictor(pair, engine="onnx", threads=1).predictor
    (forward, _) = predictor.run(pair.golden.inputs)
    predictor.close()
    spread = ensemble_spread(forward, pair)
    assert spread is not None
    assert spread.count == 2
    np.testing.assert_allclose(spread.mean, probabilities(forward.logits, pair.manifest), atol=1e-6)
    assert (spread.deviation > 0).any()
    assert (spread.low <= spread.mean).all()
    assert (spread.mean <= spread.high).all()
    assert ensemble_spread(forward, members["a"]) is None


def test_small_changes_of_place_spread_the_answer_around_the_answer(tmp_path: Path) -> None:
    package = fake_package(tmp_path / "one")
    model_input = prepare(as_pixels(phantom(1, size=(96, 96))), package.manifest.input)
    predictor = FakePredictor(package)
    spread = placement_spread(model_input, package, predictor)
    plain = probabilities(predictor.run(model_input.tensor)[0].logits, package.manifest)
    assert spread.count == 9
    assert (spread.low <= plain + 1e-6).all()
    assert (plain <= spread.high + 1e-6).all()
    assert spread.deviation.max() > 0
