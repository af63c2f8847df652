"""A heatmap as a small picture with transparency, which the painter then scales to the screen."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from cxrview.core.colour import colourise
from cxrview.core.frame import Box, Frame
from cxrview.core.results import Heatmap

# Large enough that linear scaling of colours by the painter shows no facets, small enough to be made at once.
WASH_PX = 320
TABLE = "inferno"


@dataclass(frozen=True, slots=True, eq=False)
class Wash:
    """A coloured heatmap.

    Attributes:
        rgba: (rows, columns, 4) uint8, colours premultiplied by alpha.
        box: the rectangle of the image, in image px, that it covers.
        scale: the logit contribution that the last colour stands for.
    """

    rgba: npt.NDArray[np.uint8]
    box: Box
    scale: float


def make_wash(heatmap: Heatmap, frame: Frame, scale: float) -> Wash:
    """Colour the evidence for a label; values are interpolated between cell centres before they are coloured."""
    values = heatmap.values[:: -1 if frame.scale_y < 0 else 1, :: -1 if frame.scale_x < 0 else 1]
    rows, columns = values.shape
    factor = max(1.0, WASH_PX / max(rows, columns))
    size = (round(columns * factor), round(rows * factor))
    fine = cv2.resize(np.ascontiguousarray(values, np.float32), size, interpolation=cv2.INTER_LINEAR)
    rgba = colourise(fine.astype(np.float32, copy=False), scale=scale, table=TABLE)
    return Wash(_premultiplied(rgba), frame.model_box_in_image(), scale)


def _premultiplied(rgba: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    alpha = rgba[:, :, 3:].astype(np.uint16)
    colours = (rgba[:, :, :3].astype(np.uint16) * alpha + 127) // 255
    return np.ascontiguousarray(np.dstack((colours, alpha)).astype(np.uint8))
