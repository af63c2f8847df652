from __future__ import annotations

import numpy as np

from cxrview.evaluation.baselines import border_features
from cxrview.evaluation.probe import Confounding, Seen, in_words, probe_confounding, small_whole

COUNT = 80


def _probed(classes: list[str], sources: list[str], *, frame: dict[str, int] | None = None) -> Confounding:
    random = np.random.default_rng(0)
    grays = random.integers(0, 255, (COUNT, 48, 48)).astype(np.uint8)
    for gray, source in zip(grays, sources, strict=True):
        if frame:
            level = frame[source]
            gray[:4], gray[-4:], gray[:, :4], gray[:, -4:] = level, level, level, level
            gray[0] = random.integers(0, 20, 48)
    borders = np.stack([border_features(gray) for gray in grays]).astype(np.float32)
    return probe_confounding(Seen(borders, small_whole(grays)), classes, sources, [f"p{number}" for number in range(COUNT)])


def test_class_and_source_being_the_same_thing_is_said_first() -> None:
    classes = ["ill" if number % 2 else "well" for number in range(COUNT)]
    found = _probed(classes, ["north" if number % 2 else "south" for number in range(COUNT)], frame={"north": 200, "south": 40})
    assert found.is_source_class
    assert found.one_sided == ("north: ill", "south: well")
    assert found.sentences[0].startswith("Class and source are the same thing here")
    border = next(probe for probe in found.probes if probe.asked.startswith("the class"))
    assert border.auroc > 0.95
    assert any("border shows no lung" in sentence for sentence in found.sentences)


def test_a_source_is_told_from_its_frame_where_classes_are_mixed() -> None:
    classes = ["ill" if number % 4 < 2 else "well" for number in range(COUNT)]
    found = _probed(classes, ["north" if number % 2 else "south" for number in range(COUNT)], frame={"north": 200, "south": 40})
    by_asked = {(probe.asked, probe.seen): probe.auroc for probe in found.probes}
    assert not found.is_source_class
    assert by_asked["the source of an image", "its border alone"] > 0.95
    assert 0.3 < by_asked["the class of an image", "its border alone"] < 0.7
    assert "can be told easily from its border alone (AUROC 1.00)" in " ".join(found.sentences)


def test_noise_tells_nothing_and_one_source_is_mentioned() -> None:
    found = _probed(["ill" if number % 2 else "well" for number in range(COUNT)], ["ward"] * COUNT)
    assert [probe.asked for probe in found.probes] == ["the class of an image"]
    assert "one source" in found.sentences[-1]
    assert in_words(0.55) == "hardly better than by guessing"


def test_a_source_with_one_class_beside_mixed_ones_is_named() -> None:
    classes = ["well" if number % 2 == 0 or number < 10 else "ill" for number in range(COUNT)]
    found = _probed(classes, ["small" if number < 10 else "big" for number in range(COUNT)])
    assert found.one_sided == ("small: well",)
    assert not found.is_source_class
    assert "one class only: small: well" in found.sentences[0]
