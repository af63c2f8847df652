"""Page 6: what the finished run is worth, on images it never learned from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QColor, QDesktopServices
from PySide6.QtWidgets import QDoubleSpinBox, QFileDialog, QHBoxLayout, QTableWidgetItem, QWidget

from cxrview.app.views.choice_box import ChoiceBox
from cxrview.app.views.labels import make_label
from cxrview.app.views.wizard.image_sheet import captioned
from cxrview.app.views.wizard.page import BusyLine, WizardPage, clear_layout
from cxrview.app.views.wizard.plot_box import Line, PlotBox
from cxrview.app.views.wizard.tables import fill_table, in_a_row, make_button, make_table
from cxrview.app.wizard import Wizard
from cxrview.core.colour import SEQUENTIAL, colour_table
from cxrview.evaluation.interval import Interval
from cxrview.training.looks import looks_sentence
from cxrview.training.rivals import Rival
from cxrview.training.verdict import Cell, LabelVerdict, Verdict

LEAD = "Figures on the frozen test split. Intervals hold 95 % of draws of patients; every number of the table opens its images."
MOST_TEMPLATES, TEMPLATE_PX, SCALE_PX = 6, 120, 18
TEMPLATE_LEAD = (
    "Mean heatmaps: where the network looks in images of a class, brought into one frame, the box of the lungs. All share one scale; 1 is "
    "the strength of an even map."
)
STRONGEST = 0.45  # opacity of the fullest cell's ground


class JudgePage(WizardPage):
    """Curves, intervals, confusions, subgroups, elsewhere."""

    cell_opened = Signal(str, object)
    """The images of a cell are to be shown. Parameters: title, cases (tuple of int)."""
    sensitivity_chosen = Signal(float)
    """Thresholds for another sensitivity are wanted. Parameters: sensitivity, 0 to 1."""
    elsewhere_chosen = Signal(object)
    """The model is to be tried on images from elsewhere. Parameters: place (Path)."""
    corrections_wanted = Signal(object)
    """The marked images are to be written to a table. Parameters: path (Path)."""

    def __init__(self) -> None:
        super().__init__("judgePage", "Judge", LEAD)
        self._busy = BusyLine("judgeBusy")
        self._looks = make_label("lookWords", "title")
        self._labels = make_table("labelTable", "Figures of each class")
        self._label = ChoiceBox("judgedLabel", "Class whose curves are shown")
        self._label.setMinimumWidth(240)
        self.roc = PlotBox("rocPlot", "ROC", bottom="1 − specificity", left="sensitivity", unit_square=True)
        self.precision = PlotBox("precisionPlot", "Precision and recall", bottom="recall", left="precision", unit_square=True)
        self.calibration = PlotBox("calibrationPlot", "Calibration", bottom="promised", left="came true", unit_square=True)
        self._confusion = make_table("confusionTable", "What was called what; a click shows the images")
        self._mark_words = make_label("markWords", "muted")
        self._corrections = make_button("exportCorrections", "Export corrections…", hint="A table of the images that you marked")
        self._wanted = QDoubleSpinBox()
        self._thresholds = make_table("thresholdTable", "Thresholds for this sensitivity")
        self._subgroups = make_table("subgroupTable", "AUROC among images that share something")
        self._shortcuts = make_table("shortcutTable", "The network beside what sees no chest")
        self._elsewhere = make_button("elsewhere", "Try it on images from &elsewhere…", role="main")
        self._drop = make_label("dropWords", "title")
        self._elsewhere_table = make_table("elsewhereTable", "Here and elsewhere")
        self._headline = make_label("verdictHeadline", "title")
        self._verdict_words = make_label("verdictWords", "")
        self._unmeasured = make_label("unmeasuredWords", "muted")
        self._audit = make_table("auditTable", "The network with something taken away, and where it looks")
        self._templates = QWidget()
        self._template_row = QHBoxLayout(self._templates)
        self._template_row.setContentsMargins(0, 0, 0, 0)
        self._template_lead = make_label("templateLead", "muted", TEMPLATE_LEAD)
        self._published = make_table("publishedTable", "What the recipe's authors reported, and what was reached here")
        self._others = make_table("otherRuns", "Other trainings")
        self._report = make_button("openReport", "Open the report")
        self._verdict: Verdict | None = None
        self._place = QUrl()
        self._build()

    def render_state(self, state: Wizard) -> None:
        """Show the verdict."""
        self._busy.render_busy(state.judging)
        run = state.shown_run
        verdict = state.verdict if run is not None and state.verdict is not None and state.verdict.run == run.folder else None
        self._elsewhere.setEnabled(verdict is not None and state.judging is None)
        self._mark_words.setText(f"{len(state.marked)} images are marked as labelled wrongly." if state.marked else "")
        self._mark_words.setVisible(bool(state.marked))
        self._corrections.setEnabled(bool(state.marked))
        if run is not None:
            self._place = QUrl.fromLocalFile(str(run.folder / "report" / "report.html"))
        if verdict is None:
            return
        self._looks.setText(looks_sentence(state.looks))
        if verdict is not self._verdict:
            self._verdict = verdict
            self._render_verdict(verdict)
        self._render_elsewhere(state, verdict)
        rows = rival_rows(state.rivals)
        if rows and run is not None and run.best is not None:
            rows.insert(0, ("this one", _number(run.best.mean_auroc), "", "", ""))
        columns = ("Training", "Mean AUROC, validation", "Class", "AUROC on this very test split", "This one is above it by")
        fill_table(self._others, columns, rows)
        self.show_heading("othersHeading", is_shown=bool(rows))
        authors = [("The authors, on other images, mostly without a split by patient", line) for line in verdict.published]
        fill_table(self._published, ("Whose", "Figures"), [*authors, ("Here, on the frozen test split", state.figures)] if authors else [])
        self.show_heading("publishedHeading", is_shown=bool(authors))

    def _render_verdict(self, verdict: Verdict) -> None:
        columns = ("Class", "Positives", "Negatives", "AUROC", "Calibration error before", "after", "Threshold")
        fill_table(self._labels, columns, [_label_row(each) for each in verdict.labels])
        chosen = next((value for value in (self._shown_label(),) if value in verdict.scored.labels), _first_finding(verdict))
        self._label.render_choices([(each.name, each.label) for each in verdict.labels], chosen)
        self._render_curves(chosen)
        self._render_confusion(verdict)
        rows = [
            (each.label, f"{each.wanted:.0%}", _number(each.threshold), _percent(each.sensitivity), _percent(each.specificity))
            for each in verdict.thresholds
        ]
        fill_table(self._thresholds, ("Class", "Wanted on validation", "Threshold", "Sensitivity on test", "Specificity on test"), rows)
        fill_table(
            self._subgroups,
            ("Class", "Of", "Value", "AUROC", "Images"),
            [(each.label, each.kind, each.value, str(each.auroc), str(each.auroc.n)) for each in verdict.subgroups],
        )
        fill_table(self._shortcuts, *_shortcut_rows(verdict))
        self._render_audit(verdict.report)
        self.show_heading("subgroupHeading", is_shown=bool(verdict.subgroups))
        self.show_heading("shortcutHeading", is_shown=self._shortcuts.rowCount() > 0)

    def _render_audit(self, report: Mapping[str, Any]) -> None:
        """Show what the run's own report concluded, and how its audits ended."""
        told = verdict_words(report)
        self._headline.setText(told[0])
        self._verdict_words.setText("\n".join(told[1:]))
        rows = audit_rows(report)
        fill_table(self._audit, ("Audit", "Where", "Result", "Ended"), rows)
        self._unmeasured.setText("\n".join(f"Not measured: {sentence}" for sentence in unmeasured(report)))
        self._unmeasured.setVisible(bool(unmeasured(report)))
        self.show_heading("auditHeading", is_shown=bool(rows))
        clear_layout(self._template_row)
        templates = template_pictures(report)[:MOST_TEMPLATES]
        for words, picture, _most in templates:
            self._template_row.addWidget(captioned(picture, TEMPLATE_PX, words))
        if templates:
            most = max(each[2] for each in templates)
            numbers = f"top {most:.2g}\nmiddle {most / 2:.2g}\nbottom 0"
            self._template_row.addWidget(captioned(scale_picture(TEMPLATE_PX), TEMPLATE_PX, numbers))
        self._template_row.addStretch(1)
        self._templates.setVisible(bool(templates))
        silent = silent_templates(report)
        self._template_lead.setText(TEMPLATE_LEAD + (f" No place speaks for: {', '.join(silent)}." if silent else ""))
        self._template_lead.setVisible(bool(templates or silent))

    def _render_curves(self, label: str) -> None:
        verdict = self._verdict
        if verdict is None:
            return
        found = next(each for each in verdict.labels if each.label == label)
        ends = np.array([0.0, 1.0])
        self.roc.show_lines([Line("", ends, ends), Line(found.name, found.roc[:, 0], found.roc[:, 1])])
        self.precision.show_lines([Line(found.name, found.precision_recall[:, 0], found.precision_recall[:, 1])])
        promised = np.array([each.mean_probability for each in found.bins])
        came = np.array([each.fraction.value for each in found.bins])
        spans = [Line("", np.array([each.mean_probability] * 2), np.array([each.fraction.low, each.fraction.high])) for each in found.bins]
        self.calibration.show_lines([Line("", ends, ends), *spans, Line(found.name, promised, came, has_dots=True, has_line=False)])

    def _render_confusion(self, verdict: Verdict) -> None:
        fill_table(self._confusion, ("is \\ called", *verdict.calls), [(truth, *[""] * len(verdict.calls)) for truth in verdict.truths])
        fullest = max((len(cell.members) for cell in verdict.cells), default=1)
        for cell in verdict.cells:
            item = QTableWidgetItem(str(len(cell.members)))
            item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
            item.setToolTip(_cell_title(cell))
            ground = QColor("#009e73" if cell.truth == cell.called else "#d55e00")
            ground.setAlphaF(STRONGEST * len(cell.members) / max(1, fullest))
            item.setBackground(ground)
            self._confusion.setItem(verdict.truths.index(cell.truth), verdict.calls.index(cell.called) + 1, item)

    def _render_elsewhere(self, state: Wizard, verdict: Verdict) -> None:
        external = state.external
        self._drop.setVisible(external is not None)
        if external is None:
            fill_table(self._elsewhere_table, (), ())
            return
        here = {each.label: each.auroc.value for each in verdict.labels}
        rows = []
        drops = []
        for result in external.report.contrasts:
            there = result.auroc.value
            drops.append(there - here.get(result.contrast.label, math.nan))
            cells = (result.contrast.label, result.contrast.source, _number(here.get(result.contrast.label, math.nan)), str(result.auroc))
            rows.append((*cells, f"{drops[-1]:+.3f}"))
        fill_table(self._elsewhere_table, ("Class", "Place", "AUROC here", "AUROC there", "Change"), rows)
        known = [drop for drop in drops if not math.isnan(drop)]
        if known:
            change = sum(known) / len(known)
            words = f"{abs(change):.3f} {'lower' if change < 0 else 'higher'} than on the internal test"
            self._drop.setText(f"Elsewhere ({external.place.name}): AUROC {words}.")
        else:
            self._drop.setText(f"Elsewhere ({external.place.name}): too few images of both classes for an AUROC; the report has the rates.")

    def _build(self) -> None:
        self._confusion.horizontalHeader().setStretchLastSection(False)
        font = self._drop.font()
        font.setPointSizeF(font.pointSizeF() * 1.6)
        self._drop.setFont(font)
        self._wanted.setObjectName("wantedSensitivity")
        self._wanted.setAccessibleName("Wanted sensitivity")
        self._wanted.setRange(50, 100)
        self._wanted.setDecimals(0)
        self._wanted.setSuffix(" %")
        self._wanted.setValue(90)
        self._wanted.setMaximumWidth(120)
        self._wanted.editingFinished.connect(lambda: self.sensitivity_chosen.emit(self._wanted.value() / 100))
        self._label.choice_made.connect(lambda label: self._render_curves(str(label)))
        self._confusion.cellClicked.connect(self._on_cell)
        self._confusion.cellActivated.connect(self._on_cell)
        self._elsewhere.clicked.connect(self._ask_for_place)
        self._corrections.clicked.connect(self._ask_for_corrections)
        self._report.clicked.connect(lambda: QDesktopServices.openUrl(self._place))
        plots = QHBoxLayout()
        for plot in (self.roc, self.precision, self.calibration):
            plots.addWidget(plot, 1)
        self.add(self._busy, self._looks, self._headline, self._verdict_words, self._labels, in_a_row(self._label), plots)
        self.add_section("confusionHeading", "What was called what", self._confusion, in_a_row(self._corrections), self._mark_words)
        self.add_section("thresholdHeading", "Thresholds by wanted sensitivity", in_a_row(self._wanted), self._thresholds)
        self.add_section("shortcutHeading", "Beside baselines that see no chest", self._shortcuts)
        self.add_section(
            "auditHeading", "Shortcut audit, and where it looks", self._audit, self._unmeasured, self._template_lead, self._templates
        )
        self.add_section("subgroupHeading", "Among images that share something", self._subgroups)
        self.add_section("elsewhereHeading", "Elsewhere", in_a_row(self._elsewhere, self._report), self._drop, self._elsewhere_table)
        self.add_section("publishedHeading", "Beside the published figures of this recipe", self._published)
        self.add_section("othersHeading", "Other trainings", self._others)
        self.end()

    def _shown_label(self) -> str:
        verdict, place = self._verdict, self._label.currentIndex()
        return verdict.scored.labels[place] if verdict is not None and 0 <= place < len(verdict.scored.labels) else ""

    def _on_cell(self, row: int, column: int) -> None:
        verdict = self._verdict
        if verdict is None or column < 1:
            return
        truth, called = verdict.truths[row], verdict.calls[column - 1]
        cell = next(each for each in verdict.cells if each.truth == truth and each.called == called)
        if cell.members:
            self.cell_opened.emit(_cell_title(cell), cell.members)

    def _ask_for_place(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Labelled images from elsewhere: a folder for each class, or with one table")
        if folder:
            self.elsewhere_chosen.emit(Path(folder))

    def _ask_for_corrections(self) -> None:
        name, _kind = QFileDialog.getSaveFileName(self, "Export corrections", "corrections.csv", "CSV (*.csv)")
        if name:
            self.corrections_wanted.emit(Path(name))


def _label_row(each: LabelVerdict) -> tuple[str, ...]:
    errors = (_number(each.error_before), _number(each.error_after))
    return each.name, str(each.positives), str(each.negatives), str(each.auroc), *errors, _number(each.threshold)


def _first_finding(verdict: Verdict) -> str:
    return next((each.label for each in reversed(verdict.labels) if not math.isnan(each.auroc.value)), verdict.labels[0].label)


def _cell_title(cell: Cell) -> str:
    return f"{len(cell.members)} images are '{cell.truth}' and were called '{cell.called}'"


def _shortcut_rows(verdict: Verdict) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Lay out the contrasts of the run's report: the network, and the baselines on the same images."""
    contrasts: Sequence[dict[str, object]] = verdict.report.get("contrasts", ())
    names: list[str] = []
    rows: list[tuple[str, ...]] = []
    for result in contrasts:
        contrast, network = result["contrast"], result["auroc"]
        baselines = result.get("baselines")
        if not isinstance(contrast, dict) or not isinstance(network, dict) or not isinstance(baselines, list):
            continue
        names = names or [str(each["name"]) for each in baselines]
        question = f"{contrast['source']} ({contrast['split']}): {contrast['label']} against {contrast['against']}"
        told = {str(each["name"]): _of_json(each["auroc"]) for each in baselines}
        rows.append((question, _of_json(network), *(told.get(name, "") for name in names)))
    return ("Inside one source", "Network", *names), rows


def verdict_words(report: Mapping[str, Any]) -> list[str]:
    """Give the headline of a report's verdict and its sentences, each list under its title."""
    verdict = report.get("verdict")
    if not isinstance(verdict, dict):
        return [""]
    lines = [str(verdict.get("headline", ""))]
    for key, title in (("can", "It can be trusted with"), ("cannot", "It cannot be trusted with"), ("careful", "Keep in mind")):
        sentences = verdict.get(key) or []
        if sentences:
            lines += ["", f"{title}:", *(f"  •  {sentence}" for sentence in sentences)]
    return lines


def audit_rows(report: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Lay out a report's shortcut audit: what was taken away, and how much of the heat lies in the lungs."""
    shortcuts = (report.get("audits") or {}).get("shortcuts") or {}
    rows: list[tuple[str, ...]] = []
    for each in shortcuts.get("changes", ()):
        contrast = each["contrast"]
        where = f"{contrast['source']}: {contrast['label']} against {contrast['against']}"
        rows.append(
            (str(each["change"]), where, f"AUROC {_of_json(each['whole'])} becomes {_of_json(each['changed'])}", str(each["level"]))
        )
    for each in shortcuts.get("heat", ()):
        found = f"{_of_json(each['inside'])}; an even map would have {each['even']:.2f}"
        rows.append(("heat in the lungs", f"{each['source']}: {each['label']}", found, str(each["level"])))
    return rows


def unmeasured(report: Mapping[str, Any]) -> list[str]:
    """Give the sentences on what the shortcut audit could not measure."""
    shortcuts = (report.get("audits") or {}).get("shortcuts") or {}
    return [str(sentence) for sentence in shortcuts.get("unmeasured", ())]


def silent_templates(report: Mapping[str, Any]) -> list[str]:
    """Name the classes whose mean heatmap speaks for them nowhere."""
    found = (report.get("audits") or {}).get("templates", ())
    return [f"{each['label']} in {each['source']}" for each in found if np.max(np.asarray(each.get("mean"), np.float64), initial=0.0) <= 0]


def template_pictures(report: Mapping[str, Any]) -> list[tuple[str, npt.NDArray[np.uint8], float]]:
    """Give the mean heatmap of each class in colour, (h, w, 3) RGB, with its words, and the value of the last colour, which all share."""
    found = []
    for each in (report.get("audits") or {}).get("templates", ()):
        values = np.asarray(each.get("mean"), np.float64)
        if values.ndim == 2 and np.isfinite(values).all() and values.max() > 0:
            found.append((f"{each['label']} in {each['source']}\n{each['images']} images", np.clip(values, 0, None)))
    most = max((float(values.max()) for _words, values in found), default=0.0)
    table = colour_table(SEQUENTIAL[0])
    return [(words, table[np.rint(255 * values / most).astype(np.uint8)], most) for words, values in found]


def scale_picture(height: int) -> npt.NDArray[np.uint8]:
    """Draw the colour bar of the templates, the last colour at the top, (height, SCALE_PX, 3) RGB."""
    column = colour_table(SEQUENTIAL[0])[np.linspace(255, 0, height).round().astype(np.intp)]
    return np.repeat(column[:, None], SCALE_PX, axis=1)


def rival_rows(rivals: Sequence[Rival]) -> list[tuple[str, ...]]:
    """Lay out other runs, with a row for each class where both froze the same test split."""
    rows: list[tuple[str, ...]] = []
    for rival in rivals:
        first = (rival.title, _number(rival.validation))
        if not rival.duels:
            rows.append((*first, "", "another test split", ""))
        for place, duel in enumerate(rival.duels):
            rows.append((*(first if not place else ("", "")), duel.label, _number(duel.auroc), _signed(duel.gain)))
    return rows


def _signed(gain: Interval) -> str:
    return f"{gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})"


def _of_json(interval: dict[str, object]) -> str:
    value, low, high = (interval.get(key) for key in ("value", "low", "high"))
    if not isinstance(value, (int, float)):
        return "not defined"
    return f"{value:.3f} ({low:.3f} to {high:.3f})" if isinstance(low, (int, float)) and isinstance(high, (int, float)) else f"{value:.3f}"


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"


def _percent(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.0%}"
