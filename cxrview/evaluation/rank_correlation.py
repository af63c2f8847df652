"""How alike two heatmaps order the places of a picture."""

from __future__ import annotations

import math

import numpy as np

from cxrview.core.results import FloatArray


def rank_correlation(one: FloatArray, two: FloatArray) -> float:
    """Give Spearman's correlation of two maps, -1 to 1; 0 where one is flat."""
    ranks = [np.argsort(np.argsort(each.reshape(-1), kind="stable"), kind="stable").astype(np.float64) for each in (one, two)]
    centred = [each - each.mean() for each in ranks]
    scale = math.sqrt(float((centred[0] ** 2).sum() * (centred[1] ** 2).sum()))
    if scale == 0.0 or min(np.ptp(one), np.ptp(two)) == 0.0:
        return 0.0
    return float((centred[0] * centred[1]).sum() / scale)
