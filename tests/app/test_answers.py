"""What is said of an answer: believed or not, above a threshold or not, and what each layer has to show; all without a network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cxrview.app.answers import (
    WITHHELD_TEXT,
    finding_looked_at,
    findings_of,
    flags_shown,
    is_withheld,
    label_asked,
    layer_views,
    override_chosen,
    prevalence_chosen,
    refusal_of,
    selected_view,
    threshold_aimed,
    threshold_chosen,
    thresholds_aimed,
    thresholds_reset,
    worth_of,
)
from cxrview.app.cells import cell_states
from cxrview.app.layers import Layer
from cxrview.app.row_texts import outcome_line, outcome_text
from cxrview.app.state import (
    AppState,
    AskedEngine,
    Cell,
    ExplanationKey,
    Grid,
    Layout,
    NotExplained,
    ReadyModel,
    engine_chosen,
    explained,
    image_stepped,
    label_chosen,
    layer_toggled,
    layers_chosen,
    opacity_chosen,
    picture_loaded,
    reading_known,
)
from cxrview.app.views.layer_painter import LayerPainter
from cxrview.core.flags import Flag
from cxrview.core.heatmap import common_scale
from cxrview.core.image import ImageInfo, ImageRef
from cxrview.core.manifest import OperatingCurve, Threshold
from cxrview.core.operating import Aim
from cxrview.core.results import Heatmap, HeatmapTarget
from tests.app.samples import LABELS, analysis_of, hot_spot, picture_of, row_of


def with_answer(shown: AppState, *, p: float | None = None, **info: str) -> AppState:
    """The first image is scored; its file says `info`, and its likeness to the training images is `p`."""
    assert shown.current is not None
    picture = picture_of(shown.current, info=ImageInfo(**info))
    return reading_known(replace(shown, picture=picture), shown.current, replace(analysis_of(), in_distribution=p))


def test_the_top_label_is_mapped_when_it_reaches_its_threshold(scored: AppState) -> None:
    view = selected_view(scored)
    assert view.heatmap is not None
    assert view.finding is not None
    assert (view.heatmap.label.id, view.finding.label.id, view.words) == ("tb", "tb", "")


def test_under_its_threshold_a_map_is_offered_and_not_pushed(shown: AppState) -> None:
    assert shown.current is not None
    state = reading_known(shown, shown.current, analysis_of((0.2, 0.4, 0.3)))
    view = selected_view(state)
    assert view.heatmap is None
    assert view.words == "Tuberculosis 0.40 is under its threshold 0.50, so its heatmap is not shown. Click a label to see it anyway."
    asked = selected_view(label_chosen(state, "pneumonia"))
    assert asked.heatmap is not None
    assert asked.heatmap.label.id == "pneumonia"


@pytest.mark.parametrize("value", [0.25, np.nan])
def test_a_flat_map_is_said_in_words(shown: AppState, value: float) -> None:
    assert shown.current is not None
    flat = analysis_of(heat=lambda _number: np.full((8, 8), value))
    view = selected_view(reading_known(shown, shown.current, flat))
    assert (view.heatmap, view.finding, view.words) == (None, flat.findings[1], "Tuberculosis: flat map, nothing to show.")


def test_a_map_without_any_evidence_for_its_label_is_nothing_to_show(shown: AppState) -> None:
    assert shown.current is not None
    against = analysis_of(heat=lambda _number: -np.eye(8))
    assert selected_view(reading_known(shown, shown.current, against)).words == "Tuberculosis: flat map, nothing to show."


def test_a_model_without_heatmaps_says_so(shown: AppState) -> None:
    assert shown.current is not None
    without = analysis_of(has_heatmaps=False)
    assert selected_view(reading_known(shown, shown.current, without)).words == "This model gives no heatmap."
    some = replace(analysis_of(), heatmaps=analysis_of().heatmaps[:1])
    assert selected_view(reading_known(shown, shown.current, some)).words == "This model gives no heatmap for this label."


def test_a_hidden_layer_or_a_missing_answer_shows_nothing(scored: AppState, shown: AppState) -> None:
    for view in (selected_view(layer_toggled(scored)), selected_view(shown)):
        assert (view.heatmap, view.finding, view.words) == (None, None, "")


def test_scores_of_an_image_unlike_the_training_images_are_withheld_until_a_person_wants_them(shown: AppState) -> None:
    state = with_answer(shown, p=0.002)
    assert refusal_of(state) == "The scores are withheld: the image is unlike those the model was trained on."
    assert is_withheld(state)
    assert findings_of(state) == ()
    assert layer_views(state)[0].words == WITHHELD_TEXT
    overruled = override_chosen(state)
    assert not is_withheld(overruled)
    assert len(findings_of(overruled)) == 3
    assert refusal_of(overruled)
    assert override_chosen(with_answer(shown, p=0.5)).shown_anyway == frozenset()


@pytest.mark.parametrize(
    ("info", "flag"), [({"view": "LL"}, Flag.LATERAL), ({"body_part": "HAND"}, Flag.NOT_CHEST), ({"modality": "CT"}, Flag.NOT_RADIOGRAPH)]
)
def test_what_the_file_says_can_withhold_the_scores(shown: AppState, info: dict[str, str], flag: Flag) -> None:
    state = with_answer(shown, p=0.9, **info)
    assert flags_shown(state) == (flag,)
    assert is_withheld(state)
    named = layer_views(label_chosen(state, "tb"))[-1]
    assert named.heatmap is None
    assert named.finding is not None
    assert (named.finding.label.id, named.words) == ("tb", WITHHELD_TEXT)


def test_a_child_is_flagged_and_still_scored(shown: AppState) -> None:
    state = with_answer(shown, patient_age="005Y")
    assert flags_shown(state) == (Flag.CHILD,)
    assert not is_withheld(state)


def test_a_threshold_moves_findings_and_the_list_at_once(scored: AppState) -> None:
    assert scored.current is not None
    state = threshold_chosen(scored, "tb", 0.8)
    assert [finding.is_positive for finding in findings_of(state)] == [False, False, False]
    top = state.outcomes.by_ref[scored.current].top
    assert top is not None
    assert (top.threshold, top.is_positive) == (0.8, False)
    assert state.reading is scored.reading
    assert threshold_chosen(scored, "tb", 7.0).thresholds == {"tb": 1.0}
    later = reading_known(state, scored.listing.shown[1], analysis_of())
    assert later.outcomes.by_ref[scored.listing.shown[1]].top == top


def test_thresholds_go_back_to_the_package(scored: AppState) -> None:
    assert scored.current is not None
    assert isinstance(scored.model, ReadyModel)
    own = {label.id: Threshold(0.5, "chosen") for label in LABELS}
    state = replace(scored, model=replace(scored.model, thresholds=own))
    back = thresholds_reset(threshold_chosen(state, "tb", 0.8))
    assert back.thresholds == {}
    assert findings_of(back) == findings_of(state)
    assert back.outcomes.by_ref[scored.current] == state.outcomes.by_ref[scored.current]


def test_thresholds_stay_for_another_engine_and_go_with_the_model(scored: AppState) -> None:
    state = engine_chosen(threshold_chosen(scored, "tb", 0.8), AskedEngine("onnx", "cpu"))
    assert state.thresholds == {"tb": 0.8}
    assert engine_chosen(state, AskedEngine("onnx", "cpu")) is state
    assert engine_chosen(AppState(), AskedEngine("onnx", "cpu")).model == AppState().model


def test_the_prevalence_stays_a_share() -> None:
    assert prevalence_chosen(AppState(), 1.7).prevalence == 1.0


def test_all_maps_of_an_image_share_a_scale_unless_each_is_wanted_alone(scored: AppState) -> None:
    analysis = analysis_of()
    two = scored.layers.added(Layer("normal")).added(Layer("pneumonia"))
    scales = [view.scale for view in layer_views(layers_chosen(scored, two))]
    assert scales == [common_scale(analysis.heatmaps)] * 3
    alone = layer_views(layers_chosen(scored, two.scaled(has_common_scale=False)))
    assert [view.scale for view in alone] == [1.5, 0.5, 2.5]


def test_maps_side_by_side_share_a_scale_so_that_one_colour_means_one_number(scored: AppState) -> None:
    stronger = analysis_of(heat=lambda number: 10.0 * (number + 1) * np.eye(8))
    beside = Cell(ImageRef(Path("beside.png")), scored.picture, reading=stronger)
    own = Cell(scored.current, scored.picture, reading=scored.reading)
    pair = replace(scored, grid=Grid(Layout.SIDE_BY_SIDE, 0, (own, beside)))
    scales = [view.scale for place in cell_states(pair) for view in layer_views(place) if view.scale]
    assert len(scales) >= 2
    assert set(scales) == {common_scale(stronger.heatmaps)}
    doubted = replace(stronger, in_distribution=0.001)
    alone = replace(pair, grid=replace(pair.grid, cells=(own, replace(beside, reading=doubted))))
    assert layer_views(alone)[0].scale == common_scale(analysis_of().heatmaps)


def test_a_stronger_answer_beside_it_changes_how_a_map_is_drawn(scored: AppState) -> None:
    own = Cell(scored.current, scored.picture, reading=scored.reading)
    waiting = Cell(ImageRef(Path("beside.png")), scored.picture)
    pair = replace(scored, grid=Grid(Layout.SIDE_BY_SIDE, 0, (own, waiting)))
    painter = LayerPainter()
    assert painter.render_state(pair)
    answered = replace(waiting, reading=analysis_of(heat=lambda number: 10.0 * (number + 1) * np.eye(8)))
    assert painter.render_state(replace(pair, grid=replace(pair.grid, cells=(own, answered))))
    assert not painter.render_state(replace(pair, grid=replace(pair.grid, cells=(own, answered))))


def test_evidence_against_a_label_is_shown_by_signed_layers_only(shown: AppState) -> None:
    assert shown.current is not None
    against = reading_known(shown, shown.current, analysis_of(heat=lambda _number: -np.eye(8)))
    signed = layers_chosen(against, against.layers.with_current(Layer(is_signed=True)))
    assert selected_view(against).heatmap is None
    assert selected_view(signed).heatmap is not None


def test_a_map_on_request_is_offered_then_made_then_shown(scored: AppState) -> None:
    assert scored.current is not None
    state = layers_chosen(scored, scored.layers.with_current(Layer("tb", "occlusion")))
    view = selected_view(state)
    assert (view.is_missing, view.words) == (True, "Occlusion is not made yet for this image.")
    key = ExplanationKey("tb", "occlusion")
    making = explained(state, scored.current, {key: NotExplained()})
    assert selected_view(making).words == "Making Occlusion…"
    assert selected_view(explained(state, scored.current, {key: NotExplained("the device is gone.")})).words == "the device is gone."
    made = Heatmap(LABELS[1], hot_spot(1).astype(np.float32), HeatmapTarget.LOGIT, "occlusion")
    done = explained(making, scored.current, {key: made})
    assert selected_view(done).heatmap is made
    assert selected_view(done).scale == 1.5
    assert explained(done, scored.listing.shown[1], {key: made}) is done
    assert image_stepped(done, 1).explanations.by_key == {}


def test_a_second_click_on_a_label_goes_back_to_the_top_label(scored: AppState) -> None:
    assert label_asked(scored, "tb") == "tb"
    assert label_asked(label_chosen(scored, "tb"), "tb") == ""


def test_opacity_belongs_to_the_selected_layer(scored: AppState) -> None:
    state = opacity_chosen(layers_chosen(scored, scored.layers.added(Layer("normal"))), 0.25)
    assert [layer.opacity for layer in state.layers.items] == [0.6, 0.25]


def test_a_picture_that_is_gone_says_nothing(second: AppState) -> None:
    assert second.current is not None
    assert flags_shown(second) == ()
    assert refusal_of(picture_loaded(second, picture_of(second.current))) == ""


def test_the_list_does_not_tell_what_is_withheld_until_it_is_overruled(shown: AppState) -> None:
    assert shown.current is not None
    other = shown.listing.shown[1]
    unlike, lateral = replace(analysis_of(), in_distribution=0.001), replace(analysis_of(), flags=("lateral",))
    state = reading_known(reading_known(shown, shown.current, unlike), other, lateral)
    assert outcome_text(state.outcomes.by_ref[shown.current]).startswith("The scores are withheld: the image is unlike")
    assert outcome_text(state.outcomes.by_ref[other]).startswith("The scores are withheld: the file says")
    overruled = override_chosen(state)
    assert outcome_text(overruled.outcomes.by_ref[shown.current]).startswith("Tuberculosis 0.70")
    assert overruled.outcomes.by_ref[other].withheld
    again = reading_known(overruled, shown.current, unlike)
    assert not again.outcomes.by_ref[shown.current].withheld


def test_the_list_keeps_back_what_the_library_remembers_of_an_image_that_should_not_be_believed(opened: AppState) -> None:
    ref = opened.listing.shown[1]
    scored = row_of(2, ref, top_label="tb", top_score=0.9)
    assert outcome_line(opened, scored)[0].endswith("0.90")
    for flag in ("unlike_training", "lateral"):
        assert outcome_line(opened, replace(scored, flags=("child", flag)))[0] == "scores withheld"
    overruled = replace(opened, shown_anyway=frozenset({ref}))
    assert outcome_line(overruled, replace(scored, flags=("lateral",)))[0].endswith("0.90")


def test_flags_of_the_answer_stand_beside_those_of_the_file(shown: AppState) -> None:
    assert shown.current is not None
    state = reading_known(shown, shown.current, replace(analysis_of(), flags=("lungs_cut_off", "heat_outside_lungs", "made_up_later")))
    assert flags_shown(state) == (Flag.LUNGS_CUT_OFF, Flag.HEAT_OUTSIDE_LUNGS)
    assert not is_withheld(state)


def curved(scored: AppState) -> AppState:
    """The package has a curve of tuberculosis alone."""
    assert isinstance(scored.model, ReadyModel)
    curve = OperatingCurve((0.1, 0.4, 0.8), (0.95, 0.9, 0.5), (0.3, 0.7, 0.99), 40, 60, "val split")
    own = {label.id: Threshold(0.5, "chosen") for label in LABELS}
    return replace(scored, model=replace(scored.model, thresholds=own, curves={"tb": curve}))


def test_a_threshold_is_chosen_by_sensitivity_or_specificity(scored: AppState) -> None:
    state = curved(scored)
    assert threshold_aimed(state, "tb", Aim.SENSITIVITY, 0.9).thresholds == {"tb": 0.4}
    assert threshold_aimed(state, "tb", Aim.SPECIFICITY, 0.95).thresholds == {"tb": 0.8}
    assert threshold_aimed(state, "tb", Aim.SENSITIVITY, 0.99) is state
    assert threshold_aimed(state, "normal", Aim.SENSITIVITY, 0.5) is state
    assert thresholds_aimed(state, Aim.SPECIFICITY, 0.7).thresholds == {"tb": 0.4}


def test_a_moved_threshold_is_worth_what_the_curve_says(scored: AppState) -> None:
    state = threshold_chosen(curved(scored), "tb", 0.4)
    finding = finding_looked_at(state)
    assert finding is not None
    worth = worth_of(state, finding)
    assert worth is not None
    assert (worth.sensitivity, worth.specificity) == (0.9, 0.7)
    normal = next(each for each in findings_of(state) if each.label.id == "normal")
    assert worth_of(state, normal) is None
