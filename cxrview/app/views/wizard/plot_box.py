"""Lines in axes; the one file that knows pyqtgraph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPen
from PySide6.QtWidgets import QVBoxLayout, QWidget

# Okabe and Ito, which the colour-blind tell apart; dashes say the same without colour.
COLOURS = ("#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#0072b2", "#f0e442", "#999999")
DASHES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine, Qt.PenStyle.DashDotLine)


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A line: its name for the legend, and its points; the name `""` is a thin line without an entry."""

    name: str
    x: npt.NDArray[np.float64]
    y: npt.NDArray[np.float64]
    has_dots: bool = False
    has_line: bool = True


class PlotBox(QWidget):
    """A plot with a legend, in the colours of the window."""

    def __init__(
        self,
        name: str,
        title: str,
        *,
        bottom: str,
        left: str,
        unit_square: bool = False,
        low: bool = False,
        log_x: bool = False,
        whole_x: bool = False,
        height: int = 240,
    ) -> None:
        """Make an empty plot.

        Args:
            name: for tests and style sheets.
            title: above it, and its accessible name.
            bottom: what the x axis counts.
            left: what the y axis counts.
            unit_square: show 0 to 1 on both axes.
            low: have the legend at the bottom.
            log_x: count x in powers of ten.
            whole_x: x has whole numbers only.
            height: px.
        """
        super().__init__()
        import pyqtgraph

        self.setObjectName(name)
        self.setAccessibleName(title)
        self.setFixedHeight(height)
        self._pyqtgraph: Any = pyqtgraph
        # Any: pyqtgraph has no types.
        self._plot: Any = pyqtgraph.PlotWidget(parent=self, background=None, enableMenu=False)
        menu = self._plot.getPlotItem().ctrlMenu
        menu.setParent(self, menu.windowFlags())  # made without a parent, it would stay behind
        self._plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._plot.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)  # the wheel scrolls the page
        self._plot.hideButtons()
        self._plot.setMouseEnabled(x=False, y=False)
        self._plot.setTitle(title)
        self._plot.setLabel("bottom", bottom)
        self._plot.setLabel("left", left)
        self._plot.showGrid(x=True, y=True, alpha=0.2)
        self._legend: Any = self._plot.addLegend(offset=(-8, -8) if unit_square or low else (8 if log_x else -8, 8))
        self._unit_square = unit_square
        self._whole_x = whole_x
        self._plot.setLogMode(x=log_x, y=False)
        if unit_square:
            self._plot.setXRange(0, 1, padding=0.02)
            self._plot.setYRange(0, 1, padding=0.02)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._plot)
        self.lines: tuple[Line, ...] = ()

    def show_lines(self, lines: Sequence[Line]) -> None:
        """Show these lines in place of the last ones."""
        self.lines = tuple(lines)
        text = self.palette().windowText().color()
        self._paint_axes(text)
        self._plot.clear()
        named = 0
        for line in lines:
            finite = np.isfinite(line.x) & np.isfinite(line.y)
            colour = QColor(COLOURS[named % len(COLOURS)]) if line.name else text
            pen = QPen(colour, 0)
            pen.setCosmetic(True)
            pen.setWidthF(2.0 if line.name else 1.0)
            pen.setStyle(DASHES[named // len(COLOURS) % len(DASHES)] if line.name else Qt.PenStyle.DotLine)
            dots: dict[str, Any] = {"symbol": "o", "symbolSize": 6, "symbolBrush": colour, "symbolPen": None} if line.has_dots else {}
            self._plot.plot(line.x[finite], line.y[finite], pen=pen if line.has_line else None, name=line.name or None, **dots)
            named += bool(line.name)
        if self._whole_x:
            most = max((float(line.x.max()) for line in lines if len(line.x)), default=1.0)
            self._plot.getAxis("bottom").setTickSpacing(major=max(1, round(most / 8)), minor=1)
        if not self._unit_square:
            self._plot.enableAutoRange()

    def _paint_axes(self, text: QColor) -> None:
        for side in ("bottom", "left"):
            axis = self._plot.getAxis(side)
            axis.enableAutoSIPrefix(False)
            axis.setPen(text)
            axis.setTextPen(text)
        self._plot.getPlotItem().titleLabel.setAttr("color", text.name())
        self._plot.getPlotItem().titleLabel.setText(self._plot.getPlotItem().titleLabel.text)
        self._legend.setLabelTextColor(text)
        ground = QColor(self.palette().window().color())
        ground.setAlpha(200)
        self._legend.setBrush(ground)
