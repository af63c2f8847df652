"""What leaves the program carries the notice and the model's identity, and no names unless they were asked for."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QCheckBox, QComboBox, QPushButton
from pytestqt.qtbot import QtBot

from cxrview.app.answers import threshold_chosen
from cxrview.app.controllers.audit import Audit
from cxrview.app.controllers.exports import Exports
from cxrview.app.state import AppState, label_chosen, layer_toggled, picture_loaded, reading_known, turned, viewport_chosen
from cxrview.app.store import Store
from cxrview.app.tasks import InlineRunner
from cxrview.app.viewport import Viewport
from cxrview.app.views.canvas import Canvas
from cxrview.app.views.export_dialog import ExportDialog
from cxrview.app.views.export_picture import NOTICE, ExportOptions, can_export, caption_lines, export_picture, model_line
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
    picture = export_picture(scored, ExportOptions(), screen)
    assert picture.width() == 500
    assert 430 <= picture.height() <= 520
    caption = pixels_of(picture)[400:]
    assert caption.max() > 200
    assert NOTICE in picture.text("Description")


def test_full_resolution_is_the_whole_image_pixel_for_pixel(scored: AppState, screen: Canvas) -> None:
    zoomed = viewport_chosen(scored, Viewport(5.0, 20.0, 20.0))
    picture = export_picture(zoomed, replace(BARE, is_full=True), screen)
    assert picture.width() == 400
    values = pixels_of(picture)[:300]
    # The ramp of the sample, from black to white.
    assert (np.diff(values[150, :, 0]) >= 0).all()
    assert values[:, 0].max() <= 2
    assert values[:, -1].min() >= 253
    sideways = export_picture(turned(scored, 1), replace(BARE, is_full=True), screen)
    assert sideways.width() == 300


def test_the_overlay_can_be_left_out_and_texts_too(scored: AppState, screen: Canvas) -> None:
    state = label_chosen(scored, "tb")
    whole = pixels_of(export_picture(state, ExportOptions(), screen))[:400]
    bare = pixels_of(export_picture(state, BARE, screen))[:400]
    coloured = np.ptp(whole, axis=2) > 20
    assert coloured.sum() > 500
    assert np.ptp(bare, axis=2).max() <= 12
    hidden = pixels_of(export_picture(layer_toggled(state), ExportOptions(has_texts=False), screen))[:400]
    assert (hidden == bare).all()


def test_names_leave_only_when_they_are_asked_for(scored: AppState, screen: Canvas) -> None:
    assert scored.current is not None
    named = replace(scored, picture=picture_of(scored.current, info=ImageInfo(patient_name="Doe^Jane")))
    nameless = replace(scored, picture=picture_of(scored.current, info=ImageInfo()))
    without = [pixels_of(export_picture(state, ExportOptions(), screen)) for state in (named, nameless)]
    assert (without[0] == without[1]).all()
    asked = pixels_of(export_picture(named, ExportOptions(has_names=True), screen))
    assert (asked != without[0]).any()


def test_there_is_nothing_to_export_without_a_picture(scored: AppState) -> None:
    assert can_export(scored)
    assert not can_export(AppState())


@pytest.mark.parametrize(("name", "kind"), [("a.png", b"\x89PNG"), ("a.JPG", b"\xff\xd8"), ("plain", b"\x89PNG")])
def test_pictures_are_written_noted_and_told(scored: AppState, screen: Canvas, tmp_path: Path, name: str, kind: bytes) -> None:
    store, runner = Store(threshold_chosen(scored, "tb", 0.8)), InlineRunner()
    audit = Audit(store, runner, tmp_path / "log")
    picture = export_picture(store.state, ExportOptions(), screen)
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
    exports.save(export_picture(scored, BARE, screen), tmp_path / "file" / "a.png")
    assert "cannot be written" in store.state.notice
    assert not (tmp_path / "log").exists()


def test_a_copy_is_noted(scored: AppState, screen: Canvas, tmp_path: Path) -> None:
    store, runner = Store(scored), InlineRunner()
    Exports(store, runner, Audit(store, runner, tmp_path / "log")).note_copy(export_picture(scored, BARE, screen))
    assert "clipboard" in (tmp_path / "log" / "audit.jsonl").read_text(encoding="utf-8")


def test_the_dialog_asks_and_names_are_off_by_default(qtbot: QtBot) -> None:
    dialog = ExportDialog()
    qtbot.addWidget(dialog)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, on=False)
    dialog.show()
    assert dialog.options == ExportOptions()
    names, texts = dialog.findChild(QCheckBox, "exportNames"), dialog.findChild(QCheckBox, "exportTexts")
    size, save, copy = dialog.findChild(QComboBox), dialog.findChild(QPushButton, "exportSave"), dialog.findChild(QPushButton, "exportCopy")
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


def test_a_picture_that_is_loaded_without_a_model_can_be_exported(opened: AppState, screen: Canvas) -> None:
    assert opened.current is not None
    picture = export_picture(picture_loaded(opened, picture_of(opened.current)), ExportOptions(), screen)
    assert "No model has read this picture." in picture.text("Description")
