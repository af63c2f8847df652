"""Metrics agree with scikit-learn and with their own laws; intervals draw patients, not images."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrview.core.errors import DataError
from cxrview.evaluation import metrics

COARSE = st.integers(0, 6).map(lambda k: k / 6)
SCORED = st.lists(st.tuples(COARSE, st.booleans()), min_size=2, max_size=40).filter(lambda rows: len({truth for _, truth in rows}) == 2)


def columns(rows):
    return np.array([score for score, _ in rows]), np.array([truth for _, truth in rows])


@given(rows=SCORED)
@settings(deadline=None)
def test_auroc_and_average_precision_agree_with_sklearn_when_scores_tie(rows):
    sklearn = pytest.importorskip("sklearn.metrics")
    scores, truth = columns(rows)
    assert metrics.auroc(scores, truth) == pytest.approx(sklearn.roc_auc_score(truth, scores), abs=1e-12)
    assert metrics.average_precision(scores, truth) == pytest.approx(sklearn.average_precision_score(truth, scores), abs=1e-12)


@given(rows=SCORED)
@settings(deadline=None)
def test_brier_log_loss_and_confusion_agree_with_sklearn(rows):
    sklearn = pytest.importorskip("sklearn.metrics")
    scores, truth = columns(rows)
    soft = 0.02 + 0.96 * scores
    assert metrics.brier(soft, truth) == pytest.approx(sklearn.brier_score_loss(truth, soft), abs=1e-12)
    assert metrics.log_loss(soft, truth) == pytest.approx(sklearn.log_loss(truth, soft), abs=1e-12)
    counts = metrics.confusion(scores, truth, 0.5)
    expected = sklearn.confusion_matrix(truth, scores >= 0.5, labels=[False, True]).ravel().tolist()
    assert [counts.true_negatives, counts.false_positives, counts.false_negatives, counts.true_positives] == expected


@given(rows=SCORED)
@settings(deadline=None)
def test_roc_passes_through_every_corner_of_sklearn_and_holds_the_auroc_below_it(rows):
    sklearn = pytest.importorskip("sklearn.metrics")
    scores, truth = columns(rows)
    points = metrics.roc_points(scores, truth)
    rates, hits, _ = sklearn.roc_curve(truth, scores, drop_intermediate=False)
    np.testing.assert_allclose(points, np.column_stack([rates, hits]), atol=1e-12)
    assert np.trapezoid(points[:, 1], points[:, 0]) == pytest.approx(metrics.auroc(scores, truth), abs=1e-12)


@given(rows=SCORED)
def test_auroc_of_reversed_scores_is_the_complement(rows):
    scores, truth = columns(rows)
    assert metrics.auroc(-scores, truth) == pytest.approx(1 - metrics.auroc(scores, truth))


@given(rows=SCORED, wanted=st.sampled_from([0.5, 0.8, 0.9, 0.95, 1.0]))
def test_threshold_reaches_the_wanted_specificity_and_no_lower_score_does(rows, wanted):
    scores, truth = columns(rows)
    threshold = metrics.threshold_at_specificity(scores, truth, wanted)
    assert metrics.confusion(scores, truth, threshold).specificity >= wanted - 1e-12
    lower = [score for score in scores if score < threshold]
    if lower:
        assert metrics.confusion(scores, truth, max(lower)).specificity < wanted


@given(rows=SCORED, wanted=st.sampled_from([0.5, 0.8, 0.9, 0.95, 1.0]))
def test_threshold_reaches_the_wanted_sensitivity_and_no_higher_score_does(rows, wanted):
    scores, truth = columns(rows)
    threshold = metrics.threshold_at_sensitivity(scores, truth, wanted)
    assert metrics.confusion(scores, truth, threshold).sensitivity >= wanted - 1e-12
    higher = [score for score in scores if score > threshold]
    if higher:
        assert metrics.confusion(scores, truth, min(higher)).sensitivity < wanted


def test_nine_of_ten_normals_below_is_a_specificity_of_ninety_percent():
    normals = np.arange(10) / 10
    scores = np.append(normals, 2.0)
    truth = np.arange(11) == 10
    assert metrics.threshold_at_specificity(scores, truth, 0.9) == pytest.approx(0.9)
    assert metrics.sensitivity_at_specificity(scores, truth, 0.9) == 1.0


def test_specificity_of_one_is_reached_above_every_score_when_a_negative_is_highest():
    threshold = metrics.threshold_at_specificity([0.2, 0.9], [True, False], 1.0)
    assert threshold > 0.9
    assert metrics.confusion([0.2, 0.9], [True, False], threshold).false_positives == 0


def test_confusion_rates_are_those_of_a_small_table():
    counts = metrics.confusion([0.9, 0.8, 0.4, 0.7, 0.1, 0.2], [True, True, True, False, False, False], 0.5)
    assert counts == metrics.Confusion(true_positives=2, false_positives=1, true_negatives=2, false_negatives=1)
    assert counts.sensitivity == pytest.approx(2 / 3)
    assert counts.specificity == pytest.approx(2 / 3)
    assert counts.positive_predictive_value == pytest.approx(2 / 3)
    assert counts.negative_predictive_value == pytest.approx(2 / 3)


def test_a_missing_class_gives_no_number_rather_than_a_wrong_one():
    assert math.isnan(metrics.auroc([0.1, 0.2], [True, True]))
    assert math.isnan(metrics.auroc([], []))
    assert math.isnan(metrics.average_precision([0.1], [False]))
    assert math.isnan(metrics.confusion([0.1], [True], 0.5).specificity)
    assert math.isnan(metrics.threshold_at_specificity([0.1], [True], 0.9))
    assert math.isnan(metrics.threshold_at_sensitivity([0.1], [False], 0.9))
    assert metrics.roc_points([0.1], [True]).shape == (0, 2)


def test_scores_that_are_not_numbers_are_refused():
    with pytest.raises(DataError, match="not a number"):
        metrics.auroc([0.1, math.nan], [True, False])
    with pytest.raises(DataError, match="same length"):
        metrics.auroc([0.1, 0.2], [True])


def test_calibration_error_is_the_gap_that_was_put_in():
    promised = np.repeat([0.05, 0.35, 1.0], [20, 20, 10])
    truth = np.concatenate([np.arange(20) < 1, np.arange(20) < 13, np.ones(10, bool)])
    assert metrics.expected_calibration_error(promised, truth) == pytest.approx(20 * 0.30 / 50)
    bins = metrics.calibration_bins(promised, truth)
    assert [(b.low, b.high) for b in bins] == [(0.0, 0.1), (0.3, 0.4), (0.9, 1.0)]
    assert [b.fraction.value for b in bins] == pytest.approx([0.05, 0.65, 1.0])
    assert bins[1].mean_probability == pytest.approx(0.35)


def test_wilson_is_the_interval_of_the_textbook():
    interval = metrics.wilson(8, 10)
    assert (interval.value, interval.low, interval.high) == pytest.approx((0.8, 0.4902, 0.9433), abs=1e-4)
    assert metrics.wilson(0, 20).low == 0.0
    assert metrics.wilson(20, 20).high == pytest.approx(1.0)
    assert math.isnan(metrics.wilson(0, 0).value)


def by_repeating(metric):
    """The same metric, unknown to the table of metrics that take all draws at once."""
    return lambda scores, positives: metric(scores, positives)


@pytest.mark.parametrize(
    "metric",
    [metrics.auroc, metrics.average_precision, metrics.brier, metrics.log_loss, *map(metrics.SensitivityAtSpecificity, (0.5, 0.9, 1.0))],
)
def test_weighing_all_draws_at_once_equals_repeating_cases(metric):
    rng = np.random.default_rng(5)
    groups = [f"p{k}" for k in rng.integers(0, 12, 50)]
    truth = rng.random(50) < 0.3
    scores = np.round(np.clip(rng.random(50) * 0.7 + 0.2 * truth, 0.01, 0.99), 1)
    at_once = metrics.bootstrap_draws(metric, groups, scores, truth, resamples=60, seed=3)
    one_by_one = metrics.bootstrap_draws(by_repeating(metric), groups, scores, truth, resamples=60, seed=3)
    np.testing.assert_allclose(at_once, one_by_one, atol=1e-12)


def test_draws_do_not_depend_on_how_they_are_sliced(monkeypatch):
    rng = np.random.default_rng(6)
    groups = [str(k) for k in range(30)]
    truth = rng.random(30) < 0.5
    scores = rng.random(30)
    whole = metrics.bootstrap_draws(metrics.auroc, groups, scores, truth, resamples=100, seed=9)
    monkeypatch.setattr(metrics, "SLICE_CELLS", 200)
    np.testing.assert_array_equal(whole, metrics.bootstrap_draws(metrics.auroc, groups, scores, truth, resamples=100, seed=9))


def test_copies_of_a_patients_image_do_not_narrow_the_interval():
    rng = np.random.default_rng(1)
    truth = np.arange(40) % 2 == 0
    scores = rng.normal(size=40) + truth
    groups = [f"p{k}" for k in range(40)]
    once = metrics.bootstrap_by_group(metrics.auroc, groups, scores, truth)
    copied = metrics.bootstrap_by_group(metrics.auroc, groups * 10, np.tile(scores, 10), np.tile(truth, 10))
    assert copied.groups == 40
    assert copied.n == 400
    assert (copied.value, copied.low, copied.high) == pytest.approx((once.value, once.low, once.high))


def test_intervals_hold_the_true_auroc_about_as_often_as_they_say():
    rng = np.random.default_rng(2024)
    true_auroc = 0.760  # of two normal distributions one apart: Phi(1 / sqrt 2)
    held = 0
    for study in range(200):
        patients = rng.integers(0, 2, 60).astype(bool)
        images = rng.integers(1, 4, 60)
        truth = np.repeat(patients, images)
        groups = np.repeat([f"p{k}" for k in range(60)], images).tolist()
        scores = np.repeat(rng.normal(size=60) * 0.8, images) + rng.normal(size=truth.size) * 0.6 + truth
        interval = metrics.bootstrap_by_group(metrics.auroc, groups, scores, truth, resamples=300, seed=study)
        held += interval.low <= true_auroc <= interval.high
    assert 0.89 <= held / 200 <= 0.99


def test_draws_without_a_class_are_left_out_and_too_few_leave_no_interval():
    truth = np.array([True, False, False])
    few = metrics.bootstrap_by_group(metrics.auroc, ["a", "b", "c"], [0.9, 0.1, 0.2], truth, resamples=400)
    assert few.value == 1.0
    assert few.resamples < 400
    assert (few.low, few.high) == (1.0, 1.0)

    def needs_all_three(scores, positives):
        return float(scores.sum()) if len(set(scores.tolist())) == 3 else math.nan

    rare = metrics.bootstrap_by_group(needs_all_three, ["a", "b", "c"], [0.9, 0.3, 0.2], truth, resamples=400)
    assert 0 < rare.resamples < 200
    assert rare.value == pytest.approx(1.4)
    assert math.isnan(rare.low)
    alone = metrics.bootstrap_by_group(metrics.auroc, ["a", "a"], [0.9, 0.1], np.array([True, False]))
    assert alone.value == 1.0
    assert math.isnan(alone.low)
    assert str(alone) == "1.000 (no interval)"


def test_a_difference_is_drawn_on_the_same_patients():
    rng = np.random.default_rng(3)
    truth = rng.random(80) < 0.5
    scores = rng.normal(size=80) + truth
    groups = [str(k) for k in range(80)]
    none = metrics.bootstrap_difference(metrics.auroc, groups, scores, 2 * scores + 1, truth)
    assert (none.value, none.low, none.high) == (0.0, 0.0, 0.0)
    gain = metrics.bootstrap_difference(metrics.auroc, groups, scores, rng.normal(size=80), truth)
    assert gain.low < gain.value < gain.high


def test_a_proportion_of_one_gets_the_interval_of_its_patients_not_of_its_images():
    everyone = metrics.proportion_by_group([True] * 30, ["a", "b", "c"] * 10)
    assert everyone.value == 1.0
    assert everyone.low == pytest.approx(metrics.wilson(3, 3).low)
    assert everyone.n == 30
    mixed = metrics.proportion_by_group([True, False] * 20, [str(k) for k in range(40)])
    assert mixed.low < 0.5 < mixed.high
    assert math.isnan(metrics.proportion_by_group([], []).value)


def test_an_interval_reads_as_value_and_ends():
    assert str(metrics.wilson(8, 10)) == "0.800 (0.490 to 0.943)"
    assert str(metrics.wilson(0, 0)) == "not defined"
