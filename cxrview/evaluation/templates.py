"""Class templates: the mean heatmap of a label in the frame of the lungs, its main variations, and whether it holds elsewhere."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxrview.evaluation.cases import Case, Split
from cxrview.evaluation.readings import Reading

FloatArray = npt.NDArray[np.float64]

EIGEN = 3
UNLIKE = 6
FEWEST = 8


@dataclass(frozen=True, slots=True, eq=False)
class Unlike:
    """An image whose map is unlike the template of its label: its path, and the correlation with the template."""

    name: str
    correlation: float
    thumb: npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """A label's heatmaps on the images of one source that have it, in one frame.

    Attributes:
        images: maps behind it.
        mean: (24, 24), the mean of the maps, each scaled to unit energy, so that no single image dominates.
        eigen: (24, 24) each, principal components, the largest first; explained: their shares of the variance.
        explained: see above.
        halves: correlation of the templates of two random halves by patient: what chance alone allows a comparison to reach.
        unlike: the images least like the template, the least first.
    """

    split: Split
    source: str
    label: str
    images: int
    mean: FloatArray
    eigen: tuple[FloatArray, ...]
    explained: tuple[float, ...]
    halves: float
    unlike: tuple[Unlike, ...]

    @property
    def positive_share(self) -> float:
        """Part of the mean map's strength that speaks for the label, 0 to 1; the rest speaks against it."""
        strength = float(np.abs(self.mean).sum())
        return float(np.maximum(self.mean, 0.0).sum()) / strength if strength > 0 else math.nan

    def __str__(self) -> str:
        """Give `covid19, hannover (external)`."""
        return f"{self.label}, {self.source} ({self.split.value})"


@dataclass(frozen=True, slots=True)
class Stability:
    """How well a label's templates hold from one data set to another.

    Attributes:
        correlation: of the two means, -1 to 1.
        possible: the most that the number of images allows (see `Template.halves`).
        patterns: how far the first three eigen-heatmaps of one lie in the space of the other's, 0 to 1 (mean squared cosine of the
            angles between the two spaces); unrelated maps have 3 / 576.
    """

    label: str
    first: str
    second: str
    correlation: float
    possible: float
    patterns: float


def make_templates(cases: Sequence[Case], readings: Sequence[Reading], labels: Sequence[str], *, seed: int = 0) -> tuple[Template, ...]:
    """Make the template of each label in each source with at least eight maps; test and external images only.

    After Lucas, Lerma, Furst and Raicu, "Heatmap template generation for COVID-19 biomarker detection in chest X-rays", 2020;
    the frame is the lungs' box, the eigen-heatmaps are principal components of the maps.
    """
    made: list[Template] = []
    for split in (Split.TEST, Split.EXTERNAL):
        for source in sorted({case.source for case in cases if case.split is split}):
            for place, label in enumerate(labels):
                rows = [i for i, case in enumerate(cases) if case.split is split and case.source == source and label in case.positives]
                rows = [i for i in rows if _has_map(readings[i], place)]
                if len(rows) >= FEWEST:
                    made.append(_template(cases, readings, rows, place, (split, source, label), seed))
    return tuple(made)


def stability(templates: Sequence[Template]) -> tuple[Stability, ...]:
    """Correlate the templates of a label between each two sources."""
    return tuple(
        Stability(
            one.label,
            f"{one.source} ({one.split.value})",
            f"{two.source} ({two.split.value})",
            correlation(one.mean, two.mean),
            _possible(one.halves, two.halves),
            shared_patterns(one.eigen, two.eigen),
        )
        for place, one in enumerate(templates)
        for two in templates[place + 1 :]
        if one.label == two.label
    )


def correlation(one: FloatArray, two: FloatArray) -> float:
    """Give Pearson's correlation of two maps; 0 where one is flat."""
    first, second = one - one.mean(), two - two.mean()
    scale = math.sqrt(float((first**2).sum() * (second**2).sum()))
    return float((first * second).sum()) / scale if scale > 0 else 0.0


def shared_patterns(one: Sequence[FloatArray], two: Sequence[FloatArray]) -> float:
    """Give the mean squared cosine of the angles between the spaces of two sets of orthonormal maps, 0 to 1; NaN where one is empty."""
    count = min(len(one), len(two))
    if not count:
        return math.nan
    first, second = (np.stack([each.reshape(-1) for each in maps]) for maps in (one, two))
    return float(((first @ second.T) ** 2).sum() / count)


def unit_energy(values: npt.NDArray[np.floating]) -> FloatArray:
    """Scale a map to a mean square of 1."""
    plain = np.asarray(values, np.float64)
    scaled: FloatArray = plain / max(math.sqrt(float((plain**2).mean())), 1e-12)
    return scaled


def _template(
    cases: Sequence[Case], readings: Sequence[Reading], rows: Sequence[int], place: int, what: tuple[Split, str, str], seed: int
) -> Template:
    maps = np.stack([unit_energy(found[place]) for i in rows if (found := readings[i].aligned) is not None])
    mean: FloatArray = maps.mean(axis=0)
    eigen, explained = _components(maps)
    alike = [correlation(each, mean) for each in maps]
    least = np.argsort(alike, kind="stable")[:UNLIKE]
    return Template(
        *what,
        images=len(rows),
        mean=mean,
        eigen=eigen,
        explained=explained,
        halves=_halves(maps, [cases[i].group_id for i in rows], seed),
        unlike=tuple(Unlike(str(cases[rows[k]].path.name), alike[k], readings[rows[k]].thumb) for k in least.tolist()),
    )


def _components(maps: FloatArray) -> tuple[tuple[FloatArray, ...], tuple[float, ...]]:
    flat = maps.reshape(len(maps), -1)
    _, sizes, directions = np.linalg.svd(flat - flat.mean(axis=0), full_matrices=False)
    total = float((sizes**2).sum())
    count = min(EIGEN, len(maps) - 1)
    shares = tuple(float(size**2) / total if total > 0 else 0.0 for size in sizes[:count])
    return tuple(each.reshape(maps.shape[1:]) for each in directions[:count]), shares


def _halves(maps: FloatArray, groups: Sequence[str], seed: int) -> float:
    """Correlate the mean maps of two random halves by patient, averaged over ten draws, and scaled up to the whole (Spearman-Brown)."""
    names = sorted(set(groups))
    if len(names) < 2:
        return math.nan
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(10):
        first = set(rng.permutation(names)[: len(names) // 2].tolist())
        is_first = np.array([group in first for group in groups])
        found.append(correlation(maps[is_first].mean(axis=0), maps[~is_first].mean(axis=0)))
    half = float(np.mean(found))
    return 2 * half / (1 + half) if half > 0 else half


def _possible(one: float, two: float) -> float:
    return math.sqrt(max(one, 0.0) * max(two, 0.0)) if math.isfinite(one) and math.isfinite(two) else math.nan


def _has_map(reading: Reading, place: int) -> bool:
    return reading.aligned is not None and float(np.ptp(reading.aligned[place])) > 1e-6
