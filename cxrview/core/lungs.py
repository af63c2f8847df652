"""Where the lungs lie: a lung network's answer as a mask, a box, outlines, and what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from cxrview.core.frame import Box, Frame
from cxrview.core.heatmap import fraction_inside
from cxrview.core.image import read_only
from cxrview.core.results import FloatArray, Heatmap

BoolArray = npt.NDArray[np.bool_]

LUNG_PROBABILITY = 0.5
# Of the picture. Over 1,800 human lung masks of adults and children the smallest covers 5 %, the largest 62 %.
LEAST_AREA, MOST_AREA = 0.04, 0.70
# A second lung smaller than this part of the first is noise; a collapsed lung is larger.
LEAST_OF_LARGEST = 0.08
# Part of a side of the picture that the lungs must lie on before that side counts as cutting them off.
CUT_OF_SIDE = 0.08
SIDES = ("left", "top", "right", "bottom")
# Part of the lungs' probability that may lie beyond each side of the box: less than a thread of pixels, so that no thread moves a crop.
BEYOND_BOX = 0.002


@dataclass(frozen=True, slots=True, eq=False)
class Lungs:
    """The lungs of one image.

    Attributes:
        probability: (h, w) float32 at the size of the lung network's input, that a pixel belongs to a lung.
        mask: (h, w) bool, the one or two regions taken for lungs, without holes.
        frame: lung network px to image px.
        box: around both lungs in image px, all but slivers of them; None when no lungs were found.
        outlines: (n, 2) float32 each, x and y in image px, one closed line for each lung.
        cut_sides: sides of the picture that cut the lungs off: `left`, `top`, `right`, `bottom`.
        area_fraction: part of the picture that the lungs cover, 0 to 1.
        noticed: flags of a gate that looked at the whole picture, where one is installed.
    """

    probability: FloatArray
    mask: BoolArray
    frame: Frame
    box: Box | None
    outlines: tuple[FloatArray, ...]
    cut_sides: tuple[str, ...]
    area_fraction: float
    noticed: tuple[str, ...] = ()

    @property
    def is_found(self) -> bool:
        """Tell whether something of the size of lungs was found."""
        return self.box is not None


def lungs_of(logits: FloatArray, frame: Frame) -> Lungs:
    """Turn the pixel logits of a lung network, (h, w), into lungs: the one or two largest regions, holes filled.

    Args:
        logits: (h, w) float32 at the network's input size or a whole fraction of it.
        frame: network input px to image px.
    """
    size = (frame.model_width, frame.model_height)
    full = logits if logits.shape == size[::-1] else np.asarray(cv2.resize(logits, size, interpolation=cv2.INTER_LINEAR), np.float32)
    probability = (1.0 / (1.0 + np.exp(-np.clip(full, -60.0, 60.0)))).astype(np.float32)
    mask = _largest_regions(probability > LUNG_PROBABILITY)
    area_fraction = float(mask.mean())
    is_found = LEAST_AREA <= area_fraction <= MOST_AREA
    if not is_found:
        mask = np.zeros_like(mask)
    return Lungs(
        probability=read_only(probability),
        mask=read_only(mask),
        frame=frame,
        box=_box(probability * mask, frame) if is_found else None,
        outlines=_outlines(mask, frame),
        cut_sides=_cut_sides(mask),
        area_fraction=area_fraction,
    )


def lungs_mask(lungs: Lungs) -> BoolArray:
    """Give the lungs at the image's own size, (image_height, image_width); smooth, since the probability is what is resampled."""
    frame = lungs.frame
    inside = np.where(cv2.dilate(lungs.mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0, lungs.probability, np.float32(0.0))
    image_to_model = np.array(
        [[1.0 / frame.scale_x, 0.0, -frame.shift_x / frame.scale_x], [0.0, 1.0 / frame.scale_y, -frame.shift_y / frame.scale_y]]
    )
    centre = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5], [0.0, 0.0, 1.0]])  # OpenCV puts (0, 0) at the middle of the first pixel
    affine = (np.vstack([image_to_model, [0.0, 0.0, 1.0]]) @ centre)[:2] - np.array([[0.0, 0.0, 0.5], [0.0, 0.0, 0.5]])
    at_image = cv2.warpAffine(
        inside,
        affine,
        (frame.image_width, frame.image_height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(at_image > LUNG_PROBABILITY, np.bool_)


def heat_in_lungs(heatmap: Heatmap, frame: Frame, lungs: Lungs) -> float:
    """Give the fraction of a heatmap's positive heat that lies in the lungs, 0 to 1; nan where it has none or no lungs were found.

    Args:
        heatmap: at feature size.
        frame: the classifier's input px to image px.
        lungs: of the same image.
    """
    if not lungs.is_found:
        return float("nan")
    return fraction_inside(heatmap, lungs_mask(lungs), frame)


def _largest_regions(is_lung: BoolArray) -> BoolArray:
    """Keep the two largest connected regions of more than a sliver, without holes."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(is_lung.astype(np.uint8), connectivity=8)
    if count <= 1:
        return np.zeros_like(is_lung)
    areas = stats[1:, cv2.CC_STAT_AREA]
    order = np.argsort(-areas, kind="stable")[:2]
    kept = [int(index) + 1 for index in order if areas[index] >= LEAST_OF_LARGEST * areas[order[0]]]
    contours, _ = cv2.findContours(np.isin(labels, kept).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros(is_lung.shape, np.uint8)
    cv2.drawContours(filled, contours, -1, 1, thickness=cv2.FILLED)
    return np.asarray(filled > 0, np.bool_)


def _box(weight: FloatArray, frame: Frame) -> Box:
    """Put a box around all but a sliver of the weight; between pixels, so that a small change of the weight is a small one of the box."""
    left, right = _extent(weight.sum(axis=0, dtype=np.float64))
    top, bottom = _extent(weight.sum(axis=1, dtype=np.float64))
    x0, y0 = frame.to_image(left, top)
    x1, y1 = frame.to_image(right, bottom)
    return Box(
        max(0.0, min(x0, x1)),
        max(0.0, min(y0, y1)),
        min(float(frame.image_width), max(x0, x1)),
        min(float(frame.image_height), max(y0, y1)),
    )


def _extent(profile: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Give where all but `BEYOND_BOX` of a profile begins and ends, in pixel edges."""
    summed = np.concatenate([[0.0], np.cumsum(profile)])
    edges = np.arange(len(summed), dtype=np.float64)
    first, last = np.searchsorted(summed, 0.0, side="right") - 1, np.searchsorted(summed, summed[-1])  # the empty ends have one value
    low, high = np.interp([BEYOND_BOX * summed[-1], (1.0 - BEYOND_BOX) * summed[-1]], summed[first : last + 1], edges[first : last + 1])
    return float(low), float(high)


def _outlines(mask: BoolArray, frame: Frame) -> tuple[FloatArray, ...]:
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return tuple(_in_image(contour[:, 0, :], frame) for contour in sorted(contours, key=cv2.contourArea, reverse=True) if len(contour) > 2)


def _in_image(points: npt.NDArray[np.integer[Any] | np.floating[Any]], frame: Frame) -> FloatArray:
    """Map pixel centres of the network's input to image px."""
    moved = (points + 0.5) * np.array([frame.scale_x, frame.scale_y]) + np.array([frame.shift_x, frame.shift_y])
    return read_only(moved.astype(np.float32))


def _cut_sides(mask: BoolArray) -> tuple[str, ...]:
    edges = (mask[:, 0], mask[0], mask[:, -1], mask[-1])
    return tuple(side for side, edge in zip(SIDES, edges, strict=True) if edge.mean() > CUT_OF_SIDE)
