"""Heatmap colours: ordered, numbered, and silent where there is nothing to show."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from cxrview.core.colour import DIVERGING, SEQUENTIAL, TABLES, colour_table, colourise, overlay
from cxrview.core.frame import Box, frame_of_box

# The ends of the published tables (matplotlib's _cm_listed.py, CC0).
PUBLISHED_ENDS = {
    "inferno": ([0, 0, 4], [252, 255, 164]),
    "magma": ([0, 0, 4], [252, 253, 191]),
    "viridis": ([68, 1, 84], [253, 231, 37]),
    "cividis": ([0, 34, 78], [254, 232, 56]),
}
WHOLE = frame_of_box(Box(0, 0, 200, 160), model_size=(64, 64), image_size=(200, 160))


def luminance(table: np.ndarray) -> np.ndarray:
    linear = (table / 255.0) ** 2.2
    return np.asarray(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("name", TABLES)
def test_a_table_holds_256_rgb_colours(name: str) -> None:
    table = colour_table(name)
    assert table.shape == (256, 3)
    assert table.dtype == np.uint8


@pytest.mark.parametrize("name", SEQUENTIAL)
def test_sequential_tables_are_the_published_ones_and_only_get_brighter(name: str) -> None:
    table = colour_table(name)
    first, last = PUBLISHED_ENDS[name]
    assert np.abs(table[[0, -1]].astype(int) - [first, last]).max() <= 1
    assert np.diff(luminance(table)).min() > -0.002


def test_the_diverging_table_is_neutral_in_the_middle_blue_below_and_red_above() -> None:
    table = colour_table(DIVERGING).astype(int)
    assert np.ptp(table[127]) <= 4
    assert table[0].argmax() == 2
    assert table[-1].argmax() == 0
    light = luminance(table)
    assert np.diff(light[:128]).min() >= 0
    assert np.diff(light[128:]).max() <= 0
    assert abs(light[0] - light[-1]) < 0.05


def test_jet_is_there_only_for_who_asks() -> None:
    assert "jet" in TABLES
    assert "jet" not in SEQUENTIAL


def test_an_unknown_table_is_an_error() -> None:
    with pytest.raises(KeyError):
        colour_table("rainbow")


def test_colour_and_alpha_grow_with_the_value_up_to_the_common_scale() -> None:
    painted = colourise(np.float32([[0.0, 0.5, 2.0, 4.0, -1.0, np.nan]]), scale=2.0, table="viridis")[0]
    assert painted[:, 3].tolist() == [0, 128, 255, 255, 0, 0]
    np.testing.assert_array_equal(painted[[2, 3], :3], colour_table("viridis")[[255, 255]])


def test_signed_maps_put_zero_in_the_middle_and_show_both_directions() -> None:
    painted = colourise(np.float32([[-2.0, 0.0, 2.0]]), scale=2.0, table=DIVERGING, is_signed=True)[0]
    np.testing.assert_array_equal(painted[[0, 2], :3], colour_table(DIVERGING)[[0, 255]])
    assert painted[:, 3].tolist() == [255, 0, 255]


def test_a_scale_of_zero_paints_nothing() -> None:
    assert not colourise(np.zeros((2, 2), np.float32), scale=0.0)[..., 3].any()


def test_the_overlay_colours_where_the_evidence_is_and_leaves_the_rest_alone() -> None:
    gray = np.full((160, 200), 100, np.uint8)
    values = np.zeros((4, 4), np.float32)
    values[0, 0] = 1.0
    picture = overlay(gray, values, WHOLE, scale=1.0, has_bar=False)
    assert picture.shape == (160, 200, 3)
    assert np.ptp(picture[10, 10].astype(int)) > 40
    np.testing.assert_array_equal(picture[120:, 150:], 100)


def test_the_overlay_stays_inside_what_the_model_saw() -> None:
    frame = frame_of_box(Box(50, 40, 150, 120), model_size=(64, 64), image_size=(200, 160))
    values = np.float32([[1.0, 2.0], [3.0, 4.0]])
    picture = overlay(np.zeros((160, 200), np.uint8), values, frame, scale=4.0, has_bar=False).astype(int)
    touched = picture.sum(axis=2) > 0
    rows, columns = np.nonzero(touched)
    assert rows.min() >= 40
    assert rows.max() < 120
    assert columns.min() >= 50
    assert columns.max() < 150


def test_a_flat_map_is_not_drawn_but_said() -> None:
    gray = np.full((160, 200), 100, np.uint8)
    flat = overlay(gray, np.full((4, 4), 0.3, np.float32), WHOLE, scale=1.0)
    changed = (flat != 100).any(axis=2)
    assert changed.any(), "the words must be there"
    np.testing.assert_array_equal(flat[..., 0], flat[..., 1])
    assert not changed[80:].any()


def test_the_bar_shows_the_table_from_top_to_bottom() -> None:
    values = np.zeros((4, 4), np.float32)
    values[0, 0] = 1.0
    bare = overlay(
        np.zeros((400, 400), np.uint8),
        values,
        frame_of_box(Box(0, 0, 400, 400), model_size=(64, 64), image_size=(400, 400)),
        scale=1.0,
        has_bar=False,
    )
    barred = overlay(
        np.zeros((400, 400), np.uint8), values, frame_of_box(Box(0, 0, 400, 400), model_size=(64, 64), image_size=(400, 400)), scale=1.0
    )
    bar = barred[150:250, 389]
    assert (barred != bare).any()
    table = colour_table("inferno").astype(int)
    nearest = [int(np.abs(table - pixel).sum(axis=1).argmin()) for pixel in bar]
    assert all(a >= b for a, b in pairwise(nearest))
    assert nearest[0] > nearest[-1] + 50
