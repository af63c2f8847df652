"""Builds the worklist when it is first opened, below the picture, and ties it to the window: a row shows its image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QDockWidget

from cxrview.app.blinding import blinded
from cxrview.app.state import NoModel, SearchingModels, image_chosen
from cxrview.app.store import Store
from cxrview.app.tasks import Runner
from cxrview.app.window import MainWindow

if TYPE_CHECKING:
    from cxrview.app.controllers.worklist import Model, WorklistWork
    from cxrview.app.state import AppState
    from cxrview.app.views.worklist_panel import WorklistPanel
    from cxrview.app.worklist import Worklist
    from cxrview.app.worklist_store import WorklistStore

FIRST_HEIGHT_PX = 330


class _Dock(QDockWidget):
    """As high at first as a table needs to be of use."""

    def sizeHint(self) -> QSize:
        """Give the first size."""
        return QSize(900, FIRST_HEIGHT_PX)


class WorklistDesk:
    """The worklist and what is behind it; nothing of it is built before it is wanted."""

    def __init__(self, window: MainWindow, store: Store, runner: Runner, *, command: tuple[str, ...] = ()) -> None:
        """Take a place below the picture of `window`; `command` starts the process that scores, empty for this program."""
        self._window, self._store, self._runner, self._command = window, store, runner, command
        self.store: WorklistStore | None = None
        self.panel: WorklistPanel | None = None
        self.work: WorklistWork | None = None
        self._dock: QDockWidget | None = None
        self._shown_key = ""

    def toggle(self) -> None:
        """Show the worklist, or put it away."""
        if self._dock is None:
            self.open()
        else:
            self._dock.setVisible(not self._dock.isVisible())

    def open(self) -> None:
        """Show the worklist."""
        if self._dock is None:
            self._build()
        assert self._dock is not None
        self._dock.show()
        self._dock.raise_()

    def begin(self) -> None:
        """Show the worklist, and ask which folder to score."""
        self.open()
        assert self.panel is not None
        self.panel.ask_for_folder()

    def close(self) -> None:
        """Stop the scoring; what is done is kept."""
        if self.work is None or self.store is None:
            return
        if self.store.state.running is not None:
            self.work.cancel()
        self.store.changed.disconnect()

    def _build(self) -> None:
        from cxrview.app.controllers.worklist import WorklistWork
        from cxrview.app.views.worklist_panel import WorklistPanel
        from cxrview.app.worklist import Worklist
        from cxrview.app.worklist_store import WorklistStore

        dock = _Dock("Worklist", self._window)
        dock.setObjectName("worklistDock")
        dock.setAllowedAreas(Qt.DockWidgetArea.BottomDockWidgetArea | Qt.DockWidgetArea.TopDockWidgetArea)
        panel, store = WorklistPanel(dock), WorklistStore(Worklist())
        dock.setWidget(panel)
        work = WorklistWork(store, self._runner, command=self._command)
        self.panel, self.store, self.work, self._dock = panel, store, work, dock
        store.changed.connect(self._follow)
        self._store.changed.connect(lambda state: panel.render_state(store.state, state))
        _wire(panel, store, work)
        panel.folder_chosen.connect(self._score)
        self._window.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, dock)
        self._window.resizeDocks([dock], [FIRST_HEIGHT_PX], Qt.Orientation.Vertical)
        dock.visibilityChanged.connect(lambda _is_visible: self._render_blindness(store.state))
        panel.render_state(store.state, self._store.state)

    def _score(self, folder: Path, table: Path) -> None:
        from cxrview.app.worklist import notice_given

        assert self.store is not None
        assert self.work is not None
        model = model_of(self._store.state)
        if model is None:
            self.store.apply(notice_given, "No model is ready. Choose one at the right.")
            return
        self.work.run((folder,), table, model)

    def _follow(self, state: Worklist) -> None:
        """Show the chosen case in the window, and hide what networks say of it while it is to be read blind."""
        from cxrview.app.worklist import current_case

        assert self.panel is not None
        self._render_blindness(state)
        case = current_case(state)
        key = "" if case is None else case.key
        if case is not None and key != self._shown_key:
            height = 0 if self._dock is None else self._dock.height()
            self._store.apply(image_chosen, case.ref)
            if not self._shown_key:
                self._keep_height(height)
        self._shown_key = key
        self.panel.render_state(state, self._store.state)

    def _keep_height(self, height: int) -> None:
        """Leave the list as high as it was, where the first picture has brought panels that would take its room."""
        if self._dock is not None and not self._dock.isFloating() and height > self._dock.minimumHeight():
            self._window.resizeDocks([self._dock], [height], Qt.Orientation.Vertical)

    def _render_blindness(self, state: Worklist) -> None:
        from cxrview.app.worklist import current_case, is_veiled

        case = current_case(state)
        is_open = self._dock is not None and not self._dock.isHidden()
        self._store.apply(blinded, is_blinded=is_open and case is not None and is_veiled(state, case))


def _wire(panel: WorklistPanel, store: WorklistStore, work: WorklistWork) -> None:
    from cxrview.app.worklist import blindness_toggled, case_chosen, case_stepped, filter_chosen, sort_chosen

    panel.table_chosen.connect(work.open_table)
    panel.cancel_requested.connect(work.cancel)
    panel.filter_chosen.connect(lambda wanted: store.apply(filter_chosen, wanted))
    panel.sort_chosen.connect(lambda by, is_descending: store.apply(sort_chosen, by, is_descending=is_descending))
    panel.blindness_toggled.connect(lambda: store.apply(blindness_toggled))
    panel.case_chosen.connect(lambda place: store.apply(case_chosen, place))
    panel.step_requested.connect(lambda step: store.apply(case_stepped, step))
    panel.agreed.connect(work.agree)
    panel.disagreed.connect(work.disagree)
    panel.said.connect(work.say)
    panel.export_requested.connect(work.export)
    panel.report_requested.connect(work.report)


def model_of(state: AppState) -> Model | None:
    """Give the model in use, with the engine and device that were asked for; None where there is none."""
    from cxrview.app.controllers.worklist import Model

    if isinstance(state.model, NoModel | SearchingModels):
        return None
    return Model(str(state.model.entry.folder), state.asked.engine, state.asked.device)
