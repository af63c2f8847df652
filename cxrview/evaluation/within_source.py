"""Measure a label inside one source at a time, with the shortcut baselines beside it on the same images; nothing is pooled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxrview.core.manifest import Threshold
from cxrview.evaluation.baselines import FOLDS, ShortcutFeatures, cross_fit, fit_and_score
from cxrview.evaluation.bootstrap import RESAMPLES, Metric, bootstrap_by_group, bootstrap_difference, proportion_by_group
from cxrview.evaluation.cases import BoolArray, Case, FloatArray, IndexArray, ScoredCases, Split, groups_of, indices, sources_of, truth_of
from cxrview.evaluation.curves import Band, PrecisionRecall, precision_band, precision_recall, roc_band
from cxrview.evaluation.interval import Interval
from cxrview.evaluation.metrics import (
    CalibrationBin,
    auroc,
    average_precision,
    brier,
    calibration_bins,
    expected_calibration_error,
    log_loss,
    roc_points,
)

EVERY_OTHER = "every other"
MEASURED_SPLITS = (Split.TEST, Split.EXTERNAL)
HISTOGRAM_BINS = 20
# With fewer of either class the folds of a cross-fit differ so much in their base rates that its AUROC is biased downwards.
FEWEST_TO_CROSS_FIT = 20


@dataclass(frozen=True, slots=True)
class Settings:
    """How to measure.

    Attributes:
        minimum: positives, and negatives, that a number needs at least.
        specificity: the one at which sensitivity is told for sources without negatives, 0 to 1.
        reference: what the negatives of such a source are taken from elsewhere: a truth such as `normal`.
        resamples, seed: of every bootstrap.
    """

    minimum: int = 8
    specificity: float = 0.90
    reference: str = "normal"
    resamples: int = RESAMPLES
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Contrast:
    """A question that one source can answer: can this label be told from those other cases of the same source?

    Attributes:
        against: truth of the negatives (`Case.truth`), or `EVERY_OTHER` for all known negatives.
    """

    split: Split
    source: str
    label: str
    against: str = EVERY_OTHER

    def __str__(self) -> str:
        """Give `shenzhen (test): tuberculosis against normal`."""
        return f"{self.source} ({self.split.value}): {self.label} against {self.against}"


@dataclass(frozen=True, slots=True)
class Curve:
    """Corners of a ROC curve: 1 - specificity and sensitivity, ascending."""

    false_positive_rates: tuple[float, ...]
    sensitivities: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class BaselineResult:
    """A baseline on the images of a contrast; `gain` is the network's AUROC less the baseline's, draw by draw."""

    name: str
    fitted_on: str
    auroc: Interval
    gain: Interval
    roc: Curve


@dataclass(frozen=True, slots=True)
class SubgroupResult:
    """A contrast among the cases that share an attribute, such as view AP."""

    attribute: str
    value: str
    auroc: Interval


@dataclass(frozen=True, slots=True)
class ContrastResult:
    """What was measured for a contrast.

    Attributes:
        calibration_error: expected calibration error, ten bins of equal width; it, Brier and log loss hold for the prevalence here.
        threshold: the manifest's; sensitivity and specificity are at it.
        positive_histogram, negative_histogram: cases in 20 bins of probability of equal width.
    """

    contrast: Contrast
    auroc: Interval
    average_precision: Interval
    brier: Interval
    log_loss: Interval
    calibration_error: float
    threshold: Threshold
    sensitivity: Interval
    specificity: Interval
    baselines: tuple[BaselineResult, ...]
    subgroups: tuple[SubgroupResult, ...]
    roc: Curve
    roc_band: Band
    precision_recall: PrecisionRecall
    precision_band: Band
    calibration: tuple[CalibrationBin, ...]
    positive_histogram: tuple[int, ...]
    negative_histogram: tuple[int, ...]


def find_contrasts(cases: Sequence[Case], labels: Sequence[str], *, minimum: int = Settings().minimum) -> tuple[Contrast, ...]:
    """List every contrast of the test and external splits with at least `minimum` positives and negatives.

    Where the negatives of a source are of several truths, each truth with enough cases is a contrast of its own, and all of
    them together are one only where no truth alone has enough. Cases with several labels at once are taken together.
    """
    found: list[Contrast] = []
    for split in MEASURED_SPLITS:
        for source in sources_of(cases, split):
            for label in labels:
                found.extend(_contrasts_of(cases, Contrast(split, source, label), minimum))
    return tuple(found)


def members(cases: Sequence[Case], contrast: Contrast) -> IndexArray:
    """Find the cases of a contrast: its positives, and its negatives of the wanted truth."""
    known = indices(cases, split=contrast.split, source=contrast.source, label=contrast.label)
    return np.array([i for i in known if _is_member(cases[i], contrast)], np.intp)


def measure_contrast(
    scored: ScoredCases,
    contrast: Contrast,
    threshold: Threshold,
    shortcuts: Sequence[ShortcutFeatures] = (),
    settings: Settings | None = None,
) -> ContrastResult:
    """Measure one contrast; baselines are those of `shortcuts`, whose rows are the cases of `scored`.

    A baseline is fitted on the training images of the same contrast; where there are too few, it is cross-fitted on the
    images of the contrast by patient; where these are fewer than 20 of either class, it is left out.
    """
    settings = settings or Settings()
    index = members(scored.cases, contrast)
    truth = truth_of(scored.cases, contrast.label, index)
    groups = groups_of(scored.cases, index)
    chances = scored.probability(contrast.label, index)
    called = chances >= threshold.probability

    def bootstrapped(metric: Metric) -> Interval:
        return bootstrap_by_group(metric, groups, chances, truth, resamples=settings.resamples, seed=settings.seed)

    return ContrastResult(
        contrast=contrast,
        auroc=bootstrapped(auroc),
        average_precision=bootstrapped(average_precision),
        brier=bootstrapped(brier),
        log_loss=bootstrapped(log_loss),
        calibration_error=expected_calibration_error(chances, truth),
        threshold=threshold,
        sensitivity=rate(called, truth, groups, settings),
        specificity=rate(~called, ~truth, groups, settings),
        baselines=tuple(result for shortcut in shortcuts if (result := _measure_baseline(scored, contrast, shortcut, settings))),
        subgroups=measure_subgroups(scored, contrast, settings),
        roc=curve_of(chances, truth),
        roc_band=roc_band(chances, truth, groups, seed=settings.seed),
        precision_recall=precision_recall(chances, truth),
        precision_band=precision_band(chances, truth, groups, seed=settings.seed),
        calibration=calibration_bins(chances, truth),
        positive_histogram=_histogram(chances[truth]),
        negative_histogram=_histogram(chances[~truth]),
    )


def measure_subgroups(scored: ScoredCases, contrast: Contrast, settings: Settings) -> tuple[SubgroupResult, ...]:
    """Measure the AUROC for each view, sex and age band that has enough cases of both kinds and is not all of them."""
    index = members(scored.cases, contrast)
    truth = truth_of(scored.cases, contrast.label, index)
    results: list[SubgroupResult] = []
    for attribute in ("view", "sex", "age"):
        values = np.array([_attribute(scored.cases[i], attribute) for i in index])
        for value in sorted(set(values.tolist()) - {""}):
            inside = values == value
            if not inside.all() and has_enough(truth[inside], settings.minimum):
                chosen = index[inside]
                chances = scored.probability(contrast.label, chosen)
                groups = groups_of(scored.cases, chosen)
                interval = bootstrap_by_group(auroc, groups, chances, truth[inside], resamples=settings.resamples, seed=settings.seed)
                results.append(SubgroupResult(attribute, value, interval))
    return tuple(results)


def rate(called_right: npt.ArrayLike, belongs: npt.ArrayLike, groups: Sequence[str], settings: Settings) -> Interval:
    """Give the share of the cases that belong which were called right, by patient."""
    belonging = np.asarray(belongs, np.bool_)
    chosen = [group for group, is_chosen in zip(groups, belonging, strict=True) if is_chosen]
    return proportion_by_group(np.asarray(called_right)[belonging], chosen, resamples=settings.resamples, seed=settings.seed)


def has_enough(truth: BoolArray, minimum: int) -> bool:
    """Tell whether there are enough positives and enough negatives."""
    positives = int(np.count_nonzero(truth))
    return positives >= minimum and truth.size - positives >= minimum


def curve_of(scores: FloatArray, truth: BoolArray) -> Curve:
    """Draw the ROC curve, without the corners that lie on a straight line between their neighbours."""
    points = roc_points(scores, truth)
    steps = np.diff(points, axis=0)
    is_bend = np.abs(steps[:-1, 0] * steps[1:, 1] - steps[:-1, 1] * steps[1:, 0]) > 1e-12
    points = points[np.concatenate([[True], is_bend, [True]])] if len(points) else points
    return Curve(tuple(points[:, 0].tolist()), tuple(points[:, 1].tolist()))


def _contrasts_of(cases: Sequence[Case], whole: Contrast, minimum: int) -> tuple[Contrast, ...]:
    index = members(cases, whole)
    truth = truth_of(cases, whole.label, index)
    if not has_enough(truth, minimum):
        return ()
    against = [cases[i].truth for i in index[~truth]]
    is_exclusive = all(len(cases[i].positives) <= 1 for i in index)
    large = sorted(kind for kind in set(against) if against.count(kind) >= minimum) if is_exclusive else []
    return tuple(Contrast(whole.split, whole.source, whole.label, kind) for kind in large) or (whole,)


def _is_member(case: Case, contrast: Contrast) -> bool:
    return contrast.label in case.positives or contrast.against in (EVERY_OTHER, case.truth)


def _measure_baseline(scored: ScoredCases, contrast: Contrast, shortcut: ShortcutFeatures, settings: Settings) -> BaselineResult | None:
    index = members(scored.cases, contrast)
    truth = truth_of(scored.cases, contrast.label, index)
    groups = groups_of(scored.cases, index)
    train = members(scored.cases, Contrast(Split.TRAIN, contrast.source, contrast.label, contrast.against))
    train_truth = truth_of(scored.cases, contrast.label, train)
    if has_enough(train_truth, settings.minimum):
        scores = fit_and_score(shortcut.values[train], train_truth, shortcut.values[index])
        fitted_on = f"{train.size} training images of {contrast.source}"
    elif not has_enough(truth, FEWEST_TO_CROSS_FIT):
        return None
    else:
        scores = cross_fit(shortcut.values[index], truth, groups, seed=settings.seed)
        fitted_on = f"these images, {FOLDS} folds by patient"
    chances = scored.probability(contrast.label, index)
    return BaselineResult(
        name=shortcut.name,
        fitted_on=fitted_on,
        auroc=bootstrap_by_group(auroc, groups, scores, truth, resamples=settings.resamples, seed=settings.seed),
        gain=bootstrap_difference(auroc, groups, chances, scores, truth, resamples=settings.resamples, seed=settings.seed),
        roc=curve_of(scores, truth),
    )


def _attribute(case: Case, name: str) -> str:
    if name == "age":
        return "" if case.age_years is None else _age_band(case.age_years)
    return case.view if name == "view" else case.sex


def _age_band(years: float) -> str:
    bands = ((18, "under 18"), (40, "18 to 39"), (60, "40 to 59"))
    return next((name for end, name in bands if years < end), "60 and over")


def _histogram(chances: FloatArray) -> tuple[int, ...]:
    counts, _ = np.histogram(chances, bins=HISTOGRAM_BINS, range=(0.0, 1.0))
    return tuple(counts.tolist())
