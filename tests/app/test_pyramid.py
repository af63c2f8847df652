"""What the canvas resamples must be what is stored, in the right place."""

from __future__ import annotations

import numpy as np
import pytest

from cxrview.app.pyramid import build_pyramid, level_for, look_up, visible_part
from cxrview.app.viewport import Orientation, Viewport, fitted


def ramp(width: int, height: int) -> np.ndarray:
    """Give a picture whose value is 10 times x plus 1000."""
    return np.tile(np.arange(width, dtype=np.uint16) * 10 + 1000, (height, 1))


def test_levels_halve_and_keep_depth_and_mean() -> None:
    values = np.random.default_rng(1).integers(0, 4096, (1000, 1400)).astype(np.uint16)
    pyramid = build_pyramid(values)
    assert [level.shape for level in pyramid.levels] == [(1000, 1400), (500, 700), (250, 350), (125, 175)]
    assert all(level.dtype == np.uint16 and not level.flags.writeable for level in pyramid.levels[1:])
    assert float(pyramid.levels[-1].mean()) == pytest.approx(float(values.mean()), abs=1.0)


@pytest.mark.parametrize(("zoom", "level"), [(2.0, 0), (1.0, 0), (0.51, 0), (0.5, 1), (0.3, 1), (0.25, 2), (0.01, 3)])
def test_the_level_has_a_pixel_for_each_view_pixel(zoom: float, level: int) -> None:
    assert level_for(build_pyramid(np.zeros((1000, 1400), np.uint16)), zoom) == level


def test_at_actual_size_the_stored_values_come_through_untouched() -> None:
    values = np.random.default_rng(2).integers(0, 65536, (300, 400)).astype(np.uint16)
    part = visible_part(build_pyramid(values), Viewport(1.0, 200.0, 150.0), (100, 80))
    assert part is not None
    assert (part.left, part.top) == (0, 0)
    np.testing.assert_array_equal(part.values, values[110:190, 150:250])


def test_magnified_far_each_view_pixel_is_a_stored_pixel() -> None:
    values = np.random.default_rng(3).integers(0, 65536, (50, 50)).astype(np.uint16)
    part = visible_part(build_pyramid(values), Viewport(8.0, 25.0, 25.0), (80, 80))
    assert part is not None
    np.testing.assert_array_equal(part.values, np.kron(values[20:30, 20:30], np.ones((8, 8), np.uint16)))


@pytest.mark.parametrize("is_mirrored", [False, True])
@pytest.mark.parametrize("quarter_turns", [0, 1, 2, 3])
@pytest.mark.parametrize("zoom", [1, 8])
def test_turned_and_mirrored_each_stored_value_is_shown_where_it_belongs(zoom: int, quarter_turns: int, is_mirrored: bool) -> None:
    values = np.random.default_rng(6).integers(0, 65536, (40, 60)).astype(np.uint16)
    viewport = Viewport(float(zoom), 30.0, 20.0, Orientation(quarter_turns, is_mirrored))
    seen = np.rot90(values[:, ::-1] if is_mirrored else values, -quarter_turns)
    part = visible_part(build_pyramid(values), viewport, (seen.shape[1] * zoom, seen.shape[0] * zoom))
    assert part is not None
    np.testing.assert_array_equal(part.values, np.kron(seen, np.ones((zoom, zoom), np.uint16)))


@pytest.mark.parametrize("zoom", [0.1, 0.26, 0.4, 0.7, 1.7])
def test_a_value_lies_where_the_viewport_says(zoom: float) -> None:
    viewport, view = Viewport(zoom, 800.0, 400.0), (300, 200)
    part = visible_part(build_pyramid(ramp(1600, 800)), viewport, view)
    assert part is not None
    column = part.values.shape[1] // 2
    x, _y = viewport.to_image(part.left + column + 0.5, 0.0, view)
    assert float(part.values[0, column]) == pytest.approx(1000 + 10 * (x - 0.5), abs=6 + 6 / zoom)


def test_a_fitted_picture_is_drawn_whole_and_only_there() -> None:
    viewport = fitted((1600, 800), (400, 400))
    part = visible_part(build_pyramid(ramp(1600, 800)), viewport, (400, 400))
    assert part is not None
    assert part.left == 8
    assert part.values.shape == (192, 384)
    assert part.top == 104


def test_a_picture_outside_the_view_costs_nothing() -> None:
    assert visible_part(build_pyramid(ramp(100, 100)), Viewport(1.0, 1000.0, 1000.0), (50, 50)) is None


def test_a_shutter_is_resampled_with_the_picture() -> None:
    shutter = np.zeros((600, 600), bool)
    shutter[:, 300:] = True
    part = visible_part(build_pyramid(ramp(600, 600), shutter), fitted((600, 600), (316, 316)), (316, 316))
    assert part is not None
    assert part.shutter is not None
    assert part.shutter[:, :149].max() == 0
    assert part.shutter[:, 151:].min() == 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_looking_up_is_indexing(dtype: type[np.uint8] | type[np.uint16], monkeypatch: pytest.MonkeyPatch) -> None:
    size = np.iinfo(dtype).max + 1
    values = np.random.default_rng(4).integers(0, size, (37, 41)).astype(dtype)
    table = np.random.default_rng(5).integers(0, 256, size).astype(np.uint8)
    np.testing.assert_array_equal(look_up(values, table), table[values])
    monkeypatch.setattr("cxrview.app.pyramid.has_wide_lut", lambda: False)
    np.testing.assert_array_equal(look_up(values, table), table[values])
