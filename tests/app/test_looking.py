"""The transitions of how a picture looks; none of them reaches a model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cxrview.app.looking import clahe_toggled, file_choice_chosen, preset_chosen, region_chosen, unsharp_toggled
from cxrview.app.pyramid import build_pyramid
from cxrview.app.state import (
    AppState,
    Display,
    LoadedPicture,
    image_chosen,
    inversion_toggled,
    picture_loaded,
    turned,
    viewport_chosen,
    window_chosen,
    window_reset,
)
from cxrview.app.viewport import Orientation, Viewport
from cxrview.core.eye import Eye
from cxrview.core.frame import Box
from cxrview.core.image import Lut, Window, read_only
from cxrview.core.phantom import as_pixels, phantom
from cxrview.core.presets import FileChoice, Preset, preset_window
from cxrview.engine.analyse import analyse
from cxrview.engine.fake import FakePredictor, fake_package
from tests.app.samples import picture_of


def test_a_preset_names_the_window_that_it_gives(shown: AppState) -> None:
    assert isinstance(shown.picture, LoadedPicture)
    state = preset_chosen(shown, Preset.BONE)
    assert state.display.window == preset_window(shown.picture.pixels, Preset.BONE)
    assert state.display.window is not None
    assert state.display.window.name == "bone"


def test_a_region_gives_the_window_or_a_word_why_not(shown: AppState) -> None:
    state = region_chosen(shown, Box(100, 50, 200, 150))
    assert state.display.window is not None
    assert 1000 < state.display.window.center < 2100
    slip = region_chosen(state, Box(10, 10, 11, 11))
    assert slip.display == state.display
    assert "larger" in slip.notice


def test_each_window_and_table_of_the_file_can_be_chosen(shown: AppState) -> None:
    assert shown.current is not None
    luts = tuple(Lut(0, 8, read_only(np.full(4096, gray, np.uint16))) for gray in (0, 255))
    windows = (Window(100, 50), Window(900, 10, name="Hard"))
    state = replace(shown, picture=picture_of(shown.current, voi_luts=luts, windows=windows))
    hard = file_choice_chosen(state, FileChoice("Hard", 1, is_lut=False))
    assert hard.display.window == windows[1]
    second = file_choice_chosen(hard, FileChoice("VOI LUT 2", 1, is_lut=True))
    assert (second.display.window, second.display.lut) == (None, 1)
    assert window_reset(second).display.lut == 0


def test_without_a_picture_nothing_happens(opened: AppState) -> None:
    assert preset_chosen(opened, Preset.LUNG) is opened
    assert region_chosen(opened, Box(0, 0, 50, 50)) is opened
    assert file_choice_chosen(opened, FileChoice("x", 0, is_lut=True)) is opened


def test_an_image_looks_as_it_was_left_but_whole(shown: AppState) -> None:
    first, second = shown.listing.shown[:2]
    look = turned(clahe_toggled(inversion_toggled(window_chosen(shown, Window(7.0, 3.0)))), 1)
    left = image_chosen(viewport_chosen(look, Viewport(2.0, 1.0, 1.0, Orientation(1))), second)
    assert left.display == Display()
    again = image_chosen(picture_loaded(left, picture_of(second)), first)
    assert again.display == replace(look.display, viewport=None)
    untouched = image_chosen(again, second)
    assert untouched.looks is image_chosen(image_chosen(untouched, first), second).looks


def test_helps_for_the_eye_go_on_and_off_one_by_one(shown: AppState) -> None:
    both = unsharp_toggled(clahe_toggled(shown))
    assert both.display.eye == Eye(has_clahe=True, has_unsharp=True)
    assert clahe_toggled(both).display.eye == Eye(has_unsharp=True)
    assert unsharp_toggled(clahe_toggled(both)).display.eye.is_plain


@pytest.mark.parametrize("preset", [None, Preset.LUNG])
def test_no_look_changes_what_a_model_gets_or_says(shown: AppState, preset: Preset | None, tmp_path: Path) -> None:
    """The pixels handed to the model are the same object with the same values, and so is its answer."""
    package = fake_package(tmp_path / "fake")
    pixels = as_pixels(phantom(1, size=(160, 160)))
    assert shown.current is not None
    picture = LoadedPicture(shown.current, pixels, build_pyramid(pixels.values), Window(2048.0, 4096.0))
    state = replace(shown, picture=picture)
    values = pixels.values.copy()
    before = analyse(pixels, package, FakePredictor(package))
    changed = turned(unsharp_toggled(clahe_toggled(inversion_toggled(state))), 1)
    changed = preset_chosen(changed, preset) if preset else window_chosen(changed, Window(1.0, 1.0))
    assert isinstance(changed.picture, LoadedPicture)
    assert changed.picture.pixels is pixels
    np.testing.assert_array_equal(changed.picture.pixels.values, values)
    after = analyse(changed.picture.pixels, package, FakePredictor(package))
    assert [finding.logit for finding in after.findings] == [finding.logit for finding in before.findings]
