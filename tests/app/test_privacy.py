"""With names hidden, no view tells who the patient is; the tag browser reads, searches and hides."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QLineEdit, QPushButton, QTableView, QToolButton
from pytestqt.qtbot import QtBot

from cxrview.app.browsing import rows_known, search_started
from cxrview.app.controllers.tags import Tags
from cxrview.app.privacy import (
    matching_rows,
    names_toggled,
    patient_text,
    searching_text,
    shown_name,
    shown_title,
    tag_rows,
    tags_closed,
    tags_opened,
    tags_read,
)
from cxrview.app.state import AppState, TagRow, image_chosen, notice_accepted, picture_loaded
from cxrview.app.store import Store
from cxrview.app.tasks import InlineRunner
from cxrview.app.views.browser_panel import BrowserPanel
from cxrview.app.views.notice_page import NoticePage
from cxrview.app.views.tag_dialog import TagDialog
from cxrview.core.image import ImageInfo, ImageRef
from cxrview.io.phantom_files import PhantomKind, write_phantoms
from tests.app.samples import opened_with, picture_of, row_of

DOE = ImageRef(Path("Doe_Jane/Doe_Jane_1950.dcm"))
ROWS = (TagRow("(0010,0010)", "PatientName", "PN", "Doe^Jane"), TagRow("(0008,0060)", "Modality", "CS", "DX"))


@pytest.fixture
def named() -> AppState:
    """A picture whose file, folder and attributes name the patient."""
    state = opened_with(AppState(), (DOE,), "Doe_Jane")
    info = ImageInfo(patient_name="Doe^Jane", patient_id="4711", patient_sex="F", patient_age="070Y")
    return picture_loaded(state, picture_of(DOE, info=info))


def test_names_are_shown_until_they_are_hidden(named: AppState) -> None:
    assert shown_name(named, DOE) == "Doe_Jane_1950.dcm"
    assert patient_text(named) == "Doe Jane  ·  4711  ·  F  ·  070Y"
    assert searching_text(search_started(named, "Doe_Jane")) == "Looking for radiographs in Doe_Jane…"
    hidden = names_toggled(named)
    texts = (shown_name(hidden, DOE), patient_text(hidden), shown_title(hidden), searching_text(search_started(hidden, "Doe_Jane")))
    assert texts == ("Image 1", "", "Opened images", "Looking for radiographs…")
    assert shown_name(hidden, ImageRef(Path("elsewhere.png"))) == "Image"
    assert names_toggled(hidden) == named
    assert searching_text(named) == ""
    assert patient_text(AppState()) == ""


def test_the_browser_hides_names_in_rows_tooltips_and_title(named: AppState, qtbot: QtBot) -> None:
    panel = BrowserPanel()
    qtbot.addWidget(panel)
    image = row_of(1, DOE, patient_name="Doe^Jane", patient_code="4711", study_description="Jane's chest", format="DICOM")
    named = rows_known(named, (image,))
    panel.render_state(named)
    model = panel.list.model()
    assert model.index(0, 0).data() == "Doe Jane  ·  4711"
    panel.render_state(names_toggled(named))
    told = [str(model.index(0, 0).data(role)) for role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole)]
    shown = [text for label in panel.findChildren(QLabel) for text in (label.text(), label.toolTip())]
    shown += [text for button in panel.findChildren(QToolButton) for text in (button.text(), button.toolTip())]
    assert told[0] == "Patient 1"
    assert not any(name in text for text in (*told, *shown) for name in ("Doe", "Jane", "4711"))


def test_the_tag_browser_reads_follows_and_closes(tmp_path: Path) -> None:
    write_phantoms(tmp_path, 2, 0, kind=PhantomKind.DICOM, size=(64, 64))
    refs = tuple(ImageRef(path) for path in sorted(tmp_path.glob("*.dcm")))
    store, runner = Store(opened_with(AppState(), refs, "f")), InlineRunner()
    tags = Tags(store, runner)
    store.changed.connect(tags.follow)
    assert runner.started == []
    store.apply(tags_opened)
    first = store.state.tags
    assert first.ref == refs[0]
    assert "Modality" in {row.keyword for row in first.rows}
    store.apply(image_chosen, refs[1])
    assert store.state.tags.ref == refs[1]
    store.apply(tags_closed)
    assert tags_read(store.state, refs[1], first.rows) is store.state
    assert len(runner.started) == 2


def test_tags_that_cannot_be_read_say_why(tmp_path: Path) -> None:
    store, runner = Store(opened_with(AppState(), (ImageRef(tmp_path / "gone.dcm"),), "f")), InlineRunner()
    tags = Tags(store, runner)
    store.changed.connect(tags.follow)
    store.apply(tags_opened)
    assert store.state.tags.problem
    assert store.state.tags.rows == ()


def test_hidden_names_hide_telling_values_only(named: AppState) -> None:
    state = tags_read(tags_opened(named), DOE, ROWS)
    assert tag_rows(state) == ROWS
    assert [row.value for row in tag_rows(names_toggled(state))] == ["hidden", "DX"]


def test_search_looks_in_every_column(named: AppState) -> None:
    assert matching_rows(ROWS, "doe pn") == ROWS[:1]
    assert matching_rows(ROWS, "0008") == ROWS[1:]
    assert matching_rows(ROWS, "  ") == ROWS
    assert matching_rows(ROWS, "doe modality") == ()


def test_the_dialog_searches_hides_and_copies_what_it_shows(named: AppState, qtbot: QtBot) -> None:
    dialog = TagDialog()
    qtbot.addWidget(dialog)
    dialog.render_state(named)
    assert not dialog.isVisible()
    state = tags_opened(named)
    dialog.render_state(state)
    count, table, search = dialog.findChild(QLabel, "tagCount"), dialog.findChild(QTableView, "tagTable"), dialog.findChild(QLineEdit)
    assert count is not None
    assert table is not None
    assert search is not None
    assert (dialog.isVisible(), count.text()) == (True, "Reading…")
    read = tags_read(state, DOE, ROWS)
    dialog.render_state(read)
    assert count.text() == "2 of 2 tags"
    qtbot.keyClicks(search, "patient")
    assert (table.model().rowCount(), count.text()) == (1, "1 of 2 tags")
    qtbot.keyClicks(search, "xyz")
    assert (table.model().rowCount(), count.text()) == (0, "None of the 2 tags has “patientxyz” in it")
    for _letter in "xyz":
        qtbot.keyClick(search, Qt.Key.Key_Backspace)
    dialog.render_state(names_toggled(read))
    table.selectRow(0)
    qtbot.keyClick(dialog, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "(0010,0010)\tPatientName\tPN\thidden"
    heading = dialog.findChild(QLabel, "tagHeading")
    assert heading is not None
    assert heading.text() == "Image 1"
    dialog.render_state(tags_read(state, DOE, (), "It is damaged."))
    assert count.text() == "It is damaged."
    with qtbot.waitSignal(dialog.closed):
        dialog.reject()
    dialog.render_state(tags_closed(read))
    assert not dialog.isVisible()


def test_the_notice_is_accepted_with_a_click(qtbot: QtBot) -> None:
    page = NoticePage()
    qtbot.addWidget(page)
    button = page.findChild(QPushButton, "acceptNotice")
    assert button is not None
    with qtbot.waitSignal(page.accepted):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert notice_accepted(replace(AppState(), is_notice_accepted=False)).is_notice_accepted
