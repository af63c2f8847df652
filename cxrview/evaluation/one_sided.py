"""Measure sources that hold one class only: sensitivity against the normals of other sources, and rates at the package's thresholds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from cxrview.core.manifest import Threshold
from cxrview.evaluation.baselines import ShortcutFeatures, fit_and_score
from cxrview.evaluation.bootstrap import bootstrap_by_group
from cxrview.evaluation.cases import FloatArray, IndexArray, ScoredCases, Split, groups_of, indices, sources_of, truth_of
from cxrview.evaluation.interval import Interval, wilson_at_ends
from cxrview.evaluation.metrics import ROUNDING, SensitivityAtSpecificity, confusion, threshold_at_specificity
from cxrview.evaluation.within_source import MEASURED_SPLITS, Settings, has_enough, rate


@dataclass(frozen=True, slots=True)
class BaselineSensitivity:
    """A baseline's sensitivity at the same specificity on the same images."""

    name: str
    fitted_on: str
    sensitivity: Interval


@dataclass(frozen=True, slots=True)
class SensitivityResult:
    """Sensitivity on a source without negatives, at the threshold that the normals of one other source set.

    Attributes:
        normals_source, normals: where the normals come from (test split), and how many.
        wanted_specificity, specificity: asked for, and reached on those normals (ties can make it higher).
        threshold: of the calibrated probability.
        sensitivity: its interval draws patients and normals alike, so it holds the threshold's own uncertainty; its n counts both.
    """

    split: Split
    source: str
    label: str
    images: int
    patients: int
    normals_source: str
    normals: int
    wanted_specificity: float
    specificity: float
    threshold: float
    sensitivity: Interval
    baselines: tuple[BaselineSensitivity, ...]


@dataclass(frozen=True, slots=True)
class OperatingResult:
    """A label on one source at the package's own threshold; a rate without enough cases has n = 0."""

    split: Split
    source: str
    label: str
    threshold: Threshold
    sensitivity: Interval
    specificity: Interval


@dataclass(frozen=True, slots=True, eq=False)
class _Pairing:
    """Positives of a source beside normals of another."""

    split: Split
    source: str
    label: str
    normals_source: str
    positives: IndexArray
    normals: IndexArray

    @property
    def index(self) -> IndexArray:
        return np.concatenate([self.positives, self.normals])


def measure_sensitivities(
    scored: ScoredCases, shortcuts: Sequence[ShortcutFeatures] = (), settings: Settings | None = None
) -> tuple[SensitivityResult, ...]:
    """Measure every label on every test or external source that has positives but not enough negatives, once for each source of normals.

    Normals are the cases of the test split whose truth is `settings.reference`, from sources with enough of them to set the
    threshold: at least `minimum`, and at least 1 / (1 - specificity).
    """
    settings = settings or Settings()
    return tuple(_sensitivity(scored, pairing, shortcuts, settings) for pairing in _pairings(scored, settings))


def measure_operating(
    scored: ScoredCases, thresholds: Sequence[Threshold], settings: Settings | None = None
) -> tuple[OperatingResult, ...]:
    """Measure sensitivity and specificity at the given thresholds, one for each label, on each test and external source alone."""
    settings = settings or Settings()
    results = (
        _operating(scored, split, source, label, threshold, settings)
        for split in MEASURED_SPLITS
        for source in sources_of(scored.cases, split)
        for label, threshold in zip(scored.labels, thresholds, strict=True)
    )
    return tuple(result for result in results if result.sensitivity.n or result.specificity.n)


def _operating(scored: ScoredCases, split: Split, source: str, label: str, threshold: Threshold, settings: Settings) -> OperatingResult:
    index = indices(scored.cases, split=split, source=source, label=label)
    truth = truth_of(scored.cases, label, index)
    groups = groups_of(scored.cases, index)
    called = scored.probability(label, index) >= threshold.probability
    return OperatingResult(
        split=split,
        source=source,
        label=label,
        threshold=threshold,
        sensitivity=rate(called, truth & (np.count_nonzero(truth) >= settings.minimum), groups, settings),
        specificity=rate(~called, ~truth & (np.count_nonzero(~truth) >= settings.minimum), groups, settings),
    )


