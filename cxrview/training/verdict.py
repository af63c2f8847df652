"""What a finished run is worth, computed again from its scores: curves, intervals, confusions, subgroups; torch is not needed."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cxrview.core.errors import DataError
from cxrview.core.manifest import Manifest, Task
from cxrview.core.scores import probabilities
from cxrview.engine.packages import load_package
from cxrview.evaluation.bootstrap import bootstrap_by_group
from cxrview.evaluation.cases import Case, ScoredCases, Split, indices, truth_of
from cxrview.evaluation.interval import Interval
from cxrview.evaluation.metrics import (
    CalibrationBin,
    auroc,
    calibration_bins,
    expected_calibration_error,
    roc_points,
    threshold_at_sensitivity,
)
from cxrview.training.examples import cases_of, read_collection
from cxrview.training.recipe import load_recipe
from cxrview.training.split import read_split

FloatArray = npt.NDArray[np.float64]
RESAMPLES = 400
BELOW = "below every threshold"
AGE_BANDS = ((0, 18), (18, 40), (40, 60), (60, 75), (75, 200))
FEWEST = 4
ONE_OF_ALL = (Task.MULTICLASS, Task.HIERARCHICAL)  # tasks whose probabilities add up to 1


@dataclass(frozen=True, slots=True, eq=False)
class LabelVerdict:
    """One label on one split.

    Attributes:
        roc, precision_recall: (N, 2) corners, x and y; empty where there are no positives or no negatives.
        error_before, error_after: expected calibration error without and with calibration.
    """

    label: str
    name: str
    positives: int
    negatives: int
    auroc: Interval
    roc: FloatArray
    precision_recall: FloatArray
    bins: tuple[CalibrationBin, ...]
    error_before: float
    error_after: float
    threshold: float


@dataclass(frozen=True, slots=True)
class Cell:
    """Images of one truth that were called one thing; `members` index the cases."""

    truth: str
    called: str
    members: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Subgroup:
    """AUROC of a label among cases that share a view, sex, age band or source."""

    label: str
    kind: str
    value: str
    auroc: Interval


@dataclass(frozen=True, slots=True)
class AtSensitivity:
    """The threshold chosen on the validation split for a wanted sensitivity, and what it gives on the test split."""

    label: str
    wanted: float
    threshold: float
    sensitivity: float
    specificity: float


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """A finished run, judged.

    Attributes:
        split: that everything but thresholds was measured on.
        cells: of the confusion matrix, truth by truth.
        report: `report.json` of the run, as it was written when it ended.
        published: what the recipe's authors reported; empty where it is nobody's.
    """

    run: Path
    manifest: Manifest
    split: Split
    scored: ScoredCases
    labels: tuple[LabelVerdict, ...]
    truths: tuple[str, ...]
    calls: tuple[str, ...]
    cells: tuple[Cell, ...]
    subgroups: tuple[Subgroup, ...]
    thresholds: tuple[AtSensitivity, ...]
    report: Mapping[str, Any]
    published: tuple[str, ...] = ()

    @property
    def mean_auroc(self) -> float:
        """Mean over the labels that have one; NaN when none has."""
        values = [each.auroc.value for each in self.labels if not math.isnan(each.auroc.value)]
        return sum(values) / len(values) if values else math.nan


def judge_run(run: Path, data: Path, *, split: Split = Split.TEST, wanted: float = 0.9) -> Verdict:
    """Judge a finished run by the scores it left.

    Args:
        run: its folder.
        data: what it was trained on.
        split: to be looked at.
        wanted: sensitivity that the thresholds of the table are to have on the validation split, 0 to 1.

    Raises:
        DataError: the run has no scores, or its data are gone.
    """
    manifest = load_package(run / "package", verify=False).manifest
    scored = scored_cases(run, data, manifest)
    index = indices(scored.cases, split=split)
    if not len(index):
        raise DataError(f"The {split} split has no images.", hint="Split again with a larger fraction.", subject=str(run))
    labels = tuple(_label_verdict(scored, manifest, place, index) for place in range(len(scored.labels)))
    truths, calls, cells = _confusion(scored, manifest, index)
    return Verdict(
        run,
        manifest,
        split,
        scored,
        labels,
        truths,
        calls,
        cells,
        _subgroups(scored, index),
        tuple(_at_sensitivity(scored, label, index, wanted) for label in scored.labels),
        _report(run),
        load_recipe(str(run / "recipe.toml")).published.figures,
    )


def calls_of(scored: ScoredCases, manifest: Manifest) -> tuple[str, ...]:
    """Tell what each case is called: the likeliest class, or every label that reaches its threshold."""
    names = np.array(scored.labels)
    if manifest.task in ONE_OF_ALL:
        return tuple(str(names[row.argmax()]) for row in scored.probabilities)
    cuts = np.array([threshold.probability for threshold in manifest.thresholds])
    return tuple("+".join(sorted(names[row >= cuts].tolist())) or BELOW for row in scored.probabilities)


def scored_cases(run: Path, data: Path, manifest: Manifest) -> ScoredCases:
    """Read the scores that a finished run left of its images.

    Raises:
        DataError: there are none, or the images are gone.
    """
    path = run / "report" / "scores.csv"
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = {row["path"]: row for row in csv.DictReader(stream)}
    except OSError as error:
        raise DataError("The run left no scores.", hint="Let it end, or resume it.", subject=str(run)) from error
    recipe = load_recipe(str(run / "recipe.toml"))
    root = data if data.is_dir() else data.parent
    splits = read_split(run / "split.csv")
    examples = []
    for example in read_collection(data, recipe.data, needs_every_label=False).examples:
        name = example.path.relative_to(root).as_posix() if example.path.is_relative_to(root) else example.path.as_posix()
        if name in rows:
            examples.append((name, replace(example, split=splits[name], group=rows[name]["group"])))
    if not examples:
        raise DataError("The images of this run are gone.", hint="Put their folder back.", subject=str(data))
    logits = np.array([[float(rows[name][f"logit_{label.id}"]) for label in manifest.labels] for name, _ in examples])
    chances = np.array([probabilities(row, manifest) for row in logits], np.float64).reshape(logits.shape)
    return ScoredCases(cases_of([example for _, example in examples]), tuple(label.id for label in manifest.labels), logits, chances)


def _label_verdict(scored: ScoredCases, manifest: Manifest, place: int, index: npt.NDArray[np.intp]) -> LabelVerdict:
    label = scored.labels[place]
    known = np.array([number for number in index if label in scored.cases[number].known], np.intp)
    truth = truth_of(scored.cases, label, known)
    chances = scored.probabilities[known, place]
    plain = _uncalibrated(scored, manifest, place)[known]
    has_both = bool(truth.any() and not truth.all())
    groups = [scored.cases[number].group_id for number in known]
    nothing = np.zeros((0, 2))
    return LabelVerdict(
        label,
        manifest.labels[place].name,
        int(truth.sum()),
        int((~truth).sum()),
        _auroc(chances, truth, groups),
        np.asarray(roc_points(chances, truth)) if has_both else nothing,
        _precision_recall(chances, truth) if truth.any() else nothing,
        calibration_bins(chances, truth) if len(truth) else (),
        expected_calibration_error(plain, truth) if len(truth) else math.nan,
        expected_calibration_error(chances, truth) if len(truth) else math.nan,
        manifest.thresholds[place].probability,
    )


def _auroc(chances: FloatArray, truth: npt.NDArray[np.bool_], groups: Sequence[str]) -> Interval:
    if not truth.any() or truth.all():
        return Interval(math.nan, math.nan, math.nan, n=len(truth), positives=int(truth.sum()), groups=len(set(groups)))
    return bootstrap_by_group(auroc, groups, chances, truth, resamples=RESAMPLES)


def _uncalibrated(scored: ScoredCases, manifest: Manifest, place: int) -> FloatArray:
    if manifest.task in ONE_OF_ALL:  # a hierarchy's logits are the logarithms of its probabilities
        shifted = np.exp(scored.logits - scored.logits.max(axis=1, keepdims=True))
        softmax: FloatArray = shifted[:, place] / shifted.sum(axis=1)
        return softmax
    sigmoid: FloatArray = 1 / (1 + np.exp(-np.clip(scored.logits[:, place], -60, 60)))
    return sigmoid


def _precision_recall(chances: FloatArray, truth: npt.NDArray[np.bool_]) -> FloatArray:
    """Give recall and precision at each threshold, from the highest down."""
    order = np.argsort(-chances, kind="stable")
    found = np.cumsum(truth[order])
    ends = np.append(np.flatnonzero(np.diff(chances[order])), len(order) - 1)
    points: FloatArray = np.stack([found[ends] / truth.sum(), found[ends] / (ends + 1)], axis=1)
    return points


def _confusion(
    scored: ScoredCases, manifest: Manifest, index: npt.NDArray[np.intp]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[Cell, ...]]:
    calls = calls_of(scored, manifest)
    found: dict[tuple[str, str], list[int]] = {}
    for number in index:
        found.setdefault((scored.cases[number].truth, calls[number]), []).append(int(number))
    order = {label: place for place, label in enumerate(scored.labels)}

    def place_of(name: str) -> tuple[int, str]:
        return order.get(name, len(order)), name

    truths = tuple(sorted({truth for truth, _ in found}, key=place_of))
    # Every label has its column, also where nothing was called so: an empty column is a finding.
    named = {*scored.labels} if manifest.task in ONE_OF_ALL else set()
    seen = tuple(sorted({call for _, call in found} | named, key=place_of))
    cells = tuple(Cell(truth, call, tuple(found.get((truth, call), ()))) for truth in truths for call in seen)
    return truths, seen, cells


def _subgroups(scored: ScoredCases, index: npt.NDArray[np.intp]) -> tuple[Subgroup, ...]:
    found: list[Subgroup] = []
    for kind in ("source", "view", "sex", "age"):
        values = [_attribute(scored.cases[number], kind) for number in index]
        present = sorted({value for value in values if value})
        if len(present) + ("" in values) < 2:
            continue
        for value in present:
            members = np.array([number for number, each in zip(index, values, strict=True) if each == value], np.intp)
            found += _subgroup(scored, kind, value, members)
    return tuple(found)


def _subgroup(scored: ScoredCases, kind: str, value: str, members: npt.NDArray[np.intp]) -> list[Subgroup]:
    made = []
    for place, label in enumerate(scored.labels):
        known = np.array([number for number in members if label in scored.cases[number].known], np.intp)
        truth = truth_of(scored.cases, label, known)
        if min(int(truth.sum()), int((~truth).sum())) >= FEWEST:
            groups = [scored.cases[number].group_id for number in known]
            made.append(Subgroup(label, kind, value, _auroc(scored.probabilities[known, place], truth, groups)))
    return made


def _attribute(case: Case, kind: str) -> str:
    if kind == "age":
        return "" if case.age_years is None else next((f"{low}–{high - 1}" for low, high in AGE_BANDS if low <= case.age_years < high), "")
    return {"source": case.source, "view": case.view, "sex": case.sex}[kind]


def _at_sensitivity(scored: ScoredCases, label: str, index: npt.NDArray[np.intp], wanted: float) -> AtSensitivity:
    place = scored.labels.index(label)
    held = indices(scored.cases, split=Split.VAL, label=label)
    truth = truth_of(scored.cases, label, held)
    if not truth.any():
        return AtSensitivity(label, wanted, math.nan, math.nan, math.nan)
    cut = threshold_at_sensitivity(scored.probabilities[held, place], truth, wanted)
    known = np.array([number for number in index if label in scored.cases[number].known], np.intp)
    real = truth_of(scored.cases, label, known)
    called = scored.probabilities[known, place] >= cut
    return AtSensitivity(
        label,
        wanted,
        cut,
        float(called[real].mean()) if real.any() else math.nan,
        float((~called[~real]).mean()) if (~real).any() else math.nan,
    )


def _report(run: Path) -> Mapping[str, Any]:
    try:
        stored = json.loads((run / "report" / "report.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stored if isinstance(stored, dict) else {}
