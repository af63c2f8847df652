"""Page 5: the runs, and how the shown one learns."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QListWidget, QMessageBox, QPlainTextEdit, QProgressBar, QWidget

from cxrview.app.views.labels import make_label
from cxrview.app.views.wizard.image_sheet import captioned
from cxrview.app.views.wizard.page import WizardPage, clear_layout
from cxrview.app.views.wizard.plot_box import Line, PlotBox
from cxrview.app.views.wizard.tables import in_a_row, make_button
from cxrview.app.wizard import Learning, Wizard
from cxrview.training.estimate import in_words
from cxrview.training.range_test import RangeResult
from cxrview.training.status import RunState, RunStatus

LEAD = (
    "A training is a process of its own: this window may be closed, and shows it again when it is opened. Closing, a crash or a power cut "
    "cost one epoch at most. Trainings that wait begin one after the other while the program is open."
)
GLIMPSE_PX = 140
STATE_WORDS = {
    RunState.WAITING: "Waits for its turn.",
    RunState.PREPARING: "Prepares: reads the images, and does what the recipe wants before the first epoch.",
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
        self.losses = PlotBox("lossPlot", "Loss", bottom="epoch", left="loss", whole_x=True)
        self.aurocs = PlotBox("aurocPlot", "AUROC on the validation split", bottom="epoch", left="AUROC", low=True, whole_x=True)
        self._no_curves = make_label("noCurves", "muted", "Curves and examples appear after the first epoch.")
        self._glimpse_words = make_label("glimpseWords", "muted")
        self._glimpse = QWidget()
        self._glimpse_row = QHBoxLayout(self._glimpse)
        self._glimpse_row.setContentsMargins(0, 0, 0, 0)
        self.rates = PlotBox("ratePlot", "Learning-rate range test", bottom="learning rate", left="smoothed loss", log_x=True)
        self._rate_words = make_label("rateWords", "muted")
        self._learning: Learning | None = None
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
        if state.learning is not self._learning or (state.learning is None and self._glimpse.isVisibleTo(self)):
            self._learning = state.learning
            self._render_learning(state.learning)

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
        if run.state is RunState.CUT_OFF and not run.epochs:
            self._state.setText("Was cut off before its first epoch was complete; it begins anew.")
        for plot in (self.losses, self.aurocs):
            plot.setVisible(bool(run.epochs))
        self._no_curves.setVisible(not run.epochs)
        self.losses.show_lines(_loss_lines(run))
        self.aurocs.show_lines(_auroc_lines(run))
        if self._log.toPlainText() != run.log:
            self._log.setPlainText(run.log)
            self._log.verticalScrollBar().setValue(self._log.verticalScrollBar().maximum())

    def _render_learning(self, learning: Learning | None) -> None:
        glimpse = learning.glimpse if learning is not None else None
        found = learning.range_test if learning is not None else None
        self.show_heading("glimpseHeading", is_shown=glimpse is not None)
        self.show_heading("rateHeading", is_shown=found is not None)
        for widget in (self._glimpse_words, self._glimpse):
            widget.setVisible(glimpse is not None)
        for widget in (self._rate_words, self.rates):
            widget.setVisible(found is not None)
        clear_layout(self._glimpse_row)
        if glimpse is not None:
            self._glimpse_words.setText(
                f"Validation images after epoch {glimpse.epoch}, as the network sees them. Coloured is what speaks for what it calls "
                "them; probabilities are not calibrated yet."
            )
            for picture, words in zip(glimpse.pictures, glimpse.words, strict=True):
                self._glimpse_row.addWidget(captioned(picture, GLIMPSE_PX, words))
            self._glimpse_row.addStretch(1)
        if found is not None:
            self._rate_words.setText(
                "The rate rose from batch to batch on a network that was thrown away. The loss fell most steeply at "
                f"{found.suggestion:.2g}; the recipe says whether that rate is taken."
            )
            self.rates.show_lines(_rate_lines(found))

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
        self.add(in_a_row(self._pause, self._go_on, self._stop, self._remove), self._no_curves, plots)
        self.add_section("glimpseHeading", "What it looks at", self._glimpse_words, self._glimpse)
        self.add_section("rateHeading", "Learning rate", self._rate_words, self.rates)
        self.add_section("logHeading", "Log", self._log)
        self._render_learning(None)
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


def _rate_lines(found: RangeResult) -> list[Line]:
    rates, losses = np.array(found.rates), np.array(found.losses)
    ends = np.array([losses.min(), losses.max()])
    at = np.array([found.suggestion, found.suggestion])
    return [Line("loss", rates, losses), Line(f"steepest at {found.suggestion:.2g}", at, ends)]


def _auroc_lines(run: RunStatus) -> list[Line]:
    """Draw the mean and each label; inside sources they are in the report."""
    epochs = np.array([figures.epoch for figures in run.epochs], np.float64)
    lines = [Line("mean", epochs, np.array([figures.mean_auroc for figures in run.epochs], np.float64), has_dots=True)]
    for label in run.labels[:7] if len(run.labels) > 1 else ():
        values = np.array([figures.aurocs.get(label, np.nan) for figures in run.epochs], np.float64)
        lines.append(Line(label, epochs, values))
    return lines
