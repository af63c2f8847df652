"""Compare two AUROCs on the same cases by DeLong's test."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from cxrview.evaluation.interval import LEVEL
from cxrview.evaluation.metrics import FloatArray, checked


@dataclass(frozen=True, slots=True)
class DeLong:
    """Two AUROCs on the same cases.

    Attributes:
        first, second: AUROC.
        difference: first less second.
        low, high: ends of its 95 % interval.
        p: two-sided, that the two are equal; NaN where the scores order all pairs alike and nothing varies.
    """

    first: float
    second: float
    difference: float
    low: float
    high: float
    p: float


def delong(first_scores: npt.ArrayLike, second_scores: npt.ArrayLike, positives: npt.ArrayLike) -> DeLong:
    """Test whether two scores of the same cases have the same AUROC; NaN where a class has fewer than two cases.

    DeLong, DeLong and Clarke-Pearson, "Comparing the areas under two or more correlated receiver operating characteristic
    curves", Biometrics 44 (1988) 837-845, by the midranks of Sun and Xu, "Fast implementation of DeLong's algorithm",
    IEEE Signal Processing Letters 21 (2014) 1389-1393. Cases are taken as independent: where patients have several images,
    the bootstrap by patient beside it is the one to believe.
    """
    one, truth = checked(first_scores, positives)
    two, _ = checked(second_scores, positives)
    positive_count, negative_count = int(truth.sum()), int((~truth).sum())
    if min(positive_count, negative_count) < 2:
        return DeLong(math.nan, math.nan, math.nan, math.nan, math.nan, math.nan)
    parts = [_components(scores, truth) for scores in (one, two)]
    areas = [float(of_positives.mean()) for of_positives, _ in parts]
    over_positives = np.cov(np.stack([of_positives for of_positives, _ in parts]))
    over_negatives = np.cov(np.stack([of_negatives for _, of_negatives in parts]))
    covariance = over_positives / positive_count + over_negatives / negative_count
    variance = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    difference = areas[0] - areas[1]
    if variance <= 1e-18:
        return DeLong(areas[0], areas[1], difference, difference, difference, math.nan)
    error = math.sqrt(variance)
    half = NormalDist().inv_cdf((1 + LEVEL) / 2) * error
    p = math.erfc(abs(difference) / error / math.sqrt(2))
    return DeLong(areas[0], areas[1], difference, difference - half, difference + half, p)


def _components(scores: FloatArray, truth: npt.NDArray[np.bool_]) -> tuple[FloatArray, FloatArray]:
    """Give for each positive the share of negatives below it, and for each negative the share of positives above it; ties count half."""
    found, rest = scores[truth], scores[~truth]
    together = _midranks(np.concatenate([found, rest]))
    of_positives = (together[: found.size] - _midranks(found)) / rest.size
    of_negatives = 1.0 - (together[found.size :] - _midranks(rest)) / found.size
    return of_positives, of_negatives


def _midranks(values: FloatArray) -> FloatArray:
    """Rank from 1, equal values sharing the mean of their ranks."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks: FloatArray = (ends - (counts - 1) / 2)[inverse.reshape(-1)].astype(np.float64)
    return ranks
