"""Ties views to the store and the controllers; the only file that knows both sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cxrview.app.answers import override_chosen, prevalence_chosen, threshold_aimed, threshold_chosen, thresholds_aimed, thresholds_reset
from cxrview.app.blinding import veiled
from cxrview.app.browser import BrowserMode
from cxrview.app.browsing import (
    current_row,
    filters_chosen,
    mode_chosen,
    patient_folded,
    scope_chosen,
    sort_chosen,
    sort_turned,
    study_stepped,
    text_typed,
)
from cxrview.app.cells import cell_activated, layout_chosen, link_toggled, linked
from cxrview.app.controllers.audit import Audit
from cxrview.app.controllers.comparing import Comparing
from cxrview.app.controllers.covering import Covering
from cxrview.app.controllers.explaining import Explaining
from cxrview.app.controllers.exports import Exports
from cxrview.app.controllers.models import Models
from cxrview.app.controllers.notes import Notes
from cxrview.app.controllers.pictures import Pictures
from cxrview.app.controllers.scoring import Scoring
from cxrview.app.controllers.studies import Studies
from cxrview.app.controllers.tables import Tables
from cxrview.app.controllers.tags import Tags
from cxrview.app.controllers.thumbnails import Thumbnails
from cxrview.app.covering import cover_cleared, cover_dropped, cover_resized, cover_toggled, cover_undone, spot_covered
from cxrview.app.crash import CrashReporter
from cxrview.app.frames import frame_chosen, frame_stepped
from cxrview.app.looking import (
    clahe_toggled,
    file_choice_chosen,
    own_window_chosen,
    preset_chosen,
    region_chosen,
    unsharp_toggled,
    window_forgotten,
    window_kept,
    window_renamed,
)
from cxrview.app.marking import (
    last_step_undone,
    mark_added,
    mark_changed,
    mark_removed,
    mark_selected,
    marks_redone,
    tool_chosen,
    tool_dropped,
)
from cxrview.app.own_keys import key_chosen, key_reset, keys_reset
from cxrview.app.polarity import polarity_turned
from cxrview.app.privacy import names_toggled, tags_closed, tags_opened
from cxrview.app.state import (
    AppState,
    ThemeName,
    answers_memory_chosen,
    auto_scoring_toggled,
    cache_chosen,
    colours_chosen,
    default_model_chosen,
    fit_chosen,
    flipped_over,
    flipped_sideways,
    image_chosen,
    image_stepped,
    inversion_toggled,
    label_chosen,
    layer_toggled,
    layers_chosen,
    notice_accepted,
    notice_given,
    opacity_chosen,
    orientation_reset,
    profile_chosen,
    system_theme_changed,
    theme_chosen,
    turned,
    viewport_chosen,
    window_chosen,
    window_reset,
)
from cxrview.app.store import Store
from cxrview.app.window import MainWindow
from cxrview.core.image import ImageRef
from cxrview.engine.model_file import is_model_file


@dataclass(frozen=True, slots=True, eq=False)
class Controllers:
    """All of them."""

    studies: Studies
    thumbnails: Thumbnails
    notes: Notes
    tables: Tables
    pictures: Pictures
    models: Models
    scoring: Scoring
    explaining: Explaining
    covering: Covering
    comparing: Comparing
    audit: Audit
    tags: Tags
    exports: Exports


def wire(window: MainWindow, store: Store, controllers: Controllers, crashes: CrashReporter) -> None:
    """Tie everything together; the window is rendered before work is started."""
    store.changed.connect(window.render_state)
    store.changed.connect(controllers.studies.follow)
    store.changed.connect(controllers.notes.follow)
    store.changed.connect(controllers.thumbnails.follow)
    store.changed.connect(controllers.pictures.follow)
    store.changed.connect(controllers.scoring.follow)
    store.changed.connect(controllers.explaining.follow)
    store.changed.connect(controllers.covering.follow)
    store.changed.connect(controllers.comparing.follow)
    store.changed.connect(lambda state: controllers.audit.follow(veiled(state)))
    store.changed.connect(controllers.tags.follow)
    crashes.reported.connect(store.bound(notice_given))
    crashes.described.connect(window.show_crash)
    _wire_files(window, controllers)
    _wire_list(window, store, controllers)
    _wire_studies(window, store, controllers)
    _wire_canvas(window, store)
    _wire_menus(window, store)
    _wire_panel(window, store, controllers)
    _wire_actions(window, store, controllers)
    _wire_settings(window, store, controllers)


def open_paths(controllers: Controllers, paths: Sequence[Path]) -> None:
    """Open what was chosen, dropped or named at the start: model files are installed, everything else is looked at."""
    images = tuple(path for path in paths if not is_model_file(path))
    for path in paths:
        if is_model_file(path):
            controllers.models.add(path)
    if images:
        controllers.studies.open_paths(images)


def _wire_files(window: MainWindow, controllers: Controllers) -> None:
    studies, start, actions = controllers.studies, window.start_page, window.actions_
    window.paths_chosen.connect(partial(open_paths, controllers))
    window.model_folder_chosen.connect(controllers.models.add)
    start.open_folder_requested.connect(window.ask_for_folder)
    start.open_files_requested.connect(window.ask_for_files)
    start.phantoms_requested.connect(studies.open_phantoms)
    start.add_model_requested.connect(window.ask_for_model_folder)
    actions.open_folder.triggered.connect(window.ask_for_folder)
    actions.open_files.triggered.connect(window.ask_for_files)
    actions.open_phantoms.triggered.connect(studies.open_phantoms)
    actions.add_model.triggered.connect(window.ask_for_model_folder)
    actions.add_model_file.triggered.connect(window.ask_for_model_file)


def _wire_list(window: MainWindow, store: Store, controllers: Controllers) -> None:
    panel, studies = window.browser, controllers.studies
    panel.image_chosen.connect(store.bound(image_chosen))
    panel.step_requested.connect(store.bound(image_stepped))
    panel.places_shown.connect(studies.show)
    panel.grid.places_shown.connect(controllers.thumbnails.show)
    panel.text_typed.connect(store.bound(text_typed))
    panel.filters.filters_chosen.connect(store.bound(filters_chosen))
    panel.mode_chosen.connect(store.bound(mode_chosen))
    panel.sort_chosen.connect(store.bound(sort_chosen))
    panel.sort_turned.connect(lambda: store.apply(sort_turned))
    panel.scope_chosen.connect(store.bound(scope_chosen))
    panel.patient_folded.connect(store.bound(patient_folded))
    panel.path_chosen.connect(lambda path: studies.open_paths((path,)))
    panel.look_again_requested.connect(studies.look_again)
    panel.problems_requested.connect(lambda: studies.list_problems(lambda problems: window.show_problems(problems, store.state)))
    panel.choices_requested.connect(studies.take_stock)
    panel.cancel_requested.connect(studies.cancel)
    panel.star_requested.connect(controllers.notes.star)
    panel.note_written.connect(controllers.notes.write)
    panel.menu.star_requested.connect(controllers.notes.star)
    panel.menu.read_requested.connect(controllers.notes.mark_read)
    panel.menu.forget_requested.connect(studies.forget)
    panel.score_all_requested.connect(controllers.scoring.score_all)
    panel.batch_cancel_requested.connect(controllers.scoring.cancel_all)


def _wire_studies(window: MainWindow, store: Store, controllers: Controllers) -> None:
    menu, studies, notes = window.study_menu, controllers.studies, controllers.notes
    menu.previous.triggered.connect(lambda: store.apply(study_stepped, -1))
    menu.next.triggered.connect(lambda: store.apply(study_stepped, 1))
    menu.prior.triggered.connect(studies.show_prior)
    menu.star.triggered.connect(lambda is_on: notes.star(_shown_ids(store.state), is_on))
    menu.unread.triggered.connect(lambda: notes.mark_read(_shown_ids(store.state), False))
    menu.note.triggered.connect(window.browser.focus_note)
    menu.patients.triggered.connect(lambda: store.apply(mode_chosen, BrowserMode.PATIENTS))
    menu.pictures.triggered.connect(lambda: store.apply(mode_chosen, BrowserMode.PICTURES))
    menu.save.triggered.connect(window.ask_for_list_file)
    menu.again.triggered.connect(studies.look_again)
    window.list_file_chosen.connect(controllers.tables.save)
    window.start_page.path_chosen.connect(lambda path: studies.open_paths((path,)))
    window.start_page.library_requested.connect(studies.open_all)
    images = window.browser.menu
    images.prior_requested.connect(lambda ref: _show_prior_of(store, studies, ref))
    images.score_requested.connect(controllers.scoring.score_again)
    images.export_requested.connect(lambda ref: _export(window, store, ref))


def _shown_ids(state: AppState) -> tuple[int, ...]:
    image = current_row(state)
    return () if image is None else (image.id,)


def _show_prior_of(store: Store, studies: Studies, ref: ImageRef) -> None:
    store.apply(image_chosen, ref)
    studies.show_prior()


def _export(window: MainWindow, store: Store, ref: ImageRef) -> None:
    store.apply(image_chosen, ref)
    window.export_once_shown(ref, store.state)


def _wire_canvas(window: MainWindow, store: Store) -> None:
    for index, canvas in enumerate(window.cells.canvases):
        # First: what a person does in a place is meant for the picture there.
        canvas.touched.connect(partial(store.apply, cell_activated, index))
        canvas.window_chosen.connect(store.bound(linked(window_chosen)))
        canvas.region_chosen.connect(store.bound(linked(region_chosen)))
        canvas.viewport_chosen.connect(store.bound(linked(viewport_chosen)))
        canvas.fit_requested.connect(store.bound(linked(fit_chosen)))
        canvas.step_requested.connect(store.bound(image_stepped))
        canvas.readout_changed.connect(window.readout.setText)
        canvas.mark_drawn.connect(store.bound(mark_added))
        canvas.mark_changed.connect(store.bound(mark_changed))
        canvas.mark_selected.connect(store.bound(mark_selected))
        canvas.tool_dropped.connect(lambda: store.apply(tool_dropped))
        canvas.tool_dropped.connect(lambda: store.apply(cover_dropped))
        canvas.spot_covered.connect(store.bound(spot_covered))
        canvas.cover_resized.connect(store.bound(cover_resized))
    window.cells.frame_bar.frame_chosen.connect(store.bound(frame_chosen))


def _wire_menus(window: MainWindow, store: Store) -> None:
    window.window_menu.preset_chosen.connect(store.bound(linked(preset_chosen)))
    window.window_menu.file_choice_chosen.connect(store.bound(linked(file_choice_chosen)))
    window.window_menu.own_window_chosen.connect(store.bound(linked(own_window_chosen)))
    window.window_menu.manage.triggered.connect(window.show_own_windows)
    window.own_windows_dialog.save_requested.connect(store.bound(linked(window_kept)))
    window.own_windows_dialog.change_requested.connect(store.bound(window_renamed))
    window.own_windows_dialog.delete_requested.connect(store.bound(window_forgotten))
    window.profile_menu.profile_chosen.connect(store.bound(profile_chosen))
    window.layout_menu.layout_chosen.connect(store.bound(layout_chosen))
    window.layout_menu.link.triggered.connect(lambda: store.apply(link_toggled))
    menu = window.mark_menu
    menu.tool_chosen.connect(store.bound(tool_chosen))
    menu.undo.triggered.connect(lambda: store.apply(last_step_undone))
    menu.redo.triggered.connect(lambda: store.apply(marks_redone))
    menu.delete.triggered.connect(lambda: store.apply(mark_removed))
    menu.edit.triggered.connect(lambda: window.canvas.edit_note())


def _wire_panel(window: MainWindow, store: Store, controllers: Controllers) -> None:
    panel = window.model_panel
    panel.engine.model_chosen.connect(controllers.models.choose)
    panel.engine.engine_chosen.connect(controllers.models.choose_engine)
    panel.engine.add_model_requested.connect(window.ask_for_model_folder)
    panel.engine.card_requested.connect(lambda: window.show_card(store.state))
    panel.trust.override_requested.connect(lambda: store.apply(override_chosen))
    panel.trust.polarity_turn_requested.connect(lambda: store.apply(polarity_turned))
    panel.comparison.second_chosen.connect(controllers.comparing.choose)
    panel.cover.tool_requested.connect(lambda: store.apply(cover_toggled))
    panel.cover.size_chosen.connect(store.bound(cover_resized))
    panel.cover.undo_requested.connect(lambda: store.apply(cover_undone))
    panel.cover.clear_requested.connect(lambda: store.apply(cover_cleared))
    panel.operating.label_aimed.connect(store.bound(threshold_aimed))
    panel.operating.all_aimed.connect(store.bound(thresholds_aimed))
    panel.operating.plot.threshold_chosen.connect(store.bound(threshold_chosen))
    panel.map_chosen.connect(store.bound(label_chosen))
    panel.threshold_chosen.connect(store.bound(threshold_chosen))
    panel.thresholds_reset_requested.connect(lambda: store.apply(thresholds_reset))
    panel.predictive.prevalence_chosen.connect(store.bound(prevalence_chosen))
    panel.layer.layers_chosen.connect(store.bound(layers_chosen))
    panel.layer.list.layers_chosen.connect(store.bound(layers_chosen))
    panel.layer.map_requested.connect(controllers.explaining.make_selected)
    panel.layer.stop_requested.connect(controllers.explaining.stop)
    panel.layer.toggle_requested.connect(store.bound(layer_toggled))
    panel.layer.opacity_chosen.connect(store.bound(opacity_chosen))
    panel.layer.label_chosen.connect(store.bound(label_chosen))
    window.notice_page.accepted.connect(lambda: store.apply(notice_accepted))
    window.notice_page.accepted.connect(controllers.audit.note_acceptance)
    window.tag_dialog.closed.connect(lambda: store.apply(tags_closed))
    window.notice_bar.dismissed.connect(lambda: store.apply(notice_given, ""))


def _wire_settings(window: MainWindow, store: Store, controllers: Controllers) -> None:
    dialog = window.settings_dialog
    dialog.theme_chosen.connect(store.bound(theme_chosen))
    window.system_theme_changed.connect(store.bound(system_theme_changed))
    dialog.profile_chosen.connect(store.bound(profile_chosen))
    dialog.cache_chosen.connect(store.bound(cache_chosen))
    dialog.answers_memory_chosen.connect(store.bound(answers_memory_chosen))
    dialog.own_windows_requested.connect(window.show_own_windows)
    dialog.own_keys_requested.connect(window.show_own_keys)
    window.profile_menu.own_keys_requested.connect(window.show_own_keys)
    window.own_keys_dialog.key_chosen.connect(store.bound(key_chosen))
    window.own_keys_dialog.key_reset.connect(store.bound(key_reset))
    window.own_keys_dialog.all_reset.connect(lambda: store.apply(keys_reset))
    dialog.colours_chosen.connect(store.bound(colours_chosen))
    dialog.default_model_chosen.connect(store.bound(default_model_chosen))
    dialog.engine_chosen.connect(controllers.models.choose_engine)
    dialog.auto_scoring_toggled.connect(lambda: store.apply(auto_scoring_toggled))
    dialog.names_toggled.connect(lambda: store.apply(names_toggled))


def _wire_actions(window: MainWindow, store: Store, controllers: Controllers) -> None:
    actions = window.actions_
    actions.quit.triggered.connect(window.close)
    actions.previous.triggered.connect(lambda: store.apply(image_stepped, -1))
    actions.next.triggered.connect(lambda: store.apply(image_stepped, 1))
    actions.previous_frame.triggered.connect(lambda: store.apply(frame_stepped, -1))
    actions.next_frame.triggered.connect(lambda: store.apply(frame_stepped, 1))
    actions.find.triggered.connect(window.browser.focus_filter)
    actions.fit.triggered.connect(lambda: store.apply(linked(fit_chosen)))
    actions.actual_size.triggered.connect(lambda: window.canvas.show_actual_size())
    actions.invert.triggered.connect(lambda: store.apply(linked(inversion_toggled)))
    actions.reset_window.triggered.connect(lambda: store.apply(linked(window_reset)))
    actions.clahe.triggered.connect(lambda: store.apply(linked(clahe_toggled)))
    actions.unsharp.triggered.connect(lambda: store.apply(linked(unsharp_toggled)))
    actions.turn_right.triggered.connect(lambda: store.apply(turned, 1))
    actions.turn_left.triggered.connect(lambda: store.apply(turned, -1))
    actions.flip_sideways.triggered.connect(lambda: store.apply(flipped_sideways))
    actions.flip_over.triggered.connect(lambda: store.apply(flipped_over))
    actions.reset_orientation.triggered.connect(lambda: store.apply(orientation_reset))
    actions.heatmap.triggered.connect(lambda: store.apply(layer_toggled))
    actions.cover.triggered.connect(lambda: store.apply(cover_toggled))
    actions.turn_polarity.triggered.connect(lambda: store.apply(polarity_turned))
    actions.export.triggered.connect(lambda: window.exporting.ask(store.state))
    actions.copy.triggered.connect(lambda: window.exporting.copy(store.state))
    actions.print.triggered.connect(lambda: window.exporting.print_page(store.state))
    window.exporting.picture_saved.connect(controllers.exports.save)
    window.exporting.page_saved.connect(controllers.exports.save_page)
    window.exporting.picture_copied.connect(controllers.exports.note_copy)
    window.exporting.page_printed.connect(controllers.exports.note_print)
    window.exporting.failed.connect(store.bound(notice_given))
    actions.settings.triggered.connect(window.show_settings)
    actions.palette.triggered.connect(window.show_palette)
    actions.score_shown.triggered.connect(controllers.scoring.score_shown)
    actions.hide_names.triggered.connect(lambda: store.apply(names_toggled))
    actions.tags.triggered.connect(lambda: store.apply(tags_opened))
    actions.full_screen.triggered.connect(lambda is_on: window.set_full_screen(is_full=is_on))
    actions.light_theme.triggered.connect(lambda is_on: store.apply(theme_chosen, ThemeName.LIGHT if is_on else ThemeName.DARK))
    actions.score_all.triggered.connect(controllers.scoring.score_all)
    actions.cancel_batch.triggered.connect(controllers.scoring.cancel_all)
    actions.keys.triggered.connect(window.show_keys)
    actions.guide.triggered.connect(window.show_guide)
    actions.about.triggered.connect(window.show_about)
