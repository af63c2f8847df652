"""What happens when something happens that nobody foresaw: a local report and one sentence, and the window stays."""

from __future__ import annotations

import logging
import platform
import sys
import threading
import traceback
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType

from PySide6 import __version__ as pyside_version
from PySide6.QtCore import QObject, Signal, qVersion

from cxrview import __version__

MAX_REPORTS = 50
LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CrashReport:
    """One report.

    Attributes:
        kind: of error. text: what is in the report.
        path: where it lies; None when it could not be written.
    """

    kind: str
    text: str
    path: Path | None


class CrashReporter(QObject):
    """Writes reports of unexpected errors into the log folder; may be called on any thread, tells on the main one."""

    reported = Signal(str)
    """A report was written. Parameters: sentence for the person (str)."""
    described = Signal(object)
    """The same, when it is the first of its kind since the program began. Parameters: report (CrashReport)."""

    def __init__(self, log_dir: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._log_dir = log_dir
        self._told: set[str] = set()
        self._process_hook = sys.excepthook
        self._thread_hook = threading.excepthook

    def install(self) -> None:
        """Hear of every error that nothing else caught in this process."""
        self._process_hook, self._thread_hook = sys.excepthook, threading.excepthook
        sys.excepthook = self._on_process_error
        threading.excepthook = self._on_thread_error

    def remove(self) -> None:
        """Give the hooks back."""
        sys.excepthook, threading.excepthook = self._process_hook, self._thread_hook

    def report(self, error: BaseException) -> None:
        """Write a report and tell."""
        LOG.debug("unexpected error", exc_info=error)
        kind, text = type(error).__name__, report_text(error)
        path: Path | None = None
        try:
            path = write_report(error, self._log_dir)
            self.reported.emit(f"An unexpected error happened ({kind}). A report is in {path}.")
        except OSError:
            self.reported.emit(f"An unexpected error happened ({kind}); the report could not be written.")
        if text not in self._told:
            self._told.add(text)
            self.described.emit(CrashReport(kind, text, path))

    def _on_process_error(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            self._process_hook(kind, error, trace)
            return
        self.report(error)

    def _on_thread_error(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            self.report(args.exc_value)


def write_report(error: BaseException, log_dir: Path) -> Path:
    """Write what is needed to mend the error, and nothing of the person's files: code places and types, no messages or values."""
    log_dir.mkdir(parents=True, exist_ok=True)
    for old in sorted(log_dir.glob("crash-*.txt"))[: -MAX_REPORTS + 1]:
        old.unlink(missing_ok=True)
    path = log_dir / f"crash-{datetime.now():%Y%m%d-%H%M%S-%f}.txt"
    path.write_text(report_text(error), encoding="utf-8")
    return path


def report_text(error: BaseException) -> str:
    """Describe the error and the program; messages are left out because they may hold names of patients and paths."""
    versions = f"cxrview {__version__}, Python {platform.python_version()}, PySide6 {pyside_version}, Qt {qVersion()}"
    lines = [versions, platform.platform(), ""]
    cause: BaseException | None = error
    while cause is not None:
        lines.append(type(cause).__qualname__)
        lines += [f"  {_inside(frame.filename)}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(cause.__traceback__)]
        cause = cause.__cause__ or cause.__context__
    return "\n".join(lines) + "\n"


def _inside(filename: str) -> str:
    """Keep the part of a file name that says where in the program it is, not where the program is."""
    return "/".join(Path(filename).parts[-3:])
