"""What the pages of the wizard have in common: a title, a sentence, and sections that scroll."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QLabel, QLayout, QProgressBar, QScrollArea, QVBoxLayout, QWidget

from cxrview.app.views.labels import make_label
from cxrview.app.wizard import Busy


class WizardPage(QScrollArea):
    """A page; what is on it is added section by section."""

    def __init__(self, name: str, title: str, lead: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setAccessibleName(title)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        body = QWidget(self)
        body.setObjectName("wizardBody")
        self._column = QVBoxLayout(body)
        self._column.setContentsMargins(24, 18, 24, 18)
        self._column.setSpacing(10)
        heading = make_label(f"{name}Title", "title", title)
        font = heading.font()
        font.setPointSizeF(font.pointSizeF() * 1.5)
        heading.setFont(font)
        self._column.addWidget(heading)
        self._column.addWidget(make_label(f"{name}Lead", "muted", lead))
        self.setWidget(body)

    def add(self, *parts: QWidget | QLayout) -> None:
        """Add widgets and layouts below what is there."""
        for part in parts:
            if isinstance(part, QLayout):
                self._column.addLayout(part)
            else:
                self._column.addWidget(part)

    def add_section(self, name: str, title: str, *parts: QWidget | QLayout) -> None:
        """Add a section under its heading."""
        self.add(make_label(name, "heading", f"\n{title}"), *parts)

    def show_heading(self, name: str, *, is_shown: bool) -> None:
        """Show a section's heading, or hide it where the section is empty."""
        heading = self.findChild(QLabel, name)
        if heading is not None:
            heading.setVisible(is_shown)

    def end(self) -> None:
        """Push everything up."""
        self._column.addStretch(1)


def clear_layout(layout: QLayout) -> None:
    """Take everything out of a layout and let it go."""
    while (item := layout.takeAt(0)) is not None:
        widget = item.widget()
        if widget is not None:
            widget.deleteLater()


class BusyLine(QWidget):
    """Says what is under way and how far it is; not there when nothing is."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self._words = make_label(f"{name}Words", "muted")
        self._bar = QProgressBar()
        self._bar.setObjectName(f"{name}Bar")
        self._bar.setAccessibleName("Progress")
        self._bar.setTextVisible(False)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._words)
        column.addWidget(self._bar)
        self.hide()

    def render_busy(self, busy: Busy | None) -> None:
        """Show work under way."""
        self.setVisible(busy is not None)
        if busy is None:
            return
        counted = f": {busy.done} of {busy.total}" if busy.total else "…"
        self._words.setText(f"{busy.what}{counted}")
        self._bar.setRange(0, busy.total)
        self._bar.setValue(busy.done)
