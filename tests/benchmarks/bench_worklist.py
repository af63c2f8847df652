"""How long the worklist keeps the thread of the window with 100,000 cases: `python -m tests.benchmarks.bench_worklist`, offscreen."""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from PySide6.QtWidgets import QApplication

from cxrview.app.cases import Case, Cases, case_of
from cxrview.app.state import AppState
from cxrview.app.views.worklist_panel import WorklistPanel
from cxrview.app.worklist import (
    ANY,
    Filter,
    Readings,
    ReadState,
    SortBy,
    StatusFilter,
    Worklist,
    blindness_toggled,
    case_stepped,
    cases_came,
    cases_opened,
    filter_chosen,
    next_unread,
    opinion_given,
    sort_chosen,
)
from cxrview.app.worklist_store import WorklistStore
from cxrview.batch.readings import Call, Opinion
from cxrview.batch.row import LabelScore, ModelName, ScoreRow, Status

LABELS = tuple(f"finding_{number}" for number in range(14))
MODEL = ModelName("m", "1", "0" * 64)
SIZE_PX = (1400, 420)
# A frame of a display of 60 Hz, for what goes on continuously; for what is asked for once, what a person takes for at once.
FRAME_MS, AT_ONCE_MS = 16.7, 100.0


def cases(count: int, first: int = 0) -> tuple[Case, ...]:
    """Make cases as a batch of fourteen labels gives them."""
    chance = random.Random(first)
    flags = ((), (), (), ("child",), ("unlike_training", "lungs_cut_off"))
    made = []
    for number in range(first, first + count):
        values = [chance.random() ** 3 for _ in LABELS]
        scores = tuple(LabelScore(label, value, 0.0, is_positive=value > 0.7) for label, value in zip(LABELS, values, strict=True))
        top = LABELS[values.index(max(values))]
        row = ScoreRow(
            f"ward {number % 40}/film {number}.dcm", 1, Status.OK, MODEL, flags=chance.choice(flags), top_label=top, scores=scores
        )
        made.append(case_of(row, LABELS, Path("/films") / row.path, ""))
    return tuple(made)


class Desk:
    """A panel that follows its store, as in the window."""

    def __init__(self, count: int) -> None:
        self.store, self.panel = WorklistStore(Worklist()), WorklistPanel()
        self.store.changed.connect(lambda state: self.panel.render_state(state, AppState()))
        self.panel.resize(*SIZE_PX)
        self.panel.show()
        self.store.apply(cases_opened, Path("/films/s.csv"), Cases(LABELS, cases(count)), Readings())
        self.paint()

    def paint(self) -> None:
        """Bring what changed to the screen."""
        QApplication.processEvents()
        self.panel.table.viewport().repaint()

    def timed(self, deed: Callable[[], object]) -> float:
        """Give the milliseconds of this thread until the deed is painted."""
        begun = time.thread_time()
        deed()
        self.paint()
        return 1000 * (time.thread_time() - begun)


def deeds(desk: Desk, times: int) -> Iterator[tuple[str, float, list[float]]]:
    """Do everything that a reader does; gives its name, what is allowed, and the milliseconds."""
    store, bar = desk.store, desk.panel.table.verticalScrollBar()
    apply = store.apply
    yield "scroll by three rows", FRAME_MS, [desk.timed(lambda: bar.setValue(bar.value() + 3)) for _ in range(times * 10)]
    yield "scroll by pages", FRAME_MS, [desk.timed(lambda at=at: bar.setValue(at * bar.maximum() // 60)) for at in range(60)]
    yield "next case", FRAME_MS, [desk.timed(lambda: apply(case_stepped, 1)) for _ in range(times * 5)]
    for by in SortBy:
        both = [desk.timed(lambda by=by, k=k: apply(sort_chosen, by, is_descending=bool(k % 2))) for k in range(times)]
        yield f"sort by {by}", AT_ONCE_MS, both
    apply(sort_chosen, SortBy.URGENCY, is_descending=True)
    for name, wanted in {
        "a letter of a name": Filter(text="ward 1"),
        "by finding": Filter(label=LABELS[3]),
        "by flag": Filter(flag="child"),
        "by status": Filter(status=StatusFilter.POSITIVE),
        "by reading": Filter(reading=ReadState.UNREAD),
    }.items():
        both = [desk.timed(lambda k=k, w=wanted: apply(filter_chosen, w if k % 2 else Filter(label=ANY))) for k in range(1, times + 1)]
        yield f"filter {name}", AT_ONCE_MS, both
    apply(filter_chosen, Filter())
    yield "say and go on", AT_ONCE_MS, [desk.timed(lambda: _say(store)) for _ in range(times)]
    yield "blind reading on, off", AT_ONCE_MS, [desk.timed(lambda: apply(blindness_toggled)) for _ in range(2 * (times // 2))]
    count = len(store.state.cases.all)
    lots = [cases(200, count + 200 * number) for number in range(times)]
    yield "200 cases arrive", AT_ONCE_MS, [desk.timed(lambda lot=lot: apply(cases_came, lot)) for lot in lots]


def _say(store: WorklistStore) -> None:
    store.apply(next_unread)
    case = store.state.cases.all[store.state.current]
    store.apply(opinion_given, case.key, replace(_OPINION, model_call=str(case.model_call)))


_OPINION = Opinion(Call.FINDING, is_blind=False, model_call="", note="", seconds=4.0, at="2026-01-01T00:00:00+00:00")


def main() -> int:
    """Print the table; the exit status is 1 when something takes longer than is allowed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=8)
    asked = parser.parse_args()
    application = QApplication.instance() or QApplication(sys.argv[:1])
    desk = Desk(asked.cases)
    is_good = True
    print(f"{asked.cases:,} cases, milliseconds of the window's thread")
    for name, allowed, found in deeds(desk, asked.times):
        middle, most = statistics.median(found), max(found)
        is_good &= middle <= allowed
        print(f"  {name:28} median {middle:7.1f}  most {most:7.1f}  allowed {allowed:5.1f}")
    desk.panel.close()
    del application
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
