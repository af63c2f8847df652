"""Bands around ROC curves, and precision over recall, by patient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from cxrview.evaluation.interval import LEVEL
from cxrview.evaluation.metrics import BoolArray, FloatArray, roc_points

GRID = 41
# A band is looked at, not quoted: fewer draws than an interval.
DRAWS = 300


@dataclass(frozen=True, slots=True)
class Band:
    """Pointwise 95 % limits of a curve at `at`, 0 to 1 ascending; empty where draws were undefined."""

    at: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class PrecisionRecall:
    """Corners of a precision-recall curve, recall ascending, at the prevalence of these cases."""

    recalls: tuple[float, ...]
    precisions: tuple[float, ...]
    prevalence: float


def precision_recall(scores: FloatArray, truth: BoolArray) -> PrecisionRecall:
    """Draw precision over recall, a corner for each distinct score."""
    recalls, precisions = _corners(scores, truth)
    return PrecisionRecall(tuple(recalls.tolist()), tuple(precisions.tolist()), float(truth.mean()) if truth.size else float("nan"))


def roc_band(scores: FloatArray, truth: BoolArray, groups: Sequence[str], *, seed: int = 0) -> Band:
    """Give limits of the sensitivity at each 1 - specificity, drawing whole groups with replacement."""
    grid = np.linspace(0.0, 1.0, GRID)

    def sensitivities(values: FloatArray, positives: BoolArray) -> FloatArray:
        points = roc_points(values, positives)
        drawn: FloatArray = np.interp(grid, points[:, 0], points[:, 1])
        return drawn

    return _band(grid, sensitivities, scores, truth, groups, seed)


def precision_band(scores: FloatArray, truth: BoolArray, groups: Sequence[str], *, seed: int = 0) -> Band:
    """Give limits of the precision at each recall, drawing whole groups with replacement."""
    grid = np.linspace(0.0, 1.0, GRID)

    def precisions(values: FloatArray, positives: BoolArray) -> FloatArray:
        recalls, found = _corners(values, positives)
        at: FloatArray = found[np.minimum(np.searchsorted(recalls, grid, side="left"), recalls.size - 1)]
        return at

    return _band(grid, precisions, scores, truth, groups, seed)


def _corners(scores: FloatArray, truth: BoolArray) -> tuple[FloatArray, FloatArray]:
    if not truth.any():
        return np.zeros(0), np.zeros(0)
    order = np.argsort(-scores, kind="stable")
    last_of_tie = np.append(np.flatnonzero(np.diff(scores[order])), scores.size - 1)
    hits = np.cumsum(truth[order])[last_of_tie]
    return hits / truth.sum(), hits / (last_of_tie + 1.0)


def _band(
    grid: FloatArray,
    curve: Callable[[FloatArray, BoolArray], FloatArray],
    scores: FloatArray,
    truth: BoolArray,
    groups: Sequence[str],
    seed: int,
) -> Band:
    names, index = np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)
    rng = np.random.default_rng(seed)
    drawn: list[FloatArray] = []
    for _ in range(DRAWS):
        times = rng.multinomial(names.size, np.full(names.size, 1 / names.size))[index.reshape(-1)]
        picked = np.repeat(np.arange(scores.size), times)
        if truth[picked].any() and not truth[picked].all():
            drawn.append(curve(scores[picked], truth[picked]))
    if names.size < 2 or len(drawn) < DRAWS / 2:
        return Band((), (), ())
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(np.stack(drawn), (tail, 1 - tail), axis=0)
    return Band(tuple(grid.round(4).tolist()), tuple(low.round(4).tolist()), tuple(high.round(4).tolist()))
