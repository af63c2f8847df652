"""Calibration is chosen on held-out patients and undoes what was done to the logits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrview.core.manifest import Calibration, CalibrationMethod, Task, Threshold
from cxrview.core.scores import probabilities, sigmoid
from cxrview.evaluation.calibrate import (
    calibrate,
    choose_thresholds,
    conformal_rules,
    fit_isotonic,
    fit_platt,
    fit_temperature,
    platt_targets,
    with_prevalence,
)
from cxrview.evaluation.cases import Case, Split, score_cases
from cxrview.evaluation.metrics import expected_calibration_error, log_loss


def draw(n, *, slope=1.0, bias=0.0, seed=0):
    """Logits whose true probability is sigmoid(slope * logit + bias)."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, n)
    return logits, rng.random(n) < sigmoid(slope * logits + bias)


def labelled(truth, label="covid19", *, images_per_patient=1, split=Split.VAL, source="north"):
    return [
        Case(Path(f"{k}.png"), source, f"p{k // images_per_patient}", frozenset({label} if t else ()), frozenset({label}), split)
        for k, t in enumerate(truth)
    ]


def test_platt_targets_stay_away_from_certainty():
    assert platt_targets(np.array([True, True, True, False])).tolist() == pytest.approx([0.8, 0.8, 0.8, 1 / 3])


def test_temperature_finds_the_overconfidence_that_was_put_in():
    logits, truth = draw(6000, slope=0.25)
    assert fit_temperature(logits, truth).slope == pytest.approx(0.25, rel=0.08)


def test_platt_finds_slope_and_bias_and_agrees_with_sklearn():
    linear = pytest.importorskip("sklearn.linear_model")
    logits, truth = draw(6000, slope=0.5, bias=-1.0)
    fitted = fit_platt(logits, truth)
    assert fitted is not None
    assert (fitted.slope, fitted.bias) == pytest.approx((0.5, -1.0), abs=0.08)
    reference = linear.LogisticRegression(C=1e6, tol=1e-10).fit(logits[:, None], truth)
    assert (fitted.slope, fitted.bias) == pytest.approx((reference.coef_[0, 0], reference.intercept_[0]), abs=2e-3)


def test_platt_refuses_to_turn_a_network_upside_down():
    logits, truth = draw(400)
    assert fit_platt(-logits, truth) is None


def test_separable_cases_do_not_make_certain_probabilities():
    logits = np.linspace(-3, 3, 40)
    truth = logits > 0
    fitted = fit_platt(logits, truth)
    assert fitted is not None
    assert 0.5 < sigmoid(np.array(fitted.slope * 0.6 + fitted.bias)) < 0.999
    knots = fit_isotonic(logits, truth).knots_probability
    assert (min(knots), max(knots)) == pytest.approx((1 / 22, 21 / 22))


@given(
    rows=st.lists(st.tuples(st.integers(-4, 4), st.booleans()), min_size=2, max_size=40).filter(lambda rows: len({t for _, t in rows}) == 2)
)
@settings(deadline=None)
def test_isotonic_rises_and_agrees_with_sklearn_inside_its_bounds(rows):
    isotonic = pytest.importorskip("sklearn.isotonic")
    logits = np.array([x for x, _ in rows], float)
    truth = np.array([t for _, t in rows])
    rule = fit_isotonic(logits, truth)
    assert np.all(np.diff(rule.knots_logit) > 0)
    assert np.all(np.diff(rule.knots_probability) >= 0)
    targets = platt_targets(truth)
    expected = np.clip(isotonic.IsotonicRegression().fit_transform(logits, truth), targets.min(), targets.max())
    np.testing.assert_allclose(np.interp(logits, rule.knots_logit, rule.knots_probability), expected, atol=1e-9)


@pytest.mark.parametrize(
    ("slope", "bias", "method"),
    [
        (1.0, 0.0, CalibrationMethod.NONE),
        (0.3, 0.0, CalibrationMethod.TEMPERATURE),
        (0.5, -1.5, CalibrationMethod.PLATT),
    ],
)
def test_the_simplest_method_that_fits_is_chosen(synthetic, slope, bias, method):
    logits, truth = draw(1500, slope=slope, bias=bias, seed=7)
    choice = calibrate(labelled(truth), logits[:, None], synthetic.manifest(("covid19",), Task.BINARY))
    assert choice.calibrations[0].method is method
    losses = {loss.method: loss.log_loss for loss in choice.losses}
    assert losses[method] <= min(losses.values()) + 0.002
    assert set(losses) == set(CalibrationMethod)


