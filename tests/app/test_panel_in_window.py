"""The panel's tools in the whole window, with real threads: covering, two models, remembered answers after a restart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, Qt
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from cxrview.app import main as app_main
from cxrview.app.cells import cell_states
from cxrview.app.covering import changes_of
from cxrview.app.main import Options, Program, build
from cxrview.app.state import AppState, Layout, RecalledAnalysis, layer_toggled
from cxrview.core.results import Analysis
from cxrview.engine.choose import Choice
from cxrview.engine.fake import FakePredictor, fake_package
from cxrview.engine.packages import Package, add_package
from cxrview.io.settings import Settings, save_settings

RUNS: list[int] = []


class CountingPredictor(FakePredictor):
    """Counts what it runs, in whatever session."""

    def run(self, batch):  # type: ignore[no-untyped-def]
        RUNS.append(len(batch))
        return super().run(batch)


@pytest.fixture
def begun(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path, str], Program]]:
    """Give a function that starts the program on films with a model, after taking down the one before."""
    RUNS.clear()
    save_settings(Settings(notice_accepted=True))
    monkeypatch.setattr(app_main, "open_predictor", lambda package, **_options: Choice(CountingPredictor(package), ()))
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    programs: list[Program] = []

    def begin(films: Path, model: str) -> Program:
        while programs:
            programs.pop().close()
        programs.append(build(application))
        programs[-1].window.show()
        programs[-1].begin(Options((films,), model))
        return programs[-1]

    yield begin
    for program in programs:
        program.close()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def films(tmp_path: Path) -> Path:
    folder = tmp_path / "films"
    folder.mkdir()
    for number in range(4):
        picture = np.random.default_rng(number).integers(0, 255, (128, 128)).astype(np.uint8)
        cv2.imwrite(str(folder / f"film-{number}.png"), picture)
    return folder


@pytest.fixture
def models(tmp_path: Path) -> tuple[Package, Package]:
    """Two installed models."""
    made = tuple(add_package(fake_package(tmp_path / name, model_id=name, seed=seed).folder) for seed, name in enumerate(("one", "two")))
    return made[0], made[1]


def is_whole(state: AppState) -> bool:
    return isinstance(state.reading, Analysis) and not isinstance(state.reading, RecalledAnalysis)


def test_a_spot_is_covered_with_key_and_click_and_uncovered_with_undo(begun, films: Path, models: object, qtbot: QtBot) -> None:  # type: ignore[no-untyped-def]
    program = begun(films, "one")
    qtbot.waitUntil(lambda: is_whole(program.store.state), timeout=20_000)
    canvas = program.window.canvas
    canvas.setFocus()
    qtbot.keyClick(canvas, Qt.Key.Key_X)
    assert program.store.state.cover.is_on
    assert program.window.model_panel.findChild(QPushButton, "coverSpot").isChecked()
    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=canvas.rect().center())
    qtbot.waitUntil(lambda: bool(changes_of(program.store.state)), timeout=20_000)
    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=canvas.rect().center() + QPoint(30, 10))
    assert len(program.store.state.cover.spots) == 2
    program.window.mark_menu.undo.trigger()
    assert len(program.store.state.cover.spots) == 1
    qtbot.keyClick(canvas, Qt.Key.Key_Escape)
    assert not program.store.state.cover.is_on


def test_two_models_read_and_four_places_are_scored(begun, films: Path, models: tuple[Package, Package], qtbot: QtBot) -> None:  # type: ignore[no-untyped-def]
    program = begun(films, "one")
    qtbot.waitUntil(lambda: is_whole(program.store.state), timeout=20_000)
    other = next(entry for entry in program.store.state.models if entry.id == "two")
    program.window.model_panel.comparison.second_chosen.emit(other)
    qtbot.waitUntil(lambda: isinstance(program.store.state.second.reading, Analysis), timeout=20_000)
    program.window.layout_menu.layout_chosen.emit(Layout.FOUR)
    qtbot.waitUntil(lambda: all(is_whole(place) for place in cell_states(program.store.state)), timeout=20_000)
    assert len({id(place.reading) for place in cell_states(program.store.state)}) == 4


def test_after_a_restart_the_library_answers_before_the_model(begun, films: Path, models: object, qtbot: QtBot) -> None:  # type: ignore[no-untyped-def]
    first = begun(films, "one")
    qtbot.waitUntil(lambda: is_whole(first.store.state), timeout=20_000)
    told = first.store.state.reading
    assert isinstance(told, Analysis)
    first.window.actions_.score_all.trigger()
    qtbot.waitUntil(lambda: len(first.store.state.outcomes.by_ref) == 4 and first.store.state.batch is None, timeout=20_000)
    runs = len(RUNS)
    second = begun(films, "one")
    second.store.apply(layer_toggled)  # nothing that needs a network is to be seen
    qtbot.waitUntil(lambda: isinstance(second.store.state.reading, RecalledAnalysis), timeout=20_000)
    recalled = second.store.state.reading
    assert isinstance(recalled, RecalledAnalysis)
    assert recalled.findings == told.findings
    assert len(RUNS) == runs
    second.window.actions_.heatmap.trigger()
    qtbot.waitUntil(lambda: is_whole(second.store.state), timeout=20_000)
    assert len(RUNS) > runs
