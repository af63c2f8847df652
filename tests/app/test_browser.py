"""The study browser as it is seen and used: list by patient, thumbnails, filters, menus."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QAbstractButton, QLabel, QLineEdit, QMessageBox, QProgressBar, QPushButton, QTableWidget, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from cxrview.app.blinding import blinded, veiled
from cxrview.app.browser import BrowserMode, Filters, Indexing, Listing, RecentPath, Stock, listing_of
from cxrview.app.browsing import (
    filters_chosen,
    listing_known,
    mode_chosen,
    patient_folded,
    rows_known,
    search_advanced,
    search_started,
    stock_known,
    text_typed,
    thumbnails_known,
)
from cxrview.app.privacy import names_toggled
from cxrview.app.row_texts import row_text, tip_text
from cxrview.app.state import AppState, Batch, Outcome, ThemeName, image_chosen, outcome_known, theme_chosen
from cxrview.app.views.browser_models import TEXT_ROLE
from cxrview.app.views.browser_panel import BrowserPanel
from cxrview.app.views.choice_box import ChoiceBox
from cxrview.app.views.problem_dialog import ProblemDialog
from cxrview.app.views.start_page import StartPage
from cxrview.core.image import ImageRef
from cxrview.io.read import Problem
from cxrview.library.order import Key, order_of
from cxrview.library.records import Choices, Image, Sort, View
from tests.app.samples import listing_of_refs, opened_with, refs, row_of


@pytest.fixture
def panel(qtbot: QtBot) -> BrowserPanel:
    made = BrowserPanel()
    qtbot.addWidget(made)
    made.resize(300, 700)
    made.show()
    return made


def part(widget: QWidget, kind: type, name: str) -> QWidget:
    """Give the part with this name."""
    found = widget.findChild(kind, name)
    assert found is not None
    return found  # type: ignore[no-any-return]


def text_of(widget: QWidget, name: str) -> str:
    label = widget.findChild(QLabel, name)
    assert label is not None
    return label.text() if label.isVisibleTo(widget) else ""


def studies_of(state: AppState) -> tuple[AppState, tuple[Image, ...]]:
    """Show a patient with two studies of two and one images, and one with a single image; the first is chosen."""
    names = [ImageRef(Path(f"/films/{name}.dcm")) for name in ("a", "b", "c", "d")]
    keys: list[Key] = [
        (number, patient, study, str(ref.path), "", 0)
        for number, (ref, patient, study) in enumerate(zip(names, (1, 1, 1, 2), (1, 1, 2, 3), strict=True), 1)
    ]
    doe = {"patient_name": "Doe^Jane", "patient_code": "4711", "patient_sex": "F", "patient_age": "063Y", "format": "DICOM", "patient": 1}
    rows = (
        row_of(1, names[0], study=1, taken="20240301", view=View.PA, study_description="Thorax", **doe),
        row_of(
            2, names[1], study=1, taken="20240301", view=View.LATERAL, study_description="Thorax", is_read=False, is_starred=True, **doe
        ),
        row_of(3, names[2], study=2, taken="20230101", note="ask", is_missing=True, **doe),
        row_of(4, names[3], patient_code="9", format="DICOM", top_label="tb", top_score=0.87, reason=""),
    )
    opened = opened_with(state, names)
    return listing_known(rows_known(opened, rows), listing_of(order_of(keys, is_grouped=True))), rows


@pytest.fixture
def studied(shown: AppState) -> AppState:
    return studies_of(shown)[0]


def lines_of(panel: BrowserPanel) -> list[tuple[str, str]]:
    """Give both lines of every row."""
    model = panel.view.rows
    made = []
    for row in range(model.rowCount()):
        node = model.node_at(row)
        text = model.row_text(node, model.image_at(row))
        made.append((text.title, text.detail))
    return made


def test_patients_studies_and_images_are_listed_with_what_people_want_to_know(panel: BrowserPanel, studied: AppState) -> None:
    panel.render_state(studied)
    assert lines_of(panel) == [
        ("Doe Jane  ·  4711", "female, 63 y  ·  2 studies, 3 images"),
        ("2024-03-01  ·  Thorax", "2 images"),
        ("PA  ·  a.dcm", "not scored"),
        ("lateral  ·  b.dcm", "not scored"),
        ("2023-01-01  ·  folder", "1 image"),
        ("c.dcm", "file not found"),
        ("9", "Tb 0.87"),
    ]
    assert text_of(panel, "listCount") == "4 images of 2 patients"
    assert panel.list.currentIndex().row() == 2
    folded = patient_folded(studied, 1)
    panel.render_state(folded)
    assert [title for title, _detail in lines_of(panel)] == ["Doe Jane  ·  4711", "9"]
    assert panel.list.currentIndex().row() == 0


def test_rows_tell_screen_readers_and_tips_what_the_eye_sees(panel: BrowserPanel, studied: AppState) -> None:
    panel.render_state(studied)
    model = panel.list.rows
    spoken = [model.index(row).data(Qt.ItemDataRole.AccessibleDescriptionRole) for row in (0, 3, 5)]
    assert spoken == [
        "patient, unfolded, female, 63 y  ·  2 studies, 3 images",
        "image, not scored, unread, starred",
        "image, file not found, with a note",
    ]
    tip = str(model.index(5).data(Qt.ItemDataRole.ToolTipRole))
    assert "/films/c.dcm" in tip.replace("\\", "/")
    assert "comes back with its notes" in tip
    assert "Note: ask" in tip
    assert tip_text(studied, None) == ""
    assert model.index(99).data() is None


def test_what_was_scored_now_wins_over_what_the_library_remembers(studied: AppState, panel: BrowserPanel) -> None:
    ref = studied.listing.shown[3]
    panel.render_state(outcome_known(studied, ref, Outcome(error="cut short")))
    assert lines_of(panel)[-1] == ("9", "cut short")
    panel.render_state(outcome_known(studied, ref, Outcome(withheld="why", top=None, error="")))
    assert lines_of(panel)[-1] == ("9", "scores withheld")


def test_a_blinded_reader_sees_no_score_of_an_earlier_session(studied: AppState, panel: BrowserPanel) -> None:
    state = veiled(blinded(studied, is_blinded=True))
    panel.render_state(state)
    model = panel.list.rows
    told = [str(model.index(row).data(role)) for row in range(model.rowCount()) for role in (Qt.ItemDataRole.ToolTipRole, TEXT_ROLE)]
    assert lines_of(panel)[-1] == ("9", "")
    assert not any("0.87" in text for text in told)


def test_a_row_that_was_not_fetched_says_so_and_is_asked_for(panel: BrowserPanel, opened: AppState, qtbot: QtBot) -> None:
    with qtbot.waitSignal(panel.places_shown) as asked:
        panel.render_state(opened)
    assert asked.args == [(0, 1, 2)]
    assert lines_of(panel) == [("…", "")] * 3
    assert row_text(opened, panel.list.rows.node_at(0), None).title == "…"


def test_clicks_and_keys_say_what_is_wanted_and_move_nothing(panel: BrowserPanel, studied: AppState, qtbot: QtBot) -> None:
    panel.render_state(studied)
    chosen: list[object] = []
    steps: list[int] = []
    folded: list[int] = []
    panel.image_chosen.connect(chosen.append)
    panel.step_requested.connect(steps.append)
    panel.patient_folded.connect(folded.append)
    view = panel.list

    def click(row: int, x: int = 120, keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        where = QPoint(x, view.visualRect(view.model().index(row, 0)).center().y())
        qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, keys, where)

    click(3)
    click(0)
    assert chosen == [studied.listing.shown[1], studied.listing.shown[0]]
    click(0, x=8)
    assert folded == [1]
    click(6)
    click(3, keys=Qt.KeyboardModifier.ControlModifier)
    assert len(chosen) == 3
    assert view.selected_places() == (1, 3)
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_Home, Qt.Key.Key_End):
        qtbot.keyClick(view, key)
    assert steps == [1, -1, -4, 4]
    view.setCurrentIndex(view.model().index(3, 0))
    qtbot.keyClick(view, Qt.Key.Key_Left)
    assert folded == [1, 1]
    qtbot.keyClick(view, Qt.Key.Key_Right)
    assert steps[-1] == 1


def test_rendering_is_not_choosing(panel: BrowserPanel, studied: AppState) -> None:
    heard: list[object] = []
    for signal in (panel.image_chosen, panel.step_requested, panel.text_typed, panel.mode_chosen, panel.sort_chosen, panel.note_written):
        signal.connect(heard.append)
    panel.filters.filters_chosen.connect(heard.append)
    other = image_chosen(studied, studied.listing.shown[3])
    states = (
        studied,
        other,
        text_typed(other, "x"),
        mode_chosen(other, BrowserMode.PICTURES),
        theme_chosen(other, ThemeName.LIGHT),
        AppState(),
    )
    for state in states:
        panel.render_state(state)
    assert heard == []


def test_a_fresh_browser_looks_like_one_that_lived_through_the_session(panel: BrowserPanel, studied: AppState, qtbot: QtBot) -> None:
    last = names_toggled(mode_chosen(studied, BrowserMode.PATIENTS))
    for state in (AppState(), studied, mode_chosen(studied, BrowserMode.PICTURES), text_typed(studied, "x"), last):
        panel.render_state(state)
    fresh = BrowserPanel()
    qtbot.addWidget(fresh)
    fresh.resize(300, 700)
    fresh.show()
    fresh.render_state(last)
    qtbot.waitUntil(lambda: fresh.list.grab().toImage() == panel.list.grab().toImage())


def test_fifty_thousand_images_make_no_widget_and_tell_only_of_what_is_seen(panel: BrowserPanel, qtbot: QtBot) -> None:
    many = tuple(ImageRef(Path(f"/f/{number:05d}.dcm")) for number in range(50_000))
    state = opened_with(AppState(), many, "f")
    before = len(panel.findChildren(QWidget))
    with qtbot.waitSignal(panel.places_shown) as seen:
        panel.render_state(state)
    assert panel.list.rows.rowCount() == 50_000
    assert len(seen.args[0]) < 40
    with qtbot.waitSignal(panel.places_shown) as seen:
        panel.render_state(image_chosen(state, many[40_000]))
    assert 40_000 in seen.args[0]
    with qtbot.waitSignal(panel.places_shown, timeout=20_000) as seen:
        panel.render_state(mode_chosen(state, BrowserMode.PICTURES))
    assert len(seen.args[0]) < 60
    assert len(panel.findChildren(QWidget)) == before
    assert text_of(panel, "listCount") == "50,000 images of 50,000 patients"


def test_a_list_that_grows_stays_where_it_was_scrolled_to(panel: BrowserPanel) -> None:
    many = tuple(ImageRef(Path(f"/f/{number:05d}.dcm")) for number in range(400))
    state = opened_with(AppState(), many[:300], "f")
    panel.render_state(state)
    panel.list.verticalScrollBar().setValue(1000)
    panel.render_state(listing_known(state, listing_of_refs(many)))
    assert panel.list.verticalScrollBar().value() == 1000


def test_a_list_that_is_narrowed_or_sorted_anew_shows_the_chosen_image(panel: BrowserPanel) -> None:
    many = tuple(ImageRef(Path(f"/f/{number:05d}.dcm")) for number in range(300))
    state = image_chosen(opened_with(AppState(), many, "f"), many[250])
    panel.render_state(state)
    narrowed = text_typed(state, "dcm")
    panel.render_state(narrowed)
    panel.list.verticalScrollBar().setValue(0)
    panel.render_state(listing_known(narrowed, listing_of_refs(many)))
    shown = panel.list.visualRect(panel.list.rows.index(panel.list.rows.row_of(many[250])))
    assert panel.list.viewport().rect().contains(shown.center())
    panel.list.verticalScrollBar().setValue(0)
    panel.render_state(listing_known(narrowed, listing_of_refs(many)))
    assert panel.list.verticalScrollBar().value() == 0


def test_thumbnails_come_with_the_chosen_image_in_sight(panel: BrowserPanel, qtbot: QtBot) -> None:
    many = tuple(ImageRef(Path(f"/f/{number:05d}.dcm")) for number in range(300))
    state = image_chosen(opened_with(AppState(), many, "f"), many[151])
    panel.render_state(state)
    panel.render_state(mode_chosen(state, BrowserMode.PICTURES))

    def is_whole() -> bool:
        place = panel.grid.visualRect(panel.grid.rows.index(151))
        return panel.grid.columns() == 2 and panel.grid.viewport().rect().contains(place)

    qtbot.waitUntil(is_whole)


def test_thumbnails_are_painted_and_missing_ones_say_why(panel: BrowserPanel, studied: AppState, qtbot: QtBot) -> None:
    state = mode_chosen(studied, BrowserMode.PICTURES)
    panel.render_state(state)
    assert panel.view is panel.grid
    qtbot.waitUntil(lambda: panel.grid.columns() == 2)
    bare = panel.grid.grab().toImage()
    white = np.full((120, 100), 255, np.uint8)
    panel.render_state(thumbnails_known(state, {1: white, 2: None, 3: white}))
    painted = panel.grid.grab().toImage()
    corners = [panel.grid.visualRect(panel.grid.rows.index(place)) for place in (0, 2)]
    whites = [painted.pixelColor(corner.center() - QPoint(0, 20)).value() for corner in corners]
    assert painted != bare
    assert whites[0] == 255
    assert whites[1] < 160
    steps: list[int] = []
    panel.step_requested.connect(steps.append)
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Left):
        qtbot.keyClick(panel.grid, key)
    assert steps == [2, 1, -2, -1]


def test_the_search_line_speaks_when_it_is_typed_into_or_cleared(panel: BrowserPanel, opened: AppState, qtbot: QtBot) -> None:
    panel.render_state(opened)
    line = part(panel, QLineEdit, "filter")
    assert isinstance(line, QLineEdit)
    heard: list[str] = []
    panel.text_typed.connect(heard.append)
    panel.focus_filter()
    qtbot.keyClicks(line, "02")
    panel.render_state(listing_known(text_typed(opened, "02"), Listing()))
    assert text_of(panel, "listEmpty") == "No image matches."
    line.clear()
    assert heard == ["0", "02"]


def choose(panel: BrowserPanel, name: str, text: str) -> None:
    """Choose an entry of a box as a person does."""
    box = part(panel, ChoiceBox, name)
    assert isinstance(box, ChoiceBox)
    place = box.findText(text)
    assert place >= 0, [box.itemText(index) for index in range(box.count())]
    box.setCurrentIndex(place)
    box.activated.emit(place)


def test_every_filter_can_be_chosen_and_cleared(panel: BrowserPanel, studied: AppState, qtbot: QtBot) -> None:
    state = stock_known(studied, Stock(images=4, choices=Choices(("CR", "DX"), ("tb",), ("child",), ("m",))))
    panel.filters.filters_chosen.connect(lambda filters: panel.render_state(filters_chosen(state, filters)))
    heard: list[Filters] = []
    panel.filters.filters_chosen.connect(heard.append)
    panel.render_state(state)
    assert not panel.filters.isVisible()
    with qtbot.waitSignal(panel.choices_requested):
        qtbot.mouseClick(part(panel, QToolButton, "showFilters"), Qt.MouseButton.LeftButton)
    assert panel.filters.isVisible()
    choices = {
        "filterView": "View lateral", "filterModality": "DX", "filterLabel": "Tb", "filterScore": "Score from 0.50", "filterFlag": "Child",
        "filterRead": "Unread", "filterStar": "Starred", "filterNote": "With a note", "filterFiles": "Files not found",
    }  # fmt: skip
    for name, text in choices.items():
        choose(panel, name, text)
    first, last = part(panel, QLineEdit, "filterFrom"), part(panel, QLineEdit, "filterTo")
    assert isinstance(first, QLineEdit)
    assert isinstance(last, QLineEdit)
    for line, text in ((first, "2024"), (last, "2024-02"), (first, "nonsense"), (last, "2024-13")):
        line.setText(text)
        line.editingFinished.emit()
    assert heard[-1] == Filters(
        first_date="20240101", last_date="20240231", view=View.LATERAL, modality="DX", label="tb", least_score=0.5, flag="child",
        is_read=False, is_starred=True, has_note=True, is_missing=True,
    )  # fmt: skip
    assert heard[-1].count == 11
    assert part(panel, QToolButton, "showFilters").property("text") == "11"
    choose(panel, "filterFiles", "Unreadable files")
    assert (heard[-1].is_readable, heard[-1].is_missing) == (False, None)
    qtbot.mouseClick(part(panel, QToolButton, "clearFilters"), Qt.MouseButton.LeftButton)
    assert heard[-1] == Filters()


def test_mode_and_order_are_chosen(panel: BrowserPanel, studied: AppState, qtbot: QtBot) -> None:
    panel.render_state(studied)
    with qtbot.waitSignal(panel.mode_chosen) as mode:
        qtbot.mouseClick(part(panel, QToolButton, "showPictures"), Qt.MouseButton.LeftButton)
    assert mode.args == [BrowserMode.PICTURES]
    with qtbot.waitSignal(panel.sort_chosen) as sort:
        choose(panel, "sort", "Score")
    assert sort.args == [Sort.SCORE]
    with qtbot.waitSignal(panel.sort_turned):
        qtbot.mouseClick(part(panel, QToolButton, "turnSort"), Qt.MouseButton.LeftButton)


def test_what_was_opened_before_is_offered_and_what_is_gone_cannot_be_chosen(panel: BrowserPanel, opened: AppState, qtbot: QtBot) -> None:
    there, gone = Path("/data/one"), Path("/data/two")
    state = stock_known(opened, Stock(images=12, recent=(RecentPath(there), RecentPath(gone, is_there=False))))
    panel.render_state(state)
    panel._scopes.aboutToShow.emit()
    texts = {action.text(): action for action in panel._scopes.actions() if not action.isSeparator()}
    assert list(texts) == ["All images (12)", "one", "two  (not found)", "Look for new and missing files"]
    assert not texts["two  (not found)"].isEnabled()
    with qtbot.waitSignal(panel.path_chosen) as chosen:
        texts["one"].trigger()
    assert chosen.args == [there]
    panel.render_state(names_toggled(state))
    panel._scopes.aboutToShow.emit()
    assert not any("one" in action.text() or "one" in action.toolTip() for action in panel._scopes.actions()[2:4])


def test_the_start_page_offers_recent_folders_and_the_library(qtbot: QtBot) -> None:
    page = StartPage()
    qtbot.addWidget(page)
    page.show()
    page.render_state(AppState())
    first = part(page, QAbstractButton, "startRecent1")
    assert not first.isVisible()
    there, gone = Path("/data/one"), Path("/data/two")
    page.render_state(stock_known(AppState(), Stock(images=7566, recent=(RecentPath(there), RecentPath(gone, is_there=False)))))
    second = part(page, QAbstractButton, "startRecent2")
    assert isinstance(first, QAbstractButton)
    assert isinstance(second, QAbstractButton)
    assert (first.text(), second.text(), second.isEnabled()) == ("one", "two  (not found)", False)
    with qtbot.waitSignal(page.path_chosen) as chosen:
        qtbot.mouseClick(first, Qt.MouseButton.LeftButton)
    assert chosen.args == [there]
    with qtbot.waitSignal(page.library_requested):
        qtbot.mouseClick(part(page, QAbstractButton, "startLibrary"), Qt.MouseButton.LeftButton)


def test_progress_is_shown_and_can_be_cancelled(panel: BrowserPanel, shown: AppState, qtbot: QtBot) -> None:
    state = search_started(shown, "films")
    panel.render_state(state)
    assert text_of(panel, "indexText") == "Looking for radiographs in films…"
    panel.render_state(search_advanced(state, Indexing(512, 2000)))
    bar = part(panel, QProgressBar, "indexProgress")
    assert isinstance(bar, QProgressBar)
    assert (text_of(panel, "indexText"), bar.value(), bar.maximum()) == ("512 of 2,000 read", 512, 2000)
    with qtbot.waitSignal(panel.cancel_requested):
        qtbot.mouseClick(part(panel, QPushButton, "cancelIndexing"), Qt.MouseButton.LeftButton)
    panel.render_state(replace(shown, batch=Batch(2, 3)))
    assert (text_of(panel, "indexText"), text_of(panel, "batchText")) == ("", "2 of 3 scored")
    with qtbot.waitSignal(panel.batch_cancel_requested):
        qtbot.mouseClick(part(panel, QPushButton, "cancelBatch"), Qt.MouseButton.LeftButton)
    panel.render_state(shown)
    with qtbot.waitSignal(panel.score_all_requested):
        qtbot.mouseClick(part(panel, QPushButton, "scoreAll"), Qt.MouseButton.LeftButton)


def test_scoring_all_needs_a_model(panel: BrowserPanel, opened: AppState) -> None:
    panel.render_state(opened)
    assert not part(panel, QPushButton, "scoreAll").isEnabled()


def test_the_note_is_written_at_every_key_and_not_taken_away_while_it_is_written(
    panel: BrowserPanel, studied: AppState, qtbot: QtBot
) -> None:
    state = image_chosen(studied, studied.listing.shown[2])
    panel.render_state(state)
    line = part(panel, QLineEdit, "note")
    assert isinstance(line, QLineEdit)
    assert line.text() == "ask"
    heard: list[tuple[int, str]] = []
    panel.note_written.connect(lambda image, text: heard.append((image, text)))
    panel.activateWindow()
    panel.focus_note()
    qtbot.waitUntil(line.hasFocus)
    qtbot.keyClicks(line, "!?")
    older = row_of(3, state.listing.shown[2], note="ask!")
    panel.render_state(rows_known(state, (older,)))
    assert (line.text(), heard) == ("ask!?", [(3, "ask!"), (3, "ask!?")])
    panel.render_state(image_chosen(state, studied.listing.shown[0]))
    assert line.text() == ""
    with qtbot.waitSignal(panel.star_requested) as star:
        qtbot.mouseClick(part(panel, QToolButton, "star"), Qt.MouseButton.LeftButton)
    assert star.args == [(1,), True]


def test_the_menu_fits_what_is_selected(panel: BrowserPanel, studied: AppState, qtbot: QtBot) -> None:
    menu = panel.menu
    menu.fill(studied, (0, 1, 2))
    texts = [action.text().replace("&", "") for action in menu.actions() if not action.isSeparator()]
    assert texts == [
        "Show with prior", "Show in folder", "Star", "Mark as read", "Score 3 images again", "Export picture…", "Forget 3 images…",
    ]  # fmt: skip
    menu.fill(studied, (1,))
    actions = {action.objectName(): action for action in menu.actions()}
    assert actions["menuStar"].text() == "Take the &star away"
    heard: list[object] = []
    menu.star_requested.connect(lambda ids, is_on: heard.append((ids, is_on)))
    menu.read_requested.connect(lambda ids, is_on: heard.append((ids, is_on)))
    menu.score_requested.connect(heard.append)
    menu.export_requested.connect(heard.append)
    menu.prior_requested.connect(heard.append)
    for name in ("menuStar", "menuRead", "menuScore", "menuExport", "menuPrior"):
        actions[name].trigger()
    ref = studied.listing.shown[1]
    assert heard == [((2,), False), ((2,), True), (ref,), ref, ref]
    menu.fill(studied, (99,))
    assert menu.actions() == []


@pytest.mark.parametrize("is_sure", [True, False])
def test_nothing_is_forgotten_before_a_person_said_so_twice(panel: BrowserPanel, studied: AppState, qtbot: QtBot, is_sure: bool) -> None:
    heard: list[object] = []
    panel.menu.forget_requested.connect(heard.append)
    panel.menu.fill(studied, (0, 1))
    action = panel.menu.findChild(QAction, "menuForget")
    assert isinstance(action, QAction)
    action.trigger()
    box = panel.findChild(QMessageBox, "forgetQuestion")
    assert isinstance(box, QMessageBox)
    assert "files stay" in box.informativeText()
    buttons = {button.text().replace("&", ""): button for button in box.buttons()}
    qtbot.mouseClick(buttons["Forget" if is_sure else "Cancel"], Qt.MouseButton.LeftButton)
    assert heard == ([(1, 2)] if is_sure else [])


def test_what_cannot_be_read_is_counted_and_listed_with_reasons(panel: BrowserPanel, opened: AppState, qtbot: QtBot) -> None:
    panel.render_state(stock_known(opened, Stock(unreadable=2, problems=(Problem(Path("a.zip"), "It is damaged."),))))
    link = part(panel, QToolButton, "showProblems")
    assert isinstance(link, QToolButton)
    assert link.text() == "3 cannot be read"
    with qtbot.waitSignal(panel.problems_requested):
        qtbot.mouseClick(link, Qt.MouseButton.LeftButton)
    panel.render_state(opened)
    assert not link.isVisible()
    for state, name in ((opened, "a.zip"), (names_toggled(opened), "File 1")):
        dialog = ProblemDialog((Problem(Path("/x/a.zip"), "It is damaged."),), state, panel)
        table = part(dialog, QTableWidget, "problemTable")
        assert isinstance(table, QTableWidget)
        told = [table.item(0, column) for column in (0, 1)]
        assert [item.text() for item in told if item is not None] == [name, "It is damaged."]
        assert not any(item is not None and "/x/" in item.toolTip() for item in told) or name == "a.zip"
        dialog.reject()


def test_every_control_has_a_name_for_people_and_for_scripts(panel: BrowserPanel, studied: AppState) -> None:
    panel.render_state(studied)
    controls = [*panel.findChildren(QAbstractButton), *panel.findChildren(QLineEdit), *panel.findChildren(ChoiceBox)]
    own = [
        control
        for control in controls
        if not control.objectName().startswith("qt_") and not isinstance(control.parent(), QLineEdit | ChoiceBox)
    ]
    assert len(own) > 20
    assert [control for control in own if not control.objectName()] == []
    assert [control.objectName() for control in own if not (control.accessibleName() or control.property("text"))] == []


def test_an_image_of_another_list_is_not_marked(panel: BrowserPanel) -> None:
    state = opened_with(AppState(), refs())
    panel.render_state(listing_known(state, listing_of_refs(refs()[1:])))
    assert panel.list.selected_places() == ()
