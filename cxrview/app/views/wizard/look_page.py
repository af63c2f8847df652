"""Page 3: what the images look like, class by class and source by source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QSlider, QWidget

from cxrview.app.views.choice_box import ChoiceBox
from cxrview.app.views.labels import make_label
from cxrview.app.views.wizard.image_sheet import captioned, picture_label
from cxrview.app.views.wizard.page import BusyLine, WizardPage, clear_layout
from cxrview.app.views.wizard.plot_box import Line, PlotBox
from cxrview.app.views.wizard.tables import CountTable, in_a_row, make_button
from cxrview.app.wizard import Wizard
from cxrview.training.compose import Plan
from cxrview.training.look import Look, Looks
from cxrview.training.preview import Preview
from cxrview.training.scan import BINS, Scan

LEAD = "If classes or places can be told apart here by eye, without looking at the lungs, so can the network."
KINDS = ("class", "source", "class in source")
MEAN_PX, SAMPLE_PX, SAMPLES_SHOWN, WORDS_PX = 110, 84, 7, 190
PREVIEW_PX = 116
USED = "\n(the recipe does this)"
# Field of `augment`: its title, its largest value here, steps of the slider in one.
SLIDERS = {
    "rotate_deg": ("Turn, degrees", 30.0, 1),
    "translate": ("Move, share of the side", 0.2, 100),
    "stretch": ("Stretch", 0.3, 100),
    "brightness": ("Brightness", 0.5, 100),
    "contrast": ("Contrast", 0.5, 100),
    "gamma": ("Gamma", 0.6, 100),
    "noise": ("Noise, gray levels", 20.0, 1),
    "erase": ("Blank a rectangle, chance", 1.0, 100),
}


class LookPage(WizardPage):
    """Mean pictures, samples, histograms, outliers."""

    rows_requested = Signal(str, object)
    """Images are to be shown. Parameters: title, rows of the scan (tuple of int)."""

    plan_chosen = Signal(object)
    """Augmentation is wanted otherwise. Parameters: plan (Plan)."""
    another_requested = Signal()
    """Another image is to be shown as the network sees it."""

    def __init__(self) -> None:
        super().__init__("lookPage", "Look", LEAD)
        self._plan = Plan()
        self._sliders = {field: QSlider(Qt.Orientation.Horizontal) for field in SLIDERS}
        self._slider_words = {field: QLabel() for field in SLIDERS}
        self._another = make_button("anotherPreview", "Another image")
        self._preview_words = make_label("previewWords", "muted")
        self._prepared = QWidget()
        self._prepared_row = QHBoxLayout(self._prepared)
        self._prepared_row.setContentsMargins(0, 0, 0, 0)
        self._strip = QWidget()
        self._strip_row = QHBoxLayout(self._strip)
        self._strip_row.setContentsMargins(0, 0, 0, 0)
        self._preview: Preview | None = None
        self._busy = BusyLine("lookBusy")
        self._kind = ChoiceBox("lookKind", "Side by side: classes, sources, or both")
        self._kind.setMinimumWidth(240)
        self._gallery = QWidget()
        self._grid = QGridLayout(self._gallery)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self.histograms = PlotBox("histogramPlot", "Gray levels", bottom="black … white", left="share of the pixels")
        self._balance = CountTable("balanceTable", "Images that take part, by class and place; a click on a number shows them")
        self._outlier_words = make_label("outlierWords", "")
        self._outliers = make_button("showOutliers", "Show them")
        self._look: Look | None = None
        self._scan: Scan | None = None
        self._shown_kind = "class"
        self._build()

    def render_state(self, state: Wizard) -> None:
        """Show what was gathered."""
        self._busy.render_busy(state.looking)
        self._plan = state.plan
        self._render_sliders(state)
        if state.preview is not None and state.preview is not self._preview:
            self._preview = state.preview
            self._render_preview(state.preview)
        if state.look is None or state.scan is None or state.look is self._look:
            return
        self._look, self._scan = state.look, state.scan
        present = [kind for kind in KINDS if any(each.kind == kind for each in state.look.groups)]
        if self._shown_kind not in present:
            self._shown_kind = "class"
        self._kind.render_choices([(f"by {kind}", kind) for kind in present], self._shown_kind)
        self._render_groups()
        self._balance.render_sheet(state.look.balance)
        self._render_outliers(state.look)

    def _render_sliders(self, state: Wizard) -> None:
        values = {row.name: row.value for row in state.fields}
        for field, (title, _most, steps) in SLIDERS.items():
            value = float(values.get(f"augment.{field}", "0"))
            slider = self._sliders[field]
            if not slider.isSliderDown():
                slider.setValue(round(value * steps))
            self._slider_words[field].setText(f"{title}: {value:g}")

    def _render_preview(self, shown: Preview) -> None:
        clear_layout(self._strip_row)
        pictures = [("as the file has it", shown.whole)]
        names = ("as the network sees it", "its CLAHE channel", "its BEASF channel")
        is_colour = len({channel.tobytes() for channel in shown.channels}) > 1
        pictures += list(zip(names, shown.channels if is_colour else shown.channels[:1], strict=False))
        pictures += [(f"changed by chance, {number}", changed) for number, changed in enumerate(shown.changed, start=1)]
        for words, picture in pictures:
            self._strip_row.addWidget(captioned(picture, PREVIEW_PX, words))
        self._strip_row.addStretch(1)
        clear_layout(self._prepared_row)
        self._prepared_row.addWidget(captioned(shown.whole, PREVIEW_PX, "before"))
        for each in shown.prepared:
            self._prepared_row.addWidget(captioned(each.picture, PREVIEW_PX, f"{each.title}{USED if each.is_used else ''}"))
        self._prepared_row.addStretch(1)
        self._preview_words.setText(f"{shown.path.name}. The recipe is chosen on the next page; the sliders change what it does by chance.")

    def _render_outliers(self, look: Look) -> None:
        count = len(look.outliers)
        kinds = sorted({outlier.reason for outlier in look.outliers})
        self._outlier_words.setText(f"{count} images look like none of the others: {', '.join(kinds)}." if count else "None stands out.")
        self._outliers.setVisible(bool(count))

    def _render_groups(self) -> None:
        look, scan = self._look, self._scan
        if look is None or scan is None:
            return
        clear_layout(self._grid)
        groups = [each for each in look.groups if each.kind == self._shown_kind]
        for row, group in enumerate(groups):
            self._add_group(row, group, scan)
        self._grid.setColumnStretch(SAMPLES_SHOWN + 2, 1)
        levels = (np.arange(BINS) + 0.5) / BINS
        self.histograms.show_lines([Line(each.name, levels, each.histogram.astype(np.float64)) for each in groups])

    def _add_group(self, row: int, group: Looks, scan: Scan) -> None:
        words = make_label(f"group-{row}", "", f"{group.name}\n{group.images} images")
        words.setFixedWidth(WORDS_PX)
        self._grid.addWidget(words, row, 0)
        self._grid.addWidget(picture_label(group.mean, MEAN_PX, f"mean picture of {group.name}"), row, 1)
        for place, sample in enumerate(group.samples[:SAMPLES_SHOWN]):
            self._grid.addWidget(picture_label(scan.thumbs[sample], SAMPLE_PX, scan.seen[sample].entry.path.name), row, place + 2)

    def _build(self) -> None:
        self._kind.choice_made.connect(self._on_kind)
        self._outliers.clicked.connect(self._on_outliers)
        self._balance.rows_requested.connect(self.rows_requested)
        self.add(self._busy, in_a_row(self._kind), make_label("galleryWords", "muted", "First the mean picture, then some by chance."))
        self.add(self._gallery, self.histograms)
        grid = QGridLayout()
        for number, (field, (title, most, steps)) in enumerate(SLIDERS.items()):
            slider = self._sliders[field]
            slider.setObjectName(f"augment-{field}")
            slider.setAccessibleName(title)
            slider.setRange(0, round(most * steps))
            slider.setFixedWidth(200)
            slider.sliderReleased.connect(lambda field=field: self._on_slider(field))
            slider.actionTriggered.connect(lambda _action, field=field: self._on_key(field))
            grid.addWidget(self._slider_words[field], number // 4 * 2, number % 4)
            grid.addWidget(slider, number // 4 * 2 + 1, number % 4)
        grid.setColumnStretch(4, 1)
        self._another.clicked.connect(self.another_requested)
        preview = (self._preview_words, in_a_row(self._another), self._strip, grid)
        self.add_section("previewHeading", "What the network sees", *preview)
        self.add_section("preparedHeading", "Steps of preparation, each by itself", self._prepared)
        self.add_section("balanceHeading", "Balance", self._balance)
        self.add_section("outlierHeading", "Outliers", self._outlier_words, in_a_row(self._outliers))
        self.end()

    def _on_key(self, field: str) -> None:
        if not self._sliders[field].isSliderDown():
            QTimer.singleShot(0, self, lambda: self._on_slider(field))  # Qt tells before it moves

    def _on_slider(self, field: str) -> None:
        value = self._sliders[field].value() / SLIDERS[field][2]
        name = f"augment.{field}"
        change = f"{name}={value:g}"
        if change not in self._plan.changes:
            others = tuple(each for each in self._plan.changes if not each.startswith(f"{name}="))
            self.plan_chosen.emit(replace(self._plan, changes=(*others, change)))

    def _on_kind(self, kind: object) -> None:
        self._shown_kind = str(kind)
        self._render_groups()

    def _on_outliers(self) -> None:
        if self._look is not None:
            rows: Sequence[int] = tuple(outlier.row for outlier in self._look.outliers)
            self.rows_requested.emit("Outliers", rows)
