"""Does the network read the chest, or the hospital? The same network on pictures without lungs, without letters, and on hospitals alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from cxrview.core.manifest import Manifest
from cxrview.evaluation.baselines import cross_fit
from cxrview.evaluation.bootstrap import bootstrap_by_group, bootstrap_difference, bootstrap_mean
from cxrview.evaluation.cases import Case, FloatArray, IndexArray, ScoredCases, Split, groups_of, score_cases, truth_of
from cxrview.evaluation.interval import Interval
from cxrview.evaluation.metrics import auroc
from cxrview.evaluation.readings import Change, Reading
from cxrview.evaluation.within_source import FEWEST_TO_CROSS_FIT, MEASURED_SPLITS, Contrast, Settings, members

# A network without lungs to look at should guess: an AUROC this far from 0.5 is knowledge from elsewhere, if its interval agrees.
KNOWS = 0.60
# And where half of what it knew is still there, most of it never came from the lungs.
MOST_OF_SKILL = 0.5
# Losing this much AUROC when letters go means that it read them.
LETTERS = 0.05
# Part of the positive heat that should lie in the lungs.
HEAT = 0.60
# From here on features give the hospital away; nearly all networks do, so it is a doubt and no more.
TELLS_HOSPITALS = 0.80
# Logits that differ by less come from the same picture.
SAME_LOGIT = 1e-4
# The network's own answer differs between hospitals where it should not.
ANSWERS_DIFFER = 0.70


class Level(StrEnum):
    """How an audit ended."""

    PASSED = "passed"
    DOUBTFUL = "doubtful"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ChangeResult:
    """A contrast with something taken away from its pictures.

    Attributes:
        images: how many pictures the change touched.
        whole, changed: AUROC on the same cases, before and after; a case that the change does not touch keeps its answer.
        loss: before less after, draw by draw.
    """

    contrast: Contrast
    change: Change
    images: int
    whole: Interval
    changed: Interval
    loss: Interval
    level: Level


@dataclass(frozen=True, slots=True)
class HeatResult:
    """Where the heat of a label lies on the images that have it.

    Attributes:
        inside: mean part of the positive heat in the lungs, 0 to 1.
        even: what an even map would have there.
    """

    split: Split
    source: str
    label: str
    inside: Interval
    even: float
    level: Level


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """Can one of these hospitals be told from the other, among images of one truth, where nothing but the hospital differs?

    Attributes:
        from_features: AUROC of a regression on the network's features, cross-fitted by patient.
        from_answer: label to AUROC of the network's own probability, which should be 0.5.
    """

    truth: str
    sources: tuple[str, str]
    from_features: Interval | None
    answers: tuple[AnswerGap, ...]
    level: Level


@dataclass(frozen=True, slots=True)
class AnswerGap:
    """How well a label's probability tells the second hospital from the first among images of one truth."""

    label: str
    auroc: Interval


@dataclass(frozen=True, slots=True)
class ShortcutAudit:
    """All of it; `unmeasured` says in sentences what could not be looked at, and why."""

    changes: tuple[ChangeResult, ...]
    heat: tuple[HeatResult, ...]
    probes: tuple[ProbeResult, ...]
    unmeasured: tuple[str, ...]

    @property
    def levels(self) -> tuple[Level, ...]:
        """How each part ended."""
        return (*(each.level for each in self.changes), *(each.level for each in self.heat), *(each.level for each in self.probes))


def audit_shortcuts(
    cases: Sequence[Case],
    readings: Sequence[Reading],
    manifest: Manifest,
    contrasts: Sequence[Contrast],
    settings: Settings | None = None,
) -> ShortcutAudit:
    """Audit a model on cases whose readings stand in the same order; numbers come from the test and external splits."""
    settings = settings or Settings()
    whole = score_cases(cases, np.stack([reading.logits for reading in readings]), manifest)
    return ShortcutAudit(
        changes=tuple(_changes(whole, readings, manifest, contrasts, settings)),
        heat=tuple(_heat(whole, readings, settings)),
        probes=tuple(_probes(whole, readings, settings)),
        unmeasured=tuple(_unmeasured(readings)),
    )


