"""Metrics agree with scikit-learn and with their own laws."""

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
