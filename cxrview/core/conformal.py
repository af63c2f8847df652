"""Answers that may be "don't know": sets of a label's two outcomes that hold the truth as often as promised."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


class Answer(StrEnum):
    """What a conformal rule says of a label."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    UNKNOWN = "don't know"


@dataclass(frozen=True, slots=True)
class ConformalRule:
    """Probability bounds for one label.

    Attributes:
        positive_from: at this probability and above "positive" cannot be left out of the answer.
        negative_to: at this probability and below "negative" cannot be left out.
        coverage: the share of positives, and of negatives, whose answer holds the truth, as promised.
        positives, negatives: calibration cases behind it.
    """

    positive_from: float
    negative_to: float
    coverage: float
    positives: int
    negatives: int


def fit_conformal(probability: npt.ArrayLike, truth: npt.ArrayLike, *, coverage: float = 0.9) -> ConformalRule:
    """Fit the bounds on calibration cases, each class for itself, so that both are covered and not only the common one.

    Split conformal prediction with one threshold for each class (Mondrian): Vovk, "Conditional validity of inductive conformal
    predictors", ACML 2012; the rank is ceil((n + 1) * coverage). It holds for new cases that are drawn as the calibration cases
    were, and says nothing of another hospital. Too few cases of a class give a bound that always answers with it as well.
    """
    chances, is_positive = np.asarray(probability, np.float64), np.asarray(truth, np.bool_)
    of_positives, of_negatives = np.sort(chances[is_positive])[::-1], np.sort(chances[~is_positive])
    return ConformalRule(
        positive_from=_at_rank(of_positives, coverage, 0.0),
        negative_to=_at_rank(of_negatives, coverage, 1.0),
        coverage=coverage,
        positives=of_positives.size,
        negatives=of_negatives.size,
    )


def answer(rule: ConformalRule, probability: float) -> Answer:
    """Answer for one probability; "don't know" where both outcomes, or neither, fit."""
    may_be_positive, may_be_negative = probability >= rule.positive_from, probability <= rule.negative_to
    if may_be_positive == may_be_negative:
        return Answer.UNKNOWN
    return Answer.POSITIVE if may_be_positive else Answer.NEGATIVE


def _at_rank(ordered: FloatArray, coverage: float, beyond: float) -> float:
    rank = math.ceil((ordered.size + 1) * coverage)
    return float(ordered[rank - 1]) if rank <= ordered.size else beyond