def test_isotonic_is_chosen_where_no_line_fits(synthetic):
    rng = np.random.default_rng(1)
    logits = rng.uniform(-3, 3, 2000)
    truth = rng.random(2000) < np.where(logits < -1, 0.1, np.where(logits < 2, 0.5, 0.95))
    choice = calibrate(labelled(truth), logits[:, None], synthetic.manifest(("covid19",), Task.BINARY))
    assert choice.calibrations[0].method is CalibrationMethod.ISOTONIC


def test_probabilities_are_better_after_calibration_on_cases_not_seen(synthetic):
    manifest = synthetic.manifest(("covid19",), Task.BINARY)
    logits, truth = draw(800, slope=0.3, bias=-1.0, seed=3)
    manifest_after = replace(manifest, calibration=calibrate(labelled(truth), logits[:, None], manifest).calibrations)
    fresh, fresh_truth = draw(2000, slope=0.3, bias=-1.0, seed=4)
    before = np.array([probabilities(np.array([z]), manifest)[0] for z in fresh])
    after = np.array([probabilities(np.array([z]), manifest_after)[0] for z in fresh])
    assert log_loss(after, fresh_truth) < log_loss(before, fresh_truth) - 0.1
    assert expected_calibration_error(after, fresh_truth) < 0.04


def test_copies_of_patients_do_not_make_a_rich_method_look_good(synthetic):
    """Forty copies of each patient: isotonic steps learned from copies would win if copies were in other folds."""
    rng = np.random.default_rng(5)
    patients = rng.normal(0, 1, 60)
    outcome = rng.random(60) < sigmoid(patients)
    logits, truth = np.repeat(patients, 40), np.repeat(outcome, 40)
    manifest = synthetic.manifest(("covid19",), Task.BINARY)
    choice = calibrate(labelled(truth, images_per_patient=40), logits[:, None], manifest)
    losses = {loss.method: loss.log_loss for loss in choice.losses}
    assert losses[CalibrationMethod.ISOTONIC] > losses[CalibrationMethod.NONE]
    torn = calibrate(labelled(truth), logits[:, None], manifest)
    assert torn.calibrations[0].method is CalibrationMethod.ISOTONIC


def test_too_few_cases_leave_the_network_as_it_is(synthetic):
    logits, truth = draw(30)
    choice = calibrate(labelled(truth), logits[:, None], synthetic.manifest(("covid19",), Task.BINARY))
    assert choice.calibrations == (Calibration(),)
    assert choice.losses == ()


def test_only_the_calibration_split_counts(synthetic):
    logits, truth = draw(600, slope=0.3)
    manifest = synthetic.manifest(("covid19",), Task.BINARY)
    elsewhere = labelled(~truth, split=Split.TEST)
    alone = calibrate(labelled(truth), logits[:, None], manifest)
    together = calibrate([*labelled(truth), *elsewhere], np.tile(logits, 2)[:, None], manifest)
    assert alone.calibrations == together.calibrations


def draw_classes(synthetic, n, *, slope, biases, seed=0):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (n, 3))
    scaled = slope * logits + np.array(biases)
    chances = np.exp(scaled) / np.exp(scaled).sum(axis=1, keepdims=True)
    target = [int(rng.choice(3, p=row)) for row in chances]
    cases = [synthetic.case("north", synthetic.LABELS[k], i, Split.VAL, images_per_patient=1) for i, k in enumerate(target)]
    return cases, logits


@pytest.mark.parametrize(
    ("slope", "biases", "method"),
    [
        (1.0, (0.0, 0.0, 0.0), CalibrationMethod.NONE),
        (0.4, (0.0, 0.0, 0.0), CalibrationMethod.TEMPERATURE),
        (0.6, (1.0, -1.0, 0.0), CalibrationMethod.PLATT),
    ],
)
def test_classes_share_one_slope_and_get_their_own_bias(synthetic, slope, biases, method):
    cases, logits = draw_classes(synthetic, 3000, slope=slope, biases=biases)
    rules = calibrate(cases, logits, synthetic.manifest()).calibrations
    assert {rule.method for rule in rules} == {method}
    assert len({rule.slope for rule in rules}) == 1
    assert rules[0].slope == pytest.approx(slope, rel=0.12)
    assert [rule.bias - rules[2].bias for rule in rules] == pytest.approx([b - biases[2] for b in biases], abs=0.25)


