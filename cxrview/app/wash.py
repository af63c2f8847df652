"""A heatmap made ready for the painter: a small picture with transparency, or contour lines."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from cxrview.core.colour import colour_table, colourise
from cxrview.core.frame import Box, Frame
from cxrview.core.results import FloatArray, Heatmap

# Large enough that linear scaling of colours by the painter shows no facets, small enough to be made at once.
WASH_PX = 320
# Lines are scaled up more visibly than colours.
CONTOUR_PX = 640
# Shares of the scale at which lines are drawn.
LEVELS = (0.15, 0.3, 0.45, 0.6, 0.75, 0.9)
# Points over which a line is averaged, so that it does not show the steps of the grid it was found on.
SMOOTHING_POINTS = 9


@dataclass(frozen=True, slots=True, eq=False)
class Wash:
    """A coloured heatmap.

    Attributes:
        rgba: (rows, columns, 4) uint8, colours premultiplied by alpha.
        box: the rectangle of the image, in image px, that it covers.
    """

    rgba: npt.NDArray[np.uint8]
    box: Box


@dataclass(frozen=True, slots=True, eq=False)
class Contour:
    """Lines of one level: `lines` are closed, (points, 2) float64 of x and y in image px; `colour` is RGB, 0 to 255."""

    level: float
    colour: tuple[int, int, int]
    lines: tuple[npt.NDArray[np.float64], ...]


def make_wash(heatmap: Heatmap, frame: Frame, scale: float, *, table: str, least: float = 0.0, is_signed: bool = False) -> Wash:
    """Colour a heatmap; values are interpolated between cell centres before they are coloured.

    `scale` is the value, in logits, of the last colour; what is under the share `least` of it stays clear.
    """
    fine = _interpolated(heatmap, frame, WASH_PX)
    rgba = colourise(fine, scale=scale, table=table, is_signed=is_signed)
    if least > 0.0:
        rgba[:, :, 3][np.abs(fine) < least * scale] = 0
    return Wash(_premultiplied(rgba), frame.model_box_in_image())


def make_contours(
    heatmap: Heatmap, frame: Frame, scale: float, *, table: str, least: float = 0.0, is_signed: bool = False
) -> tuple[Contour, ...]:
    """Draw lines of equal value at fixed shares of the scale, none under the share `least`."""
    if scale <= 0.0:
        return ()
    fine = _interpolated(heatmap, frame, CONTOUR_PX)
    shares = [share for share in LEVELS if share >= least]
    if is_signed:
        shares = [*(-share for share in reversed(shares)), *shares]
    colours = colour_table(table)
    made = (
        Contour(share * scale, _colour_at(colours, share, is_signed=is_signed), _lines(fine, share * scale, frame.model_box_in_image()))
        for share in shares
    )
    return tuple(contour for contour in made if contour.lines)


def _interpolated(heatmap: Heatmap, frame: Frame, longest_px: int) -> FloatArray:
    values = heatmap.values[:: -1 if frame.scale_y < 0 else 1, :: -1 if frame.scale_x < 0 else 1]
    rows, columns = values.shape
    factor = max(1.0, longest_px / max(rows, columns))
    size = (round(columns * factor), round(rows * factor))
    fine = cv2.resize(np.ascontiguousarray(values, np.float32), size, interpolation=cv2.INTER_LINEAR)
    return fine.astype(np.float32, copy=False)


def _lines(fine: FloatArray, level: float, box: Box) -> tuple[npt.NDArray[np.float64], ...]:
    inside = (fine >= level if level > 0 else fine <= level).astype(np.uint8)
    found, _tree = cv2.findContours(cv2.copyMakeBorder(inside, 1, 1, 1, 1, cv2.BORDER_CONSTANT), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    step = np.array((box.width / fine.shape[1], box.height / fine.shape[0]))
    # Pixel centres of the bordered grid, from 0, in px of the map: less one for the border, plus a half for the centre.
    return tuple((smoothed(line[:, 0, :].astype(np.float64)) - 0.5) * step + (box.left, box.top) for line in found if len(line) >= 3)


def smoothed(line: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Average a closed line over its neighbouring points."""
    reach = min(SMOOTHING_POINTS, len(line)) // 2
    if reach == 0:
        return line
    rolled = [np.roll(line, shift, axis=0) for shift in range(-reach, reach + 1)]
    result: npt.NDArray[np.float64] = np.mean(rolled, axis=0)
    return result


def _colour_at(colours: npt.NDArray[np.uint8], share: float, *, is_signed: bool) -> tuple[int, int, int]:
    # The dark end of a table would not be seen on a radiograph: lines take its brighter part.
    place = (share + 1.0) / 2.0 if is_signed else 0.35 + 0.65 * share
    red, green, blue = (int(part) for part in colours[round(place * 255)])
    return red, green, blue


def _premultiplied(rgba: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    alpha = rgba[:, :, 3:].astype(np.uint16)
    colours = (rgba[:, :, :3].astype(np.uint16) * alpha + 127) // 255
    return np.ascontiguousarray(np.dstack((colours, alpha)).astype(np.uint8))
