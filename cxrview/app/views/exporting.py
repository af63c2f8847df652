"""Lets the person choose how what is seen leaves the program: file, page, printer, clipboard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog, QWidget

from cxrview import __version__
from cxrview.app.state import AppState
from cxrview.app.views.export_dialog import ExportDialog
from cxrview.app.views.export_page import paint_page, pdf_page
from cxrview.app.views.export_picture import ExportOptions, can_export, export_bare, export_picture

# Never the image's own name, which often holds the patient's.
EXPORT_NAME = "radiograph"
KINDS = {"PNG (*.png)": ".png", "JPEG (*.jpg *.jpeg)": ".jpg", "PDF page (*.pdf)": ".pdf"}
SUFFIXES = (".png", ".jpg", ".jpeg", ".pdf")
PRINTER_DPI = 300
NO_PRINTING_TEXT = "Printing is not available on this computer: save a PDF page instead."


class Exporting(QObject):
    """Opens the dialogs over a window and paints what was chosen."""

    picture_saved = Signal(object, object)
    """A picture is wanted as a file. Parameters: picture (QImage), where (Path)."""
    page_saved = Signal(object, object)
    """A page is wanted as a file. Parameters: content (bytes), where (Path)."""
    picture_copied = Signal(object)
    """A picture was copied. Parameters: picture (QImage)."""
    page_printed = Signal()
    """A page was sent to a printer."""
    failed = Signal(str)
    """Something cannot be done here. Parameters: why (str)."""

    def __init__(self, window: QWidget, screens: Callable[[], Sequence[QWidget]]) -> None:
        """Ask `screens` for the canvases that the places of the layout are seen on."""
        super().__init__(window)
        self._window = window
        self._screens = screens

    def ask(self, state: AppState) -> None:
        """Let the person choose how the shown pictures leave the program."""
        if not can_export(state):
            return
        dialog = ExportDialog(self._window, has_layout=len(state.grid.cells) > 1, is_hiding_names=state.is_hiding_names)
        dialog.save_requested.connect(lambda options: self._save(state, options))
        dialog.print_requested.connect(lambda options: self.print_page(state, options))
        dialog.copy_requested.connect(lambda options: self.copy(state, options))
        dialog.open()

    def copy(self, state: AppState, options: ExportOptions | None = None) -> None:
        """Put the shown picture on the clipboard, as it is seen and without names unless they are asked for."""
        if can_export(state):
            picture = export_picture(state, options or ExportOptions(), self._screens())
            QApplication.clipboard().setImage(picture)
            self.picture_copied.emit(picture)

    def print_page(self, state: AppState, options: ExportOptions | None = None) -> None:
        """Let the person choose a printer, and print a page with the picture and what was found."""
        if not can_export(state):
            return
        try:
            from PySide6.QtPrintSupport import QPrintDialog, QPrinter
        except ImportError:
            self.failed.emit(NO_PRINTING_TEXT)
            return
        wanted = options or ExportOptions(has_layout=len(state.grid.cells) > 1)
        printer = QPrinter()
        printer.setResolution(PRINTER_DPI)
        printer.setCreator(f"cxrview {__version__}")
        printer.setDocName(EXPORT_NAME)
        dialog = QPrintDialog(printer, self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setOption(QPrintDialog.PrintDialogOption.PrintPageRange, on=False)

        def send() -> None:
            paint_page(printer, state, wanted, export_bare(state, wanted, self._screens()))
            self.page_printed.emit()

        dialog.accepted.connect(send)
        # The dialog's own `open` wants a receiver.
        QDialog.open(dialog)

    def _save(self, state: AppState, options: ExportOptions) -> None:
        name, kind = QFileDialog.getSaveFileName(self._window, "Save picture", f"{EXPORT_NAME}.png", ";;".join(KINDS))
        if not name:
            return
        path = Path(name)
        if path.suffix.lower() not in SUFFIXES:
            path = path.with_name(path.name + KINDS.get(kind, ".png"))
        if path.suffix.lower() == ".pdf":
            self.page_saved.emit(pdf_page(state, options, export_bare(state, options, self._screens())), path)
        else:
            self.picture_saved.emit(export_picture(state, options, self._screens()), path)
