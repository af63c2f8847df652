"""Page 7: what the model is called and for, and its way into the model panel."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QFormLayout, QLineEdit, QPlainTextEdit

from cxrview.app.views.labels import make_label
from cxrview.app.views.wizard.page import BusyLine, WizardPage
from cxrview.app.views.wizard.tables import in_a_row, make_button
from cxrview.app.wizard import Wizard
from cxrview.training.hand_on import KINDS, Part
from cxrview.training.publish import Imprint, problem_of

LEAD = (
    "The model becomes a package with its card, its calibration and two golden inputs. It is opened again and run on these before it is "
    "listed; then the model panel has it, and so has `cxrview score`."
)
PART_WORDS = {
    Part.FOLDER: "everything but the checkpoints, as one archive.",
    Part.REPORT: "figures, curves and audits as one web page.",
    Part.SPLIT: "every file with its SHA-256, its part of the split and its group. File names may name patients.",
}
FIELDS = (("id", "Id"), ("title", "Name"), ("version", "Version"), ("licence", "Licence of the weights"))


class PublishPage(WizardPage):
    """A form and a button."""

    publish_requested = Signal(object)
    """The model is to be published. Parameters: imprint (Imprint)."""

    hand_on_requested = Signal(object, object)
    """A part of the run is to be written to a file. Parameters: part (Part), path (Path)."""

    def __init__(self) -> None:
        super().__init__("publishPage", "Publish", LEAD)
        self._lines = {field: QLineEdit() for field, _title in FIELDS}
        self._use = QPlainTextEdit()
        self._use.setObjectName("publish-use")
        self._use.setAccessibleName("Intended use")
        self._use.setFixedHeight(90)
        self._use.setTabChangesFocus(True)
        self._publish = make_button("publish", "&Publish", role="main")
        self._folder = make_button("openRunFolder", "Open the run folder", hint="Split manifest, report, checkpoints, package")
        self._parts = {part: make_button(f"handOn-{part.name}", f"Export the {part}…", hint=PART_WORDS[part]) for part in Part}
        self._busy = BusyLine("publishBusy")
        self._problem = make_label("publishProblem", "error")
        self._done = make_label("publishDone", "title")
        self._where = make_label("publishWhere", "muted")
        self._imprint: Imprint | None = None
        self._place = QUrl()
        self._build()

    def render_state(self, state: Wizard) -> None:
        """Show the imprint, or what became of it."""
        if state.imprint is not None and state.imprint != self._imprint:
            self._imprint = state.imprint
            for field, line in self._lines.items():
                line.setText(getattr(state.imprint, field))
            self._use.setPlainText(state.imprint.intended_use)
        self._publish.setEnabled(state.imprint is not None and state.publishing is None and not state.published)
        self._busy.render_busy(state.publishing)
        self._done.setText(f"Published as '{state.published}': it stands in the model panel." if state.published else "")
        self._done.setVisible(bool(state.published))
        run = state.shown_run
        if run is not None:
            self._place = QUrl.fromLocalFile(str(run.folder))
            self._where.setText(f"The run folder: {run.folder}")
        for button in (self._folder, *self._parts.values()):
            button.setEnabled(run is not None and state.publishing is None)

    def _build(self) -> None:
        form = QFormLayout()
        for field, title in FIELDS:
            line = self._lines[field]
            line.setObjectName(f"publish-{field}")
            line.setAccessibleName(title)
            line.textEdited.connect(self._check)
            form.addRow(title, line)
        form.addRow("For what, and for what not", self._use)
        self._publish.clicked.connect(self._on_publish)
        self._folder.clicked.connect(lambda: QDesktopServices.openUrl(self._place))
        self.add(form, self._problem, in_a_row(self._publish), self._busy, self._done)
        for part, button in self._parts.items():
            button.clicked.connect(lambda _on, part=part: self._ask_for_place(part))
        words = make_label("handOnWords", "muted", "\n".join(f"{str(part).capitalize()}: {PART_WORDS[part]}" for part in Part))
        self.add_section("handOnHeading", "To hand on", words, in_a_row(*self._parts.values(), self._folder), self._where)
        self._problem.hide()
        self.end()

    def _ask_for_place(self, part: Part) -> None:
        suffix, kind = KINDS[part]
        name = f"{self._lines['id'].text().strip() or 'run'}-{part.name.lower()}{suffix}"
        chosen, _kind = QFileDialog.getSaveFileName(self, f"Export the {part}", name, kind)
        if chosen:
            self.hand_on_requested.emit(part, Path(chosen))

    def _written(self) -> Imprint:
        values = {field: line.text().strip() for field, line in self._lines.items()}
        return Imprint(values["id"], values["title"], values["version"], values["licence"], self._use.toPlainText().strip())

    def _check(self) -> str:
        problem = problem_of(self._written())
        self._problem.setText(problem)
        self._problem.setVisible(bool(problem))
        return problem

    def _on_publish(self) -> None:
        if not self._check():
            self.publish_requested.emit(self._written())
