"""Intervals for plain proportions are those of the textbook, and read as such."""

from __future__ import annotations

import math

import pytest

from cxrview.evaluation.interval import wilson


def test_wilson_is_the_interval_of_the_textbook():
    interval = wilson(8, 10)
    assert (interval.value, interval.low, interval.high) == pytest.approx((0.8, 0.4902, 0.9433), abs=1e-4)
    assert wilson(0, 20).low == 0.0
    assert wilson(20, 20).high == pytest.approx(1.0)
    assert math.isnan(wilson(0, 0).value)


def test_an_interval_reads_as_value_and_ends():
    assert str(wilson(8, 10)) == "0.800 (0.490 to 0.943)"
    assert str(wilson(0, 0)) == "not defined"
