"""A lung network's pixel logits become a mask, a box and outlines in the image, and say what is wrong."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from cxrview.core.frame import Box, frame_of_box
from cxrview.core.heatmap import Heatmap
from cxrview.core.lungs import heat_in_lungs, lungs_mask, lungs_of
from cxrview.core.manifest import Label
from cxrview.core.results import HeatmapTarget

SIDE = 64
IMAGE = (300, 200)
FRAME = frame_of_box(Box(0, 0, *IMAGE), model_size=(SIDE, SIDE), image_size=IMAGE)


def pixel_logits(*boxes: tuple[int, int, int, int], side: int = SIDE) -> np.ndarray:
    """+8 inside the boxes (left, top, right, bottom), -8 elsewhere."""
    made = np.full((side, side), -8.0, np.float32)
    for left, top, right, bottom in boxes:
        made[top:bottom, left:right] = 8.0
    return made


TWO_LUNGS = ((8, 12, 26, 50), (38, 12, 56, 50))


def test_two_lungs_give_a_box_and_outlines_in_image_pixels() -> None:
    lungs = lungs_of(pixel_logits(*TWO_LUNGS), FRAME)
    assert lungs.is_found
    assert lungs.box is not None
    box = lungs.box
    assert (box.left, box.top, box.right, box.bottom) == pytest.approx((8 * 300 / 64, 12 * 200 / 64, 56 * 300 / 64, 50 * 200 / 64), abs=0.6)
    assert len(lungs.outlines) == 2
    assert all(outline[:, 0].max() < 300 and outline[:, 1].max() < 200 for outline in lungs.outlines)
    assert lungs.cut_sides == ()


def box_of(logits: np.ndarray) -> np.ndarray:
    """Left, top, right, bottom in network px."""
    box = lungs_of(logits, FRAME).box
    assert box is not None
    return np.array([box.left, box.top, box.right, box.bottom]) / np.array([300 / SIDE, 200 / SIDE] * 2)


def test_a_thread_of_pixels_does_not_move_the_box() -> None:
    with_thread = pixel_logits(*TWO_LUNGS)
    with_thread[12, 6:8] = 8.0  # two pixels that hang on to the upper corner of the first lung
    assert np.abs(box_of(with_thread) - box_of(pixel_logits(*TWO_LUNGS))).max() < 0.2


def test_rounding_moves_the_box_by_as_little() -> None:
    random = np.random.default_rng(1)
    soft = cv2.GaussianBlur(pixel_logits(*TWO_LUNGS), (0, 0), 2.0)
    rounded = soft * (1 + 2.0**-8 * random.uniform(-1, 1, soft.shape)).astype(np.float32)  # as much as bfloat16
    assert 0 < np.abs(box_of(rounded) - box_of(soft)).max() < 0.05


def test_the_mask_has_the_size_of_the_image_and_lies_where_the_lungs_are() -> None:
    mask = lungs_mask(lungs_of(pixel_logits(*TWO_LUNGS), FRAME))
    wanted = cv2.resize((pixel_logits(*TWO_LUNGS) > 0).astype(np.uint8), IMAGE, interpolation=cv2.INTER_LINEAR) > 0
    assert mask.shape == (200, 300)
    assert (mask & wanted).sum() * 2 / (mask.sum() + wanted.sum()) > 0.97
    rows, columns = np.nonzero(mask)
    assert abs(columns.mean() + 0.5 - 150) < 0.5  # no shift by half a pixel
    assert abs(rows.mean() + 0.5 - 31 * 200 / 64) < 0.5


def test_logits_at_half_the_size_of_the_input_give_the_same_lungs() -> None:
    halved = pixel_logits(*(tuple(side // 2 for side in box) for box in TWO_LUNGS), side=SIDE // 2)  # type: ignore[misc]
    whole = lungs_of(pixel_logits(*TWO_LUNGS), FRAME)
    assert lungs_of(halved, FRAME).area_fraction == pytest.approx(whole.area_fraction, rel=0.1)


def test_holes_are_filled_and_slivers_and_third_regions_left_out() -> None:
    made = pixel_logits(*TWO_LUNGS, (30, 55, 34, 63))
    made[25:30, 12:18] = -8.0
    lungs = lungs_of(made, FRAME)
    assert lungs.mask[27, 15]
    assert not lungs.mask[58, 32]


@pytest.mark.parametrize("boxes", [(), ((30, 30, 33, 33),), ((0, 0, 64, 60),)])
def test_nothing_of_the_size_of_lungs_is_told_as_not_found(boxes: tuple[tuple[int, int, int, int], ...]) -> None:
    lungs = lungs_of(pixel_logits(*boxes), FRAME)
    assert not lungs.is_found
    assert lungs.box is None
    assert not lungs_mask(lungs).any()
    assert lungs.outlines == ()


def test_lungs_that_run_out_of_the_picture_name_the_side() -> None:
    assert lungs_of(pixel_logits((0, 12, 26, 50), (38, 30, 56, 64)), FRAME).cut_sides == ("left", "bottom")


def test_heat_in_lungs_is_the_share_of_positive_heat() -> None:
    lungs = lungs_of(pixel_logits((0, 0, 32, 40)), FRAME)
    label = Label("a", "A")
    values = np.zeros((4, 4), np.float32)
    values[0, 0], values[0, 3], values[3, 0] = 3.0, 1.0, -5.0
    heatmap = Heatmap(label, values, HeatmapTarget.LOGIT, "Grad-CAM")
    assert heat_in_lungs(heatmap, FRAME, lungs) == pytest.approx(0.75, abs=0.06)  # maps are smooth: heat spreads to the neighbours
    assert np.isnan(heat_in_lungs(heatmap, FRAME, lungs_of(pixel_logits(), FRAME)))
