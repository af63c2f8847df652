"""Page 5: the runs, and how the shown one learns."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QListWidget, QMessageBox, QPlainTextEdit, QProgressBar

from cxrview.app.views.labels import make_label
from cxrview.app.views.wizard.page import WizardPage
from cxrview.app.views.wizard.plot_box import Line, PlotBox
from cxrview.app.views.wizard.tables import in_a_row, make_button
from cxrview.app.wizard import Wizard
from cxrview.training.estimate import in_words
from cxrview.training.status import RunState, RunStatus

LEAD = (
    "A training is a process of its own: this window may be closed, and shows it again when it is opened. Closing, a crash or a power cut "
    "cost one epoch at most. Trainings that wait begin one after the other while the program is open."
)
STATE_WORDS = {
    RunState.WAITING: "Waits for its turn.",
    RunState.PREPARING: "Reads the images.",
    RunState.TRAINING: "Learns.",
    RunState.PAUSED: "Paused: it keeps its memory and does nothing.",
    RunState.JUDGING: "Training is over; the best weights are exported and judged.",
    RunState.DONE: "Done.",
    RunState.FAILED: "Failed.",
    RunState.CUT_OFF: "Was cut off, and can go on from its last epoch.",
}


class TrainPage(WizardPage):
    """Runs, curves, controls, log."""

    run_chosen = Signal(object)
    """Another run is to be shown. Parameters: folder (Path)."""
    pause_requested = Signal()
    """The run is to pause."""
    go_on_requested = Signal()
    """The run is to go on, or to be resumed."""
    stop_requested = Signal()
    """The run is to end and keep the best weights."""
    remove_requested = Signal()
    """The run is to be taken out of the queue, or deleted."""

    def __init__(self) -> None:
        super().__init__("trainPage", "Train", LEAD)
        self._runs: tuple[RunStatus, ...] = ()
        self._list = QListWidget()
        self._list.setObjectName("runList")
        self._list.setAccessibleName("Trainings")
        self._list.setFixedHeight(92)
        self._state = make_label("runState", "title")
        self._message = make_label("runMessage", "error")
        self._left = make_label("runLeft", "muted")
        self._bar = QProgressBar()
        self._bar.setObjectName("runBar")
        self._bar.setAccessibleName("Steps of all epochs")
        self._bar.setTextVisible(False)
        self._pause = make_button("pauseRun", "&Pause")
        self._go_on = make_button("goOnRun", "&Go on")
        self._stop = make_button(
            "stopRun", "&Stop and keep the best", hint="Ends after this step; the best weights so far are judged and kept"
        )
        self._remove = make_button("removeRun", "Delete this run…")
        self.losses = PlotBox("lossPlot", "Loss", bottom="epoch", left="loss")
        self.aurocs = PlotBox("aurocPlot", "AUROC on the validation split", bottom="epoch", left="AUROC", low=True)
        self._log = QPlainTextEdit()
        self._log.setObjectName("runLog")
        self._log.setAccessibleName("Log of the training")
        self._log.setReadOnly(True)
        self._log.setFixedHeight(150)
        self._build()

    def render_state(self, state: Wizard) -> None:
        """Show the runs."""
        told = tuple((run.title, run.state) for run in state.runs)
        if told != tuple((run.title, run.state) for run in self._runs) or self._list.count() != len(told):
            self._list.clear()
            self._list.addItems([f"{title}: {run_state}" for title, run_state in told])
        self._runs = state.runs
        place = next((number for number, run in enumerate(state.runs) if run.folder == state.shown), -1)
        if self._list.currentRow() != place:
            self._list.setCurrentRow(place)
        run = state.shown_run
        for button, is_on in (
            (self._pause, run is not None and run.state in (RunState.TRAINING, RunState.PREPARING)),
            (self._go_on, run is not None and (run.state is RunState.PAUSED or run.state.can_resume)),
            (self._stop, run is not None and run.state in (RunState.TRAINING, RunState.PAUSED)),
            (self._remove, run is not None and not run.state.is_busy),
        ):
            button.setEnabled(is_on)
        if run is not None:
            self._render_run(run)

    def _render_run(self, run: RunStatus) -> None:
        best = run.best
        words = STATE_WORDS[run.state]
        if best is not None:
            words += f" Best so far: epoch {best.epoch}, mean AUROC {best.mean_auroc:.3f} on the validation split."
        self._state.setText(words)
        self._message.setText(run.message)
        self._message.setVisible(bool(run.message))
        left = f"About {in_words(run.seconds_left)} left, at most." if run.seconds_left is not None else ""
        step = run.step
        if step is not None:
            left = f"Epoch {step.epoch} of {step.epochs}, step {step.step} of {step.steps}, loss {step.loss:.3f}. {left}"
        self._left.setText(left)
        self._bar.setVisible(run.state.is_busy)
        self._bar.setRange(0, step.epochs * step.steps if step is not None else 0)
        self._bar.setValue((step.epoch - 1) * step.steps + step.step if step is not None else 0)
        self.losses.show_lines(_loss_lines(run))
        self.aurocs.show_lines(_auroc_lines(run))
        if self._log.toPlainText() != run.log:
            self._log.setPlainText(run.log)
            self._log.verticalScrollBar().setValue(self._log.verticalScrollBar().maximum())

    def _build(self) -> None:
        self._list.currentRowChanged.connect(self._on_row)
        self._pause.clicked.connect(self.pause_requested)
        self._go_on.clicked.connect(self.go_on_requested)
        self._stop.clicked.connect(self.stop_requested)
        self._remove.clicked.connect(self._ask_to_remove)
        plots = QHBoxLayout()
        plots.addWidget(self.losses, 1)
        plots.addWidget(self.aurocs, 1)
        self.add(self._list, self._state, self._message, self._bar, self._left)
        self.add(in_a_row(self._pause, self._go_on, self._stop, self._remove), plots)
        self.add_section("logHeading", "Log", self._log)
        self.end()

    def _ask_to_remove(self) -> None:
        box = QMessageBox(self)
        box.setObjectName("removeRunQuestion")
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setWindowTitle("Delete this run?")
        box.setText("Its folder is deleted, with its checkpoints, figures and package. A model that was published from it stays.")
        delete = box.addButton("&Delete the run", QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        delete.clicked.connect(self.remove_requested)
        box.open()

    def _on_row(self, place: int) -> None:
        if 0 <= place < len(self._runs) and self._list.hasFocus():
            self.run_chosen.emit(self._runs[place].folder)


def _loss_lines(run: RunStatus) -> list[Line]:
    epochs = np.array([figures.epoch for figures in run.epochs], np.float64)
    return [
        Line("training", epochs, np.array([figures.train_loss for figures in run.epochs], np.float64), has_dots=True),
        Line("validation", epochs, np.array([figures.val_loss for figures in run.epochs], np.float64), has_dots=True),
    ]


def _auroc_lines(run: RunStatus) -> list[Line]:
    """Draw the mean and each label; inside sources they are in the report."""
    epochs = np.array([figures.epoch for figures in run.epochs], np.float64)
    lines = [Line("mean", epochs, np.array([figures.mean_auroc for figures in run.epochs], np.float64), has_dots=True)]
    for label in run.labels[:7] if len(run.labels) > 1 else ():
        values = np.array([figures.aurocs.get(label, np.nan) for figures in run.epochs], np.float64)
        lines.append(Line(label, epochs, values))
    return lines
