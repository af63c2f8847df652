"""What the images of a data set look like, class by class and source by source, and which ones look like none of the others."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxrview.core.flags import Flag
from cxrview.training.dataset import DataSet
from cxrview.training.scan import Scan, is_lateral
from cxrview.training.tally import CountSheet, count_balance

SAMPLES = 12
FEWEST = 5
FAR = 4.0  # robust standard deviations from the median
RARE = 0.05  # of the images whose view is told
LATERAL = {Flag.LATERAL, Flag.LOOKS_LATERAL}
OPPOSITE = -0.25  # correlation with the mean picture of all


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """The images of one class in one source, or of one class or source as a whole.

    Attributes:
        kind: `class`, `source` or `class in source`.
        mean: (h, w) uint8, the mean picture.
        histogram: (32,) float32, mean shares of the gray levels from black to white.
        samples: rows of the scan.
    """

    kind: str
    name: str
    images: int
    mean: npt.NDArray[np.uint8]
    histogram: npt.NDArray[np.float32]
    samples: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Outlier:
    """An image that looks like none of the others: its row in the scan, and why."""

    row: int
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """All of it.

    Attributes:
        balance: images by class and source, in words of the data.
    """

    groups: tuple[Looks, ...]
    outliers: tuple[Outlier, ...]
    balance: CountSheet


def look_at(scan: Scan, data_set: DataSet, *, seed: int = 0) -> Look:
    """Gather mean pictures, histograms, samples and outliers of the images that take part."""
    rows = np.array(data_set.rows, np.intp)
    classes = np.array([class_name(data_set, number) for number in range(len(rows))])
    sources = np.array([example.source for example in data_set.examples])
    random = np.random.default_rng(seed)
    groups = [_looks("class", name, rows[classes == name], scan, random) for name in _ordered(classes)]
    if len(set(sources.tolist())) > 1:
        groups += [_looks("source", name, rows[sources == name], scan, random) for name in _ordered(sources)]
        groups += [
            _looks("class in source", f"{label}, {source}", members, scan, random)
            for source in _ordered(sources)
            for label in _ordered(classes)
            if len(members := rows[(classes == label) & (sources == source)])
        ]
    return Look(tuple(groups), _outliers(scan, rows), count_balance(data_set.rows, classes.tolist(), sources.tolist()))


def class_name(data_set: DataSet, number: int) -> str:
    """Give the class of an example in the words of the data."""
    positive = data_set.examples[number].positive
    return " + ".join(data_set.names[label] for label in data_set.labels if label in positive) or "none of them"


def _ordered(values: npt.NDArray[np.str_]) -> list[str]:
    return [str(value) for value in np.unique(values)]


def _looks(kind: str, name: str, rows: npt.NDArray[np.intp], scan: Scan, random: np.random.Generator) -> Looks:
    chosen = np.sort(random.choice(rows, min(SAMPLES, len(rows)), replace=False))
    mean = scan.thumbs[rows].mean(axis=0)
    histogram = scan.histograms[rows].mean(axis=0).astype(np.float32)
    return Looks(kind, name, len(rows), np.rint(mean).astype(np.uint8), histogram, tuple(int(row) for row in chosen))


def _outliers(scan: Scan, rows: npt.NDArray[np.intp]) -> tuple[Outlier, ...]:
    if len(rows) < FEWEST:
        return ()
    reasons: dict[int, str] = {}
    means = np.array([scan.seen[row].mean for row in rows])
    spreads = np.array([scan.seen[row].std for row in rows])
    aspects = np.log([scan.seen[row].aspect for row in rows])
    for values, low, high in (
        (means, "much darker than the others", "much brighter than the others"),
        (spreads, "much flatter than the others", "much more contrast than the others"),
        (aspects, "much taller than the others", "much wider than the others"),
    ):
        centre = np.median(values)
        scale = max(1.4826 * float(np.median(np.abs(values - centre))), 0.01)
        far = (values - centre) / scale
        for row, distance in zip(rows, far, strict=True):
            if abs(distance) > FAR:
                reasons.setdefault(int(row), low if distance < 0 else high)
    views = Counter(scan.seen[row].view for row in rows if scan.seen[row].view)
    for row in rows:
        if is_lateral(scan.seen[row].view) or LATERAL & set(scan.seen[row].flags):
            reasons[int(row)] = "taken from the side"
        elif views and 0 < views[scan.seen[row].view] < RARE * views.total():
            reasons.setdefault(int(row), f"view {scan.seen[row].view}, which few others have")
    for row, likeness in zip(rows, _likeness(scan.thumbs[rows]), strict=True):
        if likeness < OPPOSITE:
            reasons[int(row)] = "black and white seem exchanged"
    return tuple(Outlier(row, reason) for row, reason in sorted(reasons.items()))


def _likeness(thumbs: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Give each picture's correlation with the median picture of all."""
    small = thumbs[:, ::4, ::4].reshape(len(thumbs), -1).astype(np.float64)
    median = np.median(small, axis=0)
    median -= median.mean()
    small -= small.mean(axis=1, keepdims=True)
    scale = np.linalg.norm(small, axis=1) * np.linalg.norm(median)
    likeness: npt.NDArray[np.float64] = (small @ median) / np.where(scale > 0, scale, 1.0)
    return likeness
