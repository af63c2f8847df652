"""However many images are opened, what is kept of them stays bounded."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from cxrview.app import main as app_main
from cxrview.app.main import Options, Program, build
from cxrview.app.state import LoadedPicture, cache_chosen, image_stepped
from cxrview.core.phantom import phantom
from cxrview.core.results import Analysis
from cxrview.engine.choose import Choice
from cxrview.engine.fake import FakePredictor, fake_package
from cxrview.io.settings import Settings, save_settings

FILMS = 24
# A picture of this side and its pyramid take half a megabyte.
SIDE = 600
CACHE_MB = 2


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, qtbot: QtBot) -> Iterator[Program]:
    """The program, which may keep four pictures and no answer."""
    save_settings(Settings(notice_accepted=True, answers_mb=0))
    monkeypatch.setattr(app_main, "open_predictor", lambda package, **_options: Choice(FakePredictor(package), ("asked for",)))
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    made = build(application)
    made.store.apply(cache_chosen, CACHE_MB)
    made.window.show()
    yield made
    made.close()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def alive(kind: type) -> int:
    gc.collect()
    return sum(issubclass(type(item), kind) for item in gc.get_objects())  # isinstance would ask objects that warn when they are touched


def test_pictures_and_answers_of_images_left_behind_are_let_go(program: Program, tmp_path: Path, qtbot: QtBot) -> None:
    folder = tmp_path / "films"
    folder.mkdir()
    film = phantom(1, size=(SIDE, SIDE), bits=8).values
    for number in range(FILMS):
        cv2.imwrite(str(folder / f"{number:02d}.png"), np.maximum(film, np.uint8(number)))
    store = program.store

    def is_seen() -> bool:
        return isinstance(store.state.picture, LoadedPicture) and isinstance(store.state.reading, Analysis)

    before = (alive(LoadedPicture), alive(Analysis))
    program.begin(Options((folder,), str(fake_package(tmp_path / "fake").folder)))
    qtbot.waitUntil(lambda: len(store.state.listing.shown) == FILMS and store.state.browser.indexing is None, timeout=20_000)
    counts = []
    for number in range(FILMS):
        qtbot.waitUntil(is_seen, timeout=20_000)
        program.window.canvas.grab()
        if number in (FILMS // 2, FILMS - 1):
            counts.append((alive(LoadedPicture) - before[0], alive(Analysis) - before[1]))
        store.apply(image_stepped, 1)
    # The shown one, four in the cache, and what a lane has in its hands.
    assert max(pictures for pictures, _answers in counts) <= 8
    assert max(answers for _pictures, answers in counts) <= 6
