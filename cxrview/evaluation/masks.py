"""How well two masks of one image agree."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]


def dice(found: BoolArray, truth: BoolArray) -> float:
    """Give twice the common area over the sum of both (Dice 1945), 0 to 1; nan when both are empty."""
    total = int(found.sum()) + int(truth.sum())
    return 2.0 * int((found & truth).sum()) / total if total else float("nan")


def contour_distance(found: BoolArray, truth: BoolArray) -> float:
    """Give the average symmetric surface distance in px: how far the points of each contour lie from the other contour.

    As in Heimann et al., IEEE TMI 2009. Nan when one of the two is empty.
    """
    if not found.any() or not truth.any():
        return float("nan")
    edges = [_contour(mask) for mask in (found, truth)]
    distances = [cv2.distanceTransform((~edge).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) for edge in edges]
    there, back = distances[1][edges[0]], distances[0][edges[1]]
    return float((there.sum() + back.sum()) / (there.size + back.size))


def _contour(mask: BoolArray) -> BoolArray:
    """Give the pixels of the mask that touch a pixel outside it; beyond the picture is outside."""
    inner = cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(mask & (inner == 0), np.bool_)
