"""What an operating curve says of a threshold, and of a wanted share: never more than was measured."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrview.core.manifest import OperatingCurve
from cxrview.core.operating import Aim, Worth, threshold_for, worth_at

CURVE = OperatingCurve((0.0, 0.2, 0.5, 0.9), (1.0, 0.9, 0.6, 0.1), (0.0, 0.5, 0.8, 1.0), 40, 60, "val split")


@pytest.mark.parametrize(
    ("aim", "wanted", "threshold"),
    [
        (Aim.SENSITIVITY, 0.9, 0.2),
        (Aim.SENSITIVITY, 0.91, 0.0),
        (Aim.SENSITIVITY, 0.05, 0.9),
        (Aim.SPECIFICITY, 0.8, 0.5),
        (Aim.SPECIFICITY, 0.81, 0.9),
        (Aim.SPECIFICITY, 0.0, 0.0),
    ],
)
def test_a_wanted_share_is_reached_and_as_little_as_possible_is_lost(aim: Aim, wanted: float, threshold: float) -> None:
    assert threshold_for(CURVE, aim, wanted) == threshold


def test_a_share_that_was_never_reached_has_no_threshold() -> None:
    short = OperatingCurve((0.2, 0.5), (0.9, 0.6), (0.5, 0.8), 40, 60, "")
    assert threshold_for(short, Aim.SENSITIVITY, 0.95) is None
    assert threshold_for(short, Aim.SPECIFICITY, 0.85) is None


def test_between_two_thresholds_the_worse_neighbour_counts() -> None:
    worth = worth_at(CURVE, 0.3)
    assert (worth.sensitivity, worth.specificity) == (0.6, 0.5)
    exact = worth_at(CURVE, 0.5)
    assert (exact.sensitivity, exact.specificity) == (0.6, 0.8)
    beyond = worth_at(CURVE, 0.95)
    assert (beyond.sensitivity, beyond.specificity) == (0.0, 1.0)


def test_the_lowest_source_stands_beside_the_mean_where_the_package_tells() -> None:
    told = replace(CURVE, lowest_sensitivity=(0.9, 0.7, 0.4, 0.0), lowest_specificity=(0.0, 0.3, 0.6, 0.9))
    assert worth_at(told, 0.5).lowest == Worth(0.4, 0.6)
    assert worth_at(told, 0.95).lowest == Worth(0.0, 0.9)
    assert worth_at(CURVE, 0.5).lowest is None


@given(st.floats(0.0, 1.0), st.sampled_from(list(Aim)))
def test_the_threshold_for_a_share_is_worth_that_share(wanted: float, aim: Aim) -> None:
    threshold = threshold_for(CURVE, aim, wanted)
    assert threshold is not None
    assert getattr(worth_at(CURVE, threshold), aim) >= wanted - 1e-9
