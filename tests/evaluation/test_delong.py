"""DeLong's test agrees with its definition and with the bootstrap; two models are compared on the same cases."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrview.evaluation.bootstrap import bootstrap_difference
from cxrview.evaluation.cases import score_cases
from cxrview.evaluation.compare import compare
from cxrview.evaluation.delong import delong
from cxrview.evaluation.metrics import auroc
from cxrview.evaluation.within_source import Settings, find_contrasts


def scores(count, *, seed, strength=1.0):
    rng = np.random.default_rng(seed)
    truth = np.arange(count) % 3 == 0
    common = rng.normal(size=count) + strength * truth
    return common + 0.5 * rng.normal(size=count), common + 1.0 * rng.normal(size=count), truth


def by_definition(one, two, truth):
    """Structural components by counting every pair, as in the paper's equations 4 to 6."""
    v10, v01 = [], []
    for values in (one, two):
        kernel = (values[truth][:, None] > values[~truth][None, :]) + 0.5 * (values[truth][:, None] == values[~truth][None, :])
        v10.append(kernel.mean(axis=1))
        v01.append(kernel.mean(axis=0))
    covariance = np.cov(v10) / truth.sum() + np.cov(v01) / (~truth).sum()
    return np.mean(v10, axis=1), covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]


@given(st.integers(0, 10_000), st.booleans())
def test_it_is_what_the_paper_defines(seed, is_coarse):
    one, two, truth = scores(40, seed=seed)
    if is_coarse:
        one, two = np.round(one), np.round(two)
    found = delong(one, two, truth)
    areas, variance = by_definition(one, two, truth)
    assert (found.first, found.second) == pytest.approx((auroc(one, truth), auroc(two, truth)))
    assert (found.first, found.second) == pytest.approx(tuple(areas))
    assert (found.high - found.low) / 2 == pytest.approx(1.959964 * math.sqrt(variance), abs=1e-5)


def test_its_interval_is_that_of_the_bootstrap_for_independent_cases():
    one, two, truth = scores(600, seed=4)
    found = delong(one, two, truth)
    drawn = bootstrap_difference(auroc, [str(i) for i in range(600)], one, two, truth, resamples=4000)
    assert found.difference == pytest.approx(drawn.value)
    assert (found.low, found.high) == pytest.approx((drawn.low, drawn.high), abs=0.004)


def test_equal_models_differ_in_one_of_twenty_tests_and_unequal_ones_are_told():
    p_values = [delong(*scores_of_equals(seed)).p for seed in range(400)]
    assert 0.02 <= np.mean(np.array(p_values) < 0.05) <= 0.09
    one, two, truth = scores(600, seed=1, strength=1.5)
    assert delong(one, two, truth).p < 0.001


def scores_of_equals(seed):
    rng = np.random.default_rng(seed)
    truth = np.arange(120) % 2 == 0
    common = rng.normal(size=120) + truth
    return common + 0.7 * rng.normal(size=120), common + 0.7 * rng.normal(size=120), truth


def test_nothing_varies_or_too_little_is_there():
    truth = np.array([True, True, False, False])
    same = delong([4.0, 3, 2, 1], [8.0, 6, 4, 2], truth)
    assert (same.difference, math.isnan(same.p)) == (0.0, True)
    assert math.isnan(delong([1.0, 2], [1.0, 2], [True, False]).first)


def test_models_are_compared_inside_each_source_and_variants_by_their_largest_gap(synthetic):
    cases, manifest = synthetic.cases(), synthetic.manifest()
    good, poor = synthetic.logits(cases, strength=3.0), synthetic.logits(cases, strength=0.3, seed=1)
    contrasts = find_contrasts(cases, ["tuberculosis", "covid19"])
    first, second = score_cases(cases, good, manifest), score_cases(cases, poor, manifest)
    found = compare(first, second, [0.4] * 3, contrasts, other="poor", settings=Settings(resamples=200))
    assert len(found.contrasts) == len(contrasts)
    assert all(each.delong.p < 0.01 and each.by_patient.low > 0 for each in found.contrasts)
    assert not found.is_within
    nearly = score_cases(cases, good + 1e-3, manifest)
    assert compare(first, nearly, [0.4] * 3, contrasts, other="int8", is_variant=True, settings=Settings(resamples=50)).is_within
    rounded = score_cases(cases, np.round(good), manifest)
    coarse = compare(first, rounded, [0.4] * 3, (), other="int8", is_variant=True)
    assert coarse.largest > 0.01
    assert coarse.changed_calls > 0
    assert not coarse.is_within
