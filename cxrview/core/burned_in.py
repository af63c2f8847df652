"""Find letters, dates and arrows that were drawn into a picture, and fill them from what surrounds them."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Gray = npt.NDArray[np.uint8]
BoolArray = npt.NDArray[np.bool_]

# A stroke is thinner than this part of the shorter side; anatomy that is as bright and as thin has softer edges.
STROKE = 1 / 24
WHITE, BLACK = 232, 24  # drawn marks are near the ends of the gray range
ABOVE_SURROUNDINGS = 48  # gray levels, of a stroke over the picture behind it
STEEP = 40.0  # gray levels from one pixel to the next, across the edge of what was drawn
LARGEST = 0.16  # of the shorter side: the longest side of a letter or an arrow
LEAST_AREA = 3  # pixels
MOST_OF_PICTURE = 0.06  # more than this is not writing, and the picture stays as it is
GROWTH = 2  # pixels around a stroke that its anti-aliasing and its compression have changed
INPAINT_RADIUS = 3.0


def find_marks(gray: Gray) -> BoolArray:
    """Find what was drawn into a picture: small, near white or black, far from its surroundings, and with steep edges.

    Args:
        gray: (H, W) uint8.

    Returns:
        (H, W) bool; nothing where more than 6 % of the picture would have to go.
    """
    side = min(gray.shape)
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (2 * max(1, round(side * STROKE / 2)) + 1,) * 2)
    white = (gray >= WHITE) & (cv2.morphologyEx(gray, cv2.MORPH_TOPHAT, kernel) >= ABOVE_SURROUNDINGS)
    black = (gray <= BLACK) & (cv2.morphologyEx(gray, cv2.MORPH_BLACKHAT, kernel) >= ABOVE_SURROUNDINGS)
    steepness = _steepness(gray)
    found = _drawn(white, steepness, side) | _drawn(black, steepness, side)
    grown = cv2.dilate(found.astype(np.uint8), np.ones((2 * GROWTH + 1,) * 2, np.uint8)) > 0
    return np.asarray(grown if grown.mean() <= MOST_OF_PICTURE else np.zeros_like(grown), np.bool_)


def without_marks(gray: Gray) -> Gray:
    """Fill what `find_marks` finds from its surroundings (Telea 2004, doi 10.1080/10867651.2004.10487596; OpenCV's inpaint)."""
    marks = find_marks(gray)
    if not marks.any():
        return gray
    return np.asarray(cv2.inpaint(gray, marks.astype(np.uint8), INPAINT_RADIUS, cv2.INPAINT_TELEA), dtype=np.uint8)


def _steepness(gray: Gray) -> npt.NDArray[np.float32]:
    """Give the largest step to a neighbour, (H, W) in gray levels."""
    square = np.ones((3, 3), np.uint8)
    return np.asarray((cv2.dilate(gray, square).astype(np.float32) - cv2.erode(gray, square)) / 2, np.float32)


def _drawn(candidates: BoolArray, steepness: npt.NDArray[np.float32], side: int) -> BoolArray:
    """Keep the regions of the size of letters and arrows whose edges are steep."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(candidates.astype(np.uint8), connectivity=8)
    longest = np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT])
    is_small = (longest <= LARGEST * side) & (stats[:, cv2.CC_STAT_AREA] >= LEAST_AREA)
    edge = candidates & (cv2.erode(candidates.astype(np.uint8), np.ones((3, 3), np.uint8)) == 0)
    weight = np.bincount(labels[edge], weights=steepness[edge], minlength=count) / np.maximum(np.bincount(labels[edge], minlength=count), 1)
    kept = is_small & (weight >= STEEP)
    kept[0] = False
    return np.asarray(kept[labels], np.bool_)
