"""Cover spots of a picture before the model sees it, to ask whether it would still say so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cxrview.core.frame import Frame
from cxrview.core.image import read_only
from cxrview.core.results import FloatArray


@dataclass(frozen=True, slots=True)
class Spot:
    """A disc in image px; the centre is a point as in `core.frame`."""

    x: float
    y: float
    radius: float


def covered(tensor: FloatArray, frame: Frame, spots: Sequence[Spot]) -> FloatArray:
    """Fill the spots of a prepared input (1, C, H, W) with each channel's own mean, as occlusion maps do.

    Brightness and contrast of the rest stay as they were: what is covered changes nothing elsewhere.
    """
    is_hidden = hidden(frame, spots)
    made = tensor.copy()
    fill = tensor[0].mean(axis=(1, 2))
    for channel, value in zip(made[0], fill, strict=True):
        channel[is_hidden] = value
    return read_only(made)


def hidden(frame: Frame, spots: Sequence[Spot]) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """Give the model pixels, (H, W) bool, whose centres lie in a spot."""
    x = (np.arange(frame.model_width) + 0.5) * frame.scale_x + frame.shift_x
    y = (np.arange(frame.model_height) + 0.5) * frame.scale_y + frame.shift_y
    mask = np.zeros((frame.model_height, frame.model_width), np.bool_)
    for spot in spots:
        mask |= (x[None, :] - spot.x) ** 2 + (y[:, None] - spot.y) ** 2 <= spot.radius**2
    return mask
