"""Every number comes from one source, with baselines on the same images."""

from __future__ import annotations

import numpy as np
import pytest

from cxrview.core.errors import DataError
from cxrview.core.manifest import Threshold
from cxrview.evaluation.baselines import shortcut_features
from cxrview.evaluation.cases import Split, score_cases
from cxrview.evaluation.metrics import auroc, confusion
from cxrview.evaluation.one_sided import measure_operating, measure_sensitivities
from cxrview.evaluation.within_source import EVERY_OTHER, Contrast, Settings, find_contrasts, measure_contrast, members

QUICK = Settings(resamples=200)
HALF = Threshold(0.4, "chosen before")


@pytest.fixture(scope="module")
def cases(synthetic):
    return synthetic.cases()


@pytest.fixture(scope="module")
def scored(synthetic, cases):
    return score_cases(cases, synthetic.logits(cases), synthetic.manifest())


@pytest.fixture(scope="module")
def shortcuts(synthetic, cases):
    return shortcut_features(synthetic.grays(cases))


def test_contrasts_are_the_sources_with_enough_of_both_classes(synthetic, cases):
    named = {str(contrast) for contrast in find_contrasts(cases, synthetic.LABELS)}
    assert named == {
        "north (test): normal against tuberculosis",
        "north (test): tuberculosis against normal",
        "south (test): normal against covid19",
        "south (test): covid19 against normal",
    }


def test_small_classes_are_taken_together_when_none_is_enough_alone(synthetic):
    kinds = ("bacterial", "viral", "fungal")
    mixed = [synthetic.case("north", "covid19", k, Split.TEST) for k in range(8)]
    mixed += [
        synthetic.case("north", "normal", k, Split.TEST) if kind == "viral" else synthetic.case("north", kind, k, Split.TEST)
        for kind in kinds
        for k in range(4)
    ]
    assert find_contrasts(mixed, ["covid19"]) == (Contrast(Split.TEST, "north", "covid19", "no label"),)
    assert find_contrasts(mixed, ["covid19"], minimum=9) == ()
    fewer = mixed[:8] + mixed[12:]  # 4 without label, 4 normal
    assert [str(c.against) for c in find_contrasts(fewer[:8] + fewer[8:], ["covid19"], minimum=5)] == [EVERY_OTHER]


def test_cases_with_several_labels_are_one_contrast(synthetic):
    several = [synthetic.case("north", "covid19", k, Split.TEST) for k in range(8)]
    both = synthetic.case("north", "normal", 0, Split.TEST)
    several += [synthetic.case("north", "normal", k, Split.TEST) for k in range(9)]
    several.append(type(both)(both.path, "north", "g", frozenset({"normal", "tuberculosis"}), both.known, Split.TEST))
    assert find_contrasts(several, ["covid19"]) == (Contrast(Split.TEST, "north", "covid19", EVERY_OTHER),)


def test_cases_of_unknown_truth_never_count(synthetic, cases):
    unknown = [synthetic.case("north", "tuberculosis", 100 + k, Split.TEST, known=("tuberculosis",)) for k in range(5)]
    contrast = Contrast(Split.TEST, "north", "covid19")
    assert members([*cases, *unknown], contrast).tolist() == members(cases, contrast).tolist()


def test_a_contrast_is_measured_on_its_own_cases_alone(cases, scored):
    contrast = Contrast(Split.TEST, "north", "tuberculosis", "normal")
    result = measure_contrast(scored, contrast, HALF, settings=QUICK)
    own = [i for i, case in enumerate(cases) if case.source == "north" and case.split is Split.TEST]
    truth = np.array(["tuberculosis" in cases[i].positives for i in own])
    chances = scored.probabilities[own, 2]
    assert (result.auroc.n, result.auroc.positives, result.auroc.groups) == (60, 30, 30)
    assert result.auroc.value == auroc(chances, truth)
    counts = confusion(chances, truth, 0.4)
    assert (result.sensitivity.value, result.specificity.value) == (counts.sensitivity, counts.specificity)
    assert (result.sensitivity.n, result.specificity.n) == (30, 30)
    assert (sum(result.positive_histogram), sum(result.negative_histogram)) == (30, 30)
    assert sum(b.fraction.n for b in result.calibration) == 60


