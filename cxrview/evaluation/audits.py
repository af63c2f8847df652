"""Everything an evaluation asks beyond how often the network is right: shortcuts, explanations, calibration, other hospitals."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cxrview.core.conformal import Answer, answer, fit_conformal
from cxrview.core.frame import Box
from cxrview.core.image import Pixels
from cxrview.core.manifest import Calibration, CalibrationMethod, Manifest
from cxrview.engine.analyse import heatmaps_of
from cxrview.engine.base import Predictor
from cxrview.engine.packages import Package
from cxrview.evaluation.bootstrap import bootstrap_draws, bootstrap_mean, interval_of
from cxrview.evaluation.cascade import PARTS, Cascade, cascading_likeness, open_cascade
from cxrview.evaluation.cases import Case, ScoredCases, Split, group_folds, groups_of, score_cases, sources_of, truth_of
from cxrview.evaluation.compare import Comparison
from cxrview.evaluation.explanations import (
    SAME_MAP,
    SIMILAR_MAP,
    Deletion,
    Pointing,
    deletion_insertion,
    logit_of,
    point,
    randomised_similarity,
)
from cxrview.evaluation.interval import Interval
from cxrview.evaluation.metrics import auroc, brier, expected_calibration_error
from cxrview.evaluation.readings import LungArea, Reading, prepared
from cxrview.evaluation.road import Road, remove_and_debias
from cxrview.evaluation.shortcut_audit import Level, ShortcutAudit, audit_shortcuts
from cxrview.evaluation.templates import Stability, Template, make_templates, stability
from cxrview.evaluation.within_source import MEASURED_SPLITS, Contrast, Settings, members

# Images of a label and source whose maps are put to the test; each costs some eighty runs of the network.
MOST_EXPLAINED = 12
CONFORMAL_COVERAGE = 0.90
CONFORMAL_FEWEST = 20

# Place of a case to its picture and lungs.
Load = Callable[[int], tuple[Pixels, LungArea | None]]
# Path of an image to what was drawn on it: label and box in image px.
Boxes = Mapping[Path, Sequence[tuple[str, Box]]]


@dataclass(frozen=True, slots=True)
class CalibrationChange:
    """What the package's calibration does to its probabilities on a contrast, at the prevalence there."""

    contrast: Contrast
    error_before: float
    error_after: float
    brier_before: float
    brier_after: float


@dataclass(frozen=True, slots=True)
class ConfusionTable:
    """Truth against the label with the highest probability, on one source; `counts` has a row for each truth."""

    split: Split
    source: str
    truths: tuple[str, ...]
    answers: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class ExternalDrop:
    """A label inside a source of the test beside one that training never saw; `drop` is the former's AUROC less the latter's."""

    internal: Contrast
    external: Contrast
    internal_auroc: Interval
    external_auroc: Interval
    drop: Interval


@dataclass(frozen=True, slots=True)
class ConformalResult:
    """Answers that may be "don't know", with bounds fitted on other patients of the same contrast.

    Attributes:
        unknown: share of the cases that get no answer.
        covered_positive, covered_negative: share of each class whose answer is right or "don't know".
    """

    contrast: Contrast
    coverage: float
    unknown: float
    covered_positive: float
    covered_negative: float


@dataclass(frozen=True, slots=True)
class ExplanationResult:
    """How good a label's maps are on the images of one source that have it.

    Attributes:
        images: maps that were tested.
        pointing, energy: against drawn boxes; None where none were given. even: energy of an even map.
        even: see above.
        deletion: how much better than chance deletion and insertion are, together; above 0 is faithful.
        road: how many logits more the hottest places carry than the coolest (remove and debias); above 0 is faithful.
        randomised: likeness to maps of a disordered head, 0 to 1; NaN where it cannot be told.
        cascade: likeness to maps of a network whose last quarter, half, three quarters and whole are in disorder, 0 to 1.
    """

    split: Split
    source: str
    label: str
    images: int
    pointing: Interval | None
    energy: Interval | None
    even: float
    deletion: Interval
    road: Interval
    randomised: float
    cascade: tuple[float, ...]
    level: Level


@dataclass(frozen=True, slots=True, eq=False)
class Audits:
    """All audits of one model on one set of cases."""

    shortcuts: ShortcutAudit
    explanations: tuple[ExplanationResult, ...]
    templates: tuple[Template, ...]
    stability: tuple[Stability, ...]
    calibration: tuple[CalibrationChange, ...]
    confusion: tuple[ConfusionTable, ...]
    drops: tuple[ExternalDrop, ...]
    conformal: tuple[ConformalResult, ...]
    comparisons: tuple[Comparison, ...] = ()


