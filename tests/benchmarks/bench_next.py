"""Work of the window's own thread from the key for the next image, already read ahead, to its picture on the screen, in frames of 60 Hz.

Real threads, real files, the engine that ships as a fake. The second line adds what follows the picture: list, panel, heatmap, bookkeeping.

Run: `QT_QPA_PLATFORM=offscreen python -m tests.benchmarks.bench_next [--files 40] [--side 2500] [--library 2000]`.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

from tests.benchmarks.bench_window import films, wait_until

FRAME_MS = 1000.0 / 60.0
PATIENCE_S = 60.0
# What follows a picture has come to rest by then.
REST_S = 0.4


def main() -> None:
    """Step through a folder and print what a step costs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=40, help="pictures to step through")
    parser.add_argument("--side", type=int, default=2500, help="of a picture, px")
    parser.add_argument("--library", type=int, default=2000, help="small pictures that the list holds besides")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["CXRVIEW_BASEDIR"] = str(Path(scratch) / "base")
        folder = Path(scratch) / "films"
        films(folder / "a", options.files, options.side)
        films(folder / "b", options.library, 64)
        first, all_ms = steps(folder, Path(scratch) / "fake", options.files - 2)
    for name, values in (("picture on the screen", first), ("with what follows", all_ms)):
        ordered = sorted(values)
        told = f"median {statistics.median(ordered):.1f} ms, longest {ordered[-1]:.1f} ms"
        print(
            f"{name:22} {told}: {statistics.median(ordered) / FRAME_MS:.2f} and {ordered[-1] / FRAME_MS:.2f} frames ({len(ordered)} steps)"
        )


def steps(folder: Path, model: Path, count: int) -> tuple[list[float], list[float]]:
    """Give milliseconds of the main thread's own time for each step, until its picture is painted and until all is at rest."""
    from PySide6.QtWidgets import QApplication

    from cxrview.app import main as app_main
    from cxrview.app.main import Options
    from cxrview.app.opening import settle
    from cxrview.app.state import LoadedPicture, ReadyModel, image_stepped, neighbours
    from cxrview.core.results import Analysis
    from cxrview.engine.choose import Choice
    from cxrview.engine.fake import FakePredictor, fake_package
    from cxrview.io.settings import Settings, save_settings

    save_settings(Settings(notice_accepted=True))
    app_main.open_predictor = lambda package, **_options: Choice(FakePredictor(package), ("for the measurement",))
    program = app_main.build(QApplication([]))
    settle(program.store)
    program.window.resize(1600, 1000)
    program.window.show()
    store, pictures = program.store, program.controllers.pictures
    program.begin(Options((folder,), str(fake_package(model).folder)))
    wait_until(lambda: isinstance(store.state.model, ReadyModel) and store.state.browser.indexing is None, PATIENCE_S)

    def is_ahead() -> bool:
        state = store.state
        is_read = all(pictures.kept(ref) is not None for ref in neighbours(state))
        return is_read and isinstance(state.picture, LoadedPicture) and isinstance(state.reading, Analysis)

    seen_ms, rested_ms = [], []
    for _step in range(count):
        wait_until(is_ahead, PATIENCE_S)
        wait_until(lambda: False, REST_S)
        begun = time.thread_time()
        store.apply(image_stepped, 1)
        assert isinstance(store.state.picture, LoadedPicture)
        program.window.canvas.repaint()
        seen_ms.append(1000 * (time.thread_time() - begun))
        wait_until(lambda: False, REST_S)
        rested_ms.append(1000 * (time.thread_time() - begun))
    program.close()
    return seen_ms, rested_ms


if __name__ == "__main__":
    main()
