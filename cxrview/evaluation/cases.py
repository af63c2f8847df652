"""The cases of an evaluation: one image with its truth, its patient and its source, and what a model said of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cxrview.core.errors import DataError
from cxrview.core.manifest import Manifest
from cxrview.core.scores import probabilities

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IndexArray = npt.NDArray[np.intp]

# What a negative is called that has none of the labels.
NO_LABEL = "no label"


class Split(StrEnum):
    """What a case was for; `external` cases come from a source that training never saw."""

    TRAIN = "train"
    VAL = "val"
    TEST = "test"
    EXTERNAL = "external"


@dataclass(frozen=True, slots=True)
class Case:
    """One image and what is known of it.

    Attributes:
        source: the hospital or collection it comes from.
        group_id: images of one patient, and copies of one image, share it.
        positives: ids of the labels that are true of it.
        known: ids of the labels whose truth is known, positive or negative; holds `positives`.
        view, sex, role: as in the catalogue; empty when unknown.
        age_years: None when unknown.
    """

    path: Path
    source: str
    group_id: str
    positives: frozenset[str]
    known: frozenset[str]
    split: Split
    view: str = ""
    sex: str = ""
    age_years: float | None = None
    role: str = ""

    def __post_init__(self) -> None:
        if not self.positives <= self.known:
            surplus = ", ".join(sorted(self.positives - self.known))
            raise DataError(f"positive for {surplus}, which is not among its known labels.", subject=str(self.path))

    @property
    def truth(self) -> str:
        """Its true labels in one word, for tables."""
        return "+".join(sorted(self.positives)) or NO_LABEL


@dataclass(frozen=True, slots=True, eq=False)
class ScoredCases:
    """Cases and a model's answers.

    Attributes:
        labels: ids, in the order of the columns.
        logits, probabilities: (N, L) float64; probabilities are calibrated.
    """

    cases: tuple[Case, ...]
    labels: tuple[str, ...]
    logits: FloatArray
    probabilities: FloatArray

    def probability(self, label: str, index: IndexArray) -> FloatArray:
        """Give the probabilities of a label for the cases at `index`."""
        column: FloatArray = self.probabilities[index, self.labels.index(label)]
        return column


def score_cases(cases: Sequence[Case], logits: npt.ArrayLike, manifest: Manifest) -> ScoredCases:
    """Join cases with their logits (N, L) and the probabilities that the manifest's calibration makes of them."""
    labels = tuple(label.id for label in manifest.labels)
    rows = np.array(logits, np.float64)
    if rows.shape != (len(cases), len(labels)):
        raise DataError(f"{len(cases)} cases and {len(labels)} labels need logits of that shape, not {rows.shape}.")
    if not np.isfinite(rows).all():
        raise DataError("a logit is not finite.", hint="Leave out cases that could not be scored, and say how many.")
    chances = np.array([probabilities(row, manifest) for row in rows], np.float64).reshape(rows.shape)
    rows.setflags(write=False)
    chances.setflags(write=False)
    return ScoredCases(tuple(cases), labels, rows, chances)


def indices(cases: Sequence[Case], *, split: Split, source: str | None = None, label: str | None = None) -> IndexArray:
    """Find the cases of a split, of a source when given, and whose truth for `label` is known when given."""
    found = (
        i
        for i, case in enumerate(cases)
        if case.split is split and (source is None or case.source == source) and (label is None or label in case.known)
    )
    return np.fromiter(found, np.intp)


def truth_of(cases: Sequence[Case], label: str, index: Iterable[int]) -> BoolArray:
    """Tell which of the cases at `index` are positive for a label."""
    return np.array([label in cases[i].positives for i in index], np.bool_)


def groups_of(cases: Sequence[Case], index: Iterable[int]) -> tuple[str, ...]:
    """Give the group of each case at `index`."""
    return tuple(cases[i].group_id for i in index)


def sources_of(cases: Sequence[Case], split: Split) -> tuple[str, ...]:
    """List the sources of a split, sorted."""
    return tuple(sorted({case.source for case in cases if case.split is split}))


def group_folds(groups: Sequence[str], positives: npt.ArrayLike, *, folds: int = 5, seed: int = 0) -> IndexArray:
    """Deal whole groups into folds, 0 to folds - 1, so that positives are spread evenly.

    Groups are shuffled, ordered by their number of positives and dealt round and back; fewer groups than folds leave folds empty.
    """
    names, index = np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)
    index = index.reshape(-1)
    of_group = np.bincount(index, weights=np.asarray(positives, np.float64), minlength=names.size)
    shuffled = np.random.default_rng(seed).permutation(names.size)
    dealt = shuffled[np.argsort(-of_group[shuffled], kind="stable")]
    round_and_back = np.concatenate([np.arange(folds), np.arange(folds)[::-1]])
    fold_of_group = np.empty(names.size, np.intp)
    fold_of_group[dealt] = np.resize(round_and_back, names.size)
    return fold_of_group[index]
