"""Shortcut baselines: what can be told from an image without looking at the chest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from cxrview.core.errors import DataError
from cxrview.evaluation.cases import group_folds
from cxrview.evaluation.logistic import fit_logistic

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
GrayArray = npt.NDArray[np.uint8]

BORDER_PX = 4
# Samples along each side of the border, whatever the image's size.
SIDE_SAMPLES = 32
# Penalty on standardised features: the power of ten with which both baselines are strong on some hundred images of one source.
RIDGE = 100.0
FOLDS = 5


@dataclass(frozen=True, slots=True, eq=False)
class ShortcutFeatures:
    """What a baseline sees of each case.

    Attributes:
        name: for tables.
        seen: what it saw, in words.
        values: (N, D) float64, one row for each case.
    """

    name: str
    seen: str
    values: FloatArray


def border_features(gray: GrayArray, width_px: int = BORDER_PX) -> FloatArray:
    """Give the image's border alone: four sides, `width_px` deep, each resampled by area to 32 positions, 0 to 1; (4 * width_px * 32,)."""
    height, width = gray.shape
    if min(height, width) < 2 * width_px:
        raise DataError(f"an image of {width} x {height} px has no border of {width_px} px.")
    sides = (gray[:width_px], gray[-width_px:][::-1], gray[:, :width_px].T, gray[:, -width_px:].T[::-1])
    resampled = [cv2.resize(np.ascontiguousarray(side), (SIDE_SAMPLES, width_px), interpolation=cv2.INTER_AREA) for side in sides]
    return np.concatenate([side.reshape(-1) for side in resampled]).astype(np.float64) / 255


def three_numbers(gray: GrayArray, aspect: float | None = None) -> FloatArray:
    """Give mean and standard deviation, of 0 to 1, and the aspect ratio width / height (of the image itself if not given); (3,)."""
    height, width = gray.shape
    scaled = gray / 255.0
    return np.array([scaled.mean(), scaled.std(), width / height if aspect is None else aspect])


def shortcut_features(grays: Iterable[GrayArray], *, aspects: Sequence[float] | None = None) -> tuple[ShortcutFeatures, ...]:
    """Take the features of both baselines from images as they come, one at a time."""
    borders: list[FloatArray] = []
    numbers: list[FloatArray] = []
    longest: list[int] = []
    for i, gray in enumerate(grays):
        longest.append(max(gray.shape))
        borders.append(border_features(gray))
        numbers.append(three_numbers(gray, None if aspects is None else aspects[i]))
    if not borders:
        return ()
    sizes = f"{min(longest)}" if min(longest) == max(longest) else f"{min(longest)} to {max(longest)}"
    border = f"the outermost {BORDER_PX} px of each side, in images whose longer side has {sizes} px"
    return (
        ShortcutFeatures("border only", border, np.stack(borders)),
        ShortcutFeatures("three numbers", "mean, standard deviation and aspect ratio of the image", np.stack(numbers)),
    )


def fit_and_score(train_features: FloatArray, train_positives: npt.ArrayLike, test_features: FloatArray) -> FloatArray:
    """Fit a logistic regression on some cases and give the logits of others; features are standardised by the former."""
    targets = np.asarray(train_positives, np.float64)
    if not 0 < targets.sum() < targets.size:
        raise DataError("a baseline needs positives and negatives to learn from.")
    centre = train_features.mean(axis=0)
    spread = train_features.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    model = fit_logistic((train_features - centre) / spread, targets, ridge=RIDGE)
    return model.logits((test_features - centre) / spread)


def cross_fit(features: FloatArray, positives: npt.ArrayLike, groups: Sequence[str], *, folds: int = FOLDS, seed: int = 0) -> FloatArray:
    """Score every case by a regression fitted on the folds that its group is not in.

    A fold whose complement lacks a class gets logit 0. Each fold's logits are centred on its own training base rate, so that folds compare.
    """
    truth = np.asarray(positives, np.bool_)
    fold = group_folds(groups, truth, folds=folds, seed=seed)
    scores = np.zeros(truth.size)
    for held in np.unique(fold):
        inside = fold == held
        rest = truth[~inside]
        if rest.any() and not rest.all():
            base = rest.mean()
            scores[inside] = fit_and_score(features[~inside], rest, features[inside]) - np.log(base / (1 - base))
    return scores
