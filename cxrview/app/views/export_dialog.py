"""Asks how a picture is to leave the program."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from cxrview.app.views.choice_box import ChoiceBox
from cxrview.app.views.export_picture import ExportOptions
from cxrview.app.views.labels import make_label

PLACES = (("The active picture", False), ("All pictures of the layout", True))
SIZES = (("As on the screen", False), ("Full resolution, whole image", True))
ALWAYS_TEXT = "The notice “research and education, not for diagnosis” and the identity of the model stand below every export."
HIDING_TEXT = "Names of patient and file (hidden in the window, so they stay out)"


class ExportDialog(QDialog):
    """A few choices, then a file, the printer or the clipboard."""

    save_requested = Signal(object)
    """The picture is wanted as a file. Parameters: options (ExportOptions)."""
    print_requested = Signal(object)
    """The picture is wanted on a printed page. Parameters: options (ExportOptions)."""
    copy_requested = Signal(object)
    """The picture is wanted on the clipboard. Parameters: options (ExportOptions)."""

    def __init__(self, parent: QWidget | None = None, *, has_layout: bool = False, is_hiding_names: bool = False) -> None:
        """Offer all pictures of a layout, and names, only where there are several and they may be shown."""
        super().__init__(parent)
        self.setObjectName("exportDialog")
        self.setWindowTitle("Export picture")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._is_full = self._has_layout = False
        self._places = ChoiceBox("exportPlaces", "Pictures", self)
        self._places.render_choices(PLACES if has_layout else PLACES[:1], chosen=False)
        self._places.setVisible(has_layout)
        self._places.choice_made.connect(self._on_places)
        self._size = ChoiceBox("exportSize", "Resolution", self)
        self._size.render_choices(SIZES, chosen=False)
        self._size.choice_made.connect(self._on_size)
        self._overlay = self._box("exportOverlay", "Heatmaps and marks", is_on=True)
        self._texts = self._box("exportTexts", "Texts in the corners and the colour bar", is_on=True)
        self._names = self._box("exportNames", HIDING_TEXT if is_hiding_names else "Names of patient and file", is_on=False)
        self._names.setEnabled(not is_hiding_names)
        if not is_hiding_names:
            self._texts.toggled.connect(self._names.setEnabled)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 18)
        layout.setSpacing(10)
        notice = make_label("exportNotice", "muted", ALWAYS_TEXT)
        for widget in (self._places, self._size, self._overlay, self._texts, self._names, notice):
            layout.addWidget(widget)
        layout.addLayout(self._build_buttons())
        self.setMinimumWidth(460)

    @property
    def options(self) -> ExportOptions:
        """What is chosen now."""
        has_texts = self._texts.isChecked()
        has_names = has_texts and self._names.isEnabled() and self._names.isChecked()
        return ExportOptions(self._is_full, self._overlay.isChecked(), has_texts, has_names, self._has_layout)

    def _on_places(self, has_layout: object) -> None:
        self._has_layout = bool(has_layout)
        self._places.render_choices(PLACES, self._has_layout)

    def _on_size(self, is_full: object) -> None:
        self._is_full = bool(is_full)
        self._size.render_choices(SIZES, self._is_full)

    def _on_save(self) -> None:
        self.save_requested.emit(self.options)
        self.accept()

    def _on_print(self) -> None:
        self.print_requested.emit(self.options)
        self.accept()

    def _on_copy(self) -> None:
        self.copy_requested.emit(self.options)
        self.accept()

    def _box(self, name: str, text: str, *, is_on: bool) -> QCheckBox:
        box = QCheckBox(text, self)
        box.setObjectName(name)
        box.setChecked(is_on)
        return box

    def _build_buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.addStretch(1)
        parts = (
            ("exportCancel", "Cancel", self.reject),
            ("exportCopy", "&Copy", self._on_copy),
            ("exportPrint", "&Print…", self._on_print),
            ("exportSave", "&Save…", self._on_save),
        )
        for name, text, slot in parts:
            button = QPushButton(text, self)
            button.setObjectName(name)
            button.setProperty("role", "main" if name == "exportSave" else "")
            button.setDefault(name == "exportSave")
            button.clicked.connect(slot)
            row.addWidget(button)
        return row
