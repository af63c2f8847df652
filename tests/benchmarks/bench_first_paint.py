"""Seconds from a fresh interpreter to the first painted window, against a bare window with docks and a toolbar, in one run.

Both find their modules compiled, as every start after the first does.

Run: `QT_QPA_PLATFORM=offscreen python -m tests.benchmarks.bench_first_paint [--rounds 7]`.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
BARE = """
import time
begun, worked = time.perf_counter(), time.process_time()
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QDockWidget, QListView, QMainWindow, QTextEdit, QToolBar, QTreeView
application = QApplication([])
window = QMainWindow()
bar = QToolBar("Tools", window)
for number in range(10):
    bar.addAction(f"Action {number}")
window.addToolBar(bar)
for area, view in ((Qt.DockWidgetArea.LeftDockWidgetArea, QTreeView()), (Qt.DockWidgetArea.RightDockWidgetArea, QListView())):
    dock = QDockWidget("Dock", window)
    dock.setWidget(view)
    window.addDockWidget(area, dock)
window.setCentralWidget(QTextEdit())
window.resize(1360, 860)
window.show()
window.grab()
print(time.perf_counter() - begun, time.process_time() - worked)
"""
OURS = """
import time
begun, worked = time.perf_counter(), time.process_time()
from cxrview.app.opening import build_front
from PySide6.QtWidgets import QApplication
application = QApplication([])
front = build_front(application)
front.window.show()
front.window.grab()
print(time.perf_counter() - begun, time.process_time() - worked)
"""


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds by the clock, and of processor time, which other work on the machine leaves as it is."""

    wall: float
    work: float


def took(script: str, base: str) -> Took:
    """Run a script in a fresh interpreter and give the times that it prints."""
    variables = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "CXRVIEW_BASEDIR": base, "PYTHONPYCACHEPREFIX": str(Path(base) / "compiled")}
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=variables, capture_output=True, text=True, check=True)
    wall, work = done.stdout.split()[-2:]
    return Took(float(wall), float(work))


def main() -> None:
    """Measure in turn, so that both meet the same machine, and print medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as base:
        from cxrview.io.settings import Settings, save_settings

        save_settings(Settings(notice_accepted=True), Path(base) / "config" / "settings.toml")
        for script in (BARE, OURS):
            took(script, base)
        pairs = [(took(BARE, base), took(OURS, base)) for _round in range(rounds)]
    for kind in ("wall", "work"):
        times = [(getattr(bare, kind), getattr(ours, kind)) for bare, ours in pairs]
        bare, ours = (1000 * statistics.median(each) for each in zip(*times, strict=True))
        ratio = statistics.median(ours / bare for bare, ours in times)
        print(f"{kind}: bare window {bare:4.0f} ms, cxrview {ours:4.0f} ms: {ratio:.2f} times the bare window")


if __name__ == "__main__":
    main()
