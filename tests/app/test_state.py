"""The transitions between two states of the window."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cxrview.app.browsing import listing_known, search_ended, search_started, text_typed
from cxrview.app.state import (
    AppState,
    Batch,
    BrokenModel,
    Display,
    LoadedPicture,
    LoadingPicture,
    ModelEntry,
    NoModel,
    NoPicture,
    NotScored,
    OpeningModel,
    Outcome,
    ReadyModel,
    Scoring,
    ScoringFailed,
    SearchingModels,
    ThemeName,
    UnreadablePicture,
    batch_advanced,
    batch_ended,
    batch_started,
    differs,
    fit_chosen,
    flipped_over,
    flipped_sideways,
    image_chosen,
    image_name,
    image_stepped,
    inversion_toggled,
    label_chosen,
    layer_toggled,
    model_chosen,
    model_opened,
    models_listed,
    neighbours,
    notice_given,
    opacity_chosen,
    orientation_reset,
    outcome_known,
    picture_loaded,
    reading_known,
    scoring_started,
    theme_chosen,
    turned,
    viewport_chosen,
    window_chosen,
    window_reset,
)
from cxrview.app.viewport import UPRIGHT, Orientation, Viewport
from cxrview.core.image import ImageRef, Window
from tests.app.samples import ENTRY, analysis_of, listing_of_refs, opened_with, picture_of, refs


def test_a_new_window_is_empty_and_looks_for_models() -> None:
    state = AppState()
    assert isinstance(state.picture, NoPicture)
    assert isinstance(state.model, SearchingModels)
    assert state.current is None
    assert not neighbours(state)
    assert image_stepped(state, 1) is state


def test_a_state_differs_only_when_something_else_is_shown(scored: AppState) -> None:
    assert not differs(scored, replace(scored))
    assert not differs(scored, opacity_chosen(scored, scored.layers.current.opacity))
    assert differs(scored, opacity_chosen(scored, 0.9))
    assert differs(scored, text_typed(scored, "1"))


def test_found_images_open_the_first_and_forget_what_was_open(scored: AppState) -> None:
    state = opened_with(search_started(notice_given(scored, "old"), "other"), refs(5), "other")
    assert state.current == refs(5)[0]
    assert isinstance(state.picture, LoadingPicture)
    assert (state.searching, state.notice, state.browser.filters.text) == ("other", "", "")
    assert not state.outcomes.by_ref
    assert isinstance(state.reading, NotScored)
    assert state.browser.scope.title == "other"
    assert isinstance(state.model, ReadyModel)


def test_the_same_image_opened_again_is_read_again(scored: AppState) -> None:
    state = opened_with(scored, scored.listing.shown)
    assert isinstance(state.picture, LoadingPicture)
    assert state.openings != scored.openings


def test_a_search_that_fails_says_why_and_what_is_open_stays(scored: AppState) -> None:
    state = search_ended(search_started(scored, "x"), "the disk is gone")
    assert (state.notice, state.searching) == ("the disk is gone", "")
    assert (state.listing, state.picture, state.reading) == (scored.listing, scored.picture, scored.reading)


def test_names_are_short_and_tell_frames_and_members_apart() -> None:
    assert image_name(ImageRef(Path("a/b/c.dcm"))) == "c.dcm"
    assert image_name(ImageRef(Path("a/b/cd.zip"), "DICOM/IM1", 2)) == "IM1 #3"


def test_stepping_from_an_image_that_the_filter_hides_goes_to_the_first_that_is_seen(opened: AppState) -> None:
    state = listing_known(opened, listing_of_refs(refs()[2:]))
    assert state.current == refs()[0]
    assert image_stepped(state, 1).current == refs()[2]
    assert neighbours(state) == ()
    assert image_stepped(listing_known(opened, listing_of_refs(())), 1).current == opened.current


def test_steps_stop_at_the_ends(opened: AppState) -> None:
    last = image_stepped(opened, 99)
    assert last.current == opened.listing.shown[-1]
    assert image_stepped(last, 1) is last
    assert image_stepped(last, -99).current == opened.listing.shown[0]


def test_the_next_image_is_the_likeliest_neighbour() -> None:
    state = image_stepped(opened_with(AppState(), refs(9)), 4)
    assert [image_name(ref) for ref in neighbours(state)] == ["image-05.png", "image-03.png", "image-06.png"]


def test_a_chosen_image_starts_as_its_file_says(scored: AppState) -> None:
    changed = viewport_chosen(inversion_toggled(window_chosen(scored, Window(1.0, 2.0))), Viewport(3.0, 1.0, 1.0))
    state = image_chosen(changed, scored.listing.shown[1])
    assert state.display == Display()
    assert isinstance(state.reading, NotScored)
    assert isinstance(state.picture, LoadingPicture)
    assert image_chosen(changed, scored.listing.shown[0]) is changed


def test_a_picture_that_comes_late_is_not_shown(second: AppState) -> None:
    late = picture_of(second.listing.shown[0])
    assert picture_loaded(second, late) is second
    assert second.current is not None
    right = picture_of(second.current)
    assert picture_loaded(second, right).picture is right


def test_an_unreadable_file_says_why_on_the_canvas_and_in_the_list(second: AppState) -> None:
    assert second.current is not None
    state = picture_loaded(second, UnreadablePicture(second.current, "it is cut short.", "Copy it again."))
    assert isinstance(state.picture, UnreadablePicture)
    assert state.outcomes.by_ref[second.current] == Outcome(error="it is cut short.")


def test_display_never_changes_a_score(scored: AppState) -> None:
    state = fit_chosen(viewport_chosen(inversion_toggled(window_chosen(scored, Window(5.0, 6.0))), Viewport(2.0, 1.0, 1.0)))
    assert state.reading is scored.reading
    assert state.display == Display(window=Window(5.0, 6.0), is_inverted=True)
    assert window_reset(state).display == Display()


def test_layer_choices_run_nothing(scored: AppState) -> None:
    state = label_chosen(layer_toggled(opacity_chosen(scored, 7.0)), "tb")
    assert (state.layers.current.opacity, state.layers.current.label_id, state.layers.is_visible) == (1.0, "tb", True)
    assert opacity_chosen(scored, -1.0).layers.current.opacity == 0.0
    assert state.reading is scored.reading


def test_without_models_the_window_says_what_to_do() -> None:
    state = models_listed(AppState(), (), "one folder is broken")
    assert isinstance(state.model, NoModel)
    assert "Add a model folder" in state.model.reason
    assert state.notice == "one folder is broken"


def test_listing_models_again_keeps_the_one_in_use(shown: AppState) -> None:
    assert models_listed(shown, ()).model is shown.model


def test_another_model_takes_the_answers_away_but_not_the_reasons_of_broken_files(scored: AppState) -> None:
    broken_ref = scored.listing.shown[2]
    state = batch_started(label_chosen(outcome_known(scored, broken_ref, Outcome(error="cut short")), "tb"), 3)
    other = ModelEntry("other", "Other", "2.0", Path("models/other"))
    state = model_chosen(state, other)
    assert state.model == OpeningModel(other)
    assert isinstance(state.reading, NotScored)
    assert state.outcomes.by_ref == {broken_ref: Outcome(error="cut short")}
    assert state.batch is None
    assert state.layers.current.label_id == ""


def test_the_model_in_use_is_not_opened_twice_but_a_broken_one_is_tried_again(shown: AppState) -> None:
    assert model_chosen(shown, ENTRY) is shown
    broken = model_opened(model_chosen(AppState(), ENTRY), BrokenModel(ENTRY, "a hash is wrong."))
    assert model_chosen(broken, ENTRY).model == OpeningModel(ENTRY)


def test_a_model_that_opens_late_is_not_used(shown: AppState) -> None:
    other = ModelEntry("other", "Other", "2.0", Path("models/other"))
    late = ReadyModel(ENTRY, "onnx", "cpu")
    state = model_chosen(shown, other)
    assert model_opened(state, late) is state
    assert model_opened(shown, late) is shown


def test_an_answer_is_shown_only_for_the_picture_on_the_canvas_but_always_listed(second: AppState) -> None:
    first = second.listing.shown[0]
    changed = reading_known(second, first, analysis_of((0.9, 0.05, 0.05)))
    assert isinstance(changed.reading, NotScored)
    top = changed.outcomes.by_ref[first].top
    assert top is not None
    assert (top.label.id, top.probability) == ("normal", 0.9)


def test_a_failure_is_told_on_the_panel_and_in_the_list(shown: AppState) -> None:
    assert shown.current is not None
    state = reading_known(scoring_started(shown), shown.current, ScoringFailed("the device is gone."))
    assert isinstance(scoring_started(shown).reading, Scoring)
    assert isinstance(state.reading, ScoringFailed)
    assert state.outcomes.by_ref[shown.current].error == "the device is gone."
    assert outcome_known(state, shown.current, Outcome(error="the device is gone.")) is state


def test_a_batch_counts_what_is_done_and_what_failed(shown: AppState) -> None:
    first, other, third = shown.listing.shown
    state = batch_advanced(batch_started(shown, 3), other, ScoringFailed("cut short"))
    state = batch_advanced(state, first, analysis_of())
    assert state.batch == Batch(2, 3, 1)
    assert isinstance(state.picture, LoadedPicture)
    assert state.reading is not shown.reading
    ended = batch_ended(state)
    assert ended.batch is None
    assert ended.notice == "1 of 3 images scored, 1 could not be."
    assert batch_ended(batch_started(shown, 0)).notice == "0 of 0 images scored."
    assert batch_ended(ended) is ended
    late = batch_advanced(ended, third, analysis_of())
    assert late.batch is None
    assert late.outcomes.by_ref[third].top is not None


def test_notice_and_theme_are_what_was_chosen() -> None:
    assert notice_given(AppState(), "hello").notice == "hello"
    assert theme_chosen(AppState(), ThemeName.LIGHT).theme is ThemeName.LIGHT


def test_turning_keeps_the_place_in_the_middle_and_is_undone_by_a_reset(shown: AppState) -> None:
    state = turned(viewport_chosen(shown, Viewport(2.0, 30.0, 40.0)), 1)
    assert state.display.viewport == Viewport(2.0, 30.0, 40.0, Orientation(1))
    assert flipped_sideways(state).display.orientation == Orientation(3, True)
    assert flipped_over(state).display.orientation == Orientation(1, True)
    assert orientation_reset(state).display.viewport == Viewport(2.0, 30.0, 40.0)
    assert fit_chosen(state).display.orientation == Orientation(1)
    whole = turned(shown, -1)
    assert whole.display.viewport is None
    assert whole.display.orientation == Orientation(3)
    assert orientation_reset(whole).display.orientation == UPRIGHT