def _pairings(scored: ScoredCases, settings: Settings) -> Iterator[_Pairing]:
    enough = max(settings.minimum, math.ceil(1 / (1 - settings.specificity) - ROUNDING))
    for split in MEASURED_SPLITS:
        for source in sources_of(scored.cases, split):
            for label in scored.labels:
                positives = _one_sided_positives(scored, split, source, label, settings)
                for normals_source in sources_of(scored.cases, Split.TEST) if positives.size else ():
                    normals = _normals(scored, Split.TEST, label, settings, source=normals_source)
                    if normals.size >= enough:
                        yield _Pairing(split, source, label, normals_source, positives, normals)


def _one_sided_positives(scored: ScoredCases, split: Split, source: str, label: str, settings: Settings) -> IndexArray:
    index = indices(scored.cases, split=split, source=source, label=label)
    truth = truth_of(scored.cases, label, index)
    if label == settings.reference or has_enough(truth, settings.minimum) or np.count_nonzero(truth) < settings.minimum:
        return index[:0]
    return index[truth]


def _sensitivity(scored: ScoredCases, pairing: _Pairing, shortcuts: Sequence[ShortcutFeatures], settings: Settings) -> SensitivityResult:
    truth = truth_of(scored.cases, pairing.label, pairing.index)
    chances = scored.probability(pairing.label, pairing.index)
    threshold = threshold_at_specificity(chances, truth, settings.specificity)
    return SensitivityResult(
        split=pairing.split,
        source=pairing.source,
        label=pairing.label,
        images=pairing.positives.size,
        patients=_patients(scored, pairing),
        normals_source=pairing.normals_source,
        normals=pairing.normals.size,
        wanted_specificity=settings.specificity,
        specificity=confusion(chances, truth, threshold).specificity,
        threshold=threshold,
        sensitivity=_drawn_sensitivity(scored, pairing, chances, settings),
        baselines=_baseline_sensitivities(scored, pairing, shortcuts, settings),
    )


def _drawn_sensitivity(scored: ScoredCases, pairing: _Pairing, scores: FloatArray, settings: Settings) -> Interval:
    truth = truth_of(scored.cases, pairing.label, pairing.index)
    groups = groups_of(scored.cases, pairing.index)
    metric = SensitivityAtSpecificity(settings.specificity)
    interval = bootstrap_by_group(metric, groups, scores, truth, resamples=settings.resamples, seed=settings.seed)
    return wilson_at_ends(interval, _patients(scored, pairing))


def _patients(scored: ScoredCases, pairing: _Pairing) -> int:
    return len(set(groups_of(scored.cases, pairing.positives)))


def _baseline_sensitivities(
    scored: ScoredCases, pairing: _Pairing, shortcuts: Sequence[ShortcutFeatures], settings: Settings
) -> tuple[BaselineSensitivity, ...]:
    known = indices(scored.cases, split=Split.TRAIN, label=pairing.label)
    train = np.union1d(known[truth_of(scored.cases, pairing.label, known)], _normals(scored, Split.TRAIN, pairing.label, settings))
    truth = truth_of(scored.cases, pairing.label, train)
    if not has_enough(truth, settings.minimum):
        return ()

    def measured(shortcut: ShortcutFeatures) -> BaselineSensitivity:
        scores = fit_and_score(shortcut.values[train], truth, shortcut.values[pairing.index])
        fitted_on = f"{train.size} training images of all sources"
        return BaselineSensitivity(shortcut.name, fitted_on, _drawn_sensitivity(scored, pairing, scores, settings))

    return tuple(measured(shortcut) for shortcut in shortcuts)


def _normals(scored: ScoredCases, split: Split, label: str, settings: Settings, *, source: str | None = None) -> IndexArray:
    known = indices(scored.cases, split=split, source=source, label=label)
    return np.array([i for i in known if scored.cases[i].truth == settings.reference], np.intp)
