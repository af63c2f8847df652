"""Measure operating curves: sensitivity and specificity at every threshold that matters, over the sources and in the worst."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cxrview.core.manifest import OperatingCurve, Threshold
from cxrview.evaluation.calibrate import FEWEST_FOR_THRESHOLD
from cxrview.evaluation.cases import FloatArray, IndexArray, ScoredCases, Split, indices, sources_of, truth_of

# Two hundredths apart: finer steps would be finer than what some hundred images can tell.
WANTED = np.linspace(0.0, 1.0, 51)
DECIMALS = 6


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """The sorted probabilities of one source's positives, or of its negatives."""

    source: str
    values: FloatArray


def operating_curves(scored: ScoredCases, thresholds: tuple[Threshold, ...], *, split: Split = Split.VAL) -> tuple[OperatingCurve, ...]:
    """Measure the curve of each label on the known cases of a split; `thresholds` are the package's own, one for each label.

    Every source with at least 10 such cases counts the same, for one large easy source would else speak for all; the lowest of
    them stands beside the mean. Where no source has as many, all are taken together. A label without positives or without
    negatives gets an empty curve.
    """
    return tuple(_curve(scored, label, own.probability, split) for label, own in zip(scored.labels, thresholds, strict=True))


def _curve(scored: ScoredCases, label: str, own: float, split: Split) -> OperatingCurve:
    positives, negatives = (_parts(scored, label, split, is_positive=kind) for kind in (True, False))
    if not positives or not negatives:
        return OperatingCurve()
    points = _points(positives, negatives, own)
    found = np.array([1.0 - np.searchsorted(part.values, points, side="left") / part.values.size for part in positives])
    spared = np.array([np.searchsorted(part.values, points, side="left") / part.values.size for part in negatives])
    return OperatingCurve(
        probability=tuple(points.tolist()),
        sensitivity=_rounded(found.mean(axis=0)),
        specificity=_rounded(spared.mean(axis=0)),
        positives=sum(part.values.size for part in positives),
        negatives=sum(part.values.size for part in negatives),
        cases=f"{split.value} split, {_words(positives, 'positives')}; {_words(negatives, 'negatives')}",
        lowest_sensitivity=_rounded(found.min(axis=0)),
        lowest_specificity=_rounded(spared.min(axis=0)),
    )


def _rounded(shares: FloatArray) -> tuple[float, ...]:
    return tuple(np.round(shares, DECIMALS).tolist())


def _points(positives: list[_Part], negatives: list[_Part], own: float) -> FloatArray:
    """Give thresholds, rising: the package's own, the ends, and those at which a share passes one of `WANTED`."""
    scale = 10.0**DECIMALS
    # Rounded to the side on which the share is kept.
    down = [np.floor(_at_share(part.values, 1.0 - WANTED) * scale) / scale for part in positives]
    up = [np.ceil(np.nextafter(_at_share(part.values, WANTED), 2.0) * scale) / scale for part in negatives]
    points: FloatArray = np.unique(np.clip(np.concatenate([*down, *up, [0.0, own, 1.0]]), 0.0, 1.0))
    return points


def _at_share(values: FloatArray, shares: FloatArray) -> FloatArray:
    """Give the value under which at most each share of the sorted values lies."""
    places = np.minimum(np.floor(shares * values.size + 1e-9).astype(np.intp), values.size - 1)
    found: FloatArray = values[places]
    return found


def _parts(scored: ScoredCases, label: str, split: Split, *, is_positive: bool) -> list[_Part]:
    sources = {source: indices(scored.cases, split=split, source=source, label=label) for source in sources_of(scored.cases, split)}
    parts = [_part(scored, label, source, index, is_positive=is_positive) for source, index in sources.items()]
    enough = [part for part in parts if part.values.size >= FEWEST_FOR_THRESHOLD]
    if enough:
        return enough
    together = _part(scored, label, "all sources together", indices(scored.cases, split=split, label=label), is_positive=is_positive)
    return [together] if together.values.size else []


def _part(scored: ScoredCases, label: str, source: str, index: IndexArray, *, is_positive: bool) -> _Part:
    truth = truth_of(scored.cases, label, index)
    return _Part(source, np.sort(scored.probability(label, index)[truth == is_positive]))


def _words(parts: list[_Part], what: str) -> str:
    return f"{what} of {', '.join(f'{part.source} ({part.values.size})' for part in parts)}"