def audit_cases(
    cases: Sequence[Case],
    readings: Sequence[Reading],
    manifest: Manifest,
    contrasts: Sequence[Contrast],
    settings: Settings | None = None,
    *,
    explanations: Sequence[ExplanationResult] = (),
    comparisons: Sequence[Comparison] = (),
) -> Audits:
    """Run every audit that needs the readings alone; `explanations` and `comparisons` are made before, with the network at hand."""
    settings = settings or Settings()
    logits = np.stack([reading.logits for reading in readings])
    scored = score_cases(cases, logits, manifest)
    templates = make_templates(cases, readings, [label for label in scored.labels if label != settings.reference], seed=settings.seed)
    return Audits(
        shortcuts=audit_shortcuts(cases, readings, manifest, contrasts, settings),
        explanations=tuple(explanations),
        templates=templates,
        stability=stability(templates),
        calibration=calibration_changes(cases, logits, manifest, contrasts),
        confusion=confusion_tables(scored),
        drops=external_drops(scored, contrasts, settings),
        conformal=tuple(_conformal(scored, contrasts, settings)),
        comparisons=tuple(comparisons),
    )


def calibration_changes(
    cases: Sequence[Case], logits: np.ndarray, manifest: Manifest, contrasts: Sequence[Contrast]
) -> tuple[CalibrationChange, ...]:
    """Measure expected calibration error and Brier score with and without the package's calibration; none where it has none."""
    if all(rule.method is CalibrationMethod.NONE for rule in manifest.calibration):
        return ()
    raw = score_cases(cases, logits, replace(manifest, calibration=(Calibration(),) * len(manifest.labels)))
    tuned = score_cases(cases, logits, manifest)

    def measured(contrast: Contrast) -> CalibrationChange:
        index = members(cases, contrast)
        truth = truth_of(cases, contrast.label, index)
        before, after = raw.probability(contrast.label, index), tuned.probability(contrast.label, index)
        errors = expected_calibration_error(before, truth), expected_calibration_error(after, truth)
        return CalibrationChange(contrast, *errors, brier(before, truth), brier(after, truth))

    return tuple(measured(contrast) for contrast in contrasts)


def confusion_tables(scored: ScoredCases) -> tuple[ConfusionTable, ...]:
    """Count truth against the most probable label on every test and external source; none for a model of one label."""
    if len(scored.labels) < 2:
        return ()
    made: list[ConfusionTable] = []
    for split in MEASURED_SPLITS:
        for source in sources_of(scored.cases, split):
            rows = [i for i, case in enumerate(scored.cases) if case.split is split and case.source == source]
            pairs = Counter((scored.cases[i].truth, scored.labels[int(scored.probabilities[i].argmax())]) for i in rows)
            truths = tuple(sorted({truth for truth, _ in pairs}))
            counts = tuple(tuple(pairs[truth, label] for label in scored.labels) for truth in truths)
            made.append(ConfusionTable(split, source, truths, scored.labels, counts))
    return tuple(made)


def external_drops(scored: ScoredCases, contrasts: Sequence[Contrast], settings: Settings) -> tuple[ExternalDrop, ...]:
    """Put each label's test contrasts beside its external ones against the same negatives; patients are drawn on both sides alike."""
    inside = [contrast for contrast in contrasts if contrast.split is Split.TEST]
    outside = [contrast for contrast in contrasts if contrast.split is Split.EXTERNAL]
    pairs = [(one, two) for one in inside for two in outside if (one.label, one.against) == (two.label, two.against)]
    return tuple(_drop(scored, one, two, settings) for one, two in pairs)


