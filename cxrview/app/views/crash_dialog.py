"""What happened when something happened that nobody foresaw: the report, to be read and copied."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QFontDatabase, QGuiApplication
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from cxrview.app.crash import CrashReport
from cxrview.app.views.close_box import close_box
from cxrview.app.views.labels import make_label

FIRST_SIZE = QSize(640, 460)
WORDS = (
    "The program goes on, and what you wrote is kept. If something looks wrong now, start it again. "
    "To have it mended, copy this report and send it to whoever looks after the program: it names places in the program, "
    "and no patient, file or picture. It has been sent to nobody."
)
COPIED = "Copied"


class CrashDialog(QDialog):
    """Shows one report beside the window, which stays usable."""

    def __init__(self, report: CrashReport, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("crashDialog")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("An unexpected error")
        self.setModal(False)
        self._report = report
        text = QPlainTextEdit(report.text, self)
        text.setObjectName("crashReport")
        text.setAccessibleName("Report of the error")
        text.setReadOnly(True)
        text.setTabChangesFocus(True)
        text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        buttons = close_box(self)
        self._copy = self._add(buttons, "crashCopy", "Copy report")
        self._copy.clicked.connect(self._on_copied)
        if report.path is not None:
            folder = self._add(buttons, "crashFolder", "Show in folder")
            folder.clicked.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(report.path.parent if report.path else ""))))
        layout = QVBoxLayout(self)
        layout.setSpacing(10)
        layout.addWidget(make_label("crashTitle", "title", f"An unexpected error happened ({report.kind})."))
        layout.addWidget(make_label("crashWords", "muted", WORDS))
        layout.addWidget(text, 1)
        layout.addWidget(buttons)
        self.resize(FIRST_SIZE)

    def _add(self, buttons: QDialogButtonBox, name: str, text: str) -> QPushButton:
        button = QPushButton(text, self)
        button.setObjectName(name)
        button.setAutoDefault(False)
        buttons.addButton(button, QDialogButtonBox.ButtonRole.ActionRole)
        return button

    def _on_copied(self) -> None:
        QGuiApplication.clipboard().setText(self._report.text)
        self._copy.setText(COPIED)
