"""How the answers of several networks become one: averaged (an ensemble), or multiplied down a tree (a hierarchy)."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from cxrview.core.errors import ManifestError
from cxrview.core.image import read_only
from cxrview.core.manifest import Combination, Composite, Label, Manifest, Task
from cxrview.core.results import FloatArray, Forward, Heatmap
from cxrview.core.scores import probabilities

# A probability of exactly 0 or 1 has no logit; this far from it costs no figure anybody reads.
SMALLEST = 1e-9

Float64Array = npt.NDArray[np.float64]


def check_members(manifest: Manifest, members: Sequence[Manifest]) -> None:
    """Check that the members are what the package's manifest says of them.

    Raises:
        ManifestError: a member takes another input, has other labels, or another task.
    """
    composite = _composite(manifest)
    for member, own in zip(composite.members, members, strict=True):
        where = f"member '{member.name}'"
        ids = tuple(label.id for label in own.labels)
        if own.composite is not None:
            raise ManifestError(f"{where} is a composite package itself; members hold one network each.")
        if own.input != manifest.input:
            raise ManifestError(f"{where} takes another input than the package says.", hint="All networks of a package see one input.")
        wanted = member.labels if composite.combine is Combination.PRODUCT else tuple(label.id for label in manifest.labels)
        if ids != wanted:
            raise ManifestError(f"{where} has the labels {', '.join(ids)}; the package says {', '.join(wanted)}.")
        if composite.combine is not Combination.PRODUCT:
            tasks: tuple[Task, ...] = (manifest.task,)
        else:
            tasks = (Task.BINARY,) if member.otherwise else (Task.MULTICLASS,)
        if own.task not in tasks:
            raise ManifestError(f"{where} is {own.task}; here it must be {tasks[0]}.")


def combined(manifest: Manifest, members: Sequence[Manifest], parts: Sequence[Forward]) -> Forward:
    """Give the package's own answer from its members' answers to one image.

    `mean-logit` averages raw logits. `mean-probability` averages the members' calibrated probabilities and gives their
    logits (logarithms for a multiclass package). `product` multiplies calibrated probabilities from the first member down,
    and gives their logarithms, so that the softmax of the logits is the product. The package's own calibration comes after.
    """
    return Forward(logits=read_only(_logits(manifest, members, parts).astype(np.float32)), features=parts[0].features, parts=tuple(parts))


def mean_heatmap(label: Label, maps: Sequence[Heatmap], name: str) -> Heatmap:
    """Average the maps of several members, at the size of the first; a larger or smaller grid keeps its sum."""
    shape = maps[0].values.shape
    values = np.asarray(np.mean([_at_size(each.values, (shape[0], shape[1])) for each in maps], axis=0), np.float32)
    return Heatmap(label, read_only(values), maps[0].target, f"{maps[0].method}, {name}", name)


def renamed(heatmap: Heatmap, label: Label, name: str, *, is_negated: bool = False) -> Heatmap:
    """Give a member's map as one of the package's label; negated where the label is what the member's own label is not."""
    values = read_only(-heatmap.values) if is_negated else heatmap.values
    return Heatmap(label, values, heatmap.target, f"{heatmap.method} of {name}", name)


def _logits(manifest: Manifest, members: Sequence[Manifest], parts: Sequence[Forward]) -> Float64Array:
    composite = _composite(manifest)
    if composite.combine is Combination.MEAN_LOGIT:
        mean: Float64Array = np.mean([part.logits for part in parts], axis=0, dtype=np.float64)
        return mean
    chances = [probabilities(part.logits, own) for part, own in zip(parts, members, strict=True)]
    if composite.combine is Combination.PRODUCT:
        return _product(manifest, composite, chances)
    average = np.clip(np.mean(chances, axis=0), SMALLEST, 1.0 - SMALLEST)
    logits: Float64Array = np.log(average) if manifest.task is Task.MULTICLASS else np.log(average / (1.0 - average))
    return logits


def _product(manifest: Manifest, composite: Composite, chances: Sequence[Float64Array]) -> Float64Array:
    share: dict[str, float] = {}
    for member, values in zip(composite.members, chances, strict=True):
        whole = share.pop(member.splits) if member.splits else 1.0
        outcomes = dict(zip(member.labels, values.tolist(), strict=True))
        if member.otherwise:
            outcomes[member.otherwise] = 1.0 - outcomes[member.labels[0]]
        total = sum(outcomes.values())  # isotonic steps need not add up to 1
        share |= {label: whole * chance / max(total, SMALLEST) for label, chance in outcomes.items()}
    return np.log(np.maximum([share[label.id] for label in manifest.labels], SMALLEST))


def _composite(manifest: Manifest) -> Composite:
    if manifest.composite is None:
        raise ManifestError("this package is of one network.", subject=manifest.id)
    return manifest.composite


def _at_size(values: FloatArray, shape: tuple[int, int]) -> FloatArray:
    if values.shape == shape:
        return values
    cells = values.size / (shape[0] * shape[1])
    return np.asarray(cv2.resize(values, shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32) * np.float32(cells)
