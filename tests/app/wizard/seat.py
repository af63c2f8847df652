"""A person in front of the wizard, for tests."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton, QWidget
from pytestqt.qtbot import QtBot

from cxrview.app.tasks import Runner
from cxrview.app.wizard_wiring import Desk
from cxrview.io.places import places
from cxrview.training.compose import Plan, Route

SMALL = Plan(
    Route.RECIPE,
    changes=(
        "init=random",
        "architecture.name=cnn-pooled",
        "input.width=48",
        "input.height=48",
        "input.lung_crop=false",
        "fit.epochs=2",
        "fit.freeze_epochs=0",
        "fit.batch=8",
        "fit.precision=float32",
    ),
)
CHILD_MS = 240_000


class Seat:
    """The wizard's window, its state, and what was published and opened from it."""

    def __init__(self, qtbot: QtBot, runner: Runner) -> None:
        self._qtbot, self._runner = qtbot, runner
        self.parent = QWidget()
        qtbot.addWidget(self.parent)
        self.published: list[str] = []
        self.opened: list[object] = []
        self.desk = Desk(self.parent, runner, places().runs_dir, on_published=self.published.append, on_open=self.opened.extend)
        self.desk.open()
        assert self.desk.window is not None
        assert self.desk.store is not None
        self.window, self.store = self.desk.window, self.desk.store
        self.others: list[Seat] = []

    def another(self) -> Seat:
        """Sit down at another window on the same runs."""
        self.others.append(Seat(self._qtbot, self._runner))
        return self.others[-1]

    def click(self, name: str) -> None:
        """Click an enabled button."""
        button = self.window.findChild(QPushButton, name)
        assert button is not None
        assert button.isEnabled(), name
        self._qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    def wait(self, condition: Callable[[], object], timeout: int = 60_000) -> None:
        """Wait until something holds."""
        self._qtbot.waitUntil(lambda: bool(condition()), timeout=timeout)

    def leave(self) -> None:
        """Close; a run is done a moment before its process is."""
        for seat in (*self.others, self):
            assert seat.desk.runs is not None
            for child in seat.desk.runs.trainings:
                child.process.wait(60)
            seat.desk.close()
