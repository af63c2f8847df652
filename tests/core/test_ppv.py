"""Predictive values follow Bayes' rule, and numbers are read only where a text has them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrview.core.ppv import OperatingPoint, operating_point, predictive_values

shares = st.floats(0.0, 1.0)


def test_a_rare_condition_makes_most_positives_wrong() -> None:
    # 1,000 patients, 10 ill: 9 found; 990 healthy: 49.5 called ill.
    values = predictive_values(0.9, 0.95, 0.01)
    assert values.positive == pytest.approx(9 / 58.5)
    assert values.negative == pytest.approx(940.5 / 941.5)


@given(shares, shares, shares)
def test_values_are_shares_or_nothing(sensitivity: float, specificity: float, prevalence: float) -> None:
    values = predictive_values(sensitivity, specificity, prevalence)
    assert all(math.isnan(value) or 0.0 <= value <= 1.0 for value in (values.positive, values.negative))


@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99), st.floats(0.01, 0.98))
def test_a_higher_prevalence_raises_ppv_and_lowers_npv(sensitivity: float, specificity: float, prevalence: float) -> None:
    low, high = predictive_values(sensitivity, specificity, prevalence), predictive_values(sensitivity, specificity, prevalence + 0.01)
    assert high.positive >= low.positive
    assert high.negative <= low.negative


def test_where_nobody_is_called_positive_there_is_no_ppv() -> None:
    assert math.isnan(predictive_values(0.0, 1.0, 0.5).positive)
    assert math.isnan(predictive_values(1.0, 0.0, 0.5).negative)


@pytest.mark.parametrize("wrong", [(1.1, 0.5, 0.5), (0.5, -0.1, 0.5), (0.5, 0.5, math.nan)])
def test_other_numbers_are_refused(wrong: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        predictive_values(*wrong)


@pytest.mark.parametrize(
    ("text", "point"),
    [
        ("not chosen; 0.5 by default", OperatingPoint()),
        ("at least 0.95 specificity on the 120 negatives of the val split", OperatingPoint(None, 0.95)),
        ("at least 0.90 sensitivity on the positives of each source", OperatingPoint(0.9, None)),
        ("Sensitivity 0.91, specificity 0.88 on 400 cases", OperatingPoint(0.91, 0.88)),
        ("sensitivity of 1, specificity of 0.5", OperatingPoint(1.0, 0.5)),
        ("sensitivity 1.7", OperatingPoint()),
        ("sensitivity was not measured", OperatingPoint()),
    ],
)
def test_numbers_are_read_only_where_the_text_has_them(text: str, point: OperatingPoint) -> None:
    assert operating_point(text) == point
