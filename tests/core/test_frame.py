"""Points go from image to model and back without moving."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrview.core.frame import Box, Frame, frame_of_box

PX = st.integers(1, 6000)
POSITION = st.floats(-500, 6500)


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    left, top = draw(st.floats(-100, 4000)), draw(st.floats(-100, 4000))
    return Box(left, top, left + draw(st.floats(16, 4000)), top + draw(st.floats(16, 4000)))


@st.composite
def frames(draw: st.DrawFn) -> Frame:
    model_size = draw(st.tuples(st.integers(8, 1024), st.integers(8, 1024)))
    frame = frame_of_box(draw(boxes()), model_size=model_size, image_size=(draw(PX), draw(PX)))
    return frame.mirrored() if draw(st.booleans()) else frame


@given(frames(), POSITION, POSITION)
def test_there_and_back_is_the_same_point(frame: Frame, x: float, y: float) -> None:
    assert frame.to_image(*frame.to_model(x, y)) == pytest.approx((x, y), abs=1e-6)
    assert frame.to_model(*frame.to_image(x, y)) == pytest.approx((x, y), abs=1e-6)


@given(boxes(), st.tuples(st.integers(8, 1024), st.integers(8, 1024)))
def test_the_model_input_covers_exactly_its_box(box: Box, model_size: tuple[int, int]) -> None:
    frame = frame_of_box(box, model_size=model_size, image_size=(100, 100))
    seen = frame.model_box_in_image()
    assert (seen.left, seen.top, seen.right, seen.bottom) == pytest.approx((box.left, box.top, box.right, box.bottom), abs=1e-6)


@given(frames())
def test_mirroring_covers_the_same_box_and_undoes_itself(frame: Frame) -> None:
    here, mirrored = frame.model_box_in_image(), frame.mirrored().model_box_in_image()
    assert (mirrored.left, mirrored.right) == pytest.approx((here.left, here.right), abs=1e-6)
    assert (mirrored.top, mirrored.bottom) == (here.top, here.bottom)
    twice = frame.mirrored().mirrored()
    assert (twice.scale_x, twice.shift_x) == pytest.approx((frame.scale_x, frame.shift_x), abs=1e-6)


@given(frames(), st.floats(0, 1000), st.floats(0, 1000))
def test_a_column_of_the_mirrored_input_is_the_opposite_column(frame: Frame, x: float, y: float) -> None:
    assert frame.mirrored().to_image(frame.model_width - x, y) == pytest.approx(frame.to_image(x, y), abs=1e-6)


def test_pixel_centres_lie_at_one_half() -> None:
    frame = frame_of_box(Box(0, 0, 200, 100), model_size=(100, 100), image_size=(200, 100))
    assert frame.to_image(0.5, 0.5) == (1.0, 0.5)


def test_a_box_measures_itself() -> None:
    box = Box(2, 3, 12, 8)
    assert (box.width, box.height) == (10, 5)


def test_a_shrunk_map_leads_to_the_same_place_of_the_smaller_image() -> None:
    frame = frame_of_box(Box(100, 50, 2900, 2450), model_size=(64, 64), image_size=(3000, 2500))
    small = frame.shrunk(300)
    assert (small.image_width, small.image_height) == (300, 250)
    for point in ((0.0, 0.0), (10.0, 60.0), (64.0, 64.0)):
        x, y = frame.to_image(*point)
        assert small.to_image(*point) == pytest.approx((x / 10, y / 10))
    assert frame.shrunk(9000) == frame
