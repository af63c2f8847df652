"""The transitions of layouts: places keep their pictures, one is active, linked ones go together."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cxrview.app.cells import cell_activated, cell_states, layout_chosen, link_toggled, linked
from cxrview.app.looking import clahe_toggled, preset_chosen
from cxrview.app.marking import tool_chosen
from cxrview.app.state import (
    AppState,
    Display,
    Layout,
    LoadedPicture,
    LoadingPicture,
    NoPicture,
    NotScored,
    UnreadablePicture,
    fit_chosen,
    image_chosen,
    inversion_toggled,
    picture_loaded,
    turned,
    viewport_chosen,
    waited_for,
    window_chosen,
    window_reset,
)
from cxrview.app.viewport import Orientation, Viewport
from cxrview.core.image import Window
from cxrview.core.marks import MarkKind
from cxrview.core.presets import Preset, preset_window
from tests.app.samples import picture_of


@pytest.fixture
def pair(scored: AppState) -> AppState:
    """Two pictures side by side, the second twice as large and with values twice as far apart."""
    state = layout_chosen(scored, Layout.SIDE_BY_SIDE)
    (waiting,) = waited_for(state)
    other = picture_of(waiting, size=(800, 600))
    return picture_loaded(state, replace(other, window=Window(4096.0, 8192.0)))


def other_display(state: AppState) -> Display:
    return cell_states(state)[1].display


def test_new_places_take_the_images_that_follow(scored: AppState) -> None:
    four = layout_chosen(scored, Layout.FOUR)
    first, second, third = scored.listing.shown
    assert [state.current for state in cell_states(four)] == [first, second, third, None]
    assert waited_for(four) == (second, third)
    assert isinstance(cell_states(four)[3].picture, NoPicture)
    assert four.reading is scored.reading
    assert cell_states(scored) == (scored,)


def test_a_picture_goes_to_every_place_that_waits_for_it(scored: AppState) -> None:
    second = scored.listing.shown[1]
    state = layout_chosen(scored, Layout.STACKED)
    assert cell_states(picture_loaded(state, picture_of(second)))[1].picture.ref == second  # type: ignore[union-attr]
    broken = picture_loaded(state, UnreadablePicture(second, "cut short"))
    assert isinstance(cell_states(broken)[1].picture, UnreadablePicture)
    assert broken.picture is state.picture


def test_the_active_place_has_the_scores_and_gives_them_up(pair: AppState) -> None:
    assert isinstance(cell_states(pair)[1].reading, NotScored)
    second = cell_activated(tool_chosen(pair, MarkKind.RULER), 1)
    assert second.current == pair.listing.shown[1]
    assert isinstance(second.picture, LoadedPicture)
    assert isinstance(second.reading, NotScored)
    assert second.tool is None
    back = cell_activated(second, 0)
    assert back.picture is pair.picture
    assert cell_activated(pair, 0) is pair
    assert cell_activated(pair, 7) is pair


def test_choosing_an_image_changes_the_active_place_only(pair: AppState) -> None:
    state = image_chosen(cell_activated(pair, 1), pair.listing.shown[2])
    first, second = cell_states(state)
    assert first.picture is pair.picture
    assert second.picture == LoadingPicture(pair.listing.shown[2])


def test_the_active_picture_stays_when_places_go(pair: AppState) -> None:
    one = layout_chosen(cell_activated(pair, 1), Layout.ONE)
    assert one.current == pair.listing.shown[1]
    assert one.grid.active == 0
    assert len(one.grid.cells) == 1
    again = layout_chosen(one, Layout.SIDE_BY_SIDE)
    assert [state.current for state in cell_states(again)] == list(pair.listing.shown[1:])


def test_linked_places_show_the_same_part_whatever_their_size(pair: AppState) -> None:
    moved = linked(viewport_chosen)(pair, Viewport(2.0, 100.0, 75.0))
    assert other_display(moved).viewport == Viewport(1.0, 200.0, 150.0)
    assert other_display(linked(fit_chosen)(moved)).viewport is None
    lying = cell_activated(turned(cell_activated(pair, 1), 1), 0)
    assert other_display(linked(viewport_chosen)(lying, Viewport(2.0, 100.0, 75.0))).viewport == Viewport(1.0, 200.0, 150.0, Orientation(1))


def test_linked_windows_fit_each_picture(pair: AppState) -> None:
    dragged = linked(window_chosen)(pair, Window(1024.0, 2048.0))
    assert other_display(dragged).window == Window(2048.0, 4096.0)
    assert other_display(linked(window_reset)(dragged)).window is None
    preset = linked(preset_chosen)(pair, Preset.LUNG)
    other = cell_states(pair)[1].picture
    assert isinstance(other, LoadedPicture)
    assert other_display(preset).window == preset_window(other.pixels, Preset.LUNG)
    assert other_display(linked(inversion_toggled)(pair)).is_inverted
    assert other_display(linked(clahe_toggled)(pair)).eye.has_clahe


def test_unlinked_and_waiting_places_stay_as_they_are(pair: AppState, scored: AppState) -> None:
    alone = link_toggled(pair)
    assert other_display(linked(window_chosen)(alone, Window(1.0, 1.0))) == other_display(pair)
    waiting = layout_chosen(scored, Layout.SIDE_BY_SIDE)
    assert other_display(linked(window_chosen)(waiting, Window(1.0, 1.0))).window is None
    assert linked(turned)(pair, 1).display.orientation == Orientation(1)
    assert other_display(linked(turned)(pair, 1)).orientation == Orientation(0)
