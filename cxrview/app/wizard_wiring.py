"""Builds the training wizard when it is first opened, and ties its views to its controllers."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from cxrview.app.tasks import Runner

if TYPE_CHECKING:
    from cxrview.app.controllers.training_data import TrainingData
    from cxrview.app.controllers.training_runs import TrainingRuns
    from cxrview.app.controllers.training_verdict import TrainingVerdict
    from cxrview.app.views.wizard.window import WizardWindow
    from cxrview.app.wizard_store import WizardStore


class Desk:
    """The wizard and what is behind it; nothing of it is loaded before it is wanted."""

    def __init__(
        self,
        parent: QWidget,
        runner: Runner,
        runs_dir: Path,
        *,
        on_published: Callable[[str], None],
        on_open: Callable[[tuple[Path, ...]], None],
    ) -> None:
        """Tell `on_published` the id of a new model, and `on_open` the images that are to be shown in the main window."""
        self._parent = parent
        self._runner = runner
        self._runs_dir = runs_dir
        self._on_published = on_published
        self._on_open = on_open
        self.window: WizardWindow | None = None
        self.store: WizardStore | None = None
        self.runs: TrainingRuns | None = None
        self._guard: QObject | None = None
        self._kept: tuple[object, ...] = ()  # a connection to a method does not keep its object

    def open(self) -> None:
        """Show the wizard as it was left."""
        if self.window is None:
            self._build()
        assert self.window is not None
        assert self.runs is not None
        self.runs.open()
        self.window.show()
        self.window.raise_()
        self.window.activateWindow()

    def close(self) -> None:
        """Stop following the runs; what trains goes on training."""
        if self.runs is not None and self.store is not None and self.window is not None:
            self.runs.close()
            self.store.changed.disconnect()
            if self._guard is not None:
                self._parent.removeEventFilter(self._guard)
            self.window.hide()
            self.window.deleteLater()
            self.window = None

    def _build(self) -> None:
        from cxrview.app.controllers.training_data import TrainingData
        from cxrview.app.controllers.training_runs import TrainingRuns
        from cxrview.app.controllers.training_verdict import TrainingVerdict
        from cxrview.app.views.wizard.window import ClosingGuard, WizardWindow
        from cxrview.app.wizard import Wizard
        from cxrview.app.wizard_store import WizardStore
        from cxrview.training.compose import offered_packages, offered_recipes

        window = WizardWindow(self._parent)
        store = WizardStore(Wizard(can_train=all(importlib.util.find_spec(name) for name in ("torch", "lightning", "imagehash"))))
        data = TrainingData(store, self._runner)
        runs = TrainingRuns(store, self._runner, self._runs_dir)
        verdict = TrainingVerdict(store, self._runner, on_published=self._on_published, on_drawn=window.show_cases)
        recipes = tuple((title, name) for name, title in offered_recipes())
        window.model.offer(recipes, tuple((each.manifest.title, each.manifest.id) for each in offered_packages()))
        self.window, self.store, self.runs = window, store, runs
        self._kept = (data, verdict)
        self._guard = ClosingGuard(self._parent, window)
        _wire(window, store, data, runs, verdict)
        window.open_requested.connect(lambda path: self._on_open((path,)))
        window.render_state(store.state)


def _wire(window: WizardWindow, store: WizardStore, data: TrainingData, runs: TrainingRuns, verdict: TrainingVerdict) -> None:
    from cxrview.app.wizard import notice_given, page_opened, page_stepped

    store.changed.connect(window.render_state)
    store.changed.connect(data.follow)
    store.changed.connect(runs.follow)
    store.changed.connect(verdict.follow)
    window.page_chosen.connect(lambda page: store.apply(page_opened, page))
    window.step_requested.connect(lambda step: store.apply(page_stepped, step))
    window.notice_dismissed.connect(lambda: store.apply(notice_given, ""))
    window.mark_toggled.connect(verdict.mark)
    window.exclusion_toggled.connect(data.toggle_excluded)
    window.stop_training_chosen.connect(runs.stop_busy)
    window.data.place_added.connect(data.add_place)
    window.data.source_changed.connect(data.change_source)
    window.data.source_removed.connect(data.remove_source)
    window.data.scan_requested.connect(data.start_scan)
    window.data.scan_cancelled.connect(data.cancel_scan)
    window.data.choices_made.connect(data.choose)
    window.split.choices_made.connect(data.choose)
    window.look.plan_chosen.connect(runs.choose_plan)
    window.look.another_requested.connect(data.next_preview)
    window.model.plan_chosen.connect(runs.choose_plan)
    window.model.title_chosen.connect(runs.choose_title)
    window.model.estimate_requested.connect(runs.estimate)
    window.model.start_requested.connect(runs.start)
    window.train.run_chosen.connect(runs.show)
    window.train.pause_requested.connect(runs.pause)
    window.train.go_on_requested.connect(runs.go_on)
    window.train.stop_requested.connect(runs.stop)
    window.train.remove_requested.connect(runs.remove)
    window.judge.cell_opened.connect(verdict.open_cases)
    window.judge.sensitivity_chosen.connect(verdict.wanted_sensitivity)
    window.judge.elsewhere_chosen.connect(verdict.try_elsewhere)
    window.judge.corrections_wanted.connect(verdict.export_corrections)
    window.publish.publish_requested.connect(verdict.publish)
    window.publish.hand_on_requested.connect(verdict.hand_on)
