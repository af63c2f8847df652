"""Intervals draw patients, not images, and all draws at once equal one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cxrview.evaluation import bootstrap, metrics
from cxrview.evaluation.interval import wilson


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
    at_once = bootstrap.bootstrap_draws(metric, groups, scores, truth, resamples=60, seed=3)
    one_by_one = bootstrap.bootstrap_draws(by_repeating(metric), groups, scores, truth, resamples=60, seed=3)
    np.testing.assert_allclose(at_once, one_by_one, atol=1e-12)


def test_draws_do_not_depend_on_how_they_are_sliced(monkeypatch):
    rng = np.random.default_rng(6)
    groups = [str(k) for k in range(30)]
    truth = rng.random(30) < 0.5
    scores = rng.random(30)
    whole = bootstrap.bootstrap_draws(metrics.auroc, groups, scores, truth, resamples=100, seed=9)
    monkeypatch.setattr(bootstrap, "SLICE_CELLS", 200)
    np.testing.assert_array_equal(whole, bootstrap.bootstrap_draws(metrics.auroc, groups, scores, truth, resamples=100, seed=9))


def test_copies_of_a_patients_image_do_not_narrow_the_interval():
    rng = np.random.default_rng(1)
    truth = np.arange(40) % 2 == 0
    scores = rng.normal(size=40) + truth
    groups = [f"p{k}" for k in range(40)]
    once = bootstrap.bootstrap_by_group(metrics.auroc, groups, scores, truth)
    copied = bootstrap.bootstrap_by_group(metrics.auroc, groups * 10, np.tile(scores, 10), np.tile(truth, 10))
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
        interval = bootstrap.bootstrap_by_group(metrics.auroc, groups, scores, truth, resamples=300, seed=study)
        held += interval.low <= true_auroc <= interval.high
    assert 0.89 <= held / 200 <= 0.99


def test_draws_without_a_class_are_left_out_and_too_few_leave_no_interval():
    truth = np.array([True, False, False])
    few = bootstrap.bootstrap_by_group(metrics.auroc, ["a", "b", "c"], [0.9, 0.1, 0.2], truth, resamples=400)
    assert few.value == 1.0
    assert few.resamples < 400
    assert (few.low, few.high) == (1.0, 1.0)

    def needs_all_three(scores, positives):
        return float(scores.sum()) if len(set(scores.tolist())) == 3 else math.nan

    rare = bootstrap.bootstrap_by_group(needs_all_three, ["a", "b", "c"], [0.9, 0.3, 0.2], truth, resamples=400)
    assert 0 < rare.resamples < 200
    assert rare.value == pytest.approx(1.4)
    assert math.isnan(rare.low)
    alone = bootstrap.bootstrap_by_group(metrics.auroc, ["a", "a"], [0.9, 0.1], np.array([True, False]))
    assert alone.value == 1.0
    assert math.isnan(alone.low)
    assert str(alone) == "1.000 (no interval)"


def test_a_difference_is_drawn_on_the_same_patients():
    rng = np.random.default_rng(3)
    truth = rng.random(80) < 0.5
    scores = rng.normal(size=80) + truth
    groups = [str(k) for k in range(80)]
    none = bootstrap.bootstrap_difference(metrics.auroc, groups, scores, 2 * scores + 1, truth)
    assert (none.value, none.low, none.high) == (0.0, 0.0, 0.0)
    gain = bootstrap.bootstrap_difference(metrics.auroc, groups, scores, rng.normal(size=80), truth)
    assert gain.low < gain.value < gain.high


def test_a_proportion_of_one_gets_the_interval_of_its_patients_not_of_its_images():
    everyone = bootstrap.proportion_by_group([True] * 30, ["a", "b", "c"] * 10)
    assert everyone.value == 1.0
    assert everyone.low == pytest.approx(wilson(3, 3).low)
    assert everyone.n == 30
    mixed = bootstrap.proportion_by_group([True, False] * 20, [str(k) for k in range(40)])
    assert mixed.low < 0.5 < mixed.high
    assert math.isnan(bootstrap.proportion_by_group([], []).value)
