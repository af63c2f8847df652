"""First what a person sees: the window is painted before all that works behind it is imported and built."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

# Before Qt: its import hook reads the source of each module that is imported after it.
import cxrview.app.frames
import cxrview.app.marking
import cxrview.app.model_texts
import cxrview.app.row_texts
import cxrview.app.wishes  # noqa: F401

# isort: split
from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QFileOpenEvent
from PySide6.QtWidgets import QApplication

from cxrview.app.crash import CrashReporter
from cxrview.app.priority import favour_the_window, leave_the_old_alone
from cxrview.app.state import AppState, ReadyModel
from cxrview.app.store import Store
from cxrview.app.theme import system_theme
from cxrview.app.window import MainWindow
from cxrview.app.wishes import check_wishes, first_state
from cxrview.core.errors import SettingsError
from cxrview.io.places import places
from cxrview.io.settings import Settings, load_settings

if TYPE_CHECKING:
    from cxrview.app.main import Program


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for on the command line; an empty `model` leaves the choice to the settings."""

    paths: tuple[Path, ...] = ()
    model: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Front:
    """What is seen: the window in its first state, which nothing follows yet."""

    window: MainWindow
    store: Store
    crashes: CrashReporter
    settings: Settings


def main(argv: Sequence[str]) -> int:
    """Run the window with `[--model ID|DIR] [--] PATH ...` and give the exit status."""
    options = parse(argv)
    application = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(application, QApplication)
    application.setApplicationName("cxrview")
    front = build_front(application)
    front.crashes.install()
    backstage = _Backstage(front, options)
    if sys.platform == "darwin":
        asked = AskedBySystem(application)
        asked.path_asked.connect(backstage.open_later)
    # Queued: the first picture is on the screen before the rest is built.
    front.window.painted.connect(backstage.build, Qt.ConnectionType.QueuedConnection)
    front.window.show()
    status = application.exec()
    backstage.close()
    return status


def parse(argv: Sequence[str]) -> Options:
    """Read the arguments of the window."""
    parser = argparse.ArgumentParser(prog="cxrview", description="Open the window.")
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files, folders and ZIP archives to open")
    parser.add_argument("--model", default="", metavar="ID|DIR", help="the model to use")
    found = parser.parse_args(list(argv))
    return Options(tuple(Path(path).absolute() for path in found.paths), found.model)


def build_front(application: QApplication) -> Front:
    """Build the window; nothing is read from disk but the settings, and nothing heavy is imported."""
    where = places()
    settings, notice = _settings()
    store = Store(replace(first_state(settings, system_theme(application)), notice=notice))
    window = MainWindow(where.config_dir / "window.ini")
    window.render_first(store.state)
    return Front(window, store, CrashReporter(where.log_dir), settings)


def settle(store: Store) -> None:
    """Keep the window's thread from waiting for others: called once all is built, it acts again when the first model runs."""
    favour_the_window()
    leave_the_old_alone()

    def follow(state: AppState) -> None:
        if isinstance(state.model, ReadyModel):
            store.changed.disconnect(follow)
            leave_the_old_alone()

    store.changed.connect(follow)


class AskedBySystem(QObject):
    """Hears which files macOS wants opened: it tells a running program, where other systems start it with words."""

    path_asked = Signal(Path)
    """A file or folder to open."""

    def __init__(self, application: QApplication) -> None:
        """Listen from now on; Python then sees every event of the window, so that only macOS has one."""
        super().__init__(application)
        application.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Qt: take what is addressed to us, and let everything else pass."""
        if isinstance(event, QFileOpenEvent) and event.file():
            self.path_asked.emit(Path(event.file()))
            return True
        return super().eventFilter(watched, event)


class _Backstage(QObject):
    """Builds the program behind a window once that was painted, and takes it down."""

    def __init__(self, front: Front, options: Options) -> None:
        super().__init__()
        self._front = front
        self._options = options
        self._program: Program | None = None

    def build(self) -> None:
        """Import and build the rest, and begin with what was asked for."""
        from cxrview.app.main import build

        self._program = build(front=self._front)
        settle(self._front.store)
        self._program.begin(self._options)

    def open_later(self, path: Path) -> None:
        """Open one more file or folder, now or as soon as there is what opens it."""
        from cxrview.app.wiring import open_paths

        if self._program is None:
            self._options = replace(self._options, paths=(*self._options.paths, path))
        else:
            open_paths(self._program.controllers, (path,))

    def close(self) -> None:
        """Remember the person's wishes and take everything down; a window that was never painted has nothing behind it."""
        if self._program is not None:
            self._program.remembering.keep()
            self._program.close()
        else:
            self._front.crashes.remove()
            self._front.window.close()
            self._front.window.deleteLater()


def _settings() -> tuple[Settings, str]:
    try:
        settings = load_settings()
        check_wishes(settings)
        return settings, ""
    except SettingsError as error:
        return Settings(), f"The settings were not used. {error}"
