from __future__ import annotations

import numpy as np

from cxrview.engine.gate import open_gate
from cxrview.evaluation.probe import Seen, probe_confounding
from cxrview.training.frozen import border_alone, frozen_features


def test_only_a_border_is_left() -> None:
    thumbs = np.random.default_rng(0).integers(0, 100, (3, 96, 96)).astype(np.uint8)
    left = border_alone(thumbs)
    assert (left[:, 6:-6, 6:-6] == 128).all()
    np.testing.assert_array_equal(left[:, :6], thumbs[:, :6])
    np.testing.assert_array_equal(left[:, :, -6:], thumbs[:, :, -6:])


def test_a_frame_is_told_from_the_features_of_a_network_and_what_lies_inside_is_not_seen_in_the_border() -> None:
    random = np.random.default_rng(1)
    thumbs = random.integers(60, 120, (40, 48, 48)).astype(np.uint8)
    framed, dark = np.arange(40) % 2 == 1, np.arange(40) // 2 % 2 == 1
    thumbs[framed, :3], thumbs[framed, -3:] = 250, 250
    thumbs[dark, 12:36, 12:36] = 0
    gate = open_gate(engine="onnx", device="cpu", threads=1)
    assert gate is not None
    try:
        frozen = frozen_features(thumbs, gate.package.manifest.input, gate.predictor)
    finally:
        gate.close()
    assert frozen is not None
    seen = Seen(frozen.border, frozen.whole, "the border", "the whole")
    classes, sources = np.where(dark, "ill", "well").tolist(), np.where(framed, "north", "south").tolist()
    found = probe_confounding(seen, classes, sources, [f"p{number}" for number in range(40)])
    told = {(probe.asked, probe.seen): probe.auroc for probe in found.probes}
    assert told["the source of an image", "the border"] > 0.95
    assert told["the source of an image", "the whole"] > 0.95
    assert told["the class of an image", "the border"] < 0.75
