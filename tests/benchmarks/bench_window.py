"""How even the window runs while it works, and whether its memory stays flat; real threads, real files, the engine that ships as a fake.

Run: `QT_QPA_PLATFORM=offscreen python -m tests.benchmarks.bench_window {heartbeat,memory} [--files N] [--model ID|DIR]`.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from tests.benchmarks.witness import Span, Witness, explained_s

BEAT_MS = 20
LATE_MS = 100.0
# So many late beats are told one by one.
TOLD = 10
STEP_MS = 40
KINDS = 20
# How long one picture may take before the run is given up.
PATIENCE_S = 60.0


def films(folder: Path, count: int, side: int) -> Path:
    """Write this many pictures, of which every twentieth is alike but for its last pixel."""
    from cxrview.core.phantom import phantom

    folder.mkdir(parents=True)
    kinds = [phantom(seed, size=(side, side)).values for seed in range(KINDS)]
    for number in range(count):
        picture = np.array(kinds[number % KINDS])
        picture[-1, -1] = number % 4096
        cv2.imwrite(str(folder / f"film-{number:05d}.png"), picture.astype(np.uint16))
    return folder


def resident_mb(process: int = 0) -> float:
    """Give the memory that a process holds, this one by default, megabytes."""
    pages = int(Path(f"/proc/{process or 'self'}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


class Beats:
    """A timer of 20 ms, how late it came, and how much of that a witness beside it saw the machine itself stand still."""

    def __init__(self) -> None:
        from PySide6.QtCore import Qt, QTimer

        self.gaps_ms: list[float] = []
        self.spans: list[Span] = []
        # Of this thread alone: what the window itself did between two beats, however busy the machine is.
        self.work_ms: list[float] = []
        self._last, self._last_work = time.perf_counter(), time.thread_time()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(BEAT_MS)
        self._timer.timeout.connect(self._beat)
        self._witness: Witness | None = None

    def start(self) -> None:
        self.gaps_ms, self.work_ms, self.spans = [], [], []
        self._witness = Witness()
        self._last, self._last_work = time.perf_counter(), time.thread_time()
        self._timer.start()

    def stop(self) -> str:
        assert self._witness is not None
        self._timer.stop()
        account = self._witness.stop()
        stalls, by = account.stalls, "real-time clocks" if account.is_real_time else "clocks of the same class"
        own_ms = [1000 * (end - begin - explained_s(begin, end, stalls)) for begin, end in self.spans]
        longest = max((1000 * (end - begin) for begin, end in stalls), default=0.0)
        pairs = sorted(zip(self.gaps_ms, own_ms, strict=True), key=lambda pair: -pair[1])
        late = [f"{gap:.0f} ms, {own:.0f} without the standstill" for gap, own in pairs if gap > LATE_MS][:TOLD]
        return "\n  ".join(
            (
                f"all beats: {_told(self.gaps_ms)}",
                f"the machine stood still {len(stalls)} times, for {longest:.0f} ms at most (by {by}); without that: {_told(own_ms)}",
                *([f"late: {'; '.join(late)}"] if late else []),
                f"work of the window's own thread between beats: {_told(self.work_ms)}",
            )
        )

    def _beat(self) -> None:
        now, work = time.perf_counter(), time.thread_time()
        self.gaps_ms.append(1000 * (now - self._last))
        self.spans.append((self._last, now))
        self.work_ms.append(1000 * (work - self._last_work))
        self._last, self._last_work = now, work


def _told(times_ms: list[float]) -> str:
    ordered = sorted(times_ms)
    late = sum(time_ms > LATE_MS for time_ms in ordered)
    most = ordered[int(0.999 * len(ordered))]
    return (
        f"{len(ordered)} beats, median {statistics.median(ordered):.0f} ms, 99.9 % within {most:.0f} ms, "
        f"longest {ordered[-1]:.0f} ms, {late} over {LATE_MS:.0f} ms"
    )


def wait_until(is_done: Callable[[], bool], seconds: float) -> bool:
    """Let the window run until something holds or the time is over; tell whether it holds."""
    from PySide6.QtCore import QEventLoop, QTimer

    loop, timer = QEventLoop(), QTimer()
    ends = time.perf_counter() + seconds

    def look() -> None:
        if is_done() or time.perf_counter() > ends:
            loop.quit()

    timer.timeout.connect(look)
    timer.start(5)
    loop.exec()
    timer.stop()
    return is_done()


def heartbeat(program: object, folder: Path, model: str, seconds: float) -> None:
    """Measure the beats at rest, then while a folder is indexed, scored and scrolled."""
    from PySide6.QtCore import QTimer

    from cxrview.app.main import Options, Program
    from cxrview.app.state import ReadyModel, image_stepped

    assert isinstance(program, Program)
    beats = Beats()
    beats.start()
    wait_until(lambda: False, 5.0)
    print(f"at rest:    {beats.stop()}")
    store = program.store
    program.begin(Options((folder,), model))
    beats.start()
    wait_until(lambda: isinstance(store.state.model, ReadyModel) and bool(store.state.listing.shown), PATIENCE_S)
    print(f"opening:    {beats.stop()}")
    controllers = program.controllers
    scroll = QTimer()
    scroll.timeout.connect(lambda: store.apply(image_stepped, 1))
    scroll.start(STEP_MS)
    beats.start()

    def is_done() -> bool:
        """Tell whether all is indexed and scored; what was listed since scoring began is scored next."""
        state = store.state
        if state.batch is not None:
            return False
        is_scored = len(state.outcomes.by_ref) >= len(state.listing.shown)
        if not is_scored:
            controllers.scoring.score_all()
        return is_scored and state.browser.indexing is None

    wait_until(is_done, seconds)
    scroll.stop()
    print(f"under work: {beats.stop()}")
    print(f"{len(store.state.listing.shown)} listed, {len(store.state.outcomes.by_ref)} scored")


def memory(program: object, folder: Path, model: str, count: int) -> None:
    """Open the pictures one after another, each scored, and tell the memory on the way."""
    from cxrview.app.main import Options, Program
    from cxrview.app.state import LoadedPicture, image_stepped
    from cxrview.core.results import Analysis

    assert isinstance(program, Program)
    store = program.store
    program.begin(Options((folder,), model))

    def is_seen() -> bool:
        return isinstance(store.state.picture, LoadedPicture) and isinstance(store.state.reading, Analysis)

    base = 0.0
    for number in range(1, count + 1):
        if not wait_until(is_seen, PATIENCE_S):
            sys.exit(f"picture {number} was not seen in time")
        program.window.canvas.grab()
        if number == min(500, count // 2):
            base = resident_mb()
        if number % max(1, count // 10) == 0 or number == count:
            growth = f"  {100 * (resident_mb() / base - 1):+.1f} % since the first" if base else ""
            engine = f"; networks {resident_mb(program.engines.process_id):.0f} MB" if program.engines.process_id else ""
            print(f"{number:6d} pictures  {resident_mb():7.0f} MB{growth}{engine}", flush=True)
        store.apply(image_stepped, 1)


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("heartbeat", "memory"))
    parser.add_argument("--files", type=int, default=0, help="how many pictures (2000 for the heartbeat, 5000 for the memory)")
    parser.add_argument("--side", type=int, default=256, help="of a picture, px")
    parser.add_argument("--seconds", type=float, default=120.0, help="how long the work is watched at most")
    parser.add_argument("--model", default="", help="a model package; the fake one by default")
    options = parser.parse_args()
    count = options.files or (2000 if options.what == "heartbeat" else 5000)
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["CXRVIEW_BASEDIR"] = str(Path(scratch) / "base")
        from PySide6.QtWidgets import QApplication

        from cxrview.app import main as app_main
        from cxrview.app.opening import settle
        from cxrview.engine.choose import Choice
        from cxrview.engine.fake import FakePredictor, fake_package
        from cxrview.io.settings import Settings, save_settings

        save_settings(Settings(notice_accepted=True))
        folder = films(Path(scratch) / "films", count, options.side)
        model = options.model or str(fake_package(Path(scratch) / "fake").folder)
        if not options.model:
            app_main.open_predictor = lambda package, **_options: Choice(FakePredictor(package), ("for the measurement",))
        program = app_main.build(QApplication([]))
        settle(program.store)
        program.window.show()
        if options.what == "heartbeat":
            heartbeat(program, folder, model, options.seconds)
        else:
            memory(program, folder, model, count)
        program.close()


if __name__ == "__main__":
    main()
