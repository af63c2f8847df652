"""Can one tell the source, or the class, without looking at the chest? Quick probes on what a scan keeps of each image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from cxrview.evaluation.baselines import cross_fit
from cxrview.evaluation.metrics import auroc

FloatArray = npt.NDArray[np.float64]

FEWEST = 8  # images of each side, or an AUROC says nothing
WHOLE_PX = 12  # whole pictures are probed at 12 x 12: enough to tell exposures and framings, too little for disease
MOST = 3000  # images; more change the second decimal no more
EASY = 0.80
POSSIBLE = 0.65


@dataclass(frozen=True, slots=True)
class Probe:
    """How well something is told from something else by less than the chest.

    Attributes:
        asked: what was to be told, in words. seen: from what.
        auroc: 0.5 is guessing, 1 is always right; the mean over pairs where there are more than two.
    """

    asked: str
    seen: str
    auroc: float
    images: int


@dataclass(frozen=True, slots=True)
class Confounding:
    """What the probes found.

    Attributes:
        probes: the ones that could be made.
        one_sided: sources that have one class only, `source: class`.
        is_source_class: every source has one class only, and there are several: class and source are the same thing.
        sentences: for people, the gravest first.
    """

    probes: tuple[Probe, ...]
    one_sided: tuple[str, ...]
    is_source_class: bool
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What the probes are given of each image, (N, D) each: its border alone, and the whole of it; and what that is, in words."""

    border: npt.NDArray[np.floating]
    whole: npt.NDArray[np.floating]
    border_words: str = "its border alone"
    whole_words: str = f"the whole picture at {WHOLE_PX} × {WHOLE_PX} px"


def probe_confounding(seen: Seen, classes: Sequence[str], sources: Sequence[str], groups: Sequence[str]) -> Confounding:
    """Probe whether source and class can be told from borders and from whole pictures.

    Args:
        seen: what a logistic regression is given.
        classes: truth of each image, in one word.
        sources: where each comes from.
        groups: images that share one are never on both sides of a probe.
    """
    kept = sample(len(classes), MOST)
    border, whole = seen.border[kept].astype(np.float64), seen.whole[kept].astype(np.float64)
    said, came, patient = (np.asarray(each, np.str_)[kept] for each in (classes, sources, groups))
    found = (
        _probe("the source of an image", seen.border_words, border, came, patient),
        _probe("the source of an image", seen.whole_words, whole, came, patient),
        _probe("the class of an image", seen.border_words, border, said, patient),
    )
    probes = tuple(probe for probe in found if probe is not None)
    by_source = {source: sorted(set(said[came == source].tolist())) for source in np.unique(came).tolist()}
    one_sided = tuple(f"{source}: {present[0]}" for source, present in by_source.items() if len(present) == 1)
    is_same = len(by_source) > 1 and len(one_sided) == len(by_source) and len(set(said.tolist())) > 1
    return Confounding(probes, one_sided, is_same, _sentences(probes, one_sided, is_same, len(by_source)))


def in_words(value: float) -> str:
    """Say what an AUROC of a probe means."""
    if value >= EASY:
        return "easily"
    return "sometimes" if value >= POSSIBLE else "hardly better than by guessing"


def sample(count: int, most: int) -> npt.NDArray[np.intp]:
    """Choose at most so many of so many by chance, always the same ones, in their order."""
    everything = np.arange(count)
    return everything if count <= most else np.sort(np.random.default_rng(0).choice(everything, most, replace=False))


def small_whole(thumbs: npt.NDArray[np.uint8]) -> FloatArray:
    """Shrink whole pictures, (N, h, w), to rows of 12 × 12 gray levels, 0 to 1."""
    count, height, width = thumbs.shape
    rows, columns = height // WHOLE_PX, width // WHOLE_PX
    cut = thumbs[:, : rows * WHOLE_PX, : columns * WHOLE_PX].astype(np.float64)
    cells: FloatArray = cut.reshape(count, WHOLE_PX, rows, WHOLE_PX, columns).mean(axis=(2, 4)).reshape(count, -1) / 255
    return cells


def _probe(asked: str, seen: str, features: FloatArray, truth: npt.NDArray[np.str_], groups: npt.NDArray[np.str_]) -> Probe | None:
    """Measure each pair of values of `truth` and average; None when no pair has enough images."""
    values, counts = np.unique(truth, return_counts=True)
    enough = [str(value) for value, count in zip(values, counts, strict=True) if count >= FEWEST]
    figures: list[float] = []
    for first, second in combinations(enough[:8], 2):
        inside = (truth == first) | (truth == second)
        positives = truth[inside] == second
        scores = cross_fit(features[inside], positives, groups[inside].tolist())
        figures.append(auroc(scores, positives))
    return Probe(asked, seen, float(np.mean(figures)), len(truth)) if figures else None


def _sentences(probes: Sequence[Probe], one_sided: Sequence[str], is_same: bool, sources: int) -> tuple[str, ...]:  # noqa: FBT001
    lines = []
    if is_same:
        lines.append(
            "Class and source are the same thing here: each source has one class only. A network will learn the source and call it the "
            "class, and no figure on these images can show it. Add sources that have both classes."
        )
    elif one_sided and sources > 1:
        lines.append(
            f"These sources have one class only: {', '.join(one_sided)}. Their images teach the source as much as the class; figures are "
            "told inside the other sources."
        )
    lines += [f"{each.asked.capitalize()} can be told {in_words(each.auroc)} from {each.seen} (AUROC {each.auroc:.2f})." for each in probes]
    border = next((probe for probe in probes if probe.asked.startswith("the class") and probe.auroc >= POSSIBLE), None)
    if border is not None:
        lines.append(
            "The border shows no lung. What tells the class there is the machine, the hospital or the way the pictures were cut, and a "
            "network will use it too: crop the borders, and believe only what stands above this number."
        )
    if sources == 1:
        lines.append("All images come from one source: how the network fares elsewhere cannot be told from them.")
    return tuple(lines)
