"""The few figures by which trainings are compared, as publications give them; and intervals over repeated trainings."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cxrview.core.manifest import Manifest, Task
from cxrview.core.results import FloatArray
from cxrview.evaluation.cases import Case, Split, score_cases
from cxrview.evaluation.metrics import auroc

FILE = "figures.json"
LEAST_IN_SOURCE = 4  # positives, and negatives, for an AUROC inside a source
# Student's t for a two-sided 95 % interval, by degrees of freedom from 1.
T_95: tuple[float, ...] = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131)
T_95 += (2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042)
NORMAL_95 = 1.96


@dataclass(frozen=True, slots=True)
class MeanInterval:
    """The mean of repeated figures with a 95 % t-interval; without an interval where there is one figure only."""

    mean: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        """Give `0.912 (0.90 to 0.92, n = 10)`."""
        if self.n < 2:
            return f"{self.mean:.3f}"
        return f"{self.mean:.3f} ({self.low:.3f} to {self.high:.3f}, n = {self.n})"


def figures_of(cases: Sequence[Case], logits: FloatArray, manifest: Manifest) -> dict[str, float]:
    """Measure the test split, and the external one, as publications do.

    Keys: `accuracy` and `f1 LABEL` at a probability of 0.5, or by the highest of a multiclass model; `auroc LABEL` and
    `auroc mean` over all sources together; `auroc LABEL@SOURCE`; `sensitivity LABEL external`. All but those with `@`
    mix sources, and so measure the source too.
    """
    scored = score_cases(cases, logits, manifest)
    truth = np.array([[label in case.positives for label in scored.labels] for case in cases], np.bool_).reshape(len(cases), -1)
    known = np.array([[label in case.known for label in scored.labels] for case in cases], np.bool_).reshape(len(cases), -1)
    called = _called(scored.probabilities, manifest.task)
    is_test = np.array([case.split is Split.TEST for case in cases], np.bool_)
    found: dict[str, float] = {}
    whole = is_test & known.all(axis=1)
    if whole.any():
        found["accuracy"] = float((called[whole] == truth[whole]).all(axis=1).mean())
    pooled: list[float] = []
    for column, label in enumerate(scored.labels):
        rows = is_test & known[:, column]
        hits = int((called[rows, column] & truth[rows, column]).sum())
        wrong = int((called[rows, column] != truth[rows, column]).sum())
        found[f"f1 {label}"] = 2 * hits / (2 * hits + wrong) if hits + wrong else math.nan
        found[f"auroc {label}"] = _auroc(scored.probabilities[rows, column], truth[rows, column], 1)
        pooled.append(found[f"auroc {label}"])
        for source in sorted({case.source for case, is_in in zip(cases, rows, strict=True) if is_in}):
            inside = rows & np.array([case.source == source for case in cases])
            found[f"auroc {label}@{source}"] = _auroc(scored.probabilities[inside, column], truth[inside, column], LEAST_IN_SOURCE)
        outside = np.array([case.split is Split.EXTERNAL for case in cases]) & truth[:, column]
        if outside.any():
            found[f"sensitivity {label} external"] = float(called[outside, column].mean())
    found["auroc mean"] = float(np.nanmean(pooled)) if np.isfinite(pooled).any() else math.nan
    return {key: value for key, value in found.items() if math.isfinite(value)}


def mean_interval(values: Sequence[float]) -> MeanInterval:
    """Give the mean of independent figures, each 0 to 1, with its 95 % interval by Student's t, cut where no figure can be."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return MeanInterval(mean, math.nan, math.nan, len(values))
    quantile = T_95[len(values) - 2] if len(values) - 2 < len(T_95) else NORMAL_95
    half = quantile * statistics.stdev(values) / math.sqrt(len(values))
    return MeanInterval(mean, max(0.0, mean - half), min(1.0, mean + half), len(values))


def intervals(runs: Sequence[Mapping[str, float]]) -> dict[str, MeanInterval]:
    """Join the figures of several trainings; a figure that only some of them have is told with their number."""
    names = dict.fromkeys(name for run in runs for name in run)
    return {name: mean_interval([run[name] for run in runs if name in run]) for name in names}


def write_figures(folder: Path, figures: Mapping[str, float]) -> None:
    """Write `figures.json` into a report folder."""
    folder.mkdir(parents=True, exist_ok=True)
    rounded = {name: round(value, 5) for name, value in figures.items()}
    (folder / FILE).write_text(json.dumps(rounded, indent=1), encoding="utf-8")


def read_figures(folder: Path) -> dict[str, float]:
    """Read `figures.json` back."""
    stored: dict[str, float] = json.loads((folder / FILE).read_text(encoding="utf-8"))
    return stored


def _called(probabilities: npt.NDArray[np.float64], task: Task) -> npt.NDArray[np.bool_]:
    if task in (Task.MULTICLASS, Task.HIERARCHICAL):
        return np.asarray(probabilities == probabilities.max(axis=1, keepdims=True), np.bool_)
    return np.asarray(probabilities >= 0.5, np.bool_)


def _auroc(scores: npt.NDArray[np.float64], truth: npt.NDArray[np.bool_], least: int) -> float:
    positives = int(truth.sum())
    return auroc(scores, truth) if min(positives, truth.size - positives) >= least else math.nan
