"""What the network is asked for: targets, weights of the loss, and how images are drawn."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxrview.core.manifest import Task
from cxrview.training.examples import Example
from cxrview.training.recipe import Balance, FitRecipe

FloatArray = npt.NDArray[np.float32]
MAX_CLASS_WEIGHT = 20.0  # a rarer class is not enough to learn from, and its noise would drown the rest


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """For N images and L outputs.

    Attributes:
        wanted: (N, L) float32, 1 for positive, 0 for negative or unknown.
        weight: (N, L) float32, of the loss; 0 where nothing is known.
    """

    wanted: FloatArray
    weight: FloatArray


def make_targets(examples: Sequence[Example], labels: Sequence[str], fit: FitRecipe, task: Task) -> Targets:
    """Build targets and weights; the weights of each label have a mean of 1 over the drawing probabilities of an epoch."""
    wanted = np.array([[label in example.positive for label in labels] for example in examples], dtype=np.float32).reshape(-1, len(labels))
    known = np.array([[label in example.known for label in labels] for example in examples], dtype=np.float32).reshape(-1, len(labels))
    weight = np.ones_like(known) if task is Task.MULTICLASS else known.copy()
    if fit.cross_source_weight != 1:
        weight *= np.where(_has_both_classes(examples, wanted, known), 1.0, fit.cross_source_weight).astype(np.float32)
    if fit.class_weights:
        weight *= _class_weights(wanted, weight, task)
    chances = draw_chances(examples, fit.balance)
    mean = chances @ weight
    return Targets(wanted, (weight / np.where(mean > 0, mean, 1.0)).astype(np.float32))


def draw_chances(examples: Sequence[Example], balance: Balance) -> npt.NDArray[np.float64]:
    """Give each image its chance to be drawn; they add up to 1.

    `label`: every label of the data has the same chance. `label+source`: moreover, inside a label each source has a
    chance proportional to the square root of its number of images, so that no hospital speaks for a label alone.
    """
    chances = np.ones(len(examples))
    if balance is not Balance.NONE:
        strata: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for number, example in enumerate(examples):
            kind = "+".join(sorted(example.positive)) or "none"
            strata[kind][example.source if balance is Balance.LABEL_AND_SOURCE else ""].append(number)
        for sources in strata.values():
            roots = {source: len(members) ** 0.5 for source, members in sources.items()}
            for source, members in sources.items():
                chances[members] = roots[source] / sum(roots.values()) / len(members)
    total = float(chances.sum())
    return np.asarray(chances / total)


def _has_both_classes(examples: Sequence[Example], wanted: FloatArray, known: FloatArray) -> npt.NDArray[np.bool_]:
    """Tell for each image and label whether the image's source has positives and negatives of the label."""
    sources = np.array([example.source for example in examples])
    both = np.zeros(wanted.shape, dtype=np.bool_)
    for source in np.unique(sources):
        members = sources == source
        positives = (wanted[members] > 0).sum(axis=0)
        negatives = ((known[members] > 0) & (wanted[members] == 0)).sum(axis=0)
        both[members] = (positives > 0) & (negatives > 0)
    return both


def _class_weights(wanted: FloatArray, weight: FloatArray, task: Task) -> FloatArray:
    if task is Task.MULTICLASS:
        per_class = wanted.mean(axis=0)
        inverse = np.minimum(1 / np.maximum(per_class * wanted.shape[1], 1e-9), MAX_CLASS_WEIGHT)
        return np.repeat((wanted @ inverse)[:, np.newaxis], wanted.shape[1], axis=1).astype(np.float32)
    positives = (wanted * weight).sum(axis=0)
    negatives = ((1 - wanted) * weight).sum(axis=0)
    half = (positives + negatives) / 2
    for_positive = np.minimum(half / np.maximum(positives, 1e-9), MAX_CLASS_WEIGHT)
    for_negative = np.minimum(half / np.maximum(negatives, 1e-9), MAX_CLASS_WEIGHT)
    return np.asarray(np.where(wanted > 0, for_positive, for_negative), dtype=np.float32)
