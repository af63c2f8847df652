"""The bar below a picture of a file with several frames: which one is shown, and a slider to the others."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSlider, QWidget

from cxrview.app.frames import frame_count
from cxrview.app.state import AppState


class FrameBar(QWidget):
    """Hidden while the chosen file has one frame."""

    frame_chosen = Signal(int)
    """Another frame is wanted. Parameters: frame, from 0 (int)."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("frameBar")
        self._slider = QSlider(Qt.Orientation.Horizontal, self)
        self._slider.setObjectName("frameSlider")
        self._slider.setAccessibleName("Frame")
        self._slider.setPageStep(5)
        self._slider.actionTriggered.connect(lambda _action: self.frame_chosen.emit(self._slider.sliderPosition()))
        self._text = QLabel(self)
        self._text.setObjectName("frameText")
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 2, 12, 2)
        row.setSpacing(12)
        row.addWidget(self._text)
        row.addWidget(self._slider, 1)
        self.setVisible(False)

    def render_state(self, state: AppState) -> None:
        """Show the place of the chosen frame."""
        count = frame_count(state)
        frame = state.current.frame if state.current else 0
        if count > 1:
            self._slider.setRange(0, count - 1)
            self._slider.setValue(frame)
            self._text.setText(f"Frame {frame + 1} of {count}")
        self.setVisible(count > 1)