def level_without_lungs(whole: Interval, changed: Interval) -> Level:
    """Judge an AUROC on pictures without lungs: knowing the class then is a doubt, and a failure if it is half of what was known before.

    An AUROC below 0.5 is knowledge too. Without an interval there is no judgement but doubt.
    """
    left = abs(changed.value - 0.5)
    if not left >= KNOWS - 0.5:
        return Level.PASSED
    if math.isnan(changed.low) or changed.low <= 0.5 <= changed.high:
        return Level.DOUBTFUL
    return Level.FAILED if left >= MOST_OF_SKILL * abs(whole.value - 0.5) else Level.DOUBTFUL


def level_without_letters(loss: Interval) -> Level:
    """Judge what goes with the letters: a fall of 0.05 and more is a failure where its interval leaves out 0, else a doubt."""
    if not loss.value >= LETTERS:
        return Level.PASSED
    return Level.FAILED if loss.low > 0.0 else Level.DOUBTFUL


def level_of_heat(inside: Interval, even: float) -> Level:
    """Judge where heat lies: 60 % in the lungs passes; no more than an even map would have there is a failure."""
    if inside.value >= HEAT:
        return Level.PASSED
    return Level.FAILED if inside.value <= even or inside.high < even else Level.DOUBTFUL


def differs(between_hospitals: Interval) -> bool:
    """Judge an AUROC between two hospitals of one truth: 0.20 and more from 0.5 with an interval that leaves 0.5 out is a difference."""
    is_far = abs(between_hospitals.value - 0.5) >= ANSWERS_DIFFER - 0.5
    return is_far and not between_hospitals.low <= 0.5 <= between_hospitals.high


def sees_no_border(readings: Sequence[Reading]) -> bool:
    """Tell whether blanking the lungs' box leaves nothing of any picture, as for a network that is cropped to the lungs."""
    left = [reading.changed[Change.BORDER_ONLY] for reading in readings if Change.BORDER_ONLY in reading.changed]
    return len(left) > 1 and float(np.ptp(np.stack(left), axis=0).max()) < SAME_LOGIT


def _changes(
    whole: ScoredCases, readings: Sequence[Reading], manifest: Manifest, contrasts: Sequence[Contrast], settings: Settings
) -> Iterator[ChangeResult]:
    for change in Change:
        touched = np.array([change in reading.changed for reading in readings])
        if change is Change.BORDER_ONLY and sees_no_border(readings):
            continue
        logits = np.stack([reading.changed.get(change, reading.logits) for reading in readings])
        changed = score_cases(whole.cases, logits, manifest)
        for contrast in contrasts:
            index = members(whole.cases, contrast)
            if change is not Change.MARKS_REMOVED:
                index = index[touched[index]]  # pictures whose lungs are not known say nothing of this
            truth = truth_of(whole.cases, contrast.label, index)
            images = int(touched[index].sum())
            if not images or min(int(truth.sum()), int((~truth).sum())) < settings.minimum:
                continue
            yield _change(whole, changed, contrast, change, index, images, settings)


def _change(
    whole: ScoredCases, changed: ScoredCases, contrast: Contrast, change: Change, index: IndexArray, images: int, settings: Settings
) -> ChangeResult:
    truth, groups = truth_of(whole.cases, contrast.label, index), groups_of(whole.cases, index)
    before, after = whole.probability(contrast.label, index), changed.probability(contrast.label, index)
    draws = {"resamples": settings.resamples, "seed": settings.seed}
    first, second = (bootstrap_by_group(auroc, groups, chances, truth, **draws) for chances in (before, after))
    loss = bootstrap_difference(auroc, groups, before, after, truth, **draws)
    level = level_without_letters(loss) if change is Change.MARKS_REMOVED else level_without_lungs(first, second)
    return ChangeResult(contrast, change, images, first, second, loss, level)


def _heat(whole: ScoredCases, readings: Sequence[Reading], settings: Settings) -> Iterator[HeatResult]:
    for split in MEASURED_SPLITS:
        for source in sorted({case.source for case in whole.cases if case.split is split}):
            for place, label in enumerate(whole.labels):
                if label == settings.reference:
                    continue  # what is normal is seen everywhere, and nowhere in particular
                rows = [
                    i
                    for i, case in enumerate(whole.cases)
                    if case.split is split and case.source == source and label in case.positives and _has_heat(readings[i], place)
                ]
                if len(rows) >= settings.minimum:
                    yield _heat_of(whole, readings, split, source, label, rows, settings)


