"""The arithmetic between image and screen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrview.app.viewport import (
    MAX_ZOOM,
    MIN_ZOOM,
    UPRIGHT,
    Orientation,
    Viewport,
    actual_size,
    dragged_window,
    fitted,
    panned,
    zoomed,
)
from cxrview.core.image import Window

orientations = st.builds(Orientation, st.integers(0, 3), st.booleans())
viewports = st.builds(Viewport, st.floats(MIN_ZOOM, MAX_ZOOM), st.floats(0, 4000), st.floats(0, 4000), orientations)
sizes = st.tuples(st.integers(1, 5000), st.integers(1, 5000))
points = st.tuples(st.floats(-3000, 6000), st.floats(-3000, 6000))


@given(viewports, sizes, points)
def test_image_px_to_view_px_and_back_is_the_same_point(viewport: Viewport, view: tuple[int, int], point: tuple[float, float]) -> None:
    assert viewport.to_image(*viewport.to_view(*point, view), view) == pytest.approx(point, abs=1e-6)


@given(orientations)
def test_four_turns_or_two_flips_change_nothing(orientation: Orientation) -> None:
    assert orientation.turned(1).turned(1).turned(1).turned(1) == orientation
    assert orientation.turned(1).turned(-1) == orientation
    assert orientation.flipped_sideways().flipped_sideways() == orientation
    assert orientation.flipped_over().flipped_over() == orientation
    assert orientation.flipped_sideways().flipped_over() == orientation.turned(2)


@given(orientations, st.floats(-100, 100), st.floats(-100, 100))
def test_turning_and_flipping_act_on_what_is_seen(orientation: Orientation, dx: float, dy: float) -> None:
    x, y = orientation.to_view(dx, dy)
    assert orientation.turned(1).to_view(dx, dy) == (-y, x)
    assert orientation.flipped_sideways().to_view(dx, dy) == (-x, y)
    assert orientation.flipped_over().to_view(dx, dy) == (x, -y)
    assert UPRIGHT.to_view(dx, dy) == (dx, dy)


@given(viewports, sizes, st.floats(-500, 500), st.floats(-500, 500))
def test_panning_moves_what_is_under_the_hand_with_it_however_the_picture_lies(
    viewport: Viewport, view: tuple[int, int], dx: float, dy: float
) -> None:
    middle = Viewport(viewport.zoom, 5e5, 5e5, viewport.orientation)
    x, y = middle.to_view(5e5, 5e5, view)
    after = panned(middle, dx, dy, (1_000_000, 1_000_000))
    assert after.to_view(5e5, 5e5, view) == pytest.approx((x + dx, y + dy), abs=1e-3)


@given(sizes, sizes, orientations)
def test_a_fitted_image_lies_whole_in_the_view_and_touches_one_margin(
    image: tuple[int, int], view: tuple[int, int], orientation: Orientation
) -> None:
    viewport = fitted(image, view, orientation)
    corners = (viewport.to_view(0, 0, view), viewport.to_view(*image, view))
    left, right = sorted(x for x, _y in corners)
    top, bottom = sorted(y for _x, y in corners)
    room_x, room_y = max(1, view[0] - 16), max(1, view[1] - 16)
    assert right - left <= room_x + 1e-6
    assert bottom - top <= room_y + 1e-6
    assert right - left == pytest.approx(room_x) or bottom - top == pytest.approx(room_y)
    assert (left + right) / 2 == pytest.approx(view[0] / 2)


@given(viewports, sizes, points, st.floats(0.1, 10))
def test_zooming_keeps_the_point_under_the_mouse(
    viewport: Viewport, view: tuple[int, int], anchor: tuple[float, float], factor: float
) -> None:
    after = zoomed(viewport, factor, anchor)
    assert MIN_ZOOM <= after.zoom <= MAX_ZOOM
    assert after.to_view(*anchor, view) == pytest.approx(viewport.to_view(*anchor, view), abs=1e-4)


def test_panning_moves_the_image_with_the_hand_and_never_loses_it() -> None:
    viewport = Viewport(2.0, 50.0, 50.0)
    assert panned(viewport, 20, -10, (100, 100)) == Viewport(2.0, 40.0, 55.0)
    assert panned(viewport, 5000, 5000, (100, 100)) == Viewport(2.0, 0.0, 0.0)
    assert panned(viewport, -5000, -5000, (100, 100)) == Viewport(2.0, 100.0, 100.0)


def test_actual_size_keeps_the_middle() -> None:
    assert actual_size(Viewport(0.3, 12.0, 34.0)) == Viewport(1.0, 12.0, 34.0)


def test_dragging_right_softens_and_dragging_up_brightens() -> None:
    window = Window(2048.0, 1000.0)
    wider = dragged_window(window, 100, 0, is_inverted=False)
    assert wider.width > window.width
    assert wider.center == window.center
    # A lower centre makes more of the picture bright; with low values bright it is the other way round.
    assert dragged_window(window, 0, -50, is_inverted=False).center < window.center
    assert dragged_window(window, 0, -50, is_inverted=True).center > window.center


@given(st.floats(-3000, 3000), st.floats(-3000, 3000), st.booleans())
def test_a_window_never_becomes_empty_or_negative(dx: float, dy: float, is_inverted: bool) -> None:
    assert dragged_window(Window(100.0, 50.0), dx, dy, is_inverted=is_inverted).width >= 1.0
