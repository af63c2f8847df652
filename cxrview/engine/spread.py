"""How far a model's answers to one image spread: over its networks, or over harmless changes of the picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from cxrview.core.manifest import Combination
from cxrview.core.results import FloatArray, Forward, ModelInput
from cxrview.core.scores import probabilities
from cxrview.engine.base import Predictor
from cxrview.engine.packages import Package

Float64Array = npt.NDArray[np.float64]

# A film is never placed twice alike: shifts of 3 % of a side, turns of 3 degrees, 4 % closer or farther.
SHIFT, TURN_DEGREES, ZOOM = 0.03, 3.0, 0.04


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """Probabilities of one image several times over; mean, standard deviation, lowest and highest are (L,), 0 to 1.

    Attributes:
        over: what was varied, in words.
        count: how many answers.
    """

    over: str
    count: int
    mean: Float64Array
    deviation: Float64Array
    low: Float64Array
    high: Float64Array


def ensemble_spread(forward: Forward, package: Package) -> Spread | None:
    """Give the spread over the members of an ensemble, each with its own calibration; None for other packages.

    Deep ensembles as in Lakshminarayanan, Pritzel and Blundell, NeurIPS 2017.
    """
    composite = package.manifest.composite
    if composite is None or composite.combine is Combination.PRODUCT:
        return None
    members = zip(forward.parts, package.members, strict=True)
    return _spread("the networks of the ensemble", np.array([probabilities(part.logits, member.manifest) for part, member in members]))


def placement_spread(model_input: ModelInput, package: Package, predictor: Predictor) -> Spread:
    """Give the spread over nine placements of the picture: as it is, shifted, turned, and scaled a little; never mirrored."""
    tensor = model_input.tensor
    batch = np.concatenate([tensor, *_placements(tensor)])
    chances = np.array([probabilities(forward.logits, package.manifest) for forward in predictor.run(batch)])
    return _spread("small changes of the picture's place", chances)


def _placements(tensor: FloatArray) -> Iterator[FloatArray]:
    rows, columns = tensor.shape[2:]
    centre = ((columns - 1) / 2, (rows - 1) / 2)
    for turn, zoom, across, down in (
        (0.0, 1.0, SHIFT, 0.0),
        (0.0, 1.0, -SHIFT, 0.0),
        (0.0, 1.0, 0.0, SHIFT),
        (0.0, 1.0, 0.0, -SHIFT),
        (TURN_DEGREES, 1.0, 0.0, 0.0),
        (-TURN_DEGREES, 1.0, 0.0, 0.0),
        (0.0, 1.0 + ZOOM, 0.0, 0.0),
        (0.0, 1.0 - ZOOM, 0.0, 0.0),
    ):
        move = cv2.getRotationMatrix2D(centre, turn, zoom)
        move[:, 2] += (across * columns, down * rows)
        planes = [cv2.warpAffine(plane, move, (columns, rows), borderMode=cv2.BORDER_REPLICATE) for plane in tensor[0]]
        yield np.stack(planes)[np.newaxis].astype(np.float32)


def _spread(over: str, chances: Float64Array) -> Spread:
    return Spread(over, len(chances), chances.mean(axis=0), chances.std(axis=0), chances.min(axis=0), chances.max(axis=0))