def audit_explanations(
    cases: Sequence[Case],
    load: Load,
    package: Package,
    predictor: Predictor,
    settings: Settings | None = None,
    *,
    boxes: Boxes | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> tuple[ExplanationResult, ...]:
    """Test the maps of each label on up to twelve images of each source that have it, one of a patient, those with boxes first."""
    settings = settings or Settings()
    drawn = boxes or {}
    labels = [label.id for label in package.manifest.labels]
    results: list[ExplanationResult] = []
    with open_cascade(package) as cascade:
        for split in MEASURED_SPLITS:
            for source in sources_of(cases, split):
                for place, label in enumerate(labels):
                    rows = _chosen(cases, split, source, label, drawn, settings) if label != settings.reference else []
                    if rows:
                        report(f"Testing the maps of {label} on {len(rows)} images of {source}.")
                        tested = [_tested(cases[i], load(i), package, predictor, place, drawn, cascade) for i in rows]
                        results.extend(_result(split, source, label, tested, [cases[i].group_id for i in rows], settings))
    return tuple(results)


def level_of_explanation(deletion: Interval, road: Interval, randomised: float, forgotten: float) -> Level:
    """Judge maps by places taken away, in two ways, and by weights in disorder, of the head and of the whole network.

    Better than chance and changed by other weights (to 0.5) passes; worse than chance in either way, or unchanged (above 0.7), fails.
    """
    alike = [each for each in (randomised, forgotten) if math.isfinite(each)]
    if min(deletion.high, road.high) < 0.0 or max(alike, default=0.0) > SAME_MAP:
        return Level.FAILED
    is_faithful = deletion.low > 0.0 and road.low > 0.0
    return Level.PASSED if is_faithful and max(alike, default=0.0) <= SIMILAR_MAP else Level.DOUBTFUL


@dataclass(frozen=True, slots=True)
class _Tested:
    pointing: Pointing | None
    deletion: Deletion | None
    road: Road
    randomised: float
    cascade: tuple[float, ...]


def _tested(
    case: Case,
    loaded: tuple[Pixels, LungArea | None],
    package: Package,
    predictor: Predictor,
    place: int,
    drawn: Boxes,
    cascade: Cascade,
) -> _Tested | None:
    pixels, lungs = loaded
    made = prepared(pixels, package.manifest.input, lungs)
    (forward,) = predictor.run(made.tensor)
    maps = heatmaps_of(package, forward)
    if not maps or maps[place].is_flat:
        return None
    own = [box for label, box in drawn.get(case.path, ()) if label == package.manifest.labels[place].id]
    return _Tested(
        point(maps[place], made.frame, own) if own else None,
        deletion_insertion(made, maps[place], logit_of(predictor, place)),
        remove_and_debias(made, maps[place], logit_of(predictor, place)),
        randomised_similarity(forward, package, place),
        cascading_likeness(cascade, made.tensor, maps[place], place),
    )


def _result(
    split: Split, source: str, label: str, tested: Sequence[_Tested | None], groups: Sequence[str], settings: Settings
) -> Iterator[ExplanationResult]:
    kept = [(each, group) for each, group in zip(tested, groups, strict=True) if each is not None]
    if not kept:
        return

    def mean(values: Sequence[tuple[float, str]]) -> Interval:
        return bootstrap_mean([group for _, group in values], [value for value, _ in values], resamples=settings.resamples)

    deletion = mean([(each.deletion.gain, group) for each, group in kept if each.deletion is not None])
    road = mean([(each.road.gain, group) for each, group in kept])
    pointed = [(each.pointing, group) for each, group in kept if each.pointing is not None]
    likeness = [each.randomised for each, _ in kept if math.isfinite(each.randomised)]
    randomised = float(np.mean(likeness)) if likeness else math.nan
    stages = tuple(float(np.mean([each.cascade[stage] for each, _ in kept])) for stage in range(len(PARTS)))
    yield ExplanationResult(
        split=split,
        source=source,
        label=label,
        images=len(kept),
        pointing=mean([(float(each.is_hit), group) for each, group in pointed]) if pointed else None,
        energy=mean([(each.energy, group) for each, group in pointed]) if pointed else None,
        even=float(np.mean([each.even for each, _ in pointed])) if pointed else math.nan,
        deletion=deletion,
        road=road,
        randomised=randomised,
        cascade=stages,
        level=level_of_explanation(deletion, road, randomised, stages[-1]),
    )


def _chosen(cases: Sequence[Case], split: Split, source: str, label: str, drawn: Boxes, settings: Settings) -> list[int]:
    rows = [i for i, case in enumerate(cases) if case.split is split and case.source == source and label in case.positives]
    if len(rows) < settings.minimum:
        return []
    mixed = np.random.default_rng(settings.seed).permutation(rows).tolist()
    first_of_patient: dict[str, int] = {}
    for i in sorted(mixed, key=lambda i: cases[i].path not in drawn):
        first_of_patient.setdefault(cases[i].group_id, i)
    return list(first_of_patient.values())[:MOST_EXPLAINED]


def _drop(scored: ScoredCases, one: Contrast, two: Contrast, settings: Settings) -> ExternalDrop:
    found: list[tuple[Interval, np.ndarray]] = []
    for contrast, seed in ((one, settings.seed), (two, settings.seed + 1)):  # two hospitals are drawn independently
        index = members(scored.cases, contrast)
        truth, groups = truth_of(scored.cases, contrast.label, index), groups_of(scored.cases, index)
        chances = scored.probability(contrast.label, index)
        draws = bootstrap_draws(auroc, groups, chances, truth, resamples=settings.resamples, seed=seed)
        found.append((interval_of(auroc(chances, truth), draws, groups, truth), draws))
    (inside, first), (outside, second) = found
    index = np.concatenate([members(scored.cases, one), members(scored.cases, two)])
    groups, truth = groups_of(scored.cases, index), truth_of(scored.cases, one.label, index)
    return ExternalDrop(one, two, inside, outside, interval_of(inside.value - outside.value, first - second, groups, truth))


def _conformal(scored: ScoredCases, contrasts: Sequence[Contrast], settings: Settings) -> Iterator[ConformalResult]:
    for contrast in contrasts:
        index = members(scored.cases, contrast)
        truth = truth_of(scored.cases, contrast.label, index)
        if min(int(truth.sum()), int((~truth).sum())) < CONFORMAL_FEWEST:
            continue
        chances = scored.probability(contrast.label, index)
        fold = group_folds(groups_of(scored.cases, index), truth, seed=settings.seed)
        answers = np.empty(index.size, object)
        for held in np.unique(fold):
            rule = fit_conformal(chances[fold != held], truth[fold != held], coverage=CONFORMAL_COVERAGE)
            answers[fold == held] = [answer(rule, float(chance)) for chance in chances[fold == held]]
        is_unknown = answers == Answer.UNKNOWN
        is_right = is_unknown | (answers == np.where(truth, Answer.POSITIVE, Answer.NEGATIVE))
        yield ConformalResult(
            contrast, CONFORMAL_COVERAGE, float(is_unknown.mean()), float(is_right[truth].mean()), float(is_right[~truth].mean())
        )
