"""Measure scores against truth."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxrview.core.errors import DataError
from cxrview.evaluation.interval import Interval, wilson

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

SMALLEST_PROBABILITY = 1e-12
# A wanted share of a count may come out a little above the whole number that is meant: 0.07 * 100 is 7.000000000000001.
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts at a threshold: a score that reaches it is called positive."""

    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int

    @property
    def sensitivity(self) -> float:
        """Positives called positive; NaN without positives."""
        return _share(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def specificity(self) -> float:
        """Negatives called negative; NaN without negatives."""
        return _share(self.true_negatives, self.true_negatives + self.false_positives)

    @property
    def positive_predictive_value(self) -> float:
        """Calls of positive that are right, at the prevalence of these cases; NaN without such calls."""
        return _share(self.true_positives, self.true_positives + self.false_positives)

    @property
    def negative_predictive_value(self) -> float:
        """Calls of negative that are right, at the prevalence of these cases; NaN without such calls."""
        return _share(self.true_negatives, self.true_negatives + self.false_negatives)


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Cases whose probabilities fall between two tenths: what was promised and what came."""

    low: float
    high: float
    mean_probability: float
    fraction: Interval


def auroc(scores: npt.ArrayLike, positives: npt.ArrayLike) -> float:
    """Give the chance that a positive scores above a negative, ties counting half; NaN if either is missing."""
    values, truth = checked(scores, positives)
    return float(weighted_auroc(values, truth, np.ones((1, values.size)))[0])


def average_precision(scores: npt.ArrayLike, positives: npt.ArrayLike) -> float:
    """Give the mean precision over recall steps, without interpolation; NaN if there are no positives."""
    values, truth = checked(scores, positives)
    return float(weighted_average_precision(values, truth, np.ones((1, values.size)))[0])


def brier(probabilities: npt.ArrayLike, positives: npt.ArrayLike) -> float:
    """Give the mean squared distance of probability and truth, 0 to 1; NaN without cases."""
    values, truth = checked(probabilities, positives)
    return float(weighted_brier(values, truth, np.ones((1, values.size)))[0])


def log_loss(probabilities: npt.ArrayLike, positives: npt.ArrayLike) -> float:
    """Give the mean negative log of the probability given to the truth, in nats; probabilities are kept 1e-12 away from 0 and 1."""
    values, truth = checked(probabilities, positives)
    return float(weighted_log_loss(values, truth, np.ones((1, values.size)))[0])


def confusion(scores: npt.ArrayLike, positives: npt.ArrayLike, threshold: float) -> Confusion:
    """Count the four outcomes; a score equal to the threshold is called positive."""
    values, truth = checked(scores, positives)
    called = values >= threshold
    return Confusion(
        true_positives=int(np.count_nonzero(called & truth)),
        false_positives=int(np.count_nonzero(called & ~truth)),
        true_negatives=int(np.count_nonzero(~called & ~truth)),
        false_negatives=int(np.count_nonzero(~called & truth)),
    )


def threshold_at_specificity(scores: npt.ArrayLike, positives: npt.ArrayLike, wanted: float) -> float:
    """Give the smallest observed score at which the specificity is at least `wanted`.

    Tied scores fall on one side together, so the specificity reached may be higher than wanted, never lower. Where no
    observed score will do, it is the next number above the largest; NaN without negatives.
    """
    values, truth = checked(scores, positives)
    negatives = np.sort(values[~truth])
    if not negatives.size:
        return math.nan
    candidates = np.unique(values)
    below = np.searchsorted(negatives, candidates, side="left")
    reached = np.flatnonzero(below >= _count_for(wanted, negatives.size))
    return float(candidates[reached[0]]) if reached.size else float(np.nextafter(candidates[-1], np.inf))


def threshold_at_sensitivity(scores: npt.ArrayLike, positives: npt.ArrayLike, wanted: float) -> float:
    """Give the largest observed score at which the sensitivity is at least `wanted`; ties as above; NaN without positives."""
    values, truth = checked(scores, positives)
    found = np.sort(values[truth])
    if not found.size:
        return math.nan
    candidates = np.unique(values)
    reaching = found.size - np.searchsorted(found, candidates, side="left")
    return float(candidates[np.flatnonzero(reaching >= _count_for(wanted, found.size))[-1]])


def sensitivity_at_specificity(scores: npt.ArrayLike, positives: npt.ArrayLike, wanted: float) -> float:
    """Give the sensitivity at `threshold_at_specificity` of the same cases."""
    threshold = threshold_at_specificity(scores, positives, wanted)
    return math.nan if math.isnan(threshold) else confusion(scores, positives, threshold).sensitivity


@dataclass(frozen=True, slots=True)
class SensitivityAtSpecificity:
    """The metric `sensitivity_at_specificity` at one wanted specificity, for the bootstrap."""

    wanted: float

    def __call__(self, scores: npt.ArrayLike, positives: npt.ArrayLike) -> float:
        """Measure once."""
        return sensitivity_at_specificity(scores, positives, self.wanted)

    def weighted(self, scores: FloatArray, positives: BoolArray, weights: FloatArray) -> FloatArray:
        """Measure under each row of weights (B, N)."""
        of_positives, of_negatives = _tied_weights(scores, positives, weights)
        below = np.cumsum(of_negatives, axis=1) - of_negatives
        negatives = of_negatives.sum(axis=1)
        is_reached = below >= np.ceil(self.wanted * negatives - ROUNDING)[:, None]
        hits = np.cumsum(of_positives[:, ::-1], axis=1)[:, ::-1]
        found = np.where(is_reached.any(axis=1), np.take_along_axis(hits, is_reached.argmax(axis=1)[:, None], axis=1)[:, 0], 0.0)
        return np.where(negatives > 0, _ratio(found, of_positives.sum(axis=1)), np.nan)


def expected_calibration_error(probabilities: npt.ArrayLike, positives: npt.ArrayLike, *, bins: int = 10) -> float:
    """Give the mean distance of promised and observed frequency over bins of equal width, weighted by their cases.

    Bins hold their lower end and not their upper one, but for the last, which holds 1; empty bins count nothing.
    """
    values, truth = checked(probabilities, positives)
    if not values.size:
        return math.nan
    index = bin_index(values, bins)
    gap = np.bincount(index, weights=values - truth, minlength=bins)
    return float(np.abs(gap).sum() / values.size)


def calibration_bins(probabilities: npt.ArrayLike, positives: npt.ArrayLike, *, bins: int = 10) -> tuple[CalibrationBin, ...]:
    """Give the bins of `expected_calibration_error` that hold cases, each with a Wilson interval."""
    values, truth = checked(probabilities, positives)
    index = bin_index(values, bins)
    return tuple(
        CalibrationBin(
            low=b / bins,
            high=(b + 1) / bins,
            mean_probability=float(values[index == b].mean()),
            fraction=wilson(int(truth[index == b].sum()), int(np.count_nonzero(index == b))),
        )
        for b in np.unique(index).tolist()
    )


def bin_index(probabilities: FloatArray, bins: int) -> npt.NDArray[np.intp]:
    """Give the equal-width bin, 0 to bins - 1, of each probability."""
    return np.minimum((probabilities * bins).astype(np.intp), bins - 1)


def roc_points(scores: npt.ArrayLike, positives: npt.ArrayLike) -> FloatArray:
    """Give (K, 2) corners of the ROC curve from (0, 0) to (1, 1): 1 - specificity, sensitivity; empty if a class is missing."""
    values, truth = checked(scores, positives)
    if truth.all() or not truth.any():
        return np.zeros((0, 2))
    order = np.argsort(-values, kind="stable")
    last_of_tie = np.append(np.flatnonzero(np.diff(values[order])), values.size - 1)
    hits = np.cumsum(truth[order])[last_of_tie] / np.count_nonzero(truth)
    false_alarms = np.cumsum(~truth[order])[last_of_tie] / np.count_nonzero(~truth)
    return np.vstack([(0.0, 0.0), np.column_stack([false_alarms, hits])])


def weighted_auroc(scores: FloatArray, positives: BoolArray, weights: FloatArray) -> FloatArray:
    """Give the AUROC under each row of weights (B, N)."""
    of_positives, of_negatives = _tied_weights(scores, positives, weights)
    below = np.cumsum(of_negatives, axis=1) - of_negatives
    won = (of_positives * (below + 0.5 * of_negatives)).sum(axis=1)
    return _ratio(won, of_positives.sum(axis=1) * of_negatives.sum(axis=1))


def weighted_average_precision(scores: FloatArray, positives: BoolArray, weights: FloatArray) -> FloatArray:
    """Give the average precision under each row of weights (B, N)."""
    of_positives, of_negatives = (tied[:, ::-1] for tied in _tied_weights(scores, positives, weights))
    hits = np.cumsum(of_positives, axis=1)
    called = hits + np.cumsum(of_negatives, axis=1)
    precision = np.divide(hits, called, out=np.zeros_like(hits), where=called > 0)
    return _ratio((of_positives * precision).sum(axis=1), of_positives.sum(axis=1))


def weighted_brier(probabilities: FloatArray, positives: BoolArray, weights: FloatArray) -> FloatArray:
    """Give the Brier score under each row of weights (B, N)."""
    return _ratio(weights @ (probabilities - positives) ** 2, weights.sum(axis=1))


def weighted_log_loss(probabilities: FloatArray, positives: BoolArray, weights: FloatArray) -> FloatArray:
    """Give the log loss under each row of weights (B, N)."""
    kept = np.clip(probabilities, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    return _ratio(weights @ -np.log(np.where(positives, kept, 1 - kept)), weights.sum(axis=1))


def positive_share(scores: FloatArray, positives: BoolArray) -> float:
    """Give the share of positives, whatever the scores; NaN without cases."""
    return float(weighted_positive_share(scores, positives, np.ones((1, positives.size)))[0])


def weighted_positive_share(_scores: FloatArray, positives: BoolArray, weights: FloatArray) -> FloatArray:
    """Give the share of positives under each row of weights (B, N)."""
    return _ratio(weights @ positives.astype(np.float64), weights.sum(axis=1))


def _tied_weights(scores: FloatArray, positives: BoolArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Add up weights of positives and of negatives over equal scores: two (B, U), scores ascending."""
    if not scores.size:
        empty = np.zeros((weights.shape[0], 1))
        return empty, empty
    order = np.argsort(scores, kind="stable")
    starts = np.append(0, np.flatnonzero(np.diff(scores[order])) + 1)
    sorted_weights = weights[:, order]
    truth = positives[order]
    return np.add.reduceat(sorted_weights * truth, starts, axis=1), np.add.reduceat(sorted_weights * ~truth, starts, axis=1)


def _ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    return np.divide(numerator, denominator, out=np.full_like(numerator, np.nan), where=denominator > 0)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


def _count_for(wanted: float, n: int) -> int:
    return math.ceil(wanted * n - ROUNDING)


def checked(scores: npt.ArrayLike, positives: npt.ArrayLike) -> tuple[FloatArray, BoolArray]:
    """Give scores and truth as arrays (N,), or refuse them."""
    values = np.asarray(scores, np.float64)
    truth = np.asarray(positives, np.bool_)
    if values.ndim != 1 or values.shape != truth.shape:
        raise DataError(f"scores {values.shape} and truth {truth.shape} must be two rows of the same length.")
    if np.isnan(values).any():
        raise DataError("a score is not a number.", hint="Leave out cases that could not be scored, and say how many.")
    return values, truth
