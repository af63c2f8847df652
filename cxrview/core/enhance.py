"""Gray-level enhancements of an 8-bit picture, as functions of the array alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cxrview.core.errors import UnsuitableImage

Gray = npt.NDArray[np.uint8]


def clahe(gray: Gray, *, clip: float = 2.0, tiles: int = 8) -> Gray:
    """Equalise locally with limited contrast (Zuiderveld, Graphics Gems IV, 1994; OpenCV's implementation).

    Args:
        gray: (H, W) uint8.
        clip: OpenCV's clipLimit, relative to a flat histogram.
        tiles: tiles for each side.
    """
    import cv2

    return np.asarray(cv2.createCLAHE(clipLimit=clip, tileGridSize=(tiles, tiles)).apply(gray), dtype=np.uint8)


def equalise(gray: Gray) -> Gray:
    """Equalise the histogram of the whole picture."""
    import cv2

    return np.asarray(cv2.equalizeHist(gray), dtype=np.uint8)


def beasf(gray: Gray, *, gamma: float = 1.5) -> Gray:
    """Equalise the two halves of the histogram with an adaptive sigmoid each (BEASF).

    The histogram is cut at the mean; each half is mapped onto itself by a logistic curve of slope `gamma` centred at
    the median of that half (Arriaga-Garcia et al., 2014, doi 10.1109/CONIELECOMP.2014.6808563; used with
    gamma = 1.5 as the third channel of COVID-CXNet).

    Args:
        gray: (H, W) uint8.
        gamma: slope, > 0.
    """
    import cv2

    return np.asarray(cv2.LUT(gray, _beasf_table(gray, gamma)), dtype=np.uint8)


def _beasf_table(gray: Gray, gamma: float) -> Gray:
    histogram = np.bincount(gray.ravel(), minlength=256).astype(np.float64)
    cut = int(gray.mean())
    if cut in (0, 255):
        return np.arange(256, dtype=np.uint8)
    lower = _sigmoid_onto(histogram, 0, cut, gamma, spread=cut)
    upper = _sigmoid_onto(histogram, cut, 255, gamma, spread=255 - cut)
    table: Gray = np.rint(np.concatenate([lower[:-1], upper])).astype(np.uint8)
    return table


def _sigmoid_onto(histogram: npt.NDArray[np.float64], low: int, high: int, gamma: float, *, spread: int) -> npt.NDArray[np.float64]:
    """Map the tones low..high onto low..high by a logistic curve centred at their median; five units wide, as published."""
    cumulative = np.cumsum(histogram[low : high + 1])
    total = cumulative[-1]
    median = low + int(np.searchsorted(cumulative, 0.5 * total, side="right")) if total > 0 else (low + high) // 2
    tones = np.arange(low, high + 1, dtype=np.float64)
    curve = 1.0 / (1.0 + np.exp(-gamma * 5.0 * (tones - median) / spread))
    mapped: npt.NDArray[np.float64] = low + (high - low) * (curve - curve[0]) / (curve[-1] - curve[0])
    return mapped


def histogram_of(grays: Sequence[Gray]) -> npt.NDArray[np.float64]:
    """Give the mean histogram of pictures: 256 weights that add up to 1."""
    total = np.zeros(256)
    for gray in grays:
        total += np.bincount(gray.ravel(), minlength=256) / gray.size
    return total / max(len(grays), 1)


def match_histogram(gray: Gray, reference: Sequence[float] | npt.NDArray[np.float64]) -> Gray:
    """Move the gray levels so that their histogram follows `reference` (256 weights of any sum).

    Raises:
        UnsuitableImage: the reference has not 256 weights or is empty.
    """
    weights = np.asarray(reference, dtype=np.float64)
    if weights.shape != (256,) or not weights.sum() > 0:
        raise UnsuitableImage("Histogram matching needs a reference of 256 weights.", hint="Repair reference_histogram in the manifest.")
    present = np.flatnonzero(weights)
    table = np.interp(_ranks(np.bincount(gray.ravel(), minlength=256)), _ranks(weights)[present], present)
    import cv2

    return np.asarray(cv2.LUT(gray, np.rint(table).astype(np.uint8)), dtype=np.uint8)


def _ranks(histogram: npt.NDArray[np.float64] | npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """Give the share of the picture darker than the middle of each tone."""
    ranks: npt.NDArray[np.float64] = (np.cumsum(histogram) - 0.5 * histogram) / histogram.sum()
    return ranks
