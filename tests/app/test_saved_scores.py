"""Scores go to the library with the image that is shown, so that lists can be sorted by them."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np

from cxrview.app.browser import BrowserMode
from cxrview.app.browsing import mode_chosen, sort_chosen
from cxrview.app.controllers.answering import Memory, save_answer
from cxrview.app.controllers.kept import Kept
from cxrview.app.controllers.models import Models
from cxrview.app.controllers.pictures import Pictures
from cxrview.app.controllers.scoring import Scoring
from cxrview.app.controllers.shelf import Shelf
from cxrview.app.controllers.studies import Studies
from cxrview.app.state import AppState
from cxrview.app.store import Store
from cxrview.app.tasks import InlineRunner
from cxrview.engine.choose import Choice
from cxrview.engine.fake import FakePredictor, fake_package
from cxrview.library.records import Sort


def scores_of(folder: Path, films: Path, package: Path) -> dict[str, float | None]:
    """Run a session that scores all; give what the library knows of each afterwards, best first."""
    store, runner = Store(AppState()), InlineRunner()
    shelf = Shelf(store, runner, folder / "library.sqlite3")
    memory = Memory(
        Kept(8), lambda: shelf.library, lambda ref, answer: shelf.ask(f"save {ref}", lambda library: save_answer(ref, answer, library))
    )
    models = Models(store, runner, opener=lambda made, _asked: Choice(FakePredictor(made), ()))
    studies, pictures = Studies(store, shelf, folder), Pictures(store, runner)
    scoring = Scoring(store, runner, lambda: models.session, memory, pictures.kept)
    for controller in (studies, pictures, scoring):
        store.changed.connect(controller.follow)
    shelf.open()
    models.refresh(str(package))
    studies.open_paths([films])
    scoring.score_all()
    store.apply(mode_chosen, BrowserMode.PICTURES)
    store.apply(sort_chosen, Sort.SCORE)
    assert shelf.library is not None
    rows = shelf.library.images(store.state.listing.ids)
    scoring.cancel_all()
    models.close()
    shelf.close()
    return {row.ref.path.stem: row.top_score for row in rows}


def test_the_list_is_sorted_by_scores_that_were_seen_and_a_copy_takes_those_of_its_picture(tmp_path: Path) -> None:
    films, package = tmp_path / "films", fake_package(tmp_path / "fake").folder
    films.mkdir()
    for number in range(4):
        cv2.imwrite(str(films / f"{number}.png"), np.random.default_rng(number).integers(0, 255, (96, 80)).astype(np.uint8))
    seen = scores_of(tmp_path / "data", films, package)
    known = [score for score in seen.values() if score is not None]
    assert len(known) == 4
    assert known == sorted(known, reverse=True)
    copies = tmp_path / "copies"
    shutil.copytree(films, copies)
    again = scores_of(tmp_path / "data", copies, package)
    assert again == seen