def test_class_probabilities_still_add_up_to_one(synthetic):
    cases, logits = draw_classes(synthetic, 600, slope=0.5, biases=(1.0, -1.0, 0.0))
    manifest = synthetic.manifest()
    manifest = replace(manifest, calibration=calibrate(cases, logits, manifest).calibrations)
    np.testing.assert_allclose(score_cases(cases, logits, manifest).probabilities.sum(axis=1), 1.0, atol=1e-12)


def two_sources(synthetic):
    """An easy hospital with many negatives and a hard one with few."""
    easy = labelled([False] * 100 + [True] * 20, source="easy")
    hard = labelled([False] * 20 + [True] * 20, source="hard")
    logits = np.concatenate([np.linspace(-9, -5, 100), np.linspace(1, 4, 20), np.linspace(-2, 2, 20), np.linspace(-1, 3, 20)])
    return score_cases(easy + hard, logits[:, None], synthetic.manifest(("covid19",), Task.BINARY))


def test_a_threshold_keeps_its_specificity_in_every_source(synthetic):
    scored = two_sources(synthetic)
    threshold = choose_thresholds(scored, specificity=0.9)[0]
    chances = scored.probabilities[:, 0]
    assert np.mean(chances[120:140] < threshold.probability) >= 0.9
    assert np.mean(chances[:100] < threshold.probability) >= 0.9
    assert threshold.operating_point == "at least 0.90 specificity on the negatives of each source of the val split: easy (100), hard (20)"


def test_a_threshold_keeps_its_sensitivity_in_every_source(synthetic):
    scored = two_sources(synthetic)
    threshold = choose_thresholds(scored, sensitivity=0.9)[0]
    chances = scored.probabilities[:, 0]
    assert np.mean(chances[100:120] >= threshold.probability) >= 0.9
    assert np.mean(chances[140:] >= threshold.probability) >= 0.9
    assert "0.90 sensitivity on the positives of each source" in threshold.operating_point


def test_sources_too_small_alone_are_taken_together(synthetic):
    cases = [case for k in range(5) for case in labelled([False] * 4 + [True], source=f"s{k}")]
    logits = np.linspace(-3, 3, len(cases))[:, None]
    scored = score_cases(cases, logits, synthetic.manifest(("covid19",), Task.BINARY))
    threshold = choose_thresholds(scored, specificity=0.9)[0]
    negatives = [i for i, case in enumerate(cases) if not case.positives]
    assert np.mean(scored.probabilities[negatives, 0] < threshold.probability) >= 0.9
    assert threshold.operating_point.endswith("on the 20 negatives of the val split, all sources together")


def test_without_cases_the_default_threshold_stays(synthetic):
    scored = score_cases([], np.zeros((0, 3)), synthetic.manifest())
    assert choose_thresholds(scored, specificity=0.9) == (Threshold(),) * 3
    with pytest.raises(ValueError, match="a specificity or a sensitivity"):
        choose_thresholds(scored)


def test_a_calibration_says_at_which_prevalence_it_holds(synthetic):
    truth = np.arange(100) < 20
    cases = [*labelled(truth), *labelled(np.ones(50, np.bool_), split=Split.TEST)]
    rules = with_prevalence((Calibration(), Calibration()), cases, ["covid19", "tuberculosis"])
    assert [rule.prevalence for rule in rules] == [pytest.approx(0.2), 0.0]


def test_bounds_of_dont_know_cover_both_classes_and_need_twenty_of_each(synthetic):
    logits, truth = draw(600)
    manifest = synthetic.manifest(labels=("covid19",), task=Task.BINARY)
    (rule,) = conformal_rules(score_cases(labelled(truth), logits[:, None], manifest))
    chances = sigmoid(logits)
    assert (chances[truth] >= rule.positive_from).mean() >= 0.9
    assert (chances[~truth] <= rule.negative_to).mean() >= 0.9
    assert (rule.positives, rule.negatives) == (int(truth.sum()), int((~truth).sum()))
    assert conformal_rules(score_cases(labelled(np.arange(60) < 19), np.zeros((60, 1)), manifest)) == ()
