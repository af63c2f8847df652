"""What makes an answer suspicious: no lungs, lungs cut off, heat elsewhere, a picture that would do better the other way round."""

from __future__ import annotations

import numpy as np
import pytest

from cxrview.core.answer_flags import lung_flags, may_be_inverted
from cxrview.core.flags import Flag
from cxrview.core.frame import Box, frame_of_box
from cxrview.core.lungs import Lungs, lungs_of
from cxrview.core.manifest import Label
from cxrview.core.results import Finding, Heatmap, HeatmapTarget

SIZE = (64, 64)
FRAME = frame_of_box(Box(0, 0, 320, 320), model_size=SIZE, image_size=(320, 320))
ILL, WELL = Label("tb", "Tuberculosis"), Label("normal", "Normal")


def lungs(*, left: int = 8, is_there: bool = True) -> Lungs:
    """Two upright blocks, the left one beginning at a column."""
    logits = np.full(SIZE, -9.0, np.float32)
    if is_there:
        logits[10:50, left:26] = 9.0
        logits[10:50, 38:56] = 9.0
    return lungs_of(logits, FRAME)


def heat(row: int, column: int, label: Label = ILL) -> Heatmap:
    values = np.zeros((8, 8), np.float32)
    values[row, column] = 1.0
    return Heatmap(label, values, HeatmapTarget.LOGIT, "Grad-CAM")


def found(probability: float) -> tuple[Finding, ...]:
    return Finding(WELL, 0.0, 0.05, 0.5), Finding(ILL, 1.0, probability, 0.5)


def test_heat_in_the_lungs_is_nothing_to_say() -> None:
    assert lung_flags(found(0.9), (heat(3, 2),), FRAME, lungs()) == ()


def test_heat_beside_the_lungs_is_said_of_a_positive_top_label_only() -> None:
    corner = (heat(0, 0), heat(0, 7, WELL))
    assert lung_flags(found(0.9), corner, FRAME, lungs()) == (Flag.HEAT_OUTSIDE_LUNGS,)
    assert lung_flags(found(0.4), corner, FRAME, lungs()) == ()
    assert lung_flags(found(0.9), (), FRAME, lungs()) == ()


def test_a_flat_map_lies_nowhere() -> None:
    flat = Heatmap(ILL, np.zeros((8, 8), np.float32), HeatmapTarget.LOGIT, "Grad-CAM")
    assert lung_flags(found(0.9), (flat,), FRAME, lungs()) == ()


def test_lungs_that_are_cut_off_or_missing_are_said() -> None:
    assert lung_flags(found(0.9), (heat(3, 2),), FRAME, lungs(left=0)) == (Flag.LUNGS_CUT_OFF,)
    assert lung_flags(found(0.9), (heat(0, 0),), FRAME, lungs(is_there=False)) == (Flag.LUNGS_NOT_FOUND,)
    assert lung_flags(found(0.9), (heat(0, 0),), FRAME, None) == ()


@pytest.mark.parametrize(
    ("likeness", "swapped", "is_suspected"),
    [(0.002, 0.5, True), (0.01, 0.06, True), (0.04, 0.06, False), (0.2, 0.9, False), (0.002, 0.01, False)],
)
def test_a_picture_is_suspected_only_when_the_other_way_round_is_clearly_more_usual(
    likeness: float, swapped: float, is_suspected: bool
) -> None:
    assert may_be_inverted(likeness, swapped) is is_suspected
