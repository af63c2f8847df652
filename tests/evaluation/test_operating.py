"""Operating curves hold in every source, rise and fall as they must, and pass through the package's own threshold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cxrview.core.manifest import OperatingCurve, Task, Threshold
from cxrview.core.manifest_toml import manifest_document, parse_manifest
from cxrview.core.operating import Aim, threshold_for, worth_at
from cxrview.evaluation.calibrate import choose_thresholds
from cxrview.evaluation.cases import Split, score_cases
from cxrview.evaluation.operating import operating_curves


@pytest.fixture
def two_sources(synthetic):
    """An easy hospital, a hard one, and one with too few cases to count."""
    cases, logits = [], []
    rng = np.random.default_rng(3)
    for source, count, gap in (("easy", 60, 4.0), ("hard", 30, 1.0), ("tiny", 4, -9.0)):
        for i in range(count):
            is_ill = i % 3 == 0
            cases.append(synthetic.case(source, "covid19" if is_ill else None, i, Split.VAL, images_per_patient=1))
            logits.append(rng.normal(gap if is_ill else 0.0, 1.0))
    return score_cases(cases, np.array(logits)[:, None], synthetic.manifest(("covid19",), Task.BINARY))


def shares(scored, source, threshold):
    chances = scored.probabilities[:, 0]
    of = [i for i, case in enumerate(scored.cases) if case.source == source]
    ill = [i for i in of if scored.cases[i].positives]
    well = [i for i in of if not scored.cases[i].positives]
    return np.mean(chances[ill] >= threshold), np.mean(chances[well] < threshold)


def test_every_point_of_the_curve_is_the_mean_of_the_sources_that_count_with_the_lowest_beside_it(two_sources):
    (curve,) = operating_curves(two_sources, (Threshold(),))
    assert 20 < len(curve.probability) < 250
    for place, point in enumerate(curve.probability):
        measured = np.array([shares(two_sources, source, point) for source in ("easy", "hard")])
        assert (curve.sensitivity[place], curve.specificity[place]) == pytest.approx(tuple(measured.mean(axis=0)), abs=2e-6)
        lowest = (curve.lowest_sensitivity[place], curve.lowest_specificity[place])
        assert lowest == pytest.approx(tuple(measured.min(axis=0)), abs=2e-6)
    assert (curve.positives, curve.negatives) == (30, 60)
    assert "positives of easy (20), hard (10); negatives of easy (40), hard (20)" in curve.cases


def test_the_curve_agrees_with_the_thresholds_that_the_package_chooses(two_sources):
    thresholds = choose_thresholds(two_sources, specificity=0.9)
    (curve,) = operating_curves(two_sources, thresholds)
    assert thresholds[0].probability in curve.probability
    lowest = worth_at(curve, thresholds[0].probability).lowest
    assert lowest is not None
    assert lowest.specificity >= 0.9 - 1e-6
    for wanted in (0.8, 0.9, 0.96):
        chosen = threshold_for(curve, Aim.SENSITIVITY, wanted)
        assert chosen is not None
        assert np.mean([shares(two_sources, source, chosen)[0] for source in ("easy", "hard")]) >= wanted - 1e-6


def test_a_curve_survives_the_manifest(two_sources, synthetic):
    manifest = synthetic.manifest(("covid19",), Task.BINARY)
    manifest = replace(manifest, operating_curve=operating_curves(two_sources, (Threshold(0.4321234567, "chosen"),)))
    manifest = replace(manifest, files={manifest.graph: "0" * 64})
    assert parse_manifest(manifest_document(manifest)) == manifest


def test_a_label_without_negatives_or_positives_has_no_curve(synthetic):
    cases = [synthetic.case("north", "covid19", i, Split.VAL, images_per_patient=1) for i in range(20)]
    scored = score_cases(cases, np.zeros((20, 3)), synthetic.manifest())
    curves = operating_curves(scored, (Threshold(),) * 3)
    assert curves == (OperatingCurve(),) * 3