def _heat_of(
    whole: ScoredCases, readings: Sequence[Reading], split: Split, source: str, label: str, rows: Sequence[int], settings: Settings
) -> HeatResult:
    place = whole.labels.index(label)
    values = [float(heat[place]) for i in rows if (heat := readings[i].heat_in_lungs) is not None]
    inside = bootstrap_mean(groups_of(whole.cases, rows), values, resamples=settings.resamples, seed=settings.seed)
    even = float(np.mean([readings[i].lung_share for i in rows]))
    return HeatResult(split, source, label, inside, even, level_of_heat(inside, even))


def _has_heat(reading: Reading, place: int) -> bool:
    return reading.heat_in_lungs is not None and bool(np.isfinite(reading.heat_in_lungs[place]))


def _probes(whole: ScoredCases, readings: Sequence[Reading], settings: Settings) -> Iterator[ProbeResult]:
    """Compare hospitals two by two on the truth that most images of both share."""
    measured = [i for i, case in enumerate(whole.cases) if case.split in MEASURED_SPLITS]
    sources = sorted({whole.cases[i].source for i in measured})
    for place, first in enumerate(sources):
        for second in sources[place + 1 :]:
            counts = {
                truth: min(sum(1 for i in measured if _is(whole.cases[i], name, truth)) for name in (first, second))
                for truth in {whole.cases[i].truth for i in measured}
            }
            truth = max(sorted(counts), key=lambda each: counts[each])
            if counts[truth] < FEWEST_TO_CROSS_FIT:
                continue
            index = np.array([i for i in measured if any(_is(whole.cases[i], name, truth) for name in (first, second))], np.intp)
            yield _probe(whole, readings, truth, (first, second), index, settings)


def _probe(
    whole: ScoredCases, readings: Sequence[Reading], truth: str, sources: tuple[str, str], index: IndexArray, settings: Settings
) -> ProbeResult:
    is_second = np.array([whole.cases[i].source == sources[1] for i in index], np.bool_)
    groups = groups_of(whole.cases, index)

    def measured(scores: FloatArray) -> Interval:
        return bootstrap_by_group(auroc, groups, scores, is_second, resamples=settings.resamples, seed=settings.seed)

    pooled = [readings[i].pooled for i in index]
    known = [each for each in pooled if each is not None]
    from_features = None
    if len(known) == len(pooled):
        from_features = measured(cross_fit(np.stack(known).astype(np.float64), is_second, groups, seed=settings.seed))
    gaps = tuple(AnswerGap(label, measured(whole.probability(label, index))) for label in whole.labels)
    tells = from_features is not None and from_features.value >= TELLS_HOSPITALS
    return ProbeResult(
        truth,
        sources,
        from_features,
        gaps,
        Level.FAILED if any(differs(gap.auroc) for gap in gaps) else Level.DOUBTFUL if tells else Level.PASSED,
    )


def _is(case: Case, source: str, truth: str) -> bool:
    return case.source == source and case.truth == truth


def _unmeasured(readings: Sequence[Reading]) -> Iterator[str]:
    without = sum(1 for reading in readings if math.isnan(reading.lung_share))
    if without == len(readings):
        yield "No lungs were known: no lung network is installed and no masks were given, so nothing was blanked and no heat located."
    elif without:
        yield f"On {without} of {len(readings)} images no lungs were found; they take no part in what blanks or locates lungs."
    if sees_no_border(readings):
        yield "The network is shown the lungs and little more: nothing was left to read when their box was blanked."
    if not any(reading.marks_share for reading in readings):
        yield "No letters or markers were found on any image."
    if all(reading.pooled is None for reading in readings):
        yield "The network gives no features, so the source probe saw its answers only."
    if all(reading.aligned is None for reading in readings) and without < len(readings):
        yield "The network has no heatmap from its features, so no heat was located."
