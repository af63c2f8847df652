"""Draw whole patients again and again, to tell how far a metric could be off."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from cxrview.evaluation.interval import LEVEL, Interval, wilson, wilson_at_ends
from cxrview.evaluation.metrics import (
    BoolArray,
    FloatArray,
    SensitivityAtSpecificity,
    auroc,
    average_precision,
    brier,
    checked,
    log_loss,
    positive_share,
    weighted_auroc,
    weighted_average_precision,
    weighted_brier,
    weighted_log_loss,
    weighted_positive_share,
)

Metric = Callable[[FloatArray, BoolArray], float]
WeightedMetric = Callable[[FloatArray, BoolArray, FloatArray], FloatArray]

RESAMPLES = 2000
# Below this share of usable resamples the percentiles describe the luck of the draw, not the metric.
USABLE_SHARE = 0.5
# Weights of one slice of resamples: 32 MB of float64.
SLICE_CELLS = 4_000_000

# Metrics that know all resamples at once; any other function of (scores, positives) is called once for each.
WEIGHTED: Mapping[Metric, WeightedMetric] = {
    auroc: weighted_auroc,
    average_precision: weighted_average_precision,
    brier: weighted_brier,
    log_loss: weighted_log_loss,
    positive_share: weighted_positive_share,
}


def bootstrap_draws(
    metric: Metric, groups: Sequence[str], scores: npt.ArrayLike, positives: npt.ArrayLike, *, resamples: int = RESAMPLES, seed: int = 0
) -> FloatArray:
    """Measure on `resamples` draws of whole groups with replacement; NaN where a draw leaves the metric undefined.

    The draws depend on groups, resamples and seed alone, so that two scores of the same cases can be compared draw by draw.
    """
    values, truth = checked(scores, positives)
    weighted = metric.weighted if isinstance(metric, SensitivityAtSpecificity) else WEIGHTED.get(metric)
    if weighted is None:
        parts = [
            [metric(values[picked], truth[picked]) for picked in (np.repeat(np.arange(values.size), row) for row in times)]
            for times in _times_drawn(groups, resamples, seed)
        ]
        return np.asarray([value for part in parts for value in part], np.float64)
    return np.concatenate([weighted(values, truth, times.astype(np.float64)) for times in _times_drawn(groups, resamples, seed)])


def bootstrap_by_group(
    metric: Metric,
    groups: Sequence[str],
    scores: npt.ArrayLike,
    positives: npt.ArrayLike,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = LEVEL,
) -> Interval:
    """Measure with a percentile bootstrap over whole groups (patients).

    A draw that leaves the metric undefined (no positive, no negative) is left out. Where fewer than half of the draws are
    left, or there are fewer than two groups, the ends of the interval are NaN.
    """
    values, truth = checked(scores, positives)
    draws = bootstrap_draws(metric, groups, values, truth, resamples=resamples, seed=seed)
    return interval_of(metric(values, truth), draws, groups, truth, level=level)


def bootstrap_difference(
    metric: Metric,
    groups: Sequence[str],
    scores: npt.ArrayLike,
    other_scores: npt.ArrayLike,
    positives: npt.ArrayLike,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = LEVEL,
) -> Interval:
    """Measure how far `scores` are above `other_scores` on the same cases, draw by draw."""
    values, truth = checked(scores, positives)
    others, _ = checked(other_scores, positives)
    gain = metric(values, truth) - metric(others, truth)
    draws = bootstrap_draws(metric, groups, values, truth, resamples=resamples, seed=seed)
    draws = draws - bootstrap_draws(metric, groups, others, truth, resamples=resamples, seed=seed)
    return interval_of(gain, draws, groups, truth, level=level)


def interval_of(value: float, draws: FloatArray, groups: Sequence[str], positives: BoolArray, *, level: float = LEVEL) -> Interval:
    """Put percentiles of bootstrap draws around a value; rules as in `bootstrap_by_group`."""
    usable = draws[np.isfinite(draws)]
    number_of_groups = len(set(groups))
    low, high = math.nan, math.nan
    if number_of_groups > 1 and usable.size >= max(1.0, USABLE_SHARE * draws.size):
        tail = (1 - level) / 2
        low, high = (float(end) for end in np.quantile(usable, (tail, 1 - tail)))
    return Interval(value, low, high, positives.size, int(positives.sum()), number_of_groups, int(usable.size), level)


def proportion_by_group(
    successes: npt.ArrayLike, groups: Sequence[str], *, resamples: int = RESAMPLES, seed: int = 0, level: float = LEVEL
) -> Interval:
    """Give a proportion with a percentile bootstrap over whole groups; `positives` of the record counts the successes.

    Where all cases agree (0 or 1) every draw does too; then the ends are Wilson's for as many cases as there are groups.
    """
    truth = np.asarray(successes, np.bool_)
    if not truth.size:
        return wilson(0, 0, level=level)
    interval = bootstrap_by_group(positive_share, groups, np.zeros(truth.size), truth, resamples=resamples, seed=seed, level=level)
    return wilson_at_ends(interval, interval.groups)


def _times_drawn(groups: Sequence[str], resamples: int, seed: int) -> Iterator[npt.NDArray[np.int64]]:
    """Yield (b, N) slices: how often each case is in each draw of groups."""
    names, index = np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)
    rng = np.random.default_rng(seed)
    rows = max(1, SLICE_CELLS // max(1, index.size))
    for start in range(0, resamples, rows):
        counts = rng.multinomial(names.size, np.full(names.size, 1 / names.size), size=min(rows, resamples - start))
        yield counts[:, index.reshape(-1)]


def bootstrap_mean(
    groups: Sequence[str], values: npt.ArrayLike, *, resamples: int = RESAMPLES, seed: int = 0, level: float = LEVEL
) -> Interval:
    """Give a mean with a percentile bootstrap over whole groups; `positives` of the record is 0. NaN without cases."""
    measured = np.asarray(values, np.float64)
    if not measured.size:
        return Interval(math.nan, math.nan, math.nan, n=0, positives=0, groups=0, level=level)
    nobody = np.zeros(measured.size, np.bool_)

    def mean(scores: FloatArray, _: BoolArray) -> float:
        return float(scores.mean())

    return bootstrap_by_group(mean, groups, measured, nobody, resamples=resamples, seed=seed, level=level)
