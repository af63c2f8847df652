"""Windows for radiographs fit the anatomy at any depth, polarity and scale."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from cxrview.core.frame import Box
from cxrview.core.image import Lut, Pixels, Window, read_only
from cxrview.core.phantom import as_pixels, phantom
from cxrview.core.presets import Preset, file_choices, preset_window, region_window, with_voi_lut
from cxrview.core.voi import display_table

SIZE = (320, 320)


@pytest.fixture(scope="module")
def chest() -> tuple[Pixels, np.ndarray]:
    """A phantom as if its file had no window, and where its lungs are."""
    made = phantom(3, size=SIZE, bits=12)
    return replace(as_pixels(made), windows=(), voi_luts=()), made.lung_mask


def shown(pixels: Pixels, window: Window) -> np.ndarray:
    return display_table(pixels, window)[pixels.values].astype(float)


def heart(mask: np.ndarray) -> np.ndarray:
    """Give what lies between the lungs."""
    rows, columns = np.nonzero(mask)
    between = np.zeros_like(mask)
    for row in range(int(np.quantile(rows, 0.4)), int(np.quantile(rows, 0.8))):
        found = columns[rows == row]
        between[row, found.min() : found.max()] = True
    return between & ~mask


def test_each_preset_shows_what_it_is_named_after(chest: tuple[Pixels, np.ndarray]) -> None:
    pixels, lungs = chest
    contrast = {preset: shown(pixels, preset_window(pixels, preset)) for preset in Preset}
    inside = {preset: float(gray[lungs].std()) for preset, gray in contrast.items()}
    assert inside[Preset.LUNG] > inside[Preset.AUTO] > inside[Preset.MEDIASTINUM]
    middle = heart(lungs)
    assert contrast[Preset.MEDIASTINUM][middle].mean() < contrast[Preset.AUTO][middle].mean() < contrast[Preset.LUNG][middle].mean()
    assert preset_window(pixels, Preset.LINES).width < preset_window(pixels, Preset.AUTO).width
    assert preset_window(pixels, Preset.BONE).width < preset_window(pixels, Preset.AUTO).width


@pytest.mark.parametrize("preset", list(Preset))
def test_a_preset_looks_the_same_inverted_rescaled_and_at_other_depths(chest: tuple[Pixels, np.ndarray], preset: Preset) -> None:
    pixels, _lungs = chest
    expected = shown(pixels, preset_window(pixels, preset))
    top = int(pixels.values.max())
    variants = (
        replace(pixels, values=read_only((top - pixels.values).astype(np.uint16)), is_inverted=True),
        replace(pixels, slope=0.25, intercept=-1000.0),
        replace(pixels, values=read_only((pixels.values * np.uint16(15)).astype(np.uint16)), bits=16),
    )
    for variant in variants:
        assert np.abs(shown(variant, preset_window(variant, preset)) - expected).max() <= 1.0
    narrow = replace(pixels, values=read_only((pixels.values >> 4).astype(np.uint8)), bits=8)
    assert np.abs(shown(narrow, preset_window(narrow, preset)) - expected).mean() < 6.0


def test_borders_shutter_and_padding_move_no_preset(chest: tuple[Pixels, np.ndarray]) -> None:
    pixels, _lungs = chest
    expected = preset_window(pixels, Preset.LUNG)
    values = pixels.values.copy()
    values[:60], values[:, :60] = 0, 4095
    bordered = preset_window(replace(pixels, values=read_only(values)), Preset.LUNG)
    assert bordered.center == pytest.approx(expected.center, rel=0.1)
    assert bordered.width == pytest.approx(expected.width, rel=0.2)
    covered = pixels.values.copy()
    covered[150:] = 4000
    part = replace(pixels, values=read_only(covered))
    shutter = np.zeros(covered.shape, bool)
    shutter[:150] = True
    shuttered = preset_window(replace(part, shutter=shutter), Preset.AUTO)
    assert shuttered == preset_window(replace(part, padding=(4000, 4000)), Preset.AUTO)
    assert shuttered.center + shuttered.width / 2 < 4000


@pytest.mark.parametrize("values", [np.zeros((1, 1), np.uint8), np.full((50, 40), 7, np.uint16), np.eye(30, dtype=np.uint8)])
def test_a_picture_with_nothing_in_it_still_gets_a_window(values: np.ndarray) -> None:
    pixels = Pixels(read_only(values), 8 * values.itemsize, padding=(0, 0))
    for preset in Preset:
        assert preset_window(pixels, preset).width >= 1.0


def test_a_region_spreads_the_grays_over_what_it_holds() -> None:
    values = np.tile(np.arange(0, 4000, 10, dtype=np.uint16), (300, 1))
    pixels = Pixels(read_only(values), 12)
    window = region_window(pixels, Box(99.6, 20, 200.4, 120))
    assert window is not None
    assert window.center == pytest.approx(1495, abs=15)
    assert window.width == pytest.approx(960, abs=30)
    assert region_window(pixels, Box(-50, -50, 900, 900)) is not None
    assert region_window(pixels, Box(10, 10, 12, 200)) is None
    assert region_window(pixels, Box(500, 10, 600, 200)) is None
    assert region_window(replace(pixels, padding=(0, 65535)), Box(10, 10, 100, 100)) is None


def test_every_window_and_table_of_the_file_is_offered_in_its_order() -> None:
    table = read_only(np.arange(256, dtype=np.uint16))
    other = read_only(np.full(256, 255, np.uint16))
    windows = (Window(40, 400, name="Soft"), Window(10, 20))
    pixels = Pixels(read_only(np.zeros((4, 4), np.uint8)), 8, windows=windows, voi_luts=(Lut(0, 8, table), Lut(0, 8, other, "Hard")))
    choices = file_choices(pixels)
    assert [choice.title for choice in choices] == ["VOI LUT 1", "Hard", "Soft (400 / 40)", "Window 2 (20 / 10)"]
    assert [choice.index for choice in choices] == [0, 1, 0, 1]
    assert display_table(with_voi_lut(pixels, 1)).min() == 255
    assert with_voi_lut(pixels, 0) is pixels


def test_presets_follow_each_other_from_wide_to_narrow_beginnings(chest: tuple[Pixels, np.ndarray]) -> None:
    pixels, _lungs = chest
    begins = [
        window.center - window.width / 2
        for window in (preset_window(pixels, each) for each in (Preset.LUNG, Preset.BONE, Preset.MEDIASTINUM, Preset.LINES))
    ]
    assert all(before < after for before, after in pairwise(begins))
