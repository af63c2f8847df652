"""Other finished runs beside the one that is judged: on the same images where both froze the same test split."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cxrview.core.errors import CxrError
from cxrview.engine.packages import load_package
from cxrview.evaluation.bootstrap import bootstrap_difference
from cxrview.evaluation.cases import ScoredCases, Split, truth_of
from cxrview.evaluation.interval import Interval
from cxrview.evaluation.metrics import auroc
from cxrview.training.figures import FILE as FIGURES_NAME
from cxrview.training.looks import frozen_test_hash
from cxrview.training.status import RunStatus
from cxrview.training.verdict import RESAMPLES, Verdict, scored_cases


@dataclass(frozen=True, slots=True)
class Duel:
    """A label on the test split that two runs share.

    Attributes:
        auroc: of the other run. gain: how far the judged run is above it, patients drawn anew.
    """

    label: str
    auroc: float
    gain: Interval


@dataclass(frozen=True, slots=True)
class Rival:
    """Another finished run.

    Attributes:
        validation: mean AUROC of its kept epoch on its validation split; NaN where it told none.
        duels: one for each common label, where both runs froze the same test split; empty where they did not.
    """

    title: str
    validation: float
    duels: tuple[Duel, ...]


def rivals_of(verdict: Verdict, others: Sequence[RunStatus]) -> tuple[Rival, ...]:
    """Put other finished runs beside a judged one; what one of them does not tell is left out."""
    test = frozen_test_hash(verdict.run / "split.csv")
    return tuple(Rival(run.title, math.nan if run.best is None else run.best.mean_auroc, _duels(verdict, run, test)) for run in others)


def figures_in_words(run: Path) -> str:
    """Tell a finished run's figures on its test split as publications do; empty where it left none."""
    try:
        stored = json.loads((run / "report" / FIGURES_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    figures: Mapping[str, float] = {name: float(value) for name, value in stored.items() if isinstance(value, (int, float))}
    told = [f"accuracy {figures['accuracy']:.1%}"] if "accuracy" in figures else []
    told += [f"mean AUROC {figures['auroc mean']:.3f}"] if "auroc mean" in figures else []
    told += [f"F of {name.removeprefix('f1 ')} {value:.2f}" for name, value in figures.items() if name.startswith("f1 ")]
    return ", ".join(told)


def _duels(verdict: Verdict, run: RunStatus, test: str) -> tuple[Duel, ...]:
    try:
        if frozen_test_hash(run.folder / "split.csv") != test:
            return ()
        other = scored_cases(run.folder, run.data, load_package(run.package, verify=False).manifest)
    except (CxrError, OSError):
        return ()
    return tuple(
        duel for label in verdict.scored.labels if label in other.labels if (duel := _duel(verdict.scored, other, label)) is not None
    )


def _duel(here: ScoredCases, there: ScoredCases, label: str) -> Duel | None:
    rows = {case.path: number for number, case in enumerate(there.cases) if case.split is Split.TEST}
    pairs = [
        (number, rows[case.path])
        for number, case in enumerate(here.cases)
        if case.split is Split.TEST and case.path in rows and label in case.known
    ]
    index = np.array([pair[0] for pair in pairs], np.intp)
    truth = truth_of(here.cases, label, index)
    if not pairs or not truth.any() or truth.all():
        return None
    one, two = here.probability(label, index), there.probability(label, np.array([pair[1] for pair in pairs], np.intp))
    groups = [here.cases[number].group_id for number in index]
    return Duel(label, auroc(two, truth), bootstrap_difference(auroc, groups, one, two, truth, resamples=RESAMPLES))
