"""Averaging by area: the gray levels of OpenCV, whatever the size."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from cxrview.core.shrink import can_shrink, shrunk


def picture(height: int, width: int, levels: int) -> npt.NDArray[np.uint8 | np.uint16]:
    """Some structure and some noise, so that every pixel counts."""
    chance = np.random.default_rng(height * width)
    ramp = np.add.outer(np.sin(np.arange(height) / 40), np.cos(np.arange(width) / 70)) + chance.normal(0, 0.3, (height, width))
    scaled = (ramp - ramp.min()) / np.ptp(ramp) * (levels - 1)
    return scaled.astype(np.uint8 if levels <= 256 else np.uint16)


@pytest.mark.parametrize(
    ("size", "target"), [((1000, 1000), (224, 224)), ((1501, 997), (192, 301)), ((3056, 2544), (256, 213)), ((800, 2000), (61, 224))]
)
@pytest.mark.parametrize("levels", [256, 4096, 65536])
def test_large_pictures_shrink_to_the_levels_of_opencv(size: tuple[int, int], target: tuple[int, int], levels: int) -> None:
    plane = picture(*size, levels)
    assert can_shrink(plane, target[1], target[0])
    ours = shrunk(plane, target[1], target[0])
    theirs = cv2.resize(plane, (target[1], target[0]), interpolation=cv2.INTER_AREA)
    assert ours.dtype == plane.dtype
    difference = np.abs(ours.astype(int) - theirs.astype(int))
    assert difference.max() <= 1  # of the levels of the file: a half is rounded up here and down there
    assert (difference > 0).mean() < (0.001 if levels <= 4096 else 0.02)


@pytest.mark.parametrize(
    ("plane", "target"),
    [
        (np.zeros((400, 400), np.uint8), 64),  # few pixels
        (np.zeros((1000, 1000), np.uint8), 500),  # half the size
        (np.zeros((1000, 1000), np.uint8), 250),  # a whole factor
        (np.zeros((1000, 1000), np.float32), 224),  # no gray levels to round to
    ],
)
def test_what_opencv_does_as_fast_is_left_to_it(plane: npt.NDArray[np.generic], target: int) -> None:
    assert not can_shrink(plane, target, target)
