"""How long the wizard's first pages take for very many files, how much memory, and whether the window stays awake meanwhile.

Run: `QT_QPA_PLATFORM=offscreen python -m tests.benchmarks.bench_wizard_scan [--files N] [--folder KEPT] [--without-gate]`.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from unittest import mock

from tests.benchmarks.bench_window import Beats, resident_mb, wait_until
from tests.training.many import many_films

GATE = "cxrview.app.controllers.training_data.open_gate"
PATIENCE_S = 4 * 3600.0


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench_wizard_scan")
    parser.add_argument("--files", type=int, default=200_000)
    parser.add_argument("--without-gate", action="store_true", help="as where no gate network is installed")
    parser.add_argument("--folder", type=Path, help="where the films are kept for another run")
    asked = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as place:
        os.environ["CXRVIEW_BASEDIR"] = str(Path(place) / "basedir")
        films = asked.folder or Path(place) / "films"
        if not films.is_dir():
            many_films(films, asked.files)
        with mock.patch(GATE, return_value=None) if asked.without_gate else nullcontext():
            _measure(films, Path(place) / "runs")
    return 0


def _measure(films: Path, runs: Path) -> None:
    from PySide6.QtWidgets import QApplication, QWidget

    from cxrview.app.tasks import ThreadRunner
    from cxrview.app.wizard import Page
    from cxrview.app.wizard_wiring import Desk

    application = QApplication.instance() or QApplication(sys.argv[:1])  # kept as long as its windows
    runner, parent = ThreadRunner(), QWidget()
    desk = Desk(parent, runner, runs, on_published=lambda _id: None, on_open=lambda _paths: None)
    desk.open()
    assert desk.window is not None
    assert desk.store is not None
    window, store, beats = desk.window, desk.store, Beats()

    def wait(what: str, has_come: Callable[[], object]) -> None:
        began, cpu = time.perf_counter(), time.process_time()
        beats.start()
        if not wait_until(lambda: bool(has_come() or store.state.notice), PATIENCE_S):
            raise TimeoutError(what)
        told = beats.stop() if beats.gaps_ms else "-"
        seconds = time.perf_counter() - began
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
        cpu = time.process_time() - cpu
        print(f"{what}: {seconds:.1f} s, {cpu:.0f} s of processor time; memory {resident_mb():.0f} MB, most {most:.0f} MB", flush=True)
        print(f"  window: {told}", flush=True)

    window.data.place_added.emit(films)
    wait("place", lambda: store.state.sources)
    window.data.scan_requested.emit()
    wait("scan", lambda: store.state.data_set is not None or store.state.data_problem)
    state = store.state
    assert state.scan is not None
    found = {str(problem): len(rows) for problem, rows in state.problems.items() if rows}
    print(f"{len(state.scan.seen)} images seen; {found}; {state.data_problem}", flush=True)
    for page, has_come in (
        (Page.SPLIT, lambda: store.state.confounding is not None),
        (Page.LOOK, lambda: store.state.look is not None and store.state.preview is not None),
    ):
        window.page_chosen.emit(page)
        wait(f"page {page}", has_come)
    window.data.choices_made.emit(state.choices.__class__(seed=2, distance=state.choices.distance))
    old = store.state.data_set
    wait("splitting again", lambda: store.state.data_set is not old)
    print(store.state.notice)
    desk.close()
    runner.close()
    application.quit()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