def test_baselines_are_fitted_on_the_same_sources_training_images(scored, shortcuts):
    result = measure_contrast(scored, Contrast(Split.TEST, "south", "covid19", "normal"), HALF, shortcuts, QUICK)
    border, numbers = result.baselines
    assert border.fitted_on == "60 training images of south"
    assert border.auroc.value > 0.95  # the border gives it away
    assert border.gain.value == pytest.approx(result.auroc.value - border.auroc.value)
    assert border.gain.high < 0
    assert numbers.name == "three numbers"


def test_a_source_that_was_not_trained_on_is_cross_fitted(synthetic, cases):
    outside = [type(case)(case.path, case.source, case.group_id, case.positives, case.known, Split.EXTERNAL) for case in cases]
    scored = score_cases(outside, synthetic.logits(outside), synthetic.manifest())
    shortcuts = shortcut_features(synthetic.grays(outside))
    result = measure_contrast(scored, Contrast(Split.EXTERNAL, "south", "covid19", "normal"), HALF, shortcuts, QUICK)
    assert result.baselines[0].fitted_on == "these images, 5 folds by patient"
    assert result.baselines[0].auroc.value > 0.95


def test_subgroups_need_both_classes(scored):
    result = measure_contrast(scored, Contrast(Split.TEST, "north", "tuberculosis", "normal"), HALF, settings=QUICK)
    assert [(s.attribute, s.value, s.auroc.n) for s in result.subgroups] == [("view", "AP", 20), ("view", "PA", 40)]


def test_sensitivity_of_a_one_sided_source_is_told_for_each_source_of_normals(cases, scored, shortcuts):
    results = measure_sensitivities(scored, shortcuts, QUICK)
    assert [(r.source, r.label, r.normals_source) for r in results] == [
        ("abroad", "covid19", "north"),
        ("abroad", "covid19", "south"),
    ]
    north = results[0]
    normal = [i for i, c in enumerate(cases) if c.source == "north" and c.split is Split.TEST and "normal" in c.positives]
    abroad = [i for i, c in enumerate(cases) if c.source == "abroad"]
    assert north.specificity == np.mean(scored.probabilities[normal, 1] < north.threshold) >= 0.9
    assert north.sensitivity.value == np.mean(scored.probabilities[abroad, 1] >= north.threshold)
    assert (north.images, north.patients, north.normals) == (25, 5, 30)
    assert north.sensitivity.low < north.sensitivity.value < north.sensitivity.high
    assert [b.name for b in north.baselines] == ["border only", "three numbers"]
    assert north.baselines[0].sensitivity.value > 0.9
    assert north.baselines[0].fitted_on == "90 training images of all sources"


def test_rates_at_the_packages_threshold_are_told_where_there_are_enough_cases(cases, scored):
    results = {(r.source, r.label): r for r in measure_operating(scored, [HALF] * 3, QUICK)}
    assert ("south", "tuberculosis") in results
    assert results["south", "tuberculosis"].sensitivity.n == 0  # four positives are too few
    assert results["south", "tuberculosis"].specificity.n == 60
    abroad = results["abroad", "covid19"]
    assert abroad.specificity.n == 0
    assert abroad.sensitivity.value == np.mean(
        [p[1] >= 0.4 for p, c in zip(scored.probabilities, cases, strict=True) if c.source == "abroad"]
    )


def test_logits_that_do_not_fit_the_cases_are_refused(synthetic, cases):
    with pytest.raises(DataError, match="need logits of that shape"):
        score_cases(cases, np.zeros((3, 3)), synthetic.manifest())
    broken = synthetic.logits(cases)
    broken[0, 0] = np.nan
    with pytest.raises(DataError, match="not finite"):
        score_cases(cases, broken, synthetic.manifest())
