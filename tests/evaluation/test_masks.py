"""Dice and contour distance agree with what can be counted by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cxrview.evaluation.masks import contour_distance, dice


def square(left: int, top: int, side: int = 10, shape: tuple[int, int] = (40, 40)) -> np.ndarray:
    """One filled square."""
    mask = np.zeros(shape, bool)
    mask[top : top + side, left : left + side] = True
    return mask


def test_dice_counts_the_common_area_twice() -> None:
    assert dice(square(5, 5), square(5, 5)) == 1.0
    assert dice(square(5, 5), square(10, 5)) == pytest.approx(0.5)
    assert dice(square(0, 0), square(25, 25)) == 0.0
    assert math.isnan(dice(np.zeros((4, 4), bool), np.zeros((4, 4), bool)))


def test_contour_distance_of_a_grown_square_is_the_growth() -> None:
    assert contour_distance(square(5, 5), square(5, 5)) == 0.0
    assert contour_distance(square(8, 8, 14), square(10, 10, 10)) == pytest.approx(2.0, abs=0.15)  # corners lie a little farther
    assert math.isnan(contour_distance(square(5, 5), np.zeros((40, 40), bool)))
