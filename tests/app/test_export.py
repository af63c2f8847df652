"""What leaves the program carries the notice and the model's identity, and no names unless they were asked for."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QCheckBox, QComboBox, QPushButton
from pytestqt.qtbot import QtBot

from cxrview.app.answers import override_chosen, threshold_chosen
from cxrview.app.cells import layout_chosen
from cxrview.app.controllers.audit import Audit
from cxrview.app.controllers.exports import Exports
from cxrview.app.state import (
    AppState,
    Layout,
    NotScored,
    ReadyModel,
    label_chosen,
    layer_toggled,
    picture_loaded,
    reading_known,
    turned,
    viewport_chosen,
)
from cxrview.app.store import Store
from cxrview.app.tasks import InlineRunner
from cxrview.app.viewport import Viewport
from cxrview.app.views.canvas import Canvas
from cxrview.app.views.export_dialog import ExportDialog
from cxrview.app.views.export_page import page_html, pdf_page
from cxrview.app.views.export_picture import (
    GAP_PX,
    NOTICE,
    ExportOptions,
    can_export,
    caption_lines,
    export_bare,
    export_picture,
    model_line,
)
from cxrview.app.views.exporting import Exporting
from cxrview.core.conformal import ConformalRule
from cxrview.core.image import ImageInfo
from tests.app.samples import analysis_of, picture_of

BARE = ExportOptions(has_overlay=False, has_texts=False)


@pytest.fixture
def screen(qtbot: QtBot) -> Canvas:
    """The canvas on the screen, 500 x 400."""
    made = Canvas()
    qtbot.addWidget(made)
    made.resize(500, 400)
    return made


def pixels_of(image: QImage) -> np.ndarray:
    rgb = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(rgb.constBits(), np.uint8).reshape(rgb.height(), rgb.bytesPerLine())
    return rows[:, : 3 * rgb.width()].reshape(rgb.height(), rgb.width(), 3).astype(int)


def test_the_caption_names_notice_model_engine_and_findings(scored: AppState) -> None:
    notice, model = caption_lines(scored)
    assert notice == NOTICE
    assert model == f"base 1.0 ({'f' * 12}), fake on cpu: Normal 0.10, Tuberculosis 0.70, Pneumonia 0.20"
    assert model_line(AppState()) == "No model has read this picture."


def test_withheld_scores_do_not_leave(shown: AppState) -> None:
    assert shown.current is not None
    lateral = picture_of(shown.current, info=ImageInfo(view="LL"))
    state = reading_known(replace(shown, picture=lateral), shown.current, analysis_of())
    assert model_line(state).endswith("fake on cpu: scores withheld")


def test_on_the_screen_means_as_large_as_the_canvas_with_a_caption_below(scored: AppState, screen: Canvas) -> None:
    picture = export_picture(scored, ExportOptions(), [screen])
    assert picture.width() == 500
    assert 430 <= picture.height() <= 520
    caption = pixels_of(picture)[400:]
    assert caption.max() > 200
    assert NOTICE in picture.text("Description")


def test_full_resolution_is_the_whole_image_pixel_for_pixel(scored: AppState, screen: Canvas) -> None:
    zoomed = viewport_chosen(scored, Viewport(5.0, 20.0, 20.0))
    picture = export_picture(zoomed, replace(BARE, is_full=True), [screen])
    assert picture.width() == 400
    values = pixels_of(picture)[:300]
    # The ramp of the sample, from black to white.
    assert (np.diff(values[150, :, 0]) >= 0).all()
    assert values[:, 0].max() <= 2
    assert values[:, -1].min() >= 253
    sideways = export_picture(turned(scored, 1), replace(BARE, is_full=True), [screen])
    assert sideways.width() == 300


def test_the_overlay_can_be_left_out_and_texts_too(scored: AppState, screen: Canvas) -> None:
    state = label_chosen(scored, "tb")
    whole = pixels_of(export_picture(state, ExportOptions(), [screen]))[:400]
    bare = pixels_of(export_picture(state, BARE, [screen]))[:400]
    coloured = np.ptp(whole, axis=2) > 20
    assert coloured.sum() > 500
    assert np.ptp(bare, axis=2).max() <= 12
    hidden = pixels_of(export_picture(layer_toggled(state), ExportOptions(has_texts=False), [screen]))[:400]
    assert (hidden == bare).all()


def test_names_leave_only_when_they_are_asked_for(scored: AppState, screen: Canvas) -> None:
    assert scored.current is not None
    named = replace(scored, picture=picture_of(scored.current, info=ImageInfo(patient_name="Doe^Jane")))
    nameless = replace(scored, picture=picture_of(scored.current, info=ImageInfo()))
    without = [pixels_of(export_picture(state, ExportOptions(), [screen])) for state in (named, nameless)]
    assert (without[0] == without[1]).all()
    asked = pixels_of(export_picture(named, ExportOptions(has_names=True), [screen]))
    assert (asked != without[0]).any()


def test_there_is_nothing_to_export_without_a_picture(scored: AppState) -> None:
    assert can_export(scored)
    assert not can_export(AppState())


@pytest.mark.parametrize(("name", "kind"), [("a.png", b"\x89PNG"), ("a.JPG", b"\xff\xd8"), ("plain", b"\x89PNG")])
def test_pictures_are_written_noted_and_told(scored: AppState, screen: Canvas, tmp_path: Path, name: str, kind: bytes) -> None:
    store, runner = Store(threshold_chosen(scored, "tb", 0.8)), InlineRunner()
    audit = Audit(store, runner, tmp_path / "log")
    picture = export_picture(store.state, ExportOptions(), [screen])
    Exports(store, runner, audit).save(picture, tmp_path / "out" / name)
    (written,) = (tmp_path / "out").iterdir()
    assert written.read_bytes().startswith(kind)
    assert store.state.notice == f"Saved as {written}."
    entry = json.loads((tmp_path / "log" / "audit.jsonl").read_text(encoding="utf-8"))
    assert (entry["event"], entry["thresholds"]) == ("export", {"tb": 0.8})
    assert entry["detail"].startswith(f"{picture.width()} × {picture.height()} px as ")
    assert written.stem not in entry["detail"].split()


def test_a_folder_that_cannot_be_written_to_is_said_and_not_logged(scored: AppState, screen: Canvas, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    store, runner = Store(scored), InlineRunner()
    exports = Exports(store, runner, Audit(store, runner, tmp_path / "log"))
    exports.save(export_picture(scored, BARE, [screen]), tmp_path / "file" / "a.png")
    assert "cannot be written" in store.state.notice
    assert not (tmp_path / "log").exists()


def test_a_copy_is_noted(scored: AppState, screen: Canvas, tmp_path: Path) -> None:
    store, runner = Store(scored), InlineRunner()
    Exports(store, runner, Audit(store, runner, tmp_path / "log")).note_copy(export_picture(scored, BARE, [screen]))
    assert "clipboard" in (tmp_path / "log" / "audit.jsonl").read_text(encoding="utf-8")


def test_the_dialog_asks_and_names_are_off_by_default(qtbot: QtBot) -> None:
    dialog = ExportDialog()
    qtbot.addWidget(dialog)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, on=False)
    dialog.show()
    assert dialog.options == ExportOptions()
    names, texts = dialog.findChild(QCheckBox, "exportNames"), dialog.findChild(QCheckBox, "exportTexts")
    size, save, copy = (
        dialog.findChild(QComboBox, "exportSize"),
        dialog.findChild(QPushButton, "exportSave"),
        dialog.findChild(QPushButton, "exportCopy"),
    )
    assert names is not None
    assert texts is not None
    assert size is not None
    assert save is not None
    assert copy is not None
    names.setChecked(True)
    size.setFocus()
    qtbot.keyClick(size, Qt.Key.Key_Down)
    heard: list[ExportOptions] = []
    dialog.save_requested.connect(heard.append)
    dialog.copy_requested.connect(heard.append)
    qtbot.mouseClick(save, Qt.MouseButton.LeftButton)
    assert not dialog.isVisible()
    texts.setChecked(False)
    dialog.show()
    qtbot.mouseClick(copy, Qt.MouseButton.LeftButton)
    assert heard == [ExportOptions(True, True, True, True), ExportOptions(True, True, False, False)]


def test_names_that_are_hidden_in_the_window_cannot_leave(scored: AppState, screen: Canvas, qtbot: QtBot) -> None:
    assert scored.current is not None
    named = replace(scored, picture=picture_of(scored.current, info=ImageInfo(patient_name="Doe^Jane")), is_hiding_names=True)
    without = pixels_of(export_picture(named, ExportOptions(), [screen]))
    assert (pixels_of(export_picture(named, ExportOptions(has_names=True), [screen])) == without).all()
    assert "Doe" not in page_html(named, ExportOptions(has_names=True))
    assert "Doe" in page_html(replace(named, is_hiding_names=False), ExportOptions(has_names=True))
    dialog = ExportDialog(is_hiding_names=True)
    qtbot.addWidget(dialog)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, on=False)
    names = dialog.findChild(QCheckBox, "exportNames")
    assert names is not None
    assert not names.isEnabled()
    names.setChecked(True)
    assert not dialog.options.has_names


def side_by_side(state: AppState) -> AppState:
    """Two places: the scored image, and one of another size beside it that no model has read."""
    both = layout_chosen(state, Layout.SIDE_BY_SIDE)
    other = both.grid.cells[1].current
    assert other is not None
    return picture_loaded(both, picture_of(other, size=(200, 300)))


def test_a_whole_layout_leaves_as_one_picture_with_a_line_for_each_place(scored: AppState, screen: Canvas, qtbot: QtBot) -> None:
    state, other = side_by_side(scored), Canvas()
    qtbot.addWidget(other)
    other.resize(500, 400)
    options = ExportOptions(has_layout=True)
    picture = export_picture(state, options, [screen, other])
    assert picture.width() == 2 * 500 + GAP_PX
    assert [line.split(":")[0] for line in picture.text("Description").splitlines()] == [NOTICE, "Picture 1", "Picture 2"]
    assert picture.text("Description").endswith("No model has read this picture.")
    values = pixels_of(picture)
    assert values[:400, :500].std() > 20
    assert values[:400, 506:].std() > 20
    full = export_picture(state, replace(options, is_full=True, has_texts=False, has_overlay=False), [screen, other])
    assert full.width() == 2 * 400 + GAP_PX
    # The narrow picture lies in the middle of its place, as high as the other.
    row = pixels_of(full)[150, 406:, 0]
    assert row[:95].max() <= 12
    assert row[290] > 240
    alone = export_picture(state, ExportOptions(), [screen, other])
    assert alone.width() == 500


def test_a_page_says_what_was_found_which_model_said_so_and_the_notice(scored: AppState) -> None:
    state = label_chosen(scored, "tb")
    text = page_html(state, ExportOptions())
    for words in (NOTICE, "Tuberculosis", "0.70", "at or above", "base 1.0 (ffffffffffff), fake on cpu", "Heatmap of Tuberculosis"):
        assert words in text
    assert "image-00" not in text
    assert "don't know" not in text
    assert isinstance(state.model, ReadyModel)
    unsure = replace(state.model, bounds={"tb": ConformalRule(0.15, 0.8, 0.9, 60, 90)})
    assert "at or above; don't know" in page_html(replace(state, model=unsure), ExportOptions())
    assert "image-00" in page_html(state, ExportOptions(has_names=True))
    assert "Heatmap" not in page_html(state, ExportOptions(has_overlay=False))
    assert "No model has read this picture." in page_html(replace(state, reading=NotScored()), ExportOptions())
    assert "Picture 2" in page_html(side_by_side(state), ExportOptions(has_layout=True))


def test_a_page_withholds_what_the_window_withholds(shown: AppState) -> None:
    assert shown.current is not None
    lateral = picture_of(shown.current, info=ImageInfo(view="LL"))
    state = reading_known(replace(shown, picture=lateral), shown.current, analysis_of())
    text = page_html(state, ExportOptions())
    assert "Scores withheld" in text
    assert "0.70" not in text
    assert "Shown although" in page_html(override_chosen(state), ExportOptions())


def test_a_page_is_a_pdf_of_one_sheet_without_names(scored: AppState, screen: Canvas, tmp_path: Path) -> None:
    content = pdf_page(scored, ExportOptions(), export_bare(scored, ExportOptions(), [screen]))
    assert content.startswith(b"%PDF")
    assert content.count(b"/Type /Page\n") == 1
    assert b"image-00" not in content
    store, runner = Store(scored), InlineRunner()
    exports = Exports(store, runner, Audit(store, runner, tmp_path / "log"))
    exports.save_page(content, tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes() == content
    exports.note_print()
    events = (tmp_path / "log" / "audit.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["detail"] for line in events] == ["a page as PDF", "a page to a printer"]
    (tmp_path / "file").write_text("no folder")
    exports.save_page(content, tmp_path / "file" / "page.pdf")
    assert "cannot be written" in store.state.notice


def test_a_page_goes_to_the_printer_that_is_chosen(scored: AppState, qtbot: QtBot, tmp_path: Path) -> None:
    from PySide6.QtPrintSupport import QPrintDialog, QPrinter

    canvas = Canvas()
    qtbot.addWidget(canvas)
    canvas.resize(300, 300)
    exporting = Exporting(canvas, lambda: [canvas])
    exporting.print_page(scored)
    dialog = canvas.findChild(QPrintDialog)
    assert dialog is not None
    dialog.printer().setOutputFormat(QPrinter.OutputFormat.PdfFormat)
    dialog.printer().setOutputFileName(str(tmp_path / "printed.pdf"))
    with qtbot.waitSignal(exporting.page_printed):
        dialog.accepted.emit(dialog.printer())
    assert (tmp_path / "printed.pdf").read_bytes().startswith(b"%PDF")
    dialog.reject()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    exporting.print_page(AppState())
    assert canvas.findChild(QPrintDialog) is None


def test_a_picture_that_is_loaded_without_a_model_can_be_exported(opened: AppState, screen: Canvas) -> None:
    assert opened.current is not None
    picture = export_picture(picture_loaded(opened, picture_of(opened.current)), ExportOptions(), [screen])
    assert "No model has read this picture." in picture.text("Description")
