"""Two models, or one model in two precisions, on the same cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cxrview.evaluation.bootstrap import bootstrap_difference
from cxrview.evaluation.cases import ScoredCases, groups_of, truth_of
from cxrview.evaluation.delong import DeLong, delong
from cxrview.evaluation.interval import Interval
from cxrview.evaluation.metrics import auroc
from cxrview.evaluation.within_source import Contrast, Settings, members

# What a faster variant (int8, bf16) may differ from float32 in any probability of any image.
VARIANT_TOLERANCE = 0.01


@dataclass(frozen=True, slots=True)
class ContrastComparison:
    """One contrast under both: DeLong's test, and the difference drawn by patient."""

    contrast: Contrast
    delong: DeLong
    by_patient: Interval


@dataclass(frozen=True, slots=True)
class Comparison:
    """A model beside another on the same cases.

    Attributes:
        other: what it was compared with, in words.
        labels: ids that both have.
        largest: the largest difference of a probability, over all cases and common labels.
        mean: the mean absolute difference.
        changed_calls: cases and labels that fall on the other side of the first model's threshold.
        is_variant: the other is the same model in another form, and must stay within 0.01.
    """

    other: str
    labels: tuple[str, ...]
    images: int
    largest: float
    mean: float
    changed_calls: int
    is_variant: bool
    contrasts: tuple[ContrastComparison, ...]

    @property
    def is_within(self) -> bool:
        """Tell whether every probability stays within the tolerance for a variant."""
        return self.largest <= VARIANT_TOLERANCE


def compare(
    first: ScoredCases,
    second: ScoredCases,
    thresholds: Sequence[float],
    contrasts: Sequence[Contrast],
    *,
    other: str,
    is_variant: bool = False,
    settings: Settings | None = None,
) -> Comparison:
    """Compare two models' answers to the same cases, in the same order; `thresholds` are the first model's, one for each label."""
    settings = settings or Settings()
    labels = tuple(label for label in first.labels if label in second.labels)
    everything = np.arange(len(first.cases))
    pairs = [(first.probability(label, everything), second.probability(label, everything)) for label in labels]
    gaps = np.array([np.abs(one - two) for one, two in pairs]).reshape(len(labels), -1)
    cuts = dict(zip(first.labels, thresholds, strict=True))
    changed = sum(
        int(np.count_nonzero((one >= cuts[label]) != (two >= cuts[label]))) for label, (one, two) in zip(labels, pairs, strict=True)
    )
    return Comparison(
        other=other,
        labels=labels,
        images=len(first.cases),
        largest=float(gaps.max(initial=0.0)),
        mean=float(gaps.mean()) if gaps.size else 0.0,
        changed_calls=changed,
        is_variant=is_variant,
        contrasts=tuple(_contrast(first, second, contrast, settings) for contrast in contrasts if contrast.label in labels),
    )


def _contrast(first: ScoredCases, second: ScoredCases, contrast: Contrast, settings: Settings) -> ContrastComparison:
    index = members(first.cases, contrast)
    truth, groups = truth_of(first.cases, contrast.label, index), groups_of(first.cases, index)
    one, two = first.probability(contrast.label, index), second.probability(contrast.label, index)
    drawn = bootstrap_difference(auroc, groups, one, two, truth, resamples=settings.resamples, seed=settings.seed)
    return ContrastComparison(contrast, delong(one, two, truth), drawn)
